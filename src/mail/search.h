#ifndef MAILTWIN_MAIL_SEARCH_H
#define MAILTWIN_MAIL_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "mail/message.h"

/*
 * The keys of RFC 9051 SEARCH that a selection may use: flags and keywords, dates, sizes, and
 * headers.
 *
 * Grammar: keys side by side are "and"; OR, NOT, parentheses; ALL ANSWERED DELETED DRAFT FLAGGED
 * SEEN and their UN... forms, KEYWORD k, UNKEYWORD k; BEFORE ON SINCE SENTBEFORE SENTON SENTSINCE
 * date; LARGER n, SMALLER n; FROM TO CC BCC SUBJECT string, HEADER field string.
 */
struct search;

/* search_parse(text, arena, err): CAUSE_CONFIG names the word that is wrong and what is possible.
 */
struct search *search_parse(const char *text, struct arena *arena, struct error *err);

/* search_text(search): as it was written, fit to be sent as arguments of UID SEARCH (only ASCII, no
 * line ends). */
const char *search_text(const struct search *search);

/* search_needs_header(search): whether search_matches() needs the header block. */
bool search_needs_header(const struct search *search);

/*
 * search_matches(search, message, flags, header, len):
 * Whether ${message} is selected; its flags are in table ${flags}; ${header} may be NULL when
 * search_needs_header() is false.  Substrings compare without regard to ASCII case, in the header
 * as it stands, unfolded.
 */
bool search_matches(const struct search *search, const struct message *message,
	const struct flag_table *flags, const char *header, size_t len);

#endif
