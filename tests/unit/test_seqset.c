#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "imap/seqset.h"

static struct arena *arena;

static int make_arena(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int free_arena(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static bool parses(struct seqset *set, const char *text)
{
	seqset_init(set, arena);
	return seqset_parse(set, text, strlen(text));
}

static const char *text_of(const struct seqset *set)
{
	static char text[1000];
	assert_int_equal(seqset_text(set, 0, text, sizeof text), set->n);
	return text;
}

static void a_set_is_read_as_the_grammar_has_it(void **state)
{
	(void)state;
	static const struct {
		const char *wire, *written, *sorted;
	} row[] = {
		{"1", "1", "1"},
		{"4:2", "2:4", "2:4"},
		{"304,319:320", "304,319:320", "304,319:320"},
		{"9,1:3,2:5,7,6", "9,1:3,2:5,7,6", "1:7,9"},
		{"1:4294967295", "1:4294967295", "1:4294967295"},
		{"4294967295,5,4294967294", "4294967295,5,4294967294", "5,4294967294:4294967295"},
		{"1:4294967295,7,4294967295", "1:4294967295,7,4294967295", "1:4294967295"},
		{"3,3,3", "3,3,3", "3"},
		{"1,2,3,5", "1:3,5", "1:3,5"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct seqset set;
		assert_true(parses(&set, row[i].wire));
		assert_string_equal(text_of(&set), row[i].written);
		seqset_sort(&set);
		assert_string_equal(text_of(&set), row[i].sorted);
	}
}

static void what_is_no_set_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", ",", "1,", "1:3,", ",1", "1,,2", "*", "1:*", "0",
		"0:1", "1:0", "1:", ":1", "1:2:3", "4294967296", "1:4294967296", "-1", "1 2", "1;2",
		"a"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct seqset set;
		uint64_t count = 7;
		assert_false(parses(&set, bad[i]));
		assert_false(seqset_check(bad[i], strlen(bad[i]), &count));
		assert_int_equal(count, 7);
	}
	struct seqset set;
	seqset_init(&set, arena);
	assert_false(seqset_parse(&set, "1\0", 2));
}

static void a_range_is_counted_and_not_expanded(void **state)
{
	(void)state;
	struct seqset set;
	size_t before = arena_used(arena);
	assert_true(parses(&set, "1:4294967295"));
	assert_true(arena_used(arena) - before <= 65536);
	assert_true(seqset_count(&set) == UINT32_MAX);
	assert_true(seqset_has(&set, UINT32_MAX));

	assert_true(parses(&set, "2:4,8,10:11"));
	assert_int_equal(seqset_count(&set), 6);
	uint64_t count = 0;
	assert_true(seqset_check("4:2,8,2,10:11", 13, &count));
	assert_int_equal(count, 7);
	static const char *has = "..###...#.##.";
	for (uint32_t i = 0; has[i] != '\0'; i++)
		assert_int_equal(seqset_has(&set, i), has[i] == '#');
	seqset_init(&set, arena);
	assert_false(seqset_has(&set, 1));
	assert_int_equal(seqset_count(&set), 0);
	seqset_sort(&set);
}

static void a_walk_meets_every_number_in_the_order_written(void **state)
{
	(void)state;
	struct seqset set;
	assert_true(parses(&set, "9,4:2,4294967294:4294967295"));
	struct seqwalk walk = seqset_walk(&set);
	static const uint32_t wanted[] = {9, 2, 3, 4, 4294967294, 4294967295, 0, 0};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		assert_int_equal(seqset_next(&walk), wanted[i]);
}

static void a_long_set_is_written_line_by_line(void **state)
{
	(void)state;
	struct seqset set, again;
	seqset_init(&set, arena);
	seqset_init(&again, arena);
	for (uint32_t uid = 1; uid < 200000; uid += 2)
		assert_true(seqset_add(&set, uid, uid + uid % 3 / 2));
	char line[8000];
	size_t from = 0, lines = 0;
	while (from < set.n) {
		from = seqset_text(&set, from, line, sizeof line);
		assert_true(strlen(line) < sizeof line);
		assert_true(from == set.n || strlen(line) > sizeof line - 30);
		assert_true(seqset_parse(&again, line, strlen(line)));
		lines++;
	}
	assert_in_range(lines, 50, 150);
	assert_int_equal(again.n, set.n);
	assert_memory_equal(again.at, set.at, set.n * sizeof *set.at);
	/* the smallest line that is allowed takes the longest range */
	assert_true(parses(&set, "4294967293:4294967295,10"));
	assert_int_equal(seqset_text(&set, 0, line, 24), 1);
	assert_string_equal(line, "4294967293:4294967295");
}

static void a_set_of_too_many_ranges_is_refused(void **state)
{
	(void)state;
	struct arena *own = arena_new();
	struct seqset set;
	seqset_init(&set, own);
	for (uint32_t i = 0; i < SEQSET_MAX; i++)
		assert_true(seqset_add(&set, 2 * i + 1, 2 * i + 1));
	assert_false(seqset_add(&set, UINT32_MAX, UINT32_MAX));
	assert_false(seqset_parse(&set, "1", 1));
	arena_free(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_is_read_as_the_grammar_has_it),
		cmocka_unit_test(what_is_no_set_is_refused),
		cmocka_unit_test(a_range_is_counted_and_not_expanded),
		cmocka_unit_test(a_walk_meets_every_number_in_the_order_written),
		cmocka_unit_test(a_long_set_is_written_line_by_line),
		cmocka_unit_test(a_set_of_too_many_ranges_is_refused),
	};
	return cmocka_run_group_tests(tests, make_arena, free_arena);
}
