#ifndef MAILTWIN_BASE_ESCAPE_H
#define MAILTWIN_BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Text from strangers, made fit for a terminal.
 *
 * escape_text(out, size, text):
 * Write ${text} to ${out}, at most ${size} bytes with the NUL, and return ${out}.
 * Valid UTF-8 stays; control characters (C0, DEL, C1), bidirectional overrides,
 * line and paragraph separators and bytes that are no UTF-8 become \xHH, byte
 * by byte.  What does not fit is replaced by "...".
 */
char *escape_text(char *out, size_t size, const char *text);

/*
 * utf8_length(s, left):
 * Return how many bytes (1 to 4) the valid UTF-8 character at ${s} has, of which
 * ${left} may be looked at; 0 when there is none (RFC 3629: no surrogates, no
 * overlong forms, nothing past U+10FFFF).
 */
size_t utf8_length(const char *s, size_t left);

/* utf8_valid(s, len): whether all ${len} bytes are valid UTF-8. */
bool utf8_valid(const char *s, size_t len);

#endif
