#include "unit.h"

#include <string.h>

#include "mail/message.h"
#include "mail/sidecar.h"

static struct arena *arena;
static struct buffer out;

static int begin(void **state)
{
	(void)state;
	arena = arena_new();
	buffer_init(&out, 4096);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	buffer_finish(&out);
	return 0;
}

static bool read_line(const char *text, struct sidecar *line)
{
	return sidecar_read(text, strlen(text), arena, line);
}

static void a_message_of_an_mbox_is_read_as_it_was_written(void **state)
{
	static const struct sidecar line = {.offset = 7,
		.length = 512,
		.size = 530,
		.digest = "9f86",
		.received = 837596665,
		.zone = -420,
		.flags = "\\Seen $Fwd a%20b"};
	struct sidecar got;
	(void)state;
	assert_true(sidecar_write(&line, &out));
	assert_string_equal(out.data,
		"{\"v\":1,\"offset\":7,\"length\":512,\"size\":530,\"lines\":\"crlf\","
		"\"sha256\":\"9f86\",\"internaldate\":\"17-Jul-1996 02:44:25 -0700\","
		"\"flags\":[\"\\\\Seen\",\"$Fwd\",\"a%20b\"]}\n");
	assert_true(read_line(out.data, &got));
	assert_int_equal(got.offset, 7);
	assert_int_equal(got.length, 512);
	assert_int_equal(got.size, 530);
	assert_false(got.raw);
	assert_string_equal(got.digest, "9f86");
	assert_int_equal(got.received, 837596665);
	assert_int_equal(got.zone, -420);
	assert_string_equal(got.flags, "\\Seen $Fwd a%20b");
	assert_null(got.file);
}

static void a_message_without_a_date_stays_without_one(void **state)
{
	static const struct sidecar line = {
		.file = "1.eml", .raw = true, .received = RECEIVED_UNKNOWN, .flags = ""};
	struct sidecar got;
	(void)state;
	assert_true(sidecar_write(&line, &out));
	assert_true(read_line(out.data, &got));
	assert_true(got.received == RECEIVED_UNKNOWN);
	assert_string_equal(got.file, "1.eml");
	assert_string_equal(got.flags, "");
	assert_null(got.digest);
	assert_true(got.raw);
}

static void a_mailbox_keeps_its_name_and_use(void **state)
{
	static const struct sidecar line = {.mailbox = "Gr\xc3\xbc\xc3\x9f"
						       "e \"\\\x7f/x",
		.use = USE_SENT | USE_IMPORTANT,
		.subscribed = true};
	struct sidecar got;
	(void)state;
	assert_true(sidecar_write(&line, &out));
	assert_true(read_line(out.data, &got));
	assert_string_equal(got.mailbox, line.mailbox);
	assert_int_equal(got.use, USE_SENT | USE_IMPORTANT);
	assert_true(got.subscribed);
}

static void escapes_blanks_and_members_of_later_versions_are_understood(void **state)
{
	struct sidecar got;
	(void)state;
	assert_true(read_line(" { \"later\" : [ {\"a\":[1,-2.5e3,null]} , \"x\" ] ,\r\n"
			      "\"v\" : 1 , \"mailbox\":\"\\u00e9\\u20ac\\ud83d\\ude00\\/\\t\"} \n",
		&got));
	assert_string_equal(got.mailbox, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80/\t");
}

static void what_is_no_line_of_ours_is_refused(void **state)
{
	static const char *const bad[] = {"", "{}", "{\"v\":2}", "{\"v\":1", "{\"v\":1}x",
		"[\"v\",1]", "{\"v\":1,}", "{\"v\":1,\"offset\":-1}", "{\"size\":1}",
		"{\"v\":1,\"size\":99999999999999999999}", "{\"v\":1,\"mailbox\":\"\\ud800x\"}",
		"{\"v\":1,\"mailbox\":\"\\u0000\"}", "{\"v\":1,\"mailbox\":\"\xff\"}",
		"{\"v\":1,\"mailbox\":\"a\nb\"}", "{\"v\":1,\"mailbox\":\"open}",
		"{\"v\":1,\"flags\":[\"a b\"]}", "{\"v\":1,\"flags\":\"a\"}",
		"{\"v\":1,\"lines\":\"lf\"}", "{\"v\":1,\"internaldate\":\"yesterday\"}",
		"{\"v\":1,\"x\":[[[[[[[[[[1]]]]]]]]]]}", "{\"v\":1,\"mailbox\":\"\\"};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct sidecar got;
		if (read_line(bad[i], &got))
			fail_msg("read: %s", bad[i]);
	}
}

static void a_line_cut_anywhere_is_refused(void **state)
{
	static const char line[] =
		"{\"v\":1,\"file\":\"1.eml\",\"size\":5,\"lines\":\"raw\","
		"\"sha256\":null,\"internaldate\":null,\"flags\":[\"\\\\Seen\"]}";
	struct sidecar got;
	(void)state;
	for (size_t n = 0; n < sizeof line - 1; n++) {
		char *cut = arena_memdup(arena, line, n == 0 ? 1 : n);
		assert_false(sidecar_read(cut, n, arena, &got));
	}
	assert_true(sidecar_read(line, sizeof line - 1, arena, &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_message_of_an_mbox_is_read_as_it_was_written, begin, end),
		cmocka_unit_test_setup_teardown(
			a_message_without_a_date_stays_without_one, begin, end),
		cmocka_unit_test_setup_teardown(a_mailbox_keeps_its_name_and_use, begin, end),
		cmocka_unit_test_setup_teardown(
			escapes_blanks_and_members_of_later_versions_are_understood, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_line_of_ours_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(a_line_cut_anywhere_is_refused, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
