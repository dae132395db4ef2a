#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "config/tree.h"

static struct arena *arena;
static struct mistakes mistakes;

static int begin(void **state)
{
	(void)state;
	arena = arena_new();
	mistakes = (struct mistakes){.arena = arena, .path = "c.yml"};
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct node *parse(const char *text)
{
	return tree_parse(text, strlen(text), arena, &mistakes);
}

/* What was wrong, as it is printed. */
static const char *told(void)
{
	struct buffer out;
	buffer_init(&out, 65536);
	mistakes_print(&mistakes, &out);
	const char *text = arena_strdup(arena, out.data == NULL ? "" : out.data);
	buffer_finish(&out);
	return text;
}

static void assert_place(struct place place, unsigned line, unsigned column)
{
	assert_int_equal(place.line, line);
	assert_int_equal(place.column, column);
}

static void every_key_and_value_knows_where_it_stood(void **state)
{
	(void)state;
	const struct node *root = parse("stores:\n"
					"  w\xc3\xb6rk:  {imap: host}\n"
					"pairs:\n"
					"  - \"a\"\n"
					"  - b\n");
	assert_string_equal(told(), "");
	const struct node *store = tree_find(tree_find(root, "stores"), "w\xc3\xb6rk");
	assert_place(store->key_at, 2, 3);
	assert_place(store->at, 2, 10); /* in characters, not octets */
	const struct node *host = tree_find(store, "imap");
	assert_string_equal(host->text, "host");
	assert_place(host->at, 2, 17);
	assert_string_equal(tree_path(host, arena), "stores.w\xc3\xb6rk.imap");
	const struct node *list = tree_find(root, "pairs");
	assert_int_equal(list->n, 2);
	assert_place(list->child[1]->at, 5, 5);
	assert_string_equal(tree_path(list->child[1], arena), "pairs[2]");
	assert_false(list->child[0]->plain);
	assert_null(tree_find(root, "store"));
}

static void only_an_unquoted_nothing_is_null(void **state)
{
	(void)state;
	const struct node *list = parse("[~, null, '', \"~\", x]");
	static const bool wanted[] = {true, true, false, false, false};
	for (size_t i = 0; i < list->n; i++)
		assert_int_equal(tree_is_null(list->child[i]), wanted[i]);
	assert_true(tree_is_null(tree_find(parse("a:\n"), "a")));
}

/* What libyaml's messages leave open, a person most likely did. */
static const struct {
	const char *text, *told;
} refusals[] = {
	{"", "c.yml:1:1: nothing is configured here\n"},
	{"# only this\n", "c.yml:1:1: nothing is configured here\n"},
	{"a:\n\tb: c\n", "c.yml:2:1: a tab cannot indent; use spaces\n"},
	{"a: @b\n", "c.yml:1:4: a value that begins with \"@\" needs quotes\n"},
	{"a: [**, b]\n", "c.yml:1:6: a value that begins with \"*\" needs quotes\n"},
	{"a: b: c\n",
		"c.yml:1:5: a value with \": \" in it needs quotes, and each key its own line\n"},
	{"imap: [::1]:993\n", "c.yml:1:8: an IPv6 address needs quotes: \"[::1]:993\"\n"},
	{"a: {b: c\n", "c.yml:2:1: cannot be read as YAML: did not find expected ',' or '}' while "
		       "parsing a flow mapping that begins at 1:4\n"},
	{"a: b\nc: x\x01y\n",
		"c.yml:2:5: cannot be read as UTF-8 text: control characters are not allowed\n"},
	{"a: b\n\xc3\xa4: x\xffy\n",
		"c.yml:2:5: cannot be read as UTF-8 text: invalid leading UTF-8 octet\n"},
	{"a: b\n---\nc: d\n",
		"c.yml:2:1: a second document begins; one file holds one configuration\n"},
	{"{a: b}: c\n", "c.yml:1:1: a key must be a word\n"},
};

static void what_cannot_be_read_is_told_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		mistakes.n = 0;
		assert_null(parse(refusals[i].text));
		assert_string_equal(told(), refusals[i].told);
	}
}

static void a_nul_is_refused_where_it_stands(void **state)
{
	(void)state;
	static const char raw[] = "a: b\nc: d\0e\n";
	assert_null(tree_parse(raw, sizeof raw - 1, arena, &mistakes));
	assert_string_equal(told(),
		"c.yml:2:5: cannot be read as UTF-8 text: control characters are not allowed\n");
	mistakes.n = 0;
	const struct node *root = parse("a: \"b\\0c\"\n");
	assert_int_equal(tree_find(root, "a")->kind, NODE_BROKEN);
	assert_string_equal(told(), "c.yml:1:4: a text cannot hold a NUL\n");
}

static void all_mistakes_of_a_file_are_told_in_its_order(void **state)
{
	(void)state;
	const struct node *root = parse("a: &x secret1\n"
					"b: *x\n"
					"c: !!str secret2\n"
					"d: {e: 1, f: 2, e: 3}\n"
					"b: again\n");
	assert_string_equal(told(),
		"c.yml:1:4: anchors are not used here; a value that begins with \"&\" needs "
		"quotes\n"
		"c.yml:2:4: aliases are not used here; a value that begins with \"*\" needs "
		"quotes\n"
		"c.yml:3:4: tags are not used here; a value that begins with \"!\" needs quotes\n"
		"c.yml:4:17: d: the key \"e\" stands in line 4 already\n"
		"c.yml:5:1: the key \"b\" stands in line 2 already\n");
	assert_string_equal(tree_find(tree_find(root, "d"), "e")->text, "1");
}

static void aliases_do_not_multiply(void **state)
{
	/* B63 */
	(void)state;
	struct buffer bomb;
	buffer_init(&bomb, 65536);
	buffer_puts(&bomb, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 60; i++)
		buffer_printf(&bomb, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1,
			i - 1, i - 1);
	assert_non_null(tree_parse(bomb.data, bomb.len, arena, &mistakes));
	assert_int_equal(mistakes.n, 60 + 59 * 4);
	assert_true(arena_used(arena) < 1024 * 1024);
	buffer_finish(&bomb);
}

static void depth_and_number_of_values_are_bounded(void **state)
{
	(void)state;
	struct buffer deep;
	buffer_init(&deep, 1024 * 1024);
	for (int i = 0; i < 10000; i++)
		buffer_puts(&deep, "[");
	assert_null(tree_parse(deep.data, deep.len, arena, &mistakes));
	assert_string_equal(told(), "c.yml:1:17: nested more than 16 deep\n");

	deep.len = 0;
	mistakes.n = 0;
	for (int i = 0; i < 60000; i++)
		buffer_puts(&deep, "- x\n");
	assert_null(tree_parse(deep.data, deep.len, arena, &mistakes));
	assert_string_equal(told(), "c.yml:50000:3: more than 50000 values\n");
	buffer_finish(&deep);
}

static void a_thousand_mistakes_are_counted_not_kept(void **state)
{
	(void)state;
	struct buffer text;
	buffer_init(&text, 65536);
	for (int i = 0; i < 1000; i++)
		buffer_puts(&text, "- *x\n");
	assert_non_null(tree_parse(text.data, text.len, arena, &mistakes));
	assert_int_equal(mistakes.n, 500);
	const char *last = strstr(told(), "c.yml: and 500 more mistakes\n");
	assert_non_null(last);
	buffer_finish(&text);
}

static void what_a_file_says_cannot_steer_the_terminal(void **state)
{
	(void)state;
	parse("\"\\e[2J\": {a: 1, a: 2}\n");
	assert_string_equal(
		told(), "c.yml:1:17: \\x1B[2J: the key \"a\" stands in line 1 already\n");
}

#define in_arena(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_arena(every_key_and_value_knows_where_it_stood),
		in_arena(only_an_unquoted_nothing_is_null),
		in_arena(what_cannot_be_read_is_told_with_its_place),
		in_arena(a_nul_is_refused_where_it_stands),
		in_arena(all_mistakes_of_a_file_are_told_in_its_order),
		in_arena(aliases_do_not_multiply),
		in_arena(depth_and_number_of_values_are_bounded),
		in_arena(a_thousand_mistakes_are_counted_not_kept),
		in_arena(what_a_file_says_cannot_steer_the_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
