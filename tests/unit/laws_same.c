#include "laws.h"

#include <stdlib.h>
#include <string.h>

/* A step without indexes, as bytes that can be compared; with ${swap} seen from the other side. */
struct seen {
	char key[2][8];
	enum step_kind kind;
	enum side to;
	enum half half[2];
	uint32_t twin, from_twin;
	flag_set want[2], base[2];
	int64_t row, merge;
	bool keep, found, follows;
};

static void see(const struct view *v, const struct step *step, bool swap, struct seen *seen)
{
	const struct scene *s = &v->scene;
	memset(seen, 0, sizeof *seen);
	seen->kind = step->kind;
	seen->to = step->kind == STEP_COPY || step->kind == STEP_MOVE || step->kind == STEP_DELETE
			   ? (swap ? other(step->to) : step->to)
			   : LEFT;
	seen->twin = step->twin;
	seen->from_twin = step->from_twin;
	seen->row = step->row == NONE ? 0 : s->row[step->from_twin][step->row].id;
	seen->merge = step->merge == NONE ? 0 : s->row[step->twin][step->merge].id;
	seen->keep = step->keep;
	seen->found = step->found;
	/* Of two deletions of one message either may come first. */
	bool is_deletion = step->kind == STEP_DELETE;
	seen->follows = step->follows && !is_deletion;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		enum side as = swap ? other(side) : side;
		const char *key = step_key(s->twin, step, side);
		if (key != NULL)
			strncpy(seen->key[as], key, sizeof seen->key[as] - 1);
		seen->half[as] = is_deletion ? HALF_NEVER : step->half[side];
		seen->want[as] = step->want[side];
		seen->base[as] = step->base[side];
	}
}

static int compare_seen(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct seen));
}

#define MOST_STEPS 256

static size_t see_plan(
	const struct view *v, const struct plan *plan, bool swap, struct seen seen[MOST_STEPS])
{
	size_t n = 0;
	for (size_t i = 0; i < plan->n && n < MOST_STEPS; i++)
		see(v, &plan->step[i], swap, &seen[n++]);
	qsort(seen, n, sizeof *seen, compare_seen);
	return n;
}

bool laws_same_steps(const struct view *a, const struct plan *plan_a, const struct view *b,
	const struct plan *plan_b, bool swapped)
{
	static struct seen seen[2][MOST_STEPS];
	size_t n = see_plan(a, plan_a, false, seen[0]);
	return see_plan(b, plan_b, swapped, seen[1]) == n &&
	       memcmp(seen[0], seen[1], n * sizeof seen[0][0]) == 0;
}

static const struct message *half(
	const struct world_twin *twin, const struct row *row, enum side side)
{
	uint32_t at = row->gone[side] ? NONE : world_find(&twin->box[side], row->key[side]);
	return at == NONE ? NULL : &twin->box[side].at[at];
}

static bool is_edit_against_mark(const struct world_twin *twin, const struct row *row,
	enum side side, struct flag_table *flags)
{
	const struct message *edited = half(twin, row, side);
	const struct message *marked = half(twin, row, other(side));
	return edited != NULL && marked != NULL && (marked->flags & FLAG_DELETED) != 0 &&
	       flags_without(flags, row->flags[side], edited->flags) != 0;
}

bool laws_edit_against_mark(const struct world *w, struct flag_table *flags)
{
	bool found = false;
	for (size_t i = 0; i < w->n; i++)
		for (size_t r = 0; r < w->twin[i].rows; r++)
			for (enum side side = LEFT; side <= RIGHT; side++)
				found |= is_edit_against_mark(
					&w->twin[i], &w->twin[i].row[r], side, flags);
	return found;
}
