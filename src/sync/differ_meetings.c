#include <string.h>

#include "base/map.h"
#include "sync/differ_private.h"

/*
 * Who may find whom in one pair of mailboxes, and in which order.
 *
 * Copies that an earlier run began come first: an intent tells of which message they are.
 * Then halves whose epoch ended, which are still the messages that they were.  Then strangers on
 * both sides, and only what is left of them may be a half that had gone and came back:
 * the other way round, a copy that was made but not recorded would be taken for one of those,
 * and be made again.
 */

/* ---- what a meeting leaves behind ---- */

/* ${u} has its half on ${side} from ${from}, which is no unit of its own any more. */
static void take_half(struct differ *d, struct unit *u, struct unit *from, enum side side)
{
	uint8_t before = u->state[side];
	u->message[side] = from->message[side];
	if (from->row != NONE) {
		u->merge = from->row;
		u->merged_right = side == RIGHT;
	}
	u->fresh |= before == NEVER || before == LOST;
	u->state[side] = SAME;
	if (before != NEVER)
		u->state[side] = (uint8_t)unit_state(d, u, side);
	from->dead = true;
	u->ask &= (uint8_t) ~(1U << READ_EMAILID); /* it was found without */
	unit_mark(d, u);
}

static bool pair_strangers(
	struct differ *d, struct unit *left, struct unit *right, enum side side_of_left)
{
	(void)side_of_left;
	/* NONE is larger than any row. */
	if (right->row < left->row)
		take_half(d, right, left, LEFT);
	else
		take_half(d, left, right, RIGHT);
	return true;
}

static bool find_again(
	struct differ *d, struct unit *stranger, struct unit *row, enum side side_of_stranger)
{
	take_half(d, row, stranger, side_of_stranger);
	return true;
}

static bool recognise_copy(
	struct differ *d, struct unit *source, struct unit *copy, enum side side_of_source)
{
	take_half(d, source, copy, other(side_of_source));
	return true;
}

/* ---- who takes part ---- */

/* A half without a twin.  Where only the left can be marked away, a mark there means: not there. */
static bool is_free(const struct differ *d, const struct unit *u, enum side side)
{
	uint8_t twin = u->state[other(side)];
	return is_there(u->state[side]) && (twin == NEVER || twin == LOST) &&
	       (!u->marked[side] || d->policy->mode == MODE_BETWEEN);
}

bool meet_is_new(const struct differ *d, const struct unit *u, enum side side)
{
	return u->row == NONE && is_free(d, u, side);
}

static bool is_free_and_stays(const struct differ *d, const struct unit *u, enum side side)
{
	return is_free(d, u, side) && !u->marked[side];
}

/* What is marked away as it comes has not come back. */
static bool is_new_and_stays(const struct differ *d, const struct unit *u, enum side side)
{
	return meet_is_new(d, u, side) && !u->marked[side];
}

static bool is_lost(const struct differ *d, const struct unit *u, enum side side)
{
	(void)d;
	uint8_t twin = u->state[other(side)];
	return u->state[side] == LOST && (is_there(twin) || twin == LOST);
}

static bool is_lost_without_twin(const struct differ *d, const struct unit *u, enum side side)
{
	return u->state[side] == LOST && !is_lost(d, u, side);
}

/*
 * A half that went, or is remembered so, may come back.  But what `move` took, or may have taken in
 * a run that died before it could say so, is never seen again; another one like it is new mail.
 */
static bool is_missed(const struct differ *d, const struct unit *u, enum side side)
{
	const struct row *row = unit_row(d, u);
	bool gone = u->state[side] == GONE, remembered = u->state[side] == REMEMBERED;
	bool taken = (remembered && row->taken[side]) ||
		     (gone && side == LEFT && d->policy->mode == MODE_MOVE);
	return (gone || remembered) && is_there(u->state[other(side)]) && !u->marked[other(side)] &&
	       (!taken || d->twin[u->twin].new_epoch[side]);
}

/* ---- intents ---- */

static const char *half_key(const struct differ *d, const struct unit *u, enum side side)
{
	const struct message *m = unit_message(d, u, side);
	return m != NULL ? m->key : unit_half_row(d, u, side)->key[side];
}

static bool is_source(const struct unit *u, enum side side)
{
	return !u->dead && is_there(u->state[side]) && !u->marked[side] &&
	       !is_there(u->state[other(side)]);
}

static struct map *index_units(struct differ *d, size_t first, enum side side,
	bool (*wanted)(const struct unit *, enum side))
{
	struct map *index = map_new(d->units - first);
	for (size_t i = first; i < d->units; i++)
		if (wanted(&d->unit[i], side))
			map_put_str(index, half_key(d, &d->unit[i], side), (uint32_t)i);
	return index;
}

/* An intent still tells where its copy must be, if the mailbox is the one that it was for. */
static bool has_floor(const struct intent *intent, const struct message_list *list)
{
	return intent->next != NULL && intent->epoch != NULL && list->box.epoch != NULL &&
	       strcmp(intent->epoch, list->box.epoch) == 0;
}

static void drop_below(struct differ *d, struct pool *pool, const char *floor)
{
	size_t n = 0;
	for (size_t i = 0; i < pool->n; i++)
		if (key_not_below(half_key(d, &d->unit[pool->at[i]], pool->side), floor))
			pool->at[n++] = pool->at[i];
	pool->n = n;
}

/* The sources of intents whose copies were not found by name, and the lowest key that one can have.
 */
static struct pool intended(struct differ *d, size_t first, enum side to, const char **floor)
{
	const struct twin *twin = &d->twin[d->unit[first].twin];
	struct map *sources = index_units(d, first, other(to), is_source);
	struct map *targets = index_units(d, first, to, is_source);
	struct pool pool = {.side = other(to)};
	for (size_t i = 0; i < twin->intents; i++) {
		const struct intent *intent = &twin->intent[i];
		uint32_t source =
			intent->to == to ? map_get_str(sources, intent->source) : MAP_NONE;
		uint32_t named = intent->key != NULL ? map_get_str(targets, intent->key) : MAP_NONE;
		if (source == MAP_NONE)
			continue;
		map_set(sources, intent->source, strlen(intent->source), MAP_NONE);
		if (named != MAP_NONE && !d->unit[named].dead) {
			recognise_copy(d, &d->unit[source], &d->unit[named], other(to));
		} else if (has_floor(intent, twin->list[to])) {
			if (*floor == NULL || !key_not_below(intent->next, *floor))
				*floor = intent->next;
			*ARENA_PUSH(d->scratch, pool.at, pool.n, pool.cap) = source;
		}
	}
	map_free(sources);
	map_free(targets);
	return pool;
}

static void meet_intents(struct differ *d, size_t first, enum side to)
{
	const struct twin *twin = &d->twin[d->unit[first].twin];
	const char *floor = NULL;
	/* Under a new epoch the key of a source is that of another message: content decides. */
	if (twin->intents == 0 || twin->list[to] == NULL || twin->new_epoch[other(to)])
		return;
	struct pool sources = intended(d, first, to, &floor);
	struct pool copies = match_pool(d, first, is_new_and_stays, to);
	if (floor != NULL)
		drop_below(d, &copies, floor);
	match(d, &sources, &copies, false, recognise_copy);
}

/* ---- the meetings of one pair of mailboxes ---- */

static void meet_strangers(struct differ *d, size_t first, match_wanted strangers)
{
	if (!match_any(d, first, strangers, LEFT) || !match_any(d, first, strangers, RIGHT))
		return;
	struct pool left = match_pool(d, first, strangers, LEFT);
	struct pool right = match_pool(d, first, strangers, RIGHT);
	match(d, &left, &right, false, pair_strangers);
}

static void meet_halves(
	struct differ *d, size_t first, match_wanted strangers, match_wanted rows, bool sizes)
{
	for (enum side side = LEFT; side <= RIGHT; side++) {
		if (!match_any(d, first, rows, side))
			continue;
		struct pool found = match_pool(d, first, strangers, side);
		struct pool lost = match_pool(d, first, rows, side);
		match(d, &found, &lost, sizes, find_again);
	}
}

void meet(struct differ *d, size_t first)
{
	if (first == d->units)
		return;
	meet_intents(d, first, LEFT);
	meet_intents(d, first, RIGHT);
	meet_halves(d, first, meet_is_new, is_lost, false);
	meet_strangers(d, first, is_free_and_stays);
	if (d->policy->expunge)
		meet_strangers(d, first, is_free);
	meet_halves(d, first, meet_is_new, is_lost_without_twin, false);
	meet_halves(d, first, is_new_and_stays, is_missed, true);
	for (size_t i = first; i < d->units; i++)
		for (enum side side = LEFT; side <= RIGHT; side++)
			if (d->unit[i].state[side] == LOST)
				d->unit[i].state[side] = NEVER;
}
