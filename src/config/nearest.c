#include <string.h>

#include "base/ascii.h"
#include "config/config.h"

/* Keys, mechanisms and names that people type are shorter; a longer word is no slip of a key. */
#define MAX_WORD 40

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * The Damerau-Levenshtein distance in the form that counts each slip once: letters put in, left
 * out, changed, or swapped with their neighbour.  Case is no slip.
 */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned d[MAX_WORD + 1][MAX_WORD + 1];
	for (size_t i = 0; i <= a_len; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= b_len; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		for (size_t j = 1; j <= b_len; j++) {
			bool same = ascii_lower(a[i - 1]) == ascii_lower(b[j - 1]);
			unsigned least = smaller(d[i - 1][j], d[i][j - 1]) + 1;
			least = smaller(least, d[i - 1][j - 1] + (same ? 0 : 1));
			bool swapped = i > 1 && j > 1 &&
				       ascii_lower(a[i - 1]) == ascii_lower(b[j - 2]) &&
				       ascii_lower(a[i - 2]) == ascii_lower(b[j - 1]);
			d[i][j] = swapped ? smaller(least, d[i - 2][j - 2] + 1) : least;
		}
	}
	return d[a_len][b_len];
}

/* One slip in a short word, one more for each three letters beyond: more is another word. */
static unsigned forgiven(size_t len)
{
	return len < 6 ? 1 : (unsigned)(len / 3);
}

static const char *only_longer(const char *word, size_t len, const char *const *candidates)
{
	const char *found = NULL;
	for (size_t i = 0; len >= 3 && candidates[i] != NULL; i++) {
		if (strncmp(candidates[i], word, len) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = candidates[i];
	}
	return found;
}

const char *config_nearest(const char *word, const char *const *candidates)
{
	size_t len = strlen(word);
	if (len == 0 || len > MAX_WORD)
		return NULL;
	const char *best = NULL;
	unsigned best_distance = 0;
	for (size_t i = 0; candidates[i] != NULL; i++) {
		size_t other_len = strlen(candidates[i]);
		if (other_len == 0 || other_len > MAX_WORD)
			continue;
		unsigned far = distance(word, len, candidates[i], other_len);
		if (far > forgiven(len > other_len ? len : other_len) || far >= len)
			continue;
		if (best == NULL || far < best_distance) {
			best = candidates[i];
			best_distance = far;
		}
	}
	return best != NULL ? best : only_longer(word, len, candidates);
}
