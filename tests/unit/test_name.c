#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "mail/name.h"

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

static uint32_t seed = 1;

static uint32_t below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* What a level may hold that could be taken for something else. */
static const char *const pieces[] = {"a", "B", "/", ".", "%", "%2F", "%00", "0", "2", "F", "f",
	"\n", "\r", "\x7f", "\xc3\xbc", "\xc3", "\xbc", "\xc2\x85", "\xff", " ", "..", "inbox"};

static const char *random_level(void)
{
	char level[64] = "";
	for (uint32_t n = below(6); n > 0; n--)
		strcat(level, pieces[below(sizeof pieces / sizeof *pieces)]);
	return arena_strdup(arena, level);
}

/* Hence no two lists of levels have one name. */
static void every_list_of_levels_comes_back_from_its_name(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		const char *levels[5];
		size_t n = below(6), n_back;
		for (size_t i = 0; i < n; i++)
			levels[i] = random_level();
		if (n > 0 && name_is_inbox(levels[0]))
			levels[0] = "INBOX";
		const char *name = name_from_levels(levels, n, arena);
		const char *const *back = name_levels(name, arena, &n_back);
		assert_int_equal(n_back, n);
		for (size_t i = 0; i < n; i++)
			assert_string_equal(back[i], levels[i]);
		for (const char *c = name; *c != '\0'; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 0x7F);
		assert_string_equal(name_canonical(name, arena), name);
		arena_reset(arena);
	}
}

static void a_name_is_written_as_the_manual_says(void **state)
{
	(void)state;
	static const char *const levels[] = {
		"a/b", "50%", "%2f", "x\ny", "\xff", "", "G\xc3\xbc", "\xc2\x85"};
	assert_string_equal(name_from_levels(levels, 8, arena),
		"a%2Fb/50%/%252f/x%0Ay/%FF/%00/G\xc3\xbc/%C2%85");
	assert_string_equal(name_escape_level("a.b/c", ".", arena), "a%2Eb/c");
	assert_string_equal(name_escape_level("..", "./", arena), "%2E%2E");
	assert_string_equal(name_escape_level("", "", arena), "%00");
	assert_string_equal(name_unescape("a%2Eb%2fc%zz%4%00", arena), "a.b/c%zz%4%00");
	assert_string_equal(name_unescape("%00", arena), "");
	size_t n;
	name_levels("", arena, &n);
	assert_int_equal(n, 0);
}

static void inbox_is_inbox_in_any_case_and_only_at_the_top(void **state)
{
	(void)state;
	static const char *const levels[] = {"iNbox", "Inbox"};
	assert_string_equal(name_from_levels(levels, 2, arena), "INBOX/Inbox");
	assert_string_equal(name_canonical("inbox", arena), "INBOX");
	assert_string_equal(name_canonical("Inbox/a", arena), "INBOX/a");
	assert_string_equal(name_canonical("inboxes", arena), "inboxes");
	assert_true(name_is_inbox("InBoX"));
	assert_false(name_is_inbox("INBOX/a"));
	assert_false(name_is_inbox(""));
}

static void a_typed_name_becomes_the_one_name_of_its_mailbox(void **state)
{
	(void)state;
	assert_string_equal(name_canonical("/a/b//", arena), "a/b");
	assert_string_equal(name_canonical("a%2fb/%41", arena), "a%2Fb/A");
	assert_string_equal(name_canonical("a//b", arena), "a/%00/b");
	assert_string_equal(name_canonical("//", arena), "");
	assert_string_equal(name_parent("a/b%2Fc/d", arena), "a/b%2Fc");
	assert_null(name_parent("a", arena));
}

static void every_wire_name_with_no_empty_level_comes_back(void **state)
{
	(void)state;
	static const char delimiters[] = {'/', '.', '\\', '%', 0};
	unsigned empty = 0;
	for (int round = 0; round < 20000; round++) {
		char wire[200] = "";
		for (uint32_t n = 1 + below(6); n > 0; n--)
			strcat(wire, pieces[below(sizeof pieces / sizeof *pieces - 1)]);
		char d = delimiters[below(sizeof delimiters)];
		const char *back = name_to_wire(name_from_wire(wire, d, arena), d, arena);
		char twice[] = {d, d, '\0'};
		size_t len = strlen(wire);
		bool has_empty = d != '\0' && (wire[0] == d || wire[len - 1] == d ||
						      strstr(wire, twice) != NULL);
		empty += has_empty;
		if (has_empty)
			assert_null(back);
		else
			assert_string_equal(back, wire);
		arena_reset(arena);
	}
	assert_true(empty > 1000);
}

static void a_delimiter_decides_what_a_level_is(void **state)
{
	(void)state;
	assert_string_equal(name_from_wire("INBOX.a/b", '.', arena), "INBOX/a%2Fb");
	assert_string_equal(name_from_wire("a.b/c", '/', arena), "a.b/c");
	assert_string_equal(name_from_wire("a.b/c", '\0', arena), "a.b%2Fc");
	assert_string_equal(name_from_wire("inbox.a", '.', arena), "INBOX/a");
	assert_string_equal(name_to_wire("a/b%2Fc", '.', arena), "a.b/c");
	assert_null(name_to_wire("a/b.c", '.', arena));
	assert_null(name_to_wire("a%2Fb", '/', arena));
	assert_null(name_to_wire("a/b", '\0', arena));
	assert_null(name_to_wire("", '/', arena));
	assert_string_equal(name_to_wire("a%2Fb", '\0', arena), "a/b");
}

static void names_deeper_or_longer_than_any_real_one_do_not_fit(void **state)
{
	(void)state;
	char name[NAME_MAX_BYTES + 2];
	memset(name, 'x', sizeof name);
	name[NAME_MAX_BYTES] = '\0';
	assert_true(name_fits(name));
	name[NAME_MAX_BYTES] = 'x';
	name[NAME_MAX_BYTES + 1] = '\0';
	assert_false(name_fits(name));
	for (size_t i = 1; i < 2 * NAME_MAX_LEVELS; i += 2)
		name[i] = '/';
	name[2 * NAME_MAX_LEVELS - 1] = '\0';
	assert_true(name_fits(name));
	name[2 * NAME_MAX_LEVELS - 1] = '/';
	name[2 * NAME_MAX_LEVELS + 1] = '\0';
	assert_false(name_fits(name));
	assert_false(name_fits(""));
}

/* Each row is one name to a file system that ignores case and normalises. */
static void names_that_differ_in_case_or_composition_clash(void **state)
{
	(void)state;
	static const char *const same[][3] = {
		{"Foo/Bar", "foo/bar", "FOO/BAR"},
		{"\xc3\xbc", "\xc3\x9c", "u\xcc\x88"},			     /* u diaeresis */
		{"\xc3\x85", "A\xcc\x8a", "\xe2\x84\xab"},		     /* Angstrom */
		{"\xe1\xbb\x87", "e\xcc\xa3\xcc\x82", "E\xcc\x82\xcc\xa3"},  /* two marks */
		{"\xd0\xb9", "\xd0\x99", "\xd0\xb8\xcc\x86"},		     /* Cyrillic short i */
		{"\xce\x90x", "\xce\x99\xcc\x88\xcc\x81x", "\xe1\xbf\x93x"}, /* Greek iota */
		{"\xcf\x83", "\xcf\x82", "\xce\xa3"},			     /* sigmas */
		{"\xc5\xb8", "\xc3\xbf", "Y\xcc\x88"}, /* far apart in Unicode */
		{"\xe1\xbe\x81", "\xce\xb1\xcc\x94\xcd\x85", "\xe1\xbe\x89"}, /* iota below */
		{"\xc5\x81\xc3\xb3\x64\xc5\xba", "\xc5\x82o\xcc\x81\x64z\xcc\x81",
			"\xc5\x81\xc3\x93\x44\xc5\xb9"},
	};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		const char *fold = name_fold(same[i][0], arena);
		assert_string_equal(name_fold(same[i][1], arena), fold);
		assert_string_equal(name_fold(same[i][2], arena), fold);
		assert_string_equal(name_fold(fold, arena), fold);
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(name_fold(same[other][0], arena), fold);
	}
}

static void names_that_differ_otherwise_do_not_clash(void **state)
{
	(void)state;
	static const char *const different[][2] = {
		{"a", "\xc3\xa4"},
		{"\xc7\x96",
			"\xe1\xb9\xbb"}, /* u with diaeresis and macron, and the other way round */
		{"\xc4\xb1", "i"},	 /* dotless i */
		{"\xd1\x81", "c"},	 /* Cyrillic es */
		{"\xff", "\xc3\xbf"},	 /* a byte that is no UTF-8 */
		{"\xc4\x9a", "\xc4\x9c"},
		{"\xe6\x97\xa5", "\xe6\x9c\xac"},
		{"\xf0\x9f\x93\xac", "\xf0\x9f\x93\xad"},
	};
	for (size_t i = 0; i < sizeof different / sizeof *different; i++)
		assert_string_not_equal(
			name_fold(different[i][0], arena), name_fold(different[i][1], arena));
	assert_string_equal(name_fold("\xf0\x9f\x93\xac\xff\xe6\x97\xa5", arena),
		"\xf0\x9f\x93\xac\xff\xe6\x97\xa5");
}

#define with_arena(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_arena(every_list_of_levels_comes_back_from_its_name),
		with_arena(a_name_is_written_as_the_manual_says),
		with_arena(inbox_is_inbox_in_any_case_and_only_at_the_top),
		with_arena(a_typed_name_becomes_the_one_name_of_its_mailbox),
		with_arena(every_wire_name_with_no_empty_level_comes_back),
		with_arena(a_delimiter_decides_what_a_level_is),
		with_arena(names_deeper_or_longer_than_any_real_one_do_not_fit),
		with_arena(names_that_differ_in_case_or_composition_clash),
		with_arena(names_that_differ_otherwise_do_not_clash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
