#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "imap/utf7.h"

static struct arena *arena;

static int make_arena(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int free_arena(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void a_name_goes_both_ways(void **state)
{
	(void)state;
	static const struct {
		const char *utf8, *wire;
	} row[] = {
		{"", ""},
		{"INBOX", "INBOX"},
		{"a&b", "a&-b"},
		{"&", "&-"},
		{"Entw\xc3\xbcrfe", "Entw&APw-rfe"},
		{"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
			"~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
		{"Hi Mom \xe2\x98\xba!", "Hi Mom &Jjo-!"},
		{"\xf0\x9f\x93\xac", "&2D3c7A-"},
		{"\xc3\xa4&\xc3\xb6", "&AOQ-&-&APY-"},
		{"\xc3\xa4-", "&AOQ--"},
		{"\x7f\t", "&AH8ACQ-"},
		{"\xef\xbf\xbf", "&,,8-"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		assert_string_equal(utf7_encode(row[i].utf8, arena), row[i].wire);
		assert_string_equal(
			utf7_decode(row[i].wire, strlen(row[i].wire), arena), row[i].utf8);
	}
}

static void a_spelling_that_is_not_the_one_is_not_decoded(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"&",
		"a&",
		"&Jjo",
		"&Jjo!",
		"&J-",
		"&JjoA-", /* cut off; bits left over */
		"&AGE-",  /* ASCII in base64 */
		"&AGEA5A-",
		"&2D8-",
		"&3D8-",
		"&2D8AYQ-",
		"&3EvYPQ-",   /* lone or swapped surrogates */
		"&AOQ-&APY-", /* two shifts where one would do */
		"&AOR-",      /* bits that are not zero at the end */
		"&AAA-",      /* NUL */
		"\xc3\xa4",
		"a\tb",
		"\x7f",
		"&Jj/-",
		"&Jj o-",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(utf7_decode(bad[i], strlen(bad[i]), arena));
	assert_null(utf7_decode("a\0b", 3, arena));
	assert_null(utf7_encode("\xc3", arena));
	assert_null(utf7_encode("\xed\xa0\x80", arena));
}

/* A law, over every character and over random names. */
static void what_was_encoded_decodes_to_itself(void **state)
{
	(void)state;
	unsigned seed = 7;
	for (unsigned round = 0; round < 20000; round++) {
		char utf8[64];
		size_t n = 0;
		while (n < 40) {
			seed = seed * 1103515245 + 12345;
			unsigned kind = seed >> 20 & 3, bits = seed >> 3 & 0xffff;
			size_t len = 0;
			if (kind == 0)
				utf8[n] = (char)(bits % 126 + 1);
			else if (kind == 1)
				snprintf(utf8 + n, 5, "%c%c", 0xc2 | (int)(bits & 0x1c) >> 2,
					0x80 | (int)(bits & 0x3f));
			else
				snprintf(utf8 + n, 5, "%c%c%c%c", 0xf0, 0x9f,
					0x80 | (int)(bits & 0x3f), 0x80 | (int)(bits >> 8 & 0x3f));
			len = utf8_length(utf8 + n, kind == 0 ? 1 : kind == 1 ? 2 : 4);
			assert_true(len > 0);
			n += len;
			if ((seed >> 25 & 15) == 0)
				break;
		}
		utf8[n] = '\0';
		const char *wire = utf7_encode(utf8, arena);
		assert_non_null(wire);
		const char *again = utf7_decode(wire, strlen(wire), arena);
		assert_non_null(again);
		assert_string_equal(again, utf8);
		if (round % 500 == 0)
			arena_reset(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_goes_both_ways),
		cmocka_unit_test(a_spelling_that_is_not_the_one_is_not_decoded),
		cmocka_unit_test(what_was_encoded_decodes_to_itself),
	};
	return cmocka_run_group_tests(tests, make_arena, free_arena);
}
