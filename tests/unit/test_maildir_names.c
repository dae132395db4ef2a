/* Names of folders on disk, and which programs wrote them. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "store/maildir.h"
#include "tree.h"

static struct arena *arena;

static int make_arena(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int free_arena(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static const struct maildir_naming naming_pp = {.style = STYLE_MAILDIRPP, .inbox_is_root = true};
static const struct maildir_naming naming_pp7 = {
	.style = STYLE_MAILDIRPP, .utf7 = true, .inbox_is_root = true};
static const struct maildir_naming naming_mbsync = {
	.style = STYLE_MAILDIRPP, .inbox_is_root = true, .inbox_is_empty = true};
static const struct maildir_naming naming_nested = {.style = STYLE_NESTED};
static const struct maildir_naming naming_nested7 = {.style = STYLE_NESTED, .utf7 = true};
static const struct maildir_naming naming_legacy = {.style = STYLE_LEGACY};
static const struct maildir_naming naming_flat = {.style = STYLE_FLAT};

static void S25_each_name_has_one_path_and_each_path_one_name(void **state)
{
	(void)state;
	static const struct {
		const struct maildir_naming *naming;
		const char *name, *path;
	} row[] = {
		{&naming_pp, "INBOX", "."},
		{&naming_pp, "INBOX/a", ".INBOX.a"},
		{&naming_pp, "a/b", ".a.b"},
		{&naming_pp, "a.b", ".a%2Eb"},
		{&naming_pp, "..", ".%2E%2E"},
		{&naming_pp, "cur", ".cur"},
		{&naming_pp, "a%2Fb", ".a%2Fb"},
		{&naming_pp, "50%", ".50%"},
		{&naming_pp, "50%2541", ".50%2541"},
		{&naming_pp, "a%0Ab", ".a%0Ab"},
		{&naming_pp, "\xc3\xa4", ".\xc3\xa4"},
		{&naming_pp, "R&D", ".R&D"},
		{&naming_pp, "&-", ".%26-"},
		{&naming_pp, "&AOQ-", ".%26AOQ-"},
		{&naming_pp, "%26", ".%26"},
		{&naming_pp, "%26AGE-", ".%26AGE%2D"},
		{&naming_pp7, "%26AGE-", ".%26AGE%2D"},
		{&naming_pp, "%C3%A4", ".%C3%A4"},
		{&naming_pp7, "\xc3\xa4/R&D", ".&AOQ-.R&-D"},
		{&naming_pp7, "&AOQ-", ".&-AOQ-"},
		{&naming_pp7, "a.b", ".a%2Eb"},
		{&naming_mbsync, "INBOX", "."},
		{&naming_mbsync, "INBOX/a/b", "..a.b"},
		{&naming_mbsync, "INBOXES/a", ".INBOXES.a"},
		{&naming_nested, "INBOX", "INBOX"},
		{&naming_nested, "INBOX/a", "INBOX/a"},
		{&naming_nested, "a.b/c", "a.b/c"},
		{&naming_nested, "cur/new/tmp", "%63ur/%6Eew/%74mp"},
		{&naming_nested, "curb", "curb"},
		{&naming_nested, ".state", "%2Estate"},
		{&naming_nested, "../..", "%2E./%2E."},
		{&naming_nested, "dovecot-uidlist", "%64ovecot-uidlist"},
		{&naming_nested, "a%2Fb", "a%2Fb"},
		{&naming_nested7, "\xc3\xa4/cur", "&AOQ-/%63ur"},
		{&naming_legacy, "a", "a"},
		{&naming_legacy, "a/b/c", "a/.b/.c"},
		{&naming_legacy, "a/.b", "a/.%2Eb"},
		{&naming_flat, "INBOX", "INBOX"},
		{&naming_flat, "a/b", "a.b"},
		{&naming_flat, "a.b/c", "a%2Eb.c"},
		{&naming_flat, "cur", "%63ur"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct error err = {0};
		const char *path = maildir_name_encode(row[i].naming, row[i].name, arena, &err);
		assert_non_null(path);
		assert_string_equal(path, row[i].path);
		assert_string_equal(
			maildir_name_decode(row[i].naming, row[i].path, arena), row[i].name);
	}
}

/* A level as a server could have it: of what is special in one of the spellings. */
static char *random_level(unsigned *seed)
{
	static const char *const piece[] = {"&", "&", "-", "AGE", "Jjo", "2D8", "AOQ", "%", "%2",
		"%26", "%41", ".", "\xc3\xa4", "\xff", "\x01", "cur", "dovecot", "inbox", "/", "x",
		","};
	char *level = "";
	do {
		*seed = *seed * 1103515245 + 12345;
		level = arena_printf(
			arena, "%s%s", level, piece[(*seed >> 8) % (sizeof piece / sizeof *piece)]);
	} while ((*seed >> 20 & 3) != 0);
	return level;
}

/* Texts and opaque names mixed, as names of servers are. */
static char *random_name(unsigned *seed)
{
	char *name = NULL;
	do {
		char *level = random_level(seed);
		bool opaque = (*seed >> 24 & 1) != 0;
		level = opaque ? name_opaque_level(level, "", arena)
			       : name_escape_level(level, "/", arena);
		if (name == NULL && name_is_inbox(level))
			level = "INBOX";
		name = name == NULL ? level : arena_printf(arena, "%s/%s", name, level);
	} while ((*seed >> 26 & 1) != 0);
	return name;
}

static void any_name_is_read_back_from_its_path(void **state)
{
	(void)state;
	static const struct maildir_naming *const namings[] = {&naming_pp, &naming_pp7,
		&naming_mbsync, &naming_nested, &naming_nested7, &naming_legacy, &naming_flat};
	unsigned seed = 7, paths = 0;
	for (unsigned i = 0; i < 20000; i++) {
		const struct maildir_naming *naming =
			namings[i % (sizeof namings / sizeof *namings)];
		struct error err = {0};
		const char *name = random_name(&seed);
		const char *path = maildir_name_encode(naming, name, arena, &err);
		if (path == NULL)
			continue;
		assert_string_equal(maildir_name_decode(naming, path, arena), name);
		paths++;
	}
	assert_true(paths > 15000);
}

static void what_others_wrote_is_read_as_it_lies(void **state)
{
	(void)state;
	static const struct {
		const struct maildir_naming *naming;
		const char *path, *name;
	} row[] = {
		{&naming_pp, ".a..b", "a/%00/b"},
		{&naming_pp, ".\xff", "%FF"},
		{&naming_pp, ".a%41", "a%2541"},	/* we would write aA */
		{&naming_pp7, ".&AOQ", "&AOQ"},		/* cut off: no UTF-7 */
		{&naming_pp7, ".\xc3\xa4", "\xc3\xa4"}, /* mixed: each as it can be */
		{&naming_nested, "inbox/x", "INBOX/x"},
		{&naming_legacy, "a/b", "a/b"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		assert_string_equal(
			maildir_name_decode(row[i].naming, row[i].path, arena), row[i].name);
}

static char *repeated(const char *text, size_t n)
{
	char *all = arena_alloc(arena, strlen(text) * n + 1);
	for (size_t i = 0; i < n; i++)
		strcat(all, text);
	return all;
}

static void a_name_that_is_no_file_name_is_refused(void **state)
{
	(void)state;
	struct error err = {0};
	assert_null(maildir_name_encode(&naming_nested, repeated("x", 256), arena, &err));
	assert_int_equal(err.scope, ERROR_MAILBOX);
	assert_int_equal(err.cause, CAUSE_MAIL);
	assert_non_null(strstr(err.text, "it would be 256 bytes, 255 are possible"));
	assert_non_null(maildir_name_encode(&naming_nested, repeated("x", 255), arena, &err));
	assert_non_null(maildir_name_encode(&naming_nested, repeated("xxx/xxx", 31), arena, &err));
	assert_null(maildir_name_encode(&naming_pp, repeated("/xxxxxxx", 32) + 1, arena, &err));
	assert_null(maildir_name_encode(&naming_nested, repeated("/x", 40) + 1, arena, &err));
	assert_null(maildir_name_encode(&naming_nested, "", arena, &err));
}

/* ---- which spelling, which style ---- */

static struct place *new_place(enum maildir_layout layout, enum maildir_names names)
{
	struct place *p = arena_alloc(arena, sizeof *p);
	place_init(p);
	place_maildir(p, layout, names);
	return p;
}

/* Create ${name} in a Maildir that has ${folders} (parted by blanks) and return where it lies. */
static char *made_beside(enum maildir_layout layout, enum maildir_names names, const char *folders,
	const char *extra_file, const char *name)
{
	struct place *p = new_place(layout, names);
	char *list = arena_strdup(arena, folders), *rest = NULL;
	const char *path = p->config.maildir.path;
	for (char *f = strtok_r(list, " ", &rest); f != NULL; f = strtok_r(NULL, " ", &rest))
		tree_maildir(path, f);
	if (extra_file != NULL)
		tree_puts(path, extra_file, "");
	place_open(p);
	place_create(p, name);
	struct error err = {0};
	struct mailbox_list boxes;
	must(p->ops->mailboxes(p->session, p->arena, &boxes, &err), err);
	char *raw = NULL;
	for (size_t i = 0; i < boxes.n; i++)
		if (strcmp(boxes.at[i].name, name) == 0)
			raw = arena_strdup(arena, boxes.at[i].raw);
	place_finish(p);
	assert_non_null(raw);
	return raw;
}

static void a_new_folder_is_spelt_as_the_others_are(void **state)
{
	(void)state;
	static const char umlaut[] = "\xc3\x9c"
				     "b";
	static const struct {
		enum maildir_layout layout;
		enum maildir_names names;
		const char *folders, *file, *name, *raw;
	} row[] = {
		/* a new one is UTF-8 */
		{LAYOUT_MAILDIRPP, NAMES_AUTO, "", NULL, umlaut,
			".\xc3\x9c"
			"b"},
		{LAYOUT_MAILDIRPP, NAMES_AUTO, ". .Sent", NULL, umlaut,
			".\xc3\x9c"
			"b"},
		{LAYOUT_MAILDIRPP, NAMES_UTF7, ". .Sent", NULL, umlaut, ".&ANw-b"},
		/* Dovecot, mbsync 1.4 */
		{LAYOUT_MAILDIRPP, NAMES_AUTO, ". .Entw&APw-rfe", NULL, umlaut, ".&ANw-b"},
		{LAYOUT_MAILDIRPP, NAMES_AUTO, ". .R&-D", NULL, umlaut, ".&ANw-b"},
		{LAYOUT_MAILDIRPP, NAMES_AUTO, ". .R&D", NULL, umlaut,
			".\xc3\x9c"
			"b"},
		{LAYOUT_MAILDIRPP, NAMES_UTF8, ". .Entw&APw-rfe", NULL, umlaut,
			".\xc3\x9c"
			"b"},
		{LAYOUT_MAILDIRPP, NAMES_AUTO, ". .Sent", "dovecot-uidlist", umlaut, ".&ANw-b"},
		{LAYOUT_MAILDIRPP, NAMES_AUTO, ". .\xc3\xa4", "dovecot-uidlist", umlaut,
			".\xc3\x9c"
			"b"},
		{LAYOUT_NESTED, NAMES_AUTO, "INBOX Entw&APw-rfe", NULL, "a/\xc3\xa4", "a/&AOQ-"},
		/* what is there keeps its spelling */
		{LAYOUT_MAILDIRPP, NAMES_UTF8, ". .R&-D", NULL, "R&-D", ".R&-D"},
		{LAYOUT_MAILDIRPP, NAMES_AUTO, ". .R&-D .\xc3\xa4", NULL, "\xc3\xa4", ".\xc3\xa4"},
		/* the ways of nesting */
		{LAYOUT_NESTED, NAMES_AUTO, "INBOX A/b", NULL, "A/c", "A/c"},
		{LAYOUT_NESTED, NAMES_AUTO, "INBOX A/.b", NULL, "A/c", "A/.c"},
		{LAYOUT_NESTED, NAMES_AUTO, "INBOX A.b", NULL, "A/c", "A/c"},
		{LAYOUT_NESTED, NAMES_AUTO, "INBOX A.b", "INBOX/cur/1,U=1,FMD5=2:2,S", "A/c",
			"A.c"},
		{LAYOUT_NESTED, NAMES_AUTO, ". A", NULL, "INBOX", "."},
		{LAYOUT_NESTED, NAMES_AUTO, "A", NULL, "INBOX", "INBOX"},
		{LAYOUT_MAILDIRPP, NAMES_AUTO, ". ..Sub", NULL, "INBOX/x", "..x"},
		{LAYOUT_MAILDIRPP, NAMES_AUTO, ". .INBOX.Sub", NULL, "INBOX/x", ".INBOX.x"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		assert_string_equal(made_beside(row[i].layout, row[i].names, row[i].folders,
					    row[i].file, row[i].name),
			row[i].raw);
}

static void the_wrong_layout_is_refused(void **state)
{
	(void)state;
	static const struct {
		enum maildir_layout layout;
		const char *folders[3];
		const char *wanted;
	} row[] = {
		{LAYOUT_MAILDIRPP, {"INBOX", "Sent"}, "needs 'layout: nested'"},
		{LAYOUT_MAILDIRPP, {".", "Sent"}, "needs 'layout: nested'"},
		{LAYOUT_NESTED, {".", ".Sent"}, "is a Maildir++"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct place *p = new_place(row[i].layout, NAMES_AUTO);
		struct mailbox_list boxes;
		struct error err = {0};
		for (size_t k = 0; row[i].folders[k] != NULL; k++)
			tree_maildir(p->config.maildir.path, row[i].folders[k]);
		place_open(p);
		assert_false(p->ops->mailboxes(p->session, p->arena, &boxes, &err));
		assert_int_equal(err.scope, ERROR_STORE);
		assert_int_equal(err.cause, CAUSE_CONFIG);
		assert_non_null(strstr(err.text, row[i].wanted));
		assert_false(p->ops->create(p->session, "New", 0, false, &err));
		place_finish(p);
	}
}

static void two_folders_of_one_name_are_one_mailbox(void **state)
{
	(void)state;
	struct place *p = new_place(LAYOUT_MAILDIRPP, NAMES_AUTO);
	tree_maildir(p->config.maildir.path, ".");
	tree_maildir(p->config.maildir.path, ".\xc3\xa4");
	tree_maildir(p->config.maildir.path, ".&AOQ-");
	tree_maildir(p->config.maildir.path, ".inbox");
	tree_puts(p->config.maildir.path, ".&AOQ-/cur/1:2,", "A: b\n\n");
	place_open(p);
	assert_true(place_lists(p, "\xc3\xa4"));
	assert_int_equal(place_count(p, "\xc3\xa4"), 1);
	assert_int_equal(place_count(p, "INBOX"), 0);
	place_finish(p);
}

static void folders_of_other_programs_are_no_mailboxes(void **state)
{
	(void)state;
	struct place *p = new_place(LAYOUT_MAILDIRPP, NAMES_AUTO);
	const char *path = p->config.maildir.path;
	struct mailbox_list boxes;
	struct error err = {0};
	tree_maildir(path, ".");
	tree_maildir(path, ".Sent");
	tree_maildir(path, "..DOVECOT-TRASHED");
	tree_directory(path, ".notmuch/xapian");
	tree_directory(path, "plain");
	tree_puts(path, ".uidvalidity", "1");
	tree_puts(path, "dovecot-uidlist", "3 V1 N1\n");
	place_open(p);
	must(p->ops->mailboxes(p->session, p->arena, &boxes, &err), err);
	assert_int_equal(boxes.n, 2);
	place_finish(p);
}

/* ---- subscriptions ---- */

static bool is_subscribed(struct place *p, const char *name)
{
	struct mailbox_list boxes;
	struct error err = {0};
	must(p->ops->mailboxes(p->session, p->arena, &boxes, &err), err);
	for (size_t i = 0; i < boxes.n; i++)
		if (strcmp(boxes.at[i].name, name) == 0)
			return boxes.at[i].subscribed;
	fail_msg("'%s' is not listed", name);
	return false;
}

static void subscriptions_are_read_as_dovecot_writes_them(void **state)
{
	(void)state;
	static const char *const files[] = {
		"V\t2\n\nINBOX\nA\tb\nEntw&APw-rfe\nGone\n",
		"INBOX\nA.b\nEntw&APw-rfe\nGone",
	};
	for (size_t i = 0; i < 2; i++) {
		struct place *p = new_place(LAYOUT_MAILDIRPP, NAMES_AUTO);
		const char *path = p->config.maildir.path;
		tree_maildir(path, ".");
		tree_maildir(path, ".A.b");
		tree_maildir(path, ".C");
		tree_maildir(path, ".Entw&APw-rfe");
		tree_puts(path, "subscriptions", files[i]);
		place_open(p);
		assert_true(is_subscribed(p, "INBOX"));
		assert_true(is_subscribed(p, "A/b"));
		assert_true(is_subscribed(p, "Entw\xc3\xbcrfe"));
		assert_false(is_subscribed(p, "C"));

		/* and changed without losing what we do not know */
		struct error err = {0};
		place_create(p, "\xc3\xa4/x");
		must(p->ops->rename_mailbox(p->session, "A/b", "B/c", &err), err);
		must(p->ops->remove_mailbox(p->session, "Entw\xc3\xbcrfe", &err), err);
		char *text = tree_get(path, "subscriptions", NULL);
		assert_string_equal(text, i == 0 ? "V\t2\n\nINBOX\nB\tc\nGone\n&AOQ-\tx\n"
						 : "INBOX\nB.c\nGone\n&AOQ-.x\n");
		free(text);
		place_finish(p);
	}
}

static void without_the_file_all_mailboxes_are_subscribed(void **state)
{
	(void)state;
	struct place *p = new_place(LAYOUT_NESTED, NAMES_AUTO);
	struct error err = {0};
	const char *path = p->config.maildir.path;
	tree_maildir(path, "INBOX");
	tree_maildir(path, "A/b");
	place_open(p);
	assert_true(is_subscribed(p, "A/b"));
	must(p->ops->create(p->session, "C", 0, false, &err), err);
	assert_true(is_subscribed(p, "A/b"));
	assert_true(is_subscribed(p, "INBOX"));
	assert_false(is_subscribed(p, "C"));
	char *text = tree_get(path, "subscriptions", NULL);
	assert_string_equal(text, "V\t2\n\nA\tb\nINBOX\n");
	free(text);
	place_finish(p);
}

static void removing_a_mailbox_unsubscribes_no_other(void **state)
{
	(void)state;
	struct place *p = new_place(LAYOUT_NESTED, NAMES_AUTO);
	struct error err = {0};
	tree_maildir(p->config.maildir.path, "INBOX");
	tree_maildir(p->config.maildir.path, "A");
	place_open(p);
	must(p->ops->remove_mailbox(p->session, "A", &err), err);
	assert_true(is_subscribed(p, "INBOX"));
	place_finish(p);
}

#define with_arena(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_arena(S25_each_name_has_one_path_and_each_path_one_name),
		with_arena(any_name_is_read_back_from_its_path),
		with_arena(what_others_wrote_is_read_as_it_lies),
		with_arena(a_name_that_is_no_file_name_is_refused),
		with_arena(a_new_folder_is_spelt_as_the_others_are),
		with_arena(the_wrong_layout_is_refused),
		with_arena(two_folders_of_one_name_are_one_mailbox),
		with_arena(folders_of_other_programs_are_no_mailboxes),
		with_arena(subscriptions_are_read_as_dovecot_writes_them),
		with_arena(without_the_file_all_mailboxes_are_subscribed),
		with_arena(removing_a_mailbox_unsubscribes_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
