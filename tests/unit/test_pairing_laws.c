#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "sync/pairing.h"

/*
 * Laws of the pairing, over random listings and what could be known of them.  Each world's number
 * is its seed: a failure names it.
 */
enum { WORLDS = 10000 };

struct scene {
	struct pair_config pair;
	struct mailbox_list list[2];
	struct state_twin *known;
	size_t n_known;
};

static const struct store_config work = {.name = "work"}, laptop = {.name = "laptop"};
static const char *const everything[] = {"**", "!A/y"};
static const struct pattern_list patterns = {everything, 2};

/* Few names, so that they meet: levels, one that differs in case only, two of a use. */
static const char *const names[] = {"INBOX", "A", "A/x", "A/y", "B", "B/x", "a", "Sent", "Post"};
#define NAMES (sizeof names / sizeof *names)

static uint32_t seed, scene_number;

/* Print the world that broke a law, and fail. */
#define LAW(what) \
	do { \
		if (!(what)) \
			fail_msg("world %u: " #what, scene_number); \
	} while (0)

static unsigned dice(unsigned sides)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % sides;
}

static const char *number(struct arena *arena, const char *what)
{
	return dice(3) == 0 ? NULL : arena_printf(arena, "%s%u", what, dice(6));
}

static void throw_listing(struct mailbox_list *list, struct arena *arena)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (dice(2) == 0)
			continue;
		struct mailbox *box = ARENA_PUSH(arena, list->at, list->n, list->cap);
		*box = (struct mailbox){.name = names[i],
			.id = dice(3) == 0 ? NULL : arena_printf(arena, "id%zu", i),
			.epoch = number(arena, "e"),
			.selectable = dice(8) != 0,
			.subscribed = dice(2) == 0};
		if (dice(4) == 0)
			box->use = dice(2) == 0 ? USE_SENT : USE_TRASH;
	}
}

/* A state has each name of a side once. */
static void throw_known(struct scene *w, struct arena *arena)
{
	size_t cap = 0, shift = dice(3) == 0 ? dice(NAMES) : 0;
	for (size_t i = 0; i < NAMES; i++) {
		if (dice(3) != 0)
			continue;
		*ARENA_PUSH(arena, w->known, w->n_known, cap) =
			(struct state_twin){.id = 1 + (int64_t)i,
				.name = {names[i], names[(i + shift) % NAMES]},
				.mailbox = {number(arena, "id"), number(arena, "id")},
				.epoch = {number(arena, "e"), number(arena, "e")}};
	}
}

static void throw_scene(struct scene *w, uint32_t which, struct arena *arena)
{
	seed = scene_number = which;
	for (int i = 0; i < 4; i++)
		dice(2);
	*w = (struct scene){.pair = {.name = "p",
				    .where = "w",
				    .store = {&work, &laptop},
				    .mailboxes = &patterns,
				    .special_use = dice(3) != 0,
				    .create = {dice(4) != 0, dice(4) != 0},
				    .propagate_mailboxes = dice(2) == 0,
				    .mode = (enum mode)dice(4)}};
	throw_listing(&w->list[LEFT], arena);
	throw_listing(&w->list[RIGHT], arena);
	throw_known(w, arena);
}

static struct pairings *pair_up(const struct scene *w, struct arena *arena)
{
	struct error err = {0};
	struct pairings *all = pairing_make(
		&w->pair, &w->list[LEFT], &w->list[RIGHT], w->known, w->n_known, NULL, arena, &err);
	LAW(NULL != all);
	return all;
}

static const struct mailbox *find_box(const struct mailbox_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].name, name) == 0)
			return &list->at[i];
	return NULL;
}

/* ---- one run ---- */

static void law_of_ones_own(const struct pairings *all)
{
	for (size_t i = 0; i < all->n; i++)
		for (size_t j = 0; j < i; j++)
			for (enum side s = LEFT; s <= RIGHT; s++) {
				const struct pairing *a = &all->at[i], *b = &all->at[j];
				LAW(a->box[s] == NULL || a->box[s] != b->box[s]);
				LAW(!a->create[s] || strcmp(a->name[s], b->name[s]) != 0);
				LAW(a->rename_to[s] == NULL ||
					strcmp(a->rename_to[s], b->name[s]) != 0);
			}
}

static void law_of_making(const struct scene *w, const struct pairing *p)
{
	for (enum side s = LEFT; s <= RIGHT; s++) {
		const struct mailbox *there = find_box(&w->list[s], p->name[s]);
		if (p->create[s]) {
			LAW(w->pair.create[s]);
			LAW(s == RIGHT || w->pair.mode == MODE_BETWEEN);
			LAW(p->action == PAIRING_SYNC && p->known == NULL);
			LAW(there == NULL || !there->selectable);
			LAW(NULL != p->box[other(s)]);
		}
		if (p->rename_to[s] != NULL) {
			LAW(NULL != p->known);
			LAW(NULL == find_box(&w->list[s], p->rename_to[s]));
		}
	}
}

static void law_of_removing(const struct scene *w, const struct pairing *p)
{
	if (p->action != PAIRING_REMOVE)
		return;
	LAW(w->pair.propagate_mailboxes);
	LAW(w->pair.mode == MODE_BETWEEN || (w->pair.mode == MODE_MIRROR && p->to == RIGHT));
	LAW(NULL != p->box[p->to]);
	LAW(NULL == p->box[other(p->to)]);
	LAW(NULL == find_box(&w->list[other(p->to)], p->name[other(p->to)]));
	assert_string_not_equal(p->name[p->to], "INBOX");
}

/* ---- the next run ---- */

static void carry_out(
	const struct scene *w, const struct pairings *all, struct scene *next, struct arena *arena)
{
	size_t cap = 0;
	*next = (struct scene){.pair = w->pair};
	for (enum side s = LEFT; s <= RIGHT; s++)
		for (size_t i = 0; i < w->list[s].n; i++)
			*ARENA_PUSH(arena, next->list[s].at, next->list[s].n, next->list[s].cap) =
				w->list[s].at[i];
	for (size_t i = 0; i < w->n_known; i++) /* of what takes no part, too */
		*ARENA_PUSH(arena, next->known, next->n_known, cap) = w->known[i];
	for (size_t i = 0; i < all->n; i++) {
		const struct pairing *p = &all->at[i];
		struct state_twin twin = {.id = 100 + (int64_t)i};
		for (enum side s = LEFT; s <= RIGHT; s++) {
			struct mailbox *box =
				(struct mailbox *)find_box(&next->list[s], p->name[s]);
			twin.name[s] = p->name[s];
			if (p->action == PAIRING_REMOVE && p->to == s)
				*box = (struct mailbox){.name = "A/y"}; /* takes no part */
			if (p->create[s] && box == NULL)
				box = ARENA_PUSH(arena, next->list[s].at, next->list[s].n,
					next->list[s].cap);
			if (p->create[s])
				*box = (struct mailbox){
					.name = p->name[s], .selectable = true, .use = p->use};
			if (p->rename_to[s] != NULL)
				box->name = twin.name[s] = p->rename_to[s];
			if (p->action == PAIRING_SYNC) {
				twin.mailbox[s] = box->id;
				twin.epoch[s] = box->epoch;
			}
		}
		for (size_t k = 0; p->known != NULL && k < next->n_known; k++)
			if (next->known[k].id == p->known->id) {
				if (p->action == PAIRING_SYNC)
					next->known[k] = twin;
				else if (p->action != PAIRING_LEAVE)
					next->known[k] = next->known[--next->n_known];
				break;
			}
		if (p->known == NULL && p->action == PAIRING_SYNC)
			*ARENA_PUSH(arena, next->known, next->n_known, cap) = twin;
	}
}

static bool is_settled(const struct pairings *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct pairing *p = &all->at[i];
		if ((p->action != PAIRING_SYNC && p->action != PAIRING_LEAVE) || p->known == NULL ||
			p->create[LEFT] || p->create[RIGHT] || p->rename_to[LEFT] != NULL ||
			p->rename_to[RIGHT] != NULL)
			return false;
	}
	return true;
}

/* At once, but where something went whose name another was waiting for. */
static void law_of_settling(const struct scene *w, const struct pairings *all, struct arena *arena)
{
	struct scene next = *w;
	for (int run = 0; run < 4 && !is_settled(all); run++) {
		struct scene now = next;
		carry_out(&now, all, &next, arena);
		all = pair_up(&next, arena);
	}
	LAW(is_settled(all));
}

/* ---- seen from the other side ---- */

static int by_right_name(const void *a, const void *b)
{
	const struct pairing *l = a, *r = b;
	int order = strcmp(l->name[RIGHT], r->name[RIGHT]);
	return order != 0 ? order : strcmp(l->name[LEFT], r->name[LEFT]);
}

static int by_left_name(const void *a, const void *b)
{
	const struct pairing *l = a, *r = b;
	int order = strcmp(l->name[LEFT], r->name[LEFT]);
	return order != 0 ? order : strcmp(l->name[RIGHT], r->name[RIGHT]);
}

static void assert_same_or_null(const char *a, const char *b)
{
	LAW((a == NULL) == (b == NULL));
	if (a != NULL)
		assert_string_equal(a, b);
}

static void law_of_the_mirror(const struct scene *w, struct pairings *all, struct arena *arena)
{
	if (w->pair.mode != MODE_BETWEEN)
		return;
	struct scene turned = {.pair = w->pair,
		.list = {w->list[RIGHT], w->list[LEFT]},
		.known = arena_memdup(arena, w->known, w->n_known * sizeof *w->known),
		.n_known = w->n_known};
	turned.pair.create[LEFT] = w->pair.create[RIGHT];
	turned.pair.create[RIGHT] = w->pair.create[LEFT];
	static const struct pattern_list whole = {everything, 1};
	turned.pair.mailboxes = &whole; /* patterns are of A's names */
	struct scene straight = *w;
	straight.pair.mailboxes = &whole;
	for (size_t i = 0; i < w->n_known; i++)
		for (enum side s = LEFT; s <= RIGHT; s++) {
			turned.known[i].name[s] = w->known[i].name[other(s)];
			turned.known[i].mailbox[s] = w->known[i].mailbox[other(s)];
			turned.known[i].epoch[s] = w->known[i].epoch[other(s)];
		}
	all = pair_up(&straight, arena);
	struct pairings *back = pair_up(&turned, arena);
	assert_int_equal(all->n, back->n);
	assert_int_equal(all->problems, back->problems);
	if (all->n > 0) {
		qsort(all->at, all->n, sizeof *all->at, by_right_name);
		qsort(back->at, back->n, sizeof *back->at, by_left_name);
	}
	for (size_t i = 0; i < all->n; i++) {
		assert_int_equal(all->at[i].action, back->at[i].action);
		for (enum side s = LEFT; s <= RIGHT; s++) {
			assert_string_equal(all->at[i].name[s], back->at[i].name[other(s)]);
			LAW(all->at[i].create[s] == back->at[i].create[other(s)]);
			assert_same_or_null(
				all->at[i].rename_to[s], back->at[i].rename_to[other(s)]);
		}
	}
}

static void every_world_keeps_the_laws(void **state)
{
	(void)state;
	size_t made = 0, renamed = 0, removed = 0, doubted = 0;
	for (uint32_t which = 1; which <= WORLDS; which++) {
		struct arena *arena = arena_new();
		struct scene w;
		throw_scene(&w, which, arena);
		struct pairings *all = pair_up(&w, arena);
		law_of_ones_own(all);
		for (size_t i = 0; i < all->n; i++) {
			law_of_making(&w, &all->at[i]);
			law_of_removing(&w, &all->at[i]);
			made += all->at[i].create[LEFT] || all->at[i].create[RIGHT];
			renamed += all->at[i].rename_to[LEFT] || all->at[i].rename_to[RIGHT];
			removed += all->at[i].action == PAIRING_REMOVE;
		}
		for (size_t i = 0; i < all->problems; i++)
			doubted += all->problem[i].cause == CAUSE_DOUBT;
		law_of_settling(&w, all, arena);
		law_of_the_mirror(&w, all, arena);
		arena_free(arena);
	}
	/* each of them was tried */
	LAW(made > WORLDS / 2);
	LAW(renamed > WORLDS / 50);
	LAW(removed > WORLDS / 20);
	LAW(doubted > WORLDS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_world_keeps_the_laws),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
