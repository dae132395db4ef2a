#ifndef MAILTWIN_CONFIG_READING_H
#define MAILTWIN_CONFIG_READING_H

#include <stdbool.h>

#include "base/arena.h"
#include "config/config.h"
#include "config/tree.h"

/* One reading of one file, and what to say of its mistakes. */
struct reading {
	struct arena *arena;
	struct mistakes *mistakes;
	struct config *config;
	const char *folder; /* absolute: where relative paths start */
	unsigned mode;	    /* the file's permission bits; 0 = it is no file */
	bool told_mode;	    /* that others can read its passwords */
};

/*
 * Each adds a mistake and returns false.  reading_wrong(): of the value ${node}, after its path;
 * reading_wrong_key(): of the key of ${node}, after the path of the mapping it stands in;
 * reading_lacks(): of something that the mapping ${map} does not have, at its own key.
 */
bool reading_wrong(struct reading *r, const struct node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool reading_wrong_key(struct reading *r, const struct node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool reading_lacks(struct reading *r, const struct node *map, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * reading_other(r, node, fmt, ...):
 * As reading_wrong(), of a value that is another kind of thing than the formatted text says:
 * "found a list; possible is ...".  Says nothing of what is in it, which may be a secret, and
 * nothing at all where it is NODE_BROKEN.
 */
bool reading_other(struct reading *r, const struct node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* reading_quote(r, text): mistake_quote() on its arena. */
const char *reading_quote(struct reading *r, const char *text);

/*
 * reading_choice(r, word, names):
 * The end of a sentence about the unknown ${word}: `; did you mean "password"?`, or where no
 * name (${names} ends in NULL) is near, `; possible: a, b, c`.
 */
const char *reading_choice(struct reading *r, const char *word, const char *const *names);

/* reading_join(r, names): "a, b, c", fit for a terminal; ${names} ends in NULL. */
const char *reading_join(struct reading *r, const char *const *names);

/* reading_where(r, place): "config.yml:7:5". */
const char *reading_where(struct reading *r, struct place place);

#endif
