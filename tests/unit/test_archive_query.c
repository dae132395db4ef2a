#include "unit.h"

#include <string.h>

#include "archive/archive.h"

#define DAY INT64_C(86400)

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct archive_query query(const char *text)
{
	struct archive_query q;
	struct error err = {0};
	if (!archive_query_read(text, arena, &q, &err))
		fail_msg("%s: %s", text, err.text);
	return q;
}

static void assert_refused(const char *text, const char *why)
{
	struct archive_query q;
	struct error err = {0};
	assert_false(archive_query_read(text, arena, &q, &err));
	assert_int_equal(err.cause, CAUSE_CONFIG);
	if (strstr(err.text, why) == NULL)
		fail_msg("%s: '%s' does not say '%s'", text, err.text, why);
}

static void what_is_looked_up_is_always_quoted(void **state)
{
	(void)state;
	static const struct {
		const char *text, *match;
	} samples[] = {
		{"minutes", "\"minutes\""},
		{" two \t words ", "\"two\" AND \"words\""},
		{"\"two words\"", "\"two words\""},
		{"\"never closed", "\"never closed\""},
		{"a OR b", "\"a\" AND \"OR\" AND \"b\""},
		{"NEAR(a", "\"NEAR(a\""},
		{"a\"b", "\"a\"\"b\""},
		{"{from}a", "\"{from}a\""},
		{"minut*", "\"minut\" *"},
		{"\"minut*\"", "\"minut*\""},
		{"x:y", "\"x:y\""},
		{"fro:m", "\"fro:m\""},
		{"From:ann", "{\"from\"} : \"ann\""},
		{"to:ann", "{\"to\" cc} : \"ann\""},
		{"subject:\"of May\" b", "{subject} : \"of May\" AND \"b\""},
		{"subject:re:", "{subject} : \"re:\""},
	};
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
		assert_string_equal(query(samples[i].text).match, samples[i].match);
}

static void days_begin_where_after_says_and_end_before_before(void **state)
{
	(void)state;
	struct archive_query q = query("after:1970-01-02 before:\"1970-01-04\"");
	assert_int_equal(q.after, DAY);
	assert_int_equal(q.before, 3 * DAY);
	assert_null(q.match);
	q = query("");
	assert_int_equal(q.after, INT64_MIN);
	assert_int_equal(q.before, INT64_MAX);
}

static void mailboxes_are_patterns_in_their_order(void **state)
{
	(void)state;
	struct archive_query q = query("mailbox:Lists/** mailbox:\"!Lists/Old C\" a");
	assert_int_equal(q.mailboxes.n, 2);
	assert_string_equal(q.mailboxes.at[0], "Lists/**");
	assert_string_equal(q.mailboxes.at[1], "!Lists/Old C");
	assert_string_equal(q.match, "\"a\"");
}

static void what_cannot_be_searched_is_refused_with_a_reason(void **state)
{
	(void)state;
	static const char *const empty[] = {"from:", "subject: a", "mailbox:\"\"", "before:"};
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
		assert_refused(empty[i], "wants something behind it");
	assert_refused("a + b", "no word to search for in '+'");
	assert_refused("*", "no word to search for");
	assert_refused("\"\"", "no word to search for");
	assert_refused("after:soon", "is no date");
	assert_refused("before:2026-13-01", "is no date");
	assert_refused("\xff", "no UTF-8");
}

static void a_search_has_no_more_words_than_the_index_takes(void **state)
{
	(void)state;
	static char text[2 * 61 + 1], long_word[100 * 1024];
	for (size_t i = 0; i < 61; i++)
		memcpy(text + 2 * i, "a ", 2);
	assert_refused(text, "60 words at most");
	text[2 * 60] = '\0';
	assert_non_null(query(text).match);
	memset(long_word, 'a', sizeof long_word - 1);
	assert_refused(long_word, "too long");
}

static void what_has_no_blanks_between_words_is_looked_for_in_each_header(void **state)
{
	(void)state;
	struct archive_query q =
		query("minutes subject:\xe8\xad\xb0* \"\xe0\xb8\x81 b\" k\xc3\xb6ln");
	assert_string_equal(q.match, "\"minutes\" AND \"k\xc3\xb6ln\"");
	assert_int_equal(q.n_within, 2);
	assert_string_equal(q.within[0].text, "\xe8\xad\xb0");
	assert_int_equal(q.within[0].columns, ARCHIVE_IN_SUBJECT);
	assert_string_equal(q.within[1].text, "\xe0\xb8\x81 b");
	assert_int_equal(q.within[1].columns, ARCHIVE_IN_ANY);
	assert_null(query("\xe4\xb8\xad").match);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_looked_up_is_always_quoted),
		cmocka_unit_test(days_begin_where_after_says_and_end_before_before),
		cmocka_unit_test(mailboxes_are_patterns_in_their_order),
		cmocka_unit_test(what_cannot_be_searched_is_refused_with_a_reason),
		cmocka_unit_test(a_search_has_no_more_words_than_the_index_takes),
		cmocka_unit_test(what_has_no_blanks_between_words_is_looked_for_in_each_header),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
