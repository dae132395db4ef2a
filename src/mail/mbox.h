#ifndef MAILTWIN_MAIL_MBOX_H
#define MAILTWIN_MAIL_MBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A mailbox as one file (RFC 4155), in the dialect that people call mboxrd.
 *
 *   mbox      = *( separator message LF )		; the LF makes an empty line
 *   separator = "From " sender " " date LF		; the date in UTC, as asctime() writes it
 *
 * A message's lines end in LF; a line that is *">" "From " gets one ">" more, so that what is
 * written can be told from a separator and taken back exactly.
 */

/* What the line ends of a message are in the file. */
enum mbox_lines {
	MBOX_RAW,  /* as they are */
	MBOX_CRLF, /* LF for each CRLF: a message in which every LF has its CR */
	MBOX_BARE  /* a stranger's file: LF or CRLF; reading, a LF without CR gets one */
};

/* Room for what coding ${n} octets gives. */
#define MBOX_ROOM(n) (2 * (n) + 16)

/* Where a coder is; all zero but `lines` = before the first octet. */
struct mbox_coder {
	enum mbox_lines lines;
	bool plain;	  /* lines are not quoted: a file that is one message */
	bool inside;	  /* of a line that is no *">" "From " */
	bool mark, cr;	  /* a ">", a CR is held back */
	unsigned matched; /* octets of "From " that are held back */
	uint8_t last;	  /* reading: the octet that was written last */
};

/*
 * mbox_encode(coder, in, n, out), mbox_decode(coder, in, n, out):
 * Code the next ${n} octets of a message for the file, or from it; ${out} has MBOX_ROOM(${n}).
 * Return how many octets came.  Runs may be cut anywhere.
 * mbox_encode_end(coder, out), mbox_decode_end(coder, out): what was still held back; ${out} has
 * MBOX_ROOM(0).
 */
size_t mbox_encode(struct mbox_coder *coder, const uint8_t *in, size_t n, uint8_t *out);
size_t mbox_encode_end(struct mbox_coder *coder, uint8_t *out);
size_t mbox_decode(struct mbox_coder *coder, const uint8_t *in, size_t n, uint8_t *out);
size_t mbox_decode_end(struct mbox_coder *coder, uint8_t *out);

/* mbox_separator(received, out): the separator, with its LF, of a message of that INTERNALDATE
 * (RECEIVED_UNKNOWN: the epoch). */
enum { MBOX_SEPARATOR_SIZE = 64 };
void mbox_separator(int64_t received, char out[MBOX_SEPARATOR_SIZE]);

/*
 * mbox_is_separator(line, len, received):
 * Whether ${line}, after an empty line or at the beginning of the file, begins a message: "From "
 * with a time of day, or with nothing behind it.  ${*received}: its date, in UTC where it names no
 * zone, or RECEIVED_UNKNOWN.
 */
bool mbox_is_separator(const char *line, size_t len, int64_t *received);

/* mbox_status(header, len, keywords, size, gone): the system flags (FLAG_*) that the fields Status,
 * X-Status and X-Mozilla-Status of a header block tell, and as text parted by blanks the keywords
 * of X-Keywords and X-Mozilla-Keys.  ${*gone}: it was deleted, and only not taken out yet. */
uint32_t mbox_status(const char *header, size_t len, char *keywords, size_t size, bool *gone);

#endif
