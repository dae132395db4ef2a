#ifndef MAILTWIN_SYNC_REPORT_H
#define MAILTWIN_SYNC_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "config/config.h"
#include "sync/pairing.h"

/*
 * What a run tells while it goes, and what it was when it is over.
 *
 * Only the conductor's thread calls an observer, so none needs a lock.  All pointers are lent for
 * the length of the call.
 */

/* What was done, or would be, to one side. */
struct tally {
	uint64_t copied;	      /* messages that arrived there */
	uint64_t flagged;	      /* messages whose flags were changed there */
	uint64_t deleted;	      /* messages expunged there, or moved to `trash` */
	uint64_t moved;		      /* messages moved between mailboxes there */
	uint64_t bytes_in, bytes_out; /* on its wires or files */
	uint64_t round_trips; /* replies waited for on its busiest connection, TLS not counted */
};

/* One thing that went wrong, and where. */
struct problem {
	const char *store;	   /* as the configuration calls it; NULL: the pair as a whole */
	const char *mailbox;	   /* NULL: the store as a whole */
	const char *key;	   /* NULL: the mailbox as a whole; "uid 4711" or a file's name */
	const char *subject;	   /* of the message, decoded no further than it stands; or NULL */
	const struct error *error; /* what and why; error->cause decides the exit code */
};

struct progress {
	uint64_t mailboxes, mailboxes_done;
	uint64_t messages, messages_done; /* to be copied */
	uint64_t bytes, bytes_done;	  /* of bodies; `bytes` is an estimate from the sizes */
};

/* One mailbox pair of the plan, before anything is done (diff), or as it was done (sync). */
struct mailbox_report {
	const char *name[2];
	struct tally side[2]; /* bytes and round trips stay 0 */
	uint64_t equal;	      /* messages that have their twin */
};

/* One message of the plan: diff --verbose. */
struct change {
	char sign;		    /* '+' copy, '~' flags, '>' move, '-' delete */
	const char *store;	    /* the side that would change */
	const char *mailbox;	    /* on that side */
	int64_t received;	    /* or RECEIVED_UNKNOWN */
	const char *from, *subject; /* as in the header, unfolded; "" when there is none */
	const char *detail;	    /* "+\Flagged -\Seen", the mailbox that it moves to; or "" */
};

/* One message that is not the same on both sides: verify. */
struct difference {
	const char *what; /* "missing" on the other side, "extra" here, "different"; of messages
			     that are the same: "flags" or "date" that are not */
	const char *store, *other; /* where it is, and where not, or not so */
	const char *mailbox;	   /* on the side where it is */
	const char *key;	   /* "uid 4711", or a file's name */
	const char *subject;	   /* as in the header, or NULL */
};

/* What verify found. */
struct compared {
	uint64_t messages;	 /* of either side; those of both count once */
	uint64_t same;		 /* the altered ones as well */
	uint64_t altered;	 /* differ only as servers alter what they store */
	uint64_t missing, extra; /* not on the right, not on the left */
	uint64_t different;
	uint64_t flags, dates; /* of the same ones, those with other flags, INTERNALDATE */
};

struct observer {
	void *context;
	void (*start)(void *context, const struct pair_config *pair);
	void (*paired)(void *context, const struct pairings *pairings); /* after the listing */
	void (*mailbox)(void *context, const struct mailbox_report *report);
	void (*change)(
		void *context, const struct change *change); /* NULL: not wanted, costs nothing */
	void (*difference)(void *context, const struct difference *difference); /* or NULL */
	void (*problem)(void *context, const struct problem *problem);
	void (*progress)(
		void *context, const struct progress *progress); /* often; NULL: not wanted */
};

/* How a run of one pair ended. */
struct report {
	const struct pair_config *pair;
	int exit;	      /* the interface page's code; 128 + signal when it was stopped */
	int64_t began, ended; /* seconds since the epoch */
	double seconds;
	struct tally side[2];
	uint64_t equal; /* messages that have their twin, in all mailboxes */
	uint64_t mailboxes;
	uint64_t problems;
	uint64_t held_deletions; /* what the guard kept from being deleted; --max-deletions must be
				    this to go on */
	uint64_t conflicts; /* flags that both sides changed to different values, decided by rule */
	bool changes;	    /* there was, or (diff) is, something to do */
	bool state_was_missing;	  /* the state was made anew in this run */
	struct compared compared; /* verify only */
};

/* report_worse(a, b): of two exit codes the one to return: first of 7, 5, 3, 4, 1, 6; a signal's
 * before all. */
int report_worse(int a, int b);

/*
 * report_json(report, out): append the object that --json prints at the end of a pair, without a
 * line end.  False past the limit of ${out}.
 */
bool report_json(const struct report *report, struct buffer *out);

#endif
