#ifndef MAILTWIN_SYNC_CONDUCTOR_H
#define MAILTWIN_SYNC_CONDUCTOR_H

#include "config/config.h"
#include "mail/pattern.h"
#include "sync/report.h"

/*
 * The conductor runs one pair from the listing to the report.  It alone touches the state and
 * calls the observer; workers do the rest.
 */
struct run_options {
	const struct pattern_list *only; /* --mailbox; NULL = all */
	bool dry_run; /* plan only: mailboxes are opened with EXAMINE, nothing is written */
	bool bring_back;
	bool once;	 /* it only adds to B, and remembers nothing: no state, no stamp is left */
	bool any_source; /* an archive B that holds nothing of A shows its last snapshot */
	unsigned wait;	 /* seconds to wait for a pair that another run holds */
	unsigned jobs;	 /* workers; 0 = as the stores' `connections` allow; 1 = no threads */
};

/* conductor_run(pair, options, observer, report): sync, or with dry_run show what sync would do.
 * Never fails: how it ended is in ${report}. */
void conductor_run(const struct pair_config *pair, const struct run_options *options,
	const struct observer *observer, struct report *report);

/* conductor_check(pair, observer, report): sign in on both sides, list and pair the mailboxes, and
 * tell observer->paired; nothing is opened or written. */
void conductor_check(const struct pair_config *pair, const struct run_options *options,
	const struct observer *observer, struct report *report);

/* conductor_verify(pair, options, observer, report): read every message of both sides and compare
 * them; nothing is written.  report->compared has the counts, and exit is 1 for a difference. */
void conductor_verify(const struct pair_config *pair, const struct run_options *options,
	const struct observer *observer, struct report *report);

#endif
