#include <string.h>

#include "sync/worker_private.h"

static struct list_item *find_listed(struct job *job, const char *name)
{
	for (size_t i = 0; name != NULL && i < job->n; i++)
		if (job->list[i].state == ITEM_WAITING && strcmp(job->list[i].name, name) == 0)
			return &job->list[i];
	return NULL;
}

static bool ask_for_list(struct session *s, struct job *job, const struct list_item *item)
{
	const struct store_ops *ops = s->store->ops;
	if (item->roster != NULL)
		return ops->list_unlike(s, item->name, item->epoch, item->since, item->roster,
			job->flags, &job->error);
	return ops->list(s, item->name, item->epoch, item->since, job->flags, &job->error);
}

static bool ask_for_lists(struct session *s, struct job *job)
{
	bool ok = true;
	for (size_t i = 0; ok && i < job->n; i++)
		ok = job->list[i].state != ITEM_WAITING || ask_for_list(s, job, &job->list[i]);
	return ok;
}

static void take_lists(struct session *s, struct job *job)
{
	for (;;) {
		struct message_list list = {0};
		struct error err = {0};
		int got = s->store->ops->listed(s, &list, &err);
		if (got == 0)
			return;
		struct list_item *item = find_listed(job, list.box.name);
		if (got > 0 && item != NULL) {
			item->list = list;
			item->state = ITEM_DONE;
			continue;
		}
		if (got < 0 && err.scope <= ERROR_MAILBOX && item != NULL) {
			item->error = worker_keep_error(job, &err);
			item->state = ITEM_FAILED;
			arena_free(list.arena);
			continue;
		}
		arena_free(list.arena);
		if (got < 0)
			job->error = err;
		else
			error_set(&job->error, ERROR_STORE, CAUSE_NETWORK,
				"the store listed a mailbox that was not asked for");
		return;
	}
}

void worker_list(struct worker *w, struct job *job)
{
	struct session *s = worker_session(w, job->side, &job->error);
	if (s != NULL && ask_for_lists(s, job))
		take_lists(s, job);
	if (job->error.scope != ERROR_NONE)
		worker_blame(w, job, job->side);
}
