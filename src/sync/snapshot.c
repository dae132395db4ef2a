#include <string.h>

#include "base/log.h"
#include "sync/run.h"

/*
 * A pair whose B keeps snapshots (store.h: finish()).
 *
 * Each is A as it stands, whatever the mode but `move`: nothing that goes from B is lost, because
 * the snapshots before it keep it, so that nothing is held back either.
 */

bool snapshot_is_kept(const struct pair_config *pair)
{
	const struct store_ops *ops = store_find_kind(pair->store[RIGHT]->kind);
	return ops != NULL && ops->finish != NULL;
}

const struct pair_config *snapshot_policy(
	const struct pair_config *pair, bool adds, struct arena *arena)
{
	if (!snapshot_is_kept(pair) || adds)
		return pair;
	struct pair_config *own = arena_memdup(arena, pair, sizeof *own);
	own->max_deletions = (struct deletion_limit){.kind = LIMIT_ANY};
	if (own->mode == MODE_MOVE)
		return own;
	own->mode = MODE_MIRROR;
	own->propagate = own->propagate_mailboxes = true;
	own->trash = NULL;
	return own;
}

/* The file was made anew, or A is another account than before: a Maildir that was put back, say. */
bool snapshot_begins_anew(struct run *run, const struct state_twin *known, size_t *n)
{
	struct error err = {0};
	if (!snapshot_is_kept(run->pair) || run->listing[RIGHT].n > 0 || *n == 0)
		return true;
	bool ok = run->options->dry_run || run_begin_state(run);
	for (size_t i = 0; ok && !run->options->dry_run && i < *n; i++)
		ok = run_state_ok(run, state_drop_twin(run->state, known[i].id, &err), &err);
	*n = 0;
	return ok && (run->options->dry_run || run_commit(run));
}

void snapshot_judge(struct run *run, const struct survey *survey, const struct plan *plan)
{
	struct verdict *v = plan_judge(
		run->arena, plan, survey->twin, survey->held, &run->report->pair->max_deletions);
	if (v->n == 0)
		return;
	run->note = arena_printf(run->arena, "a fall of %zu messages", v->deletes);
	log_warning("%s: %zu messages are not there any more; the snapshots before this one keep "
		    "them",
		run->pair->store[LEFT]->name, v->deletes);
}

static const char *note(struct run *run)
{
	if (run->report->problems == 0)
		return run->note;
	return arena_printf(run->arena, "%llu problems were told, so that it is not all of it%s%s",
		(unsigned long long)run->report->problems, run->note != NULL ? "; " : "",
		run->note != NULL ? run->note : "");
}

bool snapshot_finish(struct run *run)
{
	struct error err = {0};
	if (!snapshot_is_kept(run->pair))
		return true;
	struct session *s = crew_session(run->crew, RIGHT, &err);
	if (s != NULL && s->store->ops->finish(s, note(run), &err))
		return true;
	return run_failed(run, RIGHT, &err);
}
