#include "config.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/broker.h"
#include "base/program.h"

static const char *const greet[] = {"/bin/sh", "-c", "echo hello ${MAILTWIN_HIDDEN-nobody}", NULL};
static const char *const other[] = {"/bin/sh", "-c", "echo other", NULL};
static const char *const hang[] = {"/bin/sh", "-c", "sleep 1000 & echo $!; wait", NULL};

static int remove_broker(void **state)
{
	(void)state;
	broker_stop();
	return 0;
}

/* What it prints, to its end, and its status. */
static int run(const char *const *argv, char *text, size_t size)
{
	int ends[2], status = -1;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	int task = broker_command(argv, ends[1]), number = errno;
	close(ends[1]);
	size_t n = 0;
	ssize_t got;
	while (task >= 0 && (got = read(ends[0], text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(ends[0]);
	if (task < 0) {
		errno = number;
		return -1;
	}
	struct pollfd end = {.fd = task, .events = POLLIN};
	assert_int_equal(poll(&end, 1, 60000), 1);
	assert_true(broker_ended(task, &status));
	int again;
	broker_end(task, &again);
	return status;
}

static void what_was_allowed_is_run_as_often_as_asked(void **state)
{
	(void)state;
	char text[64];
	assert_true(broker_start() && broker_allow(other) && broker_allow(greet) && broker_seal());
	for (int i = 0; i < 3; i++) {
		assert_int_equal(run(greet, text, sizeof text), 0);
		assert_string_equal(text, "hello nobody\n");
	}
}

static void what_was_not_allowed_is_not_run(void **state)
{
	(void)state;
	char text[64];
	assert_true(broker_start() && broker_allow(greet) && broker_seal());
	assert_int_equal(run(other, text, sizeof text), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(broker_resolve("localhost"), -1);
	assert_int_equal(errno, EPERM);
}

static void a_broker_that_was_told_nothing_ends(void **state)
{
	(void)state;
	char text[64];
	int status;
	assert_true(broker_start() && broker_seal());
	assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(run(greet, text, sizeof text), -1);
	assert_int_equal(errno, EPERM);
}

static void a_variable_that_holds_a_secret_is_hidden_by_name(void **state)
{
	(void)state;
	char text[64];
	assert_int_equal(setenv("MAILTWIN_HIDDEN", "hunter2", 1), 0);
	assert_true(broker_start() && broker_allow(greet));
	program_hide("MAILTWIN_HIDDEN");
	assert_true(broker_seal());
	assert_int_equal(run(greet, text, sizeof text), 0);
	assert_string_equal(text, "hello nobody\n");
	unsetenv("MAILTWIN_HIDDEN");
}

static void a_program_that_is_not_there_says_so(void **state)
{
	(void)state;
	char text[64];
	static const char *const argv[] = {"/nonexistent/program", NULL};
	assert_true(broker_start() && broker_allow(argv) && broker_seal());
	assert_int_equal(run(argv, text, sizeof text), -1);
	assert_int_equal(errno, ENOENT);
}

static void a_list_that_is_too_long_is_refused(void **state)
{
	(void)state;
	char *word = calloc(1, 100000);
	assert_non_null(word);
	memset(word, 'x', 99999);
	const char *const argv[] = {"echo", word, NULL};
	assert_true(broker_start());
	assert_false(broker_allow(argv));
	assert_int_equal(errno, E2BIG);
	free(word);
}

/* A pipe ends when the last process that holds it does. */
static void what_runs_ends_when_its_task_is_ended(void **state)
{
	(void)state;
	int ends[2], status;
	char text[64];
	assert_true(broker_start() && broker_allow(hang) && broker_seal());
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	int task = broker_command(hang, ends[1]);
	close(ends[1]);
	assert_true(task >= 0);
	assert_true(read(ends[0], text, sizeof text) > 0);
	assert_false(broker_ended(task, &status));
	broker_end(task, &status);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(read(ends[0], text, sizeof text), 0);
	close(ends[0]);
}

static void what_runs_ends_when_we_die(void **state)
{
	(void)state;
	int ends[2], status;
	char text[64];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		bool ok = broker_start() && broker_allow(hang) && broker_seal() &&
			  broker_command(hang, ends[1]) >= 0;
		_exit(ok ? 0 : 1);
	}
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	while (read(ends[0], text, sizeof text) > 0)
		;
	close(ends[0]);
}

static void a_name_has_addresses(void **state)
{
	(void)state;
	struct broker_addresses found;
	int status;
	assert_true(broker_start() && broker_allow_name("localhost") && broker_seal());
	int task = broker_resolve("localhost");
	assert_true(task >= 0);
	assert_true(broker_addresses(task, &found));
	broker_end(task, &status);
	assert_int_equal(found.failed, 0);
	assert_true(found.n > 0);
	assert_true(found.at[0].address.ss_family == AF_INET ||
		    found.at[0].address.ss_family == AF_INET6);
}

static void a_lookup_can_be_ended_before_its_answer(void **state)
{
	(void)state;
	int status;
	assert_true(broker_start() && broker_allow_name("no-such-host.invalid") && broker_seal());
	for (int i = 0; i < 20; i++) {
		int task = broker_resolve("no-such-host.invalid");
		assert_true(task >= 0);
		broker_end(task, &status);
	}
}

#define alone(f) cmocka_unit_test_teardown(f, remove_broker)

int main(void)
{
	const struct CMUnitTest tests[] = {
		alone(what_was_allowed_is_run_as_often_as_asked),
		alone(what_was_not_allowed_is_not_run),
		alone(a_broker_that_was_told_nothing_ends),
		alone(a_variable_that_holds_a_secret_is_hidden_by_name),
		alone(a_program_that_is_not_there_says_so),
		alone(a_list_that_is_too_long_is_refused),
		alone(what_runs_ends_when_its_task_is_ended),
		alone(what_runs_ends_when_we_die),
		alone(a_name_has_addresses),
		alone(a_lookup_can_be_ended_before_its_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
