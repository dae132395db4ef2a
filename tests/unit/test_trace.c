#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "imap/trace.h"

static char *trace_of(const char *text, const char *password)
{
	char path[] = "/tmp/mailtwin-trace-XXXXXX";
	static char all[8000];
	struct error err = {0};
	close(mkstemp(path));
	assert_true(trace_open(path, &err));
	struct script *script = script_start(text, NULL);
	struct store_config config = client_config(script);
	config.imap.password.value = password;
	struct imap_session *s = client_open(&config, &err);
	assert_string_equal(err.text, "");
	int went;
	session_stream(s, true);
	client_submit(s, "UID FETCH 7 BODY[]");
	assert_true(client_append(s, "the mail's own words", &went, &err));
	client_events(s);
	client_finish(s, script);
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
		 "C: A1 LOGIN ann@example.org s3cret\n"
		 "S: A1 OK [CAPABILITY IMAP4rev1 LITERAL+] in\n",
			"s3cret"},
		{"S: * OK [CAPABILITY IMAP4rev1 LITERAL+] hi\n"
		 "C: A1 LOGIN ann@example.org {7+}\n"
		 "C: s3cr\\xc3\\xa9t\n"
		 "S: A1 OK [CAPABILITY IMAP4rev1 LITERAL+] in\n",
			"s3cr\303\251t"},
		{"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n"
		 "C: A1 AUTHENTICATE PLAIN\n"
		 "S: + \n"
		 "C: AGFubkBleGFtcGxlLm9yZwBzM2NyZXQ=\n"
		 "S: A1 OK [CAPABILITY IMAP4rev1 LITERAL+] in\n",
			"s3cret"},
		{"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\n"
		 "C: A1 AUTHENTICATE PLAIN AGFubkBleGFtcGxlLm9yZwBzM2NyZXQ=\n"
		 "S: A1 OK [CAPABILITY IMAP4rev1 LITERAL+] in\n",
			"s3cret"},
		{"S: * OK [CAPABILITY IMAP4rev1 AUTH=CRAM-MD5] hi\n"
		 "C: A1 AUTHENTICATE CRAM-MD5\n"
		 "S: + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\n"
		 "C: ...\n"
		 "S: A1 OK [CAPABILITY IMAP4rev1 LITERAL+] in\n",
			"s3cret"},
	};
	for (size_t i = 0; i < 5; i++) {
		char text[1000];
		snprintf(text, sizeof text,
			"%sC: A2 UID FETCH 7 BODY[]\n"
			"C: A3 APPEND x {20+}\n"
			"C: the mail's own words\n"
			"S: * 1 FETCH (UID 7 BODY[] {11}\n"
			"S- hello there\n"
			"S: )\n"
			"S: A2 OK\n"
			"S: A3 OK\n",
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
		assert_null(strstr(trace, "PDE4"));
		assert_null(strstr(trace, "{7"));
		assert_null(strstr(trace, "own words"));
		assert_null(strstr(trace, "hello there"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trace_shows_the_protocol_and_neither_secrets_nor_mail),
	};
	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
