#ifndef MAILTWIN_SYNC_WORKER_PRIVATE_H
#define MAILTWIN_SYNC_WORKER_PRIVATE_H

#include "base/map.h"
#include "mail/identity.h"
#include "sync/patience.h"
#include "sync/worker.h"

/*
 * A worker, as its own files see it:
 *
 *	worker.c		sessions, and all jobs but two
 *	worker_compare.c	JOB_COMPARE
 *	worker_list.c		JOB_LIST
 */
struct worker {
	struct store *store[2];
	struct session *session[2];
	struct patience patience[2];
	unsigned opened[2];	  /* how many sessions there were: the number of this one */
	struct traffic closed[2]; /* what sessions cost that are closed by now */
	const struct job *last;	  /* the last that worker_begin() was given, until it is finished */
	struct hasher *hasher;
	struct buffer head; /* the start of the message that is being copied */
};

/* worker_blame(worker, job, side): the job as a whole ended with job->error, which is the failure
 * of
 * ${side}. */
void worker_blame(struct worker *worker, struct job *job, enum side side);

/* worker_keep_error(job, err): the error of one item, where it lives as long as the job. */
const struct error *worker_keep_error(struct job *job, const struct error *err);

/* worker_index(job): job->keys, each with its place among them; to be freed. */
struct map *worker_index(const struct job *job);

/* worker_compare(worker, job), worker_list(worker, job): carry out JOB_COMPARE and JOB_LIST. */
void worker_compare(struct worker *worker, struct job *job);
void worker_list(struct worker *worker, struct job *job);

#endif
