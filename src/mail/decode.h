#ifndef MAILTWIN_MAIL_DECODE_H
#define MAILTWIN_MAIL_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/*
 * Header text as people read it.
 *
 * decode_text(text, len, out): append to ${out}, in UTF-8, what the unstructured field value or the
 * list of addresses ${text} says: encoded words (RFC 2047, with the language of RFC 2231, 5) from
 * any charset that iconv knows, raw bytes as UTF-8 or else as Latin-1, folds undone, control
 * characters left out.
 *
 * It never fails: an encoded word that is none stays as it stands, bytes that their charset does
 * not have become U+FFFD, and what would pass the limit of ${out} is cut between two characters.
 */
void decode_text(const char *text, size_t len, struct buffer *out);

/* decode_field(data, len, name, out): the same for the first field called ${name} of the header
 * block ${data}; false, and nothing added, where there is none. */
bool decode_field(const char *data, size_t len, const char *name, struct buffer *out);

#endif
