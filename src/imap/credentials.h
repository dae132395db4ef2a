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
 * terminal, before others share the store; afterwards any number of threads may open sessions with
 * it.
 *
 * credentials_free(credentials): wipe and free; NULL is fine.
 */
struct credentials;
struct sasl_library; /* imap/sasl.h */

struct credentials *credentials_fetch(const struct store_config *config, struct error *err);
void credentials_free(struct credentials *credentials);

/* What was fetched; NULL where the configuration names none.  The token is the newest one; each
 * stays as it is until all are freed. */
const char *credentials_password(const struct credentials *credentials);
const char *credentials_token(const struct credentials *credentials);

/* credentials_strike_out(credentials, text): overwrite with '*' what of ${text} is a secret. */
void credentials_strike_out(const struct credentials *credentials, char *text);

/* GNU SASL's context, made once for all sessions. */
struct sasl_library *credentials_library(const struct credentials *credentials);

/*
 * credentials_renew_token(credentials, config, refused):
 * A token that is not ${refused}, which a server refused: the one that another session has fetched
 * since, else a new one, which all sessions have from then on: tokens live for an hour, a first
 * copy for a day.  Any thread may call: a token that a person would have to be asked for is not
 * renewed.  NULL when there is none.
 */
const char *credentials_renew_token(
	struct credentials *credentials, const struct store_config *config, const char *refused);

#endif
