#ifndef MAILTWIN_NET_QUEUE_H
#define MAILTWIN_NET_QUEUE_H

#include <stddef.h>
#include <stdint.h>

/* Octets that wait: added at the end, taken from the front without moving the rest each time. */
struct queue {
	uint8_t *data;
	size_t start, end; /* what waits is data[start..end) */
	size_t cap;
};

static inline size_t queue_length(const struct queue *q)
{
	return q->end - q->start;
}

static inline const uint8_t *queue_front(const struct queue *q)
{
	return q->start == 0 ? q->data : q->data + q->start;
}

/* queue_room(q, n): a place for ${n} octets at the end; `end` is raised by the caller. */
uint8_t *queue_room(struct queue *q, size_t n);

/* queue_add(q, data, n), queue_take(q, n): add at the end; drop from the front. */
void queue_add(struct queue *q, const void *data, size_t n);
void queue_take(struct queue *q, size_t n);

/* queue_forget(q): overwrite all memory that does not wait.  queue_finish(q): overwrite and free.
 */
void queue_forget(struct queue *q);
void queue_finish(struct queue *q);

#endif
