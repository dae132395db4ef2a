#include "archive/archive_private.h"

#include <time.h>

/*
 * Which snapshots of one account stay.
 *
 * Each rule goes from the newest to the oldest and keeps the newest one of each of the last N days,
 * weeks, months or years that have any (UTC; weeks as in ISO 8601).
 */

static int64_t of_day(const struct tm *t, int64_t days)
{
	(void)t;
	return days;
}

/* 1970-01-01 was a Thursday: days 4 to 10 are the first week that began with a Monday. */
static int64_t of_week(const struct tm *t, int64_t days)
{
	(void)t;
	return (days + 3) / 7;
}

static int64_t of_month(const struct tm *t, int64_t days)
{
	(void)days;
	return (int64_t)t->tm_year * 12 + t->tm_mon;
}

static int64_t of_year(const struct tm *t, int64_t days)
{
	(void)days;
	return t->tm_year;
}

/* By enum archive_rule; NULL: each snapshot counts by itself. */
static int64_t (*const period_of[ARCHIVE_RULES])(const struct tm *t, int64_t days) = {
	[ARCHIVE_DAILY] = of_day,
	[ARCHIVE_WEEKLY] = of_week,
	[ARCHIVE_MONTHLY] = of_month,
	[ARCHIVE_YEARLY] = of_year,
};

static void apply(const struct archive_snapshot *all, size_t n, enum archive_rule rule,
	unsigned left, uint8_t *why)
{
	int64_t before = INT64_MIN;
	for (size_t i = n; i-- > 0 && left > 0;) {
		time_t taken = (time_t)all[i].taken;
		struct tm t = {0};
		gmtime_r(&taken, &t);
		int64_t period = period_of[rule] == NULL
					 ? (int64_t)i
					 : period_of[rule](&t, all[i].taken / 86400);
		if (period == before)
			continue;
		before = period;
		why[i] |= (uint8_t)(1U << rule);
		left--;
	}
}

void archive_keep(const struct archive_snapshot *all, size_t n, const unsigned keep[ARCHIVE_RULES],
	uint8_t *why)
{
	for (size_t i = 0; i < n; i++)
		why[i] = 0;
	for (enum archive_rule rule = 0; rule < ARCHIVE_RULES; rule++)
		apply(all, n, rule, keep[rule], why);
	if (n > 0 && why[n - 1] == 0)
		why[n - 1] = 1U << ARCHIVE_LAST;
}
