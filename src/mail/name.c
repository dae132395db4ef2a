#include "mail/name.h"

#include <string.h>

#include "base/ascii.h"
#include "base/escape.h"
#include "mail/fold.h"

/* A C string cannot hold NUL: so this can be no byte's escape, and is free for "no bytes". */
static const char empty_level[] = "%00";

/* C0, DEL, and C1, which is two bytes long. */
static bool is_control(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];
	if (n == 2)
		return c == 0xC2 && (unsigned char)s[1] < 0xA0;
	return n == 1 && (c < 0x20 || c == 0x7F);
}

/* Whether the character of n bytes at s (0: no UTF-8) cannot stand for itself. */
static bool needs_escape(const char *s, size_t n, const char *also)
{
	return n == 0 || is_control(s, n) || ascii_percent(s) >= 0 ||
	       (n == 1 && strchr(also, *s) != NULL);
}

static char *put_escaped(char *out, const char *s, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		*out++ = '%';
		*out++ = digits[c >> 4];
		*out++ = digits[c & 15];
	}
	return out;
}

static char *put_plain(char *out, const char *s, size_t n)
{
	memcpy(out, s, n);
	return out + n;
}

static size_t written_size(const char *level)
{
	return 3 * strlen(level) + sizeof empty_level;
}

/* Write a level, at most written_size() bytes; return its end. */
static char *put_level(char *out, const char *level, const char *also)
{
	size_t left = strlen(level);
	if (left == 0)
		return stpcpy(out, empty_level);
	while (left > 0) {
		size_t n = utf8_length(level, left);
		bool escape = needs_escape(level, n, also);
		if (n == 0)
			n = 1;
		out = escape ? put_escaped(out, level, n) : put_plain(out, level, n);
		level += n;
		left -= n;
	}
	return out;
}

char *name_escape_level(const char *level, const char *also, struct arena *arena)
{
	char *written = arena_alloc(arena, written_size(level));
	*put_level(written, level, also) = '\0';
	return written;
}

char *name_opaque_level(const char *level, const char *also, struct arena *arena)
{
	char *written = arena_alloc(arena, written_size(level)), *to = written;
	if (*level == '\0')
		return strcpy(written, empty_level);
	for (; *level != '\0'; level++) {
		unsigned char c = (unsigned char)*level;
		bool plain = c >= 0x20 && c < 0x7F && strchr("%&/", c) == NULL &&
			     strchr(also, c) == NULL;
		to = plain ? put_plain(to, level, 1) : put_escaped(to, level, 1);
	}
	*to = '\0';
	return written;
}

/* Undo put_level() for text[0..len). */
static char *read_level(const char *text, size_t len, struct arena *arena)
{
	char *level = arena_strndup(arena, text, len);
	if (strcmp(level, empty_level) == 0)
		*level = '\0';
	char *out = level;
	for (const char *in = level; *in != '\0'; in++) {
		int byte = ascii_percent(in); /* %00 inside a level is three characters */
		*out++ = byte > 0 ? (char)byte : *in;
		if (byte > 0)
			in += 2;
	}
	*out = '\0';
	return level;
}

char *name_unescape(const char *text, struct arena *arena)
{
	return read_level(text, strlen(text), arena);
}

char *name_from_levels(const char *const *levels, size_t n, struct arena *arena)
{
	size_t size = 1;
	for (size_t i = 0; i < n; i++)
		size += written_size(levels[i]);
	char *name = arena_alloc(arena, size), *end = name;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			*end++ = '/';
		end = put_level(end, i == 0 && name_is_inbox(levels[i]) ? "INBOX" : levels[i], "/");
	}
	return name;
}

static size_t count_levels(const char *name, char delimiter)
{
	if (*name == '\0')
		return 0;
	size_t n = 1;
	for (; delimiter != '\0' && *name != '\0'; name++)
		n += *name == delimiter;
	return n;
}

static const char *level_end(const char *name, char delimiter)
{
	const char *end = delimiter == '\0' ? NULL : strchr(name, delimiter);
	return end != NULL ? end : name + strlen(name);
}

const char *const *name_levels(const char *name, struct arena *arena, size_t *n)
{
	*n = count_levels(name, '/');
	const char **levels = arena_alloc(arena, (*n + 1) * sizeof *levels);
	for (size_t i = 0; i < *n; i++) {
		const char *end = level_end(name, '/');
		levels[i] = read_level(name, (size_t)(end - name), arena);
		name = end + 1;
	}
	return levels;
}

char *name_from_wire(const char *wire, char delimiter, struct arena *arena)
{
	size_t n = count_levels(wire, delimiter);
	const char **levels = arena_alloc(arena, (n + 1) * sizeof *levels);
	for (size_t i = 0; i < n; i++) {
		const char *end = level_end(wire, delimiter);
		levels[i] = arena_strndup(arena, wire, (size_t)(end - wire));
		wire = end + 1;
	}
	return name_from_levels(levels, n, arena);
}

char *name_to_wire(const char *name, char delimiter, struct arena *arena)
{
	size_t n;
	const char *const *levels = name_levels(name, arena, &n);
	if (n == 0 || (n > 1 && delimiter == '\0'))
		return NULL;
	char *wire = arena_alloc(arena, strlen(name) + 1), *end = wire;
	for (size_t i = 0; i < n; i++) {
		if (*levels[i] == '\0' || *level_end(levels[i], delimiter) != '\0')
			return NULL;
		if (i > 0)
			*end++ = delimiter;
		end = stpcpy(end, levels[i]);
	}
	return wire;
}

bool name_is_inbox(const char *name)
{
	return ascii_compare(name, "INBOX") == 0;
}

char *name_canonical(const char *name, struct arena *arena)
{
	name += strspn(name, "/");
	size_t len = strlen(name), n;
	while (len > 0 && name[len - 1] == '/')
		len--;
	const char *const *levels = name_levels(arena_strndup(arena, name, len), arena, &n);
	return name_from_levels(levels, n, arena);
}

char *name_parent(const char *name, struct arena *arena)
{
	const char *slash = strrchr(name, '/');
	return slash == NULL ? NULL : arena_strndup(arena, name, (size_t)(slash - name));
}

bool name_fits(const char *name)
{
	size_t n = count_levels(name, '/');
	return n > 0 && n <= NAME_MAX_LEVELS && strlen(name) <= NAME_MAX_BYTES;
}

char *name_fold(const char *name, struct arena *arena)
{
	return fold_text(name, arena);
}
