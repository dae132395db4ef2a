#include <inttypes.h>

#include "store/imap_store.h"

/*
 * Removing messages, and no others.
 *
 * First they get \Deleted, with CONDSTORE only if nobody edited them since the plan looked. UIDPLUS
 * can then expunge just them.  A plain EXPUNGE takes whatever has \Deleted: without UIDPLUS it is
 * sent only when that is nobody else's message (S34), and else they stay marked.
 */

static void fail_refused(struct imap_change **at, size_t n, const struct error *failed)
{
	for (size_t i = 0; failed->scope != ERROR_NONE && i < n; i++) {
		at[i]->outcome.error = *failed;
		at[i]->over = true;
	}
}

/* Whose mark did not come about: the server said no, or somebody was faster. */
static void note_marked(struct imap_step *steps)
{
	for (struct imap_step *s = steps; s != NULL; s = s->next) {
		fail_refused(s->at, s->n, &s->failed);
		for (size_t i = 0; i < s->n; i++)
			if (!s->at[i]->over && seqset_has(&s->modified, s->at[i]->uid))
				s->at[i]->over = s->at[i]->outcome.changed = true;
	}
}

/* A conditional STORE to which some of the messages were modified answers OK or NO (RFC 7162,
 * 3.1.3): with a MODIFIED code it is no failure. */
static void excuse_modified(struct imap_step *steps)
{
	for (struct imap_step *s = steps; s != NULL; s = s->next)
		if (s->modified.n > 0)
			s->failed = (struct error){0};
}

static size_t keep_open(struct imap_change **at, size_t n)
{
	size_t to = 0;
	for (size_t i = 0; i < n; i++)
		if (!at[i]->over)
			at[to++] = at[i];
	return to;
}

static bool mark_deleted(struct imap_link *link, struct imap_open *open, uint64_t modseq,
	struct imap_change **at, size_t n, struct arena *arena, struct error *err)
{
	struct imap_step *steps = NULL;
	bool conditional =
		modseq != 0 && open->modseq != 0 && session_has(link->wire, CAP_CONDSTORE);
	const char *after =
		conditional
			? arena_printf(arena,
				  " (UNCHANGEDSINCE %" PRIu64 ") +FLAGS.SILENT (\\Deleted)", modseq)
			: " +FLAGS.SILENT (\\Deleted)";
	if (!imap_apply_each(link, open, arena, at, n, "UID STORE ", after, NULL, &steps, err) ||
		!imap_apply_wait(link, steps, err))
		return false;
	excuse_modified(steps);
	note_marked(steps);
	return true;
}

static bool expunge_these(struct imap_link *link, struct imap_open *open, struct imap_change **at,
	size_t n, struct arena *arena, struct error *err)
{
	struct imap_step *steps = NULL;
	if (!imap_apply_each(link, open, arena, at, n, "UID EXPUNGE ", "", NULL, &steps, err) ||
		!imap_apply_wait(link, steps, err))
		return false;
	for (; steps != NULL; steps = steps->next)
		fail_refused(steps->at, steps->n, &steps->failed);
	return true;
}

/* ---- without UIDPLUS ---- */

struct plain {
	struct imap_open *open;
	struct seqset deleted;
	bool done;
	struct error failed;
};

static bool plain_untagged(
	struct imap_link *link, void *who, const struct imap_reply *reply, struct error *err)
{
	struct plain *plain = who;
	imap_open_note(plain->open, reply);
	if ((reply->kind == REPLY_SEARCH || reply->kind == REPLY_ESEARCH) &&
		!imap_reply_numbers(&reply->found, &plain->deleted))
		return imap_link_broken(link, err, "a search finds more than there can be");
	return true;
}

static bool plain_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err)
{
	struct plain *plain = who;
	(void)link;
	(void)tag;
	(void)err;
	if (condition->verdict != VERDICT_OK)
		imap_refused(&plain->failed, ERROR_MESSAGE, condition, "cannot remove it");
	plain->done = true;
	return true;
}

static bool ask(struct imap_link *link, struct plain *plain, const char *words, struct error *err)
{
	static const struct imap_reaction reaction = {plain_untagged, plain_done, NULL};
	plain->done = false;
	return imap_link_submit(link, &reaction, plain, err, "%s", words) &&
	       imap_link_wait(link, &plain->done, err);
}

static bool is_ours(
	const struct seqset *deleted, struct imap_change **at, size_t n, struct arena *arena)
{
	struct seqset ours;
	seqset_init(&ours, arena);
	for (size_t i = 0; i < n; i++)
		seqset_add(&ours, at[i]->uid, at[i]->uid);
	seqset_sort(&ours);
	for (size_t i = 0, at_ours = 0; i < deleted->n; i++) {
		while (at_ours < ours.n && ours.at[at_ours].last < deleted->at[i].first)
			at_ours++;
		if (at_ours == ours.n || ours.at[at_ours].first > deleted->at[i].first ||
			ours.at[at_ours].last < deleted->at[i].last)
			return false;
	}
	return true;
}

static bool expunge_all_marked(struct imap_link *link, struct imap_open *open,
	struct imap_change **at, size_t n, struct arena *arena, struct error *err)
{
	struct plain plain = {.open = open};
	seqset_init(&plain.deleted, arena);
	if (!ask(link, &plain, "UID SEARCH DELETED", err))
		return false;
	seqset_sort(&plain.deleted);
	bool ours = plain.failed.scope == ERROR_NONE && is_ours(&plain.deleted, at, n, arena);
	if (ours && !ask(link, &plain, "EXPUNGE", err))
		return false;
	fail_refused(at, n, &plain.failed);
	for (size_t i = 0; !ours && i < n; i++)
		at[i]->outcome.marked_only = !at[i]->over;
	return true;
}

bool imap_expunge_all(struct imap_link *link, struct imap_open *open, uint64_t modseq,
	struct imap_change **changes, size_t n, struct arena *arena, struct error *err)
{
	if (n == 0)
		return true;
	if (!mark_deleted(link, open, modseq, changes, n, arena, err))
		return false;
	n = keep_open(changes, n);
	if (n == 0)
		return true;
	return session_has(link->wire, CAP_UIDPLUS)
		       ? expunge_these(link, open, changes, n, arena, err)
		       : expunge_all_marked(link, open, changes, n, arena, err);
}
