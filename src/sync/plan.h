#ifndef MAILTWIN_SYNC_PLAN_H
#define MAILTWIN_SYNC_PLAN_H

#include "base/buffer.h"
#include "config/config.h"
#include "sync/differ.h"

/*
 * The plan after the differ: counted, judged, printed.
 */

/* What a mailbox holds on each side, for the guard. */
struct held {
	uint64_t total[2];
};

/* One mailbox from which too much would go. */
struct refusal {
	uint32_t twin; /* NONE: the pair as a whole */
	enum side side;
	size_t deletes;
	uint64_t
		held; /* there now; of the whole pair: in the mailboxes that would lose something */
};

struct verdict {
	struct refusal *refusal;
	size_t n;
	size_t deletes; /* in the whole pair, as --max-deletions would have to allow them */
};

/*
 * plan_judge(arena, plan, twins, held, limit):
 * The guard (`max_deletions` of the configuration).  Under a share: 20 deletions or more in one
 * mailbox and more than the share of what it holds on the losing side; every message of one that
 * held five or more; or more than 1,000 in the pair.  Under a count: more than that in the pair.
 * Moves, a message found again in another mailbox of the same side, and what `move` takes from A
 * do not count; \Trash and \Junk only towards the 1,000.  No refusals: carry it out.
 */
struct verdict *plan_judge(struct arena *arena, const struct plan *plan, const struct twin *twins,
	const struct held *held, const struct deletion_limit *limit);

/* plan_drop_deletions(plan): take every DELETE out, as a refused plan is carried out; what it was
 * about is held.  Moves stay: nothing is lost by them. */
void plan_drop_deletions(struct plan *plan);

/* plan_empty(plan): whether carrying it out changes no message of either side (rows may change). */
bool plan_empty(const struct plan *plan);

/*
 * plan_print(plan, twins, flags, out):
 * The plan as text, one step a line, in the notation of tests/differ/README: "copy a1 -> right".
 * False past the limit of ${out}.
 */
bool plan_print(const struct plan *plan, const struct twin *twins, struct flag_table *flags,
	struct buffer *out);

#endif
