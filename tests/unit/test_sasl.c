#include "unit.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "imap/base64.h"
#include "imap/sasl.h"

/* ---- SCRAM against GNU SASL's server, honest and not ---- */

static const char *server_password;

static int serve(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	(void)library;
	if (property == GSASL_PASSWORD)
		return gsasl_property_set(session, GSASL_PASSWORD, server_password);
	return property == GSASL_VALIDATE_EXTERNAL ? GSASL_OK : GSASL_NO_CALLBACK;
}

/* What an attacker in the middle does to the server's message number ${at}. */
struct forgery {
	const char *what;
	unsigned at;
	const char *find, *put; /* put in place of what begins with find, up to the comma */
	const char *says;
};

static const struct forgery forgeries[] = {
	{"none", 0, NULL, NULL, ""},
	{"one iteration", 1, "i=", "i=1", "its iteration count is not between 4096 and 1000000"},
	{"4095", 1, "i=", "i=4095", "its iteration count is not between 4096 and 1000000"},
	{"endless iterations", 1, "i=", "i=2147483647",
		"its iteration count is not between 4096 and 1000000"},
	{"a count that wraps", 1, "i=", "i=18446744073709555712",
		"its iteration count is not between 4096 and 1000000"},
	{"a count with a sign", 1, "i=", "i=-4096",
		"its iteration count is not between 4096 and 1000000"},
	{"no count", 1, ",i=", "", "it tells no iteration count"},
	{"another nonce", 1, "r=", "r=another", NULL},
	{"no nonce", 1, "r=", "x=1", NULL},
	{"a wrong proof", 2, "v=", "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", NULL},
	{"no proof", 2, "v=", "", NULL},
	{"an error", 2, "v=", "e=other-error", NULL},
};

/* ${message} with its forgery, in memory of its own. */
static char *forge(const struct forgery *forgery, unsigned at, const char *message, size_t n)
{
	char *out = calloc(1, n + 100);
	memcpy(out, message, n);
	char *from = at == forgery->at && forgery->find != NULL ? strstr(out, forgery->find) : NULL;
	if (from == NULL)
		return out;
	char *to = from + 1 + strcspn(from + 1, ",");
	char *rest = strdup(to);
	sprintf(from, "%s%s", forgery->put, rest);
	free(rest);
	return out;
}

/* The client's half of an exchange with an honest server; the error's text, "" = proven. */
static void exchange_with(
	const char *name, const struct forgery *forgery, bool master, struct error *err)
{
	Gsasl *library;
	Gsasl_session *server;
	assert_int_equal(gsasl_init(&library), GSASL_OK);
	gsasl_callback_set(library, serve);
	assert_int_equal(gsasl_server_start(library, name, &server), GSASL_OK);
	struct sasl_library *ours = sasl_library_new();
	struct sasl_identity identity = {
		.user = "ann", .master = master ? "admin" : NULL, .password = "s3cret"};
	struct sasl *sasl = sasl_new(sasl_find(name), ours, &identity, err);
	assert_non_null(sasl);

	struct buffer response;
	buffer_init(&response, 4096);
	char *challenge = strdup("");
	bool ok = true, done = false;
	for (unsigned at = 1; ok; at++) {
		response.len = 0;
		ok = sasl_step(sasl, challenge, strlen(challenge), &response, err);
		if (!ok || done)
			break;
		char *said = NULL;
		size_t n = 0;
		int code = gsasl_step(server, response.data, response.len, &said, &n);
		done = code == GSASL_OK;
		ok = done || code == GSASL_NEEDS_MORE ||
		     error_set(err, ERROR_STORE, CAUSE_SIGNIN, "the server says: %s",
			     gsasl_strerror(code));
		free(challenge);
		challenge = forge(forgery, at, said != NULL ? said : "", n);
		gsasl_free(said);
	}
	if (ok)
		assert_true(sasl_proven(sasl));
	if (ok && master)
		assert_string_equal(gsasl_property_fast(server, GSASL_AUTHZID), "ann");
	free(challenge);
	buffer_finish(&response);
	sasl_free(sasl);
	sasl_library_free(ours);
	gsasl_finish(server);
	gsasl_done(library);
}

static void scram_proves_both_sides_and_accepts_no_forgery(void **state)
{
	/* B16 */
	(void)state;
	static const char *const names[] = {"SCRAM-SHA-256", "SCRAM-SHA-1"};
	server_password = "s3cret";
	for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++)
		for (size_t j = 0; j < 2; j++) {
			struct error err = {0};
			exchange_with(names[j], &forgeries[i], false, &err);
			if (forgeries[i].says == NULL ? err.scope != ERROR_STORE
						      : strcmp(err.text, forgeries[i].says) != 0)
				fail_msg("%s: '%s'", forgeries[i].what, err.text);
		}
	struct error err = {0};
	exchange_with("SCRAM-SHA-256", &forgeries[0], true, &err);
	assert_string_equal(err.text, "");
	server_password = "another";
	exchange_with("SCRAM-SHA-256", &forgeries[0], false, &err);
	assert_memory_equal(err.text, "the server says: ", 17);
}

/* ---- base64 ---- */

static void base64_is_strict(void **state)
{
	(void)state;
	static const struct {
		const char *text, *octets;
	} good[] = {{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYmE=", "fooba"},
		{"+/+/", "\373\377\277"}};
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "====", "=",
		"Zg==Zg==", "Zm=v", "Zh==", "Zm9=", "Zm9v\n", "Zm 9v", "Zm9-", "Z===", "Zm9v===="};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct buffer b;
		buffer_init(&b, 100);
		assert_true(base64_decode(good[i].text, strlen(good[i].text), &b));
		assert_int_equal(b.len, strlen(good[i].octets));
		assert_memory_equal(b.data, good[i].octets, b.len);
		b.len = 0;
		assert_true(base64_encode(good[i].octets, strlen(good[i].octets), &b));
		assert_string_equal(b.data, good[i].text);
		buffer_finish(&b);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buffer b;
		buffer_init(&b, 100);
		if (base64_decode(bad[i], strlen(bad[i]), &b))
			fail_msg("'%s' was accepted", bad[i]);
		assert_int_equal(b.len, 0);
		buffer_finish(&b);
	}
	struct buffer small;
	buffer_init(&small, 2);
	assert_false(base64_decode("Zm9v", 4, &small));
	assert_true(base64_decode("Zm8=", 4, &small));
	buffer_finish(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scram_proves_both_sides_and_accepts_no_forgery),
		cmocka_unit_test(base64_is_strict),
	};
	return cmocka_run_group_tests_name("sasl", tests, NULL, NULL);
}
