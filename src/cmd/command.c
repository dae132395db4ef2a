#include "config.h"

#include "cmd/command.h"

#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/stop.h"
#include "cmd/confine.h"
#include "cmd/print.h"
#include "config/config.h"
#include "sync/conductor.h"

static const struct command commands[] = {
	{"check", "[PAIR...]",
		"read the configuration, sign in everywhere, show which mailbox pairs with which",
		"Nothing is changed, and no mailbox is opened.", OPTIONS_TALK, command_check},
	{"compact", "FILE", "give back the space in an archive that nothing uses any more",
		"The archive is written anew beside the old one, which stays until the new one is "
		"whole; "
		"so there must be room for both.",
		OPTIONS_WRITE | OPTIONS_TALK, command_compact},
	{"diff", "[PAIR...] | FILE N M", "show what sync would do, and do nothing",
		"A line a mailbox; with --verbose a line a message: + new, ~ flags, > moved, - "
		"deleted.  Of an archive, what changed from snapshot N to M, a line a message.",
		OPTIONS_RUN | OPTIONS_STORES | OPTIONS_TALK | OPTIONS_JSON | OPTIONS_SOURCE,
		command_diff},
	{"sync", "[PAIR...]", "bring the pairs (all of them by default) to the same state",
		"Stopped at any moment, it is simply run again.",
		OPTIONS_RUN | OPTIONS_WRITE | OPTIONS_STORES | OPTIONS_TALK | OPTIONS_JSON,
		command_sync},
	{"export", "FILE DIR", "a snapshot of an archive as files for other mail programs",
		"With --format maildir, a Maildir; mbox (or mbox.gz), a file for each mailbox; "
		"eml, a "
		"file for each message.  DIR has to be new, or empty: nothing is overwritten.  "
		"Beside "
		"an mbox, or among .eml files, a file of JSON lines keeps flags, keywords and "
		"dates.  "
		"The last snapshot, unless another is asked for.",
		OPTIONS_SNAPSHOT | OPTIONS_FORMAT | OPTIONS_TALK, command_export},
	{"forget", "FILE", "drop old snapshots from an archive",
		"The rules add up, and are applied to each account by itself; its last snapshot "
		"always "
		"stays.  What no snapshot shows any more goes as well.",
		OPTIONS_WRITE | OPTIONS_TALK | OPTIONS_JSON | OPTIONS_KEEP, command_forget},
	{"import", "DIR FILE", "files of other mail programs into an archive",
		"With --format maildir, a Maildir; mbox, an mbox, or a folder of them (.gz too, "
		"and as "
		"Thunderbird keeps them); eml, a folder of .eml files.  What `export` wrote comes "
		"back "
		"to the bit.  It becomes a snapshot of an account that is called as DIR; nothing "
		"that "
		"FILE holds already goes.",
		OPTIONS_FORMAT | OPTIONS_MAILBOX | OPTIONS_WRITE | OPTIONS_TALK | OPTIONS_JSON,
		command_import},
	{"log", "FILE", "the snapshots in an archive",
		"A line a snapshot: its number, when, of which account, what it holds, and what "
		"came "
		"and went since the one before it.",
		OPTIONS_JSON, command_log},
	{"ls", "FILE", "the messages of a snapshot of an archive",
		"A line a message: the first letters of its digest, by which `show` knows it, date "
		"of "
		"arrival, size, mailbox, sender, subject, flags.  Of the last snapshot, unless "
		"another "
		"is asked for.",
		OPTIONS_SNAPSHOT | OPTIONS_JSON, command_ls},
	{"restore", "FILE STORE", "put a snapshot of an archive back into a store",
		"Only adds: what is there already is left alone and not doubled, nothing is "
		"deleted.  The "
		"last snapshot, unless another is asked for.  Into an archive it becomes part of "
		"the next "
		"snapshot of the account.",
		OPTIONS_SNAPSHOT | OPTIONS_RESTORE | OPTIONS_WRITE | OPTIONS_TALK | OPTIONS_JSON,
		command_restore},
	{"search", "FILE QUERY...", "find messages in an archive by their headers",
		"Words are looked for in sender, recipients and subject; \"several words\" have to "
		"follow "
		"one another, min* is any word that begins so.  from:, to:, subject: look in one "
		"field; "
		"before:DATE, after:DATE and mailbox:PATTERN narrow it.  In all snapshots, unless "
		"one "
		"is asked for.",
		OPTIONS_SNAPSHOT | OPTIONS_JSON, command_search},
	{"show", "FILE MESSAGE", "one message of an archive",
		"MESSAGE is the first letters of its digest, as `ls` and `search` print it.  Its "
		"bytes "
		"go to standard output as they are; on a terminal, made fit for one.",
		0, command_show},
	{"snapshot", "STORE FILE", "put a store into an archive file",
		"STORE is a name of the configuration or a URL.  FILE is made where it is missing; "
		"what it holds already is kept.",
		OPTIONS_RUN | OPTIONS_WRITE | OPTIONS_TALK | OPTIONS_JSON, command_snapshot},
	{"status", "[PAIR...]", "what is known of each pair: last run, counts, what failed",
		"Exits 1 when a pair's last run failed, never was, or is older than --max-age.",
		OPTIONS_STATUS | OPTIONS_JSON, command_status},
	{"verify", "FILE | PAIR | STORE STORE",
		"read every byte of an archive, or compare two stores message by message",
		"Of an archive: exits 7 when anything is damaged; what is not named is whole.  Of "
		"two stores: reads every message of both and names what is missing, extra or "
		"different; exits 1 for a difference.  Other flags or dates of messages that are "
		"the same are named and are no difference.",
		OPTIONS_TALK | OPTIONS_JSON | OPTIONS_MAILBOX, command_verify},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int usage(FILE *out, int exit)
{
	fputs("usage: mailtwin [-c FILE] COMMAND [OPTIONS] [PAIR...]\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("  help       what a command does, and its options\n\n"
	      "mailtwin(1) has examples, mailtwin.yml(5) describes the configuration.\n",
		out);
	return exit;
}

static int help(const struct command *command)
{
	printf("usage: mailtwin %s [OPTIONS] %s\n\n%s\n%s\n\n", command->name, command->arguments,
		command->summary, command->details);
	options_help(stdout, command->groups | OPTIONS_COMMON);
	return 0;
}

static int unknown_command(const char *word)
{
	const char *names[COMMANDS + 1];
	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	names[COMMANDS] = NULL;
	const char *near = config_nearest(word, names);
	print_problem("unknown command '%s'%s%s%s", word, near != NULL ? "; did you mean '" : "",
		near != NULL ? near : "", near != NULL ? "'?" : "");
	return usage(stderr, CAUSE_CONFIG);
}

/* A second signal of a person who cannot wait ends the program at once: that is safe, too. */
static bool catch_signals(void)
{
	struct sigaction stop = {.sa_handler = stop_ask, .sa_flags = (int)SA_RESETHAND};
	struct error err;
	if (!stop_listen(&err)) {
		print_problem("%s", err.text);
		return false;
	}
	sigemptyset(&stop.sa_mask);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	return true;
}

static int run_command(const struct command *command, const char *config, int argc, char **argv)
{
	struct options options = {.arena = arena_new(), .config = config};
	struct error err = {0};
	int code;
	if (!options_parse(&options, command->groups | OPTIONS_COMMON, argc, argv, &err)) {
		print_problem("%s", err.text);
		fprintf(stderr, "try: mailtwin help %s\n", command->name);
		code = CAUSE_CONFIG;
	} else if (options.help) {
		code = help(command);
	} else {
		print_start(&options);
		bool talks = (command->groups & OPTIONS_TALK) != 0;
		bool ready = !talks || (catch_signals() && confine_begin());
		code = ready ? command->run(&options) : CAUSE_LOCAL;
		confine_end();
	}
	arena_wipe(options.arena); /* the configuration, and passwords that stand in it */
	arena_free(options.arena);
	return code;
}

/* Where standard output cannot be written, nobody saw the results: that is no success. */
static int flush_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	print_problem("cannot write to standard output");
	return code == 0 ? CAUSE_LOCAL : code;
}

int command_main(int argc, char **argv)
{
	const char *config = NULL;
	int at = 1;
	process_keep_private();
	process_return_memory();
	memory_guard();
	signal(SIGPIPE, SIG_IGN);
	while (at + 1 < argc &&
		(strcmp(argv[at], "-c") == 0 || strcmp(argv[at], "--config") == 0)) {
		config = argv[at + 1];
		at += 2;
	}
	if (at == argc)
		return usage(stderr, CAUSE_CONFIG);
	const char *word = argv[at++];
	if (strcmp(word, "--version") == 0) {
		puts(PACKAGE_STRING);
		return flush_output(0);
	}
	bool asks =
		strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
	if (asks && at == argc)
		return flush_output(usage(stdout, 0));
	const struct command *command = find_command(asks ? argv[at] : word);
	if (command == NULL)
		return unknown_command(asks ? argv[at] : word);
	return flush_output(
		asks ? help(command) : run_command(command, config, argc - at, argv + at));
}
