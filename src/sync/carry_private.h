#ifndef MAILTWIN_SYNC_CARRY_PRIVATE_H
#define MAILTWIN_SYNC_CARRY_PRIVATE_H

#include "sync/run.h"

/*
 * A plan that is being carried out, as the files that do so share it:
 *
 *	carry.c		phases, and all of them but the first
 *	carry_copy.c	the first: copies
 */

/* Where a phase of the plan stands: the steps of some kinds, cut into jobs as the crew takes them.
 */
struct phase {
	struct run *run;
	struct survey *survey;
	struct plan *plan;
	struct job *(*next)(struct phase *phase);
	bool (*settle)(struct phase *phase, struct job *job);
	size_t at;	    /* the first step that is in no job yet */
	size_t chunks;	    /* of copies, that were cut so far */
	struct job *again;  /* a chain, to be given out once more before any other */
	struct job **queue; /* jobs that were cut beforehand */
	size_t queued, cap_queue, taken;
	struct ledger ledger;
	struct identity *lost; /* of copies that failed: their originals are not deleted */
	size_t n_lost, cap_lost;
	bool over; /* a failure ends the pair: what is out is still settled */
};

/* carry_new_job(phase, kind, twin, side): an empty job about one mailbox, on an arena of its own.
 */
struct job *carry_new_job(struct phase *phase, enum job_kind kind, uint32_t twin, enum side side);

/* carry_run_phase(phase): give out what phase->next() cuts, and settle what comes back, to the end.
 * False: the pair cannot go on. */
bool carry_run_phase(struct phase *phase);

/* carry_tell_end(phase, job): ${job} ended before its time, and nobody goes on with it. */
void carry_tell_end(struct phase *phase, const struct job *job);

/* carry_copies(phase): the copies of the plan. */
bool carry_copies(struct phase *phase);

#endif
