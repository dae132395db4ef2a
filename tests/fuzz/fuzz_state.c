/*
 * A pair's state that was damaged, or made by somebody else: it is read to its end, or refused; and
 * what is read can be written again.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "sync/state.h"

static const char *place(void)
{
	static char path[210];
	snprintf(path, sizeof path, "%s/state", fuzz_folder());
	return path;
}

static void put(const char *path, const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void read_twin(struct state *state, const struct state_twin *twin, struct flag_table *flags,
	struct arena *arena)
{
	struct error err = {0};
	struct row *rows;
	struct intent *intents;
	size_t n = 0;
	bool any = false;
	bool ok = state_rows(state, twin->id, flags, arena, &rows, &n, &err);
	FUZZ_HOLDS(ok == (err.scope == ERROR_NONE));
	if (ok && n > 0)
		state_put_row(state, twin->id, &rows[0], flags, &err);
	err = (struct error){0};
	ok = state_intents(state, twin->id, arena, &intents, &n, &err);
	FUZZ_HOLDS(ok == (err.scope == ERROR_NONE));
	state_rows_dated(state, twin->id, 0, INT64_MAX, &any, &err);
}

static void read_all(struct state *state, struct arena *arena)
{
	struct error err = {0};
	struct state_facts facts;
	struct state_twin *twins;
	size_t n = 0;
	bool ok = state_facts(state, arena, &facts, &err);
	FUZZ_HOLDS(ok == (err.scope == ERROR_NONE));
	err = (struct error){0};
	ok = state_twins(state, arena, &twins, &n, &err);
	FUZZ_HOLDS(ok == (err.scope == ERROR_NONE));
	struct flag_table *flags = flag_table_new();
	for (size_t i = 0; ok && i < n; i++)
		read_twin(state, &twins[i], flags, arena);
	if (ok && n > 0 && state_put_twin(state, &twins[0], &err))
		state_drop_twin(state, twins[0].id, &err);
	flag_table_free(flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	struct arena *arena = arena_new();
	put(place(), data, size);
	struct state *state = state_open(place(), STATE_WRITE, 0, NULL, &err);
	FUZZ_HOLDS((state != NULL) == (err.scope == ERROR_NONE));
	if (state != NULL && state_begin(state, &err)) {
		read_all(state, arena);
		state_rollback(state);
	}
	state_close(state);
	unlink(place());
	arena_free(arena);
	return 0;
}
