#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"

/*
 * How long two changes may share one time: the clock tick of a local file system with room to
 * spare; elsewhere what FAT and old NFS servers count in.
 */
#define LOCAL_GRAIN  (INT64_C(20) * 1000 * 1000)
#define REMOTE_GRAIN (INT64_C(2) * 1000 * 1000 * 1000)

/* What is not there has this time. */
#define NEVER INT64_C(0)

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t maildir_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return nanoseconds(t);
}

int64_t maildir_grain(int root)
{
	return file_is_local(root) ? LOCAL_GRAIN : REMOTE_GRAIN;
}

/*
 * The time of ${name} below ${dir}.  The one that every change sets to the clock and nobody can
 * set back, as rsync, tar and touch do with the other: a Maildir restored from a copy is changed.
 */
static bool read_time(int dir, const char *name, mode_t type, int64_t *time, struct error *err)
{
	struct stat st;
	*time = NEVER;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ||
		       error_errno(err, ERROR_MAILBOX, "cannot look at '%s'", name);
	if ((st.st_mode & S_IFMT) != type)
		return error_set(err, ERROR_MAILBOX, CAUSE_LOCAL, "'%s' is no %s", name,
			type == S_IFDIR ? "directory" : "regular file");
	*time = nanoseconds(st.st_ctim);
	return true;
}

bool maildir_times_read(int dir, struct maildir_times *times, struct error *err)
{
	times->taken = maildir_now();
	if (!read_time(dir, "new", S_IFDIR, &times->new, err) ||
		!read_time(dir, "cur", S_IFDIR, &times->cur, err) ||
		!read_time(dir, "dovecot-keywords", S_IFREG, &times->keywords, err))
		return false;
	/* A folder made by unpacking may lack an empty `new`; one without `cur` is damaged. */
	return times->cur != NEVER || error_set(err, ERROR_MAILBOX, CAUSE_LOCAL, "it has no 'cur'");
}

bool maildir_times_equal(const struct maildir_times *a, const struct maildir_times *b)
{
	return a->new == b->new && a->cur == b->cur && a->keywords == b->keywords;
}

bool maildir_times_ripe(const struct maildir_times *times, int64_t grain)
{
	int64_t before = times->taken - grain;
	return times->new <= before && times->cur <= before && times->keywords <= before;
}

const char *maildir_times_cursor(
	const struct maildir_times *times, int64_t grain, struct arena *arena)
{
	if (!maildir_times_ripe(times, grain))
		return NULL;
	return arena_printf(
		arena, "%" PRId64 "/%" PRId64 "/%" PRId64, times->new, times->cur, times->keywords);
}

bool maildir_times_parse(const char *cursor, struct maildir_times *times)
{
	return sscanf(cursor, "%" SCNd64 "/%" SCNd64 "/%" SCNd64, &times->new, &times->cur,
		       &times->keywords) == 3;
}

bool maildir_times_passed(
	const struct maildir_times *times, int64_t since, int64_t grain, const struct stat *file)
{
	int64_t last = times->new > times->cur ? times->new : times->cur;
	int64_t changed = nanoseconds(file->st_ctim);
	return changed >= last + grain && changed + grain >= since;
}

void maildir_wait_grain(int64_t grain)
{
	struct timespec rest = {
		.tv_sec = (time_t)(grain / 1000000000), .tv_nsec = (long)(grain % 1000000000)};
	while (nanosleep(&rest, &rest) < 0 && errno == EINTR)
		;
}
