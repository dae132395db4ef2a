#include "config.h"

#include "sync/state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/stop.h"

/* Limits: with the longest ending, ".db.new-journal", it is the name of a file (255 octets). */
#define NAME_ROOM 200

/* Of a name that is too long, as much as a person needs to know it again; its digest follows. */
#define NAME_KEPT 150
#define NAME_HASH 16 /* octets of it: twice as many digits */

/* How often a lock that another run holds is tried. */
#define LOCK_PAUSE_MS 100

bool state_file_refuse(struct error *err, const char *path, const char *why)
{
	return error_set(err, ERROR_STORE, CAUSE_LOCAL,
		"the state '%s' %s; remove it to pair again by content", path, why);
}

/* ---- names ---- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-_.,+=@", c) != NULL;
}

static char *escaped(const char *pair, struct arena *arena)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(arena, 3 * strlen(pair) + 1), *p = out;
	for (const char *s = pair; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (is_plain(*s) && (*s != '.' || s > pair)) {
			*p++ = *s;
			continue;
		}
		*p++ = '%';
		*p++ = digits[c >> 4];
		*p++ = digits[c & 15];
	}
	return out;
}

static char *shortened(const char *pair, const char *name, struct arena *arena)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char digits[2 * NAME_HASH + 1];
	if (EVP_Digest(pair, strlen(pair), hash, NULL, EVP_sha256(), NULL) != 1)
		die_out_of_memory();
	for (size_t i = 0; i < NAME_HASH; i++)
		snprintf(digits + 2 * i, 3, "%02x", hash[i]);
	return arena_printf(arena, "%.*s~%s", NAME_KEPT, name, digits);
}

static const char *home(struct arena *arena)
{
	const char *value = getenv("HOME");
	if (value != NULL && value[0] == '/')
		return value;
	char text[4096];
	struct passwd entry, *found = NULL;
	if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) == 0 && found != NULL)
		return arena_strdup(arena, found->pw_dir);
	return "";
}

const char *state_path(const char *pair, struct arena *arena)
{
	const char *name = escaped(pair, arena);
	if (strlen(name) > NAME_ROOM)
		name = shortened(pair, name, arena);
	const char *base = getenv("XDG_STATE_HOME");
	if (base != NULL && base[0] == '/') /* a relative one is to be ignored, says its standard */
		return arena_printf(arena, "%s/mailtwin/%s.db", base, name);
	return arena_printf(arena, "%s/.local/state/mailtwin/%s.db", home(arena), name);
}

/* ---- the directory ---- */

static const char *parent(const char *path, struct arena *arena)
{
	const char *slash = strrchr(path, '/');
	if (slash == NULL)
		return ".";
	return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

static bool sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool ok = fsync(fd) == 0;
	close(fd);
	return ok;
}

static bool make_directory(const char *path, struct arena *arena)
{
	const char *above = parent(path, arena);
	struct stat st;
	if (stat(path, &st) == 0)
		return true;
	if (errno != ENOENT || strcmp(above, path) == 0)
		return false;
	if (stat(above, &st) < 0 && !make_directory(above, arena))
		return false;
	return (mkdir(path, 0700) == 0 || errno == EEXIST) && sync_directory(above);
}

/* Somebody else's hands in it could put any file in our place. */
static bool only_ours(const struct stat *st, const char *path, struct error *err)
{
	if (st->st_uid != geteuid())
		return error_set(err, ERROR_STORE, CAUSE_LOCAL,
			"the directory '%s' belongs to another user (number %lu)", path,
			(unsigned long)st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return error_set(err, ERROR_STORE, CAUSE_LOCAL,
			"others may write in the directory '%s'; run: chmod 700 '%s'", path, path);
	return true;
}

const char *state_file_directory(
	const char *path, bool make, struct arena *arena, bool *missing, struct error *err)
{
	const char *directory = parent(path, arena);
	*missing = false;
	if (make && !make_directory(directory, arena)) {
		error_errno(err, ERROR_STORE, "cannot make the directory '%s'", directory);
		return NULL;
	}
	char real[PATH_MAX];
	struct stat st;
	if (realpath(directory, real) == NULL || stat(real, &st) < 0) {
		*missing = errno == ENOENT;
		error_errno(err, ERROR_STORE, "cannot use the directory '%s'", directory);
		return NULL;
	}
	return only_ours(&st, real, err) ? arena_strdup(arena, real) : NULL;
}

/* ---- the lock ---- */

/*
 * A file of its own: closing any descriptor of the database would drop the locks that SQLite holds
 * on it, and over NFS, flock() takes the very byte ranges that SQLite locks.  A lock that the
 * file system does not know is a failure, never a run without one.  The file goes with the run:
 * who waited for a file that was removed meanwhile sees so, and tries again.
 */

/* 1: ${fd} is the file ${path}; 0: not any more; -1: nobody can tell. */
static int still_there(int fd, const char *path)
{
	struct stat ours, there;
	if (fstat(fd, &ours) < 0)
		return -1;
	if (lstat(path, &there) < 0)
		return errno == ENOENT ? 0 : -1;
	return ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/* 1: locked; 0: another run has it, whose number is in ${*holder}; -1. */
static int try_lock(struct state *state, long *holder)
{
	int fd = open(state->lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
	int there = locked ? still_there(fd, state->lock_path) : -1;
	int error = there == 0 ? EWOULDBLOCK : errno;
	if (there > 0) {
		state->lock = fd;
		return 1;
	}
	char text[24] = "";
	if (pread(fd, text, sizeof text - 1, 0) > 0)
		*holder = strtol(text, NULL, 10);
	close(fd);
	errno = error;
	return error == EWOULDBLOCK ? 0 : -1;
}

/* For whoever finds the lock taken; nothing depends on it. */
static void leave_number(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0)
		(void)file_write(fd, text, (size_t)n);
}

static bool busy(const struct state *state, long holder, struct error *err)
{
	if (holder <= 0)
		return error_set(err, ERROR_STORE, CAUSE_BUSY, "another run holds the pair ('%s')",
			state->lock_path);
	return error_set(err, ERROR_STORE, CAUSE_BUSY,
		"another run (process %ld) holds the pair ('%s')", holder, state->lock_path);
}

bool state_file_lock(struct state *state, unsigned wait, struct error *err)
{
	int64_t end = clock_ms() + (int64_t)wait * 1000;
	long holder = 0;
	for (;;) {
		int got = try_lock(state, &holder);
		if (got > 0)
			break;
		if (got < 0)
			return error_errno(err, ERROR_STORE, "cannot lock '%s'", state->lock_path);
		if (clock_ms() >= end)
			return busy(state, holder, err);
		if (!stop_pause(LOCK_PAUSE_MS, err))
			return false;
	}
	leave_number(state->lock);
	return true;
}

void state_file_unlock(struct state *state)
{
	if (state->lock < 0)
		return;
	unlink(state->lock_path);
	close(state->lock);
	state->lock = -1;
}

/* ---- the database as a file ---- */

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

/*
 * Read before SQLite is let near it: opening another program's database is enough to change it,
 * where that one keeps a log.  None of these octets ever changes in a state.
 */
static bool header_is_ours(const char *path, struct error *err)
{
	static const char magic[16] = "SQLite format 3";
	unsigned char h[HEADER_SIZE];
	int fd = file_open(AT_FDCWD, path);
	if (fd < 0)
		return error_errno(err, ERROR_STORE, "cannot open the state '%s'", path);
	ssize_t got = file_read(fd, h, sizeof h);
	close(fd);
	if (got < 0)
		return error_errno(err, ERROR_STORE, "cannot read the state '%s'", path);
	if (got < HEADER_SIZE || memcmp(h, magic, sizeof magic) != 0)
		return state_file_refuse(err, path, "is damaged, or is no state");
	if (number_at(h + AT_APPLICATION) != STATE_APPLICATION)
		return state_file_refuse(err, path, "is the database of another program");
	if (number_at(h + AT_USER_VERSION) > STATE_VERSION)
		return state_file_refuse(err, path, "was written by a newer mailtwin: use that");
	if (number_at(h + AT_USER_VERSION) < STATE_VERSION || h[AT_WRITE_VERSION] != 1 ||
		h[AT_READ_VERSION] != 1)
		return state_file_refuse(err, path, "was changed by another program");
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

bool state_file_check(const char *path, bool *missing, struct error *err)
{
	struct stat st;
	*missing = false;
	if (lstat(path, &st) < 0) {
		*missing = errno == ENOENT;
		return *missing || error_errno(err, ERROR_STORE, "cannot use the state '%s'", path);
	}
	if (!S_ISREG(st.st_mode))
		return state_file_refuse(err, path, "is not a regular file");
	if (st.st_uid != geteuid())
		return state_file_refuse(err, path, "belongs to another user");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return state_file_refuse(err, path, "may be written by others: make its mode 0600");
	errno = look_for_log(path);
	if (errno == 0)
		return state_file_refuse(err, path, "has the log ('-wal') of another program");
	if (errno != ENOENT)
		return error_errno(err, ERROR_STORE, "cannot look at '%s-wal'", path);
	return header_is_ours(path, err);
}

void state_file_clear_beside(const char *path)
{
	static const char *const endings[] = {"-journal", "-wal", "-shm"};
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		char name[PATH_MAX];
		if (snprintf(name, sizeof name, "%s%s", path, endings[i]) < (int)sizeof name)
			unlink(name);
	}
}

bool state_file_publish(const char *made, const char *path, struct error *err)
{
	/* A person who removed a state after a crash left its journal there: it must not be played
	 * into the new one. */
	state_file_clear_beside(path);
	struct arena *arena = arena_new();
	bool ok = file_rename_new(AT_FDCWD, made, AT_FDCWD, path) &&
		  sync_directory(parent(path, arena));
	if (!ok)
		error_errno(err, ERROR_STORE, "cannot make the state '%s'", path);
	arena_free(arena);
	return ok;
}
