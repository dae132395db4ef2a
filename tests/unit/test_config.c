#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

static struct arena *arena;
static struct buffer told;

static int begin(void **state)
{
	(void)state;
	arena = arena_new();
	buffer_init(&told, 65536);
	setenv("HOME", "/home/ann", 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	buffer_finish(&told);
	return 0;
}

static const struct config *parse(const char *text)
{
	const struct config *config =
		config_parse("/etc/mailtwin/c.yml", text, strlen(text), arena, &told);
	if (config == NULL)
		fail_msg("%s", told.data);
	return config;
}

static const char *mistakes_of(const char *text)
{
	told.len = 0;
	assert_null(config_parse("c.yml", text, strlen(text), arena, &told));
	return told.data;
}

static void assert_list(const char *const *list, const char *const *wanted)
{
	for (; *wanted != NULL; list++, wanted++)
		assert_string_equal(*list, *wanted);
	assert_null(*list);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct config *every_key(void)
{
	char path[1024];
	const char *srcdir = getenv("srcdir");
	snprintf(path, sizeof path, "%s/tests/config/every-key.yml", srcdir == NULL ? "." : srcdir);
	const struct config *config = config_read(path, arena, &told);
	if (config == NULL)
		fail_msg("%s", told.data);
	return config;
}

static void every_key_of_an_imap_store_arrives(void **state)
{
	(void)state;
	const struct store_config *store = config_find_store(every_key(), "work");
	assert_string_equal(store->kind, "imap");
	assert_non_null(strstr(store->where, "every-key.yml:3:3"));
	const struct imap_config *imap = &store->imap;
	assert_string_equal(imap->host, "imap.example.org");
	assert_int_equal(imap->port, 1993);
	assert_string_equal(imap->user, "ann@example.org");
	assert_string_equal(imap->master, "admin");
	assert_int_equal(imap->password.source, SECRET_COMMAND);
	assert_string_equal(imap->password.value, "pass show mail/work");
	assert_non_null(strstr(imap->password.where, "every-key.yml:6:15"));
	assert_int_equal(imap->token.source, SECRET_COMMAND);
	assert_null(imap->token.value);
	assert_list(imap->token.argv, LIST("oauth2-token", "work"));
	assert_int_equal(imap->tls, TLS_STARTTLS);
	assert_list(imap->auth, LIST("SCRAM-SHA-256", "PLAIN"));
	assert_true(imap->has_pin);
	for (uint8_t i = 0; i < 32; i++)
		assert_int_equal(imap->pin[i], i);
	assert_string_equal(imap->client_cert, "/home/ann/cert.pem");
	assert_string_equal(imap->client_key, "/home/ann/key.pem");
	assert_int_equal(imap->connections, 8);
	assert_int_equal(imap->timeout, 120);
	assert_list(imap->disable, LIST("QRESYNC", "LITERAL+"));
	assert_null(imap->tunnel);
	/* relative paths start where the file is */
	assert_true(imap->ca_file[0] == '/');
	assert_non_null(strstr(imap->ca_file, "/tests/config/ca.pem"));
}

static void every_key_of_a_local_store_arrives(void **state)
{
	(void)state;
	const struct config *config = every_key();
	const struct maildir_config *maildir = &config_find_store(config, "laptop")->maildir;
	assert_string_equal(maildir->path, "/home/ann/Mail/work");
	assert_int_equal(maildir->layout, LAYOUT_NESTED);
	assert_int_equal(maildir->names, NAMES_UTF7);
	assert_false(maildir->durable);
	const struct store_config *vault = config_find_store(config, "vault");
	assert_string_equal(vault->kind, "archive");
	assert_non_null(strstr(vault->archive.path, "/tests/config/work.mta"));
	assert_int_equal(vault->archive.compression, 9);
}

static void every_key_of_a_pair_arrives(void **state)
{
	(void)state;
	const struct config *config = every_key();
	const struct pair_config *pair = config_find_pair(config, "work");
	assert_non_null(strstr(pair->where, "every-key.yml:36:3"));
	assert_ptr_equal(pair->store[LEFT], config_find_store(config, "work"));
	assert_ptr_equal(pair->store[RIGHT], config_find_store(config, "laptop"));
	assert_int_equal(pair->mode, MODE_BETWEEN);
	assert_int_equal(pair->mailboxes->n, 3);
	assert_string_equal(pair->mailboxes->at[1], "!Junk");
	assert_int_equal(pair->renames, 2);
	assert_string_equal(pair->rename[0].from, "Old/**");
	assert_string_equal(pair->rename[1].to, "Sent Items");
	assert_false(pair->special_use);
	assert_int_equal(pair->messages.newer_than, 90 * 86400);
	assert_int_equal(pair->messages.older_than, 14 * 86400);
	assert_int_equal(pair->messages.max_size, 25 * 1024 * 1024);
	assert_string_equal(search_text(pair->messages.search), "UNFLAGGED");
	assert_false(pair->flags);
	assert_true(pair->expunge);
	assert_false(pair->propagate);
	assert_true(pair->deletions_given);
	assert_string_equal(pair->trash, "Trash");
	assert_false(pair->create[LEFT]);
	assert_true(pair->create[RIGHT]);
	assert_true(pair->propagate_mailboxes);
	assert_int_equal(pair->max_deletions.kind, LIMIT_COUNT);
	assert_int_equal(pair->max_deletions.value, 300);
}

static void a_store_may_be_a_url_in_the_file_too(void **state)
{
	(void)state;
	const struct pair_config *pair = config_find_pair(every_key(), "away");
	assert_string_equal(pair->store[LEFT]->kind, "maildir");
	assert_non_null(strstr(pair->store[LEFT]->maildir.path, "/tests/config/Mail"));
	assert_non_null(strstr(pair->store[LEFT]->where, "every-key.yml:"));
	assert_string_equal(pair->store[RIGHT]->maildir.path, "/srv/mail");
}

static void what_is_not_said_has_its_default(void **state)
{
	(void)state;
	const struct config *config = parse("stores:\n"
					    "  work: {imap: h, user: u, password: x}\n"
					    "  laptop: {maildir: Mail}\n"
					    "  vault: {archive: /a}\n"
					    "pairs:\n"
					    "  p: {between: [work, laptop]}\n");
	const struct imap_config *imap = &config->stores[0].imap;
	assert_int_equal(imap->port, 993);
	assert_int_equal(imap->tls, TLS_IMPLICIT);
	assert_int_equal(imap->connections, 4);
	assert_int_equal(imap->timeout, 60);
	assert_null(imap->master);
	assert_null(imap->auth);
	assert_null(imap->disable);
	assert_null(imap->tunnel);
	assert_null(imap->ca_file);
	assert_null(imap->client_cert);
	assert_int_equal(imap->token.source, SECRET_NONE);
	assert_false(imap->has_pin);
	const struct maildir_config *maildir = &config->stores[1].maildir;
	assert_string_equal(maildir->path, "/etc/mailtwin/Mail");
	assert_int_equal(maildir->layout, LAYOUT_MAILDIRPP);
	assert_int_equal(maildir->names, NAMES_AUTO);
	assert_true(maildir->durable);
	assert_int_equal(config->stores[2].archive.compression, 1);
	const struct pair_config *pair = &config->pairs[0];
	assert_int_equal(pair->mailboxes->n, 1);
	assert_string_equal(pair->mailboxes->at[0], "**");
	assert_int_equal(pair->renames, 0);
	assert_true(pair->special_use && pair->flags && pair->create[LEFT] && pair->create[RIGHT]);
	assert_false(pair->expunge || pair->propagate_mailboxes || pair->deletions_given);
	assert_null(pair->trash);
	assert_null(pair->messages.search);
	assert_int_equal(pair->max_deletions.kind, LIMIT_SHARE);
	assert_int_equal(pair->max_deletions.value, 25);
}

static void the_port_follows_tls(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint16_t port;
		enum tls_mode tls;
	} cases[] = {
		{"stores: {s: {imap: h, user: u, password: x, tls: implicit}}", 993, TLS_IMPLICIT},
		{"stores: {s: {imap: h, user: u, password: x, tls: starttls}}", 143, TLS_STARTTLS},
		{"stores: {s: {imap: h, user: u, password: x, tls: none}}", 143, TLS_NONE},
		{"stores: {s: {imap: \"[::1]:7\", user: u, password: x, tls: none}}", 7, TLS_NONE},
		{"stores: {s: {tunnel: [a], imap: h}}", 143, TLS_NONE},
		{"stores: {s: {tunnel: [a], imap: h, tls: implicit}}", 993, TLS_IMPLICIT},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct imap_config *imap = &parse(cases[i].text)->stores[0].imap;
		assert_int_equal(imap->port, cases[i].port);
		assert_int_equal(imap->tls, cases[i].tls);
	}
}

static void deletions_follow_the_mode(void **state)
{
	(void)state;
	static const struct {
		const char *keys;
		bool propagate;
	} cases[] = {{"between: [a, b]", true}, {"from: a, to: b", false},
		{"from: a, to: b, mode: copy", false}, {"from: a, to: b, mode: mirror", true},
		{"from: a, to: b, mode: move", false}, {"between: [a, b], deletions: keep", false},
		{"from: a, to: b, mode: mirror, deletions: keep", false},
		{"from: a, to: b, mode: move, deletions: keep", false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *text = arena_printf(arena,
			"stores: {a: {maildir: /a}, b: {maildir: /b}}\npairs: {p: {%s}}\n",
			cases[i].keys);
		assert_int_equal(parse(text)->pairs[0].propagate, cases[i].propagate);
	}
}

static void stores_may_be_unused_and_pairs_missing(void **state)
{
	(void)state;
	assert_int_equal(parse("stores: {a: {maildir: /a}}")->n_pairs, 0);
	assert_int_equal(parse("stores: {a: {maildir: /a}}\npairs:\n")->n_pairs, 0);
	assert_int_equal(parse("pairs: {p: {from: /a, to: /b}}\nstores:\n")->n_stores, 0);
	assert_null(config_find_store(parse("stores: {}"), "a"));
	assert_null(config_find_pair(parse("stores: {}"), "a"));
}

static void the_message_is_the_one_of_the_manual(void **state)
{
	(void)state;
	told.len = 0;
	static const char text[] =
		"stores:                               # the places where mail is\n"
		"  laptop:\n"
		"    maildir: ~/Mail/work\n"
		"  work:\n"
		"    imap: imap.example.org\n"
		"    user: ann@example.org\n"
		"    pasword: {command: pass show mail/work}\n";
	assert_null(config_parse("config.yml", text, strlen(text), arena, &told));
	assert_string_equal(told.data, "config.yml:7:5: stores.work: unknown key \"pasword\"; did "
				       "you mean \"password\"?\n");
}

static void a_wrong_search_is_told_in_its_own_words(void **state)
{
	(void)state;
	struct error err;
	assert_null(search_parse("UNFLAGED", arena, &err));
	assert_string_equal(
		mistakes_of("stores:\n"
			    "pairs: {p: {from: /a, to: /b, messages: {search: UNFLAGED}}}\n"),
		arena_printf(arena, "c.yml:2:50: pairs.p.messages.search: %s\n", err.text));
}

/* ---- files ---- */

static char place[] = "/tmp/mailtwin-config-XXXXXX";

static int begin_place(void **state)
{
	memcpy(place + sizeof place - 7, "XXXXXX", 6);
	return mkdtemp(place) != NULL && chdir(place) == 0 ? begin(state) : -1;
}

static int end_place(void **state)
{
	end(state);
	unlink("c.yml");
	return chdir("/") == 0 ? rmdir(place) : -1;
}

static const struct config *read_file(const char *text, mode_t mode)
{
	unlink("c.yml");
	FILE *f = fopen("c.yml", "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod("c.yml", mode);
	told.len = 0;
	return config_read("c.yml", arena, &told);
}

static void a_password_that_others_can_read_is_refused(void **state)
{
	(void)state;
	static const char literal[] = "stores:\n"
				      "  a: {imap: h, user: u, password: hunter2}\n"
				      "  b: {imap: h, user: u, oauth2: {token: hunter3}}\n";
	static const mode_t bad[] = {0644, 0640, 0604};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_null(read_file(literal, bad[i]));
		assert_string_equal(told.data, arena_printf(arena,
						       "c.yml:2:35: stores.a.password: stands here "
						       "for others to read (the "
						       "file's mode is %04o): chmod 600 'c.yml'\n",
						       (unsigned)bad[i]));
	}
	assert_non_null(read_file(literal, 0600));
	assert_non_null(read_file(literal, 0400));
	assert_null(read_file("stores: {b: {imap: h, user: u, oauth2: {token: x}}}", 0644));
	assert_non_null(read_file("stores: {a: {imap: h, user: u, password: {env: X}}}", 0644));
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
	(void)state;
	assert_null(config_read("c.yml", arena, &told));
	assert_string_equal(told.data, "c.yml: cannot be opened: No such file or directory\n");
	told.len = 0;
	assert_null(config_read(place, arena, &told));
	assert_string_equal(
		told.data, arena_printf(arena, "%s: cannot be read: Is a directory\n", place));
}

static void a_file_of_a_hundred_megabytes_is_not_read(void **state)
{
	(void)state;
	read_file("stores: {}\n#", 0600);
	assert_int_equal(truncate("c.yml", 100L << 20), 0);
	told.len = 0;
	assert_null(config_read("c.yml", arena, &told));
	assert_string_equal(told.data, "c.yml: larger than 1024 KiB, so no configuration\n");
	assert_true(arena_used(arena) < 1 << 20);
}

static void a_file_full_of_mistakes_ends_soon(void **state)
{
	(void)state;
	struct buffer text;
	buffer_init(&text, 1 << 20);
	buffer_puts(&text, "stores:\n  a:\n    maildir: /a\n");
	for (int i = 0; i < 20000; i++)
		buffer_printf(&text, "    some_unknown_key_%d: x\n", i);
	assert_null(config_parse("c.yml", text.data, text.len, arena, &told));
	assert_non_null(strstr(told.data, "c.yml: and 19500 more mistakes\n"));
	assert_true(arena_used(arena) < 64 << 20);
	buffer_finish(&text);
}

/* Whatever bytes a file holds, reading it ends in a configuration or in mistakes, never in both. */
static void a_damaged_file_is_told_never_trusted(void **state)
{
	(void)state;
	static const char good[] =
		"stores:\n"
		"  a: {imap: h, user: u, password: {command: [x, y]}}\n"
		"  b: {maildir: /b}\n"
		"pairs:\n"
		"  p: {between: [a, b], mailboxes: [\"**\"], rename: [{from: x, to: y}]}\n";
	static const char odd[] = "\0\t\n\"'*&!%@`{}[]:,#-? \x7f\xc3\xff|>";
	char text[sizeof good];
	for (size_t at = 0; at < sizeof good - 1; at++) {
		for (size_t i = 0; i < sizeof odd; i++) {
			memcpy(text, good, sizeof good);
			text[at] = odd[i];
			size_t len = i + 1 < sizeof odd ? sizeof good - 1 : at; /* last: cut here */
			told.len = 0;
			bool ok = config_parse("c.yml", text, len, arena, &told) != NULL;
			assert_int_equal(ok, told.len == 0);
			if (!ok)
				assert_memory_equal(told.data, "c.yml:", 6);
		}
		arena_reset(arena);
	}
	assert_non_null(mistakes_of(""));
}

#define in_arena(f) cmocka_unit_test_setup_teardown(f, begin, end)
#define in_place(f) cmocka_unit_test_setup_teardown(f, begin_place, end_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_arena(every_key_of_an_imap_store_arrives),
		in_arena(every_key_of_a_local_store_arrives),
		in_arena(every_key_of_a_pair_arrives),
		in_arena(a_store_may_be_a_url_in_the_file_too),
		in_arena(what_is_not_said_has_its_default),
		in_arena(the_port_follows_tls),
		in_arena(deletions_follow_the_mode),
		in_arena(stores_may_be_unused_and_pairs_missing),
		in_arena(the_message_is_the_one_of_the_manual),
		in_arena(a_wrong_search_is_told_in_its_own_words),
		in_place(a_password_that_others_can_read_is_refused),
		in_place(a_file_that_cannot_be_read_says_why),
		in_place(a_file_of_a_hundred_megabytes_is_not_read),
		in_arena(a_file_full_of_mistakes_ends_soon),
		in_arena(a_damaged_file_is_told_never_trusted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
