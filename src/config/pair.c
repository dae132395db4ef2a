#include "config/pair.h"

#include <string.h>

#include "base/escape.h"
#include "config/value.h"

/* What --mode takes; in a file, "between" is a key of its own. */
static const char *const mode_names[] = {"between", "copy", "mirror", "move", NULL};
static const enum mode modes[] = {MODE_BETWEEN, MODE_COPY, MODE_MIRROR, MODE_MOVE};

static const char *const everything[] = {"**"};
static const struct pattern_list all_mailboxes = {everything, 1};

void pair_defaults(struct pair_config *pair)
{
	pair->mode = MODE_COPY;
	pair->mailboxes = &all_mailboxes;
	pair->special_use = true;
	pair->flags = true;
	pair->create[LEFT] = pair->create[RIGHT] = true;
	pair->max_deletions = (struct deletion_limit){LIMIT_SHARE, 25};
}

bool pair_mode_deletes(enum mode mode)
{
	return mode == MODE_BETWEEN || mode == MODE_MIRROR;
}

static bool is_archive(const struct store_config *store)
{
	return store != NULL && store->kind != NULL && strcmp(store->kind, "archive") == 0;
}

bool pair_check_mode(const struct pair_config *pair, enum mode mode, struct error *err)
{
	bool archive[2] = {is_archive(pair->store[LEFT]), is_archive(pair->store[RIGHT])};
	if (mode == MODE_BETWEEN && (archive[LEFT] || archive[RIGHT]))
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"an archive cannot be kept two-way; use \"from\" and \"to\"");
	if (mode == MODE_MOVE && archive[LEFT])
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"an archive loses nothing, so \"move\" cannot take from it");
	return true;
}

struct pair_config *config_pair(
	const struct store_config *from, const struct store_config *to, struct arena *arena)
{
	struct pair_config *pair = arena_alloc(arena, sizeof *pair);
	*pair = (struct pair_config){
		.name = arena_printf(arena, "%s to %s", from->name, to->name),
		.where = from->where,
		.store = {from, to},
	};
	pair_defaults(pair);
	return pair;
}

static bool unknown_mode(const char *mode, struct error *err)
{
	char shown[64];
	const char *nearest = config_nearest(mode, mode_names);
	escape_text(shown, sizeof shown, mode);
	if (nearest != NULL)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"--mode: unknown mode \"%s\"; did you mean \"%s\"?", shown, nearest);
	return error_set(err, ERROR_STORE, CAUSE_CONFIG,
		"--mode: unknown mode \"%s\"; possible: between, copy, mirror, move", shown);
}

bool config_set_mode(struct pair_config *pair, const char *mode, struct error *err)
{
	size_t i = 0;
	while (mode_names[i] != NULL && strcmp(mode_names[i], mode) != 0)
		i++;
	if (mode_names[i] == NULL)
		return unknown_mode(mode, err);
	if (!pair_check_mode(pair, modes[i], err))
		return error_context(err, "--mode %s", mode);
	pair->mode = modes[i];
	bool deletes = pair_mode_deletes(pair->mode);
	pair->propagate = pair->deletions_given ? pair->propagate && deletes : deletes;
	return true;
}

bool config_set_limit(struct pair_config *pair, const char *text, struct error *err)
{
	return value_limit(text, &pair->max_deletions, err) ||
	       error_context(err, "--max-deletions");
}
