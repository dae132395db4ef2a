#include <inttypes.h>

#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/print.h"

struct listing {
	const struct options *options;
	struct archive *archive;
	const char *path;
	const char *source;
	bool several; /* accounts */
	int code;     /* the worst so far */
};

static void print_message(
	struct listing *l, const struct archive_mailbox *box, const struct archive_placement *p)
{
	struct archive_header header = {RECEIVED_UNKNOWN, "", "", "", "", ""};
	struct error err = {0};
	struct arena *arena = arena_new();
	if (!p->sound)
		l->code = archives_unsound(l->path, box->name,
			arena_printf(arena, "the row of item %" PRId64, p->item));
	if (!archive_header(l->archive, p->message, arena, &header, &err))
		l->code = archives_failed(&err);
	archives_print(l->options, "message",
		&(struct archives_line){.source = l->source,
			.several = l->several,
			.mailbox = box->name,
			.placement = p,
			.header = &header});
	arena_free(arena);
}

static bool print_mailbox(struct listing *l, const struct archive_snapshot *snapshot,
	const struct archive_mailbox *box, struct error *err)
{
	struct archive_placement p;
	uint64_t n = 0;
	int got = -1;
	struct archive_walk *walk = archives_walk(l->archive, snapshot, box, err);
	while (walk != NULL && (got = archive_visible_next(walk, &p, err)) > 0) {
		print_message(l, box, &p);
		n++;
	}
	l->code = archives_walked(l->path, box->name, walk, l->code);
	if (got == 0 && (n == 0 || l->options->json))
		archives_print_mailbox(l->options, '\0', box->name, NULL, n);
	return got == 0;
}

static int list(struct listing *l)
{
	const struct options *o = l->options;
	struct archive_snapshot snapshot;
	struct archive_source *source;
	struct archive_mailbox *box;
	struct error err = {0};
	size_t sources, n, shown = 0;
	if (!archive_choose(l->archive, o->source, o->snapshot, o->arena, &snapshot, &err) ||
		!archive_sources(l->archive, o->arena, &source, &sources, &err) ||
		!archive_mailboxes(l->archive, &snapshot, NULL, o->arena, &box, &n, &err))
		return archives_failed(&err);
	l->source = archives_source(source, sources, snapshot.source);
	l->several = sources > 1;
	for (size_t i = 0; i < n; i++) {
		if (o->mailboxes.n > 0 && !pattern_selects(&o->mailboxes, box[i].name, false))
			continue;
		if (!print_mailbox(l, &snapshot, &box[i], &err))
			l->code = archives_failed(&err);
		shown++;
	}
	if (shown == 0 && n > 0) {
		print_problem("no mailbox of snapshot %" PRId64 " matches", snapshot.id);
		return CAUSE_MAIL;
	}
	return l->code;
}

int command_ls(const struct options *options)
{
	struct listing l = {.options = options};
	int code;
	if (options->n_names != 1) {
		print_problem("ls wants an archive; such as: mailtwin ls ~/Backup/work.mta");
		return CAUSE_CONFIG;
	}
	l.path = options->names[0];
	l.archive = archives_open(options, l.path, &code);
	if (l.archive != NULL)
		code = list(&l);
	archive_close(l.archive);
	return code;
}
