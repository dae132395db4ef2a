#include <string.h>

#include "base/escape.h"
#include "cmd/command.h"
#include "cmd/confine.h"
#include "cmd/pairs.h"
#include "cmd/print.h"
#include "imap/trace.h"
#include "sync/conductor.h"

/* What check shows of one pair of mailboxes. */
static const char *action_text(const struct pairing *p)
{
	if (p->action == PAIRING_LEAVE)
		return "  (one side no longer has it: left alone)";
	if (p->action == PAIRING_REMOVE)
		return "  (one side no longer has it: would be removed)";
	if (p->rename_to[LEFT] != NULL || p->rename_to[RIGHT] != NULL)
		return "  (would be renamed)";
	return p->create[LEFT] || p->create[RIGHT] ? "  (would be made)" : "";
}

static void show_pairings(void *context, const struct pairings *pairings)
{
	const struct options *options = context;
	for (size_t i = 0; i < pairings->n && !options->quiet; i++) {
		const struct pairing *p = &pairings->at[i];
		char left[512], right[512];
		if (p->action == PAIRING_FORGET)
			continue;
		escape_text(left, sizeof left, p->name[LEFT]);
		escape_text(right, sizeof right, p->name[RIGHT]);
		printf("  %s%s%s%s\n", left, strcmp(left, right) == 0 ? "" : " = ",
			strcmp(left, right) == 0 ? "" : right, action_text(p));
	}
}

static void show_pair(const struct options *options, const struct pair_config *pair)
{
	static const char *const arrow[] = {[MODE_BETWEEN] = "<->",
		[MODE_COPY] = "->",
		[MODE_MIRROR] = "=>",
		[MODE_MOVE] = ">>"};
	if (!options->quiet)
		printf("%s: %s %s %s\n", pair->name, pair->store[LEFT]->name, arrow[pair->mode],
			pair->store[RIGHT]->name);
}

int command_check(const struct options *options)
{
	const struct run_options run = {.dry_run = true};
	struct observer observer = *print_observer(options, false);
	struct pairs pairs = {0};
	if (!pairs_choose(options, &pairs))
		return CAUSE_CONFIG;
	int code = confine_pairs(options, &pairs);
	if (code != 0)
		return code;
	observer.context = (void *)(uintptr_t)options;
	observer.paired = show_pairings;
	for (size_t i = 0; i < pairs.n && code < 128; i++) {
		struct report report;
		show_pair(options, pairs.at[i]);
		conductor_check(pairs.at[i], &run, &observer, &report);
		code = report_worse(code, report.exit);
	}
	trace_close();
	if (code == 0 && !options->quiet)
		printf("all is well: %zu %s\n", pairs.n, pairs.n == 1 ? "pair" : "pairs");
	return code;
}
