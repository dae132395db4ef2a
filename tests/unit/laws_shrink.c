#include "laws.h"

#include <string.h>

struct shrinking {
	struct world *w;
	struct flag_table *flags;
	uint64_t seed;
	const char *why;
	bool changed;
};

/* Where a run is cut off is a matter of the seed: one of some seeds has to show the same. */
static bool is_still_broken(const struct shrinking *s, const struct world *w)
{
	for (uint64_t i = 0; i < 12; i++)
		if (laws_check(w, s->flags, s->seed + i) == s->why)
			return true;
	return false;
}

static void keep_if_broken(struct shrinking *s, const struct world *smaller)
{
	if (!is_still_broken(s, smaller))
		return;
	*s->w = *smaller;
	s->changed = true;
}

static void drop_messages(struct shrinking *s, size_t t, enum side side)
{
	/* Where a list is not whole, what it seems to lack is there all the same. */
	for (size_t i = s->w->twin[t].unsure[side] ? 0 : s->w->twin[t].box[side].n; i-- > 0;) {
		struct world w = *s->w;
		struct world_box *box = &w.twin[t].box[side];
		box->n--;
		memmove(&box->at[i], &box->at[i + 1], (box->n - i) * sizeof *box->at);
		memmove(&box->whole[i], &box->whole[i + 1], (box->n - i) * sizeof *box->whole);
		keep_if_broken(s, &w);
	}
	for (size_t i = 0; i < s->w->twin[t].box[side].n; i++) {
		struct world w = *s->w;
		if (w.twin[t].box[side].at[i].flags == 0)
			continue;
		w.twin[t].box[side].at[i].flags = 0;
		keep_if_broken(s, &w);
	}
}

static void drop_rows(struct shrinking *s, size_t t)
{
	for (size_t i = s->w->twin[t].rows; i-- > 0;) {
		struct world w = *s->w;
		world_drop_row(&w.twin[t], i);
		keep_if_broken(s, &w);
	}
	for (size_t i = 0; i < s->w->twin[t].rows; i++) {
		struct world w = *s->w;
		struct row *row = &w.twin[t].row[i];
		if (row->flags[LEFT] == 0 && row->flags[RIGHT] == 0)
			continue;
		row->flags[LEFT] = row->flags[RIGHT] = 0;
		keep_if_broken(s, &w);
	}
}

static void drop_circumstances(struct shrinking *s, size_t t)
{
	static const struct flag_storable all = {FLAG_SYSTEM_SETS - 1, true};
	struct world w = *s->w;
	struct world_twin *twin = &w.twin[t];
	if (twin->intents > 0) {
		twin->intents = 0;
		keep_if_broken(s, &w);
	}
	w = *s->w;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		twin->unsure[side] = twin->no_deletes[side] = twin->read_only[side] = false;
		twin->box[side].storable = all;
	}
	keep_if_broken(s, &w);
}

static void drop_policy(struct shrinking *s)
{
	struct world w = *s->w;
	w.excluded = 0;
	keep_if_broken(s, &w);
	w = *s->w;
	w.policy.bring_back = w.policy.expunge = false;
	keep_if_broken(s, &w);
	w = *s->w;
	w.policy.flags = true;
	keep_if_broken(s, &w);
	if (s->w->n > 1) {
		w = *s->w;
		w.n--;
		keep_if_broken(s, &w);
	}
}

void laws_shrink(struct world *w, struct flag_table *flags, uint64_t seed, struct buffer *out)
{
	struct shrinking s = {.w = w, .flags = flags, .seed = seed, .changed = true};
	s.why = laws_check(w, flags, seed);
	for (int round = 0; s.changed && round < 10; round++) {
		s.changed = false;
		drop_policy(&s);
		for (size_t t = 0; t < w->n; t++) {
			drop_circumstances(&s, t);
			drop_rows(&s, t);
			drop_messages(&s, t, LEFT);
			drop_messages(&s, t, RIGHT);
		}
	}
	for (uint64_t i = 0; i < 12; i++) {
		out->len = 0;
		laws_story = out;
		const char *why = laws_check(w, flags, seed + i);
		laws_story = NULL;
		if (why == s.why)
			return;
	}
}
