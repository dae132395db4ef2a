#include "sync/state_private.h"

#include <stdlib.h>

/* What is yes or no about a row, as it is stored. */
enum {
	BIT_GONE_LEFT = 1 << 0,
	BIT_GONE_RIGHT = 1 << 1, /* both stand as 3 in the index row_halves */
	BIT_TAKEN_LEFT = 1 << 2,
	BIT_TAKEN_RIGHT = 1 << 3,
	BIT_VERIFIED = 1 << 4,
	BIT_MARKED_LEFT = 1 << 5,
	BIT_MARKED_RIGHT = 1 << 6
};

static int64_t bits_of(const struct row *row)
{
	return (row->gone[LEFT] ? BIT_GONE_LEFT : 0) | (row->gone[RIGHT] ? BIT_GONE_RIGHT : 0) |
	       (row->taken[LEFT] ? BIT_TAKEN_LEFT : 0) | (row->taken[RIGHT] ? BIT_TAKEN_RIGHT : 0) |
	       (row->marked[LEFT] ? BIT_MARKED_LEFT : 0) |
	       (row->marked[RIGHT] ? BIT_MARKED_RIGHT : 0) | (row->verified ? BIT_VERIFIED : 0);
}

static void set_bits(struct row *row, int64_t bits)
{
	row->gone[LEFT] = bits & BIT_GONE_LEFT;
	row->gone[RIGHT] = bits & BIT_GONE_RIGHT;
	row->taken[LEFT] = bits & BIT_TAKEN_LEFT;
	row->taken[RIGHT] = bits & BIT_TAKEN_RIGHT;
	row->marked[LEFT] = bits & BIT_MARKED_LEFT;
	row->marked[RIGHT] = bits & BIT_MARKED_RIGHT;
	row->verified = bits & BIT_VERIFIED;
}

/* ---- writing ---- */

/* Long enough for most sets, so that most are written out once. */
#define FLAGS_USUAL 64

static bool put_flags(struct query *q, struct buffer *text, const struct flag_table *flags,
	flag_set set, struct error *err)
{
	text->len = 0;
	char *room = buffer_room(text, FLAGS_USUAL);
	size_t n = flags_text(flags, set, room, FLAGS_USUAL);
	if (n >= FLAGS_USUAL) {
		room = buffer_room(text, n + 1);
		if (room == NULL)
			return error_set(err, ERROR_STORE, CAUSE_LOCAL,
				"cannot write a row to the state '%s': flags of %zu octets",
				q->state->path, n);
		flags_text(flags, set, room, n + 1);
	}
	query_put_text(q, room);
	return true;
}

static bool put_both_flags(
	struct query *q, const struct row *row, const struct flag_table *flags, struct error *err)
{
	struct buffer *text = q->state->flags;
	if (!put_flags(q, &text[LEFT], flags, row->flags[LEFT], err))
		return false;
	if (row->flags[LEFT] != row->flags[RIGHT])
		return put_flags(q, &text[RIGHT], flags, row->flags[RIGHT], err);
	query_put_null(q);
	return true;
}

bool state_put_row(struct state *state, int64_t twin, struct row *row,
	const struct flag_table *flags, struct error *err)
{
	struct query q;
	if (!query_begin(&q, state, row->id == 0 ? QUERY_ADD_ROW : QUERY_SET_ROW, err))
		return false;
	query_put_int(&q, twin);
	query_put_text(&q, row->key[LEFT]);
	query_put_text(&q, row->key[RIGHT]);
	if (!put_both_flags(&q, row, flags, err))
		return false;
	query_put_int(&q, bits_of(row));
	query_put_int(&q, row->thrown);
	query_put_identity(&q, &row->identity);
	query_put_identity(&q, &row->digest);
	query_put_int(&q, (int64_t)row->size);
	if (row->received == RECEIVED_UNKNOWN)
		query_put_null(&q);
	else
		query_put_int(&q, row->received);
	query_put_sum(&q);
	return query_store(&q, &row->id, err);
}

bool state_drop_row(struct state *state, int64_t id, struct error *err)
{
	return query_simple(state, QUERY_DROP_ROW, id, err);
}

/* ---- reading ---- */

static struct row take_row(
	struct query *q, int64_t twin, struct flag_table *flags, struct arena *arena)
{
	struct row row = {.id = query_id(q)};
	query_expect_int(q, twin);
	row.key[LEFT] = query_text(q, arena);
	row.key[RIGHT] = query_text(q, arena);
	row.flags[LEFT] = flags_parse(flags, query_some_text(q, NULL));
	const char *right = query_text(q, NULL);
	row.flags[RIGHT] = right == NULL ? row.flags[LEFT] : flags_parse(flags, right);
	set_bits(&row, query_int(q));
	row.thrown = (uint16_t)query_int(q);
	row.identity = query_identity(q);
	row.digest = query_identity(q);
	row.size = (uint64_t)query_int(q);
	row.received = query_int_or(q, RECEIVED_UNKNOWN);
	return row;
}

bool state_rows(struct state *state, int64_t twin, struct flag_table *flags, struct arena *arena,
	struct row **rows, size_t *n, struct error *err)
{
	struct query q;
	size_t cap = 0;
	int got;
	*rows = NULL;
	*n = 0;
	if (!query_begin(&q, state, QUERY_ROWS, err))
		return false;
	query_put_int(&q, twin);
	while ((got = query_next(&q, err)) > 0) {
		*ARENA_PUSH(arena, *rows, *n, cap) = take_row(&q, twin, flags, arena);
		if (!query_sound(&q, err))
			return false;
	}
	return got == 0;
}

/* Rows whose text is held until it is given back. */
#define ROWS_HELD 1024

bool state_each_row(struct state *state, int64_t twin, struct flag_table *flags,
	state_row_taker *take, void *context, struct error *err)
{
	struct query q;
	int got;
	if (!query_begin(&q, state, QUERY_ROWS, err))
		return false;
	query_put_int(&q, twin);
	struct arena *arena = arena_new();
	for (size_t n = 1; (got = query_next(&q, err)) > 0; n++) {
		struct row row = take_row(&q, twin, flags, arena);
		if (!query_sound(&q, err)) {
			got = -1;
			break;
		}
		take(context, &row);
		if (n % ROWS_HELD == 0)
			arena_reset(arena);
	}
	arena_free(arena);
	return got == 0;
}

bool state_rows_dated(
	struct state *state, int64_t twin, int64_t from, int64_t to, bool *any, struct error *err)
{
	struct query q;
	*any = false;
	if (!query_begin(&q, state, QUERY_ROWS_DATED, err))
		return false;
	query_put_int(&q, twin);
	query_put_int(&q, from);
	query_put_int(&q, to);
	int got = query_next(&q, err);
	*any = got > 0;
	query_end(&q);
	return got >= 0;
}

bool state_rows_from(struct state *state, int64_t twin, enum side side, const char *floor,
	bool *any, struct error *err)
{
	struct query q;
	*any = false;
	if (!query_begin(
		    &q, state, side == LEFT ? QUERY_ROWS_FROM_LEFT : QUERY_ROWS_FROM_RIGHT, err))
		return false;
	query_put_int(&q, twin);
	query_put_text(&q, floor);
	int got = query_next(&q, err);
	*any = got > 0;
	query_end(&q);
	return got >= 0;
}

/* ---- the rows that a partial list touches ---- */

/* The numbers of rows, found by key; a row that is found by both of its keys is in it twice. */
struct ids {
	struct arena *arena;
	int64_t *at;
	size_t n, cap;
};

static bool add_ids(struct ids *ids, struct query *q, struct error *err)
{
	int got;
	while ((got = query_next(q, err)) > 0)
		*ARENA_PUSH(ids->arena, ids->at, ids->n, ids->cap) = query_id(q);
	return got == 0;
}

static bool add_ids_of_keys(struct ids *ids, struct state *state, int64_t twin, enum side side,
	const char *const *keys, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		struct query q;
		if (!query_begin(&q, state, side == LEFT ? QUERY_IDS_LEFT : QUERY_IDS_RIGHT, err))
			return false;
		query_put_int(&q, twin);
		query_put_text(&q, keys[i]);
		if (!add_ids(ids, &q, err))
			return false;
	}
	return true;
}

static bool add_ids_of_halves(struct ids *ids, struct state *state, int64_t twin, struct error *err)
{
	struct query q;
	if (!query_begin(&q, state, QUERY_IDS_HALVES, err))
		return false;
	query_put_int(&q, twin);
	return add_ids(ids, &q, err);
}

static int by_number(const void *a, const void *b)
{
	const int64_t *l = a, *r = b;
	return (*l > *r) - (*l < *r);
}

static bool fetch_row(struct state *state, int64_t id, int64_t twin, struct flag_table *flags,
	struct arena *arena, struct row *row, struct error *err)
{
	struct query q;
	if (!query_begin(&q, state, QUERY_ROW, err))
		return false;
	query_put_int(&q, id);
	int got = query_next(&q, err);
	if (got <= 0)
		return got == 0 &&
		       state_file_refuse(err, state->path, "is damaged (an index has no row)");
	*row = take_row(&q, twin, flags, arena);
	if (!query_sound(&q, err))
		return false;
	query_end(&q);
	return true;
}

bool state_rows_touched(struct state *state, int64_t twin, const char *const *const keys[2],
	const size_t n_keys[2], bool halves, struct flag_table *flags, struct arena *arena,
	struct row **rows, size_t *n, struct error *err)
{
	struct ids ids = {.arena = arena_new()};
	bool ok = add_ids_of_keys(&ids, state, twin, LEFT, keys[LEFT], n_keys[LEFT], err) &&
		  add_ids_of_keys(&ids, state, twin, RIGHT, keys[RIGHT], n_keys[RIGHT], err) &&
		  (!halves || add_ids_of_halves(&ids, state, twin, err));
	if (ids.n > 0)
		qsort(ids.at, ids.n, sizeof *ids.at, by_number);
	size_t cap = 0;
	*rows = NULL;
	*n = 0;
	for (size_t i = 0; ok && i < ids.n; i++) {
		if (i > 0 && ids.at[i] == ids.at[i - 1])
			continue;
		struct row *row = ARENA_PUSH(arena, *rows, *n, cap);
		ok = fetch_row(state, ids.at[i], twin, flags, arena, row, err);
	}
	arena_free(ids.arena);
	return ok;
}
