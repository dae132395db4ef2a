#include <stdlib.h>
#include <string.h>

#include "store/imap_store.h"

/*
 * Changes are gathered until settle(): equal ones then share a command, and their mailbox is opened
 * and its UIDVALIDITY looked at before anything is written.
 */
struct imap_work {
	struct arena *arena;
	struct imap_batch *batch;
	size_t n, cap;
	size_t at, told; /* the batch that settle() is at, and how many of its outcomes it told */
};

void imap_work_free(struct imap_work *work)
{
	for (size_t i = 0; work != NULL && i < work->n; i++)
		imap_open_leave(work->batch[i].open);
	if (work != NULL)
		arena_free(work->arena);
}

static struct imap_work *work_of(struct imap_link *link)
{
	if (link->work == NULL) {
		struct arena *arena = arena_new();
		link->work = arena_alloc(arena, sizeof *link->work);
		link->work->arena = arena;
	}
	return link->work;
}

static struct imap_batch *batch_for(struct imap_link *link, const struct target *target)
{
	struct imap_work *work = work_of(link);
	uint32_t uidnext, messages;
	uint64_t modseq = 0;
	if (target->cursor != NULL &&
		!imap_read_cursor(target->cursor, &uidnext, &messages, &modseq))
		modseq = 0;
	for (size_t i = work->n; i > 0; i--) {
		struct imap_batch *b = &work->batch[i - 1];
		bool same = b->epoch != NULL && target->epoch != NULL
				    ? strcmp(b->epoch, target->epoch) == 0
				    : b->epoch == target->epoch;
		if (same && strcmp(b->mailbox, target->mailbox) == 0 && b->modseq == modseq)
			return b;
	}
	struct imap_batch *b = ARENA_PUSH(work->arena, work->batch, work->n, work->cap);
	b->mailbox = arena_strdup(work->arena, target->mailbox);
	b->epoch = arena_strdup(work->arena, target->epoch);
	b->modseq = modseq;
	return b;
}

static struct imap_change *submit(struct imap_link *link, uint32_t ticket,
	const struct target *target, const char *key, enum imap_change_kind kind)
{
	struct imap_batch *b = batch_for(link, target);
	struct imap_change *c = ARENA_PUSH(link->work->arena, b->at, b->n, b->cap);
	c->kind = kind;
	c->uid = imap_uid(key);
	c->outcome.ticket = ticket;
	return c;
}

bool imap_mark(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const struct flag_table *flags, flag_set add, flag_set remove,
	struct error *err)
{
	struct imap_change *c = submit(imap_link_of(session), ticket, target, key, CHANGE_MARK);
	(void)err;
	c->flags = flags;
	c->add = c->outcome.held = add;
	c->remove = remove;
	return true;
}

bool imap_expunge(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, struct error *err)
{
	(void)err;
	submit(imap_link_of(session), ticket, target, key, CHANGE_EXPUNGE);
	return true;
}

bool imap_move(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	struct imap_change *c = submit(link, ticket, target, key, CHANGE_MOVE);
	(void)err;
	c->to = arena_strdup(link->work->arena, to);
	return true;
}

bool imap_copy(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	struct imap_change *c = submit(link, ticket, target, key, CHANGE_COPY);
	(void)err;
	c->to = arena_strdup(link->work->arena, to);
	return true;
}

int imap_change_settle(struct imap_link *link, struct outcome *outcome, struct error *err)
{
	struct imap_work *work = link->work;
	for (; work != NULL && work->at < work->n; work->at++, work->told = 0) {
		struct imap_batch *b = &work->batch[work->at];
		struct imap_batch *next = work->at + 1 < work->n ? b + 1 : NULL;
		if (!b->applied && !imap_apply(link, b, next, work->arena, err))
			return -1;
		b->applied = true;
		if (work->told < b->n) {
			*outcome = b->at[work->told++].outcome;
			return 1;
		}
	}
	imap_work_free(work);
	link->work = NULL;
	return 0;
}

int imap_settle(struct session *session, struct outcome *outcome, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	*outcome = (struct outcome){0};
	int got = imap_append_settle(link, outcome, err);
	if (got == 0)
		got = imap_change_settle(link, outcome, err);
	imap_link_note(link);
	return got;
}
