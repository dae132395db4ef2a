#include "config/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/escape.h"
#include "config/path.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* A hundred years: what is more was not meant. */
#define MAX_SECONDS ((int64_t)36525 * DAY)

/* A letter that a number may end in, and what it multiplies it by. */
struct unit {
	char letter;
	uint64_t factor;
};

static const struct unit times[] = {
	{'s', 1}, {'m', MINUTE}, {'h', HOUR}, {'d', DAY}, {'w', 7 * DAY}, {'y', 365 * DAY}};
static const struct unit sizes[] = {
	{'K', 1UL << 10}, {'M', 1UL << 20}, {'G', 1UL << 30}, {'k', 1UL << 10}};

static uint64_t factor_of(const struct unit *units, size_t n, const char *suffix)
{
	for (size_t i = 0; i < n && suffix[0] != '\0' && suffix[1] == '\0'; i++)
		if (units[i].letter == suffix[0])
			return units[i].factor;
	return 0;
}

/* The digits that ${text} begins with; *rest is what follows.  At least one, and no overflow. */
static bool leading_number(const char *text, uint64_t *number, const char **rest)
{
	char *end;
	if (!ascii_is_digit(*text))
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	*rest = end;
	return errno == 0;
}

/* A sentence about a word that is too long, or would steer a terminal, must not carry it whole. */
static bool found(struct error *err, const char *text, const char *possible)
{
	char shown[64];
	return error_set(err, ERROR_STORE, CAUSE_CONFIG, "found \"%s\"; possible is %s",
		escape_text(shown, sizeof shown, text), possible);
}

bool value_number(const char *text, unsigned long least, unsigned long most, unsigned long *out,
	struct error *err)
{
	uint64_t number;
	const char *rest;
	if (leading_number(text, &number, &rest) && *rest == '\0' && number >= least &&
		number <= most) {
		*out = (unsigned long)number;
		return true;
	}
	char possible[80];
	snprintf(possible, sizeof possible, "a number from %lu to %lu", least, most);
	return found(err, text, possible);
}

bool value_seconds(const char *text, int64_t *out, struct error *err)
{
	static const char possible[] = "a number with s, m, h, d, w or y, such as 60s or 90d";
	uint64_t number;
	const char *rest;
	if (!leading_number(text, &number, &rest))
		return found(err, text, possible);
	uint64_t factor = factor_of(times, KEY_COUNT(times), rest);
	if (factor == 0 || number > (uint64_t)MAX_SECONDS / factor)
		return found(err, text, factor == 0 ? possible : "a hundred years at most");
	*out = (int64_t)(number * factor);
	return true;
}

bool value_octets(const char *text, uint64_t *out, struct error *err)
{
	static const char possible[] = "a number of octets, or one with K, M or G, such as 25M";
	uint64_t number;
	const char *rest;
	if (!leading_number(text, &number, &rest))
		return found(err, text, possible);
	uint64_t factor = *rest == '\0' ? 1 : factor_of(sizes, KEY_COUNT(sizes), rest);
	if (factor == 0 || number == 0 || number > INT64_MAX / factor)
		return found(err, text, possible);
	*out = number * factor;
	return true;
}

bool value_limit(const char *text, struct deletion_limit *out, struct error *err)
{
	static const char possible[] = "a share such as 25%, a number of messages, or any";
	uint64_t number;
	const char *rest;
	if (strcmp(text, "any") == 0) {
		*out = (struct deletion_limit){LIMIT_ANY, 0};
		return true;
	}
	if (!leading_number(text, &number, &rest) || number > UINT32_MAX)
		return found(err, text, possible);
	bool share = strcmp(rest, "%") == 0;
	if ((!share && *rest != '\0') || (share && number > 100))
		return found(err, text, possible);
	*out = (struct deletion_limit){share ? LIMIT_SHARE : LIMIT_COUNT, (unsigned long)number};
	return true;
}

bool value_has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7F)
			return true;
	return false;
}

/* ---- readers ---- */

const char *value_take_text(struct reading *r, const struct node *value)
{
	bool is_text = value->kind == NODE_TEXT && *value->text != '\0';
	bool is_clean = is_text && !value_has_control(value->text);
	if (!is_text)
		reading_other(r, value, "a text");
	else if (!is_clean)
		reading_wrong(r, value, "holds a control character or a line end");
	return is_clean ? value->text : NULL;
}

bool value_text(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	const char *text = value_take_text(r, value);
	if (text != NULL)
		*(const char **)field = text;
	return text != NULL;
}

bool value_path(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct error err;
	const char *text = value_take_text(r, value);
	if (text == NULL)
		return false;
	const char *path = path_absolute(text, r->folder, r->arena, &err);
	if (path == NULL)
		return reading_wrong(r, value, "%s", err.text);
	*(const char **)field = path;
	return true;
}

static void put_word(void *field, size_t size, int value)
{
	_Static_assert(sizeof(enum mode) == sizeof(int), "enumerators are stored as int");
	bool is_true = value != 0;
	if (size == sizeof(bool))
		memcpy(field, &is_true, sizeof is_true);
	else
		memcpy(field, &value, sizeof value);
}

bool value_word(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	const char *text = value_take_text(r, value);
	if (text == NULL)
		return false;
	size_t n = 0;
	for (; key->words[n].name != NULL; n++) {
		if (strcmp(text, key->words[n].name) == 0) {
			put_word(field, key->size, key->words[n].value);
			return true;
		}
	}
	const char **names = arena_alloc(r->arena, (n + 1) * sizeof *names);
	for (size_t i = 0; i < n; i++)
		names[i] = key->words[i].name;
	return reading_wrong(
		r, value, "found %s%s", reading_quote(r, text), reading_choice(r, text, names));
}

bool value_bool(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	static const struct word words[] = {{"true", 1}, {"false", 0}, {NULL, 0}};
	const struct key as_word = {.name = key->name, .size = sizeof(bool), .words = words};
	return value_word(r, value, &as_word, field);
}

bool value_count(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	struct error err;
	unsigned long number;
	const char *text = value_take_text(r, value);
	if (text == NULL)
		return false;
	if (!value_number(text, key->least, key->most, &number, &err))
		return reading_wrong(r, value, "%s", err.text);
	*(unsigned *)field = (unsigned)number;
	return true;
}

/* Seconds of a duration, or -1 after adding a mistake. */
static int64_t take_seconds(struct reading *r, const struct node *value)
{
	struct error err;
	int64_t seconds;
	const char *text = value_take_text(r, value);
	if (text == NULL)
		return -1;
	if (value_seconds(text, &seconds, &err))
		return seconds;
	reading_wrong(r, value, "%s", err.text);
	return -1;
}

bool value_duration(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	int64_t seconds = take_seconds(r, value);
	if (seconds < 0)
		return false;
	if (seconds < (int64_t)key->least || seconds > (int64_t)key->most)
		return reading_wrong(r, value, "found %s; possible is %lus to %lus",
			reading_quote(r, value->text), key->least, key->most);
	*(unsigned *)field = (unsigned)seconds;
	return true;
}

bool value_days(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	int64_t seconds = take_seconds(r, value);
	if (seconds < 0)
		return false;
	if (seconds == 0 || seconds % DAY != 0)
		return reading_wrong(r, value,
			"found %s; possible are whole days, such as 90d, 4w or 2y",
			reading_quote(r, value->text));
	*(int64_t *)field = seconds;
	return true;
}

bool value_size(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct error err;
	const char *text = value_take_text(r, value);
	return text != NULL &&
	       (value_octets(text, field, &err) || reading_wrong(r, value, "%s", err.text));
}

/* The list ${value} with room for its texts, or NULL after adding a mistake. */
static const char **take_list(struct reading *r, const struct node *value)
{
	if (value->kind != NODE_LIST || value->n == 0) {
		reading_other(r, value, "a list: [A, B]");
		return NULL;
	}
	return arena_alloc(r->arena, (value->n + 1) * sizeof(const char *));
}

bool value_argv(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	const char **argv = take_list(r, value);
	bool ok = argv != NULL && value_take_text(r, value->child[0]) != NULL;
	for (size_t i = 0; argv != NULL && i < value->n; i++) {
		const struct node *argument = value->child[i];
		argv[i] = argument->text;
		if (argument->kind == NODE_MAP || argument->kind == NODE_LIST)
			ok = reading_other(r, argument, "a text");
		ok = ok && argument->kind == NODE_TEXT;
	}
	if (ok)
		*(const char *const **)field = argv;
	return ok;
}

static const char *upper_case(const char *text, struct arena *arena)
{
	char *upper = arena_strdup(arena, text);
	for (char *c = upper; *c != '\0'; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	return upper;
}

static bool is_among(const char *text, const char *const *names)
{
	for (size_t i = 0; names[i] != NULL; i++)
		if (strcmp(text, names[i]) == 0)
			return true;
	return false;
}

/* What RFC 9051 has as a capability: an atom; no more is needed to tell it from other texts. */
static bool is_token(const char *text)
{
	return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-=._/:")] == '\0';
}

static bool take_token(
	struct reading *r, const struct node *value, const struct key *key, const char **token)
{
	const char *text = value_take_text(r, value);
	if (text == NULL)
		return false;
	*token = upper_case(text, r->arena);
	if (key->names != NULL && !is_among(*token, key->names))
		return reading_wrong(r, value, "found %s%s", reading_quote(r, text),
			reading_choice(r, text, key->names));
	return is_token(*token) ||
	       reading_wrong(r, value, "found %s; possible is a name as the server tells it",
		       reading_quote(r, text));
}

bool value_tokens(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	const char **tokens = take_list(r, value);
	bool ok = tokens != NULL;
	for (size_t i = 0; tokens != NULL && i < value->n; i++)
		ok = take_token(r, value->child[i], key, &tokens[i]) && ok;
	if (ok)
		*(const char *const **)field = tokens;
	return ok;
}

bool value_map(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	if (value->kind != NODE_MAP)
		return reading_other(r, value, "a mapping with the keys %s",
			reading_join(r, schema_names(key->schema, r->arena)));
	schema_read(r, value, key->schema, field);
	return true;
}
