#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "mail/header.h"
#include "sync/identify.h"
#include "sync/worker_private.h"

/* The Subject of a refused message is looked for in so much of it. */
#define HEAD_KEPT ((size_t)16 * 1024)

/* A subject longer than this does not fit a line. */
#define SUBJECT_KEPT 200

struct worker *worker_new(struct store *const stores[2])
{
	struct worker *w = calloc(1, sizeof *w);
	if (w == NULL)
		die_out_of_memory();
	w->store[LEFT] = stores[LEFT];
	w->store[RIGHT] = stores[RIGHT];
	for (enum side side = LEFT; side <= RIGHT; side++)
		w->patience[side].rests_until = &stores[side]->rests_until;
	w->hasher = hasher_new();
	buffer_init(&w->head, HEAD_KEPT);
	return w;
}

void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	worker_drop(w, LEFT);
	worker_drop(w, RIGHT);
	hasher_free(w->hasher);
	buffer_finish(&w->head);
	free(w);
}

struct session *worker_session(struct worker *w, enum side side, struct error *err)
{
	struct patience *patience = &w->patience[side];
	if (w->session[side] != NULL)
		return patience_rest(patience, err) ? w->session[side] : NULL;
	while (w->session[side] == NULL) {
		struct error failed = {0};
		bool may = patience_wait(patience, w->store[side]->name, &failed);
		if (may) {
			w->session[side] = w->store[side]->ops->connect(w->store[side], &failed);
			w->opened[side]++;
			patience->reached |= w->session[side] != NULL;
			may = w->session[side] != NULL || patience_failed(patience, &failed);
		}
		if (!may && err != NULL)
			*err = failed;
		if (!may)
			return NULL;
	}
	return w->session[side];
}

void worker_open(struct worker *w, enum side side)
{
	struct error err = {0};
	if (w->session[side] != NULL || !patience_rest(&w->patience[side], &err))
		return;
	w->session[side] = w->store[side]->ops->connect(w->store[side], &err);
	w->opened[side]++;
	w->patience[side].reached |= w->session[side] != NULL;
}

bool worker_is_in(const struct worker *w, enum side side)
{
	return w->session[side] != NULL;
}

static void add_traffic(struct traffic *sum, const struct traffic *more)
{
	sum->bytes_in += more->bytes_in;
	sum->bytes_out += more->bytes_out;
	sum->round_trips += more->round_trips;
}

void worker_drop(struct worker *w, enum side side)
{
	struct session *session = w->session[side];
	if (session == NULL)
		return;
	add_traffic(&w->closed[side], &session->traffic);
	w->store[side]->ops->disconnect(session);
	w->session[side] = NULL;
}

struct traffic worker_traffic(const struct worker *w, enum side side)
{
	struct traffic sum = w->closed[side];
	if (w->session[side] != NULL)
		add_traffic(&sum, &w->session[side]->traffic);
	return sum;
}

bool worker_lost(struct worker *w, enum side side, struct error *err)
{
	bool had_one = w->session[side] != NULL;
	if (err->scope < ERROR_STORE)
		return false;
	worker_drop(w, side);
	return had_one && patience_failed(&w->patience[side], err);
}

void worker_blame(struct worker *w, struct job *job, enum side side)
{
	job->blame = side;
	worker_lost(w, side, &job->error);
}

const struct error *worker_keep_error(struct job *job, const struct error *err)
{
	return arena_memdup(job->arena, err, sizeof *err);
}

/* ---- chains ---- */

/* Tickets count the items of a chain through: the job of ticket *i, whose item is then *i. */
static struct job *find_item(struct job *job, size_t *i)
{
	for (; job != NULL && *i >= job->n; job = job->next)
		*i -= job->n;
	return job;
}

static size_t answered(const struct job *chain)
{
	size_t n = 0;
	for (; chain != NULL; chain = chain->next)
		n += job_answered(chain);
	return n;
}

static bool was_lost(const struct job *job)
{
	return job->error.scope == ERROR_STORE && job->error.transient;
}

/* A session that is lost, or a signal, ends the whole chain. */
static void sweep(struct job *job)
{
	while (job != NULL && job->error.scope <= ERROR_MAILBOX)
		job = job->next;
	for (struct job *rest = job; rest != NULL; rest = rest->next)
		if (rest->error.scope == ERROR_NONE && job_answered(rest) < rest->n) {
			rest->error = job->error;
			rest->blame = job->blame;
			rest->swept = true;
		}
}

/* ---- JOB_COPY ---- */

/* A body on its way: counted and digested as the target reads it. */
struct counted {
	struct reader reader;
	struct reader *from;
	struct worker *worker;
	struct error error; /* what the source said when it failed */
};

static ssize_t counted_next(struct reader *reader, const uint8_t **run, struct error *err)
{
	struct counted *c = (struct counted *)reader;
	ssize_t n = c->from->next(c->from, run, &c->error);
	if (n > 0) {
		struct buffer *head = &c->worker->head;
		size_t room = head->limit - head->len;
		buffer_add(head, *run, (size_t)n < room ? (size_t)n : room);
		hasher_add(c->worker->hasher, *run, (size_t)n);
	}
	if (n < 0 && err != NULL)
		*err = c->error;
	return n;
}

struct map *worker_index(const struct job *job)
{
	struct map *map = map_new(job->n);
	for (size_t i = 0; i < job->n; i++)
		map_put_str(map, job->keys[i], (uint32_t)i);
	return map;
}

static bool begin_copy(struct worker *w, struct job *job)
{
	enum side from = other(job->side);
	struct session *s = worker_session(w, from, &job->error);
	job->keys = arena_alloc(job->arena, job->n * sizeof *job->keys);
	for (size_t i = 0; i < job->n; i++)
		job->keys[i] = job->copy[i].message.key;
	bool asked = s != NULL && s->store->ops->fetch(s, job->name[from], job->epoch[from],
					  job->keys, job->n, FETCH_BODY, &job->error);
	job->begun = asked ? w->opened[from] : 0;
	if (!asked)
		worker_blame(w, job, from);
	return asked;
}

/* Whether the answers to ${job} are still to come.  On another session than it was asked for on
 * come those to another job, and their UIDs may well be the same. */
static bool is_asked(const struct worker *w, const struct job *job)
{
	enum side from = other(job->side);
	return w->session[from] != NULL && job->begun == w->opened[from];
}

/* Hand one message that arrived to the target; false ends the job. */
static bool pass_on(struct worker *w, struct job *job, struct copy_item *item, uint32_t ticket,
	struct reader *body)
{
	struct session *to = worker_session(w, job->side, &job->error);
	if (to == NULL) {
		worker_blame(w, job, job->side);
		return false;
	}
	struct counted counted = {{body->size, counted_next}, body, w, {0}};
	struct error err = {0};

	w->head.len = 0;
	hasher_begin(w->hasher);
	to->alone = job->alone;
	bool sent = to->store->ops->append(to, ticket, job->name[job->side], item->new_key,
		&item->message, job->flags, &counted.reader, &err);
	hasher_end(w->hasher, &item->identity, &item->digest, &item->size);
	char subject[SUBJECT_KEPT];
	if (w->head.len > 0 &&
		header_get(w->head.data, w->head.len, "Subject", subject, sizeof subject))
		item->subject = arena_strdup(job->arena, subject);
	if (sent) {
		item->state = ITEM_SENT;
		return true;
	}
	bool source = counted.error.scope != ERROR_NONE;
	bool refused = source ? counted.error.scope == ERROR_MESSAGE : err.scope == ERROR_MESSAGE;
	if (refused) {
		item->state = ITEM_FAILED;
		item->error = worker_keep_error(job, source ? &counted.error : &err);
	}
	if (refused && err.scope == ERROR_MESSAGE)
		return true;
	/* An APPEND cannot be taken back: a source that fails in mid literal costs the target's
	 * connection too, through no fault of the target.  A Maildir keeps what it was given. */
	if (source && err.scope >= ERROR_STORE)
		worker_drop(w, job->side);
	job->error = source ? counted.error : err;
	worker_blame(w, job, source ? other(job->side) : job->side);
	if (job->error.scope == ERROR_MESSAGE) {
		error_set(&job->error, ERROR_STORE, CAUSE_NETWORK,
			"the connection was given up in the middle of a message");
		job->error.transient = true;
	}
	return false;
}

static void fail_waiting(struct job *job, const struct error *err)
{
	for (size_t i = 0; i < job->n; i++)
		if (job->copy[i].state == ITEM_WAITING) {
			job->copy[i].state = ITEM_FAILED;
			job->copy[i].error = worker_keep_error(job, err);
		}
}

/* Take what the source sends and pass it on; what never came was not there any more. */
static bool pass_all_on(struct worker *w, struct job *job, const struct map *index, uint32_t first)
{
	enum side from = other(job->side);
	while (stop_may_go_on(&job->error)) {
		struct session *s = w->session[from];
		struct message m = {0};
		struct reader *body = NULL;
		struct error err = {0};
		int got = s->store->ops->take(s, &m, &body, &err);
		if (got == 0)
			return true;
		uint32_t i = m.key != NULL ? map_get_str(index, m.key) : MAP_NONE;
		if (got > 0 && i != MAP_NONE) {
			if (!pass_on(w, job, &job->copy[i], first + i, body))
				return false;
		} else if (got < 0 && err.scope == ERROR_MESSAGE && i != MAP_NONE) {
			job->copy[i].state = ITEM_FAILED;
			job->copy[i].error = worker_keep_error(job, &err);
		} else if (got < 0 && err.scope == ERROR_MAILBOX) {
			fail_waiting(job, &err);
		} else if (got < 0) {
			job->error = err;
			worker_blame(w, job, from);
			return false;
		}
	}
	return false;
}

static void note_copy(struct job *job, size_t i, const struct outcome *o)
{
	struct copy_item *item = &job->copy[i];
	if (o->again) {
		item->state = ITEM_WAITING;
		job->again = true;
		return;
	}
	if (o->error.scope >= ERROR_STORE && o->error.transient) {
		item->state = ITEM_WAITING; /* it was refused, and only for now */
		job->error = o->error;
		return;
	}
	item->state = o->error.scope == ERROR_NONE ? ITEM_DONE : ITEM_FAILED;
	if (item->state == ITEM_FAILED)
		item->error = worker_keep_error(job, &o->error);
	item->key = arena_strdup(job->arena, o->key);
	item->held = o->held;
}

/* Settling failed: some that was sent has no answer, and never will. */
static void lose_answers(struct worker *w, struct job *chain, const struct error *err)
{
	struct job *job = chain;
	while (job != NULL && (job->error.scope != ERROR_NONE || job_answered(job) == job->n))
		job = job->next;
	if (job == NULL) {
		worker_drop(w, chain->side);
		return;
	}
	job->error = *err;
	worker_blame(w, job, job->side);
}

static void settle_copies(struct worker *w, struct job *chain)
{
	struct session *to = w->session[chain->side];
	struct job *refused = NULL;
	struct outcome o = {0};
	struct error err = {0};
	int got = 0;
	while (to != NULL && (got = to->store->ops->settle(to, &o, &err)) > 0) {
		size_t i = o.ticket;
		struct job *job = find_item(chain, &i);
		if (job == NULL)
			continue;
		bool failed = job->error.scope != ERROR_NONE;
		note_copy(job, i, &o);
		if (!failed && job->error.scope != ERROR_NONE)
			refused = job;
	}
	if (got < 0)
		lose_answers(w, chain, &err);
	else if (refused != NULL)
		worker_blame(w, refused, refused->side);
}

/* False: nothing more can be done in this chain. */
static bool pass_job_on(struct worker *w, struct job *job, uint32_t first)
{
	bool asked = job->error.scope == ERROR_NONE && (is_asked(w, job) || begin_copy(w, job));
	if (!asked)
		return job->error.scope <= ERROR_MAILBOX;
	struct map *index = worker_index(job);
	bool whole = pass_all_on(w, job, index, first);
	map_free(index);
	/* Bodies that nobody will take are still under way on it. */
	if (!whole)
		worker_drop(w, other(job->side));
	for (size_t i = 0; whole && i < job->n; i++)
		if (job->copy[i].state == ITEM_WAITING)
			job->copy[i].state = ITEM_GONE;
	return job->error.scope <= ERROR_MAILBOX;
}

static void finish_copy(struct worker *w, struct job *chain)
{
	uint32_t first = 0;
	for (struct job *job = chain; job != NULL && pass_job_on(w, job, first); job = job->next)
		first += (uint32_t)job->n;
	/* What was sent counts, even if the rest failed. */
	settle_copies(w, chain);
}

/* ---- JOB_CHANGE ---- */

static bool submit_change(
	struct session *s, struct job *job, const struct change_item *item, uint32_t ticket)
{
	const struct store_ops *ops = s->store->ops;
	const struct target *target = &job->target;
	struct error *err = &job->error;
	switch (item->change) {
	case CHANGE_FLAGS:
		return ops->mark(
			s, ticket, target, item->key, job->flags, item->add, item->remove, err);
	case CHANGE_MOVE:
		return ops->move(s, ticket, target, item->key, item->to, err);
	case CHANGE_COPY:
		return ops->copy(s, ticket, target, item->key, item->to, err);
	case CHANGE_EXPUNGE:
		return ops->expunge(s, ticket, target, item->key, err);
	}
	return false;
}

static void note_change(struct job *job, size_t i, const struct outcome *o)
{
	struct change_item *item = &job->change[i];
	struct error err = o->error;
	item->new_key = arena_strdup(job->arena, o->key);
	item->held = o->held;
	item->marked_only = o->marked_only;
	if (o->error.scope != ERROR_NONE || o->marked_only || o->changed)
		item->state = ITEM_FAILED;
	else
		item->state = o->gone_already ? ITEM_GONE : ITEM_DONE;
	if (o->changed && item->repeated)
		error_set(&err, ERROR_MESSAGE, CAUSE_NETWORK,
			"the connection was lost while it was deleted, and it changed; the next "
			"run goes on");
	else if (o->changed)
		error_set(&err, ERROR_MESSAGE, CAUSE_NONE,
			"it was changed meanwhile and is left for the next run");
	if (o->marked_only)
		error_set(&err, ERROR_MESSAGE, CAUSE_MAIL,
			"could only be marked \\Deleted: the server has no UIDPLUS, and other "
			"messages in the mailbox are marked too; expunge them, or the next run "
			"tries again");
	if (item->state == ITEM_FAILED)
		item->error = worker_keep_error(job, &err);
}

/* Of what was under way when a connection was lost nobody knows whether it happened.  A flag may
 * be set twice, and what is gone be deleted again; a second copy would be one too many. */
static bool may_repeat(const struct change_item *item)
{
	bool harmless = item->change == CHANGE_FLAGS || item->change == CHANGE_EXPUNGE;
	return item->state == ITEM_WAITING || (item->state == ITEM_SENT && harmless);
}

static void leave_in_doubt(struct job *job, struct change_item *item)
{
	struct error err = {0};
	error_set(&err, ERROR_MESSAGE, CAUSE_NETWORK,
		"the connection was lost while it was moved; the next run finds out whether it "
		"was");
	if (item->state == ITEM_SENT && item->error == NULL)
		item->error = worker_keep_error(job, &err);
}

static bool submit_changes(struct session *s, struct job *job, uint32_t first)
{
	bool ok = true;
	for (uint32_t i = 0; ok && i < job->n; i++) {
		struct change_item *item = &job->change[i];
		if (!may_repeat(item)) {
			leave_in_doubt(job, item);
			continue;
		}
		item->repeated = item->state == ITEM_SENT;
		ok = stop_may_go_on(&job->error) && submit_change(s, job, item, first + i);
		if (ok)
			item->state = ITEM_SENT;
	}
	return job->error.scope <= ERROR_MAILBOX;
}

/* Another session may do what the last one did not come to. */
static void forget_lost(struct job *job)
{
	for (; job != NULL; job = job->next)
		if (was_lost(job))
			job->error = (struct error){0};
}

static void settle_changes(struct worker *w, struct session *s, struct job *chain)
{
	struct outcome o = {0};
	struct error err = {0};
	int got = 0;
	while ((got = s->store->ops->settle(s, &o, &err)) > 0) {
		size_t i = o.ticket;
		struct job *job = find_item(chain, &i);
		if (job != NULL)
			note_change(job, i, &o);
	}
	if (got < 0)
		lose_answers(w, chain, &err);
}

static void finish_change(struct worker *w, struct job *chain)
{
	uint32_t first = 0;
	forget_lost(chain);
	struct session *s = worker_session(w, chain->side, &chain->error);
	bool ok = s != NULL;
	for (struct job *job = chain; ok && job != NULL; job = job->next) {
		if (job->error.scope == ERROR_NONE)
			ok = submit_changes(s, job, first);
		first += (uint32_t)job->n;
	}
	if (s != NULL)
		settle_changes(w, s, chain);
	for (struct job *job = chain; job != NULL; job = job->next)
		if (job->error.scope != ERROR_NONE)
			worker_blame(w, job, job->side);
}

/* ---- the contract ---- */

static void finish_identify(struct worker *w, struct job *job)
{
	struct session *s = worker_session(w, job->side, &job->error);
	if (s != NULL)
		identify(s, w->hasher, job);
	if (job->error.scope != ERROR_NONE)
		worker_blame(w, job, job->side);
}

static bool pauses(const struct session *s)
{
	return s->store->ops->pauses != NULL && s->store->ops->pauses(s);
}

/* Answers must be taken before a session is given changes to make (store.h).  What the job before
 * this one writes to must not be what this one reads from. */
static bool may_ask(const struct worker *w, const struct job *job)
{
	const struct job *before = w->last;
	if (before == NULL || before == job)
		return true;
	return before->kind == JOB_COPY && before->side == job->side && is_asked(w, before) &&
	       !pauses(w->session[other(job->side)]);
}

void worker_begin(struct worker *w, struct job *job)
{
	bool asks = job->kind == JOB_COPY && may_ask(w, job);
	for (struct job *next = job; asks && next != NULL; next = next->next)
		asks = is_asked(w, next) ||
		       (next->error.scope == ERROR_NONE && begin_copy(w, next));
	w->last = job;
}

/* Whether the job can go on with another session.  Copies are given out again by the conductor,
 * which first writes down what arrived. */
static bool goes_on(const struct job *job)
{
	bool lost = false;
	for (; job != NULL && job->kind != JOB_COPY; job = job->next)
		lost |= was_lost(job);
	return lost;
}

/* A job that got somewhere, or its end, shows that it is worth while to go on. */
static void note_progress(struct worker *w, const struct job *job, size_t before)
{
	bool ended = job->error.scope == ERROR_NONE;
	for (enum side side = LEFT; side <= RIGHT; side++)
		if (ended || answered(job) > before)
			patience_progress(&w->patience[side], w->session[side] != NULL);
}

void worker_finish(struct worker *w, struct job *job)
{
	static void (*const finish[])(struct worker *, struct job *) = {
		[JOB_LIST] = worker_list,
		[JOB_IDENTIFY] = finish_identify,
		[JOB_COPY] = finish_copy,
		[JOB_CHANGE] = finish_change,
		[JOB_COMPARE] = worker_compare,
	};
	bool again = job->kind == JOB_COPY || job->error.scope == ERROR_NONE;
	while (again && stop_may_go_on(&job->error)) {
		size_t before = answered(job);
		if (job->kind != JOB_COPY)
			job->error = (struct error){0};
		finish[job->kind](w, job);
		note_progress(w, job, before);
		again = goes_on(job);
	}
	sweep(job);
	/* Nothing is under way of one that could not be asked for ahead, or was on a session that
	 * is gone. */
	if (w->last == job || (w->last != NULL && !is_asked(w, w->last)))
		w->last = NULL;
}
