#ifndef MAILTWIN_IMAP_PARSE_H
#define MAILTWIN_IMAP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The IMAP response parser: bytes in, events out, no socket (RFC 3501 and 9051, section 9).
 *
 *   response  = *( "+" / tag ) SP ... CRLF		a bare LF ends a line too
 *   node      = atom / number / quoted / literal / literal8 / NIL / "(" [node *(SP node)] ")"
 *
 * Response text after OK, NO, BAD, BYE, PREAUTH and "+" is one string node, after an optional list
 * node for its [response code].  "BODY[HEADER.FIELDS (X Y)]<0>" is one atom.
 *
 * A literal longer than limits.literal is handed out in runs that lie in the caller's own input;
 * anything else is gathered.  Feed the same bytes whole, one by one or cut anywhere: the events are
 * the same, but for how runs are cut.
 *
 * The numbers of a very long SEARCH, ESEARCH or VANISHED come as several responses of that kind,
 * each with a part of them, as a server may send them anyway: no list of UIDs is too long.
 */
struct imap_limits {
	size_t line;	/* bytes of one response, streamed literals not counted */
	size_t literal; /* largest literal kept in memory */
	size_t depth;	/* of parentheses */
};

/* Defaults, each with its reason in parse.c. */
extern const struct imap_limits imap_default_limits;

enum imap_event {
	IMAP_MORE,	 /* bring more bytes */
	IMAP_RESPONSE,	 /* out->root is the first node of one whole response */
	IMAP_CONTINUE,	 /* "+": out->root is its text (after its code, if it has one); the server
			    wants the next literal, or SASL data */
	IMAP_BODY_BEGIN, /* a streamed literal starts: out->size octets; out->root is what there is
			    of the response so far, the literal's own IMAP_STREAMED node last */
	IMAP_BODY,	 /* out->run lies in the caller's own input */
	IMAP_BODY_END,
	IMAP_BROKEN /* not IMAP, or over a limit: drop the connection */
};

struct imap_node {
	enum imap_node_type {
		IMAP_ATOM,
		IMAP_NUMBER, /* digits that fit 64 bits; more of them are an atom */
		IMAP_STRING,
		IMAP_NIL,
		IMAP_LIST,
		IMAP_STREAMED
	} type;
	const char *text; /* ATOM, NUMBER, NIL, STRING: ends in NUL; a literal may hold NUL */
	size_t len;
	uint64_t number; /* NUMBER; STREAMED: octets */
	const struct imap_node *child, *next;
};

struct imap_out {
	const struct imap_node *root; /* valid until the next imap_parse() */
	const uint8_t *run;
	size_t run_len;
	uint64_t size;
	const char *why; /* IMAP_BROKEN: what is wrong, in a few words */
};

struct imap_parser;

/* imap_parser_new(limits), imap_parser_free(parser); NULL is fine to free. */
struct imap_parser *imap_parser_new(const struct imap_limits *limits);
void imap_parser_free(struct imap_parser *parser);

/*
 * imap_parser_stream(parser, on):
 * While on, every literal of a FETCH response that follows a BODY[...] or BINARY[...] item is
 * handed out in runs, however short (and a quoted string there as one run, which then lies in the
 * parser's memory): one way for bodies of any size.
 */
void imap_parser_stream(struct imap_parser *parser, bool on);

/*
 * imap_parse(parser, in, len, used, out):
 * Parse in[0..len) up to the next event; *used says how many bytes are finished with, and are not
 * to be given again.  IMAP_MORE uses all of them.
 */
enum imap_event imap_parse(struct imap_parser *parser, const uint8_t *in, size_t len, size_t *used,
	struct imap_out *out);

/*
 * imap_parse_number(text, len, max, number):
 * The one way from a stranger's digits to a number: nothing but digits, at least one, ${max} at
 * most.  Return false, with ${*number} as it was, for anything else.
 */
bool imap_parse_number(const char *text, size_t len, uint64_t max, uint64_t *number);

#endif
