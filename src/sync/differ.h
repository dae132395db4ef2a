#ifndef MAILTWIN_SYNC_DIFFER_H
#define MAILTWIN_SYNC_DIFFER_H

#include "mail/message.h"
#include "sync/row.h"

/*
 * The differ: differ(left, right, base, policy) -> plan.
 *
 * Pure: no clock, no I/O, no globals; equal input, equal plan, step for step.  It sees the
 * whole pair at once, because a message gone from one mailbox and new in another was moved.
 *
 * Call differ_unread() first, read what it asks for, call it again, until it asks for nothing
 * that has not been tried; then differ(), the guard (sync/plan.h), and the steps in their order.
 */

#define NONE UINT32_MAX

/* One pair of mailboxes as the differ sees it. */
struct twin {
	/* NULL: a mailbox that is yet to be made.  Whole where new_epoch is set. */
	const struct message_list *list[2];
	const struct row *row; /* base: all rows, or with partial lists those they touch */
	size_t rows;
	const struct intent *intent; /* copies that an earlier run began */
	size_t intents;
	bool new_epoch[2]; /* this side's keys in the rows mean nothing any more: pair by content */
	bool unsure[2];	   /* this side could not be read whole: nothing of it counts as gone */
	bool no_deletes[2]; /* delete nothing on this side, and count it as doubt (another world) */
	bool read_only[2];  /* this side cannot be changed */
	/* The closing look of a run: its own copies have keys from here on; else NULL.  One of them
	 * that is gone already was taken and thrown away by the server, and deleted by nobody. */
	const char *born[2];
	bool drafts;	/* a \Drafts mailbox on either side: equal headers prove nothing */
	bool exempt[2]; /* marked \Trash or \Junk there: the guard's mailbox rules do not count */
};

struct policy {
	enum mode mode;
	bool flags;	  /* false: a new copy has its source's flags, then both are left alone */
	bool expunge;	  /* a message marked \Deleted counts as gone */
	bool propagate;	  /* deletions travel */
	bool bring_back;  /* every cell that deletes copies back */
	bool same_server; /* both sides are one server's, and it tells ids of contents */
	bool keeps;	  /* the right keeps what it loses: nothing there is in doubt */
	bool rewrites;	  /* a side is known to rewrite messages: see mail/identity.h */
};

/* Steps are as many as messages: their kinds take an octet each. */
enum __attribute__((packed))
step_kind {	     /* in order of execution: nothing is destroyed before all is safe */
	STEP_PAIR,   /* changes the state only: what is new about a row, or a new row */
	STEP_COPY,   /* one has it, the other is to get it */
	STEP_MOVE,   /* side `to` has it in mailbox `from_twin`, and is to have it in `twin` */
	STEP_FLAGS,  /* both have it, and a side lacks want[side] */
	STEP_DELETE, /* side `to` is to lose it */
	STEP_FORGET, /* changes the state only: neither has it, drop the row */
	STEP_KINDS
};

/* How one half of a row is once the step is settled. */
enum __attribute__((packed)) half {
	HALF_NEVER,    /* there is none */
	HALF_KEPT,     /* as the row has it */
	HALF_LISTED,   /* there, under the key of message[side] */
	HALF_MERGED,   /* there, as the row `merge` has it */
	HALF_NEW,      /* there, under a key that only the outcome tells */
	HALF_GONE,     /* deleted, and that is remembered */
	HALF_NAMELESS, /* remembered as deleted, but its key means nothing any more */
	HALF_TAKEN     /* the same, and it was `move` that did it */
};

/*
 * What is to be done about one message, and what is known of it then.
 *
 * A MOVE has to bring both sides to want[] as well, and does so before it moves: a run that dies
 * in between must find the message where it was.  With `follows`, the message has an earlier step
 * in this plan (the one with the same twin and message[LEFT]), and this one is carried out only
 * when that was settled: its row is what that left in the state.
 */
struct step {
	enum step_kind kind;
	enum half half[2]; /* the row once this is settled */
	bool keep : 1;	   /* MOVE: stays in from_twin as well (`copy`): a copy inside the store */
	bool verify : 1;   /* DELETE: only once the copy in B was compared byte for byte (`move`) */
	bool found : 1;	   /* DELETE: it is in another mailbox of that side: the guard looks away */
	bool follows : 1;  /* see above */
	bool thrown : 1;   /* PAIR: a copy was thrown away: the row counts it */
	enum side to;	   /* COPY, MOVE, DELETE: the side that changes */
	uint32_t twin;	   /* index of the pair of mailboxes */
	uint32_t from_twin;  /* MOVE: where the row and the message to move are; else = twin */
	uint32_t row;	     /* index into the rows of from_twin, or NONE: a new row */
	uint32_t merge;	     /* another row of twin, or NONE: this one has its half, and it goes */
	uint32_t message[2]; /* into the lists of step_twin(side); NONE: not listed now */
	flag_set want[2];    /* flags that each side has once this is settled */
	flag_set base[2];    /* what the row then remembers: want, but for changes yet to be made */
};

/* A message that the other side took and threw away so often that it is not sent again. */
struct thrown {
	uint32_t twin, row;
	enum side from; /* where it is */
};

/* Deletions that no_deletes or new_epoch kept from the plan. */
struct doubt {
	uint32_t twin;
	enum side side; /* that would lose */
	size_t deletes;
};

struct plan {
	struct step *step; /* sorted by kind, then twin, then newest first, then key */
	size_t n, cap;
	size_t count[STEP_KINDS][2]; /* COPY, MOVE, DELETE: by `to`; PAIR, FORGET: in [LEFT];
					FLAGS: by each side that is changed */
	uint64_t bytes[2];	     /* to be copied to each side, by the sizes that were told */
	struct doubt *doubt;
	size_t doubts, cap_doubts;
	struct thrown *thrown;
	size_t n_thrown, cap_thrown;
	size_t conflicts; /* flags that both sides changed to different values */
	size_t twins;
	bool *held;	  /* by twin: something was left undone, so the old cursors are to stay */
	bool *need_whole; /* by twin: `mirror` would delete strangers on B, and A's list is partial:
			     list it whole and call again; until then they stay */
};

enum read_part {
	READ_EMAILID, /* what the server itself calls the content: message_list.emailid */
	READ_HEADER,  /* its header block: message.identity, and with `rewrites` the origin */
	READ_WHOLE    /* the whole message: message_list.digest as well */
};

/* Something that differ() cannot decide without reading it. */
struct unread {
	uint32_t twin;
	enum side side;
	enum read_part part;
	uint32_t message; /* index into list[side], where it is to be filled in, */
	uint32_t row;	  /* or, with message NONE, into the rows: the same there */
	const char *key;
};

/*
 * differ_unread(arena, twins, n, flags, policy, unread):
 * What is to be read before differ(), as *${unread} on ${arena}; returns how many.  The first
 * call asks for EMAILIDs where those can decide, the next for headers, a later one for whole
 * messages where equal headers do not decide.
 * What was marked `unreadable` meanwhile is not asked for again, and is left alone by differ(),
 * with whatever it may be.  What else stays without an identity is like no other message.
 */
size_t differ_unread(struct arena *arena, const struct twin *twins, size_t n,
	struct flag_table *flags, const struct policy *policy, struct unread **unread);

/*
 * differ(arena, twins, n, flags, policy):
 * What is to be done, on ${arena}.  All flags are sets of table ${flags}.
 */
struct plan *differ(struct arena *arena, const struct twin *twins, size_t n,
	struct flag_table *flags, const struct policy *policy);

/*
 * step_row(twins, step, row):
 * What the state is to hold once ${step} is settled, in ${row}; a key that only the outcome tells
 * is NULL.  Where the step follows another, ${row} must hold what that left.  Return false when
 * the row is to go.  The row `merge`, if it is still there, goes in the same transaction.
 */
bool step_row(const struct twin *twins, const struct step *step, struct row *row);

/* step_marked(twins, step, row): the same for a DELETE that could only mark its message \Deleted.
 */
void step_marked(const struct twin *twins, const struct step *step, struct row *row);

/* step_twin(step, side): the pair of mailboxes in which ${step} reads or changes ${side}. */
uint32_t step_twin(const struct step *step, enum side side);

/* step_key(twins, step, side): the key of the message that ${step} reads or changes on ${side};
 * NULL = none. */
const char *step_key(const struct twin *twins, const struct step *step, enum side side);

/*
 * step_flags(twins, flags, step, side, add, remove):
 * Whether ${step}, a FLAGS or a MOVE, has to change the flags that ${side} has, and how.
 */
bool step_flags(const struct twin *twins, struct flag_table *flags, const struct step *step,
	enum side side, flag_set *add, flag_set *remove);

#endif
