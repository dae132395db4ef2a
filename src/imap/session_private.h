#ifndef MAILTWIN_IMAP_SESSION_PRIVATE_H
#define MAILTWIN_IMAP_SESSION_PRIVATE_H

#include "base/arena.h"
#include "imap/capability.h"
#include "imap/credentials.h"
#include "imap/kept.h"
#include "imap/session.h"
#include "imap/trace.h"
#include "net/conn.h"

/* What the files of a session share: session.c runs it, signin.c and auth.c begin it. */

/* Whose command it is. */
enum owner {
	OWNER_CALLER,
	OWNER_SESSION,
	OWNER_FLIGHT /* the session's, of the last flight of session_open() */
};

struct pending {
	uint32_t tag;
	enum owner owner;
	uint64_t chain; /* its place in the chain of round trips */
};

/* Where the command that is being put together stands. */
enum opened {
	OPENED_NONE, /* no command is open */
	OPENED_TEXT,
	OPENED_ANNOUNCED, /* "{n}" was sent, and the server's "+" is due */
	OPENED_LITERAL,	  /* its octets are due from us */
	OPENED_AUTH	  /* AUTHENTICATE: both sides take turns */
};

struct imap_session {
	const struct store_config *config;
	const struct imap_config *imap;
	struct credentials *credentials;
	struct arena *arena; /* lives as long as the session */
	struct conn *conn;
	struct imap_parser *parser;
	struct trace *trace; /* NULL: none */

	struct capabilities can;
	uint64_t enabled; /* 1 << enum capability */
	struct imap_namespace ns;
	char server[120], text[160];
	bool rewrites;	/* see session_rewrites() */
	bool signed_in; /* before, whatever the server volunteers is ignored (B06) */
	bool deflated;	/* or it was refused */
	int64_t turn;	/* the shortest wait for an answer: milliseconds; 0 = never waited */

	uint32_t next_tag;
	struct pending *pending;
	size_t n_pending, cap_pending;
	size_t n_owned[OWNER_FLIGHT + 1]; /* how many of them are whose */

	enum opened opened;
	uint32_t open_tag;
	uint64_t literal_left;
	bool hiding; /* what is put now is a secret, not for the trace */

	uint32_t ended_tag; /* of the session's own commands, the last that ended, and how */
	struct imap_condition ended;

	uint64_t chain; /* round trips that waited for one another so far */
	struct kept *kept;
	bool dropping;	   /* a body was not kept: nor is the response it stood in */
	uint64_t untagged; /* since a command ended */
	uint64_t exists;   /* the largest mailbox seen */
	int64_t progress;  /* when something other than a notice came: clock_ms() */

	bool lost; /* of no more use */
	struct error why;
};

/* What session_take() brought. */
enum taken {
	TAKEN_FAILED = -1,
	TAKEN_NOTHING, /* it was the session's own affair */
	TAKEN_EVENT,   /* the caller's */
	TAKEN_OWN,     /* a command of the session's has ended: s->ended_tag, s->ended */
	TAKEN_CONTINUE /* "+": event->root is its text */
};

/* session_take(s, event, err): wait for one response, or part of a streamed one. */
enum taken session_take(struct imap_session *s, struct session_event *event, struct error *err);

/* session_begin_as(s, owner, tag, err), session_submit_as(s, owner, tag, text, err): as
 * session_begin() and session_submit(), for a command whose end is not for the caller. */
bool session_begin_as(struct imap_session *s, enum owner owner, uint32_t *tag, struct error *err);
bool session_submit_as(struct imap_session *s, enum owner owner, uint32_t *tag, const char *text,
	struct error *err);

/* session_await(s, tag, condition, err): wait until the own command ${tag} has ended.  What else
 * comes is kept, or, before sign-in, dropped. */
bool session_await(
	struct imap_session *s, uint32_t tag, struct imap_condition *condition, struct error *err);

/* session_greeting(s, condition, err): wait for the first response. */
bool session_greeting(struct imap_session *s, struct imap_condition *condition, struct error *err);

/* session_forget(s): before TLS begins: whatever was learnt in clear is no longer known. */
void session_forget(struct imap_session *s);

/* session_fail(s, err): the session is of no more use, for the reason on ${err}.  Return false. */
bool session_fail(struct imap_session *s, struct error *err);

/* session_lost_in_writing(s, err): the same after a failed write: a server that closes on us has
 * often said why. */
bool session_lost_in_writing(struct imap_session *s, struct error *err);

/* session_broken(s, err, fmt, ...): fail for a server that does not keep to the protocol. */
bool session_broken(struct imap_session *s, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* session_read_capabilities(s, first): replace what is known. */
void session_read_capabilities(struct imap_session *s, const struct imap_node *first);

/* session_new(config, credentials): not connected yet. */
struct imap_session *session_new(
	const struct store_config *config, struct credentials *credentials);

/* signin.c: connect; then greet, secure, sign in, and leave the last flight in the output buffer.
 */
bool signin_connect(struct imap_session *s, struct error *err);
bool signin_run(struct imap_session *s, struct error *err);

/* auth.c: sign in, by the way that configuration and server agree on. */
bool auth_sign_in(struct imap_session *s, struct error *err);

#endif
