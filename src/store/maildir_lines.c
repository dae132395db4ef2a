#include "store/maildir.h"

#include <string.h>

/* The byte before ${at}, which may lie in the run before this one. */
static uint8_t before(const struct maildir_lines *lines, const uint8_t *data, const uint8_t *at)
{
	return at == data ? lines->last : at[-1];
}

void maildir_lines_count(struct maildir_lines *lines, const uint8_t *data, size_t n)
{
	const uint8_t *p = data, *end = data + n, *lf;
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		lines->bare += before(lines, data, lf) != '\r';
		p = lf + 1;
	}
	if (n > 0)
		lines->last = end[-1];
}

size_t maildir_lines_expand(
	struct maildir_lines *lines, const uint8_t *data, size_t n, uint8_t *out)
{
	const uint8_t *p = data, *end = data + n, *lf;
	uint8_t *o = out;
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		memcpy(o, p, (size_t)(lf - p));
		o += lf - p;
		if (before(lines, data, lf) != '\r') {
			*o++ = '\r';
			lines->bare++;
		}
		*o++ = '\n';
		p = lf + 1;
	}
	memcpy(o, p, (size_t)(end - p));
	o += end - p;
	if (n > 0)
		lines->last = end[-1];
	return (size_t)(o - out);
}
