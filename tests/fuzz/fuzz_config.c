/*
 * The configuration: any bytes are a configuration that can be used as it is, or there is a mistake
 * to tell, fit for a terminal.
 */
#include <string.h>

#include "config/config.h"
#include "fuzz.h"

static void check_mistakes(const struct buffer *mistakes)
{
	const char *line = mistakes->data, *end = line + mistakes->len;
	while (line < end) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		FUZZ_HOLDS(next != NULL && next - line > 6 && memcmp(line, "c.yml:", 6) == 0);
		for (; line < next; line++)
			FUZZ_HOLDS((unsigned char)*line >= 0x20 && *line != 0x7F);
		line++;
	}
}

static void check_imap(const struct imap_config *imap)
{
	FUZZ_HOLDS(imap->tunnel != NULL || (imap->host[0] != '\0' && imap->port > 0));
	FUZZ_HOLDS(imap->tunnel != NULL || imap->client_cert != NULL || imap->user != NULL);
	FUZZ_HOLDS(imap->connections >= 1 && imap->connections <= 64 && imap->timeout >= 1);
}

static void check_store(const struct store_config *store)
{
	FUZZ_HOLDS(store->name[0] != '\0' && store->where[0] != '\0');
	if (strcmp(store->kind, "imap") == 0)
		check_imap(&store->imap);
	else if (strcmp(store->kind, "maildir") == 0)
		FUZZ_HOLDS(store->maildir.path[0] == '/');
	else
		FUZZ_HOLDS(strcmp(store->kind, "archive") == 0 && store->archive.path[0] == '/' &&
			   store->archive.compression >= 0 && store->archive.compression <= 9);
}

static void check_pair(const struct pair_config *pair)
{
	FUZZ_HOLDS(pair->name[0] != '\0' && pair->mailboxes != NULL);
	FUZZ_HOLDS(pair->store[LEFT] != NULL && pair->store[RIGHT] != NULL);
	FUZZ_HOLDS(!config_same_place(pair->store[LEFT], pair->store[RIGHT]));
	FUZZ_HOLDS(pair->max_deletions.kind != LIMIT_SHARE || pair->max_deletions.value <= 100);
	for (size_t i = 0; i < pair->renames; i++)
		FUZZ_HOLDS(pair->rename[i].from != NULL && pair->rename[i].to != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct buffer mistakes;
	setenv("HOME", "/home/ann", 1);
	buffer_init(&mistakes, 1 << 16);
	const struct config *config =
		config_parse("c.yml", (const char *)data, size, arena, &mistakes);
	FUZZ_HOLDS((config == NULL) == (mistakes.len > 0));
	if (mistakes.len > 0)
		check_mistakes(&mistakes);
	for (size_t i = 0; config != NULL && i < config->n_stores; i++)
		check_store(&config->stores[i]);
	for (size_t i = 0; config != NULL && i < config->n_pairs; i++)
		check_pair(&config->pairs[i]);
	buffer_finish(&mistakes);
	arena_free(arena);
	return 0;
}
