#ifndef MAILTWIN_CMD_OPTIONS_H
#define MAILTWIN_CMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "archive/archive.h"
#include "base/arena.h"
#include "base/error.h"
#include "mail/pattern.h"

/*
 * The command line as data: an option is a row with its name, its value, its help and what it sets;
 * parsing and --help both come from the table.
 */
struct options {
	struct arena *arena;
	const char *config;	       /* -c; NULL = the default place */
	const char *from, *to;	       /* --from, --to: stores by name or URL */
	struct pattern_list mailboxes; /* --mailbox, in order */
	size_t cap_mailboxes;
	const char *mode;	      /* --mode */
	const char *max_deletions;    /* --max-deletions */
	const char *trace;	      /* --trace */
	const char *snapshot;	      /* --snapshot: a number or a date */
	const char *source;	      /* --source: whose snapshots */
	const char *into;	      /* --into: a mailbox */
	const char *search;	      /* --search: as `search` takes it */
	const char *format;	      /* --format: mbox and the like */
	unsigned keep[ARCHIVE_RULES]; /* --keep-last and the like */
	unsigned wait;		      /* --wait, seconds */
	int64_t max_age;	      /* --max-age, seconds; 0 = any */
	bool dry_run, bring_back, exit_code, json, quiet, verbose, help;
	const char **names; /* what is no option: pairs */
	size_t n_names, cap_names;
};

/* Which options a command takes, as bits; all take the common ones. */
enum option_group {
	OPTIONS_COMMON = 1 << 0, /* -c, --help */
	OPTIONS_RUN = 1 << 1,	 /* sync and diff */
	OPTIONS_WRITE = 1 << 2,	 /* sync */
	OPTIONS_STORES = 1 << 3, /* --from, --to */
	OPTIONS_TALK = 1 << 4,	 /* --quiet, --verbose, --trace */
	OPTIONS_JSON = 1 << 5,
	OPTIONS_STATUS = 1 << 6,
	OPTIONS_SNAPSHOT = 1 << 7, /* --snapshot, --source */
	OPTIONS_KEEP = 1 << 8,	   /* --keep-last and the like */
	OPTIONS_RESTORE = 1 << 9,  /* --into, --search */
	OPTIONS_FORMAT = 1 << 10,  /* --format */
	OPTIONS_MAILBOX = 1 << 11, /* --mailbox, where nothing else brings it */
	OPTIONS_SOURCE = 1 << 12   /* --source, the same */
};

/*
 * options_parse(options, groups, argc, argv, err):
 * Fill ${options} (zeroed, with an arena) from ${argv}[0..${argc}).  Options and names may be
 * mixed; "--" ends the options. Strings stay in ${argv}.  Fails with CAUSE_CONFIG.
 */
bool options_parse(
	struct options *options, unsigned groups, int argc, char **argv, struct error *err);

/* options_help(out, groups): print one line for each option of ${groups}. */
void options_help(FILE *out, unsigned groups);

#endif
