#include "sync/state_private.h"

/* What is yes or no about a pair of mailboxes, as it is stored in the column `retry`. */
enum { BIT_RETRY = 1 << 0, BIT_AHEAD = 1 << 1, BIT_GROWN = 1 << 2 };

/* ---- pairs of mailboxes ---- */

static struct state_twin take_twin(struct query *q, struct arena *arena)
{
	struct state_twin twin = {.id = query_id(q)};
	for (enum side s = LEFT; s <= RIGHT; s++)
		twin.name[s] = query_some_text(q, arena);
	const char **const texts[] = {twin.mailbox, twin.epoch, twin.cursor, twin.next};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		for (enum side s = LEFT; s <= RIGHT; s++)
			texts[i][s] = query_text(q, arena);
	for (enum side s = LEFT; s <= RIGHT; s++)
		twin.total[s] = (uint64_t)query_int(q);
	twin.pairs = (uint64_t)query_int(q);
	int64_t bits = query_int(q);
	twin.retry = bits & BIT_RETRY;
	twin.ahead = bits & BIT_AHEAD;
	twin.grown = bits & BIT_GROWN;
	return twin;
}

static void put_twin(struct query *q, const struct state_twin *twin)
{
	const char *const *const texts[] = {
		twin->name, twin->mailbox, twin->epoch, twin->cursor, twin->next};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		for (enum side s = LEFT; s <= RIGHT; s++)
			query_put_text(q, texts[i][s]);
	for (enum side s = LEFT; s <= RIGHT; s++)
		query_put_int(q, (int64_t)twin->total[s]);
	query_put_int(q, (int64_t)twin->pairs);
	query_put_int(q, (twin->retry ? BIT_RETRY : 0) | (twin->ahead ? BIT_AHEAD : 0) |
				 (twin->grown ? BIT_GROWN : 0));
	query_put_sum(q);
}

bool state_twins(struct state *state, struct arena *arena, struct state_twin **twins, size_t *n,
	struct error *err)
{
	struct query q;
	size_t cap = 0;
	int got;
	*twins = NULL;
	*n = 0;
	if (!query_begin(&q, state, QUERY_TWINS, err))
		return false;
	while ((got = query_next(&q, err)) > 0) {
		*ARENA_PUSH(arena, *twins, *n, cap) = take_twin(&q, arena);
		if (!query_sound(&q, err))
			return false;
	}
	return got == 0;
}

bool state_put_twin(struct state *state, struct state_twin *twin, struct error *err)
{
	struct query q;
	if (!query_begin(&q, state, twin->id == 0 ? QUERY_ADD_TWIN : QUERY_SET_TWIN, err))
		return false;
	put_twin(&q, twin);
	return query_store(&q, &twin->id, err);
}

bool state_drop_twin(struct state *state, int64_t twin, struct error *err)
{
	bool whole = state->within; /* then the caller ends what it began */
	bool ok = state_begin(state, err) && query_simple(state, QUERY_DROP_TWIN_ROWS, twin, err) &&
		  query_simple(state, QUERY_DROP_TWIN_INTENTS, twin, err) &&
		  query_simple(state, QUERY_DROP_TWIN, twin, err);
	if (whole)
		return ok;
	if (ok)
		return state_commit(state, err);
	state_rollback(state);
	return false;
}

/* ---- begun copies ---- */

bool state_put_intent(struct state *state, int64_t twin, struct intent *intent, struct error *err)
{
	struct query q;
	if (!query_begin(&q, state, intent->id == 0 ? QUERY_ADD_INTENT : QUERY_SET_INTENT, err))
		return false;
	query_put_int(&q, twin);
	query_put_int(&q, intent->to);
	query_put_text(&q, intent->source);
	query_put_text(&q, intent->key);
	query_put_text(&q, intent->epoch);
	query_put_text(&q, intent->next);
	query_put_identity(&q, &intent->identity);
	query_put_sum(&q);
	return query_store(&q, &intent->id, err);
}

static struct intent take_intent(struct query *q, int64_t twin, struct arena *arena)
{
	struct intent intent = {.id = query_id(q)};
	query_expect_int(q, twin);
	intent.to = query_int(q) == LEFT ? LEFT : RIGHT;
	intent.source = query_some_text(q, arena);
	intent.key = query_text(q, arena);
	intent.epoch = query_text(q, arena);
	intent.next = query_text(q, arena);
	intent.identity = query_identity(q);
	return intent;
}

bool state_intents(struct state *state, int64_t twin, struct arena *arena, struct intent **intents,
	size_t *n, struct error *err)
{
	struct query q;
	size_t cap = 0;
	int got;
	*intents = NULL;
	*n = 0;
	if (!query_begin(&q, state, QUERY_INTENTS, err))
		return false;
	query_put_int(&q, twin);
	while ((got = query_next(&q, err)) > 0) {
		*ARENA_PUSH(arena, *intents, *n, cap) = take_intent(&q, twin, arena);
		if (!query_sound(&q, err))
			return false;
	}
	return got == 0;
}

bool state_drop_intent(struct state *state, int64_t id, struct error *err)
{
	return query_simple(state, QUERY_DROP_INTENT, id, err);
}

bool state_drop_intents(struct state *state, int64_t twin, enum side to, struct error *err)
{
	struct query q;
	if (!query_begin(&q, state, QUERY_DROP_INTENTS, err))
		return false;
	query_put_int(&q, twin);
	query_put_int(&q, to);
	return query_run(&q, err);
}
