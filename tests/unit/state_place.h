#ifndef MAILTWIN_TESTS_STATE_PLACE_H
#define MAILTWIN_TESTS_STATE_PLACE_H

/* A place of its own for the states of each test, and what the tests of states share. */

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/state.h"
#include "unit.h"

static struct arena *arena;
static struct flag_table *flags;
static char place[64];	 /* the temporary directory: XDG_STATE_HOME */
static char folder[80];	 /* of the states, below it */
static const char *path; /* of the state of the pair "work" */

static inline int make_place(void **context)
{
	(void)context;
	snprintf(place, sizeof place, "/tmp/mailtwin-state-XXXXXX");
	if (mkdtemp(place) == NULL || setenv("XDG_STATE_HOME", place, 1) != 0)
		return -1;
	snprintf(folder, sizeof folder, "%s/mailtwin", place);
	arena = arena_new();
	flags = flag_table_new();
	path = state_path("work", arena);
	return 0;
}

/* The names in ${directory}, sorted and parted by blanks; "" when it is not there. */
static inline const char *names_in(const char *directory)
{
	struct dirent **entry = NULL;
	const char *names = "";
	int n = scandir(directory, &entry, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		const char *name = entry[i]->d_name;
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			names = arena_printf(arena, "%s%s%s", names, *names ? " " : "", name);
		free(entry[i]);
	}
	free(entry);
	return names;
}

static inline int remove_place(void **context)
{
	(void)context;
	struct dirent **entry = NULL;
	int n = scandir(folder, &entry, NULL, NULL);
	for (int i = 0; i < n; i++) {
		char name[400];
		snprintf(name, sizeof name, "%s/%s", folder, entry[i]->d_name);
		if (unlink(name) < 0)
			rmdir(name);
		free(entry[i]);
	}
	free(entry);
	flag_table_free(flags);
	arena_free(arena);
	rmdir(folder);
	return rmdir(place);
}

/* Fails with what the error said. */
#define assert_ok(call, err) \
	do { \
		if (!(call)) \
			fail_msg("%s", (err).text); \
	} while (0)

static inline struct state *open_state(enum state_use use)
{
	struct error err = {0};
	bool fresh;
	struct state *state = state_open(path, use, 0, &fresh, &err);
	assert_ok(state != NULL, err);
	return state;
}

/* Why a state is refused; "" when it is not. */
static inline const char *refusal(enum state_use use)
{
	struct error err = {0};
	bool fresh;
	struct state *state = state_open(path, use, 0, &fresh, &err);
	if (state != NULL) {
		state_close(state);
		return "";
	}
	assert_int_equal(err.scope, ERROR_STORE);
	assert_int_equal(err.cause, CAUSE_LOCAL);
	return arena_strdup(arena, err.text);
}

static inline int64_t add_twin(struct state *state, const char *left, const char *right)
{
	struct error err = {0};
	struct state_twin twin = {.name = {left, right}};
	assert_ok(state_put_twin(state, &twin, &err), err);
	assert_true(twin.id != 0);
	return twin.id;
}

static inline int64_t add_row(
	struct state *state, int64_t twin, const char *left, const char *right)
{
	struct error err = {0};
	struct row row = {.key = {left, right}, .received = 1700000000, .size = 2000};
	assert_ok(state_put_row(state, twin, &row, flags, &err), err);
	return row.id;
}

static inline size_t count_rows(struct state *state, int64_t twin)
{
	struct error err = {0};
	struct row *rows;
	size_t n;
	assert_ok(state_rows(state, twin, flags, arena, &rows, &n, &err), err);
	return n;
}

#endif
