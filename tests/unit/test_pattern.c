#include "unit.h"

#include <string.h>
#include <time.h>

#include "mail/pattern.h"

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

static void a_star_stays_within_a_level_and_two_do_not(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *name;
		bool matches;
	} rows[] = {
		{"**", "a", true},
		{"**", "a/b/c", true},
		{"*", "a", true},
		{"*", "a/b", false},
		{"a/*", "a/b", true},
		{"a/*", "a/b/c", false},
		{"a/*", "a", false},
		{"a/**", "a", true},
		{"a/**", "a/b/c", true},
		{"a/**", "ab", false},
		{"a/**/b", "a/b", false},
		{"a/**/b", "a/x/y/b", true},
		{"**/b", "a/x/b", true},
		{"**/b", "b", false},
		{"a*", "a", true},
		{"a*c", "abc", true},
		{"a*c", "ab/c", false},
		{"a**c", "ab/c", true},
		{"a***c", "ab/c", true},
		{"*/*", "a/b", true},
		{"*/*", "a", false},
		{"*a*b*", "xaybz", true},
		{"*a*b*", "xbyaz", false},
		{"A", "a", false},
		{"Gr\xc3\xbc*",
			"Gr\xc3\xbc\xc3\x9f"
			"e",
			true},
		{"[Gmail]/All Mail", "[Gmail]/All Mail", true},
		{"a", "ab", false},
		{"ab", "a", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (pattern_match(rows[i].pattern, rows[i].name) != rows[i].matches)
			fail_msg("'%s' on '%s' is not %d", rows[i].pattern, rows[i].name,
				rows[i].matches);
}

static void inbox_matches_in_any_case_and_other_names_do_not(void **state)
{
	(void)state;
	assert_true(pattern_match("inbox", "INBOX"));
	assert_true(pattern_match("Inbox/**", "INBOX"));
	assert_true(pattern_match("Inbox/*", "INBOX/a"));
	assert_true(pattern_match("IN*", "INBOX"));
	assert_false(pattern_match("in*", "INBOX"));
	assert_false(pattern_match("inbox", "INBOXES"));
	assert_false(pattern_match("a/inbox", "a/INBOX"));
	assert_false(pattern_match("inbox/A", "INBOX/a"));
}

static bool selects(const char *words, const char *name, bool named)
{
	const char *at[8];
	struct pattern_list list = {at, 0};
	char *copy = arena_strdup(arena, words);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		at[list.n++] = word;
	return pattern_selects(&list, name, named);
}

static void the_last_pattern_that_matches_wins(void **state)
{
	(void)state;
	assert_true(selects("** !Junk !Trash/**", "a/Junk", false));
	assert_false(selects("** !Junk !Trash/**", "Junk", false));
	assert_false(selects("** !Junk !Trash/**", "Trash", false));
	assert_false(selects("** !Junk !Trash/**", "Trash/2020/a", false));
	assert_true(selects("** !Trash/** Trash/keep", "Trash/keep", false));
	assert_false(selects("Trash/keep ** !Trash/**", "Trash/keep", false));
	assert_false(selects("a b", "c", false));
	assert_false(selects("", "a", false));
	assert_false(selects("** !inbox", "INBOX", false));
}

static void views_are_taken_in_by_their_name_alone(void **state)
{
	(void)state;
	assert_false(selects("**", "All Mail", true));
	assert_false(selects("** Al*", "All", true));
	assert_true(selects("** All", "All", true));
	assert_true(selects("All **", "All", true));
	assert_false(selects("All !A*", "All", true));
	assert_false(selects("All/**", "All", true));
}

static void wildcards_carry_over_what_they_stood_for(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *name, *result;
	} rows[] = {
		{"Old/**", "New/**", "Old/a/b", "New/a/b"},
		{"Old/**", "New/**", "Old", "New"},
		{"Old/**", "New/**/x", "Old", "New/x"},
		{"Old/**", "**", "Old/a", "a"},
		{"Old/**", "**", "Old", NULL},
		{"Old/**", "New/**", "Older", NULL},
		{"**", "Archive/**", "a/b", "Archive/a/b"},
		{"**", "Archive/**", "INBOX", "Archive/INBOX"},
		{"a**", "x/**", "a/b", "x/b"},
		{"*-*", "*/*", "2020-01-02", "2020/01-02"},
		{"*/**", "**/*", "a/b/c", NULL},
		{"*/*", "x*", "a/b", NULL},
		{"inbox/*", "*", "INBOX/a", "a"},
		{"x/*", "*", "x/Inbox", "INBOX"},
		{"Sent", "Gesendet", "Sent", "Gesendet"},
		{"Sent", "Gesendet", "Sent/a", NULL},
		{"*/*/**", "*.*.**", "a/b/c/d", "a.b.c/d"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *got = pattern_rename(rows[i].from, rows[i].to, rows[i].name, arena);
		if ((got == NULL) != (rows[i].result == NULL))
			fail_msg("row %zu", i);
		if (got != NULL)
			assert_string_equal(got, rows[i].result);
	}
}

static void a_renaming_is_reversible_with_equal_wildcards(void **state)
{
	(void)state;
	assert_true(pattern_reversible("a/*/**", "*-**"));
	assert_true(pattern_reversible("a", "b"));
	assert_true(pattern_reversible("**", "***"));
	assert_false(pattern_reversible("*/**", "**/*"));
	assert_false(pattern_reversible("*", "a"));
	assert_false(pattern_reversible("a", "*"));
	assert_false(pattern_reversible("*", "*/*"));
}

/* All patterns of up to four pieces on all names of up to four, against the definition. */
static bool defined(const char *p, const char *s)
{
	if (*p == '\0')
		return *s == '\0';
	if (*s == '\0' && strcmp(p, "/**") == 0)
		return true;
	if (*p != '*')
		return *p == *s && defined(p + 1, s + 1);
	bool across = p[1] == '*';
	for (const char *rest = s;; rest++) {
		if (defined(p + 1 + across, rest))
			return true;
		if (*rest == '\0' || (*rest == '/' && !across))
			return false;
	}
}

static void every_short_pattern_matches_as_defined(void **state)
{
	(void)state;
	static const char *const piece[] = {"", "a", "b", "/", "*", "**/"};
	char pattern[16], name[8];
	for (unsigned p = 0; p < 6 * 6 * 6 * 6; p++) {
		snprintf(pattern, sizeof pattern, "%s%s%s%s", piece[p % 6], piece[p / 6 % 6],
			piece[p / 36 % 6], piece[p / 216]);
		if (strstr(pattern, "***") != NULL)
			continue;
		for (unsigned s = 0; s < 4 * 4 * 4 * 4; s++) {
			snprintf(name, sizeof name, "%s%s%s%s", piece[s % 4], piece[s / 4 % 4],
				piece[s / 16 % 4], piece[s / 64]);
			if (pattern_match(pattern, name) != defined(pattern, name))
				fail_msg("'%s' on '%s'", pattern, name);
		}
	}
}

static void no_pattern_takes_for_ever(void **state)
{
	(void)state;
	char pattern[512] = "", name[512];
	for (int i = 0; i < 80; i++)
		strcat(pattern, i % 2 ? "a**" : "*a");
	strcat(pattern, "b");
	memset(name, 'a', sizeof name);
	name[sizeof name - 1] = '\0';
	clock_t start = clock();
	assert_false(pattern_match(pattern, name));
	assert_true(clock() - start < CLOCKS_PER_SEC);
}

#define with_arena(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_star_stays_within_a_level_and_two_do_not),
		cmocka_unit_test(inbox_matches_in_any_case_and_other_names_do_not),
		with_arena(the_last_pattern_that_matches_wins),
		with_arena(views_are_taken_in_by_their_name_alone),
		with_arena(wildcards_carry_over_what_they_stood_for),
		cmocka_unit_test(a_renaming_is_reversible_with_equal_wildcards),
		cmocka_unit_test(every_short_pattern_matches_as_defined),
		cmocka_unit_test(no_pattern_takes_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
