#ifndef MAILTWIN_IMAP_SESSION_H
#define MAILTWIN_IMAP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "imap/command.h"
#include "imap/condition.h"
#include "imap/parse.h"

/*
 * One signed-in connection to an IMAP server: commands go in, events come out, both in order.
 *
 *	session_submit(s, &tag, err, "UID FETCH %s (UID FLAGS)", set);	does not wait
 *	session_submit(s, &tag, err, "NOOP");				nor does this
 *	while ((got = session_next(s, &event, err)) > 0)		this does
 *		...
 *
 * Submitted commands are sent when session_next() has to wait, or when the output buffer is full.
 * The session keeps to itself what is its own: capabilities, the replies to ID, ENABLE and
 * NAMESPACE, alerts (told by log_warning()), BYE.
 *
 * Failures are ERROR_STORE: the session is of no more use and is to be closed.  CAUSE_SIGNIN for
 * TLS and sign-in; CAUSE_NETWORK and `transient` for a server that went away (BYE, too) or took
 * too long, with `later` where it said so; CAUSE_NETWORK alone for one that sent nothing but
 * notices for long, or broke the protocol: a tag that was never issued, a tag twice, a reply before
 * the command's literal was sent, more untagged responses than a mailbox has messages.
 */
struct imap_session;
struct credentials; /* imap/credentials.h */

/* What a server can do; one row each in capability.c. */
enum capability {
	CAP_IMAP4REV1,
	CAP_IMAP4REV2,
	CAP_STARTTLS,
	CAP_LOGINDISABLED,
	CAP_SASL_IR,
	CAP_LITERAL_PLUS,
	CAP_LITERAL_MINUS,
	CAP_ID,
	CAP_ENABLE,
	CAP_NAMESPACE,
	CAP_UIDPLUS,
	CAP_MOVE,
	CAP_CONDSTORE, /* also when only QRESYNC is listed (RFC 7162, 3.2.3) */
	CAP_QRESYNC,
	CAP_ESEARCH,
	CAP_LIST_EXTENDED,
	CAP_LIST_STATUS,
	CAP_SPECIAL_USE,
	CAP_CREATE_SPECIAL_USE,
	CAP_STATUS_SIZE,
	CAP_UTF8_ACCEPT,
	CAP_MULTIAPPEND,
	CAP_APPENDLIMIT,
	CAP_COMPRESS,
	CAP_OBJECTID,
	CAP_GMAIL, /* X-GM-EXT-1 */
	CAP_UNSELECT,
	CAP_BINARY,
	CAP_IDLE,
	CAP_COUNT
};

enum session_event_kind {
	SESSION_UNTAGGED, /* root: what follows "* " */
	SESSION_DONE,	  /* a command ended; root: what follows its tag, so OK, NO or BAD first */
	SESSION_BODY_BEGIN, /* a streamed literal; root: what preceded it, after "* " */
	SESSION_BODY,	    /* run: some of its octets */
	SESSION_BODY_END    /* the SESSION_UNTAGGED it stood in comes later */
};

struct session_event {
	enum session_event_kind kind;
	const struct imap_node *root;	 /* lent until the next call with this session */
	uint32_t tag;			 /* DONE: the number session_submit() gave */
	struct imap_condition condition; /* DONE: root, read; never BYE or PREAUTH; lent likewise */
	const uint8_t *run;		 /* BODY; lent likewise */
	size_t run_len;
	uint64_t size; /* BODY_BEGIN: octets announced */
};

/* The personal namespace (RFC 2342); the session asks for it where it is offered. */
struct imap_namespace {
	const char *prefix; /* as on the wire; "" where the server told none */
	char delimiter;	    /* '\0': flat, or not told: LIST tells */
	bool told;
};

/*
 * session_open(config, credentials, err):
 * Connect to the IMAP store ${config} and sign in; NULL on failure.  ${credentials} were made for
 * ${config} by credentials_fetch(); both are only read and may serve several threads, the first as
 * long as the session lives, the second until this returns.
 * When it returns, ID, ENABLE (CONDSTORE, QRESYNC, UTF8=ACCEPT) and NAMESPACE wait in the output
 * buffer for the first command: they cost no round trip.
 */
struct imap_session *session_open(
	const struct store_config *config, struct credentials *credentials, struct error *err);

/* session_close(s): send LOGOUT if that needs no waiting, and close; NULL is fine. */
void session_close(struct imap_session *s);

/* session_has(s, capability): offered, and not in the store's `disable` list. */
bool session_has(const struct imap_session *s, enum capability capability);

/* session_append_limit(s): octets of the largest message (RFC 7889); 0 = not told. */
uint64_t session_append_limit(const struct imap_session *s);

/*
 * session_enabled(s, capability, err):
 * Whether ENABLE has switched on CAP_CONDSTORE, CAP_QRESYNC or CAP_UTF8_ACCEPT: 1, 0; -1 = failed.
 *
 * session_namespace(s, ns, err):
 * Fill in *ns; its prefix lives as long as the session.
 *
 * Both wait for the replies to the commands of session_open() where these have not come yet: ask
 * after the first LIST, and it costs nothing.  What else comes meanwhile is kept for
 * session_next().
 */
int session_enabled(struct imap_session *s, enum capability capability, struct error *err);
bool session_namespace(struct imap_session *s, struct imap_namespace *ns, struct error *err);

/*
 * session_submit(s, tag, err, fmt, ...):
 * Submit one command without literals and do not wait; *tag (unless NULL) is its number.
 * The text has neither tag nor CRLF.  A CR, LF or NUL in it is a mistake of the caller: it fails.
 */
bool session_submit(struct imap_session *s, uint32_t *tag, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * session_command(s, tag, command, err):
 * Submit a command that was built with its literals; it must not be one that was refused.  Where a
 * literal has to wait for the server, so does this, and what comes meanwhile is kept for
 * session_next().
 */
bool session_command(struct imap_session *s, uint32_t *tag, const struct imap_command *command,
	struct error *err);

/*
 * The same in pieces, for literals of any size:
 *
 *	session_begin(s, &tag, err) &&
 *	session_put(s, "APPEND Sent ", 12, err) &&
 *	(went = session_literal(s, size, err)) > 0 && session_put(s, octets, size, err) &&
 *	session_end(s, err)
 *
 * session_literal(s, size, err) announces a literal of ${size} octets: "{size+}" where LITERAL+, or
 * LITERAL- and at most 4,096 octets, allow it; else "{size}", and it waits for the server's "+".
 * What comes meanwhile is kept for session_next().  1 = put exactly ${size} octets now; 0 = the
 * server refused and the command is over: its SESSION_DONE is to be taken, session_end() is not
 * to be called; -1 = failed.  A literal8 is a "~" put before.  session_end() adds the CRLF.
 *
 * While a literal is not complete, closing the session is the only way not to send the rest.
 *
 * session_literal_waits(s, size): whether it would wait.
 */
bool session_begin(struct imap_session *s, uint32_t *tag, struct error *err);
bool session_put(struct imap_session *s, const void *data, size_t n, struct error *err);
int session_literal(struct imap_session *s, uint64_t size, struct error *err);
bool session_end(struct imap_session *s, struct error *err);
bool session_literal_waits(const struct imap_session *s, uint64_t size);

/* session_flush(s, err): send what was submitted, without waiting for replies. */
bool session_flush(struct imap_session *s, struct error *err);

/*
 * session_next(s, event, err):
 * The next event: 1; 0 = every submitted command has ended and nothing is kept; -1 = failed.
 * Commands usually end in the order of submission, but a server may choose another: mind the tag.
 */
int session_next(struct imap_session *s, struct session_event *event, struct error *err);

/* session_pending(s): commands submitted and not yet ended. */
size_t session_pending(const struct imap_session *s);

/* session_stream(s, on): as imap_parser_stream(): every body comes in runs, however short. */
void session_stream(struct imap_session *s, bool on);

/* session_compress(s, err): start COMPRESS=DEFLATE (RFC 4978): 1; 0 = it is not offered, was
 * refused or begun before; -1.  It waits for the replies to all that was submitted, which are kept
 * for session_next(): call it where a flight ends anyway, and no bodies are on their way. */
int session_compress(struct imap_session *s, struct error *err);

/* Milliseconds: on the monotonic clock; how many of them the session waited for the server; and the
 * shortest wait for an answer to one of its own commands, 0 = it never waited. */
struct session_times {
	int64_t now, waited, turn;
};
struct session_times session_times(const struct imap_session *s);

/*
 * What it cost so far: bytes on the wire, and round trips.
 *
 * Round trips are the longest chain of command, answer to it, command sent after a part of that
 * answer was heard, and so on; a "+" and what is sent after it are links of their own.  A relay on
 * the line counts the same.  What is submitted in one flight is one link, however many commands it
 * has.  The greeting and the TLS handshake are not counted.
 */
uint64_t session_bytes_in(const struct imap_session *s);
uint64_t session_bytes_out(const struct imap_session *s);
uint64_t session_round_trips(const struct imap_session *s);

/* session_describe(s): "TLS 1.3, TLS_AES_256_GCM_SHA384; SCRAM-SHA-256", for `check`; lent. */
const char *session_describe(const struct imap_session *s);

/* session_rewrites(s): whether the server, by its greeting or its ID, is one of those that are
 * known to take messages apart and to put them together anew, so that header and size come out
 * changed. */
bool session_rewrites(const struct imap_session *s);

/* session_server(s): name and version as the reply to ID told them; "" = not told (yet); lent. */
const char *session_server(const struct imap_session *s);

#endif
