/*
 * Messages as large as an archive takes, and larger: more than 2 GiB as they are, and the greatest
 * number of parts by making the parts small.
 */
#include "config.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/archive_private.h"

static char place[] = "/tmp/mailtwin-test-XXXXXX";
static char path[64];
static struct error err;

/* A header, and then lines that are alike. */
struct endless {
	struct reader reader;
	uint64_t left;
	uint8_t run[64 * 1024];
};

static ssize_t next(struct reader *reader, const uint8_t **run, struct error *e)
{
	struct endless *s = (struct endless *)reader;
	size_t n = s->left < sizeof s->run ? (size_t)s->left : sizeof s->run;
	(void)e;
	*run = s->run;
	s->left -= n;
	return (ssize_t)n;
}

static void start(struct endless *s, uint64_t size)
{
	s->reader = (struct reader){size, next};
	s->left = size;
	for (size_t i = 0; i < sizeof s->run; i++)
		s->run[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : (uint8_t)('a' + i % 26);
}

static bool add(struct archive *a, uint64_t size, struct archive_message *m)
{
	static struct endless s;
	struct archive_pending *pending;
	start(&s, size);
	return archive_add(a, 1, &s.reader, &pending, &err) && archive_added(a, pending, m, &err);
}

static void assert_comes_out(struct archive *a, const struct archive_message *m)
{
	static struct endless wanted;
	struct archive_body *body = archive_body_new(a);
	struct reader *reader;
	const uint8_t *run;
	uint64_t at = 0;
	ssize_t n;
	start(&wanted, m->size);
	assert_true(archive_body_open(body, m, false, &reader, &err));
	assert_int_equal(reader->size, m->size);
	for (; (n = reader->next(reader, &run, &err)) > 0; at += (uint64_t)n)
		for (ssize_t done = 0; done < n;) {
			size_t in = (size_t)((at + (uint64_t)done) % sizeof wanted.run);
			size_t some = sizeof wanted.run - in;
			if (some > (size_t)(n - done))
				some = (size_t)(n - done);
			assert_memory_equal(run + done, wanted.run + in, some);
			done += (ssize_t)some;
		}
	assert_int_equal(n, 0);
	assert_int_equal(at, m->size);
	archive_body_free(body);
}

static struct archive *begin(void)
{
	struct archive *a = archive_open(path, true, NULL, &err);
	assert_non_null(a);
	assert_true(archive_begin(a, &err));
	return a;
}

static void end(struct archive *a)
{
	assert_true(archive_commit(a, &err));
	archive_close(a);
}

static void a_message_of_more_than_2_gib_goes_in_and_comes_out(void **state)
{
	(void)state;
	struct archive *a = begin();
	struct archive_message m;
	assert_true(add(a, (UINT64_C(1) << 31) + 4711, &m));
	assert_comes_out(a, &m);
	end(a);
}

static void what_has_more_parts_than_are_counted_is_refused_and_the_next_is_taken(void **state)
{
	(void)state;
	struct archive *a = begin();
	struct archive_message most, m;
	a->part_size = 16;
	assert_true(add(a, (uint64_t)(ARCHIVE_PARTS - 1) * 16, &most));
	assert_comes_out(a, &most);
	assert_false(add(a, (uint64_t)ARCHIVE_PARTS * 16 + 1, &m));
	assert_int_equal(err.scope, ERROR_MESSAGE);
	assert_non_null(strstr(err.text, "too large for an archive"));
	assert_true(add(a, 1000, &m));
	assert_comes_out(a, &m);
	end(a);
}

static void nothing_of_what_was_refused_stays(void **state)
{
	(void)state;
	struct archive *a = begin();
	int64_t n = -1;
	assert_true(archive_clean(a, &err));
	assert_int_equal(
		sql_one(a, "SELECT count(*) FROM message WHERE digest IS NULL", 0, &n, &err), 1);
	assert_int_equal(n, 0);
	end(a);
}

static int make_place(void **state)
{
	(void)state;
	if (mkdtemp(place) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/a.mta", place);
	return archive_create(path, &err) ? 0 : -1;
}

static int remove_place(void **state)
{
	(void)state;
	return unlink(path) < 0 || rmdir(place) < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_of_more_than_2_gib_goes_in_and_comes_out),
		cmocka_unit_test(
			what_has_more_parts_than_are_counted_is_refused_and_the_next_is_taken),
		cmocka_unit_test(nothing_of_what_was_refused_stays),
	};
	return cmocka_run_group_tests(tests, make_place, remove_place);
}
