#include "archive/archive_private.h"

#include <stdlib.h>
#include <string.h>

/*
 * A rollback journal that goes with its transaction: at rest an archive is one file.  EXTRA syncs
 * the directory after the journal went, so that a transaction cannot come undone by a power cut
 * after its commit.
 *
 * No mapped pages: a file that is cut while it is read would end the program (SIGBUS).  No
 * temporary files: their directory may be full, or others'.
 */
#define SETTINGS \
	"PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;" \
	"PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;" \
	"PRAGMA cache_size = -8192; PRAGMA recursive_triggers = OFF;"

/* Limits. */
#define BUSY_MS 10000 /* a writer holds the file for one chunk; a slow disk may take its time */

/* ---- connecting ---- */

struct archive *archive_connect(const char *path, int mode, struct error *err)
{
	struct archive *archive = calloc(1, sizeof *archive);
	if (archive == NULL || (archive->path = strdup(path)) == NULL)
		die_out_of_memory();
	archive->part_size = ARCHIVE_PART_SIZE;
	archive->writing = (mode & SQLITE_OPEN_READWRITE) != 0;
	int rc = sqlite3_open_v2(path, &archive->db, mode | SQLITE_OPEN_NOMUTEX, NULL);
	if (archive->db == NULL)
		die_out_of_memory();
	if (rc == SQLITE_OK && archive_schema_harden(archive->db)) {
		sqlite3_busy_timeout(archive->db, BUSY_MS);
		if (sql_exec(archive, SETTINGS, err))
			return archive;
	} else {
		sql_failed(archive, err);
	}
	archive_close(archive);
	return NULL;
}

/* A run that was killed in mid commit leaves a journal, and until it is played back nobody can
 * read.  SQLite does that by itself where it may write; all it writes is what was there before. */
static struct archive *connect_to_read(const char *path, struct error *err)
{
	struct archive *archive = archive_connect(path, SQLITE_OPEN_READWRITE, NULL);
	if (archive != NULL)
		return archive;
	return archive_connect(path, SQLITE_OPEN_READONLY, err);
}

static bool may_write(struct archive *archive, struct error *err)
{
	return sqlite3_db_readonly(archive->db, "main") == 0 ||
	       archive_file_refuse(err, archive->path,
		       "cannot be written: make it, and its directory, writable to you");
}

struct archive *archive_open_again(const char *path, bool writing, struct error *err)
{
	struct archive *archive = writing ? archive_connect(path, SQLITE_OPEN_READWRITE, err)
					  : connect_to_read(path, err);
	if (archive == NULL || (writing && may_write(archive, err)) ||
		(!writing && sql_exec(archive, "PRAGMA query_only = ON", err)))
		return archive;
	archive_close(archive);
	return NULL;
}

struct archive *archive_open(const char *path, bool writing, bool *missing, struct error *err)
{
	bool ignored;
	if (!archive_file_check(path, missing == NULL ? &ignored : missing, err))
		return NULL;
	struct archive *archive = archive_open_again(path, writing, err);
	if (archive == NULL || archive_schema_check(archive, err))
		return archive;
	archive_close(archive);
	return NULL;
}

void archive_close(struct archive *archive)
{
	if (archive == NULL)
		return;
	archive_rollback(archive);
	archive_pack_free(archive);
	for (size_t i = 0; i < archive->statements; i++)
		sqlite3_finalize(archive->statement[i].stmt);
	free(archive->statement);
	sqlite3_close(archive->db);
	free(archive->path);
	free(archive);
}

/* ---- transactions ---- */

void archive_take_turns(struct archive *archive, pthread_mutex_t *turn)
{
	archive->turn = turn;
}

static void begin_turn(struct archive *archive)
{
	if (archive->turn != NULL && !archive->has_turn)
		pthread_mutex_lock(archive->turn);
	archive->has_turn = archive->turn != NULL;
}

bool archive_try_turn(struct archive *archive)
{
	if (archive->turn == NULL || archive->has_turn)
		return true;
	archive->has_turn = pthread_mutex_trylock(archive->turn) == 0;
	return archive->has_turn;
}

void archive_end_turn(struct archive *archive)
{
	if (!archive->has_turn || archive->within)
		return;
	sqlite3_db_release_memory(archive->db);
	archive->has_turn = false;
	pthread_mutex_unlock(archive->turn);
}

bool archive_begin(struct archive *archive, struct error *err)
{
	struct sql q;
	archive->draft = (struct archive_snapshot){0};
	begin_turn(archive);
	archive->within = sql_begin(&q, archive, "BEGIN IMMEDIATE", err) && sql_run(&q, err);
	archive_end_turn(archive);
	return archive->within;
}

void archive_rollback(struct archive *archive)
{
	if (archive->within && !sqlite3_get_autocommit(archive->db))
		sqlite3_exec(archive->db, "ROLLBACK", NULL, NULL, NULL);
	archive->within = false;
	archive_end_turn(archive);
	archive->draft = (struct archive_snapshot){0};
}

static bool end(struct archive *archive, struct error *err)
{
	struct sql q;
	if (sqlite3_get_autocommit(archive->db)) /* a write in it failed, and it ended with that */
		return error_set(err, ERROR_STORE, CAUSE_LOCAL,
			"the archive '%s': an earlier write to it failed", archive->path);
	return sql_begin(&q, archive, "COMMIT", err) && sql_run(&q, err);
}

bool archive_commit(struct archive *archive, struct error *err)
{
	bool ok = archive_write_totals(archive, err) && end(archive, err);
	if (!ok)
		archive_rollback(archive);
	archive->within = false;
	archive_end_turn(archive);
	archive->draft = (struct archive_snapshot){0};
	return ok;
}
