#include "config.h"

#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct interference interfere;

static struct {
	int countdown; /* 1: the next call fails; 0: none does */
	int error;
} faults[CALLS];

void fail_call(enum call call, int nth, int error)
{
	faults[call].countdown = nth;
	faults[call].error = error;
}

static bool fails(enum call call)
{
	if (faults[call].countdown == 0 || --faults[call].countdown > 0)
		return false;
	errno = faults[call].error;
	return true;
}

ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n)
{
	return fails(CALL_WRITE) ? -1 : __real_write(fd, data, n);
}

ssize_t __real_read(int fd, void *data, size_t n);
ssize_t __wrap_read(int fd, void *data, size_t n);
ssize_t __wrap_read(int fd, void *data, size_t n)
{
	return fails(CALL_READ) ? -1 : __real_read(fd, data, n);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	return fails(CALL_FSYNC) ? -1 : __real_fsync(fd);
}

int __real_renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags);
int __wrap_renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags);
int __wrap_renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
	return fails(CALL_RENAME) ? -1 : __real_renameat2(from_at, from, to_at, to, flags);
}

int __real_linkat(int from_at, const char *from, int to_at, const char *to, int flags);
int __wrap_linkat(int from_at, const char *from, int to_at, const char *to, int flags);
int __wrap_linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
	return fails(CALL_LINK) ? -1 : __real_linkat(from_at, from, to_at, to, flags);
}

struct dirent *__real_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d)
{
	if (fails(CALL_READDIR))
		return NULL;
	struct dirent *e = __real_readdir(d);
	if (e != NULL && interfere.without_types)
		e->d_type = DT_UNKNOWN;
	if (e != NULL && interfere.overlooked != NULL &&
		strcmp(e->d_name, interfere.overlooked) == 0) {
		interfere.overlooked = NULL;
		if (interfere.while_reading != NULL)
			interfere.while_reading();
		return __real_readdir(d);
	}
	return e;
}

int __real_flock(int fd, int how);
int __wrap_flock(int fd, int how);
int __wrap_flock(int fd, int how)
{
	void (*first)(void) = interfere.before_locking;
	interfere.before_locking = NULL;
	if (first != NULL)
		first();
	return __real_flock(fd, how);
}

time_t __real_time(time_t *t);
time_t __wrap_time(time_t *t);
time_t __wrap_time(time_t *t)
{
	return __real_time(t) + interfere.time_passed;
}

bool faults_pending(void)
{
	for (int i = 0; i < CALLS; i++)
		if (faults[i].countdown > 0)
			return true;
	return false;
}

void faults_reset(void)
{
	memset(faults, 0, sizeof faults);
	interfere = (struct interference){0};
}
