#include <config.h>

#include "config/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/broker.h"
#include "base/clock.h"
#include "base/stop.h"

struct child {
	int task;   /* the broker's */
	int output; /* what it prints is read here */
	int status; /* of waitpid(), once `ended` */
	bool ended;
};

static bool start(struct child *child, const char *const *argv)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	child->task = broker_command(argv, ends[1]);
	int number = errno;
	close(ends[1]);
	if (child->task < 0)
		close(ends[0]);
	child->output = ends[0];
	errno = number;
	return child->task >= 0;
}

/* With all that it started: a shell's children would live on without it. */
static void end(struct child *child)
{
	int status;
	broker_end(child->task, child->ended ? &status : &child->status);
	close(child->output);
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
static bool take_output(struct child *child, int64_t until, struct buffer *out, struct error *err)
{
	bool open = true;
	for (;;) {
		struct pollfd wait[3] = {{stop_fd(), POLLIN, 0},
			{open ? child->output : -1, POLLIN, 0},
			{child->ended ? -1 : child->task, POLLIN, 0}};
		int64_t left = until - clock_ms();
		int ready = poll(wait, 3, child->ended || left < 0 ? 0 : (int)left);
		if (ready > 0 && wait[0].revents != 0)
			return stop_may_go_on(err);
		bool more = ready > 0 && wait[1].revents != 0;
		int got = more ? read_some(child, out) : 1;
		if (got < 0)
			return failed(err, "the command printed more than a password can be");
		open = open && got > 0;
		if (child->ended && !more)
			return true;
		if (clock_ms() >= until)
			return failed(err, "the command took too long, and was killed");
		if (ready > 0 && wait[2].revents != 0)
			child->ended = broker_ended(child->task, &child->status);
	}
}

static bool ended_well(const struct child *child, struct error *err)
{
	if (child->status < 0)
		return failed(err, "nobody knows how the command ended");
	if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0)
		return true;
	if (WIFEXITED(child->status))
		return error_set(err, ERROR_STORE, CAUSE_SIGNIN, "the command ended with status %d",
			WEXITSTATUS(child->status));
	return error_set(err, ERROR_STORE, CAUSE_SIGNIN, "the command was ended by signal %d",
		WTERMSIG(child->status));
}

bool spawn_read(const char *const *argv, unsigned deadline, struct buffer *out, struct error *err)
{
	struct child child = {0};
	int64_t until = clock_ms() + deadline;
	if (!start(&child, argv))
		return error_set(err, ERROR_STORE, CAUSE_CONFIG, "cannot run '%s': %s", argv[0],
			strerror(errno));
	bool ok = take_output(&child, until, out, err);
	end(&child);
	return ok && ended_well(&child, err);
}
