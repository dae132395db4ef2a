#include "archive/archive_private.h"

#include <string.h>

/* ---- sources ---- */

static bool add_source(struct archive *archive, const char *world, const char *name, int64_t *id,
	struct error *err)
{
	struct sql q;
	struct archive_source source = {.world = world, .name = name};
	if (sql_one(archive, "SELECT coalesce(max(id), 0) + 1 FROM source", 0, &source.id, err) <
			0 ||
		!sql_begin(&q, archive, "INSERT INTO source VALUES (?,?,?,?)", err))
		return false;
	sql_put_int(&q, source.id);
	sql_put_text(&q, world);
	sql_put_text(&q, name);
	sql_put_int(&q, archive_check_source(&source));
	*id = source.id;
	return sql_run(&q, err);
}

static bool name_source(
	struct archive *archive, const struct archive_source *source, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive, "UPDATE source SET name = ?, \"check\" = ? WHERE id = ?", err))
		return false;
	sql_put_text(&q, source->name);
	sql_put_int(&q, archive_check_source(source));
	sql_put_int(&q, source->id);
	return sql_run(&q, err);
}

bool archive_source(struct archive *archive, const char *world, const char *name, int64_t *id,
	struct error *err)
{
	struct archive_source *all;
	size_t n;
	struct arena *arena = arena_new();
	bool ok = archive_sources(archive, arena, &all, &n, err), found = false;
	for (size_t i = 0; ok && !found && i < n; i++)
		if (all[i].world != NULL && strcmp(all[i].world, world) == 0) {
			found = true;
			*id = all[i].id;
			struct archive_source named = {
				.id = *id, .world = all[i].world, .name = name};
			if (all[i].name == NULL || strcmp(all[i].name, name) != 0)
				ok = name_source(archive, &named, err);
		}
	if (ok && !found)
		ok = add_source(archive, world, name, id, err);
	arena_free(arena);
	return ok;
}

/* ---- the draft ---- */

static bool begin_draft(struct archive *archive, struct archive_snapshot *draft, struct error *err)
{
	struct sql q;
	draft->taken = 0;
	draft->came = draft->went = draft->changed = 0;
	draft->note = NULL;
	if (sql_one(archive,
		    "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'snapshot'",
		    0, &draft->id, err) < 0 ||
		!sql_begin(&q, archive, "INSERT INTO snapshot (id, source) VALUES (?, ?)", err))
		return false;
	sql_put_int(&q, draft->id);
	sql_put_int(&q, draft->source);
	return sql_run(&q, err);
}

bool archive_draft(
	struct archive *archive, int64_t source, struct archive_snapshot *draft, struct error *err)
{
	bool found = false;
	struct arena *arena = arena_new();
	struct archive_snapshot s = {.source = source};
	bool ok = archive_newest(archive, source, arena, &s, &found, err) &&
		  ((found && s.taken == 0) || begin_draft(archive, &s, err)) &&
		  sql_one(archive,
			  "SELECT coalesce(max(seq), 0) FROM sqlite_sequence"
			  " WHERE name = 'placement'",
			  0, &archive->last_id, err) >= 0;
	s.note = NULL;
	arena_free(arena);
	if (ok)
		*draft = archive->draft = s;
	return ok;
}

static bool write_draft(
	struct archive *archive, const struct archive_snapshot *draft, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive,
		    "UPDATE snapshot SET taken = ?, messages = ?, bytes = ?, came = ?, went = ?,"
		    " changed = ?, note = ?, sum = ?, \"check\" = ? WHERE id = ?",
		    err))
		return false;
	sql_put_int_or(&q, draft->taken, 0);
	sql_put_int(&q, (int64_t)draft->messages);
	sql_put_int(&q, (int64_t)draft->bytes);
	sql_put_int(&q, (int64_t)draft->came);
	sql_put_int(&q, (int64_t)draft->went);
	sql_put_int(&q, (int64_t)draft->changed);
	sql_put_text(&q, draft->note);
	sql_put_int(&q, (int64_t)draft->sum);
	sql_put_int(&q, archive_check_snapshot(draft));
	sql_put_int(&q, draft->id);
	return sql_run(&q, err);
}

/* A row with an empty interval tells a listing what went within the draft; nobody asks for that
 * any more once the draft after it ends. */
static bool drop_empty(struct archive *archive, struct error *err)
{
	int64_t none;
	return sql_one(archive,
		       "DELETE FROM placement WHERE last < first AND first < ?1 AND mailbox IN"
		       " (SELECT b.id FROM mailbox b JOIN snapshot s ON s.source = b.source"
		       " WHERE s.id = ?1)",
		       archive->draft.id, &none, err) >= 0;
}

bool archive_finish(struct archive *archive, const char *note, int64_t taken, struct error *err)
{
	archive->draft.taken = taken;
	archive->draft.note = note;
	bool ok = drop_empty(archive, err) && archive_write_totals(archive, err);
	archive->draft = (struct archive_snapshot){0};
	return ok;
}

/* ---- the counters of mailboxes ---- */

static bool read_counters(struct archive *archive, int64_t id, struct error *err)
{
	struct sql q;
	struct archive_counters *box = &archive->box;
	if (!sql_begin(&q, archive,
		    "SELECT source, messages, changes, changed, before, \"check\" FROM mailbox"
		    " WHERE id = ?",
		    err))
		return false;
	sql_put_int(&q, id);
	int got = sql_next(&q, err);
	if (got <= 0)
		return got == 0 && error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "there is no mailbox");
	box->id = id;
	box->source = sql_int(&q);
	box->messages = sql_int(&q);
	box->changes = sql_int(&q);
	box->changed = sql_int(&q);
	box->before = sql_int(&q);
	bool sound = sql_int(&q) == archive_check_counters(box) && !q.damaged;
	sql_end(&q);
	return sound || sql_damaged(archive, "a mailbox does not match its check", err);
}

static bool put_counters(struct archive *archive, struct error *err)
{
	struct sql q;
	struct archive_counters *box = &archive->box;
	if (box->id == 0)
		return true;
	if (!sql_begin(&q, archive,
		    "UPDATE mailbox SET messages = ?, changes = ?, changed = ?, before = ?,"
		    " \"check\" = ? WHERE id = ?",
		    err))
		return false;
	sql_put_int(&q, box->messages);
	sql_put_int(&q, box->changes);
	sql_put_int(&q, box->changed);
	sql_put_int(&q, box->before);
	sql_put_int(&q, archive_check_counters(box));
	sql_put_int(&q, box->id);
	box->id = 0;
	return sql_run(&q, err);
}

bool archive_write_counters(struct archive *archive, int64_t mailbox, struct error *err)
{
	struct archive_counters *box = &archive->box;
	if (box->id != mailbox &&
		(!put_counters(archive, err) || !read_counters(archive, mailbox, err)))
		return false;
	if (box->changed != archive->draft.id)
		box->before = box->changes;
	box->changed = archive->draft.id;
	box->changes++;
	return true;
}

bool archive_write_totals(struct archive *archive, struct error *err)
{
	return put_counters(archive, err) &&
	       (archive->draft.id == 0 || write_draft(archive, &archive->draft, err));
}

/* ---- numbers of runs ---- */

bool archive_stamp(struct archive *archive, const char *pair, uint64_t run, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive, "REPLACE INTO pair VALUES (?, ?)", err))
		return false;
	sql_put_text(&q, pair);
	sql_put_int(&q, (int64_t)run);
	return sql_run(&q, err);
}

bool archive_stamped(struct archive *archive, const char *pair, uint64_t *run, struct error *err)
{
	struct sql q;
	*run = 0;
	if (!sql_begin(&q, archive, "SELECT run FROM pair WHERE name = ?", err))
		return false;
	sql_put_text(&q, pair);
	int got = sql_next(&q, err);
	if (got > 0) {
		*run = (uint64_t)sql_int(&q);
		sql_end(&q);
	}
	return got >= 0;
}
