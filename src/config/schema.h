#ifndef MAILTWIN_CONFIG_SCHEMA_H
#define MAILTWIN_CONFIG_SCHEMA_H

#include "config/reading.h"

/*
 * Mappings as tables: a row for each key says how its value is read, and where that goes.
 * Adding a key is adding a row.
 */
struct key;

/* Read ${value} to ${field}, or add a mistake and return false.  A value that is NODE_BROKEN, or
 * that nobody wrote, is not handed on. */
typedef bool read_value(
	struct reading *r, const struct node *value, const struct key *key, void *field);

/* A word that stands for an enumerator, or for false and true. */
struct word {
	const char *name;
	int value;
};

struct key {
	const char *name;
	read_value *read;
	size_t offset, size; /* of the field */
	bool may_be_empty;   /* the key alone, without a value, is fine and changes nothing */

	/* What the type needs to know, if anything. */
	const struct word *words;    /* ends in a NULL name */
	const char *const *names;    /* ends in NULL */
	const struct schema *schema; /* of a mapping within */
	unsigned long least, most;   /* of a number, or of seconds */
};

struct schema {
	const struct key *key;
	size_t n;
};

/* KEY_FIELD(type, member): `offset` and `size` of a row; KEY_WHOLE(type): its reader gets all of
 * the struct. */
#define KEY_FIELD(type, member) \
	.offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)

#define KEY_WHOLE(type) .offset = 0, .size = sizeof(type)

/* KEY_COUNT(keys): the rows of an array. */
#define KEY_COUNT(keys) (sizeof(keys) / sizeof *(keys))

/*
 * schema_read(r, map, schema, target):
 * Read the keys of ${map} to the struct ${target}, in the order of the table, so that a row may
 * rely on those before it; unknown keys are mistakes.
 */
void schema_read(
	struct reading *r, const struct node *map, const struct schema *schema, void *target);

/* schema_names(schema, arena): the names of its keys, ending in NULL. */
const char *const *schema_names(const struct schema *schema, struct arena *arena);

#endif
