#include "imap/credentials.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/secret.h"
#include "imap/sasl.h"

struct credentials {
	struct buffer password, token;
	struct sasl_library *library;
};

static bool fetch(const struct store_config *config, const struct secret *secret, const char *kind,
	struct buffer *out, struct error *err)
{
	if (secret->source == SECRET_NONE)
		return true;
	const struct imap_config *imap = &config->imap;
	char what[400];
	snprintf(what, sizeof what, "%s of %s at %s", kind,
		imap->master != NULL ? imap->master
		: imap->user != NULL ? imap->user
				     : "nobody",
		imap->host);
	return secret_read(secret, what, out, err);
}

struct credentials *credentials_fetch(const struct store_config *config, struct error *err)
{
	struct credentials *c = calloc(1, sizeof *c);
	if (c == NULL)
		die_out_of_memory();
	if (fetch(config, &config->imap.password, "password", &c->password, err) &&
		fetch(config, &config->imap.token, "token", &c->token, err)) {
		c->library = sasl_library_new();
		return c;
	}
	credentials_free(c);
	return NULL;
}

void credentials_free(struct credentials *c)
{
	if (c == NULL)
		return;
	buffer_wipe(&c->password);
	buffer_wipe(&c->token);
	sasl_library_free(c->library);
	free(c);
}

const char *credentials_password(const struct credentials *c)
{
	return c->password.data;
}

const char *credentials_token(const struct credentials *c)
{
	return c->token.data;
}

struct sasl_library *credentials_library(const struct credentials *c)
{
	return c->library;
}

bool credentials_renew_token(
	const struct store_config *config, struct buffer *out, struct error *err)
{
	switch (config->imap.token.source) {
	case SECRET_COMMAND:
	case SECRET_FILE:
	case SECRET_KEYRING:
	case SECRET_SYSTEMD:
		return fetch(config, &config->imap.token, "token", out, err);
	default:
		return false;
	}
}
