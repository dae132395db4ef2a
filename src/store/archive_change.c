#include "store/archive_store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One change that waits for settle(). */
struct archive_change {
	struct archive_change *next;
	uint32_t ticket;
	bool (*apply)(struct archive_session *s, struct archive_change *c,
		const struct archive_snapshot *draft, struct error *err);
	const char *mailbox, *epoch; /* the epoch: as the plan saw it, or NULL */
	int64_t item;
	struct archive_pending *pending; /* append */
	int64_t received;
	int16_t zone;
	const char *uid;
	flag_set add, remove; /* in the session's table */
	flag_set held;	      /* in the caller's */
	const char *to;	      /* move, copy */
	bool moves;
	const char *key; /* of a new message */
	bool gone_already;
	struct error error;
};

static struct archive_change *add(struct archive_session *s, uint32_t ticket)
{
	struct archive_change *c = arena_alloc(s->answers, sizeof *c);
	c->ticket = ticket;
	*s->changes_end = c;
	s->changes_end = &c->next;
	return c;
}

static struct archive_change *add_to(
	struct archive_session *s, uint32_t ticket, const struct target *target, const char *key)
{
	struct archive_change *c = add(s, ticket);
	c->mailbox = arena_strdup(s->answers, target->mailbox);
	c->epoch = arena_strdup(s->answers, target->epoch);
	c->item = strtoll(key, NULL, 10);
	return c;
}

/* ---- within the transaction ---- */

/* The mailbox ${name} of the draft; false with ERROR_MAILBOX where it is not there. */
static bool find_box(struct archive_session *s, const struct archive_snapshot *draft,
	const char *name, const char *epoch, int64_t *id, struct error *err)
{
	struct archive_snapshot newest = {.id = INT64_MAX, .source = draft->source};
	struct archive_mailbox *m = NULL;
	size_t n = 0;
	struct arena *arena = arena_new();
	bool ok = archive_mailboxes(s->archive, &newest, name, arena, &m, &n, err);
	if (ok && n == 0)
		ok = error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "there is no such mailbox");
	if (ok && epoch != NULL && strtoll(epoch, NULL, 10) != m->id)
		ok = error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "it is another mailbox by now");
	if (ok)
		*id = m->id;
	arena_free(arena);
	return ok;
}

/* The keywords of ${set}, as the archive keeps them. */
static const char *keywords_of(struct archive_session *s, flag_set set)
{
	flag_set words = flags_without(s->flags, set, FLAG_SYSTEM_SETS - 1);
	size_t n = flags_text(s->flags, words, NULL, 0);
	char *text = arena_alloc(s->answers, n + 1);
	flags_text(s->flags, words, text, n + 1);
	return text;
}

static bool place(struct archive_session *s, struct archive_change *c, struct archive_placement *p,
	struct error *err)
{
	if (!archive_place(s->archive, p, err))
		return false;
	c->key = arena_printf(s->answers, "%" PRId64, p->item);
	return true;
}

static bool apply_append(struct archive_session *s, struct archive_change *c,
	const struct archive_snapshot *draft, struct error *err)
{
	struct archive_message m;
	struct archive_placement p = {.received = c->received, .zone = c->zone, .uid = c->uid};
	if (!find_box(s, draft, c->mailbox, NULL, &p.mailbox, err) ||
		!archive_added(s->archive, c->pending, &m, err))
		return false;
	p.message = m.id;
	p.size = m.size;
	p.flags = flags_system(s->flags, c->add);
	p.keywords = keywords_of(s, c->add);
	return place(s, c, &p, err);
}

/* The placement that ${c} is about: 1; 0 = it is gone already; -1. */
static int find_item(struct archive_session *s, struct archive_change *c,
	const struct archive_snapshot *draft, struct archive_placement *p, struct error *err)
{
	int64_t box;
	if (!find_box(s, draft, c->mailbox, c->epoch, &box, err))
		return -1;
	int got = archive_placed(s->archive, box, c->item, INT64_MAX, s->answers, p, err);
	c->gone_already = got == 0;
	return got;
}

static bool apply_mark(struct archive_session *s, struct archive_change *c,
	const struct archive_snapshot *draft, struct error *err)
{
	struct archive_placement p;
	int got = find_item(s, c, draft, &p, err);
	if (got <= 0)
		return got == 0;
	flag_set old = flags_union(s->flags, p.flags, flags_parse(s->flags, p.keywords));
	flag_set set = flags_without(s->flags, flags_union(s->flags, old, c->add), c->remove);
	return set == old || archive_change(s->archive, &p, flags_system(s->flags, set),
				     keywords_of(s, set), err);
}

static bool apply_expunge(struct archive_session *s, struct archive_change *c,
	const struct archive_snapshot *draft, struct error *err)
{
	struct archive_placement p;
	int got = find_item(s, c, draft, &p, err);
	return got > 0 ? archive_remove(s->archive, &p, err) : got == 0;
}

static bool apply_move(struct archive_session *s, struct archive_change *c,
	const struct archive_snapshot *draft, struct error *err)
{
	struct archive_placement p, moved;
	int64_t box;
	int got = find_item(s, c, draft, &p, err);
	if (got <= 0)
		return got == 0;
	if (!find_box(s, draft, c->to, NULL, &box, err))
		return false;
	moved = p;
	moved.mailbox = box;
	return place(s, c, &moved, err) && (!c->moves || archive_remove(s->archive, &p, err));
}

/* ---- the contract ---- */

bool archive_store_append(struct session *session, uint32_t ticket, const char *name,
	const char *key, const struct message *message, const struct flag_table *flags,
	struct reader *reader, struct error *err)
{
	struct archive_session *s = archive_session(session);
	struct archive_pending *pending;
	(void)key;
	if (!archive_store_open(s, true, err) ||
		!archive_add(s->archive, session->store->config->archive.compression, reader,
			&pending, err))
		return false;
	struct archive_change *c = add(s, ticket);
	c->apply = apply_append;
	c->mailbox = arena_strdup(s->answers, name);
	c->pending = pending;
	c->received = message->received;
	c->zone = message->zone;
	c->uid = arena_strdup(s->answers, message->key);
	c->add = flags_move(s->flags, flags, message->flags);
	c->held = message->flags;
	session->traffic.bytes_out += reader->size;
	return true;
}

bool archive_store_mark(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const struct flag_table *flags, flag_set plus, flag_set minus,
	struct error *err)
{
	struct archive_session *s = archive_session(session);
	struct archive_change *c = add_to(s, ticket, target, key);
	(void)err;
	c->apply = apply_mark;
	c->add = flags_move(s->flags, flags, plus);
	c->remove = flags_move(s->flags, flags, minus);
	c->held = plus;
	return true;
}

bool archive_store_expunge(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, struct error *err)
{
	(void)err;
	add_to(archive_session(session), ticket, target, key)->apply = apply_expunge;
	return true;
}

static bool transfer(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, bool moves)
{
	struct archive_session *s = archive_session(session);
	struct archive_change *c = add_to(s, ticket, target, key);
	c->apply = apply_move;
	c->to = arena_strdup(s->answers, to);
	c->moves = moves;
	return true;
}

bool archive_store_move(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err)
{
	(void)err;
	return transfer(session, ticket, target, key, to, true);
}

bool archive_store_copy(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err)
{
	(void)err;
	return transfer(session, ticket, target, key, to, false);
}

/* ---- settle() ---- */

void archive_changes_drop(struct archive_session *s)
{
	if (s->archive != NULL)
		archive_drop(s->archive);
	s->changes = NULL;
	s->changes_end = &s->changes;
	s->told = NULL;
	s->settled = false;
	arena_reset(s->answers);
}

static bool apply_all(struct archive_session *s, struct error *err)
{
	struct archive_snapshot draft;
	if (s->changes == NULL)
		return true;
	if (!archive_store_begin(s, &draft, err))
		return false;
	for (struct archive_change *c = s->changes; c != NULL; c = c->next)
		if (!c->apply(s, c, &draft, &c->error) && c->error.scope >= ERROR_STORE) {
			if (err != NULL)
				*err = c->error;
			archive_rollback(s->archive);
			return false;
		}
	return archive_commit(s->archive, err);
}

static void tell(const struct archive_change *c, struct outcome *outcome)
{
	bool done = c->error.scope == ERROR_NONE && !c->gone_already;
	*outcome = (struct outcome){
		.ticket = c->ticket,
		.key = done ? c->key : NULL,
		.held = c->held,
		.gone_already = c->gone_already,
		.error = c->error,
	};
}

int archive_store_settle(struct session *session, struct outcome *outcome, struct error *err)
{
	struct archive_session *s = archive_session(session);
	if (!s->settled && !apply_all(s, err)) {
		archive_changes_drop(s);
		return -1;
	}
	s->settled = true;
	struct archive_change *c = s->told == NULL ? s->changes : s->told->next;
	if (c == NULL) {
		archive_changes_drop(s);
		return 0;
	}
	s->told = c;
	tell(c, outcome);
	return 1;
}
