#include "mail/mbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ascii.h"
#include "mail/date.h"
#include "mail/flags.h"
#include "mail/header.h"
#include "mail/message.h"

static const char from[] = "From ";

enum { FROM = sizeof from - 1 };

/* ---- quoting ---- */

/*
 * A ">" more or less at the beginning of a line is the same as one right before "From ", because
 * only ">" stands between: so nothing but the octets of "From " has to be held back, and reading,
 * one ">".
 */
static uint8_t *give_held(struct mbox_coder *c, uint8_t *out)
{
	if (c->mark)
		*out++ = '>';
	memcpy(out, from, c->matched);
	out += c->matched;
	c->mark = false;
	c->matched = 0;
	return out;
}

/* ${octet} is one more of *">" "From ". */
static bool matches(const struct mbox_coder *c, uint8_t octet)
{
	return !c->inside && !c->plain && octet == (uint8_t)from[c->matched];
}

static bool is_mark(const struct mbox_coder *c, uint8_t octet)
{
	return !c->inside && !c->plain && c->matched == 0 && octet == '>';
}

static uint8_t *quote(struct mbox_coder *c, uint8_t octet, uint8_t *out)
{
	if (is_mark(c, octet)) {
		*out++ = octet;
	} else if (matches(c, octet)) {
		c->matched++;
		c->mark = c->inside = c->matched == FROM;
		if (c->inside)
			out = give_held(c, out);
	} else {
		out = give_held(c, out);
		*out++ = octet;
		c->inside = octet != '\n';
	}
	return out;
}

size_t mbox_encode(struct mbox_coder *c, const uint8_t *in, size_t n, uint8_t *out)
{
	uint8_t *at = out;
	for (size_t i = 0; i < n; i++) {
		if (c->cr && in[i] != '\n')
			at = quote(c, '\r', at);
		c->cr = c->lines == MBOX_CRLF && in[i] == '\r';
		if (!c->cr)
			at = quote(c, in[i], at);
	}
	return (size_t)(at - out);
}

size_t mbox_encode_end(struct mbox_coder *c, uint8_t *out)
{
	uint8_t *at = c->cr ? quote(c, '\r', out) : out;
	c->cr = false;
	return (size_t)(give_held(c, at) - out);
}

/* ---- unquoting ---- */

static uint8_t *end_lines(struct mbox_coder *c, uint8_t octet, uint8_t *out)
{
	if (octet == '\n' && (c->lines == MBOX_CRLF || (c->lines == MBOX_BARE && c->last != '\r')))
		*out++ = '\r';
	*out++ = octet;
	c->last = octet;
	return out;
}

static uint8_t *give_back(struct mbox_coder *c, uint8_t *out)
{
	uint8_t *end = give_held(c, out);
	if (end > out)
		c->last = end[-1];
	return end;
}

size_t mbox_decode(struct mbox_coder *c, const uint8_t *in, size_t n, uint8_t *out)
{
	uint8_t *at = out;
	for (size_t i = 0; i < n; i++) {
		if (is_mark(c, in[i]) && !c->mark) {
			c->mark = true;
		} else if (is_mark(c, in[i])) {
			at = end_lines(c, in[i], at);
		} else if (c->mark && matches(c, in[i])) {
			c->matched++;
			c->inside = c->matched == FROM;
			c->mark = !c->inside;
			if (c->inside)
				at = give_back(c, at);
		} else {
			at = end_lines(c, in[i], give_back(c, at));
			c->inside = in[i] != '\n';
		}
	}
	return (size_t)(at - out);
}

size_t mbox_decode_end(struct mbox_coder *c, uint8_t *out)
{
	return (size_t)(give_back(c, out) - out);
}

/* ---- separators ---- */

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void mbox_separator(int64_t received, char out[MBOX_SEPARATOR_SIZE])
{
	char dated[DATE_INTERNAL_SIZE];
	time_t seconds = (time_t)received;
	struct tm tm;
	if (!date_format_internal(received, 0, dated))
		seconds = 0;
	if (gmtime_r(&seconds, &tm) == NULL) {
		snprintf(out, MBOX_SEPARATOR_SIZE, "From MAILER-DAEMON\n");
		return;
	}
	snprintf(out, MBOX_SEPARATOR_SIZE, "From MAILER-DAEMON %s %s %2d %02d:%02d:%02d %d\n",
		days[tm.tm_wday], months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		tm.tm_year + 1900);
}

/* A sender may hold blanks, so the date is what can be read as one. */
static void find_date(const char *text, size_t len, int64_t *received)
{
	int16_t zone;
	for (size_t i = 0; i < len; i++)
		if (text[i] == ' ' && date_parse_header(text + i + 1, len - i - 1, received, &zone))
			return;
}

static bool has_time(const char *text, size_t len)
{
	for (size_t i = 2; i + 2 < len; i++)
		if (text[i] == ':' && ascii_is_digit(text[i - 1]) && ascii_is_digit(text[i + 1]))
			return true;
	return false;
}

bool mbox_is_separator(const char *line, size_t len, int64_t *received)
{
	*received = RECEIVED_UNKNOWN;
	if (len < FROM || memcmp(line, from, FROM) != 0)
		return false;
	while (len > FROM && strchr("\r\n \t", line[len - 1]) != NULL && line[len - 1] != '\0')
		len--;
	if (len == FROM)
		return true;
	if (!has_time(line + FROM, len - FROM))
		return false;
	find_date(line + FROM - 1, len - FROM + 1, received);
	return true;
}

/* ---- what mail programs keep in the header ---- */

static const struct {
	const char *field;
	char letter;
	uint32_t flag;
} letters[] = {
	{"Status", 'R', FLAG_SEEN},
	{"X-Status", 'A', FLAG_ANSWERED},
	{"X-Status", 'D', FLAG_DELETED},
	{"X-Status", 'F', FLAG_FLAGGED},
	{"X-Status", 'T', FLAG_DRAFT},
};

static const struct {
	unsigned bit;
	uint32_t flag;
} mozilla[] = {{0x1, FLAG_SEEN}, {0x2, FLAG_ANSWERED}, {0x4, FLAG_FLAGGED}};

#define MOZILLA_GONE 0x8

static uint32_t mozilla_flags(const char *header, size_t len, bool *gone)
{
	char text[16];
	uint32_t flags = 0;
	if (!header_get(header, len, "X-Mozilla-Status", text, sizeof text))
		return 0;
	unsigned long bits = strtoul(text, NULL, 16);
	for (size_t i = 0; i < sizeof mozilla / sizeof *mozilla; i++)
		if ((bits & mozilla[i].bit) != 0)
			flags |= mozilla[i].flag;
	*gone = (bits & MOZILLA_GONE) != 0;
	return flags;
}

static void add_words(const char *header, size_t len, const char *field, char *out, size_t size)
{
	size_t used = strlen(out);
	if (used > 0 && used + 2 < size) {
		out[used++] = ' ';
		out[used] = '\0';
	}
	header_get(header, len, field, out + used, size - used);
}

uint32_t mbox_status(const char *header, size_t len, char *keywords, size_t size, bool *gone)
{
	char text[64];
	*gone = false;
	uint32_t flags = mozilla_flags(header, len, gone);
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		if (header_get(header, len, letters[i].field, text, sizeof text) &&
			strchr(text, letters[i].letter) != NULL)
			flags |= letters[i].flag;
	*keywords = '\0';
	add_words(header, len, "X-Keywords", keywords, size);
	add_words(header, len, "X-Mozilla-Keys", keywords, size);
	return flags;
}
