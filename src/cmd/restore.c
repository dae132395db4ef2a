#include <inttypes.h>
#include <string.h>

#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/pairs.h"
#include "cmd/print.h"

/*
 * A run of the conductor from a snapshot to a store, which only adds: what is there already is
 * found by content and left alone, and nothing is remembered afterwards.
 */

static bool has_mailbox(const struct options *options, struct archive *archive,
	const struct archive_snapshot *chosen, struct error *err)
{
	struct archive_mailbox *box;
	size_t n;
	if (options->mailboxes.n == 0)
		return true;
	if (!archive_mailboxes(archive, chosen, NULL, options->arena, &box, &n, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (pattern_selects(&options->mailboxes, box[i].name, false))
			return true;
	return error_set(err, ERROR_STORE, CAUSE_CONFIG,
		"no mailbox of snapshot %" PRId64 " matches", chosen->id);
}

/* The snapshot by its number, so that all connections read the same one. */
static bool choose(const struct options *options, struct store_config *from, int *code)
{
	struct archive_snapshot chosen;
	struct archive_query query;
	struct error err = {0};
	struct archive *archive = archives_peek(options, options->names[0], code);
	if (archive == NULL)
		return false;
	bool ok = archive_choose(archive, options->source, options->snapshot, options->arena,
			  &chosen, &err) &&
		  has_mailbox(options, archive, &chosen, &err) &&
		  (options->search == NULL ||
			  archive_query_read(options->search, options->arena, &query, &err));
	archive_close(archive);
	if (!ok) {
		*code = archives_failed(&err);
		return false;
	}
	from->archive.snapshot = arena_printf(options->arena, "%" PRId64, chosen.id);
	from->archive.search = options->search;
	from->archive.around_damage = true;
	return true;
}

static bool is_one_mailbox(const struct options *options)
{
	return options->mailboxes.n == 1 && strpbrk(options->mailboxes.at[0], "*!") == NULL;
}

/* One mailbox that was asked for by its name becomes ${into}; several go below it. */
static void put_into(const struct options *options, struct pair_config *pair)
{
	struct rename_rule *rule = arena_alloc(options->arena, sizeof *rule);
	if (options->into == NULL)
		return;
	*rule = is_one_mailbox(options)
			? (struct rename_rule){options->mailboxes.at[0], options->into}
			: (struct rename_rule){
				  "**", arena_printf(options->arena, "%s/**", options->into)};
	pair->rename = rule;
	pair->renames = 1;
	pair->special_use = false;
}

int command_restore(const struct options *options)
{
	int code = CAUSE_CONFIG;
	if (options->n_names != 2) {
		print_problem("restore wants an archive and a store; such as: mailtwin restore "
			      "~/Backup/work.mta imaps://ann@imap.example.org");
		return CAUSE_CONFIG;
	}
	const struct store_config *file = archives_config(options, options->names[0]);
	const struct store_config *to =
		file == NULL ? NULL : pairs_find_store(options, options->names[1], "--to");
	if (to == NULL)
		return CAUSE_CONFIG;
	if (config_same_place(file, to)) {
		print_problem("an archive is not restored into itself");
		return CAUSE_CONFIG;
	}
	struct store_config *from = arena_memdup(options->arena, file, sizeof *file);
	if (!choose(options, from, &code))
		return code;
	struct pair_config *pair = config_pair(from, to, options->arena);
	struct pairs pairs = {.at = &pair, .n = 1};
	pair->flags = false;
	put_into(options, pair);
	return command_run(options, &pairs, options->dry_run, true);
}
