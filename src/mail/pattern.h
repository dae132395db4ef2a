#ifndef MAILTWIN_MAIL_PATTERN_H
#define MAILTWIN_MAIL_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/*
 * Patterns of mailbox names: `*` stays within a level, `**` does not, and a name followed by a
 * slash and `**` also matches the name itself; INBOX in any case.  A list is tried in order and the
 * last that matches wins; `!` excludes; what no pattern matches is not taken in.
 *
 * Names and patterns are in written form (mail/name.h), names canonical.  A match costs at most
 * the product of both lengths, in time and memory.
 */
struct pattern_list {
	const char *const *at; /* as written, with '!' */
	size_t n;
};

/* pattern_match(pattern, name): whether ${pattern} (without '!') matches ${name}. */
bool pattern_match(const char *pattern, const char *name);

/*
 * pattern_selects(list, name, named):
 * Whether ${list} takes ${name} in.  With ${named} only patterns without wildcards take in
 * (exclusions count as ever): for views of other mailboxes (\All, \Flagged).
 */
bool pattern_selects(const struct pattern_list *list, const char *name, bool named);

/*
 * pattern_rename(from, to, name, arena):
 * When ${from} matches ${name}, return ${to} with its `*` and `**` replaced, in order, by what
 * those of ${from} stood for: as little as possible for the first, then for the second, and so
 * on.  The result is canonical: "Old" becomes "New" by Old/ ** and New/ ** (without the blanks).
 * NULL when ${from} does not match, ${to} has other wildcards, or nothing is left of the name.
 */
const char *pattern_rename(const char *from, const char *to, const char *name, struct arena *arena);

/* pattern_reversible(from, to): whether both have the same wildcards in the same order. */
bool pattern_reversible(const char *from, const char *to);

#endif
