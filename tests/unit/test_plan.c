#include "unit.h"

#include <string.h>

#include "scene.h"

/* The guard, and what is left of a plan that it refused. */

#define MAILBOXES 3

static struct arena *arena;
static struct twin twins[MAILBOXES];
static struct held held[MAILBOXES];
static struct plan plan;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	memset(twins, 0, sizeof twins);
	memset(held, 0, sizeof held);
	plan = (struct plan){.twins = MAILBOXES};
	plan.held = arena_alloc(arena, MAILBOXES * sizeof *plan.held);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void holds(uint32_t twin, uint64_t left, uint64_t right)
{
	held[twin] = (struct held){{left, right}};
}

static void add_steps(size_t n, struct step step)
{
	for (size_t i = 0; i < n; i++)
		*ARENA_PUSH(arena, plan.step, plan.n, plan.cap) = step;
	plan.count[step.kind][step.to] += n;
}

static void deletes(uint32_t twin, enum side side, size_t n)
{
	add_steps(n, (struct step){.kind = STEP_DELETE, .to = side, .twin = twin, .row = NONE});
}

static struct verdict *judge(enum limit_kind kind, unsigned long value)
{
	const struct deletion_limit limit = {kind, value};
	return plan_judge(arena, &plan, twins, held, &limit);
}

static void a_share_that_is_not_passed_is_carried_out(void **state)
{
	(void)state;
	holds(0, 100, 100);
	deletes(0, RIGHT, 25);
	assert_int_equal(judge(LIMIT_SHARE, 25)->n, 0);
}

static void S38_more_than_the_share_of_the_losing_side_is_refused(void **state)
{
	(void)state;
	holds(0, 1000, 100);
	deletes(0, RIGHT, 26);
	struct verdict *v = judge(LIMIT_SHARE, 25);
	assert_int_equal(v->n, 1);
	assert_int_equal(v->refusal[0].twin, 0);
	assert_int_equal(v->refusal[0].side, RIGHT);
	assert_int_equal(v->refusal[0].deletes, 26);
	assert_int_equal(v->refusal[0].held, 100);
	assert_int_equal(v->deletes, 26);
}

static void fewer_than_twenty_are_never_too_large_a_share(void **state)
{
	(void)state;
	holds(0, 30, 30);
	deletes(0, LEFT, 19);
	assert_int_equal(judge(LIMIT_SHARE, 25)->n, 0);
	deletes(0, LEFT, 1);
	assert_int_equal(judge(LIMIT_SHARE, 25)->n, 1);
}

static void S01_a_mailbox_that_held_five_is_not_emptied(void **state)
{
	(void)state;
	holds(0, 0, 5);
	deletes(0, RIGHT, 5);
	assert_int_equal(judge(LIMIT_SHARE, 25)->n, 1);
	assert_int_equal(judge(LIMIT_SHARE, 100)->n, 1);
	holds(0, 0, 6);
	assert_int_equal(judge(LIMIT_SHARE, 25)->n, 0);
}

static void a_mailbox_that_held_four_may_be_emptied(void **state)
{
	(void)state;
	holds(0, 4, 0);
	deletes(0, LEFT, 4);
	assert_int_equal(judge(LIMIT_SHARE, 25)->n, 0);
}

static void each_mailbox_and_side_is_judged_by_itself(void **state)
{
	(void)state;
	for (uint32_t t = 0; t < MAILBOXES; t++) {
		holds(t, 1000, 100);
		deletes(t, LEFT, 24);
		deletes(t, RIGHT, 24);
	}
	assert_int_equal(judge(LIMIT_SHARE, 25)->n, 0);
	deletes(2, RIGHT, 2);
	struct verdict *v = judge(LIMIT_SHARE, 25);
	assert_int_equal(v->n, 1);
	assert_int_equal(v->refusal[0].twin, 2);
	assert_int_equal(v->deletes, 6 * 24 + 2);
}

static void more_than_a_thousand_in_the_pair_are_refused(void **state)
{
	(void)state;
	holds(0, 100000, 0);
	holds(1, 0, 100000);
	deletes(0, LEFT, 500);
	deletes(1, RIGHT, 500);
	assert_int_equal(judge(LIMIT_SHARE, 25)->n, 0);
	deletes(1, RIGHT, 1);
	struct verdict *v = judge(LIMIT_SHARE, 25);
	assert_int_equal(v->n, 1);
	assert_int_equal(v->refusal[0].twin, NONE);
	assert_int_equal(v->refusal[0].deletes, 1001);
	assert_int_equal(v->refusal[0].held, 200000);
}

static void trash_and_junk_count_only_towards_the_thousand(void **state)
{
	(void)state;
	holds(0, 1000, 1000);
	twins[0].exempt[LEFT] = true;
	deletes(0, LEFT, 1000);
	assert_int_equal(judge(LIMIT_SHARE, 25)->n, 0);
	deletes(0, LEFT, 1);
	assert_int_equal(judge(LIMIT_SHARE, 25)->n, 1);
}

static void a_count_that_a_person_gave_is_the_only_rule(void **state)
{
	(void)state;
	holds(0, 312, 312);
	deletes(0, LEFT, 312);
	struct verdict *v = judge(LIMIT_SHARE, 25);
	assert_int_equal(v->deletes, 312);
	assert_int_equal(judge(LIMIT_COUNT, 312)->n, 0);
	assert_int_equal(judge(LIMIT_COUNT, 311)->n, 1);
	assert_int_equal(judge(LIMIT_COUNT, 0)->n, 1);
	assert_int_equal(judge(LIMIT_ANY, 0)->n, 0);
}

static void what_moved_or_was_taken_by_move_does_not_count(void **state)
{
	(void)state;
	holds(0, 50, 50);
	add_steps(50, (struct step){.kind = STEP_DELETE, .to = LEFT, .verify = true});
	add_steps(50, (struct step){.kind = STEP_DELETE, .to = RIGHT, .found = true});
	add_steps(50, (struct step){.kind = STEP_MOVE, .to = RIGHT});
	struct verdict *v = judge(LIMIT_COUNT, 0);
	assert_int_equal(v->n, 0);
	assert_int_equal(v->deletes, 0);
}

static void a_refused_plan_does_everything_but_delete(void **state)
{
	(void)state;
	add_steps(1, (struct step){.kind = STEP_COPY, .to = RIGHT});
	add_steps(1, (struct step){.kind = STEP_MOVE, .to = RIGHT, .twin = 1});
	deletes(2, RIGHT, 2);
	add_steps(1, (struct step){.kind = STEP_FORGET});
	plan_drop_deletions(&plan);
	assert_int_equal(plan.n, 3);
	assert_int_equal(plan.step[2].kind, STEP_FORGET);
	assert_int_equal(plan.count[STEP_DELETE][RIGHT], 0);
	assert_false(plan.held[0]);
	assert_false(plan.held[1]);
	assert_true(plan.held[2]);
}

static void a_plan_that_changes_only_the_state_is_empty(void **state)
{
	(void)state;
	assert_true(plan_empty(&plan));
	add_steps(1, (struct step){.kind = STEP_PAIR});
	add_steps(1, (struct step){.kind = STEP_FORGET});
	assert_true(plan_empty(&plan));
	add_steps(1, (struct step){.kind = STEP_FLAGS});
	assert_false(plan_empty(&plan));
}

/* ---- from the differ ---- */

static struct plan *plan_of(const char *text, struct scene *scene, struct flag_table *flags)
{
	const char *wanted, *notes;
	assert_true(scene_parse(text, flags, scene, &wanted, &notes));
	return differ(scene->arena, scene->twin, scene->n, flags, &scene->policy);
}

static void a_plan_counts_its_steps_and_bytes_by_side(void **state)
{
	(void)state;
	struct flag_table *flags = flag_table_new();
	struct scene s;
	struct plan *p = plan_of("left: a1 size:1000, a2 size:24, a3 seen, a4\n"
				 "right: b5 size:7, b3, b6\n"
				 "base: a3=b3\n"
				 "  a4=b4\n"
				 "  a6=b6\n"
				 "  a7=b7\n",
		&s, flags);
	assert_int_equal(p->count[STEP_COPY][RIGHT], 2);
	assert_int_equal(p->count[STEP_COPY][LEFT], 1);
	assert_int_equal(p->bytes[RIGHT], 1024);
	assert_int_equal(p->bytes[LEFT], 7);
	assert_int_equal(p->count[STEP_FLAGS][RIGHT], 1);
	assert_int_equal(p->count[STEP_FLAGS][LEFT], 0);
	assert_int_equal(p->count[STEP_DELETE][LEFT], 1);
	assert_int_equal(p->count[STEP_DELETE][RIGHT], 1);
	assert_int_equal(p->count[STEP_FORGET][LEFT], 1);
	assert_int_equal(p->n, 7);
	arena_free(s.arena);
	flag_table_free(flags);
}

static void a_settled_copy_leaves_a_row_without_its_new_key(void **state)
{
	(void)state;
	struct flag_table *flags = flag_table_new();
	struct scene s;
	struct row row;
	struct plan *p = plan_of("left: a1 seen is:x whole date:77\n", &s, flags);
	assert_int_equal(p->n, 1);
	assert_true(step_row(s.twin, &p->step[0], &row));
	assert_string_equal(row.key[LEFT], "a1");
	assert_null(row.key[RIGHT]);
	assert_int_equal(row.flags[RIGHT], FLAG_SEEN);
	assert_int_equal(row.received, 77);
	assert_int_equal(row.size, 100);
	assert_true(row.verified);
	assert_true(identity_known(&row.identity));
	assert_true(identity_known(&row.digest));
	assert_string_equal(step_key(s.twin, &p->step[0], LEFT), "a1");
	assert_null(step_key(s.twin, &p->step[0], RIGHT));
	arena_free(s.arena);
	flag_table_free(flags);
}

static void a_row_that_is_found_again_was_not_compared(void **state)
{
	(void)state;
	struct flag_table *flags = flag_table_new();
	struct scene s;
	struct row row;
	struct plan *p =
		plan_of("left: a9 is:1\nright: b1\nbase: a1=b1 verified thrown:1\n", &s, flags);
	assert_int_equal(p->n, 1);
	assert_true(step_row(s.twin, &p->step[0], &row));
	assert_string_equal(row.key[LEFT], "a9");
	assert_false(row.verified);
	assert_int_equal(row.thrown, 0);
	arena_free(s.arena);
	flag_table_free(flags);
}

static void a_move_acts_where_the_message_is(void **state)
{
	(void)state;
	struct flag_table *flags = flag_table_new();
	struct scene s;
	struct row row;
	flag_set add, remove;
	struct plan *p = plan_of("mailbox: X\nright: b1\nbase: a1=b1 verified\n"
				 "mailbox: Y\nleft: a7 is:1 seen\n",
		&s, flags);
	assert_int_equal(p->n, 1);
	const struct step *step = &p->step[0];
	assert_int_equal(step->kind, STEP_MOVE);
	assert_int_equal(step_twin(step, RIGHT), 0);
	assert_int_equal(step_twin(step, LEFT), 1);
	assert_string_equal(step_key(s.twin, step, RIGHT), "b1");
	assert_string_equal(step_key(s.twin, step, LEFT), "a7");
	assert_true(step_flags(s.twin, flags, step, RIGHT, &add, &remove));
	assert_int_equal(add, FLAG_SEEN);
	assert_int_equal(remove, 0);
	assert_false(step_flags(s.twin, flags, step, LEFT, &add, &remove));
	assert_true(step_row(s.twin, step, &row));
	assert_int_equal(row.id, 1);
	assert_string_equal(row.key[LEFT], "a7");
	assert_null(row.key[RIGHT]);
	assert_false(row.verified);
	arena_free(s.arena);
	flag_table_free(flags);
}

static void a_deletion_that_could_only_mark_keeps_its_row(void **state)
{
	(void)state;
	struct flag_table *flags = flag_table_new();
	struct scene s;
	struct row row;
	struct plan *p = plan_of("right: b1\nbase: a1=b1\n", &s, flags);
	assert_int_equal(p->n, 1);
	assert_false(step_row(s.twin, &p->step[0], &row));
	step_marked(s.twin, &p->step[0], &row);
	assert_true(row.gone[LEFT]);
	assert_false(row.gone[RIGHT]);
	assert_true(row.marked[RIGHT]);
	assert_string_equal(row.key[RIGHT], "b1");
	arena_free(s.arena);
	flag_table_free(flags);
}

static void move_takes_the_row_that_its_copy_left(void **state)
{
	(void)state;
	struct flag_table *flags = flag_table_new();
	struct scene s;
	struct row row;
	struct plan *p = plan_of("mode: move\nleft: a1\n", &s, flags);
	assert_int_equal(p->n, 2);
	assert_true(p->step[1].follows);
	assert_true(step_row(s.twin, &p->step[0], &row));
	row.key[RIGHT] = "b1";
	row.id = 5;
	assert_true(step_row(s.twin, &p->step[1], &row));
	assert_true(row.gone[LEFT] && row.taken[LEFT]);
	assert_string_equal(row.key[RIGHT], "b1");
	assert_int_equal(row.id, 5);
	assert_true(row.verified);
	arena_free(s.arena);
	flag_table_free(flags);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_share_that_is_not_passed_is_carried_out),
		TEST(S38_more_than_the_share_of_the_losing_side_is_refused),
		TEST(fewer_than_twenty_are_never_too_large_a_share),
		TEST(S01_a_mailbox_that_held_five_is_not_emptied),
		TEST(a_mailbox_that_held_four_may_be_emptied),
		TEST(each_mailbox_and_side_is_judged_by_itself),
		TEST(more_than_a_thousand_in_the_pair_are_refused),
		TEST(trash_and_junk_count_only_towards_the_thousand),
		TEST(a_count_that_a_person_gave_is_the_only_rule),
		TEST(what_moved_or_was_taken_by_move_does_not_count),
		TEST(a_refused_plan_does_everything_but_delete),
		TEST(a_plan_that_changes_only_the_state_is_empty),
		TEST(a_plan_counts_its_steps_and_bytes_by_side),
		TEST(a_settled_copy_leaves_a_row_without_its_new_key),
		TEST(a_row_that_is_found_again_was_not_compared),
		TEST(a_move_acts_where_the_message_is),
		TEST(a_deletion_that_could_only_mark_keeps_its_row),
		TEST(move_takes_the_row_that_its_copy_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
