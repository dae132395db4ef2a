#include "unit.h"

#include <string.h>

#include "archive/archive.h"

#define DAY    INT64_C(86400)
#define MONDAY (INT64_C(19723) * DAY) /* 2024-01-01 */

static uint8_t why[64];

/* The days, counted from Monday 2024-01-01, on which snapshots were taken; -1 ends them. */
static size_t keep(const int *days, const unsigned rules[ARCHIVE_RULES])
{
	struct archive_snapshot all[64] = {{0}};
	size_t n = 0;
	for (; days[n] >= 0; n++)
		all[n] = (struct archive_snapshot){
			.id = (int64_t)n + 1, .taken = MONDAY + days[n] * DAY + 3600};
	archive_keep(all, n, rules, why);
	return n;
}

static void assert_kept(size_t n, const char *wanted)
{
	char got[65] = "";
	for (size_t i = 0; i < n; i++)
		got[i] = why[i] != 0 ? 'x' : '.';
	assert_string_equal(got, wanted);
}

static void the_last_ones_are_kept(void **state)
{
	(void)state;
	static const int days[] = {0, 0, 1, 2, 2, -1};
	assert_kept(keep(days, (const unsigned[ARCHIVE_RULES]){[ARCHIVE_LAST] = 2}), "...xx");
	assert_kept(keep(days, (const unsigned[ARCHIVE_RULES]){[ARCHIVE_LAST] = 9}), "xxxxx");
}

static void of_each_day_the_last_one_is_kept_and_days_without_one_do_not_count(void **state)
{
	(void)state;
	static const int days[] = {0, 0, 1, 5, 5, 9, -1};
	assert_kept(keep(days, (const unsigned[ARCHIVE_RULES]){[ARCHIVE_DAILY] = 3}), "..x.xx");
}

static void weeks_begin_on_mondays(void **state)
{
	(void)state;
	static const int days[] = {0, 6, 7, 13, 14, -1};
	assert_kept(keep(days, (const unsigned[ARCHIVE_RULES]){[ARCHIVE_WEEKLY] = 9}), ".x.xx");
}

static void months_and_years_are_those_of_the_calendar(void **state)
{
	(void)state;
	static const int days[] = {0, 30, 31, 59, 60, 365, 366, -1};
	assert_kept(keep(days, (const unsigned[ARCHIVE_RULES]){[ARCHIVE_MONTHLY] = 9}), ".x.xxxx");
	assert_kept(keep(days, (const unsigned[ARCHIVE_RULES]){[ARCHIVE_YEARLY] = 9}), ".....xx");
	assert_kept(keep(days, (const unsigned[ARCHIVE_RULES]){[ARCHIVE_YEARLY] = 1}), "......x");
}

static void rules_add_up_and_each_reason_is_told(void **state)
{
	(void)state;
	static const int days[] = {0, 40, 41, 42, -1};
	size_t n = keep(
		days, (const unsigned[ARCHIVE_RULES]){[ARCHIVE_DAILY] = 2, [ARCHIVE_MONTHLY] = 2});
	assert_kept(n, "x.xx");
	assert_int_equal(why[0], 1 << ARCHIVE_MONTHLY);
	assert_int_equal(why[2], 1 << ARCHIVE_DAILY);
	assert_int_equal(why[3], 1 << ARCHIVE_DAILY | 1 << ARCHIVE_MONTHLY);
}

static void the_last_snapshot_stays_whatever_the_rules(void **state)
{
	(void)state;
	static const int days[] = {0, 1, -1};
	assert_kept(keep(days, (const unsigned[ARCHIVE_RULES]){0}), ".x");
	static const int none[] = {-1};
	assert_int_equal(keep(none, (const unsigned[ARCHIVE_RULES]){0}), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_ones_are_kept),
		cmocka_unit_test(
			of_each_day_the_last_one_is_kept_and_days_without_one_do_not_count),
		cmocka_unit_test(weeks_begin_on_mondays),
		cmocka_unit_test(months_and_years_are_those_of_the_calendar),
		cmocka_unit_test(rules_add_up_and_each_reason_is_told),
		cmocka_unit_test(the_last_snapshot_stays_whatever_the_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
