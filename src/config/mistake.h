#ifndef MAILTWIN_CONFIG_MISTAKE_H
#define MAILTWIN_CONFIG_MISTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buffer.h"

/*
 * What is wrong with a configuration: gathered while it is read, told all at once and in the
 * order of the file, one line each, as compilers do:
 *
 *	config.yml:7:5: stores.work: unknown key "pasword"; did you mean "password"?
 */

/* A place in the file, both from 1, columns in characters; line 0 = the file as a whole. */
struct place {
	unsigned line, column;
};

struct mistake {
	struct place place;
	const char *text;
};

struct mistakes {
	struct arena *arena;
	const char *path; /* the file, as the user named it */
	struct mistake *at;
	size_t n, cap;
	size_t more; /* further ones that were only counted */
};

/*
 * mistake_add(mistakes, place, fmt, ...):
 * Remember that ${place} is wrong, and why.  Quote what comes from the file by mistake_quote(),
 * and never a secret.  Always return false, so that a failing path is one line.
 */
bool mistake_add(struct mistakes *mistakes, struct place place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* mistake_where(mistakes, place): "config.yml:7:5", on the arena. */
const char *mistake_where(const struct mistakes *mistakes, struct place place);

/* mistake_quote(text, arena): ${text} in double quotes, fit for a terminal, cut when long. */
const char *mistake_quote(const char *text, struct arena *arena);

/* mistakes_print(mistakes, out): one line for each, as far as the limit of ${out} allows. */
void mistakes_print(const struct mistakes *mistakes, struct buffer *out);

#endif
