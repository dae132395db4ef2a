#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stop.h"
#include "client.h"
#include "imap/session_private.h"

static void commands_go_in_one_flight_and_their_ends_come_in_order(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 NOOP\n"
		"C: A2 LIST \"\" *\n"
		"C: A3 NOOP\n"
		"S: A1 OK one\n"
		"S: * LIST () \"/\" INBOX\n"
		"S: A2 OK two\n"
		"S: A3 NO three\n"
		"end\n");
	client_submit(s, "NOOP");
	client_submit(s, "LIST \"\" *");
	client_submit(s, "NOOP");
	assert_int_equal(session_pending(s), 3);
	assert_string_equal(client_events(s), "A1 OK one\n"
					      "* LIST \n"
					      "A2 OK two\n"
					      "A3 NO three\n");
	assert_int_equal(session_pending(s), 0);
	assert_int_equal(session_round_trips(s), 1);
	session_close(s);
	free(script_finish(script));
}

static void a_server_may_end_commands_in_another_order(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 NOOP\n"
		"C: A2 NOOP\n"
		"S: A2 OK b\n"
		"S: A1 OK a\n");
	client_submit(s, "NOOP");
	client_submit(s, "NOOP");
	assert_string_equal(client_events(s), "A2 OK b\n"
					      "A1 OK a\n");
	client_finish(s, script);
}

/* What a server says to "A1 NOOP", and what comes of it (B28, B39, B40). */
static const struct {
	const char *says, *events;
} replies[] = {
	{"A1 OK done", "A1 OK done\n"},
	{"A1 OK", "A1 OK \n"},
	{"A1 NO", "A1 NO \n"},
	{"A1 BAD [CLIENTBUG] what", "A1 BAD what\n"},
	{"* OK [] hm\\r\\nA1 OK x", "* OK \n"
				    "A1 OK x\n"},
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
		snprintf(text, sizeof text,
			"C: A1 NOOP\n"
			"S: %s\n",
			replies[i].says);
		struct script *script;
		struct imap_session *s = client_begin(&script, "", text);
		client_submit(s, "NOOP");
		const char *got = client_events(s);
		if (strcmp(got, replies[i].events) != 0)
			fail_msg("'%s' gave '%s'", replies[i].says, got);
		client_finish(s, script);
	}
}

static void a_tag_is_good_for_one_reply(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 NOOP\n"
		"C: A2 NOOP\n"
		"S: A1 OK a\n"
		"S: A1 OK again\n");
	client_submit(s, "NOOP");
	client_submit(s, "NOOP");
	assert_string_equal(client_events(s),
		"A1 OK a\n"
		"127.0.0.1 broke the protocol: a reply to 'A1', which it was not asked");
	/* And the session stays broken. */
	struct error err = {0};
	assert_false(session_submit(s, NULL, &err, "NOOP"));
	assert_error(err, ERROR_STORE,
		"127.0.0.1 broke the protocol: a reply to 'A1', which it was not asked");
	assert_int_equal(err.cause, CAUSE_NETWORK);
	assert_false(err.transient);
	client_finish(s, script);
}

static void a_server_that_leaves_may_be_tried_again(void **state)
{
	(void)state;
	static const char *const last[] = {"S: * BYE idle for too long\n", ""};
	for (size_t i = 0; i < 2; i++) {
		char text[200];
		struct session_event e;
		struct error err = {0};
		snprintf(text, sizeof text,
			"C: A1 NOOP\n"
			"%s",
			last[i]);
		struct script *script;
		struct imap_session *s = client_begin(&script, "", text);
		client_submit(s, "NOOP");
		assert_int_equal(session_next(s, &e, &err), -1);
		assert_true(err.transient);
		assert_int_equal(err.scope, ERROR_STORE);
		assert_int_equal(err.cause, CAUSE_NETWORK);
		client_finish(s, script);
	}
}

static void a_server_that_leaves_while_we_write_is_still_heard(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script;
	struct imap_session *s = client_begin(&script, "LITERAL+",
		"C: A1 APPEND x {50000000+}\n"
		"S: * BYE disk full\n");
	static char block[65536];
	bool ok = session_begin(s, NULL, &err) && session_put(s, "APPEND x ", 9, &err) &&
		  session_literal(s, 50000000, &err) == 1;
	for (int i = 0; ok && i < 700; i++)
		ok = session_put(s, block, sizeof block, &err);
	assert_false(ok);
	assert_error(err, ERROR_STORE, "127.0.0.1 ended the session: disk full");
	client_finish(s, script);
}

static void a_stop_is_told_as_one_even_if_the_server_says_bye(void **state)
{
	(void)state;
	static char block[65536];
	struct error err = {0};
	struct script *script;
	struct imap_session *s = client_begin(&script, "LITERAL+",
		"C: A1 APPEND x {50000000+}\n"
		"S: * BYE later\n"
		"wait 500\n");
	bool ok = session_begin(s, NULL, &err) && session_put(s, "APPEND x ", 9, &err) &&
		  session_literal(s, 50000000, &err) == 1 && session_flush(s, &err) &&
		  conn_fill(s->conn, &err); /* the BYE is there, and nobody has looked at it */
	assert_true(ok);
	assert_true(stop_listen(&err));
	stop_ask(SIGTERM);
	for (int i = 0; ok && i < 700; i++)
		ok = session_put(s, block, sizeof block, &err);
	stop_forget();
	assert_error(err, ERROR_CANCELLED, "stopped");
	session_close(s);
	free(script_finish(script));
}

static void a_line_end_never_gets_into_a_command(void **state)
{
	(void)state;
	static const char *const bad[] = {"NOOP\r\nA9 DELETE INBOX", "NOOP\n", "NOOP\r"};
	for (size_t i = 0; i < 3; i++) {
		struct error err = {0};
		struct script *script;
		struct imap_session *s = client_begin(&script, "", "end\n");
		assert_false(session_submit(s, NULL, &err, "%s", bad[i]));
		assert_error(err, ERROR_STORE,
			"cannot send to 127.0.0.1: a line end or NUL within a command");
		client_finish(s, script);
	}
}

/* ---- literals ---- */

static const struct {
	const char *what, *offers, *script, *events;
	int went;
} literals[] = {
	{"LITERAL+", "LITERAL+",
		"C: A1 APPEND x {5+}\n"
		"C: abcde\n"
		"S: A1 OK\n",
		"A1 OK \n", 1},
	{"LITERAL-", "LITERAL-",
		"C: A1 APPEND x {5+}\n"
		"C: abcde\n"
		"S: A1 OK\n",
		"A1 OK \n", 1},
	{"neither", "",
		"C: A1 APPEND x {5}\n"
		"S: + go\n"
		"C: abcde\n"
		"S: A1 OK\n",
		"A1 OK \n", 1},
	{"refused", "",
		"C: A1 APPEND x {5}\n"
		"S: A1 NO [TOOBIG] no\n"
		"C: A2 LOGOUT\n"
		"end\n",
		"A1 NO no\n", 0},
	{"refused as bad", "",
		"C: A1 APPEND x {5}\n"
		"S: A1 BAD no\n"
		"C: A2 LOGOUT\n"
		"end\n",
		"A1 BAD no\n", 0},
	{"accepted before it was sent (B40)", "",
		"C: A1 APPEND x {5}\n"
		"S: A1 OK thanks\n"
		"end\n",
		"127.0.0.1 broke the protocol: a reply to a command that it was not sent whole",
		-1},
	{"other events meanwhile", "",
		"C: A1 APPEND x {5}\n"
		"S: * 7 EXISTS\n"
		"S: * LIST (\\\\A) \"/\" b\n"
		"S: + go\n"
		"C: abcde\n"
		"S: A1 OK\n",
		"* 7 EXISTS\n"
		"* LIST \n"
		"A1 OK \n",
		1},
	{"a body meanwhile (B37)", "",
		"C: A1 APPEND x {5}\n"
		"S: * 7 FETCH (BODY[] {70000}\n"
		"zeros 70000\n"
		"S: )\n"
		"S: * 8 EXISTS\n"
		"S: + go\n"
		"C: abcde\n"
		"S: A1 OK\n",
		"* 8 EXISTS\n"
		"A1 OK \n",
		1},
	{"the end of another command", "",
		"C: A1 APPEND x {5}\n"
		"S: A2 OK\n"
		"end\n",
		"127.0.0.1 broke the protocol: a reply to 'A2', which it was not asked", -1},
};

static void each_literal_waits_where_it_must(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
		struct error err = {0};
		struct script *script;
		int went = -1;
		struct imap_session *s =
			client_begin(&script, literals[i].offers, literals[i].script);
		assert_int_equal(client_append(s, "abcde", &went, &err), literals[i].went >= 0);
		if (went != literals[i].went)
			fail_msg("%s: %d, %s", literals[i].what, went, err.text);
		const char *came = went < 0 ? err.text : client_events(s);
		if (strcmp(came, literals[i].events) != 0)
			fail_msg("%s: '%s'", literals[i].what, came);
		client_finish(s, script);
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
		snprintf(text, sizeof text,
			"%stake %zu\n"
			"C: \n"
			"S: A1 OK\n",
			sizes[i].line, sizes[i].n);
		memset(body, 'x', sizes[i].n);
		struct script *script;
		struct imap_session *s = client_begin(&script, "LITERAL-", text);
		assert_true(client_append(s, body, &went, &err));
		assert_string_equal(client_events(s), "A1 OK \n");
		client_finish(s, script);
	}
}

static void a_literal_has_the_length_that_was_announced(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script;
	struct imap_session *s = client_begin(&script, "LITERAL+", "end\n");
	assert_true(session_begin(s, NULL, &err) && session_put(s, "APPEND x ", 9, &err));
	assert_int_equal(session_literal(s, 5, &err), 1);
	assert_false(session_put(s, "abcdef", 6, &err));
	assert_error(err, ERROR_STORE,
		"cannot send to 127.0.0.1: a literal is longer than was announced");
	client_finish(s, script);

	s = client_begin(&script, "LITERAL+", "C- A1 APPEND x {5+}\\r\\nabcd\n");
	assert_true(session_begin(s, NULL, &err) && session_put(s, "APPEND x ", 9, &err));
	assert_int_equal(session_literal(s, 5, &err), 1);
	assert_true(session_put(s, "abcd", 4, &err) && session_flush(s, &err));
	assert_false(session_end(s, &err));
	assert_error(err, ERROR_STORE, "cannot send to 127.0.0.1: a literal is not complete");
	client_finish(s, script);
}

static void a_built_command_sends_its_literals(void **state)
{
	(void)state;
	struct error err = {0};
	struct imap_command c;
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 CREATE {7}\n"
		"S: + go\n"
		"C- \\x22\\xc3\\xbc\\x5c{1}\n"
		"C: \n"
		"S: A1 OK\n");
	imap_command_init(&c, false);
	imap_command_words(&c, "CREATE ");
	imap_command_string(&c, "\"\303\274\\{1}");
	assert_null(imap_command_refused(&c));
	assert_true(session_command(s, NULL, &c, &err));
	imap_command_finish(&c);
	assert_string_equal(client_events(s), "A1 OK \n");
	client_finish(s, script);
}

/* ---- bodies ---- */

static void a_body_comes_in_runs(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 UID FETCH 1 BODY[]\n"
		"S: * 1 FETCH (UID 7 BODY[] {6}\n"
		"S- abc\n"
		"wait 30\n"
		"S- def\n"
		"S: )\n"
		"S: A1 OK\n");
	session_stream(s, true);
	client_submit(s, "UID FETCH 1 BODY[]");
	assert_string_equal(client_events(s), "begin 6\n"
					      "run abc\n"
					      "run def\n"
					      "end\n"
					      "* 1 FETCH\n"
					      "A1 OK \n");
	client_finish(s, script);
}

static void a_body_that_is_cut_off_is_a_failure(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 UID FETCH 1 BODY[]\n"
		"S: * 1 FETCH (UID 7 BODY[] {6}\n"
		"S- abc\n");
	session_stream(s, true);
	client_submit(s, "UID FETCH 1 BODY[]");
	assert_string_equal(client_events(s), "begin 6\n"
					      "run abc\n"
					      "127.0.0.1 closed the connection");
	client_finish(s, script);
}

/* ---- limits ---- */

static void there_are_no_more_responses_than_a_mailbox_can_have(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 NOOP\n"
		"repeat 100001 * 1 FETCH (FLAGS ())\\r\\n\n"
		"wait 100\n");
	struct session_event e;
	struct error err = {0};
	client_submit(s, "NOOP");
	size_t n = 0;
	while (session_next(s, &e, &err) > 0)
		n++;
	assert_int_equal(n, 100000);
	assert_error(
		err, ERROR_STORE, "127.0.0.1 broke the protocol: 100001 responses, and no end");
	client_finish(s, script);
}

static void a_large_mailbox_may_have_more(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 NOOP\n"
		"S: * 30000 EXISTS\n"
		"repeat 150000 * 1 FETCH (FLAGS ())\\r\\n\n"
		"S: A1 OK\n");
	struct session_event e;
	struct error err = {0};
	client_submit(s, "NOOP");
	size_t n = 0;
	while (session_next(s, &e, &err) > 0)
		n++;
	assert_string_equal(err.text, "");
	assert_int_equal(n, 150002);
	client_finish(s, script);
}

static void each_command_has_its_own_responses(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 NOOP\n"
		"C: A2 NOOP\n"
		"repeat 60000 * 1 FETCH (FLAGS ())\\r\\n\n"
		"S: A1 OK\n"
		"repeat 60000 * 1 FETCH (FLAGS ())\\r\\n\n"
		"S: A2 OK\n");
	struct session_event e;
	struct error err = {0};
	client_submit(s, "NOOP");
	client_submit(s, "NOOP");
	size_t n = 0;
	while (session_next(s, &e, &err) > 0)
		n++;
	assert_string_equal(err.text, "");
	assert_int_equal(n, 120002);
	client_finish(s, script);
}

static void ticks_do_not_go_on_for_ever(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 NOOP\n"
		"S: * OK tick\n"
		"S: * 1 EXISTS\n"
		"S: * OK tick\n"
		"wait 50\n"
		"S: * OK tick\n"
		"S: * OK tick\n");
	struct session_event e;
	struct error err = {0};
	client_submit(s, "NOOP");
	assert_int_equal(session_next(s, &e, &err), 1);
	s->progress -= 100000; /* as if the server had gone on like this for so long */
	assert_int_equal(session_next(s, &e, &err), 1); /* EXISTS is something */
	assert_int_equal(session_next(s, &e, &err), 1);
	s->progress -= 19000;
	assert_int_equal(session_next(s, &e, &err), 1);
	s->progress -= 2000;
	assert_int_equal(session_next(s, &e, &err), -1);
	assert_error(err, ERROR_STORE, "127.0.0.1 sent nothing but notices for 20 s");
	assert_false(err.transient); /* another session would be as long */
	client_finish(s, script);
}

static void silence_ends_a_session(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 NOOP\n"
		"deaf\n");
	client_submit(s, "NOOP");
	assert_string_equal(client_events(s), "127.0.0.1 was silent for 2 s");
	client_finish(s, script);
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
	struct script *script;
	struct imap_session *s = client_begin(&script, "",
		"C: A1 NOOP\n"
		"S: * OK [ALERT] quota \\x1b]0;\\x07 nearly full\n"
		"S: A1 OK [ALERT] really\n");
	log_set_sink(tell);
	struct session_event e;
	struct error err = {0};
	client_submit(s, "NOOP");
	assert_int_equal(session_next(s, &e, &err), 1);
	assert_string_equal(told, "work: 127.0.0.1 says: quota \\x1B]0;\\x07 nearly full");
	assert_int_equal(session_next(s, &e, &err), 1);
	assert_string_equal(told, "work: 127.0.0.1 says: really");
	log_set_sink(NULL);
	client_finish(s, script);
}

static void compression_begins_where_the_flight_ends(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "COMPRESS=DEFLATE",
		"C: A1 NOOP\n"
		"C: A2 COMPRESS DEFLATE\n"
		"S: A1 OK a\n"
		"S: A2 OK go\n"
		"deflate\n"
		"C: A3 NOOP\n"
		"S: A3 OK c\n"
		"C: A4 LOGOUT\n"
		"end\n");
	struct error err = {0};
	client_submit(s, "NOOP");
	assert_int_equal(session_compress(s, &err), 1);
	assert_int_equal(session_compress(s, &err), 0); /* once is enough */
	client_submit(s, "NOOP");
	assert_string_equal(client_events(s), "A1 OK a\n"
					      "A3 OK c\n");
	client_finish(s, script);
}

/* B43: what a reply may take counts as it is after inflating. */
static void a_compressed_bomb_meets_the_limits_of_a_reply(void **state)
{
	(void)state;
	struct script *script;
	struct session_event e;
	struct imap_session *s = client_begin(&script, "COMPRESS=DEFLATE",
		"C: A1 COMPRESS DEFLATE\n"
		"S: A1 OK go\n"
		"deflate\n"
		"C: A2 NOOP\n"
		"S- * OK \n"
		"zeros 268435456\n");
	struct error err = {0};
	assert_int_equal(session_compress(s, &err), 1);
	client_submit(s, "NOOP");
	assert_int_equal(session_next(s, &e, &err), -1);
	assert_error(err, ERROR_STORE, "127.0.0.1 broke the protocol: a response is too long");
	assert_in_range(session_bytes_in(s), 1, 1024 * 1024);
	client_finish(s, script);
}

static void a_compressed_stream_that_is_cut_off_is_a_lost_connection(void **state)
{
	(void)state;
	struct script *script;
	struct session_event e;
	struct imap_session *s = client_begin(&script, "COMPRESS=DEFLATE",
		"C: A1 COMPRESS DEFLATE\n"
		"S: A1 OK go\n"
		"deflate\n"
		"C: A2 NOOP\n"
		"S- * OK half a li\n");
	struct error err = {0};
	assert_int_equal(session_compress(s, &err), 1);
	client_submit(s, "NOOP");
	assert_int_equal(session_next(s, &e, &err), -1);
	assert_error(err, ERROR_STORE, "127.0.0.1 closed the connection");
	assert_true(err.transient);
	client_finish(s, script);
}

static void compression_that_is_refused_is_done_without(void **state)
{
	(void)state;
	struct script *script;
	struct imap_session *s = client_begin(&script, "COMPRESS=DEFLATE",
		"C: A1 COMPRESS DEFLATE\n"
		"S: A1 NO not now\n"
		"C: A2 NOOP\n"
		"S: A2 OK\n");
	struct error err = {0};
	assert_int_equal(session_compress(s, &err), 0);
	assert_int_equal(session_compress(s, &err), 0);
	client_submit(s, "NOOP");
	assert_string_equal(client_events(s), "A2 OK \n");
	client_finish(s, script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_go_in_one_flight_and_their_ends_come_in_order),
		cmocka_unit_test(a_server_may_end_commands_in_another_order),
		cmocka_unit_test(each_reply_is_an_event_or_the_end),
		cmocka_unit_test(a_tag_is_good_for_one_reply),
		cmocka_unit_test(a_server_that_leaves_may_be_tried_again),
		cmocka_unit_test(a_server_that_leaves_while_we_write_is_still_heard),
		cmocka_unit_test(a_stop_is_told_as_one_even_if_the_server_says_bye),
		cmocka_unit_test(a_line_end_never_gets_into_a_command),
		cmocka_unit_test(each_literal_waits_where_it_must),
		cmocka_unit_test(literal_minus_asks_for_a_large_one),
		cmocka_unit_test(a_literal_has_the_length_that_was_announced),
		cmocka_unit_test(a_built_command_sends_its_literals),
		cmocka_unit_test(a_body_comes_in_runs),
		cmocka_unit_test(a_body_that_is_cut_off_is_a_failure),
		cmocka_unit_test(there_are_no_more_responses_than_a_mailbox_can_have),
		cmocka_unit_test(a_large_mailbox_may_have_more),
		cmocka_unit_test(each_command_has_its_own_responses),
		cmocka_unit_test(ticks_do_not_go_on_for_ever),
		cmocka_unit_test(silence_ends_a_session),
		cmocka_unit_test(an_alert_is_told_escaped),
		cmocka_unit_test(compression_begins_where_the_flight_ends),
		cmocka_unit_test(a_compressed_bomb_meets_the_limits_of_a_reply),
		cmocka_unit_test(a_compressed_stream_that_is_cut_off_is_a_lost_connection),
		cmocka_unit_test(compression_that_is_refused_is_done_without),
	};
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
