#include "unit.h"

#include <string.h>

#include "imap/reply.h"
#include "mail/message.h"

/* A line of a server, read; the parser keeps its nodes until the next call. */
static bool reads(const char *line, struct imap_reply *reply, const char **why)
{
	static struct imap_parser *parser;
	char bytes[2000];
	size_t used = 0;
	struct imap_out out;
	if (parser != NULL)
		imap_parser_free(parser);
	parser = NULL;
	if (line == NULL)
		return false;
	parser = imap_parser_new(&imap_default_limits);
	imap_parser_stream(parser, true);
	int n = snprintf(bytes, sizeof bytes, "%s\r\n", line);
	enum imap_event event = imap_parse(parser, (uint8_t *)bytes, (size_t)n, &used, &out);
	assert_true(event == IMAP_RESPONSE || event == IMAP_BODY_BEGIN);
	*why = "";
	return imap_reply_read(out.root->next, reply, why);
}

static struct imap_reply good(const char *line, enum imap_reply_kind kind)
{
	struct imap_reply reply;
	const char *why = "";
	if (!reads(line, &reply, &why))
		fail_msg("%s: %s", line, why);
	assert_int_equal(reply.kind, kind);
	return reply;
}

static void a_condition_tells_its_code_and_its_text(void **state)
{
	(void)state;
	struct imap_condition c =
		good("A1 NO [TRYCREATE] no such mailbox", REPLY_CONDITION).condition;
	assert_int_equal(c.verdict, VERDICT_NO);
	assert_int_equal(c.code, CODE_TRYCREATE);
	assert_string_equal(c.text, "no such mailbox");
	assert_int_equal(good("* BYE", REPLY_CONDITION).condition.verdict, VERDICT_BYE);
	assert_string_equal(good("* PREAUTH", REPLY_CONDITION).condition.text, "");
	c = good("* ok [uidnext 4392] x", REPLY_CONDITION).condition;
	assert_int_equal(c.verdict, VERDICT_OK);
	assert_int_equal(c.code, CODE_UIDNEXT);
	assert_int_equal(c.number, 4392);
	c = good("* OK [HIGHESTMODSEQ 9223372036854775807] x", REPLY_CONDITION).condition;
	assert_true(c.code == CODE_HIGHESTMODSEQ && c.number == INT64_MAX);
	c = good("* OK [MAILBOXID (F2212ea8-7)] x", REPLY_CONDITION).condition;
	assert_string_equal(c.id, "F2212ea8-7");
	c = good("* OK [PERMANENTFLAGS (\\Seen \\*)] x", REPLY_CONDITION).condition;
	assert_int_equal(c.code, CODE_PERMANENTFLAGS);
	assert_string_equal(c.args->child->next->text, "\\*");
	c = good("A1 OK [APPENDUID 38505 3955] x", REPLY_CONDITION).condition;
	assert_int_equal(c.code, CODE_APPENDUID);
	assert_int_equal(c.validity, 38505);
	assert_string_equal(c.to->text, "3955");
	c = good("A1 OK [COPYUID 38505 304,319:320 3956:3958] x", REPLY_CONDITION).condition;
	assert_int_equal(c.code, CODE_COPYUID);
	assert_string_equal(c.from->text, "304,319:320");
	assert_string_equal(c.to->text, "3956:3958");
	c = good("A1 OK [MODIFIED 7,9] x", REPLY_CONDITION).condition;
	assert_int_equal(c.code, CODE_MODIFIED);
	c = good("A1 NO [XFOO bar] baz", REPLY_CONDITION).condition;
	assert_int_equal(c.code, CODE_OTHER);
	assert_string_equal(c.code_name, "XFOO");
	assert_int_equal(good("* OK [] x", REPLY_CONDITION).condition.code, CODE_NONE);
}

/* B30: what a server may not have meant is not acted on. */
static void a_code_with_wrong_arguments_is_not_believed(void **state)
{
	(void)state;
	static const char *const codes[] = {"APPENDUID", "APPENDUID 0 5", "APPENDUID 1 0",
		"APPENDUID 1", "APPENDUID 1 *", "APPENDUID 1 1:3,", "APPENDUID 4294967296 1",
		"APPENDUID 1 (1)", "COPYUID 1 1:3 1:2", "COPYUID 1 1:3", "COPYUID 0 1 1",
		"COPYUID 1 * *", "UIDVALIDITY 0", "UIDVALIDITY x", "UIDVALIDITY",
		"UIDVALIDITY 4294967296", "UIDNEXT 0", "HIGHESTMODSEQ 9223372036854775808",
		"HIGHESTMODSEQ 0", "PERMANENTFLAGS", "PERMANENTFLAGS \\Seen",
		"PERMANENTFLAGS (a ())", "PERMANENTFLAGS (\"a\")", "MODIFIED", "MODIFIED *",
		"MODIFIED 0", "MAILBOXID x", "MAILBOXID ()", "MAILBOXID (())"};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		char line[200];
		snprintf(line, sizeof line, "A1 OK [%s] x", codes[i]);
		assert_int_equal(good(line, REPLY_CONDITION).condition.code, CODE_OTHER);
	}
}

static void a_huge_set_in_a_code_costs_nothing(void **state)
{
	(void)state;
	struct imap_condition c =
		good("A1 OK [COPYUID 1 1:4294967295 4294967295:1] x", REPLY_CONDITION).condition;
	assert_int_equal(c.code, CODE_COPYUID);
}

static void a_mailbox_is_listed_with_what_it_is_for(void **state)
{
	(void)state;
	struct imap_listed l = good(
		"* LIST (\\HasNoChildren \\sent \\Subscribed) \"/\" \"Sent Items\"", REPLY_LIST)
				       .listed;
	assert_string_equal(l.name, "Sent Items");
	assert_int_equal(l.delimiter, '/');
	assert_int_equal(l.use, USE_SENT);
	assert_int_equal(l.attributes, ATTRIBUTE_SUBSCRIBED);
	l = good("* LIST (\\NonExistent) NIL 2024 (\"CHILDINFO\" (\"SUBSCRIBED\"))", REPLY_LIST)
		    .listed;
	assert_string_equal(l.name, "2024");
	assert_int_equal(l.delimiter, '\0');
	assert_int_equal(l.attributes, ATTRIBUTE_NONEXISTENT | ATTRIBUTE_NOSELECT);
	assert_string_equal(good("* LSUB () \".\" INBOX.x", REPLY_LSUB).listed.name, "INBOX.x");
	assert_string_equal(good("* LIST () \"/\" NIL", REPLY_LIST).listed.name, "NIL");
	assert_int_equal(good("* LIST () \"\\\\\" x", REPLY_LIST).listed.delimiter, '\\');
	assert_string_equal(good("* LIST () \"\" \"\"", REPLY_LIST).listed.name, "");
}

static void a_status_tells_what_it_tells(void **state)
{
	(void)state;
	struct imap_counts c = good("* STATUS \"a b\" (MESSAGES 17 UIDNEXT 4392 UIDVALIDITY 7 "
				    "HIGHESTMODSEQ 9223372036854775807 SIZE 5 MAILBOXID (F1))",
		REPLY_STATUS)
				       .counts;
	assert_string_equal(c.name, "a b");
	assert_true(c.has_messages);
	assert_int_equal(c.messages, 17);
	assert_int_equal(c.uidnext, 4392);
	assert_int_equal(c.uidvalidity, 7);
	assert_true(c.highestmodseq == INT64_MAX);
	assert_string_equal(c.id, "F1");
	c = good("* STATUS x (MESSAGES 4294967296 UIDNEXT -1 UIDVALIDITY x MAILBOXID NIL)",
		REPLY_STATUS)
		    .counts;
	assert_false(c.has_messages);
	assert_int_equal(c.uidnext, 0);
	assert_int_equal(c.uidvalidity, 0);
	assert_null(c.id);
	assert_false(good("* STATUS x ()", REPLY_STATUS).counts.has_messages);
}

static void a_fetch_is_read_in_any_order(void **state)
{
	(void)state;
	struct imap_fetched f =
		good("* 12 FETCH (X-FOO (1 (2)) FLAGS (\\Seen 2024 $Junk) RFC822.SIZE 44827 "
		     "INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" MODSEQ (624140003) "
		     "EMAILID (M6d99ac3275bb4e) X-GM-MSGID 1278455344230334865 uid 7)",
			REPLY_FETCH)
			.fetched;
	assert_int_equal(f.seq, 12);
	assert_int_equal(f.uid, 7);
	assert_true(f.has_flags && f.has_size && f.has_date);
	assert_string_equal(f.flags->text, "\\Seen");
	assert_string_equal(f.flags->next->text, "2024");
	assert_int_equal(f.size, 44827);
	assert_int_equal(f.received, 837596665);
	assert_int_equal(f.zone, -420);
	assert_int_equal(f.modseq, 624140003);
	assert_string_equal(f.emailid, "M6d99ac3275bb4e");
	assert_true(f.gmail_id == UINT64_C(1278455344230334865));
	assert_int_equal(f.bodies, 0);

	f = good("* 1 FETCH (FLAGS ())", REPLY_FETCH).fetched;
	assert_true(f.has_flags && f.flags == NULL && f.uid == 0);
	f = good("* 1 FETCH (UID 1 INTERNALDATE \"99-Foo-9999 99:99:99 +9999\" RFC822.SIZE -5)",
		REPLY_FETCH)
		    .fetched;
	assert_false(f.has_date);
	assert_false(f.has_size);
	f = good("* 1 FETCH (UID 1 INTERNALDATE NIL)", REPLY_FETCH).fetched;
	assert_false(f.has_date);
}

static void a_fetch_says_what_body_it_brings(void **state)
{
	(void)state;
	struct imap_fetched f = good("* 1 FETCH (UID 7 BODY[HEADER] {5}", REPLY_FETCH).fetched;
	assert_int_equal(f.body, BODY_STREAMED);
	assert_string_equal(f.section, "BODY[HEADER]");
	assert_int_equal(f.uid, 7);
	f = good("* 1 FETCH (BODY[] NIL UID 7)", REPLY_FETCH).fetched;
	assert_int_equal(f.body, BODY_NIL);
	assert_int_equal(f.bodies, 1);
	f = good("* 1 FETCH (BODY[] NIL BODY[]<0> NIL)", REPLY_FETCH).fetched;
	assert_int_equal(f.bodies, 2);
	assert_string_equal(f.section, "BODY[]<0>");
}

static void a_search_finds_numbers_in_both_forms(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct seqset set;
	char text[100];
	static const struct {
		const char *line;
		enum imap_reply_kind kind;
		const char *set;
		uint64_t modseq;
	} row[] = {
		{"* SEARCH 2 84 882", REPLY_SEARCH, "2,84,882", 0},
		{"* SEARCH", REPLY_SEARCH, "", 0},
		{"* SEARCH (MODSEQ 5)", REPLY_SEARCH, "", 5},
		{"* SEARCH 2 3 4 (MODSEQ 917162500)", REPLY_SEARCH, "2:4", 917162500},
		{"* ESEARCH (TAG \"A1\") UID COUNT 5 ALL 4:19,21,28 MODSEQ 7", REPLY_ESEARCH,
			"4:19,21,28", 7},
		{"* ESEARCH (TAG \"A1\") UID", REPLY_ESEARCH, "", 0},
		{"* ESEARCH UID ALL 7", REPLY_ESEARCH, "7", 0},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct imap_found found = good(row[i].line, row[i].kind).found;
		seqset_init(&set, arena);
		assert_true(imap_reply_numbers(&found, &set));
		seqset_text(&set, 0, text, sizeof text);
		assert_string_equal(text, row[i].set);
		assert_int_equal(found.modseq, row[i].modseq);
	}
	struct imap_vanished v = good("* VANISHED (EARLIER) 41,43:116", REPLY_VANISHED).vanished;
	assert_true(v.earlier);
	assert_string_equal(v.uids->text, "41,43:116");
	assert_false(good("* VANISHED 7", REPLY_VANISHED).vanished.earlier);
	arena_free(arena);
}

static void what_belongs_to_the_session_is_read_too(void **state)
{
	(void)state;
	assert_int_equal(good("* 172 EXISTS", REPLY_EXISTS).number, 172);
	assert_int_equal(good("* 0 EXISTS", REPLY_EXISTS).number, 0);
	assert_int_equal(good("* 0 RECENT", REPLY_RECENT).number, 0);
	assert_int_equal(good("* 44 EXPUNGE", REPLY_EXPUNGE).number, 44);
	assert_null(good("* CAPABILITY", REPLY_CAPABILITY).first);
	assert_string_equal(
		good("* CAPABILITY imap4rev1 X", REPLY_CAPABILITY).first->text, "imap4rev1");
	assert_string_equal(good("* ENABLED QRESYNC", REPLY_ENABLED).first->text, "QRESYNC");
	assert_string_equal(good("* FLAGS (\\Seen)", REPLY_FLAGS).first->text, "\\Seen");
	assert_string_equal(good("* ID (\"name\" NIL)", REPLY_ID).first->text, "name");
	assert_null(good("* ID NIL", REPLY_ID).first);
	struct imap_personal p =
		good("* NAMESPACE ((\"INBOX.\" \".\")(\"x\" \"/\")) NIL NIL", REPLY_NAMESPACE)
			.personal;
	assert_string_equal(p.prefix, "INBOX.");
	assert_int_equal(p.delimiter, '.');
	assert_null(good("* NAMESPACE NIL NIL ((\"\" \"/\"))", REPLY_NAMESPACE).personal.prefix);
	good("* XYZZY 5 (plugh)", REPLY_OTHER);
	good("* 5 XYZZY", REPLY_OTHER);
	good("* (odd)", REPLY_OTHER);
}

static void a_reply_that_is_malformed_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"* 0 EXPUNGE", "* -1 FETCH (UID 1)", "* -1 EXPUNGE",
		"* 4294967296 EXISTS", "* 0 FETCH (UID 1)", "* 1 FETCH", "* 1 FETCH UID 7",
		"* 1 FETCH (UID)", "* 1 FETCH (UID 0)", "* 1 FETCH (UID 4294967296)",
		"* 1 FETCH (UID x)", "* 1 FETCH (UID 1 UID 2)", "* 1 FETCH (FLAGS \\Seen)",
		"* 1 FETCH (FLAGS (\"x\"))", "* 1 FETCH (FLAGS ((x)))", "* 1 FETCH (MODSEQ 5)",
		"* 1 FETCH (MODSEQ ())", "* 1 FETCH (BODY[] (x))", "* 1 FETCH (BODY[] 5)",
		"* 1 FETCH ((UID) 1)", "* 1 FETCH (INTERNALDATE ())", "* 1 FETCH (EMAILID x)",
		"* LIST", "* LIST ()", "* LIST () \"/\"", "* LIST () \"//\" x", "* LIST () () x",
		"* LIST \"/\" x", "* LIST () \"/\" (x)", "* STATUS", "* STATUS x", "* STATUS x 5",
		"* STATUS x (MESSAGES)", "* SEARCH 0", "* SEARCH 1 x", "* SEARCH 1 4294967296",
		"* SEARCH 1 (MODSEQ)", "* SEARCH (X 1)", "* ESEARCH UID ALL",
		"* ESEARCH UID ALL 1:3,", "* ESEARCH UID ALL *", "* ESEARCH (TAG \"x\") UID 5",
		"* VANISHED", "* VANISHED 1:3,", "* VANISHED *", "* VANISHED (EARLIER)",
		"* VANISHED 1 2", "* NAMESPACE", "* NAMESPACE x", "* NAMESPACE ((5))",
		"* NAMESPACE (())", "* ID", "* ID x", "* FLAGS x", "* CAPABILITY (x)"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct imap_reply reply;
		const char *why = "";
		if (reads(bad[i], &reply, &why))
			fail_msg("accepted: %s", bad[i]);
		assert_true(strlen(why) > 5);
	}
	reads(NULL, NULL, NULL);
}

static void a_server_says_how_long_it_wants_to_be_left_alone(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int64_t later;
		bool throttles;
	} rows[] = {
		{"A1 NO [THROTTLED] slow down", ERROR_LATER, true},
		{"A1 NO Request is throttled. Suggested Backoff Time: 299960 milliseconds", 299960,
			true},
		{"A1 NO [THROTTLED] SUGGESTED BACKOFF TIME: 7 milliseconds", 7, true},
		{"A1 NO [UNAVAILABLE] the server is down", ERROR_LATER, false},
		{"A1 NO [LIMIT] too many connections", ERROR_LATER, false},
		{"A1 NO [INUSE] a session has it", ERROR_LATER, false},
		{"A1 NO Suggested Backoff Time: soon", 0, false},
		{"A1 NO Suggested Backoff Time: -5 milliseconds", 0, false},
		/* no number so large that it could come out negative */
		{"A1 NO Suggested Backoff Time: 99999999999999999999 milliseconds", 9999999999,
			true},
		{"A1 NO [NONEXISTENT] there is none", 0, false},
		{"A1 NO later", 0, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct imap_condition c = good(rows[i].line, REPLY_CONDITION).condition;
		assert_int_equal(imap_condition_later(&c), rows[i].later);
		assert_int_equal(imap_condition_throttles(&c), rows[i].throttles);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_says_how_long_it_wants_to_be_left_alone),
		cmocka_unit_test(a_condition_tells_its_code_and_its_text),
		cmocka_unit_test(a_code_with_wrong_arguments_is_not_believed),
		cmocka_unit_test(a_huge_set_in_a_code_costs_nothing),
		cmocka_unit_test(a_mailbox_is_listed_with_what_it_is_for),
		cmocka_unit_test(a_status_tells_what_it_tells),
		cmocka_unit_test(a_fetch_is_read_in_any_order),
		cmocka_unit_test(a_fetch_says_what_body_it_brings),
		cmocka_unit_test(a_search_finds_numbers_in_both_forms),
		cmocka_unit_test(what_belongs_to_the_session_is_read_too),
		cmocka_unit_test(a_reply_that_is_malformed_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
