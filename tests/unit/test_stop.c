#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/stop.h"

static int forget(void **state)
{
	(void)state;
	stop_forget();
	return 0;
}

static void a_pause_that_nobody_ends_lasts(void **state)
{
	(void)state;
	struct error err = {0};
	assert_true(stop_listen(&err));
	assert_true(stop_pause(20, &err));
	assert_true(stop_pause(0, &err));
}

/* One write, and all who come to wait see it: none takes it away from the others. */
static void a_signal_between_two_pauses_ends_the_next_ones(void **state)
{
	(void)state;
	struct error err = {0};
	assert_true(stop_listen(&err));
	assert_true(stop_pause(1, &err));
	stop_ask(SIGINT);
	for (int i = 0; i < 3; i++) {
		err = (struct error){0};
		assert_false(stop_pause(60000, &err));
		assert_error(err, ERROR_CANCELLED, "stopped");
		assert_int_equal(stop_asked(), SIGINT);
	}
}

static void stop_soon(int number)
{
	(void)number;
	stop_ask(SIGTERM);
}

static void a_signal_in_a_pause_ends_it(void **state)
{
	(void)state;
	struct error err = {0};
	assert_true(stop_listen(&err));
	signal(SIGALRM, stop_soon);
	alarm(1);
	assert_false(stop_pause(250000, &err));
	assert_error(err, ERROR_CANCELLED, "stopped");
}

static void a_signal_that_is_not_for_us_ends_no_pause(void **state)
{
	(void)state;
	struct error err = {0};
	assert_true(stop_listen(&err));
	pid_t child = fork();
	if (child == 0) {
		for (int i = 0; i < 5; i++)
			kill(getppid(), SIGWINCH);
		_exit(0);
	}
	assert_true(stop_pause(50, &err));
}

static void a_signal_that_came_before_a_wait_for_an_archive_ends_it(void **state)
{
	(void)state;
	char path[] = "/tmp/mailtwin-stop.XXXXXX";
	struct error err = {0};
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	int held = archive_lock(path, 0, &err);
	assert_true(held >= 0);
	stop_ask(SIGTERM);
	assert_int_equal(archive_lock(path, 2, &err), -1);
	assert_error(err, ERROR_CANCELLED, "stopped");
	archive_unlock(held);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_pause_that_nobody_ends_lasts, forget),
		cmocka_unit_test_teardown(a_signal_between_two_pauses_ends_the_next_ones, forget),
		cmocka_unit_test_teardown(a_signal_in_a_pause_ends_it, forget),
		cmocka_unit_test_teardown(a_signal_that_is_not_for_us_ends_no_pause, forget),
		cmocka_unit_test_teardown(
			a_signal_that_came_before_a_wait_for_an_archive_ends_it, forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
