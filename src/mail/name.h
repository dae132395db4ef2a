#ifndef MAILTWIN_MAIL_NAME_H
#define MAILTWIN_MAIL_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/*
 * Mailbox names as people read and write them: UTF-8 with '/' between levels.
 *
 * Inside one level a '/', a control character, a byte that is no UTF-8, and a '%' before two
 * hexadecimal digits are written %2F, %0A, %FF, %25 (the written form); an empty level, which only
 * a server can come up with, is written %00.  INBOX, in any case, is "INBOX", also as the first of
 * several levels.
 *
 * What a server calls a mailbox in no text at all (no modified UTF-7, no UTF-8) is opaque: all that
 * is not printable ASCII, '%' and '&' are escaped, so that no text is written the same.
 *
 *   name   = level *( "/" level )
 *   level  = "%00" / 1*( character / "%" HEX HEX )
 */

/* Limits: a level longer than this fits no file name; a server that lists deeper is not
 * believed. */
#define NAME_MAX_LEVELS 32
#define NAME_MAX_BYTES	1000

/* name_fits(name): whether ${name} is within these limits and not empty. */
bool name_fits(const char *name);

/*
 * name_from_levels(levels, n, arena): the name of ${n} levels given as raw bytes (UTF-8 or not).
 * name_levels(name, arena, &n): back again, each level unescaped.  Different levels give different
 * names, but for the case of INBOX.
 */
char *name_from_levels(const char *const *levels, size_t n, struct arena *arena);
const char *const *name_levels(const char *name, struct arena *arena, size_t *n);

/*
 * name_from_wire(wire, delimiter, arena): the name of a mailbox that the store spells ${wire}
 * (UTF-8, already decoded) with ${delimiter} between levels (0 = no levels).  name_to_wire(): back
 * again; NULL when a level holds ${delimiter} itself, or is empty, or there are several and no
 * delimiter: such a mailbox cannot exist there by its own name.
 */
char *name_from_wire(const char *wire, char delimiter, struct arena *arena);
char *name_to_wire(const char *name, char delimiter, struct arena *arena);

/* name_escape_level(level, also, arena): ${level} in written form, the bytes in ${also} too (""
 * for none; '/' stays unless it is there); name_unescape(text, arena): back. */
char *name_escape_level(const char *level, const char *also, struct arena *arena);
char *name_unescape(const char *text, struct arena *arena);

/* name_opaque_level(level, also, arena): the bytes ${level} written as an opaque name's level, the
 * bytes in ${also} escaped too.  name_unescape() gives them back. */
char *name_opaque_level(const char *level, const char *also, struct arena *arena);

/* name_is_inbox(name): whether ${name} is INBOX in any case. */
bool name_is_inbox(const char *name);

/* name_canonical(name, arena): ${name}, as a person may have typed it, with INBOX in capitals, no
 * slash at either end, and nothing escaped that need not be: equal for equal mailboxes. */
char *name_canonical(const char *name, struct arena *arena);

/* name_parent(name, arena): the name above, or NULL at the top. */
char *name_parent(const char *name, struct arena *arena);

/* name_fold(name, arena): a form that is equal for names that only differ in case or Unicode
 * normalisation (ASCII and Latin, Greek, Cyrillic case; NFC and NFD of the composed letters of
 * these), for finding clashes. */
char *name_fold(const char *name, struct arena *arena);

#endif
