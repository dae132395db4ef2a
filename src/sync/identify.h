#ifndef MAILTWIN_SYNC_IDENTIFY_H
#define MAILTWIN_SYNC_IDENTIFY_H

#include "mail/identity.h"
#include "store/store.h"
#include "sync/job.h"

/*
 * identify(session, hasher, job):
 * Carry out the JOB_IDENTIFY ${job}: read the messages that it names and fill in what they are
 * known by, and with keep_text what a person knows them by.  Memory does not grow with the
 * messages.  A message that cannot be read is FAILED, one that is not there any more GONE;
 * job->error is set when the mailbox or the session failed.
 */
void identify(struct session *session, struct hasher *hasher, struct job *job);

#endif
