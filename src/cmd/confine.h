#ifndef MAILTWIN_CMD_CONFINE_H
#define MAILTWIN_CMD_CONFINE_H

#include <stdbool.h>

#include "cmd/pairs.h"

/*
 * What a run may start, look up and touch, from what the person wrote down.
 *
 * confine_begin(): before the configuration is read: fork the broker (base/broker.h).
 *
 * confine_pairs(options, pairs): once the pairs are chosen, before anything is contacted: open the
 * trace that was asked for; from now on the programs and hosts of these pairs' stores, their
 * folders, the state's and the files they name are all that there is (base/sandbox.h).  Return 0,
 * or the exit code after the problem was printed.
 *
 * confine_archive(options, path, folder): the same for a command that only works on this archive,
 * and writes to ${folder} (or NULL).
 *
 * confine_end(): let the broker end.
 *
 * confine_begin() returns false after the problem was printed; its exit code is CAUSE_LOCAL.  A
 * build with sanitizers leaves the sandbox out: they open files and look into their own process.
 */
bool confine_begin(void);
int confine_pairs(const struct options *options, const struct pairs *pairs);
void confine_archive(const struct options *options, const char *path, const char *folder);
void confine_end(void);

#endif
