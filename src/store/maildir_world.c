#include "config.h"

#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stop.h"

/*
 * The file .mailtwin at the root says which Maildir this is, and keeps the number of the last run
 * of each pair that wrote here.  It is also what a run that writes holds locked.
 *
 *   file = "mailtwin 1" LF "id " id LF *( "run " number " " pair LF )
 */
static const char file_name[] = ".mailtwin";
static const char new_name[] = ".mailtwin.new";
static const char first_line[] = "mailtwin 1\n";

enum {
	FILE_LIMIT = 1024 * 1024, /* some ten thousand pairs */
	LOCK_POLL_MS = 100
};

/* ---- what .mailtwin says ---- */

struct world_file {
	struct buffer text;
	const char *id; /* in text, NUL-terminated; NULL: there is no such file yet */
	char *runs;	/* the lines after it */
};

static const char *cannot_look(struct error *err)
{
	error_errno(err, ERROR_STORE, "cannot look at the Maildir's own folder");
	return NULL;
}

/*
 * A name for a root without .mailtwin; NULL = it cannot be told.  The file begins with the same
 * one, so that a pair that only ever reads here does not see another world once another pair begins
 * to write.  Kernels and containers that do not have statx() say so by one of three numbers.
 */
static const char *inode_id(int root, struct arena *arena, struct error *err)
{
	struct stat st = {0};
	if (fstat(root, &st) < 0)
		return cannot_look(err);
#ifdef STATX_BTIME
	struct statx born = {0};
	if (statx(root, "", AT_EMPTY_PATH, STATX_BTIME, &born) < 0) {
		if (errno != ENOSYS && errno != EPERM && errno != EINVAL)
			return cannot_look(err);
	} else if ((born.stx_mask & STATX_BTIME) != 0) {
		return arena_printf(arena, "%" PRIx64 ".%" PRIx64 ".%" PRIx32, (uint64_t)st.st_ino,
			(uint64_t)born.stx_btime.tv_sec, born.stx_btime.tv_nsec);
	}
#endif
	return arena_printf(arena, "%" PRIx64, (uint64_t)st.st_ino);
}

static bool damaged(struct error *err)
{
	return error_set(err, ERROR_STORE, CAUSE_LOCAL,
		"'%s' is damaged; remove it to pair again by content", file_name);
}

static bool parse_world(struct world_file *file, struct error *err)
{
	size_t n = strlen(first_line);
	if (file->text.len == 0)
		return true; /* made by lock(), which was cut off */
	if (strlen(file->text.data) != file->text.len ||
		strncmp(file->text.data, first_line, n) != 0)
		return damaged(err);
	char *id = file->text.data + n;
	char *end = strchr(id, '\n');
	if (strncmp(id, "id ", 3) != 0 || end == NULL || end == id + 3)
		return damaged(err);
	*end = '\0';
	file->id = id + 3;
	file->runs = end + 1;
	return true;
}

static bool read_world(int root, struct world_file *file, struct error *err)
{
	*file = (struct world_file){0};
	buffer_init(&file->text, FILE_LIMIT);
	if (!file_load(root, file_name, &file->text))
		return errno == ENOENT ||
		       error_errno(err, ERROR_STORE, "cannot read '%s'", file_name);
	return parse_world(file, err);
}

/* What the file calls it, or will. */
static const char *id_of(
	const struct world_file *file, int root, struct arena *arena, struct error *err)
{
	return file->id != NULL ? file->id : inode_id(root, arena, err);
}

/* If ${line} is about ${pair}, the number in it, else 0; *next is the line after it. */
static uint64_t parse_run(const char *line, const char *pair, const char **next)
{
	char *end = NULL;
	size_t len = strcspn(line, "\n");
	*next = line + len + (line[len] == '\n');
	if (strncmp(line, "run ", 4) != 0)
		return 0;
	uint64_t run = strtoull(line + 4, &end, 10);
	size_t used = (size_t)(end - line);
	bool ours = *end == ' ' && len - used - 1 == strlen(pair) &&
		    strncmp(end + 1, pair, strlen(pair)) == 0;
	return ours ? run : 0;
}

/* ---- lock() ---- */

/* 1, 0, or -1 where that cannot be told. */
static int same_inode(int root, const char *name, int fd)
{
	struct stat a, b;
	if (fstat(fd, &a) < 0)
		return -1;
	if (fstatat(root, name, &b, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int open_lock(int root, struct error *err)
{
	int fd = openat(
		root, file_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat st;
	int error = fd < 0 || fstat(fd, &st) < 0 ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
	if (error == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	errno = error;
	error_errno(err, ERROR_STORE, "cannot open '%s'", file_name);
	return -1;
}

/* .mailtwin, open, and whether its lock is held: some file systems have none, which lock() says. */
struct world_lock {
	int fd; /* -1 = not open */
	bool held;
};

enum lock_result { LOCKED, LOCK_BUSY, LOCK_RETRY, LOCK_FAILED };

/* Take the lock if it is free.  stamp() replaces the file: a lock on what it replaced is none. */
static enum lock_result try_lock(int root, struct world_lock *lock, struct error *err)
{
	int fd = open_lock(root, err);
	*lock = (struct world_lock){.fd = fd};
	if (fd < 0)
		return LOCK_FAILED;
	lock->held = flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (lock->held) {
		int same = same_inode(root, file_name, fd);
		if (same > 0)
			return LOCKED;
		if (same < 0)
			error_errno(err, ERROR_STORE, "cannot look at '%s'", file_name);
		close(fd);
		return same < 0 ? LOCK_FAILED : LOCK_RETRY;
	}
	if (errno == EWOULDBLOCK || errno == EINTR) {
		enum lock_result result = errno == EINTR ? LOCK_RETRY : LOCK_BUSY;
		close(fd);
		return result;
	}
	log_warning("cannot lock '%s': %s; a second run at the same time will not be noticed",
		file_name, strerror(errno));
	return LOCKED;
}

static bool wait_for_lock(
	int root, const char *path, unsigned wait, struct world_lock *lock, struct error *err)
{
	int64_t end = clock_ms() + (int64_t)wait * 1000;
	for (;;) {
		switch (try_lock(root, lock, err)) {
		case LOCKED:
			return true;
		case LOCK_FAILED:
			return false;
		case LOCK_RETRY:
			continue;
		case LOCK_BUSY:
			break;
		}
		if (clock_ms() >= end)
			return error_set(err, ERROR_STORE, CAUSE_BUSY,
				"another run is writing to '%s'", path);
		if (!stop_pause(LOCK_POLL_MS, err))
			return false;
	}
}

static bool write_world(int root, int fd, const char *id, const char *runs, struct error *err)
{
	struct buffer text;
	buffer_init(&text, FILE_LIMIT);
	bool ok = buffer_printf(&text, "%sid %s\n%s", first_line, id, runs);
	if (!ok)
		errno = EFBIG;
	ok = ok && file_replace(root, new_name, fd, file_name, text.data, text.len, true);
	if (!ok)
		error_errno(err, ERROR_STORE, "cannot write '%s'", file_name);
	buffer_finish(&text);
	return ok;
}

/* Let the new file ${fd} be locked as the ${old} one is: else a second run would come in as soon as
 * it is in its place. */
static bool pass_lock_on(const struct world_lock *old, int fd, struct error *err)
{
	while (old->held && flock(fd, LOCK_EX | LOCK_NB) < 0)
		if (errno != EINTR)
			return error_errno(err, ERROR_STORE, "cannot lock '%s'", new_name);
	return true;
}

/* Put ${runs} into a new .mailtwin.  ${lock}, if held, is carried over to it before anybody else
 * can see it. */
static bool replace_world(
	int root, struct world_lock *lock, const char *id, const char *runs, struct error *err)
{
	unlinkat(root, new_name, 0); /* of a run that was cut off: the lock is ours */
	int fd = file_create(root, new_name);
	if (fd < 0)
		return error_errno(err, ERROR_STORE, "cannot create '%s'", new_name);
	bool locked = pass_lock_on(lock, fd, err);
	if (!locked)
		unlinkat(root, new_name, 0);
	bool ok = locked && write_world(root, fd, id, runs, err);
	if (ok && lock->fd >= 0) {
		close(lock->fd);
		lock->fd = fd;
	} else {
		close(fd);
	}
	return ok;
}

/* What is locked now has an id from its first run on. */
static bool name_world(int root, struct world_lock *lock, struct error *err)
{
	struct world_file file;
	bool ok = read_world(root, &file, err);
	if (ok && file.id == NULL) {
		struct arena *arena = arena_new();
		const char *id = inode_id(root, arena, err);
		ok = id != NULL && replace_world(root, lock, id, "", err);
		arena_free(arena);
	}
	buffer_finish(&file.text);
	return ok;
}

static void keep_lock(struct maildir_store *m, const struct world_lock *lock)
{
	atomic_store(&m->lock, lock->fd);
	atomic_store(&m->lock_held, lock->held);
}

bool maildir_lock(struct store *store, unsigned wait, struct error *err)
{
	struct maildir_store *m = (struct maildir_store *)store;
	int root = maildir_root_make_at(m->config->path, err);
	if (root < 0)
		return false;
	struct world_lock lock = {.fd = -1};
	bool locked = wait_for_lock(root, m->config->path, wait, &lock, err);
	bool ok = locked && name_world(root, &lock, err);
	close(root);
	if (ok)
		keep_lock(m, &lock);
	else if (locked)
		close(lock.fd);
	return ok;
}

void maildir_unlock(struct store *store)
{
	struct maildir_store *m = (struct maildir_store *)store;
	int lock = atomic_exchange(&m->lock, -1);
	atomic_store(&m->lock_held, false);
	if (lock >= 0)
		close(lock);
}

/* ---- identify(), stamp() ---- */

bool maildir_identify(struct session *session, const char *pair, struct arena *arena,
	struct world *world, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	struct maildir_store *m = (struct maildir_store *)session->store;
	*world = (struct world){.id = "maildir:none"};
	if (!maildir_root_open(s, err))
		return false;
	if (s->root < 0)
		return true;

	struct world_file file;
	bool ok = read_world(s->root, &file, err);
	const char *id = ok ? id_of(&file, s->root, arena, err) : NULL;
	ok = id != NULL;
	if (ok) {
		world->id = arena_printf(arena, "maildir:%s", id);
		for (const char *line = file.runs; line != NULL && *line != '\0';) {
			uint64_t run = parse_run(line, pair, &line);
			if (run > world->last_run)
				world->last_run = run;
		}
		world->stamped = world->last_run > 0 || atomic_load(&m->lock) >= 0;
	}
	buffer_finish(&file.text);
	return ok;
}

/* The lines of ${runs} but for that of ${pair}, which is now ${run}. */
static bool change_run(struct buffer *out, const char *runs, const char *pair, uint64_t run)
{
	for (const char *line = runs, *next; line != NULL && *line != '\0'; line = next)
		if (parse_run(line, pair, &next) == 0 &&
			!buffer_add(out, line, (size_t)(next - line)))
			return false;
	return buffer_printf(out, "run %" PRIu64 " %s\n", run, pair);
}

bool maildir_stamp(struct session *session, const char *pair, uint64_t run, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	struct maildir_store *m = (struct maildir_store *)session->store;
	if (strchr(pair, '\n') != NULL)
		return error_set(err, ERROR_STORE, CAUSE_LOCAL, "a pair's name has a line end");
	if (!maildir_root_make(s, err))
		return false;

	struct arena *arena = arena_new();
	struct world_file file;
	struct buffer runs;
	buffer_init(&runs, FILE_LIMIT);
	bool ok = read_world(s->root, &file, err);
	if (ok && !change_run(&runs, file.runs, pair, run))
		ok = error_set(err, ERROR_STORE, CAUSE_LOCAL, "'%s' is too large", file_name);
	if (ok) {
		struct world_lock lock = {atomic_load(&m->lock), atomic_load(&m->lock_held)};
		const char *id = id_of(&file, s->root, arena, err);
		ok = id != NULL && replace_world(s->root, &lock, id, runs.data, err);
		keep_lock(m, &lock);
	}
	buffer_finish(&runs);
	buffer_finish(&file.text);
	arena_free(arena);
	return ok;
}
