#ifndef MAILTWIN_TESTS_LAWS_H
#define MAILTWIN_TESTS_LAWS_H

#include "history.h"

/*
 * What must hold for every history, as worlds can show it:
 *
 *   a plan carried out and made again is empty
 *   cut off after any step and begun again, nothing is lost, doubled or different
 *   swapping the sides mirrors the plan (between)
 *   nothing is deleted that the state did not know, but strangers on B in `mirror`
 *   a new epoch deletes nothing
 *   partial lists of the same changes make the same plan
 *   what a side cannot hold is not sent there, and the world comes to rest all the same
 *   two halves of one row are one message, and every message is known to one row
 */

/* laws_check(w, flags, seed): the first law that does not hold, as a sentence; NULL: all do.
 * ${seed} decides what is left open: where a run is cut off, which keys are not told. */
const char *laws_check(const struct world *w, struct flag_table *flags, uint64_t seed);

/* laws_same_steps(a, plan_a, b, plan_b, swapped): whether two plans ask for the same, in whatever
 * order; with ${swapped} the second is for the world with its sides swapped. */
bool laws_same_steps(const struct view *a, const struct plan *plan_a, const struct view *b,
	const struct plan *plan_b, bool swapped);

/* laws_edit_against_mark(w, flags): whether somebody took a flag off on one side of a message that
 * is \Deleted on the other. */
bool laws_edit_against_mark(const struct world *w, struct flag_table *flags);

/* Where the plans of a trial are written to, one after the other; NULL: nowhere. */
extern struct buffer *laws_story;

/* laws_shrink(w, flags, seed, story): take away from ${w} what its failure does not need, and
 * write into ${story} what happens to the rest: each state of the world with the plan for it. */
void laws_shrink(struct world *w, struct flag_table *flags, uint64_t seed, struct buffer *story);

#endif
