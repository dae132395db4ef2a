#include "archive/archive_private.h"

#include <string.h>

#include "base/ascii.h"
#include "base/buffer.h"
#include "base/escape.h"

/*
 * What a person searches for.
 *
 *	query = *( SP term )
 *	term  = [ field ":" ] ( word | '"' *char '"' )
 *	field = "from" | "to" | "subject" | "before" | "after" | "mailbox"
 *
 * Each word of a term has to be there; in quotes they have to follow one another, and a "*" at the
 * end of an unquoted word stands for any end.  A colon behind another word is part of the text.
 * What is looked up in the index is put in quotes, so that nothing in it is an operator there. What
 * the index takes for one long word, Chinese and the like, is looked for in each header instead,
 * wherever in it.
 */

/* Nobody types more; the index takes each as a level of its expression. */
#define TERMS_MOST  60
#define MATCH_LIMIT ((size_t)64 * 1024)

struct reading {
	struct archive_query *query;
	struct arena *arena;
	struct buffer match;
	size_t terms, cap_mailboxes, cap_within;
};

/* ---- text ---- */

/* The index has no word for what has neither letter nor digit. */
static bool has_word(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80 || ascii_is_digit(*text) ||
			(ascii_lower(*text) >= 'a' && ascii_lower(*text) <= 'z'))
			return true;
	return false;
}

/* Whether the character that begins at ${s} (UTF-8) is of a script that puts no blanks between
 * words. To the index a run of these is one word. */
static bool is_unspaced(const char *s)
{
	static const struct {
		uint32_t first, last;
	} scripts[] = {{0x0E00, 0x0EFF}, /* Thai, Lao */
		{0x1000, 0x109F},	 /* Myanmar */
		{0x1780, 0x17FF},	 /* Khmer */
		{0x2E80, 0x9FFF},	 /* radicals, kana, ideographs */
		{0xF900, 0xFAFF}, {0xFF66, 0xFF9F}, {0x20000, 0x3FFFF}};
	const unsigned char *u = (const unsigned char *)s;
	uint32_t c = 0;
	if ((u[0] & 0xF0) == 0xE0)
		c = (u[0] & 0x0Fu) << 12 | (u[1] & 0x3Fu) << 6 | (u[2] & 0x3Fu);
	else if ((u[0] & 0xF8) == 0xF0)
		c = (u[0] & 0x07u) << 18 | (u[1] & 0x3Fu) << 12 | (u[2] & 0x3Fu) << 6 |
		    (u[3] & 0x3Fu);
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
		if (c >= scripts[i].first && c <= scripts[i].last)
			return true;
	return false;
}

static bool has_unspaced(const char *text)
{
	for (; *text != '\0'; text++)
		if (is_unspaced(text))
			return true;
	return false;
}

static bool add_within(struct reading *r, unsigned in, const char *text, size_t len)
{
	struct archive_query *q = r->query;
	*ARENA_PUSH(r->arena, q->within, q->n_within, r->cap_within) =
		(struct archive_within){in, arena_strndup(r->arena, text, len)};
	return true;
}

static bool add_text(struct reading *r, const char *columns, unsigned in, const char *text,
	bool quoted, struct error *err)
{
	size_t len = strlen(text);
	bool prefix = !quoted && len > 1 && text[len - 1] == '*';
	if (!has_word(text))
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"there is no word to search for in '%s'", text);
	if (++r->terms > TERMS_MOST)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG, "a search has %d words at most",
			TERMS_MOST);
	if (has_unspaced(text))
		return add_within(r, in, text, len - prefix);
	bool ok = buffer_printf(&r->match, "%s%s\"", r->match.len > 0 ? " AND " : "", columns);
	for (size_t i = 0; i < len - prefix; i++) /* a quote in quotes is written twice */
		ok = ok && buffer_add(&r->match, text[i] == '"' ? "\"\"" : text + i,
				   text[i] == '"' ? 2 : 1);
	ok = ok && buffer_puts(&r->match, prefix ? "\" *" : "\"");
	return ok || error_set(err, ERROR_STORE, CAUSE_CONFIG, "the search is too long");
}

/* ---- fields ---- */

static bool add_before(struct reading *r, const char *text, struct error *err)
{
	int64_t until;
	if (!archive_moment(text, &r->query->before, &until))
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"'before:%s' is no date such as 2026-11-23", text);
	return true;
}

static bool add_after(struct reading *r, const char *text, struct error *err)
{
	int64_t until;
	if (!archive_moment(text, &r->query->after, &until))
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"'after:%s' is no date such as 2026-11-23", text);
	return true;
}

static bool add_mailbox(struct reading *r, const char *text, struct error *err)
{
	struct pattern_list *list = &r->query->mailboxes;
	const char **at = (const char **)list->at;
	(void)err;
	*ARENA_PUSH(r->arena, at, list->n, r->cap_mailboxes) = text;
	list->at = at;
	return true;
}

static const struct field {
	const char *name;
	const char *columns; /* of the index; or NULL: */
	unsigned in;	     /* the same as bits */
	bool (*add)(struct reading *r, const char *text, struct error *err);
} fields[] = {
	{"from:", "{\"from\"} : ", ARCHIVE_IN_FROM, NULL},
	{"to:", "{\"to\" cc} : ", ARCHIVE_IN_TO, NULL},
	{"subject:", "{subject} : ", ARCHIVE_IN_SUBJECT, NULL},
	{"before:", NULL, 0, add_before},
	{"after:", NULL, 0, add_after},
	{"mailbox:", NULL, 0, add_mailbox},
};

static const struct field *find_field(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (ascii_starts(text, len, fields[i].name))
			return &fields[i];
	return NULL;
}

/* ---- the whole ---- */

/* One term, from its first character on; where the next may begin. */
static const char *add_term(struct reading *r, const char *at, struct error *err)
{
	size_t len = strcspn(at, " \t\"");
	const struct field *field = find_field(at, len);
	const char *begin = at + (field != NULL ? strlen(field->name) : 0);
	bool quoted = *begin == '"';
	begin += quoted;
	len = quoted ? strcspn(begin, "\"") : strcspn(begin, " \t");
	const char *text = arena_strndup(r->arena, begin, len), *end = begin + len;
	bool ok;
	if (field != NULL && len == 0)
		ok = error_set(err, ERROR_STORE, CAUSE_CONFIG, "'%s' wants something behind it",
			field->name);
	else if (field != NULL && field->add != NULL)
		ok = field->add(r, text, err);
	else
		ok = add_text(r, field != NULL ? field->columns : "",
			field != NULL ? field->in : ARCHIVE_IN_ANY, text, quoted, err);
	return ok ? end + (quoted && *end == '"') : NULL;
}

bool archive_query_read(
	const char *text, struct arena *arena, struct archive_query *out, struct error *err)
{
	*out = (struct archive_query){.after = INT64_MIN, .before = INT64_MAX};
	struct reading r = {.query = out, .arena = arena};
	if (!utf8_valid(text, strlen(text)))
		return error_set(err, ERROR_STORE, CAUSE_CONFIG, "the search is no UTF-8");
	buffer_init(&r.match, MATCH_LIMIT);
	const char *at = text + strspn(text, " \t");
	while (at != NULL && *at != '\0') {
		at = add_term(&r, at, err);
		if (at != NULL)
			at += strspn(at, " \t");
	}
	if (r.match.len > 0)
		out->match = arena_strndup(arena, r.match.data, r.match.len);
	buffer_finish(&r.match);
	return at != NULL;
}
