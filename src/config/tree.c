#include "config/tree.h"

#include <string.h>
#include <yaml.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/map.h"

/* The deepest that a configuration goes is six levels (pairs, name, rename, rule, key). */
#define MAX_DEPTH 16

/* A thousand accounts have some twenty values each; a value costs about a hundred bytes. */
#define MAX_NODES 50000

struct builder {
	yaml_parser_t yaml;
	struct arena *arena;
	struct mistakes *mistakes;
	struct node *root;
	struct node *open; /* the innermost collection that has not ended */
	unsigned depth;
	size_t nodes;
	const char *key; /* the key whose value comes next */
	struct place key_at;
	bool has_key;
};

static struct place place_of(yaml_mark_t mark)
{
	return (struct place){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

/* ---- what libyaml could not read ---- */

/* What a person most likely did when libyaml stops at, or in what began with, this character. */
struct hint {
	char first;
	const char *problem; /* only when libyaml's words begin so; NULL = always */
	const char *text;
};

static const struct hint hints[] = {
	{'\t', NULL, "a tab cannot indent; use spaces"},
	{'*', NULL, "a value that begins with \"*\" needs quotes"},
	{'&', NULL, "a value that begins with \"&\" needs quotes"},
	{'!', NULL, "a value that begins with \"!\" needs quotes"},
	{'@', NULL, "a value that begins with \"@\" needs quotes"},
	{'%', NULL, "a value that begins with \"%\" needs quotes"},
	{'`', NULL, "a value that begins with \"`\" needs quotes"},
	{':', "mapping values",
		"a value with \": \" in it needs quotes, and each key its own line"},
	{':', "did not find expected node content", "an IPv6 address needs quotes: \"[::1]:993\""},
};

static bool continues_character(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

static void step(struct place *at, char c)
{
	if (c == '\n')
		*at = (struct place){at->line + 1, 1};
	else if (!continues_character(c))
		at->column++;
}

static struct place place_of_offset(const char *text, size_t len, size_t offset)
{
	struct place at = {1, 1};
	for (size_t i = 0; i < len && i < offset; i++)
		step(&at, text[i]);
	return at;
}

static char character_at(const char *text, size_t len, struct place place)
{
	struct place at = {1, 1};
	for (size_t i = 0; i < len; step(&at, text[i++]))
		if (at.line == place.line && at.column == place.column &&
			!continues_character(text[i]))
			return text[i];
	return '\0';
}

static const char *find_hint(char first, const char *problem)
{
	for (size_t i = 0; first != '\0' && i < sizeof hints / sizeof *hints; i++)
		if (hints[i].first == first &&
			(hints[i].problem == NULL ||
				strncmp(problem, hints[i].problem, strlen(hints[i].problem)) == 0))
			return hints[i].text;
	return NULL;
}

static bool cannot_read(const struct builder *b, const char *text, size_t len)
{
	const yaml_parser_t *yaml = &b->yaml;
	if (yaml->error == YAML_MEMORY_ERROR)
		die_out_of_memory();
	if (yaml->error == YAML_READER_ERROR)
		return mistake_add(b->mistakes, place_of_offset(text, len, yaml->problem_offset),
			"cannot be read as UTF-8 text: %s", yaml->problem);

	struct place at = place_of(yaml->problem_mark), began = place_of(yaml->context_mark);
	const char *hint = find_hint(character_at(text, len, at), yaml->problem);
	if (hint == NULL && yaml->context != NULL)
		hint = find_hint(character_at(text, len, began), yaml->problem);
	if (hint != NULL)
		return mistake_add(b->mistakes, at, "%s", hint);
	if (yaml->context == NULL)
		return mistake_add(b->mistakes, at, "cannot be read as YAML: %s", yaml->problem);
	return mistake_add(b->mistakes, at, "cannot be read as YAML: %s %s that begins at %u:%u",
		yaml->problem, yaml->context, began.line, began.column);
}

/* ---- what it could ---- */

static bool too_much(const struct builder *b, struct place at)
{
	if (b->depth >= MAX_DEPTH)
		return !mistake_add(b->mistakes, at, "nested more than %d deep", MAX_DEPTH);
	if (b->nodes >= MAX_NODES)
		return !mistake_add(b->mistakes, at, "more than %d values", MAX_NODES);
	return false;
}

/* Hang a new node where the file stands: below the open collection, or as the root. */
static struct node *add_node(struct builder *b, enum node_kind kind, struct place at)
{
	struct node *node = arena_alloc(b->arena, sizeof *node);
	*node = (struct node){.kind = kind, .at = at, .parent = b->open};
	b->nodes++;
	if (b->open == NULL) {
		b->root = node;
		return node;
	}
	if (b->open->kind == NODE_MAP) {
		node->key = b->key;
		node->key_at = b->key_at;
		b->has_key = false;
	}
	node->index = b->open->n;
	*ARENA_PUSH(b->arena, b->open->child, b->open->n, b->open->cap) = node;
	return node;
}

static bool wants_key(const struct builder *b)
{
	return b->open != NULL && b->open->kind == NODE_MAP && !b->has_key;
}

static bool take_key(struct builder *b, const char *key, struct place at)
{
	b->key = key;
	b->key_at = at;
	b->has_key = true;
	return true;
}

/* A value is often a password: none of these says what it was. */
static bool marks_are_mistakes(
	struct builder *b, const yaml_char_t *tag, const yaml_char_t *anchor, struct place at)
{
	if (anchor != NULL)
		return !mistake_add(b->mistakes, at,
			"anchors are not used here; a value that begins with \"&\" needs quotes");
	if (tag != NULL)
		return !mistake_add(b->mistakes, at,
			"tags are not used here; a value that begins with \"!\" needs quotes");
	return false;
}

static bool take_text(struct builder *b, const yaml_event_t *event)
{
	struct place at = place_of(event->start_mark);
	const char *text = (const char *)event->data.scalar.value;
	bool broken = marks_are_mistakes(b, event->data.scalar.tag, event->data.scalar.anchor, at);
	if (strlen(text) != event->data.scalar.length)
		broken = !mistake_add(b->mistakes, at, "a text cannot hold a NUL");
	if (wants_key(b))
		return take_key(b, arena_strdup(b->arena, text), at);

	struct node *node = add_node(b, broken ? NODE_BROKEN : NODE_TEXT, at);
	node->text = arena_strdup(b->arena, text);
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return true;
}

static bool take_alias(struct builder *b, const yaml_event_t *event)
{
	struct place at = place_of(event->start_mark);
	mistake_add(b->mistakes, at,
		"aliases are not used here; a value that begins with \"*\" needs quotes");
	if (wants_key(b))
		return take_key(b, "*", at);
	add_node(b, NODE_BROKEN, at);
	return true;
}

static bool begin_collection(struct builder *b, enum node_kind kind, const yaml_event_t *event)
{
	struct place at = place_of(event->start_mark);
	if (wants_key(b))
		return mistake_add(b->mistakes, at, "a key must be a word");
	if (kind == NODE_MAP)
		marks_are_mistakes(
			b, event->data.mapping_start.tag, event->data.mapping_start.anchor, at);
	else
		marks_are_mistakes(
			b, event->data.sequence_start.tag, event->data.sequence_start.anchor, at);
	b->open = add_node(b, kind, at);
	b->depth++;
	return true;
}

static void drop_duplicates(struct builder *b, struct node *map)
{
	struct map *seen = map_new(map->n);
	size_t kept = 0;
	for (size_t i = 0; i < map->n; i++) {
		struct node *child = map->child[i];
		uint32_t first = map_put_str(seen, child->key, (uint32_t)kept);
		if (first == MAP_NONE) {
			map->child[kept++] = child;
			continue;
		}
		const char *path = tree_path(map, b->arena);
		mistake_add(b->mistakes, child->key_at, "%s%sthe key %s stands in line %u already",
			path, *path == '\0' ? "" : ": ", mistake_quote(child->key, b->arena),
			map->child[first]->key_at.line);
	}
	map->n = kept;
	map_free(seen);
}

static bool end_collection(struct builder *b)
{
	struct node *ended = b->open;
	if (ended->kind == NODE_MAP)
		drop_duplicates(b, ended);
	b->open = ended->parent;
	b->depth--;
	return true;
}

static bool begin_document(struct builder *b, const yaml_event_t *event)
{
	return b->root == NULL ||
	       mistake_add(b->mistakes, place_of(event->start_mark),
		       "a second document begins; one file holds one configuration");
}

static bool take_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return begin_document(b, event);
	case YAML_SCALAR_EVENT:
		return take_text(b, event);
	case YAML_ALIAS_EVENT:
		return take_alias(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return begin_collection(b, NODE_LIST, event);
	case YAML_MAPPING_START_EVENT:
		return begin_collection(b, NODE_MAP, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return end_collection(b);
	default:
		return true;
	}
}

/* Any text may be a password, and libyaml frees it as it is. */
static void wipe_event(yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		explicit_bzero(event->data.scalar.value, event->data.scalar.length);
}

static void wipe_buffers(yaml_parser_t *yaml)
{
	explicit_bzero(yaml->buffer.start, (size_t)(yaml->buffer.end - yaml->buffer.start));
	explicit_bzero(
		yaml->raw_buffer.start, (size_t)(yaml->raw_buffer.end - yaml->raw_buffer.start));
}

static bool build(struct builder *b, const char *text, size_t len)
{
	for (bool more = true; more;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&b->yaml, &event))
			return cannot_read(b, text, len);
		bool taken = !too_much(b, place_of(event.start_mark)) && take_event(b, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		wipe_event(&event);
		yaml_event_delete(&event);
		if (!taken)
			return false;
	}
	return true;
}

struct node *tree_parse(
	const char *text, size_t len, struct arena *arena, struct mistakes *mistakes)
{
	struct builder b = {.arena = arena, .mistakes = mistakes};
	if (!yaml_parser_initialize(&b.yaml))
		die_out_of_memory();
	yaml_parser_set_input_string(&b.yaml, (const unsigned char *)text, len);
	bool ok = build(&b, text, len);
	wipe_buffers(&b.yaml);
	yaml_parser_delete(&b.yaml);
	if (ok && b.root == NULL)
		mistake_add(mistakes, (struct place){1, 1}, "nothing is configured here");
	return ok ? b.root : NULL;
}

/* ---- reading the tree ---- */

const struct node *tree_find(const struct node *map, const char *key)
{
	for (size_t i = 0; map->kind == NODE_MAP && i < map->n; i++)
		if (strcmp(map->child[i]->key, key) == 0)
			return map->child[i];
	return NULL;
}

const char *tree_path(const struct node *node, struct arena *arena)
{
	if (node->parent == NULL)
		return "";
	const char *above = tree_path(node->parent, arena);
	if (node->key == NULL)
		return arena_printf(arena, "%s[%zu]", above, node->index + 1);
	char key[64];
	escape_text(key, sizeof key, node->key);
	return *above == '\0' ? arena_strdup(arena, key) : arena_printf(arena, "%s.%s", above, key);
}

bool tree_is_null(const struct node *node)
{
	return node->kind == NODE_TEXT && node->plain &&
	       (*node->text == '\0' || strcmp(node->text, "~") == 0 ||
		       strcmp(node->text, "null") == 0);
}
