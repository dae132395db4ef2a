#include "unit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "laws.h"

/*
 * The laws over histories at random.
 *
 *   MAILTWIN_LAWS_SEED   begin with this history instead of one that the clock chose
 *   MAILTWIN_LAWS_COUNT  look at so many instead of 100,000
 */
#define HISTORIES     100000
#define LEAST_REACHED 1000 /* times that each row of the table comes up in each mode */

static size_t reached[MODE_MOVE + 1][REACHED_ROWS];
static size_t histories;

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void tell_failure(struct world *w, struct flag_table *flags, uint64_t seed, const char *why)
{
	struct buffer story;
	buffer_init(&story, 1 << 20);
	laws_shrink(w, flags, seed, &story);
	printf("MAILTWIN_LAWS_SEED=%" PRIu64 " MAILTWIN_LAWS_COUNT=1 shows it; made smaller:\n"
	       "# %s\n%s",
		seed, why, story.data);
	buffer_finish(&story);
}

static void the_laws_hold_over_random_histories(void **state)
{
	(void)state;
	static struct world w;
	uint64_t first = number_from("MAILTWIN_LAWS_SEED", (uint64_t)time(NULL) * 1000003);
	struct flag_table *flags = flag_table_new();
	histories = (size_t)number_from("MAILTWIN_LAWS_COUNT", HISTORIES);
	print_message("%zu histories from MAILTWIN_LAWS_SEED=%" PRIu64 " on\n", histories, first);
	for (uint64_t i = 0; i < histories; i++) {
		struct chance c = {first + i};
		history_make(&c, flags, &w);
		history_reaches(&w, flags, reached[w.policy.mode]);
		const char *why = laws_check(&w, flags, first + i);
		if (why != NULL) {
			tell_failure(&w, flags, first + i, why);
			fail_msg("%s", why);
		}
	}
	flag_table_free(flags);
}

static void every_row_of_the_table_was_reached_in_each_mode(void **state)
{
	(void)state;
	static const char *const modes[] = {"between", "copy", "mirror", "move"};
	size_t too_few = 0;
	if (histories < HISTORIES)
		skip();
	for (size_t row = 0; row < REACHED_ROWS; row++) {
		print_message("%-38s", reached_names[row]);
		for (size_t mode = 0; mode <= MODE_MOVE; mode++) {
			print_message(" %8zu", reached[mode][row]);
			too_few += reached[mode][row] < LEAST_REACHED;
		}
		print_message("\n");
	}
	print_message("%-38s %8s %8s %8s %8s\n", "", modes[0], modes[1], modes[2], modes[3]);
	assert_int_equal(too_few, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_laws_hold_over_random_histories),
		cmocka_unit_test(every_row_of_the_table_was_reached_in_each_mode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
