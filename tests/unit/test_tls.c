#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certs.h"
#include "net/conn.h"
#include "script.h"

static const struct conn_limits brisk = {.connect = 5, .handshake = 5, .idle = 5};
static const struct conn_limits hasty = {.connect = 1, .handshake = 1, .idle = 5};

#define HOST "imap.example.org"

/* Who signs. */
enum issuer { ROOT, ITSELF, STRANGER, STRANGERS_INTERMEDIATE, INTERMEDIATE, A_LEAF, ISSUERS };

static struct cert *issuers[ISSUERS];
static char ca_file[] = "/tmp/mailtwin-ca-XXXXXX";

static struct cert *make_ca(const char *cn, const struct cert *issuer)
{
	return cert_make(&(struct cert_spec){.cn = cn, .ca = true, .issuer = issuer});
}

static int make_issuers(void **state)
{
	(void)state;
	issuers[ROOT] = make_ca("root", NULL);
	issuers[STRANGER] = make_ca("stranger", NULL);
	issuers[INTERMEDIATE] = make_ca("intermediate", issuers[ROOT]);
	issuers[STRANGERS_INTERMEDIATE] = make_ca("strangers", issuers[STRANGER]);
	issuers[A_LEAF] = cert_make(&(struct cert_spec){
		.cn = "leaf", .san = "DNS:leaf.example.org", .issuer = issuers[ROOT]});
	close(mkstemp(ca_file));
	cert_write(ca_file, issuers[ROOT], false);
	return 0;
}

static int free_issuers(void **state)
{
	(void)state;
	for (int i = 0; i < ISSUERS; i++)
		cert_free(issuers[i]);
	unlink(ca_file);
	return 0;
}

/* One connection to a server with ${cert}; the error's text, "" = it came to speak. */
static void meet(SSL_CTX *server, const struct tls_policy *policy, const char *talk,
	const struct conn_limits *limits, struct error *err)
{
	struct script *script = script_start(talk, server);
	struct conn *conn = conn_dial("127.0.0.1", script_port(script), limits, err);
	assert_non_null(conn);
	*err = (struct error){0};
	if (conn_start_tls(conn, policy, err) && conn_write(conn, "hello\r\n", 7, err))
		conn_fill(conn, err);
	conn_close(conn);
	char *failure = script_finish(script);
	if (err->scope == ERROR_NONE && failure != NULL)
		fail_msg("%s", failure);
	free(failure);
}

static const char plain_talk[] = "tls\nC: hello\nS: hello yourself\n";

/* ---- certificates (B11) ---- */

static const struct row {
	const char *what;
	const char *host;
	struct cert_spec spec;
	enum issuer by;
	const char *says; /* NULL: it is accepted */
} rows[] = {
	{"its own name", HOST, {.cn = "x", .san = "DNS:" HOST}, ROOT, NULL},
	{"one name of several", HOST, {.cn = "x", .san = "DNS:a.example,DNS:IMAP.Example.ORG"},
		ROOT, NULL},
	{"a wildcard", HOST, {.cn = "x", .san = "DNS:*.example.org"}, ROOT, NULL},
	{"an address", "127.0.0.1", {.cn = "x", .san = "IP:127.0.0.1"}, ROOT, NULL},
	{"an IPv6 address", "::1", {.cn = "x", .san = "IP:::1"}, ROOT, NULL},
	{"an intermediate", HOST, {.cn = "x", .san = "DNS:" HOST}, INTERMEDIATE, NULL},
	{"RSA with 2048 bits", HOST, {.cn = "x", .san = "DNS:" HOST, .rsa_bits = 2048}, ROOT, NULL},

	{"expired", HOST, {.cn = "x", .san = "DNS:" HOST, .from = -9000, .to = -8000}, ROOT,
		"its certificate expired on "},
	{"not yet valid", HOST, {.cn = "x", .san = "DNS:" HOST, .from = 10, .to = 20}, ROOT,
		"its certificate is not valid before "},
	{"self-signed", HOST, {.cn = "x", .san = "DNS:" HOST}, ITSELF,
		"its certificate is signed by itself, and neither ca_file nor pin names it"},
	{"wrong host", HOST, {.cn = "x", .san = "DNS:mail.example.org"}, ROOT,
		"its certificate is not for " HOST ", it names mail.example.org"},
	{"a name that only begins alike", HOST, {.cn = "x", .san = "DNS:" HOST ".evil.example"},
		ROOT, "its certificate is not for " HOST ", it names " HOST ".evil.example"},
	{"a common name only", HOST, {.cn = HOST}, ROOT,
		"its certificate is not for " HOST
		", it names no host at all (a common name is none)"},
	{"a wildcard for two levels", "a.b.example.org", {.cn = "x", .san = "DNS:*.example.org"},
		ROOT, "its certificate is not for a.b.example.org, it names *.example.org"},
	{"a wildcard within a level", HOST, {.cn = "x", .san = "DNS:i*.example.org"}, ROOT,
		"its certificate is not for " HOST ", it names i*.example.org"},
	{"NUL in the name", HOST, {.cn = "x", .san = HOST "\0.evil.example", .raw_san = 30}, ROOT,
		"its certificate is not for " HOST ", it names " HOST "\\x00.evil.example"},
	{"an address as a name", "127.0.0.1", {.cn = "x", .san = "DNS:127.0.0.1"}, ROOT,
		"its certificate is not for 127.0.0.1, it names 127.0.0.1"},
	{"another address", "127.0.0.1", {.cn = "x", .san = "DNS:localhost,IP:127.0.0.2,IP:::1"},
		ROOT,
		"its certificate is not for 127.0.0.1, it names localhost, 127.0.0.2, "
		"0:0:0:0:0:0:0:1"},
	{"for clients", HOST, {.cn = "x", .san = "DNS:" HOST, .eku = "clientAuth"}, ROOT,
		"its certificate is not meant for a server"},
	{"an unknown issuer", HOST, {.cn = "x", .san = "DNS:" HOST}, STRANGER,
		"its certificate's issuer is not one that is trusted"},
	{"an untrusted intermediate", HOST, {.cn = "x", .san = "DNS:" HOST}, STRANGERS_INTERMEDIATE,
		"its certificate's issuer is not one that is trusted"},
	{"issued by a server", HOST, {.cn = "x", .san = "DNS:" HOST}, A_LEAF,
		"its certificate was issued by one that may not issue any"},
	{"SHA-1", HOST, {.cn = "x", .san = "DNS:" HOST, .digest = "SHA1"}, ROOT,
		"its certificate's signature is too weak (SHA-1, or MD5)"},
	{"RSA with 1024 bits", HOST, {.cn = "x", .san = "DNS:" HOST, .rsa_bits = 1024}, ROOT,
		"its certificate's key is too weak"},
};

static struct cert *make(const struct row *row)
{
	struct cert_spec spec = row->spec;
	spec.issuer = issuers[row->by];
	return cert_make(&spec);
}

/* What the client called the server in its hello; "" = nothing. */
static char asked_for[64];

static int note_name(SSL *ssl, int *alert, void *arg)
{
	(void)alert, (void)arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	snprintf(asked_for, sizeof asked_for, "%s", name != NULL ? name : "");
	return SSL_TLSEXT_ERR_OK;
}

static void each_certificate_is_accepted_or_refused_for_its_own_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		struct error err;
		struct cert *cert = make(row);
		SSL_CTX *server = cert_server(cert);
		SSL_CTX_set_tlsext_servername_callback(server, note_name);
		meet(server, &(struct tls_policy){.host = row->host, .ca_file = ca_file},
			plain_talk, &brisk, &err);
		SSL_CTX_free(server);
		cert_free(cert);
		bool address = strpbrk(row->host, "ghijklmnopqrstuvwxyz") == NULL;
		assert_string_equal(asked_for, address ? "" : row->host);

		char wanted[400] = "";
		if (row->says != NULL)
			snprintf(wanted, sizeof wanted, "TLS with 127.0.0.1 was refused: %s",
				row->says);
		size_t n = strlen(wanted);
		bool dated = n > 0 && wanted[n - 1] == ' '; /* a date follows */
		if (dated ? strncmp(err.text, wanted, n) != 0 || strlen(err.text) != n + 10
			  : strcmp(err.text, wanted) != 0)
			fail_msg("%s: '%s', where '%s' was due", row->what, err.text, wanted);
		if (row->says != NULL) {
			assert_int_equal(err.scope, ERROR_STORE);
			assert_int_equal(err.cause, CAUSE_SIGNIN);
			assert_false(err.transient);
		}
	}
}

static void without_a_ca_file_the_system_decides(void **state)
{
	(void)state;
	struct error err;
	struct cert *cert = make(&rows[0]);
	SSL_CTX *server = cert_server(cert);
	meet(server, &(struct tls_policy){.host = HOST}, plain_talk, &brisk, &err);
	assert_error(err, ERROR_STORE,
		"TLS with 127.0.0.1 was refused: its certificate's issuer is not one that is "
		"trusted");
	SSL_CTX_free(server);
	cert_free(cert);
}

static void a_ca_file_may_hold_the_servers_own_certificate(void **state)
{
	(void)state;
	struct error err;
	char own[] = "/tmp/mailtwin-own-XXXXXX";
	close(mkstemp(own));
	for (int i = 0; i < 2; i++) {
		struct cert *cert = cert_make(&(struct cert_spec){.cn = "x",
			.san = "DNS:" HOST,
			.issuer = issuers[i == 0 ? ITSELF : STRANGER]});
		cert_write(own, cert, false);
		SSL_CTX *server = cert_server(cert);
		meet(server, &(struct tls_policy){.host = HOST, .ca_file = own}, plain_talk, &brisk,
			&err);
		assert_string_equal(err.text, "");
		meet(server, &(struct tls_policy){.host = "other.example", .ca_file = own},
			plain_talk, &brisk, &err);
		assert_error(err, ERROR_STORE,
			"TLS with 127.0.0.1 was refused: its certificate is not for other.example, "
			"it names " HOST);
		SSL_CTX_free(server);
		cert_free(cert);
	}
	unlink(own);
}

static void a_missing_ca_file_is_a_mistake_in_the_configuration(void **state)
{
	(void)state;
	struct error err;
	meet(NULL, &(struct tls_policy){.host = HOST, .ca_file = "/nonexistent/ca.pem"}, "end\n",
		&brisk, &err);
	assert_error(err, ERROR_STORE,
		"cannot use the ca_file '/nonexistent/ca.pem': No such file or directory");
	assert_int_equal(err.cause, CAUSE_CONFIG);
}

/* ---- pins ---- */

static void a_pin_trusts_one_key_and_no_other(void **state)
{
	(void)state;
	struct error err;
	uint8_t pin[32];
	struct cert *cert = cert_make(&(struct cert_spec){.cn = "x", .from = -20, .to = -10});
	SSL_CTX *server = cert_server(cert);
	cert_pin(cert, pin);
	meet(server, &(struct tls_policy){.host = HOST, .pin = pin}, plain_talk, &brisk, &err);
	assert_string_equal(err.text, "");

	struct tls_policy both = {.host = HOST, .pin = pin, .ca_file = ca_file};
	meet(server, &both, plain_talk, &brisk, &err);
	assert_error(err, ERROR_STORE,
		"TLS with 127.0.0.1 was refused: its certificate is signed by itself, and neither "
		"ca_file nor pin names it");

	pin[31] ^= 1;
	meet(server, &(struct tls_policy){.host = HOST, .pin = pin}, plain_talk, &brisk, &err);
	const char *says =
		"TLS with 127.0.0.1 was refused: its public key is not the pinned one but "
		"sha256//";
	assert_memory_equal(err.text, says, strlen(says));
	assert_int_equal(strlen(err.text), strlen(says) + 44);
	assert_int_equal(err.cause, CAUSE_SIGNIN);
	SSL_CTX_free(server);
	cert_free(cert);
}

static void a_pin_beside_a_ca_file_narrows_it(void **state)
{
	(void)state;
	struct error err;
	uint8_t pin[32];
	struct cert *cert = make(&rows[0]);
	SSL_CTX *server = cert_server(cert);
	cert_pin(cert, pin);
	struct tls_policy both = {.host = HOST, .pin = pin, .ca_file = ca_file};
	meet(server, &both, plain_talk, &brisk, &err);
	assert_string_equal(err.text, "");
	both.host = "other.example";
	meet(server, &both, plain_talk, &brisk, &err);
	assert_error(err, ERROR_STORE,
		"TLS with 127.0.0.1 was refused: its certificate is not for other.example, it "
		"names " HOST);
	both = (struct tls_policy){.host = HOST, .pin = (uint8_t[32]){0}, .ca_file = ca_file};
	meet(server, &both, plain_talk, &brisk, &err);
	assert_int_equal(err.cause, CAUSE_SIGNIN);
	SSL_CTX_free(server);
	cert_free(cert);
}

/* ---- protocol ---- */

static void a_server_of_the_past_is_refused(void **state)
{
	/* B12 */
	(void)state;
	struct error err;
	struct cert *cert = make(&rows[0]);
	SSL_CTX *server = cert_server(cert);
	SSL_CTX_set_max_proto_version(server, TLS1_1_VERSION);
	meet(server, &(struct tls_policy){.host = HOST, .ca_file = ca_file}, plain_talk, &brisk,
		&err);
	assert_error(
		err, ERROR_STORE, "TLS with 127.0.0.1 was refused: tlsv1 alert protocol version");
	assert_int_equal(err.cause, CAUSE_SIGNIN);
	SSL_CTX_free(server);
	cert_free(cert);
}

static void a_server_without_certificate_is_refused(void **state)
{
	(void)state;
	struct error err;
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(server, 0);
	SSL_CTX_set_max_proto_version(server, TLS1_2_VERSION);
	assert_int_equal(SSL_CTX_set_cipher_list(server, "aNULL:eNULL"), 1);
	meet(server, &(struct tls_policy){.host = HOST, .ca_file = ca_file}, plain_talk, &brisk,
		&err);
	assert_error(
		err, ERROR_STORE, "TLS with 127.0.0.1 was refused: sslv3 alert handshake failure");
	assert_int_equal(err.cause, CAUSE_SIGNIN);
	SSL_CTX_free(server);
}

static void a_handshake_that_stalls_is_given_up(void **state)
{
	(void)state;
	struct error err;
	meet(NULL, &(struct tls_policy){.host = HOST}, "deaf\n", &hasty, &err);
	assert_error(err, ERROR_STORE, "127.0.0.1 took more than 1 s for the TLS handshake");
	assert_int_equal(err.cause, CAUSE_NETWORK);
	assert_true(err.transient);
}

static void a_server_that_does_not_speak_tls_is_told(void **state)
{
	(void)state;
	struct error err;
	meet(NULL, &(struct tls_policy){.host = HOST}, "S: * OK IMAP4rev1 ready\n", &brisk, &err);
	assert_error(err, ERROR_STORE, "TLS with 127.0.0.1 was refused: wrong version number");
	assert_int_equal(err.cause, CAUSE_SIGNIN);
}

static void plain_text_before_the_handshake_is_refused(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start("S: injected\nend\n", NULL);
	struct conn *conn = conn_dial("127.0.0.1", script_port(script), &brisk, &err);
	assert_true(conn_fill(conn, &err));
	assert_false(conn_start_tls(conn, &(struct tls_policy){.host = HOST}, &err));
	assert_error(err, ERROR_STORE,
		"TLS with 127.0.0.1 was refused: plain text was sent where TLS was to begin");
	assert_int_equal(err.cause, CAUSE_SIGNIN);
	conn_close(conn);
	char *failure = script_finish(script);
	assert_null(failure);
}

static void a_stream_that_is_cut_is_no_end(void **state)
{
	/* B13 */
	(void)state;
	struct error err;
	struct cert *cert = make(&rows[0]);
	SSL_CTX *server = cert_server(cert);
	meet(server, &(struct tls_policy){.host = HOST, .ca_file = ca_file}, "tls\nC: hello\n",
		&brisk, &err);
	assert_error(err, ERROR_STORE, "127.0.0.1 closed the connection");
	assert_int_equal(err.cause, CAUSE_NETWORK);
	SSL_CTX_free(server);
	cert_free(cert);
}

#define SIXTEEN "0123456789abcdef"
#define BLOCK	SIXTEEN SIXTEEN SIXTEEN SIXTEEN SIXTEEN SIXTEEN SIXTEEN SIXTEEN

static void much_goes_both_ways_within_tls(void **state)
{
	(void)state;
	enum { OURS = 8 * 1024 * 1024, THEIRS = 3 * 1024 * 1024 };
	struct error err = {0};
	struct cert *cert = make(&rows[0]);
	SSL_CTX *server = cert_server(cert);
	struct script *script =
		script_start("tls\nrepeat 3072 " BLOCK BLOCK BLOCK BLOCK BLOCK BLOCK BLOCK BLOCK
			     "\ntake 8388608\nS: done\n",
			server);
	struct conn *conn = conn_dial("127.0.0.1", script_port(script), &brisk, &err);
	struct tls_policy policy = {.host = HOST, .ca_file = ca_file};
	assert_true(conn_start_tls(conn, &policy, &err));
	assert_true(conn_is_tls(conn));
	assert_memory_equal(conn_tls_text(conn), "TLS 1.3, TLS_", 13);

	char *ours = calloc(1, OURS);
	assert_true(conn_write(conn, ours, OURS, &err) && conn_flush(conn, &err));
	free(ours);
	const uint8_t *data;
	size_t n = 0;
	for (size_t at = 0; at < THEIRS + 6; at += n) {
		conn_peek(conn, &data, &n);
		if (n == 0 && !conn_fill(conn, &err))
			fail_msg("%s", err.text);
		conn_peek(conn, &data, &n);
		for (size_t i = 0; i < n && at + i < THEIRS; i++)
			assert_int_equal(data[i], SIXTEEN[(at + i) % 16]);
		conn_consume(conn, n);
	}
	assert_true(conn_bytes_in(conn) > THEIRS && conn_bytes_out(conn) > OURS);
	conn_close(conn);
	char *failure = script_finish(script);
	if (failure != NULL)
		fail_msg("%s", failure);
	SSL_CTX_free(server);
	cert_free(cert);
}

/* ---- client certificates ---- */

static void a_client_certificate_is_shown_and_its_refusal_told(void **state)
{
	(void)state;
	struct error err;
	char own[] = "/tmp/mailtwin-client-XXXXXX";
	close(mkstemp(own));
	struct cert *cert = make(&rows[0]);
	SSL_CTX *server = cert_server(cert);
	SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(server), issuers[ROOT]->x509);
	struct tls_policy policy = {.host = HOST, .ca_file = ca_file, .client_cert = own};
	static const enum issuer by[] = {ROOT, STRANGER};
	for (int i = 0; i < 2; i++) {
		struct cert *mine = cert_make(&(struct cert_spec){
			.cn = "ann", .eku = "clientAuth", .issuer = issuers[by[i]]});
		cert_write(own, mine, true);
		meet(server, &policy, plain_talk, &brisk, &err);
		assert_string_equal(err.text,
			i == 0 ? ""
			       : "127.0.0.1 refused the client certificate, or wants one: tlsv1 "
				 "alert unknown ca");
		cert_free(mine);
	}
	policy.client_cert = NULL;
	meet(server, &policy, plain_talk, &brisk, &err);
	assert_error(err, ERROR_STORE,
		"127.0.0.1 refused the client certificate, or wants one: tlsv13 alert certificate "
		"required");
	assert_int_equal(err.cause, CAUSE_SIGNIN);

	policy.client_cert = "/nonexistent/ann.pem";
	meet(server, &policy, "end\n", &brisk, &err);
	assert_error(err, ERROR_STORE,
		"cannot use the client_cert '/nonexistent/ann.pem': No such file or directory");
	assert_int_equal(err.cause, CAUSE_CONFIG);
	unlink(own);
	SSL_CTX_free(server);
	cert_free(cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_certificate_is_accepted_or_refused_for_its_own_reason),
		cmocka_unit_test(without_a_ca_file_the_system_decides),
		cmocka_unit_test(a_ca_file_may_hold_the_servers_own_certificate),
		cmocka_unit_test(a_missing_ca_file_is_a_mistake_in_the_configuration),
		cmocka_unit_test(a_pin_trusts_one_key_and_no_other),
		cmocka_unit_test(a_pin_beside_a_ca_file_narrows_it),
		cmocka_unit_test(a_server_of_the_past_is_refused),
		cmocka_unit_test(a_server_without_certificate_is_refused),
		cmocka_unit_test(a_handshake_that_stalls_is_given_up),
		cmocka_unit_test(a_server_that_does_not_speak_tls_is_told),
		cmocka_unit_test(plain_text_before_the_handshake_is_refused),
		cmocka_unit_test(a_stream_that_is_cut_is_no_end),
		cmocka_unit_test(much_goes_both_ways_within_tls),
		cmocka_unit_test(a_client_certificate_is_shown_and_its_refusal_told),
	};
	return cmocka_run_group_tests_name("tls", tests, make_issuers, free_issuers);
}
