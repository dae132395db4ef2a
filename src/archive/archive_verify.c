#include "archive/archive_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/stop.h"

/*
 * Whether an archive is whole: every byte of every message is read, every row is held against its
 * check, and every snapshot against the sum of the rows that it shows.
 *
 * Snapshots are summed in one walk over the rows: each row adds to the first snapshot that shows it
 * and takes away behind the last one, and a running total then gives them all.
 */

/* What a snapshot shows, or what changes from one to the next. */
struct total {
	uint64_t sum, messages, bytes;
};

/* One account: its snapshots in order of id, and one place more behind the last. */
struct account {
	struct archive_source source;
	struct archive_snapshot *snapshot;
	struct total *change;
	size_t n;
};

struct verifying {
	struct archive *archive;
	const struct archive_verifier *told;
	struct archive_verified *count;
	struct arena *arena;
	struct account *account;
	size_t accounts;
	struct map *account_of; /* by mailbox */
};

static void fault(struct verifying *v, enum archive_fault what, const char *digest, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));

static void fault(
	struct verifying *v, enum archive_fault what, const char *digest, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	v->count->faults++;
	v->told->fault(v->told->context, what, digest, text);
}

/* ---- the file ---- */

static bool check_structure(struct verifying *v, struct error *err)
{
	struct sql q;
	int got;
	if (!sql_begin(&q, v->archive, "PRAGMA integrity_check", err))
		return false;
	while ((got = sql_next(&q, err)) > 0) {
		const char *text = sql_text(&q, v->arena);
		if (text == NULL || strcmp(text, "ok") != 0)
			fault(v, ARCHIVE_FAULT_FILE, NULL, "%s", text == NULL ? "?" : text);
	}
	return got == 0;
}

/* The index checks itself, and with rank 1 against the headers, by a command that is written as if
 * it changed something: where the file cannot be written there is no way to ask for it. */
static bool check_index(struct verifying *v, struct error *err)
{
	struct error why = {0};
	if (sqlite3_db_readonly(v->archive->db, "main") != 0)
		return true;
	v->count->index_checked = true;
	if (!sql_exec(v->archive, "PRAGMA query_only = OFF", err))
		return false;
	if (!sql_exec(v->archive, "INSERT INTO words (words, rank) VALUES ('integrity-check', 1)",
		    &why)) {
		/* a writer in the way says nothing of the index */
		if (sqlite3_errcode(v->archive->db) == SQLITE_BUSY) {
			*err = why;
			return false;
		}
		fault(v, ARCHIVE_FAULT_INDEX, NULL,
			"the index of words is not what the headers say: search may miss messages");
	}
	return sql_exec(v->archive, "PRAGMA query_only = ON", err);
}

/* ---- accounts and snapshots ---- */

static bool read_account(
	struct verifying *v, const struct archive_source *source, bool sound, struct error *err)
{
	struct account *a = &v->account[v->accounts++];
	struct archive_snapshot newest;
	struct error why = {0};
	bool found;
	a->source = *source;
	if (!sound)
		fault(v, ARCHIVE_FAULT_SNAPSHOT, NULL,
			"the row of account '%s' does not match its check", source->name);
	if (!archive_snapshots(v->archive, source->id, v->arena, &a->snapshot, &a->n, err))
		return false;
	if (!archive_newest(v->archive, source->id, v->arena, &newest, &found, &why) &&
		(a->n == 0 || a->snapshot[a->n - 1].sound))
		fault(v, ARCHIVE_FAULT_SNAPSHOT, NULL,
			"the draft of '%s', which no snapshot is yet, does not match its check",
			source->name);
	a->change = arena_alloc(v->arena, (a->n + 1) * sizeof *a->change);
	for (size_t i = 0; i < a->n; i++)
		if (!a->snapshot[i].sound)
			fault(v, ARCHIVE_FAULT_SNAPSHOT, NULL,
				"the row of snapshot %" PRId64 " does not match its check",
				a->snapshot[i].id);
	v->count->snapshots += a->n;
	return true;
}

static bool read_accounts(struct verifying *v, struct error *err)
{
	struct archive_source *source;
	size_t n;
	bool ok = archive_sources(v->archive, v->arena, &source, &n, err);
	v->account = arena_alloc(v->arena, (n + 1) * sizeof *v->account);
	for (size_t i = 0; ok && i < n; i++)
		ok = read_account(v, &source[i], source[i].sound, err);
	return ok;
}

static bool orphaned_snapshots(struct verifying *v, struct error *err)
{
	int64_t n = 0;
	if (sql_one(v->archive,
		    "SELECT count(*) FROM snapshot WHERE source IS NULL OR source NOT IN"
		    " (SELECT id FROM source)",
		    0, &n, err) < 0)
		return false;
	if (n > 0)
		fault(v, ARCHIVE_FAULT_SNAPSHOT, NULL, "%" PRId64 " snapshots are of no account",
			n);
	return true;
}

/* ---- mailboxes ---- */

static struct account *account_of(struct verifying *v, const int64_t *mailbox)
{
	uint32_t at = map_get(v->account_of, mailbox, sizeof *mailbox);
	return at == MAP_NONE ? NULL : &v->account[at];
}

static void own_mailbox(struct verifying *v, const struct archive_counters *box)
{
	const int64_t *id = arena_memdup(v->arena, &box->id, sizeof box->id);
	for (uint32_t i = 0; i < v->accounts; i++)
		if (v->account[i].source.id == box->source)
			map_put(v->account_of, id, sizeof *id, i);
}

static bool read_mailboxes(struct verifying *v, struct error *err)
{
	struct sql q;
	int got;
	if (!sql_begin(&q, v->archive,
		    "SELECT id, source, messages, changes, changed, before, \"check\" FROM mailbox",
		    err))
		return false;
	while ((got = sql_next(&q, err)) > 0) {
		struct archive_counters box;
		q.damaged = false;
		box.id = sql_int(&q);
		box.source = sql_int(&q);
		box.messages = sql_int(&q);
		box.changes = sql_int(&q);
		box.changed = sql_int(&q);
		box.before = sql_int(&q);
		if (sql_int(&q) != archive_check_counters(&box) || q.damaged)
			fault(v, ARCHIVE_FAULT_MAILBOX, NULL,
				"the row of mailbox number %" PRId64 " does not match its check",
				box.id);
		own_mailbox(v, &box);
	}
	return got == 0;
}

/* ---- what snapshots show ---- */

/* The first snapshot of ${a} from number ${id} on. */
static size_t find_snapshot(const struct account *a, int64_t id)
{
	size_t low = 0, high = a->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (a->snapshot[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void show(struct account *a, int64_t first, int64_t last, const struct total *t)
{
	size_t from = find_snapshot(a, first);
	size_t to = last == ARCHIVE_STILL ? a->n : find_snapshot(a, last + 1);
	if (from >= to)
		return;
	a->change[from].sum += t->sum;
	a->change[from].messages += t->messages;
	a->change[from].bytes += t->bytes;
	a->change[to].sum -= t->sum;
	a->change[to].messages -= t->messages;
	a->change[to].bytes -= t->bytes;
}

static void judge_name(struct verifying *v, const struct archive_name *name, bool sound)
{
	struct account *a = account_of(v, &name->mailbox);
	const char *shown = name->name == NULL ? "?" : name->name;
	if (!sound)
		fault(v, ARCHIVE_FAULT_MAILBOX, NULL, "the name '%s' does not match its check",
			shown);
	if (a == NULL)
		fault(v, ARCHIVE_FAULT_MAILBOX, NULL, "the name '%s' is of no mailbox", shown);
	else
		show(a, name->first, name->last, &(struct total){archive_sum_name(name), 0, 0});
}

static bool read_names(struct verifying *v, struct error *err)
{
	struct sql q;
	struct arena *arena = arena_new();
	int got = -1;
	if (sql_begin(&q, v->archive,
		    "SELECT mailbox, name, use, subscribed, first, last, \"check\" FROM "
		    "mailbox_name",
		    err))
		while ((got = sql_next(&q, err)) > 0) {
			struct archive_name name = {0};
			q.damaged = false;
			name.mailbox = sql_int(&q);
			name.name = sql_text(&q, arena);
			name.use = (uint32_t)sql_int(&q);
			int64_t subscribed = sql_int(&q);
			name.subscribed = subscribed != 0;
			name.first = sql_int(&q);
			name.last = sql_int_or(&q, ARCHIVE_STILL);
			bool sound = sql_int(&q) == archive_check_name(&name) && !q.damaged &&
				     (subscribed == 0 || subscribed == 1);
			judge_name(v, &name, sound);
			arena_reset(arena);
		}
	arena_free(arena);
	return got == 0;
}

static const char *mailbox_name(struct verifying *v, int64_t mailbox)
{
	struct sql q;
	const char *name = NULL;
	if (sql_begin(&q, v->archive,
		    "SELECT name FROM mailbox_name WHERE mailbox = ? ORDER BY first DESC LIMIT 1",
		    NULL)) {
		sql_put_int(&q, mailbox);
		if (sql_next(&q, NULL) > 0)
			name = sql_text(&q, v->arena);
		sql_end(&q);
	}
	return name == NULL ? "?" : name;
}

static void judge_placement(struct verifying *v, const struct archive_placement *p)
{
	struct account *a = account_of(v, &p->mailbox);
	v->count->placements++;
	if (!p->sound)
		fault(v, ARCHIVE_FAULT_PLACEMENT, NULL,
			"%s: the row of item %" PRId64
			" does not match its check, or its message is not there",
			mailbox_name(v, p->mailbox), p->item);
	if (a == NULL)
		fault(v, ARCHIVE_FAULT_PLACEMENT, NULL, "item %" PRId64 " is in no mailbox",
			p->item);
	else if (p->last == ARCHIVE_STILL || p->last >= p->first)
		show(a, p->first, p->last, &(struct total){archive_sum_placement(p), 1, p->size});
}

static bool read_placements(struct verifying *v, struct error *err)
{
	struct sql q;
	struct arena *arena = arena_new();
	int got = -1;
	if (sql_begin(&q, v->archive,
		    "SELECT " ARCHIVE_PLACEMENT
		    "FROM placement p LEFT JOIN message m ON m.id = p.message ORDER BY p.id",
		    err))
		while ((got = sql_next(&q, err)) > 0) {
			struct archive_placement p;
			archive_walk_take(&q, arena, &p);
			judge_placement(v, &p);
			arena_reset(arena);
		}
	arena_free(arena);
	return got == 0;
}

static void judge_snapshots(struct verifying *v)
{
	for (size_t i = 0; i < v->accounts; i++) {
		const struct account *a = &v->account[i];
		struct total t = {0};
		for (size_t k = 0; k < a->n; k++) {
			const struct archive_snapshot *s = &a->snapshot[k];
			t.sum += a->change[k].sum;
			t.messages += a->change[k].messages;
			t.bytes += a->change[k].bytes;
			if (s->sound && (t.sum != s->sum || t.messages != s->messages ||
						t.bytes != s->bytes))
				fault(v, ARCHIVE_FAULT_SNAPSHOT, NULL,
					"snapshot %" PRId64 " of '%s' shows %" PRIu64
					" messages that do not add up to its %" PRIu64,
					s->id, a->source.name, t.messages, s->messages);
		}
	}
}

/* ---- messages ---- */

static bool same_header(const struct archive_header *a, const struct archive_header *b)
{
	return a->date == b->date && strcmp(a->from, b->from) == 0 && strcmp(a->to, b->to) == 0 &&
	       strcmp(a->cc, b->cc) == 0 && strcmp(a->subject, b->subject) == 0 &&
	       strcmp(a->message_id, b->message_id) == 0;
}

/* Read ${m} to its end; ${head} is what its header block says.  False with ERROR_MESSAGE: it is not
 * whole. */
static bool read_message(struct verifying *v, struct archive_body *body,
	const struct archive_message *m, struct arena *arena, struct archive_header *head,
	struct error *err)
{
	struct reader *reader;
	const uint8_t *run;
	ssize_t n;
	bool first = true;
	archive_header_read("", 0, arena, head);
	if (!archive_body_open(body, m, false, &reader, err))
		return false;
	while ((n = reader->next(reader, &run, err)) > 0) {
		if (first)
			archive_header_read(
				(const char *)run, archive_head_end(run, (size_t)n), arena, head);
		first = false;
		v->count->bytes += (uint64_t)n;
	}
	return n == 0;
}

/* Where a message is, for a person who has lost it. */
static const char *where(struct verifying *v, int64_t message, struct arena *arena)
{
	struct sql q;
	int64_t mailbox = 0;
	if (sql_begin(&q, v->archive, "SELECT mailbox FROM placement WHERE message = ? LIMIT 1",
		    NULL)) {
		sql_put_int(&q, message);
		if (sql_next(&q, NULL) > 0)
			mailbox = sql_int(&q);
		sql_end(&q);
	}
	return mailbox == 0 ? "in no mailbox"
			    : arena_printf(arena, "in %s", mailbox_name(v, mailbox));
}

static bool check_message(struct verifying *v, struct archive_body *body,
	const struct archive_message *m, struct arena *arena, struct error *err)
{
	struct archive_header kept, read;
	struct error why = {0};
	char digest[2 * ARCHIVE_DIGEST + 1];
	for (size_t i = 0; i < ARCHIVE_DIGEST; i++)
		snprintf(digest + 2 * i, 3, "%02x", m->digest[i]);
	v->count->messages++;
	bool whole = read_message(v, body, m, arena, &read, &why);
	if (!whole && why.scope > ERROR_MESSAGE) {
		*err = why;
		return false;
	}
	if (!archive_header(v->archive, m->id, arena, &kept, err))
		return false;
	if (!whole)
		fault(v, ARCHIVE_FAULT_MESSAGE, digest, "%s, \"%s\": %s", where(v, m->id, arena),
			kept.subject, why.text);
	else if (!same_header(&kept, &read))
		fault(v, ARCHIVE_FAULT_INDEX, digest,
			"%s: what is kept of its header for searching is not what it says",
			where(v, m->id, arena));
	return true;
}

static bool check_messages(struct verifying *v, struct error *err)
{
	struct sql q;
	struct archive_body *body = archive_body_new(v->archive);
	int got = -1;
	bool ok = true;
	if (sql_begin(&q, v->archive,
		    "SELECT id, digest, size FROM message WHERE digest IS NOT NULL ORDER BY id",
		    err))
		while (ok && (got = sql_next(&q, err)) > 0) {
			struct archive_message m = {.id = sql_int(&q)};
			struct arena *arena = arena_new();
			size_t len;
			const void *digest = sql_blob(&q, &len);
			memcpy(m.digest, digest, len < ARCHIVE_DIGEST ? len : ARCHIVE_DIGEST);
			m.size = (uint64_t)sql_int(&q);
			ok = check_message(v, body, &m, arena, err) && stop_may_go_on(err);
			arena_free(arena);
		}
	archive_body_free(body);
	return ok && got == 0;
}

/* ---- the whole ---- */

static bool check_all(struct verifying *v, struct error *err)
{
	bool ok = check_structure(v, err) && read_accounts(v, err) && orphaned_snapshots(v, err) &&
		  read_mailboxes(v, err) && read_names(v, err) && read_placements(v, err);
	if (ok)
		judge_snapshots(v);
	return ok && check_messages(v, err);
}

/* What a run commits between two reads must not look like damage. */
static bool check_at_one_moment(struct verifying *v, struct error *err)
{
	if (!sql_exec(v->archive, "BEGIN", err))
		return false;
	bool ok = check_all(v, err);
	/* it only read: nothing is lost by an end that fails */
	sql_exec(v->archive, "COMMIT", NULL);
	return ok;
}

bool archive_verify(struct archive *archive, const struct archive_verifier *told,
	struct archive_verified *count, struct error *err)
{
	*count = (struct archive_verified){0};
	struct verifying v = {.archive = archive,
		.told = told,
		.count = count,
		.arena = arena_new(),
		.account_of = map_new(64)};
	bool ok = check_at_one_moment(&v, err) && check_index(&v, err);
	map_free(v.account_of);
	arena_free(v.arena);
	return ok;
}
