/*
 * Signing in: every mechanism answers whatever a server challenges it with, or says no.
 *
 * The first byte chooses the mechanism; challenges end at a newline, and 0x01 in one stands for the
 * nonce that the client chose, which SCRAM wants to see again.
 */
#include <string.h>

#include "fuzz.h"
#include "imap/sasl.h"

static const char *const names[] = {
	"PLAIN", "EXTERNAL", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2"};

/* What stands behind "r=" in the client's first words. */
static void note_nonce(const struct buffer *said, struct buffer *nonce)
{
	for (size_t i = 0; nonce->len == 0 && i + 2 < said->len; i++)
		if (memcmp(said->data + i, ",r=", 3) == 0)
			buffer_add(nonce, said->data + i + 3, said->len - i - 3);
}

static void challenge_with(
	const uint8_t *text, size_t n, const struct buffer *nonce, struct buffer *out)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] == 1)
			buffer_add(out, nonce->data, nonce->len);
		else
			buffer_add(out, &text[i], 1);
}

static void exchange(struct sasl *sasl, bool server_first, const uint8_t *data, size_t size)
{
	struct buffer said, nonce, challenge;
	struct error err = {0};
	bool ok = true;
	buffer_init(&said, 1 << 16);
	buffer_init(&nonce, 1 << 16);
	buffer_init(&challenge, 1 << 16);
	if (!server_first)
		ok = sasl_step(sasl, "", 0, &said, &err);
	note_nonce(&said, &nonce);
	for (const uint8_t *at = data, *end = data + size; ok && at < end;) {
		const uint8_t *cut = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((cut != NULL ? cut : end) - at);
		said.len = challenge.len = 0;
		challenge_with(at, n, &nonce, &challenge);
		ok = sasl_step(sasl, challenge.data, challenge.len, &said, &err);
		FUZZ_HOLDS(ok == (err.scope == ERROR_NONE));
		at += n + 1;
	}
	sasl_proven(sasl);
	sasl_complaint(sasl);
	buffer_finish(&challenge);
	buffer_finish(&nonce);
	buffer_finish(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sasl_library *library;
	static const struct sasl_identity identity = {.user = "ann",
		.password = "s3cret",
		.token = "t0ken",
		.host = "imap.example.org",
		.port = 993};
	if (library == NULL)
		library = sasl_library_new();
	if (size == 0)
		return 0;
	const struct sasl_mechanism *m = sasl_find(names[data[0] % (sizeof names / sizeof *names)]);
	FUZZ_HOLDS(m != NULL);
	struct error err = {0};
	struct sasl *sasl = sasl_new(m, library, &identity, &err);
	FUZZ_HOLDS((sasl == NULL) == (err.scope != ERROR_NONE));
	if (sasl != NULL)
		exchange(sasl, m->server_first, data + 1, size - 1);
	sasl_free(sasl);
	return 0;
}
