#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stop.h"

enum {
	WAIT_SECONDS = 10,   /* who holds such a lock writes one small file */
	STALE_SECONDS = 120, /* one this old was left by a crash */
	MARK_SECONDS = 1,    /* a lock is flocked this soon after it was made */
	POLL_MS = 20
};

/*
 * The lock becomes the new file, so it can hold no process id; and a run that is killed often dies
 * in the fsync before that, with the lock in place.  So a lock of ours is marked: nobody may write
 * to it, which is never so of Dovecot's, and as long as it is held it is flocked.
 */
#define MARK_MODE 0400
#define FILE_MODE 0600

static bool is_older(const struct stat *st, time_t seconds)
{
	return st->st_mtim.tv_sec + seconds < time(NULL);
}

static bool is_stale(int dir, const char *lock)
{
	struct stat st;
	return fstatat(dir, lock, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_older(&st, STALE_SECONDS);
}

/* Remove the lock ${fd} if it is a dead one of ours.  With the flock taken, and the file still
 * there under its name, nobody else is about to remove it and to make the next. */
static bool remove_marked(int dir, const char *lock, int fd)
{
	struct stat ours, there;
	return fstat(fd, &ours) == 0 && (ours.st_mode & 0777) == MARK_MODE &&
	       is_older(&ours, MARK_SECONDS) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	       fstatat(dir, lock, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_ino == there.st_ino && ours.st_dev == there.st_dev &&
	       unlinkat(dir, lock, 0) == 0;
}

static bool remove_ours(int dir, const char *lock)
{
	int fd = file_open(dir, lock);
	if (fd < 0)
		return false;
	bool removed = remove_marked(dir, lock, fd);
	close(fd);
	return removed;
}

static int create(int dir, const char *lock)
{
	int fd = openat(dir, lock, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MARK_MODE);
	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB); /* nobody else has it; without flock, it gets old */
	return fd;
}

int maildir_dotlock(int dir, const char *lock, struct error *err)
{
	for (int waited = 0;; waited += POLL_MS) {
		int fd = create(dir, lock);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST) {
			error_errno(err, ERROR_MAILBOX, "cannot create '%s'", lock);
			return -1;
		}
		if (remove_ours(dir, lock))
			continue;
		if (is_stale(dir, lock)) {
			unlinkat(dir, lock, 0);
		} else if (waited >= WAIT_SECONDS * 1000) {
			error_set(err, ERROR_MAILBOX, CAUSE_LOCAL,
				"'%s' is held by another program", lock);
			return -1;
		} else if (!stop_pause(POLL_MS, err)) {
			return -1;
		}
	}
}

bool maildir_dotlock_replace(int dir, const char *lock, int fd, const char *name,
	const struct buffer *text, bool durable)
{
	if (file_write(fd, text->data, text->len) && (!durable || fsync(fd) == 0) &&
		renameat(dir, lock, dir, name) == 0)
		/* The mark goes last, when no loss of power can bring the lock back: without
		 * the mark, the lock of a run that died would be nobody's. */
		return (!durable || fsync(dir) == 0) && fchmod(fd, FILE_MODE) == 0;
	int saved = errno;
	unlinkat(dir, lock, 0);
	errno = saved;
	return false;
}
