#ifndef MAILTWIN_CMD_COMMAND_H
#define MAILTWIN_CMD_COMMAND_H

#include "cmd/options.h"

/*
 * A command is one file with one function, and one row of the table in command.c.
 */
struct command {
	const char *name;
	const char *arguments;			   /* "[PAIR...]" */
	const char *summary;			   /* one line for the list of commands */
	const char *details;			   /* what `help COMMAND` adds; paragraphs */
	unsigned groups;			   /* OPTIONS_* */
	int (*run)(const struct options *options); /* returns the exit code */
};

int command_sync(const struct options *options);
int command_compact(const struct options *options);
int command_export(const struct options *options);
int command_forget(const struct options *options);
int command_diff(const struct options *options);
int command_diff_archive(const struct options *options); /* diff FILE N M */
int command_check(const struct options *options);
int command_import(const struct options *options);
int command_log(const struct options *options);
int command_ls(const struct options *options);
int command_restore(const struct options *options);
int command_search(const struct options *options);
int command_show(const struct options *options);
int command_snapshot(const struct options *options);
int command_verify(const struct options *options);
int command_status(const struct options *options);

/* command_main(argc, argv): what main() does. */
int command_main(int argc, char **argv);

#endif
