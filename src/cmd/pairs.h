#ifndef MAILTWIN_CMD_PAIRS_H
#define MAILTWIN_CMD_PAIRS_H

#include "cmd/options.h"
#include "config/config.h"

/*
 * Which pairs a command line is about, with what it changes of them.
 */
struct pairs {
	struct pair_config **at;
	size_t n, cap;
};

/*
 * pairs_choose(options, pairs):
 * The pairs that ${options} names, all of the configuration when it names none, or the one that
 * --from and --to make.  False after the mistakes were printed: exit code 2.
 */
bool pairs_choose(const struct options *options, struct pairs *pairs);

/* command_run(options, pairs, dry, once) (sync.c): run them one after the other; ${once}: only add
 * to B, and remember nothing.  Return the exit code. */
int command_run(const struct options *options, const struct pairs *pairs, bool dry, bool once);

/*
 * pairs_find_store(options, word, option):
 * The store that ${word} means: a URL, a path, or a name in the configuration; ${option} is what
 * the word was given for, as in config_url().  NULL after the mistake was printed: exit code 2.
 */
const struct store_config *pairs_find_store(
	const struct options *options, const char *word, const char *option);

/* pairs_is_archive(options, word, is): whether ${word} means an archive: a path, a URL, or a name
 * of the configuration that no pair has.  False after the mistakes in that were printed. */
bool pairs_is_archive(const struct options *options, const char *word, bool *is);

#endif
