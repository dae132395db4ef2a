#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "sync/identify.h"

/*
 * A store of one mailbox whose messages are made as they are read: ${head}, and then ${tail} octets
 * of text.  It says of each message that it has 7 octets.
 */
struct teller {
	struct store store;
	struct session session;
	struct {
		const char *key, *head;
		uint64_t tail;
	} at[8];
	size_t n;
	int breaks_at;	     /* the body of this one ends early; -1: none */
	int ends_at;	     /* take() fails at this one; -1: never */
	enum error_scope as; /* how far either reaches */
	enum fetch_part part;
	const char *const *keys;
	size_t n_keys, taken;
	bool ended; /* the fetch was taken to its end */

	struct reader reader;
	size_t telling;
	uint64_t told;
	uint8_t run[60000];
};

static struct teller teller;
static struct arena *arena;
static struct hasher *hasher;

static ssize_t next_run(struct reader *reader, const uint8_t **run, struct error *err)
{
	(void)reader;
	struct teller *t = &teller;
	const char *head = t->at[t->telling].head;
	uint64_t size = strlen(head) + (t->part == FETCH_BODY ? t->at[t->telling].tail : 0);
	if ((int)t->telling == t->breaks_at && t->told > 0) {
		error_set(err, t->as, CAUSE_NETWORK, "the message ended early");
		return -1;
	}
	if (t->told < strlen(head)) {
		*run = (const uint8_t *)head + t->told;
		uint64_t n = strlen(head) - t->told;
		n = n > 5 ? 5 : n;
		t->told += n;
		return (ssize_t)n;
	}
	uint64_t n = size - t->told;
	n = n > sizeof t->run ? sizeof t->run : n;
	*run = t->run;
	t->told += n;
	return (ssize_t)n;
}

static bool ask(struct session *session, const char *name, const char *epoch,
	const char *const *keys, size_t n, enum fetch_part part, struct error *err)
{
	struct teller *t = &teller;
	(void)session;
	if (strcmp(name, "INBOX") != 0 || strcmp(epoch, "1") != 0)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "no such mailbox");
	t->keys = keys;
	t->n_keys = n;
	t->part = part;
	t->taken = 0;
	return true;
}

static int tell(
	struct session *session, struct message *message, struct reader **reader, struct error *err)
{
	struct teller *t = &teller;
	(void)session;
	while (t->taken < t->n_keys) {
		const char *key = t->keys[t->taken++];
		for (t->telling = 0; t->telling < t->n; t->telling++) {
			if (strcmp(t->at[t->telling].key, key) != 0)
				continue;
			*message = (struct message){.key = key, .size = 7};
			t->reader = (struct reader){0, next_run};
			t->told = 0;
			*reader = t->part == FETCH_EMAILID ? NULL : &t->reader;
			message->identity.octet[0] =
				t->part == FETCH_EMAILID ? (uint8_t)(t->telling + 1) : 0;
			if ((int)t->telling != t->ends_at)
				return 1;
			error_set(err, t->as, CAUSE_NETWORK, "it went away");
			if (t->as == ERROR_MAILBOX)
				t->taken = t->n_keys; /* so did all that is still missing */
			return -1;
		}
	}
	t->ended = true;
	return 0;
}

static const struct store_ops ops = {.kind = "teller", .fetch = ask, .take = tell};

static void add(const char *key, const char *head, uint64_t tail)
{
	teller.at[teller.n].key = key;
	teller.at[teller.n].head = head;
	teller.at[teller.n++].tail = tail;
}

static int set_up(void **state)
{
	(void)state;
	teller = (struct teller){.store = {.ops = &ops, .name = "teller"},
		.session.store = &teller.store,
		.breaks_at = -1,
		.ends_at = -1};
	for (size_t i = 0; i < sizeof teller.run; i++)
		teller.run[i] = (uint8_t) "abcdefg hijklmn\r\n"[i % 17];
	arena = arena_new();
	hasher = hasher_new();
	add("1", "Subject: one\r\nFrom: ann\r\n\r\n", 100);
	add("2", "Subject: two\r\nFrom: bob\r\n\r\n", 200);
	add("3", "Subject: three\r\n\r\n", 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hasher_free(hasher);
	arena_free(arena);
	return 0;
}

/* Identify what ${keys} (ends in NULL) names. */
static struct job *identify_all(enum fetch_part part, bool keep_text, const char *const *keys)
{
	struct job *job = arena_alloc(arena, sizeof *job);
	*job = (struct job){.kind = JOB_IDENTIFY,
		.side = RIGHT,
		.name = {NULL, "INBOX"},
		.epoch = {NULL, "1"},
		.part = part,
		.keep_text = keep_text,
		.keep_origin = keep_text,
		.arena = arena};
	job->identify = arena_alloc(arena, 8 * sizeof *job->identify);
	for (; keys[job->n] != NULL; job->n++)
		job->identify[job->n].key = keys[job->n];
	identify(&teller.session, hasher, job);
	return job;
}

static const char *const all[] = {"1", "2", "3", NULL};

/* What the hasher says of message ${i} when it is fed at once. */
static struct identity expected(size_t i, bool whole)
{
	struct identity header, digest;
	hasher_begin(hasher);
	hasher_add(hasher, (const uint8_t *)teller.at[i].head, strlen(teller.at[i].head));
	hasher_add(hasher, teller.run, teller.at[i].tail);
	hasher_end(hasher, &header, &digest, NULL);
	return whole ? digest : header;
}

static void assert_identity(const struct identity *got, struct identity wanted)
{
	assert_memory_equal(got->octet, wanted.octet, IDENTITY_SIZE);
}

static void a_message_is_known_by_its_header_alone(void **state)
{
	(void)state;
	const struct job *job = identify_all(FETCH_HEADER, false, all);
	assert_int_equal(job->error.scope, ERROR_NONE);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(job->identify[i].state, ITEM_DONE);
		assert_identity(&job->identify[i].identity, expected(i, false));
		assert_false(identity_known(&job->identify[i].digest));
		assert_int_equal(job->identify[i].size, 7); /* as the store said */
		assert_null(job->identify[i].subject);
	}
}

static void a_whole_message_is_counted_whatever_the_store_said(void **state)
{
	(void)state;
	const struct job *job = identify_all(FETCH_BODY, false, all);
	for (size_t i = 0; i < 3; i++) {
		assert_identity(&job->identify[i].identity, expected(i, false));
		assert_identity(&job->identify[i].digest, expected(i, true));
		assert_int_equal(
			job->identify[i].size, strlen(teller.at[i].head) + teller.at[i].tail);
	}
}

static void what_a_server_calls_it_needs_no_reading(void **state)
{
	(void)state;
	const struct job *job = identify_all(FETCH_EMAILID, false, all);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(job->identify[i].state, ITEM_DONE);
		assert_int_equal(job->identify[i].emailid.octet[0], i + 1);
	}
	assert_int_equal(teller.told, 0);
}

static void a_message_that_breaks_is_told_and_the_others_are_read(void **state)
{
	(void)state;
	teller.breaks_at = 1;
	teller.as = ERROR_MESSAGE;
	const struct job *job = identify_all(FETCH_BODY, false, all);
	assert_int_equal(job->error.scope, ERROR_NONE);
	assert_int_equal(job->identify[0].state, ITEM_DONE);
	assert_int_equal(job->identify[1].state, ITEM_FAILED);
	assert_string_equal(job->identify[1].error->text, "the message ended early");
	assert_int_equal(job->identify[2].state, ITEM_DONE);
	/* of half a message nothing is known */
	assert_false(identity_known(&job->identify[1].identity));
	assert_false(identity_known(&job->identify[1].digest));
	assert_int_equal(job->identify[1].size, 0);
}

static void a_message_that_cannot_be_had_is_told(void **state)
{
	(void)state;
	teller.ends_at = 0;
	teller.as = ERROR_MESSAGE;
	const struct job *job = identify_all(FETCH_HEADER, false, all);
	assert_int_equal(job->error.scope, ERROR_NONE);
	assert_int_equal(job->identify[0].state, ITEM_FAILED);
	assert_string_equal(job->identify[0].error->text, "it went away");
	assert_int_equal(job->identify[2].state, ITEM_DONE);
}

static void a_message_that_is_gone_is_no_failure(void **state)
{
	(void)state;
	static const char *const keys[] = {"1", "4711", "3", NULL};
	const struct job *job = identify_all(FETCH_HEADER, false, keys);
	assert_int_equal(job->error.scope, ERROR_NONE);
	assert_int_equal(job->identify[0].state, ITEM_DONE);
	assert_int_equal(job->identify[1].state, ITEM_GONE);
	assert_int_equal(job->identify[2].state, ITEM_DONE);
}

static void what_was_read_before_a_failure_stays_known(void **state)
{
	(void)state;
	static const enum error_scope scopes[] = {ERROR_MAILBOX, ERROR_STORE};
	for (size_t i = 0; i < 2; i++) {
		teller.ends_at = i == 0 ? 1 : -1;
		teller.breaks_at = i == 0 ? -1 : 1;
		teller.as = scopes[i];
		const struct job *job = identify_all(FETCH_HEADER, false, all);
		assert_int_equal(job->error.scope, scopes[i]);
		assert_int_equal(job->identify[0].state, ITEM_DONE);
		/* these may be asked for again */
		assert_int_equal(job->identify[1].state, ITEM_WAITING);
		assert_int_equal(job->identify[2].state, ITEM_WAITING);
		/* else the store would go on with keys that went with the job */
		assert_true(teller.ended || scopes[i] > ERROR_MAILBOX);
	}
}

static void a_mailbox_that_is_another_by_now_fails_as_a_whole(void **state)
{
	(void)state;
	struct job job = {.kind = JOB_IDENTIFY,
		.name = {"INBOX"},
		.epoch = {"2"},
		.arena = arena,
		.n = 1,
		.identify = &(struct identify_item){.key = "1"}};
	identify(&teller.session, hasher, &job);
	assert_error(job.error, ERROR_MAILBOX, "no such mailbox");
	assert_int_equal(job.identify[0].state, ITEM_WAITING);
}

static void a_person_knows_it_by_sender_and_subject(void **state)
{
	(void)state;
	add("4",
		"subject: a\r\n long one\r\nX: 1\r\nFROM: Cy <c@example.org>\r\n\r\nSubject: "
		"no\r\n",
		0);
	static const char *const keys[] = {"2", "3", "4", NULL};
	const struct job *job = identify_all(FETCH_BODY, true, keys);
	assert_string_equal(job->identify[0].subject, "two");
	assert_string_equal(job->identify[0].from, "bob");
	assert_string_equal(job->identify[1].subject, "three");
	assert_null(job->identify[1].from);
	assert_string_equal(job->identify[2].subject, "a long one");
	assert_string_equal(job->identify[2].from, "Cy <c@example.org>");
}

static bool one_origin(const struct job *job, size_t a, size_t b)
{
	return memcmp(&job->identify[a].origin, &job->identify[b].origin, IDENTITY_SIZE) == 0;
}

static void a_message_comes_from_where_its_id_and_its_date_say_whatever_else_was_rewritten(
	void **state)
{
	(void)state;
	add("4", "Message-ID: <x@y>\r\nDate: Mon, 2 Jan 2006 15:04:05 +0100\r\n\r\n", 10);
	add("5", "X-New: 1\r\ndate:  2 Jan 2006 14:04:05 +0000\r\nMESSAGE-ID:\r\n <x@y>\r\n\r\n",
		90);
	add("6", "Message-ID: <x@y>\r\nDate: Mon, 2 Jan 2006 15:04:06 +0100\r\n\r\n", 10);
	add("7", "Message-ID: <x@y>\r\nDate: some day\r\n\r\n", 10);
	static const char *const keys[] = {"4", "5", "6", "7", NULL};
	const struct job *job = identify_all(FETCH_HEADER, true, keys);
	assert_true(identity_known(&job->identify[0].origin));
	assert_true(one_origin(job, 0, 1));
	assert_false(one_origin(job, 0, 2));
	/* Message-ID alone proves nothing */
	assert_false(identity_known(&job->identify[3].origin));
}

static void memory_does_not_grow_with_the_message(void **state)
{
	(void)state;
	static const char *const keys[] = {"4", "5", NULL};
	add("4", "Subject: huge\r\n\r\n", (uint64_t)16 << 20);
	add("5", "X: a header without an end ", (uint64_t)16 << 20);
	size_t before = arena_used(arena);
	const struct job *job = identify_all(FETCH_BODY, true, keys);
	assert_int_equal(job->identify[0].size, 17 + (16 << 20));
	assert_string_equal(job->identify[0].subject, "huge");
	assert_int_equal(job->identify[1].state, ITEM_DONE);
	assert_true(arena_used(arena) - before < 65536);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(a_message_is_known_by_its_header_alone),
		FRESH(a_whole_message_is_counted_whatever_the_store_said),
		FRESH(what_a_server_calls_it_needs_no_reading),
		FRESH(a_message_that_breaks_is_told_and_the_others_are_read),
		FRESH(a_message_that_cannot_be_had_is_told),
		FRESH(a_message_that_is_gone_is_no_failure),
		FRESH(what_was_read_before_a_failure_stays_known),
		FRESH(a_mailbox_that_is_another_by_now_fails_as_a_whole),
		FRESH(a_person_knows_it_by_sender_and_subject),
		FRESH(a_message_comes_from_where_its_id_and_its_date_say_whatever_else_was_rewritten),
		FRESH(memory_does_not_grow_with_the_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
