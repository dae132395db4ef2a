#include "base/escape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool continues(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

size_t utf8_length(const char *s, size_t left)
{
	const unsigned char *p = (const unsigned char *)s;
	if (left == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	if (p[0] < 0xE0)
		return left >= 2 && continues(p[1]) ? 2 : 0;
	if (left < 3 || !continues(p[1]) || !continues(p[2]))
		return 0;
	if (p[0] < 0xF0) {
		bool overlong = p[0] == 0xE0 && p[1] < 0xA0;
		bool surrogate = p[0] == 0xED && p[1] >= 0xA0;
		return overlong || surrogate ? 0 : 3;
	}
	if (left < 4 || !continues(p[3]))
		return 0;
	bool overlong = p[0] == 0xF0 && p[1] < 0x90;
	bool too_large = p[0] == 0xF4 && p[1] >= 0x90;
	return overlong || too_large ? 0 : 4;
}

bool utf8_valid(const char *s, size_t len)
{
	while (len > 0) {
		size_t n = utf8_length(s, len);
		if (n == 0)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

/* U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069: they reorder or break a line. */
static bool misleads(const unsigned char *p, size_t n)
{
	if (n == 2)
		return p[0] == 0xC2 && p[1] < 0xA0;
	if (n != 3 || p[0] != 0xE2)
		return false;
	if (p[1] == 0x80)
		return p[2] == 0x8E || p[2] == 0x8F || (p[2] >= 0xA8 && p[2] <= 0xAE);
	return p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9;
}

static bool printable(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	if (n == 1)
		return p[0] >= 0x20 && p[0] != 0x7F;
	return n > 1 && !misleads(p, n);
}

char *escape_text(char *out, size_t size, const char *text)
{
	size_t left = strlen(text), used = 0;
	while (left > 0) {
		char hex[5];
		size_t n = utf8_length(text, left);
		const char *piece = text;
		size_t piece_len = n;
		if (!printable(text, n)) {
			snprintf(hex, sizeof hex, "\\x%02X", (unsigned)(unsigned char)*text);
			piece = hex;
			piece_len = 4;
			n = 1;
		}
		if (used + piece_len + 4 > size) {
			if (size >= used + 4) {
				memcpy(out + used, "...", 3);
				used += 3;
			}
			break;
		}
		memcpy(out + used, piece, piece_len);
		used += piece_len;
		text += n;
		left -= n;
	}
	if (size > 0)
		out[used] = '\0';
	return out;
}
