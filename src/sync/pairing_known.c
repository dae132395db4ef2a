#include "sync/pairing_private.h"

#include <string.h>

#include "mail/name.h"

/* What became of a pairing of the state. */
struct trace {
	const struct state_twin *twin;
	struct place *place[2]; /* NULL: not listed */
	bool renamed[2];	/* place[] has another name than in the state */
	bool confirm[2];
};

static void trace_names(struct pairer *p, struct trace *traces)
{
	for (size_t i = 0; i < p->n_known; i++) {
		traces[i].twin = &p->known[i];
		for (enum side s = LEFT; s <= RIGHT; s++) {
			struct place *place = pairing_place(&p->side[s], p->known[i].name[s]);
			traces[i].place[s] = place;
			map_put_str(p->side[s].known, p->known[i].name[s], (uint32_t)i);
			if (place != NULL)
				place->known = true;
		}
	}
}

/* ---- renames ---- */

/*
 * What a mailbox is known by when its name is not: its id, and its epoch.  Only what just one
 * mailbox of the side has, among the listed and among the known ones, tells anything: there are
 * servers that give all their mailboxes one UIDVALIDITY, and number messages from 1 in each.
 */
struct marks {
	struct map *id, *epoch;	 /* -> index of the place, or SEVERAL */
	struct map *known_epoch; /* -> 0 for one twin, SEVERAL for more */
};

#define SEVERAL (MAP_NONE - 1)

static void mark(struct map *map, const char *text, uint32_t value)
{
	if (text != NULL && map_put_str(map, text, value) != MAP_NONE)
		map_set(map, text, strlen(text), SEVERAL);
}

static void read_marks(const struct pairer *p, enum side s, struct marks *marks)
{
	const struct names *names = &p->side[s];
	*marks = (struct marks){map_new(names->n), map_new(names->n), map_new(p->n_known)};
	for (uint32_t i = 0; i < names->n; i++) {
		mark(marks->id, names->at[i].box->id, i);
		mark(marks->epoch, names->at[i].box->epoch, i);
	}
	for (size_t i = 0; i < p->n_known; i++)
		mark(marks->known_epoch, p->known[i].epoch[s], 0);
}

static void finish_marks(struct marks *marks)
{
	map_free(marks->id);
	map_free(marks->epoch);
	map_free(marks->known_epoch);
}

static struct place *place_with(const struct names *names, const struct map *map, const char *text)
{
	uint32_t at = text == NULL ? MAP_NONE : map_get_str(map, text);
	return at >= SEVERAL ? NULL : &names->at[at];
}

static bool same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* The mailbox that appeared where ${twin}'s vanished, by what both are known by. */
static struct place *find_renamed(const struct names *names, const struct marks *marks,
	const struct state_twin *twin, enum side s)
{
	struct place *place = place_with(names, marks->id, twin->mailbox[s]);
	if (place == NULL && twin->epoch[s] != NULL &&
		map_get_str(marks->known_epoch, twin->epoch[s]) != SEVERAL) {
		place = place_with(names, marks->epoch, twin->epoch[s]);
		/* with ids on both sides of time, those have spoken */
		if (place != NULL && place->box->id != NULL && twin->mailbox[s] != NULL)
			place = NULL;
	}
	bool may_be = place != NULL && !place->known && place->box->selectable &&
		      !name_is_inbox(place->box->name) && !name_is_inbox(twin->name[s]);
	return may_be ? place : NULL;
}

/* A directory's number goes to the next directory that is made: while keys mean something, they
 * decide.  Under a new epoch only the id is left to believe. */
static void trace_renames(struct pairer *p, struct trace *traces, enum side s)
{
	struct marks marks;
	read_marks(p, s, &marks);
	for (size_t i = 0; i < p->n_known; i++) {
		struct trace *t = &traces[i];
		if (t->place[s] != NULL)
			continue;
		t->place[s] = find_renamed(&p->side[s], &marks, t->twin, s);
		if (t->place[s] == NULL)
			continue;
		t->place[s]->known = true;
		t->renamed[s] = true;
		t->confirm[s] = same(t->place[s]->box->epoch, t->twin->epoch[s]);
	}
	finish_marks(&marks);
}

/*
 * A run that was killed had carried A's new name over to the target of a mirror, and did not come
 * to write it down: where nothing else tells, the name does.  A target has nothing of its own to
 * lose by it; where both sides count, a person is told.
 */
static void trace_carried(struct pairer *p, struct trace *traces)
{
	bool by_rule;
	for (size_t i = 0; p->pair->mode == MODE_MIRROR && i < p->n_known; i++) {
		struct trace *t = &traces[i];
		if (!t->renamed[LEFT] || t->place[RIGHT] != NULL)
			continue;
		const char *goal = pairing_across(p, LEFT, t->place[LEFT]->box->name, &by_rule);
		struct place *place = pairing_place(&p->side[RIGHT], goal);
		if (place == NULL || place->known || !place->box->selectable || name_is_inbox(goal))
			continue;
		place->known = true;
		t->place[RIGHT] = place;
		t->renamed[RIGHT] = true;
	}
}

/* ---- a world that shrank ---- */

struct census {
	size_t kept, vanished, appeared;
};

static struct census count(const struct pairer *p, const struct trace *traces, enum side s)
{
	struct census census = {0};
	const struct names *names = &p->side[s];
	for (size_t i = 0; i < p->n_known; i++) {
		if (traces[i].place[s] == NULL)
			census.vanished++;
		else if (!name_is_inbox(traces[i].twin->name[s])) /* it is there in any account */
			census.kept++;
	}
	for (size_t i = 0; i < names->n; i++)
		census.appeared += names->at[i].box->selectable && !names->at[i].known &&
				   !name_is_inbox(names->at[i].box->name);
	return census;
}

/*
 * A side that lists nothing any more, or nothing of what it had but other mailboxes instead: an
 * empty account, another one, a name space that moved.  What it lists is not what happened to it.
 */
static void doubt(struct pairer *p, const struct trace *traces, enum side s)
{
	struct census census = count(p, traces, s);
	if (p->n_known > 0 && p->side[s].selectable == 0) {
		p->doubted = true;
		pairing_trouble(p, s, NULL, CAUSE_DOUBT,
			"it lists no mailbox, but %zu took part in the last sync; none is "
			"paired anew, renamed or removed",
			p->n_known);
	} else if (census.vanished > 1 && census.kept == 0 && census.appeared > 0 &&
		   p->pair->max_deletions.kind != LIMIT_ANY) {
		p->doubted = true;
		pairing_trouble(p, s, NULL, CAUSE_DOUBT,
			"it lists none of the %zu mailboxes that it had, but %zu others; none is "
			"paired anew, renamed or removed; --max-deletions any takes them as they "
			"are",
			census.vanished, census.appeared);
	}
}

/* ---- what becomes of it ---- */

/* A name that a rename can be carried over to: nobody has it, nor had it, nor is to get it. */
static const char *free_name(
	const struct pairer *p, const struct trace *t, enum side s, const char *name)
{
	uint32_t had = map_get_str(p->side[s].known, name);
	bool taken = (had != MAP_NONE && t->twin != &p->known[had]) || name_is_inbox(name) ||
		     pairing_place(&p->side[s], name) != NULL ||
		     pairing_owner(&p->side[s], name) != NULL || pairing_clash(p, s, name) != NULL;
	return taken ? NULL : name;
}

/* Carry A's new name over to B, in `between` also B's to A; in `mirror` give B its name back. */
static void carry_rename(struct pairer *p, const struct trace *t, struct pairing *pairing)
{
	enum mode mode = p->pair->mode;
	bool by_rule;
	if (p->doubted || pairing_is_inbox(pairing))
		return;
	if (mode == MODE_BETWEEN && t->renamed[LEFT] && t->renamed[RIGHT])
		return;
	enum side to = mode == MODE_BETWEEN && t->renamed[RIGHT] ? LEFT : RIGHT;
	const char *goal = pairing_across(p, other(to), pairing->name[other(to)], &by_rule);
	if (mode == MODE_MIRROR && !t->renamed[LEFT])
		goal = t->twin->name[RIGHT];
	if ((mode != MODE_BETWEEN && mode != MODE_MIRROR) || strcmp(goal, pairing->name[to]) == 0)
		return;
	pairing->rename_to[to] = free_name(p, t, to, goal);
}

/* Whether ${s}, which still has it, is to lose it too. */
static bool is_removed(const struct pairer *p, const struct pairing *pairing, enum side s)
{
	enum mode mode = p->pair->mode;
	bool follows = mode == MODE_BETWEEN || (mode == MODE_MIRROR && s == RIGHT);
	return p->pair->propagate_mailboxes && follows && !p->doubted && !pairing_is_inbox(pairing);
}

static enum pairing_action judge(
	const struct pairer *p, const struct trace *t, struct pairing *pairing)
{
	bool there[] = {pairing->box[LEFT] != NULL, pairing->box[RIGHT] != NULL};
	if (there[LEFT] && there[RIGHT])
		return PAIRING_SYNC;
	if (!there[LEFT] && !there[RIGHT]) {
		bool gone = t->place[LEFT] == NULL && t->place[RIGHT] == NULL;
		return gone && !p->doubted ? PAIRING_FORGET : PAIRING_LEAVE;
	}
	pairing->to = there[LEFT] ? LEFT : RIGHT;
	/* a name that is only a level now is still listed: it was not deleted for certain */
	bool gone = t->place[other(pairing->to)] == NULL;
	return gone && is_removed(p, pairing, pairing->to) ? PAIRING_REMOVE : PAIRING_LEAVE;
}

static void add_known(struct pairer *p, const struct trace *t)
{
	struct pairing pairing = {.known = t->twin};
	for (enum side s = LEFT; s <= RIGHT; s++) {
		const struct place *place = t->place[s];
		pairing.name[s] = place == NULL ? t->twin->name[s] : place->box->name;
		if (place != NULL && place->box->selectable && !place->paired)
			pairing.box[s] = place->box;
		pairing.confirm[s] = t->confirm[s];
	}
	pairing.action = judge(p, t, &pairing);
	if (pairing.action == PAIRING_SYNC && (t->renamed[LEFT] || t->renamed[RIGHT]))
		carry_rename(p, t, &pairing);
	pairing_add(p, &pairing);
}

void pairing_known(struct pairer *p)
{
	struct trace *traces = arena_alloc(p->arena, (p->n_known + 1) * sizeof *traces);
	trace_names(p, traces);
	for (enum side s = LEFT; s <= RIGHT; s++)
		trace_renames(p, traces, s);
	trace_carried(p, traces);
	for (enum side s = LEFT; s <= RIGHT; s++)
		doubt(p, traces, s);
	for (size_t i = 0; i < p->n_known; i++)
		add_known(p, &traces[i]);
}
