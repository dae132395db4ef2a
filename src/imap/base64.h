#ifndef MAILTWIN_IMAP_BASE64_H
#define MAILTWIN_IMAP_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* Base64 (RFC 4648, section 4) as SASL needs it: strict, since a stranger writes it. */

/* base64_encode(data, n, out): append; false past the limit of ${out}. */
bool base64_encode(const void *data, size_t n, struct buffer *out);

/* base64_decode(text, n, out): append; false, with ${out} as it was, for anything but whole groups
 * of four from the alphabet, padded at the end only, with no stray bits, and past the limit. */
bool base64_decode(const char *text, size_t n, struct buffer *out);

#endif
