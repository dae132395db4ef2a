/*
 * Every flip of a byte of a small archive, and every length that it may be cut to, is found by
 * opening or verifying it, or is harmless: everything reads out as it was (B60, B61).
 *
 * MAILTWIN_FLIPS=all tries every byte; without, some thousands spread evenly over the file.
 */
#include "config.h"

#include "unit.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive_private.h"
#include "base/buffer.h"

static char place[] = "/tmp/mailtwin-test-XXXXXX";
static char path[64];
static struct error err;

/* ---- an archive of two messages, two mailboxes, two snapshots ---- */

struct text {
	struct reader reader;
	const char *left;
};

static ssize_t next(struct reader *reader, const uint8_t **run, struct error *e)
{
	struct text *t = (struct text *)reader;
	size_t n = strlen(t->left);
	(void)e;
	*run = (const uint8_t *)t->left;
	t->left += n;
	return (ssize_t)n;
}

static void put(struct archive *a, int64_t mailbox, const char *text, uint32_t flags,
	struct archive_placement *p)
{
	struct text t = {{strlen(text), next}, text};
	struct archive_pending *pending;
	struct archive_message m;
	assert_true(archive_add(a, 9, &t.reader, &pending, &err));
	assert_true(archive_added(a, pending, &m, &err));
	*p = (struct archive_placement){.mailbox = mailbox,
		.message = m.id,
		.size = m.size,
		.flags = flags,
		.keywords = "$Junk",
		.received = 1700000000,
		.zone = 60,
		.uid = "1 17"};
	memcpy(p->digest, m.digest, sizeof p->digest);
	assert_true(archive_place(a, p, &err));
}

static void fill(struct archive *a)
{
	struct archive_snapshot draft;
	struct archive_placement p, q;
	int64_t source = 0, inbox = 0, old = 0;
	assert_true(archive_begin(a, &err) &&
		    archive_source(a, "imap://ann@example.org:993", "work", &source, &err) &&
		    archive_draft(a, source, &draft, &err) &&
		    archive_mailbox_make(a, "INBOX", 0, true, &inbox, &err) &&
		    archive_mailbox_make(a, "Old", USE_ARCHIVE, false, &old, &err));
	put(a, inbox, "Subject: one\r\nFrom: ann\r\n\r\nHello.\r\n", 0, &p);
	put(a, old, "Subject: two\r\nDate: 2 Jan 2006 15:04:05 +0000\r\n\r\n", 1, &q);
	assert_true(archive_finish(a, NULL, 1700000001, &err) && archive_commit(a, &err));
	assert_true(archive_begin(a, &err) && archive_draft(a, source, &draft, &err) &&
		    archive_change(a, &p, 4, "$Junk a", &err) && archive_remove(a, &q, &err) &&
		    archive_finish(a, "a note", 1700000002, &err) && archive_commit(a, &err));
}

/* Small pages, so that a file with all its tables is small. */
static void shrink(void)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "PRAGMA page_size = 512; VACUUM", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void make(void)
{
	unlink(path);
	assert_true(archive_create(path, &err));
	struct archive *a = archive_open(path, true, NULL, &err);
	assert_non_null(a);
	fill(a);
	archive_close(a);
	shrink();
}

/* ---- everything that can be read of it ---- */

static void read_placements(struct archive *a, const struct archive_snapshot *s,
	const struct archive_mailbox *box, struct buffer *out)
{
	struct archive_placement p;
	struct archive_body *body = archive_body_new(a);
	struct archive_walk *walk = archive_visible(a, s, box->id, &err);
	while (walk != NULL && archive_visible_next(walk, &p, &err) > 0) {
		struct archive_message m = {.id = p.message, .size = p.size};
		struct reader *reader;
		const uint8_t *run;
		ssize_t n = -1;
		memcpy(m.digest, p.digest, sizeof m.digest);
		buffer_printf(out, "%lld %u %s %lld %d %s\n", (long long)p.item, p.flags,
			p.keywords, (long long)p.received, p.zone, p.uid == NULL ? "-" : p.uid);
		if (archive_body_open(body, &m, false, &reader, &err))
			while ((n = reader->next(reader, &run, &err)) > 0)
				buffer_add(out, run, (size_t)n);
		buffer_printf(out, "%d\n", (int)n);
	}
	archive_visible_end(walk);
	archive_body_free(body);
}

static void read_out(struct archive *a, struct buffer *out)
{
	struct arena *arena = arena_new();
	struct archive_snapshot *s;
	struct archive_mailbox *box;
	size_t n = 0, boxes;
	archive_snapshots(a, 0, arena, &s, &n, &err);
	for (size_t i = 0; i < n; i++) {
		buffer_printf(out, "%lld %lld %llu %llu %llu %llu %s\n", (long long)s[i].id,
			(long long)s[i].taken, (unsigned long long)s[i].messages,
			(unsigned long long)s[i].came, (unsigned long long)s[i].went,
			(unsigned long long)s[i].changed, s[i].note == NULL ? "-" : s[i].note);
		if (!archive_mailboxes(a, &s[i], NULL, arena, &box, &boxes, &err))
			continue;
		for (size_t k = 0; k < boxes; k++) {
			buffer_printf(
				out, "%s %u %d\n", box[k].name, box[k].use, box[k].subscribed);
			read_placements(a, &s[i], &box[k], out);
		}
	}
	arena_free(arena);
}

/* ---- damage ---- */

static size_t faults;

static void note_fault(void *context, enum archive_fault what, const char *digest, const char *text)
{
	(void)context;
	(void)what;
	(void)digest;
	(void)text;
	faults++;
}

/* Whether opening or verifying finds fault; if not, it must read out as ${wanted}. */
static bool is_found(const struct buffer *wanted)
{
	static const struct archive_verifier told = {.fault = note_fault};
	struct archive_verified count;
	struct archive *a = archive_open(path, false, NULL, &err);
	faults = 0;
	bool found = a == NULL || !archive_verify(a, &told, &count, &err) || faults > 0;
	if (!found) {
		struct buffer got;
		buffer_init(&got, 1 << 20);
		read_out(a, &got);
		if (got.len != wanted->len || memcmp(got.data, wanted->data, got.len) != 0)
			fail_msg("not found, and not harmless:\n%s\n%s", got.data, wanted->data);
		buffer_finish(&got);
	}
	archive_close(a);
	return found;
}

static uint8_t *load(size_t *n)
{
	struct stat st;
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	*n = (size_t)st.st_size;
	uint8_t *data = malloc(*n);
	assert_int_equal(read(fd, data, *n), (ssize_t)*n);
	close(fd);
	return data;
}

static void store(const uint8_t *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, data, n), (ssize_t)n);
	close(fd);
}

static void read_whole(struct buffer *wanted)
{
	struct archive *a = archive_open(path, false, NULL, &err);
	assert_non_null(a);
	buffer_init(wanted, 1 << 20);
	read_out(a, wanted);
	archive_close(a);
	assert_non_null(strstr(wanted->data, "Hello."));
	assert_non_null(strstr(wanted->data, "a note"));
	assert_false(is_found(wanted));
}

static size_t step_of(size_t n, size_t tries)
{
	const char *all = getenv("MAILTWIN_FLIPS");
	return all != NULL || n < tries ? 1 : n / tries;
}

static void each_flip_of_a_byte_is_found_or_harmless(void **state)
{
	(void)state;
	struct buffer wanted;
	size_t n, tried = 0, found = 0;
	make();
	read_whole(&wanted);
	uint8_t *data = load(&n);
	for (size_t at = 0; at < n; at += step_of(n, 2500)) {
		uint8_t was = data[at];
		data[at] = (uint8_t)(was ^ (1U << (tried % 8)));
		store(data, n);
		found += is_found(&wanted);
		tried++;
		data[at] = was;
	}
	print_message("%zu bytes, %zu flipped: %zu found, %zu harmless\n", n, tried, found,
		tried - found);
	assert_true(found > tried / 10); /* most of a small page is empty */
	free(data);
	buffer_finish(&wanted);
}

static void each_length_that_it_is_cut_to_is_found_or_harmless(void **state)
{
	(void)state;
	struct buffer wanted;
	size_t n, tried = 0, found = 0;
	make();
	read_whole(&wanted);
	uint8_t *data = load(&n);
	for (size_t left = 0; left < n; left += step_of(n, 500)) {
		store(data, left);
		found += is_found(&wanted);
		tried++;
	}
	print_message("%zu lengths: %zu found, %zu harmless\n", tried, found, tried - found);
	assert_true(found > tried * 9 / 10);
	free(data);
	buffer_finish(&wanted);
}

/* ---- what somebody wrote into it on purpose (B61, B62) ---- */

static void each_lie_in_a_row_is_found(void **state)
{
	(void)state;
	static const char *const lies[] = {
		"UPDATE message SET size = 1 WHERE id = 1",
		"UPDATE message SET size = 9223372036854775807",
		"UPDATE message SET parts = 65536 WHERE id = 1",
		"UPDATE message SET parts = -1",
		"UPDATE message SET digest = randomblob(32) WHERE id = 1",
		"UPDATE part SET data = zeroblob(1000000)",
		"UPDATE part SET data = 'x'",
		"DELETE FROM part",
		"DELETE FROM message WHERE id = 1",
		"UPDATE placement SET message = 2 WHERE message = 1",
		"UPDATE placement SET flags = 99",
		"UPDATE placement SET first = 0, last = NULL",
		"UPDATE placement SET zone = 99999",
		"DELETE FROM placement WHERE id = 1",
		"INSERT INTO placement SELECT 99, item, mailbox, message, flags, keywords, "
		"received,"
		" zone, uid, first, last, \"check\" FROM placement WHERE id = 1",
		"UPDATE mailbox_name SET name = '../x' WHERE name = 'Old'",
		"UPDATE mailbox_name SET subscribed = 7",
		"DELETE FROM mailbox_name WHERE name = 'Old'",
		"UPDATE mailbox SET messages = 7",
		"DELETE FROM mailbox",
		"UPDATE snapshot SET messages = 7",
		"UPDATE snapshot SET note = 'all is well'",
		"UPDATE snapshot SET source = 7",
		"UPDATE source SET name = 'other'",
		"UPDATE header SET subject = 'other'",
		"UPDATE words_data SET block = zeroblob(length(block))",
		"CREATE TABLE more (x)",
		"PRAGMA user_version = 2",
		"PRAGMA application_id = 2",
	};
	struct buffer wanted;
	make();
	read_whole(&wanted);
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		sqlite3 *db;
		make();
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		if (sqlite3_exec(db, lies[i], NULL, NULL, NULL) != SQLITE_OK)
			fail_msg("%s: %s", lies[i], sqlite3_errmsg(db));
		sqlite3_close(db);
		if (!is_found(&wanted))
			fail_msg("not found: %s", lies[i]);
	}
	buffer_finish(&wanted);
}

/* ---- beside a writer ---- */

static void a_writer_in_the_way_is_no_damage(void **state)
{
	(void)state;
	static const struct archive_verifier told = {.fault = note_fault};
	struct archive_verified count;
	sqlite3 *writer;
	make();
	struct archive *a = archive_open(path, false, NULL, &err);
	assert_non_null(a);
	sqlite3_busy_timeout(a->db, 0);
	assert_int_equal(sqlite3_open(path, &writer), SQLITE_OK);
	assert_int_equal(sqlite3_exec(writer, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	faults = 0;
	assert_false(archive_verify(a, &told, &count, &err));
	assert_int_equal(faults, 0);
	assert_int_equal(err.cause, CAUSE_LOCAL);
	sqlite3_close(writer);
	archive_close(a);
}

/* Before each statement of the archive. */
static int write_between(unsigned type, void *writer, void *statement, void *text)
{
	(void)type;
	(void)statement;
	if (strstr(text, "FROM placement") != NULL)
		sqlite3_exec(writer, "DELETE FROM placement", NULL, NULL, NULL);
	return 0;
}

static void what_is_written_between_two_reads_is_no_damage(void **state)
{
	(void)state;
	static const struct archive_verifier told = {.fault = note_fault};
	struct archive_verified count;
	sqlite3 *writer;
	make();
	struct archive *a = archive_open(path, false, NULL, &err);
	assert_non_null(a);
	assert_int_equal(sqlite3_open(path, &writer), SQLITE_OK);
	sqlite3_trace_v2(a->db, SQLITE_TRACE_STMT, write_between, writer);
	faults = 0;
	assert_true(archive_verify(a, &told, &count, &err));
	assert_int_equal(faults, 0);
	assert_int_equal(count.placements, 3);
	sqlite3_close(writer);
	archive_close(a);
}

static void an_index_in_a_file_that_cannot_be_written_is_told_as_not_checked(void **state)
{
	(void)state;
	static const struct archive_verifier told = {.fault = note_fault};
	struct archive_verified count;
	make();
	struct archive *a = archive_open(path, false, NULL, &err);
	assert_non_null(a);
	assert_true(archive_verify(a, &told, &count, &err));
	assert_true(count.index_checked);
	archive_close(a);
	a = archive_connect(path, SQLITE_OPEN_READONLY, &err);
	assert_non_null(a);
	faults = 0;
	assert_true(archive_verify(a, &told, &count, &err));
	assert_int_equal(faults, 0);
	assert_false(count.index_checked);
	archive_close(a);
}

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(place) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/a.mta", place);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_flip_of_a_byte_is_found_or_harmless),
		cmocka_unit_test(each_length_that_it_is_cut_to_is_found_or_harmless),
		cmocka_unit_test(each_lie_in_a_row_is_found),
		cmocka_unit_test(a_writer_in_the_way_is_no_damage),
		cmocka_unit_test(what_is_written_between_two_reads_is_no_damage),
		cmocka_unit_test(an_index_in_a_file_that_cannot_be_written_is_told_as_not_checked),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
