#ifndef MAILTWIN_IMAP_SEQSET_H
#define MAILTWIN_IMAP_SEQSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/*
 * Sets of UIDs as ranges, which is how the wire writes them (RFC 9051, section 9, sequence-set).
 *
 *	set   = range *("," range)
 *	range = number / number ":" number	numbers from 1 to 4294967295; "4:2" is "2:4"
 *
 * A set is never expanded: "1:4294967295" is one range.  It keeps its ranges in the order they were
 * added, which COPYUID needs, until it is sorted.
 */
struct seqrange {
	uint32_t first, last; /* both belong to it; first <= last */
};

struct seqset {
	struct arena *arena;
	struct seqrange *at;
	size_t n, cap;
};

/* A set of more ranges was not made to be useful. */
#define SEQSET_MAX ((size_t)4 * 1024 * 1024)

/* seqset_init(set, arena): make ${set} empty; what it will hold lies on ${arena}. */
void seqset_init(struct seqset *set, struct arena *arena);

/*
 * seqset_add(set, first, last): add a range; one that goes on where the last one added ends makes
 * that longer.  False, with nothing added, when the set would pass SEQSET_MAX ranges.
 *
 * seqset_check(text, len, count): whether ${text} is a set by the grammar above ("1:3," and "*" are
 * none), and how many numbers it writes, doubles counted; ${count} may be NULL.
 *
 * seqset_parse(set, text, len): add what the wire wrote.  False for what is no set, or when it
 * would pass SEQSET_MAX ranges; then ${set} is of no use.
 */
bool seqset_add(struct seqset *set, uint32_t first, uint32_t last);
bool seqset_check(const char *text, size_t len, uint64_t *count);
bool seqset_parse(struct seqset *set, const char *text, size_t len);

/* seqset_sort(set): put the ranges in order, and join those that meet or overlap. */
void seqset_sort(struct seqset *set);

/* seqset_count(set): how many numbers are in a sorted ${set}.
 * seqset_has(set, number): whether ${number} is in a sorted ${set}. */
uint64_t seqset_count(const struct seqset *set);
bool seqset_has(const struct seqset *set, uint32_t number);

/*
 * seqset_text(set, from, out, size):
 * Write the ranges of ${set} from index ${from} on, as many as fit into ${size} bytes with the NUL,
 * and return the index of the first that did not: as much as fits one command line.
 * ${size} is 24 or more, so that one always fits.
 */
size_t seqset_text(const struct seqset *set, size_t from, char *out, size_t size);

/* One number after the other, in the order of the ranges. */
struct seqwalk {
	const struct seqset *set;
	size_t range;
	uint64_t next; /* 0: at the begin of the range */
};

/* seqset_walk(set): begin.  seqset_next(walk): the next number; 0 = no more. */
struct seqwalk seqset_walk(const struct seqset *set);
uint32_t seqset_next(struct seqwalk *walk);

#endif
