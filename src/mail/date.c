#include "mail/date.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"

/* Years before are no mail (RFC 5322, 3.3), years after have no form. */
enum { YEAR_MIN = 1900, YEAR_MAX = 9999 };

/* A Date field with all its comments; what is longer is no date. */
#define TEXT_MAX 1024

/* RFC 3339 gives zones of up to a day; the clocks of the world end at +14 and -12. */
#define ZONE_HOURS_MAX 23

#define SECONDS_A_DAY INT64_C(86400)

/* A date and time as written. */
struct moment {
	int year, month, day; /* month 1 to 12; 0 = not met yet, in all three */
	int hour, minute, second;
	int zone;
};

static const char month_names[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* ---- the calendar ---- */

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_length(int64_t year, int month)
{
	static const int length[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return length[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of a year of our era. */
static int64_t first_of_year(int64_t year)
{
	int64_t before = year - 1;
	return 365 * before + before / 4 - before / 100 + before / 400 - 719162;
}

static int64_t day_of(const struct moment *m)
{
	int64_t day = first_of_year(m->year) + m->day - 1;
	for (int month = 1; month < m->month; month++)
		day += month_length(m->year, month);
	return day;
}

/* The other way round, for days within the years that we know. */
static void set_day(struct moment *m, int64_t day)
{
	m->year = 1970 + (int)(day / 366);
	while (m->year > YEAR_MIN && first_of_year(m->year) > day)
		m->year--;
	while (first_of_year(m->year + 1) <= day)
		m->year++;
	day -= first_of_year(m->year);
	for (m->month = 1; day >= month_length(m->year, m->month); m->month++)
		day -= month_length(m->year, m->month);
	m->day = (int)day + 1;
}

int64_t date_day(int64_t seconds, int16_t zone)
{
	int64_t day = seconds / SECONDS_A_DAY, clock = seconds % SECONDS_A_DAY + zone * 60;
	/* the zone alone may be a day, and the clock of an instant before 1970 runs below zero */
	return day + (clock + 30 * SECONDS_A_DAY) / SECONDS_A_DAY - 30;
}

/* The instant as written in its zone; false where it has no year that we know. */
static bool read_clock(int64_t seconds, int zone, struct moment *m)
{
	int64_t day = date_day(seconds, (int16_t)zone);
	if (day < first_of_year(YEAR_MIN) || day >= first_of_year(YEAR_MAX + 1))
		return false;
	int clock = (int)(seconds + zone * 60 - day * SECONDS_A_DAY);
	*m = (struct moment){.hour = clock / 3600,
		.minute = clock / 60 % 60,
		.second = clock % 60,
		.zone = zone};
	set_day(m, day);
	return true;
}

static bool is_date(const struct moment *m)
{
	return m->year >= YEAR_MIN && m->year <= YEAR_MAX && m->month > 0 && m->day > 0 &&
	       m->day <= month_length(m->year, m->month);
}

static bool tell(const struct moment *m, int64_t *seconds, int16_t *zone)
{
	if (!is_date(m))
		return false;
	*seconds =
		day_of(m) * SECONDS_A_DAY + m->hour * 3600 + (m->minute - m->zone) * 60 + m->second;
	*zone = (int16_t)m->zone;
	return true;
}

/* ---- pieces ---- */

/* What is still to be read. */
struct rest {
	const char *at, *end;
};

static bool take(struct rest *rest, char wanted)
{
	if (rest->at == rest->end || *rest->at != wanted)
		return false;
	rest->at++;
	return true;
}

static size_t digits_ahead(const struct rest *rest)
{
	size_t n = 0;
	while (rest->at + n < rest->end && ascii_is_digit(rest->at[n]))
		n++;
	return n;
}

/* All digits that stand here, `least` to `most` of them, up to a value. */
static bool take_number(struct rest *rest, size_t least, size_t most, int max, int *number)
{
	size_t digits = digits_ahead(rest);
	if (digits < least || digits > most)
		return false;
	*number = 0;
	for (; digits > 0; digits--)
		*number = *number * 10 + (*rest->at++ - '0');
	return *number <= max;
}

static int month_number(const char *name, size_t len)
{
	for (int i = 0; i < 12; i++)
		if (ascii_starts(name, len, month_names[i]))
			return i + 1;
	return 0;
}

static bool take_month(struct rest *rest, int *month)
{
	*month = month_number(rest->at, (size_t)(rest->end - rest->at));
	rest->at += *month > 0 ? 3 : 0;
	return *month > 0;
}

/* "+0130", after its sign. */
static bool take_offset(struct rest *rest, bool west, int *zone)
{
	int number;
	if (!take_number(rest, 4, 4, ZONE_HOURS_MAX * 100 + 59, &number) || number % 100 > 59)
		return false;
	*zone = (number / 100 * 60 + number % 100) * (west ? -1 : 1);
	return true;
}

static bool take_signed_offset(struct rest *rest, int *zone)
{
	bool west = take(rest, '-');
	return (west || take(rest, '+')) && take_offset(rest, west, zone);
}

/* "02:44:25", where 60 is a leap second. */
static bool take_time(struct rest *rest, struct moment *m)
{
	return take_number(rest, 2, 2, 23, &m->hour) && take(rest, ':') &&
	       take_number(rest, 2, 2, 59, &m->minute) && take(rest, ':') &&
	       take_number(rest, 2, 2, 60, &m->second);
}

/* "17-Jul-1996" */
static bool take_date(struct rest *rest, struct moment *m)
{
	return take_number(rest, 1, 2, 31, &m->day) && take(rest, '-') &&
	       take_month(rest, &m->month) && take(rest, '-') &&
	       take_number(rest, 4, 4, YEAR_MAX, &m->year);
}

/* ---- IMAP ---- */

bool date_parse_internal(const char *text, size_t len, int64_t *seconds, int16_t *zone)
{
	struct rest rest = {text, text + len};
	struct moment m = {0};
	take(&rest, ' ');
	return take_date(&rest, &m) && take(&rest, ' ') && take_time(&rest, &m) &&
	       take(&rest, ' ') && take_signed_offset(&rest, &m.zone) && rest.at == rest.end &&
	       tell(&m, seconds, zone);
}

bool date_parse_day(const char *text, size_t len, int64_t *day)
{
	struct rest rest = {text, text + len};
	struct moment m = {0};
	if (!take_date(&rest, &m) || rest.at != rest.end || !is_date(&m))
		return false;
	*day = day_of(&m);
	return true;
}

bool date_format_internal(int64_t seconds, int16_t zone, char out[DATE_INTERNAL_SIZE])
{
	struct moment m;
	int east = zone < 0 ? -zone : zone;
	if (east >= (ZONE_HOURS_MAX + 1) * 60 || !read_clock(seconds, zone, &m))
		return false;
	snprintf(out, DATE_INTERNAL_SIZE, "%2d-%s-%04d %02d:%02d:%02d %c%02d%02d", m.day,
		month_names[m.month - 1], m.year, m.hour, m.minute, m.second, zone < 0 ? '-' : '+',
		east / 60, east % 60);
	return true;
}

bool date_format_rfc3339(int64_t seconds, char out[DATE_RFC3339_SIZE])
{
	struct moment m;
	*out = '\0';
	if (!read_clock(seconds, 0, &m))
		return false;
	snprintf(out, DATE_RFC3339_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", m.year, m.month, m.day,
		m.hour, m.minute, m.second);
	return true;
}

/* ---- the Date field: pieces known by their shape, in whatever order ---- */

struct header_date {
	struct moment m;
	bool has_time;
};

static const struct named_zone {
	const char *name;
	int zone;
} named_zones[] = {
	/* The names of RFC 5322, 4.3; any other says nothing, as its single letters do. */
	{"EST", -5 * 60},
	{"EDT", -4 * 60},
	{"CST", -6 * 60},
	{"CDT", -5 * 60},
	{"MST", -7 * 60},
	{"MDT", -6 * 60},
	{"PST", -8 * 60},
	{"PDT", -7 * 60},
};

static size_t letters_ahead(const struct rest *rest)
{
	size_t n = 0;
	while (rest->at + n < rest->end && ascii_lower(rest->at[n]) >= 'a' &&
		ascii_lower(rest->at[n]) <= 'z')
		n++;
	return n;
}

/* A month, a zone, or a word that adds nothing: a weekday, UTC. */
static void take_word(struct rest *rest, struct header_date *date)
{
	size_t len = letters_ahead(rest);
	if (date->m.month == 0)
		date->m.month = month_number(rest->at, len);
	for (size_t i = 0; i < sizeof named_zones / sizeof *named_zones; i++)
		if (ascii_is(rest->at, len, named_zones[i].name))
			date->m.zone = named_zones[i].zone;
	rest->at += len;
}

/* "2:44" and "2:44:25.123" */
static bool take_loose_time(struct rest *rest, struct header_date *date)
{
	struct moment *m = &date->m;
	if (date->has_time)
		return false;
	date->has_time = true;
	bool ok = take_number(rest, 1, 2, 23, &m->hour) && take(rest, ':') &&
		  take_number(rest, 2, 2, 59, &m->minute);
	if (!ok || !take(rest, ':'))
		return ok;
	ok = take_number(rest, 2, 2, 60, &m->second);
	if (take(rest, '.'))
		rest->at += digits_ahead(rest);
	return ok;
}

/* RFC 5322, 4.3 */
static int full_year(int year, size_t digits)
{
	if (digits == 2)
		return year + (year < 50 ? 2000 : 1900);
	return digits == 3 ? year + 1900 : year;
}

/* A day comes before its year, unless it cannot be a day. */
static bool take_day_or_year(struct rest *rest, struct moment *m)
{
	size_t digits = digits_ahead(rest);
	if (m->day == 0 && digits <= 2)
		return take_number(rest, 1, 2, 31, &m->day) && m->day > 0;
	if (m->year != 0 || !take_number(rest, 2, 4, YEAR_MAX, &m->year))
		return false;
	m->year = full_year(m->year, digits);
	return true;
}

static void skip_comment(struct rest *rest)
{
	size_t depth = 0;
	do {
		depth += *rest->at == '(';
		depth -= *rest->at == ')';
		rest->at += 1 + (*rest->at == '\\' && rest->at + 1 < rest->end);
	} while (depth > 0 && rest->at < rest->end);
}

static bool take_piece(struct rest *rest, struct header_date *date)
{
	char c = *rest->at;
	if (strchr(" \t\r\n,.", c) != NULL && c != '\0') {
		rest->at++;
		return true;
	}
	if (c == '(') {
		skip_comment(rest);
		return true;
	}
	if (letters_ahead(rest) > 0) {
		take_word(rest, date);
		return true;
	}
	if (c == '+' || c == '-') {
		rest->at++; /* before a time, it joins the parts of "17-Jul-96" */
		return !date->has_time || take_offset(rest, c == '-', &date->m.zone);
	}
	struct rest after = {rest->at + digits_ahead(rest), rest->end};
	return take(&after, ':') ? take_loose_time(rest, date) : take_day_or_year(rest, &date->m);
}

bool date_parse_header(const char *text, size_t len, int64_t *seconds, int16_t *zone)
{
	struct rest rest = {text, text + len};
	struct header_date date = {0};
	if (len > TEXT_MAX)
		return false;
	while (rest.at < rest.end)
		if (!take_piece(&rest, &date))
			return false;
	return tell(&date.m, seconds, zone);
}
