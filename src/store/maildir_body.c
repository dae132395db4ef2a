#include "store/maildir.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* Looks for the empty line that ends the header block. */
struct header_scan {
	uint64_t line; /* octets of the line under way that earlier runs held */
	uint64_t end;  /* octets of the file up to and with the empty line; 0 = not met */
};

/*
 * Go through the lines of a run that begins ${offset} octets into the file, no further than the
 * empty line; return how many octets of the run were taken.
 */
static size_t scan_header(struct header_scan *scan, struct maildir_lines *lines, uint64_t offset,
	const uint8_t *data, size_t n)
{
	const uint8_t *p = data, *end = data + n, *lf;
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		uint64_t length = scan->line + (uint64_t)(lf - p);
		uint8_t last = lf == p && scan->line > 0 ? lines->last : lf > p ? lf[-1] : 0;
		maildir_lines_count(lines, p, (size_t)(lf + 1 - p));
		scan->line = 0;
		p = lf + 1;
		if (length == 0 || (length == 1 && last == '\r')) {
			scan->end = offset + (uint64_t)(p - data);
			return (size_t)(p - data);
		}
	}
	scan->line += (uint64_t)(end - p);
	maildir_lines_count(lines, p, (size_t)(end - p));
	return n;
}

bool maildir_unreadable(struct error *err, const char *path)
{
	error_errno(err, ERROR_MESSAGE, "cannot read '%s'", path);
	if (err != NULL)
		err->cause = CAUSE_MAIL;
	return false;
}

static bool changed(const struct maildir_body *body, struct error *err)
{
	return error_set(err, ERROR_MESSAGE, CAUSE_MAIL,
		"'%s' changed while it was read; the next "
		"run reads it again",
		body->path);
}

/*
 * Read the file once from start to end, or with ${header_only} to the end of its header block, to
 * know the size before the first byte is given.  The last run that was read stays in in[].
 */
static bool measure(struct maildir_body *body, bool header_only, bool whole, struct error *err)
{
	struct header_scan header = {0};
	struct maildir_lines lines = {0};
	uint64_t offset = 0, header_size = 0;
	ssize_t got;
	do {
		got = file_read(body->fd, body->in, sizeof body->in);
		if (got < 0)
			return maildir_unreadable(err, body->path);
		size_t used = 0;
		if (header_only && header.end == 0) {
			used = scan_header(&header, &lines, offset, body->in, (size_t)got);
			header_size = offset + used + lines.bare;
		}
		maildir_lines_count(&lines, body->in + used, (size_t)got - used);
		offset += (uint64_t)got;
	} while ((size_t)got == sizeof body->in && (whole || header.end == 0));

	body->size = offset + lines.bare;
	body->stored = header_only && header.end > 0 ? header.end : offset;
	body->reader.size = header_only && header.end > 0 ? header_size : body->size;
	body->loaded = offset == (uint64_t)got;
	body->bare = lines.bare;
	if (!body->loaded && lseek(body->fd, 0, SEEK_SET) < 0)
		return maildir_unreadable(err, body->path);
	return true;
}

/* The file's next octets in in[], which measure() has left there if they were all. */
static ssize_t read_run(struct maildir_body *body, struct error *err)
{
	uint64_t left = body->stored - body->read;
	size_t want = left < sizeof body->in ? (size_t)left : sizeof body->in;
	if (body->loaded)
		return (ssize_t)want;
	ssize_t got = file_read(body->fd, body->in, want);
	if (got < 0)
		maildir_unreadable(err, body->path);
	else if ((size_t)got < want)
		changed(body, err);
	return (size_t)got == want ? got : -1;
}

/* The last byte was given: is that the end of the file as well? */
static bool ends_here(struct maildir_body *body, struct error *err)
{
	uint8_t more;
	if (body->sent != body->reader.size)
		return changed(body, err);
	if (body->reader.size != body->size || body->loaded)
		return true;
	ssize_t got = file_read(body->fd, &more, 1);
	if (got < 0)
		return maildir_unreadable(err, body->path);
	return got == 0 || changed(body, err);
}

static ssize_t next_run(struct reader *reader, const uint8_t **run, struct error *err)
{
	struct maildir_body *body = (struct maildir_body *)reader;
	if (body->read == body->stored)
		return ends_here(body, err) ? 0 : -1;
	ssize_t got = read_run(body, err);
	if (got < 0)
		return -1;
	size_t n = (size_t)got;
	*run = body->in;
	if (body->bare > 0) {
		n = maildir_lines_expand(&body->lines, body->in, (size_t)got, body->out);
		*run = body->out;
	}
	body->read += (uint64_t)got;
	body->sent += n;
	if (body->sent > body->reader.size) {
		changed(body, err);
		return -1;
	}
	return (ssize_t)n;
}

bool maildir_body_begin(struct maildir_body *body, int fd, const char *path, bool header_only,
	uint64_t known_size, struct error *err)
{
	maildir_body_end(body);
	body->fd = fd;
	snprintf(body->path, sizeof body->path, "%s", path);
	body->read = body->sent = 0;
	body->lines = (struct maildir_lines){0};
	body->reader.next = next_run;
	if (!measure(body, header_only, known_size == 0, err)) {
		maildir_body_end(body);
		return false;
	}
	if (header_only && known_size != 0)
		body->size = known_size;
	return true;
}

void maildir_body_end(struct maildir_body *body)
{
	if (body->fd >= 0)
		close(body->fd);
	body->fd = -1;
}
