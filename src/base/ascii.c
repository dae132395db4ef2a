#include "base/ascii.h"

#include <string.h>

int ascii_hex(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int ascii_percent(const char *s)
{
	if (s[0] != '%' || ascii_hex(s[1]) < 0 || ascii_hex(s[2]) < 0)
		return -1;
	return ascii_hex(s[1]) * 16 + ascii_hex(s[2]);
}

int ascii_compare(const char *a, const char *b)
{
	while (*a != '\0' && ascii_lower(*a) == ascii_lower(*b)) {
		a++;
		b++;
	}
	return (unsigned char)ascii_lower(*a) - (unsigned char)ascii_lower(*b);
}

bool ascii_starts(const char *text, size_t len, const char *prefix)
{
	for (size_t i = 0; prefix[i] != '\0'; i++)
		if (i == len || ascii_lower(text[i]) != ascii_lower(prefix[i]))
			return false;
	return true;
}

bool ascii_is(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && ascii_starts(text, len, word);
}
