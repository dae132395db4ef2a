#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "sync/run.h"

/*
 * What a server alters as it stores it.
 *
 * The closing look lists the run's own copies with their sizes.  Where some have another size than
 * was sent, one of them is read: sizes that servers tell are a hint, the bytes are proof.  A person
 * is told once; the copies stay what they are, twins of their sources, and are not sent again.
 */

/* The copies of this run on one side of a survey whose size is not the one that was sent. */
struct suspects {
	size_t n;
	uint32_t twin, row; /* of the first */
};

static void suspect(const struct survey *v, uint32_t t, enum side side, const struct map *index,
	struct suspects *s)
{
	const struct twin *twin = &v->twin[t];
	for (uint32_t r = 0; r < twin->rows; r++) {
		const struct row *row = &v->row[t][r];
		const char *key = row->gone[side] ? NULL : row->key[side];
		if (key == NULL || !row->verified || !key_not_below(key, twin->born[side]))
			continue;
		uint32_t at = map_get_str(index, key);
		uint64_t size = at == MAP_NONE ? 0 : v->list[t][side].at[at].size;
		if (size == 0 || size == row->size)
			continue;
		if (s->n++ == 0) {
			s->twin = t;
			s->row = r;
		}
	}
}

static struct suspects find_suspects(const struct survey *v, enum side side)
{
	struct suspects s = {0};
	for (uint32_t t = 0; t < v->n; t++) {
		if (v->twin[t].born[side] == NULL || v->box[t]->arrived[side] == 0)
			continue;
		const struct message_list *list = &v->list[t][side];
		struct map *index = map_new(list->n);
		for (uint32_t i = 0; i < list->n; i++)
			map_put_str(index, list->at[i].key, i);
		suspect(v, t, side, index, &s);
		map_free(index);
	}
	return s;
}

/* How many octets a copy has; 0 = it could not be read. */
static uint64_t read_octets(
	struct run *run, const struct survey *v, enum side side, const struct suspects *s)
{
	struct arena *arena = arena_new();
	struct job *job = arena_alloc(arena, sizeof *job);
	struct identify_item *item = arena_alloc(arena, sizeof *item);
	item->key = v->row[s->twin][s->row].key[side];
	*job = (struct job){.kind = JOB_IDENTIFY,
		.side = side,
		.arena = arena,
		.part = FETCH_BODY,
		.identify = item,
		.n = 1};
	job->name[side] = v->box[s->twin]->known.name[side];
	job->epoch[side] = v->list[s->twin][side].box.epoch;
	crew_submit(run->crew, job);
	crew_wait(run->crew);
	uint64_t octets = item->state == ITEM_DONE ? item->size : 0;
	arena_free(arena);
	return octets;
}

static bool tell_once(
	struct run *run, const struct survey *v, enum side side, const struct suspects *s)
{
	const char *hint = side == LEFT ? "altered left" : "altered right", *before = NULL;
	const struct row *row = &v->row[s->twin][s->row];
	struct error err = {0};
	if (!state_hint(run->state, hint, run->arena, &before, &err))
		return run_pair_failed(run, &err);
	uint64_t octets = before == NULL ? read_octets(run, v, side, s) : 0;
	if (octets == 0 || octets == row->size)
		return true;
	log_warning("%s: %s uid %s has %" PRIu64 " octets and was sent with %" PRIu64
		    ": this server alters mail as it stores it, here %zu of the messages that this "
		    "run copied; they are not sent again",
		run->pair->store[side]->name, v->box[s->twin]->known.name[side], row->key[side],
		octets, row->size, s->n);
	return run_state_ok(run, state_set_hint(run->state, hint, "told", &err), &err);
}

bool altered_tell(struct run *run, const struct survey *v)
{
	bool ok = true;
	for (enum side side = LEFT; ok && side <= RIGHT; side++) {
		struct suspects s = find_suspects(v, side);
		ok = s.n == 0 || tell_once(run, v, side, &s);
	}
	return ok;
}
