#ifndef MAILTWIN_SYNC_ROW_H
#define MAILTWIN_SYNC_ROW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "config/config.h"
#include "mail/message.h"

/*
 * What the state remembers of one message of a pair of mailboxes.
 *
 * Each half is in one of three states: never there (no key, not gone), there (key, not gone), or
 * remembered gone (gone; the key that it had, or NULL once the epoch of that ended).  A row with
 * one half that never was is a message that is known and has no twin: out of the selection,
 * refused, or B's own in `copy`.
 */
struct row {
	int64_t id;	    /* the state's own number; 0 = not stored yet */
	const char *key[2]; /* as each store calls it */
	flag_set flags[2];  /* as each side had them at the last sync */
	bool gone[2];	    /* was there, was deleted, and that is remembered */
	bool taken[2];	    /* with gone: it was `move` that deleted this half */
	bool marked[2];	    /* we were to delete it and could only mark it \Deleted (no UIDPLUS) */
	bool verified;	    /* the bytes of both halves were compared, or copied by us */
	bool excluded;	    /* out of `messages` now; found out by each run, not stored */
	bool unreadable;    /* as in struct message; not stored either */
	uint16_t thrown;    /* times that the other side took a copy of it and threw it away */
	struct identity identity; /* header digest; all zero = never read */
	struct identity digest;	  /* of the whole message; all zero = never read */
	uint64_t size;
	int64_t received;
};

/*
 * A copy that was begun and of which nothing further is known.
 * Written before the first byte is sent, removed with the row that the copy became.
 */
struct intent {
	int64_t id;
	enum side to;	    /* the side that the copy was for */
	const char *source; /* key on the other side */
	const char *key;    /* what the copy is called (a Maildir's file), or NULL */
	const char *epoch,
		*next; /* of the target when it was begun: its key is not below `next`; or NULL */
	struct identity identity; /* of the source, where it was known */
};

/* Whether a UID is not below another: it has more digits, or as many and larger ones. */
static inline bool key_not_below(const char *key, const char *floor)
{
	size_t a = strlen(key), b = strlen(floor);
	return a != b ? a > b : strcmp(key, floor) >= 0;
}

#endif
