#ifndef MAILTWIN_CONFIG_PAIR_H
#define MAILTWIN_CONFIG_PAIR_H

#include "config/config.h"

/* What a pair is where nobody says otherwise, and what follows from its mode. */

/* pair_defaults(pair): fill in every key that does not depend on another. */
void pair_defaults(struct pair_config *pair);

/* pair_mode_deletes(mode): whether `deletions` is `propagate` by default. */
bool pair_mode_deletes(enum mode mode);

/* pair_check_mode(pair, mode, err): whether the stores of ${pair} can be kept by ${mode}; else
 * CAUSE_CONFIG. */
bool pair_check_mode(const struct pair_config *pair, enum mode mode, struct error *err);

#endif
