#include "archive/archive_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What to say for what SQLite says; anything else in its own words. */
struct reason {
	int code;
	const char *text;
};

static const struct reason reasons[] = {
	{SQLITE_BUSY, "another process is writing to it; try again when that has ended"},
	{SQLITE_LOCKED, "another process is writing to it; try again when that has ended"},
	{SQLITE_READONLY, "it cannot be written: make it, and its directory, writable to you"},
	{SQLITE_CORRUPT, "it is damaged; 'mailtwin verify' tells what of it is whole"},
	{SQLITE_NOTADB, "it is damaged at its head"},
	{SQLITE_TOOBIG, "it holds a value that is too large to be true: it is damaged"},
};

/* What SQLite only calls a "disk I/O error".  (Its sqlite3_system_errno() is whatever errno was
 * when the failure had been cleaned up after.) */
static const struct reason disk_failures[] = {
	{SQLITE_FULL, "the disk is full"},
	{SQLITE_IOERR_FSYNC, "it cannot be flushed to the disk"},
	{SQLITE_IOERR_DIR_FSYNC, "its directory cannot be flushed to the disk"},
	{SQLITE_IOERR_WRITE, "it cannot be written to the disk"},
	{SQLITE_IOERR_TRUNCATE, "its journal cannot be cut"},
	{SQLITE_IOERR_DELETE, "its journal cannot be removed"},
	{SQLITE_IOERR_READ, "it cannot be read from the disk"},
	{SQLITE_IOERR_LOCK, "it cannot be locked"},
};

const char *sql_reason(sqlite3 *db)
{
	int code = sqlite3_extended_errcode(db);
	for (size_t i = 0; i < sizeof disk_failures / sizeof *disk_failures; i++)
		if (disk_failures[i].code == code)
			return disk_failures[i].text;
	return sqlite3_errmsg(db);
}

int sql_read_error(sqlite3 *db)
{
	sqlite3_file *journal = NULL;
	int error = 0;
	if (sqlite3_errcode(db) != SQLITE_CORRUPT)
		return 0;
	sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal);
	if (error == 0 && journal != NULL && journal->pMethods != NULL)
		journal->pMethods->xFileControl(journal, SQLITE_FCNTL_LAST_ERRNO, &error);
	return error;
}

bool sql_failed(struct archive *archive, struct error *err)
{
	int code = sqlite3_errcode(archive->db) & 0xff, error = sql_read_error(archive->db);
	if (code == SQLITE_NOMEM)
		die_out_of_memory();
	if (error != 0) {
		errno = error;
		return error_errno(err, ERROR_STORE, "cannot read the archive '%s'", archive->path);
	}
	const char *why = sql_reason(archive->db);
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].code == code)
			why = reasons[i].text;
	return error_set(err, ERROR_STORE, CAUSE_LOCAL, "the archive '%s': %s", archive->path, why);
}

bool sql_damaged(struct archive *archive, const char *what, struct error *err)
{
	return error_set(err, ERROR_STORE, CAUSE_LOCAL,
		"the archive '%s' is damaged: %s; 'mailtwin verify' tells what of it is whole",
		archive->path, what);
}

/* ---- statements ---- */

static struct statement *find(struct archive *archive, const char *text)
{
	for (size_t i = 0; i < archive->statements; i++)
		if (archive->statement[i].text == text)
			return &archive->statement[i];
	if (archive->statements == archive->statements_cap) {
		archive->statements_cap = archive->statements_cap * 2 + 16;
		archive->statement = realloc(
			archive->statement, archive->statements_cap * sizeof *archive->statement);
		if (archive->statement == NULL)
			die_out_of_memory();
	}
	struct statement *made = &archive->statement[archive->statements++];
	*made = (struct statement){text, NULL};
	return made;
}

bool sql_begin(struct sql *q, struct archive *archive, const char *text, struct error *err)
{
	struct statement *s = find(archive, text);
	*q = (struct sql){.archive = archive, .at = 1};
	if (s->stmt == NULL && sqlite3_prepare_v3(archive->db, text, -1, SQLITE_PREPARE_PERSISTENT,
				       &s->stmt, NULL) != SQLITE_OK)
		return sql_failed(archive, err);
	q->stmt = s->stmt;
	sqlite3_reset(q->stmt);
	return true;
}

void sql_end(struct sql *q)
{
	if (q->stmt != NULL)
		sqlite3_reset(q->stmt);
}

int sql_next(struct sql *q, struct error *err)
{
	int rc = q->rc != SQLITE_OK ? q->rc : sqlite3_step(q->stmt);
	q->at = 0;
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		sql_failed(q->archive, err);
	sqlite3_reset(q->stmt);
	return rc == SQLITE_DONE ? 0 : -1;
}

bool sql_run(struct sql *q, struct error *err)
{
	int got = sql_next(q, err);
	if (got > 0)
		sqlite3_reset(q->stmt);
	return got >= 0;
}

int sql_one(
	struct archive *archive, const char *text, int64_t id, int64_t *value, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive, text, err))
		return -1;
	if (sqlite3_bind_parameter_count(q.stmt) > 0)
		sql_put_int(&q, id);
	int got = sql_next(&q, err);
	if (got > 0) {
		*value = sql_int(&q);
		sql_end(&q);
	}
	return got;
}

bool sql_exec(struct archive *archive, const char *text, struct error *err)
{
	return sqlite3_exec(archive->db, text, NULL, NULL, NULL) == SQLITE_OK ||
	       sql_failed(archive, err);
}

/* ---- putting ---- */

static void note(struct sql *q, int rc)
{
	if (rc == SQLITE_NOMEM)
		die_out_of_memory();
	if (q->rc == SQLITE_OK)
		q->rc = rc;
}

void sql_put_int(struct sql *q, int64_t value)
{
	note(q, sqlite3_bind_int64(q->stmt, q->at++, value));
}

void sql_put_int_or(struct sql *q, int64_t value, int64_t null)
{
	if (value == null)
		note(q, sqlite3_bind_null(q->stmt, q->at++));
	else
		sql_put_int(q, value);
}

void sql_put_text(struct sql *q, const char *text)
{
	if (text == NULL)
		note(q, sqlite3_bind_null(q->stmt, q->at++));
	else
		note(q, sqlite3_bind_text64(
				q->stmt, q->at++, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8));
}

void sql_put_blob(struct sql *q, const void *data, size_t n)
{
	note(q, sqlite3_bind_blob64(q->stmt, q->at++, data, n, SQLITE_STATIC));
}

/* ---- taking ---- */

int64_t sql_int_or(struct sql *q, int64_t null)
{
	if (sqlite3_column_type(q->stmt, q->at) == SQLITE_NULL) {
		q->at++;
		return null;
	}
	return sql_int(q);
}

int64_t sql_int(struct sql *q)
{
	q->damaged |= sqlite3_column_type(q->stmt, q->at) != SQLITE_INTEGER;
	return sqlite3_column_int64(q->stmt, q->at++);
}

const char *sql_text(struct sql *q, struct arena *arena)
{
	int at = q->at++;
	int type = sqlite3_column_type(q->stmt, at);
	if (type == SQLITE_NULL)
		return NULL;
	if (type != SQLITE_TEXT) {
		q->damaged = true;
		return "";
	}
	const char *text = (const char *)sqlite3_column_text(q->stmt, at);
	if (text == NULL)
		die_out_of_memory();
	q->damaged |= strlen(text) != (size_t)sqlite3_column_bytes(q->stmt, at);
	return arena == NULL ? text : arena_strdup(arena, text);
}

const void *sql_blob(struct sql *q, size_t *n)
{
	int at = q->at++;
	*n = 0;
	if (sqlite3_column_type(q->stmt, at) != SQLITE_BLOB) {
		q->damaged = true;
		return "";
	}
	const void *data = sqlite3_column_blob(q->stmt, at);
	*n = (size_t)sqlite3_column_bytes(q->stmt, at);
	return data != NULL ? data : "";
}
