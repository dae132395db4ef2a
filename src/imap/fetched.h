#ifndef MAILTWIN_IMAP_FETCHED_H
#define MAILTWIN_IMAP_FETCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imap/parse.h"

enum imap_body { BODY_NONE, BODY_NIL, BODY_KEPT, BODY_STREAMED };

/* FETCH: what was told, and with IMAP_BODY_BEGIN what was told before the body. */
struct imap_fetched {
	uint32_t seq;
	uint32_t uid; /* 0 = not told */
	bool has_flags;
	const struct imap_node *flags; /* the first of them, atoms all */
	bool has_date;		       /* a date that can be read */
	int64_t received;
	int16_t zone;
	bool has_size;
	uint64_t size;
	uint64_t modseq;     /* 0 = not told */
	const char *emailid; /* or NULL */
	uint64_t gmail_id;   /* X-GM-MSGID; 0 = not told */
	size_t bodies;	     /* BODY[...] and BINARY[...] items in it */
	const char *section; /* the last of them: "BODY[]", "BODY[HEADER]<0>" */
	enum imap_body body; /* and what it is */
};

/*
 * imap_fetched_read(list, fetched, why):
 * Read the ${list} of a FETCH into all of ${fetched} but its seq.  Items that we never ask for are
 * passed over.  False, with ${*why}, when one we do ask for is not what it must be.
 */
bool imap_fetched_read(
	const struct imap_node *list, struct imap_fetched *fetched, const char **why);

#endif
