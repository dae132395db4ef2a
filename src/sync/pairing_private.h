#ifndef MAILTWIN_SYNC_PAIRING_PRIVATE_H
#define MAILTWIN_SYNC_PAIRING_PRIVATE_H

#include "base/map.h"
#include "sync/pairing.h"

/*
 * What the files of the pairing share.
 *
 *   pairing.c        the story, and what takes part
 *   pairing_known.c  pairings of the state: still there, renamed, vanished, doubted
 *   pairing_new.c    the rest: rename, equal names, special use, and what is to be made
 *   pairing_names.c  which names a side has, and which of them clash
 */

/* A mailbox as one side lists it. */
struct place {
	const struct mailbox *box;
	bool known;  /* a pairing of the state calls it by this name */
	bool paired; /* it has its pairing */
};

/* Names of one side. */
struct names {
	struct place *at; /* as listed, by name, each name once */
	size_t n, cap;
	struct map *listed;  /* name -> index of at[] */
	struct map *known;   /* name -> index of the state's pairing */
	struct map *claimed; /* name that has its pairing -> index of owner[] */
	const char **owner;  /* its name on the other side */
	size_t owners, cap_owners;
	struct map *folded; /* folded name of a mailbox or level -> index of level[] */
	const char **level; /* mailboxes and the levels above them, as they are spelled */
	size_t levels, cap_levels;
	bool tells_apart; /* it lists two names that differ in case or normalisation only */
	size_t selectable;
};

struct pairer {
	const struct pair_config *pair;
	const struct pattern_list *only;
	const struct state_twin *known;
	size_t n_known;
	struct names side[2];
	bool doubted;	   /* a side shrank too much: nothing is paired anew, renamed or removed */
	const char *trash; /* canonical; NULL: none */
	struct arena *arena;   /* of what comes out */
	struct arena *scratch; /* empty between two calls of pairing_names.c */
	struct pairings *out;
};

/* ---- pairing.c ---- */

/* pairing_add(p, pairing): add it, if it takes part, and claim its names either way. */
void pairing_add(struct pairer *p, const struct pairing *pairing);

/* pairing_takes_part(p, pairing): what `mailboxes`, --mailbox and `trash` say to it. */
bool pairing_takes_part(const struct pairer *p, const struct pairing *pairing);

/* pairing_trouble(p, side, mailbox, cause, fmt, ...): tell a problem. */
void pairing_trouble(struct pairer *p, enum side side, const char *mailbox, enum error_cause cause,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* pairing_is_inbox(pairing): whether it is INBOX on either side. */
bool pairing_is_inbox(const struct pairing *pairing);

/* ---- pairing_names.c ---- */

/* pairing_names_read(p, side, list), pairing_names_finish(names): the names that are listed; of
 * mailboxes that are listed twice the later is left out. */
void pairing_names_read(struct pairer *p, enum side side, const struct mailbox_list *list);
void pairing_names_finish(struct names *names);

/* pairing_place(names, name): the mailbox of that name, or NULL. */
struct place *pairing_place(const struct names *names, const char *name);

/* pairing_owner(names, name): what the mailbox is called, on the other side, that has ${name} here
 * by its pairing; or NULL. */
const char *pairing_owner(const struct names *names, const char *name);

/* pairing_across(p, from, name, by_rule): what mailbox ${name} of side ${from} is called on the
 * other one; ${*by_rule}: because `rename` says so. */
const char *pairing_across(const struct pairer *p, enum side from, const char *name, bool *by_rule);

/* pairing_clash(p, side, name): a name of ${side} that ${name}, which is yet to be made, could be
 * taken for: one that only differs in case or normalisation; or NULL. */
const char *pairing_clash(const struct pairer *p, enum side side, const char *name);

/* pairing_will_have(p, side, name): ${side} is to get a mailbox ${name}. */
void pairing_will_have(struct pairer *p, enum side side, const char *name);

/* ---- pairing_known.c, pairing_new.c ---- */

/* pairing_known(p): the pairings of the state. */
void pairing_known(struct pairer *p);

/* pairing_new(p, err): those that are not in the state. */
bool pairing_new(struct pairer *p, struct error *err);

#endif
