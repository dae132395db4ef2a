#include "sync/state_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/*
 * The journal.
 *
 * A rollback journal that is truncated, not a write-ahead log: a reader (diff, status) then never
 * has to make a file, a log that lies beside the database is known to be another program's, and
 * network file systems can hold it (a log needs shared memory).  The price is four flushes a
 * transaction instead of one; with one transaction a chunk of some hundred messages that is 2 ms
 * against 1 ms.  TRUNCATE flushes the empty journal too, so a transaction cannot come undone by a
 * power cut after commit; DELETE would need synchronous=EXTRA for that.  state_close() removes the
 * journal.
 */
#define JOURNAL	   "PRAGMA journal_mode = TRUNCATE;"
#define NO_JOURNAL "PRAGMA journal_mode = DELETE;"
#define READ_ONLY  "PRAGMA query_only = ON;"

/* No mapped pages: a file that is cut while it is read would end the program (SIGBUS).  No
 * temporary files: their directory may be full, or others'. */
#define SETTINGS \
	"PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;" \
	"PRAGMA temp_store = MEMORY;"

/* Limits. */
#define BUSY_MS	   10000 /* a reader holds the database for as long as one statement takes */
#define FLAGS_ROOM ((size_t)16 * 1024 * 1024) /* as SQLITE_LIMIT_LENGTH (state_schema.c) */

static bool run(struct state *state, const char *sql, struct error *err)
{
	return sqlite3_exec(state->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
	       query_failed(state, err);
}

/* ---- connecting ---- */

static bool connect_to(struct state *state, const char *file, int mode, struct error *err)
{
	int rc = sqlite3_open_v2(
		file, &state->db, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
	if (state->db == NULL)
		die_out_of_memory();
	if (rc != SQLITE_OK)
		return query_failed(state, err);
	sqlite3_busy_timeout(state->db, BUSY_MS);
	return state_schema_harden(state->db) || query_failed(state, err);
}

static void disconnect(struct state *state)
{
	for (size_t i = 0; i < QUERIES; i++) {
		sqlite3_finalize(state->statement[i]);
		state->statement[i] = NULL;
	}
	sqlite3_close(state->db);
	state->db = NULL;
	state->within = false;
}

static bool fill(struct state *state, struct error *err)
{
	return state_begin(state, err) && state_schema_make(state, err) &&
	       state_facts_make(state, err) && state_commit(state, err);
}

/* Made under another name: a state that has its name is whole, whenever the program was stopped. */
static bool make(struct state *state, struct error *err)
{
	const char *made = arena_printf(state->arena, "%s.new", state->path);
	unlink(made);
	state_file_clear_beside(made);
	int fd = file_create(AT_FDCWD, made);
	if (fd < 0)
		return error_errno(err, ERROR_STORE, "cannot make the state '%s'", made);
	close(fd);
	bool ok = connect_to(state, made, SQLITE_OPEN_READWRITE, err) &&
		  run(state, SETTINGS, err) && fill(state, err);
	disconnect(state);
	if (ok && state_file_publish(made, state->path, err))
		return true;
	unlink(made);
	return false;
}

/* ---- opening ---- */

static bool find(
	struct state *state, const char *path, bool make_it, bool *missing, struct error *err)
{
	const char *name = strrchr(path, '/');
	const char *directory = state_file_directory(path, make_it, state->arena, missing, err);
	state->path = path;
	if (directory == NULL)
		return false;
	state->path =
		arena_printf(state->arena, "%s/%s", directory, name == NULL ? path : name + 1);
	state->lock_path = arena_printf(state->arena, "%s.lock", state->path);
	return true;
}

static bool may_write(const struct state *state, struct error *err)
{
	return sqlite3_db_readonly(state->db, "main") == 0 ||
	       state_file_refuse(err, state->path, "cannot be written: make it writable to you");
}

static bool open_to_write(
	struct state *state, const char *path, unsigned wait, bool *fresh, struct error *err)
{
	bool missing;
	return find(state, path, true, &missing, err) && state_file_lock(state, wait, err) &&
	       state_file_check(state->path, fresh, err) && (!*fresh || make(state, err)) &&
	       connect_to(state, state->path, SQLITE_OPEN_READWRITE, err) &&
	       may_write(state, err) && run(state, SETTINGS JOURNAL, err) &&
	       state_schema_check(state, err);
}

static bool open_in_memory(struct state *state, struct error *err)
{
	state->path = ":memory:";
	return connect_to(state, state->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, err) &&
	       run(state, SETTINGS, err) && fill(state, err);
}

static bool open_empty(struct state *state, struct error *err)
{
	return open_in_memory(state, err) && run(state, READ_ONLY, err);
}

/*
 * A run that was killed in mid commit leaves a journal, and until it is played back nobody can
 * read.  SQLite does that by itself where it may write; all it writes is what was there before.
 */
static bool needs_recovery(const struct state *state)
{
	sqlite3_exec(state->db, "PRAGMA schema_version", NULL, NULL, NULL); /* any that reads */
	return sqlite3_extended_errcode(state->db) == SQLITE_READONLY_ROLLBACK;
}

static bool open_existing(struct state *state, struct error *err)
{
	if (!connect_to(state, state->path, SQLITE_OPEN_READONLY, err))
		return false;
	if (needs_recovery(state)) {
		disconnect(state);
		if (!connect_to(state, state->path, SQLITE_OPEN_READWRITE, err))
			return false;
	}
	return run(state, SETTINGS READ_ONLY, err) && state_schema_check(state, err);
}

static bool open_to_read(struct state *state, const char *path, bool *fresh, struct error *err)
{
	bool found = find(state, path, false, fresh, err);
	if (!found && !*fresh)
		return false;
	if (found && !state_file_check(state->path, fresh, err))
		return false;
	return *fresh ? open_empty(state, err) : open_existing(state, err);
}

struct state *state_open(
	const char *path, enum state_use use, unsigned wait, bool *fresh, struct error *err)
{
	struct state *state = calloc(1, sizeof *state);
	if (state == NULL)
		die_out_of_memory();
	state->arena = arena_new();
	state->lock = -1;
	buffer_init(&state->flags[LEFT], FLAGS_ROOM);
	buffer_init(&state->flags[RIGHT], FLAGS_ROOM);
	bool ignored, *was_missing = fresh == NULL ? &ignored : fresh;
	*was_missing = false;
	bool ok = use == STATE_READ	? open_to_read(state, path, was_missing, err)
		  : use == STATE_MEMORY ? open_in_memory(state, err)
					: open_to_write(state, path, wait, was_missing, err);
	if (ok)
		return state;
	state_close(state);
	return NULL;
}

void state_close(struct state *state)
{
	if (state == NULL)
		return;
	state_rollback(state);
	if (state->lock >= 0 && state->db != NULL)
		sqlite3_exec(state->db, NO_JOURNAL, NULL, NULL, NULL);
	disconnect(state);
	state_file_unlock(state);
	buffer_finish(&state->flags[LEFT]);
	buffer_finish(&state->flags[RIGHT]);
	arena_free(state->arena);
	free(state);
}

/* ---- transactions ---- */

/* A write in the transaction failed, and SQLite ended it with that. */
static bool was_ended(const struct state *state)
{
	return state->within && sqlite3_get_autocommit(state->db) != 0;
}

bool state_failed_before(const struct state *state, struct error *err)
{
	return error_set(err, ERROR_STORE, CAUSE_LOCAL,
		"cannot write the state '%s': an earlier write to it failed", state->path);
}

static bool refuse(struct state *state, struct error *err)
{
	state->within = false;
	state->failed = true;
	return state_failed_before(state, err);
}

bool state_takes_writes(struct state *state, struct error *err)
{
	return !(state->failed || was_ended(state)) || refuse(state, err);
}

bool state_begin(struct state *state, struct error *err)
{
	if (!state_takes_writes(state, err))
		return false;
	if (!state->within)
		state->within = query_simple(state, QUERY_BEGIN, 0, err);
	return state->within;
}

bool state_commit(struct state *state, struct error *err)
{
	if (!state->within)
		return true;
	if (was_ended(state))
		return refuse(state, err);
	if (!query_simple(state, QUERY_COMMIT, 0, err)) {
		state_rollback(state);
		state->failed = true;
		return false;
	}
	state->within = false;
	return true;
}

void state_rollback(struct state *state)
{
	if (state->within && !sqlite3_get_autocommit(state->db))
		query_simple(state, QUERY_ROLLBACK, 0, NULL);
	state->within = false;
}
