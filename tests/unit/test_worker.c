/* Workers and crews, on stores in memory that fail where they are told to. */
#include "unit.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "fake_store.h"
#include "sync/crew.h"
#include "sync/worker.h"

struct fixture {
	struct fake_store from, to;
	struct store *stores[2];
	struct arena *arena;
	struct flag_table *flags;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	fake_start(&f->from);
	fake_start(&f->to);
	f->stores[LEFT] = &f->from.store;
	f->stores[RIGHT] = &f->to.store;
	f->arena = arena_new();
	f->flags = flag_table_new();
	fake_add(&f->from, "1", "Subject: one\r\n\r\nfirst\r\n");
	fake_add(&f->from, "2", "Subject: two\r\n\r\nsecond\r\n");
	fake_add(&f->from, "3", "Subject: three\r\n\r\nthird\r\n");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int open = f->from.open + f->to.open;
	for (size_t i = 0; i < f->to.n; i++)
		free((void *)(uintptr_t)f->to.body[i]);
	flag_table_free(f->flags);
	arena_free(f->arena);
	free(f);
	return open; /* every session that was opened was closed */
}

/* A job that copies the messages that ${keys} (ending in NULL) name. */
static struct job *copy_job(struct fixture *f, const char *const *keys)
{
	struct job *job = arena_alloc(f->arena, sizeof *job);
	*job = (struct job){.kind = JOB_COPY,
		.side = RIGHT,
		.arena = f->arena,
		.name = {"INBOX", "INBOX"},
		.epoch = {"1", "1"},
		.flags = f->flags};
	job->copy = arena_alloc(f->arena, 8 * sizeof *job->copy);
	for (; keys[job->n] != NULL; job->n++)
		job->copy[job->n].message.key = keys[job->n];
	return job;
}

static struct job *carry(struct fixture *f, const char *const *keys)
{
	struct job *job = copy_job(f, keys);
	struct worker *worker = worker_new(f->stores);
	worker_finish(worker, job);
	worker_free(worker);
	return job;
}

static const char *const all[] = {"1", "2", "3", NULL};

/* A server that takes many in one command says no to all of them for the fault of one. */
static void what_was_refused_with_others_waits_to_be_sent_again(void **state)
{
	struct fixture *f = *state;
	f->to.refuses_first = 2;
	const struct job *job = carry(f, all);
	assert_int_equal(job->error.scope, ERROR_NONE);
	assert_int_equal(job->copy[0].state, ITEM_WAITING);
	assert_int_equal(job->copy[1].state, ITEM_WAITING);
	assert_null(job->copy[1].error);
	assert_int_equal(job->copy[2].state, ITEM_DONE);
	assert_int_equal(f->to.connects, 1);
}

static void a_copy_arrives_with_its_bytes_and_is_known_by_them(void **state)
{
	struct fixture *f = *state;
	const struct job *job = carry(f, all);
	assert_int_equal(job->error.scope, ERROR_NONE);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(job->copy[i].state, ITEM_DONE);
		assert_int_equal(fake_has(&f->to, f->from.body[i]), 1);
		assert_int_equal(job->copy[i].size, strlen(f->from.body[i]));
		assert_true(identity_known(&job->copy[i].identity));
	}
	assert_string_equal(job->copy[1].subject, "two");
	assert_memory_not_equal(&job->copy[0].identity, &job->copy[1].identity, IDENTITY_SIZE);
}

static void S11_a_message_that_is_not_there_any_more_is_told_as_gone(void **state)
{
	struct fixture *f = *state;
	static const char *const keys[] = {"1", "9", NULL};
	const struct job *job = carry(f, keys);
	assert_int_equal(job->error.scope, ERROR_NONE);
	assert_int_equal(job->copy[0].state, ITEM_DONE);
	assert_int_equal(job->copy[1].state, ITEM_GONE);
}

static void a_message_that_is_refused_does_not_stop_the_others(void **state)
{
	struct fixture *f = *state;
	f->to.refuses = 1;
	const struct job *job = carry(f, all);
	assert_int_equal(job->error.scope, ERROR_NONE);
	assert_int_equal(job->copy[0].state, ITEM_DONE);
	assert_int_equal(job->copy[1].state, ITEM_FAILED);
	assert_string_equal(job->copy[1].error->text, "too big");
	assert_int_equal(job->copy[2].state, ITEM_DONE);
}

static void a_source_that_dies_in_a_body_costs_the_target_its_session_and_is_blamed(void **state)
{
	struct fixture *f = *state;
	f->from.fails_at = 1;
	f->from.as = ERROR_STORE;
	const struct job *job = carry(f, all);
	assert_int_equal(job->error.scope, ERROR_STORE);
	assert_string_equal(job->error.text, "the body broke");
	assert_int_equal(job->blame, LEFT);
	assert_true(job->error.transient);
	/* Whether the first arrived is not known: its session is gone, too. */
	assert_int_equal(job->copy[0].state, ITEM_SENT);
	assert_int_equal(job->copy[1].state, ITEM_WAITING);
	assert_int_equal(job->copy[2].state, ITEM_WAITING);
	assert_int_equal(f->to.n, 0);
}

static void what_was_settled_before_a_connection_broke_counts(void **state)
{
	struct fixture *f = *state;
	f->to.dies_after = 2;
	const struct job *job = carry(f, all);
	assert_int_equal(job->error.scope, ERROR_STORE);
	assert_int_equal(job->blame, RIGHT);
	assert_int_equal(job->copy[0].state, ITEM_DONE);
	assert_int_equal(job->copy[1].state, ITEM_DONE);
	assert_int_equal(job->copy[2].state, ITEM_SENT);
}

static void a_stopped_run_takes_no_further_message(void **state)
{
	struct fixture *f = *state;
	stop_ask(SIGINT);
	const struct job *job = carry(f, all);
	stop_forget();
	assert_int_equal(job->error.scope, ERROR_CANCELLED);
	assert_int_equal(f->to.n, 0);
}

static void a_chunk_is_asked_for_before_the_one_before_it_is_finished(void **state)
{
	struct fixture *f = *state;
	static const char *const first[] = {"1", NULL}, *const second[] = {"2", "3", NULL};
	struct crew *crew = crew_new(f->stores, 1);
	struct job *a = copy_job(f, first), *b = copy_job(f, second);
	crew_submit(crew, a);
	crew_submit(crew, b);
	assert_ptr_equal(crew_wait(crew), a);
	assert_int_equal(f->from.fetches, 2);
	assert_ptr_equal(crew_wait(crew), b);
	assert_null(crew_wait(crew));
	assert_int_equal(f->to.n, 3);
	assert_int_equal(f->from.connects, 1);
	crew_free(crew);
}

static void few_messages_of_many_mailboxes_are_asked_for_in_one_flight(void **state)
{
	struct fixture *f = *state;
	static const char *const keys[][2] = {{"1", NULL}, {"2", NULL}, {"3", NULL}};
	struct job *job[3];
	struct crew *crew = crew_new(f->stores, 1);
	assert_in_range(crew_window(crew), 3, 64);
	for (size_t i = 0; i < 3; i++)
		crew_submit(crew, job[i] = copy_job(f, keys[i]));
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(crew_wait(crew), job[i]);
		assert_int_equal(f->from.fetches, 3);
		assert_int_equal(f->to.n, i + 1);
	}
	crew_free(crew);
}

static void what_was_asked_for_on_a_lost_connection_is_asked_for_again_in_one_flight(void **state)
{
	struct fixture *f = *state;
	static const char *const keys[][2] = {{"1", NULL}, {"2", NULL}, {"3", NULL}};
	struct job *job[3];
	struct crew *crew = crew_new(f->stores, 1);
	f->from.fails_at = 0;
	f->from.as = ERROR_STORE;
	for (size_t i = 0; i < 3; i++)
		crew_submit(crew, job[i] = copy_job(f, keys[i]));
	assert_ptr_equal(crew_wait(crew), job[0]);
	assert_int_equal(f->from.fetches, 3);
	f->from.fails_at = -1;
	assert_ptr_equal(crew_wait(crew), job[1]);
	assert_int_equal(f->from.fetches, 5);
	assert_ptr_equal(crew_wait(crew), job[2]);
	assert_int_equal(f->from.fetches, 5);
	assert_int_equal(f->to.n, 2);
	crew_free(crew);
}

/* A server that was asked for bodies takes no APPEND before they were read. */
static void a_chunk_the_other_way_is_not_asked_for_ahead(void **state)
{
	struct fixture *f = *state;
	static const char *const one[] = {"1", NULL}, *const two[] = {"2", NULL},
				 *const back[] = {"back", NULL};
	fake_add(&f->to, "back", "Subject: back\r\n\r\n");
	struct crew *crew = crew_new(f->stores, 1);
	struct job *job[] = {copy_job(f, one), copy_job(f, back), copy_job(f, two),
		copy_job(f, back), copy_job(f, all)};
	job[1]->side = job[3]->side = LEFT;
	for (size_t i = 0; i < 5; i++)
		crew_submit(crew, job[i]);
	for (size_t i = 0; i < 5; i++) {
		assert_ptr_equal(crew_wait(crew), job[i]);
		assert_int_equal(job[i]->error.scope, ERROR_NONE);
		assert_int_equal(job[i]->copy[0].state, ITEM_DONE);
	}
	assert_int_equal(fake_has(&f->from, "Subject: back\r\n\r\n"), 2);
	crew_free(crew);
	for (size_t i = 3; i < f->from.n; i++)
		free((void *)(uintptr_t)f->from.body[i]);
	f->to.body[0] = NULL; /* is no copy */
}

/* The session that the second chunk was asked for on went with the first one. */
static void a_chunk_takes_no_answers_to_another(void **state)
{
	struct fixture *f = *state;
	static const char *const one[] = {"1", NULL}, *const two[] = {"2", NULL},
				 *const three[] = {"3", NULL};
	struct crew *crew = crew_new(f->stores, 1);
	struct job *job[] = {copy_job(f, one), copy_job(f, two), copy_job(f, three)};
	f->from.fails_at = 0;
	f->from.as = ERROR_STORE;
	for (size_t i = 0; i < 3; i++)
		crew_submit(crew, job[i]);
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(crew_wait(crew), job[i]);
	assert_int_equal(job[0]->error.scope, ERROR_STORE);
	assert_int_equal(job[1]->copy[0].state, ITEM_DONE);
	assert_int_equal(job[2]->copy[0].state, ITEM_DONE);
	assert_int_equal(f->to.n, 2);
	crew_free(crew);
}

/* Until ${sessions} are open there, however long threads take to start.
 */
static void wait_for_sessions(const struct fake_store *f, int sessions)
{
	while (f->open < sessions)
		sched_yield();
}

static void workers_who_are_hired_ahead_sign_in_before_there_is_a_job(void **state)
{
	struct fixture *f = *state;
	struct crew *crew = crew_new(f->stores, 3);
	assert_non_null(crew_session(crew, RIGHT, NULL));
	crew_hire_ahead(crew, 3, RIGHT);
	assert_int_equal(crew_hands(crew), 3);
	wait_for_sessions(&f->to, 3);
	while (!crew_are_in(crew, RIGHT))
		sched_yield();
	assert_false(crew_are_in(crew, LEFT));
	assert_int_equal(f->from.connects, 0);
	crew_dismiss(crew);
	assert_false(crew_are_in(crew, RIGHT)); /* nobody is there to take a job */
	crew_free(crew);
	assert_int_equal(f->to.connects, 3);
}

/* Messages 1, 2 and 3, each of a mailbox of its own, as one chain. */
static struct job *carry_chain(struct fixture *f)
{
	static const char *const keys[][2] = {{"1", NULL}, {"2", NULL}, {"3", NULL}};
	struct worker *worker = worker_new(f->stores);
	struct job *chain = NULL;
	for (size_t i = 3; i-- > 0;) {
		struct job *job = copy_job(f, keys[i]);
		job->next = chain;
		chain = job;
	}
	worker_finish(worker, chain);
	worker_free(worker);
	return chain;
}

static void each_job_of_a_chain_learns_how_its_own_messages_ended(void **state)
{
	struct fixture *f = *state;
	f->to.refuses = 1;
	const struct job *job = carry_chain(f);
	static const enum item_state states[] = {ITEM_DONE, ITEM_FAILED, ITEM_DONE};
	for (size_t i = 0; i < 3; i++, job = job->next) {
		assert_int_equal(job->error.scope, ERROR_NONE);
		assert_int_equal(job->copy[0].state, states[i]);
	}
	assert_null(job);
}

static void a_source_that_dies_ends_the_rest_of_a_chain(void **state)
{
	struct fixture *f = *state;
	f->from.fails_at = 1;
	f->from.as = ERROR_STORE;
	const struct job *one = carry_chain(f), *two = one->next, *three = two->next;
	assert_int_equal(one->copy[0].state, ITEM_SENT);
	assert_int_equal(two->copy[0].state, ITEM_WAITING);
	assert_int_equal(three->copy[0].state, ITEM_WAITING);
	assert_string_equal(two->error.text, "the body broke");
	assert_string_equal(three->error.text, "the body broke");
	assert_true(three->swept && !two->swept);
	assert_int_equal(three->blame, LEFT);
	assert_int_equal(f->to.n, 0);
}

static void a_target_that_dies_leaves_the_rest_of_a_chain_unanswered(void **state)
{
	struct fixture *f = *state;
	f->to.dies_after = 1;
	const struct job *one = carry_chain(f), *two = one->next, *three = two->next;
	assert_int_equal(one->error.scope, ERROR_NONE);
	assert_int_equal(one->copy[0].state, ITEM_DONE);
	assert_int_equal(two->error.scope, ERROR_STORE);
	assert_int_equal(two->copy[0].state, ITEM_SENT);
	assert_int_equal(three->error.scope, ERROR_STORE);
	assert_int_equal(three->copy[0].state, ITEM_SENT);
	assert_true(three->swept);
}

static void threads_bring_every_job_back_once(void **state)
{
	struct fixture *f = *state;
	enum { JOBS = 200 };
	struct crew *crew = crew_new(f->stores, 4);
	crew_hire(crew, 4);
	assert_int_equal(crew_window(crew), 8);
	for (int i = 0; i < JOBS; i++) {
		struct job *job = calloc(1, sizeof *job);
		*job = (struct job){.kind = JOB_COMPARE, .arena = arena_new(), .twin = (uint32_t)i};
		job->name[LEFT] = job->name[RIGHT] = "no such mailbox";
		job->epoch[LEFT] = job->epoch[RIGHT] = "1";
		job->compare = arena_alloc(job->arena, sizeof *job->compare);
		crew_submit(crew, job);
	}
	bool back[JOBS] = {false};
	size_t n = 0;
	/* Each that is waited for, and those that are there by then. */
	for (struct job *first; (first = crew_wait(crew)) != NULL;)
		for (struct job *job = first; job != NULL; job = crew_back(crew), n++) {
			assert_false(back[job->twin]);
			back[job->twin] = true;
			assert_string_equal(job->error.text, "no such mailbox");
			arena_free(job->arena);
			free(job);
		}
	assert_int_equal(n, JOBS);
	assert_null(crew_back(crew));
	crew_free(crew);
}

#define t(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(a_copy_arrives_with_its_bytes_and_is_known_by_them),
		t(what_was_refused_with_others_waits_to_be_sent_again),
		t(S11_a_message_that_is_not_there_any_more_is_told_as_gone),
		t(a_message_that_is_refused_does_not_stop_the_others),
		t(a_source_that_dies_in_a_body_costs_the_target_its_session_and_is_blamed),
		t(what_was_settled_before_a_connection_broke_counts),
		t(a_stopped_run_takes_no_further_message),
		t(a_chunk_is_asked_for_before_the_one_before_it_is_finished),
		t(few_messages_of_many_mailboxes_are_asked_for_in_one_flight),
		t(what_was_asked_for_on_a_lost_connection_is_asked_for_again_in_one_flight),
		t(a_chunk_the_other_way_is_not_asked_for_ahead),
		t(workers_who_are_hired_ahead_sign_in_before_there_is_a_job),
		t(a_chunk_takes_no_answers_to_another),
		t(each_job_of_a_chain_learns_how_its_own_messages_ended),
		t(a_source_that_dies_ends_the_rest_of_a_chain),
		t(a_target_that_dies_leaves_the_rest_of_a_chain_unanswered),
		t(threads_bring_every_job_back_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
