#include <string.h>

#include "base/map.h"
#include "sync/run.h"

/*
 * Mailboxes as such: made, renamed and removed before any message is looked at.
 * In a dry run nothing is done, and what is yet to be made counts as empty.
 */

static void leave_out(struct run *run, struct box *box, enum side side, const struct error *err)
{
	box->left_out = true;
	run_problem(run, side, box->pairing->name[side], NULL, err);
}

bool mailboxes_create(struct run *run, enum side side, const char *name, uint32_t use,
	bool subscribe, struct error *err)
{
	do {
		*err = (struct error){0};
		struct session *s = crew_session(run->crew, side, err);
		if (s != NULL && s->store->ops->create(s, name, use, subscribe, err))
			return true;
	} while (crew_lost(run->crew, side, err));
	return false;
}

static bool create_on(struct run *run, struct box *box, enum side side)
{
	const struct pairing *p = box->pairing;
	struct error err;
	if (mailboxes_create(run, side, p->name[side], p->use, p->subscribe, &err)) {
		box->look[side] = true;
		return true;
	}
	if (err.scope > ERROR_MAILBOX)
		return run_failed(run, side, &err);
	leave_out(run, box, side, &err);
	return true;
}

static bool rename_on(struct run *run, struct box *box, enum side side)
{
	const struct pairing *p = box->pairing;
	struct error err = {0};
	/* Mailboxes take along what lies below them. */
	bool ok = p->with_level[side];
	if (!ok) {
		struct session *s = crew_session(run->crew, side, &err);
		ok = s != NULL &&
		     s->store->ops->rename_mailbox(s, p->name[side], p->rename_to[side], &err);
	}
	if (ok) {
		box->known.name[side] = p->rename_to[side];
		box->look[side] = true;
		return true;
	}
	if (err.scope > ERROR_MAILBOX)
		return run_failed(run, side, &err);
	leave_out(run, box, side, &err);
	return true;
}

/* The names of a pairing are its own: it is found by them in the next run. */
static bool store_names(struct run *run, struct box *box)
{
	const struct state_twin *known = box->pairing->known;
	struct error err = {0};
	if (known == NULL || (strcmp(known->name[LEFT], box->known.name[LEFT]) == 0 &&
				     strcmp(known->name[RIGHT], box->known.name[RIGHT]) == 0))
		return true;
	return run_will_write(run) && run_begin_state(run) &&
	       run_state_ok(run, state_put_twin(run->state, &box->known, &err), &err) &&
	       run_commit(run);
}

static bool make_ready(struct run *run, struct box *box)
{
	const struct pairing *p = box->pairing;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		if (!p->create[side] && p->rename_to[side] == NULL)
			continue;
		run->report->changes = true;
		if (run->options->dry_run)
			continue;
		if (!run_will_write(run))
			return false;
		bool ok = p->create[side] ? create_on(run, box, side) : rename_on(run, box, side);
		if (!ok)
			return false;
	}
	return run->options->dry_run || store_names(run, box);
}

static void start_box(struct run *run, const struct pairing *p)
{
	struct box *box = &run->box[run->boxes++];
	*box = (struct box){.pairing = p};
	if (p->known != NULL)
		box->known = *p->known;
	box->counted = box->known.pairs;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		box->known.name[side] = p->name[side];
		box->report.name[side] = p->name[side];
		if (p->box[side] != NULL && p->box[side]->id != NULL)
			box->known.mailbox[side] = p->box[side]->id;
	}
}

/* Neither side lists it any more: what was known of it means nothing. */
static bool forget(struct run *run, const struct pairing *p)
{
	struct error err = {0};
	if (run->options->dry_run || p->known == NULL)
		return true;
	return run_will_write(run) && run_begin_state(run) &&
	       run_state_ok(run, state_drop_twin(run->state, p->known->id, &err), &err) &&
	       run_commit(run);
}

/* ---- is it the same mailbox under another name? ---- */

/* One list, read by the conductor itself; ${list} is {0} to begin with. */
static bool list_now(struct run *run, enum side side, const char *name, struct flag_table *flags,
	struct message_list *list, struct error *err)
{
	do {
		arena_free(list->arena);
		*list = (struct message_list){0};
		*err = (struct error){0};
		struct session *s = crew_session(run->crew, side, err);
		if (s != NULL && s->store->ops->list(s, name, NULL, NULL, flags, err) &&
			s->store->ops->listed(s, list, err) == 1 &&
			s->store->ops->listed(s, &(struct message_list){0}, err) == 0)
			return true;
	} while (crew_lost(run->crew, side, err));
	return false;
}

static bool read_rows(struct run *run, const struct pairing *p, struct flag_table *flags,
	struct row **rows, size_t *n)
{
	struct error err = {0};
	return p->known == NULL ||
	       run_state_ok(run,
		       state_rows(run->state, p->known->id, flags, run->arena, rows, n, &err),
		       &err);
}

/* Whether at least half of the keys that the state has are in the mailbox now. */
static bool holds_half(
	const struct message_list *list, const struct row *rows, size_t n, enum side side)
{
	struct map *listed = map_new(list->n);
	size_t known = 0, found = 0;
	for (uint32_t i = 0; i < list->n; i++)
		map_put_str(listed, list->at[i].key, i);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].key[side] == NULL || rows[i].gone[side])
			continue;
		known++;
		found += map_get_str(listed, rows[i].key[side]) != MAP_NONE;
	}
	map_free(listed);
	return found * 2 >= known;
}

static bool confirm_rename(struct run *run, const struct pairing *p, enum side side, bool *same)
{
	struct error err = {0};
	struct message_list list = {0};
	struct flag_table *flags = flag_table_new();
	struct row *rows = NULL;
	size_t n = 0;
	bool ok = list_now(run, side, p->box[side]->name, flags, &list, &err);
	if (!ok)
		run_problem(run, side, p->box[side]->name, NULL, &err);
	*same = ok && read_rows(run, p, flags, &rows, &n) && holds_half(&list, rows, n, side);
	arena_free(list.arena);
	flag_table_free(flags);
	return ok || err.scope <= ERROR_MAILBOX;
}

bool mailboxes_confirm(struct run *run, struct state_twin *known, bool *all)
{
	*all = true;
	for (size_t i = 0; i < run->pairings->n; i++) {
		const struct pairing *p = &run->pairings->at[i];
		for (enum side side = LEFT; side <= RIGHT; side++) {
			bool same = true;
			if (!p->confirm[side])
				continue;
			if (!confirm_rename(run, p, side, &same))
				return false;
			if (same)
				continue;
			struct state_twin *twin = &known[p->known - known];
			twin->epoch[side] = twin->mailbox[side] = NULL;
			*all = false;
		}
	}
	return true;
}

/* Ask for what is to be made in one flight, where the store can; what comes of it is waited for one
 * by one.  A session that is lost here is missed there.  A mailbox that is to get a new name gets
 * it before any behind it is made: a level made too early would stand in its way. */
static bool create_ahead(struct run *run, enum side side)
{
	const struct pairings *all = run->pairings;
	for (size_t i = 0; i < all->n; i++) {
		const struct pairing *p = &all->at[i];
		struct error err = {0};
		if (p->rename_to[side] != NULL || run->store[side]->ops->create_ahead == NULL)
			return true;
		if (p->action != PAIRING_SYNC || !p->create[side])
			continue;
		if (!run_will_write(run))
			return false;
		struct session *s = crew_session(run->crew, side, &err);
		if (s == NULL || !s->store->ops->create_ahead(s, p->name[side], p->use, &err))
			return true;
	}
	return true;
}

bool mailboxes_prepare(struct run *run)
{
	const struct pairings *all = run->pairings;
	if (!run->options->dry_run && (!create_ahead(run, LEFT) || !create_ahead(run, RIGHT)))
		return false;
	run->box = arena_alloc(run->arena, (all->n + 1) * sizeof *run->box);
	for (size_t i = 0; i < all->n; i++) {
		const struct pairing *p = &all->at[i];
		if (p->action == PAIRING_FORGET && !forget(run, p))
			return false;
		if (p->action != PAIRING_SYNC)
			continue;
		start_box(run, p);
		if (!make_ready(run, &run->box[run->boxes - 1]))
			return false;
	}
	return true;
}

void mailboxes_all(struct run *run)
{
	const struct pairings *all = run->pairings;
	run->box = arena_alloc(run->arena, (all->n + 1) * sizeof *run->box);
	for (size_t i = 0; i < all->n; i++)
		if (all->at[i].action != PAIRING_FORGET)
			start_box(run, &all->at[i]);
}

/* ---- mailbox_deletions: propagate ---- */

/* Whether every message that is there is one that was synced, with the flags it had then. */
static bool only_synced(
	const struct message_list *list, const struct row *rows, size_t n, enum side side)
{
	struct map *index = map_new(n);
	for (uint32_t i = 0; i < n; i++)
		if (rows[i].key[LEFT] != NULL && rows[i].key[RIGHT] != NULL)
			map_put_str(index, rows[i].key[side], i);
	bool only = true;
	for (size_t i = 0; only && i < list->n; i++) {
		uint32_t row = map_get_str(index, list->at[i].key);
		only = row != MAP_NONE && rows[row].flags[side] == list->at[i].flags;
	}
	map_free(index);
	return only;
}

/* The guard, as for the deletion of every message in it. */
static bool guard_allows(struct run *run, const struct pairing *p, size_t n)
{
	struct twin twin = {.exempt = {false, false}};
	struct held held = {{n, n}};
	struct plan plan = {.n = n, .cap = n};
	plan.step = arena_alloc(run->arena, (n + 1) * sizeof *plan.step);
	for (size_t i = 0; i < n; i++)
		plan.step[i] = (struct step){.kind = STEP_DELETE, .to = p->to, .row = NONE};
	plan.count[STEP_DELETE][p->to] = n;
	const struct verdict *v =
		plan_judge(run->arena, &plan, &twin, &held, &run->pair->max_deletions);
	return v->n == 0;
}

static bool refuse_removal(
	struct run *run, const struct pairing *p, enum error_cause cause, const char *why)
{
	struct error err = {0};
	error_set(&err, ERROR_MAILBOX, cause, "it is gone on %s but is not removed here: %s",
		run->pair->store[other(p->to)]->name, why);
	run_problem(run, p->to, p->name[p->to], NULL, &err);
	return true;
}

static bool remove_now(struct run *run, const struct pairing *p, size_t messages)
{
	struct error err = {0};
	if (!run_will_write(run))
		return false;
	struct session *s = crew_session(run->crew, p->to, &err);
	if (s == NULL || !s->store->ops->remove_mailbox(s, p->name[p->to], &err)) {
		run_problem(run, p->to, p->name[p->to], NULL, &err);
		return err.scope <= ERROR_MAILBOX;
	}
	run->report->side[p->to].deleted += messages;
	if (p->known == NULL)
		return true;
	return run_begin_state(run) &&
	       run_state_ok(run, state_drop_twin(run->state, p->known->id, &err), &err) &&
	       run_commit(run);
}

/* A mirror may lose a mailbox that the state never knew; the guard judges that as well. */
static bool remove_mailbox(struct run *run, const struct pairing *p)
{
	struct error err = {0};
	struct message_list list = {0};
	struct flag_table *flags = flag_table_new();
	struct row *rows = NULL;
	size_t n = 0;
	bool ok = true, listed = list_now(run, p->to, p->name[p->to], flags, &list, &err);
	if (!listed) {
		run_problem(run, p->to, p->name[p->to], NULL, &err);
		ok = err.scope <= ERROR_MAILBOX;
	} else if (!read_rows(run, p, flags, &rows, &n)) {
		ok = false;
	} else if (!snapshot_is_kept(run->pair) && !only_synced(&list, rows, n, p->to)) {
		/* what goes from an archive is kept by the snapshots before this one */
		ok = refuse_removal(run, p, CAUSE_MAIL, "it holds more than what was synced");
	} else if (run->no_deletes[p->to]) {
		ok = refuse_removal(run, p, CAUSE_DOUBT, "this run deletes nothing");
	} else if (!guard_allows(run, p, list.n)) {
		ok = refuse_removal(run, p, CAUSE_DOUBT,
			"too many messages would go; --max-deletions allows it");
	} else {
		run->report->changes = true;
		ok = run->options->dry_run || remove_now(run, p, list.n);
	}
	arena_free(list.arena);
	flag_table_free(flags);
	return ok;
}

bool mailboxes_remove(struct run *run)
{
	for (size_t i = 0; i < run->pairings->n; i++) {
		const struct pairing *p = &run->pairings->at[i];
		if (p->action == PAIRING_REMOVE && !remove_mailbox(run, p))
			return false;
	}
	return true;
}
