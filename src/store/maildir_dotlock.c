#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum {
	WAIT_SECONDS = 10,   /* who holds such a lock writes one small file */
	STALE_SECONDS = 120, /* one this old was left by a crash */
	POLL_MS = 20
};

static bool is_stale(int dir, const char *lock)
{
	struct stat st;
	return fstatat(dir, lock, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_mtim.tv_sec + STALE_SECONDS < time(NULL);
}

int maildir_dotlock(int dir, const char *lock, struct error *err)
{
	for (int waited = 0;; waited += POLL_MS) {
		int fd = file_create(dir, lock);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST) {
			error_errno(err, ERROR_MAILBOX, "cannot create '%s'", lock);
			return -1;
		}
		if (is_stale(dir, lock)) {
			unlinkat(dir, lock, 0);
		} else if (waited >= WAIT_SECONDS * 1000) {
			error_set(err, ERROR_MAILBOX, CAUSE_LOCAL,
				"'%s' is held by another program", lock);
			return -1;
		} else {
			nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
		}
	}
}
