#include <string.h>

#include "sync/carry_private.h"

/* A chunk, of one mailbox or of a chain of them: long enough to keep a pipeline full, short enough
 * to lose little when it is cut off.  Each opens its mailbox anew, which costs some servers time
 * for every message it holds (Dovecot on a Maildir of a million: 5 s): where there is much to copy,
 * chunks are longer. */
#define CHUNK_MESSAGES	   256
#define CHUNK_MESSAGES_MAX 4096
#define CHUNK_BYTES	   ((uint64_t)32 << 20)
#define CHUNKS_ENOUGH	   64

/* What was asked for comes as it is, and whether a link is so slow that compression pays is not
 * known before it has carried something.  So where there is much to read from a server, what is
 * asked for at first are short chunks, and the answer is known when the next are due.  Not from
 * server to server: there each chunk is a turn of the target as well. */
#define FIRST_BYTES  ((uint64_t)1 << 20)
#define MUCH_TO_READ ((uint64_t)16 << 20)

/* Below this a second connection costs more round trips than it saves. */
#define WORKER_MESSAGES 250
#define WORKER_BYTES	((uint64_t)4 << 20)

static const struct message *source_message(
	const struct phase *phase, const struct step *step, enum side from)
{
	const struct message_list *list = phase->survey->twin[step->twin].list[from];
	return step->message[from] == NONE ? NULL : &list->at[step->message[from]];
}

static void fill_copy(struct phase *phase, struct copy_item *item, struct job *job, uint32_t index)
{
	const struct step *step = &phase->plan->step[index];
	const struct message *listed = source_message(phase, step, other(step->to));
	const struct store *target = phase->run->store[step->to];
	item->step = index;
	if (listed != NULL) {
		item->message = *listed;
	} else {
		const struct row *row = &phase->survey->twin[step->twin].row[step->row];
		item->message.received = row->received;
		item->message.size = row->size;
	}
	item->message.key = step_key(phase->survey->twin, step, other(step->to));
	item->message.flags = step->want[step->to];
	item->held = step->want[step->to];
	if (target->ops->names_first)
		item->new_key = target->ops->new_key(phase->run->store[step->to], job->arena);
}

static bool put_intents(struct phase *phase, struct job *job)
{
	const struct message_list *target = phase->survey->twin[job->twin].list[job->side];
	for (size_t i = 0; i < job->n; i++) {
		struct copy_item *item = &job->copy[i];
		struct error err = {0};
		struct intent intent = {.to = job->side,
			.source = item->message.key,
			.key = item->new_key,
			.epoch = target != NULL ? target->box.epoch : NULL,
			.next = target != NULL ? target->box.next : NULL,
			.identity = item->message.identity};
		if (!run_state_ok(phase->run,
			    state_put_intent(phase->run->state,
				    phase->survey->box[job->twin]->known.id, &intent, &err),
			    &err))
			return false;
		item->intent = intent.id;
	}
	return true;
}

static uint64_t size_of_copy(const struct phase *phase, const struct step *step)
{
	const struct message *m = source_message(phase, step, other(step->to));
	return m != NULL ? m->size : phase->survey->twin[step->twin].row[step->row].size;
}

static size_t chunk_messages(const struct plan *plan)
{
	size_t share =
		(plan->count[STEP_COPY][LEFT] + plan->count[STEP_COPY][RIGHT]) / CHUNKS_ENOUGH;
	if (share < CHUNK_MESSAGES)
		return CHUNK_MESSAGES;
	return share < CHUNK_MESSAGES_MAX ? share : CHUNK_MESSAGES_MAX;
}

static uint64_t chunk_bytes(const struct phase *phase, enum side to)
{
	struct store *const *store = phase->run->store;
	bool first = phase->chunks < crew_window(phase->run->crew);
	bool packs = store[other(to)]->ops->pauses != NULL && store[to]->ops->pauses == NULL;
	return first && packs && phase->plan->bytes[to] >= MUCH_TO_READ ? FIRST_BYTES : CHUNK_BYTES;
}

/* The step of the next copy; NONE behind the last. */
static uint32_t next_copy(struct phase *phase)
{
	const struct plan *plan = phase->plan;
	while (phase->at < plan->n && plan->step[phase->at].kind != STEP_COPY)
		phase->at++;
	return phase->at < plan->n ? (uint32_t)phase->at : NONE;
}

/* Copies of one mailbox to one side, ${most} at most, until ${left} octets are used up. */
static struct job *cut_copies(struct phase *phase, uint32_t index, size_t most, uint64_t *left)
{
	const struct plan *plan = phase->plan;
	const struct step *first = &plan->step[index];
	struct job *job = carry_new_job(phase, JOB_COPY, first->twin, first->to);
	size_t cap = 0;
	while (*left > 0 && job->n < most && phase->at < plan->n) {
		const struct step *step = &plan->step[phase->at];
		if (step->kind != STEP_COPY || step->twin != first->twin || step->to != first->to)
			break;
		uint64_t size = size_of_copy(phase, step);
		*left -= size < *left ? size : *left;
		fill_copy(phase, ARENA_PUSH(job->arena, job->copy, job->n, cap), job,
			(uint32_t)phase->at++);
	}
	if (!put_intents(phase, job))
		phase->over = true;
	return job;
}

/* The next chunk: copies to one side, a chain of as many mailboxes as it takes to fill it. */
static struct job *next_copy_job(struct phase *phase)
{
	struct job *chain = phase->again, **end = &chain;
	size_t most = chunk_messages(phase->plan), n = 0;
	uint32_t index = next_copy(phase);
	phase->again = NULL;
	if (chain != NULL || index == NONE)
		return chain;
	enum side to = phase->plan->step[index].to;
	uint64_t left = chunk_bytes(phase, to);
	for (; index != NONE && n < most && left > 0 && phase->plan->step[index].to == to;
		index = next_copy(phase)) {
		*end = cut_copies(phase, index, most - n, &left);
		n += (*end)->n;
		end = &(*end)->next;
	}
	phase->chunks++;
	return chain;
}

/* Copies that did not arrive; ${waiting} ones may yet. */
static void remember_lost(struct phase *phase, const struct job *job, bool waiting)
{
	for (size_t i = 0; i < job->n; i++) {
		const struct copy_item *item = &job->copy[i];
		if (item->state == ITEM_DONE || (item->state == ITEM_WAITING && waiting))
			continue;
		*ARENA_PUSH(phase->run->arena, phase->lost, phase->n_lost, phase->cap_lost) =
			item->message.identity;
	}
}

/* Whether another connection may do better: patience says when it is at its end. */
static bool was_cut_off(const struct job *job)
{
	return job->error.scope == ERROR_STORE && job->error.transient;
}

/* What was not even sent of a chunk whose connection was lost, or has to be sent by itself, as a
 * chunk of its own. */
static struct job *what_is_left(struct phase *phase, const struct job *job)
{
	bool again = job->again && job->error.scope == ERROR_NONE;
	if (!again && !was_cut_off(job))
		return NULL;
	struct job *rest = carry_new_job(phase, job->kind, job->twin, job->side);
	rest->copy = arena_alloc(rest->arena, job->n * sizeof *rest->copy);
	rest->alone = job->alone || again;
	for (size_t i = 0; i < job->n; i++) {
		if (job->copy[i].state != ITEM_WAITING)
			continue;
		struct copy_item *item = &rest->copy[rest->n++];
		*item = job->copy[i];
		item->new_key = arena_strdup(rest->arena, item->new_key);
		item->subject = arena_strdup(rest->arena, item->subject);
	}
	if (rest->n > 0)
		return rest;
	arena_free(rest->arena);
	return NULL;
}

/* All of it was sent, and the answers were lost: a closing look finds what arrived, and copies what
 * did not. */
static bool is_looked_for(const struct run *run, const struct job *job)
{
	return was_cut_off(job) && run->looks < MOST_LOOKS;
}

static void give_out_again(struct phase *phase, struct job *rest)
{
	struct job **end = &phase->again;
	while (*end != NULL)
		end = &(*end)->next;
	*end = rest;
}

static bool settle_copies(struct phase *phase, struct job *job)
{
	struct run *run = phase->run;
	bool ok = settle_copy_job(run, phase->survey, phase->plan, job);
	bool failed = job->error.scope != ERROR_NONE;
	struct job *rest = ok ? what_is_left(phase, job) : NULL;
	remember_lost(phase, job, rest != NULL);
	give_out_again(phase, rest);
	if (failed && rest == NULL && !is_looked_for(run, job)) {
		carry_tell_end(phase, job);
		ok = ok && job->error.scope <= ERROR_MAILBOX;
	}
	return ok;
}

/* As many workers as there is work for; the first connection alone serves a small change best. */
static void hire(const struct phase *phase)
{
	const struct plan *plan = phase->plan;
	uint64_t messages = plan->count[STEP_COPY][LEFT] + plan->count[STEP_COPY][RIGHT];
	uint64_t bytes = plan->bytes[LEFT] + plan->bytes[RIGHT];
	uint64_t by_messages = messages / WORKER_MESSAGES, by_bytes = bytes / WORKER_BYTES;
	uint64_t wanted = 1 + (by_messages > by_bytes ? by_messages : by_bytes);
	crew_hire(phase->run->crew, wanted > 64 ? 64 : (unsigned)wanted);
}

bool carry_copies(struct phase *phase)
{
	phase->at = 0;
	phase->next = next_copy_job;
	phase->settle = settle_copies;
	if (phase->plan->count[STEP_COPY][LEFT] + phase->plan->count[STEP_COPY][RIGHT] == 0)
		return true;
	hire(phase);
	return carry_run_phase(phase);
}
