#ifndef MAILTWIN_BASE_ARENA_H
#define MAILTWIN_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Memory that is given back in one call.
 *
 * What belongs together (a message list, a plan, the replies of one command) is
 * allocated from one arena and freed with it, so that error paths have nothing
 * to undo.  No function here returns NULL: out of memory ends the program (see
 * die_out_of_memory()).  An arena belongs to one thread at a time.
 */
struct arena;

/* arena_new(void): make an empty arena. */
struct arena *arena_new(void);

/* arena_free(arena): give back ${arena} and all that came from it; NULL is fine. */
void arena_free(struct arena *arena);

/* arena_wipe(arena): overwrite all that came from it, for it may hold a secret, before it is freed.
 */
void arena_wipe(struct arena *arena);

/* arena_reset(arena): give back all that came from ${arena}, and keep it for more. */
void arena_reset(struct arena *arena);

/* arena_alloc(arena, size): ${size} zeroed bytes, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

/*
 * arena_grow(arena, old, old_size, size):
 * Return ${size} bytes that begin with the ${old_size} bytes at ${old}; the rest
 * is zeroed.  ${old} (NULL with 0) is no longer to be used.  Large blocks are
 * resized in place, so that a list that doubles does not leave its past behind.
 */
void *arena_grow(struct arena *arena, void *old, size_t old_size, size_t size);

/* arena_trim(arena, old, old_size, size): give back what is behind the first ${size} of the
 * ${old_size} bytes at ${old}, where they are a large block; ${old} is no longer to be used. */
void *arena_trim(struct arena *arena, void *old, size_t old_size, size_t size);

/* arena_memdup(arena, data, size): a copy of ${size} bytes at ${data}. */
void *arena_memdup(struct arena *arena, const void *data, size_t size);

/* arena_strdup(arena, s), arena_strndup(arena, s, n): a copy that ends in NUL; NULL for NULL. */
char *arena_strdup(struct arena *arena, const char *s);
char *arena_strndup(struct arena *arena, const char *s, size_t n);

/* arena_printf(arena, fmt, ...): the formatted string. */
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* arena_used(arena): bytes asked of the system so far, for tests that bound memory. */
size_t arena_used(const struct arena *arena);

/*
 * ARENA_PUSH(arena, array, n, cap):
 * Make room for one element more at the end of ${array}, which holds ${n} of
 * ${cap} elements (all three are lvalues), and return a pointer to it, zeroed.
 */
#define ARENA_PUSH(arena, array, n, cap) \
	((n) == (cap) ? ((array) = arena_grow_array((arena), (array), &(cap), sizeof *(array))) \
		      : (array), \
		&(array)[(n)++])

/* arena_grow_array(arena, array, cap, size): behind ARENA_PUSH; doubles ${*cap}, or makes
 * more of a long array, in steps of a quarter. */
void *arena_grow_array(struct arena *arena, void *array, size_t *cap, size_t size);

#endif
