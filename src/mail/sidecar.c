#include "mail/sidecar.h"

#include <inttypes.h>
#include <string.h>

#include "base/ascii.h"
#include "base/escape.h"
#include "base/json.h"
#include "mail/date.h"
#include "mail/message.h"

/* What a file can choose: deeper than this is nothing that we, or a successor, would write. */
#define MAX_DEPTH 8

static const struct {
	uint32_t bit;
	const char *name;
} uses[] = {
	{USE_ALL, "\\All"},
	{USE_ARCHIVE, "\\Archive"},
	{USE_DRAFTS, "\\Drafts"},
	{USE_FLAGGED, "\\Flagged"},
	{USE_IMPORTANT, "\\Important"},
	{USE_JUNK, "\\Junk"},
	{USE_SENT, "\\Sent"},
	{USE_TRASH, "\\Trash"},
};

enum { USES = sizeof uses / sizeof *uses };

/* ---- writing ---- */

static bool member(struct buffer *out, const char *name, const char *value)
{
	return buffer_printf(out, ",\"%s\":", name) && json_string(out, value);
}

/* One word more of a list that begins with "[". */
static bool add_word(struct buffer *out, const char *word)
{
	return (out->data[out->len - 1] == '[' || buffer_puts(out, ",")) && json_string(out, word);
}

static bool write_mailbox(const struct sidecar *line, struct buffer *out)
{
	bool ok = member(out, "mailbox", line->mailbox) && buffer_puts(out, ",\"use\":[");
	for (size_t i = 0; ok && i < USES; i++)
		ok = (line->use & uses[i].bit) == 0 || add_word(out, uses[i].name);
	return ok && buffer_printf(out, "],\"subscribed\":%s", line->subscribed ? "true" : "false");
}

static bool write_flags(const char *flags, struct buffer *out)
{
	bool ok = buffer_puts(out, ",\"flags\":[");
	struct arena *arena = arena_new();
	for (const char *at = flags; ok && *at != '\0';) {
		size_t n = strcspn(at, " ");
		ok = add_word(out, arena_strndup(arena, at, n));
		at += n + (at[n] == ' ');
	}
	arena_free(arena);
	return ok && buffer_puts(out, "]");
}

static bool write_place(const struct sidecar *line, struct buffer *out)
{
	if (line->file != NULL)
		return member(out, "file", line->file);
	return buffer_printf(
		out, ",\"offset\":%" PRIu64 ",\"length\":%" PRIu64, line->offset, line->length);
}

static bool write_message(const struct sidecar *line, struct buffer *out)
{
	char date[DATE_INTERNAL_SIZE];
	bool dated = line->received != RECEIVED_UNKNOWN &&
		     date_format_internal(line->received, line->zone, date);
	return write_place(line, out) &&
	       buffer_printf(out, ",\"size\":%" PRIu64 ",\"lines\":\"%s\"", line->size,
		       line->raw ? "raw" : "crlf") &&
	       member(out, "sha256", line->digest) &&
	       member(out, "internaldate", dated ? date : NULL) && write_flags(line->flags, out);
}

bool sidecar_write(const struct sidecar *line, struct buffer *out)
{
	return buffer_puts(out, "{\"v\":1") &&
	       (line->mailbox != NULL ? write_mailbox(line, out) : write_message(line, out)) &&
	       buffer_puts(out, "}\n");
}

/* ---- reading: values (RFC 8259) ---- */

struct text {
	const char *at, *end;
	struct arena *arena;
};

static char peek(struct text *t)
{
	while (t->at < t->end && memchr(" \t\r\n", *t->at, 4) != NULL)
		t->at++;
	return t->at < t->end ? *t->at : '\0';
}

static bool take(struct text *t, char c)
{
	bool is = peek(t) == c && t->at < t->end;
	t->at += is;
	return is;
}

static bool read_hex(struct text *t, unsigned *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++) {
		int digit = t->at < t->end ? ascii_hex(*t->at++) : -1;
		if (digit < 0)
			return false;
		*out = *out * 16 + (unsigned)digit;
	}
	return true;
}

/* What stands behind "\u", as UTF-8. */
static bool read_unicode(struct text *t, char **out)
{
	unsigned c, low;
	if (!read_hex(t, &c) || c == 0)
		return false;
	if (c >= 0xD800 && c <= 0xDBFF) {
		if (t->end - t->at < 2 || *t->at++ != '\\' || *t->at++ != 'u' ||
			!read_hex(t, &low) || low < 0xDC00 || low > 0xDFFF)
			return false;
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	} else if (c >= 0xDC00 && c <= 0xDFFF) {
		return false;
	}
	char *p = *out;
	if (c < 0x80) {
		*p++ = (char)c;
	} else if (c < 0x800) {
		*p++ = (char)(0xC0 | (c >> 6));
	} else if (c < 0x10000) {
		*p++ = (char)(0xE0 | (c >> 12));
		*p++ = (char)(0x80 | ((c >> 6) & 0x3F));
	} else {
		*p++ = (char)(0xF0 | (c >> 18));
		*p++ = (char)(0x80 | ((c >> 12) & 0x3F));
		*p++ = (char)(0x80 | ((c >> 6) & 0x3F));
	}
	if (c >= 0x80)
		*p++ = (char)(0x80 | (c & 0x3F));
	*out = p;
	return true;
}

static bool read_escape(struct text *t, char **out)
{
	static const char escapes[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	char c = t->at < t->end ? *t->at++ : '\0';
	if (c == 'u')
		return read_unicode(t, out);
	const char *found = c == '\0' ? NULL : strchr(escapes, c);
	if (found == NULL)
		return false;
	*(*out)++ = means[found - escapes];
	return true;
}

/* How much there is up to the quote that ends a string. */
static size_t string_length(const struct text *t)
{
	const char *p = t->at;
	while (p < t->end && *p != '"')
		p += *p == '\\' && p + 1 < t->end ? 2 : 1;
	return (size_t)(p - t->at);
}

/* What an escape stands for is never longer than it. */
static bool read_string(struct text *t, const char **value)
{
	if (!take(t, '"'))
		return false;
	char *text = arena_alloc(t->arena, string_length(t) + 1), *out = text;
	while (t->at < t->end && *t->at != '"') {
		unsigned char c = (unsigned char)*t->at++;
		if (c < 0x20 || (c == '\\' && !read_escape(t, &out)))
			return false;
		if (c != '\\')
			*out++ = (char)c;
	}
	*value = text;
	return t->at < t->end && *t->at++ == '"' && utf8_valid(text, (size_t)(out - text));
}

static bool read_count(struct text *t, uint64_t *out)
{
	peek(t);
	const char *start = t->at;
	*out = 0;
	for (; t->at < t->end && ascii_is_digit(*t->at); t->at++) {
		unsigned digit = (unsigned)(*t->at - '0');
		if (*out > ((uint64_t)INT64_MAX - digit) / 10)
			return false;
		*out = *out * 10 + digit;
	}
	return t->at > start;
}

static bool skip_word(struct text *t)
{
	const char *start = t->at;
	while (t->at < t->end && memchr(",]} \t\r\n", *t->at, 7) == NULL)
		t->at++;
	return t->at > start;
}

static bool skip_value(struct text *t, unsigned depth)
{
	const char *string;
	char open = peek(t);
	if (open == '"')
		return read_string(t, &string);
	if (open != '[' && open != '{')
		return skip_word(t);
	char close = open == '[' ? ']' : '}';
	t->at++;
	if (depth == MAX_DEPTH)
		return false;
	if (take(t, close))
		return true;
	do {
		if (open == '{' && !(read_string(t, &string) && take(t, ':')))
			return false;
		if (!skip_value(t, depth + 1))
			return false;
	} while (take(t, ','));
	return take(t, close);
}

/* ---- reading: members ---- */

typedef bool read_member(struct text *t, struct sidecar *out);

static bool is_null(struct text *t)
{
	peek(t);
	return t->end - t->at >= 4 && memcmp(t->at, "null", 4) == 0 && skip_word(t);
}

static bool read_text(struct text *t, const char **out)
{
	return is_null(t) || read_string(t, out);
}

static bool read_mailbox(struct text *t, struct sidecar *out)
{
	return read_string(t, &out->mailbox);
}

static bool read_file(struct text *t, struct sidecar *out)
{
	return read_string(t, &out->file);
}

static bool read_digest(struct text *t, struct sidecar *out)
{
	return read_text(t, &out->digest);
}

static bool read_offset(struct text *t, struct sidecar *out)
{
	return read_count(t, &out->offset);
}

static bool read_length(struct text *t, struct sidecar *out)
{
	return read_count(t, &out->length);
}

static bool read_size(struct text *t, struct sidecar *out)
{
	return read_count(t, &out->size);
}

static bool read_version(struct text *t, struct sidecar *out)
{
	uint64_t version;
	(void)out;
	return read_count(t, &version) && version == 1;
}

static bool read_lines(struct text *t, struct sidecar *out)
{
	const char *lines;
	if (!read_string(t, &lines))
		return false;
	out->raw = strcmp(lines, "raw") == 0;
	return out->raw || strcmp(lines, "crlf") == 0;
}

static bool read_date(struct text *t, struct sidecar *out)
{
	const char *date = NULL;
	return read_text(t, &date) && (date == NULL || date_parse_internal(date, strlen(date),
							       &out->received, &out->zone));
}

static bool read_subscribed(struct text *t, struct sidecar *out)
{
	out->subscribed = peek(t) == 't';
	return skip_word(t);
}

/* A list of words, parted by blanks. */
static bool read_words(struct text *t, const char **out)
{
	const char *word;
	*out = "";
	if (!take(t, '['))
		return false;
	if (take(t, ']'))
		return true;
	do {
		if (!read_string(t, &word) || *word == '\0' || strchr(word, ' ') != NULL)
			return false;
		*out = **out == '\0' ? word : arena_printf(t->arena, "%s %s", *out, word);
	} while (take(t, ','));
	return take(t, ']');
}

static bool read_flags(struct text *t, struct sidecar *out)
{
	return read_words(t, &out->flags);
}

static bool read_use(struct text *t, struct sidecar *out)
{
	const char *words;
	if (!read_words(t, &words))
		return false;
	for (size_t n; *words != '\0'; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		for (size_t i = 0; i < USES; i++)
			if (ascii_is(words, n, uses[i].name))
				out->use |= uses[i].bit;
	}
	return true;
}

static const struct {
	const char *name;
	read_member *read;
} members[] = {
	{"v", read_version},
	{"mailbox", read_mailbox},
	{"use", read_use},
	{"subscribed", read_subscribed},
	{"file", read_file},
	{"offset", read_offset},
	{"length", read_length},
	{"size", read_size},
	{"lines", read_lines},
	{"sha256", read_digest},
	{"internaldate", read_date},
	{"flags", read_flags},
};

static bool read_one(struct text *t, const char *name, struct sidecar *out)
{
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (strcmp(members[i].name, name) == 0)
			return members[i].read(t, out);
	return skip_value(t, 0);
}

bool sidecar_read(const char *text, size_t len, struct arena *arena, struct sidecar *out)
{
	struct text t = {text, text + len, arena};
	const char *name;
	bool versioned = false;
	*out = (struct sidecar){.received = RECEIVED_UNKNOWN, .flags = ""};
	if (!take(&t, '{'))
		return false;
	do {
		if (!read_string(&t, &name) || !take(&t, ':') || !read_one(&t, name, out))
			return false;
		versioned = versioned || strcmp(name, "v") == 0;
	} while (take(&t, ','));
	return versioned && take(&t, '}') && peek(&t) == '\0' && t.at == t.end;
}
