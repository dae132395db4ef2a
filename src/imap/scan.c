#include "imap/scan.h"

#include <string.h>

#include "base/ascii.h"

/* The section of BODY[...] may hold blanks, parentheses and quoted strings. */
static size_t section_length(const char *text)
{
	size_t n = 0;
	for (bool quoted = false; text[n] != '\0' && (quoted || text[n] != ']'); n++) {
		if (text[n] == '"')
			quoted = !quoted;
		else if (quoted && text[n] == '\\' && text[n + 1] != '\0')
			n++;
	}
	return n;
}

size_t scan_atom(const char *text, bool items)
{
	size_t n = strcspn(text, " ()\"\r[");
	if (text[n] != '[')
		return n;
	if (items && (ascii_is(text, n, "BODY") || ascii_is(text, n, "BINARY") ||
			     ascii_is(text, n, "BINARY.SIZE")))
		n += section_length(text + n);
	return n + strcspn(text + n, " ()\"\r");
}

char *scan_code(char *text)
{
	size_t depth = 0;
	for (bool quoted = false; *text != '\0'; text++) {
		if (quoted && *text == '\\' && text[1] != '\0')
			text++;
		else if (*text == '"')
			quoted = !quoted;
		else if (!quoted && *text == ']' && depth == 0)
			return text;
		else if (!quoted && *text == '(')
			depth++;
		else if (!quoted && *text == ')' && depth-- == 0)
			return NULL;
	}
	return NULL;
}

bool scan_is_status(const char *word, size_t len, bool tagged)
{
	static const char *const status[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
	size_t n = tagged ? 3 : sizeof status / sizeof *status;
	for (size_t i = 0; i < n; i++)
		if (len > 0 && ascii_is(word, len, status[i]))
			return true;
	return false;
}

bool scan_is_tag(const char *text, size_t len)
{
	return len > 0 && strcspn(text, "(){%\"\\+*") >= len;
}

size_t scan_numbers(const char *line, size_t len, size_t *again)
{
	static const struct {
		const char *begin;
		char separator;
	} kind[] = {{"* SEARCH ", ' '}, {"* ESEARCH ", ','}, {"* VANISHED ", ','}};

	for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
		size_t first = strlen(kind[i].begin), cut = len - 1;
		if (!ascii_starts(line, len, kind[i].begin))
			continue;
		while (--cut > first)
			if (line[cut] == kind[i].separator && ascii_is_digit(line[cut - 1]) &&
				ascii_is_digit(line[cut + 1]))
				break;
		*again = kind[i].separator == ' ' ? first : cut;
		while (line[*again - 1] != ' ')
			--*again;
		return cut > first ? cut : 0;
	}
	return 0;
}
