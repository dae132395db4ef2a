#include "mail/pattern.h"

#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "mail/name.h"

/* A pattern is read as tokens: a byte that stands for itself, or a wildcard. */
enum {
	WITHIN = 256, /* `*` */
	ACROSS	      /* `**` and longer */
};

static const char *read_token(const char *pattern, uint16_t *token)
{
	if (*pattern != '*') {
		*token = (unsigned char)*pattern;
		return pattern + 1;
	}
	size_t stars = strspn(pattern, "*");
	*token = stars == 1 ? WITHIN : ACROSS;
	return pattern + stars;
}

/*
 * A pattern laid along a name.  fits[t * (n + 1) + i]: the tokens from t on match the name from i
 * on.  Filled from the end, each entry looks at three others: nothing is tried twice, whatever the
 * pattern.
 */
struct match {
	const uint16_t *token;
	size_t n_tokens;
	const char *name;
	size_t n;
	bool *fits;
};

static bool *fits(const struct match *match, size_t token, size_t at)
{
	return &match->fits[token * (match->n + 1) + at];
}

static bool is_wildcard(uint16_t token)
{
	return token >= WITHIN;
}

static bool may_cover(uint16_t wildcard, char c)
{
	return wildcard == ACROSS || c != '/';
}

/* Whether only a slash and `**` is left from token t on: "NAME/" and `**` matches NAME too. */
static bool is_optional_rest(const struct match *match, size_t t)
{
	return t + 2 == match->n_tokens && match->token[t] == '/' && match->token[t + 1] == ACROSS;
}

static bool fits_here(const struct match *match, size_t t, size_t i)
{
	bool at_end = i == match->n;
	if (t == match->n_tokens)
		return at_end;
	uint16_t token = match->token[t];
	if (!is_wildcard(token))
		return at_end ? is_optional_rest(match, t)
			      : token == (unsigned char)match->name[i] &&
					*fits(match, t + 1, i + 1);
	return *fits(match, t + 1, i) ||
	       (!at_end && may_cover(token, match->name[i]) && *fits(match, t, i + 1));
}

static bool begins_with_inbox(const char *text)
{
	return ascii_is(text, strcspn(text, "/"), "INBOX");
}

/* Lay the pattern along the name; true when all of it matches. */
static bool lay(struct match *match, const char *pattern, const char *name, struct arena *arena)
{
	if (begins_with_inbox(pattern) && begins_with_inbox(name)) {
		pattern += strlen("INBOX");
		name += strlen("INBOX");
	}
	uint16_t *tokens = arena_alloc(arena, (strlen(pattern) + 1) * sizeof *tokens);
	size_t n_tokens = 0;
	while (*pattern != '\0')
		pattern = read_token(pattern, &tokens[n_tokens++]);

	*match = (struct match){tokens, n_tokens, name, strlen(name), NULL};
	match->fits = arena_alloc(arena, (n_tokens + 1) * (match->n + 1) * sizeof(bool));
	for (size_t t = n_tokens + 1; t-- > 0;)
		for (size_t i = match->n + 1; i-- > 0;)
			*fits(match, t, i) = fits_here(match, t, i);
	return *fits(match, 0, 0);
}

bool pattern_match(const char *pattern, const char *name)
{
	struct match match;
	struct arena *arena = arena_new();
	bool matches = lay(&match, pattern, name, arena);
	arena_free(arena);
	return matches;
}

bool pattern_selects(const struct pattern_list *list, const char *name, bool named)
{
	for (size_t i = list->n; i-- > 0;) {
		bool excludes = *list->at[i] == '!';
		const char *pattern = list->at[i] + excludes;
		if (named && !excludes && strchr(pattern, '*') != NULL)
			continue;
		if (pattern_match(pattern, name))
			return !excludes;
	}
	return false;
}

bool pattern_reversible(const char *from, const char *to)
{
	for (;;) {
		from += strcspn(from, "*");
		to += strcspn(to, "*");
		if (*from == '\0' || *to == '\0')
			return *from == *to;
		uint16_t a, b;
		from = read_token(from, &a);
		to = read_token(to, &b);
		if (a != b)
			return false;
	}
}

/* ---- renaming ---- */

struct span {
	const char *at;
	size_t n;
};

/* What each wildcard of a match stands for, in order: as little as possible. */
static const struct span *covered(const struct match *match, struct arena *arena)
{
	struct span *spans = arena_alloc(arena, (match->n_tokens + 1) * sizeof *spans);
	size_t n = 0, i = 0;
	for (size_t t = 0; t < match->n_tokens; t++) {
		if (!is_wildcard(match->token[t])) {
			i += i < match->n;
			continue;
		}
		spans[n].at = match->name + i;
		while (!*fits(match, t + 1, i))
			i++;
		spans[n].n = (size_t)(match->name + i - spans[n].at);
		n++;
	}
	return spans;
}

/* A canonical name has no two slashes in a row: what put them there stood for nothing, or for a
 * slash that the pattern has already. */
static void put(char **end, const char *start, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != '/' || (*end > start && (*end)[-1] != '/'))
			*(*end)++ = s[i];
}

const char *pattern_rename(const char *from, const char *to, const char *name, struct arena *arena)
{
	struct match match;
	if (!pattern_reversible(from, to) || !lay(&match, from, name, arena))
		return NULL;
	const struct span *span = covered(&match, arena);

	char *renamed = arena_alloc(arena, strlen(to) + strlen(name) + 1), *end = renamed;
	while (*to != '\0') {
		uint16_t token;
		const char *rest = read_token(to, &token);
		if (is_wildcard(token)) {
			put(&end, renamed, span->at, span->n);
			span++;
		} else {
			put(&end, renamed, to, 1);
		}
		to = rest;
	}
	const char *result = name_canonical(renamed, arena);
	return *result == '\0' ? NULL : result;
}
