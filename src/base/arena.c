#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Small allocations share blocks of this size; larger ones get a block each. */
#define BLOCK_SIZE ((size_t)16 * 1024)

/* Elements up to which an array doubles.  A longer one grows by a quarter: half of a list of a
 * million messages, touched and never used, is worth more than the few times it is moved. */
#define DOUBLES_UP_TO 4096

struct block {
	struct block *prev, *next;
	size_t size; /* bytes after the header */
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct block *blocks; /* every block, newest first */
	struct block *shared; /* the one that small allocations come from */
	size_t used;	      /* bytes of `shared` handed out from its start, aligned */
	size_t text;	      /* and from its end: text, which may lie anywhere */
	size_t total;
};

static void *checked(void *p)
{
	if (p == NULL)
		die_out_of_memory();
	return p;
}

static size_t aligned(size_t size)
{
	size_t unit = alignof(max_align_t);
	if (size > SIZE_MAX - sizeof(struct block) - unit)
		die_out_of_memory();
	return (size + unit - 1) / unit * unit;
}

static void link_block(struct arena *arena, struct block *block)
{
	block->prev = NULL;
	block->next = arena->blocks;
	if (arena->blocks != NULL)
		arena->blocks->prev = block;
	arena->blocks = block;
	arena->total += block->size;
}

static struct block *add_block(struct arena *arena, size_t size)
{
	struct block *block = checked(calloc(1, sizeof *block + size));
	block->size = size;
	link_block(arena, block);
	return block;
}

struct arena *arena_new(void)
{
	return checked(calloc(1, sizeof(struct arena)));
}

void arena_reset(struct arena *arena)
{
	for (struct block *block = arena->blocks; block != NULL;) {
		struct block *next = block->next;
		free(block);
		block = next;
	}
	*arena = (struct arena){0};
}

void arena_wipe(struct arena *arena)
{
	for (struct block *block = arena->blocks; block != NULL; block = block->next)
		explicit_bzero(block->data, block->size);
}

void arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	arena_reset(arena);
	free(arena);
}

/* See to it that ${size} bytes of the shared block are free. */
static void share_block(struct arena *arena, size_t size)
{
	if (arena->shared != NULL && BLOCK_SIZE - arena->used - arena->text >= size)
		return;
	arena->shared = add_block(arena, BLOCK_SIZE);
	arena->used = arena->text = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size = aligned(size);
	if (size > BLOCK_SIZE / 4)
		return add_block(arena, size)->data;
	share_block(arena, size);
	void *p = arena->shared->data + arena->used;
	arena->used += size;
	return p;
}

/* Room for text, which need not be aligned: keys are short, and there are as many as messages. */
static char *alloc_text(struct arena *arena, size_t size)
{
	if (size > BLOCK_SIZE / 4)
		return arena_alloc(arena, size);
	share_block(arena, size);
	arena->text += size;
	return (char *)arena->shared->data + BLOCK_SIZE - arena->text;
}

/* A block that holds one large allocation only: it can be resized where it is. */
static void *resize_block(struct arena *arena, struct block *block, size_t old_size, size_t size)
{
	if (block->prev != NULL)
		block->prev->next = block->next;
	else
		arena->blocks = block->next;
	if (block->next != NULL)
		block->next->prev = block->prev;
	arena->total -= block->size;

	block = checked(realloc(block, sizeof *block + size));
	if (size > old_size)
		memset(block->data + old_size, 0, size - old_size);
	block->size = size;
	link_block(arena, block);
	return block->data;
}

static struct block *block_of(void *data)
{
	return (void *)((unsigned char *)data - offsetof(struct block, data));
}

void *arena_grow(struct arena *arena, void *old, size_t old_size, size_t size)
{
	if (size < old_size)
		return old;
	if (old != NULL && aligned(old_size) > BLOCK_SIZE / 4)
		return resize_block(arena, block_of(old), old_size, aligned(size));
	void *p = arena_alloc(arena, size);
	if (old_size > 0)
		memcpy(p, old, old_size);
	return p;
}

void *arena_grow_array(struct arena *arena, void *array, size_t *cap, size_t size)
{
	size_t more = *cap == 0 ? 8 : *cap + (*cap < DOUBLES_UP_TO ? *cap : *cap / 4);
	if (more < *cap || more > SIZE_MAX / size)
		die_out_of_memory();
	array = arena_grow(arena, array, *cap * size, more * size);
	*cap = more;
	return array;
}

void *arena_trim(struct arena *arena, void *old, size_t old_size, size_t size)
{
	bool alone = old != NULL && aligned(size) > BLOCK_SIZE / 4;
	return alone && size < old_size ? resize_block(arena, block_of(old), size, aligned(size))
					: old;
}

void *arena_memdup(struct arena *arena, const void *data, size_t size)
{
	void *p = arena_alloc(arena, size);
	if (size > 0)
		memcpy(p, data, size);
	return p;
}

char *arena_strndup(struct arena *arena, const char *s, size_t n)
{
	if (s == NULL)
		return NULL;
	char *copy = alloc_text(arena, n + 1);
	memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *s)
{
	return s == NULL ? NULL : arena_strndup(arena, s, strlen(s));
}

char *arena_vprintf(struct arena *arena, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		die_out_of_memory();
	char *s = alloc_text(arena, (size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	return s;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = arena_vprintf(arena, fmt, ap);
	va_end(ap);
	return s;
}

size_t arena_used(const struct arena *arena)
{
	return arena->total;
}
