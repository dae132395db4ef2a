#include "store/archive_store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"

static struct archive_store *store_of(struct archive_session *s)
{
	return (struct archive_store *)s->session.store;
}

static struct store *new_store(const struct store_config *config, struct arena *arena)
{
	struct archive_store *a = arena_alloc(arena, sizeof *a);
	a->store.ops = &archive_ops;
	a->store.config = config;
	a->store.name = config->name;
	a->arena = arena;
	atomic_init(&a->lock, -1);
	atomic_init(&a->opened, false);
	pthread_mutex_init(&a->turn, NULL);
	return &a->store;
}

static void for_source(struct store *store, const char *world, const char *name, bool or_any)
{
	struct archive_store *a = (struct archive_store *)store;
	a->world = arena_strdup(a->arena, world);
	a->name = arena_strdup(a->arena, name);
	a->or_any = or_any;
}

/* ---- the lock ---- */

static bool lock(struct store *store, unsigned wait, struct error *err)
{
	struct archive_store *a = (struct archive_store *)store;
	const char *path = store->config->archive.path;
	if (access(path, F_OK) < 0 && !archive_create(path, err))
		return false;
	int fd = archive_lock(path, wait, err);
	if (fd < 0)
		return false;
	struct archive *archive = archive_open(path, true, NULL, err);
	bool ok = archive != NULL && archive_clean(archive, err);
	archive_close(archive);
	if (ok)
		atomic_store(&a->lock, fd);
	else
		archive_unlock(fd);
	return ok;
}

static void unlock(struct store *store)
{
	archive_unlock(atomic_exchange(&((struct archive_store *)store)->lock, -1));
}

/* ---- sessions ---- */

/* The file is looked at once: closing it again would drop SQLite's locks of another session. */
static struct archive *open_file(
	struct archive_store *a, bool writing, bool *missing, struct error *err)
{
	const char *path = a->store.config->archive.path;
	struct archive *archive = atomic_load(&a->opened)
					  ? archive_open_again(path, writing, err)
					  : archive_open(path, writing, missing, err);
	if (archive != NULL) {
		atomic_store(&a->opened, true);
		archive_take_turns(archive, &a->turn);
	}
	return archive;
}

bool archive_store_open(struct archive_session *s, bool writing, struct error *err)
{
	struct archive_store *a = store_of(s);
	bool missing = false;
	struct error why = {0};
	if (s->archive != NULL && (s->writing || !writing))
		return true;
	archive_fetch_finish(s);
	archive_close(s->archive);
	s->archive = open_file(a, writing, &missing, &why);
	if (s->archive == NULL && missing && writing &&
		archive_create(a->store.config->archive.path, &why))
		s->archive = open_file(a, writing, &missing, &why);
	s->writing = writing;
	if (s->archive == NULL && (writing || !missing)) {
		if (err != NULL)
			*err = why;
		return false;
	}
	return true;
}

static void disconnect(struct session *session)
{
	struct archive_session *s = archive_session(session);
	if (s == NULL)
		return;
	archive_changes_drop(s);
	archive_fetch_finish(s);
	archive_close(s->archive);
	archive_queue_finish(&s->lists);
	archive_queue_finish(&s->fetches);
	arena_free(s->answers);
	flag_table_free(s->flags);
	map_free(s->found);
	map_free(s->found_in);
	arena_free(s->items);
	free(s);
}

static struct session *connect_file(struct store *store, struct error *err)
{
	struct archive_session *s = calloc(1, sizeof *s);
	if (s == NULL)
		die_out_of_memory();
	s->session.store = store;
	s->flags = flag_table_new();
	s->answers = arena_new();
	s->items = arena_new();
	s->changes_end = &s->changes;
	archive_queue_init(&s->lists);
	archive_queue_init(&s->fetches);
	if (archive_store_open(s, atomic_load(&store_of(s)->lock) >= 0, err))
		return &s->session;
	disconnect(&s->session);
	return NULL;
}

/* ---- what is shown ---- */

static bool find_source(struct archive_session *s, const char *world, struct arena *arena,
	int64_t *id, struct error *err)
{
	struct archive_source *all;
	size_t n;
	*id = 0;
	if (!archive_sources(s->archive, arena, &all, &n, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (all[i].world != NULL && strcmp(all[i].world, world) == 0)
			*id = all[i].id;
	return true;
}

bool archive_store_view(struct archive_session *s, struct arena *arena,
	struct archive_snapshot *view, struct error *err)
{
	const struct archive_store *a = store_of(s);
	const struct archive_config *config = &a->store.config->archive;
	*view = (struct archive_snapshot){0};
	if (!archive_store_open(s, false, err))
		return false;
	if (s->archive == NULL)
		return true;
	if (a->world != NULL && !find_source(s, a->world, arena, &view->source, err))
		return false;
	if (a->world == NULL || (view->source == 0 && a->or_any))
		return archive_choose(
			s->archive, config->source, config->snapshot, arena, view, err);
	view->id = view->source == 0 ? 0 : INT64_MAX;
	return true;
}

bool archive_store_begin(
	struct archive_session *s, struct archive_snapshot *draft, struct error *err)
{
	const struct archive_store *a = store_of(s);
	int64_t source;
	if (a->world == NULL)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"a snapshot cannot be changed; an archive is written by a sync into it");
	if (!archive_store_open(s, true, err) || !archive_begin(s->archive, err))
		return false;
	if (archive_source(s->archive, a->world, a->name, &source, err) &&
		archive_draft(s->archive, source, draft, err))
		return true;
	archive_rollback(s->archive);
	return false;
}

/* ---- which world ---- */

/* Whose snapshot is read. */
static bool tell_account(
	struct archive_session *s, struct arena *arena, struct world *world, struct error *err)
{
	const struct archive_config *config = &store_of(s)->store.config->archive;
	struct archive_snapshot chosen;
	struct archive_source *all;
	size_t n;
	if (config->snapshot == NULL)
		return true;
	if (!archive_choose(s->archive, config->source, config->snapshot, arena, &chosen, err) ||
		!archive_sources(s->archive, arena, &all, &n, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (all[i].id == chosen.source) {
			world->account = all[i].world;
			world->account_name = all[i].name;
		}
	return true;
}

static bool identify(struct session *session, const char *pair, struct arena *arena,
	struct world *world, struct error *err)
{
	struct archive_session *s = archive_session(session);
	*world = (struct world){.id = "archive:none"};
	if (!archive_store_open(s, false, err))
		return false;
	if (s->archive == NULL)
		return true;
	const char *id = archive_id(s->archive, arena, err);
	if (id == NULL || !archive_stamped(s->archive, pair, &world->last_run, err))
		return false;
	world->id = arena_printf(arena, "archive:%s", id);
	world->stamped = world->last_run > 0 || atomic_load(&store_of(s)->lock) >= 0;
	return atomic_load(&store_of(s)->lock) >= 0 || tell_account(s, arena, world, err);
}

static bool stamp(struct session *session, const char *pair, uint64_t run, struct error *err)
{
	struct archive_session *s = archive_session(session);
	return archive_store_open(s, true, err) && archive_begin(s->archive, err) &&
	       (archive_stamp(s->archive, pair, run, err) ||
		       (archive_rollback(s->archive), false)) &&
	       archive_commit(s->archive, err);
}

const struct store_ops archive_ops = {
	.kind = "archive",
	.new_store = new_store,
	.for_source = for_source,
	.lock = lock,
	.unlock = unlock,
	.connect = connect_file,
	.disconnect = disconnect,
	.identify = identify,
	.stamp = stamp,
	.mailboxes = archive_store_mailboxes,
	.create = archive_store_create,
	.remove_mailbox = archive_store_remove_mailbox,
	.rename_mailbox = archive_store_rename_mailbox,
	.list = archive_store_list,
	.listed = archive_store_listed,
	.fetch = archive_store_fetch,
	.take = archive_store_take,
	.append = archive_store_append,
	.mark = archive_store_mark,
	.expunge = archive_store_expunge,
	.move = archive_store_move,
	.copy = archive_store_copy,
	.settle = archive_store_settle,
	.finish = archive_store_finish,
};
