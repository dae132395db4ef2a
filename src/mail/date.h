#ifndef MAILTWIN_MAIL_DATE_H
#define MAILTWIN_MAIL_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Dates as mail writes them, in the years 1900 to 9999.
 *
 * An instant is seconds since 1970-01-01 00:00 UTC; a zone is minutes east of UTC.  The zone of the
 * process plays no part.  What is no date, or lies outside of these years, is refused, and the
 * outputs stay as they were.  Names of months are English, in any case.
 */

/* Room for what the date_format_ functions write, with the NUL. */
#define DATE_INTERNAL_SIZE 32
#define DATE_RFC3339_SIZE  32

/*
 * date_parse_internal(text, len, seconds, zone), date_format_internal(seconds, zone, out):
 * INTERNALDATE without its quotes (RFC 9051, date-time): "17-Jul-1996 02:44:25 -0700".  A day of
 * one digit is written with a blank before it, and read with a blank, a zero, or nothing.
 */
bool date_parse_internal(const char *text, size_t len, int64_t *seconds, int16_t *zone);
bool date_format_internal(int64_t seconds, int16_t zone, char out[DATE_INTERNAL_SIZE]);

/*
 * date_parse_header(text, len, seconds, zone):
 * What a Date field holds (RFC 5322, 3.3 and 4.3), as mail programs wrote it since 1982: comments,
 * folds, any weekday or none, years of two and three digits, zones by name or none (UTC), no
 * seconds or no time at all (midnight), "17-Jul-96", "Wed Jul 17 02:44:25 1996".
 */
bool date_parse_header(const char *text, size_t len, int64_t *seconds, int16_t *zone);

/* date_parse_day(text, len, day): a date of SEARCH (RFC 9051, date), "1-Feb-1994", as days since
 * 1970-01-01.  date_day(seconds, zone): the day on which an instant falls in a zone; the instant
 * may be any. */
bool date_parse_day(const char *text, size_t len, int64_t *day);
int64_t date_day(int64_t seconds, int16_t zone);

/* date_format_rfc3339(seconds, out): "1996-07-17T09:44:25Z"; where that cannot be, "" and false. */
bool date_format_rfc3339(int64_t seconds, char out[DATE_RFC3339_SIZE]);

#endif
