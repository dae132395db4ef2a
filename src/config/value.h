#ifndef MAILTWIN_CONFIG_VALUE_H
#define MAILTWIN_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/schema.h"

/*
 * Values as people write them.  Those that the command line takes as well fail with
 * CAUSE_CONFIG; their sentence says what was found and what is possible.
 */

/* value_number(text, least, most, out, err): a number in decimal digits. */
bool value_number(const char *text, unsigned long least, unsigned long most, unsigned long *out,
	struct error *err);

/* value_seconds(text, out, err): a number with s, m (minutes), h, d, w or y (365 days). */
bool value_seconds(const char *text, int64_t *out, struct error *err);

/* value_octets(text, out, err): a number, alone or with K, M or G (1024, its square, its cube). */
bool value_octets(const char *text, uint64_t *out, struct error *err);

/* value_limit(text, out, err): `max_deletions`: "25%", a number, or "any". */
bool value_limit(const char *text, struct deletion_limit *out, struct error *err);

/* value_has_control(text): whether a C0 control character or DEL is in it. */
bool value_has_control(const char *text);

/*
 * Readers for the tables of keys; the comment says the type of the field.  value_take_text() is
 * what most of them begin with: the text of ${value}, or NULL after adding a mistake (a list,
 * nothing at all, control characters).
 */
const char *value_take_text(struct reading *r, const struct node *value);

read_value value_text;	   /* const char * */
read_value value_path;	   /* const char *: absolute */
read_value value_bool;	   /* bool */
read_value value_word;	   /* an enum, or bool: one of `words` */
read_value value_count;	   /* unsigned or int: `least` to `most` */
read_value value_duration; /* unsigned: seconds, `least` to `most` */
read_value value_days;	   /* int64_t: seconds of whole days */
read_value value_size;	   /* uint64_t: octets */
read_value value_argv;	   /* const char *const *: a program and arguments, ends in NULL */
read_value value_tokens;   /* the same: in upper case, each one of `names`, if there are any */
read_value value_map;	   /* what `schema` says, below the field */

#endif
