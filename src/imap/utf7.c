#include "imap/utf7.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/escape.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_direct(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* Bits on their way from bytes to base64 digits. */
struct packer {
	char *to;
	uint32_t bits;
	unsigned n; /* bits that wait: fewer than six between two calls */
	bool shifted;
};

static void put_unit(struct packer *p, uint32_t unit)
{
	p->bits = p->bits << 16 | unit;
	p->n += 16;
	for (; p->n >= 6; p->n -= 6)
		*p->to++ = digits[p->bits >> (p->n - 6) & 63];
}

static void put_encoded(struct packer *p, uint32_t c)
{
	if (!p->shifted)
		*p->to++ = '&';
	p->shifted = true;
	if (c > 0xffff) {
		put_unit(p, 0xd800 + ((c - 0x10000) >> 10));
		put_unit(p, 0xdc00 + ((c - 0x10000) & 0x3ff));
	} else {
		put_unit(p, c);
	}
}

static void end_shift(struct packer *p)
{
	if (!p->shifted)
		return;
	if (p->n > 0)
		*p->to++ = digits[p->bits << (6 - p->n) & 63];
	*p->to++ = '-';
	p->n = 0;
	p->bits = 0;
	p->shifted = false;
}

static uint32_t decode_utf8(const char *s, size_t len)
{
	static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = (unsigned char)s[0] & lead[len];
	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

char *utf7_encode(const char *utf8, struct arena *arena)
{
	size_t left = strlen(utf8);
	if (!utf8_valid(utf8, left))
		return NULL;
	/* A control character, the worst case, becomes "&" and three digits and "-". */
	char *wire = arena_alloc(arena, left * 5 + 1);
	struct packer p = {.to = wire};
	while (left > 0) {
		size_t len = utf8_length(utf8, left);
		uint32_t c = decode_utf8(utf8, len);
		if (is_direct(c)) {
			end_shift(&p);
			*p.to++ = (char)c;
			if (c == '&')
				*p.to++ = '-';
		} else {
			put_encoded(&p, c);
		}
		utf8 += len;
		left -= len;
	}
	end_shift(&p);
	*p.to = '\0';
	return wire;
}

static char *encode_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const unsigned lead[] = {0, 0xc0, 0xe0, 0xf0};
	*to++ = (char)(lead[more] | c >> (6 * more));
	while (more-- > 0)
		*to++ = (char)(0x80 | (c >> (6 * more) & 0x3f));
	return to;
}

/* Between '&' and '-': return where it ends, NULL for what is no base64 of UTF-16. */
static const char *decode_shifted(const char *wire, const char *end, char **to)
{
	uint32_t bits = 0, high = 0;
	unsigned n = 0;
	for (; wire < end && *wire != '-'; wire++) {
		const char *digit = *wire == '\0' ? NULL : strchr(digits, *wire);
		if (digit == NULL)
			return NULL;
		bits = bits << 6 | (uint32_t)(digit - digits);
		n += 6;
		if (n < 16)
			continue;
		n -= 16;
		uint32_t unit = bits >> n & 0xffff;
		bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
		if (is_low != (high != 0) || unit == 0)
			return NULL;
		if (unit >= 0xd800 && unit <= 0xdbff) {
			high = unit;
			continue;
		}
		*to = encode_utf8(
			*to, is_low ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : unit);
		high = 0;
	}
	return wire < end && high == 0 ? wire + 1 : NULL;
}

char *utf7_decode(const char *wire, size_t len, struct arena *arena)
{
	const char *begin = wire, *end = wire + len;
	/* Eight digits carry three units, of three bytes each at most. */
	char *utf8 = arena_alloc(arena, len * 2 + 4), *to = utf8;

	while (wire < end) {
		if (!is_direct((unsigned char)*wire))
			return NULL;
		if (*wire != '&') {
			*to++ = *wire++;
		} else if (end - wire > 1 && wire[1] == '-') {
			*to++ = '&';
			wire += 2;
		} else if ((wire = decode_shifted(wire + 1, end, &to)) == NULL) {
			return NULL;
		}
	}
	*to = '\0';

	/* One text, one spelling: what else decodes to the same is not accepted. */
	const char *again = utf7_encode(utf8, arena);
	bool same = again != NULL && strlen(again) == len && memcmp(again, begin, len) == 0;
	return same ? utf8 : NULL;
}
