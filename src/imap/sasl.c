#include "config.h"

#include "imap/sasl.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "imap/parse.h"

/*
 * SCRAM's iterations: fewer protect a password badly once its verifier was stolen (RFC 7677 wants
 * 4096), and more would keep us computing for a server that only wants to see us busy.
 */
#define ITERATIONS_MIN 4096
#define ITERATIONS_MAX 1000000

struct sasl {
	const struct sasl_mechanism *mechanism;
	struct sasl_identity identity;
	Gsasl_session *session; /* NULL for OAuth2 */
	bool proven;
	unsigned steps;
	char complaint[300];
};

static const struct sasl_mechanism mechanisms[] = {
	{.name = "SCRAM-SHA-256", .needs = SASL_PASSWORD, .for_another = true},
	{.name = "SCRAM-SHA-1", .needs = SASL_PASSWORD, .for_another = true},
	{.name = "CRAM-MD5", .needs = SASL_PASSWORD, .server_first = true},
	{.name = "PLAIN", .needs = SASL_PASSWORD, .reveals = true, .for_another = true},
	{.name = "LOGIN", .needs = SASL_PASSWORD, .reveals = true, .is_login = true},
	{.name = "EXTERNAL", .needs = SASL_CERTIFICATE, .for_another = true},
	{.name = "OAUTHBEARER", .needs = SASL_TOKEN, .reveals = true},
	{.name = "XOAUTH2", .needs = SASL_TOKEN, .reveals = true},
};

#define MECHANISMS (sizeof mechanisms / sizeof *mechanisms)

const struct sasl_mechanism *sasl_find(const char *name)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (strcasecmp(mechanisms[i].name, name) == 0)
			return &mechanisms[i];
	return NULL;
}

uint32_t sasl_bit(const struct sasl_mechanism *mechanism)
{
	return (uint32_t)1 << (mechanism - mechanisms);
}

uint32_t sasl_mechanism_bit(const char *name)
{
	const struct sasl_mechanism *mechanism = sasl_find(name);
	return mechanism != NULL ? sasl_bit(mechanism) : 0;
}

/* ---- GNU SASL ---- */

struct sasl_library *sasl_library_new(void)
{
	Gsasl *context = NULL;
	if (gsasl_init(&context) != GSASL_OK)
		die_out_of_memory();
	return (struct sasl_library *)context;
}

void sasl_library_free(struct sasl_library *library)
{
	if (library != NULL)
		gsasl_done((Gsasl *)library);
}

static void set(struct sasl *sasl, Gsasl_property property, const char *value)
{
	if (value != NULL)
		gsasl_property_set(sasl->session, property, value);
}

static bool begin_library(struct sasl *sasl, struct sasl_library *library, struct error *err)
{
	int code = gsasl_client_start((Gsasl *)library, sasl->mechanism->name, &sasl->session);
	if (code != GSASL_OK)
		return error_set(err, ERROR_STORE, CAUSE_SIGNIN, "cannot begin %s: %s",
			sasl->mechanism->name, gsasl_strerror(code));
	const struct sasl_identity *id = &sasl->identity;
	bool external = sasl->mechanism->needs == SASL_CERTIFICATE;
	set(sasl, GSASL_AUTHID, id->master != NULL ? id->master : id->user);
	set(sasl, GSASL_AUTHZID, id->master != NULL || external ? id->user : NULL);
	set(sasl, GSASL_PASSWORD, id->password);
	return true;
}

static bool is_scram(const struct sasl *sasl)
{
	return strncmp(sasl->mechanism->name, "SCRAM-", 6) == 0;
}

/* server-first-message = [m=... ","] r=nonce "," s=salt "," i=count ["," ...]  (RFC 5802) */
static bool check_iterations(const char *message, size_t n, struct error *err)
{
	for (size_t at = 0, len; at < n; at += len + 1) {
		const char *part = message + at, *comma = memchr(part, ',', n - at);
		uint64_t count = 0;
		len = comma != NULL ? (size_t)(comma - part) : n - at;
		if (len > 2 && part[0] == 'i' && part[1] == '=')
			return (imap_parse_number(part + 2, len - 2, ITERATIONS_MAX, &count) &&
				       count >= ITERATIONS_MIN) ||
			       error_set(err, ERROR_STORE, CAUSE_SIGNIN,
				       "its iteration count is not between %d and %d",
				       ITERATIONS_MIN, ITERATIONS_MAX);
	}
	return error_set(err, ERROR_STORE, CAUSE_SIGNIN, "it tells no iteration count");
}

static bool step_library(struct sasl *sasl, const char *challenge, size_t n,
	struct buffer *response, struct error *err)
{
	if (is_scram(sasl) && sasl->steps == 2 && !check_iterations(challenge, n, err))
		return false;
	char *out = NULL;
	size_t len = 0;
	int code = gsasl_step(sasl->session, n > 0 ? challenge : NULL, n, &out, &len);
	bool ok = code == GSASL_OK || code == GSASL_NEEDS_MORE;
	sasl->proven = code == GSASL_OK;
	if (!ok)
		error_set(err, ERROR_STORE, CAUSE_SIGNIN, "%s", gsasl_strerror(code));
	else if (!buffer_add(response, out, len))
		ok = error_set(err, ERROR_STORE, CAUSE_SIGNIN, "the response is too long");
	if (out != NULL)
		explicit_bzero(out, len);
	gsasl_free(out);
	return ok;
}

/* ---- OAuth2 ---- */

/* RFC 7628: "," and "=" of the name are written as such. */
static bool add_name(struct buffer *b, const char *name)
{
	bool ok = true;
	for (; ok && *name != '\0'; name++)
		ok = *name == ','   ? buffer_puts(b, "=2C")
		     : *name == '=' ? buffer_puts(b, "=3D")
				    : buffer_add(b, name, 1);
	return ok;
}

static bool bearer(struct sasl *sasl, struct buffer *response)
{
	const struct sasl_identity *id = &sasl->identity;
	return buffer_puts(response, "n,a=") && add_name(response, id->user) &&
	       buffer_printf(response, ",\1host=%s\1port=%u\1auth=Bearer %s\1\1", id->host,
		       id->port, id->token);
}

static bool xoauth2(struct sasl *sasl, struct buffer *response)
{
	const struct sasl_identity *id = &sasl->identity;
	return buffer_printf(response, "user=%s\1auth=Bearer %s\1\1", id->user, id->token);
}

/* After the initial response a server only asks on to say what is wrong, and is answered so that it
 * can end the exchange with its NO. */
static bool step_oauth2(struct sasl *sasl, const char *challenge, size_t n, struct buffer *response,
	struct error *err)
{
	bool is_bearer = strcmp(sasl->mechanism->name, "OAUTHBEARER") == 0;
	bool ok = true;
	if (sasl->steps == 1) {
		ok = is_bearer ? bearer(sasl, response) : xoauth2(sasl, response);
		sasl->proven = true;
	} else if (sasl->steps == 2) {
		snprintf(sasl->complaint, sizeof sasl->complaint, "%.*s", n < 300 ? (int)n : 300,
			challenge);
		ok = !is_bearer || buffer_add(response, "\1", 1);
	} else {
		return error_set(err, ERROR_STORE, CAUSE_SIGNIN, "it asks for more");
	}
	return ok || error_set(err, ERROR_STORE, CAUSE_SIGNIN, "the token is too long");
}

/* ---- */

struct sasl *sasl_new(const struct sasl_mechanism *mechanism, struct sasl_library *library,
	const struct sasl_identity *identity, struct error *err)
{
	struct sasl *sasl = calloc(1, sizeof *sasl);
	if (sasl == NULL)
		die_out_of_memory();
	sasl->mechanism = mechanism;
	sasl->identity = *identity;
	if (mechanism->needs != SASL_TOKEN && !begin_library(sasl, library, err)) {
		free(sasl);
		return NULL;
	}
	return sasl;
}

void sasl_free(struct sasl *sasl)
{
	if (sasl == NULL)
		return;
	if (sasl->session != NULL)
		gsasl_finish(sasl->session);
	free(sasl);
}

bool sasl_step(struct sasl *sasl, const char *challenge, size_t n, struct buffer *response,
	struct error *err)
{
	sasl->steps++;
	if (sasl->session == NULL)
		return step_oauth2(sasl, challenge, n, response, err);
	if (sasl->proven && !is_scram(sasl))
		return error_set(err, ERROR_STORE, CAUSE_SIGNIN, "it asks for more");
	return step_library(sasl, challenge, n, response, err);
}

bool sasl_proven(const struct sasl *sasl)
{
	return sasl->proven;
}

const char *sasl_complaint(const struct sasl *sasl)
{
	return sasl->complaint[0] != '\0' ? sasl->complaint : NULL;
}
