#include <string.h>

#include "config/store_kind.h"
#include "config/value.h"

static const struct word layouts[] = {
	{"maildir++", LAYOUT_MAILDIRPP}, {"nested", LAYOUT_NESTED}, {NULL, 0}};
static const struct word spellings[] = {{"utf8", NAMES_UTF8}, {"utf7", NAMES_UTF7}, {NULL, 0}};
static const struct word durabilities[] = {{"full", true}, {"none", false}, {NULL, 0}};

static const struct key keys[] = {
	{"maildir", value_path, KEY_FIELD(struct maildir_config, path)},
	{"layout", value_word, KEY_FIELD(struct maildir_config, layout), .words = layouts},
	{"names", value_word, KEY_FIELD(struct maildir_config, names), .words = spellings},
	{"durability", value_word, KEY_FIELD(struct maildir_config, durable),
		.words = durabilities},
};

static void defaults(struct store_config *store)
{
	store->maildir.layout = LAYOUT_MAILDIRPP;
	store->maildir.names = NAMES_AUTO;
	store->maildir.durable = true;
}

static bool same(const struct store_config *a, const struct store_config *b)
{
	return a->maildir.path != NULL && b->maildir.path != NULL &&
	       strcmp(a->maildir.path, b->maildir.path) == 0;
}

const struct store_kind maildir_kind = {
	.name = "maildir",
	.schema = {keys, KEY_COUNT(keys)},
	.offset = offsetof(struct store_config, maildir),
	.defaults = defaults,
	.same = same,
};
