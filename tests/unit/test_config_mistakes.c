#include "unit.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

/*
 * Each tests/config/NAME.yml is a configuration, and NAME.mistakes beside it what is to be told of
 * it, line by line; where there is none, nothing is wrong.  Every file is one test.
 */

#define MAX_FILES 64

static char folder[1024];

/* All of the file ${name}${suffix}, or NULL when there is none; to be freed. */
static char *load(const char *name, const char *suffix, size_t *len)
{
	char path[2048];
	snprintf(path, sizeof path, "%s/%s%s", folder, name, suffix);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return NULL;
	char *text = calloc(1, 65536);
	*len = fread(text, 1, 65535, f);
	fclose(f);
	return text;
}

static void its_mistakes_are_told(void **state)
{
	const char *name = *state;
	size_t len = 0, wanted_len = 0;
	char *text = load(name, ".yml", &len);
	char *wanted = load(name, ".mistakes", &wanted_len);
	assert_non_null(text);

	char path[256];
	snprintf(path, sizeof path, "%s.yml", name);
	struct arena *arena = arena_new();
	struct buffer told;
	buffer_init(&told, 65536);
	const struct config *config = config_parse(path, text, len, arena, &told);
	assert_string_equal(told.data == NULL ? "" : told.data, wanted == NULL ? "" : wanted);
	assert_int_equal(config == NULL, wanted != NULL);
	/* what stands for a password in these files is never repeated */
	assert_null(strstr(told.data == NULL ? "" : told.data, "hunter2"));

	buffer_finish(&told);
	arena_free(arena);
	free(text);
	free(wanted);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the configurations, sorted; every .mistakes must belong to one. */
static size_t list_names(char *names[MAX_FILES])
{
	size_t n = 0;
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		char *dot = strrchr(entry->d_name, '.');
		if (dot != NULL && strcmp(dot, ".yml") == 0 && n < MAX_FILES)
			names[n++] = strndup(entry->d_name, (size_t)(dot - entry->d_name));
	}
	if (dir != NULL)
		closedir(dir);
	qsort(names, n, sizeof *names, by_name);
	return n;
}

int main(void)
{
	static char *names[MAX_FILES];
	static struct CMUnitTest tests[MAX_FILES];
	const char *srcdir = getenv("srcdir");
	snprintf(folder, sizeof folder, "%s/tests/config", srcdir == NULL ? "." : srcdir);
	setenv("HOME", "/home/ann", 1);
	size_t n = list_names(names);
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){.name = names[i],
			.test_func = its_mistakes_are_told,
			.initial_state = names[i]};
	int failed = n == 0 ? 1 : _cmocka_run_group_tests("mistakes", tests, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	return failed;
}
