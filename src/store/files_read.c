#include "store/files_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "mail/header.h"

/* A header block that is longer is cut: who wants to know a message by it has enough. */
#define HEADER_LIMIT ((size_t)1024 * 1024)

/* ---- files ---- */

static bool unreadable(struct error *err, const char *path, const char *why)
{
	return error_set(err, ERROR_MAILBOX, CAUSE_LOCAL, "'%s' cannot be read: %s", path, why);
}

static bool is_compressed(int fd)
{
	static const uint8_t magic[] = {0x1F, 0x8B};
	uint8_t data[sizeof magic];
	return pread(fd, data, sizeof data, 0) == (ssize_t)sizeof data &&
	       memcmp(data, magic, sizeof magic) == 0;
}

bool files_open_source(
	struct files_source *source, const char *path, bool packed, struct error *err)
{
	*source = (struct files_source){.fd = file_open(AT_FDCWD, path), .path = path};
	if (source->fd < 0)
		return unreadable(err, path, strerror(errno));
	if (packed && is_compressed(source->fd)) {
		source->gz = gzdopen(source->fd, "rb");
		if (source->gz == NULL)
			die_out_of_memory();
	}
	return true;
}

void files_close_source(struct files_source *source)
{
	if (source->gz != NULL)
		gzclose(source->gz);
	else if (source->fd >= 0)
		close(source->fd);
	*source = (struct files_source){.fd = -1};
}

/* A compressed file that ends early gives what there is, and tells only then. */
static ssize_t read_compressed(struct files_source *source, void *data, size_t n, struct error *err)
{
	int rc = Z_OK, got = gzread(source->gz, data, (unsigned)n);
	const char *why = gzerror(source->gz, &rc);
	if (got >= 0 && ((size_t)got == n || rc == Z_OK || rc == Z_STREAM_END))
		return got;
	unreadable(err, source->path, rc == Z_ERRNO ? strerror(errno) : why);
	return -1;
}

ssize_t files_read_source(struct files_source *source, void *data, size_t n, struct error *err)
{
	if (source->gz != NULL)
		return read_compressed(source, data, n, err);
	ssize_t got = file_read(source->fd, data, n);
	if (got < 0)
		unreadable(err, source->path, strerror(errno));
	return got;
}

static bool seek(struct files_source *source, uint64_t offset, struct error *err)
{
	off_t at = source->gz != NULL ? (off_t)gzseek(source->gz, (z_off_t)offset, SEEK_SET)
				      : lseek(source->fd, (off_t)offset, SEEK_SET);
	return at == (off_t)offset || unreadable(err, source->path, "it is shorter than it was");
}

/* ---- lines ---- */

struct files_lines *files_lines_open(const char *path, bool packed, struct error *err)
{
	struct files_lines *lines = calloc(1, sizeof *lines);
	if (lines == NULL)
		die_out_of_memory();
	if (files_open_source(&lines->source, path, packed, err))
		return lines;
	free(lines);
	return NULL;
}

void files_lines_free(struct files_lines *lines)
{
	if (lines == NULL)
		return;
	files_close_source(&lines->source);
	free(lines);
}

static bool fill(struct files_lines *l, struct error *err)
{
	l->end -= l->at;
	memmove(l->data, l->data + l->at, l->end);
	l->at = 0;
	size_t room = sizeof l->data - l->end;
	ssize_t got = files_read_source(&l->source, l->data + l->end, room, err);
	if (got < 0)
		return false;
	l->last = (size_t)got < room;
	l->end += (size_t)got;
	return true;
}

int files_next_line(
	struct files_lines *l, const char **out, size_t *len, bool *begins, struct error *err)
{
	l->offset += l->given;
	const char *lf = memchr(l->data + l->at, '\n', l->end - l->at);
	if (lf == NULL && !l->last) {
		if (!fill(l, err))
			return -1;
		lf = memchr(l->data, '\n', l->end);
	}
	*out = l->data + l->at;
	*len = l->given = lf != NULL ? (size_t)(lf + 1 - *out) : l->end - l->at;
	*begins = !l->inside;
	l->inside = lf == NULL;
	l->at += *len;
	return *len > 0;
}

/* ---- keys ---- */

/* Sorted as text, keys are in the order of the file. */
const char *files_key(const struct files_place *p, struct arena *arena)
{
	return arena_printf(arena, "%020" PRIu64 ".%" PRIu64 ".%" PRIu64 ".%d.%s", p->start,
		p->length, p->size, (int)p->lines, p->file);
}

bool files_key_read(const char *key, struct files_place *p)
{
	int lines, n = 0;
	if (sscanf(key, "%" SCNu64 ".%" SCNu64 ".%" SCNu64 ".%d.%n", &p->start, &p->length,
		    &p->size, &lines, &n) < 4 ||
		n == 0)
		return false;
	p->lines = (enum mbox_lines)lines;
	p->file = key + n;
	return true;
}

/* ---- messages ---- */

/* The next run as it is in the message: 1 or more; 0 = the end; -1. */
static ssize_t next_run(struct files_body *b, struct error *err)
{
	size_t n = 0;
	while (n == 0 && b->left > 0) {
		size_t want = b->left < sizeof b->in ? (size_t)b->left : sizeof b->in;
		ssize_t got = files_read_source(&b->source, b->in, want, err);
		if (got <= 0)
			return got;
		b->left -= (uint64_t)got;
		b->at += (uint64_t)got;
		n = mbox_decode(&b->coder, b->in, (size_t)got, b->out);
	}
	if (n == 0 && !b->ended) {
		b->ended = true;
		n = mbox_decode_end(&b->coder, b->out);
	}
	return (ssize_t)(n < b->give ? n : b->give);
}

static ssize_t next_of_message(struct reader *reader, const uint8_t **run, struct error *err)
{
	struct files_body *b = (struct files_body *)reader;
	if (b->give == 0)
		return 0;
	ssize_t n = next_run(b, err);
	if (n <= 0) {
		if (n == 0)
			unreadable(err, b->path, "it was changed while it was read");
		if (err != NULL)
			err->scope = ERROR_MESSAGE;
		return -1;
	}
	b->give -= (uint64_t)n;
	*run = b->out;
	return n;
}

static ssize_t next_of_header(struct reader *reader, const uint8_t **run, struct error *err)
{
	struct files_body *b = (struct files_body *)reader;
	(void)err;
	*run = (const uint8_t *)b->header.data;
	ssize_t n = b->whole ? 0 : (ssize_t)b->reader.size;
	b->whole = true;
	return n;
}

/* A header block is told with its length, so it is looked for at once. */
static bool load_header(struct files_body *b, struct error *err)
{
	const uint8_t *run;
	ssize_t n = 0;
	size_t length = 0;
	b->header.len = 0;
	while (length == b->header.len && b->header.len < HEADER_LIMIT &&
		(n = next_of_message(&b->reader, &run, err)) > 0) {
		buffer_add(&b->header, run, (size_t)n);
		length = header_length(b->header.data, b->header.len);
	}
	b->reader.size = length;
	b->reader.next = next_of_header;
	b->whole = false;
	return n >= 0;
}

/* Messages are mostly asked for in their order: the file stays open, so that one that is compressed
 * is read once. */
static bool reach(
	struct files_body *b, const char *path, bool packed, uint64_t start, struct error *err)
{
	if (b->path == NULL || strcmp(b->path, path) != 0) {
		files_body_close(b);
		b->path = strdup(path);
		if (b->path == NULL)
			die_out_of_memory();
		if (!files_open_source(&b->source, b->path, packed, err)) {
			files_body_close(b);
			return false;
		}
	}
	bool ok = b->at == start || seek(&b->source, start, err);
	b->at = start;
	return ok;
}

bool files_body_open(struct files_body *b, const char *path, bool packed,
	const struct files_place *place, bool header, struct error *err)
{
	if (!reach(b, path, packed, place->start, err))
		return false;
	b->coder = (struct mbox_coder){.lines = place->lines, .plain = place->file[0] != '\0'};
	b->left = place->length;
	b->give = b->reader.size = place->size;
	b->ended = false;
	b->reader.next = next_of_message;
	if (b->header.limit == 0)
		buffer_init(&b->header, HEADER_LIMIT + sizeof b->out);
	return !header || load_header(b, err);
}

void files_body_close(struct files_body *b)
{
	files_close_source(&b->source);
	buffer_finish(&b->header);
	free(b->path);
	b->path = NULL;
	b->at = 0;
}
