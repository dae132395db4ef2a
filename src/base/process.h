#ifndef MAILTWIN_BASE_PROCESS_H
#define MAILTWIN_BASE_PROCESS_H

/*
 * process_keep_private(void):
 * Nobody but root may look into this process from now on: no core is dumped, here or in a program
 * that we start, and our memory and environment in /proc cannot be read by the same user's other
 * programs (PR_SET_DUMPABLE).  Best effort; to be called before any secret is read.
 *
 * A build with sanitizers stays open to itself: the leak sanitizer looks into its own process from
 * a second one.
 */
void process_keep_private(void);

#endif
