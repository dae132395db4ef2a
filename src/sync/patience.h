#ifndef MAILTWIN_SYNC_PATIENCE_H
#define MAILTWIN_SYNC_PATIENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * How long one side of a worker is tried again: a connection that was lost is made anew after a
 * pause that doubles from one to the next, at random between half of it and the whole, or after the
 * one that the server asked for.  Attempts in a row that bring nothing, and the time waited in all
 * of a run, are bounded.
 *
 * {0} to begin with.  Before a side was reached for the first time, only a server that asks to be
 * asked later is: one that is not there is told at once.
 */
struct patience {
	atomic_llong *rests_until; /* struct store's, or NULL: the caller's to set */
	bool reached;		   /* there was a session: the caller's to set */
	unsigned failures;	   /* in a row */
	int64_t waited;		   /* milliseconds, of the whole run */
	struct error last;
};

/* patience_failed(p, err): connecting failed, or a session did: whether to try again.  Where not,
 * err->transient is cleared: nobody else is to try. */
bool patience_failed(struct patience *p, struct error *err);

/* patience_wait(p, store, err): before connecting: wait as long as is fit, and tell so; at once
 * where nothing failed.  False when patience is at its end (${err} is the last failure, and says
 * so), or when the user says stop. */
bool patience_wait(struct patience *p, const char *store, struct error *err);

/* patience_rest(p, err): before a session is used: while the server rests, because it asked another
 * of its sessions for a pause, wait as well.  False when the user says stop. */
bool patience_rest(const struct patience *p, struct error *err);

/* patience_progress(p, connected): something was achieved; ${connected}: and nothing failed since.
 */
void patience_progress(struct patience *p, bool connected);

#endif
