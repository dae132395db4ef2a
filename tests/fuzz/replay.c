/*
 * The kept corpus of a fuzz target, once more, in every build: tests/fuzz/replay_NAME gives each
 * file in tests/fuzz/corpus/NAME to its target, which ends the program where it finds a mistake.
 */
#include "../unit/unit.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { INPUT_MAX = 1 << 16 };

static const char *target;

/* A block of just its size, so that a sanitizer sees what reads past the end. */
static void replay(const char *folder, const char *name)
{
	static uint8_t data[INPUT_MAX];
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	size_t n = fread(data, 1, sizeof data, file);
	fclose(file);
	uint8_t *input = malloc(n == 0 ? 1 : n);
	assert_non_null(input);
	memcpy(input, data, n);
	LLVMFuzzerTestOneInput(input, n);
	free(input);
}

static void every_kept_input_passes(void **state)
{
	(void)state;
	char folder[2048];
	const char *srcdir = getenv("srcdir");
	snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", srcdir == NULL ? "." : srcdir,
		target);
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	size_t n = 0;
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (entry->d_name[0] != '.') {
			replay(folder, entry->d_name);
			n++;
		}
	closedir(dir);
	assert_true(n > 0);
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? strstr(argv[0], "replay_") : NULL;
	if (name == NULL)
		return 1;
	target = name + strlen("replay_");
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_kept_input_passes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
