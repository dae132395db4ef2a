#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char place[] = "/tmp/mailtwin-file-XXXXXX";
static int at = -1;

static int make_place(void **state)
{
	(void)state;
	memcpy(place + sizeof place - 7, "XXXXXX", 6);
	if (mkdtemp(place) == NULL)
		return -1;
	at = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return at < 0 ? -1 : 0;
}

static int remove_place(void **state)
{
	(void)state;
	static const char *const made[] = {"a", "b", "fifo", "link", "new"};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		unlinkat(at, made[i], 0);
	unlinkat(at, "d", AT_REMOVEDIR);
	close(at);
	return rmdir(place);
}

static void put(const char *name, const char *text)
{
	int fd = file_create(at, name);
	assert_true(fd >= 0);
	assert_true(file_write(fd, text, strlen(text)));
	close(fd);
}

static void assert_holds(const char *name, const char *text)
{
	struct buffer b;
	buffer_init(&b, 100);
	assert_true(file_load(at, name, &b));
	assert_int_equal(b.len, strlen(text));
	assert_memory_equal(b.data, text, b.len);
	buffer_finish(&b);
}

static void only_a_regular_file_is_opened(void **state)
{
	(void)state;
	put("a", "x");
	assert_int_equal(mkfifoat(at, "fifo", 0600), 0);
	assert_int_equal(symlinkat("a", at, "link"), 0);
	assert_int_equal(mkdirat(at, "d", 0700), 0);

	assert_int_equal(file_open(at, "fifo"), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(file_open(at, "link"), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(file_open(at, "d"), -1);
	assert_int_equal(errno, EINVAL);
	assert_holds("a", "x");
}

static void only_a_directory_itself_is_opened_as_one(void **state)
{
	(void)state;
	put("a", "x");
	assert_int_equal(mkdirat(at, "d", 0700), 0);
	assert_int_equal(symlinkat("d", at, "link"), 0);
	assert_int_equal(file_open_directory(at, "a"), -1);
	assert_int_equal(file_open_directory(at, "link"), -1);
	int fd = file_open_directory(at, "d");
	assert_true(fd >= 0);
	close(fd);
}

static void a_file_larger_than_the_limit_is_not_loaded(void **state)
{
	(void)state;
	struct buffer b;
	buffer_init(&b, 4);
	put("a", "12345");
	assert_false(file_load(at, "a", &b));
	assert_int_equal(errno, EFBIG);
	buffer_finish(&b);
}

static void what_was_loaded_ends_in_a_nul_like_any_buffer(void **state)
{
	(void)state;
	struct buffer b;
	buffer_init(&b, 1 << 20);
	for (int i = 0; i < 1000; i++)
		buffer_puts(&b, "what was there before");
	b.len = 0;
	put("a", "short");
	assert_true(file_load(at, "a", &b));
	assert_string_equal(b.data, "short");
	buffer_finish(&b);
}

static void a_file_that_just_fits_is_loaded_from_a_pipe_too(void **state)
{
	(void)state;
	static char text[10000];
	int ends[2];
	memset(text, 'x', sizeof text);
	assert_int_equal(pipe(ends), 0);
	assert_true(file_write(ends[1], text, sizeof text));
	close(ends[1]);
	struct buffer b;
	buffer_init(&b, sizeof text);
	assert_true(file_load_fd(ends[0], &b));
	assert_int_equal(b.len, sizeof text);
	buffer_finish(&b);
	close(ends[0]);
}

static void a_rename_never_goes_over_a_file(void **state)
{
	(void)state;
	put("a", "old");
	put("b", "kept");
	assert_false(file_rename_new(at, "a", at, "b"));
	assert_int_equal(errno, EEXIST);
	assert_holds("b", "kept");
	assert_true(file_rename_new(at, "a", at, "new"));
	assert_holds("new", "old");
}

static void a_replaced_file_is_the_new_one_whole(void **state)
{
	(void)state;
	put("a", "the old text, which is longer");
	int fd = file_create(at, "new");
	assert_true(file_replace(at, "new", fd, "a", "short", 5, true));
	close(fd);
	assert_holds("a", "short");
	assert_int_equal(faccessat(at, "new", F_OK, 0), -1);
}

static void a_replacement_that_fails_leaves_the_old_file_and_nothing_else(void **state)
{
	(void)state;
	put("a", "kept");
	int fd = file_create(at, "new");
	close(fd);
	fd = open(place, O_RDONLY | O_CLOEXEC); /* cannot be written */
	assert_false(file_replace(at, "new", fd, "a", "short", 5, true));
	close(fd);
	assert_holds("a", "kept");
	assert_int_equal(faccessat(at, "new", F_OK, 0), -1);
}

#define in_place(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(only_a_regular_file_is_opened),
		in_place(only_a_directory_itself_is_opened_as_one),
		in_place(a_file_larger_than_the_limit_is_not_loaded),
		in_place(what_was_loaded_ends_in_a_nul_like_any_buffer),
		cmocka_unit_test(a_file_that_just_fits_is_loaded_from_a_pipe_too),
		in_place(a_rename_never_goes_over_a_file),
		in_place(a_replaced_file_is_the_new_one_whole),
		in_place(a_replacement_that_fails_leaves_the_old_file_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
