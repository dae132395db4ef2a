#include "base/buffer.h"
#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/print.h"

/* More than anybody types; what is longer is refused, as half a search finds too much. */
#define QUERY_LIMIT ((size_t)64 * 1024)

static int holes_told(const char *path, size_t holes)
{
	print_problem("%s: the file is damaged where it lists messages: some in %zu place%s "
		      "cannot be found",
		path, holes, holes == 1 ? "" : "s");
	return CAUSE_LOCAL;
}

static int search(const struct options *options, struct archive *archive, const char *text)
{
	struct archive_query query;
	struct archive_snapshot chosen;
	struct archive_source *source;
	size_t sources;
	struct archive_hit hit;
	struct error err = {0};
	bool one = options->snapshot != NULL || options->source != NULL;
	int code = 0, got = -1;
	if (!archive_query_read(text, options->arena, &query, &err) ||
		!archive_sources(archive, options->arena, &source, &sources, &err) ||
		(one && !archive_choose(archive, options->source, options->snapshot, options->arena,
				&chosen, &err)))
		return archives_failed(&err);
	struct archive_search *s = archive_search(archive, &query, one ? &chosen : NULL, &err);
	while (s != NULL && (got = archive_search_next(s, &hit, &err)) > 0) {
		if (options->mailboxes.n > 0 &&
			!pattern_selects(&options->mailboxes, hit.mailbox, false))
			continue;
		archives_print(options, "hit",
			&(struct archives_line){
				.source = archives_source(source, sources, hit.source),
				.several = sources > 1,
				.mailbox = hit.mailbox,
				.snapshots = {hit.snapshots[0], hit.snapshots[1]},
				.placement = &hit.placement,
				.header = &hit.header});
		if (!hit.placement.sound)
			code = archives_unsound(
				options->names[0], hit.mailbox, "the row of a message");
	}
	if (s != NULL && archive_search_holes(s) > 0)
		code = holes_told(options->names[0], archive_search_holes(s));
	archive_search_end(s);
	return got < 0 ? archives_failed(&err) : code;
}

int command_search(const struct options *options)
{
	struct buffer query;
	bool whole = true;
	int code;
	if (options->n_names < 2) {
		print_problem(
			"search wants an archive and what to look for; such as: mailtwin search "
			"~/Backup/work.mta from:ann subject:minutes after:2025-01-01");
		return CAUSE_CONFIG;
	}
	buffer_init(&query, QUERY_LIMIT);
	for (size_t i = 1; i < options->n_names; i++)
		whole = whole && buffer_printf(&query, "%s%s", i > 1 ? " " : "", options->names[i]);
	if (!whole) {
		print_problem("the search is too long");
		buffer_finish(&query);
		return CAUSE_CONFIG;
	}
	struct archive *archive = archives_open(options, options->names[0], &code);
	if (archive != NULL)
		code = search(options, archive, query.data != NULL ? query.data : "");
	archive_close(archive);
	buffer_finish(&query);
	return code;
}
