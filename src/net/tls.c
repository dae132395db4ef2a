#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/layers.h"
#include "net/refusal.h"

/*
 * OpenSSL's level 2: 112 bits.  Refuses SHA-1 signatures, RSA below 2048 bits, RC4 and export
 * ciphers, whatever the system's own configuration says.
 */
#define SECURITY_LEVEL 2

struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO_METHOD *method;
	const struct tls_policy *policy; /* during the handshake */
	struct error *err;		 /* of the call that is under way, for the socket below */
	bool talking;			 /* shaken hands, and nothing failed */
	bool lost;			 /* the socket failed, and *err says how */
	char refusal[360]; /* what is wrong with the peer's certificate; "" = nothing */
	char text[80];
};

void tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	tls->err = NULL;
	if (tls->talking)
		SSL_shutdown(tls->ssl); /* says that we end; does not wait for an answer */
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->ctx);
	BIO_meth_free(tls->method);
	free(tls);
}

/* ---- OpenSSL's way to our socket: counted, and without SIGPIPE ---- */

static int bio_done(BIO *bio, struct conn *conn, ssize_t n, void (*retry)(BIO *))
{
	BIO_clear_retry_flags(bio);
	if (n > 0)
		return (int)n;
	if (n == 0)
		retry(bio);
	else
		conn->tls->lost = true;
	return -1;
}

static void retry_read(BIO *bio)
{
	BIO_set_retry_read(bio);
}

static void retry_write(BIO *bio)
{
	BIO_set_retry_write(bio);
}

static int bio_read(BIO *bio, char *data, int n)
{
	struct conn *conn = BIO_get_data(bio);
	return bio_done(bio, conn, conn_receive(conn, data, (size_t)n, conn->tls->err), retry_read);
}

static int bio_write(BIO *bio, const char *data, int n)
{
	struct conn *conn = BIO_get_data(bio);
	return bio_done(bio, conn, conn_send(conn, data, (size_t)n, conn->tls->err), retry_write);
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static bool attach_socket(struct conn *conn)
{
	struct tls *tls = conn->tls;
	tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "connection");
	BIO *bio = tls->method == NULL ? NULL : BIO_new(tls->method);
	if (bio == NULL)
		return false;
	BIO_meth_set_read(tls->method, bio_read);
	BIO_meth_set_write(tls->method, bio_write);
	BIO_meth_set_ctrl(tls->method, bio_ctrl);
	BIO_set_data(bio, conn);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	return true;
}

/* ---- whom to trust ---- */

static bool configured(struct error *err, const char *what, const char *file)
{
	char why[120];
	refusal_openssl(why, sizeof why);
	return error_set(
		err, ERROR_STORE, CAUSE_CONFIG, "cannot use the %s '%s': %s", what, file, why);
}

/*
 * A pin stands for the server's key itself.  The handshake proves that the peer holds that key, and
 * that is more than a name and a signature could add: so with `pin` alone, neither the host's name
 * nor an issuer nor a date is asked for, and a certificate signed by itself will do.  With
 * `ca_file` beside it, both must hold.
 */
static int verify(X509_STORE_CTX *store, const struct tls_policy *policy)
{
	if (policy->pin == NULL)
		return X509_verify_cert(store);

	uint8_t digest[32];
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	if (leaf == NULL || !refusal_key_digest(leaf, digest) ||
		memcmp(digest, policy->pin, sizeof digest) != 0) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	if (policy->ca_file != NULL)
		return X509_verify_cert(store);
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static int verify_peer(X509_STORE_CTX *store, void *arg)
{
	struct tls *tls = arg;
	int ok = tls->policy != NULL && verify(store, tls->policy) > 0;
	if (!ok && tls->policy != NULL)
		refusal_certificate(store, tls->policy, tls->refusal, sizeof tls->refusal);
	return ok;
}

/* The one function that decides whom a handshake may end with. */
static bool demand_identity(struct tls *tls, struct error *err)
{
	const struct tls_policy *policy = tls->policy;
	SSL_CTX_set_security_level(tls->ctx, SECURITY_LEVEL);
	SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(tls->ctx, verify_peer, tls);
	if (policy->ca_file == NULL) {
		if (SSL_CTX_set_default_verify_paths(tls->ctx) != 1)
			return configured(err, "certificates of", "the system");
	} else {
		if (SSL_CTX_load_verify_locations(tls->ctx, policy->ca_file, NULL) != 1)
			return configured(err, "ca_file", policy->ca_file);
		/* Whatever stands in ca_file is trusted, be it a root or the server's own. */
		X509_VERIFY_PARAM_set_flags(
			SSL_CTX_get0_param(tls->ctx), X509_V_FLAG_PARTIAL_CHAIN);
	}

	tls->ssl = SSL_new(tls->ctx);
	if (tls->ssl == NULL)
		die_out_of_memory();
	X509_VERIFY_PARAM *name = SSL_get0_param(tls->ssl);
	X509_VERIFY_PARAM_set_hostflags(
		name, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_ip_asc(name, policy->host) == 1)
		return true;
	if (SSL_set1_host(tls->ssl, policy->host) != 1 ||
		SSL_set_tlsext_host_name(tls->ssl, policy->host) != 1)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"'%s' is no host name that a certificate can bear", policy->host);
	return true;
}

static bool offer_certificate(struct tls *tls, struct error *err)
{
	const struct tls_policy *policy = tls->policy;
	if (policy->client_cert == NULL)
		return true;
	const char *key = policy->client_key != NULL ? policy->client_key : policy->client_cert;
	if (SSL_CTX_use_certificate_chain_file(tls->ctx, policy->client_cert) != 1)
		return configured(err, "client_cert", policy->client_cert);
	if (SSL_CTX_use_PrivateKey_file(tls->ctx, key, SSL_FILETYPE_PEM) != 1)
		return configured(err, "client_key", key);
	return true;
}

/* A key that has a password would have OpenSSL ask for it on the terminal. */
static int no_password(char *buffer, int size, int writing, void *arg)
{
	(void)buffer, (void)size, (void)writing, (void)arg;
	return -1;
}

static bool prepare(struct conn *conn, const struct tls_policy *policy, struct error *err)
{
	struct tls *tls = calloc(1, sizeof *tls);
	if (tls == NULL || (tls->ctx = SSL_CTX_new(TLS_client_method())) == NULL)
		die_out_of_memory();
	conn->tls = tls;
	tls->policy = policy;
	ERR_clear_error();
	SSL_CTX_set_mode(
		tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_default_passwd_cb(tls->ctx, no_password);
	if (!offer_certificate(tls, err) || !demand_identity(tls, err))
		return false;
	if (!attach_socket(conn))
		die_out_of_memory();
	return true;
}

/* ---- the handshake ---- */

static bool refused(struct conn *conn, struct error *err)
{
	struct tls *tls = conn->tls;
	if (tls->lost)
		return false;
	char why[160];
	return error_set(err, ERROR_STORE, CAUSE_SIGNIN, "TLS with %s was refused: %s", conn->name,
		tls->refusal[0] != '\0' ? tls->refusal : refusal_openssl(why, sizeof why));
}

/* What SSL_get_error() asks for, as poll() events; 0 = it asks for nothing. */
static short wanted(struct tls *tls, int code)
{
	switch (SSL_get_error(tls->ssl, code)) {
	case SSL_ERROR_WANT_READ:
		return POLLIN;
	case SSL_ERROR_WANT_WRITE:
		return POLLOUT;
	default:
		return 0;
	}
}

static bool shake_hands(struct conn *conn, struct error *err)
{
	struct tls *tls = conn->tls;
	tls->err = err;
	for (;;) {
		ERR_clear_error();
		int code = SSL_connect(tls->ssl);
		if (code == 1)
			return true;
		short events = wanted(tls, code);
		if (events == 0)
			return refused(conn, err);
		if (!conn_wait(conn, events, err))
			return false;
	}
}

static void describe(struct tls *tls)
{
	const char *version = SSL_get_version(tls->ssl);
	snprintf(tls->text, sizeof tls->text, "TLS %s, %s",
		strncmp(version, "TLSv", 4) == 0 ? version + 4 : version,
		SSL_get_cipher_name(tls->ssl));
}

bool conn_start_tls(struct conn *conn, const struct tls_policy *policy, struct error *err)
{
	if (queue_length(&conn->in) > 0)
		return error_set(err, ERROR_STORE, CAUSE_SIGNIN,
			"TLS with %s was refused: plain text was sent where TLS was to begin",
			conn->name);
	if (!conn_flush(conn, err) || !prepare(conn, policy, err))
		return false;
	conn_phase(conn, "the TLS handshake", conn->limits.handshake);
	bool ok = shake_hands(conn, err);
	conn_phase(conn, NULL, 0);
	conn->tls->policy = NULL;
	conn->tls->talking = ok;
	if (ok)
		describe(conn->tls);
	return ok;
}

/* ---- afterwards ---- */

/* In TLS 1.3 a server says only after the handshake that it does not like our certificate. */
static bool wants_certificate(unsigned long code)
{
	int reason = ERR_GET_REASON(code);
	return ERR_GET_LIB(code) == ERR_LIB_SSL &&
	       (reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED ||
		       reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
		       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN ||
		       reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA);
}

static ssize_t blocked(struct conn *conn, int code, struct error *err)
{
	struct tls *tls = conn->tls;
	conn->wants = wanted(tls, code);
	if (conn->wants != 0)
		return 0;
	tls->talking = false;
	if (tls->lost)
		return -1;
	char why[160];
	refusal_openssl(why, sizeof why);
	if (wants_certificate(ERR_peek_error()))
		error_set(err, ERROR_STORE, CAUSE_SIGNIN,
			"%s refused the client certificate, or wants one: %s", conn->name, why);
	else if (SSL_get_error(tls->ssl, code) == SSL_ERROR_ZERO_RETURN)
		conn_lost(conn, err, NULL);
	else
		conn_lost(conn, err, why);
	return -1;
}

/* Before each call: OpenSSL's complaints are per thread, and stay until cleared. */
static SSL *begin(struct conn *conn, struct error *err)
{
	conn->tls->err = err;
	conn->tls->lost = false;
	ERR_clear_error();
	return conn->tls->ssl;
}

ssize_t tls_read(struct conn *conn, void *data, size_t n, struct error *err)
{
	int got = SSL_read(begin(conn, err), data, (int)n);
	return got > 0 ? got : blocked(conn, got, err);
}

ssize_t tls_write(struct conn *conn, const void *data, size_t n, struct error *err)
{
	int went = SSL_write(begin(conn, err), data, (int)n);
	return went > 0 ? went : blocked(conn, went, err);
}

const char *conn_tls_text(const struct conn *conn)
{
	return conn->tls != NULL ? conn->tls->text : "no TLS";
}
