#ifndef MAILTWIN_TESTS_IMAP_PLACE_H
#define MAILTWIN_TESTS_IMAP_PLACE_H

#include "place.h"

/*
 * An empty account on a Dovecot of its own, which runs for each session as the tunnel's program:
 * no port, no daemon, nothing left behind.
 *
 * imap_place_possible(): whether Dovecot is installed.
 *
 * imap_place(p, separator, prefix, disable): fill in p->config.  ${separator} and ${prefix} are
 * those of its namespace; ${disable} are capabilities not to be used, ends in NULL, or NULL.
 */
bool imap_place_possible(void);
void imap_place(struct place *p, char separator, const char *prefix, const char *const *disable);

#endif
