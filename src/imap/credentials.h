#ifndef MAILTWIN_IMAP_CREDENTIALS_H
#define MAILTWIN_IMAP_CREDENTIALS_H

#include "base/error.h"
#include "config/config.h"

/*
 * A store's password or token: fetched once, shared by all sessions of the store, wiped at the end.
 *
 * credentials_fetch(config, err): run the command, ask the person, or read the file that
 * ${config}, an IMAP store, names; NULL on failure.  To be called before threads share the store;
 * afterwards it is only read, so any number of threads may open sessions with it.
 *
 * credentials_free(credentials): wipe and free; NULL is fine.
 */
struct credentials;

struct credentials *credentials_fetch(const struct store_config *config, struct error *err);
void credentials_free(struct credentials *credentials);

#endif
