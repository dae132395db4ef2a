#ifndef MAILTWIN_IMAP_KEPT_H
#define MAILTWIN_IMAP_KEPT_H

#include "imap/session.h"

/*
 * Events that came while the session waited for something else, in order.
 *
 * kept_new(), kept_free(kept): NULL is fine to free.
 * kept_add(kept, event): copy ${event}; false when that would be more than anybody sends while a
 * literal waits.
 * kept_take(kept, event): the oldest, or false; it is lent until the next call of kept_add() or
 * kept_take().
 */
struct kept;

struct kept *kept_new(void);
void kept_free(struct kept *kept);
bool kept_add(struct kept *kept, const struct session_event *event);
bool kept_take(struct kept *kept, struct session_event *event);

/* kept_has(kept): whether there is one. */
bool kept_has(const struct kept *kept);

#endif
