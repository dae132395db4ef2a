#ifndef MAILTWIN_IMAP_SASL_H
#define MAILTWIN_IMAP_SASL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/*
 * SASL mechanisms (RFC 4422), without the wire: challenges in, responses out, not in base64.
 *
 * GNU SASL does SCRAM, CRAM-MD5, PLAIN and EXTERNAL; the two for OAuth2 tokens are ours.
 */
enum sasl_needs { SASL_PASSWORD, SASL_TOKEN, SASL_CERTIFICATE };

struct sasl_mechanism {
	const char *name;
	enum sasl_needs needs;
	bool reveals;	   /* who reads along has the password, or the token */
	bool for_another;  /* can sign in as one for another (`master`) */
	bool server_first; /* no initial response */
	bool is_login;	   /* IMAP's own LOGIN command, which is no SASL mechanism */
};

/* sasl_find(name): the mechanism, or NULL.  sasl_mechanism_bit(name): 1 << its place in the table,
 * 0 = not known; sasl_bit() of the mechanism itself. */
const struct sasl_mechanism *sasl_find(const char *name);
uint32_t sasl_mechanism_bit(const char *name);
uint32_t sasl_bit(const struct sasl_mechanism *mechanism);

/* GNU SASL's context; it is only read once it is made, and may serve several threads. */
struct sasl_library;
struct sasl_library *sasl_library_new(void);
void sasl_library_free(struct sasl_library *library);

/* Who signs in; all lent for as long as the exchange lasts. */
struct sasl_identity {
	const char *user;     /* whose mail it is; NULL with a certificate */
	const char *master;   /* who signs in for them, or NULL */
	const char *password; /* or NULL */
	const char *token;    /* or NULL */
	const char *host;
	uint16_t port;
};

/* One exchange. */
struct sasl;

/* sasl_new(mechanism, library, identity, err): begin; NULL on failure.  sasl_free(sasl). */
struct sasl *sasl_new(const struct sasl_mechanism *mechanism, struct sasl_library *library,
	const struct sasl_identity *identity, struct error *err);
void sasl_free(struct sasl *sasl);

/*
 * sasl_step(sasl, challenge, n, response, err):
 * Append to ${response} what answers ${challenge}; first, but for those that are `server_first`,
 * the initial response, to a challenge of no octets.  Failure is CAUSE_SIGNIN: the server sent what
 * an honest one would not, or more than the mechanism has.
 */
bool sasl_step(struct sasl *sasl, const char *challenge, size_t n, struct buffer *response,
	struct error *err);

/* sasl_proven(sasl): nothing more is due; a server that has to prove that it knows the password has
 * done so. */
bool sasl_proven(const struct sasl *sasl);

/* sasl_complaint(sasl): what the server said why it refused an OAuth2 token, or NULL. */
const char *sasl_complaint(const struct sasl *sasl);

#endif
