#ifndef MAILTWIN_BASE_BUFFER_H
#define MAILTWIN_BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes that grow up to a limit given at the start.
 *
 * `data` may be read directly; it is followed by a NUL that `len` does not count
 * once anything was added, and is NULL before.  A buffer that all its zero bytes
 * make is empty and may hold nothing: give it a limit.
 */
struct buffer {
	char *data;
	size_t len, cap, limit;
};

/* buffer_init(b, limit): make ${b} an empty buffer of at most ${limit} bytes. */
void buffer_init(struct buffer *b, size_t limit);

/* buffer_finish(b): give the memory back; ${b} is empty again and keeps its limit. */
void buffer_finish(struct buffer *b);

/* buffer_wipe(b): as buffer_finish(), but overwrite first what may be a secret. */
void buffer_wipe(struct buffer *b);

/* buffer_add(b, data, n), buffer_puts(b, s), buffer_printf(b, fmt, ...):
 * Append; return false, with ${b} as it was, when that would pass the limit. */
bool buffer_add(struct buffer *b, const void *data, size_t n);
bool buffer_puts(struct buffer *b, const char *s);
bool buffer_printf(struct buffer *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* buffer_room(b, n): a place for ${n} bytes at the end, NULL past the limit; what was
 * written there counts once buffer_filled() says how much it is.
 *
 * buffer_filled(b, n): ${n} bytes of what buffer_room() gave were written, and count now. */
void *buffer_room(struct buffer *b, size_t n);
void buffer_filled(struct buffer *b, size_t n);

/* buffer_consume(b, n): drop the first ${n} bytes. */
void buffer_consume(struct buffer *b, size_t n);

#endif
