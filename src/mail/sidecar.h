#ifndef MAILTWIN_MAIL_SIDECAR_H
#define MAILTWIN_MAIL_SIDECAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"

/*
 * What a file of messages cannot hold itself, in a file of JSON lines beside it: flags, keywords,
 * INTERNALDATE with its zone, and how to get each message's exact bytes back.  The first line is
 * the mailbox, each other line a message, in the order of the files.
 *
 *   {"v":1,"mailbox":"Lists/C","use":["\\Archive"],"subscribed":true}
 *   {"v":1,"offset":0,"length":512,"size":530,"lines":"crlf","sha256":"9f86...",
 *    "internaldate":"17-Jul-1996 02:44:25 -0700","flags":["\\Seen","$Forwarded"]}
 *
 * Of an mbox (before it was compressed) `offset` is where the message's separator begins and
 * `length` how much of the file is the message; of a file for each message there is "file" in their
 * place.  `lines` is what its line ends are there: "crlf", each LF was a CRLF, or "raw".  `size`
 * octets of what comes out are the message.
 */
struct sidecar {
	const char *mailbox; /* of the first line, else NULL; as mail/name.h writes it */
	uint32_t use;	     /* USE_* */
	bool subscribed;
	const char *file; /* NULL in an mbox */
	uint64_t offset, length, size;
	bool raw;
	const char *digest; /* SHA-256, hexadecimal; or NULL */
	int64_t received;   /* or RECEIVED_UNKNOWN */
	int16_t zone;	    /* minutes east of UTC */
	const char *flags;  /* parted by blanks: system flags by their names, and keywords as
			       flags_text() writes them; "" = none */
};

/* sidecar_write(line, out): append ${line} with its LF; false past the limit of ${out}. */
bool sidecar_write(const struct sidecar *line, struct buffer *out);

/*
 * sidecar_read(text, len, arena, out):
 * Read a line.  Members that are not known are passed over, those that are missing are zero, NULL,
 * "" or RECEIVED_UNKNOWN.  False, with ${out} of no use, where it is no line of version 1.
 */
bool sidecar_read(const char *text, size_t len, struct arena *arena, struct sidecar *out);

#endif
