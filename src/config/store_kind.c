#include "config/store_kind.h"

#include <string.h>

static const struct store_kind *const kinds[] = {&imap_kind, &maildir_kind, &archive_kind};

const struct store_kind *store_kind_find(const char *name)
{
	for (size_t i = 0; i < KEY_COUNT(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

static const char *const *kind_names(struct arena *arena)
{
	const char **names = arena_alloc(arena, (KEY_COUNT(kinds) + 1) * sizeof *names);
	for (size_t i = 0; i < KEY_COUNT(kinds); i++)
		names[i] = kinds[i]->name;
	return names;
}

/* The kind that ${map} has a key for; two of them are a mistake. */
static const struct store_kind *kind_of(struct reading *r, const struct node *map)
{
	const struct node *first = NULL;
	for (size_t i = 0; i < map->n; i++) {
		if (store_kind_find(map->child[i]->key) == NULL)
			continue;
		if (first != NULL) {
			reading_wrong_key(r, map->child[i],
				"\"%s\" beside \"%s\"; a store has exactly one kind",
				map->child[i]->key, first->key);
			return NULL;
		}
		first = map->child[i];
	}
	return first == NULL ? NULL : store_kind_find(first->key);
}

/* Nothing says the kind: a key that nearly does was meant to. */
static void tell_no_kind(struct reading *r, const struct node *map)
{
	const char *const *names = kind_names(r->arena);
	for (size_t i = 0; i < map->n; i++) {
		const char *key = map->child[i]->key;
		if (config_nearest(key, names) != NULL) {
			reading_wrong_key(r, map->child[i], "unknown key %s%s",
				reading_quote(r, key), reading_choice(r, key, names));
			return;
		}
	}
	reading_lacks(r, map, "no key says what kind of store it is; possible: %s",
		reading_join(r, names));
}

static bool names_a_kind(const struct node *map)
{
	for (size_t i = 0; i < map->n; i++)
		if (store_kind_find(map->child[i]->key) != NULL)
			return true;
	return false;
}

void store_kind_read(struct reading *r, const struct node *map, struct store_config *store)
{
	const struct store_kind *kind = kind_of(r, map);
	if (kind == NULL) {
		if (!names_a_kind(map))
			tell_no_kind(r, map);
		return;
	}
	store->kind = kind->name;
	if (kind->defaults != NULL)
		kind->defaults(store);
	schema_read(r, map, &kind->schema, (char *)store + kind->offset);
	if (kind->rules != NULL)
		kind->rules(r, map, store);
}

bool config_same_place(const struct store_config *a, const struct store_config *b)
{
	if (a->kind == NULL || b->kind == NULL || strcmp(a->kind, b->kind) != 0)
		return false;
	return store_kind_find(a->kind)->same(a, b);
}
