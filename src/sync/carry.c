#include <string.h>

#include "sync/run.h"

/* A chunk: long enough to keep a pipeline full, short enough to lose little when it is cut off.
 * Each opens its mailbox anew, which costs some servers time for every message it holds (Dovecot on
 * a Maildir of a million: 5 s): where there is much to copy, chunks are longer. */
#define CHUNK_MESSAGES	   256
#define CHUNK_MESSAGES_MAX 4096
#define CHUNK_BYTES	   ((uint64_t)32 << 20)
#define CHUNKS_ENOUGH	   64
#define CHANGES_PER_JOB	   4096

/* Below this a second connection costs more round trips than it saves. */
#define WORKER_MESSAGES 250
#define WORKER_BYTES	((uint64_t)4 << 20)

/* Where a phase of the plan stands: the steps of some kinds, cut into jobs as the crew takes them.
 */
struct phase {
	struct run *run;
	struct survey *survey;
	struct plan *plan;
	struct job *(*next)(struct phase *phase);
	bool (*settle)(struct phase *phase, struct job *job);
	size_t at;	    /* the first step that is in no job yet */
	struct job *again;  /* to be given out once more before any other */
	struct job **queue; /* jobs that were cut beforehand */
	size_t queued, cap_queue, taken;
	struct ledger ledger;
	struct identity *lost; /* of copies that failed: their originals are not deleted */
	size_t n_lost, cap_lost;
	bool over; /* a failure ends the pair: what is out is still settled */
};

/* Whether a step of the plan belongs to a phase, and what it does there to one side. */
typedef bool takes_step(struct phase *phase, uint32_t index);
typedef bool fill_item(
	struct phase *phase, struct change_item *item, const struct step *step, enum side side);

/* ---- jobs ---- */

static struct job *new_job(struct phase *phase, enum job_kind kind, uint32_t twin, enum side side)
{
	struct arena *arena = arena_new();
	struct job *job = arena_alloc(arena, sizeof *job);
	const struct box *box = phase->survey->box[twin];
	*job = (struct job){.kind = kind,
		.side = side,
		.twin = twin,
		.arena = arena,
		.flags = phase->survey->flags};
	for (enum side s = LEFT; s <= RIGHT; s++) {
		const struct message_list *list = phase->survey->twin[twin].list[s];
		job->name[s] = box->known.name[s];
		job->epoch[s] = list != NULL ? list->box.epoch : NULL;
	}
	job->target.mailbox = job->name[side];
	job->target.epoch = job->epoch[side];
	if (phase->survey->twin[twin].list[side] != NULL)
		job->target.cursor = phase->survey->twin[twin].list[side]->box.cursor;
	return job;
}

/* Jobs that were cut and that nobody will carry out any more. */
static void drop_unsubmitted(struct phase *phase)
{
	while (phase->taken < phase->queued)
		arena_free(phase->queue[phase->taken++]->arena);
	if (phase->again != NULL)
		arena_free(phase->again->arena);
	phase->again = NULL;
}

/*
 * Give jobs to the crew and settle what comes back, until no step is left.  What the next jobs
 * intend is written in the transaction that settles the last one: a chunk costs one commit.
 */
static bool run_phase(struct phase *phase)
{
	struct run *run = phase->run;
	struct job *back = NULL;
	size_t out = 0;
	do {
		struct job *ready[64];
		size_t n = 0, window = crew_window(run->crew);
		if (window > sizeof ready / sizeof *ready)
			window = sizeof ready / sizeof *ready;
		if (!run_begin_state(run))
			phase->over = true;
		if (back != NULL && !phase->settle(phase, back))
			phase->over = true;
		while (!phase->over && out + n < window && (ready[n] = phase->next(phase)) != NULL)
			n++;
		if (!run_commit(run))
			phase->over = true;
		for (size_t i = 0; i < n; i++)
			crew_submit(run->crew, ready[i]);
		out += n;
		back = crew_wait(run->crew);
		out -= back != NULL;
	} while (back != NULL);
	drop_unsubmitted(phase);
	return !phase->over;
}

/* ---- copies ---- */

static const struct message *source_message(
	const struct phase *phase, const struct step *step, enum side from)
{
	const struct message_list *list = phase->survey->twin[step->twin].list[from];
	return step->message[from] == NONE ? NULL : &list->at[step->message[from]];
}

static void fill_copy(struct phase *phase, struct job *job, uint32_t index)
{
	const struct step *step = &phase->plan->step[index];
	const struct message *listed = source_message(phase, step, other(step->to));
	const struct store *target = phase->run->store[step->to];
	struct copy_item *item = &job->copy[job->n++];
	item->step = index;
	if (listed != NULL) {
		item->message = *listed;
	} else {
		const struct row *row = &phase->survey->twin[step->twin].row[step->row];
		item->message.received = row->received;
		item->message.size = row->size;
	}
	item->message.key = step_key(phase->survey->twin, step, other(step->to));
	item->message.flags = step->want[step->to];
	item->held = step->want[step->to];
	if (target->ops->names_first)
		item->new_key = target->ops->new_key(phase->run->store[step->to], job->arena);
}

static bool put_intents(struct phase *phase, struct job *job)
{
	const struct message_list *target = phase->survey->twin[job->twin].list[job->side];
	for (size_t i = 0; i < job->n; i++) {
		struct copy_item *item = &job->copy[i];
		struct error err = {0};
		struct intent intent = {.to = job->side,
			.source = item->message.key,
			.key = item->new_key,
			.epoch = target != NULL ? target->box.epoch : NULL,
			.next = target != NULL ? target->box.next : NULL,
			.identity = item->message.identity};
		if (!run_state_ok(phase->run,
			    state_put_intent(phase->run->state,
				    phase->survey->box[job->twin]->known.id, &intent, &err),
			    &err))
			return false;
		item->intent = intent.id;
	}
	return true;
}

static uint64_t size_of_copy(const struct phase *phase, const struct step *step)
{
	const struct message *m = source_message(phase, step, other(step->to));
	return m != NULL ? m->size : phase->survey->twin[step->twin].row[step->row].size;
}

static size_t chunk_messages(const struct plan *plan)
{
	size_t share =
		(plan->count[STEP_COPY][LEFT] + plan->count[STEP_COPY][RIGHT]) / CHUNKS_ENOUGH;
	if (share < CHUNK_MESSAGES)
		return CHUNK_MESSAGES;
	return share < CHUNK_MESSAGES_MAX ? share : CHUNK_MESSAGES_MAX;
}

/* The next chunk: copies of one mailbox to one side. */
static struct job *next_copy_job(struct phase *phase)
{
	const struct plan *plan = phase->plan;
	if (phase->again != NULL) {
		struct job *job = phase->again;
		phase->again = NULL;
		return job;
	}
	while (phase->at < plan->n && plan->step[phase->at].kind != STEP_COPY)
		phase->at++;
	if (phase->at == plan->n)
		return NULL;
	const struct step *first = &plan->step[phase->at];
	struct job *job = new_job(phase, JOB_COPY, first->twin, first->to);
	size_t most = chunk_messages(plan);
	job->copy = arena_alloc(job->arena, most * sizeof *job->copy);
	uint64_t bytes = 0;
	for (; phase->at < plan->n && job->n < most && bytes < CHUNK_BYTES; phase->at++) {
		const struct step *step = &plan->step[phase->at];
		if (step->kind != STEP_COPY || step->twin != first->twin || step->to != first->to)
			break;
		bytes += size_of_copy(phase, step);
		fill_copy(phase, job, (uint32_t)phase->at);
	}
	if (!put_intents(phase, job))
		phase->over = true;
	return job;
}

/* Copies that did not arrive; ${waiting} ones may yet. */
static void remember_lost(struct phase *phase, const struct job *job, bool waiting)
{
	for (size_t i = 0; i < job->n; i++) {
		const struct copy_item *item = &job->copy[i];
		if (item->state == ITEM_DONE || (item->state == ITEM_WAITING && waiting))
			continue;
		*ARENA_PUSH(phase->run->arena, phase->lost, phase->n_lost, phase->cap_lost) =
			item->message.identity;
	}
}

/* Whether another connection may do better: patience says when it is at its end. */
static bool was_cut_off(const struct job *job)
{
	return job->error.scope == ERROR_STORE && job->error.transient;
}

/* What was not even sent of a chunk whose connection was lost, as a chunk of its own. */
static struct job *what_is_left(struct phase *phase, const struct job *job)
{
	if (!was_cut_off(job))
		return NULL;
	struct job *rest = new_job(phase, job->kind, job->twin, job->side);
	rest->copy = arena_alloc(rest->arena, job->n * sizeof *rest->copy);
	for (size_t i = 0; i < job->n; i++) {
		if (job->copy[i].state != ITEM_WAITING)
			continue;
		struct copy_item *item = &rest->copy[rest->n++];
		*item = job->copy[i];
		item->new_key = arena_strdup(rest->arena, item->new_key);
	}
	if (rest->n > 0)
		return rest;
	arena_free(rest->arena);
	return NULL;
}

/* All of it was sent, and the answers were lost: a closing look finds what arrived, and copies what
 * did not. */
static bool is_looked_for(const struct run *run, const struct job *job)
{
	return was_cut_off(job) && run->looks < MOST_LOOKS;
}

static bool settle_copies(struct phase *phase, struct job *job)
{
	struct run *run = phase->run;
	bool ok = settle_copy_job(run, phase->survey, phase->plan, job);
	bool failed = job->error.scope != ERROR_NONE;
	if (failed && ok)
		phase->again = what_is_left(phase, job);
	remember_lost(phase, job, phase->again != NULL);
	if (failed && phase->again == NULL && !is_looked_for(run, job)) {
		phase->survey->box[job->twin]->unsettled = true;
		run_problem(run, job->blame, job->name[job->blame], NULL, &job->error);
		ok = ok && job->error.scope <= ERROR_MAILBOX;
	}
	arena_free(job->arena);
	return ok;
}

/* As many workers as there is work for; the first connection alone serves a small change best. */
static void hire(const struct phase *phase)
{
	const struct plan *plan = phase->plan;
	uint64_t messages = plan->count[STEP_COPY][LEFT] + plan->count[STEP_COPY][RIGHT];
	uint64_t bytes = plan->bytes[LEFT] + plan->bytes[RIGHT];
	uint64_t by_messages = messages / WORKER_MESSAGES, by_bytes = bytes / WORKER_BYTES;
	uint64_t wanted = 1 + (by_messages > by_bytes ? by_messages : by_bytes);
	crew_hire(phase->run->crew, wanted > 64 ? 64 : (unsigned)wanted);
}

static bool carry_copies(struct phase *phase)
{
	phase->at = 0;
	phase->next = next_copy_job;
	phase->settle = settle_copies;
	if (phase->plan->count[STEP_COPY][LEFT] + phase->plan->count[STEP_COPY][RIGHT] == 0)
		return true;
	hire(phase);
	return run_phase(phase);
}

/* ---- flags, moves, deletions: one mailbox of one side a job ---- */

static bool fill_flags(
	struct phase *phase, struct change_item *item, const struct step *step, enum side side)
{
	item->change = CHANGE_FLAGS;
	item->held = step->want[side];
	return step_flags(
		phase->survey->twin, phase->survey->flags, step, side, &item->add, &item->remove);
}

static bool fill_move(
	struct phase *phase, struct change_item *item, const struct step *step, enum side side)
{
	item->change = step->keep ? CHANGE_COPY : CHANGE_MOVE;
	item->to = phase->survey->box[step->twin]->known.name[side];
	return step->to == side;
}

static bool fill_deletion(
	struct phase *phase, struct change_item *item, const struct step *step, enum side side)
{
	item->change = phase->run->pair->trash != NULL ? CHANGE_MOVE : CHANGE_EXPUNGE;
	item->to = phase->run->pair->trash;
	return step->to == side;
}

/* Jobs of one phase while they are cut: the open one of each mailbox of each side. */
struct cut {
	struct phase *phase;
	struct job **open[2]; /* by pair of mailboxes */
	size_t *cap[2];
};

static struct job *open_job(struct cut *cut, uint32_t twin, enum side side)
{
	struct phase *phase = cut->phase;
	struct job *job = cut->open[side][twin];
	if (job != NULL && job->n < CHANGES_PER_JOB)
		return job;
	job = new_job(phase, JOB_CHANGE, twin, side);
	cut->open[side][twin] = job;
	cut->cap[side][twin] = 0;
	*ARENA_PUSH(phase->run->arena, phase->queue, phase->queued, phase->cap_queue) = job;
	return job;
}

static void cut_step(struct cut *cut, uint32_t index, enum side side, fill_item *fill)
{
	struct phase *phase = cut->phase;
	const struct step *step = &phase->plan->step[index];
	uint32_t twin = step_twin(step, side);
	struct change_item item = {.step = index, .key = step_key(phase->survey->twin, step, side)};
	if (!fill(phase, &item, step, side))
		return;
	struct job *job = open_job(cut, twin, side);
	*ARENA_PUSH(job->arena, job->change, job->n, cut->cap[side][twin]) = item;
	phase->ledger.pending[index]++;
}

/* Cut the steps that ${in_phase} takes into jobs: one mailbox of one side each. */
static void cut_changes(struct phase *phase, takes_step *in_phase, fill_item *fill)
{
	struct arena *arena = arena_new();
	struct cut cut = {.phase = phase};
	for (enum side side = LEFT; side <= RIGHT; side++) {
		cut.open[side] = arena_alloc(arena, phase->survey->n * sizeof *cut.open[side]);
		cut.cap[side] = arena_alloc(arena, phase->survey->n * sizeof *cut.cap[side]);
	}
	for (uint32_t i = 0; i < phase->plan->n; i++) {
		if (!in_phase(phase, i))
			continue;
		cut_step(&cut, i, LEFT, fill);
		cut_step(&cut, i, RIGHT, fill);
	}
	arena_free(arena);
}

static struct job *next_queued_job(struct phase *phase)
{
	return phase->taken < phase->queued ? phase->queue[phase->taken++] : NULL;
}

static bool settle_changes(struct phase *phase, struct job *job)
{
	struct run *run = phase->run;
	bool ok = settle_change_job(run, phase->survey, phase->plan, &phase->ledger, job);
	if (job->error.scope != ERROR_NONE) {
		phase->survey->box[job->twin]->unsettled = true;
		run_problem(run, job->blame, job->name[job->blame], NULL, &job->error);
		ok = ok && job->error.scope <= ERROR_MAILBOX;
	}
	arena_free(job->arena);
	return ok;
}

static bool carry_changes(struct phase *phase, takes_step *in_phase, fill_item *fill)
{
	phase->queued = phase->taken = 0;
	phase->next = next_queued_job;
	phase->settle = settle_changes;
	cut_changes(phase, in_phase, fill);
	return phase->queued == 0 || run_phase(phase);
}

/* A message that is to move gets its flags first: should the run die, it is where it was. */
static bool changes_flags(struct phase *phase, uint32_t index)
{
	enum step_kind kind = phase->plan->step[index].kind;
	return kind == STEP_FLAGS || kind == STEP_MOVE;
}

static bool moves(struct phase *phase, uint32_t index)
{
	return phase->plan->step[index].kind == STEP_MOVE && !phase->ledger.failed[index];
}

/* ---- deletions ---- */

static const struct row *row_of(const struct phase *phase, const struct step *step)
{
	return step->row == NONE ? NULL : &phase->survey->twin[step->from_twin].row[step->row];
}

/* A copy that failed may be of the very message that would be deleted: gone there, moved here. */
static bool may_be_lost(const struct phase *phase, const struct row *row)
{
	if (row == NULL)
		return false;
	for (size_t i = 0; i < phase->n_lost; i++) {
		const struct identity *lost = &phase->lost[i];
		if (memcmp(lost, &row->identity, sizeof *lost) == 0)
			return true;
	}
	return false;
}

static bool may_delete(const struct phase *phase, const struct step *step)
{
	const struct row *row = row_of(phase, step);
	if (phase->run->no_deletes[step->to] || may_be_lost(phase, row))
		return false;
	if (step->follows && (row == NULL || !phase->ledger.settled[step->twin][step->row]))
		return false;
	return !step->verify || (row != NULL && row->verified);
}

static bool delete_if(struct phase *phase, uint32_t index, bool follows)
{
	const struct step *step = &phase->plan->step[index];
	if (step->kind != STEP_DELETE || step->follows != follows)
		return false;
	bool may = may_delete(phase, step);
	if (!may)
		phase->survey->box[step->twin]->unsettled = true;
	return may;
}

static bool deletes(struct phase *phase, uint32_t index)
{
	return delete_if(phase, index, false);
}

/* The other half of a message that was marked \Deleted goes once the first is gone. */
static bool deletes_after(struct phase *phase, uint32_t index)
{
	return delete_if(phase, index, true);
}

/* ---- comparing before `move` deletes ---- */

static void cut_comparisons(struct phase *phase)
{
	struct job *job = NULL;
	size_t cap = 0;
	phase->queued = phase->taken = 0;
	for (uint32_t i = 0; i < phase->plan->n; i++) {
		const struct step *step = &phase->plan->step[i];
		const struct row *row = row_of(phase, step);
		if (step->kind != STEP_DELETE || !step->verify || row == NULL || row->verified)
			continue;
		if (job == NULL || job->twin != step->twin || job->n == CHUNK_MESSAGES) {
			job = new_job(phase, JOB_COMPARE, step->twin, LEFT);
			cap = 0;
			*ARENA_PUSH(phase->run->arena, phase->queue, phase->queued,
				phase->cap_queue) = job;
		}
		*ARENA_PUSH(job->arena, job->compare, job->n, cap) =
			(struct compare_item){.step = i, .key = {row->key[LEFT], row->key[RIGHT]}};
	}
}

static bool settle_comparison(struct phase *phase, struct job *job)
{
	struct run *run = phase->run;
	for (size_t i = 0; i < job->n; i++) {
		const struct compare_item *item = &job->compare[i];
		const struct step *step = &phase->plan->step[item->step];
		struct error differs = {0};
		error_set(&differs, ERROR_MESSAGE, CAUSE_MAIL,
			"its copy is not the same byte for byte; it stays where it is");
		if (item->state == ITEM_DONE && item->same)
			phase->survey->row[step->twin][step->row].verified = true;
		else if (item->state == ITEM_DONE)
			run_problem(run, LEFT, job->name[LEFT], item->key[LEFT], &differs);
		else if (item->state == ITEM_FAILED)
			run_problem(run, LEFT, job->name[LEFT], item->key[LEFT], item->error);
	}
	bool ok = job->error.scope <= ERROR_MAILBOX;
	if (job->error.scope != ERROR_NONE)
		run_problem(run, job->blame, job->name[job->blame], NULL, &job->error);
	arena_free(job->arena);
	return ok;
}

static bool carry_comparisons(struct phase *phase)
{
	phase->next = next_queued_job;
	phase->settle = settle_comparison;
	cut_comparisons(phase);
	return phase->queued == 0 || run_phase(phase);
}

/* ---- the whole plan ---- */

/* The trash is made when it is first needed: a deletion that cannot go there does not happen. */
static bool make_trash(struct run *run, const struct plan *plan)
{
	for (enum side side = LEFT; run->pair->trash != NULL && side <= RIGHT; side++) {
		struct error err = {0};
		if (plan->count[STEP_DELETE][side] == 0)
			continue;
		if (mailboxes_create(run, side, run->pair->trash, USE_TRASH, true, &err))
			continue;
		run_problem(run, side, run->pair->trash, NULL, &err);
		if (err.scope > ERROR_MAILBOX)
			return false;
		run->no_deletes[side] = true;
	}
	return true;
}

/* `move` deletes in the second pass, from rows: what is copied or paired by then has one. */
static void defer_moves(struct phase *phase)
{
	for (size_t i = 0; phase->run->pair->mode == MODE_MOVE && i < phase->plan->n; i++) {
		const struct step *step = &phase->plan->step[i];
		if (step->kind == STEP_COPY ||
			(step->kind == STEP_DELETE && row_of(phase, step) == NULL))
			phase->survey->box[step->twin]->look_again = true;
	}
}

static void start_ledger(struct phase *phase)
{
	struct survey *v = phase->survey;
	phase->ledger.pending = arena_alloc(v->arena, phase->plan->n);
	phase->ledger.failed = arena_alloc(v->arena, phase->plan->n);
	phase->ledger.settled = arena_alloc(v->arena, v->n * sizeof *phase->ledger.settled);
	for (size_t i = 0; i < v->n; i++)
		phase->ledger.settled[i] = arena_alloc(v->arena, v->twin[i].rows);
	/* What is only written down is written before all else. */
	for (size_t i = 0; i < phase->plan->n; i++) {
		const struct step *step = &phase->plan->step[i];
		if (step->kind == STEP_PAIR && step->row != NONE)
			phase->ledger.settled[step->from_twin][step->row] = 1;
	}
}

/* What there is to do, for the progress line. */
static void expect(struct run *run, const struct survey *v, const struct plan *plan)
{
	run->progress.mailboxes = v->n;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		run->progress.messages += plan->count[STEP_COPY][side];
		run->progress.bytes += plan->bytes[side];
	}
}

bool carry_out(struct run *run, struct survey *survey, struct plan *plan)
{
	struct phase phase = {.run = run, .survey = survey, .plan = plan};
	if (plan->n > 0 && !run_will_write(run))
		return false;
	start_ledger(&phase);
	expect(run, survey, plan);
	defer_moves(&phase);
	bool ok = settle_begin(run, survey, plan) && carry_copies(&phase) &&
		  carry_changes(&phase, changes_flags, fill_flags) &&
		  carry_changes(&phase, moves, fill_move) && make_trash(run, plan) &&
		  carry_comparisons(&phase) && carry_changes(&phase, deletes, fill_deletion) &&
		  carry_changes(&phase, deletes_after, fill_deletion);
	return settle_end(run, survey, plan, ok) && ok;
}
