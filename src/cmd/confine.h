#ifndef MAILTWIN_CMD_CONFINE_H
#define MAILTWIN_CMD_CONFINE_H

#include <stdbool.h>

#include "cmd/pairs.h"

/*
 * What a run may start, look up and touch, from what the person wrote down.
 *
 * confine_begin(): before the configuration is read: fork the broker (base/broker.h).
 * confine_pairs(options, pairs): once the pairs are chosen, and before anything is contacted: from
 * now on the programs and hosts of these pairs' stores are all that there is.
 * confine_end(): let the broker end.
 *
 * The first two return false after the problem was printed; its exit code is CAUSE_LOCAL.
 */
bool confine_begin(void);
bool confine_pairs(const struct options *options, const struct pairs *pairs);
void confine_end(void);

#endif
