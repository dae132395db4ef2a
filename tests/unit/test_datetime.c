#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "imap/datetime.h"

static void a_date_goes_both_ways(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;
		int zone;
	} row[] = {
		{"17-Jul-1996 02:44:25 -0700", 837596665, -420},
		{" 1-Jan-1970 00:00:00 +0000", 0, 0},
		{"31-Dec-1969 23:59:59 +0000", -1, 0},
		{"29-Feb-2000 12:00:00 +0530", 951805800, 330},
		{" 1-Jan-1900 00:00:00 +0000", -2208988800, 0},
		{"31-Dec-9999 23:59:59 +0000", 253402300799, 0},
		{"22-Nov-2026 21:35:04 +1400", 1795332904, 840},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		int64_t seconds = 0;
		int16_t zone = 0;
		char text[DATETIME_SIZE];
		assert_true(datetime_parse(row[i].text, strlen(row[i].text), &seconds, &zone));
		assert_int_equal(seconds, row[i].seconds);
		assert_int_equal(zone, row[i].zone);
		assert_true(datetime_format(seconds, zone, text));
		assert_string_equal(text, row[i].text);
	}
}

/* The C library knows the calendar too. */
static void every_day_is_the_one_of_the_calendar(void **state)
{
	(void)state;
	for (int64_t day = -25567; day < 80000; day++) {
		time_t t = (time_t)(day * 86400 + 3723);
		struct tm tm;
		char wanted[64], text[DATETIME_SIZE];
		gmtime_r(&t, &tm);
		strftime(wanted, sizeof wanted, "%e-%b-%Y %H:%M:%S +0000", &tm);
		assert_true(datetime_format(t, 0, text));
		assert_string_equal(text, wanted);
		int64_t seconds = 0;
		int16_t zone = 1;
		assert_true(datetime_parse(text, strlen(text), &seconds, &zone));
		assert_int_equal(seconds, t);
	}
}

static void other_spellings_of_a_day_are_taken(void **state)
{
	(void)state;
	static const char *const same[] = {" 7-jul-1996 02:44:25 +0000",
		"7-Jul-1996 02:44:25 +0000", "07-JUL-1996 02:44:25 -0000"};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		int64_t seconds = 0;
		int16_t zone = 1;
		assert_true(datetime_parse(same[i], strlen(same[i]), &seconds, &zone));
		assert_int_equal(seconds, 836707465);
		assert_int_equal(zone, 0);
	}
}

static void what_is_no_date_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "99-Foo-9999 99:99:99 +9999",
		"17-Jul-1996 02:44:25 -070", "17-Jul-1996 02:44:25 -07000",
		"17-Jul-1996 02:44:25 0700", "17-Jul-1996 02:44:25", "17-Jul-1996 24:00:00 +0000",
		"17-Jul-1996 02:60:00 +0000", "17-Jul-1996 02:44:61 +0000",
		"17-Jul-1996 02:44:25 +2400", "17-Jul-1996 02:44:25 +0060",
		"30-Feb-2000 00:00:00 +0000", "29-Feb-1900 00:00:00 +0000",
		" 0-Jan-2000 00:00:00 +0000", "32-Jan-2000 00:00:00 +0000",
		" 1-Jan-0001 00:00:00 +0000", "31-Dec-1899 23:59:59 +0000",
		"17 Jul 1996 02:44:25 -0700", "17-Jul-1996"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t seconds = 42;
		int16_t zone = 42;
		assert_false(datetime_parse(bad[i], strlen(bad[i]), &seconds, &zone));
		assert_int_equal(seconds, 42);
		assert_int_equal(zone, 42);
		for (size_t n = 0; n < strlen(bad[i]); n++)
			datetime_parse(bad[i], n, &seconds, &zone);
	}
	char text[DATETIME_SIZE];
	assert_false(datetime_format(253402300800, 0, text));
	assert_false(datetime_format(253402300799, 1, text));
	assert_false(datetime_format(-2208988801, 0, text));
	assert_false(datetime_format(-2208988800, -1, text));
	assert_false(datetime_format(INT64_MIN, 0, text));
	assert_false(datetime_format(INT64_MAX, 0, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_date_goes_both_ways),
		cmocka_unit_test(every_day_is_the_one_of_the_calendar),
		cmocka_unit_test(other_spellings_of_a_day_are_taken),
		cmocka_unit_test(what_is_no_date_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
