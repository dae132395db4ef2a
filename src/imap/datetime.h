#ifndef MAILTWIN_IMAP_DATETIME_H
#define MAILTWIN_IMAP_DATETIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * INTERNALDATE on the wire: "17-Jul-1996 02:44:25 -0700" (RFC 9051, date-time; without its quotes).
 *
 * datetime_parse(text, len, seconds, zone): ${*seconds} since the epoch, ${*zone} in minutes east
 * of UTC.  A day of one digit may come with or without its blank.  False for anything that is no
 * date between the years 1900 and 9999, with both as they were.
 *
 * datetime_format(seconds, zone, out): write it; false outside of these years.
 */
#define DATETIME_SIZE 32

bool datetime_parse(const char *text, size_t len, int64_t *seconds, int16_t *zone);
bool datetime_format(int64_t seconds, int16_t zone, char out[DATETIME_SIZE]);

#endif
