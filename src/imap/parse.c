#include "imap/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/ascii.h"
#include "base/buffer.h"
#include "base/error.h"
#include "imap/scan.h"

#define KIB ((size_t)1024)

/* What a server may make us hold.  A node costs 24 times the two bytes that make one. */
const struct imap_limits imap_default_limits = {
	.line = 1024 * KIB,  /* ten thousand keywords in PERMANENTFLAGS fit; 25 MiB of nodes */
	.literal = 64 * KIB, /* names and header fields; what is longer is a message */
	.depth = 32,	     /* what we ask for has 3; BODYSTRUCTURE, unasked, some more */
};

/* A longer SEARCH, ESEARCH or VANISHED is cut into parts of this size. */
#define PART (64 * KIB)

/* Responses share an arena that is emptied when it has grown past this, not one by one: a million
 * short FETCH lines would else mean a million allocations. */
#define ARENA_ENOUGH (256 * KIB)

enum state {
	STATE_BEGIN,   /* of a response */
	STATE_LINE,    /* up to the next line end */
	STATE_TOKENS,  /* a line is in hand: what was not read of it yet */
	STATE_LITERAL, /* octets to be kept */
	STATE_BODY,    /* octets to be handed out */
	STATE_LENT,    /* a quoted string to be handed out */
	STATE_OVER,    /* it was handed out */
	STATE_BROKEN,
	STATES
};

/* What a step answers when there is no event yet: the next step is to be made. */
enum { GO_ON = -1 };

struct level {
	struct imap_node *list; /* NULL: the response itself */
	struct imap_node *last;
};

struct imap_parser {
	struct imap_limits limits;
	bool stream;
	enum state state;
	enum imap_event whole; /* what the end of this response is: RESPONSE or CONTINUE */
	const char *why;

	struct buffer line; /* the begin of a line whose end has not come */
	size_t held;	    /* bytes of this response that are kept */
	char *text;	    /* the line in hand, up to its end, and from `at` not read yet */
	size_t at;
	bool in_code; /* of a status response: no literals there */

	struct arena *arena;
	struct imap_node *root;
	struct level *level; /* limits.depth + 1 of them */
	size_t depth;

	char *fill; /* LITERAL: where its next octet goes */
	uint64_t left;
	const struct imap_node *lent;
};

struct input {
	const uint8_t *data;
	size_t len;
	size_t used;
};

struct imap_parser *imap_parser_new(const struct imap_limits *limits)
{
	struct imap_parser *p = calloc(1, sizeof *p);
	struct level *level = calloc(limits->depth + 1, sizeof *level);
	if (p == NULL || level == NULL)
		die_out_of_memory();
	p->limits = *limits;
	p->level = level;
	p->arena = arena_new();
	buffer_init(&p->line, limits->line);
	return p;
}

void imap_parser_free(struct imap_parser *p)
{
	if (p == NULL)
		return;
	buffer_finish(&p->line);
	arena_free(p->arena);
	free(p->level);
	free(p);
}

void imap_parser_stream(struct imap_parser *p, bool on)
{
	p->stream = on;
}

bool imap_parse_number(const char *text, size_t len, uint64_t max, uint64_t *number)
{
	uint64_t n = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';
		if (digit > 9 || n > max / 10 || n * 10 > max - digit)
			return false;
		n = n * 10 + digit;
	}
	if (len == 0)
		return false;
	*number = n;
	return true;
}

/* ---- the tree ---- */

static struct imap_node *add_node(struct imap_parser *p, enum imap_node_type type)
{
	struct imap_node *node = arena_alloc(p->arena, sizeof *node);
	struct level *level = &p->level[p->depth];
	node->type = type;
	if (level->last != NULL)
		level->last->next = node;
	else if (level->list != NULL)
		level->list->child = node;
	else
		p->root = node;
	level->last = node;
	return node;
}

static struct imap_node *add_text(
	struct imap_parser *p, enum imap_node_type type, const char *text, size_t len)
{
	struct imap_node *node = add_node(p, type);
	node->text = text;
	node->len = len;
	return node;
}

static bool open_list(struct imap_parser *p)
{
	if (p->depth == p->limits.depth)
		return false;
	struct imap_node *list = add_node(p, IMAP_LIST);
	p->level[++p->depth] = (struct level){.list = list};
	return true;
}

/* ---- one step after the other ---- */

static int broken(struct imap_parser *p, const char *why)
{
	p->state = STATE_BROKEN;
	p->why = why;
	return GO_ON;
}

static int step_broken(struct imap_parser *p, struct input *in, struct imap_out *out)
{
	(void)in;
	out->why = p->why;
	return IMAP_BROKEN;
}

static int step_begin(struct imap_parser *p, struct input *in, struct imap_out *out)
{
	(void)in;
	(void)out;
	if (arena_used(p->arena) > ARENA_ENOUGH)
		arena_reset(p->arena);
	p->root = NULL;
	p->depth = 0;
	p->level[0] = (struct level){0};
	p->held = 0;
	p->whole = IMAP_RESPONSE;
	p->state = STATE_LINE;
	return GO_ON;
}

static int finish_response(struct imap_parser *p, struct imap_out *out)
{
	if (p->depth > 0)
		return broken(p, "a list was not closed");
	out->root = p->root;
	p->state = STATE_BEGIN;
	return (int)p->whole;
}

static bool is_word(const struct imap_node *node, const char *word)
{
	return node != NULL && node->type == IMAP_ATOM && ascii_same(node->text, word);
}

/* Whether the string to come is the value of a BODY[...] item in the list of a FETCH. */
static bool is_body(const struct imap_parser *p)
{
	const struct imap_node *item = p->level[p->depth].last;
	return p->stream && p->depth == 1 && item != NULL && item->type == IMAP_ATOM &&
	       (ascii_starts(item->text, item->len, "BODY[") ||
		       ascii_starts(item->text, item->len, "BINARY[")) &&
	       p->root->next != NULL && is_word(p->root->next->next, "FETCH");
}

static int begin_body(
	struct imap_parser *p, struct imap_node *node, uint64_t size, struct imap_out *out)
{
	node->type = IMAP_STREAMED;
	node->number = size;
	out->root = p->root;
	out->size = size;
	return IMAP_BODY_BEGIN;
}

/* At '{': a literal, whose octets follow this line.  "{5+}" is for clients only (RFC 7888). */
static int begin_literal(struct imap_parser *p, struct imap_out *out)
{
	const char *digits = p->text + p->at + 1;
	size_t n = strspn(digits, "0123456789");
	uint64_t size = 0;
	if (n == 0 || digits[n] != '}' || digits[n + 1] != '\0')
		return broken(p, "a literal without a proper length");
	if (!imap_parse_number(digits, n, INT64_MAX, &size))
		return broken(p, "a literal of an impossible length");

	bool streamed = is_body(p) || size > p->limits.literal;
	struct imap_node *node = add_node(p, IMAP_STRING);
	p->left = size;
	if (streamed) {
		p->state = STATE_BODY;
		return begin_body(p, node, size, out);
	}
	if (size > p->limits.line - p->held)
		return broken(p, "a response is too long");
	p->held += (size_t)size;
	p->fill = arena_alloc(p->arena, (size_t)size + 1);
	node->text = p->fill;
	node->len = (size_t)size;
	p->state = STATE_LITERAL;
	return GO_ON;
}

static size_t smaller(size_t a, uint64_t b)
{
	return a < b ? a : (size_t)b;
}

static int step_literal(struct imap_parser *p, struct input *in, struct imap_out *out)
{
	(void)out;
	size_t n = smaller(in->len - in->used, p->left);
	if (n > 0)
		memcpy(p->fill, in->data + in->used, n);
	in->used += n;
	p->fill += n;
	p->left -= n;
	if (p->left > 0)
		return IMAP_MORE;
	p->state = STATE_LINE;
	return GO_ON;
}

static int step_body(struct imap_parser *p, struct input *in, struct imap_out *out)
{
	if (p->left == 0) {
		p->state = STATE_LINE;
		return IMAP_BODY_END;
	}
	size_t n = smaller(in->len - in->used, p->left);
	if (n == 0)
		return IMAP_MORE;
	out->run = in->data + in->used;
	out->run_len = n;
	in->used += n;
	p->left -= n;
	return IMAP_BODY;
}

static int step_lent(struct imap_parser *p, struct input *in, struct imap_out *out)
{
	(void)in;
	p->state = STATE_OVER;
	if (p->lent->len == 0)
		return GO_ON;
	out->run = (const uint8_t *)p->lent->text;
	out->run_len = p->lent->len;
	return IMAP_BODY;
}

static int step_over(struct imap_parser *p, struct input *in, struct imap_out *out)
{
	(void)in;
	(void)out;
	p->state = STATE_TOKENS;
	return IMAP_BODY_END;
}

/* ---- tokens ----
 *
 * They stay where they are in the line in hand.  Each byte that parts two of them is overwritten
 * with NUL once it was read, which ends the one before it; NUL therefore also means the end.
 */

/* At '"': "\" takes the next byte as it stands. */
static int read_quoted(struct imap_parser *p, struct imap_out *out)
{
	char *begin = p->text + p->at + 1, *to = begin;
	const char *from = begin;
	for (; *from != '"'; from++) {
		if (*from == '\\')
			from++;
		if (*from == '\0')
			return broken(p, "a quoted string without an end");
		*to++ = *from;
	}
	*to = '\0';
	p->at = (size_t)(from + 1 - p->text);

	bool streamed = is_body(p);
	struct imap_node *node = add_text(p, IMAP_STRING, begin, (size_t)(to - begin));
	if (!streamed)
		return GO_ON;
	p->lent = node;
	p->state = STATE_LENT;
	return begin_body(p, node, node->len, out);
}

static void read_atom(struct imap_parser *p)
{
	char *text = p->text + p->at;
	size_t len = scan_atom(text, p->depth == 1);
	p->at += len;

	uint64_t number = 0;
	enum imap_node_type type = IMAP_ATOM;
	if (imap_parse_number(text, len, UINT64_MAX, &number))
		type = IMAP_NUMBER;
	else if (ascii_is(text, len, "NIL"))
		type = IMAP_NIL;
	add_text(p, type, text, len)->number = number;
}

static int read_token(struct imap_parser *p, struct imap_out *out)
{
	char *c = p->text + p->at;
	if (!p->in_code && (*c == '{' || (*c == '~' && c[1] == '{'))) {
		p->at += *c == '~';
		int event = begin_literal(p, out);
		*c = '\0';
		return event;
	}
	if (*c == '"') {
		*c = '\0';
		return read_quoted(p, out);
	}
	if (*c == '\r')
		return broken(p, "a CR within a line");
	if (strchr(" ()", *c) == NULL) {
		read_atom(p);
		return GO_ON;
	}

	if (*c == '(' && !open_list(p))
		return broken(p, "lists are nested too deep");
	if (*c == ')' && p->depth == 0)
		return broken(p, "a list was closed that was not open");
	p->depth -= *c == ')';
	*c = '\0';
	p->at++;
	return GO_ON;
}

static int step_tokens(struct imap_parser *p, struct input *in, struct imap_out *out)
{
	(void)in;
	while (p->text[p->at] != '\0') {
		int event = read_token(p, out);
		if (event != GO_ON || p->state != STATE_TOKENS)
			return event;
	}
	return finish_response(p, out);
}

/* ---- how a response begins ---- */

static int read_code(struct imap_parser *p, char *end)
{
	struct imap_out unused;
	if (!open_list(p))
		return broken(p, "lists are nested too deep");
	*end = '\0';
	p->in_code = true;
	while (p->state == STATE_TOKENS && p->text[p->at] != '\0')
		read_token(p, &unused);
	p->in_code = false;
	p->at = (size_t)(end + 1 - p->text);
	p->depth = 0;
	return GO_ON;
}

static void end_word(struct imap_parser *p)
{
	if (p->text[p->at] == ' ')
		p->text[p->at++] = '\0';
}

/* [SP "[" code "]"] [SP text]: all of it may be missing (RFC 9051 wants it, servers forget it). */
static int read_status_text(struct imap_parser *p, struct imap_out *out)
{
	end_word(p);
	char *end = p->text[p->at] == '[' ? scan_code(p->text + p->at + 1) : NULL;
	if (end != NULL) {
		p->at++;
		read_code(p, end);
		if (p->state == STATE_BROKEN)
			return GO_ON;
		end_word(p);
	}
	const char *text = p->text + p->at;
	add_text(p, IMAP_STRING, text, strlen(text));
	return finish_response(p, out);
}

static int begin_tokens(struct imap_parser *p, struct imap_out *out)
{
	p->state = STATE_TOKENS;
	if (p->text[0] == '+') {
		p->whole = IMAP_CONTINUE;
		p->at = 1;
		if (p->text[1] != ' ' && p->text[1] != '\0')
			return broken(p, "a line that is no response");
		return read_status_text(p, out);
	}

	size_t tag = strcspn(p->text, " ");
	size_t word = p->text[tag] == ' ' ? strcspn(p->text + tag + 1, " ") : 0;
	bool tagged = !(tag == 1 && p->text[0] == '*');
	bool status = scan_is_status(p->text + tag + 1, word, tagged);
	if (word == 0 || (tagged && !(status && scan_is_tag(p->text, tag))))
		return broken(p, "a line that is no response");

	add_text(p, IMAP_ATOM, p->text, tag);
	p->at = tag;
	end_word(p);
	if (!status)
		return GO_ON;
	add_text(p, IMAP_ATOM, p->text + p->at, word);
	p->at += word;
	return read_status_text(p, out);
}

/* ---- lines ---- */

/* The line in hand: the ${n} bytes at ${more}, after what the buffer holds. */
static int take_line(struct imap_parser *p, const char *more, size_t n, struct imap_out *out)
{
	size_t before = p->line.len, len = before + n;
	char *text = arena_alloc(p->arena, len + 1);
	if (before > 0)
		memcpy(text, p->line.data, before);
	if (n > 0)
		memcpy(text + before, more, n);
	if (len > 0 && text[len - 1] == '\r')
		text[--len] = '\0';
	if (memchr(text, '\0', len) != NULL)
		return broken(p, "a NUL outside of a literal");
	p->line.len = 0;
	p->text = text;
	p->at = 0;
	p->held += len;
	if (p->root == NULL)
		return begin_tokens(p, out);
	p->state = STATE_TOKENS;
	return GO_ON;
}

static int take_part(struct imap_parser *p, size_t cut, size_t again, struct imap_out *out)
{
	struct buffer all = p->line;
	buffer_init(&p->line, p->limits.line);
	int event = take_line(p, all.data, cut, out);
	buffer_add(&p->line, all.data, again);
	buffer_add(&p->line, all.data + cut + 1, all.len - cut - 1);
	buffer_finish(&all);
	return event;
}

static int step_line(struct imap_parser *p, struct input *in, struct imap_out *out)
{
	size_t room = p->limits.line - p->held;
	size_t until = p->line.len < PART && room > PART ? PART : room;
	const char *data = (const char *)in->data + in->used;
	size_t n = smaller(in->len - in->used, until - p->line.len);
	const char *end = n > 0 ? memchr(data, '\n', n) : NULL;
	if (end != NULL) {
		in->used += (size_t)(end - data) + 1;
		return take_line(p, data, (size_t)(end - data), out);
	}

	in->used += n;
	buffer_add(&p->line, data, n);
	size_t again = 0;
	size_t cut = p->line.len == PART && p->root == NULL
			     ? scan_numbers(p->line.data, p->line.len, &again)
			     : 0;
	if (cut > 0)
		return take_part(p, cut, again, out);
	if (p->line.len == room)
		return broken(p, "a response is too long");
	return in->used == in->len ? IMAP_MORE : GO_ON;
}

enum imap_event imap_parse(
	struct imap_parser *p, const uint8_t *data, size_t len, size_t *used, struct imap_out *out)
{
	static int (*const step[STATES])(
		struct imap_parser *, struct input *, struct imap_out *) = {
		[STATE_BEGIN] = step_begin,
		[STATE_LINE] = step_line,
		[STATE_TOKENS] = step_tokens,
		[STATE_LITERAL] = step_literal,
		[STATE_BODY] = step_body,
		[STATE_LENT] = step_lent,
		[STATE_OVER] = step_over,
		[STATE_BROKEN] = step_broken,
	};
	struct input in = {.data = data, .len = len};
	int event;

	*out = (struct imap_out){0};
	do
		event = step[p->state](p, &in, out);
	while (event == GO_ON);
	*used = in.used;
	return (enum imap_event)event;
}
