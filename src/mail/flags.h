#ifndef MAILTWIN_MAIL_FLAGS_H
#define MAILTWIN_MAIL_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Flags and keywords of a message, as one set behind one small number.
 *
 * A set below FLAG_SYSTEM_SETS is the bit mask of its system flags and means the same in every
 * table.  Any set that holds a keyword has a meaning only in the `flag_table` that made it.
 * Equal sets of one table have equal numbers, so that comparing two messages is comparing two
 * integers.  Keywords compare without regard to ASCII case (RFC 9051, 2.3.2) and keep the spelling
 * that the table met first.  \Recent is not a flag here: it belongs to a session, not to a message.
 */
typedef uint32_t flag_set;

enum {
	FLAG_SEEN = 1u << 0,
	FLAG_ANSWERED = 1u << 1,
	FLAG_FLAGGED = 1u << 2,
	FLAG_DELETED = 1u << 3,
	FLAG_DRAFT = 1u << 4,
	FLAG_SYSTEM_SETS = 1u << 5 /* the first number that is no plain mask */
};

struct flag_table;

/* flag_table_new(void), flag_table_free(table): a table of sets; NULL is fine to free.
 * A table that no thread adds to may be read by all: it may be const wherever it is taken so. */
struct flag_table *flag_table_new(void);
void flag_table_free(struct flag_table *table);

/* flags_system(table, set): the mask of system flags in ${set}. */
uint32_t flags_system(const struct flag_table *table, flag_set set);

/* flags_keywords(table, set, &n): the ${n} keywords of ${set}, sorted; lent until ${table} goes. */
const char *const *flags_keywords(const struct flag_table *table, flag_set set, size_t *n);

/* flags_has(table, set, name): whether ${set} holds ${name}: "\\Seen", "$Junk"; in any case. */
bool flags_has(const struct flag_table *table, flag_set set, const char *name);

/*
 * flags_make(table, system, keywords, n):
 * The set of the mask ${system} and the ${n} ${keywords}, which are copied; doubles are
 * dropped.  Any bytes but NUL are taken: who writes them to a wire or file checks.  A word that
 * begins with a backslash is no keyword, it is read as flags_add_name() reads it.
 */
flag_set flags_make(
	struct flag_table *table, uint32_t system, const char *const *keywords, size_t n);

/* flags_add_name(table, set, name, len): ${set} with the flag written as ${name}[0..${len}),
 * "\\Seen" (any case) or a keyword; a backslash word that is no system flag changes nothing. */
flag_set flags_add_name(struct flag_table *table, flag_set set, const char *name, size_t len);

/* Sets calculated from sets: a or b, a and b, a without b. */
flag_set flags_union(struct flag_table *table, flag_set a, flag_set b);
flag_set flags_common(struct flag_table *table, flag_set a, flag_set b);
flag_set flags_without(struct flag_table *table, flag_set a, flag_set b);

/* flags_move(to, from, set): the number in table ${to} of what is ${set} in table ${from}. */
flag_set flags_move(struct flag_table *to, const struct flag_table *from, flag_set set);

/*
 * flags_text(table, set, out, size):
 * Write ${set} as words parted by blanks ("\\Flagged \\Seen $Junk": system flags first, both
 * parts sorted), the form that the state keeps.  A '%' in a keyword and what is not printable ASCII
 * (no server should take such a keyword, but one may) is written %HH.  Return what snprintf()
 * would.
 */
size_t flags_text(const struct flag_table *table, flag_set set, char *out, size_t size);

/* flags_parse(table, text): the set that flags_text() wrote as ${text}. */
flag_set flags_parse(struct flag_table *table, const char *text);

/*
 * What a mailbox can hold (PERMANENTFLAGS; a Maildir's letters).
 *
 * flags_storable(table, set, storable): the part of ${set} that fits.
 */
struct flag_storable {
	flag_set listed;   /* flags and keywords that it can hold for certain */
	bool new_keywords; /* and any keyword that it has not met ("\*") */
};
flag_set flags_storable(
	struct flag_table *table, flag_set set, const struct flag_storable *storable);

#endif
