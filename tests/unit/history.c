#include "history.h"

#include <string.h>

/* ---- chance ---- */

/* splitmix64: any seed will do. */
uint64_t chance_next(struct chance *c)
{
	uint64_t z = c->state += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

unsigned chance_below(struct chance *c, unsigned n)
{
	return (unsigned)(chance_next(c) >> 33) % n;
}

bool chance_of(struct chance *c, unsigned percent)
{
	return chance_below(c, 100) < percent;
}

/* ---- flags ---- */

static flag_set keyword(struct flag_table *flags, unsigned i)
{
	static const char *const names[] = {"$One", "$Two"};
	return flags_add_name(flags, 0, names[i], 4);
}

static flag_set some_flags(struct chance *c, struct flag_table *flags)
{
	flag_set set = chance_of(c, 40) ? FLAG_SEEN : 0;
	if (chance_of(c, 10))
		set |= FLAG_ANSWERED;
	if (chance_of(c, 10))
		set |= FLAG_FLAGGED;
	if (chance_of(c, 5))
		set |= FLAG_DELETED;
	for (unsigned i = 0; i < 2; i++)
		if (chance_of(c, 10))
			set = flags_union(flags, set, keyword(flags, i));
	return set;
}

static flag_set toggled(struct flag_table *flags, flag_set set, flag_set flag)
{
	if (flags_common(flags, set, flag) != 0)
		return flags_without(flags, set, flag);
	return flags_union(flags, set, flag);
}

static flag_set touch(struct chance *c, struct flag_table *flags, flag_set set)
{
	return toggled(flags, set, chance_of(c, 70) ? FLAG_SEEN : FLAG_DELETED);
}

static flag_set edit(struct chance *c, struct flag_table *flags, flag_set set)
{
	switch (chance_below(c, 4)) {
	case 0:
		return toggled(flags, set, FLAG_FLAGGED);
	case 1:
		return toggled(flags, set, FLAG_ANSWERED);
	case 2:
		return touch(c, flags, toggled(flags, set, keyword(flags, 0)));
	default:
		return toggled(flags, set, keyword(flags, chance_below(c, 2)));
	}
}

/* ---- messages that a row knows ---- */

/* What became of a half since the row was written. */
enum fate { FATE_NEVER, FATE_REMEMBERED, FATE_GONE, FATE_SAME, FATE_TOUCHED, FATE_EDITED };

static enum fate some_fate(struct chance *c)
{
	static const enum fate fates[] = {FATE_NEVER, FATE_REMEMBERED, FATE_GONE, FATE_GONE,
		FATE_GONE, FATE_SAME, FATE_SAME, FATE_SAME, FATE_TOUCHED, FATE_EDITED, FATE_EDITED};
	return fates[chance_below(c, sizeof fates / sizeof *fates)];
}

static void make_half(struct chance *c, struct flag_table *flags, struct world *w, size_t t,
	struct row *row, enum side side, enum fate fate, const unsigned is[2])
{
	struct world_box *box = &w->twin[t].box[side];
	if (fate == FATE_NEVER) {
		row->flags[side] = 0;
		return;
	}
	row->flags[side] = flags_storable(flags, row->flags[side], &box->storable);
	if (fate <= FATE_GONE) {
		row->key[side] = world_key(side, box->next++);
		row->gone[side] = fate == FATE_REMEMBERED;
		return;
	}
	struct message *m = world_add(w, t, side, is[0], is[1]);
	flag_set set = row->flags[side];
	if (fate == FATE_TOUCHED)
		set = touch(c, flags, set);
	if (fate == FATE_EDITED)
		set = edit(c, flags, set);
	m->flags = flags_storable(flags, set, &box->storable);
	m->received = row->received;
	row->key[side] = m->key;
}

static void make_row(struct chance *c, struct flag_table *flags, struct world *w, size_t t)
{
	struct world_twin *twin = &w->twin[t];
	enum fate fate[2];
	do {
		fate[LEFT] = some_fate(c);
		fate[RIGHT] = some_fate(c);
	} while (fate[LEFT] <= FATE_REMEMBERED && fate[RIGHT] <= FATE_REMEMBERED);
	unsigned is[2] = {chance_below(c, WORLD_CONTENTS), chance_of(c, 15)};
	struct row *row = &twin->row[twin->rows++];
	*row = (struct row){.id = ++w->last_row, .received = chance_below(c, 4)};
	row->flags[LEFT] = row->flags[RIGHT] = some_flags(c, flags);
	if (chance_of(c, 10))
		row->flags[RIGHT] = some_flags(c, flags);
	row->size = 100 * (is[0] + 1) + (twin->drafts ? 0 : 10 * is[1]);
	for (enum side side = LEFT; side <= RIGHT; side++)
		make_half(c, flags, w, t, row, side, fate[side], is);
	row->taken[LEFT] = fate[LEFT] == FATE_REMEMBERED && chance_of(c, 50);
	row->verified = chance_of(c, 50);
	if (fate[RIGHT] == FATE_NEVER && chance_of(c, 20))
		row->thrown = (uint16_t)(1 + chance_below(c, 2));
	row->identity = (struct identity){{'c', (uint8_t)('0' + is[0])}};
	/* A half that nobody can read any more was read while that was possible. */
	if (twin->drafts || chance_of(c, 50) || fate[LEFT] <= FATE_GONE || fate[RIGHT] <= FATE_GONE)
		row->digest = (struct identity){
			{'c', (uint8_t)('0' + is[0]), '/', 'b', (uint8_t)('0' + is[1])}};
}

/* ---- strangers ---- */

/* Often what some row knows: moved here, come back, or a true duplicate. */
static void some_content(struct chance *c, const struct world *w, unsigned is[2])
{
	const struct world_twin *twin = &w->twin[chance_below(c, (unsigned)w->n)];
	is[0] = chance_below(c, WORLD_CONTENTS);
	is[1] = chance_of(c, 15);
	if (twin->rows == 0 || chance_of(c, 40))
		return;
	const struct row *row = &twin->row[chance_below(c, (unsigned)twin->rows)];
	is[0] = (unsigned)(row->identity.octet[1] - '0');
	if (identity_known(&row->digest))
		is[1] = world_body(&row->digest);
}

static void make_stranger(struct chance *c, struct flag_table *flags, struct world *w, size_t t,
	enum side side, const unsigned is[2])
{
	struct message *m = world_add(w, t, side, is[0], is[1]);
	m->received = chance_below(c, 4);
	m->flags = flags_storable(flags, some_flags(c, flags), &w->twin[t].box[side].storable);
	/* A size is a hint, and a search may select one of two equal messages. */
	if (chance_of(c, 3))
		m->size++;
	if (w->excluded != 0 && chance_of(c, 10))
		m->selected = !m->selected;
}

static void make_strangers(struct chance *c, struct flag_table *flags, struct world *w, size_t t)
{
	unsigned n = chance_below(c, 4), is[2];
	for (unsigned i = 0; i < n; i++) {
		enum side side = chance_of(c, 50) ? LEFT : RIGHT;
		some_content(c, w, is);
		make_stranger(c, flags, w, t, side, is);
		if (chance_of(c, 35))
			make_stranger(c, flags, w, t, other(side), is);
	}
}

/* ---- circumstances ---- */

/* All keys of one side begin anew, and are those of other messages now. */
static void change_epoch(struct chance *c, struct world *w, size_t t, enum side side)
{
	struct world_box *box = &w->twin[t].box[side];
	box->next = 1;
	for (size_t i = box->n; i > 1; i--) {
		size_t j = chance_below(c, (unsigned)i);
		struct message m = box->at[j];
		struct identity whole = box->whole[j];
		box->at[j] = box->at[i - 1];
		box->whole[j] = box->whole[i - 1];
		box->at[i - 1] = m;
		box->whole[i - 1] = whole;
	}
	for (size_t i = 0; i < box->n; i++)
		box->at[i].key = world_key(side, box->next++);
	w->twin[t].new_epoch[side] = true;
}

static void limit_flags(struct chance *c, struct flag_table *flags, struct world_box *box)
{
	static const struct flag_storable all = {FLAG_SYSTEM_SETS - 1, true};
	box->storable = all;
	if (!chance_of(c, 8))
		return;
	box->storable.new_keywords = chance_of(c, 30);
	if (chance_of(c, 40))
		box->storable.listed = flags_without(
			flags, box->storable.listed, chance_of(c, 50) ? FLAG_ANSWERED : FLAG_SEEN);
}

static void make_twin(struct chance *c, struct flag_table *flags, struct world *w, size_t t)
{
	struct world_twin *twin = &w->twin[t];
	unsigned rows = chance_below(c, w->n == 1 ? 7 : 4);
	twin->drafts = chance_of(c, 5);
	for (enum side side = LEFT; side <= RIGHT; side++) {
		twin->box[side].next = 1;
		limit_flags(c, flags, &twin->box[side]);
	}
	for (unsigned i = 0; i < rows; i++)
		make_row(c, flags, w, t);
}

/* A side that cannot be read whole has what it seems to have lost. */
static void find_lost(struct world *w, size_t t, enum side side)
{
	struct world_twin *twin = &w->twin[t];
	for (size_t i = 0; i < twin->rows; i++) {
		const struct row *row = &twin->row[i];
		uint32_t next = twin->box[side].next;
		if (row->key[side] == NULL || row->gone[side] ||
			world_find(&twin->box[side], row->key[side]) != NONE)
			continue;
		struct message *m = world_add(
			w, t, side, world_content(&row->digest), world_body(&row->digest));
		m->key = row->key[side];
		m->flags = row->flags[side];
		m->received = row->received;
		twin->box[side].next = next;
	}
	twin->unsure[side] = true;
}

static void make_circumstances(struct chance *c, struct world *w, size_t t)
{
	struct world_twin *twin = &w->twin[t];
	enum side side = chance_of(c, 50) ? LEFT : RIGHT;
	switch (chance_below(c, 30)) {
	case 0:
	case 1:
		change_epoch(c, w, t, side);
		if (chance_of(c, 20))
			change_epoch(c, w, t, other(side));
		break;
	case 2:
		find_lost(w, t, side);
		break;
	case 3:
		twin->read_only[side] = true;
		break;
	case 4:
		twin->no_deletes[side] = true;
		break;
	default:
		break;
	}
}

/* A copy that an earlier run began, and perhaps made. */
static void make_intent(struct chance *c, struct world_twin *twin)
{
	enum side to = chance_of(c, 50) ? LEFT : RIGHT;
	const struct world_box *from = &twin->box[other(to)], *box = &twin->box[to];
	if (from->n == 0 || twin->new_epoch[LEFT] || twin->new_epoch[RIGHT])
		return;
	twin->intent[twin->intents++] = (struct intent){.to = to,
		.source = from->at[chance_below(c, (unsigned)from->n)].key,
		.epoch = "1",
		.next = world_key(to, 1 + chance_below(c, box->next))};
}

static void make_policy(struct chance *c, struct world *w)
{
	static const enum mode modes[] = {
		MODE_BETWEEN, MODE_BETWEEN, MODE_MIRROR, MODE_COPY, MODE_MOVE};
	enum mode mode = modes[chance_below(c, 5)];
	w->policy = (struct policy){.mode = mode,
		.flags = chance_of(c, 90),
		.expunge = chance_of(c, 15),
		.propagate = (mode == MODE_BETWEEN || mode == MODE_MIRROR) && chance_of(c, 85),
		.bring_back = chance_of(c, 10),
		.same_server = chance_of(c, 25)};
	if (chance_of(c, 12))
		w->excluded = 1u << chance_below(c, WORLD_CONTENTS);
}

void history_make(struct chance *c, struct flag_table *flags, struct world *w)
{
	memset(w, 0, sizeof *w);
	w->n = chance_of(c, 50) ? 1 : 2 + chance_below(c, 2);
	make_policy(c, w);
	for (size_t t = 0; t < w->n; t++)
		make_twin(c, flags, w, t);
	for (size_t t = 0; t < w->n; t++)
		make_strangers(c, flags, w, t);
	for (size_t t = 0; t < w->n; t++) {
		make_circumstances(c, w, t);
		if (chance_of(c, 10))
			make_intent(c, &w->twin[t]);
	}
}

/* ---- coverage ---- */

const char *const reached_names[REACHED_ROWS] = {
	[NEW_NONE] = "new, -",
	[NONE_NEW] = "-, new",
	[NEW_NEW] = "new, new",
	[CHANGED_SAME] = "flag changed, same",
	[SAME_CHANGED] = "same, flag changed",
	[CHANGED_CHANGED] = "flag changed, flag changed",
	[GONE_SAME] = "gone, same",
	[SAME_GONE] = "same, gone",
	[GONE_TOUCHED] = "gone, only \\Seen or \\Deleted changed",
	[GONE_EDITED] = "gone, any other flag changed",
	[EDITED_GONE] = "flag changed, gone",
	[REMEMBERED_ANY] = "remembered gone, any",
	[ANY_REMEMBERED] = "any, remembered gone",
	[GONE_GONE] = "gone, gone",
};

static enum fate fate_of(struct flag_table *flags, const struct world_twin *twin,
	const struct row *row, enum side side)
{
	const struct world_box *box = &twin->box[side];
	uint32_t m = world_find(box, row->key[side]);
	if (row->gone[side])
		return FATE_REMEMBERED;
	if (row->key[side] == NULL)
		return FATE_NEVER;
	if (m == NONE)
		return FATE_GONE;
	flag_set now = box->at[m].flags, base = row->flags[side];
	flag_set change = flags_union(
		flags, flags_without(flags, now, base), flags_without(flags, base, now));
	if (change == 0)
		return FATE_SAME;
	return flags_without(flags, change, FLAG_SEEN | FLAG_DELETED) == 0 ? FATE_TOUCHED
									   : FATE_EDITED;
}

static void count_row(enum fate left, enum fate right, size_t count[REACHED_ROWS])
{
	bool there[2] = {left >= FATE_SAME, right >= FATE_SAME};
	count[NEW_NONE] += there[LEFT] && right == FATE_NEVER;
	count[NONE_NEW] += left == FATE_NEVER && there[RIGHT];
	count[CHANGED_SAME] += left > FATE_SAME && right == FATE_SAME;
	count[SAME_CHANGED] += left == FATE_SAME && right > FATE_SAME;
	count[CHANGED_CHANGED] += left > FATE_SAME && right > FATE_SAME;
	count[GONE_SAME] += left == FATE_GONE && right == FATE_SAME;
	count[SAME_GONE] += left == FATE_SAME && right == FATE_GONE;
	count[GONE_TOUCHED] += left == FATE_GONE && right == FATE_TOUCHED;
	count[GONE_EDITED] += left == FATE_GONE && right == FATE_EDITED;
	count[EDITED_GONE] += left == FATE_EDITED && right == FATE_GONE;
	count[REMEMBERED_ANY] += left == FATE_REMEMBERED;
	count[ANY_REMEMBERED] += right == FATE_REMEMBERED;
	count[GONE_GONE] += left == FATE_GONE && right == FATE_GONE;
}

static void count_strangers(const struct world_twin *twin, size_t count[REACHED_ROWS])
{
	size_t n[2][WORLD_CONTENTS * 2] = {{0}};
	for (enum side side = LEFT; side <= RIGHT; side++) {
		const struct world_box *box = &twin->box[side];
		for (size_t i = 0; i < box->n; i++) {
			bool known = false;
			for (size_t r = 0; r < twin->rows; r++)
				known |= twin->row[r].key[side] == box->at[i].key;
			if (!known)
				n[side]
				 [world_content(&box->whole[i]) * 2 + world_body(&box->whole[i])]++;
		}
	}
	for (size_t k = 0; k < WORLD_CONTENTS * 2; k++) {
		size_t both = n[LEFT][k] < n[RIGHT][k] ? n[LEFT][k] : n[RIGHT][k];
		count[NEW_NEW] += both;
		count[NEW_NONE] += n[LEFT][k] - both;
		count[NONE_NEW] += n[RIGHT][k] - both;
	}
}

void history_reaches(const struct world *w, struct flag_table *flags, size_t count[REACHED_ROWS])
{
	for (size_t t = 0; t < w->n; t++) {
		const struct world_twin *twin = &w->twin[t];
		if (twin->new_epoch[LEFT] || twin->new_epoch[RIGHT])
			continue;
		for (size_t i = 0; i < twin->rows; i++)
			count_row(fate_of(flags, twin, &twin->row[i], LEFT),
				fate_of(flags, twin, &twin->row[i], RIGHT), count);
		count_strangers(twin, count);
	}
}
