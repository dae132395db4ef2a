#include "sync/plan.h"

/* The guard's numbers, as the interface page gives them. */
#define FEW_IN_MAILBOX 20   /* fewer than these are never too large a share */
#define WHOLE_MAILBOX  5    /* a mailbox that held this many is not to be emptied */
#define MOST_IN_PAIR   1000 /* without a person who said otherwise */

/* ---- the guard ---- */

static bool counts(const struct step *step)
{
	return step->kind == STEP_DELETE && !step->found && !step->verify;
}

struct losses {
	size_t n[2];
};

static size_t count_twins(const struct plan *plan)
{
	size_t n = 0;
	for (size_t i = 0; i < plan->n; i++)
		if (plan->step[i].twin >= n)
			n = (size_t)plan->step[i].twin + 1;
	return n;
}

static bool too_many_in_mailbox(size_t deletes, uint64_t held, unsigned long share)
{
	if (deletes >= held && held >= WHOLE_MAILBOX)
		return true;
	return deletes >= FEW_IN_MAILBOX && (double)deletes * 100 > (double)share * (double)held;
}

struct judging {
	struct arena *arena;
	struct verdict *verdict;
	size_t cap;
};

static void refuse(struct judging *j, struct refusal refusal)
{
	*ARENA_PUSH(j->arena, j->verdict->refusal, j->verdict->n, j->cap) = refusal;
}

static void judge_mailbox(struct judging *j, const struct twin *twin, const struct losses *losses,
	const struct held *held, struct refusal as, unsigned long share)
{
	as.deletes = losses->n[as.side];
	as.held = held->total[as.side];
	if (as.deletes > 0 && !twin->exempt[as.side] &&
		too_many_in_mailbox(as.deletes, as.held, share))
		refuse(j, as);
}

struct verdict *plan_judge(struct arena *arena, const struct plan *plan, const struct twin *twins,
	const struct held *held, const struct deletion_limit *limit)
{
	size_t n = count_twins(plan);
	struct losses *losses = arena_alloc(arena, n * sizeof *losses);
	struct judging j = {.arena = arena, .verdict = arena_alloc(arena, sizeof *j.verdict)};
	struct refusal whole = {.twin = NONE};
	for (size_t i = 0; i < plan->n; i++)
		if (counts(&plan->step[i]))
			losses[plan->step[i].twin].n[plan->step[i].to]++;
	for (uint32_t t = 0; t < n; t++) {
		for (enum side side = LEFT; side <= RIGHT; side++) {
			struct refusal as = {.twin = t, .side = side};
			whole.deletes += losses[t].n[side];
			whole.held += losses[t].n[side] > 0 ? held[t].total[side] : 0;
			if (limit->kind == LIMIT_SHARE)
				judge_mailbox(
					&j, &twins[t], &losses[t], &held[t], as, limit->value);
		}
	}
	j.verdict->deletes = whole.deletes;
	if ((limit->kind == LIMIT_SHARE && whole.deletes > MOST_IN_PAIR) ||
		(limit->kind == LIMIT_COUNT && whole.deletes > limit->value))
		refuse(&j, whole);
	return j.verdict;
}

void plan_drop_deletions(struct plan *plan)
{
	size_t n = 0;
	for (size_t i = 0; i < plan->n; i++) {
		const struct step *step = &plan->step[i];
		if (step->kind != STEP_DELETE)
			plan->step[n++] = *step;
		else if (step->twin < plan->twins)
			plan->held[step->twin] = true;
	}
	plan->n = n;
	plan->count[STEP_DELETE][LEFT] = plan->count[STEP_DELETE][RIGHT] = 0;
}

bool plan_empty(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->step[i].kind != STEP_PAIR && plan->step[i].kind != STEP_FORGET)
			return false;
	return true;
}
