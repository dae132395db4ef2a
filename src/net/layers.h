#ifndef MAILTWIN_NET_LAYERS_H
#define MAILTWIN_NET_LAYERS_H

#include <poll.h>
#include <sys/types.h>

#include "net/conn.h"
#include "net/queue.h"

/*
 * What the files of a connection know of each other.
 *
 *	caller  <->  in, out  <->  [deflate]  <->  [TLS]  <->  socket
 *
 * Each layer offers one try, without waiting: octets moved (1 or more), 0 = it would have to wait
 * for conn->wants, -1 = failed.  conn.c does the waiting.
 */
struct conn {
	char *name; /* of the peer, for messages */
	int fd;
	int tunnel; /* its program, as the broker's task; -1 = none */
	bool local;
	struct conn_limits limits;

	const char *phase; /* NULL: no limit but silence */
	unsigned phase_seconds;
	int64_t phase_end;

	struct queue in, out; /* plain */
	short wants;	      /* POLLIN or POLLOUT: what a layer that moved nothing waits for */
	struct tls *tls;
	struct deflate *deflate;

	uint64_t bytes_in, bytes_out;
	int64_t waited;
};

/* conn.c */

/* conn_new(fd, name, limits): a connection over ${fd}, a non-blocking socket that it then owns. */
struct conn *conn_new(int fd, const char *name, const struct conn_limits *limits);

/*
 * conn_wait_any(fds, n, until, err): the one poll().  Wait until one of ${n} descriptors (16 at
 * most) is ready, or clock_ms() is ${until}: 1, 0 = time is up, -1 = the user said stop.
 */
int conn_wait_any(struct pollfd *fds, size_t n, int64_t until, struct error *err);

/* conn_wait(conn, events, err): wait for ${events} within the phase and the limit `idle`. */
bool conn_wait(struct conn *conn, short events, struct error *err);

/* conn_lost(conn, err, why): fail for a reason that a new connection may not have; NULL = the end
 * of the stream. */
bool conn_lost(struct conn *conn, struct error *err, const char *why);

/* conn_receive(conn, data, n, err), conn_send(): the lowest layer, the socket. */
ssize_t conn_receive(struct conn *conn, void *data, size_t n, struct error *err);
ssize_t conn_send(struct conn *conn, const void *data, size_t n, struct error *err);

/* conn_carry_in(conn, data, n, err), conn_carry_out(): the layer below deflate: TLS or the socket.
 */
ssize_t conn_carry_in(struct conn *conn, void *data, size_t n, struct error *err);
ssize_t conn_carry_out(struct conn *conn, const void *data, size_t n, struct error *err);

/* tls.c: set up by conn_start_tls(). */
ssize_t tls_read(struct conn *conn, void *data, size_t n, struct error *err);
ssize_t tls_write(struct conn *conn, const void *data, size_t n, struct error *err);
void tls_free(struct tls *tls);

/*
 * deflate.c: set up by conn_start_deflate().
 *
 * deflate_read(): as the layers above it.
 * deflate_pack(deflate, plain, flush): compress all that waits in ${plain}, and with ${flush} so
 * that the peer can inflate all of it; return the queue that waits for the layer below.
 */
ssize_t deflate_read(struct conn *conn, void *data, size_t n, struct error *err);
struct queue *deflate_pack(struct deflate *deflate, struct queue *plain, bool flush);
size_t deflate_unsent(const struct deflate *deflate);
void deflate_free(struct deflate *deflate);

/* tunnel.c: end the program of a tunnel.  tunnel_fate(conn, text, size): how it ended by itself:
 * "'ssh' ended with status 255", or NULL. */
void tunnel_end(struct conn *conn);
const char *tunnel_fate(struct conn *conn, char *text, size_t size);

#endif
