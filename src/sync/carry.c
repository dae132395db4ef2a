#include <string.h>

#include "sync/carry_private.h"

/* Messages of one mailbox that one job changes, or compares. */
#define CHANGES_PER_JOB	 4096
#define COMPARED_PER_JOB 256

/* A server's mailboxes that are to be changed are opened one after the other; below so many of them
 * a second connection waits longer for its sign-in than it saves. */
#define WORKER_MAILBOXES 6

/* Whether a step of the plan belongs to a phase, and what it does there to one side. */
typedef bool takes_step(struct phase *phase, uint32_t index);
typedef bool fill_item(
	struct phase *phase, struct change_item *item, const struct step *step, enum side side);

/* ---- jobs ---- */

struct job *carry_new_job(struct phase *phase, enum job_kind kind, uint32_t twin, enum side side)
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

static void drop_chain(struct job *job)
{
	while (job != NULL) {
		struct job *next = job->next;
		arena_free(job->arena);
		job = next;
	}
}

/* Jobs that were cut and that nobody will carry out any more. */
static void drop_unsubmitted(struct phase *phase)
{
	while (phase->taken < phase->queued)
		drop_chain(phase->queue[phase->taken++]);
	drop_chain(phase->again);
	phase->again = NULL;
}

/* All of a chain that came back, in the transaction that is open. */
static void settle_chain(struct phase *phase, struct job *job)
{
	while (job != NULL) {
		struct job *next = job->next;
		if (!phase->settle(phase, job))
			phase->over = true;
		arena_free(job->arena);
		job = next;
	}
}

/*
 * Give jobs to the crew and settle what comes back, until no step is left.  What the next jobs
 * intend is written in the transaction that settles those that are back: a chunk costs one commit
 * at most.
 */
bool carry_run_phase(struct phase *phase)
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
		for (; back != NULL; back = crew_back(run->crew)) {
			settle_chain(phase, back);
			out--;
		}
		while (!phase->over && out + n < window && (ready[n] = phase->next(phase)) != NULL)
			n++;
		if (!run_commit(run))
			phase->over = true;
		for (size_t i = 0; i < n; i++)
			crew_submit(run->crew, ready[i]);
		out += n;
		back = crew_wait(run->crew);
	} while (back != NULL);
	drop_unsubmitted(phase);
	return !phase->over;
}

void carry_tell_end(struct phase *phase, const struct job *job)
{
	phase->survey->box[job->twin]->unsettled = true;
	if (!job->swept)
		run_problem(phase->run, job->blame, job->name[job->blame], NULL, &job->error);
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
	job = carry_new_job(phase, JOB_CHANGE, twin, side);
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
		carry_tell_end(phase, job);
		ok = ok && job->error.scope <= ERROR_MAILBOX;
	}
	return ok;
}

/* Connections for the changes of so many mailboxes of a server: files need none. */
static unsigned hands_for_changes(const struct phase *phase, enum side side, size_t mailboxes)
{
	size_t wanted = 1 + mailboxes / WORKER_MAILBOXES;
	if (phase->run->store[side]->ops->lock != NULL)
		return 1;
	return wanted > 64 ? 64 : (unsigned)wanted;
}

static bool changes(const struct phase *phase, const struct step *step, enum side side)
{
	flag_set add, remove;
	if (step->kind == STEP_MOVE || step->kind == STEP_DELETE)
		return step->to == side;
	return step->kind == STEP_FLAGS &&
	       step_flags(phase->survey->twin, phase->survey->flags, step, side, &add, &remove);
}

/* Who will change mailboxes of a server signs in while the first connection copies. */
static void hire_ahead(struct phase *phase, enum side side)
{
	struct arena *arena = arena_new();
	bool *counted = arena_alloc(arena, phase->survey->n * sizeof *counted);
	size_t mailboxes = 0;
	for (size_t i = 0; i < phase->plan->n; i++) {
		const struct step *step = &phase->plan->step[i];
		bool *twin = &counted[step_twin(step, side)];
		if (!*twin && changes(phase, step, side)) {
			*twin = true;
			mailboxes++;
		}
	}
	arena_free(arena);
	unsigned hands = hands_for_changes(phase, side, mailboxes);
	if (hands > 1)
		crew_hire_ahead(phase->run->crew, hands, side);
}

/* How many jobs the first of the chains has, and how many each that follows: while the others sign
 * in, who takes the first one does two jobs. */
static size_t first_share(const struct phase *phase, enum side side, size_t jobs, size_t *others)
{
	unsigned hands = crew_hands(phase->run->crew);
	size_t share = (jobs + hands - 1) / hands;
	*others = share;
	if (hands == 1 || jobs < 2 * hands || crew_are_in(phase->run->crew, side))
		return share;
	*others = (jobs - share - 1 + hands - 2) / (hands - 1);
	return share + 1;
}

/* Make chains of the jobs of ${side}, alike in length, one for each worker. */
static void chain_changes(struct phase *phase, enum side side)
{
	struct job *last = NULL;
	size_t jobs = 0, in_chain = 0, changes = 0, n = 0;
	for (size_t i = 0; i < phase->queued; i++)
		jobs += phase->queue[i]->side == side;
	crew_hire(phase->run->crew, hands_for_changes(phase, side, jobs));
	size_t share_of_others, share = first_share(phase, side, jobs, &share_of_others);
	for (size_t i = 0; i < phase->queued; i++) {
		struct job *job = phase->queue[i];
		bool fits = last != NULL && in_chain < share && changes + job->n <= CHANGES_PER_JOB;
		if (job->side == side && fits)
			last->next = job;
		else
			phase->queue[n++] = job;
		if (job->side != side)
			continue;
		if (!fits && last != NULL)
			share = share_of_others;
		in_chain = fits ? in_chain + 1 : 1;
		changes = fits ? changes + job->n : job->n;
		last = job;
	}
	phase->queued = n;
}

static bool carry_changes(struct phase *phase, takes_step *in_phase, fill_item *fill)
{
	phase->queued = phase->taken = 0;
	phase->next = next_queued_job;
	phase->settle = settle_changes;
	cut_changes(phase, in_phase, fill);
	chain_changes(phase, LEFT);
	chain_changes(phase, RIGHT);
	return phase->queued == 0 || carry_run_phase(phase);
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
		if (job == NULL || job->twin != step->twin || job->n == COMPARED_PER_JOB) {
			job = carry_new_job(phase, JOB_COMPARE, step->twin, LEFT);
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
	return ok;
}

static bool carry_comparisons(struct phase *phase)
{
	phase->next = next_queued_job;
	phase->settle = settle_comparison;
	cut_comparisons(phase);
	return phase->queued == 0 || carry_run_phase(phase);
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
	hire_ahead(&phase, LEFT);
	hire_ahead(&phase, RIGHT);
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
