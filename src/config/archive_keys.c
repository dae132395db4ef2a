#include <string.h>

#include "config/store_kind.h"
#include "config/value.h"

/* doc/FORMAT.md has the figures: 6 costs twice as much and saves 1 to 5 %. */
#define DEFAULT_COMPRESSION 1

static const struct key keys[] = {
	{"archive", value_path, KEY_FIELD(struct archive_config, path)},
	{"compression", value_count, KEY_FIELD(struct archive_config, compression), .least = 0,
		.most = 9},
};

static void defaults(struct store_config *store)
{
	store->archive.compression = DEFAULT_COMPRESSION;
}

static bool same(const struct store_config *a, const struct store_config *b)
{
	return a->archive.path != NULL && b->archive.path != NULL &&
	       strcmp(a->archive.path, b->archive.path) == 0;
}

const struct store_kind archive_kind = {
	.name = "archive",
	.schema = {keys, KEY_COUNT(keys)},
	.offset = offsetof(struct store_config, archive),
	.defaults = defaults,
	.same = same,
};
