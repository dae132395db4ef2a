#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static bool flush(struct maildir_draft *d, struct error *err)
{
	if (!file_write(d->fd, d->out, d->used))
		return error_errno(err, ERROR_MESSAGE, "cannot write '%s'", d->path);
	d->stored += d->used;
	d->used = 0;
	return true;
}

static bool put(struct maildir_draft *d, const uint8_t *data, size_t n, struct error *err)
{
	while (n > sizeof d->out - d->used) {
		size_t part = sizeof d->out - d->used;
		memcpy(d->out + d->used, data, part);
		d->used += part;
		data += part;
		n -= part;
		if (!flush(d, err))
			return false;
	}
	memcpy(d->out + d->used, data, n);
	d->used += n;
	return true;
}

static bool put_held(struct maildir_draft *d, struct error *err)
{
	bool held = d->held;
	d->held = false;
	if (held)
		d->last = '\r';
	return !held || put(d, (const uint8_t *)"\r", 1, err);
}

/* The byte ${back} before ${at}, which may lie in an earlier run. */
static uint8_t byte_before(
	const struct maildir_draft *d, const uint8_t *run, const uint8_t *at, size_t back)
{
	size_t inside = (size_t)(at - run);
	if (back <= inside)
		return at[-(ptrdiff_t)back];
	return d->held && back == inside + 1 ? '\r' : d->last;
}

/* Whether the line that ends at ${lf}, stored with LF alone, is read back as it was: it ends in one
 * CR and LF. */
static bool comes_back(const struct maildir_draft *d, const uint8_t *run, const uint8_t *lf)
{
	return byte_before(d, run, lf, 1) == '\r' && byte_before(d, run, lf, 2) != '\r';
}

/* Copy what was stored with LF to ${fd} as it came. */
static bool expand_to(struct maildir_draft *d, int fd, struct error *err)
{
	struct maildir_lines lines = {0};
	uint8_t in[sizeof d->out / 2];
	ssize_t got;
	d->stored = 0;
	if (lseek(d->fd, 0, SEEK_SET) < 0)
		return error_errno(err, ERROR_MESSAGE, "cannot read '%s'", d->path);
	while ((got = file_read(d->fd, in, sizeof in)) > 0) {
		size_t n = maildir_lines_expand(&lines, in, (size_t)got, d->out);
		if (!file_write(fd, d->out, n))
			return error_errno(err, ERROR_MESSAGE, "cannot write '%s'", d->path);
		d->stored += n;
	}
	return got == 0 || error_errno(err, ERROR_MESSAGE, "cannot read '%s'", d->path);
}

/* A line was met that LF alone would not give back: this message is stored as it comes, and so is
 * what of it is stored already. */
static bool store_as_it_came(struct maildir_draft *d, struct error *err)
{
	char other[sizeof d->path + 1];
	snprintf(other, sizeof other, "%s_", d->path);
	if (!flush(d, err))
		return false;
	int fd = file_create(d->dir, other);
	if (fd < 0)
		return error_errno(err, ERROR_MESSAGE, "cannot create '%s'", other);
	bool ok = expand_to(d, fd, err);
	if (ok && renameat(d->dir, other, d->dir, d->path) < 0)
		ok = error_errno(err, ERROR_MESSAGE, "cannot rename '%s'", other);
	if (!ok) {
		close(fd);
		unlinkat(d->dir, other, 0);
		return false;
	}
	close(d->fd);
	d->fd = fd;
	d->raw = true;
	d->lines.last = d->held ? '\r' : d->last;
	return put_held(d, err);
}

static bool add_raw(struct maildir_draft *d, const uint8_t *data, size_t n, struct error *err)
{
	maildir_lines_count(&d->lines, data, n);
	return put(d, data, n, err);
}

/* The end of a run, in which no line ends: a CR at its end may belong to one that does. */
static bool add_rest(struct maildir_draft *d, const uint8_t *data, size_t n, struct error *err)
{
	if (n == 0)
		return true;
	if (!put_held(d, err))
		return false;
	d->held = data[n - 1] == '\r';
	if (d->held)
		n--;
	if (n > 0)
		d->last = data[n - 1];
	return put(d, data, n, err);
}

static bool add_line(struct maildir_draft *d, const uint8_t *data, size_t n, struct error *err)
{
	/* ${n} octets before the LF; the last of them, or the one held back, is the CR to drop. */
	if (n > 0 && (!put_held(d, err) || !put(d, data, n - 1, err)))
		return false;
	d->held = false;
	d->last = '\n';
	return put(d, (const uint8_t *)"\n", 1, err);
}

static bool add(struct maildir_draft *d, const uint8_t *data, size_t n, struct error *err)
{
	const uint8_t *p = data, *end = data + n, *lf;
	while (!d->raw && p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (!comes_back(d, p, lf)) {
			if (!store_as_it_came(d, err))
				return false;
			break;
		}
		if (!add_line(d, p, (size_t)(lf - p), err))
			return false;
		p = lf + 1;
	}
	return d->raw ? add_raw(d, p, (size_t)(end - p), err)
		      : add_rest(d, p, (size_t)(end - p), err);
}

static bool copy_body(struct maildir_draft *d, struct reader *reader, struct error *err)
{
	const uint8_t *run = NULL;
	uint64_t octets = 0;
	ssize_t got;
	while ((got = reader->next(reader, &run, err)) > 0) {
		octets += (uint64_t)got;
		if (!add(d, run, (size_t)got, err))
			return false;
	}
	if (got < 0) {
		/* However far that error reaches where it happened, here one file goes. */
		if (err->scope != ERROR_CANCELLED)
			err->scope = ERROR_MESSAGE;
		return false;
	}
	if (octets != reader->size)
		return error_set(err, ERROR_MESSAGE, CAUSE_MAIL,
			"the message ended after %" PRIu64 " of %" PRIu64 " octets", octets,
			reader->size);
	d->size = octets + d->lines.bare;
	return put_held(d, err) && flush(d, err);
}

/* INTERNALDATE is the file's time.  One that the file system has no room for is given up: the
 * message counts more than its date. */
static bool set_received(struct maildir_draft *d, int64_t received, struct error *err)
{
	if (received == RECEIVED_UNKNOWN)
		return true;
	struct timespec times[2] = {{.tv_sec = (time_t)received}, {.tv_sec = (time_t)received}};
	if (futimens(d->fd, times) == 0 || errno == EINVAL || errno == EOVERFLOW)
		return true;
	return error_errno(err, ERROR_MESSAGE, "cannot set the time of '%s'", d->path);
}

bool maildir_draft_write(struct maildir_draft *d, int dir, const char *key, struct reader *reader,
	int64_t received, bool durable, struct error *err)
{
	d->dir = dir;
	d->raw = d->held = false;
	d->last = 0;
	d->lines = (struct maildir_lines){0};
	d->size = d->stored = 0;
	d->used = 0;
	snprintf(d->path, sizeof d->path, "tmp/%s", key);
	d->fd = file_create(dir, d->path);
	if (d->fd < 0)
		return error_errno(err, ERROR_MESSAGE, "cannot create '%s'", d->path);

	bool ok = copy_body(d, reader, err) && set_received(d, received, err);
	if (ok && durable)
		file_push(d->fd);
	if (close(d->fd) < 0 && ok)
		ok = error_errno(err, ERROR_MESSAGE, "cannot write '%s'", d->path);
	if (!ok)
		unlinkat(dir, d->path, 0);
	return ok;
}
