#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"
#include "net/layers.h"

/* What one read may bring: a TLS record, or a good part of a socket's buffer. */
#define READ_SIZE ((size_t)32 * 1024)

/* Written octets are gathered up to this, so that a pipeline of commands is few packets. */
#define OUT_SIZE ((size_t)64 * 1024)

/* The input buffer grows past READ_SIZE only while we write and the peer insists on being read; a
 * peer that sends more than this in the meantime is no longer read until we are done. */
#define IN_MAX ((size_t)4 * 1024 * 1024)

/* Descriptors in one poll(): the racing attempts of conn_dial() and stop_fd(). */
#define POLL_MAX 17

/* ---- waiting ---- */

int conn_wait_any(struct pollfd *fds, size_t n, int64_t until, struct error *err)
{
	struct pollfd all[POLL_MAX];
	for (size_t i = 0; i < n; i++)
		all[i] = fds[i];
	all[n] = (struct pollfd){.fd = stop_fd(), .events = POLLIN};

	for (;;) {
		int64_t left = until - clock_ms();
		int timeout = left <= 0 ? 0 : left < 3600000 ? (int)left : 3600000;
		int ready = poll(all, n + 1, timeout);
		if (ready < 0 && errno != EINTR) {
			error_errno(err, ERROR_STORE, "cannot wait for the network");
			return -1;
		}
		if (all[n].revents != 0 && ready > 0) {
			(void)stop_may_go_on(err);
			return -1;
		}
		if (ready > 0)
			break;
		if (ready == 0 && left <= timeout)
			return 0;
	}
	for (size_t i = 0; i < n; i++)
		fds[i].revents = all[i].revents;
	return 1;
}

static bool too_late(struct conn *conn, bool phase, struct error *err)
{
	if (phase)
		error_set(err, ERROR_STORE, CAUSE_NETWORK, "%s took more than %u s for %s",
			conn->name, conn->phase_seconds, conn->phase);
	else
		error_set(err, ERROR_STORE, CAUSE_NETWORK, "%s was silent for %u s", conn->name,
			conn->limits.idle);
	if (err != NULL)
		err->transient = true;
	return false;
}

bool conn_wait(struct conn *conn, short events, struct error *err)
{
	int64_t begun = clock_ms(), until = begun + (int64_t)conn->limits.idle * 1000;
	bool phase = conn->phase != NULL && conn->phase_end <= until;
	struct pollfd fd = {.fd = conn->fd, .events = events};
	int ready = conn_wait_any(&fd, 1, phase ? conn->phase_end : until, err);
	conn->waited += clock_ms() - begun;
	return ready == 0 ? too_late(conn, phase, err) : ready > 0;
}

void conn_phase(struct conn *conn, const char *name, unsigned seconds)
{
	conn->phase = seconds > 0 ? name : NULL;
	conn->phase_seconds = seconds;
	conn->phase_end = clock_ms() + (int64_t)seconds * 1000;
}

/* ---- the socket ---- */

bool conn_lost(struct conn *conn, struct error *err, const char *why)
{
	char fate[160];
	const char *told = tunnel_fate(conn, fate, sizeof fate);
	if (told != NULL)
		error_set(err, ERROR_STORE, CAUSE_NETWORK, "lost the connection to %s: %s",
			conn->name, told);
	else if (why == NULL)
		error_set(err, ERROR_STORE, CAUSE_NETWORK, "%s closed the connection", conn->name);
	else
		error_set(err, ERROR_STORE, CAUSE_NETWORK, "lost the connection to %s: %s",
			conn->name, why);
	if (err != NULL)
		err->transient = true;
	return false;
}

static ssize_t moved(struct conn *conn, ssize_t n, short wants, struct error *err)
{
	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
		conn->wants = wants;
		return 0;
	}
	conn_lost(conn, err, n < 0 ? strerror(errno) : NULL);
	return -1;
}

ssize_t conn_receive(struct conn *conn, void *data, size_t n, struct error *err)
{
	ssize_t got = moved(conn, recv(conn->fd, data, n, 0), POLLIN, err);
	if (got > 0)
		conn->bytes_in += (uint64_t)got;
	return got;
}

ssize_t conn_send(struct conn *conn, const void *data, size_t n, struct error *err)
{
	ssize_t went = moved(conn, send(conn->fd, data, n, MSG_NOSIGNAL), POLLOUT, err);
	if (went > 0)
		conn->bytes_out += (uint64_t)went;
	return went;
}

ssize_t conn_carry_in(struct conn *conn, void *data, size_t n, struct error *err)
{
	return conn->tls != NULL ? tls_read(conn, data, n, err) : conn_receive(conn, data, n, err);
}

ssize_t conn_carry_out(struct conn *conn, const void *data, size_t n, struct error *err)
{
	return conn->tls != NULL ? tls_write(conn, data, n, err) : conn_send(conn, data, n, err);
}

struct conn *conn_new(int fd, const char *name, const struct conn_limits *limits)
{
	struct conn *conn = calloc(1, sizeof *conn);
	if (conn == NULL || (conn->name = strdup(name)) == NULL)
		die_out_of_memory();
	conn->fd = fd;
	conn->tunnel = -1;
	conn->limits = *limits;
	return conn;
}

void conn_close(struct conn *conn)
{
	if (conn == NULL)
		return;
	deflate_free(conn->deflate);
	tls_free(conn->tls);
	close(conn->fd);
	tunnel_end(conn);
	queue_finish(&conn->in);
	queue_finish(&conn->out);
	free(conn->name);
	free(conn);
}

/* ---- reading ---- */

/* One try to add to the input buffer, without waiting. */
static ssize_t take_in(struct conn *conn, struct error *err)
{
	uint8_t *room = queue_room(&conn->in, READ_SIZE);
	ssize_t got = conn->deflate != NULL ? deflate_read(conn, room, READ_SIZE, err)
					    : conn_carry_in(conn, room, READ_SIZE, err);
	if (got > 0)
		conn->in.end += (size_t)got;
	return got;
}

void conn_peek(const struct conn *conn, const uint8_t **data, size_t *n)
{
	*data = conn->in.data != NULL ? queue_front(&conn->in) : (const uint8_t *)"";
	*n = queue_length(&conn->in);
}

void conn_consume(struct conn *conn, size_t n)
{
	queue_take(&conn->in, n);
}

bool conn_fill(struct conn *conn, struct error *err)
{
	size_t before = queue_length(&conn->in);
	if (!conn_flush(conn, err))
		return false;

	/* A peer that is always ready would never let us wait, and so never let us be stopped. */
	if (conn_wait_any(NULL, 0, clock_ms(), err) < 0)
		return false;
	while (queue_length(&conn->in) == before) {
		ssize_t got = take_in(conn, err);
		if (got < 0)
			return false;
		if (got > 0)
			break;
		if (!conn_wait(conn, conn->wants, err))
			return false;
	}
	return true;
}

/* ---- writing ---- */

static bool wait_to_send(struct conn *conn, struct error *err)
{
	bool hear = queue_length(&conn->in) < IN_MAX;
	if (!conn_wait(conn, (short)(conn->wants | (hear ? POLLIN : 0)), err))
		return false;
	return !hear || take_in(conn, err) >= 0;
}

/* A peer that leaves while we write may have said why: a TLS alert is the better error, and a BYE
 * then lies in the input buffer. */
static bool hear_last_words(struct conn *conn, struct error *err)
{
	struct error why = {0};
	while (queue_length(&conn->in) < IN_MAX && take_in(conn, &why) > 0)
		;
	if (why.cause == CAUSE_SIGNIN && err != NULL)
		*err = why;
	return false;
}

/* What is to go to the layer below deflate. */
static struct queue *outgoing(struct conn *conn, bool flush)
{
	return conn->deflate != NULL ? deflate_pack(conn->deflate, &conn->out, flush) : &conn->out;
}

static bool send_out(struct conn *conn, bool flush, struct error *err)
{
	struct queue *q = outgoing(conn, flush);
	while (queue_length(q) > 0) {
		ssize_t went = conn_carry_out(conn, queue_front(q), queue_length(q), err);
		if (went > 0)
			queue_take(q, (size_t)went);
		else if (went < 0)
			return hear_last_words(conn, err);
		else if (!wait_to_send(conn, err))
			return false;
	}
	return true;
}

void conn_flush_now(struct conn *conn)
{
	struct queue *q = outgoing(conn, true);
	ssize_t went = 1;
	while (queue_length(q) > 0 && went > 0) {
		went = conn_carry_out(conn, queue_front(q), queue_length(q), NULL);
		queue_take(q, went > 0 ? (size_t)went : 0);
	}
}

bool conn_write(struct conn *conn, const void *data, size_t n, struct error *err)
{
	const uint8_t *from = data;
	while (n > 0) {
		size_t piece = OUT_SIZE - queue_length(&conn->out);
		if (piece > n)
			piece = n;
		queue_room(&conn->out, OUT_SIZE - queue_length(&conn->out));
		queue_add(&conn->out, from, piece);
		from += piece;
		n -= piece;
		if (queue_length(&conn->out) == OUT_SIZE && !send_out(conn, false, err))
			return false;
	}
	return true;
}

bool conn_flush(struct conn *conn, struct error *err)
{
	return send_out(conn, true, err);
}

size_t conn_unsent(const struct conn *conn)
{
	size_t packed = conn->deflate != NULL ? deflate_unsent(conn->deflate) : 0;
	return packed + queue_length(&conn->out);
}

void conn_forget(struct conn *conn)
{
	queue_forget(&conn->out);
}

/* ---- what is known ---- */

uint64_t conn_bytes_in(const struct conn *conn)
{
	return conn->bytes_in;
}

uint64_t conn_bytes_out(const struct conn *conn)
{
	return conn->bytes_out;
}

int64_t conn_waited(const struct conn *conn)
{
	return conn->waited;
}

bool conn_is_tls(const struct conn *conn)
{
	return conn->tls != NULL;
}

bool conn_is_local(const struct conn *conn)
{
	return conn->local;
}
