#ifndef MAILTWIN_CONFIG_STORE_KIND_H
#define MAILTWIN_CONFIG_STORE_KIND_H

#include "config/schema.h"

/*
 * Kinds of store, as the configuration knows them.
 *
 * A new kind is one new file with one of these, and a row in store_kind.c.
 */
struct store_kind {
	const char *name; /* the key that says the kind, and `kind` of a store */
	struct schema schema;
	size_t offset; /* of its own part in struct store_config */

	/* defaults(store): fill in what the file may leave out.  Optional. */
	void (*defaults)(struct store_config *store);

	/* rules(r, map, store): what the keys of ${map}, read to ${store}, must have with each
	 * other, and the defaults that hang on them.  Optional. */
	void (*rules)(struct reading *r, const struct node *map, struct store_config *store);

	/* same(a, b): whether two stores of this kind are one place. */
	bool (*same)(const struct store_config *a, const struct store_config *b);
};

extern const struct store_kind imap_kind;    /* imap_keys.c */
extern const struct store_kind maildir_kind; /* maildir_keys.c */
extern const struct store_kind archive_kind; /* archive_keys.c */

/* store_kind_find(name): the kind called ${name}, or NULL. */
const struct store_kind *store_kind_find(const char *name);

/* store_kind_read(r, map, store): read the store that ${map} describes; its kind stays NULL when
 * that cannot be told. */
void store_kind_read(struct reading *r, const struct node *map, struct store_config *store);

#endif
