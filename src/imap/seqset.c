#include "imap/seqset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imap/parse.h"

void seqset_init(struct seqset *set, struct arena *arena)
{
	*set = (struct seqset){.arena = arena};
}

bool seqset_add(struct seqset *set, uint32_t first, uint32_t last)
{
	struct seqrange *before = set->n > 0 ? &set->at[set->n - 1] : NULL;
	if (before != NULL && (uint64_t)before->last + 1 == first) {
		before->last = last;
		return true;
	}
	if (set->n == SEQSET_MAX)
		return false;
	*ARENA_PUSH(set->arena, set->at, set->n, set->cap) = (struct seqrange){first, last};
	return true;
}

static bool read_range(const char *text, size_t len, struct seqrange *range)
{
	const char *colon = memchr(text, ':', len);
	size_t left = colon == NULL ? len : (size_t)(colon - text);
	uint64_t a = 0, b = 0;

	if (!imap_parse_number(text, left, UINT32_MAX, &a))
		return false;
	b = a;
	if (colon != NULL && !imap_parse_number(colon + 1, len - left - 1, UINT32_MAX, &b))
		return false;
	range->first = (uint32_t)(a < b ? a : b);
	range->last = (uint32_t)(a < b ? b : a);
	return range->first > 0;
}

/* The next range of what is left: 1, 0 = there is no more, -1 = it is none. */
static int next_range(const char **text, size_t *left, struct seqrange *range)
{
	if (*text == NULL)
		return 0;
	const char *comma = *left > 0 ? memchr(*text, ',', *left) : NULL;
	size_t n = comma == NULL ? *left : (size_t)(comma - *text);
	if (!read_range(*text, n, range))
		return -1;
	*text = comma == NULL ? NULL : comma + 1;
	*left -= comma == NULL ? n : n + 1;
	return 1;
}

bool seqset_check(const char *text, size_t len, uint64_t *count)
{
	struct seqrange r;
	uint64_t n = 0;
	int got;
	while ((got = next_range(&text, &len, &r)) > 0)
		n += (uint64_t)r.last - r.first + 1;
	if (got == 0 && count != NULL)
		*count = n;
	return got == 0;
}

bool seqset_parse(struct seqset *set, const char *text, size_t len)
{
	struct seqrange r;
	int got;
	while ((got = next_range(&text, &len, &r)) > 0)
		if (!seqset_add(set, r.first, r.last))
			return false;
	return got == 0;
}

static int by_first(const void *a, const void *b)
{
	const struct seqrange *x = a, *y = b;
	return (x->first > y->first) - (x->first < y->first);
}

void seqset_sort(struct seqset *set)
{
	if (set->n == 0)
		return;
	size_t i = 1;
	while (i < set->n && set->at[i - 1].last < set->at[i].first)
		i++;
	if (i == set->n)
		return;

	qsort(set->at, set->n, sizeof *set->at, by_first);
	struct seqrange *to = set->at;
	for (i = 1; i < set->n; i++) {
		const struct seqrange *r = &set->at[i];
		if (r->first > (uint64_t)to->last + 1)
			*++to = *r;
		else if (r->last > to->last)
			to->last = r->last;
	}
	set->n = (size_t)(to - set->at) + 1;
}

uint64_t seqset_count(const struct seqset *set)
{
	uint64_t count = 0;
	for (size_t i = 0; i < set->n; i++)
		count += (uint64_t)set->at[i].last - set->at[i].first + 1;
	return count;
}

bool seqset_has(const struct seqset *set, uint32_t number)
{
	size_t low = 0, high = set->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (set->at[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->n && set->at[low].first <= number;
}

size_t seqset_text(const struct seqset *set, size_t from, char *out, size_t size)
{
	size_t used = 0;
	out[0] = '\0';
	for (; from < set->n; from++) {
		const struct seqrange *r = &set->at[from];
		char one[24];
		int n = r->first == r->last ? snprintf(one, sizeof one, "%u", (unsigned)r->first)
					    : snprintf(one, sizeof one, "%u:%u", (unsigned)r->first,
						      (unsigned)r->last);
		if (used + (size_t)n + 2 > size)
			break;
		if (used > 0)
			out[used++] = ',';
		memcpy(out + used, one, (size_t)n + 1);
		used += (size_t)n;
	}
	return from;
}

struct seqwalk seqset_walk(const struct seqset *set)
{
	return (struct seqwalk){.set = set};
}

uint32_t seqset_next(struct seqwalk *walk)
{
	while (walk->range < walk->set->n) {
		const struct seqrange *r = &walk->set->at[walk->range];
		if (walk->next == 0)
			walk->next = r->first;
		if (walk->next <= r->last)
			return (uint32_t)walk->next++;
		walk->range++;
		walk->next = 0;
	}
	return 0;
}
