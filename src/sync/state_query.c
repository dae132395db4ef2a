#include "sync/state_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "archive/sql.h"

/* The columns of a record, in the order in which they are put and taken. */
#define FACTS  "world_left, world_right, run, random, newer_limit, older_limit"
#define RUN    "number, began, ended, exit, summary"
#define INTENT "twin, side, source, key, epoch, next, identity"
#define TWIN \
	"name_left, name_right, mailbox_left, mailbox_right, epoch_left, epoch_right, " \
	"cursor_left, cursor_right, next_left, next_right, total_left, total_right, pairs, retry"
#define ROW \
	"twin, key_left, key_right, flags_left, flags_right, bits, refused, identity, digest, " \
	"size, received"

struct query_row {
	const char *record;
	const char *sql;
};

static const struct query_row queries[QUERIES] = {
	[QUERY_BEGIN] = {"", "BEGIN IMMEDIATE"},
	[QUERY_COMMIT] = {"", "COMMIT"},
	[QUERY_ROLLBACK] = {"", "ROLLBACK"},

	[QUERY_FACTS] = {"facts", "SELECT " FACTS ", sum FROM facts WHERE id = 1"},
	[QUERY_PUT_FACTS] = {"facts",
		"REPLACE INTO facts (" FACTS ", sum, id) VALUES (?,?,?,?,?,?, ?, 1)"},
	[QUERY_HINT] = {"hint", "SELECT key, value, sum FROM hint WHERE key = ?"},
	[QUERY_PUT_HINT] = {"hint", "REPLACE INTO hint (key, value, sum) VALUES (?,?, ?)"},
	[QUERY_DROP_HINT] = {"hint", "DELETE FROM hint WHERE key = ?"},
	[QUERY_LAST_RUN] = {"run", "SELECT " RUN ", sum FROM run ORDER BY number DESC LIMIT 1"},
	[QUERY_PUT_RUN] = {"run", "REPLACE INTO run (" RUN ", sum) VALUES (?,?,?,?,?, ?)"},
	[QUERY_DROP_RUNS] = {"run", "DELETE FROM run WHERE number <= ?"},

	[QUERY_TWINS] = {"twin",
		"SELECT id, " TWIN ", sum FROM twin ORDER BY name_left, name_right, id"},
	[QUERY_ADD_TWIN] = {"twin",
		"INSERT INTO twin (" TWIN ", sum) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?, ?)"},
	[QUERY_SET_TWIN] = {"twin",
		"UPDATE twin SET (" TWIN ", sum) = (?,?,?,?,?,?,?,?,?,?,?,?,?,?, ?) WHERE id = ?"},
	[QUERY_DROP_TWIN] = {"twin", "DELETE FROM twin WHERE id = ?"},

	[QUERY_INTENTS] = {"intent",
		"SELECT id, " INTENT ", sum FROM intent WHERE twin = ? ORDER BY id"},
	[QUERY_ADD_INTENT] = {"intent",
		"INSERT INTO intent (" INTENT ", sum) VALUES (?,?,?,?,?,?,?, ?)"},
	[QUERY_SET_INTENT] = {"intent",
		"UPDATE intent SET (" INTENT ", sum) = (?,?,?,?,?,?,?, ?) WHERE id = ?"},
	[QUERY_DROP_INTENT] = {"intent", "DELETE FROM intent WHERE id = ?"},
	[QUERY_DROP_INTENTS] = {"intent", "DELETE FROM intent WHERE twin = ? AND side = ?"},
	[QUERY_DROP_TWIN_INTENTS] = {"intent", "DELETE FROM intent WHERE twin = ?"},

	/* By date: nearly the order in which rows were added, so that pages are read in theirs. */
	[QUERY_ROWS] = {"row",
		"SELECT id, " ROW ", sum FROM row INDEXED BY row_received WHERE twin = ?"},
	[QUERY_ROW] = {"row", "SELECT id, " ROW ", sum FROM row WHERE id = ?"},
	[QUERY_IDS_LEFT] = {"row", "SELECT id FROM row WHERE twin = ? AND key_left = ?"},
	[QUERY_IDS_RIGHT] = {"row", "SELECT id FROM row WHERE twin = ? AND key_right = ?"},
	[QUERY_IDS_HALVES] = {"row", "SELECT id FROM row INDEXED BY row_halves WHERE twin = ?"
				     " AND (key_left IS NULL OR key_right IS NULL OR bits & 3)"},
	[QUERY_ROWS_DATED] = {"row",
		"SELECT 1 FROM row WHERE twin = ? AND received >= ? AND received < ? LIMIT 1"},
	/* As key_not_below() has it. */
	[QUERY_ROWS_FROM_LEFT] = {"row",
		"SELECT 1 FROM row INDEXED BY row_left WHERE twin = ?1 AND key_left IS NOT NULL"
		" AND (length(key_left), key_left) >= (length(?2), ?2) LIMIT 1"},
	[QUERY_ROWS_FROM_RIGHT] = {"row",
		"SELECT 1 FROM row INDEXED BY row_right WHERE twin = ?1 AND key_right IS NOT NULL"
		" AND (length(key_right), key_right) >= (length(?2), ?2) LIMIT 1"},
	[QUERY_ADD_ROW] = {"row",
		"INSERT INTO row (" ROW ", sum) VALUES (?,?,?,?,?,?,?,?,?,?,?, ?)"},
	[QUERY_SET_ROW] = {"row",
		"UPDATE row SET (" ROW ", sum) = (?,?,?,?,?,?,?,?,?,?,?, ?) WHERE id = ?"},
	[QUERY_DROP_ROW] = {"row", "DELETE FROM row WHERE id = ?"},
	[QUERY_DROP_TWIN_ROWS] = {"row", "DELETE FROM row WHERE twin = ?"},
};

/* ---- failures ---- */

static bool damaged(const struct state *state, struct error *err, const char *why)
{
	char text[128];
	snprintf(text, sizeof text, "is damaged (%s)", why);
	return state_file_refuse(err, state->path, text);
}

static bool disk_failed(const struct state *state, struct error *err)
{
	return error_set(err, ERROR_STORE, CAUSE_LOCAL, "cannot use the state '%s': %s",
		state->path, sql_reason(state->db));
}

bool query_failed(const struct state *state, struct error *err)
{
	switch (sqlite3_errcode(state->db) & 0xFF) {
	case SQLITE_NOMEM:
		die_out_of_memory();
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(err, ERROR_STORE, CAUSE_BUSY,
			"another program is using the state '%s'", state->path);
	case SQLITE_READONLY:
		return state_file_refuse(
			err, state->path, "cannot be written: make it writable to you");
	case SQLITE_IOERR:
	case SQLITE_FULL:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return disk_failed(state, err);
	case SQLITE_CORRUPT:
		if (state->failed) /* SQLite repeats what it could not read then */
			return state_failed_before(state, err);
		errno = sql_read_error(state->db);
		if (errno != 0)
			return error_errno(
				err, ERROR_STORE, "cannot read the state '%s'", state->path);
		return damaged(state, err, sqlite3_errmsg(state->db));
	default: /* NOTADB, TOOBIG, a table that is not there: no file of ours says so */
		return damaged(state, err, sqlite3_errmsg(state->db));
	}
}

/* ---- statements ---- */

bool query_begin(struct query *q, struct state *state, enum query_name name, struct error *err)
{
	sqlite3_stmt **stmt = &state->statement[name];
	if (*stmt == NULL && sqlite3_prepare_v3(state->db, queries[name].sql, -1,
				     SQLITE_PREPARE_PERSISTENT, stmt, NULL) != SQLITE_OK)
		return query_failed(state, err);
	if (!sqlite3_stmt_readonly(*stmt) && !state_takes_writes(state, err))
		return false;
	*q = (struct query){.state = state, .stmt = *stmt, .record = queries[name].record, .at = 1};
	q->sum = (uint32_t)crc32(0, (const Bytef *)q->record, (uInt)strlen(q->record));
	return true;
}

void query_end(struct query *q)
{
	sqlite3_reset(q->stmt);
}

int query_next(struct query *q, struct error *err)
{
	if (q->rc != SQLITE_OK) {
		sqlite3_reset(q->stmt);
		error_set(err, ERROR_STORE, CAUSE_LOCAL, "cannot write a %s to the state '%s': %s",
			q->record, q->state->path, sqlite3_errstr(q->rc));
		return -1;
	}
	switch (sqlite3_step(q->stmt)) {
	case SQLITE_ROW:
		q->at = 0;
		q->damaged = false;
		q->sum = (uint32_t)crc32(0, (const Bytef *)q->record, (uInt)strlen(q->record));
		return 1;
	case SQLITE_DONE:
		sqlite3_reset(q->stmt);
		return 0;
	default:
		query_failed(q->state, err);
		sqlite3_reset(q->stmt);
		return -1;
	}
}

bool query_run(struct query *q, struct error *err)
{
	int got;
	do
		got = query_next(q, err);
	while (got > 0);
	return got == 0;
}

/* Whether the statement that just ran found the record that it was for. */
static bool found_it(const struct query *q, struct error *err)
{
	if (sqlite3_changes(q->state->db) == 1)
		return true;
	char why[64];
	snprintf(why, sizeof why, "a %s is missing", q->record);
	return damaged(q->state, err, why);
}

bool query_store(struct query *q, int64_t *id, struct error *err)
{
	if (*id != 0) {
		query_put_int(q, *id);
		return query_run(q, err) && found_it(q, err);
	}
	if (!query_run(q, err))
		return false;
	*id = sqlite3_last_insert_rowid(q->state->db);
	return true;
}

bool query_simple(struct state *state, enum query_name name, int64_t id, struct error *err)
{
	struct query q;
	if (!query_begin(&q, state, name, err))
		return false;
	if (sqlite3_bind_parameter_count(q.stmt) > 0)
		query_put_int(&q, id);
	return query_run(&q, err);
}

/* ---- seals ---- */

/* The type is part of the sum: NULL, "" and 0 are three values. */
static void add(struct query *q, int type, const void *data, size_t n)
{
	unsigned char tag = (unsigned char)type;
	uLong sum = crc32(q->sum, &tag, 1);
	q->sum = (uint32_t)(n == 0 ? sum : crc32_z(sum, data, n));
}

static void add_int(struct query *q, int64_t value)
{
	unsigned char octet[8];
	for (int i = 0; i < 8; i++)
		octet[i] = (unsigned char)((uint64_t)value >> (8 * i));
	add(q, SQLITE_INTEGER, octet, sizeof octet);
}

/* ---- putting ---- */

static void note(struct query *q, int rc)
{
	if (rc == SQLITE_NOMEM)
		die_out_of_memory();
	if (q->rc == SQLITE_OK)
		q->rc = rc;
}

void query_put_int(struct query *q, int64_t value)
{
	add_int(q, value);
	note(q, sqlite3_bind_int64(q->stmt, q->at++, value));
}

void query_put_null(struct query *q)
{
	add(q, SQLITE_NULL, NULL, 0);
	note(q, sqlite3_bind_null(q->stmt, q->at++));
}

void query_put_text(struct query *q, const char *text)
{
	if (text == NULL) {
		query_put_null(q);
		return;
	}
	size_t n = strlen(text);
	add(q, SQLITE_TEXT, text, n + 1);
	note(q, sqlite3_bind_text64(q->stmt, q->at++, text, n, SQLITE_STATIC, SQLITE_UTF8));
}

void query_put_identity(struct query *q, const struct identity *identity)
{
	if (!identity_known(identity)) {
		query_put_null(q);
		return;
	}
	add(q, SQLITE_BLOB, identity->octet, IDENTITY_SIZE);
	note(q, sqlite3_bind_blob(q->stmt, q->at++, identity->octet, IDENTITY_SIZE, SQLITE_STATIC));
}

void query_put_sum(struct query *q)
{
	note(q, sqlite3_bind_int64(q->stmt, q->at++, q->sum));
}

/* ---- taking ---- */

bool query_is_null(const struct query *q)
{
	return sqlite3_column_type(q->stmt, q->at) == SQLITE_NULL;
}

/* Whether the next column has ${type}; one that has not is passed over. */
static bool has_type(struct query *q, int type)
{
	if (sqlite3_column_type(q->stmt, q->at) == type)
		return true;
	q->damaged = true;
	q->at++;
	return false;
}

int64_t query_id(struct query *q)
{
	return has_type(q, SQLITE_INTEGER) ? sqlite3_column_int64(q->stmt, q->at++) : 0;
}

int64_t query_int(struct query *q)
{
	int64_t value = query_id(q);
	add_int(q, value);
	return value;
}

/* Take a NULL, if that is what comes next. */
static bool take_null(struct query *q)
{
	if (!query_is_null(q))
		return false;
	add(q, SQLITE_NULL, NULL, 0);
	q->at++;
	return true;
}

void query_expect_int(struct query *q, int64_t wanted)
{
	if (query_int(q) != wanted)
		q->damaged = true;
}

int64_t query_int_or(struct query *q, int64_t null)
{
	return take_null(q) ? null : query_int(q);
}

const char *query_some_text(struct query *q, struct arena *arena)
{
	if (!has_type(q, SQLITE_TEXT))
		return "";
	const char *text = (const char *)sqlite3_column_text(q->stmt, q->at);
	size_t n = (size_t)sqlite3_column_bytes(q->stmt, q->at++);
	if (text == NULL)
		die_out_of_memory();
	if (strlen(text) != n) {
		q->damaged = true;
		return "";
	}
	add(q, SQLITE_TEXT, text, n + 1);
	return arena == NULL ? text : arena_strndup(arena, text, n);
}

const char *query_text(struct query *q, struct arena *arena)
{
	return take_null(q) ? NULL : query_some_text(q, arena);
}

struct identity query_identity(struct query *q)
{
	struct identity identity = {{0}};
	if (take_null(q) || !has_type(q, SQLITE_BLOB))
		return identity;
	if (sqlite3_column_bytes(q->stmt, q->at) == IDENTITY_SIZE) {
		memcpy(identity.octet, sqlite3_column_blob(q->stmt, q->at), IDENTITY_SIZE);
		add(q, SQLITE_BLOB, identity.octet, IDENTITY_SIZE);
	} else {
		q->damaged = true;
	}
	q->at++;
	return identity;
}

bool query_sound(struct query *q, struct error *err)
{
	uint32_t sum = q->sum;
	if (query_id(q) == sum && !q->damaged)
		return true;
	char why[64];
	snprintf(why, sizeof why, "a %s does not match its sum", q->record);
	sqlite3_reset(q->stmt);
	return damaged(q->state, err, why);
}
