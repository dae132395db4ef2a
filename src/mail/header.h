#ifndef MAILTWIN_MAIL_HEADER_H
#define MAILTWIN_MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A header block, as it came: any bytes, NUL too; lines end in LF or CRLF.  It ends at its first
 * empty line, or with the bytes given, which may be cut anywhere or be a whole message.
 *
 *   field  = name *blank ":" value *( line-end blank value ) line-end		(RFC 5322, 2.2)
 *
 * Lines that are no field ("From " of an mbox, garbage) are passed over.  Nothing is copied or
 * decoded: what a field holds lies where it lay, and is a stranger's text (base/escape.h).
 */
struct header_field {
	const char *name;
	size_t name_len;
	const char *value; /* without the blanks around it; CR and LF in it are folds or strays */
	size_t value_len;
};

/* What is still to be read of a header block. */
struct header {
	const char *at, *end;
};

/* header_begin(header, data, len), header_next(header, field): the fields in order; false after
 * the last.  Each byte is looked at a fixed number of times. */
void header_begin(struct header *header, const char *data, size_t len);
bool header_next(struct header *header, struct header_field *field);

/* header_length(data, n): how much of a message, of which ${n} octets are there, its header block
 * with the empty line is; ${n} where there is no such line. */
size_t header_length(const char *data, size_t n);

/* header_is(field, name): whether ${field} is called ${name}, in any case. */
bool header_is(const struct header_field *field, const char *name);

/* header_find(data, len, name, field): the first field called ${name}, in any case. */
bool header_find(const char *data, size_t len, const char *name, struct header_field *field);

/* header_unfold(field, out, size): write the value without its line ends, cut to ${size} with the
 * NUL; a NUL in it becomes a blank.  Return its whole length. */
size_t header_unfold(const struct header_field *field, char *out, size_t size);

/* header_get(data, len, name, out, size): header_find() and header_unfold() in one; false, and "",
 * where there is no such field. */
bool header_get(const char *data, size_t len, const char *name, char *out, size_t size);

/*
 * header_date(data, len, seconds, zone):
 * When a message that has no INTERNALDATE was sent: its Date, else the first Received that tells a
 * time.  False, and the outputs as they were, when neither can be read (mail/date.h).
 */
bool header_date(const char *data, size_t len, int64_t *seconds, int16_t *zone);

#endif
