#include <string.h>

#include "sync/differ_private.h"

/* A copy that was taken and thrown away so often is not sent again: Gmail does that to a message
 * that it has. */
#define MOST_THROWN 2

/* ---- the table ---- */

enum action {
	DROP, /* neither has it: forget the row */
	KEEP, /* leave it, and remember how it is */
	MERGE,
	LEFT_GETS,
	RIGHT_GETS,
	LEFT_LOSES,
	RIGHT_LOSES
};

enum table { BETWEEN, MIRROR, COPY, EXCLUDED, TABLES };

/* What is done about a message, by what became of its left half (rows) and its right one. */
/* clang-format off */
static const uint8_t actions[TABLES][STATES][STATES] = {
	[BETWEEN] = {
		/*                never       remembered  gone        same        touched     edited */
		[NEVER]      = {DROP,       DROP,       DROP,       LEFT_GETS,  LEFT_GETS,  LEFT_GETS},
		[REMEMBERED] = {DROP,       DROP,       DROP,       KEEP,       KEEP,       KEEP},
		[GONE]       = {DROP,       DROP,       DROP,       RIGHT_LOSES, RIGHT_LOSES, LEFT_GETS},
		[SAME]       = {RIGHT_GETS, KEEP,       LEFT_LOSES, MERGE,      MERGE,      MERGE},
		[TOUCHED]    = {RIGHT_GETS, KEEP,       LEFT_LOSES, MERGE,      MERGE,      MERGE},
		[EDITED]     = {RIGHT_GETS, KEEP,       RIGHT_GETS, MERGE,      MERGE,      MERGE},
	},
	[MIRROR] = {
		[NEVER]      = {DROP,       DROP,       DROP,       RIGHT_LOSES, RIGHT_LOSES, RIGHT_LOSES},
		[REMEMBERED] = {DROP,       DROP,       DROP,       RIGHT_LOSES, RIGHT_LOSES, RIGHT_LOSES},
		[GONE]       = {DROP,       DROP,       DROP,       RIGHT_LOSES, RIGHT_LOSES, RIGHT_LOSES},
		[SAME]       = {RIGHT_GETS, RIGHT_GETS, RIGHT_GETS, MERGE,      MERGE,      MERGE},
		[TOUCHED]    = {RIGHT_GETS, RIGHT_GETS, RIGHT_GETS, MERGE,      MERGE,      MERGE},
		[EDITED]     = {RIGHT_GETS, RIGHT_GETS, RIGHT_GETS, MERGE,      MERGE,      MERGE},
	},
	[COPY] = {
		[NEVER]      = {DROP,       DROP,       DROP,       KEEP,       KEEP,       KEEP},
		[REMEMBERED] = {DROP,       DROP,       DROP,       KEEP,       KEEP,       KEEP},
		[GONE]       = {DROP,       DROP,       DROP,       KEEP,       KEEP,       KEEP},
		[SAME]       = {RIGHT_GETS, KEEP,       KEEP,       MERGE,      MERGE,      MERGE},
		[TOUCHED]    = {RIGHT_GETS, KEEP,       KEEP,       MERGE,      MERGE,      MERGE},
		[EDITED]     = {RIGHT_GETS, KEEP,       KEEP,       MERGE,      MERGE,      MERGE},
	},
	/* Out of `messages`: left alone, and what is gone is remembered so that it is never missed. */
	[EXCLUDED] = {
		[NEVER]      = {DROP,       DROP,       DROP,       KEEP,       KEEP,       KEEP},
		[REMEMBERED] = {DROP,       DROP,       DROP,       KEEP,       KEEP,       KEEP},
		[GONE]       = {DROP,       DROP,       DROP,       KEEP,       KEEP,       KEEP},
		[SAME]       = {KEEP,       KEEP,       KEEP,       KEEP,       KEEP,       KEEP},
		[TOUCHED]    = {KEEP,       KEEP,       KEEP,       KEEP,       KEEP,       KEEP},
		[EDITED]     = {KEEP,       KEEP,       KEEP,       KEEP,       KEEP,       KEEP},
	},
};
/* clang-format on */

static const enum table table_of_mode[] = {
	[MODE_BETWEEN] = BETWEEN,
	[MODE_MIRROR] = MIRROR,
	[MODE_COPY] = COPY,
	[MODE_MOVE] = COPY,
};

enum merge_rule reconcile_rule(const struct differ *d)
{
	static const enum merge_rule rules[] = {
		[MODE_BETWEEN] = MERGE_CHANGES,
		[MODE_MIRROR] = MERGE_EQUAL,
		[MODE_COPY] = MERGE_LEFT,
		[MODE_MOVE] = MERGE_LEFT,
	};
	return d->policy->flags ? rules[d->policy->mode] : MERGE_NOTHING;
}

/* ---- steps ---- */

static bool epoch_ended(const struct differ *d, const struct unit *u, enum side side)
{
	const struct twin *twin = &d->twin[u->twin];
	return twin->new_epoch[side] || twin->list[side] == NULL;
}

/* A half as it is now, with nothing done to it. */
static enum half half_now(const struct differ *d, const struct unit *u, enum side side)
{
	const struct row *row = unit_row(d, u);
	switch (u->state[side]) {
	case NEVER:
		return HALF_NEVER;
	case REMEMBERED:
		return u->adrift && epoch_ended(d, u, side) ? HALF_NAMELESS : HALF_KEPT;
	case GONE:
		/* By a run of ours that died, for all we know. */
		return side == LEFT && d->policy->mode == MODE_MOVE ? HALF_TAKEN : HALF_GONE;
	default:
		break;
	}
	if (u->merge != NONE && u->merged_right == (side == RIGHT))
		return HALF_MERGED;
	const struct message *m = unit_message(d, u, side);
	if (m == NULL)
		return HALF_KEPT;
	bool same = row != NULL && row->key[side] != NULL && !row->gone[side] &&
		    strcmp(row->key[side], m->key) == 0;
	return same ? HALF_KEPT : HALF_LISTED;
}

struct step reconcile_step(const struct differ *d, const struct unit *u, enum step_kind kind)
{
	const struct row *row = unit_row(d, u);
	struct step step = {.kind = kind,
		.twin = u->twin,
		.from_twin = u->twin,
		.row = u->row,
		.merge = u->merge,
		.message = {u->message[LEFT], u->message[RIGHT]}};
	for (enum side side = LEFT; side <= RIGHT; side++) {
		step.half[side] = half_now(d, u, side);
		if (is_there(u->state[side]))
			step.want[side] = unit_flags(d, u, side);
		else if (row != NULL)
			step.want[side] = row->flags[side];
		step.base[side] = step.want[side];
		step.thrown |= kind == STEP_PAIR && u->thrown[side];
	}
	return step;
}

void reconcile_add(struct differ *d, const struct step *step)
{
	*ARENA_PUSH(d->arena, d->plan->step, d->plan->n, d->plan->cap) = *step;
}

void reconcile_hold(struct differ *d, uint32_t twin)
{
	d->plan->held[twin] = true;
}

/* ---- leave, forget ---- */

static bool half_changes(const struct row *row, const struct step *step, enum side side)
{
	switch (step->half[side]) {
	case HALF_NEVER:
		return row->key[side] != NULL;
	case HALF_KEPT:
		return step->base[side] != row->flags[side];
	default:
		return true;
	}
}

/* A row that does not know its content yet, while a listed message of it does. */
static bool learns_identity(const struct differ *d, const struct unit *u, const struct row *row)
{
	for (enum side side = LEFT; side <= RIGHT; side++) {
		const struct message *m = unit_message(d, u, side);
		if (m != NULL && !identity_known(&row->identity) && identity_known(&m->identity))
			return true;
	}
	return false;
}

/* Add a PAIR where the row would not be what it is; tell whether it was needed. */
static bool remember(struct differ *d, const struct unit *u, const struct step *step)
{
	const struct row *row = unit_row(d, u);
	bool news = row == NULL || step->merge != NONE || half_changes(row, step, LEFT) ||
		    half_changes(row, step, RIGHT) || learns_identity(d, u, row);
	if (news)
		reconcile_add(d, step);
	return news;
}

void reconcile_keep(struct differ *d, struct unit *u)
{
	struct step step = reconcile_step(d, u, STEP_PAIR);
	remember(d, u, &step);
}

static void forget(struct differ *d, const struct unit *u)
{
	struct step step = reconcile_step(d, u, u->adrift ? STEP_PAIR : STEP_FORGET);
	step.half[LEFT] = step.half[RIGHT] = HALF_NEVER;
	reconcile_add(d, &step);
}

/* ---- what has to be true before something is deleted ---- */

static void doubt(struct differ *d, const struct unit *u, enum side to)
{
	struct plan *plan = d->plan;
	for (size_t i = plan->doubts; i-- > 0 && plan->doubt[i].twin == u->twin;) {
		if (plan->doubt[i].side == to) {
			plan->doubt[i].deletes++;
			return;
		}
	}
	*ARENA_PUSH(d->arena, plan->doubt, plan->doubts, plan->cap_doubts) =
		(struct doubt){.twin = u->twin, .side = to, .deletes = 1};
}

/* In `mirror`, B loses a stranger only when A was read whole and has nothing like it. */
static bool is_known_not_in_a(struct differ *d, const struct unit *u)
{
	const struct twin *twin = &d->twin[u->twin];
	if (twin->list[LEFT] == NULL || twin->unsure[LEFT] || d->murky[u->twin])
		return false;
	if (twin->list[LEFT]->partial)
		d->plan->need_whole[u->twin] = true;
	return !twin->list[LEFT]->partial;
}

/* A mailbox that could not be read may hold what is gone elsewhere. */
static bool is_known_to_be_gone(struct differ *d, const struct unit *u, enum side side)
{
	if (u->state[side] == NEVER)
		return is_known_not_in_a(d, u);
	return u->state[side] != GONE || !d->blind[side];
}

static bool may_delete(struct differ *d, const struct unit *u, enum side to)
{
	const struct twin *twin = &d->twin[u->twin];
	if (twin->read_only[to] || unit_is_out_of_sight(d, u, to) ||
		!is_known_to_be_gone(d, u, other(to)))
		return false;
	if (to == RIGHT && d->policy->keeps)
		return true;
	if (!twin->no_deletes[to] && !twin->new_epoch[LEFT] && !twin->new_epoch[RIGHT])
		return true;
	if (!u->found)
		doubt(d, u, to);
	return false;
}

/* ---- flags ---- */

struct held_flags reconcile_half(const struct differ *d, const struct unit *u, enum side side)
{
	const struct twin *twin = &d->twin[u->twin];
	const struct row *row = unit_row(d, u);
	return (struct held_flags){.base = row == NULL ? 0 : row->flags[side],
		.now = unit_flags(d, u, side),
		.storable = twin->list[side] == NULL ? NULL : &twin->list[side]->box.storable,
		.fixed = twin->read_only[side]};
}

static void merge_unit(struct differ *d, const struct unit *u, struct merged *merged)
{
	enum merge_rule rule = reconcile_rule(d);
	struct held_flags half[2] = {reconcile_half(d, u, LEFT), reconcile_half(d, u, RIGHT)};
	if (u->fresh)
		merge_first_base(d->flags, rule, half);
	/* `move` marks what it takes: a run that ended there has not marked the copy as well. */
	if (!u->fresh && d->policy->mode == MODE_MOVE)
		half[LEFT].base = flags_union(d->flags, half[LEFT].base,
			flags_common(d->flags, half[LEFT].now, FLAG_DELETED));
	/* A mark that loses against an edit goes, and has never been a flag to carry. */
	for (enum side side = LEFT; side <= RIGHT; side++)
		if (u->marked[side])
			half[side].now = flags_without(d->flags, half[side].now, FLAG_DELETED);
	merge_flags(d->flags, rule, half, merged);
}

/*
 * What was found by its content is remembered before anything is done about it: a run that dies
 * has not to find it again, and might find another of two equal ones.  Flags and what is gone are
 * left to be seen as changes.  Tells whether the plan has a step for it.
 */
static bool note_keys(struct differ *d, const struct unit *u)
{
	const struct row *row = unit_row(d, u);
	struct step step = reconcile_step(d, u, STEP_PAIR);
	for (enum side side = LEFT; side <= RIGHT; side++) {
		if (row != NULL)
			step.base[side] = row->flags[side];
		if (step.half[side] == HALF_GONE || step.half[side] == HALF_TAKEN)
			step.half[side] = HALF_KEPT;
	}
	if (u->fresh && is_there(u->state[LEFT]) && is_there(u->state[RIGHT])) {
		struct held_flags half[2] = {
			reconcile_half(d, u, LEFT), reconcile_half(d, u, RIGHT)};
		merge_first_base(d->flags, reconcile_rule(d), half);
		step.base[LEFT] = half[LEFT].base;
		step.base[RIGHT] = half[RIGHT].base;
	}
	return remember(d, u, &step);
}

/* Both are there: make their flags agree.  Tells whether the plan has a step for it. */
static bool agree(struct differ *d, struct unit *u)
{
	struct step step = reconcile_step(d, u, STEP_PAIR);
	struct merged merged;
	merge_unit(d, u, &merged);
	for (enum side side = LEFT; side <= RIGHT; side++) {
		if (merged.want[side] != step.want[side])
			step.kind = STEP_FLAGS;
		if (merged.want[side] != merged.base[side])
			reconcile_hold(d, u->twin);
		step.want[side] = merged.want[side];
		step.base[side] = merged.base[side];
	}
	d->plan->conflicts += merged.conflicts;
	if (step.kind == STEP_PAIR)
		return remember(d, u, &step);
	step.follows = note_keys(d, u);
	reconcile_add(d, &step);
	return true;
}

/* ---- copy ---- */

/* `move`: once B has it, A is to lose it; in the next run, where this one is in doubt. */
static void take(struct differ *d, const struct unit *u, enum half right, bool follows)
{
	const struct twin *twin = &d->twin[u->twin];
	if (twin->no_deletes[LEFT])
		doubt(d, u, LEFT);
	/* what has a new epoch only is known, and taken, in the closing look */
	if (twin->read_only[LEFT] || twin->no_deletes[LEFT] || twin->new_epoch[LEFT] ||
		twin->new_epoch[RIGHT] || twin->unsure[RIGHT] || unit_is_out_of_sight(d, u, LEFT)) {
		reconcile_hold(d, u->twin);
		return;
	}
	struct step step = reconcile_step(d, u, STEP_DELETE);
	step.to = LEFT;
	step.half[LEFT] = HALF_TAKEN;
	step.half[RIGHT] = right;
	step.verify = true;
	step.follows = follows;
	reconcile_add(d, &step);
}

/* A copy that was thrown away is made once more in the next run, and then no more. */
static bool is_unwanted(struct differ *d, const struct unit *u, enum side to)
{
	const struct row *row = unit_row(d, u);
	bool often = row != NULL && row->thrown + u->thrown[to] >= MOST_THROWN;
	if (often && u->state[to] == NEVER)
		*ARENA_PUSH(d->arena, d->plan->thrown, d->plan->n_thrown, d->plan->cap_thrown) =
			(struct thrown){.twin = u->twin, .row = u->row, .from = other(to)};
	return (often && u->state[to] == NEVER) || u->thrown[to];
}

/* A message brought back with a mark that counts as gone there would go again at once. */
static bool would_be_gone(const struct differ *d, const struct unit *u, enum side to)
{
	flag_set set = unit_flags(d, u, other(to));
	return d->policy->expunge && (flags_system(d->flags, set) & FLAG_DELETED) != 0;
}

static void gets(struct differ *d, struct unit *u, enum side to)
{
	const struct twin *twin = &d->twin[u->twin];
	/* What is still there, only marked, comes back by losing the mark. */
	if (u->marked[to] && !twin->read_only[to]) {
		agree(d, u);
		return;
	}
	if (is_unwanted(d, u, to) || would_be_gone(d, u, to)) {
		reconcile_keep(d, u);
		return;
	}
	if (twin->read_only[to] || twin->unsure[to]) {
		reconcile_hold(d, u->twin);
		return;
	}
	struct step step = reconcile_step(d, u, STEP_COPY);
	step.to = to;
	step.half[to] = HALF_NEW;
	step.want[to] = step.want[other(to)];
	if (twin->list[to] != NULL)
		step.want[to] =
			flags_storable(d->flags, step.want[to], &twin->list[to]->box.storable);
	step.base[to] = step.want[to];
	reconcile_add(d, &step);
	if (d->policy->mode == MODE_MOVE)
		take(d, u, HALF_NEW, true);
}

static void merge(struct differ *d, struct unit *u)
{
	bool has_step = agree(d, u);
	if (d->policy->mode == MODE_MOVE)
		take(d, u, half_now(d, u, RIGHT), has_step);
}

/* ---- delete ---- */

static void add_deletion(struct differ *d, const struct unit *u, enum side to, bool follows)
{
	struct step step = reconcile_step(d, u, STEP_DELETE);
	step.to = to;
	step.half[to] = HALF_GONE;
	step.found = u->found;
	step.follows = follows;
	reconcile_add(d, &step);
}

/* `expunge`: what was only marked goes as well, once the other side's is dealt with.  Tells whether
 * the plan has a step for it. */
static bool expunge(struct differ *d, struct unit *u, enum side side, bool follows)
{
	if (!u->marked[side] || d->policy->mode != MODE_BETWEEN)
		return false;
	if (!may_delete(d, u, side)) {
		reconcile_hold(d, u->twin);
		return false;
	}
	add_deletion(d, u, side, follows);
	return true;
}

static void loses(struct differ *d, struct unit *u, enum side to)
{
	enum side gone = other(to);
	if (d->policy->bring_back) {
		gets(d, u, gone);
		return;
	}
	if (!d->policy->propagate) {
		reconcile_keep(d, u);
		return;
	}
	if (!may_delete(d, u, to)) {
		reconcile_hold(d, u->twin);
		return;
	}
	add_deletion(d, u, to, false);
	expunge(d, u, gone, true);
}

/* Neither side has it any more; but what is only marked has to go first. */
static void drop(struct differ *d, struct unit *u)
{
	bool marked = u->marked[LEFT] || u->marked[RIGHT];
	bool single = u->state[LEFT] == NEVER || u->state[RIGHT] == NEVER;
	if (!marked) {
		forget(d, u);
	} else if (single || d->policy->mode != MODE_BETWEEN || !d->policy->propagate ||
		   unit_excluded(d, u)) {
		reconcile_keep(d, u);
	} else {
		bool follows = note_keys(d, u);
		follows |= expunge(d, u, LEFT, follows);
		expunge(d, u, RIGHT, follows);
	}
}

/* ---- the decision ---- */

static void perform(struct differ *d, struct unit *u, enum action action)
{
	switch (action) {
	case DROP:
		drop(d, u);
		break;
	case KEEP:
		reconcile_keep(d, u);
		break;
	case MERGE:
		merge(d, u);
		break;
	case LEFT_GETS:
	case RIGHT_GETS:
		gets(d, u, action == LEFT_GETS ? LEFT : RIGHT);
		break;
	case LEFT_LOSES:
	case RIGHT_LOSES:
		loses(d, u, action == LEFT_LOSES ? LEFT : RIGHT);
		break;
	}
}

/* The transaction that stores a new epoch must leave none of the old one's keys in a row, whatever
 * else is planned for it: they may come up again for other messages. */
static void moor(struct differ *d, const struct unit *u, size_t first)
{
	for (size_t i = first; i < d->plan->n; i++)
		if (d->plan->step[i].kind == STEP_PAIR)
			return;
	note_keys(d, u);
}

/* What was thrown away never was there, unless it was only moved to another mailbox. */
static void forget_thrown(struct unit *u)
{
	for (enum side side = LEFT; side <= RIGHT; side++) {
		u->thrown[side] &= u->state[side] == GONE && u->mate == NONE && !u->found;
		if (u->thrown[side])
			u->state[side] = NEVER;
	}
}

void reconcile(struct differ *d, struct unit *u)
{
	size_t first = d->plan->n;
	forget_thrown(u);
	uint8_t left = u->marked[LEFT] ? GONE : u->state[LEFT];
	uint8_t right = u->marked[RIGHT] ? GONE : u->state[RIGHT];
	enum table table = unit_excluded(d, u) ? EXCLUDED : table_of_mode[d->policy->mode];
	if (u->veiled)
		reconcile_hold(d, u->twin);
	else if (u->mate != NONE)
		moves_plan(d, u);
	else
		perform(d, u, actions[table][left][right]);
	if (u->adrift)
		moor(d, u, first);
}
