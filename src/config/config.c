#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "config/pair_keys.h"
#include "config/path.h"
#include "config/store_kind.h"
#include "config/url.h"
#include "config/value.h"

/* Ten thousand accounts fit; a log file or a mailbox given by mistake does not (B63). */
#define MAX_FILE (1024 * 1024)

/* People type names, and a pair's is in the name of its state's file. */
#define MAX_NAME 64

/* ---- names ---- */

/* Why ${name} cannot be the name of a store or pair, or NULL. */
static const char *name_flaw(const char *name)
{
	size_t n = strlen(name);
	if (n == 0 || n > MAX_NAME)
		return "a name has 1 to 64 octets";
	if (url_is(name))
		return "a word with \":\" or \"/\", or ending in .mta, is a URL or a path, not a "
		       "name";
	if (name[0] == '-' || name[0] == '.' || name[0] == ' ' || name[n - 1] == ' ')
		return "a name begins with none of \"-\", \".\" and space, and ends in no space";
	if (value_has_control(name))
		return "a name holds no control characters";
	return NULL;
}

static bool name_is_good(struct reading *r, const struct node *named)
{
	const char *flaw = name_flaw(named->key);
	return flaw == NULL ||
	       reading_wrong_key(r, named, "%s: %s", reading_quote(r, named->key), flaw);
}

/* ---- stores and pairs ---- */

/* The mapping of ${what} that stands below a name. */
static bool is_described(struct reading *r, const struct node *named, const char *what)
{
	if (named->kind == NODE_MAP)
		return true;
	if (named->kind != NODE_BROKEN)
		reading_other(
			r, named, "a mapping: the keys of the %s, indented below its name", what);
	return false;
}

static void read_store(struct reading *r, const struct node *named, struct store_config *store)
{
	store->name = named->key;
	store->where = reading_where(r, named->key_at);
	if (strcmp(named->key, "both") == 0 || strcmp(named->key, "none") == 0)
		reading_wrong_key(r, named,
			"%s has a meaning of its own for \"create\"; name the store otherwise",
			reading_quote(r, named->key));
	if (name_is_good(r, named) && is_described(r, named, "store"))
		store_kind_read(r, named, store);
}

static bool read_stores(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct config *config = field;
	if (value->kind != NODE_MAP)
		return reading_other(
			r, value, "a mapping: the names of stores, each with its keys below");
	config->stores = arena_alloc(r->arena, (value->n + 1) * sizeof *config->stores);
	config->n_stores = value->n;
	for (size_t i = 0; i < value->n; i++)
		read_store(r, value->child[i], &config->stores[i]);
	return true;
}

static void read_pair(struct reading *r, const struct node *named, struct pair_config *pair)
{
	pair->name = named->key;
	pair->where = reading_where(r, named->key_at);
	if (name_is_good(r, named) && is_described(r, named, "pair"))
		pair_keys_read(r, named, pair);
}

static bool read_pairs(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct config *config = field;
	if (value->kind != NODE_MAP)
		return reading_other(
			r, value, "a mapping: the names of pairs, each with its keys below");
	config->pairs = arena_alloc(r->arena, (value->n + 1) * sizeof *config->pairs);
	config->n_pairs = value->n;
	for (size_t i = 0; i < value->n; i++)
		read_pair(r, value->child[i], &config->pairs[i]);
	return true;
}

static const struct key keys[] = {
	{"stores", read_stores, KEY_WHOLE(struct config), .may_be_empty = true},
	{"pairs", read_pairs, KEY_WHOLE(struct config), .may_be_empty = true},
};

static const struct schema schema = {keys, KEY_COUNT(keys)};

/* ---- files ---- */

static struct config *read_tree(struct reading *r, const char *text, size_t len)
{
	r->config = arena_alloc(r->arena, sizeof *r->config);
	r->config->path = r->mistakes->path;
	const struct node *root = tree_parse(text, len, r->arena, r->mistakes);
	if (root != NULL && root->kind != NODE_MAP)
		reading_other(r, root, "a mapping with the keys stores, pairs");
	else if (root != NULL)
		schema_read(r, root, &schema, r->config);
	return r->mistakes->n == 0 ? r->config : NULL;
}

static struct config *parse(const char *path, const char *text, size_t len, unsigned mode,
	struct arena *arena, struct buffer *out)
{
	struct mistakes mistakes = {.arena = arena, .path = arena_strdup(arena, path)};
	struct reading r = {
		.arena = arena,
		.mistakes = &mistakes,
		.folder = path_folder(path, arena),
		.mode = mode,
	};
	struct config *config = read_tree(&r, text, len);
	mistakes_print(&mistakes, out);
	return config;
}

struct config *config_parse(const char *path, const char *text, size_t len, struct arena *arena,
	struct buffer *mistakes)
{
	return parse(path, text, len, 0, arena, mistakes);
}

struct config *config_read(const char *path, struct arena *arena, struct buffer *mistakes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		buffer_printf(mistakes, "%s: cannot be opened: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	struct buffer text;
	buffer_init(&text, MAX_FILE);
	int failed = file_load_fd(fd, &text) ? 0 : errno;
	close(fd);
	struct config *config = NULL;
	if (failed == EFBIG)
		buffer_printf(mistakes, "%s: larger than %d KiB, so no configuration\n", path,
			MAX_FILE / 1024);
	else if (failed != 0)
		buffer_printf(mistakes, "%s: cannot be read: %s\n", path, strerror(failed));
	else
		config = parse(path, text.data == NULL ? "" : text.data, text.len,
			st.st_mode & 07777, arena, mistakes);
	buffer_wipe(&text);
	return config;
}

/* ---- what is in it ---- */

const struct pair_config *config_find_pair(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_pairs; i++)
		if (strcmp(config->pairs[i].name, name) == 0)
			return &config->pairs[i];
	return NULL;
}

const struct store_config *config_find_store(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_stores; i++)
		if (strcmp(config->stores[i].name, name) == 0)
			return &config->stores[i];
	return NULL;
}
