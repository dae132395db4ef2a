#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "mail/roster.h"

#define MANY 5000

static struct roster *some(void)
{
	struct roster *roster = roster_new(0);
	assert_true(roster_add(roster, "1", FLAG_SEEN));
	assert_true(roster_add(roster, "2", 0));
	assert_true(roster_add(roster, "3", FLAG_SEEN));
	return roster;
}

static void who_is_met_is_told_from_strangers_and_from_who_changed(void **state)
{
	(void)state;
	struct roster *roster = some();
	assert_int_equal(roster_meet(roster, "1", 1, FLAG_SEEN), ROSTER_SAME);
	assert_int_equal(roster_meet(roster, "2", 1, FLAG_SEEN), ROSTER_CHANGED);
	assert_int_equal(roster_meet(roster, "4", 1, 0), ROSTER_STRANGER);
	assert_int_equal(roster_meet(roster, "11", 2, FLAG_SEEN), ROSTER_STRANGER);
	assert_int_equal(roster_meet(roster, "", 0, 0), ROSTER_STRANGER);
	roster_free(roster);
}

static void who_was_not_met_is_missed(void **state)
{
	(void)state;
	struct roster *roster = some();
	assert_int_equal(roster_missed(roster), 3);
	roster_meet(roster, "1", 1, FLAG_SEEN);
	roster_meet(roster, "2", 1, FLAG_DRAFT);
	roster_meet(roster, "4", 1, 0);
	assert_int_equal(roster_missed(roster), 1);
	assert_true(roster_has_met(roster, "1"));
	assert_true(roster_has_met(roster, "2"));
	assert_false(roster_has_met(roster, "3"));
	assert_false(roster_has_met(roster, "4"));
	roster_free(roster);
}

static void a_key_is_met_once_until_it_begins_again(void **state)
{
	(void)state;
	struct roster *roster = some();
	assert_int_equal(roster_meet(roster, "1", 1, FLAG_SEEN), ROSTER_SAME);
	assert_int_equal(roster_meet(roster, "1", 1, FLAG_SEEN), ROSTER_AGAIN);
	assert_int_equal(roster_meet(roster, "1", 1, 0), ROSTER_AGAIN);
	assert_int_equal(roster_missed(roster), 2);
	roster_begin(roster);
	assert_int_equal(roster_missed(roster), 3);
	assert_int_equal(roster_meet(roster, "1", 1, 0), ROSTER_CHANGED);
	roster_free(roster);
}

static void a_key_that_is_known_twice_is_refused(void **state)
{
	(void)state;
	struct roster *roster = some();
	assert_false(roster_add(roster, "2", 0));
	assert_int_equal(roster_missed(roster), 3);
	roster_free(roster);
}

/* More than there was room for, so that it has to grow. */
static void many_are_known_each_with_its_flags(void **state)
{
	(void)state;
	char key[32];
	struct roster *roster = roster_new(10);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(key, sizeof key, "%u.host", i);
		assert_true(roster_add(roster, key, i % 7));
	}
	for (unsigned i = 0; i < 2 * MANY; i++) {
		int len = snprintf(key, sizeof key, "%u.host", i);
		enum roster_met wanted = i >= MANY    ? ROSTER_STRANGER
					 : i % 7 != 3 ? ROSTER_CHANGED
						      : ROSTER_SAME;
		assert_int_equal(roster_meet(roster, key, (size_t)len, 3), wanted);
	}
	assert_int_equal(roster_missed(roster), 0);
	roster_free(roster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_met_is_told_from_strangers_and_from_who_changed),
		cmocka_unit_test(who_was_not_met_is_missed),
		cmocka_unit_test(a_key_is_met_once_until_it_begins_again),
		cmocka_unit_test(a_key_that_is_known_twice_is_refused),
		cmocka_unit_test(many_are_known_each_with_its_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
