#include "config/reading.h"

#include <string.h>

#include "base/escape.h"

/* Of a name that could be meant: more than the longest that is valid, which is 64. */
#define MAX_SHOWN 72

static bool tell(struct reading *r, struct place place, const char *path, const char *fmt,
	va_list ap) __attribute__((format(printf, 4, 0)));

static bool tell(
	struct reading *r, struct place place, const char *path, const char *fmt, va_list ap)
{
	const char *text = arena_vprintf(r->arena, fmt, ap);
	return mistake_add(r->mistakes, place, "%s%s%s", path, *path == '\0' ? "" : ": ", text);
}

bool reading_wrong(struct reading *r, const struct node *node, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell(r, node->at, tree_path(node, r->arena), fmt, ap);
	va_end(ap);
	return false;
}

bool reading_wrong_key(struct reading *r, const struct node *node, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell(r, node->key_at, tree_path(node->parent, r->arena), fmt, ap);
	va_end(ap);
	return false;
}

bool reading_lacks(struct reading *r, const struct node *map, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell(r, map->key == NULL ? map->at : map->key_at, tree_path(map, r->arena), fmt, ap);
	va_end(ap);
	return false;
}

static const char *what_it_is(const struct node *node)
{
	static const char *const names[][2] = {
		[NODE_TEXT] = {"an empty text", "a text"},
		[NODE_LIST] = {"an empty list", "a list"},
		[NODE_MAP] = {"an empty mapping", "a mapping"},
	};
	bool filled = node->kind == NODE_TEXT ? *node->text != '\0' : node->n > 0;
	return names[node->kind][filled];
}

bool reading_other(struct reading *r, const struct node *node, const char *fmt, ...)
{
	if (node->kind == NODE_BROKEN)
		return false;
	va_list ap;
	va_start(ap, fmt);
	const char *possible = arena_vprintf(r->arena, fmt, ap);
	va_end(ap);
	return reading_wrong(r, node, "found %s; possible is %s", what_it_is(node), possible);
}

const char *reading_quote(struct reading *r, const char *text)
{
	return mistake_quote(text, r->arena);
}

const char *reading_join(struct reading *r, const char *const *names)
{
	char shown[MAX_SHOWN];
	size_t size = 1;
	for (size_t i = 0; names[i] != NULL; i++)
		size += strlen(escape_text(shown, sizeof shown, names[i])) + 2;
	char *list = arena_alloc(r->arena, size), *end = list;
	for (size_t i = 0; names[i] != NULL; i++)
		end = stpcpy(stpcpy(end, i == 0 ? "" : ", "),
			escape_text(shown, sizeof shown, names[i]));
	return list;
}

const char *reading_choice(struct reading *r, const char *word, const char *const *names)
{
	const char *nearest = config_nearest(word, names);
	if (nearest != NULL)
		return arena_printf(r->arena, "; did you mean %s?", reading_quote(r, nearest));
	return arena_printf(r->arena, "; possible: %s", reading_join(r, names));
}

const char *reading_where(struct reading *r, struct place place)
{
	return mistake_where(r->mistakes, place);
}
