#include "sync/differ_private.h"

/*
 * Moves: gone from one mailbox, new in another of the same side.
 *
 * Carried out as a move, a message needs no second journey and keeps what is known of it.  In
 * `copy`, and where deletions are kept, it is copied inside the store and stays where it was.
 */

static bool stays(const struct differ *d)
{
	return d->policy->mode == MODE_COPY || !d->policy->propagate;
}

/* A half that went, while the other stayed: the other would go, or be remembered. */
static bool is_left_behind(const struct differ *d, const struct unit *u, enum side gone)
{
	return u->state[gone] == GONE && is_there(u->state[other(gone)]) &&
	       !u->marked[other(gone)] && !unit_excluded(d, u) &&
	       !unit_is_out_of_sight(d, u, other(gone));
}

/* A stranger that would be copied to the other side. */
static bool is_newcomer(const struct differ *d, const struct unit *u, enum side side)
{
	return meet_is_new(d, u, side) && !u->marked[side] && !unit_excluded(d, u);
}

static bool is_paired_newcomer(const struct differ *d, const struct unit *u, enum side side)
{
	(void)d;
	return u->fresh && u->row == NONE && is_there(u->state[side]) &&
	       is_there(u->state[other(side)]);
}

/* The flags of a message that moved on side ${gone} and did not yet on the other. */
static void find_halves(const struct differ *d, const struct unit *u, const struct unit *mate,
	enum side gone, struct held_flags half[2])
{
	half[other(gone)] = reconcile_half(d, u, other(gone));
	half[gone] = reconcile_half(d, mate, gone);
	half[gone].base = unit_row(d, u)->flags[gone];
}

static void merge_moved(const struct differ *d, const struct unit *u, const struct unit *mate,
	enum side gone, struct merged *merged)
{
	struct held_flags half[2];
	find_halves(d, u, mate, gone, half);
	merge_flags(d->flags, reconcile_rule(d), half, merged);
}

/*
 * An edit wins over a deletion, and so over a move; but flags that the moved message has as well
 * are no such edit: they are our own, from a run that died between changing them and moving.
 */
static bool is_edited(
	const struct differ *d, const struct unit *u, const struct unit *mate, enum side gone)
{
	struct merged merged;
	if (d->policy->mode != MODE_BETWEEN || u->state[other(gone)] != EDITED)
		return false;
	merge_moved(d, u, mate, gone, &merged);
	flag_set now = unit_flags(d, mate, gone);
	return merge_is_edit(d->flags, flags_without(d->flags, merged.want[gone], now)) ||
	       merge_is_edit(d->flags, flags_without(d->flags, now, merged.want[gone]));
}

/* Whether both the mailbox that it leaves and the one that it goes to can hold what it is to have.
 */
static bool takes_its_flags_along(
	const struct differ *d, const struct unit *u, const struct unit *mate, enum side gone)
{
	enum side to = other(gone);
	const struct message_list *in = d->twin[mate->twin].list[to];
	struct held_flags half[2];
	struct merged merged, wanted;
	merge_moved(d, u, mate, gone, &merged);
	find_halves(d, u, mate, gone, half);
	half[to].storable = NULL;
	merge_flags(d->flags, reconcile_rule(d), half, &wanted);
	flag_set set = wanted.want[to];
	return merged.want[to] == set &&
	       (in == NULL || flags_storable(d->flags, set, &in->box.storable) == set);
}

static bool may_leave(const struct twin *from, enum side to)
{
	return !from->read_only[to] && !from->no_deletes[to] && !from->new_epoch[LEFT] &&
	       !from->new_epoch[RIGHT];
}

static bool may_arrive(const struct twin *in, enum side to)
{
	return !in->read_only[to] && !in->unsure[to];
}

static flag_set flags_of_copy(const struct differ *d, const struct unit *u, enum side to)
{
	const struct message_list *list = d->twin[u->twin].list[to];
	flag_set set = unit_flags(d, u, other(to));
	return list == NULL ? set : flags_storable(d->flags, set, &list->box.storable);
}

static bool find_move(struct differ *d, struct unit *u, struct unit *mate, enum side gone)
{
	enum side to = other(gone);
	bool arrives = may_arrive(&d->twin[mate->twin], to);
	if (is_edited(d, u, mate, gone))
		return false;
	/* What stays must not get the flags of its copy. */
	if (stays(d) && (!arrives || flags_of_copy(d, mate, to) != unit_flags(d, u, to)))
		return false;
	if (!stays(d) &&
		(!may_leave(&d->twin[u->twin], to) || !takes_its_flags_along(d, u, mate, gone)))
		return false;
	/* It must not go from here before it can be there. */
	if (!arrives) {
		u->dead = true;
		reconcile_hold(d, u->twin);
		return true;
	}
	u->mate = (uint32_t)(mate - d->unit);
	mate->dead = true;
	return true;
}

static bool find_elsewhere(struct differ *d, struct unit *u, struct unit *pair, enum side gone)
{
	(void)d;
	(void)gone;
	u->found = pair->twin != u->twin;
	return u->found;
}

static void find_on_side(struct differ *d, enum side gone)
{
	struct pool left_behind = match_pool(d, 0, is_left_behind, gone);
	if (left_behind.n == 0)
		return;
	struct pool newcomers = match_pool(d, 0, is_newcomer, gone);
	match(d, &left_behind, &newcomers, true, find_move);
	struct pool paired = match_pool(d, 0, is_paired_newcomer, gone);
	match(d, &left_behind, &paired, true, find_elsewhere);
}

void moves_find(struct differ *d)
{
	/* `move` empties A: what is left to be found there is not worth a case of its own.  Where
	 * all that is gone comes back, and nothing may go, nothing can move either. */
	bool nothing_goes = d->policy->mode != MODE_COPY && !d->policy->propagate;
	if (d->policy->mode == MODE_MOVE || (d->policy->bring_back && nothing_goes))
		return;
	find_on_side(d, LEFT);
	if (d->policy->mode == MODE_BETWEEN)
		find_on_side(d, RIGHT);
}

/* Both sides come to agree before it moves. */
static void agree(struct differ *d, struct step *step, const struct merged *merged)
{
	for (enum side side = LEFT; side <= RIGHT; side++) {
		if (merged->want[side] != merged->base[side])
			reconcile_hold(d, step->twin);
		step->want[side] = merged->want[side];
		step->base[side] = merged->base[side];
	}
	d->plan->conflicts += merged->conflicts;
}

void moves_plan(struct differ *d, struct unit *u)
{
	const struct unit *mate = &d->unit[u->mate];
	enum side gone = is_there(u->state[LEFT]) ? RIGHT : LEFT, to = other(gone);
	struct step step = reconcile_step(d, u, STEP_MOVE);
	struct merged merged;
	step.to = to;
	step.twin = mate->twin;
	step.keep = stays(d);
	step.message[gone] = mate->message[gone];
	step.half[gone] = HALF_LISTED;
	step.half[to] = HALF_NEW;
	step.want[gone] = step.base[gone] = unit_flags(d, mate, gone);
	merge_moved(d, u, mate, gone, &merged);
	if (!step.keep)
		agree(d, &step, &merged);
	reconcile_add(d, &step);
	if (step.keep)
		reconcile_keep(d, u);
}
