#include "config/schema.h"

#include <string.h>

static bool is_written(struct reading *r, const struct node *value, const struct key *key)
{
	if (value->kind == NODE_BROKEN || !tree_is_null(value))
		return value->kind != NODE_BROKEN;
	if (!key->may_be_empty)
		reading_wrong_key(r, value, "\"%s\" has no value", key->name);
	return false;
}

const char *const *schema_names(const struct schema *schema, struct arena *arena)
{
	const char **names = arena_alloc(arena, (schema->n + 1) * sizeof *names);
	for (size_t i = 0; i < schema->n; i++)
		names[i] = schema->key[i].name;
	return names;
}

static bool has_key(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->n; i++)
		if (strcmp(schema->key[i].name, name) == 0)
			return true;
	return false;
}

/* Tell of an unknown key.  One that is near another is taken for it from here on, so that the rules
 * do not miss what only was misspelt. */
static void tell_unknown(struct reading *r, struct node *value, const struct schema *schema)
{
	const char *const *names = schema_names(schema, r->arena);
	const char *nearest = config_nearest(value->key, names);
	reading_wrong_key(r, value, "unknown key %s%s", reading_quote(r, value->key),
		reading_choice(r, value->key, names));
	value->kind = NODE_BROKEN;
	if (nearest != NULL)
		value->key = nearest;
}

void schema_read(
	struct reading *r, const struct node *map, const struct schema *schema, void *target)
{
	for (size_t i = 0; i < schema->n; i++) {
		const struct key *key = &schema->key[i];
		const struct node *value = tree_find(map, key->name);
		if (value != NULL && is_written(r, value, key))
			key->read(r, value, key, (char *)target + key->offset);
	}

	for (size_t i = 0; i < map->n; i++)
		if (!has_key(schema, map->child[i]->key))
			tell_unknown(r, map->child[i], schema);
}
