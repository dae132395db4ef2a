#include "store/archive_store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

/* ---- what is asked ---- */

void archive_queue_init(struct archive_queue *queue)
{
	queue->arena = arena_new();
	queue->first = NULL;
	queue->end = &queue->first;
}

void archive_queue_finish(struct archive_queue *queue)
{
	arena_free(queue->arena);
}

struct archive_question *archive_queue_add(struct archive_queue *queue, const char *name)
{
	struct archive_question *q = arena_alloc(queue->arena, sizeof *q);
	q->name = arena_strdup(queue->arena, name);
	*queue->end = q;
	queue->end = &q->next;
	return q;
}

void archive_queue_drop(struct archive_queue *queue)
{
	queue->first = queue->first->next;
	if (queue->first == NULL) {
		arena_reset(queue->arena);
		queue->end = &queue->first;
	}
}

/* ---- what a search leaves ---- */

static void note_number(struct archive_session *s, struct map *map, int64_t number)
{
	const int64_t *kept = arena_memdup(s->items, &number, sizeof number);
	map_put(map, kept, sizeof *kept, 0);
}

/* The items of the snapshot that a search finds; looked for once in a session. */
static bool find_items(
	struct archive_session *s, const struct archive_snapshot *view, struct error *err)
{
	const struct archive_config *config = &s->session.store->config->archive;
	struct archive_query query;
	struct archive_hit hit;
	int got = -1;
	if (config->search == NULL || s->found != NULL)
		return true;
	struct arena *arena = arena_new();
	struct archive_search *search = NULL;
	s->found = map_new(64);
	s->found_in = map_new(64);
	if (archive_query_read(config->search, arena, &query, err))
		search = archive_search(s->archive, &query, view, err);
	while (search != NULL && (got = archive_search_next(search, &hit, err)) > 0) {
		note_number(s, s->found, hit.placement.item);
		note_number(s, s->found_in, hit.placement.mailbox);
	}
	if (search != NULL)
		s->found_holes = archive_search_holes(search);
	archive_search_end(search);
	arena_free(arena);
	return got == 0;
}

static bool is_among(const struct map *found, int64_t number)
{
	return found == NULL || map_get(found, &number, sizeof number) != MAP_NONE;
}

/* ---- mailboxes ---- */

static bool is_newest(const struct archive_snapshot *view)
{
	return view->id == INT64_MAX;
}

static bool describe(struct archive_session *s, const struct archive_snapshot *view,
	const struct archive_mailbox *m, struct arena *arena, struct mailbox *out,
	struct error *err)
{
	int64_t next = 0;
	*out = (struct mailbox){.name = m->name,
		.raw = m->name,
		.id = arena_printf(arena, "%" PRId64, m->id),
		.use = m->use,
		.selectable = true,
		.subscribed = m->subscribed,
		.read_only = !is_newest(view),
		.storable = {FLAG_SYSTEM_SETS - 1, true}};
	out->epoch = out->id;
	if (!is_newest(view)) {
		out->cursor = arena_printf(arena, "snapshot %" PRId64, view->id);
		return true;
	}
	if (!archive_next_item(s->archive, &next, err))
		return false;
	out->cursor = arena_printf(arena, "%" PRId64, m->changes);
	out->next = arena_printf(arena, "%" PRId64, next);
	out->total = (uint64_t)m->messages;
	return true;
}

bool archive_store_mailboxes(
	struct session *session, struct arena *arena, struct mailbox_list *out, struct error *err)
{
	struct archive_session *s = archive_session(session);
	struct archive_snapshot view;
	struct archive_mailbox *all = NULL;
	size_t n = 0;
	*out = (struct mailbox_list){0};
	if (!archive_store_view(s, arena, &view, err))
		return false;
	if (view.id == 0)
		return true;
	if (!archive_mailboxes(s->archive, &view, NULL, arena, &all, &n, err))
		return false;
	if (!find_items(s, &view, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((s->found_holes > 0 || is_among(s->found_in, all[i].id)) &&
			!describe(s, &view, &all[i], arena,
				ARENA_PUSH(arena, out->at, out->n, out->cap), err))
			return false;
	return true;
}

/* ---- messages ---- */

bool archive_store_list(struct session *session, const char *name, const char *epoch,
	const char *since, struct flag_table *flags, struct error *err)
{
	struct archive_queue *lists = &archive_session(session)->lists;
	struct archive_question *q = archive_queue_add(lists, name);
	(void)err;
	q->flags = flags;
	q->epoch = arena_strdup(lists->arena, epoch);
	q->since = epoch != NULL && since != NULL && strspn(since, "0123456789") == strlen(since)
			   ? strtoll(since, NULL, 10)
			   : -1;
	return true;
}

static void take_placement(
	const struct archive_placement *p, struct message_list *out, struct flag_table *flags)
{
	struct message *m = ARENA_PUSH(out->arena, out->at, out->n, out->cap);
	m->key = arena_printf(out->arena, "%" PRId64, p->item);
	m->size = p->size;
	m->received = p->received;
	m->zone = p->zone;
	m->selected = true;
	m->flags = p->flags;
	if (p->keywords[0] != '\0')
		m->flags = flags_union(flags, p->flags, flags_parse(flags, p->keywords));
}

static void take_gone(int64_t item, struct message_list *out)
{
	*ARENA_PUSH(out->arena, out->gone, out->n_gone, out->cap_gone) =
		arena_printf(out->arena, "%" PRId64, item);
}

/* Rows come in order of item; the last one of an item tells how it is now. */
static bool walk(const struct archive_session *s, struct archive_walk *walk,
	struct archive_question *q, struct message_list *out, struct error *err)
{
	struct archive_placement p;
	int64_t closed = 0;
	int got;
	while ((got = archive_visible_next(walk, &p, err)) > 0) {
		bool gone = out->partial && p.last != ARCHIVE_STILL;
		if (closed != 0 && p.item != closed)
			take_gone(closed, out);
		closed = gone ? p.item : 0;
		if (!gone && is_among(s->found, p.item))
			take_placement(&p, out, q->flags);
	}
	if (closed != 0)
		take_gone(closed, out);
	return got == 0;
}

static size_t most(size_t a, size_t b)
{
	return a > b ? a : b;
}

static bool read_list(struct archive_session *s, struct archive_question *q,
	struct message_list *out, struct error *err)
{
	struct archive_snapshot view;
	struct archive_mailbox *m = NULL;
	size_t n = 0;
	if (!archive_store_view(s, out->arena, &view, err))
		return false;
	if (view.id != 0 && !archive_mailboxes(s->archive, &view, q->name, out->arena, &m, &n, err))
		return false;
	if (n == 0)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "there is no such mailbox");
	if (!describe(s, &view, m, out->arena, &out->box, err))
		return false;
	out->partial = q->since >= m->before && q->since <= m->changes && is_newest(&view) &&
		       q->epoch != NULL && strcmp(q->epoch, out->box.epoch) == 0;
	if (out->partial && q->since == m->changes)
		return true;
	if (!find_items(s, &view, err))
		return false;
	struct archive_walk *rows = out->partial
					    ? archive_changes(s->archive, m->id, m->changed, err)
					    : archive_visible(s->archive, &view, m->id, err);
	if (rows != NULL && s->session.store->config->archive.around_damage)
		archive_visible_forgive(rows);
	bool ok = rows != NULL && walk(s, rows, q, out, err);
	if (ok)
		out->holes = most(archive_visible_holes(rows), s->found_holes);
	archive_visible_end(rows);
	if (!out->partial)
		out->box.total = out->n;
	return ok;
}

int archive_store_listed(struct session *session, struct message_list *out, struct error *err)
{
	struct archive_session *s = archive_session(session);
	struct archive_question *q = s->lists.first;
	if (q == NULL)
		return 0;
	*out = (struct message_list){.arena = arena_new()};
	const char *name = arena_strdup(s->answers, q->name);
	bool ok = read_list(s, q, out, err);
	archive_queue_drop(&s->lists);
	if (ok)
		return 1;
	arena_free(out->arena);
	*out = (struct message_list){.box = {.name = name}};
	return -1;
}
