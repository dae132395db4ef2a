/* The place where a Maildir is: who owns it, what leads to it, and which world it is. */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/stop.h"
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

static bool append(const char *mailbox, const char *data, size_t n, struct error *err)
{
	struct message m = {.received = PLACE_MOMENT};
	struct text_reader reader = text_reader(data, n, 1000);
	return p->ops->append(p->session, 1, mailbox, NULL, &m, p->flags, &reader.reader, err);
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

/* ---- the place ---- */

static void a_maildir_that_is_missing_is_made_only_to_write(void **state)
{
	(void)state;
	struct error err = {0};
	struct mailbox_list boxes;
	struct world world;
	struct stat st;
	p->config.maildir.path = arena_printf(p->arena, "%s/far/away", p->directory);
	place_open(p);
	must(p->ops->mailboxes(p->session, p->arena, &boxes, &err), err);
	assert_int_equal(boxes.n, 0);
	must(p->ops->identify(p->session, "pair", p->arena, &world, &err), err);
	assert_false(world.stamped);
	assert_false(tree_has(p->directory, "far"));
	place_create(p, "INBOX");
	assert_int_equal(place_count(p, "INBOX"), 0);
	assert_int_equal(stat(p->config.maildir.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_signal_that_came_before_a_wait_for_the_lock_ends_it(void **state)
{
	(void)state;
	struct error err = {0};
	place_open(p);
	struct store *other = store_new(&p->config, p->arena);
	must(p->ops->lock(p->store, 0, &err), err);
	stop_ask(SIGTERM);
	assert_false(p->ops->lock(other, 2, &err));
	stop_forget();
	assert_error(err, ERROR_CANCELLED, "stopped");
	p->ops->unlock(p->store);
}

static void a_root_is_one_world_before_and_after_it_is_stamped(void **state)
{
	(void)state;
	struct error err = {0};
	struct world before, locked, copy;
	place_open(p);
	must(p->ops->identify(p->session, "pair", p->arena, &before, &err), err);
	assert_false(before.stamped);
	assert_false(tree_has(p->config.maildir.path, ".mailtwin"));
	must(p->ops->lock(p->store, 0, &err), err);
	must(p->ops->identify(p->session, "pair", p->arena, &locked, &err), err);
	assert_string_equal(before.id, locked.id);
	must(p->ops->stamp(p->session, "pair", 3, &err), err);
	p->ops->unlock(p->store);
	p->ops->disconnect(p->session);

	/* a copy of it is the same, one without the file is not */
	char *text = tree_get(p->config.maildir.path, ".mailtwin", NULL);
	p->config.maildir.path = arena_printf(p->arena, "%s/copy", p->directory);
	tree_maildir(p->config.maildir.path, ".");
	place_open(p);
	must(p->ops->identify(p->session, "pair", p->arena, &copy, &err), err);
	assert_string_not_equal(copy.id, before.id);
	put(".mailtwin", text);
	must(p->ops->identify(p->session, "pair", p->arena, &copy, &err), err);
	assert_string_equal(copy.id, before.id);
	assert_int_equal(copy.last_run, 3);
	assert_true(copy.stamped);
	free(text);
}

static void a_damaged_mailtwin_file_is_not_replaced(void **state)
{
	(void)state;
	static const char *const texts[] = {"x", "mailtwin 2\nid a\n", "mailtwin 1\n",
		"mailtwin 1\nid \n", "mailtwin 1\nid abc"};
	place_open(p);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct world world;
		struct error err = {0};
		put(".mailtwin", texts[i]);
		assert_false(p->ops->identify(p->session, "pair", p->arena, &world, &err));
		assert_error(err, ERROR_STORE,
			"'.mailtwin' is damaged; remove it to pair again by content");
		assert_int_equal(err.cause, CAUSE_LOCAL);
		assert_false(p->ops->stamp(p->session, "pair", 1, &err));
		assert_false(p->ops->lock(p->store, 0, &err));
		char *text = tree_get(p->config.maildir.path, ".mailtwin", NULL);
		assert_string_equal(text, texts[i]);
		free(text);
	}
}

static void a_root_of_another_user_is_not_touched(void **state)
{
	(void)state;
	struct error err = {0};
	if (geteuid() == 0)
		assert_int_equal(chown(p->config.maildir.path, 1, (gid_t)-1), 0);
	else
		p->config.maildir.path = "/usr";
	p->store = store_new(&p->config, p->arena);
	assert_null(p->store->ops->connect(p->store, &err));
	assert_int_equal(err.scope, ERROR_STORE);
	assert_int_equal(err.cause, CAUSE_LOCAL);
	assert_non_null(strstr(err.text, "belongs to another user"));
	assert_false(p->store->ops->lock(p->store, 0, &err));
}

/* ---- places that are not ours ---- */

static void a_symlink_below_the_root_is_not_followed(void **state)
{
	/* B51 */
	(void)state;
	static const struct {
		const char *link, *target, *mailbox;
	} row[] = {
		{".Link", "../../elsewhere", "Link"},
		{".Cur/cur", "../../../elsewhere/cur", "Cur"},
		{".Tmp/tmp", "../../../elsewhere/tmp", "Tmp"},
		{".New/new", "../../../elsewhere/new", "New"},
		{".Keys/dovecot-keywords", "../../../elsewhere/keys", "Keys"},
	};
	tree_maildir(p->directory, "elsewhere");
	tree_puts(p->directory, "elsewhere/cur/9:2,", "A: b\n\n");
	tree_puts(p->directory, "elsewhere/keys", "0 Work\n");
	place_open(p);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct error err = {0};
		if (i > 0) {
			place_create(p, row[i].mailbox);
			tree_remove(below(row[i].link));
		}
		assert_int_equal(symlink(row[i].target, below(row[i].link)), 0);
		assert_true(place_lists(p, row[i].mailbox));
		struct message m = {.flags = flags_parse(p->flags, "Work")};
		struct text_reader reader = text_reader("A: b\r\n\r\n", 8, 8);
		assert_false(p->ops->append(
			p->session, 1, row[i].mailbox, NULL, &m, p->flags, &reader.reader, &err));
		assert_int_equal(err.scope, ERROR_MAILBOX);
		assert_int_equal(err.cause, CAUSE_LOCAL);
		if (strcmp(row[i].mailbox, "Tmp") != 0)
			assert_int_equal(list_error(row[i].mailbox).scope, ERROR_MAILBOX);
	}
	char *list = tree_list(arena_printf(p->arena, "%s/elsewhere", p->directory));
	assert_string_equal(list, "cur/9:2, keys ");
	free(list);
}

static void the_root_may_be_reached_through_a_symlink(void **state)
{
	(void)state;
	const char *link = arena_printf(p->arena, "%s/link", p->directory);
	assert_int_equal(symlink("Mail/work", link), 0);
	p->config.maildir.path = link;
	place_open(p);
	place_add(p, "INBOX", "A: b\r\n\r\n");
}

static void a_symlink_for_the_lock_is_not_followed(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(symlink("../../victim", below(".mailtwin")), 0);
	place_open(p);
	assert_false(p->ops->lock(p->store, 0, &err));
	assert_int_equal(err.scope, ERROR_STORE);
	assert_int_equal(err.cause, CAUSE_LOCAL);
	assert_false(tree_has(p->directory, "victim"));
}

static void stamp_and_unlock(void)
{
	struct error err = {0};
	must(p->ops->stamp(p->session, "pair", 1, &err), err);
	p->ops->unlock(p->store);
	must(p->ops->lock(p->store, 0, &err), err);
}

static void the_lock_of_a_file_that_was_replaced_is_none(void **state)
{
	(void)state;
	struct error err = {0};
	place_open(p);
	must(p->ops->lock(p->store, 0, &err), err);
	struct store *second = store_new(&p->config, p->arena);
	interfere.before_locking = stamp_and_unlock;
	assert_false(p->ops->lock(second, 0, &err));
	assert_int_equal(err.cause, CAUSE_BUSY);
	p->ops->unlock(p->store);
}

static void a_folder_that_everybody_can_write_to_is_not_written(void **state)
{
	(void)state;
	struct error err = {0};
	put("cur/1:2,", "A: b\n\n");
	assert_int_equal(chmod(below("cur"), 0777), 0);
	place_open(p);
	assert_int_equal(place_count(p, "INBOX"), 1);
	assert_false(append("INBOX", "A: b\r\n\r\n", 8, &err));
	assert_error(err, ERROR_MAILBOX, "everybody can write to 'cur'; chmod o-w mends it");
	assert_int_equal(chmod(below("cur"), 0700), 0);
	assert_true(append("INBOX", "A: b\r\n\r\n", 8, &err));
	place_settle(p, 1);
}

#define in_maildir(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_maildir(a_maildir_that_is_missing_is_made_only_to_write),
		in_maildir(a_signal_that_came_before_a_wait_for_the_lock_ends_it),
		in_maildir(a_root_is_one_world_before_and_after_it_is_stamped),
		in_maildir(a_damaged_mailtwin_file_is_not_replaced),
		in_maildir(a_root_of_another_user_is_not_touched),
		in_maildir(a_symlink_below_the_root_is_not_followed),
		in_maildir(the_root_may_be_reached_through_a_symlink),
		in_maildir(a_symlink_for_the_lock_is_not_followed),
		in_maildir(the_lock_of_a_file_that_was_replaced_is_none),
		in_maildir(a_folder_that_everybody_can_write_to_is_not_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
