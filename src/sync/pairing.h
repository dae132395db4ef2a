#ifndef MAILTWIN_SYNC_PAIRING_H
#define MAILTWIN_SYNC_PAIRING_H

#include "base/arena.h"
#include "config/config.h"
#include "mail/message.h"
#include "sync/state.h"

/*
 * Which mailbox is the twin of which.  Pure: lists and the state in, pairings out.
 */

enum pairing_action {
	PAIRING_SYNC,	/* both are there, or will be once `create` made the other */
	PAIRING_LEAVE,	/* one side no longer lists it: its rows are kept, nothing is done */
	PAIRING_REMOVE, /* one side no longer lists it, and the other is to lose it
			   (mailbox_deletions) */
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
	uint32_t use;		  /* for what is to be made */
	bool subscribe;
};

/* Something that was left out, and why: "mailbox 'Foo' on work: ...". */
struct pairing_problem {
	enum side side;
	const char *mailbox;
	enum error_cause cause; /* CAUSE_MAIL, or CAUSE_DOUBT where a person must look */
	const char *text;
};

struct pairings {
	struct pairing *at;
	size_t n, cap;
	struct pairing_problem *problem;
	size_t problems, cap_problems;
};

/*
 * pairing_make(pair, left, right, known, n, only, arena, err):
 * Pair the mailboxes of both sides: pairings of the state first, then `rename`, equal names,
 * special use.  ${only} (or NULL) are the patterns of --mailbox.  Fails with CAUSE_CONFIG where
 * `rename` makes two mailboxes land on one name.
 */
struct pairings *pairing_make(const struct pair_config *pair, const struct mailbox_list *left,
	const struct mailbox_list *right, const struct state_twin *known, size_t n,
	const struct pattern_list *only, struct arena *arena, struct error *err);

#endif
