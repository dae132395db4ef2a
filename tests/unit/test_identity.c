#include "unit.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "mail/identity.h"

static struct hasher *hasher;

static int make_hasher(void **state)
{
	(void)state;
	hasher = hasher_new();
	return 0;
}

static int free_hasher(void **state)
{
	(void)state;
	hasher_free(hasher);
	return 0;
}

struct both {
	struct identity header, whole;
};

#define assert_same(a, b)      assert_memory_equal((a).octet, (b).octet, IDENTITY_SIZE)
#define assert_different(a, b) assert_memory_not_equal((a).octet, (b).octet, IDENTITY_SIZE)

/* As two runs, cut at an offset. */
static struct both hash_cut(const char *text, size_t len, size_t cut)
{
	struct both both;
	uint64_t octets;
	hasher_begin(hasher);
	hasher_add(hasher, (const uint8_t *)text, cut);
	hasher_add(hasher, (const uint8_t *)text + cut, len - cut);
	hasher_end(hasher, &both.header, &both.whole, &octets);
	assert_int_equal(octets, len);
	return both;
}

static struct both hash(const char *text)
{
	return hash_cut(text, strlen(text), 0);
}

static struct identity sha256(const char *text, size_t len)
{
	uint8_t full[EVP_MAX_MD_SIZE];
	struct identity id;
	assert_true(EVP_Digest(text, len, full, NULL, EVP_sha256(), NULL));
	memcpy(id.octet, full, sizeof id.octet);
	return id;
}

/* The state keeps identities: they must never come out otherwise. */
static void an_identity_is_the_start_of_a_known_digest(void **state)
{
	(void)state;
	static const uint8_t known[IDENTITY_SIZE] = {0xd2, 0xf4, 0xc8, 0xb7, 0xb6, 0x83, 0x6e, 0x82,
		0x78, 0x47, 0x0f, 0x89, 0x3f, 0x3b, 0x12, 0xbd};
	struct both both = hash("Subject: x\n\nbody\n");
	assert_memory_equal(both.header.octet, known, IDENTITY_SIZE);
	assert_same(both.header, sha256("Subject: x\r\n", 12));
	assert_same(both.whole, sha256("Subject: x\r\n\r\nbody\r\n", 20));
}

static void a_header_alone_has_the_identity_of_its_message(void **state)
{
	(void)state;
	struct both message = hash("A: b\r\nC: d\r\n\r\nbody\r\n\r\nmore\r\n");
	assert_same(hash("A: b\r\nC: d\r\n\r\n").header, message.header);
	assert_same(hash("A: b\r\nC: d\r\n").header, message.header);
	assert_same(hash("A: b\r\nC: d").header, message.header);
	assert_same(hash("A: b\nC: d\n\n\n\n").header, message.header);
	assert_same(hash("A: b\nC: d\n\nother").header, message.header);
	assert_different(hash("A: b\nC: e\n\nbody").header, message.header);
	assert_different(hash("A: b\n\nC: d\n").header, message.header);
	assert_same(hash("\r\nbody").header, hash("").header);
	assert_same(hash("").header, sha256("", 0));
}

static void S46_what_servers_alter_does_not_count(void **state)
{
	(void)state;
	static const char odd[] = "A: \xc3\xbc\r\n\r\na\0b\rc\r\r\n\r\n \r\nend";
	struct both plain = hash("A: XX\n\naXbc\n\n \nend\n");
	struct both both = hash_cut(odd, sizeof odd - 1, 0);
	assert_same(both.header, plain.header);
	assert_same(both.whole, plain.whole);
	assert_same(hash("A: XX\n\naXbc\n\n \nend\n\n\r\n\n").whole, plain.whole);
	assert_same(hash("A: b\n\n\n\n").whole, hash("A: b").whole);
	assert_same(hash("\r\n\r\n\r").whole, hash("").whole);
}

static void what_people_alter_counts(void **state)
{
	(void)state;
	struct identity whole = hash("A: b\n\nx\n\ny\n").whole;
	assert_different(hash("A: b\n\nx\ny\n").whole, whole);
	assert_different(hash("A: b\n\nx\n\n\ny\n").whole, whole);
	assert_different(hash("A: b\n\nx\n\ny\n \n").whole, whole);
	assert_different(hash("A: b\n\n\nx\n\ny\n").whole, whole);
	assert_different(hash("A: b\nx\n\ny\n").whole, whole);
}

static void marks_of_other_programs_do_not_count(void **state)
{
	(void)state;
	struct both plain = hash("A: b\nC: d\n\nX-TUID: body\n");
	static const char *const marked[] = {
		"A: b\nC: d\nX-TUID: kbs4+vBrFdw7\n\nX-TUID: body\n",
		"X-TUID: kbs4+vBrFdw7\r\nA: b\r\nC: d\r\n\r\nX-TUID: body\r\n",
		"A: b\nx-offlineimap: 17-host\nX-Tuid: \nC: d\n\nX-TUID: body\n",
	};
	for (size_t i = 0; i < sizeof marked / sizeof *marked; i++) {
		struct both both = hash(marked[i]);
		assert_same(both.header, plain.header);
		assert_same(both.whole, plain.whole);
		for (size_t cut = 1; cut < strlen(marked[i]); cut++)
			assert_same(hash_cut(marked[i], strlen(marked[i]), cut).whole, plain.whole);
	}
	assert_different(hash("A: b\nC: d\nX-TUIDS: e\n\nX-TUID: body\n").header, plain.header);
	assert_different(hash("A: b\nC: d\nX-TUI").header, plain.header);
	assert_different(hash("A: b\nC: d\n X-TUID: e\n\n").header, plain.header);
	assert_different(hash("A: b\nC: d\n\nbody\n").whole, plain.whole);
}

static void the_end_of_the_header_is_known_at_once(void **state)
{
	(void)state;
	hasher_begin(hasher);
	hasher_add(hasher, (const uint8_t *)"A: b\r\n\r", 7);
	assert_false(hasher_header_done(hasher));
	hasher_add(hasher, (const uint8_t *)"\n", 1);
	assert_true(hasher_header_done(hasher));
	struct identity header;
	hasher_end(hasher, &header, NULL, NULL);
	assert_same(header, hash("A: b").header);
	hasher_begin(hasher);
	assert_false(hasher_header_done(hasher));
	hasher_end(hasher, NULL, NULL, NULL);
}

static void a_message_cut_anywhere_is_the_same_message(void **state)
{
	(void)state;
	static const char text[] =
		"Subject: a\r\nTo: \xc3\xbc@x, 12345678, 87654321\r\n\r\n\r\nb\0\r\r\n"
		"quite a long line of text it is\n\n\nx\r\n\r\n";
	struct both whole = hash_cut(text, sizeof text - 1, 0);
	for (size_t cut = 1; cut < sizeof text; cut++) {
		struct both both = hash_cut(text, sizeof text - 1, cut);
		assert_same(both.header, whole.header);
		assert_same(both.whole, whole.whole);
	}
}

/* The definition, one byte at a time; returns the length of the canonical form. */
static size_t canonical(const char *text, size_t len, char *out, size_t *header)
{
	size_t n = 0, line = 0, kept = 0;
	*header = SIZE_MAX;
	for (size_t i = 0; i <= len; i++) {
		if (i == len ? n > line : text[i] == '\n') {
			if (n == line && *header == SIZE_MAX)
				*header = n;
			bool empty = n == line;
			out[n++] = '\r';
			out[n++] = '\n';
			line = n;
			kept = empty ? kept : n;
		} else if (i < len && text[i] != '\r') {
			out[n++] = text[i] == '\0' || text[i] & 0x80 ? 'X' : text[i];
		}
	}
	if (*header == SIZE_MAX)
		*header = kept;
	return kept;
}

static void random_messages_hash_as_defined(void **state)
{
	(void)state;
	static const char letters[] = "abc: defghijklmn\n\n\n\r\n\r\0\x80\xff\x7f\x01";
	uint32_t seed = 7;
	char text[300], form[700];
	for (int round = 0; round < 20000; round++) {
		size_t len = (seed = seed * 1664525u + 1013904223u) >> 8 & 255;
		uint32_t kinds = round % 2 ? sizeof letters - 1 : 24;
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525u + 1013904223u;
			text[i] = letters[(seed >> 8) % kinds];
		}
		size_t header, n = canonical(text, len, form, &header);
		struct both both = hash_cut(text, len, len / 2);
		assert_same(both.whole, sha256(form, n));
		assert_same(both.header, sha256(form, header));
	}
}

static void a_long_message_passes_through_a_small_stage(void **state)
{
	(void)state;
	enum { LONG = 100000 };
	char *text = malloc(LONG);
	memset(text, 'x', LONG);
	for (size_t i = 0; i < 20; i++)
		text[i * 977] = '\n'; /* long lines after many short ones */
	memset(text + LONG - 30000, '\n', 20000);
	memset(text + 50000, '\xff', 1000);
	char *form = malloc(2 * (size_t)LONG);
	size_t header, n = canonical(text, LONG, form, &header);
	assert_same(hash_cut(text, LONG, 0).whole, sha256(form, n));
	assert_same(hash_cut(text, LONG, 9000).whole, sha256(form, n));
	free(form);
	free(text);
}

static void the_exact_digest_is_that_of_the_octets_and_nothing_in_it_is_neutral(void **state)
{
	(void)state;
	static const char *const alike[] = {"A: b\r\n\r\nx\r\n", "A: b\n\nx\n", "A: b\r\n\r\nx"};
	struct identity exact;
	hasher_want_exact(hasher, true);
	for (size_t i = 0; i < sizeof alike / sizeof *alike; i++) {
		size_t len = strlen(alike[i]);
		for (size_t cut = 0; cut <= len; cut++) {
			hash_cut(alike[i], len, cut);
			hasher_exact(hasher, &exact);
			assert_same(exact, sha256(alike[i], len));
		}
		assert_same(hash_cut(alike[i], len, 0).whole, hash_cut(alike[0], 11, 0).whole);
	}
	hasher_want_exact(hasher, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_identity_is_the_start_of_a_known_digest),
		cmocka_unit_test(a_header_alone_has_the_identity_of_its_message),
		cmocka_unit_test(S46_what_servers_alter_does_not_count),
		cmocka_unit_test(what_people_alter_counts),
		cmocka_unit_test(marks_of_other_programs_do_not_count),
		cmocka_unit_test(the_end_of_the_header_is_known_at_once),
		cmocka_unit_test(a_message_cut_anywhere_is_the_same_message),
		cmocka_unit_test(random_messages_hash_as_defined),
		cmocka_unit_test(a_long_message_passes_through_a_small_stage),
		cmocka_unit_test(
			the_exact_digest_is_that_of_the_octets_and_nothing_in_it_is_neutral),
	};
	return cmocka_run_group_tests(tests, make_hasher, free_hasher);
}
