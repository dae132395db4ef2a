#include "unit.h"

#include <string.h>

#include "base/json.h"
#include "sync/report.h"

static struct buffer out;

static const char *quoted(const char *text)
{
	buffer_finish(&out);
	buffer_init(&out, 4096);
	assert_true(json_string(&out, text));
	return out.data;
}

static void text_becomes_a_string_that_every_parser_reads(void **state)
{
	(void)state;
	assert_string_equal(quoted("plain"), "\"plain\"");
	assert_string_equal(quoted("a \"b\" \\ c"), "\"a \\\"b\\\" \\\\ c\"");
	assert_string_equal(quoted("tab\tend\x1b\x7f"), "\"tab\\u0009end\\u001b\\u007f\"");
	assert_string_equal(quoted("Gr\xc3\xbc\xc3\x9f"), "\"Gr\xc3\xbc\xc3\x9f\"");
	assert_string_equal(quoted("bad \xff\xc3"), "\"bad \xef\xbf\xbd\xef\xbf\xbd\"");
	assert_string_equal(quoted(NULL), "null");
	buffer_finish(&out);
}

static void a_string_past_the_limit_is_refused(void **state)
{
	(void)state;
	buffer_init(&out, 5);
	assert_false(json_string(&out, "12345"));
	buffer_finish(&out);
}

static void the_end_of_a_run_tells_what_was_done_to_each_side(void **state)
{
	(void)state;
	struct store_config a = {.name = "work"}, b = {.name = "lap\"top"};
	struct pair_config pair = {.name = "p", .store = {&a, &b}};
	struct report report = {.pair = &pair,
		.exit = 1,
		.ended = 837596665,
		.seconds = 1.5,
		.equal = 7,
		.mailboxes = 2,
		.problems = 1};
	report.side[RIGHT].copied = 3;
	report.side[LEFT].round_trips = 4;
	report.conflicts = 2;
	buffer_init(&out, 4096);
	assert_true(report_json(&report, &out));
	assert_string_equal(out.data,
		"{\"v\":1,\"event\":\"end\",\"time\":\"1996-07-17T09:44:25Z\",\"pair\":\"p\","
		"\"exit\":1,\"seconds\":1.500,\"mailboxes\":2,\"equal\":7,\"problems\":1,"
		"\"held_deletions\":0,\"conflicts\":2,\"sides\":{"
		"\"work\":{\"copied\":0,\"flagged\":0,\"deleted\":0,\"moved\":0,\"bytes_in\":0,"
		"\"bytes_out\":0,\"round_trips\":4},"
		"\"lap\\\"top\":{\"copied\":3,\"flagged\":0,\"deleted\":0,\"moved\":0,\"bytes_in\":"
		"0,"
		"\"bytes_out\":0,\"round_trips\":0}}}");
	buffer_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_becomes_a_string_that_every_parser_reads),
		cmocka_unit_test(a_string_past_the_limit_is_refused),
		cmocka_unit_test(the_end_of_a_run_tells_what_was_done_to_each_side),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
