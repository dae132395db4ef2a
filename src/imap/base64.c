#include "imap/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_encode(const void *data, size_t n, struct buffer *out)
{
	const uint8_t *in = data;
	char *to = buffer_room(out, (n + 2) / 3 * 4);
	if (to == NULL)
		return false;
	out->len += (n + 2) / 3 * 4;
	for (; n > 0; in += 3, to += 4) {
		size_t have = n < 3 ? n : 3;
		unsigned bits = (unsigned)in[0] << 16 | (have > 1 ? (unsigned)in[1] << 8 : 0) |
				(have > 2 ? in[2] : 0);
		to[0] = alphabet[bits >> 18];
		to[1] = alphabet[bits >> 12 & 63];
		to[2] = '=';
		to[3] = '=';
		if (have > 1)
			to[2] = alphabet[bits >> 6 & 63];
		if (have > 2)
			to[3] = alphabet[bits & 63];
		n -= have;
	}
	return true;
}

/* The 24 bits of a group of which the first ${n} characters count; false = not from the alphabet.
 */
static bool group(const char *text, size_t n, uint32_t *bits)
{
	*bits = 0;
	for (size_t i = 0; i < 4; i++) {
		const char *at = i < n && text[i] != '\0' ? strchr(alphabet, text[i]) : NULL;
		if (i < n && at == NULL)
			return false;
		*bits = *bits << 6 | (at != NULL ? (uint32_t)(at - alphabet) : 0);
	}
	return true;
}

bool base64_decode(const char *text, size_t n, struct buffer *out)
{
	if (n % 4 != 0)
		return false;
	size_t padding = 0;
	while (padding < 2 && padding < n && text[n - 1 - padding] == '=')
		padding++;

	size_t size = n / 4 * 3 - padding;
	char *to = buffer_room(out, size);
	if (to == NULL)
		return false;
	for (size_t at = 0; at < n; at += 4) {
		size_t count = at + 4 == n ? 4 - padding : 4;
		uint32_t bits;
		if (!group(text + at, count, &bits) ||
			(bits & ((1U << (8 * (4 - count))) - 1)) != 0)
			return false;
		for (size_t i = 0; i < count - 1; i++)
			*to++ = (char)(bits >> (16 - 8 * i) & 0xFF);
	}
	out->len += size;
	return true;
}
