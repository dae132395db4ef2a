#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "store/imap_store.h"

/* ---- one command about some messages ---- */

static bool step_untagged(
	struct imap_link *link, void *who, const struct imap_reply *reply, struct error *err);
static bool step_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err);

/* MOVE tells COPYUID before its tagged reply, COPY with it (RFC 6851, section 4.3). */
static void note_copied(struct imap_step *step, const struct imap_condition *c)
{
	if (c->code == CODE_COPYUID)
		step->mapped = seqset_parse(&step->from, c->from->text, c->from->len) &&
			       seqset_parse(&step->to, c->to->text, c->to->len);
	if (c->code == CODE_MODIFIED && !seqset_parse(&step->modified, c->to->text, c->to->len))
		step->modified.n = 0;
}

static bool step_untagged(
	struct imap_link *link, void *who, const struct imap_reply *reply, struct error *err)
{
	struct imap_step *step = who;
	imap_open_note(step->open, reply);
	if (reply->kind == REPLY_CONDITION)
		note_copied(step, &reply->condition);
	if ((reply->kind == REPLY_SEARCH || reply->kind == REPLY_ESEARCH) &&
		!imap_reply_numbers(&reply->found, &step->found))
		return imap_link_broken(link, err, "a search finds more than there can be");
	return true;
}

static bool step_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *c, struct error *err)
{
	struct imap_step *step = who;
	(void)link;
	(void)tag;
	(void)err;
	note_copied(step, c);
	seqset_sort(&step->modified);
	if (c->verdict != VERDICT_OK)
		imap_refused(&step->failed, ERROR_MESSAGE, c, "cannot change it");
	step->done = true;
	return true;
}

static struct imap_step *new_step(struct imap_open *open, struct arena *arena)
{
	struct imap_step *step = arena_alloc(arena, sizeof *step);
	step->open = open;
	seqset_init(&step->from, arena);
	seqset_init(&step->to, arena);
	seqset_init(&step->modified, arena);
	seqset_init(&step->found, arena);
	return step;
}

bool imap_apply_each(struct imap_link *link, struct imap_open *open, struct arena *arena,
	struct imap_change **changes, size_t n, const char *before, const char *after,
	const char *name, struct imap_step **steps, struct error *err)
{
	static const struct imap_reaction reaction = {step_untagged, step_done, NULL};
	struct imap_lines *lines = arena_alloc(arena, sizeof *lines);
	imap_lines_begin(lines, arena);
	for (size_t i = 0; i < n; i++)
		imap_lines_add(lines, changes[i]->uid);
	while (imap_lines_next(lines)) {
		struct imap_step *step = new_step(open, arena);
		struct imap_command c;
		step->at = changes + lines->first;
		step->n = lines->n;
		step->next = *steps;
		*steps = step;
		imap_command_init(&c, imap_names_utf8(link));
		imap_command_words(&c, "%s%s%s", before, lines->text, after);
		if (name != NULL)
			imap_command_string(&c, name);
		bool ok = imap_link_command(link, &reaction, step, &c, err);
		imap_command_finish(&c);
		if (!ok)
			return false;
	}
	return true;
}

bool imap_apply_wait(struct imap_link *link, const struct imap_step *steps, struct error *err)
{
	for (; steps != NULL; steps = steps->next)
		if (!imap_link_wait(link, &steps->done, err))
			return false;
	return true;
}

/* ---- changes in order ---- */

static void fail(struct imap_change *c, const struct error *failed)
{
	if (c->over)
		return;
	c->outcome.error = *failed;
	c->over = true;
}

static void fail_all(struct imap_batch *b, const struct error *failed)
{
	for (size_t i = 0; i < b->n; i++)
		fail(&b->at[i], failed);
}

static void fail_refused(const struct imap_step *steps)
{
	for (; steps != NULL; steps = steps->next)
		for (size_t i = 0; steps->failed.scope != ERROR_NONE && i < steps->n; i++)
			fail(steps->at[i], &steps->failed);
}

/* Equal changes side by side, each run of them by UID. */
static int by_change(const void *a, const void *b)
{
	const struct imap_change *x = *(struct imap_change *const *)a;
	const struct imap_change *y = *(struct imap_change *const *)b;
	int to = x->to != NULL && y->to != NULL ? strcmp(x->to, y->to) : 0;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->add != y->add)
		return x->add < y->add ? -1 : 1;
	if (x->remove != y->remove)
		return x->remove < y->remove ? -1 : 1;
	return to != 0 ? to : (x->uid > y->uid) - (x->uid < y->uid);
}

static bool is_same(const struct imap_change *x, const struct imap_change *y)
{
	return x->kind == y->kind && x->add == y->add && x->remove == y->remove &&
	       (x->to == NULL || strcmp(x->to, y->to) == 0);
}

static int by_uid(const void *a, const void *b)
{
	const struct imap_change *x = *(struct imap_change *const *)a;
	const struct imap_change *y = *(struct imap_change *const *)b;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

static struct imap_change **all_of(struct imap_batch *b, struct arena *arena)
{
	struct imap_change **all = arena_alloc(arena, b->n * sizeof *all);
	for (size_t i = 0; i < b->n; i++)
		all[i] = &b->at[i];
	return all;
}

/* Those that are not over. */
static size_t keep_open(struct imap_change **at, size_t n)
{
	size_t to = 0;
	for (size_t i = 0; i < n; i++)
		if (!at[i]->over)
			at[to++] = at[i];
	return to;
}

/* ---- flags ---- */

static bool is_storable(const char *keyword, void *context)
{
	const struct imap_open *open = context;
	if (!imap_command_is_atom(keyword))
		return false;
	if (!open->told_flags || open->new_keywords)
		return true;
	for (size_t i = 0; i < open->keywords; i++)
		if (ascii_compare(open->keyword[i], keyword) == 0)
			return true;
	return false;
}

static bool all_storable(struct imap_open *open, const struct flag_table *table, flag_set set)
{
	size_t n = 0;
	const char *const *keyword = flags_keywords(table, set, &n);
	for (size_t i = 0; i < n; i++)
		if (!is_storable(keyword[i], open))
			return false;
	return true;
}

/* " +FLAGS.SILENT (...)"; NULL = there is nothing in it that this mailbox can hold. */
static const char *store_words(struct imap_open *open, const char *sign,
	const struct flag_table *table, flag_set set, struct arena *arena)
{
	struct imap_command c;
	imap_command_init(&c, false);
	imap_command_flags(&c, table, set, is_storable, open);
	const char *words =
		c.text.len == 0 ? NULL
				: arena_printf(arena, " %sFLAGS.SILENT (%s)", sign, c.text.data);
	imap_command_finish(&c);
	return words;
}

static bool mark(struct imap_link *link, struct imap_open *open, struct arena *arena,
	struct imap_change **at, size_t n, struct imap_step **steps, struct error *err)
{
	const struct imap_change *c = at[0];
	const char *add = store_words(open, "+", c->flags, c->add, arena);
	const char *remove = store_words(open, "-", c->flags, c->remove, arena);
	if (!all_storable(open, c->flags, c->add))
		for (size_t i = 0; i < n; i++)
			at[i]->outcome.held = flags_system(c->flags, c->add);
	return (add == NULL || imap_apply_each(link, open, arena, at, n, "UID STORE ", add, NULL,
				       steps, err)) &&
	       (remove == NULL || imap_apply_each(link, open, arena, at, n, "UID STORE ", remove,
					  NULL, steps, err));
}

/* ---- copies ---- */

static bool copy(struct imap_link *link, struct imap_open *open, struct arena *arena,
	struct imap_change **at, size_t n, struct imap_step **steps, struct error *err)
{
	bool moves = at[0]->kind == CHANGE_MOVE && session_has(link->wire, CAP_MOVE);
	struct error here = {0};
	const char *wire = imap_names_wire(link, at[0]->to, arena, &here);
	if (wire == NULL && here.scope > ERROR_MAILBOX) {
		*err = here;
		return false;
	}
	for (size_t i = 0; wire == NULL && i < n; i++)
		fail(at[i], &here);
	const struct imap_step *before = *steps;
	bool ok = wire == NULL || imap_apply_each(link, open, arena, at, n,
					  moves ? "UID MOVE " : "UID COPY ", " ", wire, steps, err);
	for (struct imap_step *s = *steps; s != before; s = s->next)
		s->copies = true;
	return ok;
}

static struct imap_change *find(struct imap_step *steps, uint32_t uid)
{
	struct imap_change key = {.uid = uid}, *wanted = &key, **at = NULL;
	for (; steps != NULL && at == NULL; steps = steps->next)
		if (steps->copies)
			at = bsearch(&wanted, steps->at, steps->n, sizeof *steps->at, by_uid);
	return at == NULL ? NULL : *at;
}

/*
 * Both sets have as many numbers, in the order of the copies (RFC 4315, section 3).  A MOVE's may
 * come while the command before it has not ended, so it is looked up in all of them; one more than
 * there are changes was not meant for us.
 */
static void take_keys(struct imap_step *steps, size_t most, struct arena *arena)
{
	for (struct imap_step *s = steps; s != NULL; s = s->next) {
		struct seqwalk from = seqset_walk(&s->from), to = seqset_walk(&s->to);
		uint32_t uid;
		for (size_t i = 0; s->mapped && i < most && (uid = seqset_next(&from)) != 0; i++) {
			struct imap_change *c = find(s, uid);
			uint32_t copied = seqset_next(&to);
			if (c == NULL)
				c = find(steps, uid);
			if (c != NULL && copied != 0)
				c->outcome.key = imap_key(copied, arena);
		}
	}
}

/* ---- a batch ---- */

static bool begin(
	struct imap_link *link, struct imap_batch *b, struct arena *arena, struct error *err);

/* Whether messages are still to be removed once all others are changed. */
static bool removes(const struct imap_link *link, struct imap_change **at, size_t n)
{
	bool by_hand = !session_has(link->wire, CAP_MOVE);
	for (size_t i = 0; i < n; i++)
		if (at[i]->kind == CHANGE_EXPUNGE || (at[i]->kind == CHANGE_MOVE && by_hand))
			return true;
	return false;
}

/* Every run of equal changes, in the order of their kinds: nothing goes before all is safe. */
static bool apply_runs(struct imap_link *link, struct imap_open *open, struct imap_batch *next,
	struct arena *arena, struct imap_change **at, size_t n, struct error *err)
{
	struct imap_step *steps = NULL;
	bool ok = true, last = !removes(link, at, n);
	qsort(at, n, sizeof *at, by_change);
	for (size_t i = 0, end; ok && i < n && at[i]->kind != CHANGE_EXPUNGE; i = end) {
		for (end = i + 1; end < n && is_same(at[i], at[end]); end++)
			;
		ok = at[i]->kind == CHANGE_MARK
			     ? mark(link, open, arena, at + i, end - i, &steps, err)
			     : copy(link, open, arena, at + i, end - i, &steps, err);
	}
	if (ok && last && next != NULL)
		ok = begin(link, next, arena, err);
	if (!ok || !imap_apply_wait(link, steps, err))
		return false;
	fail_refused(steps);
	take_keys(steps, n, arena);
	return true;
}

/* Expunges; and what was copied where MOVE is not known, to have it moved. */
static bool apply_removals(struct imap_link *link, struct imap_open *open, struct imap_batch *b,
	struct arena *arena, struct error *err)
{
	struct imap_change **at = all_of(b, arena);
	size_t n = 0, moved = 0;
	bool by_hand = !session_has(link->wire, CAP_MOVE);
	qsort(at, b->n, sizeof *at, by_uid);
	struct imap_change **copied = arena_alloc(arena, b->n * sizeof *copied);
	for (size_t i = 0; i < b->n; i++) {
		if (at[i]->over)
			continue;
		if (at[i]->kind == CHANGE_MOVE && by_hand)
			copied[moved++] = at[i];
		else if (at[i]->kind == CHANGE_EXPUNGE)
			at[n++] = at[i];
	}
	return imap_expunge_all(link, open, 0, copied, moved, arena, err) &&
	       imap_expunge_all(link, open, b->modseq, at, n, arena, err);
}

/* Which of them are there: those that are not were removed by somebody else. */
static bool look(struct imap_link *link, struct imap_open *open, struct imap_batch *b,
	struct imap_change **at, struct arena *arena, struct imap_step **steps, struct error *err)
{
	bool extended = session_has(link->wire, CAP_ESEARCH);
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (b->at[i].uid == 0)
			b->at[i].over = b->at[i].outcome.gone_already = true;
		else
			at[n++] = &b->at[i];
	}
	qsort(at, n, sizeof *at, by_uid);
	return imap_apply_each(link, open, arena, at, n,
		extended ? "UID SEARCH RETURN (ALL) UID " : "UID SEARCH UID ", "", NULL, steps,
		err);
}

/* What one search found may come while the one before it has not ended: all of it counts. */
static void note_gone(struct imap_step *steps, struct arena *arena)
{
	struct seqset found;
	seqset_init(&found, arena);
	for (struct imap_step *s = steps; s != NULL; s = s->next)
		for (size_t i = 0; i < s->found.n; i++)
			seqset_add(&found, s->found.at[i].first, s->found.at[i].last);
	seqset_sort(&found);
	for (struct imap_step *s = steps; s != NULL; s = s->next)
		for (size_t i = 0; i < s->n; i++)
			if (!s->at[i]->over && !seqset_has(&found, s->at[i]->uid))
				s->at[i]->over = s->at[i]->outcome.gone_already = true;
}

/* Open the mailbox and look, without waiting for the answer; whether it is the one that was meant
 * is known before anything in it is changed. */
static bool begin(
	struct imap_link *link, struct imap_batch *b, struct arena *arena, struct error *err)
{
	struct error here = {0};
	b->begun = true;
	b->open = imap_open_submit(link, b->mailbox, true, &here);
	if (b->open != NULL)
		return look(link, b->open, b, all_of(b, arena), arena, &b->look, err);
	fail_all(b, &here);
	if (here.scope > ERROR_MAILBOX)
		*err = here;
	return here.scope <= ERROR_MAILBOX;
}

bool imap_apply(struct imap_link *link, struct imap_batch *b, struct imap_batch *next,
	struct arena *arena, struct error *err)
{
	struct error here = {0};
	if (!b->begun && !begin(link, b, arena, err))
		return false;
	if (b->open == NULL)
		return true;
	if (!imap_apply_wait(link, b->look, err))
		return false;
	if (imap_open_check(b->open, b->epoch, &here) && b->open->read_only)
		error_set(&here, ERROR_MAILBOX, CAUSE_MAIL,
			"mailbox '%s' can only be read, says the server", b->mailbox);
	if (here.scope != ERROR_NONE) {
		fail_all(b, &here);
		return true;
	}
	fail_refused(b->look);
	note_gone(b->look, arena);
	struct imap_change **at = all_of(b, arena);
	size_t n = keep_open(at, b->n);
	return apply_runs(link, b->open, next, arena, at, n, err) &&
	       apply_removals(link, b->open, b, arena, err);
}
