#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "imap/command.h"
#include "imap/parse.h"

/* The command as it would be sent, "{len}" and a line end before each literal. */
static const char *wire_of(const struct imap_command *c)
{
	static char wire[4000];
	struct imap_piece piece;
	size_t used = 0;
	for (size_t at = 0; imap_command_next(c, &at, &piece);) {
		if (piece.literal)
			used += (size_t)snprintf(
				wire + used, sizeof wire - used, "{%zu}\n", piece.len);
		used += (size_t)snprintf(
			wire + used, sizeof wire - used, "%.*s", (int)piece.len, piece.data);
	}
	return wire;
}

static const char *string_as_sent(const char *s, bool utf8)
{
	struct imap_command c;
	imap_command_init(&c, utf8);
	imap_command_words(&c, "x ");
	imap_command_string(&c, s);
	const char *wire = imap_command_refused(&c) == NULL ? wire_of(&c) + 2 : NULL;
	imap_command_finish(&c);
	return wire;
}

static void a_string_is_written_by_what_is_in_it(void **state)
{
	(void)state;
	assert_string_equal(string_as_sent("INBOX", false), "INBOX");
	assert_string_equal(string_as_sent("INBOX.Entw&APw-rfe/x", false), "INBOX.Entw&APw-rfe/x");
	assert_string_equal(string_as_sent("", false), "\"\"");
	assert_string_equal(string_as_sent("a b", false), "\"a b\"");
	assert_string_equal(string_as_sent("a\"b\\c", false), "\"a\\\"b\\\\c\"");
	assert_string_equal(string_as_sent("nil", false), "\"nil\"");
	assert_string_equal(string_as_sent("a*%(){]", false), "\"a*%(){]\"");
	assert_string_equal(string_as_sent("\x1b", false), "\"\x1b\"");
	assert_string_equal(string_as_sent("{5}", false), "\"{5}\"");
	assert_string_equal(string_as_sent("\xc3\xbc", false), "{2}\n\xc3\xbc");
	assert_string_equal(string_as_sent("\xc3\xbc", true), "\"\xc3\xbc\"");
	assert_string_equal(string_as_sent("\xfc", true), "{1}\n\xfc");
	char many[1102];
	memset(many, ' ', 1001);
	many[1001] = '\0';
	assert_int_equal(strncmp(string_as_sent(many, false), "{1001}\n ", 8), 0);
}

/* B46, B64: the other server sees exactly one command. */
static void a_line_end_cannot_be_smuggled_in(void **state)
{
	(void)state;
	assert_null(string_as_sent("x\r\nA9 DELETE INBOX", false));
	assert_null(string_as_sent("x\nA9 DELETE INBOX", true));
	assert_null(string_as_sent("\r", false));
}

/* A law: whatever a string holds, a parser finds one string and gets it back. */
static void what_was_sent_is_what_a_server_reads(void **state)
{
	(void)state;
	unsigned seed = 11;
	for (int round = 0; round < 5000; round++) {
		char s[40], line[200];
		size_t n = 0, len = (seed >> 7) % 30, used = 0;
		while (n < len) {
			seed = seed * 1103515245 + 12345;
			char byte = (seed >> 28 & 1) ? " ()\"\\{}%*]~+[NIL"[seed >> 16 & 15]
						     : (char)(seed >> 16 & 0xff);
			if (byte != '\0' && byte != '\r' && byte != '\n')
				s[n++] = byte;
		}
		seed = seed * 1103515245 + 12345;
		s[n] = '\0';
		const char *wire = string_as_sent(s, false);
		assert_non_null(wire);
		int size = snprintf(line, sizeof line, "* X %s\r\n", wire);
		/* a server reads octets: where the wire has a literal, so has the line */
		struct imap_parser *p = imap_parser_new(&imap_default_limits);
		struct imap_out out;
		enum imap_event event = imap_parse(p, (uint8_t *)line, (size_t)size, &used, &out);
		assert_int_equal(event, IMAP_RESPONSE);
		const struct imap_node *node = out.root->next->next;
		assert_true(node != NULL && node->next == NULL && node->type != IMAP_LIST);
		assert_int_equal(node->type == IMAP_NIL, false);
		assert_string_equal(node->text, s);
		assert_int_equal(used, size);
		imap_parser_free(p);
	}
}

static void a_command_is_made_of_texts_and_literals(void **state)
{
	(void)state;
	struct imap_command c;
	imap_command_init(&c, false);
	imap_command_words(&c, "LOGIN ");
	imap_command_string(&c, "\xc3\xa4nn");
	imap_command_words(&c, " ");
	imap_command_string(&c, "pa\xc3\x9f");
	assert_string_equal(wire_of(&c), "LOGIN {4}\n\xc3\xa4nn {4}\npa\xc3\x9f");
	struct imap_piece piece;
	size_t at = 0, literals = 0;
	while (imap_command_next(&c, &at, &piece))
		literals += piece.literal;
	assert_int_equal(literals, 2);
	for (int i = 0; i < 15; i++)
		imap_command_string(&c, "\xc3\xa4");
	assert_non_null(imap_command_refused(&c));
	imap_command_finish(&c);
}

static bool is_no_year(const char *keyword, void *context)
{
	return strcmp(keyword, context) != 0;
}

static void flags_and_dates_are_written_as_the_grammar_has_them(void **state)
{
	(void)state;
	static const char *const good[] = {"$Forwarded", "NonJunk", "2024", "a/b"};
	static const char *const bad[] = {"a b", "", "a\"", "\\Foo", "x)", "\xc3\xa4", "a*", "a]",
		"{5}", "a%", "a\x1b", "a\r\nb"};
	struct flag_table *table = flag_table_new();
	struct imap_command c;
	imap_command_init(&c, false);
	imap_command_flags(
		&c, table, flags_make(table, FLAG_SEEN | FLAG_DELETED, good, 4), NULL, NULL);
	imap_command_words(&c, " ");
	imap_command_date(&c, 837596665, -420);
	assert_null(imap_command_refused(&c));
	assert_string_equal(wire_of(&c),
		"\\Deleted \\Seen $Forwarded 2024 a/b NonJunk \"17-Jul-1996 02:44:25 -0700\"");
	imap_command_finish(&c);

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(imap_command_is_atom(bad[i]));
		imap_command_init(&c, false);
		flag_set set = flags_make(table, 0, bad + i, 1);
		imap_command_flags(&c, table, set, NULL, NULL);
		assert_true(imap_command_refused(&c) != NULL || set == 0);
		imap_command_finish(&c);
	}
	imap_command_init(&c, false);
	imap_command_flags(&c, table, flags_make(table, 0, good, 4), is_no_year, "2024");
	assert_string_equal(wire_of(&c), "$Forwarded a/b NonJunk");
	imap_command_finish(&c);
	imap_command_init(&c, false);
	imap_command_date(&c, INT64_MIN, 0);
	assert_non_null(imap_command_refused(&c));
	imap_command_finish(&c);
	flag_table_free(table);
}

static void a_command_of_any_length_is_whole_or_refused(void **state)
{
	(void)state;
	struct imap_command c;
	char *long_text = malloc(300001);
	memset(long_text, '7', 300000);
	long_text[300000] = '\0';
	imap_command_init(&c, false);
	imap_command_words(&c, "UID FETCH %.9000s", long_text);
	assert_null(imap_command_refused(&c));
	assert_int_equal(c.text.len, 9010);
	imap_command_words(&c, "%s", long_text);
	assert_non_null(imap_command_refused(&c));
	imap_command_finish(&c);
	free(long_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_string_is_written_by_what_is_in_it),
		cmocka_unit_test(a_line_end_cannot_be_smuggled_in),
		cmocka_unit_test(what_was_sent_is_what_a_server_reads),
		cmocka_unit_test(a_command_is_made_of_texts_and_literals),
		cmocka_unit_test(flags_and_dates_are_written_as_the_grammar_has_them),
		cmocka_unit_test(a_command_of_any_length_is_whole_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
