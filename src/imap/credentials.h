#ifndef MAILTWIN_IMAP_CREDENTIALS_H
#define MAILTWIN_IMAP_CREDENTIALS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "config/config.h"

/*
 * A store's password and token: fetched once, shared by all sessions of the store, wiped at the
 * end.
 *
 * credentials_fetch(config, err): run the command, ask the person, or read the file that
 * ${config}, an IMAP store, names; NULL on failure.  To be called by the thread that owns the
 * terminal, before others share the store; afterwards it is only read, so any number of threads
 * may open sessions with it.
 *
 * credentials_free(credentials): wipe and free; NULL is fine.
 */
struct credentials;
struct sasl_library; /* imap/sasl.h */

struct credentials *credentials_fetch(const struct store_config *config, struct error *err);
void credentials_free(struct credentials *credentials);

/* What was fetched; NULL where the configuration names none. */
const char *credentials_password(const struct credentials *credentials);
const char *credentials_token(const struct credentials *credentials);

/* GNU SASL's context, made once for all sessions. */
struct sasl_library *credentials_library(const struct credentials *credentials);

/*
 * credentials_renew_token(config, out, err):
 * Fetch the token anew, to ${out}, for one session: tokens live for an hour, a first copy for a
 * day. Any thread may call: a token that a person would have to be asked for is not renewed.  False
 * when there is none; ${out} is to be wiped.
 */
bool credentials_renew_token(
	const struct store_config *config, struct buffer *out, struct error *err);

#endif
