/*
 * Runs of a pair from the listing to the report, between two real Maildirs and a real state.
 * What is compared is what stands on the disk afterwards.
 */
#include "config.h"

#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "sync/conductor.h"
#include "sync/state.h"

/* ---- a world of two Maildirs ---- */

struct fixture {
	char root[64];
	struct arena *arena;
	struct config *config;
	struct report report;
	char problems[4096];
};

static int serial;

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void make_folder(const struct fixture *f, const char *side, const char *folder)
{
	static const char *const part[] = {"", "/cur", "/new", "/tmp"};
	char path[256];
	snprintf(path, sizeof path, "%s/%s", f->root, side);
	mkdir(path, 0700);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s/%s/%s%s", f->root, side, folder, part[i]);
		mkdir(path, 0700);
	}
}

/* Put a message where a mail program would: its name ends in ${info}, ":2,S" or "". */
static void deliver(const struct fixture *f, const char *side, const char *folder,
	const char *subject, const char *info)
{
	char path[256], text[256];
	snprintf(path, sizeof path, "%s/%s/%s/%s/%d.M%d.host%s", f->root, side, folder,
		*info == '\0' ? "new" : "cur", 1700000000 + serial, serial, info);
	serial++;
	snprintf(text, sizeof text,
		"From: ann@example.org\nSubject: %s\nMessage-ID: <%s@example.org>\n\nbody of %s\n",
		subject, subject, subject);
	write_file(path, text, 0600);
}

static void configure(struct fixture *f, const char *pair)
{
	char text[1024];
	struct buffer mistakes;
	buffer_init(&mistakes, 4096);
	int n = snprintf(text, sizeof text,
		"stores:\n  a: {maildir: %s/a}\n  b: {maildir: %s/b}\npairs:\n  p: {%s}\n", f->root,
		f->root, pair);
	f->config = config_parse("config.yml", text, (size_t)n, f->arena, &mistakes);
	if (f->config == NULL)
		print_error("%s", mistakes.data);
	assert_non_null(f->config);
	buffer_finish(&mistakes);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	snprintf(f->root, sizeof f->root, "/tmp/mailtwin-test-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	f->arena = arena_new();
	setenv("XDG_STATE_HOME", f->root, 1);
	make_folder(f, "a", "");
	make_folder(f, "b", "");
	configure(f, "between: [a, b]");
	*state = f;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	nftw(f->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(f->arena);
	free(f);
	return 0;
}

/* ---- running and looking ---- */

static void note_problem(void *context, const struct problem *p)
{
	struct fixture *f = context;
	size_t used = strlen(f->problems);
	snprintf(f->problems + used, sizeof f->problems - used, "%s %s: %s\n",
		p->store != NULL ? p->store : "-", p->mailbox != NULL ? p->mailbox : "-",
		p->error->text);
}

static const struct report *run_with(struct fixture *f, struct run_options options)
{
	const struct observer observer = {.context = f, .problem = note_problem};
	f->problems[0] = '\0';
	conductor_run(&f->config->pairs[0], &options, &observer, &f->report);
	return &f->report;
}

static const struct report *run(struct fixture *f)
{
	const struct report *r = run_with(f, (struct run_options){.jobs = 1});
	assert_string_equal(f->problems, "");
	assert_int_equal(r->exit, 0);
	return r;
}

/* A run without an outside change changes nothing, and says so. */
static void assert_settled(struct fixture *f)
{
	const struct report *r = run(f);
	for (int side = 0; side < 2; side++) {
		assert_int_equal(r->side[side].copied, 0);
		assert_int_equal(r->side[side].flagged, 0);
		assert_int_equal(r->side[side].deleted, 0);
		assert_int_equal(r->side[side].moved, 0);
	}
	assert_false(r->changes);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "subject:flags subject:flags", sorted, of all messages of one folder. */
static const char *folder(struct fixture *f, const char *side, const char *name)
{
	static const char *const part[] = {"cur", "new"};
	char *found[64];
	size_t n = 0;
	for (int i = 0; i < 2; i++) {
		char dir[256];
		snprintf(dir, sizeof dir, "%s/%s/%s/%s", f->root, side, name, part[i]);
		DIR *d = opendir(dir);
		if (d == NULL)
			return "no folder";
		for (struct dirent *e; (e = readdir(d)) != NULL;) {
			char path[600], text[512] = "", *subject;
			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
			int fd = open(path, O_RDONLY);
			assert_true(read(fd, text, sizeof text - 1) >= 0);
			close(fd);
			subject = strstr(text, "Subject: ") + 9;
			const char *flags = strstr(e->d_name, ":2,");
			found[n++] = arena_printf(f->arena, "%.*s:%s", (int)strcspn(subject, "\n"),
				subject, flags != NULL ? flags + 3 : "");
		}
		closedir(d);
	}
	qsort(found, n, sizeof *found, by_text);
	char *all = arena_strdup(f->arena, "");
	for (size_t i = 0; i < n; i++)
		all = arena_printf(f->arena, "%s%s%s", all, i > 0 ? " " : "", found[i]);
	return all;
}

/* Rename the file of a message, or remove it, with the shell's tools. */
static void shell(const struct fixture *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void shell(const struct fixture *f, const char *fmt, ...)
{
	char command[1024], line[1200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	snprintf(line, sizeof line, "cd '%s' && %s", f->root, command);
	assert_int_equal(system(line), 0);
}

/* The file of side/folder that has this subject. */
static const char *file_of(struct fixture *f, const char *side, const char *subject)
{
	char command[512], path[512] = "";
	snprintf(command, sizeof command,
		"find %s/%s -type f -path '*/[cn]*/*' | xargs grep -l 'Subject: %s$'", f->root,
		side, subject);
	FILE *p = popen(command, "r");
	assert_non_null(fgets(path, sizeof path, p));
	pclose(p);
	path[strcspn(path, "\n")] = '\0';
	return arena_strdup(f->arena, path);
}

static void set_flags(struct fixture *f, const char *side, const char *subject, const char *flags)
{
	const char *old = file_of(f, side, subject);
	char *dir = arena_strdup(f->arena, old), *base = strrchr(dir, '/') + 1;
	base[-1] = '\0';
	*strrchr(dir, '/') = '\0';
	base[strcspn(base, ":")] = '\0';
	shell(f, "mv '%s' '%s/cur/%s:2,%s'", old, dir, base, flags);
}

static void remove_message(struct fixture *f, const char *side, const char *subject)
{
	shell(f, "rm '%s'", file_of(f, side, subject));
}

/* ---- between ---- */

static void new_messages_go_both_ways(void **state)
{
	struct fixture *f = *state;
	deliver(f, "a", "", "one", ":2,S");
	deliver(f, "a", "", "two", "");
	deliver(f, "b", "", "three", ":2,FS");
	const struct report *r = run(f);
	assert_int_equal(r->side[RIGHT].copied, 2);
	assert_int_equal(r->side[LEFT].copied, 1);
	assert_int_equal(r->equal, 3);
	assert_string_equal(folder(f, "a", ""), "one:S three:FS two:");
	assert_string_equal(folder(f, "b", ""), "one:S three:FS two:");
	assert_settled(f);
}

static void folders_are_made_where_they_are_missing(void **state)
{
	struct fixture *f = *state;
	make_folder(f, "a", ".Lists.C");
	make_folder(f, "b", ".Old");
	deliver(f, "a", ".Lists.C", "one", ":2,");
	deliver(f, "b", ".Old", "two", ":2,S");
	run(f);
	assert_string_equal(folder(f, "b", ".Lists.C"), "one:");
	assert_string_equal(folder(f, "a", ".Old"), "two:S");
	assert_settled(f);
}

static void S13_flags_meet_in_the_middle(void **state)
{
	struct fixture *f = *state;
	deliver(f, "a", "", "one", ":2,");
	deliver(f, "a", "", "two", ":2,S");
	run(f);
	set_flags(f, "a", "one", "F");
	set_flags(f, "b", "one", "S");
	set_flags(f, "b", "two", "");
	const struct report *r = run(f);
	assert_int_equal(r->side[LEFT].flagged, 2);
	assert_int_equal(r->side[RIGHT].flagged, 1);
	assert_string_equal(folder(f, "a", ""), "one:FS two:");
	assert_string_equal(folder(f, "b", ""), "one:FS two:");
	assert_settled(f);
}

static void S15_a_deletion_travels_and_an_edit_wins_over_one(void **state)
{
	struct fixture *f = *state;
	deliver(f, "a", "", "one", ":2,");
	deliver(f, "a", "", "two", ":2,");
	deliver(f, "a", "", "three", ":2,");
	run(f);
	remove_message(f, "a", "one");
	remove_message(f, "b", "two");
	set_flags(f, "a", "two", "F");
	const struct report *r = run(f);
	assert_int_equal(r->side[RIGHT].deleted, 1);
	assert_string_equal(folder(f, "a", ""), "three: two:F");
	assert_string_equal(folder(f, "b", ""), "three: two:F");
	assert_settled(f);
}

static void a_file_that_a_backup_touched_is_deleted_like_any_other(void **state)
{
	struct fixture *f = *state;
	deliver(f, "a", "", "one", ":2,");
	deliver(f, "a", "", "two", ":2,");
	run(f);
	usleep(50000);
	shell(f, "ln '%s' linked", file_of(f, "b", "one"));
	remove_message(f, "a", "one");
	usleep(50000);
	assert_int_equal(run(f)->side[RIGHT].deleted, 1);
	assert_string_equal(folder(f, "b", ""), "two:");
	assert_settled(f);
}

static void S17_a_message_moved_on_one_side_is_moved_on_the_other(void **state)
{
	struct fixture *f = *state;
	make_folder(f, "a", ".Done");
	deliver(f, "a", "", "one", ":2,S");
	deliver(f, "a", "", "two", ":2,S");
	run(f);
	shell(f, "mv a/cur/*M%d* a/.Done/cur/", serial - 2);
	const struct report *r = run(f);
	assert_int_equal(r->side[RIGHT].moved, 1);
	assert_int_equal(r->side[RIGHT].copied, 0);
	assert_int_equal(r->side[RIGHT].deleted, 0);
	assert_string_equal(folder(f, "b", ""), "two:S");
	assert_string_equal(folder(f, "b", ".Done"), "one:S");
	assert_settled(f);
}

static void S36_a_lost_state_pairs_by_content_and_doubles_nothing(void **state)
{
	struct fixture *f = *state;
	deliver(f, "a", "", "one", ":2,S");
	deliver(f, "a", "", "one", ":2,S");
	deliver(f, "a", "", "two", ":2,");
	run(f);
	set_flags(f, "a", "two", "F");
	shell(f, "rm -r mailtwin");
	const struct report *r = run(f);
	assert_true(r->state_was_missing);
	assert_int_equal(r->side[RIGHT].copied + r->side[LEFT].copied, 0);
	assert_string_equal(folder(f, "b", ""), "one:S one:S two:F");
	assert_settled(f);
}

static void S38_a_folder_that_was_emptied_empties_nothing_without_being_asked(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 6; i++) {
		char subject[32];
		snprintf(subject, sizeof subject, "m%d", i);
		deliver(f, "a", "", subject, ":2,S");
	}
	run(f);
	shell(f, "rm a/cur/*");
	const struct report *r = run_with(f, (struct run_options){.jobs = 1});
	assert_int_equal(r->exit, 5);
	assert_int_equal(r->held_deletions, 6);
	assert_non_null(strstr(f->problems, "--max-deletions 6"));
	assert_string_equal(folder(f, "b", ""), "m0:S m1:S m2:S m3:S m4:S m5:S");
	/* The doubt stays until a person decides. */
	assert_int_equal(run_with(f, (struct run_options){.jobs = 1})->exit, 5);
	r = run_with(f, (struct run_options){.jobs = 1, .bring_back = true});
	assert_int_equal(r->exit, 0);
	assert_string_equal(folder(f, "a", ""), "m0:S m1:S m2:S m3:S m4:S m5:S");
	assert_settled(f);
}

static void deletions_that_a_person_allowed_are_carried_out(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 6; i++)
		deliver(f, "a", "", "x", ":2,S");
	configure(f, "between: [a, b], max_deletions: 6");
	run(f);
	shell(f, "rm a/cur/*");
	assert_int_equal(run(f)->side[RIGHT].deleted, 6);
	assert_string_equal(folder(f, "b", ""), "");
	assert_settled(f);
}

/* ---- one way ---- */

static void a_mirror_is_made_equal_to_its_source(void **state)
{
	struct fixture *f = *state;
	configure(f, "from: a, to: b, mode: mirror");
	deliver(f, "a", "", "one", ":2,S");
	deliver(f, "a", "", "two", ":2,");
	deliver(f, "b", "", "own", ":2,");
	deliver(f, "b", "", "two", ":2,F");
	run(f);
	assert_string_equal(folder(f, "a", ""), "one:S two:");
	assert_string_equal(folder(f, "b", ""), "one:S two:");
	remove_message(f, "b", "one");
	set_flags(f, "b", "two", "T");
	run(f);
	assert_string_equal(folder(f, "b", ""), "one:S two:");
	assert_settled(f);
}

static void a_copy_never_loses_what_it_has(void **state)
{
	struct fixture *f = *state;
	configure(f, "from: a, to: b");
	deliver(f, "a", "", "one", ":2,S");
	deliver(f, "a", "", "two", ":2,");
	deliver(f, "b", "", "own", ":2,");
	run(f);
	assert_string_equal(folder(f, "b", ""), "one:S own: two:");
	remove_message(f, "a", "one");
	remove_message(f, "b", "two");
	run(f);
	assert_string_equal(folder(f, "a", ""), "two:");
	assert_string_equal(folder(f, "b", ""), "one:S own:");
	assert_settled(f);
}

static void a_move_leaves_nothing_behind_that_arrived(void **state)
{
	struct fixture *f = *state;
	configure(f, "from: a, to: b, mode: move");
	deliver(f, "a", "", "one", ":2,S");
	deliver(f, "a", "", "two", ":2,");
	deliver(f, "b", "", "two", ":2,");
	const struct report *r = run(f);
	assert_int_equal(r->side[LEFT].deleted, 2);
	assert_string_equal(folder(f, "a", ""), "");
	assert_string_equal(folder(f, "b", ""), "one:S two:");
	assert_settled(f);
	deliver(f, "a", "", "one", ":2,S");
	run(f);
	assert_string_equal(folder(f, "b", ""), "one:S one:S two:");
}

static void what_is_deleted_goes_to_the_trash_when_there_is_one(void **state)
{
	struct fixture *f = *state;
	configure(f, "between: [a, b], trash: Trash");
	deliver(f, "a", "", "one", ":2,S");
	deliver(f, "a", "", "two", ":2,S");
	run(f);
	remove_message(f, "a", "one");
	assert_int_equal(run(f)->side[RIGHT].deleted, 1);
	assert_string_equal(folder(f, "b", ""), "two:S");
	assert_string_equal(folder(f, "b", ".Trash"), "one:S");
	assert_string_equal(folder(f, "a", ".Trash"), "no folder");
	assert_settled(f);
}

static void a_marked_message_is_expunged_on_both_sides_when_asked(void **state)
{
	struct fixture *f = *state;
	configure(f, "between: [a, b], expunge: true");
	deliver(f, "a", "", "one", ":2,S");
	deliver(f, "a", "", "two", ":2,S");
	run(f);
	set_flags(f, "a", "one", "ST");
	run(f);
	assert_string_equal(folder(f, "a", ""), "two:S");
	assert_string_equal(folder(f, "b", ""), "two:S");
	assert_settled(f);
}

/* ---- what takes part ---- */

/* Make a message as old as ${days}. */
static void age(struct fixture *f, const char *side, const char *subject, int days)
{
	shell(f, "touch -d '%d days ago' '%s'", days, file_of(f, side, subject));
}

static void a_message_that_falls_out_of_the_selection_is_left_alone(void **state)
{
	struct fixture *f = *state;
	configure(f, "between: [a, b], messages: {newer_than: 30d}");
	deliver(f, "a", "", "old", ":2,S");
	deliver(f, "a", "", "young", ":2,S");
	age(f, "a", "old", 90);
	age(f, "a", "young", 20);
	run(f);
	assert_string_equal(folder(f, "b", ""), "young:S");
	/* Out of it on both sides: its flags stay where they are, and it is not deleted. */
	configure(f, "between: [a, b], messages: {newer_than: 10d}");
	set_flags(f, "a", "young", "FS");
	run(f);
	assert_string_equal(folder(f, "b", ""), "young:S");
	remove_message(f, "a", "young");
	run(f);
	assert_string_equal(folder(f, "b", ""), "young:S");
	assert_settled(f);
}

static void a_message_that_comes_into_the_selection_is_copied(void **state)
{
	struct fixture *f = *state;
	configure(f, "between: [a, b], messages: {newer_than: 30d}");
	deliver(f, "a", "", "old", ":2,S");
	age(f, "a", "old", 90);
	run(f);
	assert_string_equal(folder(f, "b", ""), "");
	configure(f, "between: [a, b], messages: {newer_than: 1y}");
	run(f);
	assert_string_equal(folder(f, "b", ""), "old:S");
	assert_settled(f);
}

static void a_search_chooses_by_flags_and_headers(void **state)
{
	struct fixture *f = *state;
	configure(f, "from: a, to: b, messages: {search: 'FLAGGED SUBJECT \"urgent\"'}");
	deliver(f, "a", "", "urgent one", ":2,FS");
	deliver(f, "a", "", "urgent two", ":2,S");
	deliver(f, "a", "", "idle", ":2,FS");
	run(f);
	assert_string_equal(folder(f, "b", ""), "urgent one:FS");
	set_flags(f, "a", "urgent two", "F");
	run(f);
	assert_string_equal(folder(f, "b", ""), "urgent one:FS urgent two:F");
	assert_settled(f);
}

static void a_message_above_the_largest_size_is_left_out_whatever_its_name_tells(void **state)
{
	struct fixture *f = *state;
	configure(f, "between: [a, b], messages: {max_size: 200}");
	deliver(f, "a", "", "small", ":2,S");
	deliver(f, "a", "", "large", ":2,S");
	shell(f, "yes 'a line' | head -100 >> '%s'", file_of(f, "a", "large"));
	run(f);
	assert_string_equal(folder(f, "b", ""), "small:S");
	assert_settled(f);
}

static void a_rule_that_changed_is_applied_to_what_is_at_rest(void **state)
{
	struct fixture *f = *state;
	deliver(f, "a", "", "one", ":2,ST");
	deliver(f, "a", "", "two", ":2,S");
	run(f);
	assert_string_equal(folder(f, "b", ""), "one:ST two:S");
	assert_settled(f);
	configure(f, "between: [a, b], expunge: true");
	run(f);
	assert_string_equal(folder(f, "a", ""), "two:S");
	assert_string_equal(folder(f, "b", ""), "two:S");
	assert_settled(f);
}

static void flags_are_left_alone_when_a_pair_says_so(void **state)
{
	struct fixture *f = *state;
	configure(f, "between: [a, b], flags: false");
	deliver(f, "a", "", "one", ":2,S");
	run(f);
	assert_string_equal(folder(f, "b", ""), "one:S");
	set_flags(f, "a", "one", "F");
	run(f);
	assert_string_equal(folder(f, "b", ""), "one:S");
	assert_settled(f);
}

static void kept_deletions_are_remembered_on_both_sides(void **state)
{
	struct fixture *f = *state;
	configure(f, "between: [a, b], deletions: keep");
	deliver(f, "a", "", "one", ":2,S");
	deliver(f, "a", "", "two", ":2,S");
	run(f);
	remove_message(f, "a", "one");
	remove_message(f, "b", "two");
	run(f);
	assert_string_equal(folder(f, "a", ""), "two:S");
	assert_string_equal(folder(f, "b", ""), "one:S");
	assert_settled(f);
}

/* ---- mailboxes as such ---- */

static void S41_a_folder_that_is_gone_stays_on_the_other_side(void **state)
{
	struct fixture *f = *state;
	make_folder(f, "a", ".Old");
	deliver(f, "a", ".Old", "one", ":2,S");
	run(f);
	shell(f, "rm -r a/.Old");
	run(f);
	assert_string_equal(folder(f, "b", ".Old"), "one:S");
	assert_string_equal(folder(f, "a", ".Old"), "no folder");
}

static void S41_a_folder_is_removed_with_its_twin_when_asked_and_only_if_nothing_else_is_in_it(
	void **state)
{
	struct fixture *f = *state;
	configure(f, "between: [a, b], mailbox_deletions: propagate");
	make_folder(f, "a", ".Old");
	make_folder(f, "a", ".Own");
	deliver(f, "a", ".Old", "one", ":2,S");
	deliver(f, "a", ".Own", "two", ":2,S");
	run(f);
	shell(f, "rm -r a/.Old a/.Own");
	deliver(f, "b", ".Own", "new here", ":2,S");
	const struct report *r = run_with(f, (struct run_options){.jobs = 1});
	assert_int_equal(r->exit, 1);
	assert_non_null(strstr(f->problems, "b Own: "));
	assert_string_equal(folder(f, "b", ".Old"), "no folder");
	assert_string_equal(folder(f, "b", ".Own"), "new here:S two:S");
}

static void a_folder_that_a_killed_run_left_half_made_is_made_whole(void **state)
{
	struct fixture *f = *state;
	make_folder(f, "a", ".One");
	make_folder(f, "a", ".Two");
	deliver(f, "a", ".One", "one", "");
	deliver(f, "a", ".Two", "two", "");
	shell(f, "mkdir -p b/.One/tmp b/.Two/tmp b/.Two/cur");
	run(f);
	assert_string_equal(folder(f, "b", ".One"), "one:");
	assert_string_equal(folder(f, "b", ".Two"), "two:");
	assert_settled(f);
}

static void S43_a_renamed_folder_is_renamed_and_not_sent_again(void **state)
{
	struct fixture *f = *state;
	make_folder(f, "a", ".Old");
	deliver(f, "a", ".Old", "one", ":2,S");
	run(f);
	shell(f, "mv a/.Old a/.New");
	const struct report *r = run(f);
	assert_int_equal(r->side[RIGHT].copied, 0);
	assert_string_equal(folder(f, "b", ".Old"), "no folder");
	assert_string_equal(folder(f, "b", ".New"), "one:S");
	assert_settled(f);
}

static void a_mirror_of_mailboxes_loses_only_what_was_synced(void **state)
{
	struct fixture *f = *state;
	configure(f, "from: a, to: b, mode: mirror, mailbox_deletions: propagate");
	make_folder(f, "a", ".Old");
	deliver(f, "a", ".Old", "one", ":2,S");
	run(f);
	shell(f, "rm -r a/.Old");
	make_folder(f, "b", ".Empty");
	make_folder(f, "b", ".Own");
	deliver(f, "b", ".Own", "two", ":2,S");
	const struct report *r = run_with(f, (struct run_options){.jobs = 1});
	assert_int_equal(r->exit, 1);
	assert_non_null(strstr(f->problems, "b Own: "));
	assert_string_equal(folder(f, "b", ".Old"), "no folder");
	assert_string_equal(folder(f, "b", ".Empty"), "no folder");
	assert_string_equal(folder(f, "b", ".Own"), "two:S");
}

/* A directory's number goes to the next directory that is made. */
static void S42_a_new_folder_with_the_number_of_a_removed_one_is_another(void **state)
{
	struct fixture *f = *state;
	make_folder(f, "a", ".Old");
	deliver(f, "a", ".Old", "one", ":2,S");
	run(f);
	shell(f, "mv a/.Old a/.New && rm a/.New/cur/*");
	deliver(f, "a", ".New", "two", ":2,S");
	const struct report *r = run(f);
	assert_int_equal(r->side[RIGHT].deleted, 0);
	assert_string_equal(folder(f, "b", ".Old"), "one:S");
	assert_string_equal(folder(f, "b", ".New"), "two:S");
	assert_settled(f);
}

static void nothing_is_made_where_nothing_may_be_made(void **state)
{
	struct fixture *f = *state;
	configure(f, "between: [a, b], create: none");
	make_folder(f, "a", ".New");
	deliver(f, "a", ".New", "one", ":2,S");
	run_with(f, (struct run_options){.jobs = 1});
	assert_string_equal(folder(f, "b", ".New"), "no folder");
}

/* ---- another world ---- */

static void S40_a_maildir_that_is_another_one_is_paired_by_content_and_loses_nothing(void **state)
{
	struct fixture *f = *state;
	deliver(f, "a", "", "one", ":2,S");
	deliver(f, "a", "", "two", ":2,S");
	run(f);
	/* The disk was replaced, and only part of the mail came back. */
	shell(f, "rm a/.mailtwin && rm '%s'", file_of(f, "a", "two"));
	const struct report *r = run_with(f, (struct run_options){.jobs = 1});
	assert_int_equal(r->side[RIGHT].deleted, 0);
	assert_string_equal(folder(f, "b", ""), "one:S two:S");
	assert_string_equal(folder(f, "a", ""), "one:S two:S");
	assert_settled(f);
}

static void S38_an_older_copy_of_a_maildir_is_noticed_by_its_run_number(void **state)
{
	struct fixture *f = *state;
	deliver(f, "a", "", "one", ":2,S");
	run(f);
	shell(f, "cp -a a backup");
	deliver(f, "b", "", "two", ":2,S");
	run(f);
	shell(f, "rm -r a && mv backup a");
	const struct report *r = run_with(f, (struct run_options){.jobs = 1});
	assert_int_equal(r->side[RIGHT].deleted, 0);
	assert_string_equal(folder(f, "a", ""), "one:S two:S");
	assert_string_equal(folder(f, "b", ""), "one:S two:S");
	assert_settled(f);
}

static void S37_an_older_state_is_noticed_by_its_run_number(void **state)
{
	struct fixture *f = *state;
	deliver(f, "a", "", "one", ":2,S");
	run(f);
	shell(f, "cp -a mailtwin backup");
	deliver(f, "b", "", "two", ":2,S");
	run(f);
	shell(f, "rm -r mailtwin && mv backup mailtwin && rm a/cur/*:2,S");
	deliver(f, "a", "", "two", ":2,S");
	const struct report *r = run_with(f, (struct run_options){.jobs = 1});
	assert_int_equal(r->side[RIGHT].deleted, 0);
	assert_string_equal(folder(f, "b", ""), "one:S two:S");
}

/* ---- looking without touching ---- */

static void a_dry_run_changes_nothing_at_all(void **state)
{
	struct fixture *f = *state;
	make_folder(f, "a", ".New");
	deliver(f, "a", ".New", "one", ":2,S");
	deliver(f, "b", "", "two", "");
	const struct report *r = run_with(f, (struct run_options){.jobs = 1, .dry_run = true});
	assert_int_equal(r->exit, 0);
	assert_true(r->changes);
	assert_int_equal(r->side[RIGHT].copied, 1);
	assert_int_equal(r->side[LEFT].copied, 1);
	assert_string_equal(folder(f, "b", ".New"), "no folder");
	assert_string_equal(folder(f, "a", ""), "");
	shell(f, "test ! -e mailtwin && test ! -e a/.mailtwin && test ! -e b/.mailtwin");
}

static void S19_a_second_run_at_the_same_time_is_told_so(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	bool fresh;
	deliver(f, "a", "", "one", ":2,S");
	struct state *held = state_open(state_path("p", f->arena), STATE_WRITE, 0, &fresh, &err);
	assert_non_null(held);
	assert_int_equal(run_with(f, (struct run_options){.jobs = 1})->exit, 6);
	assert_string_equal(folder(f, "b", ""), "");
	state_close(held);
	run(f);
}

/* ---- several workers ---- */

static void many_workers_do_the_work_of_one(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 12; i++) {
		char name[32];
		snprintf(name, sizeof name, ".F%d", i);
		make_folder(f, "a", name);
		for (int k = 0; k < 60; k++) {
			char subject[32];
			snprintf(subject, sizeof subject, "s%d-%d", i, k);
			deliver(f, i % 2 == 0 ? "a" : "b", i % 2 == 0 ? name : "", subject, ":2,S");
		}
	}
	const struct report *r = run_with(f, (struct run_options){.jobs = 2});
	assert_string_equal(f->problems, "");
	assert_int_equal(r->equal, 720);
	assert_settled(f);
}

#define t(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(new_messages_go_both_ways),
		t(folders_are_made_where_they_are_missing),
		t(S13_flags_meet_in_the_middle),
		t(S15_a_deletion_travels_and_an_edit_wins_over_one),
		t(a_file_that_a_backup_touched_is_deleted_like_any_other),
		t(S17_a_message_moved_on_one_side_is_moved_on_the_other),
		t(S36_a_lost_state_pairs_by_content_and_doubles_nothing),
		t(S38_a_folder_that_was_emptied_empties_nothing_without_being_asked),
		t(deletions_that_a_person_allowed_are_carried_out),
		t(a_mirror_is_made_equal_to_its_source),
		t(a_copy_never_loses_what_it_has),
		t(a_move_leaves_nothing_behind_that_arrived),
		t(what_is_deleted_goes_to_the_trash_when_there_is_one),
		t(a_marked_message_is_expunged_on_both_sides_when_asked),
		t(a_message_that_falls_out_of_the_selection_is_left_alone),
		t(a_message_that_comes_into_the_selection_is_copied),
		t(a_search_chooses_by_flags_and_headers),
		t(a_message_above_the_largest_size_is_left_out_whatever_its_name_tells),
		t(a_rule_that_changed_is_applied_to_what_is_at_rest),
		t(flags_are_left_alone_when_a_pair_says_so),
		t(kept_deletions_are_remembered_on_both_sides),
		t(S41_a_folder_that_is_gone_stays_on_the_other_side),
		t(S41_a_folder_is_removed_with_its_twin_when_asked_and_only_if_nothing_else_is_in_it),
		t(a_folder_that_a_killed_run_left_half_made_is_made_whole),
		t(S43_a_renamed_folder_is_renamed_and_not_sent_again),
		t(a_mirror_of_mailboxes_loses_only_what_was_synced),
		t(S42_a_new_folder_with_the_number_of_a_removed_one_is_another),
		t(nothing_is_made_where_nothing_may_be_made),
		t(S40_a_maildir_that_is_another_one_is_paired_by_content_and_loses_nothing),
		t(S38_an_older_copy_of_a_maildir_is_noticed_by_its_run_number),
		t(S37_an_older_state_is_noticed_by_its_run_number),
		t(a_dry_run_changes_nothing_at_all),
		t(S19_a_second_run_at_the_same_time_is_told_so),
		t(many_workers_do_the_work_of_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
