#include "mail/decode.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "base/escape.h"
#include "mail/header.h"

/* Names of charsets are short; IANA's longest has 45 letters. */
#define CHARSET_ROOM 64

/* Octets of neighbouring encoded words; more than any line that a person reads. */
#define WORDS_LIMIT ((size_t)64 * 1024)

/* A whole field as text: what is longer is cut. */
#define TEXT_LIMIT ((size_t)256 * 1024)

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* ---- what is put out ---- */

/* C0, DEL and C1; a fold's tab separates words. */
static void put_character(struct buffer *out, const char *c, size_t n)
{
	bool control = (n == 1 && ((unsigned char)*c < ' ' || *c == 0x7f)) ||
		       (n == 2 && c[0] == '\xc2' && (unsigned char)c[1] < 0xa0);
	if (n == 1 && *c == '\t')
		buffer_add(out, " ", 1);
	else if (!control)
		buffer_add(out, c, n);
}

static void put_utf8(struct buffer *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(text + i, len - i);
		if (n == 0)
			buffer_puts(out, REPLACEMENT);
		else
			put_character(out, text + i, n);
		i += n == 0 ? 1 : n;
	}
}

static void put_latin1(struct buffer *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		const char two[] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};
		put_character(out, c < 0x80 ? text + i : two, c < 0x80 ? 1 : 2);
	}
}

/* What stands outside of encoded words, or claims a charset that nobody knows. */
static void put_raw(struct buffer *out, const char *text, size_t len)
{
	if (utf8_valid(text, len))
		put_utf8(out, text, len);
	else
		put_latin1(out, text, len);
}

/* ---- charsets ---- */

/* What programs write, and what they mean: the larger charset that theirs is a part of, as mail
 * programs have always read it. */
static const struct alias {
	const char *name, *means;
} aliases[] = {
	{"iso-8859-1", "WINDOWS-1252"},
	{"latin1", "WINDOWS-1252"},
	{"us-ascii", "WINDOWS-1252"},
	{"ascii", "WINDOWS-1252"},
	{"iso-8859-9", "WINDOWS-1254"},
	{"iso-8859-11", "WINDOWS-874"},
	{"tis-620", "WINDOWS-874"},
	{"iso-8859-8-i", "ISO-8859-8"},
	{"gb2312", "GB18030"},
	{"gbk", "GB18030"},
	{"x-gbk", "GB18030"},
	{"ks_c_5601-1987", "CP949"},
	{"euc-kr", "CP949"},
	{"shift_jis", "CP932"},
	{"x-sjis", "CP932"},
	{"iso-2022-jp", "ISO-2022-JP-2"},
	{"big5", "BIG5-HKSCS"},
	{"utf8", "UTF-8"},
};

static const char *meaning(const char *charset)
{
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (ascii_compare(aliases[i].name, charset) == 0)
			return aliases[i].means;
	return charset;
}

/* Convert, some hundred octets at a time, past whatever the charset does not have. */
static void convert(iconv_t cd, const char *text, size_t len, struct buffer *out)
{
	char room[512];
	char *in = (char *)text;
	bool more = true;
	while (more) {
		char *to = room;
		size_t left = sizeof room;
		bool at_end = len == 0;
		size_t done = at_end ? iconv(cd, NULL, NULL, &to, &left)
				     : iconv(cd, &in, &len, &to, &left);
		int why = done == (size_t)-1 ? errno : 0;
		put_utf8(out, room, (size_t)(to - room));
		more = !at_end || why == E2BIG;
		if (why != EILSEQ && why != EINVAL)
			continue;
		buffer_puts(out, REPLACEMENT);
		in++;
		len--;
	}
}

static void put_charset(struct buffer *out, const char *charset, const char *text, size_t len)
{
	const char *from = meaning(charset);
	bool utf8 = ascii_compare(from, "UTF-8") == 0;
	iconv_t cd = utf8 ? (iconv_t)-1 : iconv_open("UTF-8", from);
	if (utf8) {
		put_utf8(out, text, len);
	} else if (cd == (iconv_t)-1) {
		put_raw(out, text, len);
	} else {
		convert(cd, text, len, out);
		iconv_close(cd);
	}
}

/* ---- encoded words (RFC 2047, 2) ---- */

/* "=?charset*language?encoding?text?=" */
struct word {
	char charset[CHARSET_ROOM];
	char encoding; /* 'q' or 'b' */
	const char *text;
	size_t text_len, len; /* of the text; of the whole word */
};

/* Where the next ${c} is in ${text}[from..len), with nothing blank before it; len = nowhere. */
static size_t next_mark(const char *text, size_t from, size_t len, char c)
{
	size_t i = from;
	while (i < len && text[i] != c && text[i] > ' ')
		i++;
	return i < len && text[i] == c ? i : len;
}

/* Some programs write blanks into the Q text: it ends at "?=" all the same.  False: nowhere before
 * ${end}, the end of the line. */
static bool find_end(const char *text, size_t from, size_t len, size_t *end)
{
	size_t i = from;
	while (i < len && text[i] != '\n' && !(text[i] == '?' && i + 1 < len && text[i + 1] == '='))
		i++;
	*end = i;
	return i < len && text[i] == '?';
}

/* False where none begins here; none does then in the next w->len octets either.  Whatever is
 * looked for to the end of the line is the last thing asked, so that no octet is looked at by each
 * of the words before it. */
static bool read_word(const char *text, size_t len, struct word *w)
{
	w->len = 1;
	if (len < 8 || text[0] != '=' || text[1] != '?')
		return false;
	size_t charset = next_mark(text, 2, len, '?');
	if (charset + 3 >= len || text[charset + 2] != '?')
		return false;
	size_t begin = charset + 3, end;
	size_t name = next_mark(text, 2, charset, '*');
	w->encoding = ascii_lower(text[charset + 1]);
	if (name == 2 || name - 2 >= sizeof w->charset ||
		(w->encoding != 'q' && w->encoding != 'b'))
		return false;
	bool whole = find_end(text, begin, len, &end);
	memcpy(w->charset, text + 2, name - 2);
	w->charset[name - 2] = '\0';
	w->text = text + begin;
	w->text_len = end - begin;
	w->len = whole ? end + 2 : end;
	return whole;
}

static void undo_q(const char *text, size_t len, struct buffer *out)
{
	for (size_t i = 0; i < len; i++) {
		int high = i + 2 < len ? ascii_hex(text[i + 1]) : -1;
		int low = high >= 0 ? ascii_hex(text[i + 2]) : -1;
		char c = text[i] == '_' ? ' ' : text[i];
		if (text[i] == '=' && low >= 0) {
			c = (char)(high << 4 | low);
			i += 2;
		}
		buffer_add(out, &c, 1);
	}
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);
	return at == NULL ? -1 : (int)(at - digits);
}

/* What is no digit is passed over, and padding may lack: this is to be read, not judged. */
static void undo_b(const char *text, size_t len, struct buffer *out)
{
	uint32_t bits = 0;
	int n = 0;
	for (size_t i = 0; i < len && text[i] != '='; i++) {
		int value = base64_value(text[i]);
		if (value < 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		n += 6;
		if (n < 8)
			continue;
		n -= 8;
		char c = (char)(bits >> n);
		buffer_add(out, &c, 1);
	}
}

/* ---- a whole field ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t count_blanks(const char *text, size_t len)
{
	size_t n = 0;
	while (n < len && is_blank(text[n]))
		n++;
	return n;
}

/* Encoded words that follow one another, blanks between them left out (RFC 2047, 6.2).  Those of
 * one charset are put together first: a character may be split between two. */
static size_t put_words(struct buffer *out, const char *text, size_t len)
{
	struct word w, next;
	struct buffer octets;
	size_t used = 0, blanks;
	if (!read_word(text, len, &w))
		return 0;
	buffer_init(&octets, WORDS_LIMIT);
	for (bool more = true; more;) {
		(w.encoding == 'q' ? undo_q : undo_b)(w.text, w.text_len, &octets);
		used += w.len;
		blanks = count_blanks(text + used, len - used);
		more = read_word(text + used + blanks, len - used - blanks, &next);
		if (!more || ascii_compare(w.charset, next.charset) != 0) {
			put_charset(out, w.charset, octets.data, octets.len);
			octets.len = 0;
		}
		if (more) {
			used += blanks;
			w = next;
		}
	}
	buffer_finish(&octets);
	return used;
}

static void put_text(struct buffer *out, const char *text, size_t len)
{
	size_t raw = 0, at = 0;
	while (at + 1 < len) {
		struct word w;
		if (!read_word(text + at, len - at, &w)) {
			at += w.len;
			continue;
		}
		put_raw(out, text + raw, at - raw);
		at += put_words(out, text + at, len - at);
		raw = at;
	}
	put_raw(out, text + raw, len - raw);
}

void decode_text(const char *text, size_t len, struct buffer *out)
{
	struct buffer all;
	size_t n = 0, c, room = out->limit - out->len;
	buffer_init(&all, TEXT_LIMIT);
	put_text(&all, text, len);
	while (n < all.len && (c = utf8_length(all.data + n, all.len - n)) > 0 && n + c <= room)
		n += c;
	buffer_add(out, all.data, n);
	buffer_finish(&all);
}

bool decode_field(const char *data, size_t len, const char *name, struct buffer *out)
{
	struct header_field field;
	if (!header_find(data, len, name, &field))
		return false;
	decode_text(field.value, field.value_len, out);
	return true;
}
