#ifndef MAILTWIN_SYNC_CREW_H
#define MAILTWIN_SYNC_CREW_H

#include "store/store.h"
#include "sync/job.h"

/*
 * A crew of workers, and the two queues between them and the conductor: jobs out,
 * jobs back.  Mutexes exist in no other file.
 *
 * With one worker there are no threads: crew_wait() carries the next job out itself,
 * by the same code.
 */
struct crew;

/* crew_new(stores, most): a crew of one; up to ${most} workers once there is work for them. */
struct crew *crew_new(struct store *const stores[2], unsigned most);

/* crew_free(crew): wait for what is under way and close every session; NULL is fine. */
void crew_free(struct crew *crew);

/* crew_session(crew, side, err): the conductor's own session on ${side}, connected when it is not.
 * Only while no job is out. */
struct session *crew_session(struct crew *crew, enum side side, struct error *err);

/* crew_lost(crew, side, err): worker_lost() for the conductor's own session.  Only while no job is
 * out. */
bool crew_lost(struct crew *crew, enum side side, struct error *err);

/* crew_drop(crew, side): close the conductor's own session on ${side}.  Only while no job is out.
 */
void crew_drop(struct crew *crew, enum side side);

/* crew_hire(crew, n): see to it that ${n} workers, at most the number that crew_new() was given,
 * wait for jobs. */
void crew_hire(struct crew *crew, unsigned n);

/* crew_hire_ahead(crew, n, side): the same, of workers who sign in on ${side} before there is a job
 * for them. */
void crew_hire_ahead(struct crew *crew, unsigned n, enum side side);

/* crew_dismiss(crew): let the threads end once nothing is left to do; their sessions stay open.
 * From then on the first worker, whose sessions are the conductor's, does all until others are
 * hired. */
void crew_dismiss(struct crew *crew);

/* crew_are_in(crew, side): whether each worker of a crew of several has a session on ${side}.  Only
 * while no job is out. */
bool crew_are_in(struct crew *crew, enum side side);

/* crew_hands(crew): how many workers are at work, this thread's counted. */
unsigned crew_hands(const struct crew *crew);

/* crew_window(crew): jobs that should be out, so that no worker has to wait for the conductor. */
unsigned crew_window(const struct crew *crew);

/* crew_submit(crew, job): give ${job} away.  Never waits: the conductor bounds what is out. */
void crew_submit(struct crew *crew, struct job *job);

/* crew_wait(crew): the next job that came back; NULL when none is out. */
struct job *crew_wait(struct crew *crew);

/* crew_back(crew): one more that came back already; NULL when there is none yet. */
struct job *crew_back(struct crew *crew);

/* crew_traffic(crew, side): bytes of all connections, round trips of the busiest.  Only while no
 * job is out. */
struct traffic crew_traffic(const struct crew *crew, enum side side);

#endif
