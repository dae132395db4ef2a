#include "archive/archive_private.h"

#include <stdlib.h>

/*
 * Snapshots that are not wanted any more, and what only they showed.
 *
 * All of it is one transaction: a snapshot that stays shows what it showed, whenever this is
 * stopped.  A draft counts as one that stays.
 */

#define SHOWN(row) \
	" EXISTS (SELECT 1 FROM snapshot s WHERE s.source = ?1 AND s.id >= " row ".first" \
	" AND (" row ".last IS NULL OR s.id <= " row ".last))"

/* Rows with an empty interval serve the listing of the draft; they go when it ends. */
static const char drop_placements[] =
	"DELETE FROM placement WHERE mailbox IN (SELECT id FROM mailbox WHERE source = ?1)"
	" AND (last IS NULL OR last >= first) AND NOT" SHOWN("placement");
static const char drop_names[] =
	"DELETE FROM mailbox_name WHERE mailbox IN (SELECT id FROM mailbox WHERE source = ?1)"
	" AND (last IS NULL OR last >= first) AND NOT" SHOWN("mailbox_name");
static const char drop_nameless[] =
	"DELETE FROM placement WHERE mailbox IN (SELECT b.id FROM mailbox b WHERE b.source = ?1 AND"
	" NOT EXISTS (SELECT 1 FROM mailbox_name n WHERE n.mailbox = b.id))";
static const char drop_mailboxes[] =
	"DELETE FROM mailbox WHERE source = ?1 AND"
	" NOT EXISTS (SELECT 1 FROM mailbox_name n WHERE n.mailbox = mailbox.id)";

static const char *const unseen[] = {drop_placements, drop_names, drop_nameless, drop_mailboxes};

static bool run_with(struct archive *archive, const char *text, int64_t id, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive, text, err))
		return false;
	sql_put_int(&q, id);
	return sql_run(&q, err);
}

/* ---- messages that nothing shows any more ---- */

static const char drop_words[] =
	"INSERT INTO words (words, rowid, \"from\", \"to\", cc, subject)"
	" SELECT 'delete', message, \"from\", \"to\", cc, subject FROM header WHERE message = ?1";

static const char *const of_message[] = {
	drop_words,
	"DELETE FROM header WHERE message = ?1",
	"DELETE FROM part WHERE id >= ?1 * 65536 AND id < (?1 + 1) * 65536",
	"DELETE FROM message WHERE id = ?1",
};

static bool drop_messages(struct archive *archive, struct error *err)
{
	struct sql q;
	struct arena *arena = arena_new();
	int64_t *ids = NULL;
	size_t n = 0, cap = 0;
	int got = -1;
	if (sql_begin(&q, archive,
		    "SELECT id FROM message m WHERE digest IS NOT NULL AND"
		    " NOT EXISTS (SELECT 1 FROM placement p WHERE p.message = m.id)",
		    err))
		while ((got = sql_next(&q, err)) > 0)
			*ARENA_PUSH(arena, ids, n, cap) = sql_int(&q);
	bool ok = got == 0;
	for (size_t i = 0; ok && i < n; i++)
		for (size_t k = 0; ok && k < sizeof of_message / sizeof *of_message; k++)
			ok = run_with(archive, of_message[k], ids[i], err);
	arena_free(arena);
	return ok;
}

/* ---- what came and went since the one before it, which is another now ---- */

#define AT(row, n) row ".first <= " n " AND (" row ".last IS NULL OR " row ".last >= " n ")"
#define COUNT \
	"SELECT count(*) FROM mailbox b JOIN placement p ON p.mailbox = b.id WHERE b.source = ?1 " \
	"AND "
#define TWIN "(SELECT 1 FROM placement o WHERE o.mailbox = p.mailbox AND o.item = p.item AND "

static const char came[] = COUNT AT("p", "?3") " AND NOT EXISTS " TWIN AT("o", "?2") ")";
static const char went[] = COUNT AT("p", "?2") " AND NOT EXISTS " TWIN AT("o", "?3") ")";
static const char changed[] =
	COUNT AT("p", "?3") " AND EXISTS " TWIN AT("o", "?2") " AND o.id <> p.id)";

static bool count(struct archive *archive, const char *text, const struct archive_snapshot *s,
	int64_t before, uint64_t *n, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive, text, err))
		return false;
	sql_put_int(&q, s->source);
	sql_put_int(&q, before);
	sql_put_int(&q, s->id);
	int got = sql_next(&q, err);
	if (got > 0) {
		*n = (uint64_t)sql_int(&q);
		sql_end(&q);
	}
	return got > 0;
}

static bool count_again(
	struct archive *archive, struct archive_snapshot s, int64_t before, struct error *err)
{
	struct sql q;
	if (!count(archive, came, &s, before, &s.came, err) ||
		!count(archive, went, &s, before, &s.went, err) ||
		!count(archive, changed, &s, before, &s.changed, err) ||
		!sql_begin(&q, archive,
			"UPDATE snapshot SET came = ?, went = ?, changed = ?, \"check\" = ? WHERE "
			"id = ?",
			err))
		return false;
	sql_put_int(&q, (int64_t)s.came);
	sql_put_int(&q, (int64_t)s.went);
	sql_put_int(&q, (int64_t)s.changed);
	sql_put_int(&q, archive_check_snapshot(&s));
	sql_put_int(&q, s.id);
	return sql_run(&q, err);
}

/* ---- the whole ---- */

static bool forget_of(struct archive *archive, int64_t source, const struct archive_snapshot *all,
	size_t n, const bool *go, struct error *err)
{
	int64_t before = 0;
	bool ok = true, any = false, gap = false;
	for (size_t i = 0; ok && i < n; i++) {
		if (all[i].source != source || !go[i])
			continue;
		any = true;
		ok = run_with(archive, "DELETE FROM snapshot WHERE id = ?1", all[i].id, err);
	}
	/* Counted while what the dropped ones showed is still there: it is what the others show. */
	for (size_t i = 0; ok && any && i < n; i++) {
		if (all[i].source != source)
			continue;
		gap |= go[i];
		if (go[i])
			continue;
		ok = !gap || count_again(archive, all[i], before, err);
		before = all[i].id;
		gap = false;
	}
	for (size_t k = 0; ok && any && k < sizeof unseen / sizeof *unseen; k++)
		ok = run_with(archive, unseen[k], source, err);
	return ok;
}

static bool all_sound(
	struct archive *archive, const struct archive_snapshot *all, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (!all[i].sound)
			return sql_damaged(archive,
				"a snapshot does not match its check: nothing is forgotten", err);
	return true;
}

bool archive_forget(struct archive *archive, const struct archive_snapshot *all, size_t n,
	const bool *go, struct error *err)
{
	struct archive_source *source;
	struct arena *arena = arena_new();
	size_t sources;
	bool ok = all_sound(archive, all, n, err) && archive_begin(archive, err) &&
		  archive_sources(archive, arena, &source, &sources, err);
	for (size_t i = 0; ok && i < sources; i++)
		ok = forget_of(archive, source[i].id, all, n, go, err);
	ok = ok && drop_messages(archive, err) && archive_commit(archive, err);
	if (!ok)
		archive_rollback(archive);
	arena_free(arena);
	return ok;
}
