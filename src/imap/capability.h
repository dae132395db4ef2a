#ifndef MAILTWIN_IMAP_CAPABILITY_H
#define MAILTWIN_IMAP_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "imap/parse.h"
#include "imap/session.h"

/* What a server said that it can do, as bits. */
struct capabilities {
	bool known;	       /* it was told at all */
	uint64_t bits;	       /* 1 << enum capability */
	uint32_t mechanisms;   /* 1 << index in sasl.c's table */
	uint64_t append_limit; /* 0 = not told */
};

/*
 * capability_read(caps, first, host, disable):
 * Replace *caps by what the nodes from ${first} on say, without what ${disable} (ends in NULL, or
 * is NULL) names, and without what the server at ${host} is known to announce and not to keep.
 */
void capability_read(struct capabilities *caps, const struct imap_node *first, const char *host,
	const char *const *disable);

/* capability_has(caps, capability) */
static inline bool capability_has(const struct capabilities *caps, enum capability capability)
{
	return (caps->bits >> capability & 1) != 0;
}

/* capability_enabled(first): the bits that the nodes of an ENABLED response name. */
uint64_t capability_enabled(const struct imap_node *first);

#endif
