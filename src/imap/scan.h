#ifndef MAILTWIN_IMAP_SCAN_H
#define MAILTWIN_IMAP_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How far the words of a response line go.  Lines end in NUL and hold no other.
 *
 * scan_atom(text, items): the length of the atom at ${text}; with ${items}, "BODY[...]<0>" and its
 * like are one atom, whatever their section holds.
 *
 * scan_code(text): where the ']' is that ends the response code whose first byte is at ${text}, or
 * NULL: then what looked like a code is but text.
 *
 * scan_is_status(word, len, tagged): OK, NO or BAD; untagged also BYE and PREAUTH.
 * scan_is_tag(text, len): what a tag may look like (RFC 9051: ASTRING-CHAR but "+").
 */
size_t scan_atom(const char *text, bool items);
char *scan_code(char *text);
bool scan_is_status(const char *word, size_t len, bool tagged);
bool scan_is_tag(const char *text, size_t len);

/*
 * scan_numbers(line, len, again):
 * ${line}[0..${len}) is the first part of a long line.  If it is one of numbers (SEARCH, ESEARCH,
 * VANISHED), return where the last separator is that has a digit on either side, and in ${*again}
 * how many bytes of the line's begin the next part is to have again, to be a response of the
 * same kind.  0 = it is no such line, or has no such place.
 */
size_t scan_numbers(const char *line, size_t len, size_t *again);

#endif
