#ifndef MAILTWIN_CMD_PROGRESS_H
#define MAILTWIN_CMD_PROGRESS_H

#include "sync/report.h"

/*
 * The line on a terminal that tells how far a run is: mailboxes, messages, bytes, rate, time left.
 * It stands on standard error and is wiped away before anything else is printed.
 */

/* progress_start(pair): a new pair begins; nothing is shown before progress_show(). */
void progress_start(const char *pair);

/* progress_show(context, progress): draw it anew, ten times a second at most.  ${context} is not
 * used. */
void progress_show(void *context, const struct progress *progress);

/* progress_clear(): wipe it away, if it is there. */
void progress_clear(void);

#endif
