/* What is special about Maildirs: other programs write there too, and know nothing of us. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "place.h"
#include "store/maildir.h"
#include "tree.h"

/* ---- one Maildir++ with an INBOX, opened once a test has put something there ---- */

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	place_init(p);
	place_maildir(p, LAYOUT_MAILDIRPP, NAMES_AUTO);
	p->config.maildir.durable = false;
	tree_maildir(p->config.maildir.path, ".");
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	place_finish(p);
	free(p);
	return 0;
}

static void put(struct place *p, const char *name, const char *text)
{
	tree_puts(p->config.maildir.path, name, text);
}

static char *below(struct place *p, const char *name)
{
	return arena_printf(p->arena, "%s/%s", p->config.maildir.path, name);
}

static void move_file(struct place *p, const char *from, const char *to)
{
	assert_int_equal(rename(below(p, from), below(p, to)), 0);
}

/* All names of files in cur/, sorted, each with a blank after it. */
static char *names_in(struct place *p, const char *folder)
{
	char *list = tree_list(below(p, folder));
	char *copy = arena_strdup(p->arena, list);
	free(list);
	return copy;
}

static bool lists_key(struct place *p, const char *mailbox, const char *key)
{
	struct message_list list = place_list(p, mailbox);
	bool found = place_find(&list, key) != NULL;
	arena_free(list.arena);
	return found;
}

/* ---- keys ---- */

static void a_key_outlives_what_other_programs_do_to_names(void **state)
{
	struct place *p = *state;
	static const char *const names[] = {
		"new/1.M2P3.host",
		"cur/1.M2P3.host:2,",
		"cur/1.M2P3.host:2,FS",
		"cur/1.M2P3.host,S=9,W=11:2,S",
		"cur/1.M2P3.host,U=17:2,S",
		"cur/1.M2P3.host,U=17,FMD5=d41d8cd98f00b204e9800998ecf8427e:2,S",
		"cur/1.M2P3.host:1,x",
		"cur/1.M2P3.host:2,S:2,F",
		"cur/1.M2P3.host,",
	};
	put(p, "cur/other:2,", "A: b\n\n");
	put(p, names[0], "A: c\n\n");
	place_open(p);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (i > 0)
			move_file(p, names[i - 1], names[i]);
		assert_int_equal(place_count(p, "INBOX"), 2);
		assert_true(lists_key(p, "INBOX", "1.M2P3.host"));
		place_holds(p, "INBOX", "1.M2P3.host", FETCH_BODY, "A: c\r\n\r\n", 8);
	}
}

static void odd_names_are_messages_too(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *name, *key, *flags;
	} row[] = {
		{"cur/plain", "plain", ""},
		{"cur/a:2,ZZ", "a", ""},
		{"cur/b:1,S", "b", ""},
		{"cur/c:2,S:2,F", "c", "\\Flagged \\Seen"},
		{"cur/d,U=0,U=0:2,T", "d", "\\Deleted"},
		{"cur/e\n\x1b:2,D", "e\n\x1b", "\\Draft"},
		{"cur/\xff:2,R", "\xff", "\\Answered"},
		{"cur/:2,S", ":", "\\Seen"},
		{"cur/,S=6:2,S", ",S=6", "\\Seen"},
		{"cur/g:2,P", "g", "$Forwarded"},
		{"new/h:2,F", "h", "\\Flagged"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		put(p, row[i].name, "A: b\n\n");
	place_open(p);
	assert_int_equal(place_count(p, "INBOX"), sizeof row / sizeof *row);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		place_flagged(p, "INBOX", row[i].key, row[i].flags);
		place_holds(p, "INBOX", row[i].key, FETCH_BODY, "A: b\r\n\r\n", 8);
	}
}

static void what_is_no_message_is_not_listed(void **state)
{
	struct place *p = *state;
	put(p, "cur/1:2,", "A: b\n\n");
	put(p, "cur/.nfs0001", "x");
	put(p, "new/.hidden", "x");
	put(p, "tmp/2", "x");
	put(p, "dovecot.index", "x");
	tree_directory(p->config.maildir.path, "cur/directory");
	tree_directory(p->config.maildir.path, "new/directory");
	place_open(p);
	assert_int_equal(place_count(p, "INBOX"), 1);

	/* nor counted where nothing changed */
	struct error err = {0};
	struct message_list list;
	const char *cursor = place_cursor(p, "INBOX");
	must(p->ops->list(p->session, "INBOX", place_epoch(p, "INBOX"), cursor, p->flags, &err),
		err);
	must(p->ops->listed(p->session, &list, &err) == 1, err);
	assert_true(list.partial);
	assert_int_equal(list.box.total, 1);
	arena_free(list.arena);
	assert_int_equal(p->ops->listed(p->session, &list, &err), 0);
}

static struct roster *roster_of(const char *const *keys, size_t n)
{
	struct roster *roster = roster_new(n);
	for (size_t i = 0; i < n; i++)
		assert_true(roster_add(roster, keys[i], FLAG_SEEN));
	return roster;
}

static void against_a_roster_only_what_is_unlike_it_is_listed(void **state)
{
	static const char *const known[] = {"same", "moved", "other", "gone"};
	struct place *p = *state;
	put(p, "cur/same:2,S", "A: b\n\n");
	put(p, "cur/moved,S=6:2,S", "A: b\n\n");
	put(p, "cur/other:2,FS", "A: b\n\n");
	put(p, "new/stranger", "A: b\n\n");
	place_open(p);
	p->ops->settle_clock(p->session);
	struct roster *roster = roster_of(known, 4);
	for (int again = 0; again < 2; again++) {
		struct message_list list = place_list_unlike(p, "INBOX", roster);
		assert_true(list.partial && list.unlike);
		assert_int_equal(list.n, 2);
		assert_int_equal(place_find(&list, "other")->flags, FLAG_SEEN | FLAG_FLAGGED);
		assert_int_equal(place_find(&list, "stranger")->flags, 0);
		assert_int_equal(list.n_gone, 0);
		assert_int_equal(list.box.total, 4);
		assert_int_equal(roster_missed(roster), 1);
		assert_false(roster_has_met(roster, "gone"));
		arena_free(list.arena);
	}
	roster_free(roster);
}

/* Whose file is whose cannot be told by the key alone. */
static void a_roster_does_not_help_where_two_files_have_one_key(void **state)
{
	static const char *const known[] = {"1", "2"};
	struct place *p = *state;
	put(p, "cur/1:2,S", "A: first\n\n");
	put(p, "new/1", "A: second\n\n");
	put(p, "cur/2:2,S", "A: other\n\n");
	place_open(p);
	p->ops->settle_clock(p->session);
	struct roster *roster = roster_of(known, 2);
	struct message_list list = place_list_unlike(p, "INBOX", roster);
	assert_false(list.partial || list.unlike);
	assert_int_equal(list.n, 3);
	arena_free(list.arena);
	roster_free(roster);
}

/* A folder that may change without a trace in its times is read twice, as a whole. */
static void a_roster_does_not_help_where_a_change_may_go_unseen(void **state)
{
	static const char *const known[] = {"1"};
	struct place *p = *state;
	put(p, "cur/1:2,S", "A: first\n\n");
	place_open(p);
	char path[PATH_MAX];
	const time_t ahead = time(NULL) + 1000;
	const struct timespec times[2] = {{.tv_sec = ahead}, {.tv_sec = ahead}};
	snprintf(path, sizeof path, "%s/cur", p->config.maildir.path);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	struct roster *roster = roster_of(known, 1);
	struct message_list list = place_list_unlike(p, "INBOX", roster);
	assert_false(list.partial || list.unlike);
	assert_int_equal(list.n, 1);
	arena_free(list.arena);
	roster_free(roster);
}

static void two_files_with_one_key_are_two_messages(void **state)
{
	struct place *p = *state;
	put(p, "cur/1:2,S", "A: first\n\n");
	put(p, "new/1", "A: second\n\n");
	put(p, "cur/2:2,", "A: other\n\n");
	place_open(p);
	struct message_list list = place_list(p, "INBOX");
	assert_int_equal(list.n, 3);
	assert_string_not_equal(list.at[0].key, list.at[1].key);
	/* neither has the key that both could claim: who held it before is not known */
	assert_null(place_find(&list, "1"));

	struct buffer got;
	buffer_init(&got, 100);
	for (size_t i = 0; i < 2; i++) {
		place_fetch(p, "INBOX", &list.at[i].key, 1, FETCH_BODY);
		place_take(p, &got);
		place_taken(p);
		bool first = strstr(got.data, "first") != NULL;
		assert_true(first == (list.at[i].flags == FLAG_SEEN));
		buffer_finish(&got);
	}

	/* a change of one's flags changes no key */
	const char *key = list.at[0].flags == FLAG_SEEN ? list.at[1].key : list.at[0].key;
	place_mark(p, "INBOX", key, "\\Flagged", "");
	assert_string_equal(names_in(p, "cur"), "1:2,F 1:2,S 2:2, ");
	place_flagged(p, "INBOX", key, "\\Flagged");
	arena_free(list.arena);
}

static void a_second_name_of_one_file_is_no_second_message(void **state)
{
	struct place *p = *state;
	put(p, "new/1", "A: b\n\n");
	assert_int_equal(link(below(p, "new/1"), below(p, "cur/1:2,")), 0);
	place_open(p);
	assert_int_equal(place_count(p, "INBOX"), 1);
	assert_true(lists_key(p, "INBOX", "1"));
}

/* ---- other programs at the same time ---- */

static void S20_a_file_that_was_renamed_meanwhile_is_found_again(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	struct message m;
	struct reader *reader;
	put(p, "new/1", "A: b\n\n");
	put(p, "new/2", "A: c\n\n");
	put(p, "cur/3:2,", "A: d\n\n");
	place_open(p);
	const char *keys[] = {"1", "2", "3"};
	place_fetch(p, "INBOX", keys, 3, FETCH_BODY); /* the names are known now */
	move_file(p, "new/1", "cur/1:2,S");
	move_file(p, "new/2", "cur/2,U=5:2,FS");
	for (size_t i = 0; i < 3; i++) {
		must(p->ops->take(p->session, &m, &reader, &err) == 1, err);
		assert_string_equal(m.key, keys[i]);
	}
	place_taken(p);
	move_file(p, "cur/1:2,S", "cur/1:2,RS");
	place_mark(p, "INBOX", "1", "\\Flagged", "\\Seen");
	assert_string_equal(names_in(p, "cur"), "1:2,FR 2,U=5:2,FS 3:2, ");
	move_file(p, "cur/3:2,", "cur/3:2,T");
	struct target target = place_target(p, "INBOX");
	move_file(p, "cur/3:2,T", "cur/3:2,ST");
	must(p->ops->expunge(p->session, 1, &target, "3", &err), err);
	assert_false(place_settle(p, 1).gone_already);
	assert_string_equal(names_in(p, "cur"), "1:2,FR 2,U=5:2,FS ");
}

static void a_message_edited_since_the_cursor_is_not_expunged(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	put(p, "cur/1:2,", "A: b\n\n");
	put(p, "cur/2:2,", "A: c\n\n");
	place_open(p);
	struct target target = place_target(p, "INBOX");
	target.cursor = place_cursor(p, "INBOX");
	assert_non_null(target.cursor);
	p->ops->settle_clock(p->session);
	move_file(p, "cur/1:2,", "cur/1:2,F");
	must(p->ops->expunge(p->session, 1, &target, "1", &err), err);
	must(p->ops->expunge(p->session, 2, &target, "2", &err), err);
	struct outcome first = {0}, second = {0};
	must(p->ops->settle(p->session, &first, &err) == 1, err);
	must(p->ops->settle(p->session, &second, &err) == 1, err);
	assert_int_equal(p->ops->settle(p->session, &first, &err), 0);
	assert_true(first.changed);
	assert_false(second.changed);
	assert_string_equal(names_in(p, "cur"), "1:2,F ");
}

static void a_change_that_keeps_the_old_time_is_noticed(void **state)
{
	struct place *p = *state;
	put(p, "cur/1:2,", "A: b\n\n");
	put(p, "cur/2:2,", "A: c\n\n");
	place_open(p);
	struct stat st;
	const char *cursor = place_cursor(p, "INBOX");
	assert_int_equal(stat(below(p, "cur"), &st), 0);
	/* as rsync and tar do when they restore an older copy */
	assert_int_equal(unlink(below(p, "cur/2:2,")), 0);
	struct timespec times[2] = {st.st_atim, st.st_mtim};
	assert_int_equal(utimensat(AT_FDCWD, below(p, "cur"), times, 0), 0);
	const char *after = place_cursor(p, "INBOX");
	assert_non_null(cursor);
	assert_string_not_equal(cursor, after);
}

static void a_folder_that_was_written_just_now_has_no_cursor(void **state)
{
	struct place *p = *state;
	place_open(p);
	place_add(p, "INBOX", "A: b\r\n\r\n");
	struct message_list young = place_list(p, "INBOX");
	assert_null(young.box.cursor);
	arena_free(young.arena);
	assert_non_null(place_cursor(p, "INBOX")); /* it calls settle_clock() */
}

/* ---- sizes ---- */

static void a_size_in_the_name_counts_only_if_it_fits_the_file(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *name, *key;
		uint64_t size;
	} row[] = {
		{"cur/1,S=6,W=8:2,", "1", 8},
		{"cur/2,S=6:2,", "2", 0},
		{"cur/3,W=8:2,", "3", 0},
		{"cur/4,S=7,W=9:2,", "4", 0}, /* the file was changed since */
		{"cur/5,S=6,W=999:2,", "5", 0},
		{"cur/6,S=6,W=5:2,", "6", 0},
		{"cur/7,W=8,U=3,S=6:2,", "7", 8},
		{"cur/8,S=,W=:2,", "8", 0},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		put(p, row[i].name, "A: b\n\n");
	place_open(p);
	struct message_list list = place_list(p, "INBOX");
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		assert_int_equal(place_find(&list, row[i].key)->size, row[i].size);
		struct message m =
			place_holds(p, "INBOX", row[i].key, FETCH_HEADER, "A: b\r\n\r\n", 8);
		assert_int_equal(m.size, 8);
	}
	arena_free(list.arena);
}

static void a_new_file_says_both_its_sizes(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *message, *file;
		size_t size; /* as it will be read */
	} row[] = {
		{"A: b\r\n\r\nc\r\n", "A: b\n\nc\n", 11},
		{"A: b\r\n\r\nc\r\r\n", "A: b\r\n\r\nc\r\r\n", 12},
		{"A: b\r\n\r\r\nd\r\n", "A: b\r\n\r\r\nd\r\n", 12},
		{"A: b\r\nc\nd\r\n", "A: b\r\nc\nd\r\n", 12},
		{"\nA: b", "\nA: b", 6},
	};
	place_open(p);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		for (size_t step = 1; step < 5; step++) {
			const char *key = place_add_flagged(
				p, "INBOX", row[i].message, strlen(row[i].message), step, 0);
			struct message_list list = place_list(p, "INBOX");
			assert_int_equal(place_find(&list, key)->size, row[i].size);
			arena_free(list.arena);
			char *name = arena_printf(p->arena, "new/%s,S=%zu,W=%zu", key,
				strlen(row[i].file), row[i].size);
			char *text = tree_get(p->config.maildir.path, name, NULL);
			assert_string_equal(text, row[i].file);
			free(text);
		}
}

/* ---- flags ---- */

static void keywords_are_written_as_dovecot_reads_them(void **state)
{
	struct place *p = *state;
	put(p, "dovecot-keywords", "0 $Forwarded\n1 Junk\n");
	put(p, "cur/1:2,Sb", "A: b\n\n");
	put(p, "cur/2:2,ac", "A: c\n\n"); /* 'c' has no name: whose it is is not known */
	place_open(p);
	place_flagged(p, "INBOX", "1", "\\Seen Junk");
	place_flagged(p, "INBOX", "2", "$Forwarded");
	place_mark(p, "INBOX", "1", "Work JUNK $forwarded", "\\Seen");
	assert_string_equal(names_in(p, "cur"), "1:2,abd 2:2,ac ");
	place_mark(p, "INBOX", "2", "\\Flagged", "$Forwarded");
	assert_string_equal(names_in(p, "cur"), "1:2,abd 2:2,Fc ");
	place_flagged(p, "INBOX", "1", "$Forwarded Junk Work");
	char *text = tree_get(p->config.maildir.path, "dovecot-keywords", NULL);
	assert_string_equal(text, "0 $Forwarded\n1 Junk\n3 Work\n");
	free(text);
	assert_false(tree_has(p->config.maildir.path, "dovecot-keywords.lock"));
}

static void a_keyword_that_another_program_named_is_learnt(void **state)
{
	struct place *p = *state;
	put(p, "dovecot-keywords", "0 One\n");
	put(p, "cur/1:2,ab", "A: b\n\n");
	place_open(p);
	place_flagged(p, "INBOX", "1", "One");
	put(p, "dovecot-keywords", "0 One\n1 Two\n");
	place_flagged(p, "INBOX", "1", "One Two");
	put(p, "dovecot-keywords", "0 One\n1 Two\n2 Three\n");
	place_mark(p, "INBOX", "1", "Three", "");
	assert_string_equal(names_in(p, "cur"), "1:2,abc ");
}

static void letters_without_a_meaning_stay(void **state)
{
	struct place *p = *state;
	put(p, "cur/1:2,BPSx", "A: b\n\n");
	place_open(p);
	place_flagged(p, "INBOX", "1", "\\Seen $Forwarded");
	place_mark(p, "INBOX", "1", "\\Answered", "\\Seen $Forwarded");
	assert_string_equal(names_in(p, "cur"), "1:2,BRx ");
}

static void a_key_outlives_a_mark_whatever_the_name_begins_with(void **state)
{
	struct place *p = *state;
	static const char *const names[] = {"cur/:2,S", "cur/,S=6,", "cur/,:2,S"};
	static const char *const keys[] = {":", ",S=6,", ","};
	for (size_t i = 0; i < 3; i++)
		put(p, names[i], "A: b\n\n");
	place_open(p);
	for (size_t i = 0; i < 3; i++) {
		place_mark(p, "INBOX", keys[i], "\\Flagged", "\\Seen");
		place_flagged(p, "INBOX", keys[i], "\\Flagged");
	}
	assert_int_equal(place_count(p, "INBOX"), 3);
}

static void flags_outlive_a_move_whatever_the_name_begins_with(void **state)
{
	struct place *p = *state;
	static const char *const names[] = {"cur/:2,FS", "cur/,S=6,:2,FS", "cur/,:2,FS"};
	static const char *const keys[] = {":", ",S=6,", ","};
	struct error err = {0};
	for (size_t i = 0; i < 3; i++)
		put(p, names[i], "A: b\n\n");
	place_open(p);
	place_create(p, "Trash");
	struct target target = place_target(p, "INBOX");
	for (uint32_t i = 0; i < 3; i++) {
		must(p->ops->move(p->session, i, &target, keys[i], "Trash", &err), err);
		const char *key = arena_strdup(p->arena, place_settle(p, i).key);
		place_flagged(p, "Trash", key, "\\Flagged \\Seen");
		assert_null(strpbrk(key, ":,"));
	}
	assert_int_equal(place_count(p, "Trash"), 3);
	assert_int_equal(place_count(p, "INBOX"), 0);
}

static void S18_the_27th_keyword_is_not_held(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	char *file = arena_strdup(p->arena, "");
	for (int i = 0; i < 25; i++)
		file = arena_printf(p->arena, "%s%d k%d\n", file, i, i);
	put(p, "dovecot-keywords", file);
	put(p, "cur/1:2,", "A: b\n\n");
	place_open(p);
	struct message_list list = place_list(p, "INBOX");
	assert_true(list.box.storable.new_keywords);
	arena_free(list.arena);

	struct target target = place_target(p, "INBOX");
	flag_set set = flags_parse(p->flags, "\\Flagged one");
	must(p->ops->mark(p->session, 1, &target, "1", p->flags, set, 0, &err), err);
	assert_int_equal(place_settle(p, 1).held, set);
	set = flags_parse(p->flags, "\\Draft two $Forwarded");
	must(p->ops->mark(p->session, 2, &target, "1", p->flags, set, 0, &err), err);
	assert_int_equal(place_settle(p, 2).held, FLAG_DRAFT);
	place_flagged(p, "INBOX", "1", "\\Draft \\Flagged $Forwarded one"); /* P says that */
	assert_string_equal(names_in(p, "cur"), "1:2,DFPz ");

	list = place_list(p, "INBOX");
	assert_false(list.box.storable.new_keywords);
	assert_int_equal(flags_storable(p->flags, set, &list.box.storable),
		flags_parse(p->flags, "\\Draft $Forwarded"));
	arena_free(list.arena);
}

static void what_can_be_no_keyword_is_not_written(void **state)
{
	struct place *p = *state;
	place_open(p);
	const char *const names[] = {"two words", "a\nb", "\xc3\xa4", "", "a(b", "ok"};
	flag_set set = flags_make(p->flags, FLAG_SEEN, names, 6);
	const char *key = place_add_flagged(p, "INBOX", "A: b\r\n\r\n", 8, 8, set);
	place_flagged(p, "INBOX", key, "\\Seen ok");
	char *text = tree_get(p->config.maildir.path, "dovecot-keywords", NULL);
	assert_string_equal(text, "0 ok\n");
	free(text);
}

static void a_stale_lock_does_not_hold_for_ever(void **state)
{
	struct place *p = *state;
	put(p, "dovecot-keywords.lock", "");
	struct timespec old[2] = {{.tv_sec = time(NULL) - 1000}, {.tv_sec = time(NULL) - 1000}};
	assert_int_equal(utimensat(AT_FDCWD, below(p, "dovecot-keywords.lock"), old, 0), 0);
	place_open(p);
	const char *key =
		place_add_flagged(p, "INBOX", "A: b\r\n\r\n", 8, 8, flags_parse(p->flags, "Work"));
	place_flagged(p, "INBOX", key, "Work");
}

/* Dovecot's own locks can be written to, and are waited for. */
static void a_lock_of_a_killed_run_is_removed_at_once(void **state)
{
	struct place *p = *state;
	put(p, "dovecot-keywords.lock", "");
	const char *lock = below(p, "dovecot-keywords.lock");
	struct timespec old[2] = {{.tv_sec = time(NULL) - 3}, {.tv_sec = time(NULL) - 3}};
	assert_int_equal(utimensat(AT_FDCWD, lock, old, 0), 0);
	assert_int_equal(chmod(lock, 0400), 0);
	place_open(p);
	time_t began = time(NULL);
	const char *key =
		place_add_flagged(p, "INBOX", "A: b\r\n\r\n", 8, 8, flags_parse(p->flags, "Work"));
	assert_true(time(NULL) - began <= 2);
	place_flagged(p, "INBOX", key, "Work");
	struct stat st;
	assert_int_equal(stat(below(p, "dovecot-keywords"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_message_without_flags_is_new_mail(void **state)
{
	struct place *p = *state;
	place_open(p);
	const char *plain = place_add(p, "INBOX", "A: b\r\n\r\n");
	const char *seen = place_add_flagged(p, "INBOX", "A: b\r\n\r\n", 8, 8, FLAG_SEEN);
	const char *work =
		place_add_flagged(p, "INBOX", "A: b\r\n\r\n", 8, 8, flags_parse(p->flags, "Work"));
	char *wanted = arena_printf(p->arena, "%s,S=6,W=8 ", plain);
	assert_string_equal(names_in(p, "new"), wanted);
	wanted = arena_printf(p->arena, "%s,S=6,W=8:2,S %s,S=6,W=8:2,a ", seen, work);
	assert_string_equal(names_in(p, "cur"), wanted);
	assert_string_equal(names_in(p, "tmp"), "");
}

static void a_moved_message_leaves_its_uid_behind(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	tree_maildir(p->config.maildir.path, ".Trash");
	put(p, "dovecot-keywords", "0 Work\n1 Home\n");
	put(p, ".Trash/dovecot-keywords", "0 Home\n");
	put(p, "cur/1,S=6,U=7,FMD5=0,W=8:2,FPab", "A: b\n\n");
	put(p, "cur/2:2,z", "A: b\n\n");
	put(p, ".Trash/cur/2:2,", "A: another\n\n");
	place_open(p);
	struct target target = place_target(p, "INBOX");
	must(p->ops->move(p->session, 1, &target, "1", "Trash", &err), err);
	assert_string_equal(place_settle(p, 1).key, "1");
	assert_string_equal(names_in(p, ".Trash/cur"), "1,S=6,W=8:2,FPab 2:2, ");
	place_flagged(p, "Trash", "1", "\\Flagged $Forwarded Home Work");

	/* and takes no other's place */
	must(p->ops->move(p->session, 2, &target, "2", "Trash", &err), err);
	const char *key = place_settle(p, 2).key;
	assert_string_not_equal(key, "2");
	assert_int_equal(place_count(p, "Trash"), 3);
	place_holds(p, "Trash", "2", FETCH_BODY, "A: another\r\n\r\n", 14);
	place_flagged(p, "Trash", key, "");
}

#define in_maildir(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_maildir(a_key_outlives_what_other_programs_do_to_names),
		in_maildir(odd_names_are_messages_too),
		in_maildir(what_is_no_message_is_not_listed),
		in_maildir(against_a_roster_only_what_is_unlike_it_is_listed),
		in_maildir(a_roster_does_not_help_where_two_files_have_one_key),
		in_maildir(a_roster_does_not_help_where_a_change_may_go_unseen),
		in_maildir(two_files_with_one_key_are_two_messages),
		in_maildir(a_second_name_of_one_file_is_no_second_message),
		in_maildir(S20_a_file_that_was_renamed_meanwhile_is_found_again),
		in_maildir(a_message_edited_since_the_cursor_is_not_expunged),
		in_maildir(a_change_that_keeps_the_old_time_is_noticed),
		in_maildir(a_folder_that_was_written_just_now_has_no_cursor),
		in_maildir(a_size_in_the_name_counts_only_if_it_fits_the_file),
		in_maildir(a_new_file_says_both_its_sizes),
		in_maildir(keywords_are_written_as_dovecot_reads_them),
		in_maildir(a_keyword_that_another_program_named_is_learnt),
		in_maildir(letters_without_a_meaning_stay),
		in_maildir(a_key_outlives_a_mark_whatever_the_name_begins_with),
		in_maildir(flags_outlive_a_move_whatever_the_name_begins_with),
		in_maildir(S18_the_27th_keyword_is_not_held),
		in_maildir(what_can_be_no_keyword_is_not_written),
		in_maildir(a_stale_lock_does_not_hold_for_ever),
		in_maildir(a_lock_of_a_killed_run_is_removed_at_once),
		in_maildir(a_message_without_flags_is_new_mail),
		in_maildir(a_moved_message_leaves_its_uid_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
