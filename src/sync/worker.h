#ifndef MAILTWIN_SYNC_WORKER_H
#define MAILTWIN_SYNC_WORKER_H

#include "store/store.h"
#include "sync/job.h"

/*
 * A worker carries out jobs, one after the other, on two sessions of its own.
 *
 * Straight-line and blocking.  It belongs to one thread at a time and shares
 * nothing: what it is asked and what it answers travel in the job.
 */
struct worker;

/* worker_new(stores): opens nothing yet: a session is made when the first job needs it. */
struct worker *worker_new(struct store *const stores[2]);

/* worker_free(worker): close its sessions; NULL is fine. */
void worker_free(struct worker *worker);

/* worker_session(worker, side, err): its session on ${side}, connected when it is not; NULL on
 * failure. */
struct session *worker_session(struct worker *worker, enum side side, struct error *err);

/* worker_open(worker, side): connect on ${side} where it is not, ahead of a job.  One attempt: a
 * failure is left to the job, which may find that it needs no session. */
void worker_open(struct worker *worker, enum side side);

/* worker_is_in(worker, side): whether it has a session on ${side}. */
bool worker_is_in(const struct worker *worker, enum side side);

/* worker_lost(worker, side, err): its session on ${side} failed with ${err}; close it when it is of
 * no more use.  Whether another may do better; worker_session() then waits as long as is fit. */
bool worker_lost(struct worker *worker, enum side side, struct error *err);

/* worker_drop(worker, side): close the session on ${side}: it is of no more use. */
void worker_drop(struct worker *worker, enum side side);

/*
 * worker_begin(worker, job): send what can be sent of ${job} without waiting for an
 * answer, while those given before it are still to be finished; nothing where one of them writes to
 * what this one reads from.  worker_finish(worker, job): carry it out; jobs are finished in the
 * order they were begun, each begun (again) when it is the next.  How it ended is in ${job}, and in
 * each of its chain: what ended one of them ended those behind it.
 */
void worker_begin(struct worker *worker, struct job *job);
void worker_finish(struct worker *worker, struct job *job);

/* worker_traffic(worker, side): what its sessions on ${side} have cost, closed ones too. */
struct traffic worker_traffic(const struct worker *worker, enum side side);

#endif
