#include <string.h>

#include "base/map.h"
#include "sync/differ_private.h"

/* Where a key of a row was found: an index into the list, or one of these. */
#define NOT_LISTED  MAP_NONE
#define LISTED_GONE (MAP_NONE - 1)

/* ---- what is known of a unit ---- */

const struct message *unit_message(const struct differ *d, const struct unit *u, enum side side)
{
	return u->message[side] == NONE ? NULL : &d->twin[u->twin].list[side]->at[u->message[side]];
}

const struct row *unit_row(const struct differ *d, const struct unit *u)
{
	return u->row == NONE ? NULL : &d->twin[u->twin].row[u->row];
}

const struct row *unit_half_row(const struct differ *d, const struct unit *u, enum side side)
{
	if (u->merge != NONE && u->merged_right == (side == RIGHT))
		return &d->twin[u->twin].row[u->merge];
	return unit_row(d, u);
}

flag_set unit_flags(const struct differ *d, const struct unit *u, enum side side)
{
	const struct message *m = unit_message(d, u, side);
	return m != NULL ? m->flags : unit_half_row(d, u, side)->flags[side];
}

enum state unit_state(const struct differ *d, const struct unit *u, enum side side)
{
	const struct message *m = unit_message(d, u, side);
	const struct row *row = unit_row(d, u);
	if (m == NULL || row == NULL)
		return SAME;
	struct held_flags half = {.base = row->flags[side],
		.now = m->flags,
		.storable = &d->twin[u->twin].list[side]->box.storable};
	flag_set change = merge_change(d->flags, &half);
	if (change == 0)
		return SAME;
	return merge_is_edit(d->flags, change) ? EDITED : TOUCHED;
}

bool unit_excluded(const struct differ *d, const struct unit *u)
{
	const struct row *row = unit_row(d, u);
	const struct message *left = unit_message(d, u, LEFT), *right = unit_message(d, u, RIGHT);
	/* Selection is asked of A; of B only for what A does not have. */
	if (left != NULL)
		return !left->selected;
	if (right != NULL && !right->selected && !is_there(u->state[LEFT]))
		return true;
	return row != NULL && row->excluded;
}

bool unit_is_unreadable(const struct differ *d, const struct unit *u)
{
	const struct message *m = unit_message(d, u, read_side(u));
	const struct row *row = unit_row(d, u);
	return m != NULL ? m->unreadable : row != NULL && row->unreadable;
}

bool unit_is_out_of_sight(const struct differ *d, const struct unit *u, enum side side)
{
	return d->twin[u->twin].unsure[side] && u->message[side] == NONE;
}

/* ---- expunge: true ---- */

static bool has_deleted(const struct differ *d, flag_set set)
{
	return (flags_system(d->flags, set) & FLAG_DELETED) != 0;
}

static bool wears_mark(const struct differ *d, const struct unit *u, enum side side)
{
	if (!d->policy->expunge || !is_there(u->state[side]) || unit_is_out_of_sight(d, u, side))
		return false;
	if (side == RIGHT && d->policy->mode != MODE_BETWEEN)
		return false;
	return has_deleted(d, unit_flags(d, u, side));
}

/* A mark that was there at the first pairing is that side's own affair: it was never one to carry.
 */
static bool mark_is_new(const struct differ *d, const struct unit *u, enum side side)
{
	const struct row *row = unit_row(d, u);
	return !u->fresh && row != NULL && !has_deleted(d, row->flags[side]);
}

void unit_mark(const struct differ *d, struct unit *u)
{
	bool worn[2] = {wears_mark(d, u, LEFT), wears_mark(d, u, RIGHT)};
	bool both = worn[LEFT] && worn[RIGHT];
	for (enum side side = LEFT; side <= RIGHT; side++)
		u->marked[side] = worn[side] && (d->policy->mode != MODE_BETWEEN || both ||
							!is_there(u->state[other(side)]) ||
							mark_is_new(d, u, side));
}

/* ---- from rows and lists to units ---- */

/* One side of a pair of mailboxes while its rows look for their messages. */
struct look {
	uint32_t *at;	/* by row: the message, or NONE */
	uint8_t *state; /* by row */
	bool *named;	/* by message: a half that is there has its key */
};

static struct map *index_keys(const struct message_list *list)
{
	struct map *index = map_new(list->n + list->n_gone);
	for (size_t i = 0; i < list->n; i++)
		map_put_str(index, list->at[i].key, (uint32_t)i);
	for (size_t i = 0; i < list->n_gone; i++)
		map_put_str(index, list->gone[i], LISTED_GONE);
	return index;
}

static bool is_born(const struct twin *twin, enum side side, const struct row *row)
{
	return twin->born[side] != NULL && key_not_below(row->key[side], twin->born[side]);
}

static enum state state_by_key(
	const struct twin *twin, enum side side, const struct row *row, uint32_t found)
{
	const struct message_list *list = twin->list[side];
	if (row->key[side] == NULL)
		return row->gone[side] ? REMEMBERED : NEVER;
	if (found < LISTED_GONE)
		return SAME;
	if (row->gone[side])
		return REMEMBERED;
	if (twin->new_epoch[side] || list == NULL)
		return LOST;
	if (twin->unsure[side])
		return SAME;
	/* A partial list has what is new, and need not name as gone what it never told of. */
	return found == NOT_LISTED && list->partial && !is_born(twin, side, row) ? SAME : GONE;
}

static void look_up(struct differ *d, uint32_t t, enum side side, struct look *look)
{
	const struct twin *twin = &d->twin[t];
	const struct message_list *list = twin->list[side];
	bool by_key = list != NULL && !twin->new_epoch[side] && twin->rows > 0;
	struct map *index = by_key ? index_keys(list) : NULL;
	look->at = arena_alloc(d->scratch, twin->rows * sizeof *look->at);
	look->state = arena_alloc(d->scratch, twin->rows);
	look->named = arena_alloc(d->scratch, list == NULL ? 0 : list->n);
	for (size_t r = 0; r < twin->rows; r++) {
		const char *key = twin->row[r].key[side];
		uint32_t found =
			by_key && key != NULL ? map_get_str(index, key) : (uint32_t)NOT_LISTED;
		look->at[r] = found < LISTED_GONE ? found : NONE;
		look->state[r] = (uint8_t)state_by_key(twin, side, &twin->row[r], found);
		if (found < LISTED_GONE)
			look->named[found] = true;
	}
	map_free(index);
}

static bool learns(const struct identity *known, const struct identity *told)
{
	return !identity_known(known) && identity_known(told);
}

static bool has_news(const struct differ *d, const struct unit *u)
{
	const struct row *row = unit_row(d, u);
	for (enum side side = LEFT; side <= RIGHT; side++) {
		const struct message *m = unit_message(d, u, side);
		if (u->state[side] != SAME || u->marked[side] || row->gone[side])
			return true;
		if (m != NULL &&
			(m->flags != row->flags[side] || learns(&row->identity, &m->identity)))
			return true;
	}
	/* `move` goes for what is equal, and `mirror` for what was different when nobody minded. */
	return d->policy->mode == MODE_MOVE ||
	       (d->policy->mode == MODE_MIRROR && row->flags[LEFT] != row->flags[RIGHT]);
}

/* A deletion of ours that could only mark its message goes on, unless somebody took the mark off.
 */
static void go_on_deleting(const struct differ *d, struct unit *u)
{
	const struct row *row = unit_row(d, u);
	for (enum side side = LEFT; side <= RIGHT; side++)
		if (row->marked[side] && is_there(u->state[side]) &&
			u->state[other(side)] == REMEMBERED &&
			has_deleted(d, unit_flags(d, u, side)))
			u->state[other(side)] = GONE;
}

static struct unit new_unit(uint32_t t, uint32_t row)
{
	return (struct unit){.twin = t,
		.row = row,
		.merge = NONE,
		.message = {NONE, NONE},
		.mate = NONE,
		.state = {NEVER, NEVER}};
}

static void add_unit(struct differ *d, const struct unit *u)
{
	*ARENA_PUSH(d->scratch, d->unit, d->units, d->cap) = *u;
}

static bool has_old_key(const struct differ *d, uint32_t t, enum side side, const struct row *row)
{
	const struct twin *twin = &d->twin[t];
	return row->key[side] != NULL && (twin->new_epoch[side] || twin->list[side] == NULL);
}

static void add_row(struct differ *d, uint32_t t, uint32_t r, const struct look look[2])
{
	struct unit u = new_unit(t, r);
	for (enum side side = LEFT; side <= RIGHT; side++) {
		u.message[side] = look[side].at[r];
		u.state[side] = look[side].state[r];
		u.adrift |= has_old_key(d, t, side, &d->twin[t].row[r]);
	}
	for (enum side side = LEFT; side <= RIGHT; side++) {
		if (u.state[side] == SAME)
			u.state[side] = (uint8_t)unit_state(d, &u, side);
		u.thrown[side] =
			u.state[side] == GONE && is_born(&d->twin[t], side, &d->twin[t].row[r]);
	}
	go_on_deleting(d, &u);
	unit_mark(d, &u);
	if (has_news(d, &u))
		add_unit(d, &u);
}

static void add_strangers(struct differ *d, uint32_t t, enum side side, const bool *named)
{
	const struct message_list *list = d->twin[t].list[side];
	for (uint32_t i = 0; list != NULL && i < list->n; i++) {
		struct unit u = new_unit(t, NONE);
		if (named[i])
			continue;
		u.message[side] = i;
		u.state[side] = SAME;
		d->murky[t] |= side == LEFT && list->at[i].unreadable;
		unit_mark(d, &u);
		add_unit(d, &u);
	}
}

void units_make(struct differ *d, uint32_t t)
{
	struct look look[2];
	for (enum side side = LEFT; side <= RIGHT; side++)
		look_up(d, t, side, &look[side]);
	for (uint32_t r = 0; r < d->twin[t].rows; r++)
		add_row(d, t, r, look);
	for (enum side side = LEFT; side <= RIGHT; side++)
		add_strangers(d, t, side, look[side].named);
}
