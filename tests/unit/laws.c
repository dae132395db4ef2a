#include "laws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Large, and used by one law after the other. */
static struct view view, other_view;

/* One run of the laws over one world. */
struct trial {
	struct flag_table *flags;
	struct chance chance;
	struct arena *arena;
	const struct world *before;
	bool read; /* only what is asked for is known, else everything */
};

static bool has_circumstances(const struct world *w)
{
	for (size_t t = 0; t < w->n; t++)
		for (enum side side = LEFT; side <= RIGHT; side++)
			if (w->twin[t].unsure[side] || w->twin[t].read_only[side] ||
				w->twin[t].no_deletes[side])
				return true;
	return false;
}

static bool is_unsure(const struct world *w)
{
	for (size_t t = 0; t < w->n; t++)
		if (w->twin[t].unsure[LEFT] || w->twin[t].unsure[RIGHT])
			return true;
	return false;
}

static bool has_new_epoch(const struct world *w)
{
	for (size_t t = 0; t < w->n; t++)
		if (w->twin[t].new_epoch[LEFT] || w->twin[t].new_epoch[RIGHT])
			return true;
	return false;
}

static bool has_two_new_epochs(const struct world *w)
{
	for (size_t t = 0; t < w->n; t++)
		if (w->twin[t].new_epoch[LEFT] && w->twin[t].new_epoch[RIGHT])
			return true;
	return false;
}

/* ---- nothing is deleted that must not be ---- */

static bool is_marked(const struct world *w, size_t t, enum side side, const char *key)
{
	uint32_t i = world_find(&w->twin[t].box[side], key);
	return w->policy.expunge && i != NONE &&
	       (w->twin[t].box[side].at[i].flags & FLAG_DELETED) != 0;
}

/* The other half of some row with this half was there, and is not any more. */
static bool twin_is_gone(const struct world *w, size_t t, enum side side, const char *key)
{
	const struct world_twin *twin = &w->twin[t];
	for (size_t i = 0; i < twin->rows; i++) {
		const struct row *row = &twin->row[i];
		const char *half = row->key[other(side)];
		if (row->key[side] == NULL || row->gone[side] || strcmp(row->key[side], key) != 0)
			continue;
		if (row->gone[other(side)])
			return true;
		if (half != NULL &&
			(world_find(&twin->box[other(side)], half) == NONE ||
				is_marked(w, t, other(side), half) || is_marked(w, t, side, key)))
			return true;
	}
	return false;
}

/* Known to neither side's state, but \Deleted on both of them. */
static bool is_marked_on_both(const struct view *v, const struct step *step)
{
	const char *left = step_key(v->scene.twin, step, LEFT);
	const char *right = step_key(v->scene.twin, step, RIGHT);
	return v->of.policy.mode == MODE_BETWEEN && left != NULL && right != NULL &&
	       is_marked(&v->of, step->twin, LEFT, left) &&
	       is_marked(&v->of, step->twin, RIGHT, right);
}

static void check_deletion(const struct view *v, const struct step *step)
{
	const struct world *w = &v->of;
	const char *key = step_key(v->scene.twin, step, step->to);
	const struct world_twin *twin = &w->twin[step->twin];
	bool stranger = w->policy.mode == MODE_MIRROR && step->to == RIGHT && !twin->unsure[LEFT];
	if (twin->new_epoch[LEFT] || twin->new_epoch[RIGHT])
		world_broken("a new epoch deletes something");
	if (twin->no_deletes[step->to])
		world_broken("something is deleted where nothing may be");
	if (step->verify) {
		if (w->policy.mode != MODE_MOVE || step->to != LEFT)
			world_broken("something is taken that `move` does not take");
	} else if (!stranger && !twin_is_gone(w, step->twin, step->to, key) &&
		   !is_marked_on_both(v, step)) {
		world_broken("something is deleted whose twin is not gone");
	}
	if (w->policy.mode == MODE_COPY || (w->policy.mode == MODE_MOVE && step->to == RIGHT) ||
		(w->policy.mode == MODE_MIRROR && step->to == LEFT))
		world_broken("something is deleted that this mode never deletes");
	if (!step->verify && !w->policy.propagate)
		world_broken("something is deleted where deletions are kept");
}

static void check_step(const struct view *v, const struct step *step)
{
	const struct world *w = &v->of;
	const struct world_twin *from = &w->twin[step->from_twin];
	if (step->kind == STEP_DELETE)
		check_deletion(v, step);
	if (step->kind == STEP_MOVE && !step->keep &&
		(from->new_epoch[LEFT] || from->new_epoch[RIGHT]))
		world_broken("a new epoch moves something away");
	if (step->kind == STEP_COPY && step->to == LEFT && w->policy.mode != MODE_BETWEEN &&
		!w->policy.bring_back)
		world_broken("A gets a message from B");
	if (step->kind == STEP_COPY && w->twin[step->twin].unsure[step->to])
		world_broken("a side that could not be read gets what it may have");
}

/* ---- a world comes to rest ---- */

static bool is_quiet(const struct plan *plan)
{
	return plan_empty(plan);
}

/* Under a new epoch the first run leaves deletions to the second. */
static unsigned runs_until_quiet(const struct trial *t)
{
	return 1u + has_new_epoch(t->before);
}

/* With the first transaction: the epochs are known, and copies of earlier runs were looked for. */
static void begin_run(struct world *w, const struct view *v)
{
	for (size_t t = 0; t < w->n; t++) {
		struct world_twin *twin = &w->twin[t];
		size_t old = v->of.twin[t].intents;
		twin->new_epoch[LEFT] = twin->new_epoch[RIGHT] = false;
		twin->intents -= old;
		memmove(twin->intent, twin->intent + old, twin->intents * sizeof *twin->intent);
	}
}

struct buffer *laws_story;

static void tell(const struct trial *t, const struct plan *plan)
{
	buffer_puts(laws_story, "----\n");
	scene_print(&view.scene, laws_story);
	buffer_puts(laws_story, "plan:\n");
	plan_print(plan, view.scene.twin, t->flags, laws_story);
}

static struct plan *plan_for(struct trial *t, const struct world *w)
{
	arena_reset(t->arena);
	world_view(w, t->flags, &view);
	struct plan *plan = world_plan(&view, t->arena, t->read);
	if (laws_story != NULL)
		tell(t, plan);
	return plan;
}

/* Two plans side by side: from all that can be known, so that they can only differ by the law. */
static void two_views(struct trial *t, const struct world *one, const struct world *two)
{
	arena_reset(t->arena);
	world_view(one, t->flags, &view);
	world_view(two, t->flags, &other_view);
}

static void come_to_rest(struct trial *t, struct world *w, unsigned untold_percent)
{
	unsigned quiet_after = runs_until_quiet(t);
	for (unsigned run = 0; broken == NULL; run++) {
		const struct plan *plan = plan_for(t, w);
		if (plan->n == 0 && !has_new_epoch(w))
			return;
		if (run >= quiet_after && !is_quiet(plan))
			world_broken("carried out and made again, the plan is not empty");
		if (run > quiet_after + 1)
			world_broken("the state does not come to rest");
		begin_run(w, &view);
		for (size_t i = 0; i < plan->n; i++) {
			check_step(&view, &plan->step[i]);
			world_carry_out(w, &view, &plan->step[i],
				chance_of(&t->chance, untold_percent) ? END_UNTOLD : END_SETTLED);
		}
	}
}

/* ---- what a world at rest looks like ---- */

static const struct message *half_of(
	const struct world_twin *twin, const struct row *row, enum side side, uint32_t *at)
{
	*at = row->gone[side] ? NONE : world_find(&twin->box[side], row->key[side]);
	return *at == NONE ? NULL : &twin->box[side].at[*at];
}

static bool is_excluded(const struct world *w, const struct row *row, const struct message *left,
	const struct message *right)
{
	if (left != NULL)
		return !left->selected;
	return !right->selected || (w->excluded >> (row->size / 100 - 1) & 1) != 0;
}

/* Why a message may be alone at the end. */
static bool may_be_alone(const struct world *w, const struct row *row, const struct message *left,
	const struct message *right)
{
	enum mode mode = w->policy.mode;
	const struct message *m = left != NULL ? left : right;
	bool marked = w->policy.expunge && (m->flags & FLAG_DELETED) != 0 &&
		      (left != NULL || mode == MODE_BETWEEN || w->policy.bring_back);
	if (is_excluded(w, row, left, right) || marked || row->thrown >= 2)
		return true;
	if (mode == MODE_COPY || mode == MODE_MOVE)
		return left == NULL || row->gone[RIGHT];
	if (mode == MODE_MIRROR)
		return left == NULL && !w->policy.propagate;
	return row->gone[LEFT] || row->gone[RIGHT];
}

static void check_row(const struct world *w, const struct world_twin *twin, const struct row *row,
	size_t named[2][WORLD_MESSAGES])
{
	uint32_t at[2];
	const struct message *left = half_of(twin, row, LEFT, &at[LEFT]);
	const struct message *right = half_of(twin, row, RIGHT, &at[RIGHT]);
	for (enum side side = LEFT; side <= RIGHT; side++) {
		if (at[side] != NONE)
			named[side][at[side]]++;
		else if (row->key[side] != NULL && !row->gone[side])
			world_broken("a row names a message that is not there");
	}
	if (left == NULL && right == NULL)
		world_broken("a row is kept of which nothing is there");
	else if (left != NULL && right != NULL &&
		 memcmp(&twin->box[LEFT].whole[at[LEFT]], &twin->box[RIGHT].whole[at[RIGHT]],
			 sizeof(struct identity)) != 0)
		world_broken("two different messages are paired");
	else if ((left == NULL || right == NULL) && !may_be_alone(w, row, left, right))
		world_broken("a message is left alone");
	else if (left != NULL && right != NULL && w->policy.mode == MODE_MOVE &&
		 !is_excluded(w, row, left, right) &&
		 !(w->policy.expunge && (left->flags & FLAG_DELETED) != 0))
		world_broken("`move` leaves what it copied");
}

static void check_mirrored_flags(
	const struct trial *t, const struct world *w, const struct world_twin *twin)
{
	struct flag_table *f = t->flags;
	for (size_t i = 0; i < twin->rows; i++) {
		uint32_t at[2];
		const struct message *left = half_of(twin, &twin->row[i], LEFT, &at[LEFT]);
		const struct message *right = half_of(twin, &twin->row[i], RIGHT, &at[RIGHT]);
		if (left == NULL || right == NULL || !left->selected ||
			(w->policy.expunge && (left->flags & FLAG_DELETED) != 0))
			continue;
		flag_set set = flags_storable(f, left->flags, &twin->box[RIGHT].storable);
		flag_set had = flags_storable(f, right->flags, &twin->box[LEFT].storable);
		if (flags_without(f, set, right->flags) != 0 ||
			flags_without(f, had, left->flags) != 0)
			world_broken("in `mirror` flags differ");
	}
}

static void check_rest(const struct trial *t, const struct world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct world_twin *twin = &w->twin[i];
		size_t named[2][WORLD_MESSAGES] = {{0}};
		for (size_t r = 0; r < twin->rows; r++)
			check_row(w, twin, &twin->row[r], named);
		for (enum side side = LEFT; side <= RIGHT; side++)
			for (size_t m = 0; m < twin->box[side].n; m++)
				if (named[side][m] != 1)
					world_broken(named[side][m] == 0
							     ? "a message is known to no row"
							     : "a message is known to two rows");
		if (w->policy.mode == MODE_MIRROR && w->policy.flags)
			check_mirrored_flags(t, w, twin);
	}
}

/* ---- nothing is lost, nothing is doubled ---- */

#define KINDS (WORLD_CONTENTS * 2)

struct census {
	uint8_t n[WORLD_BOXES][2][KINDS];
};

static unsigned kind_of(const struct identity *whole)
{
	return world_content(whole) * 2 + world_body(whole);
}

static void count_messages(const struct world *w, struct census *census)
{
	memset(census, 0, sizeof *census);
	for (size_t t = 0; t < w->n; t++)
		for (enum side side = LEFT; side <= RIGHT; side++)
			for (size_t i = 0; i < w->twin[t].box[side].n; i++)
				census->n[t][side][kind_of(&w->twin[t].box[side].whole[i])]++;
}

/* Rows that know a message that was deleted, or may be counted as such: then less is right. */
static bool knows_deletion(const struct world *w, const struct world_twin *twin, unsigned kind)
{
	for (size_t i = 0; i < twin->rows; i++) {
		const struct row *row = &twin->row[i];
		bool same = (unsigned)(row->identity.octet[1] - '0') == kind / 2;
		for (enum side side = LEFT; same && side <= RIGHT; side++) {
			const char *key = row->key[side];
			if (row->gone[side] ||
				(key != NULL && world_find(&twin->box[side], key) == NONE))
				return true;
		}
	}
	return w->policy.expunge;
}

static bool anyone_knows_deletion(const struct world *w, unsigned kind)
{
	for (size_t t = 0; t < w->n; t++)
		if (knows_deletion(w, &w->twin[t], kind))
			return true;
	return false;
}

static bool any_excluded(const struct world *w)
{
	return w->excluded != 0;
}

static bool any_thrown(const struct world *w)
{
	for (size_t t = 0; t < w->n; t++)
		for (size_t i = 0; i < w->twin[t].rows; i++)
			if (w->twin[t].row[i].thrown >= 2)
				return true;
	return false;
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* What there must be at least of one kind in one mailbox of one side. */
static unsigned least(
	const struct world *w, const uint8_t had[2][KINDS], unsigned kind, enum side side)
{
	switch (w->policy.mode) {
	case MODE_BETWEEN:
		return larger(had[LEFT][kind], had[RIGHT][kind]);
	case MODE_MIRROR:
		if (w->policy.bring_back)
			return larger(had[LEFT][kind], had[RIGHT][kind]);
		return had[LEFT][kind];
	case MODE_COPY:
		return side == LEFT ? had[LEFT][kind] : larger(had[LEFT][kind], had[RIGHT][kind]);
	default:
		return side == LEFT ? 0 : larger(had[LEFT][kind], had[RIGHT][kind]);
	}
}

/* What there may be at most: every row stands for one message, and strangers on the two sides for
 * as few as they can. */
static unsigned most(const struct world *w, const struct world_twin *twin, unsigned kind)
{
	unsigned rows = 0, strangers[2] = {0, 0};
	for (enum side side = LEFT; side <= RIGHT; side++)
		for (size_t m = 0; m < twin->box[side].n; m++)
			strangers[side] += kind_of(&twin->box[side].whole[m]) == kind;
	for (size_t i = 0; i < twin->rows; i++) {
		bool stands = false;
		for (enum side side = LEFT; side <= RIGHT; side++) {
			uint32_t at;
			if (half_of(twin, &twin->row[i], side, &at) == NULL ||
				kind_of(&twin->box[side].whole[at]) != kind)
				continue;
			strangers[side]--;
			stands = true;
		}
		rows += stands;
	}
	(void)w;
	return rows + larger(strangers[LEFT], strangers[RIGHT]);
}

static void check_numbers(const struct trial *t, const struct world *after)
{
	const struct world *w = t->before;
	struct census was, is;
	/* Brought back is also what is there, but marked away. */
	bool comes_twice = w->policy.bring_back && w->policy.expunge;
	bool less_is_right = any_excluded(w) || any_thrown(w);
	count_messages(w, &was);
	count_messages(after, &is);
	for (size_t i = 0; i < w->n; i++) {
		const struct world_twin *twin = &w->twin[i];
		bool epoch = twin->new_epoch[LEFT] || twin->new_epoch[RIGHT];
		for (unsigned kind = 0; kind < KINDS; kind++) {
			bool deleted = less_is_right || anyone_knows_deletion(w, kind);
			for (enum side side = LEFT; side <= RIGHT; side++) {
				unsigned n = is.n[i][side][kind];
				if (!deleted && n < least(w, was.n[i], kind, side))
					world_broken("a message is lost");
				if (!epoch && !comes_twice && n > most(w, twin, kind))
					world_broken("a message is doubled");
				if (epoch && !deleted &&
					n > larger(was.n[i][LEFT][kind], was.n[i][RIGHT][kind]))
					world_broken("a new epoch doubles a message");
			}
		}
	}
}

/* A is only read in `copy` and `mirror`; in `move` it only loses; B never loses in `copy`. */
static void check_untouched(const struct trial *t, const struct world *after, enum side side)
{
	for (size_t i = 0; i < after->n; i++) {
		const struct world_box *was = &t->before->twin[i].box[side];
		const struct world_box *is = &after->twin[i].box[side];
		for (size_t m = 0; m < was->n; m++) {
			uint32_t at = world_find(is, was->at[m].key);
			if (at == NONE && !(t->before->policy.mode == MODE_MOVE && side == LEFT))
				world_broken("a message goes that this mode never deletes");
			if (side == LEFT && at != NONE && is->at[at].flags != was->at[m].flags)
				world_broken("flags on A are changed");
		}
		if (side == LEFT && is->n > was->n)
			world_broken("A gets a message");
	}
}

static void check_modes(const struct trial *t, const struct world *after)
{
	enum mode mode = t->before->policy.mode;
	if (mode != MODE_BETWEEN && !(mode == MODE_MIRROR && t->before->policy.bring_back))
		check_untouched(t, after, LEFT);
	if (mode == MODE_COPY || mode == MODE_MOVE)
		check_untouched(t, after, RIGHT);
}

/* ---- the laws ---- */

static void law_of_rest(struct trial *t, struct world *after)
{
	*after = *t->before;
	come_to_rest(t, after, 0);
	if (broken != NULL)
		return;
	check_modes(t, after);
	if (has_circumstances(after))
		return;
	check_rest(t, after);
	check_numbers(t, after);
}

/* Steps that change only the state stand in one transaction, with the epoch. */
static size_t some_cut(struct trial *t, const struct plan *plan)
{
	size_t state_steps = 0;
	while (state_steps < plan->n && plan->step[state_steps].kind == STEP_PAIR)
		state_steps++;
	size_t cut = chance_below(&t->chance, (unsigned)plan->n + 1);
	return cut < state_steps ? 0 : cut;
}

static void cut_off(struct trial *t, struct world *w)
{
	const struct plan *plan = plan_for(t, w);
	size_t cut = some_cut(t, plan);
	if (cut == 0 && plan->n > 0 && plan->step[0].kind == STEP_PAIR)
		return;
	begin_run(w, &view);
	for (size_t i = 0; i < cut; i++)
		world_carry_out(w, &view, &plan->step[i], END_SETTLED);
	if (cut < plan->n && chance_of(&t->chance, 60))
		world_carry_out(w, &view, &plan->step[cut],
			chance_of(&t->chance, 70) ? END_CUT_OFF : END_BEGUN);
}

/*
 * Where one of two equal messages is excluded, was thrown away, or less is known than before,
 * another of them may be the one that finds a twin.  Under a new epoch nothing moves away, which is
 * possible again in the run after it; which of two equal messages moved decides what there is to
 * bring back; what a run deleted that died is unknown where a side cannot be read whole.  An edit
 * wins against a mark, but a flag that was taken off and is set again where both sides changed it
 * leaves no trace of the edit, should the run die before it takes the mark off.
 */
static bool ends_the_same(const struct trial *t)
{
	const struct world *w = t->before;
	return !any_excluded(w) && !any_thrown(w) && !t->read && !is_unsure(w) &&
	       !(w->policy.expunge && laws_edit_against_mark(w, t->flags)) &&
	       (w->n == 1 || (!has_new_epoch(w) && !w->policy.bring_back));
}

/* Cut off anywhere, and begun again; some keys are not told on the way. */
static void law_of_cuts(struct trial *t, const struct world *uncut)
{
	struct world w = *t->before;
	struct census was, is;
	cut_off(t, &w);
	if (chance_of(&t->chance, 30))
		cut_off(t, &w);
	for (unsigned run = 0; broken == NULL && run < 8; run++) {
		const struct plan *plan = plan_for(t, &w);
		if (plan->n == 0 && !has_new_epoch(&w))
			break;
		begin_run(&w, &view);
		for (size_t i = 0; i < plan->n; i++) {
			check_step(&view, &plan->step[i]);
			world_carry_out(&w, &view, &plan->step[i],
				chance_of(&t->chance, 20) && run < 2 ? END_UNTOLD : END_SETTLED);
		}
		if (run == 7 && !is_unsure(&w))
			world_broken("cut off, it does not come to rest");
	}
	count_messages(uncut, &was);
	count_messages(&w, &is);
	if (ends_the_same(t) && memcmp(&was, &is, sizeof was) != 0)
		world_broken("cut off and begun again, it ends otherwise");
	if (!has_circumstances(&w))
		check_rest(t, &w);
}

static void swap_sides(struct world *w)
{
	for (size_t t = 0; t < w->n; t++) {
		struct world_twin *twin = &w->twin[t];
		struct world_twin was = *twin;
		for (enum side side = LEFT; side <= RIGHT; side++) {
			twin->box[side] = was.box[other(side)];
			twin->new_epoch[side] = was.new_epoch[other(side)];
			twin->unsure[side] = was.unsure[other(side)];
			twin->no_deletes[side] = was.no_deletes[other(side)];
			twin->read_only[side] = was.read_only[other(side)];
		}
		for (size_t i = 0; i < twin->rows; i++)
			for (enum side side = LEFT; side <= RIGHT; side++) {
				struct row *row = &twin->row[i];
				row->key[side] = was.row[i].key[other(side)];
				row->flags[side] = was.row[i].flags[other(side)];
				row->gone[side] = was.row[i].gone[other(side)];
				row->taken[side] = was.row[i].taken[other(side)];
			}
		for (size_t i = 0; i < twin->intents; i++)
			twin->intent[i].to = other(twin->intent[i].to);
	}
}

static void law_of_mirrors(struct trial *t)
{
	struct world w = *t->before;
	/* Selection is asked of A, as \Seen in a conflict is.  With two new epochs, what one side
	 * finds again tells something about what the other may. */
	if (w.policy.mode != MODE_BETWEEN || any_excluded(&w) || has_two_new_epochs(&w))
		return;
	swap_sides(&w);
	two_views(t, t->before, &w);
	const struct plan *plan = world_plan(&view, t->arena, false);
	const struct plan *swapped = world_plan(&other_view, t->arena, false);
	if (plan->conflicts == 0 && swapped->conflicts == 0 &&
		!laws_same_steps(&view, plan, &other_view, swapped, true))
		world_broken("with the sides swapped, the plan is not mirrored");
}

/* What another policy left behind is no change, and only a whole list shows it: marks from before
 * `expunge`, pairs from before `move`, flags that differed before `mirror`. */
static bool has_old_business(const struct world *w)
{
	for (size_t t = 0; t < w->n; t++)
		for (size_t i = 0; i < w->twin[t].rows; i++) {
			const struct row *row = &w->twin[t].row[i];
			bool marked = ((row->flags[LEFT] | row->flags[RIGHT]) & FLAG_DELETED) != 0;
			bool differ = row->flags[LEFT] != row->flags[RIGHT];
			if ((w->policy.expunge && marked) || w->policy.mode == MODE_MOVE ||
				(w->policy.mode == MODE_MIRROR && differ))
				return true;
		}
	return false;
}

static void law_of_parts(struct trial *t)
{
	bool partial[2] = {chance_of(&t->chance, 70), chance_of(&t->chance, 70)};
	if (has_new_epoch(t->before) || is_unsure(t->before) || has_old_business(t->before) ||
		(!partial[LEFT] && !partial[RIGHT]))
		return;
	two_views(t, t->before, t->before);
	world_show_part(&other_view, partial);
	const struct plan *whole = world_plan(&view, t->arena, false);
	const struct plan *part = world_plan(&other_view, t->arena, false);
	for (size_t i = 0; i < t->before->n; i++)
		if (part->need_whole[i])
			return;
	if (!laws_same_steps(&view, whole, &other_view, part, false))
		world_broken("partial lists of the same changes make another plan");
}

const char *laws_check(const struct world *w, struct flag_table *flags, uint64_t seed)
{
	static struct world after;
	struct trial t = {.flags = flags, .chance = {seed}, .arena = arena_new(), .before = w};
	t.read = chance_of(&t.chance, 25);
	broken = NULL;
	law_of_rest(&t, &after);
	if (broken == NULL)
		law_of_cuts(&t, &after);
	if (broken == NULL)
		law_of_mirrors(&t);
	if (broken == NULL)
		law_of_parts(&t);
	arena_free(t.arena);
	return broken;
}
