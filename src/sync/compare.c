#include <string.h>

#include "base/map.h"
#include "sync/run.h"

/*
 * verify: whether two stores hold the same messages, octet by octet.
 *
 * Mailboxes are paired as a run pairs them, and every message of both sides is read.  What a
 * message is compared with is found anew: each meets at most one, and the surest ways of knowing
 * come first.
 */

/* Messages that one job reads: a few seconds of work, shared out between the workers. */
#define READS_PER_JOB 200

/* So much of a subject tells a person which message is meant. */
#define SUBJECT_SHOWN 120

/* The messages of one mailbox on one side, as they were read; beside the list. */
struct readings {
	struct identify_item *at;
	bool *met;
	size_t n; /* 0: there is no such mailbox on that side */
};

struct comparison {
	struct run *run;
	struct survey *v;
	struct readings (*box)[2]; /* by pair of mailboxes */
	bool alters[2];		   /* the pair was told that the server there alters mail */
	bool ok;
};

/* ---- reading all ---- */

static bool takes_part(const struct survey *v, uint32_t t, enum side side, size_t i)
{
	return v->list[t][side].at[i].selected;
}

static struct job *new_job(const struct comparison *c, uint32_t t, enum side side)
{
	const struct survey *v = c->v;
	struct arena *arena = arena_new();
	struct job *job = arena_alloc(arena, sizeof *job);
	*job = (struct job){.kind = JOB_IDENTIFY,
		.side = side,
		.twin = t,
		.arena = arena,
		.part = FETCH_BODY,
		.keep_text = true,
		.keep_exact = true,
		.keep_origin = run_policy(c->run).rewrites};
	job->name[side] = v->box[t]->known.name[side];
	job->epoch[side] = v->list[t][side].box.epoch;
	job->identify = arena_alloc(arena, READS_PER_JOB * sizeof *job->identify);
	job->context = arena_alloc(arena, READS_PER_JOB * sizeof(uint32_t));
	return job;
}

static void submit_side(struct comparison *c, uint32_t t, enum side side)
{
	const struct message_list *list = &c->v->list[t][side];
	struct readings *r = &c->box[t][side];
	struct job *job = NULL;
	if (list->arena == NULL)
		return;
	*r = (struct readings){arena_alloc(c->v->arena, (list->n + 1) * sizeof *r->at),
		arena_alloc(c->v->arena, list->n + 1), list->n};
	for (uint32_t i = 0; i < list->n; i++) {
		r->met[i] = !takes_part(c->v, t, side, i);
		if (r->met[i])
			continue;
		if (job == NULL)
			job = new_job(c, t, side);
		((uint32_t *)job->context)[job->n] = i;
		job->identify[job->n++].key = list->at[i].key;
		c->run->progress.messages++;
		if (job->n == READS_PER_JOB) {
			crew_submit(c->run->crew, job);
			job = NULL;
		}
	}
	if (job != NULL)
		crew_submit(c->run->crew, job);
}

/* One message was asked for: what it is stands beside the list from now on. */
static void take_reading(
	struct comparison *c, const struct job *job, uint32_t at, const struct identify_item *item)
{
	struct run *run = c->run;
	struct identify_item *kept = &c->box[job->twin][job->side].at[at];
	struct error gone = {0};
	*kept = *item;
	kept->from = NULL;
	kept->subject = item->subject == NULL ? NULL
					      : arena_strndup(c->v->arena, item->subject,
							strnlen(item->subject, SUBJECT_SHOWN));
	run->progress.messages_done++;
	run->progress.bytes_done += item->size;
	error_set(&gone, ERROR_MESSAGE, CAUSE_MAIL, "it went away while the stores were compared");
	if (item->state == ITEM_FAILED || item->state == ITEM_GONE)
		run_problem(run, job->side, job->name[job->side], item->key,
			item->state == ITEM_GONE ? &gone : item->error);
}

static void take_job(struct comparison *c, struct job *job)
{
	struct run *run = c->run;
	for (size_t i = 0; i < job->n; i++)
		take_reading(c, job, ((const uint32_t *)job->context)[i], &job->identify[i]);
	if (job->error.scope != ERROR_NONE) {
		run_problem(run, job->side, job->name[job->side], NULL, &job->error);
		c->ok = c->ok && job->error.scope <= ERROR_MAILBOX;
	}
	if (run->observer->progress != NULL)
		run->observer->progress(run->observer->context, &run->progress);
	arena_free(job->arena);
}

static void read_all(struct comparison *c)
{
	c->run->progress.mailboxes = c->v->n;
	for (uint32_t t = 0; t < c->v->n; t++) {
		submit_side(c, t, LEFT);
		submit_side(c, t, RIGHT);
	}
	for (struct job *job; (job = crew_wait(c->run->crew)) != NULL;)
		take_job(c, job);
}

/* ---- who is whose ---- */

enum likeness { SAME, ALTERED, DIFFERENT };

static void tell(struct comparison *c, uint32_t t, enum side side, uint32_t i, const char *what)
{
	const struct run *run = c->run;
	const struct identify_item *item = &c->box[t][side].at[i];
	bool uid = strcmp(run->pair->store[side]->kind, "imap") == 0;
	struct difference d = {.what = what,
		.store = run->pair->store[side]->name,
		.other = run->pair->store[other(side)]->name,
		.mailbox = c->v->box[t]->known.name[side],
		.key = uid ? arena_printf(c->v->arena, "uid %s", item->key) : item->key,
		.subject = item->subject};
	if (run->observer->difference != NULL)
		run->observer->difference(run->observer->context, &d);
}

/* What is kept beside the bytes decides nothing: people go on reading mail after a migration. */
static void compare_marks(struct comparison *c, uint32_t t, const uint32_t at[2])
{
	struct compared *n = &c->run->report->compared;
	const struct message *left = &c->v->list[t][LEFT].at[at[LEFT]];
	const struct message *right = &c->v->list[t][RIGHT].at[at[RIGHT]];
	if (c->run->pair->flags && left->flags != right->flags) {
		n->flags++;
		tell(c, t, LEFT, at[LEFT], "flags");
	}
	if (left->received != RECEIVED_UNKNOWN && right->received != RECEIVED_UNKNOWN &&
		left->received != right->received) {
		n->dates++;
		tell(c, t, LEFT, at[LEFT], "date");
	}
}

static void meet(struct comparison *c, uint32_t t, const uint32_t at[2], enum likeness likeness)
{
	struct compared *n = &c->run->report->compared;
	c->box[t][LEFT].met[at[LEFT]] = c->box[t][RIGHT].met[at[RIGHT]] = true;
	n->messages++;
	n->same += likeness != DIFFERENT;
	n->altered += likeness == ALTERED;
	n->different += likeness == DIFFERENT;
	if (likeness == DIFFERENT)
		tell(c, t, LEFT, at[LEFT], "different");
	else
		compare_marks(c, t, at);
}

/* What could not be read meets nobody: it was told, and is not the same. */
static bool is_free(const struct readings *r, uint32_t i)
{
	return !r->met[i] && r->at[i].state == ITEM_DONE;
}

typedef const struct identity *(*identity_of)(const struct identify_item *item);

static const struct identity *exact(const struct identify_item *item)
{
	return &item->exact;
}

static const struct identity *canonical(const struct identify_item *item)
{
	return &item->digest;
}

static const struct identity *origin(const struct identify_item *item)
{
	return &item->origin;
}

static const struct identity *header(const struct identify_item *item)
{
	return &item->identity;
}

/* Those that are alike in one way meet one to one, in order. */
static void meet_alike(struct comparison *c, uint32_t t, identity_of of, enum likeness likeness)
{
	struct readings *left = &c->box[t][LEFT], *right = &c->box[t][RIGHT];
	struct map *first = map_new(right->n);
	uint32_t *next = arena_alloc(c->v->arena, (right->n + 1) * sizeof *next);
	for (uint32_t i = (uint32_t)right->n; i-- > 0;) {
		const struct identity *id = of(&right->at[i]);
		if (!is_free(right, i) || !identity_known(id))
			continue;
		next[i] = map_get(first, id, sizeof *id);
		map_set(first, id, sizeof *id, i);
	}
	for (uint32_t i = 0; i < left->n; i++) {
		const struct identity *id = of(&left->at[i]);
		uint32_t mate = is_free(left, i) && identity_known(id)
					? map_get(first, id, sizeof *id)
					: MAP_NONE;
		if (mate == MAP_NONE)
			continue;
		map_set(first, id, sizeof *id, next[mate]);
		meet(c, t, (const uint32_t[2]){i, mate}, likeness);
	}
	map_free(first);
}

static struct map *index_keys(const struct readings *r)
{
	struct map *index = map_new(r->n);
	for (uint32_t i = 0; i < r->n; i++)
		if (is_free(r, i))
			map_put_str(index, r->at[i].key, i);
	return index;
}

/* What the state says are twins and are not alike: changed by a server that does so, or damaged. */
static void meet_twins(struct comparison *c, uint32_t t)
{
	const struct twin *twin = &c->v->twin[t];
	struct map *index[2] = {index_keys(&c->box[t][LEFT]), index_keys(&c->box[t][RIGHT])};
	enum likeness likeness = c->alters[LEFT] || c->alters[RIGHT] ? ALTERED : DIFFERENT;
	for (size_t r = 0; r < twin->rows; r++) {
		uint32_t at[2];
		for (enum side side = LEFT; side <= RIGHT; side++) {
			const char *key = twin->new_epoch[side] ? NULL : twin->row[r].key[side];
			at[side] = key == NULL ? MAP_NONE : map_get_str(index[side], key);
		}
		if (at[LEFT] != MAP_NONE && at[RIGHT] != MAP_NONE)
			meet(c, t, at, likeness);
	}
	map_free(index[LEFT]);
	map_free(index[RIGHT]);
}

static size_t count_unread(const struct readings *r)
{
	size_t n = 0;
	for (uint32_t i = 0; i < r->n; i++)
		n += !r->met[i] && !is_free(r, i);
	return n;
}

/* Any that is left alone may be one that could not be read on the other side. */
static void tell_alone(struct comparison *c, uint32_t t, enum side side)
{
	struct compared *n = &c->run->report->compared;
	const struct readings *r = &c->box[t][side];
	size_t unread = count_unread(&c->box[t][other(side)]);
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->met[i])
			continue;
		if (is_free(r, i) && unread > 0) {
			unread--;
			continue;
		}
		n->messages++;
		if (!is_free(r, i))
			continue;
		*(side == LEFT ? &n->missing : &n->extra) += 1;
		tell(c, t, side, i, side == LEFT ? "missing" : "extra");
	}
}

static void compare_mailbox(struct comparison *c, uint32_t t)
{
	meet_alike(c, t, exact, SAME);
	meet_alike(c, t, canonical, ALTERED);
	meet_twins(c, t);
	meet_alike(c, t, origin, ALTERED);
	meet_alike(c, t, header, DIFFERENT);
	tell_alone(c, t, LEFT);
	tell_alone(c, t, RIGHT);
}

/* ---- the contract ---- */

static bool read_hints(struct comparison *c)
{
	static const char *const hint[2] = {"altered left", "altered right"};
	struct run *run = c->run;
	struct error err = {0};
	bool ok = true;
	for (enum side side = LEFT; ok && side <= RIGHT; side++) {
		const char *told = NULL;
		ok = run_state_ok(
			run, state_hint(run->state, hint[side], run->arena, &told, &err), &err);
		c->alters[side] = told != NULL;
	}
	return ok;
}

bool compare_all(struct run *run)
{
	struct box **boxes = arena_alloc(run->arena, (run->boxes + 1) * sizeof *boxes);
	for (size_t i = 0; i < run->boxes; i++) {
		struct box *box = boxes[i] = &run->box[i];
		box->look[LEFT] = box->look[RIGHT] = true;
		box->whole[LEFT] = box->whole[RIGHT] = true;
	}
	struct survey *v = survey_read(run, boxes, run->boxes);
	if (v == NULL)
		return false;
	struct comparison c = {.run = run, .v = v, .ok = true};
	c.box = arena_alloc(v->arena, (v->n + 1) * sizeof *c.box);
	if (read_hints(&c))
		read_all(&c);
	for (uint32_t t = 0; c.ok && t < v->n; t++)
		compare_mailbox(&c, t);
	const struct compared *n = &run->report->compared;
	if (n->same < n->messages)
		run->report->exit = report_worse(run->report->exit, 1);
	survey_free(v);
	return c.ok;
}
