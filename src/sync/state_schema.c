#include "sync/state_private.h"

#include <stdio.h>
#include <string.h>

/*
 * The tables.  Every one ends in `sum`, the seal of the record (see state_query.c).  A pair of
 * columns _left and _right is one array of two in the struct of the same name.
 *
 * A million rows are the case to think of: what is mostly the same is NULL (flags_right: as
 * flags_left; identities that were never read), and the indexes on keys leave out what has none.
 * Keys are not unique: while a mailbox gets new UIDs, a row may still have the number that another
 * one just got.
 */
struct object {
	const char *type, *name, *sql;
};

static const struct object objects[] = {
	/* in the order of their names, which is the order in which they are checked */
	{"table", "facts",
		"CREATE TABLE facts (id INTEGER PRIMARY KEY, world_left TEXT, world_right TEXT,"
		" run INTEGER, random TEXT, newer_limit INTEGER, older_limit INTEGER, sum "
		"INTEGER)"},
	{"table", "hint",
		"CREATE TABLE hint (key TEXT PRIMARY KEY, value TEXT, sum INTEGER) WITHOUT ROWID"},
	{"table", "intent",
		"CREATE TABLE intent (id INTEGER PRIMARY KEY, twin INTEGER, side INTEGER,"
		" source TEXT, key TEXT, epoch TEXT, next TEXT, identity BLOB, sum INTEGER)"},
	{"index", "intent_twin", "CREATE INDEX intent_twin ON intent (twin)"},
	{"table", "row",
		"CREATE TABLE row (id INTEGER PRIMARY KEY, twin INTEGER, key_left TEXT,"
		" key_right TEXT, flags_left TEXT, flags_right TEXT, bits INTEGER, refused INTEGER,"
		" identity BLOB, digest BLOB, size INTEGER, received INTEGER, sum INTEGER)"},
	{"index", "row_halves",
		"CREATE INDEX row_halves ON row (twin)"
		" WHERE key_left IS NULL OR key_right IS NULL OR bits & 3"},
	{"index", "row_left",
		"CREATE INDEX row_left ON row (twin, key_left) WHERE key_left IS NOT NULL"},
	{"index", "row_received", "CREATE INDEX row_received ON row (twin, received)"},
	{"index", "row_right",
		"CREATE INDEX row_right ON row (twin, key_right) WHERE key_right IS NOT NULL"},
	{"table", "run",
		"CREATE TABLE run (number INTEGER PRIMARY KEY, began INTEGER, ended INTEGER,"
		" exit INTEGER, summary TEXT, sum INTEGER)"},
	{"table", "twin",
		"CREATE TABLE twin (id INTEGER PRIMARY KEY, name_left TEXT, name_right TEXT,"
		" mailbox_left TEXT, mailbox_right TEXT, epoch_left TEXT, epoch_right TEXT,"
		" cursor_left TEXT, cursor_right TEXT, next_left TEXT, next_right TEXT,"
		" total_left INTEGER, total_right INTEGER, pairs INTEGER, retry INTEGER,"
		" sum INTEGER)"},
};

#define OBJECTS (sizeof objects / sizeof *objects)

/* ---- what SQLite may do ---- */

struct limit {
	int id, value;
};

static const struct limit limits[] = {
	/* a value larger than this is none of ours: the flags of one message with ten thousand
	 * keywords of a thousand octets still fit */
	{SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024},
	{SQLITE_LIMIT_SQL_LENGTH, 16 * 1024}, /* the longest statement of ours is 1 KiB */
	{SQLITE_LIMIT_ATTACHED, 0},	      /* one file is one state */
	{SQLITE_LIMIT_WORKER_THREADS, 0},     /* threads are the conductor's business */
};

static const struct limit settings[] = {
	{SQLITE_DBCONFIG_DEFENSIVE, 1},
	{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
	{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
	{SQLITE_DBCONFIG_ENABLE_VIEW, 0},
	{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
	{SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
	{SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
};

bool state_schema_harden(sqlite3 *db)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		sqlite3_limit(db, limits[i].id, limits[i].value);
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (sqlite3_db_config(db, settings[i].id, settings[i].value, (int *)NULL) !=
			SQLITE_OK)
			return false;
	return true;
}

/* ---- making and checking ---- */

bool state_schema_make(struct state *state, struct error *err)
{
	char mark[96];
	snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d",
		STATE_APPLICATION, STATE_VERSION);
	if (sqlite3_exec(state->db, mark, NULL, NULL, NULL) != SQLITE_OK)
		return query_failed(state, err);
	for (size_t i = 0; i < OBJECTS; i++)
		if (sqlite3_exec(state->db, objects[i].sql, NULL, NULL, NULL) != SQLITE_OK)
			return query_failed(state, err);
	return true;
}

static bool is_object(sqlite3_stmt *stmt, const struct object *object)
{
	const char *const wanted[] = {object->type, object->name, object->sql};
	for (int i = 0; i < 3; i++) {
		const unsigned char *found = sqlite3_column_text(stmt, i);
		if (found == NULL || strcmp((const char *)found, wanted[i]) != 0)
			return false;
	}
	return true;
}

/* Not one of the statements that are kept: it is run once, before any of those can be. */
bool state_schema_check(struct state *state, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	if (sqlite3_prepare_v2(state->db, "SELECT type, name, sql FROM sqlite_master ORDER BY name",
		    -1, &stmt, NULL) != SQLITE_OK)
		return query_failed(state, err);
	size_t n = 0;
	int rc = sqlite3_step(stmt);
	for (; rc == SQLITE_ROW && n < OBJECTS && is_object(stmt, &objects[n]); n++)
		rc = sqlite3_step(stmt);
	bool ok = rc == SQLITE_DONE && n == OBJECTS;
	if (!ok && rc != SQLITE_ROW && rc != SQLITE_DONE)
		query_failed(state, err);
	else if (!ok)
		state_file_refuse(err, state->path, "does not have the tables of a state");
	sqlite3_finalize(stmt);
	return ok;
}
