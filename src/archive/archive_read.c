#include "archive/archive_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/buffer.h"
#include "base/escape.h"
#include "mail/date.h"

/* ---- sources ---- */

const char *archive_id(struct archive *archive, struct arena *arena, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive, "SELECT value FROM about WHERE name = 'id'", err))
		return NULL;
	int got = sql_next(&q, err);
	if (got < 0)
		return NULL;
	const char *id = got > 0 ? sql_text(&q, arena) : NULL;
	sql_end(&q);
	if (id == NULL)
		sql_damaged(archive, "it has no id", err);
	return id;
}

bool archive_sources(struct archive *archive, struct arena *arena, struct archive_source **out,
	size_t *n, struct error *err)
{
	struct sql q;
	size_t cap = 0;
	int got;
	*out = NULL;
	*n = 0;
	if (!sql_begin(&q, archive,
		    "SELECT id, world, name, \"check\", (SELECT max(id) FROM snapshot WHERE source "
		    "="
		    " source.id AND taken IS NOT NULL) FROM source ORDER BY id",
		    err))
		return false;
	while ((got = sql_next(&q, err)) > 0) {
		struct archive_source *s = ARENA_PUSH(arena, *out, *n, cap);
		q.damaged = false;
		s->id = sql_int(&q);
		s->world = sql_text(&q, arena);
		s->name = sql_text(&q, arena);
		s->sound = sql_int(&q) == archive_check_source(s) && !q.damaged;
		s->last = sql_int_or(&q, 0);
		if (!s->sound)
			s->name = s->name == NULL ? "?" : s->name;
	}
	return got == 0;
}

/* ---- snapshots ---- */

#define SNAPSHOT \
	"SELECT id, source, taken, messages, bytes, came, went, changed, note, sum, \"check\"" \
	" FROM snapshot "

/* False where the row does not match its check. */
static bool take_snapshot(struct sql *q, struct arena *arena, struct archive_snapshot *s)
{
	q->damaged = false;
	s->id = sql_int(q);
	s->source = sql_int(q);
	s->taken = sql_int_or(q, 0);
	s->messages = (uint64_t)sql_int(q);
	s->bytes = (uint64_t)sql_int(q);
	s->came = (uint64_t)sql_int(q);
	s->went = (uint64_t)sql_int(q);
	s->changed = (uint64_t)sql_int(q);
	s->note = sql_text(q, arena);
	s->sum = (uint64_t)sql_int(q);
	return sql_int(q) == archive_check_snapshot(s) && !q->damaged;
}

bool archive_snapshots(struct archive *archive, int64_t source, struct arena *arena,
	struct archive_snapshot **out, size_t *n, struct error *err)
{
	struct sql q;
	size_t cap = 0;
	int got;
	*out = NULL;
	*n = 0;
	if (!sql_begin(&q, archive,
		    SNAPSHOT "WHERE taken IS NOT NULL AND (?1 = 0 OR source = ?1) ORDER BY id",
		    err))
		return false;
	sql_put_int(&q, source);
	while ((got = sql_next(&q, err)) > 0) {
		struct archive_snapshot *s = ARENA_PUSH(arena, *out, *n, cap);
		s->sound = take_snapshot(&q, arena, s);
	}
	return got == 0;
}

bool archive_newest(struct archive *archive, int64_t source, struct arena *arena,
	struct archive_snapshot *out, bool *found, struct error *err)
{
	struct sql q;
	*found = false;
	if (!sql_begin(&q, archive, SNAPSHOT "WHERE source = ? ORDER BY id DESC LIMIT 1", err))
		return false;
	sql_put_int(&q, source);
	int got = sql_next(&q, err);
	if (got <= 0)
		return got == 0;
	*found = true;
	out->sound = take_snapshot(&q, arena, out);
	sql_end(&q);
	return out->sound ||
	       sql_damaged(archive, "its last snapshot does not match its check", err);
}

/* ---- which snapshot a person means ---- */

bool archive_moment(const char *text, int64_t *from, int64_t *until)
{
	int year, month, day, hour, minute, second, used = 0;
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	bool whole = sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) == 3 && month >= 1 &&
		     month <= 12;
	if (!whole)
		return false;
	char date[32];
	int64_t days;
	snprintf(date, sizeof date, "%d-%s-%04d", day, months[month - 1], year);
	if (!date_parse_day(date, strlen(date), &days))
		return false;
	*from = days * 86400;
	*until = *from + 86400;
	if (text[used] == '\0')
		return true;
	int more = 0;
	if (sscanf(text + used, "%*1[T ]%2d:%2d:%2d%n", &hour, &minute, &second, &more) != 3 ||
		(strcmp(text + used + more, "Z") != 0 && text[used + more] != '\0') || hour > 23 ||
		minute > 59 || second > 60)
		return false;
	*from += hour * 3600 + minute * 60 + second;
	*until = *from + 1;
	return true;
}

static bool ask_for_source(const struct archive *archive, const struct archive_source *s, size_t n,
	const char *why, struct error *err)
{
	struct buffer list;
	buffer_init(&list, 300);
	for (size_t i = 0; i < n; i++) {
		char shown[80];
		if (!buffer_printf(&list, "%s%s (last snapshot %lld)", i > 0 ? ", " : "",
			    escape_text(shown, sizeof shown, s[i].name), (long long)s[i].last))
			break;
	}
	error_set(err, ERROR_STORE, CAUSE_CONFIG, "%s: '%s' holds %s", why, archive->path,
		list.len > 0 ? list.data : "no snapshot");
	buffer_finish(&list);
	return false;
}

/* The source that a person means by ${word}; 0: the number of a snapshot says it. */
static bool choose_source(struct archive *archive, const char *word, struct arena *arena,
	int64_t *id, struct error *err)
{
	struct archive_source *s;
	size_t n, found = 0;
	if (!archive_sources(archive, arena, &s, &n, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (word == NULL || strcmp(s[i].name, word) == 0 || strcmp(s[i].world, word) == 0) {
			found++;
			*id = s[i].id;
		}
	if (found == 1)
		return true;
	return ask_for_source(archive, s, n,
		n == 0	       ? "there is no snapshot yet"
		: word == NULL ? "say which source, or the number of a snapshot"
			       : "there is no such source, or there are several of that name",
		err);
}

static bool is_number(const char *word)
{
	return *word != '\0' && strspn(word, "0123456789") == strlen(word) && strlen(word) < 18;
}

bool archive_choose(struct archive *archive, const char *source, const char *which,
	struct arena *arena, struct archive_snapshot *out, struct error *err)
{
	struct archive_snapshot *all;
	size_t n;
	int64_t id = 0, from, until = INT64_MAX, wanted = 0;
	if (which != NULL && is_number(which))
		wanted = strtoll(which, NULL, 10);
	else if (which != NULL && !archive_moment(which, &from, &until))
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"'%s' is neither the number of a snapshot nor a date such as 2026-11-23",
			which);
	if ((wanted == 0 || source != NULL) && !choose_source(archive, source, arena, &id, err))
		return false;
	if (!archive_snapshots(archive, id, arena, &all, &n, err))
		return false;
	for (size_t i = n; i-- > 0;)
		if (wanted != 0 ? all[i].id == wanted : all[i].taken < until) {
			*out = all[i];
			return true;
		}
	return error_set(err, ERROR_STORE, CAUSE_CONFIG, "'%s' has no snapshot %s%s", archive->path,
		which == NULL ? "yet"
		: wanted != 0 ? "number "
			      : "taken up to ",
		which == NULL ? "" : which);
}

/* ---- mailboxes ---- */

bool archive_mailboxes(struct archive *archive, const struct archive_snapshot *snapshot,
	const char *name, struct arena *arena, struct archive_mailbox **out, size_t *n,
	struct error *err)
{
	struct sql q;
	size_t cap = 0;
	int got;
	*out = NULL;
	*n = 0;
	if (!sql_begin(&q, archive,
		    "SELECT n.mailbox, n.name, n.use, n.subscribed, b.messages, b.changes,"
		    " b.changed, b.before"
		    " FROM mailbox b JOIN mailbox_name n ON n.mailbox = b.id WHERE b.source = ?"
		    " AND (?3 IS NULL OR n.name = ?3) AND n.first <= ?2 AND (n.last IS NULL OR "
		    "n.last >= ?2) ORDER BY n.name",
		    err))
		return false;
	sql_put_int(&q, snapshot->source);
	sql_put_int(&q, snapshot->id);
	sql_put_text(&q, name);
	while ((got = sql_next(&q, err)) > 0) {
		struct archive_mailbox *m = ARENA_PUSH(arena, *out, *n, cap);
		m->id = sql_int(&q);
		m->name = sql_text(&q, arena);
		m->use = (uint32_t)sql_int(&q);
		m->subscribed = sql_int(&q) != 0;
		m->messages = sql_int(&q);
		m->changes = sql_int(&q);
		m->changed = sql_int(&q);
		m->before = sql_int(&q);
		if (m->name == NULL)
			(*n)--;
	}
	return got == 0;
}

/* ---- messages ---- */

/* ${prefix} in digits becomes the first and the last digest that begin with it. */
static bool prefix_range(
	const char *prefix, uint8_t low[ARCHIVE_DIGEST], uint8_t high[ARCHIVE_DIGEST])
{
	size_t len = strlen(prefix);
	memset(low, 0, ARCHIVE_DIGEST);
	memset(high, 0xff, ARCHIVE_DIGEST);
	if (len == 0 || len > (size_t)2 * ARCHIVE_DIGEST)
		return false;
	for (size_t i = 0; i < len; i++) {
		int digit = ascii_hex(prefix[i]);
		if (digit < 0)
			return false;
		unsigned shift = i % 2 == 0 ? 4 : 0;
		low[i / 2] = (uint8_t)(low[i / 2] | digit << shift);
		high[i / 2] = (uint8_t)((high[i / 2] & ~(0xf << shift)) | digit << shift);
	}
	return true;
}

bool archive_find(struct archive *archive, const char *prefix, struct arena *arena,
	struct archive_message **out, size_t *n, struct error *err)
{
	struct sql q;
	size_t cap = 0;
	int got = 0;
	uint8_t low[ARCHIVE_DIGEST], high[ARCHIVE_DIGEST];
	*out = NULL;
	*n = 0;
	if (!prefix_range(prefix, low, high))
		return true;
	if (!sql_begin(&q, archive,
		    "SELECT id, digest, size FROM message WHERE digest BETWEEN ? AND ?"
		    " ORDER BY digest",
		    err))
		return false;
	sql_put_blob(&q, low, sizeof low);
	sql_put_blob(&q, high, sizeof high);
	while (*n < ARCHIVE_FIND_MOST && (got = sql_next(&q, err)) > 0) {
		struct archive_message *m = ARENA_PUSH(arena, *out, *n, cap);
		size_t len;
		m->id = sql_int(&q);
		const void *digest = sql_blob(&q, &len);
		memcpy(m->digest, digest, len < ARCHIVE_DIGEST ? len : ARCHIVE_DIGEST);
		m->size = (uint64_t)sql_int(&q);
	}
	if (*n == ARCHIVE_FIND_MOST)
		sql_end(&q);
	return *n == ARCHIVE_FIND_MOST || got == 0;
}
