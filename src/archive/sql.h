#ifndef MAILTWIN_ARCHIVE_SQL_H
#define MAILTWIN_ARCHIVE_SQL_H

#include <sqlite3.h>

#include "archive/archive.h"

/*
 * Statements over an archive: prepared once for each text, values put in and taken out one after
 * the other, in the statement's order.
 *
 *	struct sql q;
 *	if (!sql_begin(&q, archive, "SELECT size FROM message WHERE id = ?", err))
 *		return false;
 *	sql_put_int(&q, id);
 *	while ((got = sql_next(&q, err)) > 0)
 *		size = sql_int(&q);
 *
 * Statements of one text share one preparation: one of them at a time may be under way.
 */
struct sql {
	struct archive *archive;
	sqlite3_stmt *stmt;
	int at;	      /* the next parameter or column */
	int rc;	      /* of the first value that could not be put */
	bool damaged; /* a column was not of its type */
};

/* sql_begin(q, archive, text, err): ${text} must live as long as the archive: a literal. */
bool sql_begin(struct sql *q, struct archive *archive, const char *text, struct error *err);

/* Put the next value; text and octets must live until the statement ran; NULL is NULL. */
void sql_put_int(struct sql *q, int64_t value);
void sql_put_int_or(struct sql *q, int64_t value, int64_t null); /* ${null} is NULL */
void sql_put_text(struct sql *q, const char *text);
void sql_put_blob(struct sql *q, const void *data, size_t n);

/* sql_next(q, err): the next row: 1; 0 = no more; -1.  After 0 and -1 ${q} is at its end.
 * sql_run(q, err): run a statement that yields nothing, to its end.  sql_end(q): stop early. */
int sql_next(struct sql *q, struct error *err);
bool sql_run(struct sql *q, struct error *err);
void sql_end(struct sql *q);

/* Take the next column; NULL is ${null}, or NULL.  What is of another type is damage: 0, "", no
 * octets.  Text goes to ${arena}, or with NULL is lent until the next sql_next(); octets are. */
int64_t sql_int(struct sql *q);
int64_t sql_int_or(struct sql *q, int64_t null);
const char *sql_text(struct sql *q, struct arena *arena);
const void *sql_blob(struct sql *q, size_t *n);

/* sql_one(archive, text, id, value, err): the only number that ${text}, whose only value is ${id},
 * yields: 1; 0 = no row, ${*value} as it was; -1. */
int sql_one(
	struct archive *archive, const char *text, int64_t id, int64_t *value, struct error *err);

/* sql_exec(archive, text, err): statements without values. */
bool sql_exec(struct archive *archive, const char *text, struct error *err);

/* sql_failed(archive, err): say why SQLite refused what it was last asked.  Always false.
 * sql_damaged(archive, what, err): the same for rows that make no sense. */
bool sql_failed(struct archive *archive, struct error *err);
bool sql_damaged(struct archive *archive, const char *what, struct error *err);

/*
 * sql_read_error(db): where SQLite just called ${db} damaged because the disk did not give it what
 * it wanted to read, errno of that; 0 where what was read is damaged.  It makes SQLITE_CORRUPT of
 * EIO, and who is told to throw a file away should be told so for what it holds.
 *
 * sql_reason(db): what failed when ${db} was last asked, to stand behind its name and a colon; lent
 * until it is asked again.
 */
int sql_read_error(sqlite3 *db);
const char *sql_reason(sqlite3 *db);

#endif
