#include "net/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static void move_to(struct queue *q, uint8_t *data)
{
	size_t n = queue_length(q);
	if (n > 0)
		memmove(data, queue_front(q), n);
	q->start = 0;
	q->end = n;
}

uint8_t *queue_room(struct queue *q, size_t n)
{
	if (q->cap - q->end >= n)
		return q->data + q->end;
	if (q->cap - queue_length(q) >= n) {
		move_to(q, q->data);
		return q->data + q->end;
	}
	size_t cap = q->cap * 2;
	if (cap < queue_length(q) + n)
		cap = queue_length(q) + n;
	uint8_t *data = malloc(cap);
	if (data == NULL)
		die_out_of_memory();
	uint8_t *old = q->data;
	move_to(q, data);
	if (old != NULL)
		explicit_bzero(old, q->cap);
	free(old);
	q->data = data;
	q->cap = cap;
	return q->data + q->end;
}

void queue_add(struct queue *q, const void *data, size_t n)
{
	if (n == 0)
		return;
	memcpy(queue_room(q, n), data, n);
	q->end += n;
}

void queue_take(struct queue *q, size_t n)
{
	q->start += n;
	if (q->start == q->end)
		q->start = q->end = 0;
}

void queue_forget(struct queue *q)
{
	if (q->data == NULL)
		return;
	explicit_bzero(q->data, q->start);
	explicit_bzero(q->data + q->end, q->cap - q->end);
}

void queue_finish(struct queue *q)
{
	if (q->data != NULL)
		explicit_bzero(q->data, q->cap);
	free(q->data);
	*q = (struct queue){0};
}
