#include "archive/archive_private.h"

#include <stdlib.h>
#include <string.h>

struct archive_walk {
	struct sql q;
	struct arena *arena; /* of the text of the placement that was told last */
	struct archive *archive;
	int64_t mailbox, snapshot; /* of a walk through one mailbox */
	int64_t item;		   /* the last one that was told */
	bool forgiving;
	size_t holes;
};

/* Items that are tried behind a damaged page where nothing tells how many there are. */
#define TRIED_MOST 100000

#define VISIBLE "p.first <= ?2 AND (p.last IS NULL OR p.last >= ?2)"

/* LEFT: a placement whose message is not there is told, as one that is not sound. */
#define FROM "FROM placement p LEFT JOIN message m ON m.id = p.message "

static const char of_one[] = "SELECT " ARCHIVE_PLACEMENT FROM
			     "WHERE p.mailbox = ?1 AND p.item > ?3 AND " VISIBLE " ORDER BY p.item";

static const char of_all[] =
	"SELECT " ARCHIVE_PLACEMENT "FROM mailbox b JOIN placement p ON p.mailbox = b.id"
	" LEFT JOIN message m ON m.id = p.message"
	" WHERE b.source = ?1 AND " VISIBLE " ORDER BY p.mailbox, p.item";

static const char changed[] =
	"SELECT " ARCHIVE_PLACEMENT FROM
	"WHERE p.mailbox = ?1 AND (p.first >= ?2 OR p.last >= ?2 - 1) ORDER BY p.item, p.first";

/* A number that must lie in 0 to ${most}; else the row is not to be trusted. */
static int64_t within(struct sql *q, int64_t value, int64_t least, int64_t most)
{
	if (value >= least && value <= most)
		return value;
	q->damaged = true;
	return 0;
}

void archive_walk_take(struct sql *q, struct arena *arena, struct archive_placement *out)
{
	size_t len;
	q->damaged = false;
	out->item = sql_int(q);
	out->mailbox = sql_int(q);
	out->message = sql_int(q);
	out->flags = (uint32_t)within(q, sql_int(q), 0, FLAG_SYSTEM_SETS - 1);
	out->keywords = sql_text(q, arena);
	out->received = sql_int_or(q, RECEIVED_UNKNOWN);
	out->zone = (int16_t)within(q, sql_int(q), -1440, 1440);
	out->uid = sql_text(q, arena);
	out->first = sql_int(q);
	out->last = sql_int_or(q, ARCHIVE_STILL);
	if (out->keywords == NULL)
		out->keywords = "";
	q->damaged |= sql_int(q) != archive_check_placement(out);
	const void *digest = sql_blob(q, &len);
	q->damaged |= len != ARCHIVE_DIGEST;
	memset(out->digest, 0, sizeof out->digest);
	memcpy(out->digest, digest, len < ARCHIVE_DIGEST ? len : ARCHIVE_DIGEST);
	out->size = (uint64_t)within(q, sql_int(q), 0, INT64_MAX);
	out->sound = !q->damaged;
}

static struct archive_walk *begin(
	struct archive *archive, const char *text, int64_t first, int64_t second, struct error *err)
{
	struct archive_walk *walk = calloc(1, sizeof *walk);
	if (walk == NULL)
		die_out_of_memory();
	if (!sql_begin(&walk->q, archive, text, err)) {
		free(walk);
		return NULL;
	}
	walk->archive = archive;
	walk->arena = arena_new();
	sql_put_int(&walk->q, first);
	sql_put_int(&walk->q, second);
	return walk;
}

static struct archive_walk *begin_one(
	struct archive *archive, int64_t mailbox, int64_t snapshot, struct error *err)
{
	struct archive_walk *walk = begin(archive, of_one, mailbox, snapshot, err);
	if (walk == NULL)
		return NULL;
	walk->mailbox = mailbox;
	walk->snapshot = snapshot;
	walk->item = -1;
	sql_put_int(&walk->q, walk->item);
	return walk;
}

struct archive_walk *archive_visible(struct archive *archive,
	const struct archive_snapshot *snapshot, int64_t mailbox, struct error *err)
{
	return mailbox == 0 ? begin(archive, of_all, snapshot->source, snapshot->id, err)
			    : begin_one(archive, mailbox, snapshot->id, err);
}

struct archive_walk *archive_changes(
	struct archive *archive, int64_t mailbox, int64_t since, struct error *err)
{
	return begin(archive, changed, mailbox, since, err);
}

/* ---- around a damaged page ---- */

void archive_visible_forgive(struct archive_walk *walk)
{
	walk->forgiving = walk->mailbox != 0;
}

size_t archive_visible_holes(const struct archive_walk *walk)
{
	return walk->holes;
}

static bool is_damaged(const struct archive_walk *walk)
{
	return (sqlite3_errcode(walk->archive->db) & 0xff) == SQLITE_CORRUPT;
}

int64_t archive_last_item(struct archive *archive, int64_t mailbox, int64_t known)
{
	struct error why = {0};
	int64_t last = 0;
	int got = sql_one(
		archive, "SELECT max(item) FROM placement WHERE mailbox = ?", mailbox, &last, &why);
	return got > 0 ? last : known + TRIED_MOST;
}

/* Begin again behind what could not be read, item by item. */
static int go_on(struct archive_walk *walk, struct error *err)
{
	int64_t last = archive_last_item(walk->archive, walk->mailbox, walk->item);
	int got = 0;
	walk->holes++;
	for (int64_t item = walk->item + 1; item <= last; item++) {
		if (!sql_begin(&walk->q, walk->archive, of_one, err))
			return -1;
		sql_put_int(&walk->q, walk->mailbox);
		sql_put_int(&walk->q, walk->snapshot);
		sql_put_int(&walk->q, item);
		got = sql_next(&walk->q, err);
		if (got >= 0 || !is_damaged(walk))
			return got;
	}
	return 0;
}

int archive_visible_next(
	struct archive_walk *walk, struct archive_placement *out, struct error *err)
{
	int got = sql_next(&walk->q, err);
	if (got < 0 && walk->forgiving && is_damaged(walk))
		got = go_on(walk, err);
	arena_reset(walk->arena);
	if (got > 0) {
		archive_walk_take(&walk->q, walk->arena, out);
		walk->item = out->item;
	}
	return got;
}

void archive_visible_end(struct archive_walk *walk)
{
	if (walk == NULL)
		return;
	sql_end(&walk->q);
	arena_free(walk->arena);
	free(walk);
}
