#ifndef MAILTWIN_BASE_ASCII_H
#define MAILTWIN_BASE_ASCII_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Letters as protocols see them: only A to Z have a case, whatever the locale.
 *
 * The C library's functions follow the process's locale and take int; flags, field names and
 * INBOX must compare alike on every machine.
 */
static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ascii_hex(c): the value of the hexadecimal digit ${c}, or -1. */
int ascii_hex(char c);

/* ascii_percent(s): the value of the %HH that the string ${s} begins with, or -1. */
int ascii_percent(const char *s);

/* ascii_compare(a, b): as strcmp(), without regard to case. */
int ascii_compare(const char *a, const char *b);

/* ascii_same(a, b): whether they are one word, in any case; most that are not differ at once. */
static inline bool ascii_same(const char *a, const char *b)
{
	return ascii_lower(*a) == ascii_lower(*b) && ascii_compare(a, b) == 0;
}

/* ascii_is(text, len, word): whether ${text}[0..${len}) is ${word} in any case. */
bool ascii_is(const char *text, size_t len, const char *word);

/* ascii_starts(text, len, prefix): whether ${text}[0..${len}) begins with ${prefix} in any case. */
bool ascii_starts(const char *text, size_t len, const char *prefix);

#endif
