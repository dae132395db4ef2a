#include "config.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/stop.h"
#include "config/secret.h"
#include "config/spawn.h"

static char place[] = "/tmp/mailtwin-secret-XXXXXX";
static struct buffer out;
static struct error err;

static int make_place(void **state)
{
	(void)state;
	memcpy(place + sizeof place - 7, "XXXXXX", 6);
	if (mkdtemp(place) == NULL)
		return -1;
	err = (struct error){0};
	stop_forget();
	return chdir(place);
}

static int remove_place(void **state)
{
	(void)state;
	buffer_wipe(&out);
	unsetenv("MAILTWIN_TEST");
	unsetenv("CREDENTIALS_DIRECTORY");
	unlink("file");
	unlink("secret-tool");
	unlink("pid");
	return chdir("/") == 0 ? rmdir(place) : -1;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(name, mode), 0);
}

static bool get(enum secret_source source, const char *value)
{
	struct secret secret = {.source = source, .value = value, .where = "c.yml:7:5"};
	buffer_wipe(&out);
	return secret_read(&secret, "password of ann", &out, &err);
}

static void assert_got(const char *wanted)
{
	assert_int_equal(out.len, strlen(wanted));
	assert_memory_equal(out.data, wanted, out.len);
}

static void assert_failed(enum error_cause cause, const char *text)
{
	assert_error(err, ERROR_STORE, text);
	assert_int_equal(err.cause, cause);
	assert_int_equal(out.len, 0);
	assert_null(out.data);
}

static void a_literal_is_the_secret(void **state)
{
	(void)state;
	assert_true(get(SECRET_LITERAL, "  correct horse "));
	assert_got("  correct horse ");
}

static void the_first_line_of_a_command_is_the_secret(void **state)
{
	(void)state;
	assert_true(get(SECRET_COMMAND, "echo hunter2; echo 'url: imap.example.org'"));
	assert_got("hunter2");
	assert_true(get(SECRET_COMMAND, "printf 'no line end'"));
	assert_got("no line end");
	assert_true(get(SECRET_COMMAND, "printf 'windows\\r\\n'"));
	assert_got("windows");
}

static void a_list_is_run_without_a_shell(void **state)
{
	(void)state;
	static const char *const argv[] = {"echo", "$HOME;`id`", NULL};
	struct secret secret = {.source = SECRET_COMMAND, .argv = argv};
	assert_true(secret_read(&secret, "token", &out, &err));
	assert_got("$HOME;`id`");
}

static void a_command_that_gives_nothing_is_a_refused_sign_in(void **state)
{
	(void)state;
	assert_false(get(SECRET_COMMAND, "true"));
	assert_failed(CAUSE_SIGNIN,
		"c.yml:7:5: password of ann: nothing came, or its first line is empty");
	assert_false(get(SECRET_COMMAND, "echo; echo hunter2"));
	assert_failed(CAUSE_SIGNIN,
		"c.yml:7:5: password of ann: nothing came, or its first line is empty");
	assert_false(get(SECRET_COMMAND, "echo hunter2; exit 3"));
	assert_failed(CAUSE_SIGNIN, "c.yml:7:5: password of ann: the command ended with status 3");
	assert_false(get(SECRET_COMMAND, "echo hunter2; kill -9 $$"));
	assert_failed(
		CAUSE_SIGNIN, "c.yml:7:5: password of ann: the command was ended by signal 9");
	assert_false(get(SECRET_COMMAND, "printf 'hunter\\0002\\n'"));
	assert_failed(CAUSE_SIGNIN, "c.yml:7:5: password of ann: its first line holds a NUL");
	assert_false(get(SECRET_COMMAND, "printf 'hunter\\r2\\n'"));
	assert_failed(
		CAUSE_SIGNIN, "c.yml:7:5: password of ann: its first line holds a carriage return");
}

static void a_program_that_is_not_there_is_a_mistake_in_the_file(void **state)
{
	(void)state;
	static const char *const argv[] = {"mailtwin-no-such-program", "hunter2", NULL};
	struct secret secret = {.source = SECRET_COMMAND, .argv = argv};
	char *before = strdup(getenv("PATH"));
	setenv("PATH", "/usr/bin:/bin", 1); /* a folder that we cannot enter is another error */
	assert_false(secret_read(&secret, "password", &out, &err));
	assert_failed(CAUSE_CONFIG,
		"password: cannot run 'mailtwin-no-such-program': No such file or directory");
	setenv("PATH", before, 1);
	free(before);
}

static void endless_output_is_cut_off(void **state)
{
	/* B65 */
	(void)state;
	assert_false(get(SECRET_COMMAND, "echo hunter2; yes"));
	assert_failed(CAUSE_SIGNIN,
		"c.yml:7:5: password of ann: the command printed more than a password can be");
}

static int64_t milliseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Whether the process whose number is in the file `pid` goes away soon. */
static bool it_dies(void)
{
	FILE *f = fopen("pid", "r");
	int pid = 0;
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	for (int i = 0; i < 200; i++) {
		char path[64], line[256] = "";
		snprintf(path, sizeof path, "/proc/%d/stat", pid);
		f = fopen(path, "r");
		bool gone = f == NULL || fgets(line, sizeof line, f) == NULL ||
			    strstr(line, ") Z ") != NULL;
		if (f != NULL)
			fclose(f);
		if (gone)
			return true;
		usleep(10000);
	}
	return false;
}

static void a_command_that_hangs_is_killed_with_its_children(void **state)
{
	(void)state;
	static const char *const argv[] = {
		"/bin/sh", "-c", "sleep 1000 & echo $! >pid; echo hunter2; wait", NULL};
	buffer_init(&out, 100);
	int64_t began = milliseconds();
	assert_false(spawn_read(argv, 300, &out, &err));
	assert_true(milliseconds() - began < 5000);
	assert_error(err, ERROR_STORE, "the command took too long, and was killed");
	assert_int_equal(err.cause, CAUSE_SIGNIN);
	assert_true(it_dies());
}

static void what_a_command_leaves_behind_does_not_hold_us(void **state)
{
	(void)state;
	int64_t began = milliseconds();
	assert_true(get(SECRET_COMMAND, "sleep 5 & echo $! >pid; echo hunter2"));
	assert_got("hunter2");
	assert_true(milliseconds() - began < 3000);
	assert_int_equal(system("kill $(cat pid)"), 0);
}

static void a_command_can_be_cancelled(void **state)
{
	(void)state;
	assert_true(stop_listen(&err));
	stop_ask(SIGINT);
	assert_false(get(SECRET_COMMAND, "sleep 1000 & echo $! >pid; wait"));
	assert_int_equal(err.scope, ERROR_CANCELLED);
}

static void a_command_gets_no_input_and_no_terminal(void **state)
{
	(void)state;
	assert_true(get(SECRET_COMMAND, "cat; (: </dev/tty) 2>/dev/null && echo tty; echo none"));
	assert_got("none");
}

static void a_command_inherits_no_descriptor_of_ours(void **state)
{
	(void)state;
	static const char *const argv[] = {"/bin/sh", "-c", "ls /proc/self/fd | wc -l", NULL};
	buffer_init(&out, 100);
	assert_true(spawn_read(argv, 10000, &out, &err));
	assert_string_equal(out.data, "4\n"); /* 0, 1, 2, and the one that ls reads */
}

static void an_environment_variable_must_be_set(void **state)
{
	(void)state;
	setenv("MAILTWIN_TEST", "hunter2", 1);
	assert_true(get(SECRET_ENV, "MAILTWIN_TEST"));
	assert_got("hunter2");
	unsetenv("MAILTWIN_TEST");
	assert_false(get(SECRET_ENV, "MAILTWIN_TEST"));
	assert_failed(CAUSE_CONFIG, "c.yml:7:5: password of ann: the environment variable "
				    "MAILTWIN_TEST is not set");
}

static void a_command_does_not_see_a_variable_that_holds_a_secret(void **state)
{
	(void)state;
	static const char text[] = "stores:\n  work:\n    imap: imap.example.org\n    user: ann\n"
				   "    password: {env: MAILTWIN_TEST}\n";
	struct arena *arena = arena_new();
	struct buffer mistakes;
	buffer_init(&mistakes, 1024);
	assert_int_equal(setenv("MAILTWIN_TEST", "hunter2", 1), 0);
	assert_int_equal(setenv("MAILTWIN_TEST_2", "kept", 1), 0);
	assert_non_null(config_parse("c.yml", text, strlen(text), arena, &mistakes));
	assert_true(get(SECRET_COMMAND, "echo ${MAILTWIN_TEST-none} $MAILTWIN_TEST_2"));
	assert_got("none kept");
	assert_true(get(SECRET_ENV, "MAILTWIN_TEST"));
	assert_got("hunter2");
	unsetenv("MAILTWIN_TEST_2");
	buffer_finish(&mistakes);
	arena_free(arena);
}

static void a_file_that_others_can_open_is_refused(void **state)
{
	(void)state;
	write_file("file", "hunter2\nand more\n", 0600);
	assert_true(get(SECRET_FILE, "file"));
	assert_got("hunter2");
	static const mode_t modes[] = {0640, 0604, 0660, 0610};
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		char wanted[200];
		chmod("file", modes[i]);
		assert_false(get(SECRET_FILE, "file"));
		snprintf(wanted, sizeof wanted,
			"c.yml:7:5: password of ann: 'file' is open to others (mode %04o): chmod "
			"600 'file'",
			(unsigned)modes[i]);
		assert_failed(CAUSE_CONFIG, wanted);
	}
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
	(void)state;
	assert_false(get(SECRET_FILE, "file"));
	assert_failed(CAUSE_CONFIG,
		"c.yml:7:5: password of ann: cannot read 'file': No such file or directory");
	assert_false(get(SECRET_FILE, place));
	assert_int_equal(err.cause, CAUSE_CONFIG);
	write_file("file", "", 0600);
	assert_false(get(SECRET_FILE, "file"));
	assert_failed(CAUSE_CONFIG,
		"c.yml:7:5: password of ann: nothing came, or its first line is empty");
}

static void a_pipe_that_nobody_writes_to_does_not_hold_us(void **state)
{
	(void)state;
	assert_int_equal(mkfifo("file", 0600), 0);
	assert_false(get(SECRET_FILE, "file"));
	assert_failed(CAUSE_CONFIG,
		"c.yml:7:5: password of ann: nothing came, or its first line is empty");
}

static void a_file_larger_than_a_password_is_refused(void **state)
{
	(void)state;
	write_file("file", "hunter2\n", 0600);
	assert_int_equal(truncate("file", SECRET_MAX), 0);
	assert_true(get(SECRET_FILE, "file"));
	assert_got("hunter2");
	assert_int_equal(truncate("file", SECRET_MAX + 1), 0);
	assert_false(get(SECRET_FILE, "file"));
	assert_failed(
		CAUSE_CONFIG, "c.yml:7:5: password of ann: cannot read 'file': larger than 64 KiB");
}

static void a_credential_comes_from_the_service_manager(void **state)
{
	(void)state;
	write_file("file", "hunter2", 0440);
	setenv("CREDENTIALS_DIRECTORY", place, 1);
	assert_true(get(SECRET_SYSTEMD, "file"));
	assert_got("hunter2");
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_false(get(SECRET_SYSTEMD, "file"));
	assert_failed(CAUSE_CONFIG, "c.yml:7:5: password of ann: the service manager passed no "
				    "credentials; its unit needs LoadCredential=file:FILE");
}

static void a_keyring_is_asked_by_name(void **state)
{
	(void)state;
	char path[4096], *before = strdup(getenv("PATH"));
	snprintf(path, sizeof path, "%s:%s", place, before);
	setenv("PATH", path, 1);
	write_file("secret-tool",
		"#!/bin/sh\n[ \"$*\" = 'lookup mailtwin work' ] && printf hunter2\n", 0700);
	assert_true(get(SECRET_KEYRING, "work"));
	assert_got("hunter2");
	assert_false(get(SECRET_KEYRING, "other"));
	assert_failed(CAUSE_SIGNIN, "c.yml:7:5: password of ann: the keyring's entry 'other': the "
				    "command ended with status 1");
	setenv("PATH", before, 1);
	free(before);
}

/* ---- the terminal: a child in a session of its own, on a pseudo-terminal that we hold ---- */

static int terminal = -1;

/* In the child: be asked, and leave with 0 when the answer is "hunter2". */
static void be_asked(const char *slave)
{
	setsid();
	/* Whoever began the tests may have ignored them: nohup, a shell in the background. */
	static const int usual[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		signal(usual[i], SIG_DFL);
	int tty = open(slave, O_RDWR); /* becomes the controlling terminal */
	struct secret secret = {.source = SECRET_PROMPT, .where = "c.yml:7:5"};
	struct buffer typed;
	bool ok = tty >= 0 && secret_read(&secret, "password of ann", &typed, &err) &&
		  typed.len == 7 && memcmp(typed.data, "hunter2", 7) == 0;
	_exit(ok ? 0 : 100 + (int)err.scope);
}

static pid_t start_asking(void)
{
	terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(terminal >= 0);
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	const char *slave = ptsname(terminal);
	pid_t child = fork();
	if (child == 0)
		be_asked(slave);
	return child;
}

static bool echoes(void)
{
	struct termios now;
	assert_int_equal(tcgetattr(terminal, &now), 0);
	return (now.c_lflag & ECHO) != 0;
}

/* Wait for the question; the terminal is quiet by then. */
static void await_question(void)
{
	char text[200];
	size_t n = 0;
	while (n < sizeof text - 1) {
		ssize_t got = read(terminal, text + n, sizeof text - 1 - n);
		assert_true(got > 0);
		n += (size_t)got;
		text[n] = '\0';
		if (strstr(text, "password of ann: ") != NULL)
			break;
	}
	assert_false(echoes());
}

static void type(const char *text)
{
	assert_int_equal(write(terminal, text, strlen(text)), (ssize_t)strlen(text));
}

static void what_is_typed_is_not_shown(void **state)
{
	(void)state;
	pid_t child = start_asking();
	await_question();
	type("hunter2\n");
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(echoes());
	char shown[100] = "";
	assert_true(read(terminal, shown, sizeof shown - 1) > 0);
	assert_string_equal(shown, "\r\n");
	close(terminal);
}

static void a_signal_leaves_the_terminal_as_it_was(void **state)
{
	(void)state;
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		pid_t child = start_asking();
		await_question();
		int status;
		if (signals[i] == SIGINT)
			type("hunt\003");
		else
			kill(child, signals[i]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		assert_true(echoes());
		close(terminal);
	}
}

static void after_a_stop_the_question_is_put_again(void **state)
{
	(void)state;
	pid_t child = start_asking();
	await_question();
	kill(child, SIGTSTP); /* in a session without a shell it stops nothing */
	await_question();
	type("hunter2\n");
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(echoes());
	close(terminal);
}

static void without_a_terminal_nobody_is_asked(void **state)
{
	(void)state;
	int ends[2], status;
	char text[480] = "";
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		setsid(); /* no terminal */
		struct secret secret = {.source = SECRET_PROMPT,
			.value = "MAILTWIN_FROM_PASSWORD",
			.where = "--from"};
		bool ok = secret_read(&secret, "password of ann", &out, &err);
		ssize_t n = write(ends[1], err.text, strlen(err.text));
		_exit(ok || n < 0 ? 100 : (int)err.cause);
	}
	close(ends[1]);
	assert_true(read(ends[0], text, sizeof text - 1) > 0);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), CAUSE_CONFIG);
	assert_string_equal(text,
		"--from: password of ann: there is no terminal to ask for it; set "
		"MAILTWIN_FROM_PASSWORD_COMMAND, MAILTWIN_FROM_PASSWORD_FILE or "
		"MAILTWIN_FROM_PASSWORD");
}

#define in_place(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(a_literal_is_the_secret),
		in_place(the_first_line_of_a_command_is_the_secret),
		in_place(a_list_is_run_without_a_shell),
		in_place(a_command_that_gives_nothing_is_a_refused_sign_in),
		in_place(a_program_that_is_not_there_is_a_mistake_in_the_file),
		in_place(endless_output_is_cut_off),
		in_place(a_command_that_hangs_is_killed_with_its_children),
		in_place(what_a_command_leaves_behind_does_not_hold_us),
		in_place(a_command_can_be_cancelled),
		in_place(a_command_gets_no_input_and_no_terminal),
		in_place(a_command_inherits_no_descriptor_of_ours),
		in_place(an_environment_variable_must_be_set),
		in_place(a_command_does_not_see_a_variable_that_holds_a_secret),
		in_place(a_file_that_others_can_open_is_refused),
		in_place(a_file_that_cannot_be_read_says_why),
		in_place(a_pipe_that_nobody_writes_to_does_not_hold_us),
		in_place(a_file_larger_than_a_password_is_refused),
		in_place(a_credential_comes_from_the_service_manager),
		in_place(a_keyring_is_asked_by_name),
		in_place(what_is_typed_is_not_shown),
		in_place(a_signal_leaves_the_terminal_as_it_was),
		in_place(after_a_stop_the_question_is_put_again),
		in_place(without_a_terminal_nobody_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
