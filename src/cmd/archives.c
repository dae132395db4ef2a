#include "cmd/archives.h"

#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "base/json.h"
#include "base/stop.h"
#include "cmd/confine.h"
#include "cmd/pairs.h"
#include "cmd/print.h"
#include "config/url.h"
#include "mail/date.h"
#include "sync/conductor.h"

/* Header fields are cut to 4 KiB each where they are kept; a message has five. */
#define LINE_LIMIT ((size_t)256 * 1024)

/* ---- opening ---- */

const struct store_config *archives_config(const struct options *options, const char *word)
{
	if (url_is(word) && strchr(word, ':') == NULL)
		word = arena_printf(options->arena, "archive:%s", word);
	const struct store_config *store = pairs_find_store(options, word, "FILE");
	if (store != NULL && strcmp(store->kind, "archive") == 0)
		return store;
	if (store != NULL)
		print_problem("%s: this is no archive", word);
	return NULL;
}

static const char *find_path(const struct options *options, const char *word)
{
	const struct store_config *store = archives_config(options, word);
	return store == NULL ? NULL : store->archive.path;
}

static struct archive *open_path(const char *path, int *code)
{
	struct error err = {0};
	*code = CAUSE_CONFIG;
	if (path == NULL)
		return NULL;
	struct archive *archive = archive_open(path, false, NULL, &err);
	if (archive == NULL)
		*code = archives_failed(&err);
	return archive;
}

struct archive *archives_peek(const struct options *options, const char *word, int *code)
{
	return open_path(find_path(options, word), code);
}

struct archive *archives_open_to(
	const struct options *options, const char *word, const char *folder, int *code)
{
	const char *path = find_path(options, word);
	if (path != NULL)
		confine_archive(options, path, folder);
	return open_path(path, code);
}

struct archive *archives_open(const struct options *options, const char *word, int *code)
{
	return archives_open_to(options, word, NULL, code);
}

struct archive *archives_open_again(const struct options *options, const char *word, int *code)
{
	struct error err = {0};
	struct archive *archive = archive_open_again(find_path(options, word), false, &err);
	if (archive == NULL)
		*code = archives_failed(&err);
	return archive;
}

struct archive *archives_lock(const struct options *options, const char *word, int *lock, int *code)
{
	struct error err = {0};
	const char *path = find_path(options, word);
	struct archive *archive = NULL;
	*lock = -1;
	*code = CAUSE_CONFIG;
	if (path == NULL)
		return NULL;
	confine_archive(options, path, NULL);
	*lock = archive_lock(path, 0, &err);
	if (*lock >= 0)
		archive = archive_open(path, true, NULL, &err);
	if (archive == NULL)
		*code = archives_failed(&err);
	return archive;
}

void archives_unlock(struct archive *archive, int lock)
{
	archive_close(archive);
	archive_unlock(lock);
}

int archives_failed(const struct error *err)
{
	if (err->scope == ERROR_CANCELLED)
		return 128 + stop_asked();
	print_problem("%s", err->text);
	return (int)err->cause;
}

int archives_unsound(const char *path, const char *mailbox, const char *what)
{
	print_problem("%s: %s: %s does not match its check", path, mailbox, what);
	return CAUSE_LOCAL;
}

struct archive_walk *archives_walk(struct archive *archive, const struct archive_snapshot *snapshot,
	const struct archive_mailbox *mailbox, struct error *err)
{
	struct archive_walk *walk = archive_visible(archive, snapshot, mailbox->id, err);
	if (walk != NULL)
		archive_visible_forgive(walk);
	return walk;
}

int archives_walked(const char *path, const char *mailbox, struct archive_walk *walk, int code)
{
	size_t holes = walk == NULL ? 0 : archive_visible_holes(walk);
	archive_visible_end(walk);
	if (holes == 0)
		return code;
	print_problem("%s: %s: the file is damaged where it lists messages: some in %zu place%s "
		      "cannot be shown",
		path, mailbox, holes, holes == 1 ? "" : "s");
	return CAUSE_LOCAL;
}

const char *archives_source(const struct archive_source *sources, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (sources[i].id == id)
			return sources[i].name;
	return "?";
}

/* ---- one message ---- */

void archives_digest(
	const uint8_t digest[ARCHIVE_DIGEST], size_t digits, char out[2 * ARCHIVE_DIGEST + 1])
{
	for (size_t i = 0; i < ARCHIVE_DIGEST; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	out[digits] = '\0';
}

static const struct {
	uint32_t flag;
	const char *name;
} flag_names[] = {
	{FLAG_ANSWERED, "\\Answered"},
	{FLAG_DELETED, "\\Deleted"},
	{FLAG_DRAFT, "\\Draft"},
	{FLAG_FLAGGED, "\\Flagged"},
	{FLAG_SEEN, "\\Seen"},
};

const char *archives_flags(const struct archive_placement *p, struct arena *arena)
{
	const char *text = "";
	for (size_t i = 0; i < sizeof flag_names / sizeof *flag_names; i++)
		if ((p->flags & flag_names[i].flag) != 0)
			text = arena_printf(arena, "%s%s%s", text, *text != '\0' ? " " : "",
				flag_names[i].name);
	if (*p->keywords == '\0')
		return text;
	return arena_printf(arena, "%s%s%s", text, *text != '\0' ? " " : "", p->keywords);
}

static const char *moment(int64_t seconds, char out[DATE_RFC3339_SIZE])
{
	if (seconds == RECEIVED_UNKNOWN || !date_format_rfc3339(seconds, out))
		return NULL;
	return out;
}

static void print_line(const char *raw)
{
	struct buffer line;
	buffer_init(&line, LINE_LIMIT);
	size_t room = 4 * strlen(raw) + 1; /* every byte as \xHH */
	char *text = buffer_room(&line, room);
	if (text != NULL)
		puts(escape_text(text, room, raw));
	buffer_finish(&line);
}

static const char *span(const int64_t snapshots[2], struct arena *arena)
{
	if (snapshots[0] == 0)
		return "";
	if (snapshots[0] == snapshots[1])
		return arena_printf(arena, "  (snapshot %" PRId64 ")", snapshots[0]);
	return arena_printf(
		arena, "  (snapshots %" PRId64 "-%" PRId64 ")", snapshots[0], snapshots[1]);
}

static void print_for_person(const struct archives_line *l, struct arena *arena)
{
	char digest[2 * ARCHIVE_DIGEST + 1], date[DATE_RFC3339_SIZE], size[PRINT_COUNT_SIZE];
	const struct archive_placement *p = l->placement;
	const char *flags = archives_flags(p, arena), *when = moment(p->received, date);
	const char sign[] = {l->sign, l->sign != '\0' ? ' ' : '\0', '\0'};
	archives_digest(p->digest, ARCHIVES_SHORT, digest);
	print_line(arena_printf(arena, "%s%s %s %10s  %s%s%s  %s: %s%s%s%s%s", sign, digest,
		when != NULL ? when : "-                   ", print_count(size, p->size),
		l->several ? l->source : "", l->several ? ": " : "", l->mailbox, l->header->from,
		l->header->subject, *flags != '\0' ? "  [" : "", flags, *flags != '\0' ? "]" : "",
		span(l->snapshots, arena)));
}

/* ---- one object ---- */

static void member(struct buffer *out, const char *name, const char *value)
{
	buffer_printf(out, ",\"%s\":", name);
	json_string(out, value);
}

static void put_flags(struct buffer *out, const char *flags)
{
	buffer_puts(out, ",\"flags\":[");
	for (const char *at = flags; *at != '\0';) {
		char word[512];
		size_t n = strcspn(at, " ");
		snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1),
			at);
		buffer_puts(out, at > flags ? "," : "");
		json_string(out, word);
		at += n + (at[n] == ' ');
	}
	buffer_puts(out, "]");
}

static void begin_object(struct buffer *out, const char *event, char sign)
{
	const char text[] = {sign, '\0'};
	buffer_init(out, LINE_LIMIT);
	buffer_printf(out, "{\"v\":1,\"event\":\"%s\"", event);
	if (sign != '\0')
		member(out, "sign", text);
}

static void end_object(struct buffer *out)
{
	buffer_puts(out, "}\n");
	fwrite(out->data, 1, out->len, stdout);
	buffer_finish(out);
}

static void print_object(const char *event, const struct archives_line *l, struct arena *arena)
{
	char digest[2 * ARCHIVE_DIGEST + 1], date[DATE_RFC3339_SIZE];
	const struct archive_placement *p = l->placement;
	struct buffer out;
	archives_digest(p->digest, sizeof digest - 1, digest);
	begin_object(&out, event, l->sign);
	member(&out, "source", l->source);
	member(&out, "mailbox", l->mailbox);
	member(&out, "message", digest);
	buffer_printf(&out, ",\"size\":%" PRIu64, p->size);
	member(&out, "received", moment(p->received, date));
	buffer_printf(&out, ",\"zone\":%d", p->zone);
	put_flags(&out, archives_flags(p, arena));
	member(&out, "uid", p->uid);
	member(&out, "date", moment(l->header->date, date));
	member(&out, "from", l->header->from);
	member(&out, "to", l->header->to);
	member(&out, "cc", l->header->cc);
	member(&out, "subject", l->header->subject);
	member(&out, "message_id", l->header->message_id);
	if (l->snapshots[0] != 0)
		buffer_printf(&out, ",\"first\":%" PRId64 ",\"last\":%" PRId64, l->snapshots[0],
			l->snapshots[1]);
	end_object(&out);
}

void archives_print(
	const struct options *options, const char *event, const struct archives_line *line)
{
	struct arena *arena = arena_new();
	if (options->json)
		print_object(event, line, arena);
	else
		print_for_person(line, arena);
	arena_free(arena);
}

void archives_print_mailbox(const struct options *options, char sign, const char *name,
	const char *other, uint64_t messages)
{
	struct buffer out;
	char count[PRINT_COUNT_SIZE];
	if (!options->json) {
		const char mark[] = {sign, sign != '\0' ? ' ' : '\0', '\0'};
		print_line(arena_printf(options->arena, "%smailbox %s%s%s (%s message%s)", mark,
			name, other != NULL ? " is now " : "", other != NULL ? other : "",
			print_count(count, messages), messages == 1 ? "" : "s"));
		return;
	}
	begin_object(&out, "mailbox", sign);
	member(&out, "mailbox", name);
	if (other != NULL)
		member(&out, "renamed", other);
	buffer_printf(&out, ",\"messages\":%" PRIu64, messages);
	end_object(&out);
}
