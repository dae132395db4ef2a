#ifndef MAILTWIN_CONFIG_PROMPT_H
#define MAILTWIN_CONFIG_PROMPT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

/*
 * prompt_secret(question, out, err):
 * Ask ${question} on the process's terminal, whatever standard input is, and append the line that
 * is typed, unseen and without its end, to ${out}.
 *
 * A signal that would stop or end the process meanwhile takes effect after the terminal echoes
 * again; after a stop the question is put once more.  ERROR_CANCELLED where the process outlives
 * such a signal.  CAUSE_CONFIG without a terminal.  One thread at a time: the one that owns the
 * terminal.
 */
bool prompt_secret(const char *question, struct buffer *out, struct error *err);

#endif
