#ifndef MAILTWIN_MAIL_MESSAGE_H
#define MAILTWIN_MAIL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "mail/flags.h"

/* Instead of an INTERNALDATE that the store could not tell. */
#define RECEIVED_UNKNOWN INT64_MIN

/* Octets of a content identity: the start of a SHA-256; all zero = not read yet. */
#define IDENTITY_SIZE 16

struct identity {
	uint8_t octet[IDENTITY_SIZE];
};

static inline bool identity_known(const struct identity *id)
{
	for (size_t i = 0; i < IDENTITY_SIZE; i++)
		if (id->octet[i] != 0)
			return true;
	return false;
}

/* One message of one mailbox of one store. */
struct message {
	const char *key;	  /* the store's own name for it: UID, unique part of a file name */
	uint64_t size;		  /* octets with CRLF line ends, a hint; 0 = not known */
	int64_t received;	  /* INTERNALDATE, seconds since the epoch, or RECEIVED_UNKNOWN */
	struct identity identity; /* digest of the header block in canonical form */
	flag_set flags;		  /* in the table that the list was asked for with */
	int16_t zone;		  /* INTERNALDATE's zone, minutes east of UTC; 0 where not kept */
	bool selected;		  /* takes part, as far as `messages:` of the pair goes */
	bool unreadable;	  /* it was asked for its content and could not be read */
};

/* Special uses (RFC 6154), as bits: what a mailbox is for. */
enum mailbox_use {
	USE_ALL = 1 << 0,
	USE_ARCHIVE = 1 << 1,
	USE_DRAFTS = 1 << 2,
	USE_FLAGGED = 1 << 3,
	USE_JUNK = 1 << 4,
	USE_SENT = 1 << 5,
	USE_TRASH = 1 << 6,
	USE_IMPORTANT = 1 << 7 /* RFC 8457 */
};

/* One mailbox as its store lists it. */
struct mailbox {
	const char *name; /* UTF-8, '/' between levels, as people write it (mail/name.h) */
	const char *raw;  /* as the store writes it: wire name, folder's path */
	const char *id;	  /* stays when it is renamed: MAILBOXID, a directory's inode; or NULL */
	const char *
		epoch; /* keys mean nothing once this changes (UIDVALIDITY); NULL = not known yet */
	const char *cursor; /* equal to an earlier one: nothing changed since; NULL = no idea */
	const char *next; /* no new message's key will lie below (UIDNEXT); NULL = no such order */
	uint64_t total;	  /* messages in it, where `cursor` or a listing told; else 0 */
	uint32_t use;	  /* USE_* */
	bool selectable;  /* holds messages; not \Noselect or \NonExistent */
	bool subscribed;
	bool read_only;		       /* cannot be written (a SELECT that came out READ-ONLY) */
	struct flag_storable storable; /* known once it was listed; before: everything */
};

struct mailbox_list {
	struct mailbox *at;
	size_t n, cap;
};

/*
 * The messages of one mailbox, on one arena.
 *
 * Whole: at[] is all of it.  Partial: at[] is what is new or has other flags
 * since the cursor that was given, gone[] the keys that vanished since (and may
 * name keys that never were known); what is in neither stands as it did.
 */
struct message_list {
	struct arena *arena;
	struct mailbox
		box; /* as it was when its changes began to be read: its cursor never runs ahead */
	struct message *at;
	size_t n, cap;
	/* Beside at[], where they had to be asked for, else NULL; all zero = not told.  What is
	 * equal in one of them is one message, as far as mail/identity.h says. */
	struct identity *emailid; /* the server's own: EMAILID or X-GM-MSGID */
	struct identity *origin;  /* digest of Message-ID and Date */
	struct identity *digest;  /* of the whole message */
	const char **gone;
	size_t n_gone, cap_gone;
	bool partial;
	bool unlike;  /* partial against a roster, which knows who is gone: see list_unlike() */
	size_t holes; /* damaged places of a store that was told to go around them: what they
		       * listed is not in at[], and not gone */
};

/*
 * A body in flight.  Its exact size precedes its first byte, because APPEND
 * must announce it; its bytes are lent run by run and never gathered.
 *
 * next(): 1 or more = that many bytes at ${*run}, lent until the next call; 0 = the end, after
 * exactly `size` bytes; -1 = ${err}, and the body is not to be used.
 */
struct reader {
	uint64_t size; /* octets, as on the wire: with CRLF line ends */
	ssize_t (*next)(struct reader *reader, const uint8_t **run, struct error *err);
};

#endif
