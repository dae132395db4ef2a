#ifndef MAILTWIN_IMAP_COMMAND_H
#define MAILTWIN_IMAP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "mail/flags.h"

/*
 * The one encoder of what is sent to an IMAP server.
 *
 * A command is built piece by piece and never fails in between: what cannot be sent is remembered,
 * and imap_command_refused() tells it at the end.  No string that comes from outside can end
 * its own argument: it is written as an atom, quoted, or as a literal, by what is in it, and with a
 * CR, LF or NUL in it the whole command is refused.
 *
 *	imap_command_init(&c, utf8);
 *	imap_command_words(&c, "APPEND ");
 *	imap_command_string(&c, wire);
 *	imap_command_words(&c, " (");
 *	imap_command_flags(&c, table, flags, NULL, NULL);
 *	imap_command_words(&c, ") ");
 *	imap_command_date(&c, received, zone);
 *
 * It has neither tag nor line end; those are the session's.
 */

/* A literal of a command; fewer than any server would take.  A search has the most of them. */
#define IMAP_COMMAND_LITERALS 16

/* Servers take lines of 8,000 octets for certain (RFC 7162, section 4); sets are cut to fit. */
#define IMAP_COMMAND_LINE 8000

struct imap_command {
	struct buffer text; /* all pieces, one after the other */
	struct {
		size_t at, len;
	} literal[IMAP_COMMAND_LITERALS];
	size_t literals;
	bool utf8;	     /* UTF8=ACCEPT is on: quoted strings may be UTF-8 (RFC 6855) */
	const char *refused; /* why it cannot be sent; NULL = it can */
};

/* imap_command_init(c, utf8): begin an empty command.  imap_command_finish(c): wipe and free. */
void imap_command_init(struct imap_command *c, bool utf8);
void imap_command_finish(struct imap_command *c);

/* imap_command_words(c, fmt, ...): the protocol's own words, blanks and numbers, as they stand. */
void imap_command_words(struct imap_command *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* imap_command_string(c, s): any string (RFC 9051, astring). */
void imap_command_string(struct imap_command *c, const char *s);

/* imap_command_flags(c, table, set, keep, context): the flags of ${set} with blanks between; of its
 * keywords those that keep(keyword, context) wants, or all with NULL.  One that is no atom is
 * refused (see imap_command_is_atom()). */
void imap_command_flags(struct imap_command *c, const struct flag_table *table, flag_set set,
	bool (*keep)(const char *keyword, void *context), void *context);

/* imap_command_date(c, seconds, zone): a date-time in its quotes; refused outside of 1900 to
 * 9999. */
void imap_command_date(struct imap_command *c, int64_t seconds, int16_t zone);

/* imap_command_is_atom(text): whether ${text} can be sent as an atom, as keywords must be. */
bool imap_command_is_atom(const char *text);

/* imap_command_refused(c): why it cannot be sent, in a few words, or NULL. */
const char *imap_command_refused(const struct imap_command *c);

/*
 * imap_command_next(c, at, piece):
 * The next piece of a command that was not refused; *at is 0 at first.  Text and literals take
 * turns, a text first; a literal is to be announced by its length.  False at the end.
 */
struct imap_piece {
	const char *data;
	size_t len;
	bool literal;
};

bool imap_command_next(const struct imap_command *c, size_t *at, struct imap_piece *piece);

#endif
