#ifndef MAILTWIN_MAIL_ROSTER_H
#define MAILTWIN_MAIL_ROSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/flags.h"

/*
 * Who is known in a mailbox: keys and the flags that each was last seen with.
 *
 * A mailbox of which only all can be read is compared with it as it is read, and what is as it was
 * need not be kept: a key takes 16 octets here, whatever its length, and some fifty and more in a
 * list.  Of the keys only a digest is held, with a secret of its own for each roster: two keys that
 * share one within a roster are noticed, and that a key which nobody knows is taken for one of n
 * has a chance of n in 2^94.
 *
 * One thread at a time.
 */
struct roster;

/* roster_new(expected): an empty one, with room for ${expected} keys.  roster_free(roster): NULL is
 * fine. */
struct roster *roster_new(size_t expected);
void roster_free(struct roster *roster);

/* roster_add(roster, key, flags): ${key} is known, with ${flags}.  False if it was already, or
 * cannot be told from one that was: the roster is of no use then. */
bool roster_add(struct roster *roster, const char *key, flag_set flags);

enum roster_met {
	ROSTER_STRANGER,
	ROSTER_CHANGED, /* known, with other flags */
	ROSTER_SAME,
	ROSTER_AGAIN /* met before */
};

/* roster_begin(roster): nobody was met yet.
 * roster_meet(roster, key, len, flags): here is ${key}[0..${len}) with ${flags}, of the table that
 * roster_add() was given those of.
 * roster_missed(roster): how many were not met.  roster_has_met(roster, key): whether ${key} was.
 */
void roster_begin(struct roster *roster);
enum roster_met roster_meet(struct roster *roster, const char *key, size_t len, flag_set flags);
size_t roster_missed(const struct roster *roster);
bool roster_has_met(const struct roster *roster, const char *key);

#endif
