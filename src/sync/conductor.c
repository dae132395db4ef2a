#include "config.h"

#include "sync/conductor.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/stop.h"
#include "sync/run.h"
#include "sync/worker.h"

/* ---- problems ---- */

void run_refused(struct run *run, enum side side, const char *mailbox, const char *key,
	const char *subject, const struct error *err)
{
	if (err->scope == ERROR_CANCELLED)
		return; /* the person knows */
	bool uid = key != NULL && strcmp(run->pair->store[side]->kind, "imap") == 0;
	struct problem problem = {.store = run->pair->store[side]->name,
		.mailbox = mailbox,
		.key = uid ? arena_printf(run->arena, "uid %s", key) : key,
		.subject = subject,
		.error = err};
	run->report->problems++;
	run->report->exit = report_worse(run->report->exit, (int)err->cause);
	if (run->observer->problem != NULL)
		run->observer->problem(run->observer->context, &problem);
}

bool run_failed(struct run *run, enum side side, const struct error *err)
{
	run_problem(run, side, NULL, NULL, err);
	return false;
}

void run_problem(struct run *run, enum side side, const char *mailbox, const char *key,
	const struct error *err)
{
	run_refused(run, side, mailbox, key, NULL, err);
}

/* A failure of the pair as a whole, or of its state: told once, for each mailbox may meet it. */
bool run_pair_failed(struct run *run, const struct error *err)
{
	struct problem problem = {.error = err};
	const char *text = arena_strdup(run->arena, err->text);
	if (err->scope == ERROR_CANCELLED)
		return false; /* the person knows */
	run->report->exit = report_worse(run->report->exit, (int)err->cause);
	if (map_put(run->told, text, strlen(text), 0) != MAP_NONE)
		return false;
	run->report->problems++;
	if (run->observer->problem != NULL)
		run->observer->problem(run->observer->context, &problem);
	return false;
}

bool run_tells_first(struct run *run, const struct row *row)
{
	const int64_t *id = arena_memdup(run->arena, &row->id, sizeof row->id);
	return map_put(run->told, id, sizeof *id, 0) == MAP_NONE;
}

bool run_state_ok(struct run *run, bool ok, const struct error *err)
{
	return ok || run_pair_failed(run, err);
}

bool run_begin_state(struct run *run)
{
	struct error err = {0};
	return run_state_ok(run, state_begin(run->state, &err), &err);
}

bool run_commit(struct run *run)
{
	struct error err = {0};
	return run_state_ok(run, state_commit(run->state, &err), &err);
}

/* ---- pairing ---- */

static void tell_pairing_problems(struct run *run)
{
	for (size_t i = 0; i < run->pairings->problems; i++) {
		const struct pairing_problem *p = &run->pairings->problem[i];
		struct error err = {0};
		error_set(&err, ERROR_MAILBOX, p->cause, "%s", p->text);
		run_problem(run, p->side, p->mailbox, NULL, &err);
	}
}

static bool pair_mailboxes(struct run *run)
{
	struct state_twin *known = NULL;
	size_t n = 0;
	struct error err = {0};
	if (!run_state_ok(run, state_twins(run->state, run->arena, &known, &n, &err), &err) ||
		!snapshot_begins_anew(run, known, &n))
		return false;
	for (bool sure = false; !sure;) {
		run->pairings = pairing_make(run->pair, &run->listing[LEFT], &run->listing[RIGHT],
			known, n, run->options->only, run->arena, &err);
		if (run->pairings == NULL)
			return run_pair_failed(run, &err);
		if (!mailboxes_confirm(run, known, &sure))
			return false;
	}
	tell_pairing_problems(run);
	if (run->observer->paired != NULL)
		run->observer->paired(run->observer->context, run->pairings);
	return true;
}

/* ---- the deletions that the guard holds back ---- */

static void tell_refusals(struct run *run, const struct survey *survey, const struct verdict *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct refusal *r = &v->refusal[i];
		const char *mailbox = NULL;
		struct error err = {0};
		if (r->twin != NONE)
			mailbox = survey->box[r->twin]->pairing->name[r->side];
		error_set(&err, ERROR_MAILBOX, CAUSE_DOUBT,
			"%zu of %llu messages would be deleted; nothing is deleted in this pair",
			r->deletes, (unsigned long long)r->held);
		run_problem(run, r->side, mailbox, NULL, &err);
	}
	struct error how = {0};
	error_set(&how, ERROR_STORE, CAUSE_DOUBT,
		"to delete them too: mailtwin sync %s --max-deletions %zu; to copy what is gone on "
		"one side back from the other: mailtwin sync %s --bring-back",
		run->pair->name, v->deletes, run->pair->name);
	run_pair_failed(run, &how);
}

static void mark_held(struct survey *survey, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->step[i].kind == STEP_DELETE)
			survey->box[plan->step[i].twin]->unsettled = true;
}

static void guard(struct run *run, struct survey *survey, struct plan *plan)
{
	if (snapshot_is_kept(run->pair)) {
		snapshot_judge(run, survey, plan);
		return;
	}
	struct verdict *v =
		plan_judge(run->arena, plan, survey->twin, survey->held, &run->pair->max_deletions);
	if (v->n == 0)
		return;
	run->report->held_deletions = v->deletes;
	tell_refusals(run, survey, v);
	mark_held(survey, plan);
	plan_drop_deletions(plan);
}

/* What would have been deleted, had the world not changed under the pair. */
static void tell_doubts(struct run *run, struct survey *survey, const struct plan *plan)
{
	for (size_t i = 0; i < plan->doubts; i++) {
		const struct doubt *d = &plan->doubt[i];
		struct error err = {0};
		survey->box[d->twin]->unsettled = true;
		error_set(&err, ERROR_MAILBOX, CAUSE_DOUBT,
			"%zu messages would be deleted, but this run deletes nothing", d->deletes);
		run_problem(run, d->side, survey->box[d->twin]->pairing->name[d->side], NULL, &err);
	}
}

/* A side that may not be changed waits, and does not do so in silence. */
static void tell_read_only(struct run *run, const struct survey *survey, const struct plan *plan)
{
	for (size_t i = 0; i < survey->n; i++)
		for (enum side side = LEFT; side <= RIGHT; side++) {
			struct error err = {0};
			if (!plan->held[i] || !survey->twin[i].read_only[side] ||
				!opening_writes_to(run, side))
				continue;
			error_set(&err, ERROR_MAILBOX, CAUSE_MAIL,
				"it can only be read: what is to change there waits");
			run_problem(run, side, survey->box[i]->pairing->name[side], NULL, &err);
		}
}

/* ---- what a server takes and throws away ---- */

static void tell_thrown(struct run *run, struct survey *survey, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_thrown; i++) {
		const struct thrown *t = &plan->thrown[i];
		const struct row *row = &survey->row[t->twin][t->row];
		struct error err = {0};
		survey->box[t->twin]->retry = true;
		error_set(&err, ERROR_MESSAGE, CAUSE_MAIL,
			"%s took a copy of it twice and did not keep it; it is not sent again",
			run->pair->store[other(t->from)]->name);
		if (run_tells_first(run, row))
			run_problem(run, t->from, survey->box[t->twin]->pairing->name[t->from],
				row->key[t->from], &err);
	}
}

/* ---- the two passes ---- */

static void tell_boxes(struct run *run)
{
	for (size_t i = 0; i < run->boxes; i++) {
		struct box *box = &run->box[i];
		run->report->equal += box->known.pairs;
		run->report->mailboxes++;
		box->report.equal = box->known.pairs;
		if (run->observer->mailbox != NULL)
			run->observer->mailbox(run->observer->context, &box->report);
	}
}

/* In a mirror nothing is deleted as a stranger before all that it could be was read. */
static bool wants_more(struct survey *survey, const struct plan *plan)
{
	bool more = false;
	for (size_t i = 0; i < survey->n; i++) {
		if (plan->need_whole[i] && !survey->box[i]->whole[LEFT]) {
			survey->box[i]->whole[LEFT] = true;
			more = true;
		}
		survey->box[i]->unsettled |= plan->held[i];
	}
	return more;
}

/* What a mailbox at rest was judged by: under other rules it has to be judged again. */
static const char *rules(const struct run *run)
{
	const struct pair_config *p = run->pair;
	return arena_printf(run->arena, "%d %d %d %d %d %s %llu", (int)p->mode, p->flags,
		p->expunge, p->propagate, run->options->bring_back,
		p->messages.search != NULL ? search_text(p->messages.search) : "-",
		(unsigned long long)p->messages.max_size);
}

static bool rules_changed(struct run *run, bool *changed)
{
	const char *before = NULL;
	struct error err = {0};
	bool ok = state_hint(run->state, "rules", run->arena, &before, &err);
	*changed = before != NULL && strcmp(before, rules(run)) != 0;
	return run_state_ok(run, ok, &err);
}

/* Survey and plan; NULL when the pair cannot go on. */
static struct survey *look(struct run *run, struct box **boxes, size_t n, struct plan **plan)
{
	for (bool again = true; again;) {
		struct survey *survey = survey_read(run, boxes, n);
		again = survey != NULL && survey->unfinished;
		*plan = survey == NULL || again ? NULL : survey_differ(run, survey);
		if (*plan != NULL && !wants_more(survey, *plan))
			return survey;
		again |= *plan != NULL;
		survey_free(survey);
	}
	return NULL;
}

static bool first_pass(struct run *run)
{
	struct box **boxes = arena_alloc(run->arena, (run->boxes + 1) * sizeof *boxes);
	struct plan *plan;
	bool changed = false;
	size_t n = 0;
	if (!rules_changed(run, &changed))
		return false;
	for (size_t i = 0; i < run->boxes; i++) {
		struct box *box = &run->box[i];
		bool crossed = changed;
		if (!crossed && !select_crossed(run, box, &crossed))
			return false;
		box->whole[LEFT] |= crossed;
		box->whole[RIGHT] |= crossed;
		box->ahead = box->known.ahead;
		if (!box->left_out)
			boxes[n++] = box;
	}
	struct survey *survey = look(run, boxes, n, &plan);
	bool ok = survey != NULL;
	if (ok) {
		tell_thrown(run, survey, plan);
		tell_doubts(run, survey, plan);
		tell_read_only(run, survey, plan);
		guard(run, survey, plan);
		run->report->changes = !plan_empty(plan);
		run->report->conflicts = plan->conflicts;
		ok = run->options->dry_run ? preview(run, survey, plan)
					   : carry_out(run, survey, plan);
	}
	survey_free(survey);
	return ok;
}

static bool was_refused(const struct run *run, const struct survey *survey, const struct step *step)
{
	if (step->kind != STEP_COPY || step->row == NONE)
		return false;
	const struct row *row = &survey->row[step->twin][step->row];
	return row->thrown > 0 || map_get(run->told, &row->id, sizeof row->id) != MAP_NONE;
}

/*
 * Our own writes raised the cursors.  Where nothing but them happened since the cursors were read,
 * the new ones may be stored; where anything else did, the old ones stay and the next run sees
 * it.  The same look finds what a server without UIDPLUS called our copies, and what was listed
 * but not sent, or not known to have arrived: that is copied now.  Nothing else is changed twice,
 * and what was refused a moment ago is not sent again before the next run.
 */
static void keep_harmless_steps(struct run *run, struct survey *survey, struct plan *plan)
{
	bool moves = run->pair->mode == MODE_MOVE;
	size_t n = 0;
	for (size_t i = 0; i < plan->n; i++) {
		const struct step *step = &plan->step[i];
		struct box *box = survey->box[step->twin];
		bool harmless = step->kind == STEP_PAIR || step->kind == STEP_FORGET ||
				step->kind == STEP_COPY ||
				(moves && step->kind == STEP_DELETE && step->verify);
		bool refused = was_refused(run, survey, step);
		box->retry |= refused || step->thrown;
		if (!harmless)
			box->unsettled = true;
		else if (!refused)
			plan->step[n++] = *step;
	}
	plan->n = n;
}

/* A file system's times tell one change from the next only after a moment. */
static void settle_clock(struct run *run, enum side side)
{
	struct session *s = NULL;
	if (run->store[side]->ops->settle_clock != NULL)
		s = crew_session(run->crew, side, NULL);
	if (s != NULL)
		s->store->ops->settle_clock(s);
}

static bool second_pass(struct run *run)
{
	struct box **boxes = arena_alloc(run->arena, (run->boxes + 1) * sizeof *boxes);
	bool looks[2] = {false, false};
	struct plan *plan;
	size_t n = 0;
	for (size_t i = 0; i < run->boxes; i++) {
		struct box *box = &run->box[i];
		for (enum side side = LEFT; side <= RIGHT; side++) {
			box->look[side] = box->written[side] || box->look_again;
			box->written[side] = false;
			looks[side] |= box->look[side];
		}
		box->look_again = box->ahead = false;
		if (!box->left_out && (box->look[LEFT] || box->look[RIGHT]))
			boxes[n++] = box;
	}
	if (n == 0)
		return true;
	bool shared = true;
	for (enum side side = LEFT; side <= RIGHT; side++)
		if (looks[side]) {
			settle_clock(run, side);
			shared = shared && crew_are_in(run->crew, side);
		}
	run->second = true;
	/* One flight on a connection that is there is sooner over than one on a new one. */
	if (!shared)
		crew_dismiss(run->crew);
	struct survey *survey = look(run, boxes, n, &plan);
	bool ok = survey != NULL;
	if (ok) {
		tell_thrown(run, survey, plan);
		keep_harmless_steps(run, survey, plan);
		ok = altered_tell(run, survey) && carry_out(run, survey, plan);
	}
	survey_free(survey);
	return ok;
}

/* What a closing look copies may be cut off as well: then another one has to find what arrived. */
static bool later_passes(struct run *run)
{
	struct error err = {0};
	do {
		run->cut_off = false;
		run->looks++;
		if (!second_pass(run))
			return false;
	} while (run->cut_off && run->looks < MOST_LOOKS);
	error_set(&err, ERROR_STORE, CAUSE_NETWORK,
		"the answers to some copies were lost; the next run looks for what arrived");
	return !run->cut_off || run_pair_failed(run, &err);
}

/* ---- the end ---- */

static void count_traffic(struct run *run)
{
	for (enum side side = LEFT; run->crew != NULL && side <= RIGHT; side++) {
		struct traffic t = crew_traffic(run->crew, side);
		run->report->side[side].bytes_in = t.bytes_in;
		run->report->side[side].bytes_out = t.bytes_out;
		run->report->side[side].round_trips = t.round_trips;
	}
}

/* A mailbox that the state knows and this run did not look at has the keys of the world before. */
static bool looked_at_all(const struct run *run)
{
	bool all = run->options->only == NULL;
	for (size_t i = 0; all && i < run->boxes; i++)
		all = !run->box[i].left_out || run->box[i].known.id == 0;
	return all;
}

/* Leave what `status` shows, and the facts that the next run starts from. */
static void write_end(struct run *run, bool whole)
{
	struct error err = {0};
	struct state_run end = {
		.began = run->now, .ended = run->report->ended, .exit = run->report->exit};
	/* Another world is known only once all of it was paired again. */
	if (run->facts.world[LEFT] == NULL || (whole && looked_at_all(run))) {
		run->facts.world[LEFT] = run->world[LEFT].id;
		run->facts.world[RIGHT] = run->world[RIGHT].id;
	}
	if (whole)
		select_limits(run, &run->facts.newer_limit, &run->facts.older_limit);
	struct buffer summary;
	buffer_init(&summary, 64 * 1024);
	report_json(run->report, &summary);
	end.summary = summary.data;
	bool ok = run_begin_state(run);
	if (ok && whole)
		ok = run_state_ok(run, state_set_hint(run->state, "rules", rules(run), &err), &err);
	if (ok && run->number == 0)
		ok = run_state_ok(
			run, state_run_begin(run->state, &run->number, run->now, &err), &err);
	end.number = run->number;
	if (ok && run_state_ok(run,
			  state_set_facts(run->state, &run->facts, &err) &&
				  state_run_end(run->state, &end, &err),
			  &err))
		run_commit(run);
	buffer_finish(&summary);
}

static void run_finish(struct run *run, int64_t started, bool whole)
{
	count_traffic(run);
	if (stop_asked() != 0)
		run->report->exit = 128 + stop_asked();
	run->report->seconds = (double)(clock_ms() - started) / 1000;
	run->report->ended = (int64_t)time(NULL);
	if (run->state != NULL && !run->options->dry_run && run->world[RIGHT].id != NULL)
		write_end(run, whole);
	crew_free(run->crew);
	map_free(run->told);
	for (enum side side = LEFT; side <= RIGHT; side++) {
		if (run->locked[side])
			run->store[side]->ops->unlock(run->store[side]);
		store_free(run->store[side]);
	}
	state_close(run->state);
	arena_free(run->arena);
}

static int64_t run_start(struct run *run, const struct pair_config *pair,
	const struct run_options *options, const struct observer *observer, struct report *report)
{
	*report = (struct report){.pair = pair, .began = (int64_t)time(NULL)};
	struct arena *arena = arena_new();
	*run = (struct run){.pair = snapshot_policy(pair, options->once, arena),
		.options = options,
		.observer = observer,
		.report = report,
		.arena = arena,
		.told = map_new(0),
		.now = report->began};
	if (observer->start != NULL)
		observer->start(observer->context, pair);
	return clock_ms();
}

void conductor_run(const struct pair_config *pair, const struct run_options *options,
	const struct observer *observer, struct report *report)
{
	struct run run;
	int64_t started = run_start(&run, pair, options, observer, report);
	bool ok = opening_state(&run) && opening_stores(&run) && opening_worlds(&run) &&
		  pair_mailboxes(&run) && mailboxes_prepare(&run) && first_pass(&run) &&
		  (options->dry_run || later_passes(&run)) && mailboxes_remove(&run) &&
		  (options->dry_run || stop_asked() != 0 || snapshot_finish(&run));
	if (ok)
		tell_boxes(&run);
	run_finish(&run, started, ok);
}

void conductor_check(const struct pair_config *pair, const struct run_options *options,
	const struct observer *observer, struct report *report)
{
	struct run run;
	struct run_options looking = *options;
	looking.dry_run = true;
	int64_t started = run_start(&run, pair, &looking, observer, report);
	(void)(opening_state(&run) && opening_stores(&run) && opening_worlds(&run) &&
		pair_mailboxes(&run));
	run_finish(&run, started, false);
}

void conductor_verify(const struct pair_config *pair, const struct run_options *options,
	const struct observer *observer, struct report *report)
{
	struct run run;
	struct run_options looking = *options;
	looking.dry_run = true;
	int64_t started = run_start(&run, pair, &looking, observer, report);
	bool ok = opening_state(&run) && opening_stores(&run) && opening_worlds(&run) &&
		  pair_mailboxes(&run);
	if (ok) {
		mailboxes_all(&run);
		run.report->mailboxes = run.boxes;
		compare_all(&run);
	}
	run_finish(&run, started, false);
}
