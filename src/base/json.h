#ifndef MAILTWIN_BASE_JSON_H
#define MAILTWIN_BASE_JSON_H

#include "base/buffer.h"

/*
 * json_string(out, text):
 * Append ${text} as a JSON string (RFC 8259), "null" for NULL.  Bytes that are no UTF-8 become
 * U+FFFD, so that what is printed is always valid.  False past the limit of ${out}.
 */
bool json_string(struct buffer *out, const char *text);

#endif
