#include "base/json.h"

#include <string.h>

#include "base/escape.h"

static bool put_character(struct buffer *out, const char *text, size_t n)
{
	unsigned char c = (unsigned char)*text;
	if (n == 0)
		return buffer_puts(out, "\xEF\xBF\xBD");
	if (c == '"' || c == '\\')
		return buffer_printf(out, "\\%c", c);
	if (c < 0x20 || c == 0x7F)
		return buffer_printf(out, "\\u%04x", (unsigned)c);
	return buffer_add(out, text, n);
}

bool json_string(struct buffer *out, const char *text)
{
	if (text == NULL)
		return buffer_puts(out, "null");
	size_t left = strlen(text);
	bool ok = buffer_puts(out, "\"");
	while (ok && left > 0) {
		size_t n = utf8_length(text, left);
		ok = put_character(out, text, n);
		text += n == 0 ? 1 : n;
		left -= n == 0 ? 1 : n;
	}
	return ok && buffer_puts(out, "\"");
}
