#include "base/map.h"
#include "mail/roster.h"
#include "sync/run.h"

/*
 * Lists of messages: which question is put to a store for each mailbox, and what its answer means
 * for the run.
 */

/* Mailboxes that one job lists, at most: few enough to share a big account out, many enough to
 * share a flight.  Where several connections are there, each gets its part. */
#define LISTS_PER_JOB 64

/* ---- asking ---- */

static struct job *new_list_job(struct run *run, enum side side)
{
	struct arena *arena = arena_new();
	struct job *job = arena_alloc(arena, sizeof *job);
	*job = (struct job){.kind = JOB_LIST, .side = side, .arena = arena};
	job->list = arena_alloc(arena, LISTS_PER_JOB * sizeof *job->list);
	job->keys = arena_alloc(arena, LISTS_PER_JOB * sizeof *job->keys);
	job->flags = flag_table_new();
	job->twin = (uint32_t)run->boxes;
	return job;
}

/* What stands in for its list is there already; in a dry run what is yet to be made is empty. */
static bool has_to_be_listed(
	const struct run *run, const struct survey *v, size_t i, enum side side)
{
	bool exists = v->box[i]->pairing->box[side] != NULL;
	return v->list[i][side].arena == NULL && (exists || !run->options->dry_run);
}

/* A roster while it is written: whom the rows have there. */
struct call {
	struct roster *roster;
	enum side side;
	bool clear; /* no two keys look alike */
};

static void call_row(void *context, const struct row *row)
{
	struct call *call = context;
	const char *key = row->key[call->side];
	if (call->clear && key != NULL && !row->gone[call->side])
		call->clear = roster_add(call->roster, key, row->flags[call->side]);
}

/*
 * Whom the state knows in a mailbox that can only be read as a whole, so that only what is unlike
 * it is told; NULL where all of it is wanted.  A run that moves needs the pairs that are equal, and
 * one in which a message was refused needs all rows in any case.
 */
static bool call_roster(struct run *run, const struct job *job, const struct box *box,
	enum side side, struct roster **roster)
{
	struct error err = {0};
	*roster = NULL;
	if (run->store[side]->ops->list_unlike == NULL || box->known.id == 0 || box->known.retry ||
		run->pair->mode == MODE_MOVE)
		return true;
	struct call call = {roster_new(box->known.total[side]), side, true};
	bool ok = run_state_ok(run,
		state_each_row(run->state, box->known.id, job->flags, call_row, &call, &err), &err);
	if (ok && call.clear)
		*roster = call.roster;
	else
		roster_free(call.roster);
	return ok;
}

static bool ask(struct run *run, struct job *job, const struct box *box, enum side side)
{
	struct list_item *item = &job->list[job->n++];
	*item = (struct list_item){.name = box->known.name[side]};
	if (box->whole[side] || run->world_changed[side] || select_needs_all(run))
		return true;
	item->epoch = box->known.epoch[side];
	item->since = box->ahead ? NULL : box->known.cursor[side];
	return call_roster(run, job, box, side, &item->roster);
}

static size_t lists_per_job(const struct run *run, const struct survey *v, enum side side)
{
	unsigned hands = crew_hands(run->crew);
	size_t n = 0;
	for (size_t i = 0; i < v->n; i++)
		n += has_to_be_listed(run, v, i, side);
	size_t share = (n + hands - 1) / hands;
	return share < LISTS_PER_JOB ? share : LISTS_PER_JOB;
}

/* Give every mailbox of one side that has to be listed to the crew, in jobs of many. */
static bool submit_lists(struct run *run, struct survey *v, enum side side)
{
	struct job *job = NULL;
	size_t most = lists_per_job(run, v, side);
	bool ok = true;
	for (size_t i = 0; ok && i < v->n; i++) {
		if (!has_to_be_listed(run, v, i, side))
			continue;
		if (job == NULL)
			job = new_list_job(run, side);
		ok = ask(run, job, v->box[i], side);
		if (job->n == most) {
			crew_submit(run->crew, job);
			job = NULL;
		}
	}
	if (job != NULL)
		crew_submit(run->crew, job);
	return ok;
}

/* ---- taking ---- */

/* Who is gone, by name, of whom a roster knows that they were not met. */
struct absence {
	const struct roster *roster;
	enum side side;
	struct message_list *list;
};

static void note_absent(void *context, const struct row *row)
{
	const struct absence *a = context;
	struct message_list *list = a->list;
	const char *key = row->key[a->side];
	if (key != NULL && !row->gone[a->side] && !roster_has_met(a->roster, key))
		*ARENA_PUSH(list->arena, list->gone, list->n_gone, list->cap_gone) =
			arena_strdup(list->arena, key);
}

static bool name_absent(struct run *run, const struct job *job, const struct box *box,
	const struct list_item *item, struct message_list *list)
{
	struct error err = {0};
	struct absence absence = {item->roster, job->side, list};
	return !list->unlike || roster_missed(item->roster) == 0 ||
	       run_state_ok(run,
		       state_each_row(
			       run->state, box->known.id, job->flags, note_absent, &absence, &err),
		       &err);
}

static void take_list(struct survey *v, const struct job *job, const struct list_item *item,
	struct message_list *list)
{
	*list = item->list;
	for (size_t i = 0; i < list->n; i++)
		list->at[i].flags = flags_move(v->flags, job->flags, list->at[i].flags);
	struct flag_storable *storable = &list->box.storable;
	storable->listed = flags_move(v->flags, job->flags, storable->listed);
}

static void leave_out(struct run *run, struct box *box, enum side side, const struct error *err)
{
	box->left_out = true;
	box->unsettled = true;
	/* What is gone on this side elsewhere may have been moved in here. */
	run->no_deletes[other(side)] = true;
	run_problem(run, side, box->pairing->name[side], NULL, err);
}

/* What a damaged store listed around is carried; what it could not list counts as there. */
static void tell_holes(struct run *run, struct box *box, enum side side, size_t holes)
{
	struct error err;
	box->unsettled = true;
	run->no_deletes[other(side)] = true;
	error_set(&err, ERROR_MAILBOX, CAUSE_LOCAL,
		"it is damaged where it lists messages: some in %zu place%s are left out", holes,
		holes == 1 ? "" : "s");
	run_problem(run, side, box->pairing->name[side], NULL, &err);
}

static bool take_lists(struct run *run, struct survey *v, const struct map *index, struct job *job)
{
	bool ok = true;
	for (size_t i = 0; i < job->n; i++) {
		struct list_item *item = &job->list[i];
		uint32_t at = map_get_str(index, item->name);
		struct message_list *list = &v->list[at][job->side];
		if (item->state == ITEM_DONE) {
			take_list(v, job, item, list);
			ok = ok && name_absent(run, job, v->box[at], item, list);
		}
		roster_free(item->roster);
		if (item->list.holes > 0)
			tell_holes(run, v->box[at], job->side, item->list.holes);
		if (item->state == ITEM_FAILED)
			leave_out(run, v->box[at], job->side, item->error);
	}
	if (job->error.scope == ERROR_NONE)
		return ok;
	run_problem(run, job->side, NULL, NULL, &job->error);
	return false;
}

static struct map *index_names(const struct survey *v, enum side side)
{
	struct map *index = map_new(v->n);
	for (uint32_t i = 0; i < v->n; i++)
		map_put_str(index, v->box[i]->known.name[side], i);
	return index;
}

bool lists_read(struct run *run, struct survey *v)
{
	struct map *index[2] = {index_names(v, LEFT), index_names(v, RIGHT)};
	bool ok = submit_lists(run, v, LEFT) && submit_lists(run, v, RIGHT);
	for (struct job *job; (job = crew_wait(run->crew)) != NULL;) {
		ok = take_lists(run, v, index[job->side], job) && ok;
		flag_table_free(job->flags);
		arena_free(job->arena);
	}
	map_free(index[LEFT]);
	map_free(index[RIGHT]);
	return ok;
}
