#include "archive/archive_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

struct archive_search {
	struct sql q;
	struct arena *arena; /* of the text of the hit that was told last */
	const struct archive_query *query;
};

/*
 * A message in a mailbox is one hit, however often its flags changed: of the rows of its item the
 * last one is told.  (Of a group with one max(), SQLite takes the other columns from that row.)
 * Rows that only the draft has, or that no snapshot shows any more, are none.
 */
#define WHEN "COALESCE(h.date, p.received, 0)"

#define HITS \
	"SELECT " ARCHIVE_PLACEMENT ", max(p.id), b.source," \
	" (SELECT name FROM mailbox_name n WHERE n.mailbox = b.id" \
	"   AND (n.last IS NULL OR n.last >= n.first) ORDER BY n.first DESC LIMIT 1)," \
	" (SELECT min(q.first) FROM placement q WHERE q.mailbox = p.mailbox" \
	"   AND q.item = p.item AND (q.last IS NULL OR q.last >= q.first))," \
	" (SELECT max(s.id) FROM snapshot s WHERE s.source = b.source" \
	"   AND s.taken IS NOT NULL) AS newest," \
	" h.date, h.\"from\", h.\"to\", h.cc, h.subject, h.message_id "

#define JOINED \
	" JOIN mailbox b ON b.id = p.mailbox LEFT JOIN message m ON m.id = p.message" \
	" LEFT JOIN header h ON h.message = p.message" \
	" WHERE (p.last IS NULL OR p.last >= p.first) AND p.first <= newest" \
	" AND " WHEN " >= ?1 AND " WHEN " < ?2" \
	" AND (?3 = 0 OR (b.source = ?4 AND p.first <= ?3" \
	"   AND (p.last IS NULL OR p.last >= ?3)))"

#define GROUPED " GROUP BY p.mailbox, p.item ORDER BY " WHEN " DESC, p.item"

static const char of_words[] = HITS "FROM words JOIN placement p ON p.message = words.rowid" JOINED
				    " AND words MATCH ?5" GROUPED;
static const char of_all[] = HITS "FROM placement p" JOINED GROUPED;

struct archive_search *archive_search(struct archive *archive, const struct archive_query *query,
	const struct archive_snapshot *snapshot, struct error *err)
{
	struct archive_search *s = calloc(1, sizeof *s);
	if (s == NULL)
		die_out_of_memory();
	if (!sql_begin(&s->q, archive, query->match != NULL ? of_words : of_all, err)) {
		free(s);
		return NULL;
	}
	s->arena = arena_new();
	s->query = query;
	sql_put_int(&s->q, query->after);
	sql_put_int(&s->q, query->before);
	sql_put_int(&s->q, snapshot != NULL ? snapshot->id : 0);
	sql_put_int(&s->q, snapshot != NULL ? snapshot->source : 0);
	if (query->match != NULL)
		sql_put_text(&s->q, query->match);
	return s;
}

static const char *some(const char *text)
{
	return text != NULL ? text : "";
}

static void take_hit(struct archive_search *s, struct archive_hit *out)
{
	struct sql *q = &s->q;
	archive_walk_take(q, s->arena, &out->placement);
	sql_int(q); /* max(p.id) */
	out->source = sql_int(q);
	out->mailbox = some(sql_text(q, s->arena));
	out->snapshots[0] = sql_int(q);
	int64_t newest = sql_int_or(q, 0);
	bool still = out->placement.last == ARCHIVE_STILL || out->placement.last > newest;
	out->snapshots[1] = still ? newest : out->placement.last;
	out->header.date = sql_int_or(q, RECEIVED_UNKNOWN);
	out->header.from = some(sql_text(q, s->arena));
	out->header.to = some(sql_text(q, s->arena));
	out->header.cc = some(sql_text(q, s->arena));
	out->header.subject = some(sql_text(q, s->arena));
	out->header.message_id = some(sql_text(q, s->arena));
}

static bool contains(const char *text, const char *part)
{
	for (size_t left = strlen(text); left > 0; text++, left--)
		if (ascii_starts(text, left, part))
			return true;
	return false;
}

static bool has_all(const struct archive_header *h, const struct archive_query *query)
{
	for (size_t i = 0; i < query->n_within; i++) {
		const struct archive_within *w = &query->within[i];
		bool there =
			((w->columns & ARCHIVE_IN_FROM) != 0 && contains(h->from, w->text)) ||
			((w->columns & ARCHIVE_IN_TO) != 0 &&
				(contains(h->to, w->text) || contains(h->cc, w->text))) ||
			((w->columns & ARCHIVE_IN_SUBJECT) != 0 && contains(h->subject, w->text));
		if (!there)
			return false;
	}
	return true;
}

int archive_search_next(struct archive_search *s, struct archive_hit *out, struct error *err)
{
	const struct pattern_list *mailboxes = &s->query->mailboxes;
	int got;
	while ((got = sql_next(&s->q, err)) > 0) {
		arena_reset(s->arena);
		take_hit(s, out);
		if ((mailboxes->n == 0 || pattern_selects(mailboxes, out->mailbox, false)) &&
			has_all(&out->header, s->query))
			break;
	}
	return got;
}

void archive_search_end(struct archive_search *s)
{
	if (s == NULL)
		return;
	sql_end(&s->q);
	arena_free(s->arena);
	free(s);
}
