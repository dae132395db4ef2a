#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "mail/header.h"

static bool get(const char *text, const char *name, char *out, size_t size)
{
	return header_get(text, strlen(text), name, out, size);
}

static void a_field_is_found_in_any_case_and_the_first_wins(void **state)
{
	(void)state;
	char out[32];
	static const char text[] =
		"Subjects: no\r\nSUBJECT : one \r\nsubject: two\r\n\r\nTo: body\r\n";
	assert_true(get(text, "Subject", out, sizeof out));
	assert_string_equal(out, "one");
	assert_false(get(text, "To", out, sizeof out));
	assert_string_equal(out, "");
	assert_false(get("", "To", out, sizeof out));
	assert_false(header_get(NULL, 0, "To", out, sizeof out));
	assert_false(get("To", "To", out, sizeof out));
	assert_true(get("To:", "To", out, sizeof out));
	assert_string_equal(out, "");
}

static void folds_are_undone(void **state)
{
	(void)state;
	char out[64];
	assert_true(get("A: one\r\n two\r\n\tthree\r\nB: x\r\n", "A", out, sizeof out));
	assert_string_equal(out, "one two\tthree");
	assert_true(get("A:\n one\n  two\n \nB: x\n", "A", out, sizeof out));
	assert_string_equal(out, "one  two");
	assert_true(get("A:\n one\n  two\n \nB: x\n", "B", out, sizeof out));
	assert_true(get("A: one\r\n two", "A", out, sizeof out));
	assert_string_equal(out, "one two");
}

static void a_value_is_cut_where_there_is_no_room(void **state)
{
	(void)state;
	char out[6] = "-----";
	struct header_field field;
	assert_true(header_find("A: one two", 10, "a", &field));
	assert_int_equal(header_unfold(&field, out, sizeof out), 7);
	assert_string_equal(out, "one t");
	assert_int_equal(header_unfold(&field, NULL, 0), 7);
	char nul[16];
	assert_true(header_get("A: b\0c", 6, "A", nul, sizeof nul));
	assert_string_equal(nul, "b c");
}

static void lines_that_are_no_field_are_passed_over(void **state)
{
	(void)state;
	static const char text[] = "From ann@example.org Mon Jan  1 10:00:00 2020\n"
				   " continues: that\n"
				   "garbage\n"
				   ": nameless\n"
				   "\xc3\xbc: eight bits\n"
				   "X:y\n";
	struct header header;
	struct header_field field;
	header_begin(&header, text, sizeof text - 1);
	assert_true(header_next(&header, &field));
	assert_true(header_is(&field, "x"));
	assert_int_equal(field.value_len, 1);
	assert_false(header_next(&header, &field));
	assert_false(header_next(&header, &field));
}

static void every_kind_of_empty_line_ends_the_header(void **state)
{
	(void)state;
	static const char *const end[] = {"\n", "\r\n", "\r\r\n"};
	for (size_t i = 0; i < 3; i++) {
		char text[64], out[8];
		snprintf(text, sizeof text, "A: b\r\n%sC: d\r\n", end[i]);
		assert_true(get(text, "A", out, sizeof out));
		assert_false(get(text, "C", out, sizeof out));

		struct header header;
		struct header_field field;
		header_begin(&header, text, strlen(text));
		assert_true(header_next(&header, &field));
		assert_false(header_next(&header, &field));
		assert_false(header_next(&header, &field));
	}
}

/* B53: with quadratic work this would not end in a day. */
static void a_million_fields_are_read_one_by_one(void **state)
{
	(void)state;
	enum { FIELDS = 1000000 };
	char *text = malloc((size_t)FIELDS * 4);
	for (size_t i = 0; i < FIELDS; i++)
		memcpy(text + i * 4, i % 2 ? "b:x\n" : " :x\n", 4);
	struct header header;
	struct header_field field;
	size_t n = 0;
	header_begin(&header, text, (size_t)FIELDS * 4);
	while (header_next(&header, &field))
		n++;
	assert_int_equal(n, FIELDS / 2);
	memset(text, ' ', (size_t)FIELDS * 4);
	header_begin(&header, text, (size_t)FIELDS * 4);
	assert_false(header_next(&header, &field));
	free(text);
}

static void no_bytes_lead_out_of_a_header(void **state)
{
	(void)state;
	static const char letters[] = "aD:: \t\r\n\n;\0\xff";
	uint32_t seed = 5;
	for (int round = 0; round < 20000; round++) {
		size_t len = (seed = seed * 1664525u + 1013904223u) >> 8 & 31;
		char *text = malloc(len > 0 ? len : 1);
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525u + 1013904223u;
			text[i] = letters[(seed >> 8) % (sizeof letters - 1)];
		}
		struct header header;
		struct header_field field;
		header_begin(&header, text, len);
		while (header_next(&header, &field)) {
			char out[8];
			assert_true(field.name_len > 0);
			assert_true(field.name >= text && field.name < field.value);
			assert_true(field.value + field.value_len <= text + len);
			assert_true(header_unfold(&field, out, sizeof out) <= field.value_len);
			assert_null(strpbrk(out, "\r\n"));
		}
		free(text);
	}
}

/* S23 */
static void a_message_was_sent_when_its_header_says(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;
		int16_t zone;
	} rows[] = {
		{"Received: by x; 1 Jan 2020 00:00:00 +0000\nDate: 17 Jul 1996 02:44:25 -0700\n",
			837596665, -420},
		{"Date: never\nReceived: from a; by b; Wed,\r\n 17 Jul 1996 09:44:25 +0000 (UTC)\n"
		 "Received: by c; 1 Jan 2020 00:00:00 +0000\n",
			837596665, 0},
		{"Received: by a\nReceived: by b; never\nReceived: x;17 Jul 1996 02:44:25 -0700",
			837596665, -420},
		{"Date: never\nDate: 17 Jul 1996 09:44:25 GMT\n", 837596665, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t seconds = 7;
		int16_t zone = 7;
		assert_true(header_date(rows[i].text, strlen(rows[i].text), &seconds, &zone));
		assert_int_equal(seconds, rows[i].seconds);
		assert_int_equal(zone, rows[i].zone);
	}
	int64_t seconds = 7;
	int16_t zone = 7;
	static const char none[] =
		"Date: x\nReceived: y; z\nReceived: 1 Jan 2020\n\nDate: 1 Jan 2020";
	assert_false(header_date(none, sizeof none - 1, &seconds, &zone));
	assert_int_equal(seconds, 7);
	assert_int_equal(zone, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_is_found_in_any_case_and_the_first_wins),
		cmocka_unit_test(folds_are_undone),
		cmocka_unit_test(a_value_is_cut_where_there_is_no_room),
		cmocka_unit_test(lines_that_are_no_field_are_passed_over),
		cmocka_unit_test(every_kind_of_empty_line_ends_the_header),
		cmocka_unit_test(a_million_fields_are_read_one_by_one),
		cmocka_unit_test(no_bytes_lead_out_of_a_header),
		cmocka_unit_test(a_message_was_sent_when_its_header_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
