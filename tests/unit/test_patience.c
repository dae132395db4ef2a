#include "config.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/conn.h"
#include "sync/patience.h"

static struct error failure(bool transient, int64_t later)
{
	struct error err = {.scope = ERROR_STORE,
		.cause = CAUSE_NETWORK,
		.transient = transient,
		.later = later};
	strcpy(err.text, "the connection was reset");
	return err;
}

/* It fails so often, and is waited for in between. */
static void fail_often(struct patience *p, int times)
{
	struct error err;
	for (int i = 0; i < times; i++) {
		err = failure(true, 0);
		assert_true(patience_failed(p, &err));
		assert_true(i + 1 == times || patience_wait(p, "work", &err));
	}
}

static void assert_given_up(struct patience *p, const char *words)
{
	struct error err = {0};
	assert_false(patience_wait(p, "work", &err));
	assert_int_equal(err.scope, ERROR_STORE);
	assert_int_equal(err.cause, CAUSE_NETWORK);
	assert_false(err.transient); /* nobody else is to try */
	if (strstr(err.text, "the connection was reset; ") != err.text ||
		strstr(err.text, words) == NULL)
		fail_msg("%s", err.text);
}

static void what_did_not_fail_is_not_waited_for(void **state)
{
	(void)state;
	struct patience p = {0};
	struct error err = {0};
	assert_true(patience_wait(&p, "work", &err));
	assert_int_equal(p.waited, 0);
}

static void a_server_that_is_not_there_is_told_at_once_unless_it_asks_for_a_pause(void **state)
{
	(void)state;
	struct patience p = {0};
	struct error err = failure(true, 0);
	assert_false(patience_failed(&p, &err));
	assert_false(err.transient);
	err = failure(true, ERROR_LATER);
	assert_true(patience_failed(&p, &err));
	p = (struct patience){.reached = true};
	err = failure(true, 0);
	assert_true(patience_failed(&p, &err));
}

static void what_would_fail_again_is_not_tried_again(void **state)
{
	(void)state;
	struct patience p = {.reached = true};
	struct error err = failure(false, 0);
	assert_false(patience_failed(&p, &err));
	err = failure(true, 0);
	err.scope = ERROR_MAILBOX;
	assert_false(patience_failed(&p, &err));
	err.scope = ERROR_CANCELLED;
	assert_false(patience_failed(&p, &err));
	assert_int_equal(p.failures, 0);
}

static void five_failures_in_a_row_are_the_end_and_it_is_told(void **state)
{
	(void)state;
	struct patience p = {.reached = true};
	fail_often(&p, 5);
	assert_given_up(&p, "given up after 5 attempts");
}

static void what_brings_something_is_tried_on(void **state)
{
	(void)state;
	struct patience p = {.reached = true};
	for (int i = 0; i < 4; i++) {
		fail_often(&p, 4);
		patience_progress(&p, true);
		assert_int_equal(p.failures, 0);
	}
	/* something came, and then it failed: the pauses begin anew, and that failure counts */
	fail_often(&p, 4);
	patience_progress(&p, false);
	assert_int_equal(p.failures, 1);
	assert_true(p.waited > 0);
}

static void what_a_server_asks_for_is_waited_and_little_more(void **state)
{
	(void)state;
	struct patience p = {.reached = true};
	struct error err = failure(true, 48);
	assert_true(patience_failed(&p, &err));
	assert_true(patience_wait(&p, "work", &err));
	assert_in_range(p.waited, 48, 48 + 48 / 16);
}

static void an_hour_is_not_waited_for(void **state)
{
	(void)state;
	struct patience p = {.reached = true};
	struct error err = failure(true, 3600 * 1000);
	assert_true(patience_failed(&p, &err));
	assert_given_up(&p, "it asks for a pause of 3600 s, which is too long to wait for");
	assert_int_equal(p.waited, 0);
}

static void a_run_waits_five_minutes_in_all(void **state)
{
	(void)state;
	struct patience p = {.reached = true, .waited = 300 * 1000 + 1};
	fail_often(&p, 1);
	assert_given_up(&p, "given up after 300 s of waiting in this run");
}

static int make_pauses_short(void **state)
{
	(void)state;
	return setenv("MAILTWIN_BACKOFF", "1", 1);
}

static void whom_the_server_did_not_tell_rests_with_the_one_it_told(void **state)
{
	(void)state;
	atomic_llong until = 0;
	struct patience told = {.rests_until = &until, .reached = true}, other = told;
	struct error err = failure(true, 0);
	assert_true(patience_failed(&told, &err));
	assert_true(patience_wait(&told, "work", &err));
	assert_int_equal(until, 0); /* a connection that broke concerns nobody else */

	int64_t before = clock_ms();
	err = failure(true, 40);
	assert_true(patience_failed(&told, &err));
	assert_true(patience_wait(&told, "work", &err));
	assert_true(until >= before + 40 && until <= clock_ms());

	until = clock_ms() + 60;
	assert_true(patience_rest(&other, &err));
	assert_true(clock_ms() >= until);
	until = clock_ms() + 60;
	assert_true(patience_wait(&other, "work", &err));
	assert_true(clock_ms() >= until);
	assert_int_equal(other.waited, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whom_the_server_did_not_tell_rests_with_the_one_it_told),
		cmocka_unit_test(what_did_not_fail_is_not_waited_for),
		cmocka_unit_test(
			a_server_that_is_not_there_is_told_at_once_unless_it_asks_for_a_pause),
		cmocka_unit_test(what_would_fail_again_is_not_tried_again),
		cmocka_unit_test(five_failures_in_a_row_are_the_end_and_it_is_told),
		cmocka_unit_test(what_brings_something_is_tried_on),
		cmocka_unit_test(what_a_server_asks_for_is_waited_and_little_more),
		cmocka_unit_test(an_hour_is_not_waited_for),
		cmocka_unit_test(a_run_waits_five_minutes_in_all),
	};
	return cmocka_run_group_tests(tests, make_pauses_short, NULL);
}
