#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stop.h"
#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/print.h"
#include "cmd/progress.h"
#include "store/files.h"

static const struct {
	const char *name;
	enum files_format format;
} formats[] = {{"mbox", FILES_MBOX}, {"mbox.gz", FILES_MBOX_GZ}, {"eml", FILES_EML}};

enum { FORMATS = sizeof formats / sizeof *formats };

struct exporting {
	const struct options *options;
	struct archive *archive;
	struct archive_body *body;
	struct archive_message message; /* the one under way */
	struct files_out *out;
	const char *path;
	struct progress done; /* messages and bytes in all: 0 = not known */
	bool shows;	      /* on a terminal */
	int code;	      /* the worst so far */
};

/* ---- messages ---- */

static bool open_message(void *context, struct reader **reader, struct error *err)
{
	struct exporting *e = context;
	return archive_body_open(e->body, &e->message, false, reader, err);
}

static void tell(
	struct exporting *e, const char *mailbox, const char *what, const struct error *err)
{
	print_problem(
		"%s: %s%s%s: %s", e->path, mailbox, *what != '\0' ? " " : "", what, err->text);
	e->code = report_worse(e->code, (int)err->cause);
}

/* One message that cannot be read is one less; false where nothing more can be written. */
static bool add_message(struct exporting *e, const struct archive_mailbox *box,
	const struct archive_placement *p, struct error *err)
{
	char digest[2 * ARCHIVE_DIGEST + 1];
	struct error why = {0};
	struct arena *arena = arena_new();
	archives_digest(p->digest, sizeof digest - 1, digest);
	if (!p->sound)
		e->code = archives_unsound(e->path, box->name,
			arena_printf(arena, "the row of item %" PRId64, p->item));
	e->message = (struct archive_message){.id = p->message, .size = p->size};
	memcpy(e->message.digest, p->digest, sizeof e->message.digest);
	const struct sidecar line = {.size = p->size,
		.digest = digest,
		.received = p->received,
		.zone = p->zone,
		.flags = archives_flags(p, arena)};
	bool ok = files_add(e->out, &line, open_message, e, &why);
	arena_free(arena);
	if (!ok && why.scope != ERROR_MESSAGE) {
		*err = why;
		return false;
	}
	digest[ARCHIVES_SHORT] = '\0';
	if (!ok)
		tell(e, box->name, digest, &why);
	e->done.messages_done += ok;
	e->done.bytes_done += ok ? p->size : 0;
	if (e->shows)
		progress_show(NULL, &e->done);
	return true;
}

static bool add_messages(struct exporting *e, const struct archive_snapshot *snapshot,
	const struct archive_mailbox *box, struct error *err)
{
	struct archive_placement p;
	int got = -1;
	bool ok = true;
	struct archive_walk *walk = archives_walk(e->archive, snapshot, box, err);
	while (ok && walk != NULL && (got = archive_visible_next(walk, &p, err)) > 0)
		ok = stop_may_go_on(err) && add_message(e, box, &p, err);
	e->code = archives_walked(e->path, box->name, walk, e->code);
	return ok && got == 0;
}

/* ---- mailboxes ---- */

/* False where nothing more can be written. */
static bool add_mailbox(struct exporting *e, const struct archive_snapshot *snapshot,
	const struct archive_mailbox *box, struct error *err)
{
	const struct sidecar mailbox = {
		.mailbox = box->name, .use = box->use, .subscribed = box->subscribed};
	if (files_begin(e->out, &mailbox, err) && add_messages(e, snapshot, box, err) &&
		files_end(e->out, err)) {
		e->done.mailboxes_done++;
		return true;
	}
	if (err->scope != ERROR_MAILBOX)
		return error_context(err, "%s", box->name);
	tell(e, box->name, "", err);
	return true;
}

static void print_end(const struct exporting *e, const struct archive_snapshot *snapshot)
{
	const struct progress *n = &e->done;
	char messages[PRINT_COUNT_SIZE], mailboxes[PRINT_COUNT_SIZE], bytes[PRINT_COUNT_SIZE];
	progress_clear();
	if (e->options->quiet)
		return;
	printf("%s message%s in %s mailbox%s of snapshot %" PRId64 " written, %s\n",
		print_count(messages, n->messages_done), n->messages_done == 1 ? "" : "s",
		print_count(mailboxes, n->mailboxes_done), n->mailboxes_done == 1 ? "" : "es",
		snapshot->id, print_bytes(bytes, n->bytes_done));
}

static bool is_chosen(const struct options *o, const char *name)
{
	return o->mailboxes.n == 0 || pattern_selects(&o->mailboxes, name, false);
}

/* What cannot be meant is told before a folder is made. */
static bool choose(const struct exporting *e, struct archive_snapshot *snapshot,
	struct archive_mailbox **box, size_t *n, struct error *err)
{
	const struct options *o = e->options;
	size_t chosen = 0;
	if (!archive_choose(e->archive, o->source, o->snapshot, o->arena, snapshot, err) ||
		!archive_mailboxes(e->archive, snapshot, NULL, o->arena, box, n, err))
		return false;
	for (size_t i = 0; i < *n; i++)
		chosen += is_chosen(o, (*box)[i].name);
	return chosen > 0 || o->mailboxes.n == 0 ||
	       error_set(err, ERROR_STORE, CAUSE_CONFIG,
		       "no mailbox of snapshot %" PRId64 " matches", snapshot->id);
}

/* How much of some mailboxes there is, is known only at their end. */
static void begin_progress(struct exporting *e, const struct archive_snapshot *snapshot)
{
	const struct options *o = e->options;
	e->shows = o->mailboxes.n == 0 && !o->quiet && isatty(STDERR_FILENO);
	e->done.messages = snapshot->messages;
	e->done.bytes = snapshot->bytes;
	progress_start(e->path);
}

static int write_files(struct exporting *e, const char *folder, enum files_format format)
{
	struct archive_snapshot snapshot;
	struct archive_mailbox *box;
	struct error err = {0};
	size_t n;
	if (!choose(e, &snapshot, &box, &n, &err))
		return archives_failed(&err);
	e->out = files_new(folder, format, &err);
	if (e->out == NULL)
		return archives_failed(&err);
	begin_progress(e, &snapshot);
	for (size_t i = 0; i < n; i++)
		if (is_chosen(e->options, box[i].name) && !add_mailbox(e, &snapshot, &box[i], &err))
			return archives_failed(&err);
	print_end(e, &snapshot);
	return e->code;
}

static int export_files(const struct options *options, enum files_format format)
{
	struct exporting e = {.options = options, .path = options->names[0]};
	int code;
	e.archive = archives_open_to(options, e.path, options->names[1], &code);
	if (e.archive == NULL)
		return code;
	e.body = archive_body_new(e.archive);
	code = write_files(&e, options->names[1], format);
	files_free(e.out);
	archive_body_free(e.body);
	archive_close(e.archive);
	return code;
}

/* ---- Maildir: a restore into a new one ---- */

static bool is_free(const char *path)
{
	int empty = file_is_empty_directory(AT_FDCWD, path);
	return empty > 0 || (empty < 0 && errno == ENOENT);
}

static int export_maildir(const struct options *options)
{
	struct options restore = *options;
	const char *names[] = {
		options->names[0], arena_printf(options->arena, "maildir:%s", options->names[1])};
	if (!is_free(options->names[1])) {
		print_problem("%s: this is no empty folder, and nothing is overwritten; `restore` "
			      "adds to a Maildir that is there",
			options->names[1]);
		return CAUSE_CONFIG;
	}
	restore.names = names;
	return command_restore(&restore);
}

int command_export(const struct options *options)
{
	if (options->n_names != 2 || options->format == NULL) {
		print_problem("export wants an archive, a folder and a format; such as: mailtwin "
			      "export ~/Backup/work.mta ~/work-mail --format mbox");
		return CAUSE_CONFIG;
	}
	if (strcmp(options->format, "maildir") == 0)
		return export_maildir(options);
	for (size_t i = 0; i < FORMATS; i++)
		if (strcmp(options->format, formats[i].name) == 0)
			return export_files(options, formats[i].format);
	print_problem("--format: '%s' is not one of maildir, mbox, mbox.gz, eml", options->format);
	return CAUSE_CONFIG;
}
