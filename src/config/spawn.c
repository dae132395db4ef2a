#include <config.h>

#include "config/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/program.h"

/* How often to look whether the program ended while its output stays open, in milliseconds. */
#define LOOK_EVERY 20

struct child {
	pid_t pid;
	int output; /* what it prints is read here */
	int status; /* of waitpid(), once `ended` */
	bool ended;
};

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int start(struct child *child, const char *const *argv)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	int failed = program_start(argv, -1, ends[1], true, &child->pid);
	close(ends[1]);
	if (failed != 0)
		close(ends[0]);
	child->output = ends[0];
	return failed;
}

static void look_whether_ended(struct child *child)
{
	if (!child->ended)
		child->ended = waitpid(child->pid, &child->status, WNOHANG) == child->pid;
}

/* The whole session: a shell's children would live on without it. */
static void kill_all(struct child *child)
{
	if (child->ended)
		return;
	kill(-child->pid, SIGKILL);
	while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
		;
	child->ended = true;
}

/* Read what there is: 1, 0 at the end of the output, -1 when it passes the limit. */
static int read_some(const struct child *child, struct buffer *out)
{
	char block[4096];
	ssize_t n = read(child->output, block, sizeof block);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : 0;
	bool fits = buffer_add(out, block, (size_t)n);
	explicit_bzero(block, sizeof block);
	return !fits ? -1 : n > 0;
}

static bool failed(struct error *err, const char *why)
{
	return error_set(err, ERROR_STORE, CAUSE_SIGNIN, "%s", why);
}

/*
 * Take in the output until the program has ended and nothing more of it is there.  poll() here
 * waits for a program of the user's, a minute at most; the network's waits are in net/conn.c.
 */
static bool take_output(
	struct child *child, int64_t end, int cancel, struct buffer *out, struct error *err)
{
	bool open = true;
	for (;;) {
		struct pollfd wait[2] = {{cancel, POLLIN, 0}, {child->output, POLLIN, 0}};
		bool was_ended = child->ended;
		int ready = poll(wait, open ? 2 : 1, was_ended ? 0 : LOOK_EVERY);
		if (ready > 0 && wait[0].revents != 0)
			return error_set(err, ERROR_CANCELLED, CAUSE_NONE, "cancelled");
		bool more = open && ready > 0 && wait[1].revents != 0;
		int got = more ? read_some(child, out) : 1;
		if (got < 0)
			return failed(err, "the command printed more than a password can be");
		open = open && got > 0;
		if (was_ended && !more)
			return true;
		if (now() >= end)
			return failed(err, "the command took too long, and was killed");
		look_whether_ended(child);
	}
}

static bool ended_well(const struct child *child, struct error *err)
{
	if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0)
		return true;
	if (WIFEXITED(child->status))
		return error_set(err, ERROR_STORE, CAUSE_SIGNIN, "the command ended with status %d",
			WEXITSTATUS(child->status));
	return error_set(err, ERROR_STORE, CAUSE_SIGNIN, "the command was ended by signal %d",
		WTERMSIG(child->status));
}

bool spawn_read(const char *const *argv, unsigned deadline, int cancel, struct buffer *out,
	struct error *err)
{
	struct child child = {0};
	int64_t end = now() + deadline;
	int cannot = start(&child, argv);
	if (cannot != 0)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG, "cannot run '%s': %s", argv[0],
			strerror(cannot));
	bool ok = take_output(&child, end, cancel, out, err);
	kill_all(&child);
	close(child.output);
	return ok && ended_well(&child, err);
}
