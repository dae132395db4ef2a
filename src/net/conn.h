#ifndef MAILTWIN_NET_CONN_H
#define MAILTWIN_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * A connection: TCP or a tunnel program, TLS and DEFLATE on top, a bounded buffer each way.
 *
 * Straight-line and blocking for its caller; non-blocking underneath.  Each wait polls the
 * socket and the cancel descriptor, against a deadline, and while writing also reads into the input
 * buffer, so that a full pipeline cannot deadlock.  This is the only poll() in the program.
 *
 * Failures are ERROR_STORE; CAUSE_NETWORK and transient, but CAUSE_SIGNIN for TLS that was refused;
 * ERROR_CANCELLED when the cancel descriptor became readable.
 */
struct conn;

struct tls_policy {
	const char *host;    /* name that the certificate must bear */
	const char *ca_file; /* NULL: the system's */
	const uint8_t
		*pin; /* SHA-256 of the public key, 32 bytes, or NULL: then the chain decides */
	const char *client_cert, *client_key; /* or NULL */
};

struct conn_limits {
	unsigned connect, handshake,
		idle; /* seconds: for each address race, TLS, and silence while waiting */
};

/* conn_set_cancel(fd): the descriptor that becomes readable when the user says stop; -1 = none. */
void conn_set_cancel(int fd);

/* conn_dial(host, port, limits, err): connect by happy eyeballs (RFC 8305): IPv6 and IPv4 in turn,
 * 250 ms apart. */
struct conn *conn_dial(
	const char *host, uint16_t port, const struct conn_limits *limits, struct error *err);

/* conn_tunnel(argv, limits, err): run a program whose standard input and output are the connection.
 */
struct conn *conn_tunnel(
	const char *const *argv, const struct conn_limits *limits, struct error *err);

/* conn_close(conn): close, without waiting for anybody; NULL is fine. */
void conn_close(struct conn *conn);

/* conn_start_tls(conn, policy, err): the input buffer must be empty, else CAUSE_SIGNIN (injected
 * plain text). */
bool conn_start_tls(struct conn *conn, const struct tls_policy *policy, struct error *err);

/* conn_start_deflate(conn, err): RFC 4978; nothing may be unread or unsent. */
bool conn_start_deflate(struct conn *conn, struct error *err);

/* conn_write(conn, data, n, err): put bytes into the output buffer; sends when it is full.
 * conn_flush(): send all. conn_unsent(conn): bytes not yet handed to the kernel. */
bool conn_write(struct conn *conn, const void *data, size_t n, struct error *err);
bool conn_flush(struct conn *conn, struct error *err);
size_t conn_unsent(const struct conn *conn);

/*
 * conn_peek(conn, data, n): what was read and not consumed yet; lent until the next call.
 * conn_fill(conn, deadline, err): flush, then wait until there is more than before: true; the end
 * of the stream fails.
 * ${deadline} in seconds from now, 0 = the limit `idle`.
 * conn_poll(conn, err): take what has arrived without waiting.  conn_consume(conn, n).
 */
void conn_peek(const struct conn *conn, const uint8_t **data, size_t *n);
bool conn_fill(struct conn *conn, unsigned deadline, struct error *err);
bool conn_poll(struct conn *conn, struct error *err);
void conn_consume(struct conn *conn, size_t n);

/* conn_bytes_in(conn), conn_bytes_out(conn): as on the wire, TLS counted; conn_waits(conn): times
 * conn_fill() had to wait after something had been sent. */
uint64_t conn_bytes_in(const struct conn *conn);
uint64_t conn_bytes_out(const struct conn *conn);
uint64_t conn_waits(const struct conn *conn);

/* conn_is_tls(conn), conn_is_loopback(conn), conn_tls_text(conn): "TLS 1.3,
 * TLS_AES_256_GCM_SHA384", lent. */
bool conn_is_tls(const struct conn *conn);
bool conn_is_loopback(const struct conn *conn);
const char *conn_tls_text(const struct conn *conn);

#endif
