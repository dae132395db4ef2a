#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/tree.h"

/*
 * doc/mailtwin.yml.5 says what is true: its examples are configurations without mistakes, and it
 * has every key.
 */

static struct arena *arena;
static char *manual;

static char *load(const char *name)
{
	char path[2048];
	const char *srcdir = getenv("srcdir");
	snprintf(path, sizeof path, "%s/%s", srcdir == NULL ? "." : srcdir, name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	char *text = arena_alloc(arena, 65536);
	assert_true(fread(text, 1, 65535, f) < 65535);
	fclose(f);
	return text;
}

static int begin(void **state)
{
	(void)state;
	setenv("HOME", "/home/ann", 1);
	arena = arena_new();
	manual = load("doc/mailtwin.yml.5");
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* Parse ${text}; fail with its mistakes. */
static const struct config *parse(const char *text)
{
	struct buffer told;
	buffer_init(&told, 65536);
	const struct config *config = config_parse("c.yml", text, strlen(text), arena, &told);
	const char *mistakes = arena_strdup(arena, told.data);
	buffer_finish(&told);
	if (config == NULL)
		fail_msg("%s\n%s", text, mistakes);
	return config;
}

/* The lines between the next .Bd and .Ed at or behind *at, which moves on; NULL: there is none. */
static const char *next_block(const char **at, const char *until)
{
	const char *begins = strstr(*at, "\n.Bd ");
	if (begins == NULL || begins > until)
		return NULL;
	const char *first = strchr(begins + 1, '\n') + 1;
	const char *ends = strstr(first, "\n.Ed\n");
	assert_non_null(ends);
	*at = ends;
	return arena_strndup(arena, first, (size_t)(ends - first) + 1);
}

static void its_first_example_is_a_configuration(void **state)
{
	(void)state;
	const char *at = manual;
	const char *example = next_block(&at, manual + strlen(manual));
	assert_non_null(example);
	const struct config *config = parse(example);
	assert_int_equal(config->n_stores, 3);
	assert_int_equal(config->n_pairs, 2);
	assert_int_equal(config_find_pair(config, "work")->mode, MODE_BETWEEN);
}

static bool has_line(const char *block, const char *key)
{
	size_t n = strlen(key);
	for (const char *line = block; line != NULL && *line != '\0';) {
		if (strncmp(line, key, n) == 0)
			return true;
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return false;
}

/* A part of the page, and what its examples need around them; each line of both is one key. */
struct part {
	const char *from, *until;
	const char *head;
	const char *needed[4];
};

static const struct part parts[] = {
	{"\n.Ss imap\n", "\n.Ss maildir\n", "stores:\n  s:\n",
		{"imap: h\n", "user: u\n", "password: x\n", NULL}},
	{"\n.Ss maildir\n", "\n.Ss archive\n", "stores:\n  s:\n", {"maildir: /a\n", NULL}},
	{"\n.Ss archive\n", "\n.Sh SECRETS\n", "stores:\n  s:\n", {"archive: /a\n", NULL}},
	{"\n.Sh SECRETS\n", "\n.Sh PAIRS\n", "stores:\n  s:\n", {"imap: h\n", "user: u\n", NULL}},
	{"\n.Sh PAIRS\n", "\n.Sh MAILBOX NAMES\n",
		"stores: {work: {maildir: /a}, laptop: {maildir: /b}}\npairs:\n  p:\n",
		{"from: work\n", "to: laptop\n", NULL}},
};

static const char *indented(const char *block)
{
	const char *text = "";
	while (*block != '\0') {
		int n = (int)strcspn(block, "\n");
		text = arena_printf(arena, "%s    %.*s\n", text, n, block);
		block += n + 1;
	}
	return text;
}

static const char *in_its_place(const struct part *part, const char *block)
{
	const char *text = part->head;
	for (size_t i = 0; part->needed[i] != NULL; i++) {
		size_t key = strcspn(part->needed[i], " ");
		bool given = has_line(block, arena_strndup(arena, part->needed[i], key)) ||
			     has_line(block, "between:");
		if (!given)
			text = arena_printf(arena, "%s    %s", text, part->needed[i]);
	}
	return arena_printf(arena, "%s%s", text, indented(block));
}

static void every_example_of_a_key_is_right(void **state)
{
	(void)state;
	size_t n = 0;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const char *at = strstr(manual, parts[i].from),
			   *until = strstr(manual, parts[i].until);
		assert_true(at != NULL && until != NULL);
		for (const char *block; (block = next_block(&at, until)) != NULL; n++)
			parse(in_its_place(&parts[i], block));
	}
	assert_int_equal(n, 14 + 4 + 2 + 6 + 14);
}

/* Whether a heading of the page has ${key}: ".It Ic key :" or, further on in it, "Ic key :". */
static bool is_explained(const char *key)
{
	const char *mark = arena_printf(arena, "Ic %s :", key);
	for (const char *line = strstr(manual, "\n.It "); line != NULL;
		line = strstr(line + 1, "\n.It ")) {
		const char *found = strstr(line + 1, mark);
		if (found != NULL && found < strchr(line + 1, '\n'))
			return true;
	}
	return false;
}

static size_t check_keys(const struct node *map)
{
	size_t n = 0;
	for (size_t i = 0; map->kind == NODE_MAP && i < map->n; i++, n++)
		if (!is_explained(map->child[i]->key))
			fail_msg("%s is not in the manual", tree_path(map->child[i], arena));
	return n;
}

static void every_key_is_explained(void **state)
{
	(void)state;
	struct mistakes mistakes = {.arena = arena, .path = "every-key.yml"};
	const char *text = load("tests/config/every-key.yml");
	const struct node *root = tree_parse(text, strlen(text), arena, &mistakes);
	assert_non_null(root);
	size_t n = 0;
	for (size_t i = 0; i < root->n; i++)
		for (size_t j = 0; j < root->child[i]->n; j++)
			n += check_keys(root->child[i]->child[j]);
	n += check_keys(tree_find(tree_find(tree_find(root, "pairs"), "work"), "messages"));
	assert_true(n > 40);
}

#define with_manual(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_manual(its_first_example_is_a_configuration),
		with_manual(every_example_of_a_key_is_right),
		with_manual(every_key_is_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
