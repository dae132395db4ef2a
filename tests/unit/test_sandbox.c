#include "config.h"

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sandbox.h"

/*
 * A process cannot leave its sandbox, so each test tries its luck in a child, whose exit status is
 * the errno of what it tried.  Where the kernel has no Landlock, or no seccomp, that is what the
 * program must have told, and the try succeeds.
 */

static char place[] = "/tmp/mailtwin-sandbox-XXXXXX";
static char told[200];

static int make_place(void **state)
{
	(void)state;
	memcpy(place + sizeof place - 7, "XXXXXX", 6);
	return mkdtemp(place) != NULL && chdir(place) == 0 && mkdir("open", 0700) == 0 &&
			       mkdir("closed", 0700) == 0 && mkdir("open/tmp", 0700) == 0 &&
			       mkdir("open/cur", 0700) == 0 &&
			       close(open("closed/secret", O_WRONLY | O_CREAT, 0600)) == 0
		       ? 0
		       : -1;
}

static int remove_place(void **state)
{
	(void)state;
	char command[100];
	snprintf(command, sizeof command, "rm -rf %s", place);
	return chdir("/") == 0 ? system(command) : -1;
}

/* What ${attempt} comes to within a sandbox that leaves `open` and ${port}; ${told} is filled. */
static int within(int (*attempt)(void), uint16_t port)
{
	int ends[2], status = -1;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		struct sandbox *box = sandbox_new(arena_new());
		sandbox_write(box, "open");
		if (port != 0)
			sandbox_port(box, port);
		sandbox_enter(box, told, sizeof told);
		ssize_t n = write(ends[1], told, sizeof told);
		_exit(n == (ssize_t)sizeof told ? attempt() : 255);
	}
	assert_int_equal(read(ends[0], told, sizeof told), sizeof told);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool has(const char *what)
{
	return strstr(told, what) != NULL;
}

static void assert_refused_by(const char *active, const char *absent, int refused, int got)
{
	assert_true(has(active) || has(absent));
	assert_int_equal(got, has(absent) ? 0 : refused);
}

static int open_closed(void)
{
	return open("closed/secret", O_RDONLY) < 0 ? errno : 0;
}

static int make_closed(void)
{
	return open("closed/new", O_WRONLY | O_CREAT, 0600) < 0 ? errno : 0;
}

static int rename_out(void)
{
	int fd = open("open/new", O_WRONLY | O_CREAT, 0600);
	close(fd);
	return rename("open/new", "closed/new") < 0 ? errno : 0;
}

static void a_file_outside_cannot_be_opened_made_or_reached(void **state)
{
	(void)state;
	assert_refused_by("(Landlock ", "files not (Landlock: ", EACCES, within(open_closed, 0));
	assert_int_equal(within(make_closed, 0), has("files not") ? 0 : EACCES);
	int got = within(rename_out, 0);
	assert_true(has("files not") ? got == 0 : got == EACCES || got == EXDEV);
}

static int deliver(void)
{
	char text[8];
	int fd = open("open/tmp/1", O_RDWR | O_CREAT | O_EXCL, 0600);
	bool ok = fd >= 0 && write(fd, "letter", 6) == 6 && fsync(fd) == 0 && close(fd) == 0 &&
		  rename("open/tmp/1", "open/cur/1") == 0 &&
		  link("open/cur/1", "open/tmp/2") == 0 && truncate("open/cur/1", 3) == 0 &&
		  (fd = open("open/cur/1", O_RDONLY)) >= 0 && read(fd, text, 8) == 3 &&
		  unlink("open/cur/1") == 0 && mkdir("open/.Sub", 0700) == 0 &&
		  rename("open/.Sub", "open/.Other") == 0 && rmdir("open/.Other") == 0;
	return ok ? 0 : errno;
}

static void what_a_maildir_needs_can_be_done_inside(void **state)
{
	(void)state;
	assert_int_equal(within(deliver, 0), 0);
}

static void a_folder_that_is_missing_can_be_made(void **state)
{
	(void)state;
	struct stat st;
	struct arena *arena = arena_new();
	pid_t child = fork();
	int status;
	if (child == 0) {
		struct sandbox *box = sandbox_new(arena);
		sandbox_write(box, "closed/a/b");
		sandbox_enter(box, told, sizeof told);
		_exit(mkdir("closed/a", 0700) == 0 && mkdir("closed/a/b", 0700) == 0 ? 0 : errno);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(stat("closed/a/b", &st), 0);
	arena_free(arena);
}

static int use_libraries(void)
{
	static const char *const files[] = {"/dev/urandom", "/etc/passwd", "/etc/localtime"};
	iconv_t to = iconv_open("UTF-8", "ISO-2022-JP");
	if (to == (iconv_t)-1)
		return errno;
	iconv_close(to);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (open(files[i], O_RDONLY) < 0 && errno != ENOENT)
			return errno;
	return 0;
}

static void what_libraries_read_stays_open(void **state)
{
	(void)state;
	assert_int_equal(within(use_libraries, 0), 0);
}

static int run_a_program(void)
{
	char *const argv[] = {"true", NULL}, *const none[] = {NULL};
	execve("/bin/true", argv, none);
	return errno;
}

static int make_a_process(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int look_into_another(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 ? errno : 0;
}

/* Who may attach depends on more than us; where it fails, it fails with EPERM alike. */
static void no_program_is_started_and_no_process_made_or_looked_into(void **state)
{
	(void)state;
	static const char active[] = "system calls (seccomp)", absent[] = "system calls not (";
	assert_refused_by(active, absent, EPERM, within(run_a_program, 0));
	assert_refused_by(active, absent, EPERM, within(make_a_process, 0));
	if (has(active))
		assert_int_equal(within(look_into_another, 0), EPERM);
}

static void *nothing(void *arg)
{
	return arg;
}

static int start_a_thread(void)
{
	pthread_t thread;
	int failed = pthread_create(&thread, NULL, nothing, NULL);
	return failed != 0 ? failed : pthread_join(thread, NULL);
}

static void threads_are_no_processes(void **state)
{
	(void)state;
	assert_int_equal(within(start_a_thread, 0), 0);
}

static uint16_t listening;

static int connect_there(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(listening),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ? errno : 0;
}

static void only_ports_of_the_configuration_are_reached(void **state)
{
	(void)state;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	listening = ntohs(at.sin_port);
	assert_int_equal(within(connect_there, listening), 0);
	int got = within(connect_there, (uint16_t)(listening == 1 ? 2 : listening - 1));
	assert_int_equal(got, has("files and ports (Landlock") ? EACCES : 0);
	close(fd);
}

#define in_place(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(a_file_outside_cannot_be_opened_made_or_reached),
		in_place(what_a_maildir_needs_can_be_done_inside),
		in_place(a_folder_that_is_missing_can_be_made),
		in_place(what_libraries_read_stays_open),
		in_place(no_program_is_started_and_no_process_made_or_looked_into),
		in_place(threads_are_no_processes),
		in_place(only_ports_of_the_configuration_are_reached),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
