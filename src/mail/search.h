#ifndef MAILTWIN_MAIL_SEARCH_H
#define MAILTWIN_MAIL_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "mail/message.h"

/*
 * The keys of SEARCH (RFC 9051, 6.4.4) that a selection may use: flags and keywords, dates, sizes,
 * and headers.
 *
 *   search  = key *( " " key )			all of them must hold
 *   key     = "(" search ")" / "NOT " key / "OR " key " " key
 *           / "ALL" / "ANSWERED" / "DELETED" / "DRAFT" / "FLAGGED" / "SEEN"
 *           / "UNANSWERED" / "UNDELETED" / "UNDRAFT" / "UNFLAGGED" / "UNSEEN"
 *           / "KEYWORD " atom / "UNKEYWORD " atom
 *           / "BEFORE " date / "ON " date / "SINCE " date			INTERNALDATE
 *           / "SENTBEFORE " date / "SENTON " date / "SENTSINCE " date		the Date field
 *           / "LARGER " number / "SMALLER " number
 *           / "FROM " string / "TO " string / "CC " string / "BCC " string / "SUBJECT " string
 *           / "HEADER " string " " string
 *   date    = "1-Feb-1994", with or without double quotes
 *   string  = atom / <"> *( character / "\" ( <"> / "\" ) ) <">
 *
 * Dates are days, as written in the message's own zone: neither time nor zone is compared.
 * Substrings compare without regard to ASCII case, in the field as it stands, unfolded; words
 * encoded by RFC 2047 are not decoded.  What a message does not tell (no date, no size) is neither
 * before nor after, larger nor smaller.
 */
struct search;

/*
 * search_parse(text, arena, err):
 * ${text} as a search, on ${arena}.  NULL, with CAUSE_CONFIG, when it is none: ${err} names the
 * word that is wrong and what is possible.  Only printable ASCII is taken: the text may be sent to
 * a server.
 */
struct search *search_parse(const char *text, struct arena *arena, struct error *err);

/* search_text(search): as it was written, with single blanks: the arguments of UID SEARCH. */
const char *search_text(const struct search *search);

/* search_needs_header(search): whether search_matches() needs the header block. */
bool search_needs_header(const struct search *search);

/*
 * search_matches(search, message, flags, header, len):
 * Whether ${message} is selected; its flags are in table ${flags}; ${header} may be NULL when
 * search_needs_header() is false.
 */
bool search_matches(const struct search *search, const struct message *message,
	const struct flag_table *flags, const char *header, size_t len);

#endif
