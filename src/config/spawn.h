#ifndef MAILTWIN_CONFIG_SPAWN_H
#define MAILTWIN_CONFIG_SPAWN_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

/*
 * spawn_read(argv, deadline, out, err):
 * Run the program ${argv} (found by PATH; ends in NULL) and append what it prints to ${out}.
 *
 * It gets no terminal but standard error: its input is empty, and it is the leader of a session of
 * its own, so that all it started is killed together with it when ${deadline} milliseconds are
 * over, when it prints more than ${out} takes, or when a person said stop.  What stays behind after
 * it ended well, holding its output open, is left alone: pass and gpg start agents.
 *
 * False with CAUSE_CONFIG when it cannot be started, ERROR_CANCELLED when it was cancelled, and
 * CAUSE_SIGNIN for anything else, a status other than 0 among it.  No message carries an argument.
 */
bool spawn_read(const char *const *argv, unsigned deadline, struct buffer *out, struct error *err);

#endif
