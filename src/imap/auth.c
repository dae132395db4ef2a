#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "imap/base64.h"
#include "imap/sasl.h"
#include "imap/session_private.h"

/* SASL data of a server; tokens and salts are far shorter (B15). */
#define CHALLENGE_MAX ((size_t)12 * 1024)

/* Ours: a token of 64 KiB, with its host and port, in base64. */
#define RESPONSE_MAX ((size_t)128 * 1024)

/* A longer line is not for every server: the initial response then waits for its "+". */
#define INITIAL_MAX ((size_t)7000)

/* What a server says, as far as a message shows it. */
#define WORDS_SHOWN 200

/* ---- by which way ---- */

/*
 * Nobody reads along behind a certificate that was checked: there PLAIN is as good as SCRAM, and
 * has no round trips to wait for.  LOGIN stands behind them because it knows no `master`, CRAM-MD5
 * because servers announce it that hold no password it could work with.
 */
static const char *const with_tls[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1", "LOGIN", "CRAM-MD5",
	"OAUTHBEARER", "XOAUTH2", "EXTERNAL", NULL};

/* Elsewhere: what does not reveal the password first; what does, only to this machine itself. */
static const char *const without_tls[] = {"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN",
	"LOGIN", "OAUTHBEARER", "XOAUTH2", "EXTERNAL", NULL};

static bool may_reveal(const struct imap_session *s)
{
	return conn_is_tls(s->conn) || conn_is_local(s->conn);
}

static bool offered(const struct imap_session *s, const struct sasl_mechanism *m)
{
	if (m->is_login)
		return !session_has(s, CAP_LOGINDISABLED);
	return (s->can.mechanisms & sasl_bit(m)) != 0;
}

/* Whether the configuration has what ${m} signs in with. */
static bool provided(const struct imap_session *s, const struct sasl_mechanism *m)
{
	bool password = credentials_password(s->credentials) != NULL;
	bool token = credentials_token(s->credentials) != NULL;
	if (m->needs == SASL_CERTIFICATE)
		return s->imap->auth != NULL || (s->imap->client_cert != NULL && !password);
	if (s->imap->user == NULL)
		return false;
	return m->needs == SASL_TOKEN ? token : password && (s->imap->auth != NULL || !token);
}

static bool possible(const struct imap_session *s, const struct sasl_mechanism *m)
{
	return provided(s, m) && (m->for_another || s->imap->master == NULL);
}

static const struct sasl_mechanism *choose(const struct imap_session *s)
{
	const char *const *name = s->imap->auth;
	if (name == NULL)
		name = conn_is_tls(s->conn) ? with_tls : without_tls;
	for (; *name != NULL; name++) {
		const struct sasl_mechanism *m = sasl_find(*name);
		if (m != NULL && possible(s, m) && offered(s, m) && (!m->reveals || may_reveal(s)))
			return m;
	}
	return NULL;
}

static bool provided_by_any(const struct imap_session *s, bool *reveals)
{
	bool any = false;
	for (const char *const *name = with_tls; *name != NULL; name++) {
		const struct sasl_mechanism *m = sasl_find(*name);
		any = any || possible(s, m);
		*reveals = *reveals || (possible(s, m) && offered(s, m) && m->reveals);
	}
	return any;
}

static bool no_way(struct imap_session *s, struct error *err)
{
	struct buffer ways;
	bool reveals = false;
	buffer_init(&ways, 200);
	for (const char *const *name = with_tls; *name != NULL; name++)
		if (offered(s, sasl_find(*name)))
			buffer_printf(&ways, "%s%s", ways.len > 0 ? ", " : "", *name);

	if (!provided_by_any(s, &reveals))
		error_set(err, ERROR_STORE, CAUSE_SIGNIN,
			"cannot sign in to %s: the configuration has no user and password for it",
			s->imap->host);
	else if (reveals && !may_reveal(s))
		error_set(err, ERROR_STORE, CAUSE_SIGNIN,
			"cannot sign in to %s: with TLS off, the password would be sent in clear",
			s->imap->host);
	else if (ways.len == 0)
		error_set(err, ERROR_STORE, CAUSE_SIGNIN,
			"cannot sign in to %s: it offers no way that is known here", s->imap->host);
	else
		error_set(err, ERROR_STORE, CAUSE_SIGNIN,
			"cannot sign in to %s: it offers %s, and the configuration wants another "
			"way",
			s->imap->host, (const char *)ways.data);
	buffer_finish(&ways);
	return session_fail(s, err);
}

/* ---- what came of it ---- */

static bool is_temporary(const struct imap_condition *condition)
{
	if (imap_condition_throttles(condition))
		return true;
	switch (condition->code) {
	case CODE_UNAVAILABLE:
	case CODE_INUSE:
	case CODE_LIMIT:
	case CODE_THROTTLED:
	case CODE_SERVERBUG:
		return true;
	default: /* Gmail, with no code for it */
		return strcasestr(condition->text, "too many simultaneous connections") != NULL;
	}
}

static bool refused(struct imap_session *s, const struct sasl_mechanism *m,
	const struct imap_condition *condition, const char *complaint, struct error *err)
{
	char words[2 * WORDS_SHOWN + 8];
	snprintf(words, sizeof words, "%.*s%s%.*s", WORDS_SHOWN, condition->text,
		complaint != NULL ? " " : "", WORDS_SHOWN, complaint != NULL ? complaint : "");
	/* A server that is fed a password may well say it back. */
	credentials_strike_out(s->credentials, words);

	const char *user = s->imap->master != NULL ? s->imap->master : s->imap->user;
	bool temporary = is_temporary(condition);
	bool short_name =
		m->needs != SASL_TOKEN && user != NULL && strchr(user, '@') == NULL && !temporary;
	error_set(err, ERROR_STORE, temporary ? CAUSE_NETWORK : CAUSE_SIGNIN,
		"%s refused the sign-in of %s: %s%s", s->imap->host, user != NULL ? user : "nobody",
		words, short_name ? "; try the whole address as the user" : "");
	if (err != NULL) {
		err->transient = temporary;
		err->later = temporary ? imap_condition_later(condition) : 0;
		if (temporary && err->later == 0)
			err->later = ERROR_LATER;
	}
	return session_fail(s, err);
}

/* The server does not behave as one that knows the password, or speaks SASL. */
static bool dishonest(struct imap_session *s, const struct sasl_mechanism *m, struct error *err)
{
	char why[sizeof err->text];
	snprintf(why, sizeof why, "%s", err->text);
	error_set(err, ERROR_STORE, CAUSE_SIGNIN, "the %s exchange with %s failed: %.200s", m->name,
		s->imap->host, why);
	return session_fail(s, err);
}

/* ---- LOGIN ---- */

static bool put_hidden(struct imap_session *s, const char *data, size_t n, struct error *err)
{
	s->hiding = true;
	bool ok = session_put(s, data, n, err);
	s->hiding = false;
	return ok;
}

/* A string as the command's next argument: 1; 0 = its literal was refused; -1. */
static int put_string(struct imap_session *s, const char *text, struct error *err)
{
	struct imap_command c;
	struct imap_piece piece;
	size_t at = 0;
	int went = 1;
	imap_command_init(&c, false);
	imap_command_string(&c, text);
	const char *flaw = imap_command_refused(&c);
	if (flaw != NULL)
		went = error_set(err, ERROR_STORE, CAUSE_CONFIG, "cannot sign in to %s: %s",
			       s->imap->host, flaw)
			       ? 1
			       : -1;
	s->hiding = true;
	while (went == 1 && imap_command_next(&c, &at, &piece)) {
		if (piece.literal)
			went = session_literal(s, piece.len, err);
		if (went == 1 && !session_put(s, piece.data, piece.len, err))
			went = -1;
	}
	s->hiding = false;
	imap_command_finish(&c);
	return went;
}

static bool login(struct imap_session *s, struct imap_condition *condition, struct error *err)
{
	uint32_t tag;
	if (!session_begin_as(s, OWNER_SESSION, &tag, err) || !session_put(s, "LOGIN ", 6, err))
		return false;
	int went = put_string(s, s->imap->user, err);
	if (went == 1 && !session_put(s, " ", 1, err))
		went = -1;
	if (went == 1)
		went = put_string(s, credentials_password(s->credentials), err);
	if (went < 0 || (went == 1 && !session_end(s, err)))
		return false;
	return session_await(s, tag, condition, err);
}

/* ---- AUTHENTICATE (RFC 9051, 6.2.2) ---- */

struct exchange {
	const struct sasl_mechanism *mechanism;
	struct sasl *sasl;
	struct buffer initial; /* the initial response ... */
	bool owed;	       /* ... which the server's first "+" is to be answered with */
};

/* One line of ours, in base64; it is the server's turn then. */
static bool answer(struct imap_session *s, const struct buffer *response, struct error *err)
{
	struct buffer text;
	buffer_init(&text, RESPONSE_MAX);
	s->opened = OPENED_TEXT;
	bool ok = base64_encode(response->data, response->len, &text) &&
		  put_hidden(s, text.data, text.len, err) && session_end(s, err);
	buffer_wipe(&text);
	s->opened = OPENED_AUTH;
	return ok;
}

static bool decode(const struct imap_node *root, struct buffer *challenge, struct error *err)
{
	const char *text = root != NULL && root->text != NULL ? root->text : "";
	size_t n = root != NULL && root->text != NULL ? root->len : 0;
	if (base64_decode(text, n, challenge))
		return true;
	return error_set(err, ERROR_STORE, CAUSE_SIGNIN,
		n / 4 * 3 > CHALLENGE_MAX ? "its challenge is too long"
					  : "its challenge is not base64");
}

/* Answer one challenge. */
static bool respond(struct imap_session *s, const struct exchange *x,
	const struct imap_node *challenge_node, struct error *err)
{
	struct buffer challenge, response;
	buffer_init(&challenge, CHALLENGE_MAX);
	buffer_init(&response, RESPONSE_MAX);
	bool understood = decode(challenge_node, &challenge, err) &&
			  sasl_step(x->sasl, challenge.data, challenge.len, &response, err);
	bool ok = understood ? answer(s, &response, err) : dishonest(s, x->mechanism, err);
	buffer_wipe(&challenge);
	buffer_wipe(&response);
	return ok;
}

/* " " and the initial response, "=" for an empty one (RFC 4959), where server and length allow. */
static bool put_initial(struct imap_session *s, struct exchange *x, struct error *err)
{
	struct buffer text;
	buffer_init(&text, INITIAL_MAX);
	bool ok = true;
	if (session_has(s, CAP_SASL_IR) && base64_encode(x->initial.data, x->initial.len, &text)) {
		const char *data = text.len > 0 ? text.data : "=";
		ok = session_put(s, " ", 1, err) && put_hidden(s, data, strlen(data), err);
		x->owed = false;
	}
	buffer_wipe(&text);
	return ok;
}

static bool begin_exchange(
	struct imap_session *s, struct exchange *x, uint32_t *tag, struct error *err)
{
	const char *name = x->mechanism->name;
	x->owed = !x->mechanism->server_first;
	if (x->owed && !sasl_step(x->sasl, NULL, 0, &x->initial, err))
		return dishonest(s, x->mechanism, err);
	if (!session_begin_as(s, OWNER_SESSION, tag, err) ||
		!session_put(s, "AUTHENTICATE ", 13, err) ||
		!session_put(s, name, strlen(name), err) || (x->owed && !put_initial(s, x, err)) ||
		!session_end(s, err))
		return false;
	s->opened = OPENED_AUTH;
	return true;
}

static bool take_turns(struct imap_session *s, struct exchange *x, uint32_t tag, struct error *err)
{
	struct session_event event;
	while (s->ended_tag != tag) {
		enum taken taken = session_take(s, &event, err);
		if (taken == TAKEN_FAILED)
			return false;
		if (taken != TAKEN_CONTINUE)
			continue;
		if (x->owed ? !answer(s, &x->initial, err) : !respond(s, x, event.root, err))
			return false;
		x->owed = false;
	}
	return true;
}

static bool exchange(struct imap_session *s, struct exchange *x, struct error *err)
{
	uint32_t tag;
	if (!begin_exchange(s, x, &tag, err) || !take_turns(s, x, tag, err))
		return false;
	if (s->ended.verdict != VERDICT_OK)
		return refused(s, x->mechanism, &s->ended, sasl_complaint(x->sasl), err);
	if (sasl_proven(x->sasl))
		return true;
	error_set(err, ERROR_STORE, CAUSE_SIGNIN, "it did not prove that it knows the password");
	return dishonest(s, x->mechanism, err);
}

static bool authenticate(struct imap_session *s, const struct sasl_mechanism *m, const char *token,
	struct error *err)
{
	struct sasl_identity identity = {.user = s->imap->user,
		.master = s->imap->master,
		.password = credentials_password(s->credentials),
		.token = token,
		.host = s->imap->host,
		.port = s->imap->port};
	struct exchange x = {.mechanism = m};
	buffer_init(&x.initial, RESPONSE_MAX);
	x.sasl = sasl_new(m, credentials_library(s->credentials), &identity, err);
	bool ok = x.sasl != NULL ? exchange(s, &x, err) : dishonest(s, m, err);
	sasl_free(x.sasl);
	buffer_wipe(&x.initial);
	return ok;
}

/*
 * A token lives for an hour, and a session may begin later than that: for one that is refused
 * another is presented, once.  That is no weaker way, and no password is tried twice.
 */
static bool present_token(struct imap_session *s, const struct sasl_mechanism *m, struct error *err)
{
	const char *token = credentials_token(s->credentials);
	struct error failed = {0};
	bool ok = authenticate(s, m, token, &failed);
	bool is_refused = !ok && failed.cause == CAUSE_SIGNIN && s->opened == OPENED_NONE;
	if (is_refused &&
		(token = credentials_renew_token(s->credentials, s->config, token)) != NULL) {
		s->lost = false;
		ok = authenticate(s, m, token, &failed);
	}
	if (!ok && err != NULL)
		*err = failed;
	return ok;
}

bool auth_sign_in(struct imap_session *s, struct error *err)
{
	struct imap_condition condition;
	const struct sasl_mechanism *m = choose(s);
	bool ok;
	if (m == NULL)
		return no_way(s, err);
	snprintf(s->text, sizeof s->text, "%s", m->name);
	if (m->is_login)
		ok = login(s, &condition, err) &&
		     (condition.verdict == VERDICT_OK || refused(s, m, &condition, NULL, err));
	else if (m->needs == SASL_TOKEN)
		ok = present_token(s, m, err);
	else
		ok = authenticate(s, m, NULL, err);
	conn_forget(s->conn);
	return ok;
}
