#include "cmd/pairs.h"

#include <string.h>

#include "cmd/print.h"
#include "config/url.h"

/* Mistakes of one file: a person mends a screenful of them at a time. */
#define MISTAKES_LIMIT ((size_t)256 * 1024)

static struct config *read_config(const struct options *options)
{
	const char *path =
		options->config != NULL ? options->config : config_default_path(options->arena);
	struct buffer mistakes;
	buffer_init(&mistakes, MISTAKES_LIMIT);
	struct config *config = config_read(path, options->arena, &mistakes);
	if (config == NULL && mistakes.len > 0)
		fputs(mistakes.data, stderr);
	buffer_finish(&mistakes);
	return config;
}

static bool adjust(const struct options *options, struct pair_config *pair)
{
	struct error err = {0};
	bool ok = (options->mode == NULL || config_set_mode(pair, options->mode, &err)) &&
		  (options->max_deletions == NULL ||
			  config_set_limit(pair, options->max_deletions, &err));
	if (!ok)
		print_problem("%s", err.text);
	return ok;
}

static bool add(const struct options *options, struct pairs *pairs, const struct pair_config *pair)
{
	struct pair_config *own = arena_memdup(options->arena, pair, sizeof *pair);
	*ARENA_PUSH(options->arena, pairs->at, pairs->n, pairs->cap) = own;
	return adjust(options, own);
}

static const struct store_config *find_store(const struct options *options,
	const struct config *config, const char *word, const char *option)
{
	struct error err = {0};
	const struct store_config *store = url_is(word)
						   ? config_url(word, option, options->arena, &err)
						   : config_find_store(config, word);
	if (store == NULL && url_is(word))
		print_problem("%s", err.text);
	else if (store == NULL)
		print_problem("%s: there is no store '%s' in the configuration", option, word);
	return store;
}

const struct store_config *pairs_find_store(
	const struct options *options, const char *word, const char *option)
{
	const struct config *config = url_is(word) ? NULL : read_config(options);
	if (config == NULL && !url_is(word))
		return NULL;
	return find_store(options, config, word, option);
}

static bool choose_stores(const struct options *options, struct pairs *pairs)
{
	const struct config *config = NULL;
	if (options->from == NULL || options->to == NULL) {
		print_problem("--from and --to go together");
		return false;
	}
	if (options->n_names > 0) {
		print_problem(
			"--from and --to make the pair; '%s' is one too many", options->names[0]);
		return false;
	}
	if (!url_is(options->from) || !url_is(options->to)) {
		config = read_config(options);
		if (config == NULL)
			return false;
	}
	const struct store_config *from = find_store(options, config, options->from, "--from");
	const struct store_config *to =
		from == NULL ? NULL : find_store(options, config, options->to, "--to");
	if (to == NULL)
		return false;
	if (config_same_place(from, to)) {
		print_problem("--from and --to are the same place");
		return false;
	}
	return add(options, pairs, config_pair(from, to, options->arena));
}

static bool unknown_pair(
	const struct options *options, const struct config *config, const char *word)
{
	const char **names = arena_alloc(options->arena, (config->n_pairs + 1) * sizeof *names);
	for (size_t i = 0; i < config->n_pairs; i++)
		names[i] = config->pairs[i].name;
	const char *near = config_nearest(word, names);
	print_problem("there is no pair '%s' in %s%s%s%s", word, config->path,
		near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
		near != NULL ? "'?" : "");
	return false;
}

bool pairs_choose(const struct options *options, struct pairs *pairs)
{
	bool ok = true;
	if (options->from != NULL || options->to != NULL)
		return choose_stores(options, pairs);
	const struct config *config = read_config(options);
	if (config == NULL)
		return false;
	for (size_t i = 0; ok && i < options->n_names; i++) {
		const struct pair_config *pair = config_find_pair(config, options->names[i]);
		ok = pair != NULL ? add(options, pairs, pair)
				  : unknown_pair(options, config, options->names[i]);
	}
	for (size_t i = 0; ok && options->n_names == 0 && i < config->n_pairs; i++)
		ok = add(options, pairs, &config->pairs[i]);
	return ok;
}

bool pairs_is_archive(const struct options *options, const char *word, bool *is)
{
	*is = url_is(word);
	if (*is)
		return true;
	const struct config *config = read_config(options);
	if (config == NULL)
		return false;
	const struct store_config *store = config_find_store(config, word);
	*is = config_find_pair(config, word) == NULL && store != NULL &&
	      strcmp(store->kind, "archive") == 0;
	return true;
}
