#ifndef MAILTWIN_TESTS_HISTORY_H
#define MAILTWIN_TESTS_HISTORY_H

#include "world.h"

/* Numbers at random, the same for the same seed everywhere. */
struct chance {
	uint64_t state;
};
uint64_t chance_next(struct chance *c);
unsigned chance_below(struct chance *c, unsigned n);
bool chance_of(struct chance *c, unsigned percent);

/* history_make(c, flags, w): a world at random: a state, and what happened on both sides since. */
void history_make(struct chance *c, struct flag_table *flags, struct world *w);

/* The rows of the reconcile table (2, "Reconcile, message by message"). */
enum reached {
	NEW_NONE,
	NONE_NEW,
	NEW_NEW,
	CHANGED_SAME,
	SAME_CHANGED,
	CHANGED_CHANGED,
	GONE_SAME,
	SAME_GONE,
	GONE_TOUCHED,
	GONE_EDITED,
	EDITED_GONE,
	REMEMBERED_ANY,
	ANY_REMEMBERED,
	GONE_GONE,
	REACHED_ROWS
};
extern const char *const reached_names[REACHED_ROWS];

/* history_reaches(w, flags, count): count the rows of the table that ${w} leads to, found out
 * without the differ. */
void history_reaches(const struct world *w, struct flag_table *flags, size_t count[REACHED_ROWS]);

#endif
