#ifndef MAILTWIN_CMD_CONFINE_H
#define MAILTWIN_CMD_CONFINE_H

#include <stdbool.h>

#include "cmd/pairs.h"

/*
 * What a run may start, look up and touch, from what the person wrote down.
 *
 * confine_begin(): before the configuration is read: fork the broker (base/broker.h).
 *
 * confine_pairs(options, pairs): once the pairs are chosen and the trace is open, before anything
 * is contacted: from now on the programs and hosts of these pairs' stores, their folders, the
 * state's and the files they name are all that there is (base/sandbox.h).
 *
 * confine_archive(options, path): the same for a command that only works on this archive.
 *
 * confine_end(): let the broker end.
 *
 * The first two return false after the problem was printed; its exit code is CAUSE_LOCAL.  A build
 * with sanitizers leaves the sandbox out: they open files and look into their own process.
 */
bool confine_begin(void);
bool confine_pairs(const struct options *options, const struct pairs *pairs);
void confine_archive(const struct options *options, const char *path);
void confine_end(void);

#endif
