#ifndef MAILTWIN_BASE_FILE_H
#define MAILTWIN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"

/*
 * Small steps with files that need care each time: nothing here follows a symlink, every
 * descriptor is closed on exec, and what only some systems have is done in its place.
 *
 * All return false (or -1) with errno set, because only the caller knows how far a failure reaches.
 */

/* file_open_directory(at, name): the directory ${name} itself below directory ${at}, for reading
 * it and for the *at() functions; -1 when it is anything else. */
int file_open_directory(int at, const char *name);

/* file_is_empty_directory(at, name): whether the directory ${name} holds nothing: 1, 0, or -1. */
int file_is_empty_directory(int at, const char *name);

/* file_open(at, name): the regular file ${name}, for reading; -1 with EINVAL when it is no such
 * file.  A FIFO or a device of that name does not block. */
int file_open(int at, const char *name);

/* file_write(fd, data, n): all ${n} bytes at ${data}. */
bool file_write(int fd, const void *data, size_t n);

/* file_read(fd, data, n): up to ${n} bytes, fewer only at the end of the file; -1. */
ssize_t file_read(int fd, void *data, size_t n);

/* file_load_fd(fd, out): append all that is left of ${fd}; EFBIG past the limit of ${out}. */
bool file_load_fd(int fd, struct buffer *out);

/* file_load(at, name, out): append all of the regular file ${name}; EFBIG past the limit of
 * ${out}. */
bool file_load(int at, const char *name, struct buffer *out);

/*
 * file_replace(at, temporary, fd, name, data, n, durable):
 * Write ${n} bytes to ${fd}, which is open on the new file ${temporary}, and rename that over
 * ${name}.  With ${durable} both are on the disk when this returns.  ${fd} stays the caller's.
 * On failure ${temporary} is removed.
 */
bool file_replace(int at, const char *temporary, int fd, const char *name, const void *data,
	size_t n, bool durable);

/* file_create(at, name): a new file, mode 0600, for writing; EEXIST when there is one. */
int file_create(int at, const char *name);

/* file_rename_new(from_at, from, to_at, to): rename, but never over an existing file: EEXIST. */
bool file_rename_new(int from_at, const char *from, int to_at, const char *to);

/* file_push(fd): let the disk begin to write what is in memory of ${fd}, and do not wait: an
 * fsync() that comes later then has little left to do.  A hint, without a result. */
void file_push(int fd);

/* file_is_local(fd): whether ${fd} lies on a file system of this machine's own, whose times come
 * from this machine's clock and are fine. */
bool file_is_local(int fd);

#endif
