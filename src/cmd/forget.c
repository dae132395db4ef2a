#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "base/json.h"
#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/print.h"
#include "mail/date.h"

static const char *const rule_names[ARCHIVE_RULES] = {
	[ARCHIVE_LAST] = "last",
	[ARCHIVE_DAILY] = "daily",
	[ARCHIVE_WEEKLY] = "weekly",
	[ARCHIVE_MONTHLY] = "monthly",
	[ARCHIVE_YEARLY] = "yearly",
};

struct forgetting {
	const struct options *options;
	struct archive *archive;
	struct archive_snapshot *all;
	size_t n, going;
	bool *go;
};

/* "last, daily" */
static const char *reasons(const struct forgetting *f, uint8_t why)
{
	const char *text = "";
	for (size_t rule = 0; rule < ARCHIVE_RULES; rule++)
		if ((why >> rule & 1) != 0)
			text = arena_printf(f->options->arena, "%s%s%s", text,
				*text != '\0' ? ", " : "", rule_names[rule]);
	return text;
}

static void print_decision(const struct forgetting *f, const struct archive_snapshot *s,
	const char *source, uint8_t why)
{
	char date[DATE_RFC3339_SIZE], name[300];
	const char *what = why != 0 ? "keep" : "forget";
	struct buffer out;
	date_format_rfc3339(s->taken, date);
	if (!f->options->json) {
		printf("%-6s %4" PRId64 "  %s  %s%s%s\n", what, s->id, date,
			escape_text(name, sizeof name, source), why != 0 ? "  " : "",
			reasons(f, why));
		return;
	}
	buffer_init(&out, (size_t)64 * 1024);
	buffer_printf(&out,
		"{\"v\":1,\"event\":\"%s\",\"snapshot\":%" PRId64 ",\"time\":\"%s\",\"source\":",
		what, s->id, date);
	json_string(&out, source);
	buffer_puts(&out, ",\"why\":");
	json_string(&out, reasons(f, why));
	buffer_puts(&out, "}\n");
	fwrite(out.data, 1, out.len, stdout);
	buffer_finish(&out);
}

/* Each account is judged by itself. */
static void judge(struct forgetting *f, const struct archive_source *source)
{
	struct arena *arena = f->options->arena;
	struct archive_snapshot *own = arena_alloc(arena, f->n * sizeof *own);
	size_t *at = arena_alloc(arena, f->n * sizeof *at), n = 0;
	uint8_t *why = arena_alloc(arena, f->n);
	for (size_t i = 0; i < f->n; i++)
		if (f->all[i].source == source->id) {
			at[n] = i;
			own[n++] = f->all[i];
		}
	archive_keep(own, n, f->options->keep, why);
	for (size_t i = 0; i < n; i++) {
		f->go[at[i]] = why[i] == 0;
		f->going += why[i] == 0;
		if (!f->options->quiet)
			print_decision(f, &own[i], source->name, why[i]);
	}
}

static int forget(struct forgetting *f)
{
	struct archive_source *sources;
	struct error err = {0};
	char n[2][PRINT_COUNT_SIZE];
	size_t n_sources;
	if (!archive_sources(f->archive, f->options->arena, &sources, &n_sources, &err) ||
		!archive_snapshots(f->archive, 0, f->options->arena, &f->all, &f->n, &err))
		return archives_failed(&err);
	f->go = arena_alloc(f->options->arena, f->n * sizeof *f->go);
	for (size_t i = 0; i < n_sources; i++)
		judge(f, &sources[i]);
	if (f->going > 0 && !f->options->dry_run &&
		!archive_forget(f->archive, f->all, f->n, f->go, &err))
		return archives_failed(&err);
	if (!f->options->quiet && !f->options->json)
		printf("%s of %s snapshots %s\n", print_count(n[0], f->going),
			print_count(n[1], f->n),
			f->options->dry_run
				? "would be forgotten"
				: "forgotten; `mailtwin compact` gives their space back");
	return 0;
}

int command_forget(const struct options *options)
{
	struct forgetting f = {.options = options};
	unsigned rules = 0;
	int lock, code;
	for (size_t i = 0; i < ARCHIVE_RULES; i++)
		rules += options->keep[i];
	if (options->n_names != 1) {
		print_problem("forget wants an archive; such as: mailtwin forget ~/Backup/work.mta "
			      "--keep-daily 7 --keep-monthly 12");
		return CAUSE_CONFIG;
	}
	if (rules == 0) {
		print_problem(
			"forget wants at least one rule, such as --keep-last 3: without one it "
			"would keep nothing");
		return CAUSE_CONFIG;
	}
	f.archive = archives_lock(options, options->names[0], &lock, &code);
	if (f.archive != NULL)
		code = forget(&f);
	archives_unlock(f.archive, lock);
	return code;
}
