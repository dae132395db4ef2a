#include "config.h"

#include "archive/archive_private.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/*
 * Space that nothing uses any more goes back by writing the archive anew, beside the old one, which
 * stays until the new one is whole and durable and takes its name.  Where that is stopped, the new
 * one is taken away by the next run that makes one.
 */

bool archive_spare(struct archive *archive, uint64_t *spare, uint64_t *size, struct error *err)
{
	int64_t page = 0, pages = 0, unused = 0;
	if (sql_one(archive, "PRAGMA page_size", 0, &page, err) < 0 ||
		sql_one(archive, "PRAGMA page_count", 0, &pages, err) < 0 ||
		sql_one(archive, "PRAGMA freelist_count", 0, &unused, err) < 0)
		return false;
	*spare = (uint64_t)(page * unused);
	*size = (uint64_t)(page * pages);
	return true;
}

static bool write_anew(struct archive *archive, const char *made, uint64_t *size, struct error *err)
{
	struct sql q;
	struct stat st;
	int fd = file_create(AT_FDCWD, made); /* empty, and ours alone: SQLite fills it */
	if (fd < 0)
		return error_errno(err, ERROR_STORE, "cannot make '%s'", made);
	bool ok = sql_begin(&q, archive, "VACUUM INTO ?1", err);
	if (ok) {
		sql_put_text(&q, made);
		ok = sql_run(&q, err);
	}
	if (ok && (fsync(fd) != 0 || fstat(fd, &st) != 0))
		ok = error_errno(err, ERROR_STORE, "cannot write '%s'", made);
	if (ok)
		*size = (uint64_t)st.st_size;
	close(fd);
	return ok;
}

bool archive_compact(struct archive *archive, uint64_t *size, struct error *err)
{
	char made[PATH_MAX];
	if (snprintf(made, sizeof made, "%s.new", archive->path) >= (int)sizeof made)
		return error_set(
			err, ERROR_STORE, CAUSE_LOCAL, "the name '%s' is too long", archive->path);
	unlink(made);
	bool ok = write_anew(archive, made, size, err);
	if (ok && rename(made, archive->path) != 0)
		ok = error_errno(err, ERROR_STORE, "cannot rename '%s'", made);
	if (!ok)
		unlink(made);
	if (ok && !archive_file_sync_parent(archive->path))
		ok = error_errno(err, ERROR_STORE, "cannot make '%s' durable", archive->path);
	return ok;
}
