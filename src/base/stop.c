#include "config.h"

#include "base/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"

/* poll() takes no more than an int; who waits longer asks again. */
#define LONGEST_POLL 3600000

static atomic_int asked;
static int ends[2] = {-1, -1};

bool stop_listen(struct error *err)
{
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0)
		return true;
	return error_errno(err, ERROR_STORE, "cannot make a pipe");
}

void stop_ask(int signal)
{
	int saved = errno;
	asked = signal;
	if (ends[1] >= 0) {
		ssize_t n = write(ends[1], "", 1);
		(void)n; /* full: then it is readable already */
	}
	errno = saved;
}

int stop_asked(void)
{
	return asked;
}

int stop_fd(void)
{
	return ends[0];
}

bool stop_may_go_on(struct error *err)
{
	return asked == 0 || error_set(err, ERROR_CANCELLED, CAUSE_NONE, "stopped");
}

bool stop_pause(int64_t milliseconds, struct error *err)
{
	int64_t until = clock_ms() + milliseconds;
	for (int64_t left = milliseconds; left > 0; left = until - clock_ms()) {
		struct pollfd wait = {.fd = ends[0], .events = POLLIN};
		if (!stop_may_go_on(err))
			return false;
		if (poll(&wait, 1, left < LONGEST_POLL ? (int)left : LONGEST_POLL) < 0 &&
			errno != EINTR)
			return error_errno(err, ERROR_STORE, "cannot wait");
	}
	return stop_may_go_on(err);
}

void stop_forget(void)
{
	for (int i = 0; i < 2; i++) {
		if (ends[i] >= 0)
			close(ends[i]);
		ends[i] = -1;
	}
	asked = 0;
}
