#ifndef MAILTWIN_SYNC_STATE_PRIVATE_H
#define MAILTWIN_SYNC_STATE_PRIVATE_H

#include <sqlite3.h>

#include "base/buffer.h"
#include "sync/state.h"

/*
 * What the files of the state share.
 *
 *   state.c         open, close, transactions
 *   state_file.c    which file it is, its directory, its lock, and whether it may be trusted
 *   state_schema.c  its tables: made, and checked against what they were made as
 *   state_query.c   statements: prepared once, records sealed with a sum
 *   state_facts.c   facts, hints and runs
 *   state_twins.c   pairs of mailboxes and begun copies
 *   state_rows.c    messages
 */

/* Every statement, by name; the text of each is in state_query.c. */
enum query_name {
	QUERY_BEGIN,
	QUERY_COMMIT,
	QUERY_ROLLBACK,
	QUERY_FACTS,
	QUERY_PUT_FACTS,
	QUERY_HINT,
	QUERY_PUT_HINT,
	QUERY_DROP_HINT,
	QUERY_LAST_RUN,
	QUERY_PUT_RUN,
	QUERY_DROP_RUNS,
	QUERY_TWINS,
	QUERY_ADD_TWIN,
	QUERY_SET_TWIN,
	QUERY_DROP_TWIN,
	QUERY_INTENTS,
	QUERY_ADD_INTENT,
	QUERY_SET_INTENT,
	QUERY_DROP_INTENT,
	QUERY_DROP_INTENTS,
	QUERY_DROP_TWIN_INTENTS,
	QUERY_ROWS,
	QUERY_ROW,
	QUERY_IDS_LEFT,
	QUERY_IDS_RIGHT,
	QUERY_IDS_HALVES,
	QUERY_ROWS_DATED,
	QUERY_ROWS_FROM_LEFT,
	QUERY_ROWS_FROM_RIGHT,
	QUERY_ADD_ROW,
	QUERY_SET_ROW,
	QUERY_DROP_ROW,
	QUERY_DROP_TWIN_ROWS,
	QUERIES
};

struct state {
	sqlite3 *db;
	struct arena *arena; /* of the names below */
	const char *path;    /* without symlinks above the last name */
	const char *lock_path;
	int lock;		/* descriptor; -1: not locked */
	bool within;		/* a transaction is open, as far as the caller knows */
	bool failed;		/* one failed: ids that were given in it are no one's */
	struct buffer flags[2]; /* the text of sets of flags on their way in */
	sqlite3_stmt *statement[QUERIES];
};

/* ---- state.c ---- */

/* state_failed_before(state, err): say that nothing is written any more.  Always false. */
bool state_failed_before(const struct state *state, struct error *err);

/* state_takes_writes(state, err): whether all that was written so far is there: what came after a
 * transaction that SQLite gave up would be a transaction by itself, and count on what is not. */
bool state_takes_writes(struct state *state, struct error *err);

/* ---- state_file.c ---- */

/*
 * state_file_refuse(err, path, why): the one sentence about a state that cannot be used, with what
 * a person can do about it.  Always false.
 */
bool state_file_refuse(struct error *err, const char *path, const char *why);

/* state_file_directory(path, make, arena, missing, err): the directory of ${path} without symlinks,
 * on ${arena}; made where it is missing with ${make}.  NULL with ${*missing}: it is not there. */
const char *state_file_directory(
	const char *path, bool make, struct arena *arena, bool *missing, struct error *err);

/* state_file_lock(state, wait, err), state_file_unlock(state): the lock of the pair. */
bool state_file_lock(struct state *state, unsigned wait, struct error *err);
void state_file_unlock(struct state *state);

/*
 * state_file_check(path, missing, err): whether ${path} is a file that may be opened as a state: a
 * regular one, the user's own, made by this program in a version that this one knows.  ${*missing}:
 * it is not there, and that is no failure.
 */
bool state_file_check(const char *path, bool *missing, struct error *err);

/* state_file_publish(made, path, err): give the new database ${made} the name ${path}, which must
 * be free, durably. */
bool state_file_publish(const char *made, const char *path, struct error *err);

/* state_file_clear_beside(path): remove what SQLite keeps beside a database, which is gone. */
void state_file_clear_beside(const char *path);

/* ---- state_schema.c ---- */

#define STATE_APPLICATION 0x6d74776e /* "mtwn", at octet 68 of the file */
#define STATE_VERSION	  1	     /* at octet 60; raised with every change of the tables */

/* state_schema_harden(db): take from SQLite what a database of strangers could make use of. */
bool state_schema_harden(sqlite3 *db);

/* state_schema_make(state, err): the tables, in an empty database. */
bool state_schema_make(struct state *state, struct error *err);

/* state_schema_check(state, err): whether the database has the tables that state_schema_make()
 * makes, to the letter, and nothing else. */
bool state_schema_check(struct state *state, struct error *err);

/* ---- state_facts.c ---- */

/* state_facts_make(state, err): the first facts of a new state. */
bool state_facts_make(struct state *state, struct error *err);

/* ---- state_query.c ---- */

/*
 * One run of one statement.  Values are put in, and taken out, one after the other, in the
 * statement's order.
 *
 * A record is sealed: its last column is a sum over all that were put before it (those after it,
 * like an id, are no part).  Who reads a record takes the same columns in the same order and asks
 * query_sound() at the end.  So a run notices damage in whatever it uses, at the cost of some
 * nanoseconds a record, where SQLite's own check would read the whole file each time.
 */
struct query {
	struct state *state;
	sqlite3_stmt *stmt;
	const char *record; /* what it reads or writes, for messages and as the seed of the sum */
	int at;		    /* the next parameter or column */
	int rc;		    /* of the first value that could not be put */
	uint32_t sum;
	bool damaged; /* a column was not of its type */
};

/* query_begin(q, state, name, err): make ${q} ready for values. */
bool query_begin(struct query *q, struct state *state, enum query_name name, struct error *err);

/* Put the next value; text and octets must live until the statement ran; NULL is NULL. */
void query_put_int(struct query *q, int64_t value);
void query_put_text(struct query *q, const char *text);
void query_put_identity(struct query *q, const struct identity *identity); /* unknown is NULL */
void query_put_null(struct query *q);
void query_put_sum(struct query *q);

/* query_next(q, err): the next record: 1; 0 = no more; -1.  After 0 and -1 ${q} is at its end. */
int query_next(struct query *q, struct error *err);

/* query_run(q, err): run a statement that yields nothing, to its end. */
bool query_run(struct query *q, struct error *err);

/* query_store(q, id, err): run a statement that adds a record, and learn its ${*id}; or with an
 * ${*id} that is not 0, which is put last, one that sets that record: it must be there. */
bool query_store(struct query *q, int64_t *id, struct error *err);

/* query_end(q): stop before the last record. */
void query_end(struct query *q);

/* Take the next column; text goes to ${arena} (NULL: lent until query_next()), and is NULL for
 * NULL. */
int64_t query_id(struct query *q); /* outside the seal: it was not known when that was made */
int64_t query_int(struct query *q);
int64_t query_int_or(struct query *q, int64_t null);
void query_expect_int(struct query *q, int64_t wanted); /* anything else is damage */
const char *query_text(struct query *q, struct arena *arena);
const char *query_some_text(struct query *q, struct arena *arena); /* never NULL */
struct identity query_identity(struct query *q);

/* query_is_null(q): whether the next column is NULL; takes nothing. */
bool query_is_null(const struct query *q);

/* query_sound(q, err): take the sum: whether every column was of its type and the seal unbroken.
 * If not, ${q} is at its end. */
bool query_sound(struct query *q, struct error *err);

/* query_simple(state, name, id, err): run a statement whose only value, if it has one, is ${id}. */
bool query_simple(struct state *state, enum query_name name, int64_t id, struct error *err);

/* query_failed(state, err): say why SQLite refused what it was last asked.  Always false. */
bool query_failed(const struct state *state, struct error *err);

#endif
