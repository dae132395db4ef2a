/* Disks that fail, neighbours that interfere: nothing lost, nothing half done, one clear sentence.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"
#include "place.h"
#include "tree.h"

/* ---- one Maildir++ ---- */

static struct place *p;

static int set_up(void **state)
{
	(void)state;
	p = calloc(1, sizeof *p);
	faults_reset();
	place_init(p);
	place_maildir(p, LAYOUT_MAILDIRPP, NAMES_AUTO);
	tree_maildir(p->config.maildir.path, ".");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_false(faults_pending()); /* else the test has shown nothing */
	faults_reset();
	place_finish(p);
	free(p);
	return 0;
}

static void put(const char *name, const char *text)
{
	tree_puts(p->config.maildir.path, name, text);
}

static char *below(const char *name)
{
	return arena_printf(p->arena, "%s/%s", p->config.maildir.path, name);
}

static void assert_files(const char *folder, const char *wanted)
{
	char *list = tree_list(below(folder));
	assert_string_equal(list, wanted);
	free(list);
}

static struct error list_error(const char *mailbox)
{
	struct error err = {0};
	struct message_list list;
	assert_true(p->ops->list(p->session, mailbox, NULL, NULL, p->flags, &err));
	assert_int_equal(p->ops->listed(p->session, &list, &err), -1);
	assert_null(list.arena);
	assert_string_equal(list.box.name, mailbox);
	assert_int_equal(p->ops->listed(p->session, &list, NULL), 0);
	return err;
}

static bool append(const char *mailbox, const char *data, size_t n, struct error *err)
{
	struct message m = {.received = PLACE_MOMENT};
	struct text_reader reader = text_reader(data, n, 1000);
	return p->ops->append(p->session, 1, mailbox, NULL, &m, p->flags, &reader.reader, err);
}

/* ---- writing ---- */

static void S06_a_full_disk_spoils_one_message_only(void **state)
{
	(void)state;
	struct error err = {0};
	static char text[200000];
	memset(text, 'x', sizeof text);
	memcpy(text, "A: b\r\n\r\n", 8);
	place_open(p);
	const char *before = place_add(p, "INBOX", "A: before\r\n\r\n");
	for (int nth = 1; nth <= 4; nth++) {
		fail_call(CALL_WRITE, nth, ENOSPC);
		assert_false(append("INBOX", text, sizeof text, &err));
		assert_int_equal(err.scope, ERROR_MESSAGE);
		assert_int_equal(err.cause, CAUSE_LOCAL);
		assert_non_null(strstr(err.text, "No space left on device"));
		assert_files("tmp", "");
	}
	const char *after = place_add(p, "INBOX", "A: after\r\n\r\n");
	place_flagged(p, "INBOX", before, "");
	place_flagged(p, "INBOX", after, "");
	assert_int_equal(place_count(p, "INBOX"), 2);
}

static void a_full_disk_while_a_message_is_rewritten_leaves_nothing(void **state)
{
	(void)state;
	struct error err = {0};
	char text[70000];
	memset(text, 'x', sizeof text);
	memcpy(text + sizeof text - 10, "\r\nx\r\r\nyyy", 9); /* now it must be stored as it came */
	place_open(p);
	for (int nth = 1; nth <= 4; nth++) {
		fail_call(CALL_WRITE, nth, ENOSPC);
		assert_false(append("INBOX", text, sizeof text, &err));
		assert_files(".", "");
	}
	fail_call(CALL_READ, 1, EIO);
	assert_false(append("INBOX", text, sizeof text, &err));
	assert_files(".", "");
	fail_call(CALL_READ, 0, 0);
	assert_true(append("INBOX", text, sizeof text, &err));
	place_settle(p, 1);
}

static void S05_a_message_that_cannot_be_flushed_is_not_delivered(void **state)
{
	(void)state;
	struct error err = {0};
	struct outcome first, second, end;
	place_open(p);
	assert_int_equal(place_count(p, "INBOX"), 0);
	assert_true(append("INBOX", "A: b\r\n\r\n", 8, &err));
	place_submit(p, 2, "INBOX", "A: c\r\n\r\n", 8, 8, 0);
	fail_call(CALL_FSYNC, 1, EIO);
	assert_int_equal(p->ops->settle(p->session, &first, &err), 1);
	assert_int_equal(p->ops->settle(p->session, &second, &err), 1);
	assert_int_equal(first.error.scope, ERROR_MESSAGE);
	assert_non_null(strstr(first.error.text, "to the disk: Input/output error"));
	assert_null(first.key);
	assert_int_equal(second.error.scope, ERROR_NONE);
	assert_non_null(second.key);
	assert_int_equal(p->ops->settle(p->session, &end, &err), 0);
	assert_int_equal(place_count(p, "INBOX"), 1);
	assert_files("tmp", "");
}

static void S05_a_directory_that_cannot_be_flushed_ends_the_session(void **state)
{
	(void)state;
	struct error err = {0};
	struct outcome o;
	place_open(p);
	assert_true(append("INBOX", "A: b\r\n\r\n", 8, &err));
	fail_call(CALL_FSYNC, 2, EIO);
	assert_int_equal(p->ops->settle(p->session, &o, &err), -1);
	assert_int_equal(err.scope, ERROR_STORE);
	assert_string_equal(err.text, "cannot write 'cur' to the disk: Input/output error");
}

/* Whoever tells of it may know only which mailbox came first of those that are settled together. */
static void S05_of_a_directory_that_cannot_be_flushed_its_path_is_told(void **state)
{
	(void)state;
	struct error err = {0};
	struct outcome o;
	put(".Lists.C/cur/a:2,", "A: b\n\n");
	put(".Lists.C/new/b", "A: b\n\n");
	put(".Lists.C/tmp/c", "");
	place_open(p);
	assert_true(append("Lists/C", "A: b\r\n\r\n", 8, &err));
	fail_call(CALL_FSYNC, 3, EIO);
	assert_int_equal(p->ops->settle(p->session, &o, &err), -1);
	assert_string_equal(
		err.text, "cannot write '.Lists.C/new' to the disk: Input/output error");
}

/* Else a loss of power could bring back a lock that seems to be another program's. */
static void a_lock_is_marked_until_its_new_name_is_on_the_disk(void **state)
{
	(void)state;
	struct error err = {0};
	struct stat st;
	struct message m = {.received = PLACE_MOMENT, .flags = flags_parse(p->flags, "Work")};
	struct text_reader reader = text_reader("A: b\r\n\r\n", 8, 8);
	place_open(p);
	fail_call(CALL_FSYNC, 2, EIO);
	assert_false(
		p->ops->append(p->session, 1, "INBOX", NULL, &m, p->flags, &reader.reader, &err));
	assert_int_equal(stat(below("dovecot-keywords"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0400);
}

/* How an append under the key "key" ends. */
static struct error append_as_key(void)
{
	struct error err = {0};
	struct outcome o, end;
	struct message m = {.received = PLACE_MOMENT};
	struct text_reader reader = text_reader("A: b\r\n\r\n", 8, 8);
	must(p->ops->append(p->session, 1, "INBOX", "key", &m, p->flags, &reader.reader, &err),
		err);
	must(p->ops->settle(p->session, &o, &err) == 1, err);
	assert_int_equal(p->ops->settle(p->session, &end, &err), 0);
	assert_true(o.error.scope == ERROR_NONE || o.key == NULL);
	return o.error;
}

static void S19_a_message_never_takes_another_files_place(void **state)
{
	(void)state;
	put("new/key,S=6,W=8", "A: kept\n\n");
	place_open(p);
	/* with renameat2(); where there is none; where there are no links either */
	for (int missing = 0; missing <= 2; missing++) {
		if (missing >= 1)
			fail_call(CALL_RENAME, 1, EINVAL);
		if (missing >= 2)
			fail_call(CALL_LINK, 1, EPERM);
		struct error err = append_as_key();
		assert_int_equal(err.scope, ERROR_MESSAGE);
		assert_non_null(strstr(err.text, "File exists"));
		assert_files(".", "new/key,S=6,W=8 ");
	}
	place_holds(p, "INBOX", "key", FETCH_BODY, "A: kept\r\n\r\n", 11);
}

static void a_message_is_delivered_on_any_file_system(void **state)
{
	(void)state;
	place_open(p);
	for (int missing = 0; missing <= 2; missing++) {
		tree_remove(below("new/key,S=6,W=8"));
		if (missing >= 1)
			fail_call(CALL_RENAME, 1, ENOSYS);
		if (missing >= 2)
			fail_call(CALL_LINK, 1, EPERM);
		struct error err = append_as_key();
		assert_int_equal(err.scope, ERROR_NONE);
		assert_files(".", "new/key,S=6,W=8 ");
	}
}

static void a_key_that_could_leave_the_folder_is_refused(void **state)
{
	(void)state;
	static const char *const keys[] = {
		"../../x", "a/b", "", ".hidden", "a:2,S", "a,S=1", "a\nb"};
	place_open(p);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct error err = {0};
		struct message m = {.received = PLACE_MOMENT};
		struct text_reader reader = text_reader("A: b\r\n\r\n", 8, 8);
		assert_false(p->ops->append(
			p->session, 1, "INBOX", keys[i], &m, p->flags, &reader.reader, &err));
		assert_int_equal(err.scope, ERROR_MESSAGE);
	}
	assert_files(".", "");
}

static void what_was_not_settled_is_not_there(void **state)
{
	(void)state;
	struct error err = {0};
	place_open(p);
	assert_true(append("INBOX", "A: b\r\n\r\n", 8, &err));
	struct session *other = p->ops->connect(p->store, &err);
	assert_true(p->ops->list(other, "INBOX", NULL, NULL, p->flags, &err));
	struct message_list list;
	must(p->ops->listed(other, &list, &err) == 1, err);
	assert_int_equal(list.n, 0); /* a mail reader never sees half of a message */
	arena_free(list.arena);
	p->ops->disconnect(other);
	p->ops->disconnect(p->session);
	assert_files(".", "");
	place_open(p);
}

static void what_a_crash_left_is_swept_after_36_hours(void **state)
{
	(void)state;
	put("tmp/1.old", "half a mess");
	struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_int_equal(utimensat(AT_FDCWD, below("tmp/1.old"), long_ago, 0), 0);
	place_open(p);
	place_add(p, "INBOX", "A: b\r\n\r\n");
	/* its date is a message's date: what counts is when it was last touched */
	assert_true(tree_has(below("tmp"), "1.old"));
	interfere.time_passed = 35 * 60 * 60;
	p->ops->disconnect(p->session);
	place_open(p);
	place_add(p, "INBOX", "A: b\r\n\r\n");
	assert_true(tree_has(below("tmp"), "1.old"));
	interfere.time_passed = 37 * 60 * 60;
	p->ops->disconnect(p->session);
	place_open(p);
	assert_int_equal(place_count(p, "INBOX"), 2);
	assert_true(tree_has(below("tmp"), "1.old")); /* reading sweeps nothing */
	place_add(p, "INBOX", "A: b\r\n\r\n");
	assert_false(tree_has(below("tmp"), "1.old"));
}

static void S07_a_message_shorter_than_announced_is_not_delivered(void **state)
{
	(void)state;
	struct error err = {0};
	struct message m = {.received = PLACE_MOMENT};
	struct text_reader reader = text_reader("A: b\r\n\r\n0123456789ab", 20, 7);
	reader.ends = 7;
	place_open(p);
	assert_false(
		p->ops->append(p->session, 1, "INBOX", NULL, &m, p->flags, &reader.reader, &err));
	assert_error(err, ERROR_MESSAGE, "the message ended after 7 of 20 octets");
	assert_files(".", "");
}

/* ---- listing ---- */

static void S21_a_directory_that_cannot_be_read_is_no_listing(void **state)
{
	/* B55 */
	(void)state;
	put("cur/1:2,", "A: b\n\n");
	put("cur/2:2,", "A: b\n\n");
	put("new/3", "A: b\n\n");
	place_open(p);
	assert_int_equal(place_count(p, "INBOX"), 3); /* the folders are known now */
	/* . .. and the names of new, then its end; the same of cur */
	for (int nth = 1; nth <= 9; nth++) {
		fail_call(CALL_READDIR, nth, EIO);
		struct error err = list_error("INBOX");
		assert_int_equal(err.scope, ERROR_MAILBOX);
		assert_int_equal(err.cause, CAUSE_LOCAL);
		assert_string_equal(err.text, nth <= 4 ? "cannot read 'new': Input/output error"
						       : "cannot read 'cur': Input/output error");
	}
	assert_int_equal(place_count(p, "INBOX"), 3);
}

static void S44_a_root_that_cannot_be_read_lists_no_mailbox(void **state)
{
	(void)state;
	struct error err = {0};
	struct mailbox_list boxes;
	tree_maildir(p->config.maildir.path, ".Sent");
	place_open(p);
	for (int nth = 1; nth <= 7; nth++) {
		fail_call(CALL_READDIR, nth, ESTALE);
		assert_false(p->ops->mailboxes(p->session, p->arena, &boxes, &err));
		assert_int_equal(err.scope, ERROR_STORE);
		assert_int_equal(err.cause, CAUSE_LOCAL);
	}
	must(p->ops->mailboxes(p->session, p->arena, &boxes, &err), err);
	assert_int_equal(boxes.n, 2);
}

static void a_folder_that_vanishes_is_no_empty_one(void **state)
{
	(void)state;
	struct error err;
	tree_maildir(p->config.maildir.path, ".Sub");
	put(".Sub/cur/1:2,", "A: b\n\n");
	place_open(p);
	assert_int_equal(place_count(p, "Sub"), 1);
	tree_remove(below(".Sub/cur"));
	err = list_error("Sub");
	assert_error(err, ERROR_MAILBOX, "it has no 'cur'");
	assert_true(place_lists(p, "Sub"));
	tree_remove(below(".Sub"));
	err = list_error("Sub");
	assert_error(err, ERROR_MAILBOX, "there is no such mailbox");

	/* another folder of that name is another */
	tree_maildir(p->config.maildir.path, ".Sub");
	assert_int_equal(place_count(p, "Sub"), 0);
}

static void remove_sub(void)
{
	tree_remove(below(".Sub"));
}

static void a_folder_that_vanishes_while_it_is_read_is_no_empty_one(void **state)
{
	(void)state;
	tree_maildir(p->config.maildir.path, ".Sub");
	put(".Sub/new/1", "A: b\n\n");
	put(".Sub/cur/2:2,", "A: b\n\n");
	place_open(p);
	interfere.overlooked = "1";
	interfere.while_reading = remove_sub;
	struct error err = list_error("Sub");
	assert_int_equal(err.scope, ERROR_MAILBOX);
}

static void rename_message(void)
{
	assert_int_equal(rename(below("cur/2:2,"), below("cur/2:2,S")), 0);
}

static void S21_a_message_that_readdir_missed_is_not_gone(void **state)
{
	(void)state;
	put("cur/1:2,", "A: b\n\n");
	put("cur/2:2,", "A: b\n\n");
	place_open(p);
	const char *cursor = place_cursor(p, "INBOX");
	assert_non_null(cursor);
	interfere.overlooked = "2:2,";
	interfere.while_reading = rename_message;
	/* a directory may show neither the old name nor the new one */
	struct message_list list = place_list(p, "INBOX");
	assert_int_equal(list.n, 2);
	assert_int_equal(place_find(&list, "2")->flags, FLAG_SEEN);
	/* and the next run looks again */
	if (list.box.cursor != NULL)
		assert_string_equal(list.box.cursor, cursor);
	arena_free(list.arena);
	assert_string_not_equal(place_cursor(p, "INBOX"), cursor);
}

static void S21_a_message_that_readdir_missed_is_known_by_a_second_look(void **state)
{
	(void)state;
	put("cur/1:2,", "A: b\n\n");
	put("cur/2:2,", "A: b\n\n");
	place_open(p);
	assert_non_null(place_cursor(p, "INBOX"));
	struct roster *roster = roster_new(2);
	assert_true(roster_add(roster, "1", 0) && roster_add(roster, "2", 0));
	interfere.overlooked = "2:2,";
	interfere.while_reading = rename_message;
	struct message_list list = place_list_unlike(p, "INBOX", roster);
	assert_false(list.unlike);
	assert_int_equal(list.n, 2);
	assert_int_equal(place_find(&list, "2")->flags, FLAG_SEEN);
	arena_free(list.arena);
	roster_free(roster);
}

static void directories_are_told_from_messages_on_any_file_system(void **state)
{
	(void)state;
	put("cur/1:2,", "A: b\n\n");
	put("new/2", "A: b\n\n");
	tree_directory(p->config.maildir.path, "cur/directory");
	tree_maildir(p->config.maildir.path, ".Sub");
	tree_puts(p->config.maildir.path, ".file", "");
	interfere.without_types = true;
	place_open(p);
	assert_true(place_lists(p, "Sub"));
	assert_false(place_lists(p, "file"));
	assert_int_equal(place_count(p, "INBOX"), 2);
}

static void keywords_that_cannot_be_read_are_not_taken_for_none(void **state)
{
	(void)state;
	put("dovecot-keywords", "0 Work\n");
	put("cur/1:2,a", "A: b\n\n");
	place_open(p);
	fail_call(CALL_READ, 1, EIO);
	struct error err = list_error("INBOX");
	assert_error(err, ERROR_MAILBOX, "cannot read 'dovecot-keywords': Input/output error");
	place_flagged(p, "INBOX", "1", "Work");
}

/* ---- reading ---- */

static void S50_a_message_that_cannot_be_read_fails_alone(void **state)
{
	(void)state;
	struct error err = {0};
	struct message m;
	struct reader *reader;
	const char *keys[] = {"1", "2"};
	put("cur/1:2,", "A: b\n\n");
	put("cur/2:2,", "A: c\n\n");
	place_open(p);
	place_fetch(p, "INBOX", keys, 2, FETCH_BODY);
	fail_call(CALL_READ, 1, EIO);
	assert_int_equal(p->ops->take(p->session, &m, &reader, &err), -1);
	assert_error(err, ERROR_MESSAGE, "cannot read 'cur/1:2,': Input/output error");
	assert_int_equal(err.cause, CAUSE_MAIL);
	assert_int_equal(err.cause, CAUSE_MAIL);
	assert_string_equal(m.key, "1");
	struct buffer got;
	buffer_init(&got, 100);
	assert_string_equal(place_take(p, &got).key, "2");
	buffer_finish(&got);
	place_taken(p);
	assert_int_equal(place_count(p, "INBOX"), 2);
}

/* Begin to read a long message, change it by ${change}, read on: it must fail. */
static void assert_change_is_noticed(const char *text, size_t n, void (*change)(const char *path))
{
	struct error err = {0};
	struct message m;
	struct reader *reader;
	const uint8_t *run;
	ssize_t got;
	const char *key = "1";
	uint64_t sent = 0;
	tree_put(p->config.maildir.path, "cur/1:2,", text, n);
	place_fetch(p, "INBOX", &key, 1, FETCH_BODY);
	must(p->ops->take(p->session, &m, &reader, &err) == 1, err);
	change(below("cur/1:2,"));
	while ((got = reader->next(reader, &run, &err)) > 0)
		sent += (uint64_t)got;
	assert_int_equal(got, -1);
	assert_true(sent <= reader->size); /* never more than was announced */
	assert_error(err, ERROR_MESSAGE,
		"'cur/1:2,' changed while it was read; the next run reads it again");
	place_taken(p);
}

static void grow(const char *path)
{
	FILE *file = fopen(path, "a");
	assert_true(fputs("more\n", file) >= 0);
	fclose(file);
}

static void shrink(const char *path)
{
	assert_int_equal(truncate(path, 100000), 0);
}

static void join_lines(const char *path)
{
	FILE *file = fopen(path, "r+");
	for (long at = 70 + 71 * 1000; at < 150000; at += 71) {
		fseek(file, at, SEEK_SET);
		fputc('x', file);
	}
	fclose(file);
}

static void break_lines(const char *path)
{
	FILE *file = fopen(path, "r+");
	for (long at = 70000; at < 150000; at += 7) {
		fseek(file, at, SEEK_SET);
		fputc('\n', file);
	}
	fclose(file);
}

static void a_file_that_changes_while_it_is_read_is_not_used(void **state)
{
	/* B53 */
	(void)state;
	size_t n = 200000;
	char *text = calloc(1, n);
	memset(text, 'x', n);
	for (size_t i = 70; i < n; i += 71)
		text[i] = '\n';
	place_open(p);
	assert_change_is_noticed(text, n, grow);
	assert_change_is_noticed(text, n, shrink);
	assert_change_is_noticed(text, n, break_lines);
	assert_change_is_noticed(text, n, join_lines);
	free(text);
}

static void what_is_no_file_is_reported_not_deleted(void **state)
{
	(void)state;
	put("outside", "A: secret\n\n");
	assert_int_equal(symlink("../outside", below("cur/1:2,")), 0);
	assert_int_equal(mkfifo(below("cur/2:2,"), 0600), 0);
	place_open(p);
	assert_int_equal(place_count(p, "INBOX"), 2);
	const char *keys[] = {"1", "2"};
	place_fetch(p, "INBOX", keys, 2, FETCH_BODY);
	for (size_t i = 0; i < 2; i++) {
		struct error err = {0};
		struct message m;
		struct reader *reader;
		assert_int_equal(p->ops->take(p->session, &m, &reader, &err), -1);
		assert_int_equal(err.scope, ERROR_MESSAGE);
		assert_string_equal(m.key, keys[i]);
	}
	place_taken(p);
}

#define in_maildir(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_maildir(S06_a_full_disk_spoils_one_message_only),
		in_maildir(a_full_disk_while_a_message_is_rewritten_leaves_nothing),
		in_maildir(S05_a_message_that_cannot_be_flushed_is_not_delivered),
		in_maildir(S05_a_directory_that_cannot_be_flushed_ends_the_session),
		in_maildir(S05_of_a_directory_that_cannot_be_flushed_its_path_is_told),
		in_maildir(a_lock_is_marked_until_its_new_name_is_on_the_disk),
		in_maildir(S19_a_message_never_takes_another_files_place),
		in_maildir(a_message_is_delivered_on_any_file_system),
		in_maildir(a_key_that_could_leave_the_folder_is_refused),
		in_maildir(what_was_not_settled_is_not_there),
		in_maildir(what_a_crash_left_is_swept_after_36_hours),
		in_maildir(S07_a_message_shorter_than_announced_is_not_delivered),
		in_maildir(S21_a_directory_that_cannot_be_read_is_no_listing),
		in_maildir(S44_a_root_that_cannot_be_read_lists_no_mailbox),
		in_maildir(a_folder_that_vanishes_is_no_empty_one),
		in_maildir(a_folder_that_vanishes_while_it_is_read_is_no_empty_one),
		in_maildir(S21_a_message_that_readdir_missed_is_not_gone),
		in_maildir(S21_a_message_that_readdir_missed_is_known_by_a_second_look),
		in_maildir(directories_are_told_from_messages_on_any_file_system),
		in_maildir(keywords_that_cannot_be_read_are_not_taken_for_none),
		in_maildir(S50_a_message_that_cannot_be_read_fails_alone),
		in_maildir(a_file_that_changes_while_it_is_read_is_not_used),
		in_maildir(what_is_no_file_is_reported_not_deleted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
