#include "imap/datetime.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "imap/parse.h"

#define DAY INT64_C(86400)

/* RFC 3339 gives zones of up to a day; the clocks of the world end at +14 and -12. */
#define ZONE_MAX_HOURS 23

enum { YEAR_MIN = 1900, YEAR_MAX = 9999 };

static const char month_names[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Years are counted from March, so that the leap day is the last of its year. */

static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400, of_era = year % 400;
	int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
	days += 719468;
	int64_t era = days / 146097, d = days % 146097;
	int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	int64_t of_year = d - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;
	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(era * 400 + y + (*month <= 2));
}

static int month_length(int year, int month)
{
	static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return length[month - 1] + (month == 2 && leap);
}

/* What is still to be read of the text. */
struct rest {
	const char *text;
	size_t len;
};

static bool take(struct rest *rest, char wanted)
{
	if (rest->len == 0 || *rest->text != wanted)
		return false;
	rest->text++;
	rest->len--;
	return true;
}

static bool take_number(struct rest *rest, size_t digits, int max, int *number)
{
	uint64_t n = 0;
	if (rest->len < digits || !imap_parse_number(rest->text, digits, (uint64_t)max, &n))
		return false;
	rest->text += digits;
	rest->len -= digits;
	*number = (int)n;
	return true;
}

static bool take_day(struct rest *rest, int *day)
{
	bool blank = take(rest, ' ');
	bool one = blank || (rest->len > 1 && rest->text[1] == '-');
	return take_number(rest, one ? 1 : 2, 31, day) && *day > 0;
}

static bool take_month(struct rest *rest, int *month)
{
	for (*month = 1; *month <= 12 && rest->len >= 3; ++*month) {
		if (!ascii_starts(rest->text, rest->len, month_names[*month - 1]))
			continue;
		rest->text += 3;
		rest->len -= 3;
		return true;
	}
	return false;
}

static bool take_zone(struct rest *rest, int *minutes)
{
	int hours = 0, rest_of_hour = 0;
	bool west = take(rest, '-');
	if ((!west && !take(rest, '+')) || !take_number(rest, 2, ZONE_MAX_HOURS, &hours) ||
		!take_number(rest, 2, 59, &rest_of_hour))
		return false;
	*minutes = (hours * 60 + rest_of_hour) * (west ? -1 : 1);
	return true;
}

bool datetime_parse(const char *text, size_t len, int64_t *seconds, int16_t *zone)
{
	struct rest rest = {text, len};
	int day = 0, month = 0, year = 0, hour = 0, minute = 0, second = 0, east = 0;

	bool ok = take_day(&rest, &day) && take(&rest, '-') && take_month(&rest, &month) &&
		  take(&rest, '-') && take_number(&rest, 4, YEAR_MAX, &year) && take(&rest, ' ') &&
		  take_number(&rest, 2, 23, &hour) && take(&rest, ':') &&
		  take_number(&rest, 2, 59, &minute) && take(&rest, ':') &&
		  take_number(&rest, 2, 60, &second) && take(&rest, ' ') &&
		  take_zone(&rest, &east) && rest.len == 0;
	if (!ok || year < YEAR_MIN || day > month_length(year, month))
		return false;
	*seconds = days_from_civil(year, month, day) * DAY + hour * 3600 + (minute - east) * 60 +
		   second;
	*zone = (int16_t)east;
	return true;
}

bool datetime_format(int64_t seconds, int16_t zone, char out[DATETIME_SIZE])
{
	int64_t earliest = days_from_civil(YEAR_MIN, 1, 1) * DAY;
	int64_t latest = days_from_civil(YEAR_MAX + 1, 1, 1) * DAY - 1;
	int east = zone > -24 * 60 && zone < 24 * 60 ? zone : 0;
	if (seconds < earliest || seconds > latest || seconds + east * 60 < earliest ||
		seconds + east * 60 > latest)
		return false;

	int64_t local = seconds + east * 60 - earliest;
	int year = 0, month = 0, day = 0, clock = (int)(local % DAY);
	int minutes = east < 0 ? -east : east;
	civil_from_days(local / DAY + earliest / DAY, &year, &month, &day);
	snprintf(out, DATETIME_SIZE, "%2d-%s-%04d %02d:%02d:%02d %c%02d%02d", day,
		month_names[month - 1], year, clock / 3600, clock / 60 % 60, clock % 60,
		east < 0 ? '-' : '+', minutes / 60, minutes % 60);
	return true;
}
