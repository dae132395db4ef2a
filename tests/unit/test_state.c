#include "state_place.h"

#include <sys/wait.h>

#include "sync/state_private.h"

/* ---- what is put in comes out again ---- */

static void facts_come_out_as_they_went_in(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	struct state_facts first, facts;
	assert_ok(state_facts(state, arena, &first, &err), err);
	assert_null(first.world[LEFT]);
	assert_null(first.world[RIGHT]);
	assert_int_equal(first.run, 0);
	assert_int_equal(strlen(first.random), 32);
	assert_true(first.newer_limit == INT64_MIN && first.older_limit == INT64_MIN);

	struct state_facts put = {.world = {"imap://ann@example.org:993", NULL},
		.run = 7,
		.random = "not mine to choose",
		.newer_limit = -3,
		.older_limit = 20000};
	assert_ok(state_set_facts(state, &put, &err), err);
	state_close(state);

	state = open_state(STATE_READ);
	assert_ok(state_facts(state, arena, &facts, &err), err);
	assert_string_equal(facts.world[LEFT], put.world[LEFT]);
	assert_null(facts.world[RIGHT]);
	assert_int_equal(facts.run, 7);
	assert_string_equal(facts.random, first.random);
	assert_int_equal(facts.newer_limit, -3);
	assert_int_equal(facts.older_limit, 20000);
	state_close(state);
}

static void pairs_of_mailboxes_come_out_by_name(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	struct state_twin full = {.name = {"Sent", "Gesendet"},
		.mailbox = {"F1", NULL},
		.epoch = {"1", "2"},
		.cursor = {NULL, "9"},
		.next = {"77", ""},
		.total = {UINT64_MAX, 3},
		.pairs = 2,
		.retry = true,
		.ahead = true,
		.grown = true};
	assert_ok(state_put_twin(state, &full, &err), err);
	add_twin(state, "INBOX", "INBOX");
	struct state_twin *twins;
	size_t n;
	assert_ok(state_twins(state, arena, &twins, &n, &err), err);
	assert_int_equal(n, 2);
	assert_string_equal(twins[0].name[LEFT], "INBOX");
	const struct state_twin *t = &twins[1];
	assert_int_equal(t->id, full.id);
	assert_string_equal(t->name[RIGHT], "Gesendet");
	assert_string_equal(t->mailbox[LEFT], "F1");
	assert_null(t->mailbox[RIGHT]);
	assert_string_equal(t->epoch[LEFT], "1");
	assert_string_equal(t->epoch[RIGHT], "2");
	assert_null(t->cursor[LEFT]);
	assert_string_equal(t->cursor[RIGHT], "9");
	assert_string_equal(t->next[LEFT], "77");
	assert_string_equal(t->next[RIGHT], "");
	assert_true(t->total[LEFT] == UINT64_MAX && t->total[RIGHT] == 3);
	assert_true(t->pairs == 2 && t->retry && t->ahead && t->grown);

	full.name[LEFT] = "Apple";
	full.cursor[LEFT] = "10";
	assert_ok(state_put_twin(state, &full, &err), err);
	assert_ok(state_twins(state, arena, &twins, &n, &err), err);
	assert_int_equal(n, 2);
	assert_string_equal(twins[0].name[LEFT], "Apple");
	assert_string_equal(twins[0].cursor[LEFT], "10");
	state_close(state);
}

static void assert_same_row(const struct row *a, const struct row *b)
{
	assert_int_equal(a->id, b->id);
	for (enum side s = LEFT; s <= RIGHT; s++) {
		assert_true((a->key[s] == NULL) == (b->key[s] == NULL));
		if (a->key[s] != NULL)
			assert_string_equal(a->key[s], b->key[s]);
		assert_int_equal(a->flags[s], b->flags[s]);
		assert_int_equal(a->gone[s], b->gone[s]);
		assert_int_equal(a->taken[s], b->taken[s]);
		assert_int_equal(a->marked[s], b->marked[s]);
	}
	assert_int_equal(a->verified, b->verified);
	assert_int_equal(a->thrown, b->thrown);
	assert_memory_equal(a->identity.octet, b->identity.octet, IDENTITY_SIZE);
	assert_memory_equal(a->digest.octet, b->digest.octet, IDENTITY_SIZE);
	assert_true(a->size == b->size && a->received == b->received);
}

static void a_row_comes_out_as_it_went_in(void **context)
{
	(void)context;
	static const char *const words[] = {"$Junk", "Work", "a\x1b"};
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "INBOX", "INBOX");
	struct row row[] = {
		{.key = {"1", "1700.M1"}, .flags = {FLAG_SEEN, FLAG_SEEN}, .received = 0},
		{.key = {"2", NULL},
			.gone = {true, false},
			.taken = {true, false},
			.size = 1,
			.received = RECEIVED_UNKNOWN},
		{.key = {NULL, "1700.M2"},
			.gone = {false, true},
			.taken = {false, true},
			.marked = {true, false},
			.thrown = UINT16_MAX,
			.received = -1},
		{.key = {"4", ""},
			.verified = true,
			.marked = {false, true},
			.size = UINT64_MAX,
			.received = INT64_MAX,
			.identity = {{1}},
			.digest = {{0, [15] = 2}}},
		{.key = {"5", "1700.M5"},
			.received = 5,
			.flags = {flags_make(flags, FLAG_DRAFT, words, 3), FLAG_FLAGGED}},
	};
	for (size_t i = 0; i < 5; i++)
		assert_ok(state_put_row(state, twin, &row[i], flags, &err), err);
	state_close(state);

	state = open_state(STATE_READ);
	for (size_t i = 0; i < 5; i++) {
		const char *const left[] = {row[i].key[LEFT]}, *const right[] = {row[i].key[RIGHT]};
		const char *const *const keys[2] = {left, right};
		const size_t n_keys[2] = {*left != NULL, *left == NULL};
		struct row *found;
		size_t n;
		assert_ok(state_rows_touched(
				  state, twin, keys, n_keys, false, flags, arena, &found, &n, &err),
			err);
		assert_int_equal(n, 1);
		assert_same_row(found, &row[i]);
	}
	assert_int_equal(count_rows(state, twin), 5);
	state_close(state);
}

static void keywords_mean_the_same_in_another_table(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "INBOX", "INBOX");
	char *word = arena_alloc(arena, 70001);
	memset(word, 'k', 70000);
	const char *const words[] = {"Work", word};
	struct row row = {.key = {"1", "x"}};
	row.flags[LEFT] = flags_make(flags, FLAG_SEEN, words, 2);
	row.flags[RIGHT] = flags_make(flags, 0, words, 1);
	assert_ok(state_put_row(state, twin, &row, flags, &err), err);

	struct flag_table *another = flag_table_new();
	flags_make(another, 0, (const char *const[]){"Other"}, 1);
	struct row *rows;
	size_t n;
	assert_ok(state_rows(state, twin, another, arena, &rows, &n, &err), err);
	assert_true(flags_has(another, rows[0].flags[LEFT], "\\Seen"));
	assert_true(flags_has(another, rows[0].flags[LEFT], "Work"));
	assert_true(flags_has(another, rows[0].flags[LEFT], word));
	assert_true(
		rows[0].flags[RIGHT] == flags_make(another, 0, (const char *const[]){"Work"}, 1));
	flag_table_free(another);
	state_close(state);
}

static void a_begun_copy_is_remembered_until_it_is_dropped(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "A", "A"), second = add_twin(state, "B", "B");
	struct intent put[] = {
		{.to = RIGHT, .source = "4711", .key = "1700.M1", .identity = {{9}}},
		{.to = LEFT, .source = "1700.M2", .epoch = "3", .next = "100"},
		{.to = RIGHT, .source = "4712"},
	};
	for (size_t i = 0; i < 3; i++)
		assert_ok(state_put_intent(state, twin, &put[i], &err), err);
	struct intent elsewhere = {.to = RIGHT, .source = "1"};
	assert_ok(state_put_intent(state, second, &elsewhere, &err), err);

	struct intent *got;
	size_t n;
	assert_ok(state_intents(state, twin, arena, &got, &n, &err), err);
	assert_int_equal(n, 3);
	assert_string_equal(got[0].source, "4711");
	assert_string_equal(got[0].key, "1700.M1");
	assert_null(got[0].epoch);
	assert_int_equal(got[0].identity.octet[0], 9);
	assert_true(got[1].to == LEFT && got[1].key == NULL && got[1].id == put[1].id);
	assert_string_equal(got[1].epoch, "3");
	assert_string_equal(got[1].next, "100");
	assert_false(identity_known(&got[1].identity));

	assert_ok(state_drop_intent(state, put[0].id, &err), err);
	assert_ok(state_drop_intents(state, twin, LEFT, &err), err);
	assert_ok(state_intents(state, twin, arena, &got, &n, &err), err);
	assert_int_equal(n, 1);
	assert_string_equal(got[0].source, "4712");
	assert_ok(state_intents(state, second, arena, &got, &n, &err), err);
	assert_int_equal(n, 1);
	state_close(state);
}

static void a_hint_is_replaced_and_dropped(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	const char *value = "x";
	assert_ok(state_hint(state, "work/capabilities", arena, &value, &err), err);
	assert_null(value);
	assert_ok(state_set_hint(state, "work/capabilities", "IMAP4rev1", &err), err);
	assert_ok(state_set_hint(state, "work/capabilities", "IMAP4rev2", &err), err);
	assert_ok(state_hint(state, "work/capabilities", arena, &value, &err), err);
	assert_string_equal(value, "IMAP4rev2");
	assert_ok(state_set_hint(state, "work/capabilities", NULL, &err), err);
	assert_ok(state_hint(state, "work/capabilities", arena, &value, &err), err);
	assert_null(value);
	state_close(state);
}

static void the_last_run_is_known_also_when_it_never_ended(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	struct state_run last;
	bool any;
	assert_ok(state_last_run(state, arena, &last, &any, &err), err);
	assert_false(any);
	assert_ok(state_begin(state, &err), err);
	for (uint64_t i = 1; i <= 250; i++) {
		uint64_t number;
		assert_ok(state_run_begin(state, &number, 1000, &err), err);
		assert_int_equal(number, i);
		const struct state_run run = {.number = i,
			.began = 1000,
			.ended = 1000 + (int64_t)i,
			.exit = 5,
			.summary = "{\"v\":1}"};
		assert_ok(state_run_end(state, &run, &err), err);
	}
	assert_ok(state_commit(state, &err), err);
	assert_ok(state_last_run(state, arena, &last, &any, &err), err);
	assert_true(any && last.number == 250 && last.ended == 1250 && last.exit == 5);
	assert_string_equal(last.summary, "{\"v\":1}");
	uint64_t number;
	assert_ok(state_run_begin(state, &number, 2000, &err), err);
	assert_ok(state_last_run(state, arena, &last, &any, &err), err);
	assert_true(last.number == 251 && last.ended == 0 && last.summary == NULL);

	sqlite3_stmt *count;
	sqlite3_prepare_v2(state->db, "SELECT count(*) FROM run", -1, &count, NULL);
	sqlite3_step(count);
	assert_int_equal(sqlite3_column_int(count, 0), 101); /* it does not grow for ever */
	sqlite3_finalize(count);
	state_close(state);
}

/* ---- rows ---- */

/* More of them than are held at once. */
#define EACH 2500

static void count_row(void *context, const struct row *row)
{
	unsigned char *told = context;
	long i = strtol(row->key[LEFT], NULL, 10);
	assert_in_range(i, 0, EACH - 1);
	assert_string_equal(row->key[RIGHT], arena_printf(arena, "r%ld", i));
	told[i]++;
}

static void each_row_is_told_once_and_not_held(void **context)
{
	(void)context;
	struct error err = {0};
	unsigned char told[EACH] = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "A", "A"), second = add_twin(state, "B", "B");
	assert_ok(state_begin(state, &err), err);
	for (int i = 0; i < EACH; i++)
		add_row(state, twin, arena_printf(arena, "%d", i), arena_printf(arena, "r%d", i));
	add_row(state, second, "9999", "x");
	assert_ok(state_commit(state, &err), err);
	assert_ok(state_each_row(state, twin, flags, count_row, told, &err), err);
	for (int i = 0; i < EACH; i++)
		assert_int_equal(told[i], 1);
	state_close(state);
}

static void only_the_rows_that_a_list_touches_are_read(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "A", "A"), second = add_twin(state, "B", "B");
	assert_ok(state_begin(state, &err), err);
	for (int i = 0; i < 3000; i++)
		add_row(state, i % 2 ? twin : second, arena_printf(arena, "%d", i),
			arena_printf(arena, "r%d", i));
	int64_t half = add_row(state, twin, "5001", NULL);
	int64_t lost = add_row(state, twin, "5002", "r5002");
	add_row(state, second, "5003", NULL);
	struct row gone = {.id = lost, .key = {"5002", "r5002"}, .gone = {false, true}};
	assert_ok(state_put_row(state, twin, &gone, flags, &err), err);
	assert_ok(state_commit(state, &err), err);

	const char *const left[] = {"17", "2", "19", "none"}, *const right[] = {"r19", "r21"};
	const char *const *const keys[2] = {left, right};
	const size_t n_keys[2] = {4, 2};
	struct row *rows;
	size_t n;
	assert_ok(
		state_rows_touched(state, twin, keys, n_keys, false, flags, arena, &rows, &n, &err),
		err);
	assert_int_equal(n, 3); /* 17; 19, which both sides name; 21.  2 is in the other twin */
	assert_string_equal(rows[0].key[RIGHT], "r17");
	assert_string_equal(rows[1].key[RIGHT], "r19");
	assert_string_equal(rows[2].key[LEFT], "21");
	assert_ok(
		state_rows_touched(state, twin, keys, n_keys, true, flags, arena, &rows, &n, &err),
		err);
	assert_int_equal(n, 5);
	assert_true(rows[3].id == half && rows[4].id == lost);
	state_close(state);
}

static void no_look_up_reads_a_whole_table(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "A", "A");
	assert_ok(state_begin(state, &err), err);
	for (int i = 0; i < 2000; i++)
		add_row(state, twin, arena_printf(arena, "%d", i), arena_printf(arena, "r%d", i));
	assert_ok(state_commit(state, &err), err);
	const char *const key[] = {"7"};
	const char *const *const keys[2] = {key, key};
	const size_t n_keys[2] = {1, 1};
	struct row *rows;
	size_t n;
	bool any;
	assert_ok(
		state_rows_touched(state, twin, keys, n_keys, true, flags, arena, &rows, &n, &err),
		err);
	assert_ok(state_rows_dated(state, twin, 5, 6, &any, &err), err);
	assert_ok(state_drop_row(state, rows[0].id, &err), err);
	static const enum query_name used[] = {QUERY_IDS_LEFT, QUERY_IDS_RIGHT, QUERY_IDS_HALVES,
		QUERY_ROW, QUERY_ROWS_DATED, QUERY_DROP_ROW};
	for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
		/* of the machine that SQLite is: some tens a record */
		assert_in_range(sqlite3_stmt_status(
					state->statement[used[i]], SQLITE_STMTSTATUS_VM_STEP, 1),
			1, 200);
	}
	state_close(state);
}

static void a_row_can_go_to_another_pair_of_mailboxes(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t from = add_twin(state, "A", "A"), to = add_twin(state, "B", "B");
	struct row row = {.key = {"1", "x"}, .received = 10};
	assert_ok(state_put_row(state, from, &row, flags, &err), err);
	int64_t id = row.id;
	row.key[LEFT] = "77";
	assert_ok(state_put_row(state, to, &row, flags, &err), err);
	assert_int_equal(row.id, id);
	assert_int_equal(count_rows(state, from), 0);
	assert_int_equal(count_rows(state, to), 1);
	assert_ok(state_drop_row(state, id, &err), err);
	assert_int_equal(count_rows(state, to), 0);

	/* one that is not there any more is not silently made */
	assert_false(state_put_row(state, to, &row, flags, &err));
	assert_non_null(strstr(err.text, "a row is missing"));
	state_close(state);
}

static void rows_are_found_by_date(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "A", "A"), second = add_twin(state, "B", "B");
	add_row(state, twin, "1", "x"); /* 1700000000 */
	struct row undated = {.key = {"2", "y"}, .received = RECEIVED_UNKNOWN};
	assert_ok(state_put_row(state, second, &undated, flags, &err), err);
	const struct {
		int64_t twin, from, to;
		bool any;
	} at[] = {
		{twin, 1700000000, 1700000001, true},
		{twin, 1699999999, 1700000000, false},
		{twin, 1700000001, INT64_MAX, false},
		{twin, INT64_MIN, INT64_MAX, true},
		{second, INT64_MIN, INT64_MAX, false},
	};
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		bool any;
		assert_ok(
			state_rows_dated(state, at[i].twin, at[i].from, at[i].to, &any, &err), err);
		assert_int_equal(any, at[i].any);
	}
	state_close(state);
}

static void rows_from_a_uid_on_are_found_by_number(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "A", "A"), second = add_twin(state, "B", "B");
	add_row(state, twin, "9", "100");
	add_row(state, second, "5000", "5000");
	struct row half = {.key = {"12", NULL}};
	assert_ok(state_put_row(state, twin, &half, flags, &err), err);
	const struct {
		enum side side;
		const char *floor;
		bool any;
	} at[] = {
		{LEFT, "9", true},
		{LEFT, "12", true},
		{LEFT, "13", false},
		{LEFT, "100", false},
		{RIGHT, "13", true},
		{RIGHT, "100", true},
		{RIGHT, "101", false},
	};
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		bool any;
		assert_ok(state_rows_from(state, twin, at[i].side, at[i].floor, &any, &err), err);
		assert_int_equal(any, at[i].any);
	}
	state_close(state);
}

static void a_dropped_pair_of_mailboxes_takes_its_rows_along(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "A", "A"), stays = add_twin(state, "B", "B");
	add_row(state, twin, "1", "x");
	add_row(state, stays, "1", "x");
	struct intent intent = {.to = LEFT, .source = "2"};
	assert_ok(state_put_intent(state, twin, &intent, &err), err);
	assert_ok(state_drop_twin(state, twin, &err), err);
	assert_int_equal(count_rows(state, twin), 0);
	assert_int_equal(count_rows(state, stays), 1);
	struct intent *intents;
	struct state_twin *twins;
	size_t n;
	assert_ok(state_intents(state, twin, arena, &intents, &n, &err), err);
	assert_int_equal(n, 0);
	assert_ok(state_twins(state, arena, &twins, &n, &err), err);
	assert_int_equal(n, 1);

	/* within a transaction it goes with that */
	assert_ok(state_begin(state, &err), err);
	assert_ok(state_drop_twin(state, stays, &err), err);
	state_rollback(state);
	assert_int_equal(count_rows(state, stays), 1);
	state_close(state);
}

/* ---- transactions and the lock ---- */

static void what_is_rolled_back_never_was(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "A", "A");
	assert_ok(state_begin(state, &err), err);
	add_row(state, twin, "1", "x");
	assert_ok(state_begin(state, &err), err); /* within one: does nothing */
	add_row(state, twin, "2", "y");
	state_rollback(state);
	assert_int_equal(count_rows(state, twin), 0);

	assert_ok(state_begin(state, &err), err);
	add_row(state, twin, "3", "z");
	state_close(state); /* never committed */
	state = open_state(STATE_READ);
	assert_int_equal(count_rows(state, twin), 0);
	state_close(state);
}

static void a_reader_sees_what_was_committed_while_a_run_goes_on(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "A", "A");
	struct state *reader = open_state(STATE_READ);
	assert_ok(state_begin(state, &err), err);
	add_row(state, twin, "1", "x");
	assert_int_equal(count_rows(reader, twin), 0);
	assert_ok(state_commit(state, &err), err);
	assert_int_equal(count_rows(reader, twin), 1);

	struct row row = {.key = {"2", "y"}};
	assert_false(state_put_row(reader, twin, &row, flags, &err));
	assert_int_equal(err.cause, CAUSE_LOCAL);
	state_close(reader);
	state_close(state);
}

static void S19_a_second_run_is_told_who_holds_the_pair(void **context)
{
	(void)context;
	struct error err = {0};
	bool fresh;
	struct state *state = open_state(STATE_WRITE);
	assert_null(state_open(path, STATE_WRITE, 0, &fresh, &err));
	assert_int_equal(err.cause, CAUSE_BUSY);
	assert_int_equal(err.scope, ERROR_STORE);
	assert_non_null(strstr(err.text,
		arena_printf(arena, "another run (process %ld) holds the pair", (long)getpid())));
	state_close(state);
	state_close(open_state(STATE_WRITE));
}

static void a_run_that_waits_gets_the_pair_when_it_is_free(void **context)
{
	(void)context;
	int ready[2];
	char octet;
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		struct state *state = state_open(path, STATE_WRITE, 0, NULL, NULL);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		usleep(300000);
		state_close(state);
		_exit(state == NULL);
	}
	assert_int_equal(read(ready[0], &octet, 1), 1);
	struct error err = {0};
	bool fresh;
	struct state *state = state_open(path, STATE_WRITE, 20, &fresh, &err);
	assert_ok(state != NULL, err);
	assert_false(fresh);
	state_close(state);
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(ready[1]);
	assert_string_equal(names_in(folder), "work.db");
}

#define EACH_WITH_ITS_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_WITH_ITS_PLACE(rows_from_a_uid_on_are_found_by_number),
		EACH_WITH_ITS_PLACE(facts_come_out_as_they_went_in),
		EACH_WITH_ITS_PLACE(pairs_of_mailboxes_come_out_by_name),
		EACH_WITH_ITS_PLACE(a_row_comes_out_as_it_went_in),
		EACH_WITH_ITS_PLACE(keywords_mean_the_same_in_another_table),
		EACH_WITH_ITS_PLACE(a_begun_copy_is_remembered_until_it_is_dropped),
		EACH_WITH_ITS_PLACE(a_hint_is_replaced_and_dropped),
		EACH_WITH_ITS_PLACE(the_last_run_is_known_also_when_it_never_ended),
		EACH_WITH_ITS_PLACE(each_row_is_told_once_and_not_held),
		EACH_WITH_ITS_PLACE(only_the_rows_that_a_list_touches_are_read),
		EACH_WITH_ITS_PLACE(no_look_up_reads_a_whole_table),
		EACH_WITH_ITS_PLACE(a_row_can_go_to_another_pair_of_mailboxes),
		EACH_WITH_ITS_PLACE(rows_are_found_by_date),
		EACH_WITH_ITS_PLACE(a_dropped_pair_of_mailboxes_takes_its_rows_along),
		EACH_WITH_ITS_PLACE(what_is_rolled_back_never_was),
		EACH_WITH_ITS_PLACE(a_reader_sees_what_was_committed_while_a_run_goes_on),
		EACH_WITH_ITS_PLACE(S19_a_second_run_is_told_who_holds_the_pair),
		EACH_WITH_ITS_PLACE(a_run_that_waits_gets_the_pair_when_it_is_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
