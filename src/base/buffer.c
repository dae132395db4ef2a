#include "base/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void buffer_init(struct buffer *b, size_t limit)
{
	*b = (struct buffer){.limit = limit < SIZE_MAX / 4 ? limit : SIZE_MAX / 4};
}

void buffer_finish(struct buffer *b)
{
	free(b->data);
	buffer_init(b, b->limit);
}

void buffer_wipe(struct buffer *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buffer_finish(b);
}

void *buffer_room(struct buffer *b, size_t n)
{
	if (n > b->limit - b->len)
		return NULL;
	if (b->len + n + 1 > b->cap) {
		size_t cap = b->cap < 256 ? 256 : b->cap * 2;
		if (cap < b->len + n + 1)
			cap = b->len + n + 1;
		/* Not realloc(): it could leave a secret behind where the bytes were. */
		char *data = malloc(cap);
		if (data == NULL)
			die_out_of_memory();
		if (b->len > 0)
			memcpy(data, b->data, b->len);
		if (b->data != NULL)
			explicit_bzero(b->data, b->cap);
		free(b->data);
		b->data = data;
		b->cap = cap;
	}
	b->data[b->len + n] = '\0';
	return b->data + b->len;
}

void buffer_filled(struct buffer *b, size_t n)
{
	b->len += n;
	b->data[b->len] = '\0';
}

bool buffer_add(struct buffer *b, const void *data, size_t n)
{
	void *room = buffer_room(b, n);
	if (room == NULL)
		return false;
	if (n > 0)
		memcpy(room, data, n);
	b->len += n;
	return true;
}

bool buffer_puts(struct buffer *b, const char *s)
{
	return buffer_add(b, s, strlen(s));
}

bool buffer_printf(struct buffer *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	char *room = n < 0 ? NULL : buffer_room(b, (size_t)n);
	if (room != NULL) {
		vsnprintf(room, (size_t)n + 1, fmt, ap);
		b->len += (size_t)n;
	}
	va_end(ap);
	return room != NULL;
}

void buffer_consume(struct buffer *b, size_t n)
{
	b->len -= n;
	if (b->len > 0)
		memmove(b->data, b->data + n, b->len);
	if (b->data != NULL)
		b->data[b->len] = '\0';
}
