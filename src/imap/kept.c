#include "imap/kept.h"

#include <stdlib.h>

#include "base/arena.h"

/* While one literal waits, a server may still be answering some hundred commands; a thousand times
 * that is no answer any more. */
#define KEPT_MAX      ((size_t)100000)
#define KEPT_SIZE_MAX ((size_t)32 * 1024 * 1024)

struct kept {
	struct arena *arena;
	struct session_event *at;
	size_t first, n, cap;
};

struct kept *kept_new(void)
{
	struct kept *kept = calloc(1, sizeof *kept);
	if (kept == NULL)
		die_out_of_memory();
	kept->arena = arena_new();
	return kept;
}

void kept_free(struct kept *kept)
{
	if (kept == NULL)
		return;
	arena_free(kept->arena);
	free(kept);
}

/* Deep as a response may be: the parser's limit of depth is small. */
static const struct imap_node *copy(struct arena *arena, const struct imap_node *node)
{
	struct imap_node *first = NULL, **to = &first;
	for (; node != NULL; node = node->next) {
		struct imap_node *one = arena_memdup(arena, node, sizeof *node);
		one->text = arena_strndup(arena, node->text, node->len);
		one->child = copy(arena, node->child);
		one->next = NULL;
		*to = one;
		to = (struct imap_node **)(void *)&one->next;
	}
	return first;
}

bool kept_add(struct kept *kept, const struct session_event *event)
{
	if (kept->n == KEPT_MAX || arena_used(kept->arena) > KEPT_SIZE_MAX)
		return false;
	struct session_event *mine = ARENA_PUSH(kept->arena, kept->at, kept->n, kept->cap);
	*mine = *event;
	mine->root = copy(kept->arena, event->root);
	if (event->kind == SESSION_DONE)
		imap_condition_read(mine->root, &mine->condition);
	return true;
}

bool kept_has(const struct kept *kept)
{
	return kept->first < kept->n;
}

bool kept_take(struct kept *kept, struct session_event *event)
{
	if (kept_has(kept)) {
		*event = kept->at[kept->first++];
		return true;
	}
	if (kept->n > 0) {
		/* The last one lent is no longer in use. */
		arena_reset(kept->arena);
		*kept = (struct kept){.arena = kept->arena};
	}
	return false;
}
