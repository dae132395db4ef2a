#include <string.h>

#include "sync/differ.h"

/* What a step reads, changes and leaves behind: the differ's answers for those who carry it out. */

uint32_t step_twin(const struct step *step, enum side side)
{
	return step->kind == STEP_MOVE && side == step->to ? step->from_twin : step->twin;
}

static const struct row *row_of(const struct twin *twins, const struct step *step)
{
	return step->row == NONE ? NULL : &twins[step->from_twin].row[step->row];
}

static const struct message *listed(
	const struct twin *twins, const struct step *step, enum side side)
{
	if (step->message[side] == NONE)
		return NULL;
	return &twins[step_twin(step, side)].list[side]->at[step->message[side]];
}

static const struct row *half_row(const struct twin *twins, const struct step *step, enum side side)
{
	if (step->half[side] == HALF_MERGED)
		return &twins[step->twin].row[step->merge];
	return row_of(twins, step);
}

const char *step_key(const struct twin *twins, const struct step *step, enum side side)
{
	bool is_copy = step->half[side] == HALF_NEW && step->kind != STEP_MOVE;
	const struct message *m = listed(twins, step, side);
	const struct row *row = half_row(twins, step, side);
	if (step->half[side] == HALF_NEVER || is_copy)
		return NULL;
	if (m != NULL)
		return m->key;
	return row == NULL ? NULL : row->key[side];
}

bool step_flags(const struct twin *twins, struct flag_table *flags, const struct step *step,
	enum side side, flag_set *add, flag_set *remove)
{
	const struct message *m = listed(twins, step, side);
	const struct row *row = half_row(twins, step, side);
	if (step->kind != STEP_FLAGS && step->kind != STEP_MOVE)
		return false;
	flag_set now = m != NULL ? m->flags : row->flags[side];
	*add = flags_without(flags, step->want[side], now);
	*remove = flags_without(flags, now, step->want[side]);
	return now != step->want[side];
}

/* ---- the row afterwards ---- */

static void learn(struct identity *known, const struct identity *told)
{
	if (!identity_known(known))
		*known = *told;
}

static void learn_content(const struct twin *twins, const struct step *step, struct row *row)
{
	bool is_new = row->id == 0 && row->size == 0;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		const struct message *m = listed(twins, step, side);
		if (m == NULL)
			continue;
		const struct message_list *list = twins[step_twin(step, side)].list[side];
		learn(&row->identity, &m->identity);
		if (list->digest != NULL)
			learn(&row->digest, &list->digest[step->message[side]]);
		if (is_new) {
			row->size = m->size;
			row->received = m->received;
			is_new = false;
		}
	}
}

static void set_half(struct row *row, enum side side, const char *key, bool gone, bool taken)
{
	/* Another key is another message until its bytes have been compared. */
	if (!gone && (row->key[side] == NULL || key == NULL || strcmp(row->key[side], key) != 0))
		row->verified = false;
	row->key[side] = key;
	row->gone[side] = gone;
	row->taken[side] = taken;
	row->marked[side] = false;
}

/* Whether there is a message behind this half afterwards. */
static bool apply_half(
	const struct twin *twins, const struct step *step, enum side side, struct row *row)
{
	switch (step->half[side]) {
	case HALF_NEVER:
		set_half(row, side, NULL, false, false);
		return false;
	case HALF_KEPT:
		return row->key[side] != NULL && !row->gone[side];
	case HALF_LISTED:
		set_half(row, side, listed(twins, step, side)->key, false, false);
		return true;
	case HALF_MERGED:
		set_half(row, side, half_row(twins, step, side)->key[side], false, false);
		return true;
	case HALF_NEW:
		set_half(row, side, NULL, false, false);
		return true;
	case HALF_NAMELESS:
		row->key[side] = NULL;
		break;
	case HALF_GONE:
	case HALF_TAKEN:
		set_half(row, side, step_key(twins, step, side), true,
			step->half[side] == HALF_TAKEN);
		break;
	}
	return false;
}

/* The earlier step left the keys as they are to be; flags, or one half's end, are what is new. */
static bool follow(const struct step *step, struct row *row)
{
	bool there = false;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		if (step->kind == STEP_FLAGS)
			row->flags[side] = step->base[side];
		else if (step->to == side)
			set_half(row, side, row->key[side], true, step->half[side] == HALF_TAKEN);
		there |= row->key[side] != NULL && !row->gone[side];
	}
	return there;
}

bool step_row(const struct twin *twins, const struct step *step, struct row *row)
{
	if (step->kind == STEP_FORGET)
		return false;
	if (step->follows)
		return follow(step, row);
	*row = step->row == NONE ? (struct row){0} : *row_of(twins, step);
	if (step->kind == STEP_MOVE && step->keep)
		*row = (struct row){0};
	learn_content(twins, step, row);
	bool there[2];
	for (enum side side = LEFT; side <= RIGHT; side++) {
		there[side] = apply_half(twins, step, side, row);
		row->flags[side] = step->half[side] == HALF_NEVER ? 0 : step->base[side];
	}
	if (step->kind == STEP_COPY)
		row->verified = true;
	/* Seen on both sides; that a copy was taken says nothing yet. */
	if (step->kind == STEP_PAIR && there[LEFT] && there[RIGHT])
		row->thrown = 0;
	row->thrown = (uint16_t)(row->thrown + step->thrown);
	return there[LEFT] || there[RIGHT];
}

void step_marked(const struct twin *twins, const struct step *step, struct row *row)
{
	struct step not_done = *step;
	not_done.half[step->to] = step->message[step->to] != NONE ? HALF_LISTED : HALF_KEPT;
	if (!step->follows)
		step_row(twins, &not_done, row);
	row->marked[step->to] = true;
}
