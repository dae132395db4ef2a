#include <inttypes.h>

#include "base/escape.h"
#include "base/json.h"
#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/print.h"
#include "mail/date.h"

/* "   7  2026-11-23T04:00:00Z  work  4,812 messages, 310 MB; 12 came, 2 went, 3 changed" */
static void print_person(const struct archive_snapshot *s, const char *source)
{
	char date[DATE_RFC3339_SIZE], bytes[PRINT_COUNT_SIZE], name[300], note[600];
	char n[4][PRINT_COUNT_SIZE];
	date_format_rfc3339(s->taken, date);
	printf("%4" PRId64 "  %s  %s  %s message%s, %s; %s came, %s went, %s changed\n", s->id,
		date, escape_text(name, sizeof name, source), print_count(n[0], s->messages),
		s->messages == 1 ? "" : "s", print_bytes(bytes, s->bytes),
		print_count(n[1], s->came), print_count(n[2], s->went),
		print_count(n[3], s->changed));
	if (s->note != NULL)
		printf("      %s\n", escape_text(note, sizeof note, s->note));
}

static void print_object(const struct archive_snapshot *s, const char *source)
{
	char date[DATE_RFC3339_SIZE];
	struct buffer out;
	date_format_rfc3339(s->taken, date);
	buffer_init(&out, (size_t)64 * 1024);
	buffer_printf(&out,
		"{\"v\":1,\"event\":\"snapshot\",\"snapshot\":%" PRId64
		",\"time\":\"%s\",\"source\":",
		s->id, date);
	json_string(&out, source);
	buffer_printf(&out,
		",\"messages\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"came\":%" PRIu64
		",\"went\":%" PRIu64 ",\"changed\":%" PRIu64 ",\"note\":",
		s->messages, s->bytes, s->came, s->went, s->changed);
	json_string(&out, s->note);
	buffer_puts(&out, "}\n");
	fwrite(out.data, 1, out.len, stdout);
	buffer_finish(&out);
}

static int print_all(const struct options *options, struct archive *archive, const char *path)
{
	struct archive_source *sources;
	struct archive_snapshot *snapshots;
	struct error err = {0};
	size_t n_sources, n;
	int code = 0;
	if (!archive_sources(archive, options->arena, &sources, &n_sources, &err) ||
		!archive_snapshots(archive, 0, options->arena, &snapshots, &n, &err))
		return archives_failed(&err);
	for (size_t i = 0; i < n; i++) {
		const char *source = archives_source(sources, n_sources, snapshots[i].source);
		if (options->json)
			print_object(&snapshots[i], source);
		else
			print_person(&snapshots[i], source);
		if (!snapshots[i].sound)
			code = archives_unsound(path, source,
				arena_printf(options->arena, "snapshot %" PRId64, snapshots[i].id));
	}
	return code;
}

int command_log(const struct options *options)
{
	int code;
	if (options->n_names != 1) {
		print_problem("log wants an archive; such as: mailtwin log ~/Backup/work.mta");
		return CAUSE_CONFIG;
	}
	struct archive *archive = archives_open(options, options->names[0], &code);
	if (archive != NULL)
		code = print_all(options, archive, options->names[0]);
	archive_close(archive);
	return code;
}
