#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "mail/flags.h"

static struct flag_table *table;

static int make_table(void **state)
{
	(void)state;
	table = flag_table_new();
	return 0;
}

static int free_table(void **state)
{
	(void)state;
	flag_table_free(table);
	return 0;
}

static flag_set parse(const char *text)
{
	return flags_parse(table, text);
}

static const char *text_of(flag_set set)
{
	static char text[512];
	assert_true(flags_text(table, set, text, sizeof text) < sizeof text);
	return text;
}

static void a_set_of_system_flags_is_its_mask_in_every_table(void **state)
{
	(void)state;
	assert_int_equal(parse("\\Seen \\Draft"), FLAG_SEEN | FLAG_DRAFT);
	assert_int_equal(parse("$Junk \\Seen"), parse("\\SEEN $JUNK"));
	assert_true(parse("$Junk") >= FLAG_SYSTEM_SETS);
	assert_int_equal(
		flags_system(table, parse("$Junk \\Seen \\Deleted")), FLAG_SEEN | FLAG_DELETED);
	assert_int_equal(flags_make(table, UINT32_MAX, NULL, 0), FLAG_SYSTEM_SETS - 1);
}

static void equal_sets_have_equal_numbers_however_they_were_made(void **state)
{
	(void)state;
	static const char *const names[] = {"c", "A", "b", "a"};
	flag_set made = flags_make(table, FLAG_SEEN, names, 4);
	assert_int_equal(made, parse("b a \\Seen C"));
	assert_int_equal(made, flags_union(table, parse("a c"), parse("\\Seen b c")));
	assert_int_equal(
		made, flags_without(table, parse("d \\Seen a b c \\Draft"), parse("D \\Draft x")));
	assert_int_equal(
		made, flags_common(table, parse("x \\Seen a b c"), parse("c b a y \\Seen")));
	assert_int_not_equal(made, parse("a b c"));
	assert_int_not_equal(made, parse("a b \\Seen"));
}

static void a_set_minus_itself_is_empty_again(void **state)
{
	(void)state;
	flag_set set = parse("\\Flagged work $Forwarded");
	assert_int_equal(flags_without(table, set, set), 0);
	assert_int_equal(flags_without(table, set, parse("WORK $forwarded")), FLAG_FLAGGED);
	assert_int_equal(flags_without(table, set, 0), set);
	assert_int_equal(flags_without(table, 0, set), 0);
	assert_int_equal(flags_common(table, set, set), set);
	assert_int_equal(flags_common(table, set, 0), 0);
	assert_int_equal(flags_union(table, set, 0), set);
	assert_int_equal(flags_union(table, 0, set), set);
}

static void keywords_are_sorted_and_keep_their_first_spelling(void **state)
{
	(void)state;
	size_t n;
	parse("Work");
	const char *const *names = flags_keywords(table, parse("work \\Seen $Junk alpha"), &n);
	assert_int_equal(n, 3);
	assert_string_equal(names[0], "$Junk");
	assert_string_equal(names[1], "alpha");
	assert_string_equal(names[2], "Work");
	flags_keywords(table, FLAG_SEEN, &n);
	assert_int_equal(n, 0);
}

static void a_set_knows_what_it_holds_in_any_case(void **state)
{
	(void)state;
	flag_set set = parse("\\Seen $Junk work");
	assert_true(flags_has(table, set, "\\seen"));
	assert_true(flags_has(table, set, "$jUNK"));
	assert_false(flags_has(table, set, "\\Draft"));
	assert_false(flags_has(table, set, "$Jun"));
	assert_false(flags_has(table, set, "$Junk2"));
	assert_false(flags_has(table, set, "\\"));
}

static void recent_and_unknown_system_flags_change_nothing(void **state)
{
	(void)state;
	static const char *const names[] = {"\\Recent", "\\*", "\\Seen2", "\\", "", "\\flagged"};
	assert_int_equal(flags_make(table, 0, names, 6), FLAG_FLAGGED);
	assert_int_equal(
		flags_add_name(table, FLAG_SEEN, "$Junk-and-more", 5), parse("\\Seen $Junk"));
	assert_int_equal(flags_add_name(table, 0, "a\0b", 3), parse("a"));
}

static void text_lists_system_flags_first_and_both_parts_sorted(void **state)
{
	(void)state;
	assert_string_equal(text_of(parse("b \\Seen a \\Answered \\Draft \\Deleted \\Flagged")),
		"\\Answered \\Deleted \\Draft \\Flagged \\Seen a b");
	assert_string_equal(text_of(0), "");
	char small[8];
	assert_int_equal(flags_text(table, parse("\\Seen abc"), small, sizeof small), 9);
	assert_string_equal(small, "\\Seen a");
	assert_int_equal(flags_text(table, parse("\\Seen abc"), NULL, 0), 9);
}

static void keywords_no_server_should_take_come_back_from_text(void **state)
{
	(void)state;
	static const char *const odd[] = {"a b", "50%", "%41", "\x1b[2J", "a/b", "\xc3\xbc", " "};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		flag_set set = flags_make(table, FLAG_SEEN, &odd[i], 1);
		const char *text = text_of(set);
		for (const char *c = text; *c != '\0'; c++)
			assert_true(*c >= ' ' && *c < 0x7F);
		assert_int_equal(parse(text), set);
		size_t n;
		assert_string_equal(flags_keywords(table, set, &n)[0], odd[i]);
	}
	assert_string_equal(text_of(flags_make(table, 0, odd, 2)), "50%25 a%20b");
}

static void a_set_moves_to_another_table_by_its_names(void **state)
{
	(void)state;
	struct flag_table *other = flag_table_new();
	flags_parse(other, "x y z");
	flag_set here = parse("\\Seen z A b");
	flag_set there = flags_move(other, table, here);
	assert_int_equal(there, flags_parse(other, "a b z \\Seen"));
	assert_int_equal(flags_move(table, other, there), here);
	assert_int_equal(flags_move(other, table, FLAG_DRAFT), FLAG_DRAFT);
	flag_table_free(other);
}

static void only_what_a_mailbox_can_hold_is_storable(void **state)
{
	(void)state;
	struct flag_storable some = {parse("\\Seen \\Flagged $Junk"), false};
	flag_set set = parse("\\Seen \\Draft $junk work");
	assert_int_equal(flags_storable(table, set, &some), parse("\\Seen $Junk"));
	some.new_keywords = true;
	assert_int_equal(flags_storable(table, set, &some), parse("\\Seen $Junk work"));
}

/* Sets of up to ten letters, as bits, checked against the table's arithmetic. */
static flag_set letters(unsigned bits)
{
	flag_set set = 0;
	for (unsigned i = 0; i < 10; i++)
		if (bits & 1u << (i * 7 % 10))
			set = flags_add_name(table, set, &"abcdefghij"[i * 7 % 10], 1);
	return set;
}

static void sets_calculate_as_bits_do(void **state)
{
	(void)state;
	unsigned random = 1;
	for (int i = 0; i < 20000; i++) {
		random = random * 1103515245u + 12345u;
		unsigned a = random >> 6 & 1023, b = random >> 16 & 1023;
		flag_set in_a = letters(a), in_b = letters(b);
		assert_int_equal(in_a == in_b, a == b);
		assert_int_equal(flags_union(table, in_a, in_b), letters(a | b));
		assert_int_equal(flags_common(table, in_a, in_b), letters(a & b));
		assert_int_equal(flags_without(table, in_a, in_b), letters(a & ~b));
	}
}

static long peak_kilobytes(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* B41: were every step on the way kept as a list, this would take gigabytes. */
static void forty_thousand_keywords_of_one_message_cost_little(void **state)
{
	(void)state;
	enum { KEYWORDS = 40000 };
	flag_set up = 0, down = 0;
	char name[16];
	long before = peak_kilobytes();
	for (int i = 0; i < KEYWORDS; i++) {
		int len = snprintf(name, sizeof name, "k%d", i);
		up = flags_add_name(table, up, name, (size_t)len);
	}
	for (int i = KEYWORDS; i-- > 0;) {
		int len = snprintf(name, sizeof name, "K%d", i);
		down = flags_add_name(table, down, name, (size_t)len);
	}
	assert_int_equal(up, down);
	assert_true(peak_kilobytes() - before < 64L * 1024);
	size_t n;
	flags_keywords(table, up, &n);
	assert_int_equal(n, KEYWORDS);
	assert_int_equal(
		flags_without(table, up, parse("k0")), flags_without(table, down, parse("K0")));
}

static void a_keyword_of_64_kib_is_a_keyword(void **state)
{
	(void)state;
	enum { LONG = 65536 };
	char *name = malloc(LONG + 1), *text = malloc(LONG + 32);
	memset(name, 'x', LONG);
	name[LONG] = '\0';
	flag_set set = flags_add_name(table, FLAG_SEEN, name, LONG);
	assert_true(flags_has(table, set, name));
	assert_int_equal(flags_text(table, set, text, LONG + 32), LONG + 6);
	assert_int_equal(parse(text), set);
	name[LONG - 1] = 'y';
	assert_int_not_equal(flags_add_name(table, FLAG_SEEN, name, LONG), set);
	free(name);
	free(text);
}

enum { THREADS = 4, SHARED = 20000 };
static flag_set shared[SHARED];
static const char *const *seen[THREADS][SHARED];
static pthread_barrier_t all_here;

static void *read_shared(void *thread)
{
	size_t n;
	pthread_barrier_wait(&all_here);
	for (size_t i = 0; i < SHARED; i++)
		seen[*(int *)thread][i] = flags_keywords(table, shared[i], &n);
	return NULL;
}

static void many_threads_read_one_table(void **state)
{
	(void)state;
	pthread_t thread[THREADS];
	int number[THREADS];
	for (size_t i = 0; i < SHARED; i++) {
		char text[32];
		snprintf(text, sizeof text, "b%zu d a c%zu", i, i);
		shared[i] = parse(text);
	}
	assert_int_equal(pthread_barrier_init(&all_here, NULL, THREADS), 0);
	for (int i = 0; i < THREADS; i++) {
		number[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, read_shared, &number[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&all_here);
	for (size_t i = 0; i < SHARED; i++) {
		assert_string_equal(seen[0][i][3], "d");
		for (int other = 1; other < THREADS; other++)
			assert_ptr_equal(seen[other][i], seen[0][i]);
	}
}

#define with_table(f) cmocka_unit_test_setup_teardown(f, make_table, free_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_table(a_set_of_system_flags_is_its_mask_in_every_table),
		with_table(equal_sets_have_equal_numbers_however_they_were_made),
		with_table(a_set_minus_itself_is_empty_again),
		with_table(keywords_are_sorted_and_keep_their_first_spelling),
		with_table(a_set_knows_what_it_holds_in_any_case),
		with_table(recent_and_unknown_system_flags_change_nothing),
		with_table(text_lists_system_flags_first_and_both_parts_sorted),
		with_table(keywords_no_server_should_take_come_back_from_text),
		with_table(a_set_moves_to_another_table_by_its_names),
		with_table(only_what_a_mailbox_can_hold_is_storable),
		with_table(sets_calculate_as_bits_do),
		with_table(forty_thousand_keywords_of_one_message_cost_little),
		with_table(a_keyword_of_64_kib_is_a_keyword),
		with_table(many_threads_read_one_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
