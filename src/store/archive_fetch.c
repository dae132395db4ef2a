#include "store/archive_store.h"

#include <stdlib.h>
#include <string.h>

bool archive_store_fetch(struct session *session, const char *name, const char *epoch,
	const char *const *keys, size_t n, enum fetch_part part, struct error *err)
{
	struct archive_queue *fetches = &archive_session(session)->fetches;
	struct archive_question *q = archive_queue_add(fetches, name);
	(void)err;
	q->epoch = arena_strdup(fetches->arena, epoch);
	q->keys = keys;
	q->n = n;
	q->part = part;
	return true;
}

void archive_fetch_finish(struct archive_session *s)
{
	archive_body_free(s->body);
	s->body = NULL;
}

static bool find_box(struct archive_session *s, const struct archive_question *q,
	struct arena *arena, struct archive_snapshot *view, int64_t *id, struct error *err)
{
	struct archive_mailbox *m = NULL;
	size_t n = 0;
	if (q->part == FETCH_EMAILID)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
			"an archive has no ids of messages that a server gave");
	if (!archive_store_view(s, arena, view, err))
		return false;
	if (view->id != 0 && !archive_mailboxes(s->archive, view, q->name, arena, &m, &n, err))
		return false;
	if (n == 0)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "there is no such mailbox");
	*id = m->id;
	if (q->epoch != NULL && strtoll(q->epoch, NULL, 10) != m->id)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "it is another mailbox by now");
	return true;
}

/* Begin with the next key of ${q}: 1; 0 = it is not there any more; -1. */
static int take_key(struct archive_session *s, const struct archive_question *q,
	struct arena *arena, struct message *message, struct reader **reader, struct error *err)
{
	struct archive_snapshot view;
	struct archive_placement p;
	int64_t box = 0;
	if (!find_box(s, q, arena, &view, &box, err))
		return -1;
	int got = archive_placed(
		s->archive, box, strtoll(message->key, NULL, 10), view.id, arena, &p, err);
	if (got <= 0)
		return got;
	message->size = p.size;
	message->received = p.received;
	message->zone = p.zone;
	message->flags = p.flags;
	struct archive_message m = {.id = p.message, .size = p.size};
	memcpy(m.digest, p.digest, sizeof m.digest);
	if (s->body == NULL)
		s->body = archive_body_new(s->archive);
	if (!archive_body_open(s->body, &m, q->part == FETCH_HEADER, reader, err))
		return -1;
	s->session.traffic.bytes_in += (*reader)->size;
	return 1;
}

int archive_store_take(
	struct session *session, struct message *message, struct reader **reader, struct error *err)
{
	struct archive_session *s = archive_session(session);
	struct archive_question *q = s->fetches.first;
	*message = (struct message){.received = RECEIVED_UNKNOWN};
	*reader = NULL;
	while (q != NULL && q->at < q->n) {
		struct arena *arena = arena_new();
		struct error why = {0};
		*message = (struct message){.key = q->keys[q->at++], .received = RECEIVED_UNKNOWN};
		int got = take_key(s, q, arena, message, reader, &why);
		arena_free(arena);
		if (got > 0)
			return 1;
		if (got == 0)
			continue;
		if (why.scope != ERROR_MESSAGE)
			q->at = q->n;
		if (err != NULL)
			*err = why;
		return -1;
	}
	if (q != NULL)
		archive_queue_drop(&s->fetches);
	return 0;
}
