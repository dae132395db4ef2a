#include "sync/crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "sync/worker.h"

/* Jobs that one worker alone begins before the first of them is finished: mailboxes with a few new
 * messages each share a flight.  Where there are several workers, each begins one ahead, and what
 * is left is there for whoever is done first. */
#define BEGUN_AT_ONCE 8

/* From so many messages on it begins no more than one job ahead: a connection has enough to do. */
#define BEGUN_MESSAGES 256

/* A queue of jobs, first in, first out. */
struct queue {
	struct job **at;
	size_t head, n, cap;
};

struct member {
	struct crew *crew;
	struct worker *worker;
	pthread_t thread;
	bool opens[2]; /* sides to sign in on before the first job */
	bool waits;    /* for a job: nobody but who gives it one looks at its sessions */
};

struct crew {
	struct store *store[2];
	struct member *member;
	unsigned size, most;
	unsigned threads; /* members that run in a thread of their own: none, or all */
	size_t out;	  /* jobs given away and not back yet */

	pthread_mutex_t lock; /* guards what follows, and member.waits */
	pthread_cond_t to_do, done;
	struct queue jobs, back;
	bool closing;
};

static void queue_put(struct queue *q, struct job *job)
{
	if (q->head + q->n == q->cap && q->head > 0) {
		for (size_t i = 0; i < q->n; i++)
			q->at[i] = q->at[q->head + i];
		q->head = 0;
	}
	if (q->n == q->cap) {
		q->cap = q->cap == 0 ? 16 : q->cap * 2;
		q->at = realloc(q->at, q->cap * sizeof *q->at);
		if (q->at == NULL)
			die_out_of_memory();
	}
	q->at[q->head + q->n++] = job;
}

static struct job *queue_take(struct queue *q)
{
	if (q->n == 0)
		return NULL;
	q->n--;
	return q->at[q->head++];
}

static struct job *next_job(struct member *m, bool wait)
{
	struct crew *crew = m->crew;
	pthread_mutex_lock(&crew->lock);
	m->waits = wait;
	while (wait && crew->jobs.n == 0 && !crew->closing)
		pthread_cond_wait(&crew->to_do, &crew->lock);
	struct job *job = queue_take(&crew->jobs);
	m->waits = false;
	pthread_mutex_unlock(&crew->lock);
	return job;
}

static void give_back(struct crew *crew, struct job *job)
{
	pthread_mutex_lock(&crew->lock);
	queue_put(&crew->back, job);
	pthread_cond_signal(&crew->done);
	pthread_mutex_unlock(&crew->lock);
}

/* One job is begun, where it can be, while the one before it is being finished: the server is never
 * idle.  What cannot be begun ahead is left to those who have nothing to do. */
static void *work(void *argument)
{
	struct member *m = argument;
	struct job *job = NULL;
	for (enum side side = LEFT; side <= RIGHT; side++)
		if (m->opens[side])
			worker_open(m->worker, side);
	for (;;) {
		if (job == NULL && (job = next_job(m, true)) == NULL)
			return NULL;
		worker_begin(m->worker, job);
		struct job *ahead = job->kind == JOB_COPY ? next_job(m, false) : NULL;
		if (ahead != NULL)
			worker_begin(m->worker, ahead);
		worker_finish(m->worker, job);
		give_back(m->crew, job);
		job = ahead;
	}
}

/* Signals are for the conductor's thread: it wakes the others by the cancel descriptor. */
static bool start_thread(struct member *m)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool started = pthread_create(&m->thread, NULL, work, m) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

static void add_member(struct crew *crew)
{
	struct member *m = &crew->member[crew->size++];
	m->crew = crew;
	m->worker = worker_new(crew->store);
}

struct crew *crew_new(struct store *const stores[2], unsigned most)
{
	struct crew *crew = calloc(1, sizeof *crew);
	if (crew == NULL)
		die_out_of_memory();
	crew->most = most == 0 ? 1 : most;
	crew->member = calloc(crew->most, sizeof *crew->member);
	if (crew->member == NULL)
		die_out_of_memory();
	crew->store[LEFT] = stores[LEFT];
	crew->store[RIGHT] = stores[RIGHT];
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->to_do, NULL);
	pthread_cond_init(&crew->done, NULL);
	add_member(crew);
	return crew;
}

void crew_dismiss(struct crew *crew)
{
	if (crew->threads == 0)
		return;
	pthread_mutex_lock(&crew->lock);
	crew->closing = true;
	pthread_cond_broadcast(&crew->to_do);
	pthread_mutex_unlock(&crew->lock);
	for (unsigned i = 0; i < crew->threads; i++)
		pthread_join(crew->member[i].thread, NULL);
	crew->threads = 0;
	crew->closing = false;
}

void crew_free(struct crew *crew)
{
	if (crew == NULL)
		return;
	crew_dismiss(crew);
	for (unsigned i = 0; i < crew->size; i++)
		worker_free(crew->member[i].worker);
	pthread_mutex_destroy(&crew->lock);
	pthread_cond_destroy(&crew->to_do);
	pthread_cond_destroy(&crew->done);
	free(crew->jobs.at);
	free(crew->back.at);
	free(crew->member);
	free(crew);
}

struct session *crew_session(struct crew *crew, enum side side, struct error *err)
{
	return worker_session(crew->member[0].worker, side, err);
}

bool crew_lost(struct crew *crew, enum side side, struct error *err)
{
	return worker_lost(crew->member[0].worker, side, err);
}

void crew_drop(struct crew *crew, enum side side)
{
	worker_drop(crew->member[0].worker, side);
}

void crew_hire(struct crew *crew, unsigned n)
{
	if (n > crew->most)
		n = crew->most;
	if (n < 2)
		return;
	while (crew->size < n)
		add_member(crew);
	while (crew->threads < n && start_thread(&crew->member[crew->threads]))
		crew->threads++;
}

void crew_hire_ahead(struct crew *crew, unsigned n, enum side side)
{
	while (crew->size < n && crew->size < crew->most)
		add_member(crew);
	for (unsigned i = crew->threads > 0 ? crew->threads : 1; i < crew->size; i++)
		crew->member[i].opens[side] = true;
	crew_hire(crew, n);
}

bool crew_are_in(struct crew *crew, enum side side)
{
	bool all = crew->threads > 0;
	pthread_mutex_lock(&crew->lock);
	for (unsigned i = 0; all && i < crew->threads; i++)
		all = crew->member[i].waits && worker_is_in(crew->member[i].worker, side);
	pthread_mutex_unlock(&crew->lock);
	return all;
}

unsigned crew_hands(const struct crew *crew)
{
	return crew->threads > 0 ? crew->threads : 1;
}

unsigned crew_window(const struct crew *crew)
{
	return crew->threads > 0 ? 2 * crew->threads : BEGUN_AT_ONCE;
}

void crew_submit(struct crew *crew, struct job *job)
{
	crew->out++;
	pthread_mutex_lock(&crew->lock);
	queue_put(&crew->jobs, job);
	pthread_cond_signal(&crew->to_do);
	pthread_mutex_unlock(&crew->lock);
}

/* What work() does for one job, without a thread. */
static struct job *work_here(struct crew *crew)
{
	struct worker *worker = crew->member[0].worker;
	struct job *job = queue_take(&crew->jobs);
	worker_begin(worker, job);
	size_t most = crew->jobs.n < BEGUN_AT_ONCE - 1 ? crew->jobs.n : BEGUN_AT_ONCE - 1;
	size_t messages = job->n;
	for (size_t i = 0; i < most && (i == 0 || messages < BEGUN_MESSAGES); i++) {
		struct job *ahead = crew->jobs.at[crew->jobs.head + i];
		messages += ahead->n;
		worker_begin(worker, ahead);
	}
	worker_finish(worker, job);
	return job;
}

struct job *crew_wait(struct crew *crew)
{
	if (crew->out == 0)
		return NULL;
	crew->out--;
	if (crew->threads == 0)
		return work_here(crew);
	pthread_mutex_lock(&crew->lock);
	while (crew->back.n == 0)
		pthread_cond_wait(&crew->done, &crew->lock);
	struct job *job = queue_take(&crew->back);
	pthread_mutex_unlock(&crew->lock);
	return job;
}

struct job *crew_back(struct crew *crew)
{
	pthread_mutex_lock(&crew->lock);
	struct job *job = queue_take(&crew->back);
	pthread_mutex_unlock(&crew->lock);
	crew->out -= job != NULL;
	return job;
}

struct traffic crew_traffic(const struct crew *crew, enum side side)
{
	struct traffic sum = {0};
	for (unsigned i = 0; i < crew->size; i++) {
		struct traffic t = worker_traffic(crew->member[i].worker, side);
		sum.bytes_in += t.bytes_in;
		sum.bytes_out += t.bytes_out;
		if (t.round_trips > sum.round_trips)
			sum.round_trips = t.round_trips;
	}
	return sum;
}
