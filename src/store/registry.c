#include <string.h>

#include "store/store.h"

/* Every kind of store; a new kind is one row more. */
static const struct store_ops *const kinds[] = {
	&imap_ops,
	&maildir_ops,
	&archive_ops,
	&files_mbox_ops,
	&files_eml_ops,
};

const struct store_ops *store_find_kind(const char *kind)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i]->kind, kind) == 0)
			return kinds[i];
	return NULL;
}

struct store *store_new(const struct store_config *config, struct arena *arena)
{
	const struct store_ops *ops = store_find_kind(config->kind);
	return ops == NULL ? NULL : ops->new_store(config, arena);
}

void store_free(struct store *store)
{
	if (store != NULL && store->ops->free_store != NULL)
		store->ops->free_store(store);
}
