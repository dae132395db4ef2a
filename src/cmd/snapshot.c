#include "cmd/command.h"
#include "cmd/print.h"

/* A run of a pair that is made of the two words: a store, and a file that is an archive whatever it
 * is called. */
int command_snapshot(const struct options *options)
{
	if (options->n_names != 2) {
		print_problem("snapshot wants a store and a file; such as: mailtwin snapshot work "
			      "~/Backup/work.mta");
		return CAUSE_CONFIG;
	}
	struct options pair = *options;
	pair.from = options->names[0];
	pair.to = arena_printf(options->arena, "archive:%s", options->names[1]);
	pair.n_names = 0;
	return command_sync(&pair);
}
