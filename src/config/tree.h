#ifndef MAILTWIN_CONFIG_TREE_H
#define MAILTWIN_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "config/mistake.h"

/*
 * A YAML file as a tree that knows where each key and value stood.
 *
 * One document of mappings, lists and texts.  Tags, anchors and aliases are mistakes: a
 * configuration needs none of them, and a value that was meant to begin with "!", "&" or "*"
 * only lacks its quotes.
 */
enum node_kind {
	NODE_TEXT,
	NODE_LIST,
	NODE_MAP,
	NODE_BROKEN /* a mistake that was told already: readers pass over it */
};

struct node {
	enum node_kind kind;
	struct place at;
	struct node *parent; /* NULL: the root */
	const char *key;     /* in a mapping; else NULL */
	struct place key_at;
	size_t index;	  /* in its parent */
	const char *text; /* NODE_TEXT */
	bool plain;	  /* NODE_TEXT: stood there without quotes */
	struct node **child;
	size_t n, cap;
};

/*
 * tree_parse(text, len, arena, mistakes):
 * Read ${len} bytes of YAML.  Return NULL when that cannot be done: then a mistake was added.
 * Other mistakes may have been added as well when a tree is returned.  ${text} may be
 * overwritten afterwards.
 */
struct node *tree_parse(
	const char *text, size_t len, struct arena *arena, struct mistakes *mistakes);

/* tree_find(map, key): the value of ${key}, or NULL. */
const struct node *tree_find(const struct node *map, const char *key);

/* tree_path(node, arena): "stores.work.tunnel[2]", counted from 1 and escaped; "" for the
 * root. */
const char *tree_path(const struct node *node, struct arena *arena);

/* tree_is_null(node): whether nothing was written for the value: "", "~" or "null", unquoted. */
bool tree_is_null(const struct node *node);

#endif
