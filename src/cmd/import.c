#include <string.h>

#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/pairs.h"
#include "cmd/print.h"
#include "config/path.h"

/*
 * A run of the conductor from files to an archive, which only adds, and remembers nothing
 * afterwards but in the snapshot that it makes.
 */

static const struct {
	const char *format, *kind;
} kinds[] = {{"mbox", "mbox"}, {"mbox.gz", "mbox"}, {"eml", "eml"}};

enum { KINDS = sizeof kinds / sizeof *kinds };

static const struct store_config *files_store(
	const struct options *options, const char *kind, const char *path)
{
	struct error err = {0};
	struct store_config *store = arena_alloc(options->arena, sizeof *store);
	*store = (struct store_config){.kind = kind, .where = "DIR"};
	store->files.path = path_absolute(path, path_working(options->arena), options->arena, &err);
	store->name = store->files.path;
	if (store->files.path != NULL)
		return store;
	print_problem("%s", err.text);
	return NULL;
}

static const struct store_config *find_source(const struct options *options)
{
	const char *path = options->names[0], *format = options->format;
	if (strcmp(format, "maildir") == 0)
		return pairs_find_store(
			options, arena_printf(options->arena, "maildir:%s", path), "DIR");
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(format, kinds[i].format) == 0)
			return files_store(options, kinds[i].kind, path);
	print_problem("--format: '%s' is not one of maildir, mbox, mbox.gz, eml", format);
	return NULL;
}

int command_import(const struct options *options)
{
	if (options->n_names != 2 || options->format == NULL) {
		print_problem("import wants files, an archive and a format; such as: mailtwin "
			      "import ~/work-mail ~/Backup/work.mta --format mbox");
		return CAUSE_CONFIG;
	}
	const struct store_config *from = find_source(options);
	const struct store_config *to =
		from == NULL ? NULL : archives_config(options, options->names[1]);
	if (to == NULL)
		return CAUSE_CONFIG;
	struct pair_config *pair = config_pair(from, to, options->arena);
	struct pairs pairs = {.at = &pair, .n = 1};
	pair->special_use = false;
	return command_run(options, &pairs, options->dry_run, true);
}
