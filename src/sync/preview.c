#include <stdlib.h>
#include <string.h>

#include "sync/run.h"

/* What sync would do, told and not done: diff, and sync --dry-run. */

/* Headers that one job reads, for From and Subject. */
#define CHANGES_PER_READ 500

static void count_step(struct run *run, struct survey *v, const struct step *step)
{
	struct mailbox_report *report = &v->box[step->twin]->report;
	struct tally *tally[2][2];
	for (enum side side = LEFT; side <= RIGHT; side++) {
		tally[side][0] = &run->report->side[side];
		tally[side][1] = &report->side[side];
	}
	for (size_t i = 0; i < 2; i++) {
		tally[step->to][i]->copied += step->kind == STEP_COPY;
		tally[step->to][i]->moved += step->kind == STEP_MOVE;
		tally[step->to][i]->deleted += step->kind == STEP_DELETE;
	}
}

static void count_flags(struct run *run, struct survey *v, const struct step *step)
{
	flag_set add, remove;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		if (!step_flags(v->twin, v->flags, step, side, &add, &remove))
			continue;
		run->report->side[side].flagged++;
		v->box[step->twin]->report.side[side].flagged++;
	}
}

/* "+\Flagged -\Seen" */
static const char *flags_detail(struct survey *v, flag_set add, flag_set remove)
{
	const flag_set part[2] = {add, remove};
	struct buffer out;
	buffer_init(&out, 4096);
	for (int i = 0; i < 2; i++) {
		char text[2048];
		flags_text(v->flags, part[i], text, sizeof text);
		char *rest = text;
		for (char *word; (word = strsep(&rest, " ")) != NULL;)
			if (*word != '\0')
				buffer_printf(
					&out, "%s%c%s", out.len > 0 ? " " : "", "+-"[i], word);
	}
	const char *detail = arena_strdup(v->arena, out.data == NULL ? "" : out.data);
	buffer_finish(&out);
	return detail;
}

/* ---- one line a message ---- */

static int64_t received_of(const struct survey *v, const struct step *step)
{
	for (enum side side = LEFT; side <= RIGHT; side++)
		if (step->message[side] != NONE)
			return v->twin[step_twin(step, side)]
				.list[side]
				->at[step->message[side]]
				.received;
	return step->row == NONE ? RECEIVED_UNKNOWN
				 : v->twin[step->from_twin].row[step->row].received;
}

static void tell_change(struct run *run, struct survey *v, const struct step *step, enum side side,
	const struct identify_item *text, const char *detail)
{
	static const char signs[] = {
		[STEP_COPY] = '+', [STEP_MOVE] = '>', [STEP_FLAGS] = '~', [STEP_DELETE] = '-'};
	struct change change = {.sign = signs[step->kind],
		.store = run->pair->store[side]->name,
		.mailbox = v->box[step_twin(step, side)]->known.name[side],
		.received = received_of(v, step),
		.from = text->from != NULL ? text->from : "",
		.subject = text->subject != NULL ? text->subject : "",
		.detail = detail};
	run->observer->change(run->observer->context, &change);
}

/* The side on which the message of a step can be read now. */
static enum side readable_side(const struct step *step)
{
	return step->kind == STEP_COPY ? other(step->to) : step->to;
}

static void tell_step(struct run *run, struct survey *v, const struct step *step,
	const struct identify_item *text)
{
	flag_set add, remove;
	if (step->kind == STEP_MOVE)
		tell_change(run, v, step, step->to, text, v->box[step->twin]->known.name[step->to]);
	else if (step->kind != STEP_FLAGS)
		tell_change(run, v, step, step->to, text, "");
	for (enum side side = LEFT; step->kind == STEP_FLAGS && side <= RIGHT; side++)
		if (step_flags(v->twin, v->flags, step, side, &add, &remove))
			tell_change(run, v, step, side, text, flags_detail(v, add, remove));
}

static bool is_change(const struct step *step)
{
	return step->kind != STEP_PAIR && step->kind != STEP_FORGET;
}

/* Tell steps [first, last), all of one mailbox and readable on one side, with their headers. */
static bool tell_run_of_steps(
	struct run *run, struct survey *v, const struct plan *plan, size_t first, size_t last)
{
	const struct step *step = &plan->step[first];
	enum side side = readable_side(step);
	struct arena *arena = arena_new();
	struct job *job = arena_alloc(arena, sizeof *job);
	*job = (struct job){.kind = JOB_IDENTIFY,
		.side = side,
		.arena = arena,
		.part = FETCH_HEADER,
		.keep_text = true,
		.n = last - first};
	uint32_t twin = step_twin(step, side);
	job->name[side] = v->box[twin]->known.name[side];
	job->epoch[side] = v->twin[twin].list[side]->box.epoch;
	job->identify = arena_alloc(arena, job->n * sizeof *job->identify);
	for (size_t i = first; i < last; i++)
		job->identify[i - first].key = step_key(v->twin, &plan->step[i], side);
	crew_submit(run->crew, job);
	crew_wait(run->crew);
	for (size_t i = first; i < last; i++)
		tell_step(run, v, &plan->step[i], &job->identify[i - first]);
	bool ok = job->error.scope <= ERROR_MAILBOX || run_failed(run, side, &job->error);
	arena_free(arena);
	return ok;
}

static bool together(const struct step *a, const struct step *b)
{
	enum side side = readable_side(a);
	return is_change(b) && readable_side(b) == side && step_twin(a, side) == step_twin(b, side);
}

static bool tell_changes(struct run *run, struct survey *v, const struct plan *plan)
{
	for (size_t first = 0; first < plan->n;) {
		size_t last = first + 1;
		if (!is_change(&plan->step[first])) {
			first++;
			continue;
		}
		while (last < plan->n && last - first < CHANGES_PER_READ &&
			together(&plan->step[first], &plan->step[last]))
			last++;
		if (!tell_run_of_steps(run, v, plan, first, last))
			return false;
		first = last;
	}
	return true;
}

bool preview(struct run *run, struct survey *v, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		count_step(run, v, &plan->step[i]);
		if (plan->step[i].kind == STEP_FLAGS)
			count_flags(run, v, &plan->step[i]);
	}
	return run->observer->change == NULL || tell_changes(run, v, plan);
}
