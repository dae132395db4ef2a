#include "unit.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

/* Every case of tests/differ/, each under its own name. */

static struct arena *arena;
static struct CMUnitTest *tests;
static size_t n_tests, cap_tests;

static char *slurp(const char *path)
{
	FILE *file = fopen(path, "re");
	struct buffer text;
	buffer_init(&text, 1 << 20);
	char chunk[4096];
	for (size_t n; file != NULL && (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
		buffer_add(&text, chunk, n);
	if (file == NULL || ferror(file) || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
	char *kept = arena_strdup(arena, text.data == NULL ? "" : text.data);
	buffer_finish(&text);
	return kept;
}

/* ---- one case in one mode ---- */

static void check(const char *text)
{
	struct scene scene;
	const char *wanted, *notes;
	struct buffer steps, beside;
	struct unread *unread;
	struct flag_table *flags = flag_table_new();
	buffer_init(&steps, 1 << 20);
	buffer_init(&beside, 1 << 20);
	assert_true(scene_parse(text, flags, &scene, &wanted, &notes));
	assert_non_null(wanted);
	size_t n = differ_unread(scene.arena, scene.twin, scene.n, flags, &scene.policy, &unread);
	struct plan *plan = differ(scene.arena, scene.twin, scene.n, flags, &scene.policy);
	assert_true(plan_print(plan, scene.twin, flags, &steps));
	scene_notes(&scene, plan, unread, n, &beside);
	assert_string_equal(steps.data == NULL ? "" : steps.data, wanted);
	if (notes != NULL)
		assert_string_equal(beside.data == NULL ? "" : beside.data, notes);
	buffer_finish(&steps);
	buffer_finish(&beside);
	arena_free(scene.arena);
	flag_table_free(flags);
}

/* "mode: copy, move" is one case in each. */
static void run_case(void **state)
{
	const char *text = *state;
	const char *modes = strstr(text, "\nmode:");
	if (modes == NULL) {
		check(text);
		return;
	}
	modes += strlen("\nmode:");
	const char *rest = strchr(modes, '\n');
	char *list = arena_strndup(arena, modes, (size_t)(rest - modes));
	for (char *mode; (mode = strsep(&list, ",")) != NULL;)
		check(arena_printf(
			arena, "%.*smode:%s%s", (int)(modes - 5 - text), text, mode, rest));
}

/* ---- finding them ---- */

static void add_case(const char *path, const char *text)
{
	const char *name = strstr(text, "# ");
	if (name == NULL) {
		fprintf(stderr, "%s: a case without a name\n", path);
		exit(1);
	}
	*ARENA_PUSH(arena, tests, n_tests, cap_tests) =
		(struct CMUnitTest){.name = arena_strndup(arena, name + 2, strcspn(name + 2, "\n")),
			.test_func = run_case,
			.initial_state = (void *)text};
}

static void add_file(const char *path)
{
	char *text = slurp(path);
	for (char *end; (end = strstr(text, "\n---\n")) != NULL; text = end + 5) {
		end[1] = '\0';
		add_case(path, text);
	}
	add_case(path, text);
}

int main(void)
{
	glob_t found;
	arena = arena_new();
	const char *srcdir = getenv("srcdir");
	const char *pattern =
		arena_printf(arena, "%s/tests/differ/*.case", srcdir == NULL ? "." : srcdir);
	if (glob(pattern, 0, NULL, &found) != 0) {
		fprintf(stderr, "%s: no cases\n", pattern);
		return 1;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		add_file(found.gl_pathv[i]);
	globfree(&found);
	int failed = _cmocka_run_group_tests("differ cases", tests, n_tests, NULL, NULL);
	arena_free(arena);
	return failed;
}
