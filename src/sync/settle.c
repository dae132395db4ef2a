#include <string.h>

#include "sync/run.h"

/* ---- rows ---- */

static bool both_there(const struct row *row)
{
	return row->key[LEFT] != NULL && row->key[RIGHT] != NULL && !row->gone[LEFT] &&
	       !row->gone[RIGHT];
}

static const struct row *row_before(const struct survey *v, const struct step *step)
{
	return step->row == NONE ? NULL : &v->row[step->from_twin][step->row];
}

/* A row that this one has swallowed goes first: no key may stand in two. */
static bool drop_merged(struct run *run, struct survey *v, const struct step *step)
{
	struct error err = {0};
	if (step->merge == NONE)
		return true;
	const struct row *merged = &v->row[step->twin][step->merge];
	if (!run_state_ok(run, state_drop_row(run->state, merged->id, &err), &err))
		return false;
	v->box[step->twin]->known.pairs -= both_there(merged);
	return true;
}

/* Write what a row is from now on, and keep the count of pairs true. */
static bool put_row(struct run *run, struct survey *v, const struct step *step, struct row *row)
{
	struct error err = {0};
	const struct row *before = row_before(v, step);
	if (!drop_merged(run, v, step))
		return false;
	bool before_was_pair = before != NULL && both_there(before);
	if (!run_state_ok(run,
		    state_put_row(run->state, v->box[step->twin]->known.id, row, v->flags, &err),
		    &err))
		return false;
	v->box[step->from_twin]->known.pairs -= before_was_pair;
	v->box[step->twin]->known.pairs += both_there(row);
	/* A step that follows finds what this one left. */
	if (step->row != NONE && step->from_twin == step->twin)
		v->row[step->twin][step->row] = *row;
	return true;
}

static bool drop_row(struct run *run, struct survey *v, const struct step *step)
{
	struct error err = {0};
	const struct row *before = row_before(v, step);
	if (!drop_merged(run, v, step))
		return false;
	if (before == NULL || before->id == 0)
		return true;
	if (!run_state_ok(run, state_drop_row(run->state, before->id, &err), &err))
		return false;
	v->box[step->from_twin]->known.pairs -= both_there(before);
	return true;
}

/* The row that the step before this one left: a new one is known by its key only. */
static bool find_left_row(
	struct run *run, struct survey *v, const struct step *step, struct row *row)
{
	const struct row *before = row_before(v, step);
	const char *key = step_key(v->twin, step, LEFT);
	const char *const *const keys[2] = {&key, NULL};
	const size_t n_keys[2] = {1, 0};
	struct row *found = NULL;
	struct error err = {0};
	size_t n = 0;
	if (before != NULL) {
		*row = *before;
		return true;
	}
	if (!run_state_ok(run,
		    state_rows_touched(run->state, v->box[step->twin]->known.id, keys, n_keys,
			    false, v->flags, v->arena, &found, &n, &err),
		    &err))
		return false;
	if (n > 0)
		*row = found[0];
	v->box[step->twin]->known.pairs -= both_there(row);
	return true;
}

/* Counts of pairs are written with the rows that they count: a run that is stopped leaves both, and
 * the next one goes on counting from there. */
static bool put_counts(struct run *run, struct survey *v)
{
	bool ok = true;
	for (size_t i = 0; ok && i < v->n; i++) {
		struct box *box = v->box[i];
		struct error err = {0};
		if (box->counted == box->known.pairs || box->known.id == 0)
			continue;
		ok = run_state_ok(run, state_put_twin(run->state, &box->known, &err), &err);
		box->counted = box->known.pairs;
	}
	return ok;
}

/* Write what the differ says a settled step leaves behind. */
static bool settle_plain(struct run *run, struct survey *v, const struct step *step)
{
	struct row row = {0};
	if (step->follows && !find_left_row(run, v, step, &row))
		return false;
	if (step_row(v->twin, step, &row))
		return put_row(run, v, step, &row);
	return drop_row(run, v, step);
}

/* ---- before the first job ---- */

/* Their sources are named by keys of an epoch that ended, which are those of others from now on. */
static bool drop_ended_intents(struct run *run, const struct state_twin *known, enum side side)
{
	struct error err = {0};
	return known->id == 0 ||
	       run_state_ok(
		       run, state_drop_intents(run->state, known->id, other(side), &err), &err);
}

/* A pair of mailboxes is stored before its rows are; its cursors only once it is settled. */
static bool store_twin(struct run *run, struct survey *v, size_t i)
{
	struct error err = {0};
	struct state_twin *known = &v->box[i]->known;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		const struct message_list *list = v->twin[i].list[side];
		if (list == NULL)
			continue;
		if (known->epoch[side] == NULL || v->twin[i].new_epoch[side])
			known->cursor[side] = NULL;
		if (v->twin[i].new_epoch[side] && !drop_ended_intents(run, known, side))
			return false;
		known->epoch[side] = arena_strdup(run->arena, list->box.epoch);
		known->next[side] = arena_strdup(run->arena, list->box.next);
		known->total[side] = list->box.total;
	}
	return run_state_ok(run, state_put_twin(run->state, known, &err), &err);
}

/*
 * From the first row that is written until the cursors are those of after it, the rows are ahead: a
 * server that is put back meanwhile to where the cursors are tells of no change, and has not what
 * the rows say.  Of rows that were only added the keys tell (see look_for_lost() in survey.c), and
 * nothing needs to be listed.
 */
static void note_ahead(struct survey *v, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct step *step = &plan->step[i];
		if (step->row == NONE && step->merge == NONE) {
			v->box[step->twin]->known.grown = true;
			continue;
		}
		v->box[step->twin]->known.ahead = true;
		v->box[step->from_twin]->known.ahead = true;
	}
}

/* An epoch that ended is told once, whether or not anything follows from it: all its keys may have
 * come again, and what was to be deleted is held back in the run that meets it only. */
static bool has_new_epoch(const struct survey *v)
{
	bool any = false;
	for (size_t i = 0; i < v->n; i++)
		any |= v->twin[i].new_epoch[LEFT] || v->twin[i].new_epoch[RIGHT];
	return any;
}

bool settle_begin(struct run *run, struct survey *v, const struct plan *plan)
{
	if (plan->n == 0 && !has_new_epoch(v))
		return true;
	bool ok = run_begin_state(run);
	note_ahead(v, plan);
	for (size_t i = 0; ok && i < v->n; i++)
		ok = store_twin(run, v, i);
	for (size_t i = 0; ok && i < plan->n; i++)
		if (plan->step[i].kind == STEP_PAIR)
			ok = settle_plain(run, v, &plan->step[i]);
	return ok && put_counts(run, v) && run_commit(run);
}

/* ---- copies ---- */

static bool drop_intent(struct run *run, const struct copy_item *item)
{
	struct error err = {0};
	return item->intent == 0 ||
	       run_state_ok(run, state_drop_intent(run->state, item->intent, &err), &err);
}

static void row_of_copy(const struct survey *v, const struct step *step,
	const struct copy_item *item, struct row *row)
{
	step_row(v->twin, step, row);
	row->identity = item->identity;
	row->digest = item->digest;
	row->size = item->size;
}

static bool settle_arrived(
	struct run *run, struct survey *v, const struct step *step, const struct copy_item *item)
{
	struct box *box = v->box[step->twin];
	struct row row;
	run->report->side[step->to].copied++;
	box->report.side[step->to].copied++;
	box->written[step->to] = true;
	run->progress.messages_done++;
	run->progress.bytes_done += item->size;
	row_of_copy(v, step, item, &row);
	if (item->key == NULL) {
		/* The store could not tell: the intent stays, and the second look finds it, or it
		 * was thrown away. */
		box->look_again = true;
		row.flags[step->to] = 0;
		row.thrown++;
		return put_row(run, v, step, &row);
	}
	box->arrived[step->to]++;
	/* A new row is written and forgotten; one that the survey has is looked at again. */
	row.key[step->to] = step->row == NONE ? item->key : arena_strdup(v->arena, item->key);
	row.flags[step->to] = item->held;
	row.verified = true;
	return put_row(run, v, step, &row) && drop_intent(run, item);
}

/* Refused for itself: it has a row of its own, does not hold the cursor, and is tried again. */
static bool settle_refused(
	struct run *run, struct survey *v, const struct step *step, const struct copy_item *item)
{
	struct box *box = v->box[step->twin];
	struct row row;
	enum side from = other(step->to);
	row_of_copy(v, step, item, &row);
	if (row.key[step->to] == NULL)
		row.flags[step->to] = 0;
	box->retry = true;
	if (!put_row(run, v, step, &row) || !drop_intent(run, item))
		return false;
	if (run_tells_first(run, &row))
		run_refused(run, from, box->known.name[from], item->message.key, item->subject,
			item->error);
	return true;
}

/* Listed and not sent: expunged in between, most likely.  The second look tells; when the message
 * is still listed and still not sent, a person should know. */
static bool settle_not_sent(
	struct run *run, struct survey *v, const struct step *step, const struct copy_item *item)
{
	struct box *box = v->box[step->twin];
	enum side from = other(step->to);
	struct error err = {0};
	box->look_again = !run->second;
	box->unsettled |= run->second;
	error_set(&err, ERROR_MESSAGE, CAUSE_MAIL, "it is listed, but was not sent when asked for");
	if (run->second)
		run_problem(run, from, box->known.name[from], item->message.key, &err);
	return drop_intent(run, item);
}

static bool settle_copy(
	struct run *run, struct survey *v, const struct step *step, const struct copy_item *item)
{
	struct box *box = v->box[step->twin];
	switch (item->state) {
	case ITEM_DONE:
		return settle_arrived(run, v, step, item);
	case ITEM_FAILED:
		return settle_refused(run, v, step, item);
	case ITEM_GONE:
		return settle_not_sent(run, v, step, item);
	case ITEM_SENT:
		box->written[step->to] = true;
		box->look_again = run->cut_off = true;
		return true;
	case ITEM_WAITING:
		break;
	}
	return true;
}

static void tell_progress(struct run *run)
{
	if (run->observer->progress != NULL)
		run->observer->progress(run->observer->context, &run->progress);
}

bool settle_copy_job(struct run *run, struct survey *v, const struct plan *plan, struct job *job)
{
	bool ok = true;
	for (size_t i = 0; ok && i < job->n; i++)
		ok = settle_copy(run, v, &plan->step[job->copy[i].step], &job->copy[i]);
	run->progress.mailboxes_done = job->twin;
	tell_progress(run);
	return ok && put_counts(run, v);
}

/* ---- moves, flags, deletions ---- */

static bool settle_moved(
	struct run *run, struct survey *v, const struct step *step, const struct change_item *item)
{
	struct row row;
	v->box[step->twin]->written[step->to] = true;
	v->box[step->from_twin]->written[step->to] = true;
	if (item->new_key == NULL || !step_row(v->twin, step, &row)) {
		v->box[step->twin]->look_again = true;
		v->box[step->from_twin]->look_again = true;
		return true;
	}
	row.key[step->to] = arena_strdup(v->arena, item->new_key);
	return put_row(run, v, step, &row);
}

static void count_change(struct run *run, struct survey *v, const struct step *step,
	const struct change_item *item, enum side side)
{
	bool flags = item->change == CHANGE_FLAGS;
	struct tally *tally[] = {&run->report->side[side], &v->box[step->twin]->report.side[side]};
	for (size_t i = 0; i < 2; i++) {
		tally[i]->flagged += flags;
		tally[i]->moved += step->kind == STEP_MOVE && !flags;
		tally[i]->deleted += step->kind == STEP_DELETE;
	}
	v->box[step_twin(step, side)]->written[side] = true;
}

/* All changes of a step are done: its row is what the differ said. */
static bool settle_changed(struct run *run, struct survey *v, const struct step *step,
	const struct change_item *item, struct ledger *ledger)
{
	if (step->kind == STEP_MOVE && item->change == CHANGE_FLAGS)
		return true; /* the move itself is yet to come */
	if (step->kind == STEP_MOVE)
		return item->state != ITEM_DONE || settle_moved(run, v, step, item);
	if (step->row != NONE)
		ledger->settled[step->from_twin][step->row] = 1;
	return settle_plain(run, v, step);
}

/* Whether a change is as good as done: a message that is gone already needs no deleting. */
static bool succeeded(const struct step *step, const struct change_item *item)
{
	return item->state == ITEM_DONE || (item->state == ITEM_GONE && step->kind == STEP_DELETE);
}

static void note_failure(struct run *run, struct survey *v, const struct step *step,
	const struct job *job, const struct change_item *item)
{
	v->box[step->twin]->unsettled = true;
	v->box[step->from_twin]->unsettled = true;
	/* Flags that it was given before are no edit, but only where it went to tells. */
	if (step->kind == STEP_MOVE)
		v->box[step->twin]->look_again = true;
	if (item->state == ITEM_SENT)
		v->box[step->from_twin]->written[job->side] = true;
	if (item->error != NULL)
		run_problem(run, job->side, job->name[job->side], item->key, item->error);
}

/* Deleted as far as it can be: the row says so, and the next run goes on from there. */
static bool settle_marked(struct run *run, struct survey *v, const struct step *step)
{
	struct box *box = v->box[step->twin];
	struct row row = {0};
	box->written[step->to] = true;
	box->retry = true;
	if (step->follows && !find_left_row(run, v, step, &row))
		return false;
	step_marked(v->twin, step, &row);
	return put_row(run, v, step, &row);
}

bool settle_change_job(struct run *run, struct survey *v, const struct plan *plan,
	struct ledger *ledger, struct job *job)
{
	bool ok = true;
	for (size_t i = 0; ok && i < job->n; i++) {
		const struct change_item *item = &job->change[i];
		const struct step *step = &plan->step[item->step];
		ledger->pending[item->step]--;
		if (item->state == ITEM_DONE)
			count_change(run, v, step, item, job->side);
		if (item->marked_only)
			ok = settle_marked(run, v, step);
		if (!succeeded(step, item)) {
			ledger->failed[item->step] = 1;
			note_failure(run, v, step, job, item);
		}
		if (ok && ledger->pending[item->step] == 0 && !ledger->failed[item->step])
			ok = settle_changed(run, v, step, item, ledger);
	}
	return ok && put_counts(run, v);
}

/* ---- after the last job ---- */

/* Where nothing is left to do, the next run starts from what this one saw before it began. */
static void advance(struct run *run, struct survey *v, size_t i)
{
	struct box *box = v->box[i];
	if (box->unsettled || box->look_again)
		return;
	box->known.ahead &= box->written[LEFT] || box->written[RIGHT];
	box->known.grown &= box->written[LEFT] || box->written[RIGHT];
	for (enum side side = LEFT; side <= RIGHT; side++) {
		const struct message_list *list = v->twin[i].list[side];
		if (list == NULL || box->written[side])
			continue;
		box->known.cursor[side] = arena_strdup(run->arena, list->box.cursor);
		box->known.next[side] = arena_strdup(run->arena, list->box.next);
		box->known.total[side] = list->box.total;
		box->known.epoch[side] = arena_strdup(run->arena, list->box.epoch);
	}
}

static bool forget_rows(struct run *run, struct survey *v, const struct plan *plan)
{
	bool ok = true;
	for (size_t i = 0; ok && i < plan->n; i++)
		if (plan->step[i].kind == STEP_FORGET)
			ok = settle_plain(run, v, &plan->step[i]);
	return ok;
}

/* Intents whose copies were looked for in this pass and not found were never carried out. */
static bool drop_old_intents(struct run *run, struct survey *v, size_t i)
{
	struct error err = {0};
	bool ok = true;
	const struct twin *twin = &v->twin[i];
	if (v->box[i]->look_again || v->box[i]->unsettled)
		return true;
	for (size_t k = 0; ok && k < twin->intents; k++)
		ok = state_drop_intent(run->state, twin->intent[k].id, &err);
	return run_state_ok(run, ok, &err);
}

bool settle_end(struct run *run, struct survey *v, const struct plan *plan, bool whole)
{
	struct error err = {0};
	if (v->n == 0)
		return true;
	bool ok = run_begin_state(run) && (!whole || forget_rows(run, v, plan));
	for (size_t i = 0; ok && i < v->n; i++) {
		if (whole)
			advance(run, v, i);
		v->box[i]->known.retry = v->box[i]->retry;
		ok = run_state_ok(run, state_put_twin(run->state, &v->box[i]->known, &err), &err) &&
		     drop_old_intents(run, v, i);
	}
	return ok && run_commit(run);
}
