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

/* The kind that ${map} has a key for, or one that is near: reading its keys tells of that slip. */
static const struct store_kind *kind_meant(struct reading *r, const struct node *map)
{
	const char *const *names = kind_names(r->arena);
	const char *near = NULL;
	for (size_t i = 0; i < map->n; i++) {
		const struct store_kind *kind = store_kind_find(map->child[i]->key);
		if (kind != NULL)
			return kind;
		if (near == NULL)
			near = config_nearest(map->child[i]->key, names);
	}
	if (near != NULL)
		return store_kind_find(near);
	reading_lacks(r, map, "no key says what kind of store it is; possible: %s",
		reading_join(r, names));
	return NULL;
}

static bool is_of_one_kind(struct reading *r, const struct node *map, const struct store_kind *kind)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct node *other = map->child[i];
		if (store_kind_find(other->key) != NULL && strcmp(other->key, kind->name) != 0)
			return reading_wrong_key(r, other,
				"\"%s\" beside \"%s\"; a store has exactly one kind", other->key,
				kind->name);
	}
	return true;
}

void store_kind_read(struct reading *r, const struct node *map, struct store_config *store)
{
	const struct store_kind *kind = kind_meant(r, map);
	if (kind == NULL || !is_of_one_kind(r, map, kind))
		return;
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
