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

/*
 * process_return_memory(void):
 * From now on large blocks go back to the system when they are freed.  Left to itself the C library
 * of GNU keeps blocks of up to 32 MB once one so large was freed, so that a long list costs its
 * memory again and again in each step that is done with it.
 */
void process_return_memory(void);

#endif
