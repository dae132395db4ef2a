#include "config/pair.h"

#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "config/value.h"

/* The name of a pair that no file names becomes the name of its state's file. */
#define MAX_MADE_NAME 120

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

/* FNV-1a, to tell apart long names that begin alike; nobody gains by a collision. */
static uint64_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325;
	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	return h;
}

static const char *made_name(const char *from, const char *to, struct arena *arena)
{
	const char *whole = arena_printf(arena, "%s to %s", from, to);
	if (strlen(whole) <= MAX_MADE_NAME)
		return whole;
	return arena_printf(arena, "%.*s... %016" PRIx64, MAX_MADE_NAME - 20, whole, hash(whole));
}

struct pair_config *config_pair(
	const struct store_config *from, const struct store_config *to, struct arena *arena)
{
	struct pair_config *pair = arena_alloc(arena, sizeof *pair);
	*pair = (struct pair_config){
		.name = made_name(from->name, to->name, arena),
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
			"unknown mode \"%s\"; did you mean \"%s\"?", shown, nearest);
	return error_set(err, ERROR_STORE, CAUSE_CONFIG,
		"unknown mode \"%s\"; possible: between, copy, mirror, move", shown);
}

bool config_set_mode(struct pair_config *pair, const char *mode, struct error *err)
{
	size_t i = 0;
	while (mode_names[i] != NULL && strcmp(mode_names[i], mode) != 0)
		i++;
	if (mode_names[i] == NULL)
		return unknown_mode(mode, err);
	if (!pair_check_mode(pair, modes[i], err))
		return false;
	pair->mode = modes[i];
	bool deletes = pair_mode_deletes(pair->mode);
	pair->propagate = pair->deletions_given ? pair->propagate && deletes : deletes;
	return true;
}

bool config_set_limit(struct pair_config *pair, const char *text, struct error *err)
{
	return value_limit(text, &pair->max_deletions, err);
}
