#include "archive/archive_private.h"

#include <stdio.h>
#include <string.h>

/*
 * Every table and index, in order of name; doc/FORMAT.md says what they hold.
 *
 * "last" NULL, or "taken" NULL, is "still" and "not yet".
 */
struct object {
	const char *name;
	const char *sql;
};

static const struct object objects[] = {
	{"about", "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"},
	{"header", "CREATE TABLE header (message INTEGER PRIMARY KEY, date INTEGER, \"from\" TEXT,"
		   " \"to\" TEXT, cc TEXT, subject TEXT, message_id TEXT)"},
	{"mailbox", "CREATE TABLE mailbox (id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER,"
		    " messages INTEGER, changes INTEGER, changed INTEGER, before INTEGER,"
		    " \"check\" INTEGER)"},
	{"mailbox_name",
		"CREATE TABLE mailbox_name (id INTEGER PRIMARY KEY, mailbox INTEGER, name TEXT,"
		" use INTEGER, subscribed INTEGER, first INTEGER, last INTEGER,"
		" \"check\" INTEGER)"},
	{"mailbox_name_mailbox",
		"CREATE INDEX mailbox_name_mailbox ON mailbox_name (mailbox, first)"},
	{"mailbox_source", "CREATE INDEX mailbox_source ON mailbox (source)"},
	{"message", "CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB,"
		    " size INTEGER, parts INTEGER)"},
	{"message_digest",
		"CREATE UNIQUE INDEX message_digest ON message (digest) WHERE digest IS NOT NULL"},
	{"message_unfinished",
		"CREATE INDEX message_unfinished ON message (id) WHERE digest IS NULL"},
	{"pair", "CREATE TABLE pair (name TEXT PRIMARY KEY, run INTEGER) WITHOUT ROWID"},
	{"part", "CREATE TABLE part (id INTEGER PRIMARY KEY, data BLOB)"},
	{"placement", "CREATE TABLE placement (id INTEGER PRIMARY KEY AUTOINCREMENT, item INTEGER,"
		      " mailbox INTEGER, message INTEGER, flags INTEGER, keywords TEXT,"
		      " received INTEGER, zone INTEGER, uid TEXT, first INTEGER, last INTEGER,"
		      " \"check\" INTEGER)"},
	{"placement_empty", "CREATE INDEX placement_empty ON placement (first) WHERE last < first"},
	{"placement_mailbox",
		"CREATE INDEX placement_mailbox ON placement (mailbox, item, first, last)"},
	{"placement_message", "CREATE INDEX placement_message ON placement (message)"},
	{"snapshot", "CREATE TABLE snapshot (id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER,"
		     " taken INTEGER, messages INTEGER, bytes INTEGER, came INTEGER, went INTEGER,"
		     " changed INTEGER, note TEXT, sum INTEGER, \"check\" INTEGER)"},
	{"snapshot_source", "CREATE INDEX snapshot_source ON snapshot (source, id)"},
	{"source", "CREATE TABLE source (id INTEGER PRIMARY KEY, world TEXT, name TEXT,"
		   " \"check\" INTEGER)"},
	{"words", "CREATE VIRTUAL TABLE words USING fts5(\"from\", \"to\", cc, subject,"
		  " content='header', content_rowid='message',"
		  " tokenize='unicode61 remove_diacritics 2')"},
};

#define OBJECTS (sizeof objects / sizeof *objects)

/* ---- what SQLite may do ---- */

struct limit {
	int id, value;
};

static const struct limit limits[] = {
	/* a part is at most 1 MiB before compression, and nothing else comes near */
	{SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024},
	{SQLITE_LIMIT_SQL_LENGTH, 64 * 1024}, /* full-text queries are written by people */
	{SQLITE_LIMIT_WORKER_THREADS, 0},     /* threads are the caller's business */
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

bool archive_schema_harden(sqlite3 *db)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		sqlite3_limit(db, limits[i].id, limits[i].value);
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (sqlite3_db_config(db, settings[i].id, settings[i].value, (int *)NULL) !=
			SQLITE_OK)
			return false;
	return true;
}

/* ---- making ---- */

/* What a person finds who opens the file in thirty years, with nothing but SQLite at hand. */
static const char about[] =
	"INSERT INTO about VALUES"
	" ('format', 'mailtwin archive 1'),"
	" ('id', lower(hex(randomblob(16)))),"
	" ('what', 'Mailboxes as they were at the moment of each snapshot.'),"
	" ('messages', 'The bytes of message M are its parts 0 to message.parts - 1 put together;"
	" part n is the row of part whose id is M * 65536 + n, its data a zlib stream (RFC 1950)."
	" message.digest is the SHA-256 of these bytes, message.size their number.'),"
	" ('snapshots', 'Snapshot N of source S (snapshot.source) shows each row of placement and"
	" mailbox_name, of the mailboxes with mailbox.source = S, in which first <= N and (last IS"
	" NULL or last >= N). A snapshot whose taken is NULL was never finished.'),"
	" ('fields', 'flags: 1 Seen, 2 Answered, 4 Flagged, 8 Deleted, 16 Draft. received and "
	"taken:"
	" seconds since 1970 UTC. zone: minutes east of UTC. Names of mailboxes are UTF-8 with /"
	" between levels.'),"
	" ('more', 'header and words only serve searching and can be made again from the messages."
	" mailtwin describes all of it in doc/FORMAT.md.')";

bool archive_schema_make(struct archive *archive, struct error *err)
{
	char mark[96];
	snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d",
		ARCHIVE_APPLICATION, ARCHIVE_VERSION);
	if (!sql_exec(archive, mark, err))
		return false;
	for (size_t i = 0; i < OBJECTS; i++)
		if (!sql_exec(archive, objects[i].sql, err))
			return false;
	return sql_exec(archive, about, err);
}

/* ---- checking ---- */

/* What SQLite makes by itself, beside AUTOINCREMENT and for the full-text index. */
static bool is_inner(const char *name)
{
	return strncmp(name, "sqlite_", 7) == 0 || strcmp(name, "words_config") == 0 ||
	       strcmp(name, "words_data") == 0 || strcmp(name, "words_docsize") == 0 ||
	       strcmp(name, "words_idx") == 0;
}

bool archive_schema_check(struct archive *archive, struct error *err)
{
	struct sql q;
	size_t n = 0;
	int got;
	bool ok = true;
	if (!sql_begin(&q, archive, "SELECT name, sql FROM sqlite_master ORDER BY name", err))
		return false;
	while ((got = sql_next(&q, err)) > 0) {
		const char *name = sql_text(&q, NULL);
		const char *sql = sql_text(&q, NULL);
		if (name != NULL && is_inner(name))
			continue;
		ok = ok && n < OBJECTS && name != NULL && sql != NULL &&
		     strcmp(name, objects[n].name) == 0 && strcmp(sql, objects[n].sql) == 0;
		n++;
	}
	if (got < 0)
		return false;
	return (ok && n == OBJECTS) ||
	       sql_damaged(archive, "it does not have the tables of an archive", err);
}
