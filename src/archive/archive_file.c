#include "config.h"

#include "archive/archive_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/stop.h"

/* How often a lock that another run holds is tried. */
#define LOCK_PAUSE_MS 100

bool archive_file_refuse(struct error *err, const char *path, const char *why)
{
	return error_set(err, ERROR_STORE, CAUSE_LOCAL, "'%s' %s", path, why);
}

/* ---- what may be opened ---- */

/* Where the file format of SQLite keeps what decides whether it is ours. */
enum {
	HEADER_SIZE = 100,
	AT_WRITE_VERSION = 18, /* 1: a rollback journal; 2: a write-ahead log */
	AT_READ_VERSION = 19,
	AT_USER_VERSION = 60,
	AT_APPLICATION = 68
};

static uint32_t number_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Read before SQLite is let near it: opening another program's database is enough to change it,
 * where that one keeps a log.  None of these octets ever changes in an archive. */
static bool header_is_ours(const char *path, struct error *err)
{
	static const char magic[16] = "SQLite format 3";
	unsigned char h[HEADER_SIZE];
	int fd = file_open(AT_FDCWD, path);
	if (fd < 0)
		return error_errno(err, ERROR_STORE, "cannot open the archive '%s'", path);
	ssize_t got = file_read(fd, h, sizeof h);
	close(fd);
	if (got < 0)
		return error_errno(err, ERROR_STORE, "cannot read the archive '%s'", path);
	if (got == 0)
		return archive_file_refuse(err, path,
			"is empty, and no archive; remove it if nothing is to be had of it");
	if (got < HEADER_SIZE || memcmp(h, magic, sizeof magic) != 0)
		return archive_file_refuse(err, path, "is no archive, or is damaged at its head");
	if (number_at(h + AT_APPLICATION) != ARCHIVE_APPLICATION)
		return archive_file_refuse(err, path, "is the database of another program");
	if (number_at(h + AT_USER_VERSION) > ARCHIVE_VERSION)
		return archive_file_refuse(err, path, "was written by a newer mailtwin: use that");
	if (number_at(h + AT_USER_VERSION) < ARCHIVE_VERSION || h[AT_WRITE_VERSION] != 1 ||
		h[AT_READ_VERSION] != 1)
		return archive_file_refuse(err, path, "was changed by another program");
	return true;
}

/* SQLite would read a log that lies there into the database, whosever it is.  ENOENT: none does. */
static int look_for_log(const char *path)
{
	char log[PATH_MAX];
	struct stat st;
	if (snprintf(log, sizeof log, "%s-wal", path) >= (int)sizeof log)
		return ENOENT; /* SQLite cannot name it either */
	return lstat(log, &st) == 0 ? 0 : errno;
}

bool archive_file_check(const char *path, bool *missing, struct error *err)
{
	struct stat st;
	*missing = false;
	if (stat(path, &st) < 0) {
		*missing = errno == ENOENT;
		return error_errno(err, ERROR_STORE, "cannot open the archive '%s'", path);
	}
	if (S_ISDIR(st.st_mode))
		return archive_file_refuse(err, path, "is a directory, and no archive");
	if (!S_ISREG(st.st_mode))
		return archive_file_refuse(err, path, "is no regular file");
	errno = look_for_log(path);
	if (errno == 0)
		return archive_file_refuse(err, path, "has the log ('-wal') of another program");
	if (errno != ENOENT)
		return error_errno(err, ERROR_STORE, "cannot look at '%s-wal'", path);
	return header_is_ours(path, err);
}

/* ---- making ---- */

static void clear_beside(const char *path)
{
	char name[PATH_MAX];
	if (snprintf(name, sizeof name, "%s-journal", path) < (int)sizeof name)
		unlink(name);
}

bool archive_file_sync_parent(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	if (n >= sizeof directory)
		return false;
	memcpy(directory, path, n);
	memcpy(directory + n,
		slash == NULL ? "."
		: n == 0      ? "/"
			      : "",
		slash != NULL && n > 0 ? 1 : 2);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool ok = fsync(fd) == 0;
	close(fd);
	return ok;
}

static bool fill(const char *made, struct error *err)
{
	struct archive *archive = archive_connect(made, SQLITE_OPEN_READWRITE, err);
	bool ok = archive != NULL && archive_begin(archive, err) &&
		  archive_schema_make(archive, err) && archive_commit(archive, err);
	archive_close(archive);
	return ok;
}

/* Made under another name: an archive that has its name is whole, whenever the program was
 * stopped.  What a stopped one left under that other name goes. */
bool archive_create(const char *path, struct error *err)
{
	char made[PATH_MAX];
	if (snprintf(made, sizeof made, "%s.new", path) >= (int)sizeof made) {
		errno = ENAMETOOLONG;
		return error_errno(err, ERROR_STORE, "cannot make the archive '%s'", path);
	}
	unlink(made);
	clear_beside(made);
	int fd = file_create(AT_FDCWD, made);
	if (fd < 0)
		return error_errno(err, ERROR_STORE, "cannot make the archive '%s'", path);
	close(fd);
	if (!fill(made, err)) {
		unlink(made);
		clear_beside(made);
		return error_context(err, "cannot make the archive '%s'", path);
	}
	/* A journal of an archive that a person removed must not be played into the new one. */
	clear_beside(path);
	if (file_rename_new(AT_FDCWD, made, AT_FDCWD, path) && archive_file_sync_parent(path))
		return true;
	error_errno(err, ERROR_STORE, "cannot make the archive '%s'", path);
	unlink(made);
	return false;
}

/* ---- the lock ---- */

/* 1: ${fd} is the file ${path}; 0: not any more; -1: nobody can tell. */
static int still_there(int fd, const char *path)
{
	struct stat ours, there;
	if (fstat(fd, &ours) < 0)
		return -1;
	if (stat(path, &there) < 0)
		return errno == ENOENT ? 0 : -1;
	return ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/* 1: locked; 0: another run has it; -1. */
static int try_lock(const char *path, int *lock, struct error *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		error_errno(err, ERROR_STORE, "cannot open the archive '%s'", path);
		return -1;
	}
	bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
	int there = locked ? still_there(fd, path) : -1;
	int error = errno;
	if (there > 0) {
		*lock = fd;
		return 1;
	}
	close(fd);
	if (there == 0 || (!locked && error == EWOULDBLOCK))
		return 0;
	errno = error;
	error_errno(err, ERROR_STORE, "cannot lock the archive '%s'", path);
	return -1;
}

int archive_lock(const char *path, unsigned wait, struct error *err)
{
	int64_t end = clock_ms() + (int64_t)wait * 1000;
	for (;;) {
		int lock = -1;
		int got = try_lock(path, &lock, err);
		if (got != 0)
			return got > 0 ? lock : -1;
		if (clock_ms() >= end) {
			error_set(err, ERROR_STORE, CAUSE_LOCAL,
				"another run is writing to the archive '%s'", path);
			return -1;
		}
		if (!stop_pause(LOCK_PAUSE_MS, err))
			return -1;
	}
}

void archive_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}
