#include <string.h>

#include "base/map.h"
#include "sync/run.h"

/* ---- what has to be listed ---- */

static bool same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* What LIST or stat told already shows that nothing changed. */
static bool unchanged(const struct run *run, const struct box *box, enum side side)
{
	const struct mailbox *listed = box->pairing->box[side];
	return listed != NULL && !run->world_changed[side] && !box->whole[side] && !box->ahead &&
	       !box->look[side] && same(listed->epoch, box->known.epoch[side]) &&
	       same(listed->cursor, box->known.cursor[side]);
}

/* Nothing to look at on either side, and nothing left over from an earlier run. */
static bool at_rest(const struct run *run, const struct box *box)
{
	return !box->known.retry && !box->known.grown && unchanged(run, box, LEFT) &&
	       unchanged(run, box, RIGHT);
}

/* A mailbox that did not change, as a list of its changes: none. */
static void stand_in(struct box *box, enum side side, struct message_list *list)
{
	list->arena = arena_new();
	list->box = *box->pairing->box[side];
	if (list->box.total == 0)
		list->box.total = box->known.total[side];
	list->box.storable = (struct flag_storable){FLAG_SYSTEM_SETS - 1, true};
	list->partial = true;
}

/* ---- what the state knows of it ---- */

/* Keys of a list that rows may name: what it lists, and what it says is gone. */
static const char **touched_keys(struct survey *v, const struct message_list *list, size_t *n)
{
	const char **keys = arena_alloc(v->arena, (list->n + list->n_gone + 1) * sizeof *keys);
	*n = 0;
	for (size_t i = 0; i < list->n; i++)
		keys[(*n)++] = list->at[i].key;
	for (size_t i = 0; i < list->n_gone; i++)
		keys[(*n)++] = list->gone[i];
	return keys;
}

static bool read_touched(
	struct run *run, struct survey *v, size_t i, bool halves, struct twin *twin)
{
	struct error err = {0};
	const char **keys[2];
	size_t n[2];
	for (enum side side = LEFT; side <= RIGHT; side++)
		keys[side] = touched_keys(v, &v->list[i][side], &n[side]);
	const char *const *const lent[2] = {keys[LEFT], keys[RIGHT]};
	return run_state_ok(run,
		state_rows_touched(run->state, v->box[i]->known.id, lent, n, halves, v->flags,
			v->arena, &v->row[i], &twin->rows, &err),
		&err);
}

/* Whether every listed message is named by a row: then no half can find a new twin. */
static bool all_known(const struct survey *v, size_t i, const struct twin *twin)
{
	bool all = true;
	for (enum side side = LEFT; all && side <= RIGHT; side++) {
		const struct message_list *list = &v->list[i][side];
		struct map *index = map_new(twin->rows);
		for (uint32_t r = 0; r < twin->rows; r++)
			if (v->row[i][r].key[side] != NULL)
				map_put_str(index, v->row[i][r].key[side], r);
		for (size_t m = 0; all && m < list->n; m++)
			all = map_get_str(index, list->at[m].key) != MAP_NONE;
		map_free(index);
	}
	return all;
}

/* In the closing look: whether every copy of this run is listed.  One that the server threw away
 * touches no row by what it tells. */
static bool all_arrived(const struct survey *v, size_t i, const struct twin *twin)
{
	bool all = true;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		uint64_t listed = 0;
		for (size_t r = 0; twin->born[side] != NULL && r < twin->rows; r++) {
			const char *key = v->row[i][r].key[side];
			listed += key != NULL && key_not_below(key, twin->born[side]);
		}
		all = all && (twin->born[side] == NULL || listed >= v->box[i]->arrived[side]);
	}
	return all;
}

static bool read_rows(struct run *run, struct survey *v, size_t i, struct twin *twin)
{
	struct error err = {0};
	int64_t id = v->box[i]->known.id;
	bool partial = v->list[i][LEFT].partial && v->list[i][RIGHT].partial;
	if (id == 0)
		return true;
	bool touched = partial && !v->box[i]->known.retry;
	if (touched && !(read_touched(run, v, i, false, twin) &&
			       (all_known(v, i, twin) || read_touched(run, v, i, true, twin))))
		return false;
	if (touched && all_arrived(v, i, twin))
		return true;
	return run_state_ok(run,
		state_rows(run->state, id, v->flags, v->arena, &v->row[i], &twin->rows, &err),
		&err);
}

/* UIDs only grow: a lower UIDNEXT is an older world under the same UIDVALIDITY. */
static bool went_back(const char *known, const char *now)
{
	return known != NULL && now != NULL && !key_not_below(now, known);
}

/* So is one whose changes are counted from less than before: flags in it are of old, and no change
 * that a person made. */
static bool is_older(const struct store_ops *ops, const struct state_twin *known, enum side side,
	const struct mailbox *now)
{
	return ops->older != NULL && known->cursor[side] != NULL && now->cursor != NULL &&
	       same(known->epoch[side], now->epoch) && ops->older(now->cursor, known->cursor[side]);
}

/*
 * A store that tells what came, and not what went, compares how many there are with how many there
 * were at the cursor.  What came since then and went again does not count there, but an earlier run
 * may have seen it, and left its cursor where it was.
 */
static bool went_unseen(
	const struct state_twin *known, enum side side, const struct message_list *list)
{
	uint64_t came = 0;
	if (!list->partial || list->n_gone > 0 || known->next[side] == NULL)
		return false;
	for (size_t i = 0; i < list->n; i++)
		came += key_not_below(list->at[i].key, known->next[side]);
	return known->total[side] + came != list->box.total;
}

/*
 * And one that has yet to give out a UID which a row names: a run that was cut off wrote down what
 * it copied, and not how far the mailbox had come then; the backup is from before it.  In the
 * second look the rows may be newer than what a server tells.  False if the state cannot be read,
 * which says nothing about the mailbox.
 */
static bool look_for_lost(struct run *run, const struct state_twin *known, enum side side,
	const struct mailbox *now, bool *lost)
{
	struct error err = {0};
	*lost = false;
	if (run->second || known->id == 0 || now->next == NULL)
		return true;
	return run_state_ok(
		run, state_rows_from(run->state, known->id, side, now->next, lost, &err), &err);
}

/*
 * One mailbox that is older than at the last sync shows that the whole side is: another one may
 * have got as many messages since as it had lost, and its UIDs name others now.  In the second look
 * it is that mailbox alone; the others were taken as they are.
 */
static bool judge_age(struct run *run, struct survey *v, size_t i, enum side side)
{
	struct box *box = v->box[i];
	const struct mailbox *now = &v->list[i][side].box;
	bool lost = false;
	if (!same(box->known.epoch[side], now->epoch))
		return true;
	if (!look_for_lost(run, &box->known, side, now, &lost))
		return false;
	if (!lost && !went_back(box->known.next[side], now->next) &&
		!is_older(run->store[side]->ops, &box->known, side, now))
		return true;
	v->twin[i].new_epoch[side] = true;
	v->twin[i].no_deletes[LEFT] = v->twin[i].no_deletes[RIGHT] = true;
	if (run->second || run->world_changed[side])
		return true;
	v->unfinished = true;
	return opening_doubt(run, side,
		arena_printf(run->arena, "%s shows that it is older than at the last sync",
			box->pairing->name[side]));
}

static bool judge_epoch(struct run *run, struct survey *v, size_t i, enum side side)
{
	struct box *box = v->box[i];
	struct twin *twin = &v->twin[i];
	const struct mailbox *now = &v->list[i][side].box;
	if (box->known.epoch[side] == NULL)
		return true;
	twin->new_epoch[side] =
		run->world_changed[side] || !same(box->known.epoch[side], now->epoch);
	bool ok = judge_age(run, v, i, side);
	if ((twin->new_epoch[side] && v->list[i][side].partial) ||
		went_unseen(&box->known, side, &v->list[i][side])) {
		box->whole[side] = true;
		v->unfinished = true;
	}
	return ok;
}

static bool describe_side(struct run *run, struct survey *v, size_t i, enum side side)
{
	struct twin *twin = &v->twin[i];
	const struct pairing *p = v->box[i]->pairing;
	const struct message_list *list = &v->list[i][side];
	bool exists = list->arena != NULL, ok = true;
	twin->list[side] = exists ? list : NULL;
	twin->born[side] = run->second ? v->box[i]->known.next[side] : NULL;
	twin->no_deletes[side] |= run->world_changed[LEFT] || run->world_changed[RIGHT];
	if (exists) {
		ok = judge_epoch(run, v, i, side);
		twin->read_only[side] = list->box.read_only;
		v->held[i].total[side] = list->box.total;
	}
	if (p->box[side] != NULL) {
		twin->drafts |= (p->box[side]->use & USE_DRAFTS) != 0;
		twin->exempt[side] = (p->box[side]->use & (USE_TRASH | USE_JUNK)) != 0;
	}
	return ok;
}

static bool read_state(struct run *run, struct survey *v, size_t i)
{
	struct error err = {0};
	struct twin *twin = &v->twin[i];
	struct intent *intents = NULL;
	if (!describe_side(run, v, i, LEFT) || !describe_side(run, v, i, RIGHT) ||
		!read_rows(run, v, i, twin))
		return false;
	if (v->box[i]->known.id != 0 && !run_state_ok(run,
						state_intents(run->state, v->box[i]->known.id,
							v->arena, &intents, &twin->intents, &err),
						&err))
		return false;
	twin->row = v->row[i];
	twin->intent = intents;
	return true;
}

/* A mailbox that could not be read takes no further part; the others close ranks. */
static void drop_left_out(struct survey *v)
{
	size_t n = 0;
	for (size_t i = 0; i < v->n; i++) {
		if (v->box[i]->left_out) {
			arena_free(v->list[i][LEFT].arena);
			arena_free(v->list[i][RIGHT].arena);
			continue;
		}
		v->box[n] = v->box[i];
		v->list[n][LEFT] = v->list[i][LEFT];
		v->list[n][RIGHT] = v->list[i][RIGHT];
		n++;
	}
	v->n = n;
}

static struct survey *new_survey(struct run *run, struct box **boxes, size_t n)
{
	struct arena *arena = arena_new();
	struct survey *v = arena_alloc(arena, sizeof *v);
	v->arena = arena;
	v->flags = flag_table_new();
	v->box = arena_alloc(arena, n * sizeof(struct box *));
	for (size_t i = 0; i < n; i++)
		if (!at_rest(run, boxes[i]))
			v->box[v->n++] = boxes[i];
	v->twin = arena_alloc(arena, v->n * sizeof *v->twin);
	v->list = arena_alloc(arena, v->n * sizeof *v->list);
	v->row = arena_alloc(arena, v->n * sizeof *v->row);
	v->held = arena_alloc(arena, v->n * sizeof *v->held);
	return v;
}

void survey_free(struct survey *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < v->n; i++) {
		arena_free(v->list[i][LEFT].arena);
		arena_free(v->list[i][RIGHT].arena);
	}
	flag_table_free(v->flags);
	arena_free(v->arena);
}

/* What did not change need not be listed, unless `messages` asks for what only a list tells. */
static void stand_in_for_unchanged(struct run *run, struct survey *v)
{
	for (size_t i = 0; i < v->n; i++)
		for (enum side side = LEFT; side <= RIGHT; side++)
			if (unchanged(run, v->box[i], side) && !select_needs_all(run))
				stand_in(v->box[i], side, &v->list[i][side]);
}

struct survey *survey_read(struct run *run, struct box **boxes, size_t n)
{
	struct survey *v = new_survey(run, boxes, n);
	stand_in_for_unchanged(run, v);
	bool ok = lists_read(run, v);
	drop_left_out(v);
	for (size_t i = 0; ok && i < v->n; i++)
		ok = read_state(run, v, i);
	if (ok && select_messages(run, v))
		return v;
	survey_free(v);
	return NULL;
}
