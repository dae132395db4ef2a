#include "archive/archive_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

/* Items of a mailbox, from first to last. */
struct range {
	int64_t mailbox, first, last;
};

struct archive_search {
	struct sql q;
	struct arena *arena; /* of the text of the hit that was told last */
	struct archive *archive;
	const struct archive_query *query;
	int64_t snapshot, source; /* 0 = all */
	bool told;		  /* a hit, since the statement was begun */

	/* around what is damaged */
	bool around;
	struct arena *ranges;
	struct range *range; /* to be looked through; the next one is the last */
	size_t n, cap;
	struct range now;
	struct range hole; /* the last one that was counted */
	size_t holes;
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

/* The plus keeps SQLite from going by the messages: it has to read no item but these. */
#define RANGE " AND p.mailbox = ?6 AND p.item BETWEEN ?7 AND ?8"

static const char of_words_within[] =
	HITS "FROM placement p" JOINED
	     " AND +p.message IN (SELECT rowid FROM words WHERE words MATCH ?5)" RANGE GROUPED;
static const char of_all_within[] = HITS "FROM placement p" JOINED " AND ?5 IS NULL" RANGE GROUPED;

static bool begin(struct archive_search *s, const char *of_words_text, const char *of_all_text,
	struct error *err)
{
	const char *match = s->query->match;
	if (!sql_begin(&s->q, s->archive, match != NULL ? of_words_text : of_all_text, err))
		return false;
	sql_put_int(&s->q, s->query->after);
	sql_put_int(&s->q, s->query->before);
	sql_put_int(&s->q, s->snapshot);
	sql_put_int(&s->q, s->source);
	s->told = false;
	return true;
}

struct archive_search *archive_search(struct archive *archive, const struct archive_query *query,
	const struct archive_snapshot *snapshot, struct error *err)
{
	struct archive_search *s = calloc(1, sizeof *s);
	if (s == NULL)
		die_out_of_memory();
	s->archive = archive;
	s->query = query;
	s->snapshot = snapshot != NULL ? snapshot->id : 0;
	s->source = snapshot != NULL ? snapshot->source : 0;
	if (!begin(s, of_words, of_all, err)) {
		free(s);
		return NULL;
	}
	if (query->match != NULL)
		sql_put_text(&s->q, query->match);
	s->arena = arena_new();
	s->ranges = arena_new();
	return s;
}

/* ---- around a damaged page ---- */

/*
 * All is found before the first hit is told, so one damaged page ends the search before it began.
 * It is then begun anew for one mailbox after the other, and where that fails, for half of its
 * items, until what cannot be read is a single one.
 */

static bool is_damaged(const struct archive_search *s)
{
	return (sqlite3_errcode(s->archive->db) & 0xff) == SQLITE_CORRUPT;
}

static void push(struct archive_search *s, int64_t mailbox, int64_t first, int64_t last)
{
	*ARENA_PUSH(s->ranges, s->range, s->n, s->cap) = (struct range){mailbox, first, last};
}

/* Without its index of words nothing can be found in any range. */
static bool can_match(struct archive_search *s, struct error *err)
{
	struct sql q;
	if (s->query->match == NULL)
		return true;
	if (!sql_begin(&q, s->archive, "SELECT count(*) FROM words WHERE words MATCH ?", err))
		return false;
	sql_put_text(&q, s->query->match);
	return sql_run(&q, err);
}

static bool push_mailboxes(struct archive_search *s, struct error *err)
{
	struct sql q;
	int got;
	if (!can_match(s, err) ||
		!sql_begin(&q, s->archive, "SELECT id FROM mailbox ORDER BY id DESC", err))
		return false;
	while ((got = sql_next(&q, err)) > 0)
		push(s, sql_int(&q), 0, 0);
	for (size_t i = 0; got == 0 && i < s->n; i++)
		s->range[i].last = archive_last_item(s->archive, s->range[i].mailbox, 0);
	s->around = true;
	return got == 0;
}

static void count_hole(struct archive_search *s)
{
	bool same = s->holes > 0 && s->hole.mailbox == s->now.mailbox &&
		    s->hole.last + 1 >= s->now.first;
	if (!same)
		s->holes++;
	s->hole = s->now;
}

/* What is to be looked through instead of what failed. */
static bool go_around(struct archive_search *s, struct error *err)
{
	const struct range was = s->now;
	if (!s->around)
		return push_mailboxes(s, err);
	if (was.first == was.last || s->told) {
		count_hole(s);
		return true;
	}
	int64_t middle = was.first + (was.last - was.first) / 2;
	push(s, was.mailbox, middle + 1, was.last);
	push(s, was.mailbox, was.first, middle);
	return true;
}

static bool begin_range(struct archive_search *s, struct error *err)
{
	s->now = s->range[--s->n];
	if (!begin(s, of_words_within, of_all_within, err))
		return false;
	sql_put_text(&s->q, s->query->match);
	sql_put_int(&s->q, s->now.mailbox);
	sql_put_int(&s->q, s->now.first);
	sql_put_int(&s->q, s->now.last);
	return true;
}

static int next_row(struct archive_search *s, struct error *err)
{
	for (;;) {
		int got = sql_next(&s->q, err);
		s->told |= got > 0;
		if (got > 0)
			return 1;
		bool goes_on =
			got == 0 || (is_damaged(s) && (s->around || !s->told) && go_around(s, err));
		if (!goes_on)
			return -1;
		if (s->n == 0)
			return 0;
		if (!begin_range(s, err))
			return -1;
	}
}

size_t archive_search_holes(const struct archive_search *s)
{
	return s->holes;
}

/* ---- hits ---- */

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
	while ((got = next_row(s, err)) > 0) {
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
	arena_free(s->ranges);
	free(s);
}
