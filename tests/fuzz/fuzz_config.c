/*
 * The configuration: any bytes are a configuration, or there is a mistake to tell.
 */
#include "config/config.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct buffer mistakes;
	setenv("HOME", "/home/ann", 1);
	buffer_init(&mistakes, 1 << 16);
	const struct config *config =
		config_parse("c.yml", (const char *)data, size, arena, &mistakes);
	FUZZ_HOLDS((config == NULL) == (mistakes.len > 0));
	buffer_finish(&mistakes);
	arena_free(arena);
	return 0;
}
