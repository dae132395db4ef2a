#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "imap/session_private.h"

/*
 * From nothing to a signed-in session.
 *
 * Whether TLS is used is the configuration's word and never negotiated: each step has one way on,
 * and no way back to a weaker one.
 */

/* Seconds; nobody who means well needs longer, whatever `timeout` allows (B08, B09). */
#define PHASE_MAX 30

/* To verify a password may be slow on purpose, and a failure is told late. */
#define SIGN_IN_FACTOR 2

static unsigned phase_limit(const struct imap_session *s)
{
	return s->imap->timeout < PHASE_MAX ? s->imap->timeout : PHASE_MAX;
}

/* TLS was not to be had as it was asked for. */
static bool insecure(struct imap_session *s, struct error *err, const char *why)
{
	error_set(
		err, ERROR_STORE, CAUSE_SIGNIN, "TLS with %s was refused: %s", s->imap->host, why);
	return session_fail(s, err);
}

bool signin_connect(struct imap_session *s, struct error *err)
{
	const struct imap_config *imap = s->imap;
	struct conn_limits limits = {
		.connect = phase_limit(s), .handshake = phase_limit(s), .idle = imap->timeout};
	s->conn = imap->tunnel != NULL ? conn_tunnel(imap->tunnel, imap->host, &limits, err)
				       : conn_dial(imap->host, imap->port, &limits, err);
	if (s->conn == NULL)
		return false;
	trace_note(
		s->trace, "%s: connected to %s port %u", s->config->name, imap->host, imap->port);
	return true;
}

static bool start_tls(struct imap_session *s, struct error *err)
{
	const struct imap_config *imap = s->imap;
	struct tls_policy policy = {.host = imap->host,
		.ca_file = imap->ca_file,
		.pin = imap->has_pin ? imap->pin : NULL,
		.client_cert = imap->client_cert,
		.client_key = imap->client_key};
	if (!conn_start_tls(s->conn, &policy, err))
		return session_fail(s, err);
	trace_note(s->trace, "%s", conn_tls_text(s->conn));
	return true;
}

static bool greet(struct imap_session *s, bool *preauth, struct error *err)
{
	struct imap_condition greeting;
	conn_phase(s->conn, "the greeting", phase_limit(s));
	if (!session_greeting(s, &greeting, err))
		return false;
	*preauth = greeting.verdict == VERDICT_PREAUTH;
	return true;
}

/* STARTTLS (RFC 9051, 6.2.1).  Whatever is not the one reply that it may have is an attack, or as
 * good as one (B03). */
static bool upgrade(struct imap_session *s, bool preauth, struct error *err)
{
	struct imap_condition condition;
	uint32_t tag;
	if (preauth)
		return insecure(s, err,
			"it signed us in before TLS could begin, which an attacker could have "
			"done");
	if (s->can.known && !session_has(s, CAP_STARTTLS))
		return insecure(s, err, "it does not offer STARTTLS");
	conn_phase(s->conn, "STARTTLS", phase_limit(s));
	if (!session_submit_as(s, OWNER_SESSION, &tag, "STARTTLS", err))
		return false;
	if (!session_await(s, tag, &condition, err)) {
		if (err->scope == ERROR_STORE && !err->transient)
			err->cause = CAUSE_SIGNIN;
		return false;
	}
	if (condition.verdict != VERDICT_OK)
		return insecure(s, err, "it refused STARTTLS");
	session_forget(s);
	return start_tls(s, err);
}

static bool ask_capabilities(struct imap_session *s, struct error *err)
{
	struct imap_condition condition;
	uint32_t tag;
	if (s->can.known)
		return true;
	if (!session_submit_as(s, OWNER_SESSION, &tag, "CAPABILITY", err) ||
		!session_await(s, tag, &condition, err))
		return false;
	return s->can.known || session_broken(s, err, "it does not tell its capabilities");
}

/* What was said before sign-in may be less than what is offered after it; some (Exchange) tell the
 * new list only when asked. */
static bool sign_in(struct imap_session *s, struct error *err)
{
	conn_phase(s->conn, "sign-in", s->imap->timeout * SIGN_IN_FACTOR);
	if (!ask_capabilities(s, err))
		return false;
	s->can.known = false;
	return auth_sign_in(s, err) && ask_capabilities(s, err);
}

/* ---- the last flight, which the first command takes along ---- */

/* 163.com and its sisters refuse SELECT to a client that has not said who it is. */
static bool submit_id(struct imap_session *s, struct error *err)
{
	return !session_has(s, CAP_ID) ||
	       session_submit_as(s, OWNER_FLIGHT, NULL,
		       "ID (\"name\" \"mailtwin\" \"version\" \"" PACKAGE_VERSION
		       "\" \"vendor\" \"mailtwin\")",
		       err);
}

static bool submit_enable(struct imap_session *s, struct error *err)
{
	static const struct {
		enum capability capability;
		const char *name;
	} wanted[] = {{CAP_CONDSTORE, " CONDSTORE"}, {CAP_QRESYNC, " QRESYNC"},
		{CAP_UTF8_ACCEPT, " UTF8=ACCEPT"}};
	char text[64] = "ENABLE";
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (session_has(s, wanted[i].capability))
			strcat(text, wanted[i].name);
	return !session_has(s, CAP_ENABLE) || strcmp(text, "ENABLE") == 0 ||
	       session_submit_as(s, OWNER_FLIGHT, NULL, text, err);
}

static bool submit_namespace(struct imap_session *s, struct error *err)
{
	return !session_has(s, CAP_NAMESPACE) ||
	       session_submit_as(s, OWNER_FLIGHT, NULL, "NAMESPACE", err);
}

static void describe(struct imap_session *s, bool preauth)
{
	size_t n = strlen(s->text);
	if (preauth)
		n = (size_t)snprintf(s->text, sizeof s->text, "PREAUTH");
	snprintf(s->text + n, sizeof s->text - n, ", %s",
		s->imap->tunnel != NULL && !conn_is_tls(s->conn) ? "a tunnel"
								 : conn_tls_text(s->conn));
}

bool signin_run(struct imap_session *s, struct error *err)
{
	bool preauth = false;
	if ((s->imap->tls == TLS_IMPLICIT && !start_tls(s, err)) || !greet(s, &preauth, err) ||
		(s->imap->tls == TLS_STARTTLS && !upgrade(s, preauth, err)))
		return false;
	if (preauth ? !ask_capabilities(s, err) : !sign_in(s, err))
		return false;
	s->signed_in = true;
	describe(s, preauth);
	conn_phase(s->conn, NULL, 0);
	return submit_id(s, err) && submit_enable(s, err) && submit_namespace(s, err);
}
