#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/program.h"
#include "net/layers.h"

/* At the end a program sees the end of its input, then SIGTERM, then SIGKILL, this far apart: time
 * for ssh to hand on our LOGOUT, and an end for a program that does not want to go. */
#define GRACE_MS 300
#define TERM_MS	 2000

/* When the stream ends, the program is about to: so long we wait to tell how. */
#define FATE_MS 200

struct conn *conn_tunnel(const char *const *argv, const char *name,
	const struct conn_limits *limits, struct error *err)
{
	int fd[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
		error_errno(err, ERROR_STORE, "cannot make a socket for '%s'", argv[0]);
		return NULL;
	}
	pid_t pid = 0;
	int failed = program_start(argv, fd[1], fd[1], false, &pid);
	close(fd[1]);
	if (failed != 0) {
		close(fd[0]);
		error_set(err, ERROR_STORE, CAUSE_CONFIG, "cannot run the tunnel '%s': %s", argv[0],
			strerror(failed));
		return NULL;
	}
	fcntl(fd[0], F_SETFL, O_NONBLOCK); /* ours only: the program expects to block */
	struct conn *conn = conn_new(fd[0], name, limits);
	conn->program = pid;
	conn->local = true;
	return conn;
}

/* Wait for the program's end, ${ms} at most; true once it is reaped. */
static bool reap(struct conn *conn, int ms, int *status)
{
	for (int64_t end = conn_now() + ms;;) {
		pid_t pid = waitpid(conn->program, status, WNOHANG);
		if (pid == conn->program || (pid < 0 && errno != EINTR)) {
			conn->program = 0;
			return pid > 0;
		}
		if (conn_now() >= end)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
}

void tunnel_end(struct conn *conn)
{
	int status;
	if (conn->program == 0 || reap(conn, GRACE_MS, &status) || conn->program == 0)
		return;
	kill(conn->program, SIGTERM);
	if (reap(conn, TERM_MS, &status) || conn->program == 0)
		return;
	kill(conn->program, SIGKILL);
	while (waitpid(conn->program, &status, 0) < 0 && errno == EINTR)
		;
	conn->program = 0;
}

const char *tunnel_fate(struct conn *conn, char *text, size_t size)
{
	int status;
	if (conn->program == 0 || !reap(conn, FATE_MS, &status))
		return NULL;
	if (WIFSIGNALED(status))
		snprintf(text, size, "the tunnel's program was ended by signal %d",
			WTERMSIG(status));
	else
		snprintf(text, size, "the tunnel's program ended with status %d",
			WEXITSTATUS(status));
	return text;
}
