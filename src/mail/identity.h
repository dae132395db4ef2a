#ifndef MAILTWIN_MAIL_IDENTITY_H
#define MAILTWIN_MAIL_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/message.h"

/*
 * Content identity: which messages are the same, however a server stored them.
 *
 * Canonical form: every line ends in CRLF, CR elsewhere goes, NUL and bytes above 0x7F become X,
 * empty lines at the end go: what servers are known to alter is neutral in it.  So are the header
 * fields by which mbsync and offlineimap mark their copies (X-TUID, X-OfflineIMAP).  The identity
 * is the start of the SHA-256 of the header block in canonical form (without its empty line); the
 * digest that of the whole message.
 *
 * Two more tell that messages are one without being equal byte for byte, or without being read: the
 * server's own EMAILID, between two mailboxes of one server, and the origin, a digest of Message-ID
 * and Date, where a server is known to rewrite what it stores (then with sizes that are near).
 *
 * A hasher eats a message in runs of any size and gives both, and the number of octets.  It belongs
 * to one thread at a time.
 */
struct hasher;

/* hasher_new(void), hasher_free(h): one can be used for many messages; NULL is fine to free. */
struct hasher *hasher_new(void);
void hasher_free(struct hasher *h);

/* hasher_want_exact(h, wanted): whether hasher_exact() is to have an answer for the messages that
 * begin from now on, which costs a second digest; at first it has none. */
void hasher_want_exact(struct hasher *h, bool wanted);

/* hasher_begin(h): a new message begins; what was fed before is forgotten. */
void hasher_begin(struct hasher *h);

/* hasher_add(h, data, len): its next bytes.  hasher_header_done(h): the header block was seen
 * whole, so that the identity does not change any more. */
void hasher_add(struct hasher *h, const uint8_t *data, size_t len);
bool hasher_header_done(const struct hasher *h);

/*
 * hasher_end(h, header, whole, octets):
 * The message ended: give its identity, its digest, and how many bytes it had as fed.  A message
 * without an empty line is all header: feeding just the header block, with its empty line or
 * without, gives the same identity as feeding all.  Any output may be NULL.  No digest that is
 * returned is all zero.
 */
void hasher_end(
	struct hasher *h, struct identity *header, struct identity *whole, uint64_t *octets);

/* hasher_exact(h, exact): the start of the SHA-256 of what was fed, octet by octet, none neutral.
 */
void hasher_exact(struct hasher *h, struct identity *exact);

#endif
