/*
 * Base64 on its way into an archive: found, packed without looking for what repeats, and read back
 * by zlib.
 */
#include "config.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/archive_private.h"

#define LEAST ((size_t)16 * 1024) /* the shortest run that is found */

static const char symbols[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n";
static char place[] = "/tmp/mailtwin-test-XXXXXX";
static char path[64];
static struct error err;

static uint32_t next_number(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Lines of base64 of what does not repeat. */
static void put_lines(uint8_t *to, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++)
		to[i] = i % 78 == 76   ? '\r'
			: i % 78 == 77 ? '\n'
				       : (uint8_t)symbols[next_number(&seed) % 64];
}

/* ---- the stream ---- */

/* Into memory that is exactly as large as was said. */
static void assert_read_back(const struct archive_base64 *b, const uint8_t *data, size_t n)
{
	uint8_t *packed = test_malloc(archive_base64_room(n)), *back = test_malloc(n + 1);
	uLongf len = n + 1;
	size_t size = archive_base64_pack(b, data, n, packed);
	assert_in_range(size, 1, archive_base64_room(n));
	assert_int_equal(uncompress(back, &len, packed, size), Z_OK);
	assert_int_equal(len, n);
	assert_memory_equal(back, data, n);
	test_free(packed);
	test_free(back);
}

static void a_stream_of_any_length_is_read_back_by_zlib(void **state)
{
	(void)state;
	struct archive_base64 *b = archive_base64_new();
	uint8_t data[3000];
	uint32_t seed = 1;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)symbols[next_number(&seed) % (sizeof symbols - 1)];
	for (size_t n = 0; n < 200; n++)
		assert_read_back(b, data + n, n);
	assert_read_back(b, data, sizeof data);
	free(b);
}

static void a_stream_of_each_symbol_alone_is_read_back_by_zlib(void **state)
{
	(void)state;
	struct archive_base64 *b = archive_base64_new();
	uint8_t data[100];
	for (size_t i = 0; i + 1 < sizeof symbols; i++) {
		memset(data, symbols[i], sizeof data);
		assert_read_back(b, data, sizeof data);
	}
	free(b);
}

static void six_bits_stand_for_eight(void **state)
{
	(void)state;
	struct archive_base64 *b = archive_base64_new();
	static uint8_t data[1024 * 1024], packed[sizeof data + 100];
	put_lines(data, sizeof data, 7);
	size_t size = archive_base64_pack(b, data, sizeof data, packed);
	assert_in_range(size, sizeof data / 100 * 75, sizeof data / 100 * 77);
	free(b);
}

/* ---- runs ---- */

static void a_run_is_found_wherever_it_begins_and_ends(void **state)
{
	(void)state;
	struct archive_base64 *b = archive_base64_new();
	static uint8_t data[4 * LEAST];
	uint32_t seed = 3;
	for (int i = 0; i < 200; i++) {
		size_t at = next_number(&seed) % LEAST, n = LEAST + next_number(&seed) % LEAST;
		size_t begin = 0;
		memset(data, i % 2 ? ' ' : '-', sizeof data);
		put_lines(data + at, n, (uint32_t)i);
		assert_int_equal(archive_base64_find(b, data, sizeof data, 0, &begin), n);
		assert_int_equal(begin, at);
		assert_int_equal(archive_base64_find(b, data, sizeof data, at + n, &begin), 0);
	}
	free(b);
}

static void a_run_that_is_too_short_is_none(void **state)
{
	(void)state;
	struct archive_base64 *b = archive_base64_new();
	static uint8_t data[3 * LEAST];
	size_t begin;
	put_lines(data, sizeof data, 5);
	assert_int_equal(archive_base64_find(b, data, LEAST - 1, 0, &begin), 0);
	assert_int_equal(archive_base64_find(b, data, LEAST, 0, &begin), LEAST);
	assert_int_equal(archive_base64_find(b, data, LEAST, 1, &begin), 0);
	data[LEAST - 1] = data[2 * LEAST - 1] = data[3 * LEAST - 1] = '.';
	assert_int_equal(archive_base64_find(b, data, sizeof data, 0, &begin), 0);
	free(b);
}

/* ---- in an archive ---- */

struct lent {
	struct reader reader;
	const uint8_t *data;
	bool read;
};

static ssize_t next(struct reader *reader, const uint8_t **run, struct error *e)
{
	struct lent *s = (struct lent *)reader;
	(void)e;
	*run = s->data;
	ssize_t n = s->read ? 0 : (ssize_t)reader->size;
	s->read = true;
	return n;
}

static void assert_body(struct archive *a, const struct archive_message *m, const uint8_t *data,
	size_t n, bool head)
{
	struct archive_body *body = archive_body_new(a);
	struct reader *reader;
	const uint8_t *run;
	size_t at = 0;
	ssize_t got;
	assert_true(archive_body_open(body, m, head, &reader, &err));
	assert_int_equal(reader->size, n);
	for (; (got = reader->next(reader, &run, &err)) > 0; at += (size_t)got) {
		assert_true(at + (size_t)got <= n);
		assert_memory_equal(run, data + at, (size_t)got);
	}
	assert_int_equal(got, 0);
	assert_int_equal(at, n);
	archive_body_free(body);
}

/* It goes in, comes out as it was, its header alone, too, and is in so many parts. */
static void assert_kept(const uint8_t *data, size_t n, size_t head, int64_t parts)
{
	struct lent s = {{n, next}, data, false};
	struct archive *a = archive_open(path, true, NULL, &err);
	struct archive_pending *pending;
	struct archive_message m;
	int64_t got = 0;
	assert_non_null(a);
	assert_true(archive_begin(a, &err));
	assert_true(archive_add(a, 1, &s.reader, &pending, &err));
	assert_true(archive_added(a, pending, &m, &err));
	assert_body(a, &m, data, n, false);
	assert_body(a, &m, data, head, true);
	assert_int_equal(sql_one(a, "SELECT parts FROM message WHERE id = ?", m.id, &got, &err), 1);
	assert_int_equal(got, parts);
	assert_true(archive_commit(a, &err));
	archive_close(a);
}

static const char header[] = "Subject: a file\r\nContent-Type: application/pdf\r\n\r\n";
static const char after[] = "\r\n--=_end--\r\n";

static void a_message_is_cut_around_a_file_in_base64(void **state)
{
	(void)state;
	static uint8_t data[3 * 1024 * 1024];
	size_t head = strlen(header), run = 2 * 1024 * 1024, n = head;
	memcpy(data, header, head);
	put_lines(data + n, run, 11);
	n += run;
	memcpy(data + n, after, strlen(after));
	n += strlen(after);
	/* the header, the file as it was gathered, twice 1 MiB, and the short rest of both */
	assert_kept(data, n, head, 4);
}

static void what_repeats_in_base64_is_left_to_the_compressor(void **state)
{
	(void)state;
	static uint8_t data[100 * 1024];
	size_t head = strlen(header);
	memcpy(data, header, head);
	for (size_t at = head; at < sizeof data; at += 780)
		put_lines(data + at, at + 780 < sizeof data ? 780 : sizeof data - at, 13);
	assert_kept(data, sizeof data, head, 1);
}

static void a_header_is_never_cut(void **state)
{
	(void)state;
	static uint8_t data[200 * 1024];
	static const char key[] = "Autocrypt: keydata=";
	size_t n = strlen(key), head = n + 50 * 1024 + 4;
	memcpy(data, key, n);
	put_lines(data + head, sizeof data - head, 17);
	for (uint32_t at = (uint32_t)n, seed = 19; at < head - 4; at++)
		data[at] = (uint8_t)symbols[next_number(&seed) % 64];
	memcpy(data + head - 4, "\r\n\r\n", 4);
	assert_kept(data, sizeof data, head, 2);
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
		cmocka_unit_test(a_stream_of_any_length_is_read_back_by_zlib),
		cmocka_unit_test(a_stream_of_each_symbol_alone_is_read_back_by_zlib),
		cmocka_unit_test(six_bits_stand_for_eight),
		cmocka_unit_test(a_run_is_found_wherever_it_begins_and_ends),
		cmocka_unit_test(a_run_that_is_too_short_is_none),
		cmocka_unit_test(a_message_is_cut_around_a_file_in_base64),
		cmocka_unit_test(what_repeats_in_base64_is_left_to_the_compressor),
		cmocka_unit_test(a_header_is_never_cut),
	};
	return cmocka_run_group_tests(tests, make_place, remove_place);
}
