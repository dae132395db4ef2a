#include "sync/identify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/map.h"
#include "mail/date.h"
#include "mail/header.h"

/* From and Subject lie in the first part of any header that a person would recognize. */
#define HEADER_KEPT ((size_t)64 * 1024)

/* A subject longer than this does not fit a line. */
#define TEXT_KEPT 400

struct identifying {
	struct job *job;
	struct hasher *hasher;
	struct buffer header; /* kept only for keep_text and keep_origin */
};

static const char *kept_field(struct job *job, const struct buffer *header, const char *name)
{
	char text[TEXT_KEPT];
	if (header->data == NULL || !header_get(header->data, header->len, name, text, sizeof text))
		return NULL;
	return arena_strdup(job->arena, text);
}

static void keep_run(struct identifying *i, const uint8_t *run, size_t n)
{
	size_t room = i->header.limit - i->header.len;
	if ((i->job->keep_text || i->job->keep_origin) && !hasher_header_done(i->hasher))
		buffer_add(&i->header, run, n < room ? n : room);
}

/* A Date that cannot be read is no date, and Message-ID alone proves nothing. */
static void make_origin(struct identifying *i, struct identity *origin)
{
	char id[TEXT_KEPT], date[TEXT_KEPT], text[TEXT_KEPT + 64];
	int64_t seconds;
	int16_t zone;
	const struct buffer *h = &i->header;
	if (h->data == NULL || !header_get(h->data, h->len, "Message-ID", id, sizeof id) ||
		!header_get(h->data, h->len, "Date", date, sizeof date) || id[0] == '\0' ||
		!date_parse_header(date, strlen(date), &seconds, &zone))
		return;
	int n = snprintf(text, sizeof text, "%s %" PRId64, id, seconds);
	hasher_begin(i->hasher);
	hasher_add(i->hasher, (const uint8_t *)text, (size_t)n);
	hasher_end(i->hasher, NULL, origin, NULL);
}

static bool read_message(struct identifying *i, struct identify_item *item, const struct message *m,
	struct reader *body, struct error *err)
{
	const uint8_t *run;
	ssize_t n;
	uint64_t octets;
	i->header.len = 0;
	hasher_begin(i->hasher);
	while ((n = body->next(body, &run, err)) > 0) {
		keep_run(i, run, (size_t)n);
		hasher_add(i->hasher, run, (size_t)n);
	}
	if (i->job->keep_text) { /* of a broken one too: a person is told which */
		item->from = kept_field(i->job, &i->header, "From");
		item->subject = kept_field(i->job, &i->header, "Subject");
	}
	if (n < 0)
		return false;
	bool whole = i->job->part == FETCH_BODY;
	hasher_end(i->hasher, &item->identity, whole ? &item->digest : NULL, &octets);
	item->size = whole ? octets : m->size;
	if (i->job->keep_exact)
		hasher_exact(i->hasher, &item->exact);
	if (i->job->keep_origin)
		make_origin(i, &item->origin);
	return true;
}

static void fail(struct identifying *i, uint32_t at, const struct error *err)
{
	struct identify_item *item = &i->job->identify[at];
	item->state = ITEM_FAILED;
	item->error = arena_memdup(i->job->arena, err, sizeof *err);
}

/* Take one message: 1; 0 = that was all; -1 = the session is of no more use.  A mailbox that fails
 * is the job's error, and its fetch is taken to its end all the same: the keys go with the job. */
static int take_one(struct identifying *i, struct session *s, const struct map *index)
{
	struct message m = {0};
	struct reader *body = NULL;
	struct error err = {0};
	int got = s->store->ops->take(s, &m, &body, &err);
	uint32_t at = m.key != NULL ? map_get_str(index, m.key) : MAP_NONE;
	if (got > 0 && at != MAP_NONE) {
		struct identify_item *item = &i->job->identify[at];
		if (i->job->part == FETCH_EMAILID)
			item->emailid = m.identity;
		if (i->job->part == FETCH_EMAILID || read_message(i, item, &m, body, &err))
			item->state = ITEM_DONE;
		else
			got = -1;
	}
	if (got >= 0)
		return got;
	if (err.scope == ERROR_MESSAGE && at != MAP_NONE) {
		fail(i, at, &err);
		return 1;
	}
	if (i->job->error.scope == ERROR_NONE)
		i->job->error = err;
	return err.scope <= ERROR_MAILBOX ? 1 : -1;
}

void identify(struct session *s, struct hasher *hasher, struct job *job)
{
	struct identifying i = {.job = job, .hasher = hasher};
	struct map *index = map_new(job->n);
	buffer_init(&i.header, HEADER_KEPT);
	hasher_want_exact(hasher, job->keep_exact);
	job->keys = arena_alloc(job->arena, job->n * sizeof *job->keys);
	size_t n = 0;
	for (uint32_t k = 0; k < job->n; k++) {
		if (job->identify[k].state != ITEM_WAITING)
			continue;
		job->keys[n++] = job->identify[k].key;
		map_put_str(index, job->identify[k].key, k);
	}
	if (s->store->ops->fetch(s, job->name[job->side], job->epoch[job->side], job->keys, n,
		    job->part, &job->error)) {
		int got;
		while ((got = take_one(&i, s, index)) > 0)
			;
		bool whole = got == 0 && job->error.scope == ERROR_NONE;
		for (size_t k = 0; whole && k < job->n; k++)
			if (job->identify[k].state == ITEM_WAITING)
				job->identify[k].state = ITEM_GONE;
	}
	hasher_want_exact(hasher, false);
	map_free(index);
	buffer_finish(&i.header);
}
