#ifndef MAILTWIN_BASE_PROGRAM_H
#define MAILTWIN_BASE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Programs that the configuration names: password, token and tunnel commands.
 *
 * What such a program inherits is what stands here: standard error, the descriptors it is given,
 * and the environment without the variables that hold secrets of ours.
 */

/* program_hide(name): no program that is started from now on sees the environment variable ${name}.
 * To be called before threads are started; ${name} is copied. */
void program_hide(const char *name);

/* program_hidden(i): the ${i}th of them; NULL behind the last. */
const char *program_hidden(size_t i);

/*
 * program_start(argv, in, out, session, pid):
 * Start ${argv} (found by PATH; ends in NULL) with ${in} (-1: empty) as its standard input and
 * ${out} as its standard output; both stay the caller's.  With ${session} it leads a session of its
 * own, so that all it starts can be killed together, and has no terminal.  No signal is blocked or
 * ignored for it.  Return 0 with ${*pid} set, or an errno.
 */
int program_start(const char *const *argv, int in, int out, bool session, pid_t *pid);

#endif
