#include "unit.h"

#include <string.h>

#include "mail/flags.h"
#include "mail/mbox.h"
#include "mail/message.h"

typedef size_t code(struct mbox_coder *c, const uint8_t *in, size_t n, uint8_t *out);
typedef size_t finish(struct mbox_coder *c, uint8_t *out);

static uint8_t out[4096];

/* Code ${in} in runs of ${step}. */
static size_t coded(
	enum mbox_lines lines, code *put, finish *end, const void *in, size_t n, size_t step)
{
	struct mbox_coder c = {.lines = lines};
	size_t len = 0;
	for (size_t at = 0; at < n; at += step)
		len += put(&c, (const uint8_t *)in + at, n - at < step ? n - at : step, out + len);
	return len + end(&c, out + len);
}

static const struct {
	enum mbox_lines lines;
	const char *message;
	size_t n;
	const char *file;
	size_t file_len;
} cases[] = {
#define ROW(lines, message, file) \
	{ \
		lines, message, sizeof message - 1, file, sizeof file - 1 \
	}
	ROW(MBOX_CRLF, "", ""),
	ROW(MBOX_CRLF, "a\r\nb\r\n", "a\nb\n"),
	ROW(MBOX_CRLF, "From x\r\n>From y\r\n>>>From z\r\n", ">From x\n>>From y\n>>>>From z\n"),
	ROW(MBOX_CRLF, "a From b\r\n From c\r\n> From d\r\n", "a From b\n From c\n> From d\n"),
	ROW(MBOX_CRLF, "Fro\r\nFromage\r\nF", "Fro\nFromage\nF"),
	ROW(MBOX_CRLF, "From\r\n>\r\n>>From", "From\n>\n>>From"),
	ROW(MBOX_CRLF, "FFrom x\r\n>F>From \r\n", "FFrom x\n>F>From \n"),
	ROW(MBOX_CRLF, "a\r\r\nb\rc\r", "a\r\nb\rc\r"),
	ROW(MBOX_CRLF, "\rFrom x\r\n", "\rFrom x\n"),
	ROW(MBOX_CRLF, "nul\0From \r\n", "nul\0From \n"),
	ROW(MBOX_RAW, "a\nFrom b\r\n>From c", "a\n>From b\r\n>>From c"),
	ROW(MBOX_RAW, "From ", ">From "),
	ROW(MBOX_RAW, ">>", ">>"),
#undef ROW
};

static void what_is_quoted_comes_back_whole_and_octet_by_octet(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t step = 1; step <= 64; step += step < 8 ? 1 : 56) {
			size_t n = coded(cases[i].lines, mbox_encode, mbox_encode_end,
				cases[i].message, cases[i].n, step);
			assert_int_equal(n, cases[i].file_len);
			assert_memory_equal(out, cases[i].file, n);
			n = coded(cases[i].lines, mbox_decode, mbox_decode_end, cases[i].file,
				cases[i].file_len, step);
			assert_int_equal(n, cases[i].n);
			assert_memory_equal(out, cases[i].message, n);
		}
}

static void of_a_strangers_file_line_ends_become_those_of_the_wire(void **state)
{
	static const char file[] = "a\nb\r\n>From c\n", wanted[] = "a\r\nb\r\nFrom c\r\n";
	(void)state;
	for (size_t step = 1; step <= sizeof file; step++) {
		size_t n =
			coded(MBOX_BARE, mbox_decode, mbox_decode_end, file, sizeof file - 1, step);
		assert_int_equal(n, sizeof wanted - 1);
		assert_memory_equal(out, wanted, n);
	}
}

static void a_file_that_is_one_message_is_not_unquoted(void **state)
{
	struct mbox_coder c = {.lines = MBOX_RAW, .plain = true};
	(void)state;
	size_t n = mbox_decode(&c, (const uint8_t *)">From x\n", 8, out);
	n += mbox_decode_end(&c, out + n);
	assert_int_equal(n, 8);
	assert_memory_equal(out, ">From x\n", 8);
}

static void a_separator_carries_the_date_of_arrival(void **state)
{
	char line[MBOX_SEPARATOR_SIZE];
	int64_t received;
	(void)state;
	mbox_separator(837596665, line);
	assert_string_equal(line, "From MAILER-DAEMON Wed Jul 17 09:44:25 1996\n");
	assert_true(mbox_is_separator(line, strlen(line), &received));
	assert_int_equal(received, 837596665);
	mbox_separator(RECEIVED_UNKNOWN, line);
	assert_string_equal(line, "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n");
}

static void separators_of_other_programs_are_known(void **state)
{
	static const struct {
		const char *line;
		bool is;
		int64_t received;
	} rows[] = {
		{"From ann@example.org Wed Jul 17 09:44:25 1996", true, 837596665},
		{"From - Wed Jul 17 09:44:25 1996\r\n", true, 837596665},
		{"From \"ann b\"@example.org Wed Jul 17 09:44:25 1996\n", true, 837596665},
		{"From ann@example.org Wed Jul 17 02:44:25 1996 -0700\n", true, 837596665},
		{"From \n", true, RECEIVED_UNKNOWN},
		{"From here on it is simple.\n", false, RECEIVED_UNKNOWN},
		{"From: ann@example.org\n", false, RECEIVED_UNKNOWN},
		{">From ann@example.org Wed Jul 17 09:44:25 1996\n", false, RECEIVED_UNKNOWN},
		{"Fro", false, RECEIVED_UNKNOWN},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t received = 1;
		assert_int_equal(mbox_is_separator(rows[i].line, strlen(rows[i].line), &received),
			rows[i].is);
		assert_int_equal(received, rows[i].received);
	}
}

static void flags_are_read_from_what_mail_programs_keep_in_the_header(void **state)
{
	static const struct {
		const char *header;
		uint32_t flags;
		const char *keywords;
		bool gone;
	} rows[] = {
		{"Subject: x\n\nStatus: RO\n", 0, "", false},
		{"Status: O\n\n", 0, "", false},
		{"Status: RO\nX-Status: AF\n\n", FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED, "",
			false},
		{"X-Status: DT\n\n", FLAG_DELETED | FLAG_DRAFT, "", false},
		{"X-Mozilla-Status: 0007\nX-Mozilla-Keys: $label1 work   \n\n",
			FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED, "$label1 work", false},
		{"X-Mozilla-Status: 0009\nX-Keywords: a\nX-Mozilla-Keys: b\n\n", FLAG_SEEN, "a b",
			true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char keywords[64];
		bool gone = !rows[i].gone;
		assert_int_equal(mbox_status(rows[i].header, strlen(rows[i].header), keywords,
					 sizeof keywords, &gone),
			rows[i].flags);
		assert_string_equal(keywords, rows[i].keywords);
		assert_int_equal(gone, rows[i].gone);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_quoted_comes_back_whole_and_octet_by_octet),
		cmocka_unit_test(of_a_strangers_file_line_ends_become_those_of_the_wire),
		cmocka_unit_test(a_file_that_is_one_message_is_not_unquoted),
		cmocka_unit_test(a_separator_carries_the_date_of_arrival),
		cmocka_unit_test(separators_of_other_programs_are_known),
		cmocka_unit_test(flags_are_read_from_what_mail_programs_keep_in_the_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
