#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "sync/differ_private.h"

/*
 * Equal contents.
 *
 * Two messages of one server are one when it has one EMAILID for both, and what RFC 8474, 5.1,
 * wants to be equal then is equal: size and INTERNALDATE.  Ids may be unique within an account
 * only, and then two accounts have one id for what is not one message.  That there are two ids says
 * nothing, because another account may have its own.  Else they are one when their header digests
 * are equal and so are their sizes, unless either is a draft; drafts are written over again and
 * again under one header, and sizes are a hint that servers get wrong.  Where that does not decide,
 * the digests of the whole messages do.  Where a server rewrites what it stores, what is left then
 * is one when Message-ID and Date are, and the sizes are near.
 */

/* Of a thousand equal messages, so many are tried for one that has conditions. */
#define MOST_OFFERS 8

/* How far a rewritten message's size may be off: a part of it, and what some header fields and
 * part boundaries take. */
#define NEAR_SHARE  10
#define NEAR_OCTETS 4096

/* ---- what a unit is known by ---- */

static void learn(struct identity *known, const struct identity *told)
{
	if (!identity_known(known))
		*known = *told;
}

/* The same of what stands beside a list, if anything does. */
static void learn_at(struct identity *known, const struct identity *beside, uint32_t m)
{
	if (beside != NULL)
		learn(known, &beside[m]);
}

static void add_half(
	const struct differ *d, const struct unit *u, enum side side, struct content *content)
{
	const struct message *m = unit_message(d, u, side);
	const struct row *row = unit_half_row(d, u, side);
	flag_set set = m != NULL ? m->flags : row != NULL ? row->flags[side] : 0;
	content->draft |= (flags_system(d->flags, set) & FLAG_DRAFT) != 0;
	if (m == NULL)
		return;
	const struct message_list *list = d->twin[u->twin].list[side];
	learn(&content->header, &m->identity);
	learn_at(&content->emailid, list->emailid, u->message[side]);
	learn_at(&content->origin, list->origin, u->message[side]);
	learn_at(&content->whole, list->digest, u->message[side]);
	if (content->size == 0)
		content->size = m->size;
	if (content->received == RECEIVED_UNKNOWN)
		content->received = m->received;
}

void unit_content(const struct differ *d, const struct unit *u, struct content *content)
{
	const struct row *row = unit_row(d, u);
	*content = (struct content){.received = RECEIVED_UNKNOWN, .draft = d->twin[u->twin].drafts};
	if (row != NULL) {
		content->header = row->identity;
		content->whole = row->digest;
		content->size = row->size;
		content->received = row->received;
	}
	add_half(d, u, LEFT, content);
	add_half(d, u, RIGHT, content);
}

/* ---- order ---- */

struct place {
	int64_t received;
	const char *key;
	size_t key_len;
	uint32_t unit;
};

static int compare_places(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;
	if (a->received != b->received)
		return a->received < b->received ? -1 : 1;
	/* A UID that has more digits is the larger one. */
	if (a->key_len != b->key_len)
		return a->key_len < b->key_len ? -1 : 1;
	int order = memcmp(a->key, b->key, a->key_len);
	if (order != 0)
		return order;
	return a->unit < b->unit ? -1 : a->unit > b->unit;
}

static void sort_pool(struct differ *d, struct pool *pool)
{
	struct place *place = arena_alloc(d->scratch, pool->n * sizeof *place);
	for (size_t i = 0; i < pool->n; i++) {
		const struct unit *u = &d->unit[pool->at[i]];
		const struct message *m = unit_message(d, u, pool->side);
		const struct row *row = unit_half_row(d, u, pool->side);
		const char *key = m != NULL ? m->key : row->key[pool->side];
		if (key == NULL)
			key = "";
		place[i] = (struct place){.received = m != NULL ? m->received : row->received,
			.key = key,
			.key_len = strlen(key),
			.unit = pool->at[i]};
	}
	qsort(place, pool->n, sizeof *place, compare_places);
	for (size_t i = 0; i < pool->n; i++)
		pool->at[i] = place[i].unit;
}

/* ---- the match ---- */

/* What has to be equal: bytes, so that a map can find them. */
struct class
{
	struct identity first;
	struct identity second; /* or the size, and zeros */
};

/*
 * Whole digests first, where both are known: they decide against everything else.  Then sizes; a
 * digest on one side only says nothing.  What both have read whole and found different never meets
 * by its size.
 */
enum by { BY_EMAILID, BY_WHOLE, BY_SIZE, BY_ORIGIN };

struct pass {
	enum by by;
	bool whole_known[2]; /* BY_SIZE: in a, in b */
};

static const struct pass ids[] = {{.by = BY_EMAILID}};

static const struct pass contents[] = {
	{.by = BY_WHOLE},
	{.by = BY_SIZE, .whole_known = {false, true}},
	{.by = BY_SIZE, .whole_known = {true, false}},
	{.by = BY_SIZE, .whole_known = {false, false}},
	{.by = BY_ORIGIN},
};

static bool classify(const struct differ *d, const struct unit *u, const struct pass *pass,
	bool whole_known, struct class *class)
{
	struct content c;
	unit_content(d, u, &c);
	*class = (struct class){.first = c.header};
	switch (pass->by) {
	case BY_EMAILID:
		class->first = c.emailid;
		break;
	case BY_WHOLE:
		class->second = c.whole;
		if (!identity_known(&c.whole))
			return false;
		break;
	case BY_SIZE:
		memcpy(&class->second, &c.size, sizeof c.size);
		if (c.size == 0 || c.draft || identity_known(&c.whole) != whole_known)
			return false;
		break;
	case BY_ORIGIN:
		class->first = c.origin;
		if (!d->policy->rewrites)
			return false;
	}
	return identity_known(&class->first);
}

/* Whether what is known besides speaks against it: one content has one size and one date, and a
 * rewritten message is still about as long. */
static bool looks_agree(
	const struct differ *d, const struct pass *pass, const struct unit *a, const struct unit *b)
{
	struct content x, y;
	if (pass->by != BY_EMAILID && pass->by != BY_ORIGIN)
		return true;
	unit_content(d, a, &x);
	unit_content(d, b, &y);
	uint64_t less = x.size < y.size ? x.size : y.size, apart = x.size + y.size - 2 * less;
	if (pass->by == BY_EMAILID)
		return less != 0 && apart == 0 && x.received == y.received;
	return less != 0 && !x.draft && !y.draft && apart <= less / NEAR_SHARE + NEAR_OCTETS;
}

/* The units of one pool by their class: for each the first, and behind it the others in order. */
struct classes {
	struct map *first;
	uint32_t *next;
	struct class *class;
};

static void sort_into_classes(
	struct differ *d, const struct pool *pool, const struct pass *pass, struct classes *c)
{
	c->first = map_new(pool->n);
	for (size_t i = pool->n; i-- > 0;) {
		if (pool->at[i] == NONE || !classify(d, &d->unit[pool->at[i]], pass,
						   pass->whole_known[1], &c->class[i]))
			continue;
		c->next[i] = map_get(c->first, &c->class[i], sizeof c->class[i]);
		map_set(c->first, &c->class[i], sizeof c->class[i], (uint32_t)i);
	}
}

/* Offer ${a} those of its class in order; the one that it takes leaves the class. */
static bool take_one(struct differ *d, const struct pass *pass, const struct pool *a, size_t i,
	struct pool *b, const struct class *class, struct classes *c, match_found found)
{
	uint32_t before = MAP_NONE, at = map_get(c->first, class, sizeof *class);
	for (int offer = 0; at != MAP_NONE && offer < MOST_OFFERS; offer++) {
		struct unit *one = &d->unit[a->at[i]], *two = &d->unit[b->at[at]];
		bool equal = looks_agree(d, pass, one, two);
		bool taken = equal && found(d, one, two, a->side);
		/* What is refused although it is equal needs no more reading. */
		if (taken || (equal && d->asking)) {
			if (before == MAP_NONE)
				map_set(c->first, class, sizeof *class, c->next[at]);
			else
				c->next[before] = c->next[at];
			b->at[at] = NONE;
			return true;
		}
		before = at;
		at = c->next[at];
	}
	return false;
}

static void match_pass(struct differ *d, struct pool *a, struct pool *b, const struct pass *pass,
	struct classes *c, match_found found)
{
	struct class class;
	sort_into_classes(d, b, pass, c);
	for (size_t i = 0; map_size(c->first) > 0 && i < a->n; i++)
		if (a->at[i] != NONE &&
			classify(d, &d->unit[a->at[i]], pass, pass->whole_known[0], &class) &&
			take_one(d, pass, a, i, b, &class, c, found))
			a->at[i] = NONE;
	map_free(c->first);
}

static void drop_matched(struct pool *pool)
{
	size_t n = 0;
	for (size_t i = 0; i < pool->n; i++)
		if (pool->at[i] != NONE)
			pool->at[n++] = pool->at[i];
	pool->n = n;
}

static void match_passes(struct differ *d, struct pool *a, struct pool *b, const struct pass *pass,
	size_t n, match_found found)
{
	sort_pool(d, a);
	sort_pool(d, b);
	struct classes c = {.next = arena_alloc(d->scratch, b->n * sizeof *c.next),
		.class = arena_alloc(d->scratch, b->n * sizeof *c.class)};
	for (size_t i = 0; i < n; i++)
		match_pass(d, a, b, &pass[i], &c, found);
	drop_matched(a);
	drop_matched(b);
}

/* ---- what has to be read for it ---- */

static int compare_sizes(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;
	return *a < *b ? -1 : *a > *b;
}

static uint64_t *sizes_of(struct differ *d, const struct pool *pool)
{
	uint64_t *size = arena_alloc(d->scratch, pool->n * sizeof *size);
	for (size_t i = 0; i < pool->n; i++) {
		struct content content;
		unit_content(d, &d->unit[pool->at[i]], &content);
		size[i] = content.size;
	}
	qsort(size, pool->n, sizeof *size, compare_sizes);
	return size;
}

static bool all_excluded(const struct differ *d, const struct pool *pool)
{
	for (size_t i = 0; i < pool->n; i++)
		if (!unit_excluded(d, &d->unit[pool->at[i]]))
			return false;
	return true;
}

/* A size that is not known, here or there, may be any. */
static bool may_equal(uint64_t size, const uint64_t *sizes, size_t n)
{
	return size == 0 || sizes[0] == 0 ||
	       bsearch(&size, sizes, n, sizeof *sizes, compare_sizes) != NULL;
}

static bool can_be_read(const struct differ *d, const struct unit *u)
{
	return (is_there(u->state[LEFT]) || is_there(u->state[RIGHT])) && !unit_is_unreadable(d, u);
}

static void ask(struct unit *u, enum read_part part)
{
	u->ask |= (uint8_t)(1U << part);
}

/* A list that has a place for them was asked already. */
static void ask_ids(struct differ *d, const struct pool *pool)
{
	for (size_t i = 0; i < pool->n; i++) {
		struct unit *u = &d->unit[pool->at[i]];
		enum side side = read_side(u);
		if (is_there(u->state[side]) && u->message[side] != NONE &&
			d->twin[u->twin].list[side]->emailid == NULL)
			ask(u, READ_EMAILID);
	}
}

/* Reading costs: what is out of `messages` has to be looked at only where sizes are equal. */
static void ask_headers(
	struct differ *d, const struct pool *pool, const struct pool *others, bool sizes)
{
	const uint64_t *size = sizes_of(d, others);
	sizes = sizes || all_excluded(d, others);
	for (size_t i = 0; i < pool->n; i++) {
		struct unit *u = &d->unit[pool->at[i]];
		struct content content;
		unit_content(d, u, &content);
		bool wanted = (!sizes && !unit_excluded(d, u)) ||
			      may_equal(content.size, size, others->n);
		if (wanted && !identity_known(&content.header) && can_be_read(d, u))
			ask(u, READ_HEADER);
	}
}

static void ask_bodies(struct differ *d, const struct pool *pool, const struct pool *others)
{
	struct map *headers = map_new(others->n);
	struct content *content = arena_alloc(d->scratch, others->n * sizeof *content);
	for (size_t i = 0; i < others->n; i++) {
		unit_content(d, &d->unit[others->at[i]], &content[i]);
		if (identity_known(&content[i].header))
			map_put(headers, &content[i].header, sizeof content[i].header, 0);
	}
	for (size_t i = 0; i < pool->n; i++) {
		struct unit *u = &d->unit[pool->at[i]];
		struct content own;
		unit_content(d, u, &own);
		if (!identity_known(&own.whole) && can_be_read(d, u) &&
			map_get(headers, &own.header, sizeof own.header) != MAP_NONE)
			ask(u, READ_WHOLE);
	}
	map_free(headers);
}

/* ---- what could not be read for it ---- */

/* What a message that could not be read has in common with whatever it may be: its header, if that
 * much was read, else its size. */
static struct class likeness(const struct content *content)
{
	struct class class = {.first = content->header};
	if (!identity_known(&content->header))
		memcpy(&class.second, &content->size, sizeof content->size);
	return class;
}

/*
 * Copied, one of ${others} that is what could not be read would stand there twice; deleted, it
 * might have been the last.  So both wait until it can be read.
 */
static void veil(struct differ *d, const struct pool *pool, const struct pool *others)
{
	struct map *alike = map_new(0);
	struct class *class = arena_alloc(d->scratch, pool->n * sizeof *class);
	bool by_size = false, any_size = false;
	struct content content;
	for (size_t i = 0; i < pool->n; i++) {
		struct unit *u = &d->unit[pool->at[i]];
		if (!unit_is_unreadable(d, u))
			continue;
		u->veiled = true;
		unit_content(d, u, &content);
		class[i] = likeness(&content);
		map_put(alike, &class[i], sizeof class[i], 0);
		by_size |= !identity_known(&content.header);
		any_size |= !identity_known(&content.header) && content.size == 0;
	}
	for (size_t i = 0; map_size(alike) > 0 && i < others->n; i++) {
		struct unit *u = &d->unit[others->at[i]];
		unit_content(d, u, &content);
		struct class by_header = likeness(&content);
		content.header = (struct identity){{0}};
		struct class size = likeness(&content);
		u->veiled |= any_size || (by_size && content.size == 0) ||
			     map_get(alike, &by_header, sizeof by_header) != MAP_NONE ||
			     map_get(alike, &size, sizeof size) != MAP_NONE;
	}
	map_free(alike);
}

/* ---- the meeting of two pools ---- */

static bool may_meet(
	const struct differ *d, const struct unit *u, match_wanted wanted, enum side side)
{
	return !u->dead && !u->veiled && wanted(d, u, side);
}

bool match_any(const struct differ *d, size_t first, match_wanted wanted, enum side side)
{
	size_t i = first;
	while (i < d->units && !may_meet(d, &d->unit[i], wanted, side))
		i++;
	return i < d->units;
}

struct pool match_pool(struct differ *d, size_t first, match_wanted wanted, enum side side)
{
	struct pool pool = {.side = side};
	for (size_t i = first; i < d->units; i++)
		if (may_meet(d, &d->unit[i], wanted, side))
			*ARENA_PUSH(d->scratch, pool.at, pool.n, pool.cap) = (uint32_t)i;
	return pool;
}

static void match_ids(struct differ *d, struct pool *a, struct pool *b, match_found found)
{
	if (d->asking) {
		ask_ids(d, a);
		ask_ids(d, b);
	}
	match_passes(d, a, b, ids, sizeof ids / sizeof *ids, found);
}

void match(struct differ *d, struct pool *a, struct pool *b, bool sizes, match_found found)
{
	if (a->n == 0 || b->n == 0)
		return;
	if (d->policy->same_server)
		match_ids(d, a, b, found);
	if (d->asking && a->n > 0 && b->n > 0) {
		ask_headers(d, a, b, sizes);
		ask_headers(d, b, a, sizes);
	}
	match_passes(d, a, b, contents, sizeof contents / sizeof *contents, found);
	if (a->n == 0 || b->n == 0)
		return;
	if (d->asking) {
		ask_bodies(d, a, b);
		ask_bodies(d, b, a);
	} else {
		veil(d, a, b);
		veil(d, b, a);
	}
}
