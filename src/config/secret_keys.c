#include "config/secret_keys.h"

#include <string.h>
#include <sys/stat.h>

#include "base/ascii.h"
#include "base/program.h"
#include "config/value.h"

static bool read_command(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	struct secret *secret = field;
	secret->source = SECRET_COMMAND;
	if (value->kind == NODE_LIST)
		return value_argv(r, value, key, &secret->argv);
	if (value->kind == NODE_TEXT && *value->text != '\0') {
		secret->value = value->text;
		return true;
	}
	return reading_other(r, value, "a list, or a text for /bin/sh");
}

static bool is_variable(const char *name)
{
	if (ascii_is_digit(*name))
		return false;
	for (; *name != '\0'; name++)
		if (!ascii_is_digit(*name) && *name != '_' &&
			(ascii_lower(*name) < 'a' || ascii_lower(*name) > 'z'))
			return false;
	return true;
}

static bool read_env(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	struct secret *secret = field;
	secret->source = SECRET_ENV;
	if (!value_text(r, value, key, &secret->value))
		return false;
	if (is_variable(secret->value)) {
		program_hide(secret->value);
		return true;
	}
	return reading_wrong(
		r, value, "possible is the name of an environment variable: letters, digits and _");
}

static bool read_file(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	struct secret *secret = field;
	secret->source = SECRET_FILE;
	return value_path(r, value, key, &secret->value);
}

/* The name becomes a part of a path, or an argument of a program. */
static bool take_name(
	struct reading *r, const struct node *value, const struct key *key, struct secret *secret)
{
	if (!value_text(r, value, key, &secret->value))
		return false;
	return (strchr(secret->value, '/') == NULL && secret->value[0] != '.' &&
		       secret->value[0] != '-') ||
	       reading_wrong(r, value,
		       "possible is a name without \"/\" that begins with neither \".\" nor \"-\"");
}

static bool read_systemd(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	struct secret *secret = field;
	secret->source = SECRET_SYSTEMD;
	return take_name(r, value, key, secret);
}

static bool read_keyring(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	struct secret *secret = field;
	secret->source = SECRET_KEYRING;
	return take_name(r, value, key, secret);
}

static bool read_prompt(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct secret *secret = field;
	secret->source = SECRET_PROMPT;
	return (value->kind == NODE_TEXT && strcmp(value->text, "true") == 0) ||
	       reading_wrong(r, value, "possible is true");
}

/* A row for each place that a secret may come from; all of them write to the whole secret. */
static const struct key keys[] = {
	{.name = "command", .read = read_command},
	{.name = "env", .read = read_env},
	{.name = "file", .read = read_file},
	{.name = "systemd", .read = read_systemd},
	{.name = "keyring", .read = read_keyring},
	{.name = "prompt", .read = read_prompt},
};

static const struct schema schema = {keys, KEY_COUNT(keys)};

/* Told once: one chmod mends all of them. */
static bool stays_private(struct reading *r, const struct node *value)
{
	if ((r->mode & (S_IRGRP | S_IROTH)) == 0 || r->told_mode)
		return true;
	r->told_mode = true;
	return reading_wrong(r, value,
		"stands here for others to read (the file's mode is %04o): chmod 600 '%s'", r->mode,
		r->mistakes->path);
}

static bool read_literal(struct reading *r, const struct node *value, struct secret *secret)
{
	if (*value->text == '\0')
		return reading_wrong(r, value, "is empty");
	if (strpbrk(value->text, "\r\n") != NULL)
		return reading_wrong(r, value, "holds a line end, which no server takes");
	secret->source = SECRET_LITERAL;
	secret->value = value->text;
	return stays_private(r, value);
}

bool secret_keys_read(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct secret *secret = field;
	secret->where = reading_where(r, value->at);
	if (value->kind == NODE_TEXT)
		return read_literal(r, value, secret);

	const char *possible = reading_join(r, schema_names(&schema, r->arena));
	if (value->kind != NODE_MAP || value->n == 0)
		return reading_other(r, value, "a text, or a mapping with one of %s", possible);
	schema_read(r, value, &schema, secret);
	return value->n == 1 ||
	       reading_wrong(r, value, "found %zu keys; possible is one of %s", value->n, possible);
}
