/*
 * Calls of the C library that fail, or end the program, when they are told to: loaded before it
 * with LD_PRELOAD.  What SQLite calls goes through here, too; what the C library calls within
 * itself does not.
 *
 *   FAULT_RECORD=FILE    where to append a line for each call (count), or for each fault that came
 *   FAULT=count:CLASS              let all go through
 *   FAULT=stacks:CLASS             the same, with a number for the stack of calls behind the name
 *   FAULT=once:CLASS:N:ERRNO       the N-th call of CLASS (from 1) fails; "more" is recorded where
 *                                  another comes after it
 *   FAULT=on:CLASS:N:ERRNO         it, and all calls of its name from there on
 *   FAULT=kill:CLASS:N             SIGKILL in place of it: what came before is done, it is not
 *   FAULT=brief:CLASS:N:LEN        the N-th call, if it reads or writes, does so with LEN octets at
 * the most, or with -LEN less than it asks for FAULT=sizes:calls              a line in the record
 * is as many octets as a call puts into a file FAULT=short:calls:N            reads and writes are
 * shorter than asked for, by the seed N FAULT=room:calls:N             N more octets go into files;
 * for the rest there is no space left
 *
 * CLASS is `calls` (files, directories, sockets), `memory`, or the name of a call.  N counts the
 * calls of the class.
 */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <iconv.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum class { CALLS, MEMORY };

static struct {
	char mode[8]; /* empty: not asked, or not yet */
	int record;   /* -1: none */
	enum class class;
	char only[16]; /* the name of the call, where the class is one */
	long n;
	int error;	  /* of `brief`: how long the call is */
	const char *name; /* of the call that `on` keeps failing */
} fault;

static atomic_long calls, room;
static atomic_uint_least64_t lengths;
static _Thread_local bool is_brief; /* the call that is under way */

static bool mode_is(const char *mode)
{
	return strcmp(fault.mode, mode) == 0;
}

/* By system calls of its own, for it must neither be counted nor take memory. */
static void record(const char *name)
{
	char line[64];
	size_t len = strlen(name);
	if (fault.record < 0 || len >= sizeof line)
		return;
	memcpy(line, name, len);
	line[len] = '\n';
	int saved = errno;
	syscall(SYS_write, fault.record, line, len + 1);
	errno = saved;
}

/* At once, for the program gives up what it does not need, and out of the way of its own. */
static int open_record(const char *path)
{
	if (path == NULL)
		return -1;
	long fd = syscall(
		SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	long high = syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 500);
	syscall(SYS_close, fd);
	return (int)high;
}

static _Thread_local bool is_looking; /* at the stack, which takes memory itself */

static void record_stack(const char *name)
{
	void *frame[32];
	char line[48];
	uint64_t sum = 0;
	is_looking = true;
	int n = backtrace(frame, 32);
	is_looking = false;
	for (int i = 0; i < n; i++)
		sum = (sum ^ (uintptr_t)frame[i]) * 0x9E3779B97F4A7C15u;
	snprintf(line, sizeof line, "%s/%llx", name, (unsigned long long)sum);
	record(line);
}

static bool is_asked_for(enum class class, const char *name)
{
	return fault.only[0] != '\0' ? strcmp(fault.only, name) == 0 : class == fault.class;
}

/* Whether the call `name`, which is about to be made, is to fail instead; errno then says why. */
static bool strikes(enum class class, const char *name)
{
	if (fault.mode[0] == '\0' || is_looking || !is_asked_for(class, name))
		return false;
	long n = atomic_fetch_add(&calls, 1) + 1;
	if (mode_is("count"))
		record(name);
	if (mode_is("stacks"))
		record_stack(name);
	if (n == fault.n && mode_is("kill")) {
		record(name);
		syscall(SYS_kill, getpid(), SIGKILL);
	}
	if (n == fault.n + 1 && mode_is("once"))
		record("more");
	is_brief = n == fault.n && mode_is("brief");
	if (n == fault.n && (mode_is("once") || mode_is("on"))) {
		fault.name = name;
		record(name);
	} else if (!(mode_is("on") && fault.name != NULL && strcmp(fault.name, name) == 0)) {
		return false;
	}
	errno = fault.error;
	return true;
}

/* How much of ${len} octets a call is let have. */
static size_t shortened(const char *name, size_t len)
{
	bool brief = is_brief;
	is_brief = false;
	if (len < 2)
		return len;
	if (brief) {
		size_t whole = len;
		len = fault.error > 0 ? (size_t)fault.error : len - (size_t)-fault.error;
		record(name);
		return len < whole ? len : whole;
	}
	if (!mode_is("short"))
		return len;
	uint64_t x = atomic_fetch_add(&lengths, 0x9E3779B97F4A7C15u);
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	record(name);
	return 1 + (size_t)(x >> 33) % len;
}

/* The same for what goes into a file: 0 where nothing does any more. */
static size_t space_for(const char *name, int fd, size_t len)
{
	struct stat st;
	if (!(mode_is("room") || mode_is("sizes")) || syscall(SYS_fstat, fd, &st) < 0 ||
		!S_ISREG(st.st_mode))
		return len;
	if (mode_is("sizes")) {
		char size[24];
		snprintf(size, sizeof size, "%zu", len);
		record(size);
		return len;
	}
	long left = atomic_fetch_sub(&room, (long)len);
	if (left >= (long)len)
		return len;
	record(name);
	return left > 0 ? (size_t)left : 0;
}

static void *real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);
	if (f == NULL)
		abort();
	return f;
}

/* CALL(type, failed, name, of, (parameters), (arguments)): `name` as it is, or `failed`; it is
 * recorded as `of`. */
#define CALL(type, failed, name, of, parameters, arguments) \
	type name parameters \
	{ \
		static type(*go) parameters; \
		if (go == NULL) \
			go = (type(*) parameters)real(#name); \
		if (strikes(CALLS, of)) \
			return failed; \
		return go arguments; \
	}

/* open() and its like: the mode is passed on whether or not there is one. */
#define OPEN(name, of, parameters, types, arguments) \
	int name parameters \
	{ \
		static int(*go) types; \
		if (go == NULL) \
			go = (int(*) types)real(#name); \
		va_list more; \
		va_start(more, flags); \
		mode_t mode = va_arg(more, mode_t); \
		va_end(more); \
		return strikes(CALLS, of) ? -1 : go arguments; \
	}
OPEN(open, "open", (const char *path, int flags, ...), (const char *, int, mode_t),
	(path, flags, mode))
OPEN(open64, "open", (const char *path, int flags, ...), (const char *, int, mode_t),
	(path, flags, mode))
OPEN(openat, "openat", (int at, const char *path, int flags, ...), (int, const char *, int, mode_t),
	(at, path, flags, mode))
OPEN(openat64, "openat", (int at, const char *path, int flags, ...),
	(int, const char *, int, mode_t), (at, path, flags, mode))

#define FCNTL(name) \
	int name(int fd, int what, ...) \
	{ \
		static int (*go)(int, int, void *); \
		if (go == NULL) \
			go = (int (*)(int, int, void *))real(#name); \
		va_list more; \
		va_start(more, what); \
		void *value = va_arg(more, void *); \
		va_end(more); \
		return strikes(CALLS, "fcntl") ? -1 : go(fd, what, value); \
	}
FCNTL(fcntl)
FCNTL(fcntl64)

/* Reads and writes may be short. */
#define READ(name, of, parameters, arguments) \
	ssize_t name parameters \
	{ \
		static ssize_t(*go) parameters; \
		if (go == NULL) \
			go = (ssize_t(*) parameters)real(#name); \
		if (strikes(CALLS, of)) \
			return -1; \
		len = shortened(of, len); \
		return go arguments; \
	}
READ(read, "read", (int fd, void *to, size_t len), (fd, to, len))
READ(recv, "recv", (int fd, void *to, size_t len, int flags), (fd, to, len, flags))
READ(pread, "pread", (int fd, void *to, size_t len, off_t at), (fd, to, len, at))
READ(pread64, "pread", (int fd, void *to, size_t len, off64_t at), (fd, to, len, at))
READ(send, "send", (int fd, const void *from, size_t len, int flags), (fd, from, len, flags))

#define WRITE(name, of, parameters, arguments) \
	ssize_t name parameters \
	{ \
		static ssize_t(*go) parameters; \
		if (go == NULL) \
			go = (ssize_t(*) parameters)real(#name); \
		if (strikes(CALLS, of)) \
			return -1; \
		size_t all = len; \
		len = space_for(of, fd, shortened(of, len)); \
		if (len == 0 && all > 0) { \
			errno = ENOSPC; \
			return -1; \
		} \
		return go arguments; \
	}
WRITE(write, "write", (int fd, const void *from, size_t len), (fd, from, len))
WRITE(pwrite, "pwrite", (int fd, const void *from, size_t len, off_t at), (fd, from, len, at))
WRITE(pwrite64, "pwrite", (int fd, const void *from, size_t len, off64_t at), (fd, from, len, at))

CALL(int, -1, fsync, "fsync", (int fd), (fd))
CALL(int, -1, fdatasync, "fdatasync", (int fd), (fd))
CALL(int, -1, syncfs, "syncfs", (int fd), (fd))
CALL(int, -1, ftruncate, "ftruncate", (int fd, off_t len), (fd, len))
CALL(int, -1, ftruncate64, "ftruncate", (int fd, off64_t len), (fd, len))
CALL(int, -1, rename, "rename", (const char *from, const char *to), (from, to))
CALL(int, -1, renameat, "renameat", (int a, const char *from, int b, const char *to),
	(a, from, b, to))
CALL(int, -1, renameat2, "renameat2",
	(int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags))
CALL(int, -1, link, "link", (const char *from, const char *to), (from, to))
CALL(int, -1, linkat, "linkat", (int a, const char *from, int b, const char *to, int flags),
	(a, from, b, to, flags))
CALL(int, -1, unlink, "unlink", (const char *path), (path))
CALL(int, -1, unlinkat, "unlinkat", (int at, const char *path, int flags), (at, path, flags))
CALL(int, -1, mkdir, "mkdir", (const char *path, mode_t mode), (path, mode))
CALL(int, -1, mkdirat, "mkdirat", (int at, const char *path, mode_t mode), (at, path, mode))
CALL(int, -1, futimens, "futimens", (int fd, const struct timespec times[2]), (fd, times))
CALL(int, -1, fchmod, "fchmod", (int fd, mode_t mode), (fd, mode))
CALL(int, -1, flock, "flock", (int fd, int what), (fd, what))
CALL(DIR *, NULL, opendir, "opendir", (const char *path), (path))
CALL(DIR *, NULL, fdopendir, "fdopendir", (int fd), (fd))
CALL(struct dirent *, NULL, readdir, "readdir", (DIR * dir), (dir))
CALL(struct dirent64 *, NULL, readdir64, "readdir", (DIR * dir), (dir))
CALL(int, -1, stat, "stat", (const char *path, struct stat *st), (path, st))
CALL(int, -1, stat64, "stat", (const char *path, struct stat64 *st), (path, st))
CALL(int, -1, lstat, "lstat", (const char *path, struct stat *st), (path, st))
CALL(int, -1, lstat64, "lstat", (const char *path, struct stat64 *st), (path, st))
CALL(int, -1, fstat, "fstat", (int fd, struct stat *st), (fd, st))
CALL(int, -1, fstat64, "fstat", (int fd, struct stat64 *st), (fd, st))
CALL(int, -1, fstatat, "fstatat", (int at, const char *path, struct stat *st, int flags),
	(at, path, st, flags))
CALL(int, -1, fstatat64, "fstatat", (int at, const char *path, struct stat64 *st, int flags),
	(at, path, st, flags))
CALL(int, -1, fstatfs, "fstatfs", (int fd, struct statfs *st), (fd, st))
CALL(int, -1, statx, "statx",
	(int at, const char *path, int flags, unsigned mask, struct statx *st),
	(at, path, flags, mask, st))
CALL(int, -1, access, "access", (const char *path, int mode), (path, mode))
CALL(int, -1, faccessat, "faccessat", (int at, const char *path, int mode, int flags),
	(at, path, mode, flags))
CALL(off_t, -1, lseek, "lseek", (int fd, off_t at, int whence), (fd, at, whence))
CALL(off64_t, -1, lseek64, "lseek", (int fd, off64_t at, int whence), (fd, at, whence))
CALL(int, -1, socket, "socket", (int domain, int type, int protocol), (domain, type, protocol))
CALL(int, -1, connect, "connect", (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len))
CALL(int, -1, setsockopt, "setsockopt",
	(int fd, int level, int name, const void *value, socklen_t len),
	(fd, level, name, value, len))
CALL(int, -1, getsockopt, "getsockopt", (int fd, int level, int name, void *value, socklen_t *len),
	(fd, level, name, value, len))
CALL(int, -1, pipe2, "pipe2", (int fds[2], int flags), (fds, flags))
CALL(int, -1, socketpair, "socketpair", (int domain, int type, int protocol, int fds[2]),
	(domain, type, protocol, fds))
CALL(ssize_t, -1, sendmsg, "sendmsg", (int fd, const struct msghdr *from, int flags),
	(fd, from, flags))
CALL(ssize_t, -1, recvmsg, "recvmsg", (int fd, struct msghdr *to, int flags), (fd, to, flags))
CALL(int, -1, getpeername, "getpeername", (int fd, struct sockaddr *to, socklen_t *len),
	(fd, to, len))
CALL(int, -1, shutdown, "shutdown", (int fd, int how), (fd, how))
CALL(int, -1, dup2, "dup2", (int from, int to), (from, to))
CALL(pid_t, -1, fork, "fork", (void), ())
CALL(ssize_t, -1, getrandom, "getrandom", (void *to, size_t len, unsigned flags), (to, len, flags))
CALL(iconv_t, (iconv_t)-1, iconv_open, "iconv_open", (const char *to, const char *from), (to, from))
CALL(char *, NULL, getcwd, "getcwd", (char *to, size_t len), (to, len))
CALL(ssize_t, -1, readlink, "readlink", (const char *path, char *to, size_t len), (path, to, len))
/* What _FORTIFY_SOURCE makes of realpath(). */
char *__realpath_chk(const char *path, char *to, size_t size);
CALL(char *, NULL, realpath, "realpath", (const char *path, char *to), (path, to))
CALL(char *, NULL, __realpath_chk, "realpath", (const char *path, char *to, size_t size),
	(path, to, size))
CALL(int, -1, sync_file_range, "sync_file_range", (int fd, off64_t at, off64_t len, unsigned flags),
	(fd, at, len, flags))
CALL(int, -1, ppoll, "ppoll",
	(struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
	(fds, n, timeout, mask))
CALL(int, -1, poll, "poll", (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))
/* What _FORTIFY_SOURCE makes of poll(). */
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
CALL(int, -1, __poll_chk, "poll", (struct pollfd * fds, nfds_t n, int timeout, size_t size),
	(fds, n, timeout, size))
CALL(void *, MAP_FAILED, mmap, "mmap",
	(void *at, size_t len, int protection, int flags, int fd, off_t offset),
	(at, len, protection, flags, fd, offset))
CALL(void *, MAP_FAILED, mmap64, "mmap",
	(void *at, size_t len, int protection, int flags, int fd, off64_t offset),
	(at, len, protection, flags, fd, offset))

/* Linux closes it whatever it says. */
int close(int fd)
{
	bool fails = strikes(CALLS, "close");
	int error = errno;
	long done = syscall(SYS_close, fd);
	if (fails)
		errno = error;
	return fails ? -1 : (int)done;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **found)
{
	static int (*go)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	if (go == NULL)
		go = (int (*)(const char *, const char *, const struct addrinfo *,
			struct addrinfo **))real("getaddrinfo");
	if (!strikes(CALLS, "getaddrinfo"))
		return go(host, service, hints, found);
	return errno == ENOMEM ? EAI_MEMORY : errno == EAGAIN ? EAI_AGAIN : EAI_SYSTEM;
}

int pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *of)
{
	static int (*go)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	if (go == NULL)
		go = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))real(
			"pthread_create");
	return strikes(CALLS, "pthread_create") ? errno : go(thread, attributes, run, of);
}

/* A sanitizer has its own. */
#ifndef FAULTS_SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
	return strikes(MEMORY, "malloc") ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return strikes(MEMORY, "calloc") ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return strikes(MEMORY, "realloc") ? NULL : __libc_realloc(old, size);
}
#endif

static void let_child_be(void)
{
	fault.mode[0] = '\0';
}

/* The programs that it starts are not the ones under test, nor is the process that starts them. */
__attribute__((constructor)) static void begin(void)
{
	char class[16] = "", mode[8] = "";
	const char *asked = getenv("FAULT");
	unsetenv("LD_PRELOAD");
	pthread_atfork(NULL, NULL, let_child_be);
	if (asked == NULL ||
		sscanf(asked, "%7[^:]:%15[^:]:%ld:%d", mode, class, &fault.n, &fault.error) < 2)
		return;
	fault.record = open_record(getenv("FAULT_RECORD"));
	fault.class = strcmp(class, "memory") == 0 ? MEMORY : CALLS;
	if (fault.class == CALLS && strcmp(class, "calls") != 0)
		memcpy(fault.only, class, sizeof class);
	atomic_store(&room, fault.n);
	atomic_store(&lengths, (uint64_t)fault.n);
	memcpy(fault.mode, mode, sizeof mode);
}
