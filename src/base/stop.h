#ifndef MAILTWIN_BASE_STOP_H
#define MAILTWIN_BASE_STOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * A run is told to stop by a person or by the system, and ends at its next safe point: every loop
 * over files or messages asks stop_may_go_on(), and everything that waits polls stop_fd() too.  A
 * descriptor that stays readable is seen by whoever comes to wait later; a signal that only
 * interrupts a sleep is lost where it comes between two of them.
 */

/* stop_listen(err): make the descriptor; before threads are started and the handler is installed.
 */
bool stop_listen(struct error *err);

/* stop_ask(signal): end the run.  Async-signal-safe: it is the handler. */
void stop_ask(int signal);

/* stop_asked(): the signal that asked for the end; 0 = none did. */
int stop_asked(void);

/* stop_fd(): readable from stop_ask() on; -1 where nobody listens. */
int stop_fd(void);

/* stop_may_go_on(err): false with ERROR_CANCELLED, "stopped", after stop_ask(). */
bool stop_may_go_on(struct error *err);

/* stop_pause(milliseconds, err): do nothing for so long; false as soon as stop_may_go_on() is. */
bool stop_pause(int64_t milliseconds, struct error *err);

/* stop_forget(): as if nobody had listened or asked; for tests, which go on. */
void stop_forget(void);

#endif
