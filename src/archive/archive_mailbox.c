#include "archive/archive_private.h"

#include <string.h>

/* Removed at a time: of a mailbox of any size no more is in memory. */
#define BATCH 256

static int find(struct archive *archive, const char *name, struct archive_name *out,
	struct arena *arena, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive,
		    "SELECT n.id, n.mailbox, n.name, n.use, n.subscribed, n.first FROM mailbox b"
		    " JOIN mailbox_name n ON n.mailbox = b.id WHERE b.source = ? AND n.name = ?"
		    " AND n.last IS NULL",
		    err))
		return -1;
	sql_put_int(&q, archive->draft.source);
	sql_put_text(&q, name);
	int got = sql_next(&q, err);
	if (got <= 0)
		return got;
	out->id = sql_int(&q);
	out->mailbox = sql_int(&q);
	out->name = sql_text(&q, arena);
	out->use = (uint32_t)sql_int(&q);
	out->subscribed = sql_int(&q) != 0;
	out->first = sql_int(&q);
	out->last = ARCHIVE_STILL;
	sql_end(&q);
	return 1;
}

/* ---- names ---- */

static bool open_name(struct archive *archive, struct archive_name *name, struct error *err)
{
	struct sql q;
	name->first = archive->draft.id;
	name->last = ARCHIVE_STILL;
	if (!sql_begin(&q, archive,
		    "INSERT INTO mailbox_name (mailbox, name, use, subscribed, first, \"check\")"
		    " VALUES (?,?,?,?,?,?)",
		    err))
		return false;
	sql_put_int(&q, name->mailbox);
	sql_put_text(&q, name->name);
	sql_put_int(&q, name->use);
	sql_put_int(&q, name->subscribed);
	sql_put_int(&q, name->first);
	sql_put_int(&q, archive_check_name(name));
	archive->draft.sum += archive_sum_name(name);
	return sql_run(&q, err);
}

/* A name that the draft itself gave was never shown: its row goes. */
static bool close_name(struct archive *archive, struct archive_name *name, struct error *err)
{
	struct sql q;
	int64_t none;
	archive->draft.sum -= archive_sum_name(name);
	name->last = archive->draft.id - 1;
	if (name->first == archive->draft.id)
		return sql_one(archive, "DELETE FROM mailbox_name WHERE id = ?", name->id, &none,
			       err) >= 0;
	if (!sql_begin(&q, archive, "UPDATE mailbox_name SET last = ?, \"check\" = ? WHERE id = ?",
		    err))
		return false;
	sql_put_int(&q, name->last);
	sql_put_int(&q, archive_check_name(name));
	sql_put_int(&q, name->id);
	return sql_run(&q, err);
}

/* ---- making ---- */

static bool insert(struct archive *archive, int64_t *id, struct error *err)
{
	struct sql q;
	struct archive_counters box = {.source = archive->draft.source};
	if (sql_one(archive,
		    "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'mailbox'",
		    0, &box.id, err) < 0 ||
		!sql_begin(&q, archive, "INSERT INTO mailbox VALUES (?, ?, 0, 0, 0, 0, ?)", err))
		return false;
	sql_put_int(&q, box.id);
	sql_put_int(&q, box.source);
	sql_put_int(&q, archive_check_counters(&box));
	*id = box.id;
	return sql_run(&q, err);
}

bool archive_mailbox_make(struct archive *archive, const char *name, uint32_t use, bool subscribed,
	int64_t *id, struct error *err)
{
	struct arena *arena = arena_new();
	struct archive_name row = {0};
	int got = find(archive, name, &row, arena, err);
	bool ok = got >= 0;
	if (got == 0) {
		row = (struct archive_name){.name = name, .use = use, .subscribed = subscribed};
		ok = insert(archive, &row.mailbox, err) && open_name(archive, &row, err) &&
		     archive_write_counters(archive, row.mailbox, err);
	}
	*id = row.mailbox;
	arena_free(arena);
	return ok;
}

/* ---- changing ---- */

static bool rename_to(
	struct archive *archive, struct archive_name *row, const char *name, struct error *err)
{
	struct archive_name renamed = *row;
	renamed.name = name;
	return close_name(archive, row, err) && open_name(archive, &renamed, err) &&
	       archive_write_counters(archive, row->mailbox, err);
}

bool archive_mailbox_rename(struct archive *archive, const struct archive_mailbox *mailbox,
	const char *name, struct error *err)
{
	struct arena *arena = arena_new();
	struct archive_name row = {0}, other = {0};
	int there = find(archive, name, &other, arena, err);
	bool ok = there >= 0;
	if (there > 0)
		ok = error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
			"there is a mailbox of the new name already");
	int got = ok ? find(archive, mailbox->name, &row, arena, err) : -1;
	if (got == 0)
		ok = error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "there is no mailbox");
	ok = ok && got > 0 && rename_to(archive, &row, name, err);
	arena_free(arena);
	return ok;
}

/* The next placements of a mailbox after ${item}, on ${arena}. */
static bool read_batch(struct archive *archive, int64_t mailbox, struct arena *arena,
	struct archive_placement batch[BATCH], size_t *n, struct error *err)
{
	struct sql q;
	int got;
	*n = 0;
	if (!sql_begin(&q, archive,
		    "SELECT " ARCHIVE_PLACEMENT
		    "FROM placement p LEFT JOIN message m ON m.id = p.message"
		    " WHERE p.mailbox = ? AND p.last IS NULL LIMIT ?",
		    err))
		return false;
	sql_put_int(&q, mailbox);
	sql_put_int(&q, BATCH);
	while ((got = sql_next(&q, err)) > 0)
		archive_walk_take(&q, arena, &batch[(*n)++]);
	return got == 0;
}

static bool empty(struct archive *archive, int64_t mailbox, struct error *err)
{
	struct arena *arena = arena_new();
	struct archive_placement *batch = arena_alloc(arena, BATCH * sizeof *batch);
	bool ok = true;
	for (size_t n = 1; ok && n > 0;) {
		struct arena *text = arena_new();
		ok = read_batch(archive, mailbox, text, batch, &n, err);
		for (size_t i = 0; ok && i < n; i++)
			ok = archive_remove(archive, &batch[i], err);
		arena_free(text);
	}
	arena_free(arena);
	return ok;
}

bool archive_mailbox_remove(
	struct archive *archive, const struct archive_mailbox *mailbox, struct error *err)
{
	struct arena *arena = arena_new();
	struct archive_name row = {0};
	int got = find(archive, mailbox->name, &row, arena, err);
	bool ok = got > 0;
	if (got == 0)
		ok = error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "there is no mailbox");
	ok = ok && empty(archive, row.mailbox, err) &&
	     archive_write_counters(archive, row.mailbox, err) && close_name(archive, &row, err);
	arena_free(arena);
	return ok;
}
