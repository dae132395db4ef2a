#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mail/search.h"

static struct arena *arena;
static struct flag_table *table;

static int make_all(void **state)
{
	(void)state;
	arena = arena_new();
	table = flag_table_new();
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	arena_free(arena);
	flag_table_free(table);
	return 0;
}

static struct search *parse(const char *text)
{
	struct error err = {0};
	struct search *search = search_parse(text, arena, &err);
	if (search == NULL)
		fail_msg("'%s': %s", text, err.text);
	return search;
}

static const char header[] = "From: Ann <ann@Example.org>\r\n"
			     "To: bob@example.org,\r\n"
			     " carol@example.org\r\n"
			     "Subject: minutes of the\r\n"
			     " meeting\r\n"
			     "Date: Thu, 18 Jul 1996 01:30:00 +0200\r\n"
			     "X-Spam:\r\n"
			     "List-Id: <one>\r\n"
			     "List-Id: <two>\r\n"
			     "\r\n"
			     "Subject: body\r\n";

/* Received on the 17th in its zone, which is the 18th in UTC; sent on the 18th in its zone. */
static struct message message(void)
{
	return (struct message){
		.size = 1000,
		.received = 837648000 + 3600, /* 18-Jul-1996 01:00 UTC */
		.zone = -120,
		.flags = flags_parse(table, "\\Seen \\Flagged $Junk"),
	};
}

static bool matches(const char *text)
{
	struct message m = message();
	struct search *search = parse(text);
	const char *block = search_needs_header(search) ? header : NULL;
	return search_matches(search, &m, table, block, block == NULL ? 0 : sizeof header - 1);
}

static void each_key_answers_for_itself(void **state)
{
	(void)state;
	static const char *const yes[] = {"ALL", "SEEN", "FLAGGED", "UNANSWERED", "UNDRAFT",
		"UNDELETED", "KEYWORD $junk", "UNKEYWORD $NotJunk", "LARGER 999", "SMALLER 1001",
		"ON 17-Jul-1996", "SINCE 17-Jul-1996", "BEFORE 18-Jul-1996", "SINCE 1-Jan-1996",
		"SENTON 18-Jul-1996", "SENTSINCE \"18-Jul-1996\"", "SENTBEFORE 19-Jul-1996",
		"FROM ann", "FROM EXAMPLE.ORG", "TO carol", "TO bob@example.org", "SUBJECT MINUTES",
		"SUBJECT \"the meeting\"", "HEADER list-id two", "HEADER X-Spam \"\"",
		"HEADER List-ID \"\"", "seen"};
	static const char *const no[] = {"UNSEEN", "UNFLAGGED", "ANSWERED", "DRAFT", "DELETED",
		"UNKEYWORD $Junk", "KEYWORD $Jun", "KEYWORD Seen", "LARGER 1000", "SMALLER 1000",
		"ON 18-Jul-1996", "SINCE 18-Jul-1996", "BEFORE 17-Jul-1996", "SENTON 17-Jul-1996",
		"SENTBEFORE 18-Jul-1996", "SENTSINCE 19-Jul-1996", "FROM bob", "CC \"\"", "BCC ann",
		"SUBJECT body", "SUBJECT \"the  meeting\"", "HEADER X-Spam yes",
		"HEADER X-Ham \"\"", "HEADER List-Id three", "SUBJECT \"minutes of the meeting \""};
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!matches(yes[i]))
			fail_msg("'%s' does not match", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (matches(no[i]))
			fail_msg("'%s' matches", no[i]);
}

static void keys_combine(void **state)
{
	(void)state;
	assert_true(matches("SEEN FLAGGED LARGER 10"));
	assert_false(matches("SEEN FLAGGED LARGER 10000"));
	assert_true(matches("OR UNSEEN FLAGGED"));
	assert_true(matches("OR FLAGGED UNSEEN"));
	assert_false(matches("OR UNSEEN UNFLAGGED"));
	assert_true(matches("NOT UNSEEN NOT DRAFT"));
	assert_false(matches("NOT SEEN"));
	assert_true(matches("NOT (SEEN DRAFT)"));
	assert_false(matches("NOT (SEEN FLAGGED)"));
	assert_true(matches("OR (UNSEEN) (FROM ann (SEEN))"));
	assert_true(matches("OR UNSEEN OR DRAFT OR FROM ann DELETED"));
	assert_false(matches("OR SEEN UNSEEN UNFLAGGED"));
	assert_true(matches("NOT NOT SEEN"));
	assert_false(matches("OR NOT SEEN NOT FLAGGED"));
}

static void what_a_message_does_not_tell_matches_nothing(void **state)
{
	(void)state;
	static const char *const about[] = {"BEFORE 1-Jan-2100", "SINCE 1-Jan-1900", "LARGER 0",
		"SMALLER 4294967295", "SENTBEFORE 1-Jan-2100", "SENTSINCE 1-Jan-1900", "FROM \"\""};
	struct message m = {.received = RECEIVED_UNKNOWN};
	for (size_t i = 0; i < sizeof about / sizeof *about; i++)
		assert_false(search_matches(parse(about[i]), &m, table, "Date: never\n", 12));
	assert_false(search_matches(parse("FROM x"), &m, table, NULL, 0));
	assert_true(search_matches(parse("NOT FROM x"), &m, table, NULL, 0));
}

static void only_header_keys_need_the_header(void **state)
{
	(void)state;
	assert_false(search_needs_header(parse("OR SEEN (BEFORE 1-Jan-2020 LARGER 3)")));
	assert_true(search_needs_header(parse("OR SEEN (NOT (SENTON 1-Jan-2020))")));
	assert_true(search_needs_header(parse("HEADER a b")));
	assert_true(search_needs_header(parse("SEEN SUBJECT b")));
}

static void the_text_is_what_a_server_takes(void **state)
{
	(void)state;
	assert_string_equal(search_text(parse("  SEEN   (not(DRAFT) )from  \"a \\\"  b\" ")),
		"SEEN (not (DRAFT)) from \"a \\\"  b\"");
	assert_string_equal(search_text(parse("((SEEN)(UNSEEN))HEADER x \"\"DRAFT")),
		"((SEEN) (UNSEEN)) HEADER x \"\" DRAFT");
}

static void wrong_words_are_named_with_what_is_possible(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"", "the search ends, but it needs a key"},
		{"SEEN )", "a ')' of the search has no '('"},
		{")", "')' stands in the search where it needs a key"},
		{"()", "')' stands in the search where '(' needs a key"},
		{"(SEEN", "the search ends, but '(' needs its ')'"},
		{"NOT", "the search ends, but NOT needs a key"},
		{"OR SEEN", "the search ends, but OR needs a key"},
		{"(OR SEEN) DRAFT", "')' stands in the search where OR needs a key"},
		{"\"SEEN\"", "'\"SEEN\"' stands in the search where it needs a key"},
		{"BEFORE 2020-01-01", "'2020-01-01' stands in the search where BEFORE needs a date "
				      "like 1-Feb-1994"},
		{"SENTON (x)",
			"'(' stands in the search where SENTON needs a date like 1-Feb-1994"},
		{"ON 30-Feb-2020",
			"'30-Feb-2020' stands in the search where ON needs a date like 1-Feb-1994"},
		{"LARGER 25M", "'25M' stands in the search where LARGER needs a number of octets "
			       "below 4294967296"},
		{"LARGER 4294967296", "'4294967296' stands in the search where LARGER needs a "
				      "number of octets below 4294967296"},
		{"LARGER 99999999999999999999999999", "'99999999999999999999999999' stands in the "
						      "search where LARGER needs a number of "
						      "octets below 4294967296"},
		{"SMALLER -1", "'-1' stands in the search where SMALLER needs a number of octets "
			       "below 4294967296"},
		{"KEYWORD \"$Junk\"", "'\"$Junk\"' stands in the search where KEYWORD needs a "
				      "keyword like $Junk"},
		{"KEYWORD a]b",
			"'a]b' stands in the search where KEYWORD needs a keyword like $Junk"},
		{"KEYWORD", "the search ends, but KEYWORD needs a keyword like $Junk"},
		{"KEYWORD \\Seen", "'\\Seen' in the search must stand in double quotes"},
		{"FROM a*b", "'a*b' in the search must stand in double quotes"},
		{"FROM {3}", "'{3}' in the search must stand in double quotes"},
		{"FROM (a)", "'(' stands in the search where FROM needs a word, or text in double "
			     "quotes"},
		{"SUBJECT \"a", "a double quote of the search is not closed: \"a"},
		{"SUBJECT \"a\\", "a backslash in the search stands before neither a double quote "
				  "nor a backslash: \"a\\"},
		{"SUBJECT \"a\\b\"", "a backslash in the search stands before neither a double "
				     "quote nor a backslash: \"a\\b\""},
		{"HEADER \"\" x", "'\"\"' stands in the search where HEADER needs the name of a "
				  "header field, without a colon"},
		{"HEADER X: x", "'X:' stands in the search where HEADER needs the name of a header "
				"field, without a colon"},
		{"HEADER X", "the search ends, but HEADER needs a word, or text in double quotes"},
		{"FROM \xc3\xbc", "byte 6 of the search is not a printable ASCII character"},
		{"SEEN\r\nA1 LOGOUT", "byte 5 of the search is not a printable ASCII character"},
		{"SEEN\x7f", "byte 5 of the search is not a printable ASCII character"},
		{"SEEN\tDRAFT", "byte 5 of the search is not a printable ASCII character"},
		{"BODY x",
			"unknown search key 'BODY'; possible are ALL ANSWERED BCC BEFORE CC "
			"DELETED "
			"DRAFT FLAGGED FROM HEADER KEYWORD LARGER NOT ON OR SEEN SENTBEFORE SENTON "
			"SENTSINCE SINCE SMALLER SUBJECT TO UNANSWERED UNDELETED UNDRAFT UNFLAGGED "
			"UNKEYWORD UNSEEN"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct error err = {0};
		assert_null(search_parse(rows[i].text, arena, &err));
		assert_string_equal(err.text, rows[i].error);
		assert_int_equal(err.cause, CAUSE_CONFIG);
	}
}

static const char *repeated(const char *piece, size_t n, const char *tail)
{
	char *text = arena_alloc(arena, strlen(piece) * n + strlen(tail) + 1), *end = text;
	for (size_t i = 0; i < n; i++)
		end = stpcpy(end, piece);
	strcpy(end, tail);
	return text;
}

static void depth_and_length_have_limits(void **state)
{
	(void)state;
	struct error err = {0};
	parse(repeated("OR FROM a ", 255, "SEEN"));
	assert_null(search_parse(repeated("OR FROM a ", 256, "SEEN"), arena, &err));
	assert_string_equal(err.text, "the search is nested more than 256 deep");
	assert_null(search_parse(repeated("(", 4000, ""), arena, &err));
	assert_string_equal(err.text, "the search is nested more than 256 deep");
	parse(repeated("SEEN ", 1600, ""));
	assert_null(search_parse(repeated("SEEN ", 1600, "x"), arena, &err));
	assert_string_equal(err.text, "the search has 8001 bytes, 8000 are possible");
}

static void no_field_takes_for_ever(void **state)
{
	(void)state;
	enum { LONG = 1000000 };
	char *block = arena_alloc(arena, LONG);
	memset(block, '\r', LONG);
	memcpy(block, "From: a", 7);
	memcpy(block + LONG - 3, "b\n", 2);
	struct message m = message();
	clock_t start = clock();
	assert_false(search_matches(parse("FROM b@example.org"), &m, table, block, LONG));
	assert_true(search_matches(parse("FROM ab"), &m, table, block, LONG));
	assert_true(clock() - start < CLOCKS_PER_SEC);
}

static void no_text_leads_out_of_the_parser(void **state)
{
	(void)state;
	static const char *const pieces[] = {"(", ")", "\"", "\\", " ", "OR", "NOT", "SEEN", "FROM",
		"HEADER", "a", "1", "1-Jan-2020", "ON", "LARGER", "{", "KEYWORD", "]"};
	uint32_t seed = 9;
	unsigned parsed = 0;
	for (int round = 0; round < 30000; round++) {
		char text[160] = "";
		for (uint32_t n = 1 + (seed >> 20) % 9; n > 0; n--) {
			seed = seed * 1664525u + 1013904223u;
			strcat(text, pieces[(seed >> 8) % (sizeof pieces / sizeof *pieces)]);
			if (seed & 1u << 28)
				strcat(text, " ");
		}
		struct error err = {0};
		struct search *search = search_parse(text, arena, &err);
		if (search == NULL) {
			assert_true(err.text[0] != '\0');
		} else {
			struct message m = message();
			bool matched = search_matches(search, &m, table, header, sizeof header - 1);
			struct search *again = parse(search_text(search));
			assert_string_equal(search_text(again), search_text(search));
			assert_int_equal(
				search_matches(again, &m, table, header, sizeof header - 1),
				matched);
			parsed++;
		}
		arena_reset(arena);
	}
	assert_true(parsed > 100);
}

#define with_all(f) cmocka_unit_test_setup_teardown(f, make_all, free_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_all(each_key_answers_for_itself),
		with_all(keys_combine),
		with_all(what_a_message_does_not_tell_matches_nothing),
		with_all(only_header_keys_need_the_header),
		with_all(the_text_is_what_a_server_takes),
		with_all(wrong_words_are_named_with_what_is_possible),
		with_all(depth_and_length_have_limits),
		with_all(no_field_takes_for_ever),
		with_all(no_text_leads_out_of_the_parser),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
