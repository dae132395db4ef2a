#include "archive/archive_private.h"

/* A row that the draft itself began is changed in place; any other is closed with the snapshot
 * before the draft, and what follows it is a new row. */

static bool insert(
	struct archive *archive, int64_t id, const struct archive_placement *p, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive, "INSERT INTO placement VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", err))
		return false;
	sql_put_int(&q, id);
	sql_put_int(&q, p->item);
	sql_put_int(&q, p->mailbox);
	sql_put_int(&q, p->message);
	sql_put_int(&q, p->flags);
	sql_put_text(&q, p->keywords[0] == '\0' ? NULL : p->keywords);
	sql_put_int_or(&q, p->received, RECEIVED_UNKNOWN);
	sql_put_int(&q, p->zone);
	sql_put_text(&q, p->uid);
	sql_put_int(&q, p->first);
	sql_put_int_or(&q, p->last, ARCHIVE_STILL);
	sql_put_int(&q, archive_check_placement(p));
	return sql_run(&q, err);
}

static bool update(struct archive *archive, const struct archive_placement *p, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive,
		    "UPDATE placement SET flags = ?, keywords = ?, last = ?, \"check\" = ?"
		    " WHERE mailbox = ? AND item = ? AND first = ? AND last IS NULL",
		    err))
		return false;
	sql_put_int(&q, p->flags);
	sql_put_text(&q, p->keywords[0] == '\0' ? NULL : p->keywords);
	sql_put_int_or(&q, p->last, ARCHIVE_STILL);
	sql_put_int(&q, archive_check_placement(p));
	sql_put_int(&q, p->mailbox);
	sql_put_int(&q, p->item);
	sql_put_int(&q, p->first);
	return sql_run(&q, err);
}

bool archive_place(struct archive *archive, struct archive_placement *p, struct error *err)
{
	if (!archive_write_counters(archive, p->mailbox, err))
		return false;
	p->item = ++archive->last_id;
	p->first = archive->draft.id;
	p->last = ARCHIVE_STILL;
	archive->box.messages++;
	archive->draft.messages++;
	archive->draft.came++;
	archive->draft.bytes += p->size;
	archive->draft.sum += archive_sum_placement(p);
	return insert(archive, p->item, p, err);
}

int archive_placed(struct archive *archive, int64_t mailbox, int64_t item, int64_t snapshot,
	struct arena *arena, struct archive_placement *out, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive,
		    "SELECT " ARCHIVE_PLACEMENT
		    "FROM placement p LEFT JOIN message m ON m.id = p.message"
		    " WHERE p.mailbox = ?1 AND p.item = ?2 AND p.first <= ?3"
		    " AND (p.last IS NULL OR p.last >= ?3)",
		    err))
		return -1;
	sql_put_int(&q, mailbox);
	sql_put_int(&q, item);
	sql_put_int(&q, snapshot);
	int got = sql_next(&q, err);
	if (got > 0) {
		archive_walk_take(&q, arena, out);
		sql_end(&q);
	}
	return got;
}

bool archive_change(struct archive *archive, const struct archive_placement *p, uint32_t flags,
	const char *keywords, struct error *err)
{
	struct archive_placement old = *p, changed = *p;
	changed.flags = flags;
	changed.keywords = keywords;
	if (!archive_write_counters(archive, p->mailbox, err))
		return false;
	archive->draft.sum += archive_sum_placement(&changed) - archive_sum_placement(&old);
	if (p->first == archive->draft.id)
		return update(archive, &changed, err);
	archive->draft.changed++;
	old.last = archive->draft.id - 1;
	changed.first = archive->draft.id;
	return update(archive, &old, err) && insert(archive, ++archive->last_id, &changed, err);
}

/* Whether the draft changed a placement that the snapshot before it shows. */
static int was_there_before(
	struct archive *archive, const struct archive_placement *p, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive,
		    "SELECT 1 FROM placement WHERE mailbox = ? AND item = ? AND first < ? LIMIT 1",
		    err))
		return -1;
	sql_put_int(&q, p->mailbox);
	sql_put_int(&q, p->item);
	sql_put_int(&q, archive->draft.id);
	int got = sql_next(&q, err);
	sql_end(&q);
	return got;
}

bool archive_remove(struct archive *archive, const struct archive_placement *p, struct error *err)
{
	struct archive_snapshot *draft = &archive->draft;
	struct archive_placement closed = *p;
	int before = p->first < draft->id ? 1 : was_there_before(archive, p, err);
	if (before < 0 || !archive_write_counters(archive, p->mailbox, err))
		return false;
	archive->box.messages--;
	draft->messages--;
	draft->bytes -= p->size;
	draft->sum -= archive_sum_placement(p);
	draft->went += before > 0;
	draft->came -= before == 0;
	draft->changed -= before > 0 && p->first == draft->id;
	closed.last = draft->id - 1;
	return update(archive, &closed, err);
}

bool archive_next_item(struct archive *archive, int64_t *item, struct error *err)
{
	return sql_one(archive,
		       "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence"
		       " WHERE name = 'placement'",
		       0, item, err) >= 0;
}
