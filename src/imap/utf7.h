#ifndef MAILTWIN_IMAP_UTF7_H
#define MAILTWIN_IMAP_UTF7_H

#include <stddef.h>

#include "base/arena.h"

/*
 * Modified UTF-7 (RFC 3501, section 5.1.3): how mailbox names go over the wire without UTF8=ACCEPT,
 * and how some Maildirs spell their folders.
 *
 *	"&" base64 of UTF-16BE, "," for "/", no padding, "-" for what is not printable ASCII;
 *	"&-" for "&"
 *
 * utf7_encode(utf8, arena): the spelling of ${utf8}; NULL when that is no valid UTF-8.
 *
 * utf7_decode(wire, len, arena): the UTF-8 that is spelt so; NULL when ${wire} is not what
 * utf7_encode() would make of any text: a base64 that is cut off, lone surrogates, ASCII in base64,
 * 8-bit or control characters.  A name of that kind is to be kept as it is: two spellings of one
 * text would be two mailboxes.
 */
char *utf7_encode(const char *utf8, struct arena *arena);
char *utf7_decode(const char *wire, size_t len, struct arena *arena);

#endif
