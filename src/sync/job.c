#include "sync/job.h"

static enum item_state state_of(const struct job *job, size_t i)
{
	switch (job->kind) {
	case JOB_LIST:
		return job->list[i].state;
	case JOB_IDENTIFY:
		return job->identify[i].state;
	case JOB_COPY:
		return job->copy[i].state;
	case JOB_CHANGE:
		return job->change[i].state;
	case JOB_COMPARE:
		return job->compare[i].state;
	}
	return ITEM_WAITING;
}

size_t job_answered(const struct job *job)
{
	size_t n = 0;
	for (size_t i = 0; i < job->n; i++)
		n += state_of(job, i) > ITEM_SENT;
	return n;
}
