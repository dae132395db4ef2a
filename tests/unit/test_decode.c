#include "unit.h"

#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "mail/decode.h"

static const char *decoded(const char *text, size_t len)
{
	static char result[2048];
	struct buffer out;
	buffer_init(&out, sizeof result - 1);
	decode_text(text, len, &out);
	memcpy(result, out.len == 0 ? "" : out.data, out.len);
	result[out.len] = '\0';
	buffer_finish(&out);
	assert_true(utf8_valid(result, strlen(result)));
	return result;
}

struct sample {
	const char *text, *wanted;
};

static void check(const struct sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_string_equal(
			decoded(samples[i].text, strlen(samples[i].text)), samples[i].wanted);
}
#define CHECK(samples) check(samples, sizeof(samples) / sizeof *(samples))

static void encoded_words_are_read_from_whatever_charset_they_are_in(void **state)
{
	(void)state;
	static const struct sample samples[] = {
		{"Re: minutes", "Re: minutes"},
		{"=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"},
		{"=?utf-8?B?5pel5pys6Kqe?=", "日本語"},
		{"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>",
			"Keld Jørn Simonsen <keld@dkuug.dk>"},
		{"=?iso-8859-2?Q?Krak=F3w_=A3=F3d=BC?=", "Kraków Łódź"},
		{"=?ISO-8859-15?Q?5_=A4?=", "5 €"},
		{"=?windows-1252?Q?=93quoted=94_=80?=", "“quoted” €"},
		{"=?iso-8859-1?Q?=93as_most_write_it=94?=", "“as most write it”"},
		{"=?Windows-1251?B?z/Do4uXy?=", "Привет"},
		{"=?koi8-r?B?8NLJ18XU?=", "Привет"},
		{"=?windows-1253?Q?=CA=E1=EB=E7=EC=DD=F1=E1?=", "Καλημέρα"},
		{"=?iso-8859-9?Q?=DEi=FEli?=", "Şişli"},
		{"=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=", "日本語"},
		{"=?Shift_JIS?B?k/qWe4zq?=", "日本語"},
		{"=?EUC-JP?B?xvzL3Ljs?=", "日本語"},
		{"=?gb2312?B?1tDOxA==?=", "中文"},
		{"=?GB18030?B?1tDOxA==?=", "中文"},
		{"=?big5?B?pKSk5Q==?=", "中文"},
		{"=?ks_c_5601-1987?B?x9GxuQ==?=", "한국"},
		{"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"},
	};
	CHECK(samples);
}

static void blanks_between_encoded_words_are_no_text(void **state)
{
	(void)state;
	static const struct sample samples[] = {
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a?= b", "a b"},
		{"a =?ISO-8859-1?Q?b?=", "a b"},
		{"=?ISO-8859-1?Q?a?=\r\n  =?UTF-8?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a_b?=", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
	};
	CHECK(samples);
}

static void a_character_may_be_split_between_two_words(void **state)
{
	(void)state;
	static const struct sample samples[] = {
		{"=?UTF-8?B?5pel5g==?= =?utf-8?B?nKzoqp4=?=", "日本語"},
		{"=?UTF-8?Q?Gr=C3?=\r\n =?UTF-8?B?vMOfZQ==?=", "Grüße"},
	};
	CHECK(samples);
}

static void what_is_no_encoded_word_stays_as_it_stands(void **state)
{
	(void)state;
	static const struct sample samples[] = {
		{"", ""},
		{"=?", "=?"},
		{"1 =? 2", "1 =? 2"},
		{"=?UTF-8?X?abc?=", "=?UTF-8?X?abc?="},
		{"=?UTF-8?Q?abc", "=?UTF-8?Q?abc"},
		{"=??Q?abc?=", "=??Q?abc?="},
		{"=?a b?Q?abc?=", "=?a b?Q?abc?="},
		{"=?no-such-charset?Q?caf=C3=A9?=", "café"},
		{"=?no-such-charset?Q?caf=E9?=", "café"},
		{"=?UTF-8?Q?=ZZ=4?=", "=ZZ=4"},
		{"=?UTF-8?Q?two words?=", "two words"},
		{"=?UTF-8?B?Y2Fm*w6k?=", "café"},
		{"=?UTF-8?B?YWJj?=def", "abcdef"},
	};
	CHECK(samples);
}

static void raw_bytes_are_utf8_or_else_latin1(void **state)
{
	(void)state;
	static const struct sample samples[] = {
		{"Gr\xc3\xbc\xc3\x9f"
		 "e",
			"Grüße"},
		{"Gr\xfc\xdf"
		 "e",
			"Grüße"},
		{"Gr\xfc\xdf"
		 "e =?UTF-8?Q?=E2=82=AC?= \xc3\xbc",
			"Grüße € ü"},
	};
	CHECK(samples);
}

static void nothing_that_moves_a_cursor_comes_through(void **state)
{
	(void)state;
	static const struct sample samples[] = {
		{"a\r\n\tb\r\n c", "a b c"},
		{"\x1b[31mred\x07", "[31mred"},
		{"=?UTF-8?Q?=1B[31mred=0D=0ABcc:=00?=", "[31mredBcc:"},
		{"=?UTF-8?Q?=C2=9B31m?=", "31m"},
	};
	CHECK(samples);
	assert_string_equal(decoded("a\0b", 3), "ab");
}

static void bytes_that_a_charset_does_not_have_are_shown_as_such(void **state)
{
	(void)state;
	static const struct sample samples[] = {
		{"=?UTF-8?Q?a=FFb?=", "a\xef\xbf\xbd"
				      "b"},
		{"=?Shift_JIS?Q?a=82?=", "a\xef\xbf\xbd"},
		{"=?GB18030?Q?=81?=", "\xef\xbf\xbd"},
	};
	CHECK(samples);
}

static void what_does_not_fit_is_cut_between_two_characters(void **state)
{
	(void)state;
	for (size_t limit = 0; limit < 12; limit++) {
		struct buffer out;
		buffer_init(&out, limit);
		decode_text("=?UTF-8?Q?=E2=82=AC=C3=BC=C3=BC?=\xc3\xbc", 35, &out);
		if (out.len > 0) /* the beginning, not what happened to fit */
			assert_memory_equal(out.data, "€üüü", out.len);
		assert_true(out.len + 2 >= limit || out.len == 9);
		assert_true(
			out.len <= limit && utf8_valid(out.data == NULL ? "" : out.data, out.len));
		buffer_finish(&out);
	}
}

/* Cut anywhere, or with any byte changed, it is still text. */
static void no_input_breaks_it(void **state)
{
	(void)state;
	static const char text[] = "x =?ISO-2022-JP*ja?B?GyRCRnxLXDhsGyhC?= "
				   "=?UTF-8?Q?=C3=BC_?=\r\n =?gb2312?B?1tA=?= \xfc";
	char copy[sizeof text];
	for (size_t n = 0; n < sizeof text; n++)
		decoded(text, n);
	for (size_t at = 0; at + 1 < sizeof text; at++) {
		memcpy(copy, text, sizeof text);
		for (int c = 0; c < 256; c++) {
			copy[at] = (char)c;
			decoded(copy, sizeof text - 1);
		}
	}
}

/* Were each of them read to the end of the line, this would take minutes. */
static void words_that_never_end_cost_no_more_than_others(void **state)
{
	(void)state;
	static const char *const pieces[] = {"=?a?q?x", "=?a?x?y", "=?"};
	static const char next_line[] = "?=\r\n =?UTF-8?Q?=C3=BC?=";
	static char text[2 * 1024 * 1024];
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		size_t n = strlen(pieces[i]), len = 0;
		for (; len + n + sizeof next_line <= sizeof text; len += n)
			memcpy(text + len, pieces[i], n);
		struct buffer out;
		clock_t before = clock();
		buffer_init(&out, 100);
		decode_text(text, len, &out);
		assert_memory_equal(out.data, text, 100);
		buffer_finish(&out);
		memcpy(text + len, next_line, sizeof next_line);
		buffer_init(&out, 100);
		decode_text(text, len + sizeof next_line - 1, &out);
		buffer_finish(&out);
		assert_true(clock() - before < 5 * CLOCKS_PER_SEC);
	}
}

static void a_word_without_end_hides_none_on_the_next_line(void **state)
{
	(void)state;
	static const struct sample samples[] = {
		{"=?a?q?x=?a?q?y\r\n =?UTF-8?Q?=C3=BC?=", "=?a?q?x=?a?q?y ü"},
		{"=?a?q?x\n\t=?UTF-8?Q?=C3=BC?= =?b?q?y", "=?a?q?x ü =?b?q?y"},
		{"=?a?x?y=?UTF-8?Q?=C3=BC?=", "=?a?x?yü"},
	};
	CHECK(samples);
}

static void a_field_is_found_by_its_name(void **state)
{
	(void)state;
	static const char header[] =
		"From: a\r\nSUBJECT: =?UTF-8?Q?=C3=BC?=\r\n =?UTF-8?Q?=C3=BC?=\r\n\r\n";
	struct buffer out;
	buffer_init(&out, 100);
	assert_true(decode_field(header, strlen(header), "Subject", &out));
	assert_string_equal(out.data, "üü");
	assert_false(decode_field(header, strlen(header), "To", &out));
	assert_string_equal(out.data, "üü");
	buffer_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoded_words_are_read_from_whatever_charset_they_are_in),
		cmocka_unit_test(blanks_between_encoded_words_are_no_text),
		cmocka_unit_test(a_character_may_be_split_between_two_words),
		cmocka_unit_test(what_is_no_encoded_word_stays_as_it_stands),
		cmocka_unit_test(raw_bytes_are_utf8_or_else_latin1),
		cmocka_unit_test(nothing_that_moves_a_cursor_comes_through),
		cmocka_unit_test(bytes_that_a_charset_does_not_have_are_shown_as_such),
		cmocka_unit_test(what_does_not_fit_is_cut_between_two_characters),
		cmocka_unit_test(no_input_breaks_it),
		cmocka_unit_test(words_that_never_end_cost_no_more_than_others),
		cmocka_unit_test(a_word_without_end_hides_none_on_the_next_line),
		cmocka_unit_test(a_field_is_found_by_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
