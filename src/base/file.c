#include "config.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/vfs.h>
#endif

/* Read at once by file_load(): the small files that it is for fit. */
#define LOAD_STEP ((size_t)4096)

int file_open_directory(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int close_with(int fd, int error)
{
	close(fd);
	errno = error;
	return -1;
}

int file_is_empty_directory(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int empty = 1;
	if (stream == NULL)
		return fd < 0 ? -1 : close_with(fd, errno);
	errno = 0;
	while (empty == 1 && (entry = readdir(stream)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	int error = errno;
	closedir(stream);
	errno = error;
	return error == 0 ? empty : -1;
}

int file_open(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return close_with(fd, errno);
	return S_ISREG(st.st_mode) ? fd : close_with(fd, EINVAL);
}

bool file_write(int fd, const void *data, size_t n)
{
	const char *p = data;
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno != EINTR)
			return false;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return true;
}

ssize_t file_read(int fd, void *data, size_t n)
{
	char *p = data;
	size_t left = n;
	while (left > 0) {
		ssize_t got = read(fd, p, left);
		if (got < 0 && errno != EINTR)
			return -1;
		if (got == 0)
			break;
		if (got > 0) {
			p += got;
			left -= (size_t)got;
		}
	}
	return (ssize_t)(n - left);
}

bool file_load_fd(int fd, struct buffer *out)
{
	for (;;) {
		/* Read where it is to stay: a secret must leave no copy on the stack.  When nothing
		 * fits any more, one octet tells whether that was all. */
		char beyond;
		size_t left = out->limit - out->len;
		size_t step = left < LOAD_STEP ? left : LOAD_STEP;
		char *room = step > 0 ? buffer_room(out, step) : &beyond;
		size_t asked = step > 0 ? step : 1;
		ssize_t got = file_read(fd, room, asked);
		if (got < 0)
			return false;
		if (step == 0 && got > 0) {
			errno = EFBIG;
			return false;
		}
		if (step > 0)
			buffer_filled(out, (size_t)got);
		if ((size_t)got < asked)
			return true;
	}
}

bool file_load(int at, const char *name, struct buffer *out)
{
	int fd = file_open(at, name);
	if (fd < 0)
		return false;
	bool ok = file_load_fd(fd, out);
	int saved = errno;
	close(fd);
	errno = saved;
	return ok;
}

bool file_replace(int at, const char *temporary, int fd, const char *name, const void *data,
	size_t n, bool durable)
{
	if (file_write(fd, data, n) && (!durable || fsync(fd) == 0) &&
		renameat(at, temporary, at, name) == 0)
		return !durable || fsync(at) == 0;
	int saved = errno;
	unlinkat(at, temporary, 0);
	errno = saved;
	return false;
}

int file_create(int at, const char *name)
{
	return openat(at, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* For file systems that cannot rename with a condition: a link is never made over a file.  Where
 * there are no links, or for a directory, nothing is left but to look first. */
static bool rename_in_two_steps(int from_at, const char *from, int to_at, const char *to)
{
	struct stat st;
	if (linkat(from_at, from, to_at, to, 0) == 0)
		return unlinkat(from_at, from, 0) == 0;
	if (errno == EEXIST || errno == ENOENT)
		return false;
	if (fstatat(to_at, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		errno = EEXIST;
	return errno == ENOENT && renameat(from_at, from, to_at, to) == 0;
}

bool file_rename_new(int from_at, const char *from, int to_at, const char *to)
{
#ifdef RENAME_NOREPLACE
	if (renameat2(from_at, from, to_at, to, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
#endif
	return rename_in_two_steps(from_at, from, to_at, to);
}

void file_push(int fd)
{
#ifdef SYNC_FILE_RANGE_WRITE
	int result = sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	(void)result; /* fsync() will say what went wrong */
#else
	(void)fd;
#endif
}

bool file_is_local(int fd)
{
#ifdef __linux__
	/* Magic numbers of statfs(2); what is not here is taken for far away, which only costs
	 * time. */
	static const unsigned long local[] = {
		0xEF53,	    /* ext2, ext3, ext4 */
		0x58465342, /* XFS */
		0x9123683E, /* Btrfs */
		0xF2F52010, /* F2FS */
		0x2FC12FC1, /* ZFS */
		0xCA451A4E, /* bcachefs */
		0x01021994, /* tmpfs */
		0x794C7630, /* overlayfs: a container's view of one of these */
	};
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof local / sizeof *local; i++)
		if ((unsigned long)fs.f_type == local[i])
			return true;
#else
	(void)fd;
#endif
	return false;
}
