#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs.h"
#include "imap/credentials.h"
#include "imap/session.h"
#include "imap/session_private.h"
#include "net/layers.h"
#include "script.h"

static struct store_config config_for(uint16_t port)
{
	return (struct store_config){.name = "work",
		.kind = "imap",
		.imap = {.host = "127.0.0.1",
			.port = port,
			.user = "ann@example.org",
			.password = {.source = SECRET_LITERAL, .value = "s3cret"},
			.tls = TLS_NONE,
			.connections = 1,
			.timeout = 5}};
}

/* ---- which way is taken, and what is said on it ---- */

#define IN	  "[CAPABILITY IMAP4rev1] in"
#define PLAIN_ANN "AGFubkBleGFtcGxlLm9yZwBzM2NyZXQ=" /* NUL ann@example.org NUL s3cret */

static const char *const only_plain[] = {"PLAIN", NULL};
static const char *const only_login[] = {"LOGIN", NULL};
static const char *const only_scram[] = {"SCRAM-SHA-256", NULL};
static const char *const plain_then_cram[] = {"PLAIN", "CRAM-MD5", NULL};
static const char *const only_xoauth2[] = {"XOAUTH2", NULL};

static const struct row {
	const char *what;
	const char *offers; /* of the greeting */
	const char *script; /* behind the greeting */
	const char *says;   /* NULL: signed in */
	enum error_cause cause;
	const char *const *auth;
	const char *user, *master, *password, *token;
	bool certificate;
} rows[] = {
	{"LOGIN where nothing is offered", "",
		"C: A1 LOGIN ann@example.org s3cret\n"
		"S: A1 OK " IN "\n",
		.says = NULL},
	{"LOGIN, where quotes are needed", "",
		"C: A1 LOGIN \"ann b\" \"a\\\\\"b\\\\\\\\c\"\n"
		"S: A1 OK " IN "\n",
		.user = "ann b", .password = "a\"b\\c"},
	{"LOGIN, where a literal is needed", "",
		"C: A1 LOGIN ann@example.org {3}\n"
		"S: + \n"
		"C: \\xc3\\xa9x\n"
		"S: A1 OK " IN "\n",
		.password = "\303\251x"},
	{"LOGIN, whose literal is refused", "",
		"C: A1 LOGIN ann@example.org {3}\n"
		"S: A1 NO no 8-bit here\n"
		"end\n",
		.password = "\303\251x",
		.says = "127.0.0.1 refused the sign-in of ann@example.org: no 8-bit here",
		.cause = CAUSE_SIGNIN},
	{"PLAIN at once", "SASL-IR AUTH=PLAIN",
		"C: A1 AUTHENTICATE PLAIN " PLAIN_ANN "\n"
		"S: A1 OK " IN "\n",
		.says = NULL},
	{"PLAIN when asked", "AUTH=PLAIN",
		"C: A1 AUTHENTICATE PLAIN\n"
		"S: + \n"
		"C: " PLAIN_ANN "\n"
		"S: A1 OK " IN "\n",
		.says = NULL},
	{"PLAIN, asked without the blank", "AUTH=PLAIN",
		"C: A1 AUTHENTICATE PLAIN\n"
		"S: +\n"
		"C: " PLAIN_ANN "\n"
		"S: A1 OK " IN "\n",
		.says = NULL},
	{"the strongest without TLS", "SASL-IR AUTH=PLAIN AUTH=CRAM-MD5",
		"C: A1 AUTHENTICATE CRAM-MD5\n"
		"S: + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\n"
		"C: YW5uQGV4YW1wbGUub3JnIGU2YzI0ZGVlYzFhYWQyOWM0YzUyM2MxMDNjMDI3YzU2\n"
		"S: A1 OK " IN "\n",
		.says = NULL},
	{"the configuration's order", "SASL-IR AUTH=PLAIN AUTH=CRAM-MD5",
		"C: A1 AUTHENTICATE PLAIN " PLAIN_ANN "\n"
		"S: A1 OK " IN "\n",
		.auth = plain_then_cram},
	{"no second way after a refusal", "SASL-IR AUTH=PLAIN AUTH=CRAM-MD5",
		"C: A1 AUTHENTICATE PLAIN " PLAIN_ANN "\n"
		"S: A1 NO no\n"
		"end\n",
		.auth = plain_then_cram,
		.says = "127.0.0.1 refused the sign-in of ann@example.org: no",
		.cause = CAUSE_SIGNIN},
	{"a master", "SASL-IR AUTH=PLAIN",
		"C: A1 AUTHENTICATE PLAIN YW5uQGV4YW1wbGUub3JnAGFkbWluAHMzY3JldA==\n"
		"S: A1 OK " IN "\n",
		.master = "admin"},
	{"a master, and only LOGIN", "", "end\n", .master = "admin",
		.says = "cannot sign in to 127.0.0.1: it offers LOGIN, and the configuration wants "
			"another way",
		.cause = CAUSE_SIGNIN},
	{"another way than is offered", "AUTH=PLAIN", "end\n", .auth = only_scram,
		.says = "cannot sign in to 127.0.0.1: it offers PLAIN, LOGIN, and the "
			"configuration "
			"wants another way",
		.cause = CAUSE_SIGNIN},
	{"LOGINDISABLED (B18)", "LOGINDISABLED", "end\n", .auth = only_login,
		.says = "cannot sign in to 127.0.0.1: it offers no way that is known here",
		.cause = CAUSE_SIGNIN},
	{"no password", "AUTH=PLAIN", "end\n", .password = "",
		.says = "cannot sign in to 127.0.0.1: the configuration has no user and password "
			"for it",
		.cause = CAUSE_SIGNIN},
	{"EXTERNAL", "SASL-IR AUTH=EXTERNAL AUTH=PLAIN",
		"C: A1 AUTHENTICATE EXTERNAL YW5uQGV4YW1wbGUub3Jn\n"
		"S: A1 OK " IN "\n",
		.password = "", .certificate = true},
	{"EXTERNAL, and the certificate says who", "SASL-IR AUTH=EXTERNAL",
		"C: A1 AUTHENTICATE EXTERNAL =\n"
		"S: A1 OK " IN "\n",
		.password = "", .user = "", .certificate = true},
	{"EXTERNAL, empty, when asked", "AUTH=EXTERNAL",
		"C: A1 AUTHENTICATE EXTERNAL\n"
		"S: + \n"
		"C: \n"
		"S: A1 OK " IN "\n",
		.password = "", .user = "", .certificate = true},

	{"OAUTHBEARER", "SASL-IR AUTH=OAUTHBEARER AUTH=XOAUTH2 AUTH=PLAIN",
		"C: A1 AUTHENTICATE OAUTHBEARER ...\n"
		"S: A1 OK " IN "\n",
		.token = "t0ken", .password = ""},
	{"a token goes before a password", "SASL-IR AUTH=XOAUTH2 AUTH=PLAIN",
		"C: A1 AUTHENTICATE XOAUTH2 "
		"dXNlcj1hbm5AZXhhbXBsZS5vcmcBYXV0aD1CZWFyZXIgdDBrZW4BAQ==\n"
		"S: A1 OK " IN "\n",
		.token = "t0ken"},
	{"XOAUTH2 refused", "SASL-IR AUTH=XOAUTH2",
		"C: A1 AUTHENTICATE XOAUTH2 ...\n"
		"S: + eyJzdGF0dXMiOiI0MDAifQ==\n"
		"C: \n"
		"S: A1 NO SASL authentication failed\n"
		"end\n",
		.token = "t0ken", .auth = only_xoauth2,
		.says = "127.0.0.1 refused the sign-in of ann@example.org: SASL authentication "
			"failed "
			"{\"status\":\"400\"}",
		.cause = CAUSE_SIGNIN},
	{"OAUTHBEARER refused", "SASL-IR AUTH=OAUTHBEARER",
		"C: A1 AUTHENTICATE OAUTHBEARER ...\n"
		"S: + eyJzdGF0dXMiOiI0MDAifQ==\n"
		"C: AQ==\n"
		"S: A1 NO failed\n"
		"end\n",
		.token = "t0ken",
		.says = "127.0.0.1 refused the sign-in of ann@example.org: failed "
			"{\"status\":\"400\"}",
		.cause = CAUSE_SIGNIN},

	{"a wrong password", "",
		"C: A1 LOGIN ann@example.org s3cret\n"
		"S: A1 NO [AUTHENTICATIONFAILED] wrong\n"
		"end\n",
		.says = "127.0.0.1 refused the sign-in of ann@example.org: wrong",
		.cause = CAUSE_SIGNIN},
	{"a short name", "",
		"C: A1 LOGIN ann s3cret\n"
		"S: A1 NO wrong\n"
		"end\n",
		.user = "ann",
		.says = "127.0.0.1 refused the sign-in of ann: wrong; try the whole address as the "
			"user",
		.cause = CAUSE_SIGNIN},
	{"a server that says the password back", "",
		"C: A1 LOGIN ann@example.org s3cret\n"
		"S: A1 NO not s3cret, s3cret!\n"
		"end\n",
		.says = "127.0.0.1 refused the sign-in of ann@example.org: not ******, ******!",
		.cause = CAUSE_SIGNIN},
	{"a server that is ill", "",
		"C: A1 LOGIN ann s3cret\n"
		"S: A1 NO [UNAVAILABLE] later\n"
		"end\n",
		.user = "ann", .says = "127.0.0.1 refused the sign-in of ann: later",
		.cause = CAUSE_NETWORK},
	{"too many at once", "",
		"C: A1 LOGIN ann@example.org s3cret\n"
		"S: A1 NO [ALERT] Too many simultaneous connections. (Failure)\n"
		"end\n",
		.says = "127.0.0.1 refused the sign-in of ann@example.org: Too many simultaneous "
			"connections. (Failure)",
		.cause = CAUSE_NETWORK},
	{"a referral (B10)", "",
		"C: A1 LOGIN ann@example.org s3cret\n"
		"S: A1 NO [REFERRAL imap://evil/] there\n"
		"end\n",
		.says = "127.0.0.1 refused the sign-in of ann@example.org: there",
		.cause = CAUSE_SIGNIN},
	{"BAD", "SASL-IR AUTH=PLAIN",
		"C: A1 AUTHENTICATE PLAIN " PLAIN_ANN "\n"
		"S: A1 BAD what\n"
		"end\n",
		.says = "127.0.0.1 refused the sign-in of ann@example.org: what",
		.cause = CAUSE_SIGNIN},

	{"a challenge more than PLAIN has", "SASL-IR AUTH=PLAIN",
		"C: A1 AUTHENTICATE PLAIN " PLAIN_ANN "\n"
		"S: + AAAA\n"
		"end\n",
		.auth = only_plain,
		.says = "the PLAIN exchange with 127.0.0.1 failed: it asks for more",
		.cause = CAUSE_SIGNIN},
	{"a challenge that is no base64 (B15)", "SASL-IR AUTH=SCRAM-SHA-256",
		"C: A1 AUTHENTICATE SCRAM-SHA-256 ...\n"
		"S: + cj0x!\n"
		"end\n",
		.says = "the SCRAM-SHA-256 exchange with 127.0.0.1 failed: its challenge is not "
			"base64",
		.cause = CAUSE_SIGNIN},
	{"padding alone (B15)", "SASL-IR AUTH=SCRAM-SHA-256",
		"C: A1 AUTHENTICATE SCRAM-SHA-256 ...\n"
		"S: + ====\n"
		"end\n",
		.says = "the SCRAM-SHA-256 exchange with 127.0.0.1 failed: its challenge is not "
			"base64",
		.cause = CAUSE_SIGNIN},
	{"an endless challenge (B15)", "SASL-IR AUTH=SCRAM-SHA-256",
		"C: A1 AUTHENTICATE SCRAM-SHA-256 ...\n"
		"S- + \n"
		"repeat 5000 AAAA\n"
		"S: \n"
		"end\n",
		.says = "the SCRAM-SHA-256 exchange with 127.0.0.1 failed: its challenge is too "
			"long",
		.cause = CAUSE_SIGNIN},
	{"NUL in a challenge (B15)", "SASL-IR AUTH=SCRAM-SHA-256",
		"C: A1 AUTHENTICATE SCRAM-SHA-256 ...\n"
		"S: + cj0AAAAA\n"
		"end\n",
		.says = "the SCRAM-SHA-256 exchange with 127.0.0.1 failed: it tells no iteration "
			"count",
		.cause = CAUSE_SIGNIN},
	{"OK before the server has proven itself (B17)", "SASL-IR AUTH=SCRAM-SHA-256",
		"C: A1 AUTHENTICATE SCRAM-SHA-256 ...\n"
		"S: A1 OK " IN "\n"
		"end\n",
		.says = "the SCRAM-SHA-256 exchange with 127.0.0.1 failed: it did not prove that "
			"it knows "
			"the password",
		.cause = CAUSE_SIGNIN},
};

static struct secret secret_of(const char *given, const char *otherwise)
{
	const char *value = given != NULL ? given : otherwise;
	if (value == NULL || *value == '\0')
		return (struct secret){.source = SECRET_NONE};
	return (struct secret){.source = SECRET_LITERAL, .value = value};
}

static void each_way_is_taken_as_it_is_offered_and_allowed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		struct error err = {0};
		char text[1000];
		snprintf(text, sizeof text,
			"S: * OK [CAPABILITY IMAP4rev1 %s] hi\n"
			"%s%s",
			row->offers, row->script,
			row->says == NULL ? "C: A2 LOGOUT\n"
					    "end\n"
					  : "");
		struct script *script = script_start(text, NULL);
		struct store_config config = config_for(script_port(script));
		config.imap.auth = row->auth;
		config.imap.master = row->master;
		config.imap.password = secret_of(row->password, "s3cret");
		config.imap.token = secret_of(row->token, NULL);
		config.imap.client_cert = row->certificate ? "ann.pem" : NULL;
		if (row->user != NULL)
			config.imap.user = *row->user != '\0' ? row->user : NULL;

		struct credentials *credentials = credentials_fetch(&config, &err);
		assert_non_null(credentials);
		struct imap_session *s = session_open(&config, credentials, &err);
		session_close(s);
		credentials_free(credentials);
		char *failure = script_finish(script);
		if (failure != NULL)
			fail_msg("%s: %s", row->what, failure);
		if (strcmp(err.text, row->says != NULL ? row->says : "") != 0)
			fail_msg("%s: '%s'", row->what, err.text);
		assert_int_equal(err.cause, row->cause);
		assert_int_equal(err.transient, row->cause == CAUSE_NETWORK);
	}
}

/* ---- TLS, and its absence ---- */

static void behind_a_checked_certificate_plain_saves_the_trips(void **state)
{
	(void)state;
	struct error err = {0};
	char ca_file[] = "/tmp/mailtwin-ca-XXXXXX";
	struct cert *cert = cert_make(&(struct cert_spec){.cn = "x", .san = "IP:127.0.0.1"});
	SSL_CTX *server = cert_server(cert);
	close(mkstemp(ca_file));
	cert_write(ca_file, cert, false);
	struct script *script = script_start(
		"tls\n"
		"S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN] hi\n"
		"C: A1 AUTHENTICATE PLAIN " PLAIN_ANN "\n"
		"S: A1 OK " IN "\n"
		"C: A2 LOGOUT\n"
		"end\n",
		server);
	struct store_config config = config_for(script_port(script));
	config.imap.tls = TLS_IMPLICIT;
	config.imap.ca_file = ca_file;
	struct credentials *credentials = credentials_fetch(&config, &err);
	struct imap_session *s = session_open(&config, credentials, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(session_round_trips(s), 1);
	assert_memory_equal(session_describe(s), "PLAIN, TLS 1.3, TLS_", 20);
	session_close(s);
	credentials_free(credentials);
	char *failure = script_finish(script);
	assert_null(failure);
	unlink(ca_file);
	SSL_CTX_free(server);
	cert_free(cert);
}

/* A session over a socket that leads, for all it knows, across the world. */
static struct imap_session *far_away(const struct store_config *config,
	struct credentials *credentials, struct script **script, const char *text)
{
	int fd[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	*script = script_start_on(text, fd[1]);
	struct imap_session *s = session_new(config, credentials);
	s->conn = conn_new(fd[0], "imap.example.org",
		&(struct conn_limits){.connect = 5, .handshake = 5, .idle = 5});
	return s;
}

static void without_tls_nothing_that_reveals_the_password_goes_far(void **state)
{
	(void)state;
	static const struct {
		const char *script;
		const char *says;
		const char *const *auth;
	} far[] = {
		{"S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN] hi\n"
		 "end\n",
			"cannot sign in to 127.0.0.1: with TLS off, the password would be sent in "
			"clear",
			NULL},
		{"S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\n"
		 "end\n",
			"cannot sign in to 127.0.0.1: with TLS off, the password would be sent in "
			"clear",
			only_plain},
		{"S: * OK [CAPABILITY IMAP4rev1] hi\n"
		 "end\n",
			"cannot sign in to 127.0.0.1: with TLS off, the password would be sent in "
			"clear",
			only_login},
		{"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=CRAM-MD5] hi\n"
		 "C: A1 AUTHENTICATE CRAM-MD5\n"
		 "S: A1 NO no\n"
		 "end\n",
			"127.0.0.1 refused the sign-in of ann@example.org: no", NULL},
	};
	for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
		struct error err = {0};
		struct script *script;
		struct store_config config = config_for(143);
		config.imap.auth = far[i].auth;
		struct credentials *credentials = credentials_fetch(&config, &err);
		struct imap_session *s = far_away(&config, credentials, &script, far[i].script);
		assert_false(signin_run(s, &err));
		assert_error(err, ERROR_STORE, far[i].says);
		assert_int_equal(err.cause, CAUSE_SIGNIN);
		session_close(s);
		credentials_free(credentials);
		char *failure = script_finish(script);
		assert_null(failure);
	}
}

static void a_tunnels_program_may_have_the_password(void **state)
{
	(void)state;
	struct error err = {0};
	static const char *const tunnel[] = {"sh", "-c",
		"echo '* OK [CAPABILITY IMAP4rev1] hi'; read -r tag rest; "
		"case $rest in 'LOGIN ann@example.org s3cret'*) "
		"echo 'A1 OK [CAPABILITY IMAP4rev1] in';; *) echo \"* BYE $rest\";; esac; read -r "
		"x",
		NULL};
	struct store_config config = config_for(143);
	config.imap.tunnel = tunnel;
	struct credentials *credentials = credentials_fetch(&config, &err);
	struct imap_session *s = session_open(&config, credentials, &err);
	assert_string_equal(err.text, "");
	assert_string_equal(session_describe(s), "LOGIN, a tunnel");
	session_close(s);
	credentials_free(credentials);
}

/* ---- tokens that live for an hour ---- */

static void a_token_that_has_expired_is_fetched_anew_once(void **state)
{
	(void)state;
	static const struct {
		const char *second;
		const char *script;
		const char *says;
	} cases[] = {
		{"new",
			"C: A2 AUTHENTICATE XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIG5ldwEB\n"
			"S: A2 OK " IN "\n",
			""},
		{"new",
			"C: A2 AUTHENTICATE XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIG5ldwEB\n"
			"S: A2 NO really\n"
			"end\n",
			"127.0.0.1 refused the sign-in of a: really"},
		{"old", "end\n", "127.0.0.1 refused the sign-in of a: expired"},
	};
	for (size_t i = 0; i < 3; i++) {
		struct error err = {0};
		char path[] = "/tmp/mailtwin-token-XXXXXX", text[500];
		int fd = mkstemp(path);
		assert_int_equal(write(fd, "old\n", 4), 4);
		snprintf(text, sizeof text,
			"S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\n"
			"C: A1 AUTHENTICATE XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIG9sZAEB\n"
			"S: A1 NO expired\n"
			"%s",
			cases[i].script);
		struct script *script = script_start(text, NULL);
		struct store_config config = config_for(script_port(script));
		config.imap.user = "a";
		config.imap.token = (struct secret){.source = SECRET_FILE, .value = path};
		struct credentials *credentials = credentials_fetch(&config, &err);
		assert_string_equal(err.text, "");
		assert_int_equal(pwrite(fd, cases[i].second, 3, 0), 3);
		close(fd);
		struct imap_session *s = session_open(&config, credentials, &err);
		assert_string_equal(s == NULL ? err.text : "", cases[i].says);
		session_close(s);
		credentials_free(credentials);
		unlink(path);
		char *failure = script_finish(script);
		if (failure != NULL)
			fail_msg("%s", failure);
	}
}

/* A session of its own, whose script is in ${text}; what it says in the end. */
static void expect_sign_in(struct store_config *config, struct credentials *credentials,
	const char *text, const char *says)
{
	struct error err = {0};
	char all[500];
	snprintf(all, sizeof all, "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\n%s",
		text);
	struct script *script = script_start(all, NULL);
	config->imap.port = script_port(script);
	struct imap_session *s = session_open(config, credentials, &err);
	assert_string_equal(s == NULL ? err.text : "", says);
	session_close(s);
	char *failure = script_finish(script);
	if (failure != NULL)
		fail_msg("%s", failure);
}

static void a_token_that_was_fetched_anew_is_that_of_all_sessions(void **state)
{
	(void)state;
	struct error err = {0};
	char path[] = "/tmp/mailtwin-token-XXXXXX";
	int fd = mkstemp(path);
	assert_int_equal(write(fd, "old\n", 4), 4);
	struct store_config config = config_for(0);
	config.imap.user = "a";
	config.imap.token = (struct secret){.source = SECRET_FILE, .value = path};
	struct credentials *credentials = credentials_fetch(&config, &err);
	assert_non_null(credentials);

	assert_int_equal(pwrite(fd, "new", 3, 0), 3);
	expect_sign_in(&config, credentials,
		"C: A1 AUTHENTICATE XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIG9sZAEB\n"
		"S: A1 NO expired\n"
		"C: A2 AUTHENTICATE XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIG5ldwEB\n"
		"S: A2 OK " IN "\n",
		"");
	expect_sign_in(&config, credentials,
		"C: A1 AUTHENTICATE XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIG5ldwEB\n"
		"S: A1 OK " IN "\n",
		"");
	/* One who was refused with the first one is late: nothing is fetched for them. */
	assert_int_equal(unlink(path), 0);
	assert_string_equal(credentials_renew_token(credentials, &config, "old"), "new");
	assert_null(credentials_renew_token(credentials, &config, "new"));

	/* Whatever a server says back of them is no news. */
	char text[] = "no old, no new";
	credentials_strike_out(credentials, text);
	assert_string_equal(text, "no ***, no ***");
	close(fd);
	credentials_free(credentials);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_way_is_taken_as_it_is_offered_and_allowed),
		cmocka_unit_test(behind_a_checked_certificate_plain_saves_the_trips),
		cmocka_unit_test(without_tls_nothing_that_reveals_the_password_goes_far),
		cmocka_unit_test(a_tunnels_program_may_have_the_password),
		cmocka_unit_test(a_token_that_has_expired_is_fetched_anew_once),
		cmocka_unit_test(a_token_that_was_fetched_anew_is_that_of_all_sessions),
	};
	return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
