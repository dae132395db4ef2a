#include "imap/credentials.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/secret.h"
#include "imap/sasl.h"

/* Tokens are kept to the end: a session may still be presenting an older one. */
struct token {
	struct buffer text;
	struct token *older;
};

struct credentials {
	struct buffer password;
	_Atomic(struct token *) token; /* the newest; NULL = none */
	pthread_mutex_t renewing;
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

static void free_token(struct token *token)
{
	if (token != NULL)
		buffer_wipe(&token->text);
	free(token);
}

/* NULL where none could be fetched, or the configuration names none. */
static struct token *fetch_token(const struct store_config *config, struct error *err)
{
	struct token *token = calloc(1, sizeof *token);
	if (token == NULL)
		die_out_of_memory();
	if (fetch(config, &config->imap.token, "token", &token->text, err) &&
		token->text.data != NULL)
		return token;
	free_token(token);
	return NULL;
}

struct credentials *credentials_fetch(const struct store_config *config, struct error *err)
{
	struct error failed = {0};
	struct credentials *c = calloc(1, sizeof *c);
	if (c == NULL)
		die_out_of_memory();
	pthread_mutex_init(&c->renewing, NULL);
	if (fetch(config, &config->imap.password, "password", &c->password, &failed))
		c->token = fetch_token(config, &failed);
	if (failed.scope == ERROR_NONE) {
		c->library = sasl_library_new();
		return c;
	}
	if (err != NULL)
		*err = failed;
	credentials_free(c);
	return NULL;
}

void credentials_free(struct credentials *c)
{
	if (c == NULL)
		return;
	buffer_wipe(&c->password);
	for (struct token *token = c->token, *older; token != NULL; token = older) {
		older = token->older;
		free_token(token);
	}
	pthread_mutex_destroy(&c->renewing);
	sasl_library_free(c->library);
	free(c);
}

const char *credentials_password(const struct credentials *c)
{
	return c->password.data;
}

const char *credentials_token(const struct credentials *c)
{
	const struct token *token = c->token;
	return token != NULL ? token->text.data : NULL;
}

static void strike_out(char *text, const char *secret)
{
	char *at = secret == NULL || *secret == '\0' ? NULL : strstr(text, secret);
	for (; at != NULL; at = strstr(at, secret))
		memset(at, '*', strlen(secret));
}

void credentials_strike_out(const struct credentials *c, char *text)
{
	strike_out(text, c->password.data);
	for (const struct token *token = c->token; token != NULL; token = token->older)
		strike_out(text, token->text.data);
}

struct sasl_library *credentials_library(const struct credentials *c)
{
	return c->library;
}

static bool is_renewable(const struct secret *secret)
{
	switch (secret->source) {
	case SECRET_COMMAND:
	case SECRET_FILE:
	case SECRET_KEYRING:
	case SECRET_SYSTEMD:
		return true;
	default:
		return false;
	}
}

/* One that is not ${refused}, or NULL. */
static struct token *fetch_another(const struct store_config *config, const char *refused)
{
	struct token *token = is_renewable(&config->imap.token) ? fetch_token(config, NULL) : NULL;
	if (token == NULL || strcmp(token->text.data, refused) != 0)
		return token;
	free_token(token);
	return NULL;
}

const char *credentials_renew_token(
	struct credentials *c, const struct store_config *config, const char *refused)
{
	pthread_mutex_lock(&c->renewing);
	const char *newest = credentials_token(c);
	if (strcmp(newest, refused) == 0) {
		struct token *token = fetch_another(config, refused);
		newest = token != NULL ? token->text.data : NULL;
		if (token != NULL) {
			token->older = c->token;
			c->token = token;
		}
	}
	pthread_mutex_unlock(&c->renewing);
	return newest;
}
