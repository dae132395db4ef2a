#include "config.h"

#include "sync/differ.h"

#include <stdlib.h>
#include <string.h>

#include "sync/differ_private.h"

/* ---- the finished plan ---- */

/* What a step is about, for its place in the plan. */
struct subject {
	int64_t received;
	const char *key;
};

static struct subject subject_of(const struct twin *twins, const struct step *step)
{
	if (step->row != NONE) {
		const struct row *row = &twins[step->from_twin].row[step->row];
		const char *key = row->key[row->key[LEFT] == NULL ? RIGHT : LEFT];
		return (struct subject){row->received, key == NULL ? "" : key};
	}
	enum side side = step->message[LEFT] == NONE ? RIGHT : LEFT;
	const struct message_list *list = twins[step_twin(step, side)].list[side];
	const struct message *m = &list->at[step->message[side]];
	return (struct subject){m->received, m->key};
}

/* Later first: longer keys are later, of those as long the greater. */
static int compare_keys(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	return a_len != b_len ? (a_len < b_len) - (a_len > b_len) : memcmp(b, a, a_len);
}

/* Newest first: what a person waits for is there soonest.  Equal ones keep their order, so that a
 * step stays behind the one that it follows. */
static int compare_steps(const void *pa, const void *pb, void *context)
{
	const struct differ *d = context;
	uint32_t x = *(const uint32_t *)pa, y = *(const uint32_t *)pb;
	const struct step *a = &d->plan->step[x], *b = &d->plan->step[y];
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->twin != b->twin)
		return a->twin < b->twin ? -1 : 1;
	struct subject of_a = subject_of(d->twin, a), of_b = subject_of(d->twin, b);
	if (of_a.received != of_b.received)
		return of_a.received > of_b.received ? -1 : 1;
	int order = compare_keys(of_a.key, of_b.key);
	return order != 0 ? order : (x > y) - (x < y);
}

/* Bring every step to its place, where it lies: a plan may have a million.  The step for place i
 * is at from[i]. */
static void arrange(struct plan *plan, uint32_t *from)
{
	for (uint32_t i = 0; i < plan->n; i++) {
		struct step first = plan->step[i];
		uint32_t to = i;
		for (uint32_t next; (next = from[to]) != i; to = next) {
			plan->step[to] = plan->step[next];
			from[to] = to;
		}
		plan->step[to] = first;
		from[to] = to;
	}
}

static void sort_steps(struct differ *d)
{
	struct plan *plan = d->plan;
	uint32_t *from = arena_alloc(d->scratch, plan->n * sizeof *from);
	for (uint32_t i = 0; i < plan->n; i++)
		from[i] = i;
	qsort_r(from, plan->n, sizeof *from, compare_steps, d);
	arrange(plan, from);
}

static uint64_t size_of(const struct twin *twins, const struct step *step, enum side from)
{
	const struct twin *twin = &twins[step->twin];
	if (step->message[from] != NONE)
		return twin->list[from]->at[step->message[from]].size;
	return twin->row[step->row].size;
}

static void count_flags(struct differ *d, const struct step *step)
{
	for (enum side side = LEFT; side <= RIGHT; side++) {
		flag_set add, remove;
		if (step_flags(d->twin, d->flags, step, side, &add, &remove))
			d->plan->count[STEP_FLAGS][side]++;
	}
}

static void count_steps(struct differ *d)
{
	struct plan *plan = d->plan;
	for (size_t i = 0; i < plan->n; i++) {
		const struct step *step = &plan->step[i];
		if (step->kind == STEP_FLAGS)
			count_flags(d, step);
		else
			plan->count[step->kind][step->to]++;
		if (step->kind == STEP_COPY)
			plan->bytes[step->to] += size_of(d->twin, step, other(step->to));
	}
}

/* ---- the story ---- */

static void begin(struct differ *d, struct arena *arena, const struct twin *twins, size_t n,
	struct flag_table *flags, const struct policy *policy)
{
	*d = (struct differ){.arena = arena,
		.scratch = arena_new(),
		.twin = twins,
		.twins = n,
		.flags = flags,
		.policy = policy};
	for (size_t t = 0; t < n; t++)
		for (enum side side = LEFT; side <= RIGHT; side++)
			d->blind[side] |= twins[t].unsure[side];
	d->murky = arena_alloc(d->scratch, n * sizeof *d->murky);
	d->plan = arena_alloc(arena, sizeof *d->plan);
	d->plan->twins = n;
	d->plan->held = arena_alloc(arena, n * sizeof *d->plan->held);
	d->plan->need_whole = arena_alloc(arena, n * sizeof *d->plan->need_whole);
}

/* Room for as many units as there can be: what is not used of it is never touched. */
static void make_room(struct differ *d)
{
	for (size_t t = 0; t < d->twins; t++) {
		const struct message_list *const *list = d->twin[t].list;
		d->cap += d->twin[t].rows;
		for (enum side side = LEFT; side <= RIGHT; side++)
			d->cap += list[side] != NULL ? list[side]->n : 0;
	}
	d->unit = arena_alloc(d->scratch, d->cap * sizeof *d->unit);
}

static void find_each_other(struct differ *d)
{
	make_room(d);
	for (uint32_t t = 0; t < d->twins; t++) {
		size_t first = d->units;
		units_make(d, t);
		meet(d, first);
	}
	moves_find(d);
}

struct plan *differ(struct arena *arena, const struct twin *twins, size_t n,
	struct flag_table *flags, const struct policy *policy)
{
	struct differ d;
	begin(&d, arena, twins, n, flags, policy);
	find_each_other(&d);
	d.plan->cap = d.units; /* most have one step */
	d.plan->step = arena_alloc(arena, d.plan->cap * sizeof *d.plan->step);
	for (size_t i = 0; i < d.units; i++)
		if (!d.unit[i].dead)
			reconcile(&d, &d.unit[i]);
	arena_reset(d.scratch); /* the units, which the steps have taken the place of */
	sort_steps(&d);
	count_steps(&d);
	arena_free(d.scratch);
	return d.plan;
}

/* A half that is listed needs no row to be filled in. */
static void add_unread(struct differ *d, const struct unit *u, enum read_part part,
	struct unread **unread, size_t *n)
{
	enum side side = read_side(u);
	if ((u->ask >> part & 1) == 0 || !is_there(u->state[side]))
		return;
	const struct message *m = unit_message(d, u, side);
	const struct row *row = unit_half_row(d, u, side);
	(*unread)[(*n)++] = (struct unread){.twin = u->twin,
		.side = side,
		.part = part,
		.message = u->message[side],
		.row = m != NULL ? NONE : (uint32_t)(row - d->twin[u->twin].row),
		.key = m != NULL ? m->key : row->key[side]};
}

size_t differ_unread(struct arena *arena, const struct twin *twins, size_t n,
	struct flag_table *flags, const struct policy *policy, struct unread **unread)
{
	struct differ d;
	size_t asked = 0, found = 0;
	bool ids = false;
	begin(&d, arena, twins, n, flags, policy);
	d.asking = true;
	find_each_other(&d);
	for (size_t i = 0; i < d.units; i++) {
		asked += d.unit[i].ask != 0;
		ids |= (d.unit[i].ask >> READ_EMAILID & 1) != 0;
	}
	*unread = arena_alloc(arena, 2 * asked * sizeof **unread);
	for (size_t i = 0; i < d.units; i++) {
		if (ids) { /* they may spare the rest */
			add_unread(&d, &d.unit[i], READ_EMAILID, unread, &found);
			continue;
		}
		add_unread(&d, &d.unit[i], READ_HEADER, unread, &found);
		add_unread(&d, &d.unit[i], READ_WHOLE, unread, &found);
	}
	arena_free(d.scratch);
	return found;
}
