#include <string.h>

#include "base/log.h"
#include "sync/run.h"

/* ---- the state and the stores ---- */

static unsigned connections_of(const struct store_config *config)
{
	return strcmp(config->kind, "imap") == 0 ? config->imap.connections : UINT32_MAX;
}

/* As many workers as the side with fewer connections bears; files alone gain little by more than
 * two. */
static unsigned most_workers(const struct run *run)
{
	unsigned left = connections_of(run->pair->store[LEFT]);
	unsigned right = connections_of(run->pair->store[RIGHT]);
	unsigned most = left < right ? left : right;
	if (run->options->jobs != 0 && run->options->jobs < most)
		return run->options->jobs;
	return most == UINT32_MAX ? 2 : most;
}

bool opening_state(struct run *run)
{
	struct error err = {0};
	const char *path = state_path(run->pair->name, run->arena);
	enum state_use use = run->options->once	     ? STATE_MEMORY
			     : run->options->dry_run ? STATE_READ
						     : STATE_WRITE;
	run->state =
		state_open(path, use, run->options->wait, &run->report->state_was_missing, &err);
	return run_state_ok(run, run->state != NULL, &err) &&
	       run_state_ok(run, state_facts(run->state, run->arena, &run->facts, &err), &err);
}

bool opening_writes_to(const struct run *run, enum side side)
{
	return side == RIGHT || run->pair->mode == MODE_BETWEEN || run->pair->mode == MODE_MOVE;
}

static bool open_side(struct run *run, enum side side)
{
	struct error err = {0};
	struct store *store = store_new(run->pair->store[side], run->arena);
	run->store[side] = store;
	if (store == NULL) {
		error_set(&err, ERROR_STORE, CAUSE_CONFIG,
			"stores of the kind '%s' cannot be used yet", run->pair->store[side]->kind);
		return run_failed(run, side, &err);
	}
	return true;
}

static bool is_local(const struct store *store)
{
	return store->ops->lock != NULL;
}

/* Servers first: a password that is refused, or a name that is misspelt, leaves no empty Maildir
 * behind. */
static bool reach_side(struct run *run, enum side side)
{
	struct error err = {0};
	if (is_local(run->store[side]) || crew_session(run->crew, side, &err) != NULL)
		return true;
	return run_failed(run, side, &err);
}

static bool lock_side(struct run *run, enum side side)
{
	struct error err = {0};
	struct store *store = run->store[side];
	if (run->options->dry_run || !opening_writes_to(run, side) || !is_local(store))
		return true;
	run->locked[side] = store->ops->lock(store, run->options->wait, &err);
	return run->locked[side] || run_failed(run, side, &err);
}

bool opening_stores(struct run *run)
{
	if (!open_side(run, LEFT) || !open_side(run, RIGHT))
		return false;
	run->crew = crew_new(run->store, most_workers(run));
	return reach_side(run, LEFT) && reach_side(run, RIGHT) && lock_side(run, LEFT) &&
	       lock_side(run, RIGHT);
}

/* ---- which worlds are these? ---- */

static bool identify_side(struct run *run, enum side side)
{
	struct error err = {0};
	struct session *s = crew_session(run->crew, side, &err);
	if (s != NULL &&
		s->store->ops->identify(s, run->facts.random, run->arena, &run->world[side], &err))
		return true;
	return run_failed(run, side, &err);
}

/* The place of the state where a world is known by its id, until one that was doubted was paired
 * again as a whole: a run that dies on the way has numbered it already, and the next would trust
 * it. */
static const char in_doubt[] = "in doubt";

/* What the run after one that dies has to know, before anything is changed. */
static bool note_worlds(struct run *run)
{
	struct error err = {0};
	for (enum side side = LEFT; side <= RIGHT; side++)
		if (run->world_changed[side])
			run->facts.world[side] = in_doubt;
		else if (run->facts.world[side] == NULL)
			run->facts.world[side] = run->world[side].id;
	return run_state_ok(run, state_set_facts(run->state, &run->facts, &err), &err);
}

bool opening_doubt(struct run *run, enum side side, const char *why)
{
	bool keeps = run_policy(run).keeps;
	if (run->world_changed[side])
		return true;
	log_warning("%s: %s: its messages are paired by content again%s",
		run->pair->store[side]->name, why,
		keeps ? "" : " and nothing is deleted in this run");
	run->world_changed[side] = true;
	run->no_deletes[LEFT] = true;
	run->no_deletes[RIGHT] |= !keeps;
	return run->number == 0 || (run_begin_state(run) && note_worlds(run) && run_commit(run));
}

static const char state_is_older[] = "the state of the pair is older than it";

/* Why a world is another one, or an older one, than at the last sync; NULL where nothing shows it.
 * ${last}: the number of the last run that the state has; the largest number without one. */
static const char *reason_to_doubt(const struct run *run, enum side side, uint64_t last)
{
	const struct world *world = &run->world[side];
	const char *known = run->facts.world[side];
	if (known == NULL)
		return NULL;
	if (strcmp(known, in_doubt) == 0)
		return "the last run did not come to its end";
	if (strcmp(known, world->id) != 0)
		return "this is another place than at the last sync";
	if (run->store[side]->ops->stamp == NULL || !world->stamped)
		return NULL;
	if (world->last_run < run->facts.run)
		return "it is older than at the last sync";
	return world->last_run > last ? state_is_older : NULL;
}

static bool judge_worlds(struct run *run)
{
	struct state_run last = {0};
	struct error err = {0};
	bool any = false;
	if (!run_state_ok(run, state_last_run(run->state, run->arena, &last, &any, &err), &err))
		return false;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		const char *why = reason_to_doubt(run, side, any ? last.number : UINT64_MAX);
		if (why != NULL && !opening_doubt(run, side, why))
			return false;
		run->world_changed[other(side)] |= why == state_is_older;
	}
	return true;
}

static bool list_side(struct run *run, enum side side)
{
	struct error err;
	struct session *s;
	do {
		err = (struct error){0};
		s = crew_session(run->crew, side, &err);
		if (s != NULL && s->store->ops->mailboxes(s, run->arena, &run->listing[side], &err))
			return true;
	} while (crew_lost(run->crew, side, &err));
	return run_failed(run, side, &err);
}

/* A store that keeps many accounts is told whose this is, before it lists anything. */
static bool tell_source(struct run *run)
{
	struct store *to = run->store[RIGHT];
	const struct world *from = &run->world[LEFT];
	bool or_any = run->options->any_source;
	if (to->ops->for_source != NULL && from->account != NULL)
		to->ops->for_source(to, from->account, from->account_name, or_any);
	else if (to->ops->for_source != NULL)
		to->ops->for_source(to, from->id, run->pair->store[LEFT]->name, or_any);
	return true;
}

bool opening_worlds(struct run *run)
{
	return identify_side(run, LEFT) && identify_side(run, RIGHT) && judge_worlds(run) &&
	       tell_source(run) && list_side(run, LEFT) && list_side(run, RIGHT);
}

/* ---- numbering ---- */

static bool stamp_side(struct run *run, enum side side)
{
	struct error err = {0};
	if (run->store[side]->ops->stamp == NULL || !opening_writes_to(run, side) ||
		run->options->once)
		return true;
	struct session *s = crew_session(run->crew, side, &err);
	if (s != NULL && s->store->ops->stamp(s, run->facts.random, run->number, &err))
		return true;
	return run_failed(run, side, &err);
}

/*
 * The number is in the state before it is in a world, and counts there only once it is in both:
 * whichever of these steps is the last that happened, the next run finds a number that it knows.
 */
bool run_will_write(struct run *run)
{
	struct error err = {0};
	if (run->number != 0)
		return true;
	if (!run_begin_state(run) ||
		!run_state_ok(
			run, state_run_begin(run->state, &run->number, run->now, &err), &err) ||
		!note_worlds(run) || !run_commit(run) || !stamp_side(run, LEFT) ||
		!stamp_side(run, RIGHT))
		return false;
	run->facts.run = run->number;
	return run_begin_state(run) &&
	       run_state_ok(run, state_set_facts(run->state, &run->facts, &err), &err) &&
	       run_commit(run);
}
