#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certs.h"
#include "client.h"
#include "imap/capability.h"

/* ---- from the greeting to the first command ---- */

static SSL_CTX *server_tls;
static char ca_file[] = "/tmp/mailtwin-ca-XXXXXX";
static struct cert *server_cert;

static int make_server(void **state)
{
	(void)state;
	server_cert = cert_make(&(struct cert_spec){.cn = "x", .san = "IP:127.0.0.1"});
	server_tls = cert_server(server_cert);
	close(mkstemp(ca_file));
	cert_write(ca_file, server_cert, false);
	return 0;
}

static int free_server(void **state)
{
	(void)state;
	SSL_CTX_free(server_tls);
	cert_free(server_cert);
	unlink(ca_file);
	return 0;
}

static const struct row {
	const char *what;
	enum tls_mode tls;
	const char *script;
	const char *says; /* NULL: it signs in */
	enum error_cause cause;
} rows[] = {
	{"the plainest server", TLS_NONE,
		"S: * OK hello\n"
		"C: A1 CAPABILITY\n"
		"S: * CAPABILITY IMAP4rev1\n"
		"S: A1 OK\n"
		"C: A2 LOGIN ann@example.org s3cret\n"
		"S: A2 OK\n"
		"C: A3 CAPABILITY\n"
		"S: * CAPABILITY IMAP4rev1\n"
		"S: A3 OK\n"
		"C: A4 LOGOUT\n"
		"end\n",
		NULL, 0},
	{"capabilities that nobody has to ask for", TLS_NONE,
		"S: * OK [CAPABILITY IMAP4rev1] hello\n"
		"C: A1 LOGIN ann@example.org s3cret\n"
		"S: A1 OK [CAPABILITY IMAP4rev1] in\n"
		"C: A2 LOGOUT\n"
		"end\n",
		NULL, 0},
	{"TLS at once", TLS_IMPLICIT,
		"tls\n"
		"S: * OK [CAPABILITY IMAP4rev1] hello\n"
		"C: A1 LOGIN ann@example.org s3cret\n"
		"S: A1 OK [CAPABILITY IMAP4rev1] in\n"
		"C: A2 LOGOUT\n"
		"end\n",
		NULL, 0},
	{"PREAUTH within TLS", TLS_IMPLICIT,
		"tls\n"
		"S: * PREAUTH [CAPABILITY IMAP4rev1] hello\n"
		"C: A1 LOGOUT\n"
		"end\n",
		NULL, 0},
	{"STARTTLS, and what was learnt in clear forgotten (B05)", TLS_STARTTLS,
		"S: * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hello\n"
		"C: A1 STARTTLS\n"
		"S: A1 OK go on\n"
		"tls\n"
		"C: A2 CAPABILITY\n"
		"S: * CAPABILITY IMAP4rev1\n"
		"S: A2 OK\n"
		"C: A3 LOGIN ann@example.org s3cret\n"
		"S: A3 OK [CAPABILITY IMAP4rev1] in\n"
		"C: A4 LOGOUT\n"
		"end\n",
		NULL, 0},
	{"STARTTLS without asking first", TLS_STARTTLS,
		"S: * OK hello\n"
		"C: A1 STARTTLS\n"
		"S: A1 OK go on\n"
		"tls\n"
		"C: A2 CAPABILITY\n"
		"S: * CAPABILITY IMAP4rev1\n"
		"S: A2 OK\n"
		"C: A3 LOGIN ann@example.org s3cret\n"
		"S: A3 OK [CAPABILITY IMAP4rev1] in\n"
		"C: A4 LOGOUT\n"
		"end\n",
		NULL, 0},
	{"data before sign-in is nobody's (B06)", TLS_NONE,
		"S: * OK [CAPABILITY IMAP4rev1] hello\n"
		"S: * LIST () \"/\" evil\n"
		"S: * 5 FETCH (UID 7 FLAGS ())\n"
		"S: * 9 EXPUNGE\n"
		"S: * STATUS evil (MESSAGES 3)\n"
		"S: * 1 FETCH (BODY[] {3}\n"
		"S- abc\n"
		"S: )\n"
		"C: A1 LOGIN ann@example.org s3cret\n"
		"S: A1 OK [CAPABILITY IMAP4rev1] in\n"
		"C: A2 LOGOUT\n"
		"end\n",
		NULL, 0},

	{"PREAUTH where TLS was to come (B01)", TLS_STARTTLS,
		"S: * PREAUTH [CAPABILITY IMAP4rev1] hello\n"
		"end\n",
		"TLS with 127.0.0.1 was refused: it signed us in before TLS could begin, which an "
		"attacker could have done",
		CAUSE_SIGNIN},
	{"PREAUTH that offers STARTTLS (B01)", TLS_STARTTLS,
		"S: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\n"
		"end\n",
		"TLS with 127.0.0.1 was refused: it signed us in before TLS could begin, which an "
		"attacker could have done",
		CAUSE_SIGNIN},
	{"no STARTTLS (B02)", TLS_STARTTLS,
		"S: * OK [CAPABILITY IMAP4rev1] hello\n"
		"end\n",
		"TLS with 127.0.0.1 was refused: it does not offer STARTTLS", CAUSE_SIGNIN},
	{"STARTTLS refused: NO (B03)", TLS_STARTTLS,
		"S: * OK hello\n"
		"C: A1 STARTTLS\n"
		"S: A1 NO\n"
		"end\n",
		"TLS with 127.0.0.1 was refused: it refused STARTTLS", CAUSE_SIGNIN},
	{"STARTTLS refused: BAD (B03)", TLS_STARTTLS,
		"S: * OK hello\n"
		"C: A1 STARTTLS\n"
		"S: A1 BAD what\n"
		"end\n",
		"TLS with 127.0.0.1 was refused: it refused STARTTLS", CAUSE_SIGNIN},
	{"STARTTLS answered with another word (B03)", TLS_STARTTLS,
		"S: * OK hello\n"
		"C: A1 STARTTLS\n"
		"S: A1 HELLO\n"
		"end\n",
		"127.0.0.1 broke the protocol: a line that is no response", CAUSE_SIGNIN},
	{"STARTTLS answered with + (B03)", TLS_STARTTLS,
		"S: * OK hello\n"
		"C: A1 STARTTLS\n"
		"S: + go on\n"
		"end\n",
		"127.0.0.1 broke the protocol: a '+' that was not due", CAUSE_SIGNIN},
	{"STARTTLS answered with another tag (B03)", TLS_STARTTLS,
		"S: * OK hello\n"
		"C: A1 STARTTLS\n"
		"S: A2 OK go on\n"
		"end\n",
		"127.0.0.1 broke the protocol: a reply to 'A2', which it was not asked",
		CAUSE_SIGNIN},
	{"a reply put before TLS by somebody else (B04)", TLS_STARTTLS,
		"S: * OK hello\n"
		"C: A1 STARTTLS\n"
		"S: A1 OK go on\\r\\nA2 OK [CAPABILITY AUTH=PLAIN] hi\n"
		"end\n",
		"TLS with 127.0.0.1 was refused: plain text was sent where TLS was to begin",
		CAUSE_SIGNIN},

	{"BYE (B07)", TLS_NONE,
		"S: * BYE too many connections\n"
		"end\n",
		"127.0.0.1 ended the session: too many connections", CAUSE_NETWORK},
	{"a referral is not followed (B10)", TLS_NONE,
		"S: * BYE [REFERRAL imap://evil/] go there\n"
		"end\n",
		"127.0.0.1 ended the session: go there", CAUSE_NETWORK},
	{"NO (B07)", TLS_NONE,
		"S: * NO not today\n"
		"end\n",
		"127.0.0.1 broke the protocol: this is not how an IMAP server greets",
		CAUSE_NETWORK},
	{"BAD (B07)", TLS_NONE,
		"S: * BAD\n"
		"end\n",
		"127.0.0.1 broke the protocol: this is not how an IMAP server greets",
		CAUSE_NETWORK},
	{"a web server (B07)", TLS_NONE,
		"S: HTTP/1.1 400 Bad Request\n"
		"S: \n"
		"end\n",
		"127.0.0.1 broke the protocol: a line that is no response", CAUSE_NETWORK},
	{"a continuation (B07)", TLS_NONE,
		"S: + hello\n"
		"end\n",
		"127.0.0.1 broke the protocol: this is not how an IMAP server greets",
		CAUSE_NETWORK},
	{"a server that wants TLS (B07)", TLS_NONE, "S- \\x15\\x03\\x01\\0\\x02\\x02\\x0a\n",
		"127.0.0.1 broke the protocol: a NUL outside of a literal", CAUSE_NETWORK},
	{"a greeting byte by byte (B08)", TLS_NONE,
		"S- *\n"
		"wait 400\n"
		"S- \\x20\n"
		"wait 400\n"
		"S- O\n"
		"wait 400\n"
		"S- K\n"
		"deaf\n",
		"127.0.0.1 took more than 1 s for the greeting", CAUSE_NETWORK},
	{"no greeting (B08)", TLS_NONE, "deaf\n", "127.0.0.1 took more than 1 s for the greeting",
		CAUSE_NETWORK},
	{"silence after STARTTLS (B09)", TLS_STARTTLS,
		"S: * OK hello\n"
		"C: A1 STARTTLS\n"
		"S: A1 OK go on\n"
		"deaf\n",
		"127.0.0.1 took more than 1 s for the TLS handshake", CAUSE_NETWORK},
	{"no capabilities at all", TLS_NONE,
		"S: * OK hello\n"
		"C: A1 CAPABILITY\n"
		"S: A1 OK\n"
		"end\n",
		"127.0.0.1 broke the protocol: it does not tell its capabilities", CAUSE_NETWORK},
	{"LOGINDISABLED (B18)", TLS_NONE,
		"S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello\n"
		"end\n",
		"cannot sign in to 127.0.0.1: it offers no way that is known here", CAUSE_SIGNIN},
};

static void each_beginning_goes_its_one_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		struct error err = {0};
		struct script *script = script_start(row->script, server_tls);
		struct store_config config = client_config(script);
		config.imap.tls = row->tls;
		config.imap.ca_file = ca_file;
		if (strstr(row->script, "deaf") != NULL)
			config.imap.timeout = 1;
		struct imap_session *s = client_open(&config, &err);
		session_close(s);
		char *failure = script_finish(script);
		if (failure != NULL)
			fail_msg("%s: %s", row->what, failure);
		if (strcmp(err.text, row->says != NULL ? row->says : "") != 0)
			fail_msg("%s: '%s'", row->what, err.text);
		assert_int_equal(err.cause, row->cause);
		assert_true((s == NULL) == (row->says != NULL));
	}
}

static void what_was_told_before_sign_in_is_not_told_after_it(void **state)
{
	(void)state;
	struct error err = {0};
	struct session_event event;
	struct script *script = script_start("S: * OK [CAPABILITY IMAP4rev1] hello\n"
					     "C: A1 LOGIN ann@example.org s3cret\n"
					     "S: * LIST () \"/\" evil\n"
					     "S: * 5 FETCH (UID 7 FLAGS ())\n"
					     "S: * OK [UIDVALIDITY 9] hm\n"
					     "S: * 1 FETCH (BODY[] {70000}\n"
					     "zeros 70000\n"
					     "S: )\n"
					     "S: A1 OK [CAPABILITY IMAP4rev1] in\n"
					     "C: A2 NOOP\n"
					     "S: A2 OK\n",
		NULL);
	struct store_config config = client_config(script);
	struct imap_session *s = client_open(&config, &err);
	assert_string_equal(err.text, "");
	assert_true(session_submit(s, NULL, &err, "NOOP"));
	assert_int_equal(session_next(s, &event, &err), 1);
	assert_int_equal(event.kind, SESSION_DONE);
	assert_int_equal(session_next(s, &event, &err), 0);
	client_finish(s, script);
}

static void an_injected_reply_is_refused_wherever_it_is_cut(void **state)
{
	(void)state;
	static const char injected[] = "A2 OK [CAPABILITY AUTH=PLAIN] hi\\r\\n";
	for (size_t cut = 0; cut + 4 <= strlen(injected); cut++) {
		struct error err = {0};
		char text[300];
		snprintf(text, sizeof text,
			"S: * OK hello\n"
			"C: A1 STARTTLS\n"
			"S- A1 OK go on\\r\\n%.*s\n"
			"wait 3\n"
			"S- %s\n"
			"end\n",
			(int)cut, injected, injected + cut);
		struct script *script = script_start(text, NULL);
		struct store_config config = client_config(script);
		config.imap.tls = TLS_STARTTLS;
		assert_null(client_open(&config, &err));
		free(script_finish(script)); /* it may see the begin of a TLS hello */
		assert_int_equal(err.cause, CAUSE_SIGNIN);
		assert_memory_equal(err.text, "TLS with 127.0.0.1 was refused: ", 32);
	}
}

/* ---- the last flight ---- */

static void what_is_the_sessions_own_goes_with_the_first_command(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s =
		client_begin(&script, "ID ENABLE CONDSTORE QRESYNC UTF8=ACCEPT NAMESPACE",
			"C: A1 ID (\"name\" \"mailtwin\" \"version\" ...\n"
			"C: A2 ENABLE CONDSTORE QRESYNC UTF8=ACCEPT\n"
			"C: A3 NAMESPACE\n"
			"C: A4 LIST \"\" *\n"
			"S: * ID (\"name\" \"Dove\\x1bcot\" \"version\" "
			"NIL \"x\" \"y\")\n"
			"S: A1 OK\n"
			"S: * ENABLED QRESYNC\n"
			"S: A2 OK\n"
			"S: * NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\n"
			"S: A3 OK\n"
			"S: * LIST () \"/\" INBOX\n"
			"S: A4 OK\n");
	struct imap_namespace ns;
	struct error err = {0};
	client_submit(s, "LIST \"\" *");
	assert_int_equal(session_pending(s), 1);
	assert_string_equal(client_events(s), "* LIST \n"
					      "A4 OK \n");
	assert_int_equal(session_round_trips(s), 1);
	assert_int_equal(session_enabled(s, CAP_QRESYNC, &err), 1);
	assert_int_equal(session_enabled(s, CAP_CONDSTORE, &err), 1);
	assert_int_equal(session_enabled(s, CAP_UTF8_ACCEPT, &err), 0);
	assert_true(session_namespace(s, &ns, &err));
	assert_true(ns.told);
	assert_string_equal(ns.prefix, "INBOX.");
	assert_int_equal(ns.delimiter, '.');
	assert_string_equal(session_server(s), "Dove\\x1Bcot");
	assert_string_equal(session_describe(s), "PREAUTH, no TLS");
	assert_int_equal(session_round_trips(s), 1);
	client_finish(s, script);
}

static void asking_what_is_enabled_waits_and_keeps_what_comes(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "ENABLE UTF8=ACCEPT",
		"C: A1 ENABLE UTF8=ACCEPT\n"
		"C: A2 NOOP\n"
		"S: * 3 EXISTS\n"
		"S: * ENABLED UTF8=ACCEPT\n"
		"S: A1 OK\n"
		"wait 20\n"
		"S: A2 OK x\n");
	struct error err = {0};
	client_submit(s, "NOOP");
	assert_int_equal(session_enabled(s, CAP_UTF8_ACCEPT, &err), 1);
	assert_string_equal(client_events(s), "* 3 EXISTS\n"
					      "A2 OK x\n");
	client_finish(s, script);
}

/* ---- capabilities ---- */

static const struct {
	const char *words;
	const char *host;
	const char *disable;
	enum capability capability;
	bool has;
} abilities[] = {
	{"IMAP4rev1", "a", NULL, CAP_IMAP4REV1, true},
	{"imap4REV1 uidplus", "a", NULL, CAP_UIDPLUS, true},
	{"IMAP4rev1 UIDPLUSX", "a", NULL, CAP_UIDPLUS, false},
	{"IMAP4rev1 QRESYNC", "a", NULL, CAP_CONDSTORE, true},
	{"IMAP4rev1", "a", NULL, CAP_MOVE, false},
	{"IMAP4rev2", "a", NULL, CAP_MOVE, true},
	{"IMAP4rev2", "a", NULL, CAP_LITERAL_MINUS, true},
	{"IMAP4rev2", "a", NULL, CAP_CONDSTORE, false},
	{"IMAP4rev2", "a", "MOVE", CAP_MOVE, false},
	{"IMAP4rev1 QRESYNC", "a", "CONDSTORE", CAP_QRESYNC, false},
	{"IMAP4rev1 QRESYNC", "a", "QRESYNC", CAP_CONDSTORE, true},
	{"IMAP4rev1 COMPRESS=DEFLATE", "a", "COMPRESS", CAP_COMPRESS, false},
	{"IMAP4rev1 UTF8=ONLY", "a", NULL, CAP_UTF8_ACCEPT, true},
	{"IMAP4rev1 LITERAL+", "a", "LITERAL+", CAP_LITERAL_PLUS, false},
	{"IMAP4rev1 QRESYNC CONDSTORE", "imap.mail.me.com", NULL, CAP_QRESYNC, false},
	{"IMAP4rev1 QRESYNC CONDSTORE", "imap.mail.me.com", NULL, CAP_CONDSTORE, true},
	{"IMAP4rev1 QRESYNC", "imap.mail.me.com.example", NULL, CAP_QRESYNC, true},
	{"", "a", NULL, CAP_IMAP4REV1, false},
};

static struct capabilities read_words(const char *words, const char *host, const char *disable)
{
	struct imap_parser *parser = imap_parser_new(&imap_default_limits);
	struct imap_out out;
	struct capabilities caps;
	char line[200];
	size_t used;
	const char *const disabled[] = {disable, NULL};
	int n = snprintf(line, sizeof line, "* CAPABILITY %s\r\n", words);
	assert_int_equal(
		imap_parse(parser, (const uint8_t *)line, (size_t)n, &used, &out), IMAP_RESPONSE);
	capability_read(&caps, out.root->next->next, host, disabled);
	imap_parser_free(parser);
	return caps;
}

static void capabilities_are_what_is_offered_and_neither_disabled_nor_distrusted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof abilities / sizeof *abilities; i++) {
		struct capabilities caps =
			read_words(abilities[i].words, abilities[i].host, abilities[i].disable);
		if (capability_has(&caps, abilities[i].capability) != abilities[i].has)
			fail_msg("row %zu: %s", i, abilities[i].words);
	}
	assert_int_equal(read_words("APPENDLIMIT=35651584", "a", NULL).append_limit, 35651584);
	assert_int_equal(read_words("APPENDLIMIT", "a", NULL).append_limit, 0);
	assert_int_equal(read_words("APPENDLIMIT=-1", "a", NULL).append_limit, 0);
	assert_int_equal(read_words("APPENDLIMIT=9", "a", "APPENDLIMIT").append_limit, 0);
	assert_int_not_equal(read_words("AUTH=PLAIN AUTH=x", "a", NULL).mechanisms, 0);
	assert_int_equal(read_words("AUTH=PLAIN AUTH=x", "a", "AUTH=PLAIN").mechanisms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_beginning_goes_its_one_way),
		cmocka_unit_test(what_was_told_before_sign_in_is_not_told_after_it),
		cmocka_unit_test(an_injected_reply_is_refused_wherever_it_is_cut),
		cmocka_unit_test(what_is_the_sessions_own_goes_with_the_first_command),
		cmocka_unit_test(asking_what_is_enabled_waits_and_keeps_what_comes),
		cmocka_unit_test(
			capabilities_are_what_is_offered_and_neither_disabled_nor_distrusted),
	};
	return cmocka_run_group_tests_name("signin", tests, make_server, free_server);
}
