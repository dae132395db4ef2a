#ifndef MAILTWIN_SYNC_PAIRING_H
#define MAILTWIN_SYNC_PAIRING_H

#include "base/arena.h"
#include "config/config.h"
#include "mail/message.h"
#include "sync/state.h"

/*
 * Which mailbox is the twin of which.  Pure: lists and the state in, pairings out.
 *
 * A pairing that the state knows stays while both mailboxes are there, and follows one that was
 * renamed.  The rest are paired by the rules of `rename`, then by equal names, then by special use
 * where each side has one mailbox of that use.  What then has no twin gets one made, as `create`
 * and the mode allow.  What takes part is decided by A's name of a pairing, listed or yet to be.
 */
enum pairing_action {
	PAIRING_SYNC,	/* both are there, or will be once `create` made the other */
	PAIRING_LEAVE,	/* one side no longer lists it: its rows are kept, nothing is done */
	PAIRING_REMOVE, /* one side does not list it, and the other is to lose it, if it holds only
			   what was synced (mailbox_deletions); `known` may be NULL in `mirror` */
	PAIRING_FORGET	/* neither side lists it any more */
};

struct pairing {
	enum pairing_action action;
	const struct mailbox *box[2];	/* as listed; NULL: not there */
	const char *name[2];		/* names on each side, also of what is yet to be made */
	bool create[2];			/* to be made on that side before anything else */
	const struct state_twin *known; /* NULL: first time */
	enum side to;			/* REMOVE: the side that loses */
	const char *rename_to[2]; /* a rename to carry over: the side's mailbox `name` is to be
				     called so; or NULL */
	bool with_level[2];	  /* rename_to comes about by that of a level above, which is before
				     it: mailboxes take along what lies below them */
	bool confirm[2];	  /* it counts as renamed on that side, if at least half of the
				     known keys are in box[]: see pairing_make() */
	uint32_t use;		  /* for what is to be made */
	bool subscribe;
};

/* Something that was left out, and why. */
struct pairing_problem {
	enum side side;
	const char *mailbox;	/* on that side; NULL: the side as a whole */
	enum error_cause cause; /* CAUSE_MAIL, or CAUSE_DOUBT where a person must look */
	const char *text;
};

struct pairings {
	struct pairing *at; /* INBOX first, then by A's name, so levels before what is below them */
	size_t n, cap;
	struct pairing_problem *problem;
	size_t problems, cap_problems;
};

/*
 * pairing_make(pair, left, right, known, n, only, arena, err):
 * Pair the mailboxes of both sides.  ${only} (or NULL) are the patterns of --mailbox.  Fails with
 * CAUSE_CONFIG where `rename` makes two mailboxes land on one name.  All arguments must live as
 * long as the result.
 *
 * A pairing with confirm[s] rests on an epoch or on a directory's number, which a stranger may have
 * got: before anything is done, the caller looks for the known keys in box[s], and where fewer than
 * half are there, sets epoch[s] and mailbox[s] of that state_twin to NULL and calls again.
 */
struct pairings *pairing_make(const struct pair_config *pair, const struct mailbox_list *left,
	const struct mailbox_list *right, const struct state_twin *known, size_t n,
	const struct pattern_list *only, struct arena *arena, struct error *err);

#endif
