#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/broker.h"
#include "net/layers.h"

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
	int task = broker_tunnel(argv, fd[1]), number = errno;
	close(fd[1]);
	if (task < 0) {
		close(fd[0]);
		error_set(err, ERROR_STORE, CAUSE_CONFIG, "cannot run the tunnel '%s': %s", argv[0],
			strerror(number));
		return NULL;
	}
	fcntl(fd[0], F_SETFL, O_NONBLOCK); /* ours only: the program expects to block */
	struct conn *conn = conn_new(fd[0], name, limits);
	conn->tunnel = task;
	conn->local = true;
	return conn;
}

void tunnel_end(struct conn *conn)
{
	int status;
	if (conn->tunnel >= 0)
		broker_end(conn->tunnel, &status);
	conn->tunnel = -1;
}

const char *tunnel_fate(struct conn *conn, char *text, size_t size)
{
	struct pollfd ends = {.fd = conn->tunnel, .events = POLLIN};
	int status;
	if (conn->tunnel < 0 || poll(&ends, 1, FATE_MS) <= 0 ||
		!broker_ended(conn->tunnel, &status) || status < 0)
		return NULL;
	tunnel_end(conn);
	if (WIFSIGNALED(status))
		snprintf(text, size, "the tunnel's program was ended by signal %d",
			WTERMSIG(status));
	else
		snprintf(text, size, "the tunnel's program ended with status %d",
			WEXITSTATUS(status));
	return text;
}
