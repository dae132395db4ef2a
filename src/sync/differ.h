#ifndef MAILTWIN_SYNC_DIFFER_H
#define MAILTWIN_SYNC_DIFFER_H

#include "mail/message.h"
#include "sync/row.h"

/*
 * The differ: differ(left, right, base, policy) -> plan.
 *
 * Pure: no clock, no I/O, no globals; equal input, equal plan, step for step.  It sees the
 * whole pair at once, because a message gone from one mailbox and new in another was moved.
 */

#define NONE UINT32_MAX

/* One pair of mailboxes as the differ sees it. */
struct twin {
	const struct message_list *list[2]; /* NULL: an empty mailbox that is yet to be made */
	const struct row *row; /* base: all rows, or with partial lists those they touch */
	size_t rows;
	const struct intent *intent; /* copies that an earlier run began */
	size_t intents;
	bool new_epoch[2]; /* this side's keys in the rows mean nothing any more: pair by content */
	bool unsure[2];	   /* this side could not be read whole: nothing of it counts as gone */
	bool no_deletes[2]; /* delete nothing on this side, and count what would have been (reset)
			     */
	bool read_only[2];  /* this side cannot be changed */
	bool drafts;	    /* a \Drafts mailbox on either side: equal headers prove nothing */
	bool exempt[2];	    /* marked \Trash or \Junk on that side: the guard's mailbox rules do not
			       count */
};

struct policy {
	enum mode mode;
	bool flags;	 /* false: a new copy has its source's flags, then both are left alone */
	bool expunge;	 /* a message marked \Deleted counts as gone */
	bool propagate;	 /* deletions travel */
	bool bring_back; /* every cell that deletes copies back */
};

enum step_kind {   /* in order of execution: nothing is destroyed before all is safe */
	STEP_PAIR, /* both have it: remember that; or remember what is new about a row, see `row` */
	STEP_COPY, /* one has it, the other is to get it */
	STEP_MOVE, /* side `to` has it in mailbox `from_twin`, and is to have it in `twin` */
	STEP_FLAGS,  /* both have it; a side that lacks want[side] is changed */
	STEP_DELETE, /* side `to` is to lose it */
	STEP_FORGET, /* neither has it: drop the row */
	STEP_KINDS
};

struct step {
	enum step_kind kind;
	enum side to;	     /* the side that changes: COPY, MOVE, DELETE */
	uint32_t twin;	     /* index of the pair of mailboxes */
	uint32_t from_twin;  /* MOVE: where the row and the message to move are; else = twin */
	uint32_t row;	     /* index into the rows of from_twin, or NONE: a new row */
	uint32_t message[2]; /* index into the lists of twin (MOVE: of the source side's), or NONE:
				not listed now */
	flag_set
		want[2]; /* flags each side has once the step is settled, and the row's next base */
	bool gone[2];	 /* the row's next `gone` */
	bool keep;	 /* MOVE: the message stays in from_twin as well (`copy`) */
	bool verify;	 /* DELETE: only once the copy in B was compared byte for byte (`move`) */
	bool rekey[2];	 /* this half's key is the listed message's, not the row's */
};

/* Why something that the rules ask for is not in the plan. */
struct doubt {
	uint32_t twin;
	enum side side; /* that would lose */
	size_t deletes;
};

struct plan {
	struct step *step; /* sorted by kind, then twin, then received and key */
	size_t n, cap;
	size_t count[STEP_KINDS][2]; /* FLAGS: by side that is changed; PAIR, FORGET: in [0] */
	uint64_t bytes[2];	     /* to be copied to each side */
	struct doubt *doubt;	     /* what no_deletes kept from the plan */
	size_t doubts;
	bool need_whole[2]; /* a list was partial that must be whole before strangers are deleted
			       (mirror) */
};

/*
 * differ(arena, twins, n, flags, policy):
 * What is to be done, on ${arena}.  All flags are sets of table ${flags}.
 */
struct plan *differ(struct arena *arena, const struct twin *twins, size_t n,
	struct flag_table *flags, const struct policy *policy);

/*
 * differ_strangers(arena, twin, side, keys, n):
 * The messages of ${side} that no live half of a row names, or that a row knows without a twin, and
 * whose identity is not known yet.  The conductor reads their header digests into the list
 * (and, for rows, into the row) before it calls differ(), if the other side
 * has strangers or half-lost rows too, or if any row of the whole pair is gone (a move).
 */
void differ_strangers(struct arena *arena, const struct twin *twin, enum side side,
	const char ***keys, size_t *n);

/*
 * differ_ambiguous(arena, twins, n, index, side, keys, n_keys):
 * The messages of ${side} of twins[index] whose header digest has a candidate that it alone does
 * not decide (another size, a draft), and whose whole digest is not known yet: the conductor reads
 * it into list->digest[] (or the row) before differ(). Candidates across the mailboxes of one side
 * count too (moves).
 */
void differ_ambiguous(struct arena *arena, const struct twin *twins, size_t n, size_t index,
	enum side side, const char ***keys, size_t *n_keys);

/*
 * step_row(twins, step, row):
 * What the state is to hold once ${step} is settled, in ${row}; keys that only the outcome of a
 * copy tells are NULL. Return false when the row is to go (FORGET, or a deletion that leaves
 * nothing to remember).
 */
bool step_row(const struct twin *twins, const struct step *step, struct row *row);

/* step_key(twins, step, side): the key of the message that ${step} reads or changes on ${side};
 * NULL = none. */
const char *step_key(const struct twin *twins, const struct step *step, enum side side);

#endif
