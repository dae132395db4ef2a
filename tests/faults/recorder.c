/*
 * An ordered record of all that a program does to files: loaded before it with LD_PRELOAD.  What
 * SQLite calls goes through here, too.  disk.py makes of it what a disk may hold after a loss of
 * power.
 *
 *   RECORD=FILE      where to append an entry for each call, with its data
 *   RECORD_STOP=N    SIGKILL in place of the N-th call (from 1)
 *
 * A call that failed, and one that sends to a socket, has an entry as well, which changes nothing:
 * the power may be lost before it.  Files and directories are known by their inodes.
 */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* As in disk.py; then come both names and the data. */
struct entry {
	char what; /* see disk.py */
	char pad[3];
	uint32_t len[3]; /* of the names and the data */
	uint64_t inode;
	uint64_t dir[2];
	int64_t at;   /* offset, length or mode */
	int64_t time; /* of the last change of the file, in nanoseconds */
};
_Static_assert(sizeof(struct entry) == 56, "read by disk.py");

static int record = -1; /* where to; -1: nowhere */
static long stop;
static atomic_long calls;

static void begin_call(void)
{
	if (record >= 0 && atomic_fetch_add(&calls, 1) + 1 == stop)
		syscall(SYS_kill, getpid(), SIGKILL);
}

static void put(struct entry *e, const char *name, const char *second, const void *data, size_t len)
{
	const void *part[3] = {name, second, data};
	struct iovec out[4] = {{e, sizeof *e}};
	if (record < 0)
		return;
	e->len[0] = name == NULL ? 0 : (uint32_t)strlen(name);
	e->len[1] = second == NULL ? 0 : (uint32_t)strlen(second);
	e->len[2] = (uint32_t)len;
	for (int i = 0; i < 3; i++)
		out[i + 1] = (struct iovec){(void *)(uintptr_t)part[i], e->len[i]};
	syscall(SYS_writev, record, out, 4);
}

static void put_nothing(void)
{
	put(&(struct entry){.what = '-'}, NULL, NULL, NULL, 0);
}

static int64_t changed(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* Something about the file ${fd} itself. */
static void put_file(bool done, char what, int fd, int64_t at, const void *data, size_t len)
{
	struct stat st;
	if (!done || fstat(fd, &st) != 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
		put_nothing();
		return;
	}
	struct entry e = {.what = what, .inode = st.st_ino, .at = at, .time = changed(&st)};
	put(&e, NULL, NULL, data, len);
}

/* What ${len} octets were written where the file now stands. */
static void put_written(int fd, const void *data, ssize_t len)
{
	int64_t end = len > 0 ? lseek(fd, 0, SEEK_CUR) : -1; /* none in a socket or a pipe */
	put_file(end >= len && len > 0, 'w', fd, end - len, data, len > 0 ? (size_t)len : 0);
}

/* The directory that ${path} lies in, and *name, what it is called there. */
static uint64_t parent(int at, const char *path, const char **name)
{
	char above[PATH_MAX] = ".";
	struct stat st;
	const char *slash = strrchr(path, '/');
	*name = slash == NULL ? path : slash + 1;
	if (slash != NULL && (size_t)(slash + 1 - path) < sizeof above) {
		memcpy(above, path, (size_t)(slash + 1 - path));
		above[slash + 1 - path] = '\0';
	}
	return fstatat(at, above, &st, 0) == 0 ? st.st_ino : 0;
}

/* The name ${path} is gone. */
static void put_removed(bool done, int at, const char *path)
{
	struct entry e = {.what = 'u'};
	const char *name;
	e.dir[0] = parent(at, path, &name);
	if (done)
		put(&e, name, NULL, NULL, 0);
	else
		put_nothing();
}

/* The name ${path} is new: a file or a directory. */
static void put_made(bool done, char what, int at, const char *path)
{
	struct entry e = {.what = what};
	struct stat st;
	const char *name;
	if (!done || fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		put_nothing();
		return;
	}
	e.inode = st.st_ino;
	e.at = st.st_mode & 07777;
	e.time = changed(&st);
	e.dir[0] = parent(at, path, &name);
	put(&e, name, NULL, NULL, 0);
}

/* What was called ${from} is called ${to}, instead or as well. */
static void put_named(bool done, char what, int a, const char *from, int b, const char *to)
{
	struct entry e = {.what = what};
	const char *name, *second;
	e.dir[0] = parent(a, from, &name);
	e.dir[1] = parent(b, to, &second);
	if (done)
		put(&e, name, second, NULL, 0);
	else
		put_nothing();
}

static void *real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);
	if (f == NULL)
		abort();
	return f;
}

/* CALL(type, name, (parameters), (arguments), note): `name` as it is, and a note of it, which finds
 * in `done` what it returned. */
#define CALL(type, name, parameters, arguments, note) \
	type name parameters \
	{ \
		static type(*go) parameters; \
		if (go == NULL) \
			go = (type(*) parameters)real(#name); \
		begin_call(); \
		type done = go arguments; \
		int saved = errno; \
		note; \
		errno = saved; \
		return done; \
	}

/* open() and its like count where they make a file or empty one. */
static bool is_there(int at, const char *path)
{
	struct stat st;
	return fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

#define OPEN(name, at, parameters, types, arguments) \
	int name parameters \
	{ \
		static int(*go) types; \
		if (go == NULL) \
			go = (int(*) types)real(#name); \
		va_list more; \
		va_start(more, flags); \
		mode_t mode = va_arg(more, mode_t); \
		va_end(more); \
		bool makes = record >= 0 && (flags & O_CREAT) != 0 && !is_there(at, path); \
		bool empties = !makes && (flags & O_TRUNC) != 0; \
		if (makes || empties) \
			begin_call(); \
		int fd = go arguments; \
		int saved = errno; \
		if (makes) \
			put_made(fd >= 0, 'c', at, path); \
		else if (empties) \
			put_file(fd >= 0, 't', fd, 0, NULL, 0); \
		errno = saved; \
		return fd; \
	}
OPEN(open, AT_FDCWD, (const char *path, int flags, ...), (const char *, int, mode_t),
	(path, flags, mode))
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), (const char *, int, mode_t),
	(path, flags, mode))
OPEN(openat, at, (int at, const char *path, int flags, ...), (int, const char *, int, mode_t),
	(at, path, flags, mode))
OPEN(openat64, at, (int at, const char *path, int flags, ...), (int, const char *, int, mode_t),
	(at, path, flags, mode))

CALL(ssize_t, write, (int fd, const void *from, size_t len), (fd, from, len),
	put_written(fd, from, done))
CALL(ssize_t, pwrite, (int fd, const void *from, size_t len, off_t at), (fd, from, len, at),
	put_file(done > 0, 'w', fd, at, from, done > 0 ? (size_t)done : 0))
CALL(ssize_t, pwrite64, (int fd, const void *from, size_t len, off64_t at), (fd, from, len, at),
	put_file(done > 0, 'w', fd, at, from, done > 0 ? (size_t)done : 0))
CALL(ssize_t, send, (int fd, const void *from, size_t len, int flags), (fd, from, len, flags),
	put_nothing())
CALL(int, ftruncate, (int fd, off_t len), (fd, len), put_file(done == 0, 't', fd, len, NULL, 0))
CALL(int, ftruncate64, (int fd, off64_t len), (fd, len), put_file(done == 0, 't', fd, len, NULL, 0))
CALL(int, fsync, (int fd), (fd), put_file(done == 0, 's', fd, 0, NULL, 0))
CALL(int, fdatasync, (int fd), (fd), put_file(done == 0, 'd', fd, 0, NULL, 0))
CALL(int, syncfs, (int fd), (fd), put_file(done == 0, 'S', fd, 0, NULL, 0))
CALL(int, futimens, (int fd, const struct timespec times[2]), (fd, times),
	put_file(done == 0, 'i', fd, 0, NULL, 0))
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), put_file(done == 0, 'p', fd, mode, NULL, 0))
CALL(int, rename, (const char *from, const char *to), (from, to),
	put_named(done == 0, 'r', AT_FDCWD, from, AT_FDCWD, to))
CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to),
	put_named(done == 0, 'r', a, from, b, to))
CALL(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
	(a, from, b, to, flags), put_named(done == 0, 'r', a, from, b, to))
CALL(int, link, (const char *from, const char *to), (from, to),
	put_named(done == 0, 'l', AT_FDCWD, from, AT_FDCWD, to))
CALL(int, linkat, (int a, const char *from, int b, const char *to, int flags),
	(a, from, b, to, flags), put_named(done == 0, 'l', a, from, b, to))
CALL(int, unlink, (const char *path), (path), put_removed(done == 0, AT_FDCWD, path))
CALL(int, unlinkat, (int at, const char *path, int flags), (at, path, flags),
	put_removed(done == 0, at, path))
CALL(int, rmdir, (const char *path), (path), put_removed(done == 0, AT_FDCWD, path))
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode),
	put_made(done == 0, 'm', AT_FDCWD, path))
CALL(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode),
	put_made(done == 0, 'm', at, path))

/* Ways to change a file that no entry tells of: disk.py gives up where one was gone. */
#define UNKNOWN(type, name, parameters, arguments, is_one) \
	type name parameters \
	{ \
		static type(*go) parameters; \
		if (go == NULL) \
			go = (type(*) parameters)real(#name); \
		if (is_one) \
			put(&(struct entry){.what = '?'}, #name, NULL, NULL, 0); \
		return go arguments; \
	}
UNKNOWN(void *, mmap, (void *at, size_t len, int protection, int flags, int fd, off_t offset),
	(at, len, protection, flags, fd, offset),
	fd >= 0 && (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0)
UNKNOWN(void *, mmap64, (void *at, size_t len, int protection, int flags, int fd, off64_t offset),
	(at, len, protection, flags, fd, offset),
	fd >= 0 && (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0)
UNKNOWN(int, truncate, (const char *path, off_t len), (path, len), true)
UNKNOWN(int, symlink, (const char *to, const char *path), (to, path), true)
UNKNOWN(ssize_t, copy_file_range,
	(int in, off64_t *from, int out, off64_t *to, size_t len, unsigned flags),
	(in, from, out, to, len, flags), true)
UNKNOWN(ssize_t, writev, (int fd, const struct iovec *part, int n), (fd, part, n), true)
UNKNOWN(int, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len), true)

static void let_child_be(void)
{
	record = -1;
}

/* At once, for the program gives up what it does not need, and out of the way of its own. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("RECORD"), *last = getenv("RECORD_STOP");
	unsetenv("LD_PRELOAD");
	pthread_atfork(NULL, NULL, let_child_be);
	if (path == NULL)
		return;
	long fd = syscall(
		SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	record = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 500);
	syscall(SYS_close, fd);
	stop = last == NULL ? 0 : strtol(last, NULL, 10);
}
