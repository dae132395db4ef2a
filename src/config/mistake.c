#include "config/mistake.h"

#include <string.h>

#include "base/escape.h"

/* A person mends what stands on a screen or two and asks again; and a hostile file of a megabyte
 * could hold a hundred thousand mistakes. */
#define MAX_MISTAKES 500

/* Enough to recognise what was typed. */
#define MAX_QUOTED 72

static bool stands_before(struct place a, struct place b)
{
	return a.line < b.line || (a.line == b.line && a.column < b.column);
}

bool mistake_add(struct mistakes *mistakes, struct place place, const char *fmt, ...)
{
	if (mistakes->n == MAX_MISTAKES) {
		mistakes->more++;
		return false;
	}
	va_list ap;
	va_start(ap, fmt);
	const char *text = arena_vprintf(mistakes->arena, fmt, ap);
	va_end(ap);

	ARENA_PUSH(mistakes->arena, mistakes->at, mistakes->n, mistakes->cap);
	size_t i = mistakes->n - 1;
	for (; i > 0 && stands_before(place, mistakes->at[i - 1].place); i--)
		mistakes->at[i] = mistakes->at[i - 1];
	mistakes->at[i] = (struct mistake){.place = place, .text = text};
	return false;
}

const char *mistake_where(const struct mistakes *mistakes, struct place place)
{
	if (place.line == 0)
		return mistakes->path;
	return arena_printf(mistakes->arena, "%s:%u:%u", mistakes->path, place.line, place.column);
}

const char *mistake_quote(const char *text, struct arena *arena)
{
	char out[MAX_QUOTED];
	return arena_printf(arena, "\"%s\"", escape_text(out, sizeof out, text));
}

void mistakes_print(const struct mistakes *mistakes, struct buffer *out)
{
	for (size_t i = 0; i < mistakes->n; i++)
		buffer_printf(out, "%s: %s\n", mistake_where(mistakes, mistakes->at[i].place),
			mistakes->at[i].text);
	if (mistakes->more > 0)
		buffer_printf(out, "%s: and %zu more mistakes\n", mistakes->path, mistakes->more);
}
