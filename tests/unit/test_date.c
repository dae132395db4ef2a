#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mail/date.h"

static void internal_dates_go_both_ways(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;
		int16_t zone;
	} rows[] = {
		{"17-Jul-1996 02:44:25 -0700", 837596665, -420},
		{" 1-Jan-1970 00:00:00 +0000", 0, 0},
		{" 1-Jan-1970 00:00:00 +1400", -50400, 840},
		{"31-Dec-1969 23:59:59 +0000", -1, 0},
		{"29-Feb-2000 12:00:00 +0530", 951805800, 330},
		{" 1-Jan-1900 00:00:00 +0000", -2208988800, 0},
		{"31-Dec-9999 23:59:59 +0000", 253402300799, 0},
		{"31-Dec-9999 23:59:59 -2359", 253402387139, -1439},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t seconds = 7;
		int16_t zone = 7;
		char text[DATE_INTERNAL_SIZE];
		assert_true(
			date_parse_internal(rows[i].text, strlen(rows[i].text), &seconds, &zone));
		assert_int_equal(seconds, rows[i].seconds);
		assert_int_equal(zone, rows[i].zone);
		assert_true(date_format_internal(seconds, zone, text));
		assert_string_equal(text, rows[i].text);
	}
}

static void a_day_of_one_digit_may_stand_in_three_ways(void **state)
{
	(void)state;
	static const char *const same[] = {" 2-Feb-2020 10:00:00 +0100",
		"02-feb-2020 10:00:00 +0100", "2-FEB-2020 10:00:00 +0100"};
	for (size_t i = 0; i < 3; i++) {
		int64_t seconds;
		int16_t zone;
		assert_true(date_parse_internal(same[i], strlen(same[i]), &seconds, &zone));
		assert_int_equal(seconds, 1580634000);
	}
}

/* B27 */
static void S23_what_is_no_internal_date_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", " ", "99-Foo-9999 99:99:99 +9999",
		"01-Jan-0001 00:00:00 +0000", "31-Dec-1899 23:59:59 +0000",
		"30-Feb-2020 00:00:00 +0000", "29-Feb-1900 00:00:00 +0000",
		"00-Jan-2020 00:00:00 +0000", "01-Jan-2020 24:00:00 +0000",
		"01-Jan-2020 00:60:00 +0000", "01-Jan-2020 00:00:61 +0000",
		"01-Jan-2020 00:00:00 +2400", "01-Jan-2020 00:00:00 +0060",
		"01-Jan-2020 00:00:00 0000", "01-Jan-2020 00:00:00 +000", "01-Jan-2020 00:00:00",
		"01-Jan-2020 00:00:00 +0000 ", "01-Jan-20200 00:00:00 +0000",
		"001-Jan-2020 00:00:00 +0000", "-1-Jan-2020 00:00:00 +0000",
		"01 Jan 2020 00:00:00 +0000", "01-Jan-99999999999999999999 00:00:00 +0000"};
	int64_t seconds = 7;
	int16_t zone = 7;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (date_parse_internal(bad[i], strlen(bad[i]), &seconds, &zone))
			fail_msg("'%s' is a date", bad[i]);
	for (size_t n = 0; n < 26; n++) {
		char *cut = malloc(n + 1); /* its exact size, or nearly: reading on is seen */
		memcpy(cut, "01-Jan-2020 00:00:00 +0000", n);
		cut[n] = '0';
		assert_false(date_parse_internal(cut, n, &seconds, &zone));
		free(cut);
	}
	assert_int_equal(seconds, 7);
	assert_int_equal(zone, 7);

	char *garbage = malloc(4096);
	memset(garbage, '9', 4096);
	assert_false(date_parse_internal(garbage, 4096, &seconds, &zone));
	assert_false(date_parse_header(garbage, 4096, &seconds, &zone));
	assert_false(date_parse_day(garbage, 4096, &seconds));
	memset(garbage, ' ', 4096);
	memcpy(garbage, "1 Jan 2020", 10);
	assert_false(date_parse_header(garbage, 4096, &seconds, &zone));
	memset(garbage, '(', 4096);
	assert_false(date_parse_header(garbage, 4096, &seconds, &zone));
	free(garbage);
}

static void an_instant_without_a_form_is_not_formatted(void **state)
{
	(void)state;
	char text[DATE_INTERNAL_SIZE];
	static const int64_t out[] = {
		INT64_MIN, INT64_MAX, -2208988801, 253402300800, INT64_MIN + 1, INT64_MAX - 1};
	for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
		assert_false(date_format_internal(out[i], 0, text));
		assert_false(date_format_rfc3339(out[i], text));
		assert_string_equal(text, "");
	}
	assert_false(date_format_internal(253402300799, 1, text));
	assert_false(date_format_internal(-2208988800, -1, text));
	assert_false(date_format_internal(0, 24 * 60, text));
	assert_false(date_format_internal(0, INT16_MIN, text));
	date_day(INT64_MIN, INT16_MIN);
	date_day(INT64_MAX, INT16_MAX);
}

static void every_day_has_its_own_date(void **state)
{
	(void)state;
	for (int64_t day = -25567; day < 2932897; day += 1 + (day & 7)) {
		char text[DATE_INTERNAL_SIZE], known[DATE_INTERNAL_SIZE];
		time_t noon = (time_t)(day * 86400 + 43200);
		struct tm tm;
		gmtime_r(&noon, &tm);
		strftime(known, sizeof known, "%Y-%m-%dT%H:%M:%SZ", &tm);
		assert_true(date_format_rfc3339(noon, text));
		assert_string_equal(text, known);
		int64_t seconds, same_day;
		int16_t zone;
		assert_true(date_format_internal(noon, -90, text));
		assert_true(date_parse_internal(text, strlen(text), &seconds, &zone));
		assert_int_equal(seconds, noon);
		assert_true(date_parse_day(text + (*text == ' '), 11 - (*text == ' '), &same_day));
		assert_int_equal(same_day, day);
		assert_int_equal(date_day(noon, -90), day);
	}
}

static void a_day_is_that_of_the_zone(void **state)
{
	(void)state;
	assert_int_equal(date_day(0, 0), 0);
	assert_int_equal(date_day(0, -1), -1);
	assert_int_equal(date_day(-1, 0), -1);
	assert_int_equal(date_day(-86400, 0), -1);
	assert_int_equal(date_day(-86401, 0), -2);
	assert_int_equal(date_day(86399, 1), 1);
	int64_t day = 7;
	assert_true(date_parse_day("1-Feb-1994", 10, &day));
	assert_int_equal(day, 8797);
	assert_false(date_parse_day("1-Feb-94", 8, &day));
	assert_false(date_parse_day(" 1-Feb-1994", 11, &day));
	assert_false(date_parse_day("31-Apr-1994", 11, &day));
	assert_false(date_parse_day("1-Feb-1994 ", 11, &day));
	assert_int_equal(day, 8797);
}

static void date_fields_are_read_as_programs_write_them(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;
		int16_t zone;
	} rows[] = {
		{"Wed, 17 Jul 1996 02:44:25 -0700", 837596665, -420},
		{"17 Jul 1996 02:44:25 -0700 (PDT)", 837596665, -420},
		{" Wed,\r\n\t17 Jul 96 02:44:25 PDT", 837596665, -420},
		{"Wednesday, 17-Jul-96 09:44:25 GMT", 837596665, 0},
		{"Wed Jul 17 09:44:25 1996", 837596665, 0},
		{"Wed Jul 17 09:44:25 UTC 1996", 837596665, 0},
		{"17 Jul 096 09:44:25 Z", 837596665, 0},
		{"1996-Jul-17 09:44:25", 837596665, 0},
		{"Wed (a (nested \\) one)), 17 (x) Jul 1996 9:44:25.5 (y", 837596665, 0},
		{"17 July 1996 09:44 ut", 837596640, 0},
		{"17 Jul 1996 10:44:25 GMT+0100", 837596665, 60},
		{"17 Jul 1996 09:44:25 A", 837596665, 0},
		{"17 Jul 1996", 837561600, 0},
		{"1 Jan 49 00:00:00 +0000", 2493072000, 0},
		{"1 Jan 50 00:00:00 +0000", -631152000, 0},
		{"Sat, 1 Mar 2003 00:00:00 est", 1046494800, -300},
		{"31 Dec 2016 23:59:60 +0000", 1483228800, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t seconds = 7;
		int16_t zone = 7;
		if (!date_parse_header(rows[i].text, strlen(rows[i].text), &seconds, &zone))
			fail_msg("'%s' is no date", rows[i].text);
		assert_int_equal(seconds, rows[i].seconds);
		assert_int_equal(zone, rows[i].zone);
	}
}

static void what_is_no_date_field_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "Wed", "today", "17", "17 Jul", "Jul 1996",
		"0 Jul 1996", "0 5 Jul 1996", "32 Jul 1996", "31 Jun 1996", "17 Jul 1996 24:00:00",
		"17 Jul 1996 1:2:3", "17 Jul 1996 10:00:00 +9999", "17 Jul 1996 10:00:00 +1",
		"17 Jul 1996 10:00:00 11:00:00", "17 Jul 1996 18", "17 Jul 10000",
		"17 Jul 1996 10:00:00 \xc3\xbc", "1-1-1996", "17 Jul 1899 10:00:00 +0000",
		"17 Jul 1 10:00:00 +0000", "17 Jul 1996 :00", "17/07/1996"};
	int64_t seconds = 7;
	int16_t zone = 7;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (date_parse_header(bad[i], strlen(bad[i]), &seconds, &zone))
			fail_msg("'%s' is a date", bad[i]);
	assert_false(date_parse_header("17 Jul 1996\0", 12, &seconds, &zone));
	assert_int_equal(seconds, 7);
}

static void no_bytes_lead_out_of_a_date_field(void **state)
{
	(void)state;
	static const char letters[] = "0123456789 :+-()\\,.JulWedGMTZ\r\n\t\0\xff";
	uint32_t seed = 3;
	for (int round = 0; round < 50000; round++) {
		size_t len = (seed = seed * 1664525u + 1013904223u) >> 8 & 31;
		char *text = malloc(len + 1);
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525u + 1013904223u;
			text[i] = letters[(seed >> 8) % (sizeof letters - 1)];
		}
		text = realloc(text, len > 0 ? len : 1);
		int64_t seconds = 0;
		int16_t zone = 0;
		if (date_parse_header(text, len, &seconds, &zone)) {
			char out[DATE_INTERNAL_SIZE];
			assert_true(
				seconds > -2208988800 - 86400 && seconds < 253402300800 + 86400);
			assert_true(zone > -24 * 60 && zone < 24 * 60);
			assert_true(date_format_internal(seconds, zone, out));
		}
		date_parse_internal(text, len, &seconds, &zone);
		free(text);
	}
}

static void the_zone_of_the_process_plays_no_part(void **state)
{
	(void)state;
	int64_t seconds;
	int16_t zone;
	char text[DATE_RFC3339_SIZE];
	setenv("TZ", "Pacific/Kiritimati", 1);
	tzset();
	assert_true(date_parse_header("17 Jul 1996 09:44:25", 20, &seconds, &zone));
	assert_true(date_format_rfc3339(seconds, text));
	assert_string_equal(text, "1996-07-17T09:44:25Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(internal_dates_go_both_ways),
		cmocka_unit_test(a_day_of_one_digit_may_stand_in_three_ways),
		cmocka_unit_test(S23_what_is_no_internal_date_is_refused),
		cmocka_unit_test(an_instant_without_a_form_is_not_formatted),
		cmocka_unit_test(every_day_has_its_own_date),
		cmocka_unit_test(a_day_is_that_of_the_zone),
		cmocka_unit_test(date_fields_are_read_as_programs_write_them),
		cmocka_unit_test(what_is_no_date_field_is_refused),
		cmocka_unit_test(no_bytes_lead_out_of_a_date_field),
		cmocka_unit_test(the_zone_of_the_process_plays_no_part),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
