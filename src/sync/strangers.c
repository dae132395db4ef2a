#include <string.h>

#include "sync/run.h"

/*
 * What the differ cannot decide without reading it, is read: headers in a first round, whole
 * messages where equal headers leave a doubt in the next.
 */

/* Messages that one job reads: a few seconds of work, shared out between the workers. */
#define READS_PER_JOB 1000

/* EMAILIDs, headers, then bodies; a fourth round would only ask again for what could not be read.
 */
#define MOST_ROUNDS 4

static struct job *new_identify_job(
	struct survey *v, const struct unread *first, const struct policy *policy)
{
	static const enum fetch_part parts[] = {[READ_EMAILID] = FETCH_EMAILID,
		[READ_HEADER] = FETCH_HEADER,
		[READ_WHOLE] = FETCH_BODY};
	struct arena *arena = arena_new();
	struct job *job = arena_alloc(arena, sizeof *job);
	*job = (struct job){.kind = JOB_IDENTIFY,
		.side = first->side,
		.twin = first->twin,
		.arena = arena,
		.part = parts[first->part],
		.keep_origin = first->part != READ_EMAILID && policy->rewrites,
		.context = first};
	job->name[first->side] = v->box[first->twin]->known.name[first->side];
	job->epoch[first->side] = v->twin[first->twin].list[first->side]->box.epoch;
	job->identify = arena_alloc(arena, READS_PER_JOB * sizeof *job->identify);
	return job;
}

static void make_room(struct survey *v, const struct message_list *list, struct identity **beside)
{
	if (*beside == NULL)
		*beside = arena_alloc(v->arena, list->n * sizeof **beside);
}

static bool together(const struct unread *a, const struct unread *b)
{
	return a->twin == b->twin && a->side == b->side && a->part == b->part;
}

static void submit_reads(struct run *run, struct survey *v, const struct unread *unread, size_t n,
	const struct policy *policy)
{
	for (size_t at = 0; at < n;) {
		const struct unread *first = &unread[at];
		struct job *job = new_identify_job(v, first, policy);
		struct message_list *list = &v->list[first->twin][first->side];
		if (first->part == READ_EMAILID)
			make_room(v, list, &list->emailid); /* asked, whatever is told */
		while (at < n && job->n < READS_PER_JOB && together(first, &unread[at]))
			job->identify[job->n++].key = unread[at++].key;
		crew_submit(run->crew, job);
	}
}

static void note_beside(struct survey *v, struct message_list *list, struct identity **beside,
	uint32_t m, const struct identity *told)
{
	if (!identity_known(told))
		return;
	make_room(v, list, beside);
	(*beside)[m] = *told;
}

static void note_listed(
	struct survey *v, struct message_list *list, uint32_t m, const struct identify_item *item)
{
	struct message *message = &list->at[m];
	if (identity_known(&item->identity))
		message->identity = item->identity;
	if (item->size != 0)
		message->size = item->size;
	note_beside(v, list, &list->emailid, m, &item->emailid);
	note_beside(v, list, &list->origin, m, &item->origin);
	note_beside(v, list, &list->digest, m, &item->digest);
}

static void note_row(struct row *row, const struct identify_item *item)
{
	row->identity = item->identity;
	if (item->size != 0)
		row->size = item->size;
	if (identity_known(&item->digest))
		row->digest = item->digest;
}

/* Where it is noted that something could not be read. */
static bool *unreadable(struct survey *v, const struct job *job, const struct unread *unread)
{
	if (unread->message == NONE)
		return &v->row[job->twin][unread->row].unreadable;
	return &v->list[job->twin][job->side].at[unread->message].unreadable;
}

static void note_identity(struct run *run, struct survey *v, const struct job *job, size_t i)
{
	const struct identify_item *item = &job->identify[i];
	const struct unread *unread = (const struct unread *)job->context + i;
	if (item->state == ITEM_FAILED && unread->part != READ_EMAILID) {
		*unreadable(v, job, unread) = true;
		v->box[job->twin]->unsettled = true;
		run_problem(run, job->side, job->name[job->side], item->key, item->error);
	}
	if (item->state != ITEM_DONE)
		return;
	if (unread->message != NONE)
		note_listed(v, &v->list[job->twin][job->side], unread->message, item);
	else
		note_row(&v->row[job->twin][unread->row], item);
}

static bool take_reads(struct run *run, struct survey *v)
{
	bool ok = true;
	for (struct job *job; (job = crew_wait(run->crew)) != NULL;) {
		for (size_t i = 0; i < job->n; i++)
			note_identity(run, v, job, i);
		bool hint = job->part == FETCH_EMAILID && job->error.scope <= ERROR_MAILBOX;
		if (job->error.scope != ERROR_NONE && !hint) {
			/* What could not be read could be anything: somebody's twin, or copy. */
			run_problem(run, job->side, job->name[job->side], NULL, &job->error);
			ok = false;
		}
		arena_free(job->arena);
	}
	return ok;
}

struct policy run_policy(const struct run *run)
{
	const struct pair_config *pair = run->pair;
	const struct world *world = run->world;
	return (struct policy){.mode = pair->mode,
		.flags = pair->flags,
		.expunge = pair->expunge,
		.propagate = pair->propagate,
		.keeps = snapshot_is_kept(pair) && pair->mode == MODE_MIRROR,
		.bring_back = run->options->bring_back,
		.same_server = world[LEFT].ids_of != NULL && world[RIGHT].ids_of != NULL &&
			       strcmp(world[LEFT].ids_of, world[RIGHT].ids_of) == 0,
		.rewrites = world[LEFT].rewrites || world[RIGHT].rewrites};
}

struct plan *survey_differ(struct run *run, struct survey *v)
{
	struct policy policy = run_policy(run);
	for (int round = 0; round < MOST_ROUNDS; round++) {
		struct unread *unread;
		size_t n = differ_unread(v->arena, v->twin, v->n, v->flags, &policy, &unread);
		if (n == 0)
			break;
		submit_reads(run, v, unread, n, &policy);
		if (!take_reads(run, v))
			return NULL;
	}
	return differ(v->arena, v->twin, v->n, v->flags, &policy);
}
