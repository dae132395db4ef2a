#include "config/pair_keys.h"

#include <string.h>

#include "config/pair.h"
#include "config/url.h"
#include "config/value.h"
#include "mail/name.h"

static const struct word modes[] = {
	{"copy", MODE_COPY}, {"mirror", MODE_MIRROR}, {"move", MODE_MOVE}, {NULL, 0}};
static const struct word keep_or_propagate[] = {{"keep", false}, {"propagate", true}, {NULL, 0}};

/* ---- the two sides ---- */

static const char *const *store_names(struct reading *r)
{
	const struct config *config = r->config;
	const char **names = arena_alloc(r->arena, (config->n_stores + 1) * sizeof *names);
	for (size_t i = 0; i < config->n_stores; i++)
		names[i] = config->stores[i].name;
	return names;
}

static const struct store_config *store_of_url(
	struct reading *r, const struct node *value, enum side side)
{
	struct error err;
	struct store_config *store =
		url_read(value->text, side == LEFT ? "--from" : "--to", r->folder, r->arena, &err);
	if (store == NULL)
		reading_wrong(r, value, "%s", err.text);
	else
		store->where = reading_where(r, value->at);
	return store;
}

static bool take_store(
	struct reading *r, const struct node *value, struct pair_config *pair, enum side side)
{
	const char *name = value_take_text(r, value);
	if (name == NULL)
		return false;
	if (url_is(name))
		pair->store[side] = store_of_url(r, value, side);
	else if ((pair->store[side] = config_find_store(r->config, name)) == NULL)
		reading_wrong(r, value, "unknown store %s%s", reading_quote(r, name),
			reading_choice(r, name, store_names(r)));
	return pair->store[side] != NULL;
}

static bool read_from(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	return take_store(r, value, field, LEFT);
}

static bool read_to(struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	return take_store(r, value, field, RIGHT);
}

static bool read_between(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct pair_config *pair = field;
	pair->mode = MODE_BETWEEN;
	if (value->kind != NODE_LIST || value->n != 2)
		return reading_other(r, value, "a list of two stores: [A, B]");
	bool left = take_store(r, value->child[0], pair, LEFT);
	return take_store(r, value->child[1], pair, RIGHT) && left;
}

/* `create` names a side by its store, so it is read when both are known. */
static bool read_create(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct pair_config *pair = field;
	const char *word = value_take_text(r, value);
	if (word == NULL)
		return false;
	bool both = strcmp(word, "both") == 0, found = both || strcmp(word, "none") == 0;
	const char *names[5] = {"both", "none"};
	size_t n = 2;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		const struct store_config *store = pair->store[side];
		bool named = store != NULL && strcmp(word, store->name) == 0;
		pair->create[side] = both || named;
		found = found || named;
		if (store != NULL)
			names[n++] = store->name;
	}
	return found || reading_wrong(r, value, "found %s%s", reading_quote(r, word),
				reading_choice(r, word, names));
}

/* ---- mailboxes ---- */

/* A pattern without its '!', or NULL after adding a mistake. */
static const char *take_pattern(struct reading *r, const struct node *value)
{
	const char *text = value_take_text(r, value);
	if (text == NULL)
		return NULL;
	const char *pattern = text[0] == '!' ? text + 1 : text;
	size_t n = strlen(pattern);
	if (n > 0 && pattern[0] != '/' && pattern[n - 1] != '/')
		return pattern;
	reading_wrong(r, value,
		"found %s; a mailbox's name is never empty, and neither begins nor "
		"ends with \"/\"",
		reading_quote(r, text));
	return NULL;
}

/* One pattern may stand there without a list around it. */
static size_t count_items(const struct node *value)
{
	return value->kind == NODE_LIST ? value->n : 1;
}

static const struct node *item(const struct node *value, size_t i)
{
	return value->kind == NODE_LIST ? value->child[i] : value;
}

static bool read_patterns(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	size_t n = count_items(value);
	const char **patterns = arena_alloc(r->arena, (n + 1) * sizeof *patterns);
	bool ok = true, includes = false;
	for (size_t i = 0; i < n; i++) {
		patterns[i] = item(value, i)->text;
		ok = take_pattern(r, item(value, i)) != NULL && ok;
		includes = includes || (patterns[i] != NULL && patterns[i][0] != '!');
	}
	if (ok && !includes)
		ok = reading_wrong(
			r, value, "takes no mailbox in; to leave some out, begin with \"**\"");
	struct pattern_list *list = arena_alloc(r->arena, sizeof *list);
	*list = (struct pattern_list){patterns, n};
	*(const struct pattern_list **)field = list;
	return ok;
}

static bool read_pattern(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	*(const char **)field = take_pattern(r, value);
	return *(const char **)field != NULL;
}

static const struct key rename_keys[] = {
	{"from", read_pattern, KEY_FIELD(struct rename_rule, from)},
	{"to", read_pattern, KEY_FIELD(struct rename_rule, to)},
};

static const struct schema rename_schema = {rename_keys, KEY_COUNT(rename_keys)};

static bool take_rename(struct reading *r, const struct node *value, struct rename_rule *rule)
{
	const struct key key = {.schema = &rename_schema};
	if (value->kind == NODE_BROKEN || !value_map(r, value, &key, rule))
		return false;
	bool whole = true;
	for (size_t i = 0; i < rename_schema.n; i++)
		if (tree_find(value, rename_keys[i].name) == NULL)
			whole = reading_lacks(r, value, "no \"%s\"; a rule is {from: A, to: B}",
				rename_keys[i].name);
	if (!whole || rule->from == NULL || rule->to == NULL)
		return false;
	return pattern_reversible(rule->from, rule->to) ||
	       reading_wrong(r, value, "both patterns need the same wildcards in the same order");
}

static bool read_renames(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct pair_config *pair = field;
	if (value->kind != NODE_LIST)
		return reading_other(r, value, "a list: [{from: A, to: B}]");
	struct rename_rule *rules = arena_alloc(r->arena, (value->n + 1) * sizeof *rules);
	for (size_t i = 0; i < value->n; i++)
		take_rename(r, value->child[i], &rules[i]);
	pair->rename = rules;
	pair->renames = value->n;
	return true;
}

static bool read_trash(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	const char *name = value_take_text(r, value);
	if (name == NULL)
		return false;
	if (name_is_inbox(name))
		return reading_wrong(r, value, "deleted messages cannot go to INBOX");
	*(const char **)field = name_canonical(name, r->arena);
	return true;
}

/* ---- messages ---- */

static bool read_search(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct error err;
	const char *text = value_take_text(r, value);
	if (text == NULL)
		return false;
	struct search *search = search_parse(text, r->arena, &err);
	*(const struct search **)field = search;
	return search != NULL || reading_wrong(r, value, "%s", err.text);
}

static const struct key message_keys[] = {
	{"newer_than", value_days, KEY_FIELD(struct selection, newer_than)},
	{"older_than", value_days, KEY_FIELD(struct selection, older_than)},
	{"max_size", value_size, KEY_FIELD(struct selection, max_size)},
	{"search", read_search, KEY_FIELD(struct selection, search)},
};

static const struct schema messages = {message_keys, KEY_COUNT(message_keys)};

static bool read_limit(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct error err;
	const char *text = value_take_text(r, value);
	return text != NULL &&
	       (value_limit(text, field, &err) || reading_wrong(r, value, "%s", err.text));
}

/* ---- keys ---- */

#define PAIR(member) KEY_FIELD(struct pair_config, member)
#define PAIR_WHOLE   KEY_WHOLE(struct pair_config)

static const struct key keys[] = {
	{"between", read_between, PAIR_WHOLE},
	{"from", read_from, PAIR_WHOLE},
	{"to", read_to, PAIR_WHOLE},
	{"mode", value_word, PAIR(mode), .words = modes},
	{"mailboxes", read_patterns, PAIR(mailboxes)},
	{"rename", read_renames, PAIR_WHOLE},
	{"special_use", value_bool, PAIR(special_use)},
	{"messages", value_map, PAIR(messages), .schema = &messages},
	{"flags", value_bool, PAIR(flags)},
	{"expunge", value_bool, PAIR(expunge)},
	{"deletions", value_word, PAIR(propagate), .words = keep_or_propagate},
	{"trash", read_trash, PAIR(trash)},
	{"create", read_create, PAIR_WHOLE},
	{"mailbox_deletions", value_word, PAIR(propagate_mailboxes), .words = keep_or_propagate},
	{"max_deletions", read_limit, PAIR(max_deletions)},
};

static const struct schema schema = {keys, KEY_COUNT(keys)};

/* ---- what they must have with each other ---- */

static void rule_sides(struct reading *r, const struct node *map, struct pair_config *pair)
{
	static const char *const one_way[] = {"from", "to", "mode"};
	(void)pair;
	bool between = tree_find(map, "between") != NULL;
	bool from = tree_find(map, "from") != NULL, to = tree_find(map, "to") != NULL;
	for (size_t i = 0; between && i < KEY_COUNT(one_way); i++) {
		const struct node *value = tree_find(map, one_way[i]);
		if (value != NULL)
			reading_wrong_key(r, value,
				"\"%s\" cannot stand beside \"between\", which is two-way",
				one_way[i]);
	}
	if (!between && !from && !to)
		reading_lacks(r, map,
			"nothing says what is paired; possible: \"between: [A, B]\", or "
			"\"from: A\" and \"to: B\"");
	else if (!between && from != to)
		reading_lacks(r, map, "\"%s\" needs its \"%s\"", from ? "from" : "to",
			from ? "to" : "from");
}

/* Where the second side was named, or the pair. */
static const struct node *second_side(const struct node *map)
{
	const struct node *between = tree_find(map, "between"), *to = tree_find(map, "to");
	if (between != NULL && between->kind == NODE_LIST && between->n == 2)
		return between->child[1];
	return to != NULL ? to : map;
}

static void rule_two_places(struct reading *r, const struct node *map, struct pair_config *pair)
{
	const struct store_config *left = pair->store[LEFT], *right = pair->store[RIGHT];
	if (left == NULL || right == NULL)
		return;
	if (left == right)
		reading_wrong(r, second_side(map), "a store cannot be paired with itself");
	else if (config_same_place(left, right))
		reading_wrong(r, second_side(map), "%s and %s are the same place",
			reading_quote(r, left->name), reading_quote(r, right->name));
}

static void rule_archive(struct reading *r, const struct node *map, struct pair_config *pair)
{
	struct error err;
	const char *key = pair->mode == MODE_BETWEEN ? "between" : "mode";
	if (!pair_check_mode(pair, pair->mode, &err) && tree_find(map, key) != NULL)
		reading_wrong(r, tree_find(map, key), "%s", err.text);
}

static const char *name_of(enum mode mode)
{
	for (size_t i = 0; modes[i].name != NULL; i++)
		if (modes[i].value == (int)mode)
			return modes[i].name;
	return "between";
}

/* A mode that was misspelt is told already; what it would have meant for others is not known. */
static bool mode_is_known(const struct node *map, enum mode mode)
{
	const struct node *given = tree_find(map, "mode");
	return given == NULL ||
	       (given->kind == NODE_TEXT && strcmp(given->text, name_of(mode)) == 0);
}

static void rule_deletions(struct reading *r, const struct node *map, struct pair_config *pair)
{
	const struct node *given = tree_find(map, "deletions");
	pair->deletions_given = given != NULL;
	if (given == NULL)
		pair->propagate = pair_mode_deletes(pair->mode);
	else if (pair->propagate && !pair_mode_deletes(pair->mode) &&
		 mode_is_known(map, pair->mode))
		reading_wrong(r, given,
			"\"propagate\" does not go with mode %s, which never deletes in B; "
			"possible: "
			"keep, or \"mode: mirror\"",
			name_of(pair->mode));
}

static void (*const rules[])(struct reading *, const struct node *, struct pair_config *) = {
	rule_sides, rule_two_places, rule_archive, rule_deletions};

void pair_keys_read(struct reading *r, const struct node *map, struct pair_config *pair)
{
	pair_defaults(pair);
	schema_read(r, map, &schema, pair);
	for (size_t i = 0; i < KEY_COUNT(rules); i++)
		rules[i](r, map, pair);
}
