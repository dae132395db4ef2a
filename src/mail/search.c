#include "mail/search.h"

#include <string.h>

#include "base/ascii.h"
#include "mail/date.h"
#include "mail/header.h"

/* Servers take command lines of 8,192 octets (RFC 7162, 4); the command wants some of them. */
#define TEXT_MAX 8000

/* Each level is a call; a list of senders joined by OR is as deep as it is long. */
#define DEPTH_MAX 256

/* What of a wrong word is shown. */
#define SHOWN_MAX 60

/* What a key is asked about. */
struct subject {
	const struct message *message;
	const struct flag_table *flags;
	const char *header;
	size_t len;
};

struct parser;
struct node;

/* A key: its name, how its arguments are read (NULL: it has none), how it is answered. */
struct key {
	const char *name;
	bool (*read)(struct parser *p, struct node *node);
	bool (*matches)(const struct node *node, const struct subject *subject);
	int arg; /* a system flag; how days compare; else 0 */
	bool needs_header;
};

/* A key with its arguments. */
struct node {
	const struct key *key;
	struct node *child; /* keys within: "(", OR, NOT */
	struct node *next;  /* beside it in the same */
	int64_t number;	    /* octets, or days since the epoch */
	const char *field, *string;
};

struct search {
	const struct node *root;
	const char *text;
	bool needs_header;
};

/* ---- answers ---- */

static bool match(const struct node *node, const struct subject *subject)
{
	return node->key->matches(node, subject);
}

static bool match_every(const struct node *node, const struct subject *subject)
{
	for (const struct node *child = node->child; child != NULL; child = child->next)
		if (!match(child, subject))
			return false;
	return true;
}

static bool match_either(const struct node *node, const struct subject *subject)
{
	return match(node->child, subject) || match(node->child->next, subject);
}

static bool match_none(const struct node *node, const struct subject *subject)
{
	return !match(node->child, subject);
}

static bool match_flag(const struct node *node, const struct subject *subject)
{
	return (flags_system(subject->flags, subject->message->flags) & (uint32_t)node->key->arg) !=
	       0;
}

static bool match_no_flag(const struct node *node, const struct subject *subject)
{
	return !match_flag(node, subject);
}

static bool match_keyword(const struct node *node, const struct subject *subject)
{
	return flags_has(subject->flags, subject->message->flags, node->string);
}

static bool match_no_keyword(const struct node *node, const struct subject *subject)
{
	return !match_keyword(node, subject);
}

static bool match_larger(const struct node *node, const struct subject *subject)
{
	return subject->message->size > (uint64_t)node->number;
}

static bool match_smaller(const struct node *node, const struct subject *subject)
{
	return subject->message->size > 0 && subject->message->size < (uint64_t)node->number;
}

/* How a day compares with that of the key; SINCE takes in the day itself (RFC 9051, 6.4.4). */
enum { EARLIER, SAME_DAY, NOT_EARLIER };

static bool match_day(const struct node *node, int64_t seconds, int16_t zone)
{
	int64_t day = date_day(seconds, zone);
	switch (node->key->arg) {
	case EARLIER:
		return day < node->number;
	case SAME_DAY:
		return day == node->number;
	default:
		return day >= node->number;
	}
}

static bool match_received(const struct node *node, const struct subject *subject)
{
	const struct message *m = subject->message;
	return m->received != RECEIVED_UNKNOWN && match_day(node, m->received, m->zone);
}

static bool match_sent(const struct node *node, const struct subject *subject)
{
	struct header_field date;
	int64_t seconds;
	int16_t zone;
	return header_find(subject->header, subject->len, "Date", &date) &&
	       date_parse_header(date.value, date.value_len, &seconds, &zone) &&
	       match_day(node, seconds, zone);
}

static bool is_line_end(char c)
{
	return c == '\r' || c == '\n';
}

/* Whether the text at s, its folds undone, begins with a word in lower case. */
static bool begins(const char *s, const char *end, const char *word)
{
	for (; *word != '\0'; s++) {
		if (s == end)
			return false;
		if (is_line_end(*s))
			continue;
		if (ascii_lower(*s) != *word++)
			return false;
	}
	return true;
}

/* No word begins at a line end: a field of nothing else would be read from each of them. */
static bool contains(const struct header_field *field, const char *word)
{
	const char *end = field->value + field->value_len;
	for (const char *s = field->value; s < end; s++)
		if (!is_line_end(*s) && begins(s, end, word))
			return true;
	return *word == '\0';
}

static bool match_field(const struct node *node, const struct subject *subject)
{
	struct header header;
	struct header_field field;
	header_begin(&header, subject->header, subject->len);
	while (header_next(&header, &field))
		if (header_is(&field, node->field) && contains(&field, node->string))
			return true;
	return false;
}

/* ---- words ---- */

enum token_kind { TOKEN_END, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_ATOM, TOKEN_QUOTED };

struct token {
	enum token_kind kind;
	const char *raw;
	size_t raw_len;
	const char *value; /* ATOM, QUOTED: what it stands for */
};

struct parser {
	struct arena *arena;
	struct error *err;
	const char *rest;
	struct token token; /* the next one, not taken yet */
	char *text;	    /* the tokens taken, with single blanks */
	size_t text_len;
	unsigned depth;
	bool needs_header;
};

/* How much of a word fits a message. */
static int shown(size_t len)
{
	return (int)(len < SHOWN_MAX ? len : SHOWN_MAX);
}

/* Fail, naming what stands where `who` needs something else. */
static bool refuse(struct parser *p, const char *who, const char *needed)
{
	if (p->token.kind == TOKEN_END)
		return error_set(p->err, ERROR_STORE, CAUSE_CONFIG,
			"the search ends, but %s needs %s", who, needed);
	return error_set(p->err, ERROR_STORE, CAUSE_CONFIG,
		"'%.*s' stands in the search where %s needs %s", shown(p->token.raw_len),
		p->token.raw, who, needed);
}

static bool lex_quoted(struct parser *p)
{
	char *value = arena_alloc(p->arena, strlen(p->rest));
	const char *s = p->rest + 1;
	p->token.kind = TOKEN_QUOTED;
	p->token.value = value;
	for (; *s != '"'; s++) {
		if (*s == '\0')
			return error_set(p->err, ERROR_STORE, CAUSE_CONFIG,
				"a double quote of the search is not closed: %.*s", SHOWN_MAX,
				p->rest);
		if (*s == '\\' && *++s != '"' && *s != '\\')
			return error_set(p->err, ERROR_STORE, CAUSE_CONFIG,
				"a backslash in the search stands before neither a double quote "
				"nor a backslash: %.*s",
				SHOWN_MAX, p->rest);
		*value++ = *s;
	}
	p->token.raw_len = (size_t)(s + 1 - p->rest);
	return true;
}

static bool lex_atom(struct parser *p)
{
	size_t len = strcspn(p->rest, " ()"), plain = strcspn(p->rest, " (){%*\"\\");
	if (plain < len)
		return error_set(p->err, ERROR_STORE, CAUSE_CONFIG,
			"'%.*s' in the search must stand in double quotes", shown(len), p->rest);
	p->token.kind = TOKEN_ATOM;
	p->token.value = arena_strndup(p->arena, p->rest, len);
	p->token.raw_len = len;
	return true;
}

static bool lex(struct parser *p)
{
	p->rest += strspn(p->rest, " ");
	p->token = (struct token){.kind = TOKEN_END, .raw = p->rest};
	bool ok = true;
	switch (*p->rest) {
	case '\0':
		break;
	case '(':
	case ')':
		p->token.kind = *p->rest == '(' ? TOKEN_OPEN : TOKEN_CLOSE;
		p->token.raw_len = 1;
		break;
	case '"':
		ok = lex_quoted(p);
		break;
	default:
		ok = lex_atom(p);
	}
	p->rest += p->token.raw_len;
	return ok;
}

/* Be done with the token. */
static bool take(struct parser *p)
{
	bool joins =
		p->text_len == 0 || p->text[p->text_len - 1] == '(' || p->token.kind == TOKEN_CLOSE;
	if (!joins)
		p->text[p->text_len++] = ' ';
	memcpy(p->text + p->text_len, p->token.raw, p->token.raw_len);
	p->text_len += p->token.raw_len;
	return lex(p);
}

/* ---- arguments ---- */

static bool is_string(const struct parser *p)
{
	return p->token.kind == TOKEN_ATOM || p->token.kind == TOKEN_QUOTED;
}

static bool read_keyword(struct parser *p, struct node *node)
{
	if (p->token.kind != TOKEN_ATOM || strchr(p->token.value, ']') != NULL)
		return refuse(p, node->key->name, "a keyword like $Junk");
	node->string = p->token.value;
	return take(p);
}

static bool read_day(struct parser *p, struct node *node)
{
	if (!is_string(p) || !date_parse_day(p->token.value, strlen(p->token.value), &node->number))
		return refuse(p, node->key->name, "a date like 1-Feb-1994");
	return take(p);
}

/* A number of RFC 3501: 32 bits. */
static bool read_octets(struct parser *p, struct node *node)
{
	const char *digits = p->token.value;
	size_t n = p->token.kind == TOKEN_ATOM ? strspn(digits, "0123456789") : 0;
	for (size_t i = 0; i < n && node->number <= UINT32_MAX; i++)
		node->number = node->number * 10 + (digits[i] - '0');
	if (n == 0 || digits[n] != '\0' || node->number > UINT32_MAX)
		return refuse(p, node->key->name, "a number of octets below 4294967296");
	return take(p);
}

static bool read_string(struct parser *p, struct node *node)
{
	if (!is_string(p))
		return refuse(p, node->key->name, "a word, or text in double quotes");
	char *lower = arena_strdup(p->arena, p->token.value);
	for (char *c = lower; *c != '\0'; c++)
		*c = ascii_lower(*c);
	node->string = lower;
	node->field = node->field != NULL ? node->field : node->key->name;
	return take(p);
}

static bool read_field_and_string(struct parser *p, struct node *node)
{
	if (!is_string(p) || *p->token.value == '\0' || strpbrk(p->token.value, ": ") != NULL)
		return refuse(p, node->key->name, "the name of a header field, without a colon");
	node->field = p->token.value;
	return take(p) && read_string(p, node);
}

static struct node *read_key(struct parser *p, const char *who);

static bool read_one(struct parser *p, struct node *node)
{
	node->child = read_key(p, node->key->name);
	return node->child != NULL;
}

static bool read_two(struct parser *p, struct node *node)
{
	if (!read_one(p, node))
		return false;
	node->child->next = read_key(p, node->key->name);
	return node->child->next != NULL;
}

/* ---- keys ---- */

static const struct key keys[] = {
	{"ALL", NULL, match_every, 0, false},
	{"ANSWERED", NULL, match_flag, FLAG_ANSWERED, false},
	{"BCC", read_string, match_field, 0, true},
	{"BEFORE", read_day, match_received, EARLIER, false},
	{"CC", read_string, match_field, 0, true},
	{"DELETED", NULL, match_flag, FLAG_DELETED, false},
	{"DRAFT", NULL, match_flag, FLAG_DRAFT, false},
	{"FLAGGED", NULL, match_flag, FLAG_FLAGGED, false},
	{"FROM", read_string, match_field, 0, true},
	{"HEADER", read_field_and_string, match_field, 0, true},
	{"KEYWORD", read_keyword, match_keyword, 0, false},
	{"LARGER", read_octets, match_larger, 0, false},
	{"NOT", read_one, match_none, 0, false},
	{"ON", read_day, match_received, SAME_DAY, false},
	{"OR", read_two, match_either, 0, false},
	{"SEEN", NULL, match_flag, FLAG_SEEN, false},
	{"SENTBEFORE", read_day, match_sent, EARLIER, true},
	{"SENTON", read_day, match_sent, SAME_DAY, true},
	{"SENTSINCE", read_day, match_sent, NOT_EARLIER, true},
	{"SINCE", read_day, match_received, NOT_EARLIER, false},
	{"SMALLER", read_octets, match_smaller, 0, false},
	{"SUBJECT", read_string, match_field, 0, true},
	{"TO", read_string, match_field, 0, true},
	{"UNANSWERED", NULL, match_no_flag, FLAG_ANSWERED, false},
	{"UNDELETED", NULL, match_no_flag, FLAG_DELETED, false},
	{"UNDRAFT", NULL, match_no_flag, FLAG_DRAFT, false},
	{"UNFLAGGED", NULL, match_no_flag, FLAG_FLAGGED, false},
	{"UNKEYWORD", read_keyword, match_no_keyword, 0, false},
	{"UNSEEN", NULL, match_no_flag, FLAG_SEEN, false},
};

static const struct key group = {"(", NULL, match_every, 0, false};

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (ascii_compare(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static bool refuse_key(struct parser *p)
{
	const char *names = keys[0].name;
	for (size_t i = 1; i < sizeof keys / sizeof *keys; i++)
		names = arena_printf(p->arena, "%s %s", names, keys[i].name);
	return error_set(p->err, ERROR_STORE, CAUSE_CONFIG,
		"unknown search key '%.*s'; possible are %s", shown(p->token.raw_len), p->token.raw,
		names);
}

/* Keys side by side, one at least, up to a parenthesis or the end. */
static bool read_keys(struct parser *p, struct node *all, const char *who)
{
	for (struct node **next = &all->child;; next = &(*next)->next) {
		*next = read_key(p, who);
		if (*next == NULL)
			return false;
		if (p->token.kind == TOKEN_END || p->token.kind == TOKEN_CLOSE)
			return true;
	}
}

static bool read_group(struct parser *p, struct node *node)
{
	node->key = &group;
	if (!take(p) || !read_keys(p, node, "'('"))
		return false;
	return p->token.kind == TOKEN_CLOSE ? take(p) : refuse(p, "'('", "its ')'");
}

static bool read_named_key(struct parser *p, struct node *node)
{
	node->key = find_key(p->token.value);
	if (node->key == NULL)
		return refuse_key(p);
	p->needs_header = p->needs_header || node->key->needs_header;
	return take(p) && (node->key->read == NULL || node->key->read(p, node));
}

/* One key with its arguments; NULL on failure.  `who` needs it. */
static struct node *read_key(struct parser *p, const char *who)
{
	struct node *node = arena_alloc(p->arena, sizeof *node);
	bool opens = p->token.kind == TOKEN_OPEN;
	if (p->depth == DEPTH_MAX) {
		error_set(p->err, ERROR_STORE, CAUSE_CONFIG,
			"the search is nested more than %d deep", DEPTH_MAX);
		return NULL;
	}
	if (!opens && p->token.kind != TOKEN_ATOM) {
		refuse(p, who, "a key");
		return NULL;
	}
	p->depth++;
	bool ok = opens ? read_group(p, node) : read_named_key(p, node);
	p->depth--;
	return ok ? node : NULL;
}

static bool check_text(const char *text, struct error *err)
{
	size_t len = strlen(text);
	if (len > TEXT_MAX)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"the search has %zu bytes, %d are possible", len, TEXT_MAX);
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] >= 0x7F)
			return error_set(err, ERROR_STORE, CAUSE_CONFIG,
				"byte %zu of the search is not a printable ASCII character", i + 1);
	return true;
}

struct search *search_parse(const char *text, struct arena *arena, struct error *err)
{
	if (!check_text(text, err))
		return NULL;
	struct parser p = {.arena = arena, .err = err, .rest = text};
	struct node *root = arena_alloc(arena, sizeof *root);
	root->key = &group;
	p.text = arena_alloc(arena, 2 * strlen(text) + 1); /* each token gets one blank at most */
	if (!lex(&p) || !read_keys(&p, root, "it"))
		return NULL;
	if (p.token.kind != TOKEN_END) {
		error_set(err, ERROR_STORE, CAUSE_CONFIG, "a ')' of the search has no '('");
		return NULL;
	}
	struct search *search = arena_alloc(arena, sizeof *search);
	*search = (struct search){root, p.text, p.needs_header};
	return search;
}

const char *search_text(const struct search *search)
{
	return search->text;
}

bool search_needs_header(const struct search *search)
{
	return search->needs_header;
}

bool search_matches(const struct search *search, const struct message *message,
	const struct flag_table *flags, const char *header, size_t len)
{
	struct subject subject = {message, flags, header, len};
	return match(search->root, &subject);
}
