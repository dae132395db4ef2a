#include "unit.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/ascii.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/escape.h"
#include "base/log.h"
#include "base/map.h"

static void an_error_says_what_failed_on_what_and_why(void **state)
{
	(void)state;
	struct error err = {0};
	errno = EACCES;
	assert_false(error_errno(&err, ERROR_MAILBOX, "cannot open '%s'", "a/b"));
	assert_error(err, ERROR_MAILBOX, "cannot open 'a/b': Permission denied");
	assert_int_equal(err.cause, CAUSE_LOCAL);
	error_context(&err, "INBOX");
	assert_error(err, ERROR_MAILBOX, "INBOX: cannot open 'a/b': Permission denied");
}

static void an_array_that_grows_keeps_what_it_held(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	uint64_t *numbers = NULL;
	size_t n = 0, cap = 0;
	for (uint64_t i = 0; i < 100000; i++) {
		*ARENA_PUSH(arena, numbers, n, cap) = i;
		if (i % 1000 == 0)
			arena_strdup(arena, "between");
	}
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(numbers[i], i);
	/* in place: not the sum of all its former sizes; and hardly more than what it holds */
	assert_true(arena_used(arena) < cap * sizeof *numbers + 32 * 1024);
	assert_true(cap < n + n / 4 + 1);
	arena_free(arena);
}

static void an_array_that_is_trimmed_keeps_its_first_part(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	size_t n = 0, cap = 0;
	uint64_t *array = NULL;
	for (uint64_t i = 0; i < 100000; i++)
		*ARENA_PUSH(arena, array, n, cap) = i;
	size_t all = arena_used(arena);
	array = arena_trim(arena, array, cap * sizeof *array, 50001 * sizeof *array);
	assert_in_range(arena_used(arena), 50001 * sizeof *array, all - 49999 * sizeof *array);
	for (uint64_t i = 0; i < 50001; i++)
		assert_true(array[i] == i);
	n = cap = 50001;
	*ARENA_PUSH(arena, array, n, cap) = 7;
	assert_true(array[50000] == 50000 && array[50001] == 7 && array[cap - 1] == 0);
	/* what is small stays where it is */
	char *small = arena_alloc(arena, 64);
	assert_ptr_equal(arena_trim(arena, small, 64, 10), small);
	arena_free(arena);
}

static void an_arena_that_is_wiped_holds_nothing_of_what_it_held(void **state)
{
	(void)state;
	static const char zeros[20000];
	struct arena *arena = arena_new();
	char *small = arena_strdup(arena, "secret"), *large = arena_alloc(arena, sizeof zeros);
	memset(large, 's', sizeof zeros);
	arena_wipe(arena);
	assert_memory_equal(small, zeros, sizeof "secret");
	assert_memory_equal(large, zeros, sizeof zeros);
	arena_free(arena);
}

/* Text takes the octets that it has; what is between it and the next is nobody's. */
static void text_is_packed_and_all_else_aligned(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	const char *text[3000];
	for (int i = 0; i < 3000; i++) {
		text[i] = arena_printf(arena, "%d", i);
		uint64_t *number = arena_alloc(arena, sizeof *number);
		assert_int_equal((uintptr_t)number % _Alignof(max_align_t), 0);
		assert_true(*number == 0);
		*number = UINT64_MAX;
	}
	for (int i = 0; i < 3000; i++)
		assert_int_equal(strtol(text[i], NULL, 10), i);
	assert_true(arena_used(arena) < 3000 * (16 + 5) + 32 * 1024);
	arena_free(arena);
}

static void an_arena_that_was_reset_can_be_used_again(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	for (int round = 0; round < 3; round++) {
		assert_string_equal(arena_printf(arena, "%d-%s", round, "x"), round == 0   ? "0-x"
									      : round == 1 ? "1-x"
											   : "2-x");
		arena_reset(arena);
	}
	assert_int_equal(arena_used(arena), 0);
	arena_free(arena);
}

static void a_buffer_refuses_what_would_pass_its_limit(void **state)
{
	(void)state;
	struct buffer b;
	buffer_init(&b, 10);
	assert_true(buffer_puts(&b, "12345"));
	assert_false(buffer_puts(&b, "678901"));
	assert_string_equal(b.data, "12345");
	assert_true(buffer_printf(&b, "%d", 67890));
	assert_int_equal(b.len, 10);
	buffer_consume(&b, 7);
	assert_string_equal(b.data, "890");
	buffer_finish(&b);
}

static void a_map_finds_every_key_and_no_other(void **state)
{
	(void)state;
	enum { KEYS = 20000 };
	static char key[KEYS][12];
	struct map *map = map_new(0);
	for (uint32_t i = 0; i < KEYS; i++) {
		snprintf(key[i], sizeof key[i], "%u", i);
		assert_int_equal(map_put_str(map, key[i], i), MAP_NONE);
	}
	for (uint32_t i = 0; i < KEYS; i++)
		assert_int_equal(map_get_str(map, key[i]), i);
	assert_int_equal(map_get_str(map, "20000"), MAP_NONE);
	assert_int_equal(map_put_str(map, "7", 1), 7);
	assert_int_equal(map_get_str(map, "7"), 7);
	map_set(map, "7", 1, 1);
	assert_int_equal(map_get_str(map, "7"), 1);
	assert_int_equal(map_size(map), KEYS);
	map_free(map);
}

static void text_from_strangers_cannot_steer_a_terminal(void **state)
{
	(void)state;
	char out[64];
	assert_string_equal(
		escape_text(out, sizeof out, "a\x1b]0;x\a\r\n"), "a\\x1B]0;x\\x07\\x0D\\x0A");
	assert_string_equal(escape_text(out, sizeof out,
				    "Gr\xc3\xbc\xc3\x9f"
				    "e"),
		"Gr\xc3\xbc\xc3\x9f"
		"e");
	assert_string_equal(escape_text(out, sizeof out,
				    "\xe2\x80\xae"
				    "fdp\xff"),
		"\\xE2\\x80\\xAE"
		"fdp\\xFF");
	assert_string_equal(escape_text(out, 8, "123456789"), "1234...");
}

static void only_well_formed_utf8_is_valid(void **state)
{
	(void)state;
	static const char *const bad[] = {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xc3", "\xf8\x88\x80\x80\x80"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_true(utf8_valid("\xf0\x9f\x93\xac \xe6\x97\xa5", 8));
}

static char heard[2048];

static void hear(enum log_level level, const char *line)
{
	snprintf(heard, sizeof heard, "%d %s", (int)level, line);
}

static void a_line_of_the_log_is_escaped_and_cut(void **state)
{
	(void)state;
	log_set_sink(hear);
	log_warning("server says: %s", "\x1b[2J");
	assert_string_equal(heard, "0 server says: \\x1B[2J");
	char *huge = malloc(100001);
	memset(huge, 'x', 100000);
	huge[100000] = '\0';
	log_detail("%s", huge);
	assert_true(strlen(heard) < 1100);
	free(huge);
	log_set_sink(NULL);
}

static void only_ascii_letters_have_a_case(void **state)
{
	(void)state;
	assert_int_equal(ascii_compare("InBox", "iNbOX"), 0);
	assert_true(ascii_compare("a", "B") < 0 && ascii_compare("b", "A") > 0);
	assert_true(ascii_compare("inbox", "inboxes") < 0 && ascii_compare("z", "\xc3") < 0);
	assert_int_not_equal(ascii_compare("[@", "{`"), 0);
	assert_true(ascii_is("INBOX/x", 5, "inbox"));
	assert_false(ascii_is("INBOX", 4, "inbox") || ascii_is("INBOX", 5, "inbo"));
	assert_true(ascii_starts("inbox/x", 7, "INBOX/"));
	assert_false(ascii_starts("inbox/x", 5, "INBOX/"));
	assert_true(ascii_hex('7') == 7 && ascii_hex('a') == 10 && ascii_hex('F') == 15);
	assert_true(ascii_percent("%fFx") == 255 && ascii_percent("%00") == 0);
	assert_true(ascii_percent("%1") < 0 && ascii_percent("%") < 0 && ascii_percent("41") < 0);
	assert_true(ascii_hex('g') < 0 && ascii_hex('/') < 0 && ascii_hex('\0') < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_says_what_failed_on_what_and_why),
		cmocka_unit_test(an_array_that_grows_keeps_what_it_held),
		cmocka_unit_test(an_array_that_is_trimmed_keeps_its_first_part),
		cmocka_unit_test(an_arena_that_is_wiped_holds_nothing_of_what_it_held),
		cmocka_unit_test(text_is_packed_and_all_else_aligned),
		cmocka_unit_test(an_arena_that_was_reset_can_be_used_again),
		cmocka_unit_test(a_buffer_refuses_what_would_pass_its_limit),
		cmocka_unit_test(a_map_finds_every_key_and_no_other),
		cmocka_unit_test(text_from_strangers_cannot_steer_a_terminal),
		cmocka_unit_test(only_well_formed_utf8_is_valid),
		cmocka_unit_test(a_line_of_the_log_is_escaped_and_cut),
		cmocka_unit_test(only_ascii_letters_have_a_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
