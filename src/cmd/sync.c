#include "cmd/command.h"
#include "cmd/confine.h"
#include "cmd/pairs.h"
#include "cmd/print.h"
#include "config/url.h"
#include "imap/trace.h"
#include "sync/conductor.h"

/* A dry run judges like a run, but only what would hold a run back, or --exit-code, is told by its
 * code. */
static int code_of(const struct options *options, const struct report *report, bool dry)
{
	if (dry && report->exit == 0 && options->exit_code && report->changes)
		return 1;
	return report->exit;
}

int command_run(const struct options *options, const struct pairs *pairs, bool dry, bool once)
{
	const struct run_options run = {
		.only = options->mailboxes.n > 0 ? &options->mailboxes : NULL,
		.dry_run = dry,
		.once = once,
		.bring_back = options->bring_back,
		.wait = options->wait};
	int code = confine_pairs(options, pairs);
	if (code != 0)
		return code;
	const struct observer *observer = print_observer(options, dry);
	for (size_t i = 0; i < pairs->n && code < 128; i++) {
		struct report report;
		conductor_run(pairs->at[i], &run, observer, &report);
		print_report(options, &report, dry);
		code = report_worse(code, code_of(options, &report, dry));
	}
	trace_close();
	return code;
}

static int run_chosen(const struct options *options, bool dry)
{
	struct pairs pairs = {0};
	return pairs_choose(options, &pairs) ? command_run(options, &pairs, dry, false)
					     : CAUSE_CONFIG;
}

int command_sync(const struct options *options)
{
	return run_chosen(options, options->dry_run);
}

/* A pair has no name with a colon or a slash in it. */
int command_diff(const struct options *options)
{
	if (options->n_names > 0 && url_is(options->names[0]))
		return command_diff_archive(options);
	if (options->source != NULL) {
		print_problem("--source chooses an account of an archive, not of a pair");
		return CAUSE_CONFIG;
	}
	return run_chosen(options, true);
}
