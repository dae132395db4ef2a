#include "unit.h"

#include "sync/report.h"

static void of_two_exit_codes_the_one_that_needs_a_person_sooner_is_returned(void **state)
{
	(void)state;
	static const int order[] = {130, 7, 5, 3, 4, 2, 1, 6, 0};
	const size_t n = sizeof order / sizeof *order;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			assert_int_equal(report_worse(order[i], order[j]), order[i < j ? i : j]);
	assert_int_equal(report_worse(143, 130), 143); /* the first that came */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_exit_codes_the_one_that_needs_a_person_sooner_is_returned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
