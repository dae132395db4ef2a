#include "store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/file.h"
#include "store/maildir.h"

/* Octets coded at once. */
#define RUN ((size_t)32 * 1024)

/* Flags and keywords of a message: quoted, an octet is six at most, so that they fit in a line. */
#define MOST_FLAGS (FILES_LINE / 8)

/* Names of files that are not complete; no mailbox is spelt with a leading dot. */
#define DATA_TEMPORARY ".export-messages.tmp"
#define SIDE_TEMPORARY ".export-jsonl.tmp"

struct files_out {
	enum files_format format;
	struct arena *arena; /* of the mailbox under way */
	int root, dir;	     /* the tree; the folder of the mailbox under way, or -1 */
	int data, side;	     /* its mbox, its sidecar, or -1 */
	gzFile gz;	     /* what compresses into `data` */
	const char *name, *side_name;
	uint64_t offset; /* octets of the mbox, before they were compressed */
	unsigned number; /* of the message that was written last */
	struct buffer lines;
	uint8_t coded[MBOX_ROOM(RUN)];
};

/* ---- names ---- */

static const struct maildir_naming naming = {.style = STYLE_NESTED};

static const char *const endings[] = {
	".mbox", ".gz", ".eml", FILES_SIDECAR, ".sbd", ".msf", ".tmp"};

/* ${level} as the name of a folder that no file here can have. */
static const char *guard(const char *level, struct arena *arena)
{
	const char *dot = strrchr(level, '.');
	for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof *endings; i++)
		if (ascii_compare(dot, endings[i]) == 0)
			return arena_printf(
				arena, "%.*s%%2E%s", (int)(dot - level), level, dot + 1);
	return level;
}

static int enter(int at, const char *name, struct error *err)
{
	int dir = -1;
	if (mkdirat(at, name, 0700) == 0 || errno == EEXIST)
		dir = file_open_directory(at, name);
	if (dir < 0)
		error_errno(err, errno == ENAMETOOLONG ? ERROR_MAILBOX : ERROR_STORE,
			"cannot make the folder '%s'", name);
	return dir;
}

/* Go down to where the mailbox is; ${*rest} is the last level where that is a file. */
static bool descend(struct files_out *o, const char *path, const char **rest, struct error *err)
{
	o->dir = fcntl(o->root, F_DUPFD_CLOEXEC, 0);
	while (o->dir >= 0) {
		size_t n = strcspn(path, "/");
		*rest = guard(arena_strndup(o->arena, path, n), o->arena);
		if (path[n] == '\0' && o->format != FILES_EML)
			return true;
		int below = enter(o->dir, *rest, err);
		close(o->dir);
		o->dir = below;
		if (path[n] == '\0')
			return below >= 0;
		path += n + 1;
	}
	return false;
}

/* ---- a tree ---- */

/* Whether ${path} is, or now is, a folder that holds nothing. */
static bool make_folder(const char *path, struct error *err)
{
	int empty = -1;
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		empty = file_is_empty_directory(AT_FDCWD, path);
	if (empty < 0)
		return error_errno(err, ERROR_STORE, "cannot make the folder '%s'", path);
	return empty > 0 || error_set(err, ERROR_STORE, CAUSE_CONFIG,
				    "'%s' holds something already, and nothing is overwritten; "
				    "name a new folder, or an empty one",
				    path);
}

struct files_out *files_new(const char *path, enum files_format format, struct error *err)
{
	if (!make_folder(path, err))
		return NULL;
	int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0) {
		error_errno(err, ERROR_STORE, "cannot open the folder '%s'", path);
		return NULL;
	}
	struct files_out *o = calloc(1, sizeof *o);
	if (o == NULL)
		die_out_of_memory();
	o->format = format;
	o->arena = arena_new();
	o->root = root;
	o->dir = o->data = o->side = -1;
	buffer_init(&o->lines, RUN + FILES_LINE);
	return o;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void leave_mailbox(struct files_out *o)
{
	if (o->gz != NULL)
		gzclose(o->gz);
	o->gz = NULL;
	close_one(&o->data);
	close_one(&o->side);
	if (o->dir >= 0) {
		unlinkat(o->dir, DATA_TEMPORARY, 0);
		unlinkat(o->dir, SIDE_TEMPORARY, 0);
	}
	close_one(&o->dir);
	o->lines.len = 0;
	arena_reset(o->arena);
}

void files_free(struct files_out *o)
{
	if (o == NULL)
		return;
	leave_mailbox(o);
	buffer_finish(&o->lines);
	arena_free(o->arena);
	close(o->root);
	free(o);
}

/* ---- a mailbox ---- */

static bool cannot_write(struct error *err, const char *name)
{
	return error_errno(err, ERROR_STORE, "cannot write '%s'", name);
}

static bool create(struct files_out *o, const char *name, int *fd, struct error *err)
{
	*fd = file_create(o->dir, name);
	return *fd >= 0 || cannot_write(err, name);
}

static bool begin_mbox(struct files_out *o, const char *level, struct error *err)
{
	const char *ending = o->format == FILES_MBOX_GZ ? ".gz" : "";
	o->name = arena_printf(o->arena, "%s.mbox%s", level, ending);
	o->side_name = arena_printf(o->arena, "%s.mbox%s", level, FILES_SIDECAR);
	if (strlen(o->side_name) > NAME_MAX)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "its name is too long for a file");
	if (!create(o, DATA_TEMPORARY, &o->data, err))
		return false;
	if (o->format != FILES_MBOX_GZ)
		return true;
	int copy = fcntl(o->data, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return cannot_write(err, o->name);
	o->gz = gzdopen(copy, "wb");
	if (o->gz == NULL)
		die_out_of_memory();
	return true;
}

static bool flush_lines(struct files_out *o, struct error *err)
{
	bool ok = file_write(o->side, o->lines.data, o->lines.len);
	o->lines.len = 0;
	return ok || cannot_write(err, o->side_name);
}

static bool add_line(struct files_out *o, const struct sidecar *line, struct error *err)
{
	if (!sidecar_write(line, &o->lines))
		return error_set(
			err, ERROR_STORE, CAUSE_MAIL, "'%s': a line is too long", o->side_name);
	return o->lines.len < RUN || flush_lines(o, err);
}

bool files_begin(struct files_out *o, const struct sidecar *mailbox, struct error *err)
{
	const char *level;
	leave_mailbox(o);
	const char *path = maildir_name_encode(&naming, mailbox->mailbox, o->arena, err);
	o->offset = 0;
	o->number = 0;
	o->side_name = FILES_EML_SIDECAR;
	return path != NULL && descend(o, path, &level, err) &&
	       (o->format == FILES_EML || begin_mbox(o, level, err)) &&
	       create(o, SIDE_TEMPORARY, &o->side, err) && add_line(o, mailbox, err);
}

static bool put_in_place(
	struct files_out *o, int *fd, const char *temporary, const char *name, struct error *err)
{
	bool ok = fsync(*fd) == 0 && file_rename_new(o->dir, temporary, o->dir, name);
	if (!ok)
		cannot_write(err, name);
	close_one(fd);
	return ok;
}

/* The last of what is compressed is written when that is closed. */
static bool end_gz(struct files_out *o, struct error *err)
{
	int rc = o->gz == NULL ? Z_OK : gzclose(o->gz);
	o->gz = NULL;
	return rc == Z_OK || cannot_write(err, o->name);
}

/* The sidecar first: a mailbox that has its name has that, too. */
bool files_end(struct files_out *o, struct error *err)
{
	bool ok = flush_lines(o, err) && end_gz(o, err) &&
		  put_in_place(o, &o->side, SIDE_TEMPORARY, o->side_name, err) &&
		  (o->format == FILES_EML ||
			  put_in_place(o, &o->data, DATA_TEMPORARY, o->name, err)) &&
		  (fsync(o->dir) == 0 || cannot_write(err, o->side_name));
	leave_mailbox(o);
	return ok;
}

/* ---- a message in an mbox ---- */

/* Whether every LF of the message has its CR; reading it to its end also tells that it is whole. */
static bool look_at_lines(files_open *open, void *context, bool *bare, struct error *err)
{
	struct maildir_lines lines = {.bare = 0};
	struct reader *reader;
	const uint8_t *run;
	ssize_t n = -1;
	if (open(context, &reader, err))
		while ((n = reader->next(reader, &run, err)) > 0)
			maildir_lines_count(&lines, run, (size_t)n);
	*bare = lines.bare > 0;
	return n == 0;
}

static bool put(struct files_out *o, const void *data, size_t n, struct error *err)
{
	bool ok = o->gz != NULL ? n == 0 || gzwrite(o->gz, data, (unsigned)n) > 0
				: file_write(o->data, data, n);
	o->offset += n;
	return ok || cannot_write(err, o->name);
}

static bool put_coded(struct files_out *o, struct mbox_coder *c, const uint8_t *run, size_t n,
	bool *ended, struct error *err)
{
	bool ok = true;
	for (size_t at = 0; ok && at < n; at += RUN) {
		size_t step = n - at < RUN ? n - at : RUN;
		ok = put(o, o->coded, mbox_encode(c, run + at, step, o->coded), err);
		*ended = run[at + step - 1] == '\n';
	}
	return ok;
}

/* A failure after the first look is one of the file that is written, or leaves half a message in
 * it: either way that file is not to be. */
static bool put_message(struct files_out *o, enum mbox_lines lines, files_open *open, void *context,
	struct error *err)
{
	struct mbox_coder c = {.lines = lines};
	struct reader *reader;
	const uint8_t *run;
	ssize_t n = -1;
	bool ended = true, ok = open(context, &reader, err);
	while (ok && (n = reader->next(reader, &run, err)) > 0)
		ok = put_coded(o, &c, run, (size_t)n, &ended, err);
	ok = ok && n == 0 && put(o, o->coded, mbox_encode_end(&c, o->coded), err) &&
	     (ended || put(o, "\n", 1, err));
	if (!ok && err->scope == ERROR_MESSAGE)
		err->scope = ERROR_STORE;
	return ok;
}

static bool add_to_mbox(struct files_out *o, const struct sidecar *message, files_open *open,
	void *context, struct error *err)
{
	struct sidecar line = *message;
	char separator[MBOX_SEPARATOR_SIZE];
	if (!look_at_lines(open, context, &line.raw, err))
		return false;
	line.offset = o->offset;
	mbox_separator(message->received, separator);
	if (!put(o, separator, strlen(separator), err))
		return false;
	uint64_t start = o->offset;
	if (!put_message(o, line.raw ? MBOX_RAW : MBOX_CRLF, open, context, err))
		return false;
	line.length = o->offset - start;
	return put(o, "\n", 1, err) && add_line(o, &line, err);
}

/* ---- a message as a file ---- */

static bool fill(
	struct files_out *o, const char *name, files_open *open, void *context, struct error *err)
{
	struct reader *reader;
	const uint8_t *run;
	ssize_t n;
	if (!open(context, &reader, err))
		return false;
	while ((n = reader->next(reader, &run, err)) > 0)
		if (!file_write(o->data, run, (size_t)n))
			return cannot_write(err, name);
	return n == 0;
}

/* Programs that know no sidecar show the file's time. */
static void set_time(int fd, int64_t received)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)received}};
	if (received != RECEIVED_UNKNOWN)
		(void)futimens(fd, times);
}

static bool add_file(struct files_out *o, const struct sidecar *message, files_open *open,
	void *context, struct error *err)
{
	char name[32];
	struct sidecar line = *message;
	snprintf(name, sizeof name, "%08u.eml", o->number + 1);
	line.file = name;
	line.raw = true;
	if (!create(o, DATA_TEMPORARY, &o->data, err))
		return false;
	bool ok = fill(o, name, open, context, err) && add_line(o, &line, err);
	if (ok)
		set_time(o->data, message->received);
	ok = ok && put_in_place(o, &o->data, DATA_TEMPORARY, name, err);
	if (!ok)
		unlinkat(o->dir, DATA_TEMPORARY, 0);
	close_one(&o->data);
	o->number += ok;
	return ok;
}

bool files_add(struct files_out *o, const struct sidecar *message, files_open *open, void *context,
	struct error *err)
{
	if (strlen(message->flags) > MOST_FLAGS)
		return error_set(err, ERROR_MESSAGE, CAUSE_MAIL, "it has too many keywords");
	return o->format == FILES_EML ? add_file(o, message, open, context, err)
				      : add_to_mbox(o, message, open, context, err);
}
