#include <string.h>

#include "base/stop.h"
#include "sync/worker_private.h"

/* The octets of a message, as one side sent them. */
struct wire_digest {
	struct identity exact;
	uint64_t octets;
	bool read;
};

static bool digest_body(
	struct hasher *hasher, struct reader *body, struct wire_digest *out, struct error *err)
{
	const uint8_t *run;
	ssize_t n;
	hasher_begin(hasher);
	while ((n = body->next(body, &run, err)) > 0)
		hasher_add(hasher, run, (size_t)n);
	hasher_exact(hasher, &out->exact);
	hasher_end(hasher, NULL, NULL, &out->octets);
	out->read = n == 0;
	return out->read;
}

static void compare_failed(struct job *job, uint32_t i, const struct error *err)
{
	if (i == MAP_NONE)
		return;
	job->compare[i].state = ITEM_FAILED;
	job->compare[i].error = worker_keep_error(job, err);
}

static bool digest_side(
	struct worker *w, struct job *job, enum side side, struct wire_digest *digest)
{
	struct session *s = worker_session(w, side, &job->error);
	if (s == NULL)
		return false;
	for (size_t i = 0; i < job->n; i++)
		job->keys[i] = job->compare[i].key[side];
	if (!s->store->ops->fetch(s, job->name[side], job->epoch[side], job->keys, job->n,
		    FETCH_BODY, &job->error))
		return false;
	struct map *index = worker_index(job);
	struct error failed = {0};
	int got = 1;
	while (got != 0 && stop_may_go_on(&job->error)) {
		struct message m = {0};
		struct reader *body = NULL;
		struct error err = {0};
		got = s->store->ops->take(s, &m, &body, &err);
		uint32_t i = m.key != NULL ? map_get_str(index, m.key) : MAP_NONE;
		if (got > 0 && i != MAP_NONE && digest_body(w->hasher, body, &digest[i], &err))
			continue;
		if (got != 0 && err.scope == ERROR_MESSAGE)
			compare_failed(job, i, &err);
		else if (got != 0 && failed.scope == ERROR_NONE)
			failed = err;
		if (err.scope > ERROR_MAILBOX)
			break; /* else it is taken to its end: the keys go with the job */
	}
	map_free(index);
	if (failed.scope != ERROR_NONE)
		job->error = failed;
	return job->error.scope == ERROR_NONE;
}

void worker_compare(struct worker *w, struct job *job)
{
	struct wire_digest *digest[2];
	bool ok = true;
	job->keys = arena_alloc(job->arena, job->n * sizeof *job->keys);
	hasher_want_exact(w->hasher, true);
	for (enum side side = LEFT; ok && side <= RIGHT; side++) {
		digest[side] = arena_alloc(job->arena, job->n * sizeof **digest);
		ok = digest_side(w, job, side, digest[side]);
		if (!ok)
			worker_blame(w, job, side);
	}
	hasher_want_exact(w->hasher, false);
	if (!ok)
		return;
	for (size_t i = 0; i < job->n; i++) {
		struct compare_item *item = &job->compare[i];
		const struct wire_digest *l = &digest[LEFT][i], *r = &digest[RIGHT][i];
		if (item->state == ITEM_FAILED)
			continue;
		item->state = l->read && r->read ? ITEM_DONE : ITEM_GONE;
		item->same = l->read && r->read && l->octets == r->octets &&
			     memcmp(&l->exact, &r->exact, sizeof l->exact) == 0;
	}
}
