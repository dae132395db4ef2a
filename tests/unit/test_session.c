#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "certs.h"
#include "imap/capability.h"
#include "imap/credentials.h"
#include "imap/session.h"
#include "imap/session_private.h"
#include "imap/trace.h"
#include "script.h"

/* A store at a script; what a row changes of it comes on top. */
static struct store_config config_for(const struct script *script)
{
	return (struct store_config){.name = "work",
		.kind = "imap",
		.imap = {.host = "127.0.0.1",
			.port = script_port(script),
			.user = "ann@example.org",
			.password = {.source = SECRET_LITERAL, .value = "s3cret"},
			.tls = TLS_NONE,
			.connections = 1,
			.timeout = 5}};
}

static struct imap_session *open_session(const struct store_config *config, struct error *err)
{
	struct credentials *credentials = credentials_fetch(config, err);
	assert_non_null(credentials);
	*err = (struct error){0};
	struct imap_session *s = session_open(config, credentials, err);
	credentials_free(credentials);
	return s;
}

static void finish(struct imap_session *s, struct script *script)
{
	session_close(s);
	char *failure = script_finish(script);
	if (failure != NULL)
		fail_msg("%s", failure);
}

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
		"C: A1 CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: A1 OK\n"
		"C: A2 LOGIN ann@example.org s3cret\nS: A2 OK\n"
		"C: A3 CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: A3 OK\n"
		"C: A4 LOGOUT\nend\n",
		NULL, 0},
	{"capabilities that nobody has to ask for", TLS_NONE,
		"S: * OK [CAPABILITY IMAP4rev1] hello\n"
		"C: A1 LOGIN ann@example.org s3cret\nS: A1 OK [CAPABILITY IMAP4rev1] in\n"
		"C: A2 LOGOUT\nend\n",
		NULL, 0},
	{"TLS at once", TLS_IMPLICIT,
		"tls\nS: * OK [CAPABILITY IMAP4rev1] hello\n"
		"C: A1 LOGIN ann@example.org s3cret\nS: A1 OK [CAPABILITY IMAP4rev1] in\n"
		"C: A2 LOGOUT\nend\n",
		NULL, 0},
	{"PREAUTH within TLS", TLS_IMPLICIT,
		"tls\nS: * PREAUTH [CAPABILITY IMAP4rev1] hello\nC: A1 LOGOUT\nend\n", NULL, 0},
	{"STARTTLS, and what was learnt in clear forgotten (B05)", TLS_STARTTLS,
		"S: * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hello\n"
		"C: A1 STARTTLS\nS: A1 OK go on\ntls\n"
		"C: A2 CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: A2 OK\n"
		"C: A3 LOGIN ann@example.org s3cret\nS: A3 OK [CAPABILITY IMAP4rev1] in\n"
		"C: A4 LOGOUT\nend\n",
		NULL, 0},
	{"STARTTLS without asking first", TLS_STARTTLS,
		"S: * OK hello\nC: A1 STARTTLS\nS: A1 OK go on\ntls\n"
		"C: A2 CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: A2 OK\n"
		"C: A3 LOGIN ann@example.org s3cret\nS: A3 OK [CAPABILITY IMAP4rev1] in\n"
		"C: A4 LOGOUT\nend\n",
		NULL, 0},
	{"data before sign-in is nobody's (B06)", TLS_NONE,
		"S: * OK [CAPABILITY IMAP4rev1] hello\n"
		"S: * LIST () \"/\" evil\nS: * 5 FETCH (UID 7 FLAGS ())\nS: * 9 EXPUNGE\n"
		"S: * STATUS evil (MESSAGES 3)\nS: * 1 FETCH (BODY[] {3}\nS- abc\nS: )\n"
		"C: A1 LOGIN ann@example.org s3cret\nS: A1 OK [CAPABILITY IMAP4rev1] in\n"
		"C: A2 LOGOUT\nend\n",
		NULL, 0},

	{"PREAUTH where TLS was to come (B01)", TLS_STARTTLS,
		"S: * PREAUTH [CAPABILITY IMAP4rev1] hello\nend\n",
		"TLS with 127.0.0.1 was refused: it signed us in before TLS could begin, which an "
		"attacker could have done",
		CAUSE_SIGNIN},
	{"PREAUTH that offers STARTTLS (B01)", TLS_STARTTLS,
		"S: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\nend\n",
		"TLS with 127.0.0.1 was refused: it signed us in before TLS could begin, which an "
		"attacker could have done",
		CAUSE_SIGNIN},
	{"no STARTTLS (B02)", TLS_STARTTLS, "S: * OK [CAPABILITY IMAP4rev1] hello\nend\n",
		"TLS with 127.0.0.1 was refused: it does not offer STARTTLS", CAUSE_SIGNIN},
	{"STARTTLS refused: NO (B03)", TLS_STARTTLS,
		"S: * OK hello\nC: A1 STARTTLS\nS: A1 NO\nend\n",
		"TLS with 127.0.0.1 was refused: it refused STARTTLS", CAUSE_SIGNIN},
	{"STARTTLS refused: BAD (B03)", TLS_STARTTLS,
		"S: * OK hello\nC: A1 STARTTLS\nS: A1 BAD what\nend\n",
		"TLS with 127.0.0.1 was refused: it refused STARTTLS", CAUSE_SIGNIN},
	{"STARTTLS answered with another word (B03)", TLS_STARTTLS,
		"S: * OK hello\nC: A1 STARTTLS\nS: A1 HELLO\nend\n",
		"127.0.0.1 broke the protocol: a line that is no response", CAUSE_SIGNIN},
	{"STARTTLS answered with + (B03)", TLS_STARTTLS,
		"S: * OK hello\nC: A1 STARTTLS\nS: + go on\nend\n",
		"127.0.0.1 broke the protocol: a '+' that was not due", CAUSE_SIGNIN},
	{"STARTTLS answered with another tag (B03)", TLS_STARTTLS,
		"S: * OK hello\nC: A1 STARTTLS\nS: A2 OK go on\nend\n",
		"127.0.0.1 broke the protocol: a reply to 'A2', which it was not asked",
		CAUSE_SIGNIN},
	{"a reply put before TLS by somebody else (B04)", TLS_STARTTLS,
		"S: * OK hello\nC: A1 STARTTLS\n"
		"S: A1 OK go on\\r\\nA2 OK [CAPABILITY AUTH=PLAIN] hi\nend\n",
		"TLS with 127.0.0.1 was refused: plain text was sent where TLS was to begin",
		CAUSE_SIGNIN},

	{"BYE (B07)", TLS_NONE, "S: * BYE too many connections\nend\n",
		"127.0.0.1 ended the session: too many connections", CAUSE_NETWORK},
	{"a referral is not followed (B10)", TLS_NONE,
		"S: * BYE [REFERRAL imap://evil/] go there\nend\n",
		"127.0.0.1 ended the session: go there", CAUSE_NETWORK},
	{"NO (B07)", TLS_NONE, "S: * NO not today\nend\n",
		"127.0.0.1 broke the protocol: this is not how an IMAP server greets",
		CAUSE_NETWORK},
	{"BAD (B07)", TLS_NONE, "S: * BAD\nend\n",
		"127.0.0.1 broke the protocol: this is not how an IMAP server greets",
		CAUSE_NETWORK},
	{"a web server (B07)", TLS_NONE, "S: HTTP/1.1 400 Bad Request\nS: \nend\n",
		"127.0.0.1 broke the protocol: a line that is no response", CAUSE_NETWORK},
	{"a continuation (B07)", TLS_NONE, "S: + hello\nend\n",
		"127.0.0.1 broke the protocol: this is not how an IMAP server greets",
		CAUSE_NETWORK},
	{"a server that wants TLS (B07)", TLS_NONE, "S- \\x15\\x03\\x01\\0\\x02\\x02\\x0a\n",
		"127.0.0.1 broke the protocol: a NUL outside of a literal", CAUSE_NETWORK},
	{"a greeting byte by byte (B08)", TLS_NONE,
		"S- *\nwait 400\nS- \\x20\nwait 400\nS- O\nwait 400\nS- K\nwait 400\n",
		"127.0.0.1 took more than 1 s for the greeting", CAUSE_NETWORK},
	{"no greeting (B08)", TLS_NONE, "wait 1200\n",
		"127.0.0.1 took more than 1 s for the greeting", CAUSE_NETWORK},
	{"silence after STARTTLS (B09)", TLS_STARTTLS,
		"S: * OK hello\nC: A1 STARTTLS\nS: A1 OK go on\nwait 1200\n",
		"127.0.0.1 took more than 1 s for the TLS handshake", CAUSE_NETWORK},
	{"no capabilities at all", TLS_NONE, "S: * OK hello\nC: A1 CAPABILITY\nS: A1 OK\nend\n",
		"127.0.0.1 broke the protocol: it does not tell its capabilities", CAUSE_NETWORK},
	{"LOGINDISABLED (B18)", TLS_NONE,
		"S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello\nend\n",
		"cannot sign in to 127.0.0.1: it offers no way that is known here, and the "
		"configuration wants another way",
		CAUSE_SIGNIN},
};

static void each_beginning_goes_its_one_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		struct error err = {0};
		struct script *script = script_start(row->script, server_tls);
		struct store_config config = config_for(script);
		config.imap.tls = row->tls;
		config.imap.ca_file = ca_file;
		if (strstr(row->script, "wait") != NULL)
			config.imap.timeout = 1;
		struct imap_session *s = open_session(&config, &err);
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

static void an_injected_reply_is_refused_wherever_it_is_cut(void **state)
{
	(void)state;
	static const char injected[] = "A2 OK [CAPABILITY AUTH=PLAIN] hi\\r\\n";
	for (size_t cut = 0; cut + 4 <= strlen(injected); cut++) {
		struct error err = {0};
		char text[300];
		snprintf(text, sizeof text,
			"S: * OK hello\nC: A1 STARTTLS\nS- A1 OK go on\\r\\n%.*s\nwait 3\nS- "
			"%s\nend\n",
			(int)cut, injected, injected + cut);
		struct script *script = script_start(text, NULL);
		struct store_config config = config_for(script);
		config.imap.tls = TLS_STARTTLS;
		assert_null(open_session(&config, &err));
		free(script_finish(script)); /* it may see the begin of a TLS hello */
		assert_int_equal(err.cause, CAUSE_SIGNIN);
		assert_memory_equal(err.text, "TLS with 127.0.0.1 was refused: ", 32);
	}
}

/* ---- a session without sign-in, for the tests below ---- */

#define HELLO(capabilities) "S: * PREAUTH [CAPABILITY IMAP4rev1 " capabilities "] hello\n"

static struct imap_session *begin(struct script *script)
{
	struct error err = {0};
	static struct store_config config; /* lent to the session */
	config = config_for(script);
	config.imap.timeout = 2;
	struct imap_session *s = open_session(&config, &err);
	assert_string_equal(err.text, "");
	assert_non_null(s);
	return s;
}

static void submit(struct imap_session *s, const char *text)
{
	struct error err = {0};
	if (!session_submit(s, NULL, &err, "%s", text))
		fail_msg("%s", err.text);
}

/* The event as a line: "* EXISTS 3", "A2 OK done", "begin 5", "run abc", "end". */
static void write_event(const struct session_event *e, char *text, size_t size)
{
	const struct imap_node *n = e->root;
	switch (e->kind) {
	case SESSION_DONE:
		snprintf(text, size, "A%u %s %s", e->tag, n->text, e->condition.text);
		break;
	case SESSION_UNTAGGED:
		snprintf(text, size, "* %s%s%s", n->text, n->next != NULL ? " " : "",
			n->next != NULL && n->next->text != NULL ? n->next->text : "");
		break;
	case SESSION_BODY_BEGIN:
		snprintf(text, size, "begin %llu", (unsigned long long)e->size);
		break;
	case SESSION_BODY:
		snprintf(text, size, "run %.*s", (int)e->run_len, (const char *)e->run);
		break;
	case SESSION_BODY_END:
		snprintf(text, size, "end");
	}
}

/* All events that are left, one a line; a failure is the last. */
static char *events(struct imap_session *s)
{
	static char all[4000];
	struct session_event e;
	struct error err = {0};
	int got;
	all[0] = '\0';
	while ((got = session_next(s, &e, &err)) > 0) {
		size_t n = strlen(all);
		write_event(&e, all + n, sizeof all - n - 1);
		strcat(all, "\n");
	}
	if (got < 0)
		strcat(all, err.text);
	return all;
}

static void commands_go_in_one_flight_and_their_ends_come_in_order(void **state)
{
	(void)state;
	struct script *script = script_start(HELLO("") "C: A1 NOOP\nC: A2 LIST \"\" *\nC: A3 NOOP\n"
						       "S: A1 OK one\nS: * LIST () \"/\" INBOX\nS: "
						       "A2 OK two\nS: A3 NO three\nend\n",
		NULL);
	struct imap_session *s = begin(script);
	submit(s, "NOOP");
	submit(s, "LIST \"\" *");
	submit(s, "NOOP");
	assert_int_equal(session_pending(s), 3);
	assert_string_equal(events(s), "A1 OK one\n* LIST \nA2 OK two\nA3 NO three\n");
	assert_int_equal(session_pending(s), 0);
	assert_int_equal(session_round_trips(s), 1);
	session_close(s);
	free(script_finish(script));
}

static void a_server_may_end_commands_in_another_order(void **state)
{
	(void)state;
	struct script *script =
		script_start(HELLO("") "C: A1 NOOP\nC: A2 NOOP\nS: A2 OK b\nS: A1 OK a\n", NULL);
	struct imap_session *s = begin(script);
	submit(s, "NOOP");
	submit(s, "NOOP");
	assert_string_equal(events(s), "A2 OK b\nA1 OK a\n");
	finish(s, script);
}

/* What a server says to "A1 NOOP", and what comes of it (B28, B39, B40). */
static const struct {
	const char *says, *events;
} replies[] = {
	{"A1 OK done", "A1 OK done\n"},
	{"A1 OK", "A1 OK \n"},
	{"A1 NO", "A1 NO \n"},
	{"A1 BAD [CLIENTBUG] what", "A1 BAD what\n"},
	{"* OK [] hm\\r\\nA1 OK x", "* OK \nA1 OK x\n"},
	{"A9 OK", "127.0.0.1 broke the protocol: a reply to 'A9', which it was not asked"},
	{"A01 OK", "127.0.0.1 broke the protocol: a reply to 'A01', which it was not asked"},
	{"a1 OK", "127.0.0.1 broke the protocol: a reply to 'a1', which it was not asked"},
	{"A4294967297 OK",
		"127.0.0.1 broke the protocol: a reply to 'A4294967297', which it was not asked"},
	{"A1 HELLO", "127.0.0.1 broke the protocol: a line that is no response"},
	{"A1 BYE", "127.0.0.1 broke the protocol: a line that is no response"},
	{"A1 PREAUTH", "127.0.0.1 broke the protocol: a line that is no response"},
	{"A1", "127.0.0.1 broke the protocol: a line that is no response"},
	{"+ go on", "127.0.0.1 broke the protocol: a '+' that was not due"},
	{"* PREAUTH again", "127.0.0.1 broke the protocol: it greeted twice"},
	{"*", "127.0.0.1 broke the protocol: a line that is no response"},
	{"* BYE going down", "127.0.0.1 ended the session: going down"},
	{"* BYE", "127.0.0.1 ended the session: "},
};

static void each_reply_is_an_event_or_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
		char text[300];
		snprintf(text, sizeof text, HELLO("") "C: A1 NOOP\nS: %s\n", replies[i].says);
		struct script *script = script_start(text, NULL);
		struct imap_session *s = begin(script);
		submit(s, "NOOP");
		const char *got = events(s);
		if (strcmp(got, replies[i].events) != 0)
			fail_msg("'%s' gave '%s'", replies[i].says, got);
		finish(s, script);
	}
}

static void a_tag_is_good_for_one_reply(void **state)
{
	(void)state;
	struct script *script = script_start(
		HELLO("") "C: A1 NOOP\nC: A2 NOOP\nS: A1 OK a\nS: A1 OK again\n", NULL);
	struct imap_session *s = begin(script);
	submit(s, "NOOP");
	submit(s, "NOOP");
	assert_string_equal(events(s),
		"A1 OK a\n127.0.0.1 broke the protocol: a reply to 'A1', which it was not asked");
	/* And the session stays broken. */
	struct error err = {0};
	assert_false(session_submit(s, NULL, &err, "NOOP"));
	assert_error(err, ERROR_STORE,
		"127.0.0.1 broke the protocol: a reply to 'A1', which it was not asked");
	assert_int_equal(err.cause, CAUSE_NETWORK);
	assert_false(err.transient);
	finish(s, script);
}

static void a_server_that_leaves_may_be_tried_again(void **state)
{
	(void)state;
	static const char *const last[] = {"S: * BYE idle for too long\n", ""};
	for (size_t i = 0; i < 2; i++) {
		char text[200];
		struct session_event e;
		struct error err = {0};
		snprintf(text, sizeof text, HELLO("") "C: A1 NOOP\n%s", last[i]);
		struct script *script = script_start(text, NULL);
		struct imap_session *s = begin(script);
		submit(s, "NOOP");
		assert_int_equal(session_next(s, &e, &err), -1);
		assert_true(err.transient);
		assert_int_equal(err.scope, ERROR_STORE);
		assert_int_equal(err.cause, CAUSE_NETWORK);
		finish(s, script);
	}
}

static void a_server_that_leaves_while_we_write_is_still_heard(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start(
		HELLO("LITERAL+") "C: A1 APPEND x {50000000+}\nS: * BYE disk full\n", NULL);
	struct imap_session *s = begin(script);
	static char block[65536];
	bool ok = session_begin(s, NULL, &err) && session_put(s, "APPEND x ", 9, &err) &&
		  session_literal(s, 50000000, &err) == 1;
	for (int i = 0; ok && i < 700; i++)
		ok = session_put(s, block, sizeof block, &err);
	assert_false(ok);
	assert_error(err, ERROR_STORE, "127.0.0.1 ended the session: disk full");
	finish(s, script);
}

static void a_line_end_never_gets_into_a_command(void **state)
{
	(void)state;
	static const char *const bad[] = {"NOOP\r\nA9 DELETE INBOX", "NOOP\n", "NOOP\r"};
	for (size_t i = 0; i < 3; i++) {
		struct error err = {0};
		struct script *script = script_start(HELLO("") "end\n", NULL);
		struct imap_session *s = begin(script);
		assert_false(session_submit(s, NULL, &err, "%s", bad[i]));
		assert_error(err, ERROR_STORE,
			"cannot send to 127.0.0.1: a line end or NUL within a command");
		finish(s, script);
	}
}

/* ---- literals ---- */

static bool append(struct imap_session *s, const char *body, int *went, struct error *err)
{
	size_t n = strlen(body);
	if (!session_begin(s, NULL, err) || !session_put(s, "APPEND x ", 9, err))
		return false;
	*went = session_literal(s, n, err);
	return *went == 1 ? session_put(s, body, n, err) && session_end(s, err) : *went == 0;
}

static const struct {
	const char *what, *hello, *script, *events;
	int went;
} literals[] = {
	{"LITERAL+", HELLO("LITERAL+"), "C: A1 APPEND x {5+}\nC: abcde\nS: A1 OK\n", "A1 OK \n", 1},
	{"LITERAL-", HELLO("LITERAL-"), "C: A1 APPEND x {5+}\nC: abcde\nS: A1 OK\n", "A1 OK \n", 1},
	{"neither", HELLO(""), "C: A1 APPEND x {5}\nS: + go\nC: abcde\nS: A1 OK\n", "A1 OK \n", 1},
	{"refused", HELLO(""), "C: A1 APPEND x {5}\nS: A1 NO [TOOBIG] no\nend\n", "A1 NO no\n", 0},
	{"refused as bad", HELLO(""), "C: A1 APPEND x {5}\nS: A1 BAD no\nend\n", "A1 BAD no\n", 0},
	{"accepted before it was sent (B40)", HELLO(""),
		"C: A1 APPEND x {5}\nS: A1 OK thanks\nend\n",
		"127.0.0.1 broke the protocol: a reply to a command that it was not sent whole",
		-1},
	{"other events meanwhile", HELLO(""),
		"C: A1 APPEND x {5}\nS: * 7 EXISTS\nS: * LIST (\\\\A) \"/\" b\nS: + go\nC: "
		"abcde\nS: A1 OK\n",
		"* 7 EXISTS\n* LIST \nA1 OK \n", 1},
	{"a body meanwhile (B37)", HELLO(""),
		"C: A1 APPEND x {5}\nS: * 7 FETCH (BODY[] {70000}\nzeros 70000\nS: )\nS: * 8 "
		"EXISTS\nS: + go\n"
		"C: abcde\nS: A1 OK\n",
		"* 8 EXISTS\nA1 OK \n", 1},
	{"the end of another command", HELLO(""), "C: A1 APPEND x {5}\nS: A2 OK\nend\n",
		"127.0.0.1 broke the protocol: a reply to 'A2', which it was not asked", -1},
};

static void each_literal_waits_where_it_must(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
		struct error err = {0};
		char text[600];
		int went = -1;
		snprintf(text, sizeof text, "%s%s", literals[i].hello, literals[i].script);
		struct script *script = script_start(text, NULL);
		struct imap_session *s = begin(script);
		assert_int_equal(append(s, "abcde", &went, &err), literals[i].went >= 0);
		if (went != literals[i].went)
			fail_msg("%s: %d, %s", literals[i].what, went, err.text);
		if (strcmp(went < 0 ? err.text : events(s), literals[i].events) != 0)
			fail_msg("%s: '%s' '%s'", literals[i].what, err.text, events(s));
		if (strstr(literals[i].script, "end\n") != NULL)
			session_close(s);
		else
			finish(s, script);
		if (strstr(literals[i].script, "end\n") != NULL) {
			char *failure = script_finish(script);
			/* A session that is not broken says LOGOUT. */
			if (failure != NULL && went < 0)
				fail_msg("%s: %s", literals[i].what, failure);
			free(failure);
		}
	}
}

static void literal_minus_asks_for_a_large_one(void **state)
{
	(void)state;
	static const struct {
		size_t n;
		const char *line;
	} sizes[] = {
		{4096, "C: A1 APPEND x {4096+}\n"}, {4097, "C: A1 APPEND x {4097}\nS: + go\n"}};
	for (size_t i = 0; i < 2; i++) {
		struct error err = {0};
		char text[200], body[5000] = {0};
		int went;
		snprintf(text, sizeof text, HELLO("LITERAL-") "%stake %zu\nC: \nS: A1 OK\n",
			sizes[i].line, sizes[i].n);
		memset(body, 'x', sizes[i].n);
		struct script *script = script_start(text, NULL);
		struct imap_session *s = begin(script);
		assert_true(append(s, body, &went, &err));
		assert_string_equal(events(s), "A1 OK \n");
		finish(s, script);
	}
}

static void a_literal_has_the_length_that_was_announced(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start(HELLO("LITERAL+") "end\n", NULL);
	struct imap_session *s = begin(script);
	assert_true(session_begin(s, NULL, &err) && session_put(s, "APPEND x ", 9, &err));
	assert_int_equal(session_literal(s, 5, &err), 1);
	assert_false(session_put(s, "abcdef", 6, &err));
	assert_error(err, ERROR_STORE,
		"cannot send to 127.0.0.1: a literal is longer than was announced");
	finish(s, script);

	script = script_start(HELLO("LITERAL+") "C- A1 APPEND x {5+}\\r\\nabcd\n", NULL);
	s = begin(script);
	assert_true(session_begin(s, NULL, &err) && session_put(s, "APPEND x ", 9, &err));
	assert_int_equal(session_literal(s, 5, &err), 1);
	assert_true(session_put(s, "abcd", 4, &err) && session_flush(s, &err));
	assert_false(session_end(s, &err));
	assert_error(err, ERROR_STORE, "cannot send to 127.0.0.1: a literal is not complete");
	finish(s, script);
}

static void a_built_command_sends_its_literals(void **state)
{
	(void)state;
	struct error err = {0};
	struct imap_command c;
	struct script *script = script_start(
		HELLO("") "C: A1 CREATE {7}\nS: + go\nC- \\x22\\xc3\\xbc\\x5c{1}\nC: \nS: A1 OK\n",
		NULL);
	struct imap_session *s = begin(script);
	imap_command_init(&c, false);
	imap_command_words(&c, "CREATE ");
	imap_command_string(&c, "\"\303\274\\{1}");
	assert_null(imap_command_refused(&c));
	assert_true(session_command(s, NULL, &c, &err));
	imap_command_finish(&c);
	assert_string_equal(events(s), "A1 OK \n");
	finish(s, script);
}

/* ---- bodies ---- */

static void a_body_comes_in_runs(void **state)
{
	(void)state;
	struct script *script = script_start(HELLO("") "C: A1 UID FETCH 1 BODY[]\n"
						       "S: * 1 FETCH (UID 7 BODY[] {6}\nS- "
						       "abc\nwait 30\nS- def\nS: )\nS: A1 OK\n",
		NULL);
	struct imap_session *s = begin(script);
	session_stream(s, true);
	submit(s, "UID FETCH 1 BODY[]");
	assert_string_equal(events(s), "begin 6\nrun abc\nrun def\nend\n* 1 FETCH\nA1 OK \n");
	finish(s, script);
}

static void a_body_that_is_cut_off_is_a_failure(void **state)
{
	(void)state;
	struct script *script = script_start(HELLO("") "C: A1 UID FETCH 1 BODY[]\n"
						       "S: * 1 FETCH (UID 7 BODY[] {6}\nS- abc\n",
		NULL);
	struct imap_session *s = begin(script);
	session_stream(s, true);
	submit(s, "UID FETCH 1 BODY[]");
	assert_string_equal(events(s), "begin 6\nrun abc\n127.0.0.1 closed the connection");
	finish(s, script);
}

/* ---- limits ---- */

static void there_are_no_more_responses_than_a_mailbox_can_have(void **state)
{
	(void)state;
	struct script *script =
		script_start(HELLO("") "C: A1 NOOP\n"
				       "repeat 100001 * 1 FETCH (FLAGS ())\\r\\n\nwait 100\n",
			NULL);
	struct imap_session *s = begin(script);
	struct session_event e;
	struct error err = {0};
	submit(s, "NOOP");
	size_t n = 0;
	while (session_next(s, &e, &err) > 0)
		n++;
	assert_int_equal(n, 100000);
	assert_error(
		err, ERROR_STORE, "127.0.0.1 broke the protocol: 100001 responses, and no end");
	finish(s, script);
}

static void a_large_mailbox_may_have_more(void **state)
{
	(void)state;
	struct script *script =
		script_start(HELLO("") "C: A1 NOOP\nS: * 30000 EXISTS\n"
				       "repeat 150000 * 1 FETCH (FLAGS ())\\r\\n\nS: A1 OK\n",
			NULL);
	struct imap_session *s = begin(script);
	struct session_event e;
	struct error err = {0};
	submit(s, "NOOP");
	size_t n = 0;
	while (session_next(s, &e, &err) > 0)
		n++;
	assert_string_equal(err.text, "");
	assert_int_equal(n, 150002);
	finish(s, script);
}

static void ticks_do_not_go_on_for_ever(void **state)
{
	(void)state;
	struct script *script =
		script_start(HELLO("") "C: A1 NOOP\nS: * OK tick\nS: * 1 EXISTS\n"
				       "S: * OK tick\nwait 50\nS: * OK tick\nS: * OK tick\n",
			NULL);
	struct imap_session *s = begin(script);
	struct session_event e;
	struct error err = {0};
	submit(s, "NOOP");
	assert_int_equal(session_next(s, &e, &err), 1);
	s->progress -= 100; /* as if the server had gone on like this for so long */
	assert_int_equal(session_next(s, &e, &err), 1); /* EXISTS is something */
	assert_int_equal(session_next(s, &e, &err), 1);
	s->progress -= 19;
	assert_int_equal(session_next(s, &e, &err), 1);
	s->progress -= 2;
	assert_int_equal(session_next(s, &e, &err), -1);
	assert_error(err, ERROR_STORE, "127.0.0.1 sent nothing but notices for 20 s");
	assert_true(err.transient);
	finish(s, script);
}

static void silence_ends_a_session(void **state)
{
	(void)state;
	struct script *script = script_start(HELLO("") "C: A1 NOOP\nwait 2300\n", NULL);
	struct imap_session *s = begin(script);
	submit(s, "NOOP");
	assert_string_equal(events(s), "127.0.0.1 was silent for 2 s");
	finish(s, script);
}

/* ---- what the session keeps to itself ---- */

static char told[2000];

static void tell(enum log_level level, const char *line)
{
	assert_int_equal(level, LOG_WARNING);
	snprintf(told, sizeof told, "%s", line);
}

static void an_alert_is_told_escaped(void **state)
{
	(void)state;
	struct script *script = script_start(HELLO("") "C: A1 NOOP\n"
						       "S: * OK [ALERT] quota \\x1b]0;\\x07 nearly "
						       "full\nS: A1 OK [ALERT] really\n",
		NULL);
	struct imap_session *s = begin(script);
	log_set_sink(tell);
	struct session_event e;
	struct error err = {0};
	submit(s, "NOOP");
	assert_int_equal(session_next(s, &e, &err), 1);
	assert_string_equal(told, "work: 127.0.0.1 says: quota \\x1B]0;\\x07 nearly full");
	assert_int_equal(session_next(s, &e, &err), 1);
	assert_string_equal(told, "work: 127.0.0.1 says: really");
	log_set_sink(NULL);
	finish(s, script);
}

static void what_is_the_sessions_own_goes_with_the_first_command(void **state)
{
	(void)state;
	struct script *script = script_start(HELLO("ID ENABLE CONDSTORE QRESYNC UTF8=ACCEPT "
						   "NAMESPACE") "C: A1 ID (\"name\" \"mailtwin\" "
								"\"version\" ...\n"
								"C: A2 ENABLE CONDSTORE QRESYNC "
								"UTF8=ACCEPT\n"
								"C: A3 NAMESPACE\n"
								"C: A4 LIST \"\" *\n"
								"S: * ID (\"name\" "
								"\"Dove\\x1bcot\" \"version\" NIL "
								"\"x\" \"y\")\nS: A1 OK\n"
								"S: * ENABLED QRESYNC\nS: A2 OK\n"
								"S: * NAMESPACE ((\"INBOX.\" "
								"\".\")) NIL NIL\nS: A3 OK\n"
								"S: * LIST () \"/\" INBOX\nS: A4 "
								"OK\n",
		NULL);
	struct imap_session *s = begin(script);
	struct imap_namespace ns;
	struct error err = {0};
	submit(s, "LIST \"\" *");
	assert_int_equal(session_pending(s), 1);
	assert_string_equal(events(s), "* LIST \nA4 OK \n");
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
	finish(s, script);
}

static void asking_what_is_enabled_waits_and_keeps_what_comes(void **state)
{
	(void)state;
	struct script *script = script_start(
		HELLO("ENABLE UTF8=ACCEPT") "C: A1 ENABLE UTF8=ACCEPT\nC: A2 NOOP\n"
					    "S: * 3 EXISTS\nS: * ENABLED UTF8=ACCEPT\nS: A1 "
					    "OK\nwait 20\nS: A2 OK x\n",
		NULL);
	struct imap_session *s = begin(script);
	struct error err = {0};
	submit(s, "NOOP");
	assert_int_equal(session_enabled(s, CAP_UTF8_ACCEPT, &err), 1);
	assert_string_equal(events(s), "* 3 EXISTS\nA2 OK x\n");
	finish(s, script);
}

static void compression_begins_where_the_flight_ends(void **state)
{
	(void)state;
	struct script *script = script_start(
		HELLO("COMPRESS=DEFLATE") "C: A1 NOOP\nC: A2 COMPRESS DEFLATE\nS: A1 OK a\nS: A2 "
					  "OK go\ndeflate\n"
					  "C: A3 NOOP\nS: A3 OK c\nC: A4 LOGOUT\nend\n",
		NULL);
	struct imap_session *s = begin(script);
	struct error err = {0};
	submit(s, "NOOP");
	assert_true(session_compress(s, &err));
	assert_true(session_compress(s, &err)); /* once is enough */
	submit(s, "NOOP");
	assert_string_equal(events(s), "A1 OK a\nA3 OK c\n");
	finish(s, script);
}

static void compression_that_is_refused_is_done_without(void **state)
{
	(void)state;
	struct script *script =
		script_start(HELLO("COMPRESS=DEFLATE") "C: A1 COMPRESS DEFLATE\nS: A1 NO not "
						       "now\nC: A2 NOOP\nS: A2 OK\n",
			NULL);
	struct imap_session *s = begin(script);
	struct error err = {0};
	assert_true(session_compress(s, &err));
	assert_true(session_compress(s, &err));
	submit(s, "NOOP");
	assert_string_equal(events(s), "A2 OK \n");
	finish(s, script);
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

/* ---- the trace ---- */

static char *trace_of(const char *text, const char *password)
{
	char path[] = "/tmp/mailtwin-trace-XXXXXX";
	static char all[8000];
	struct error err = {0};
	close(mkstemp(path));
	assert_true(trace_open(path, &err));
	struct script *script = script_start(text, NULL);
	struct store_config config = config_for(script);
	config.imap.password.value = password;
	struct imap_session *s = open_session(&config, &err);
	assert_string_equal(err.text, "");
	int went;
	session_stream(s, true);
	submit(s, "UID FETCH 7 BODY[]");
	assert_true(append(s, "the mail's own words", &went, &err));
	events(s);
	finish(s, script);
	trace_close();
	FILE *file = fopen(path, "r");
	all[fread(all, 1, sizeof all - 1, file)] = '\0';
	fclose(file);
	unlink(path);
	return all;
}

static void a_trace_shows_the_protocol_and_neither_secrets_nor_mail(void **state)
{
	(void)state;
	static const char *const ways[][2] = {
		{"S: * OK [CAPABILITY IMAP4rev1] hi\n"
		 "C: A1 LOGIN ann@example.org s3cret\nS: A1 OK [CAPABILITY IMAP4rev1 "
		 "LITERAL+] in\n",
			"s3cret"},
		{"S: * OK [CAPABILITY IMAP4rev1 LITERAL+] hi\n"
		 "C: A1 LOGIN ann@example.org {7+}\nC: s3cr\\xc3\\xa9t\nS: A1 OK [CAPABILITY "
		 "IMAP4rev1 LITERAL+] in\n",
			"s3cr\303\251t"},
		{"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n"
		 "C: A1 AUTHENTICATE PLAIN\nS: + \nC: AGFubkBleGFtcGxlLm9yZwBzM2NyZXQ=\nS: A1 OK "
		 "[CAPABILITY IMAP4rev1 LITERAL+] in\n",
			"s3cret"},
		{"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\n"
		 "C: A1 AUTHENTICATE PLAIN AGFubkBleGFtcGxlLm9yZwBzM2NyZXQ=\nS: A1 OK [CAPABILITY "
		 "IMAP4rev1 LITERAL+] in\n",
			"s3cret"},
	};
	for (size_t i = 0; i < 4; i++) {
		char text[1000];
		snprintf(text, sizeof text,
			"%sC: A2 UID FETCH 7 BODY[]\nC: A3 APPEND x {20+}\nC: the mail's own "
			"words\n"
			"S: * 1 FETCH (UID 7 BODY[] {11}\nS- hello there\nS: )\nS: A2 OK\nS: A3 "
			"OK\n",
			ways[i][0]);
		const char *trace = trace_of(text, ways[i][1]);
		assert_non_null(strstr(trace, " 1 C: A1 "));
		assert_non_null(strstr(trace, "<secret>"));
		assert_non_null(strstr(trace, " 1 S: A1 OK [CAPABILITY IMAP4rev1 LITERAL+] in\n"));
		assert_non_null(strstr(trace, " 1 C: A2 UID FETCH 7 BODY[]\n"));
		assert_non_null(strstr(trace, " 1 C: A3 APPEND x {20+}\n"));
		assert_non_null(strstr(trace, " 1 S: * 1 FETCH (UID 7 BODY[] {11}<11 octets>)\n"));
		assert_null(strstr(trace, "s3cr"));
		assert_null(strstr(trace, "c2VjcmV0"));
		assert_null(strstr(trace, "AGFub"));
		assert_null(strstr(trace, "{7"));
		assert_null(strstr(trace, "own words"));
		assert_null(strstr(trace, "hello there"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_beginning_goes_its_one_way),
		cmocka_unit_test(an_injected_reply_is_refused_wherever_it_is_cut),
		cmocka_unit_test(commands_go_in_one_flight_and_their_ends_come_in_order),
		cmocka_unit_test(a_server_may_end_commands_in_another_order),
		cmocka_unit_test(each_reply_is_an_event_or_the_end),
		cmocka_unit_test(a_tag_is_good_for_one_reply),
		cmocka_unit_test(a_server_that_leaves_may_be_tried_again),
		cmocka_unit_test(a_server_that_leaves_while_we_write_is_still_heard),
		cmocka_unit_test(a_line_end_never_gets_into_a_command),
		cmocka_unit_test(each_literal_waits_where_it_must),
		cmocka_unit_test(literal_minus_asks_for_a_large_one),
		cmocka_unit_test(a_literal_has_the_length_that_was_announced),
		cmocka_unit_test(a_built_command_sends_its_literals),
		cmocka_unit_test(a_body_comes_in_runs),
		cmocka_unit_test(a_body_that_is_cut_off_is_a_failure),
		cmocka_unit_test(there_are_no_more_responses_than_a_mailbox_can_have),
		cmocka_unit_test(a_large_mailbox_may_have_more),
		cmocka_unit_test(ticks_do_not_go_on_for_ever),
		cmocka_unit_test(silence_ends_a_session),
		cmocka_unit_test(an_alert_is_told_escaped),
		cmocka_unit_test(what_is_the_sessions_own_goes_with_the_first_command),
		cmocka_unit_test(asking_what_is_enabled_waits_and_keeps_what_comes),
		cmocka_unit_test(compression_begins_where_the_flight_ends),
		cmocka_unit_test(compression_that_is_refused_is_done_without),
		cmocka_unit_test(
			capabilities_are_what_is_offered_and_neither_disabled_nor_distrusted),
		cmocka_unit_test(a_trace_shows_the_protocol_and_neither_secrets_nor_mail),
	};
	return cmocka_run_group_tests_name("session", tests, make_server, free_server);
}
