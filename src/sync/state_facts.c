#include "config.h"

#include "sync/state_private.h"

#include <stdio.h>
#include <sys/random.h>

/* Limits. */
#define RUNS_KEPT \
	100 /* nobody looks further back, and a cron job makes a run every few minutes \
	     */

/* Octets of chance in the name of a state: two of them never get the same one. */
#define RANDOM_SIZE 16

/* ---- the pair as a whole ---- */

static bool put_facts(
	struct state *state, const struct state_facts *facts, const char *random, struct error *err)
{
	struct query q;
	if (!query_begin(&q, state, QUERY_PUT_FACTS, err))
		return false;
	query_put_text(&q, facts->world[LEFT]);
	query_put_text(&q, facts->world[RIGHT]);
	query_put_int(&q, (int64_t)facts->run);
	query_put_text(&q, random);
	query_put_int(&q, facts->newer_limit);
	query_put_int(&q, facts->older_limit);
	query_put_sum(&q);
	return query_run(&q, err);
}

bool state_facts_make(struct state *state, struct error *err)
{
	unsigned char octet[RANDOM_SIZE];
	char random[2 * RANDOM_SIZE + 1];
	if (getrandom(octet, sizeof octet, 0) != (ssize_t)sizeof octet)
		return error_errno(err, ERROR_STORE, "cannot get random numbers");
	for (size_t i = 0; i < sizeof octet; i++)
		snprintf(random + 2 * i, 3, "%02x", octet[i]);
	const struct state_facts none = {.newer_limit = INT64_MIN, .older_limit = INT64_MIN};
	return put_facts(state, &none, random, err);
}

bool state_facts(
	struct state *state, struct arena *arena, struct state_facts *facts, struct error *err)
{
	struct query q;
	if (!query_begin(&q, state, QUERY_FACTS, err))
		return false;
	int got = query_next(&q, err);
	if (got <= 0)
		return got == 0 && state_file_refuse(err, state->path, "is damaged (empty)");
	facts->world[LEFT] = query_text(&q, arena);
	facts->world[RIGHT] = query_text(&q, arena);
	facts->run = (uint64_t)query_int(&q);
	facts->random = query_some_text(&q, arena);
	facts->newer_limit = query_int(&q);
	facts->older_limit = query_int(&q);
	if (!query_sound(&q, err))
		return false;
	query_end(&q);
	return true;
}

bool state_set_facts(struct state *state, const struct state_facts *facts, struct error *err)
{
	struct arena *arena = arena_new();
	struct state_facts old;
	bool ok = state_facts(state, arena, &old, err) && put_facts(state, facts, old.random, err);
	arena_free(arena);
	return ok;
}

/* ---- hints ---- */

bool state_hint(struct state *state, const char *key, struct arena *arena, const char **value,
	struct error *err)
{
	struct query q;
	*value = NULL;
	if (!query_begin(&q, state, QUERY_HINT, err))
		return false;
	query_put_text(&q, key);
	int got = query_next(&q, err);
	if (got <= 0)
		return got == 0;
	query_some_text(&q, NULL);
	*value = query_some_text(&q, arena);
	if (!query_sound(&q, err))
		return false;
	query_end(&q);
	return true;
}

bool state_set_hint(struct state *state, const char *key, const char *value, struct error *err)
{
	struct query q;
	if (!query_begin(&q, state, value == NULL ? QUERY_DROP_HINT : QUERY_PUT_HINT, err))
		return false;
	query_put_text(&q, key);
	if (value != NULL) {
		query_put_text(&q, value);
		query_put_sum(&q);
	}
	return query_run(&q, err);
}

/* ---- runs ---- */

static bool put_run(struct state *state, const struct state_run *run, struct error *err)
{
	struct query q;
	if (!query_begin(&q, state, QUERY_PUT_RUN, err))
		return false;
	query_put_int(&q, (int64_t)run->number);
	query_put_int(&q, run->began);
	query_put_int(&q, run->ended);
	query_put_int(&q, run->exit);
	query_put_text(&q, run->summary);
	query_put_sum(&q);
	return query_run(&q, err);
}

bool state_last_run(struct state *state, struct arena *arena, struct state_run *run, bool *any,
	struct error *err)
{
	struct query q;
	*any = false;
	if (!query_begin(&q, state, QUERY_LAST_RUN, err))
		return false;
	int got = query_next(&q, err);
	if (got <= 0)
		return got == 0;
	run->number = (uint64_t)query_int(&q);
	run->began = query_int(&q);
	run->ended = query_int(&q);
	run->exit = (int)query_int(&q);
	run->summary = query_text(&q, arena);
	if (!query_sound(&q, err))
		return false;
	query_end(&q);
	*any = true;
	return true;
}

bool state_run_begin(struct state *state, uint64_t *number, int64_t now, struct error *err)
{
	struct arena *arena = arena_new();
	struct state_run run = {0};
	bool any, ok = state_last_run(state, arena, &run, &any, err);
	*number = run.number + 1;
	run = (struct state_run){.number = *number, .began = now};
	ok = ok && put_run(state, &run, err);
	arena_free(arena);
	return ok;
}

bool state_run_end(struct state *state, const struct state_run *run, struct error *err)
{
	if (!put_run(state, run, err))
		return false;
	return run->number <= RUNS_KEPT ||
	       query_simple(state, QUERY_DROP_RUNS, (int64_t)(run->number - RUNS_KEPT), err);
}
