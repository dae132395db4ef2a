#ifndef MAILTWIN_SYNC_DIFFER_PRIVATE_H
#define MAILTWIN_SYNC_DIFFER_PRIVATE_H

#include "base/arena.h"
#include "sync/differ.h"

/*
 * What the differ's own files share.
 *
 *   differ.c            the story; the finished plan: sorted and counted
 *   differ_units.c      rows and lists become units: what became of each half
 *   differ_match.c      units that are halves of one message find each other by content
 *   differ_meetings.c   who may meet whom, and in which order; what has to be read for it
 *   differ_reconcile.c  the table: what is done about a unit
 *   differ_flags.c      flags merged three ways
 *
 * A unit is one message as the differ sees it: a row, two strangers that turned out to be one
 * message, or a lone stranger.  Rows of which nothing changed never become units, so that
 * a run costs what changed.
 */

/* What became of one half.  What stands from SAME on is there. */
enum state {
	NEVER,	    /* there is none */
	REMEMBERED, /* deleted at an earlier sync */
	GONE,	    /* was there at the last sync */
	SAME,
	TOUCHED, /* only \Seen or \Deleted changed: no edit */
	EDITED,
	STATES,
	LOST = STATES /* its key means nothing any more; NEVER, unless it is found by content */
};

struct unit {
	uint32_t twin, row, merge; /* as in struct step */
	uint32_t message[2];
	uint32_t mate;	       /* the stranger that this one became in another mailbox, or NONE */
	uint8_t state[2];      /* enum state */
	bool marked[2];	       /* there, but \Deleted, and counts as gone (`expunge`) */
	bool thrown[2];	       /* gone here, and `born` in this run */
	uint8_t ask;	       /* 1 << enum read_part */
	bool merged_right : 1; /* the row `merge` has the right half, else the left */
	bool fresh : 1;	       /* paired just now: what the row says of flags is no base */
	bool dead : 1;	       /* became part of another unit */
	bool adrift : 1;       /* its row has keys of an epoch that ended */
	bool found : 1;	       /* gone here, and there in another mailbox that needs no move */
	bool veiled : 1; /* it may be one that could not be read, or is: nothing is done to it */
};

struct differ {
	struct arena *arena;   /* for the answer */
	struct arena *scratch; /* for what only the differ looks at */
	const struct twin *twin;
	size_t twins;
	struct flag_table *flags;
	const struct policy *policy;
	struct unit *unit;
	size_t units, cap;
	bool blind[2]; /* a mailbox of this side could not be read whole: what is gone elsewhere
			  may be in it */
	bool *murky;   /* by twin: not every stranger on the left could be read */
	bool asking;   /* differ_unread(): note what has to be read */
	struct plan *plan;
};

static inline bool is_there(uint8_t state)
{
	return state >= SAME && state < STATES;
}

/* Either half of a unit tells what both are. */
static inline enum side read_side(const struct unit *u)
{
	return is_there(u->state[LEFT]) ? LEFT : RIGHT;
}

/* ---- differ_units.c ---- */

/* units_make(d, t): the units of the rows and messages of pair ${t} of mailboxes. */
void units_make(struct differ *d, uint32_t t);

/* unit_message(d, u, side): as listed now, or NULL.  unit_row(d, u), unit_half_row(d, u, side):
 * the row, the row that has this half; or NULL. */
const struct message *unit_message(const struct differ *d, const struct unit *u, enum side side);
const struct row *unit_row(const struct differ *d, const struct unit *u);
const struct row *unit_half_row(const struct differ *d, const struct unit *u, enum side side);

/* unit_flags(d, u, side): what a half that is there has now. */
flag_set unit_flags(const struct differ *d, const struct unit *u, enum side side);

/* unit_state(d, u, side): SAME, TOUCHED or EDITED: a half that is there against its row. */
enum state unit_state(const struct differ *d, const struct unit *u, enum side side);

/* unit_mark(d, u): find out which halves are \Deleted and count as gone. */
void unit_mark(const struct differ *d, struct unit *u);

/* unit_is_out_of_sight(d, u, side): it may be there, and edited, and was not read: an edit wins. */
bool unit_is_out_of_sight(const struct differ *d, const struct unit *u, enum side side);

/* unit_is_unreadable(d, u): it was asked for, to know its content, and could not be read. */
bool unit_is_unreadable(const struct differ *d, const struct unit *u);

/* unit_excluded(d, u): whether it is out of `messages`. */
bool unit_excluded(const struct differ *d, const struct unit *u);

/* ---- differ_match.c ---- */

/* What a unit is known by. */
struct content {
	struct identity emailid, header, whole, origin; /* all zero = not known */
	uint64_t size;					/* 0 = not known */
	int64_t received;				/* or RECEIVED_UNKNOWN */
	bool draft;
};
void unit_content(const struct differ *d, const struct unit *u, struct content *content);

/* Units, as indexes, that look for one of another pool.  Equal ones are taken in order of the date
 * and key of their half on ${side}. */
struct pool {
	enum side side;
	uint32_t *at;
	size_t n, cap;
};

/* match_pool(d, first, wanted, side): those of the units from ${first} on that are ${wanted}, but
 * no veiled ones. */
typedef bool (*match_wanted)(const struct differ *d, const struct unit *u, enum side side);
struct pool match_pool(struct differ *d, size_t first, match_wanted wanted, enum side side);

/* match_any(d, first, wanted, side): whether such a pool would have anything in it: where the other
 * one is to be empty, a million need not be gathered. */
bool match_any(const struct differ *d, size_t first, match_wanted wanted, enum side side);

/*
 * match(d, a, b, sizes, found):
 * Find equal contents, one to one in order, and tell ${found}, which may refuse; those that found
 * nothing stay in the pools.  What could not be read may be any that it is not known to differ
 * from: these are veiled, on both sides, and meet nobody else.  In differ_unread(): note whose
 * EMAILIDs have to be asked for; for what those leave, whose headers have to be read, with ${sizes}
 * only of those that one of the other pool equals in size; then whose bodies, because equal headers
 * did not decide.
 */
typedef bool (*match_found)(struct differ *d, struct unit *a, struct unit *b, enum side side_of_a);
void match(struct differ *d, struct pool *a, struct pool *b, bool sizes, match_found found);

/* ---- differ_meetings.c ---- */

/* meet(d, first): let the units from ${first} on, all of one pair of mailboxes, find each other. */
void meet(struct differ *d, size_t first);

/* meet_is_new(d, u, side): a message of ${side} that no row and no message of the other side
 * knows. */
bool meet_is_new(const struct differ *d, const struct unit *u, enum side side);

/* ---- differ_moves.c ---- */

/* moves_find(d): let what is gone from one mailbox find what is new in another. */
void moves_find(struct differ *d);

/* moves_plan(d, u): put the move of ${u}, which found its mate, into the plan. */
void moves_plan(struct differ *d, struct unit *u);

/* ---- differ_reconcile.c ---- */

/* reconcile(d, u): put into the plan what is to be done about ${u}. */
void reconcile(struct differ *d, struct unit *u);

/* What the files that make steps share: a step that would leave ${u} as it is now; putting it into
 * the plan; leaving ${u} to a later run; remembering what is new about it, if anything. */
struct step reconcile_step(const struct differ *d, const struct unit *u, enum step_kind kind);
void reconcile_add(struct differ *d, const struct step *step);
void reconcile_hold(struct differ *d, uint32_t twin);
void reconcile_keep(struct differ *d, struct unit *u);

/* reconcile_rule(d): how flags are merged in this mode.  reconcile_half(d, u, side): the flags of
 * a half that is there, for merge_flags(). */
enum merge_rule reconcile_rule(const struct differ *d);
struct held_flags reconcile_half(const struct differ *d, const struct unit *u, enum side side);

/* ---- differ_flags.c ---- */

enum merge_rule {
	MERGE_NOTHING, /* both sides are left alone */
	MERGE_CHANGES, /* what changed on either side (between) */
	MERGE_LEFT,    /* what changed on the left (copy) */
	MERGE_EQUAL    /* right is to be as left is (mirror) */
};

/* The flags of one message on one side. */
struct held_flags {
	flag_set base; /* at the last sync */
	flag_set now;
	const struct flag_storable *storable; /* NULL: everything */
	bool fixed;			      /* read-only: nothing can be changed there */
};

struct merged {
	flag_set want[2], base[2]; /* as in struct step */
	size_t conflicts;
};

/* merge_flags(flags, rule, half, merged): the three-way merge of page "Reconcile": each flag by
 * itself, each side against its own base. */
void merge_flags(struct flag_table *flags, enum merge_rule rule, const struct held_flags half[2],
	struct merged *merged);

/* merge_first_base(flags, rule, half): the base that makes an ordinary merge do what a first
 * pairing is to do. */
void merge_first_base(struct flag_table *flags, enum merge_rule rule, struct held_flags half[2]);

/* merge_is_edit(flags, change): whether ${change} holds more than \Seen and \Deleted. */
bool merge_is_edit(struct flag_table *flags, flag_set change);

/* merge_change(flags, half): what changed since the base; what a side cannot hold is never a
 * removal. */
flag_set merge_change(struct flag_table *flags, const struct held_flags *half);

#endif
