#ifndef MAILTWIN_NET_CONN_H
#define MAILTWIN_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * A connection: TCP or a tunnel program, TLS and DEFLATE on top, a buffer each way.
 *
 * Straight-line and blocking for its caller; non-blocking underneath.  Each wait polls the socket
 * and the cancel descriptor, against a deadline, and while writing also reads into the input
 * buffer, so that a full pipeline cannot deadlock.
 *
 * Failures are ERROR_STORE, CAUSE_NETWORK and transient; CAUSE_SIGNIN and not transient for TLS
 * that was refused; CAUSE_CONFIG for a file or program that the configuration names and that is
 * not there; ERROR_CANCELLED when the cancel descriptor became readable.  After a failure a
 * connection can only be closed.
 */
struct conn;

/* Whom to trust. */
struct tls_policy {
	const char *host;	 /* name or address that the certificate must bear */
	const char *ca_file;	 /* NULL: the system's */
	const uint8_t *pin;	 /* SHA-256 of the public key (SubjectPublicKeyInfo), 32 octets */
	const char *client_cert; /* PEM, leaf first; NULL: none */
	const char *client_key;	 /* NULL: in client_cert */
};

/* Seconds. */
struct conn_limits {
	unsigned connect;   /* for the race of all addresses */
	unsigned handshake; /* for all of the TLS handshake */
	unsigned idle;	    /* of silence, while something is waited for */
};

/* conn_dial(host, port, limits, err): connect to ${host}, a name or address, racing its IPv6 and
 * IPv4 addresses (RFC 8305).  NULL on failure. */
struct conn *conn_dial(
	const char *host, uint16_t port, const struct conn_limits *limits, struct error *err);

/*
 * conn_tunnel(argv, name, limits, err):
 * Run a program, found by PATH, whose standard input and output are the connection.  No shell is
 * involved; standard error stays ours.  ${name} stands for the peer in messages.  NULL on failure.
 */
struct conn *conn_tunnel(const char *const *argv, const char *name,
	const struct conn_limits *limits, struct error *err);

/* conn_close(conn): close without waiting for the peer; a tunnel's program is ended and reaped,
 * which may take it two seconds.  NULL is fine. */
void conn_close(struct conn *conn);

/*
 * conn_start_tls(conn, policy, err):
 * Become a TLS client, and know whom we talk to or fail.  Everything read must be consumed, else
 * it fails with CAUSE_SIGNIN: somebody put plain text where TLS was to begin.
 */
bool conn_start_tls(struct conn *conn, const struct tls_policy *policy, struct error *err);

/* conn_start_deflate(conn, err): compress both ways from here on (RFC 4978).  Everything written
 * must be sent; what is read and not consumed yet is taken as compressed. */
bool conn_start_deflate(struct conn *conn, struct error *err);

/*
 * conn_phase(conn, name, seconds):
 * Until the next call, waits end in failure ${seconds} from now, however lively the peer is:
 * "imap.example.org took more than 30 s for ${name}".  0 = no such limit.
 */
void conn_phase(struct conn *conn, const char *name, unsigned seconds);

/* conn_write(conn, data, n, err): put octets into the output buffer; sends what does not fit.
 * conn_flush(conn, err): send all of it.  Both take in what arrives meanwhile. */
bool conn_write(struct conn *conn, const void *data, size_t n, struct error *err);
bool conn_flush(struct conn *conn, struct error *err);

/* conn_flush_now(conn): send what the kernel takes at once, and do not care for the rest. */
void conn_flush_now(struct conn *conn);

/* conn_unsent(conn): octets not yet handed to the kernel. */
size_t conn_unsent(const struct conn *conn);

/* conn_forget(conn): overwrite what was sent and still lies in the output buffer: a secret. */
void conn_forget(struct conn *conn);

/* conn_peek(conn, data, n): what was read and not consumed yet, never NULL; lent until the next
 * call. conn_consume(conn, n): drop the first ${n} octets of it. */
void conn_peek(const struct conn *conn, const uint8_t **data, size_t *n);
void conn_consume(struct conn *conn, size_t n);

/* conn_fill(conn, err): flush, then wait until there is more to peek at; the end of the stream is
 * a failure. */
bool conn_fill(struct conn *conn, struct error *err);

/* Octets as on the wire, TLS counted. */
uint64_t conn_bytes_in(const struct conn *conn);
uint64_t conn_bytes_out(const struct conn *conn);

/* conn_waited(conn): milliseconds spent waiting for the peer, until it sent or took something. */
int64_t conn_waited(const struct conn *conn);

bool conn_is_tls(const struct conn *conn);

/* conn_is_local(conn): what is sent does not leave this machine by our hand: a loopback address, or
 * a tunnel's program. */
bool conn_is_local(const struct conn *conn);

/* conn_tls_text(conn): "TLS 1.3, TLS_AES_256_GCM_SHA384"; "no TLS"; lent. */
const char *conn_tls_text(const struct conn *conn);

#endif
