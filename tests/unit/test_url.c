#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"

static struct arena *arena;
static struct error err;

static int begin(void **state)
{
	(void)state;
	arena = arena_new();
	setenv("HOME", "/home/ann", 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	unsetenv("MAILTWIN_FROM_PASSWORD");
	unsetenv("MAILTWIN_FROM_PASSWORD_FILE");
	unsetenv("MAILTWIN_FROM_PASSWORD_COMMAND");
	return 0;
}

static const struct imap_config *server(const char *url)
{
	const struct store_config *store = config_url(url, "--from", arena, &err);
	if (store == NULL)
		fail_msg("%s", err.text);
	assert_string_equal(store->kind, "imap");
	return &store->imap;
}

static void the_last_at_sign_separates_user_and_host(void **state)
{
	(void)state;
	static const struct {
		const char *url, *user, *host, *name;
		uint16_t port;
		enum tls_mode tls;
	} good[] = {
		{"imaps://ann@example.org@imap.old.example", "ann@example.org", "imap.old.example",
			"ann@example.org@imap.old.example", 993, TLS_IMPLICIT},
		{"imaps://ann@example.org", "ann", "example.org", "ann@example.org", 993,
			TLS_IMPLICIT},
		{"imaps://ann%40example.org@imap.example:1993/", "ann@example.org", "imap.example",
			"ann@example.org@imap.example:1993", 1993, TLS_IMPLICIT},
		{"imap://a%3Ab%25@imap.example", "a:b%", "imap.example", "a:b%@imap.example", 143,
			TLS_STARTTLS},
		{"IMAPS://DOMAIN/ann@[2001:db8::1]:1993", "DOMAIN/ann", "2001:db8::1",
			"DOMAIN/ann@[2001:db8::1]:1993", 1993, TLS_IMPLICIT},
		{"imap://ann@localhost:1143", "ann", "localhost", "ann@localhost:1143", 1143,
			TLS_NONE},
		{"imap://ann@127.0.0.1", "ann", "127.0.0.1", "ann@127.0.0.1", 143, TLS_NONE},
		{"imap://ann@[::1]", "ann", "::1", "ann@[::1]", 143, TLS_NONE},
		{"imaps://ann@localhost", "ann", "localhost", "ann@localhost", 993, TLS_IMPLICIT},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		const struct store_config *store = config_url(good[i].url, "--from", arena, &err);
		assert_non_null(store);
		assert_string_equal(store->name, good[i].name);
		assert_string_equal(store->where, "--from");
		assert_string_equal(store->imap.user, good[i].user);
		assert_string_equal(store->imap.host, good[i].host);
		assert_int_equal(store->imap.port, good[i].port);
		assert_int_equal(store->imap.tls, good[i].tls);
	}
}

static void a_url_has_the_defaults_of_the_file(void **state)
{
	(void)state;
	const struct imap_config *imap = server("imaps://ann@imap.example");
	assert_int_equal(imap->connections, 4);
	assert_int_equal(imap->timeout, 60);
	assert_null(imap->auth);
	assert_null(imap->tunnel);
	assert_false(imap->has_pin);
}

static void local_stores_are_paths(void **state)
{
	(void)state;
	static const struct {
		const char *word, *kind, *path;
	} good[] = {
		{"maildir:/srv/mail", "maildir", "/srv/mail"},
		{"maildir:///srv/mail", "maildir", "/srv/mail"},
		{"maildir:~/Mail 100%25", "maildir", "/home/ann/Mail 100%25"},
		{"archive:/srv/work", "archive", "/srv/work"},
		{"/srv/mail/", "maildir", "/srv/mail"},
		{"~/Mail", "maildir", "/home/ann/Mail"},
		{"/srv/a:b", "maildir", "/srv/a:b"},
		{"/srv/work.mta", "archive", "/srv/work.mta"},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		const struct store_config *store = config_url(good[i].word, "--to", arena, &err);
		assert_non_null(store);
		assert_string_equal(store->kind, good[i].kind);
		assert_string_equal(store->name, good[i].path);
		if (strcmp(store->kind, "archive") == 0)
			assert_string_equal(store->archive.path, good[i].path);
		else
			assert_string_equal(store->maildir.path, good[i].path);
	}
	const struct store_config *store = config_url("work.mta", "--to", arena, &err);
	assert_string_equal(store->kind, "archive");
	assert_true(store->archive.path[0] == '/');
	assert_int_equal(store->archive.compression, 1);
	store = config_url("./Mail", "--to", arena, &err);
	assert_true(store->maildir.durable);
	assert_int_equal(store->maildir.layout, LAYOUT_MAILDIRPP);
}

static void a_word_that_is_no_store_says_why(void **state)
{
	(void)state;
	static const struct {
		const char *word, *why;
	} bad[] = {
		{"work", "--from: \"work\" is neither a URL nor a path; such as "
			 "imaps://ann@imap.example.org, or ./work"},
		{"imaps://imap.example.org",
			"--from: names no user; such as imaps://ann@imap.example.org"},
		{"imaps://@imap.example.org",
			"--from: names no user; such as imaps://ann@imap.example.org"},
		{"imaps:ann@imap.example.org",
			"--from: needs \"//\"; such as imaps://ann@imap.example.org"},
		{"imaps://ann@imap.example.org/INBOX",
			"--from: a path cannot follow the host; --mailbox names mailboxes"},
		{"imaps://ann%4@imap.example.org",
			"--from: the user holds a control character, or a \"%\" without two "
			"hexadecimal digits (a \"%\" itself is %25)"},
		{"imaps://ann%0D%0AA1@imap.example.org",
			"--from: the user holds a control character, or a \"%\" without two "
			"hexadecimal digits (a \"%\" itself is %25)"},
		{"imaps://ann%00@imap.example.org",
			"--from: the user holds a control character, or a \"%\" without two "
			"hexadecimal digits (a \"%\" itself is %25)"},
		{"imaps://ann@-oProxyCommand=x", "--from: \"-oProxyCommand=x\" is no host: a part "
						 "begins or ends with \"-\""},
		{"imaps://ann@imap.example:0",
			"--from: the port: found \"0\"; possible is a number from 1 to 65535"},
		{"maildirs:/srv",
			"--from: unknown kind of URL \"maildirs:\"; did you mean \"maildir:\"?"},
		{"https://example.org",
			"--from: unknown kind of URL \"https:\"; possible: "
			"imaps://USER@HOST, imap://USER@HOST, maildir:PATH, archive:FILE"},
		{"maildir:", "--from: the path is empty, or holds a control character"},
		{"maildir:a\nb", "--from: the path is empty, or holds a control character"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_null(config_url(bad[i].word, "--from", arena, &err));
		assert_error(err, ERROR_STORE, bad[i].why);
		assert_int_equal(err.cause, CAUSE_CONFIG);
	}
}

static void a_password_in_a_url_is_refused_and_not_repeated(void **state)
{
	(void)state;
	static const char *const urls[] = {"imaps://ann:hunter2@imap.example",
		"imaps://ann:hunter2@imap.example:0", "imaps://ann:hunter2",
		"imaps://ann:hunter@2@-x", "imap://ann@example.org:hunter2@imap.example"};
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		assert_null(config_url(urls[i], "--from", arena, &err));
		assert_null(strstr(err.text, "hunter"));
	}
	config_url(urls[0], "--from", arena, &err);
	assert_error(err, ERROR_STORE,
		"--from: a password cannot stand in a URL, where every user of this machine can "
		"read it (a \":\" in a user's name is %3A)");
}

static void the_environment_says_where_the_password_is(void **state)
{
	(void)state;
	const struct secret *password = &server("imaps://ann@imap.example")->password;
	assert_int_equal(password->source, SECRET_PROMPT);
	assert_string_equal(password->value, "MAILTWIN_FROM_PASSWORD");
	assert_string_equal(password->where, "--from");

	setenv("MAILTWIN_FROM_PASSWORD_COMMAND", "pass show work", 1);
	password = &server("imaps://ann@imap.example")->password;
	assert_int_equal(password->source, SECRET_COMMAND);
	assert_string_equal(password->value, "pass show work");
	assert_null(password->argv);

	setenv("MAILTWIN_FROM_PASSWORD_FILE", "/run/secret", 1);
	password = &server("imaps://ann@imap.example")->password;
	assert_int_equal(password->source, SECRET_FILE);
	assert_string_equal(password->value, "/run/secret");

	setenv("MAILTWIN_FROM_PASSWORD", "hunter2", 1);
	password = &server("imaps://ann@imap.example")->password;
	assert_int_equal(password->source, SECRET_ENV);
	assert_string_equal(password->value, "MAILTWIN_FROM_PASSWORD");

	/* the other side has its own */
	const struct store_config *to = config_url("imaps://ann@imap.example", "--to", arena, &err);
	assert_int_equal(to->imap.password.source, SECRET_PROMPT);
	assert_string_equal(to->imap.password.value, "MAILTWIN_TO_PASSWORD");
}

static void two_urls_make_a_pair(void **state)
{
	(void)state;
	const struct store_config *from =
		config_url("imaps://ann@old.example", "--from", arena, &err);
	const struct store_config *to = config_url("maildir:/srv/mail", "--to", arena, &err);
	struct pair_config *pair = config_pair(from, to, arena);
	assert_string_equal(pair->name, "ann@old.example to /srv/mail");
	assert_ptr_equal(pair->store[LEFT], from);
	assert_ptr_equal(pair->store[RIGHT], to);
	assert_int_equal(pair->mode, MODE_COPY);
	assert_int_equal(pair->mailboxes->n, 1);
	assert_string_equal(pair->mailboxes->at[0], "**");
	assert_true(pair->special_use && pair->flags && pair->create[LEFT] && pair->create[RIGHT]);
	assert_false(pair->expunge || pair->propagate || pair->propagate_mailboxes);
	assert_null(pair->trash);
	assert_int_equal(pair->max_deletions.kind, LIMIT_SHARE);
	assert_int_equal(pair->max_deletions.value, 25);
	assert_int_equal(pair->messages.newer_than, 0);
}

static void the_same_place_is_known_under_two_names(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{"imaps://ann@imap.example", "imaps://ann@IMAP.example:993/", true},
		{"imaps://ann@imap.example", "imaps://bob@imap.example", false},
		{"imaps://ann@imap.example", "imaps://ann@imap.example:1993", false},
		{"maildir:~/Mail", "/home/ann/./Mail/", true},
		{"maildir:~/Mail", "archive:~/Mail", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(config_same_place(config_url(cases[i].a, "--from", arena, &err),
					 config_url(cases[i].b, "--to", arena, &err)),
			cases[i].same);
}

static void a_mode_brings_its_defaults(void **state)
{
	(void)state;
	const struct store_config *from =
		config_url("imaps://ann@old.example", "--from", arena, &err);
	const struct store_config *to = config_url("maildir:/srv/mail", "--to", arena, &err);
	struct pair_config *pair = config_pair(from, to, arena);
	static const struct {
		const char *word;
		enum mode mode;
		bool propagate;
	} modes[] = {{"mirror", MODE_MIRROR, true}, {"copy", MODE_COPY, false},
		{"between", MODE_BETWEEN, true}, {"move", MODE_MOVE, false}};
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		assert_true(config_set_mode(pair, modes[i].word, &err));
		assert_int_equal(pair->mode, modes[i].mode);
		assert_int_equal(pair->propagate, modes[i].propagate);
	}
	assert_false(config_set_mode(pair, "miror", &err));
	assert_error(err, ERROR_STORE, "--mode: unknown mode \"miror\"; did you mean \"mirror\"?");
	assert_false(config_set_mode(pair, "sync", &err));
	assert_error(err, ERROR_STORE,
		"--mode: unknown mode \"sync\"; possible: between, copy, mirror, move");
	assert_int_equal(pair->mode, MODE_MOVE);
}

static void a_mode_never_undoes_a_keep(void **state)
{
	(void)state;
	const struct store_config *from =
		config_url("imaps://ann@old.example", "--from", arena, &err);
	const struct store_config *to = config_url("maildir:/srv/mail", "--to", arena, &err);
	struct pair_config *pair = config_pair(from, to, arena);
	pair->deletions_given = true;
	assert_true(config_set_mode(pair, "mirror", &err));
	assert_false(pair->propagate);
}

static void an_archive_cannot_be_two_way_nor_lose_mail(void **state)
{
	(void)state;
	const struct store_config *mail = config_url("maildir:/srv/mail", "--from", arena, &err);
	const struct store_config *vault = config_url("archive:/srv/v.mta", "--to", arena, &err);
	struct pair_config *into = config_pair(mail, vault, arena);
	assert_true(config_set_mode(into, "move", &err));
	assert_true(config_set_mode(into, "mirror", &err));
	assert_false(config_set_mode(into, "between", &err));
	assert_error(err, ERROR_STORE,
		"--mode between: an archive cannot be kept two-way; use \"from\" and \"to\"");
	struct pair_config *out_of = config_pair(vault, mail, arena);
	assert_true(config_set_mode(out_of, "copy", &err));
	assert_false(config_set_mode(out_of, "move", &err));
	assert_error(err, ERROR_STORE,
		"--mode move: an archive loses nothing, so \"move\" cannot take from it");
}

static void a_limit_on_the_command_line_counts(void **state)
{
	(void)state;
	struct pair_config pair = {.max_deletions = {LIMIT_SHARE, 25}};
	assert_true(config_set_limit(&pair, "312", &err));
	assert_int_equal(pair.max_deletions.kind, LIMIT_COUNT);
	assert_int_equal(pair.max_deletions.value, 312);
	assert_false(config_set_limit(&pair, "many", &err));
	assert_error(err, ERROR_STORE,
		"--max-deletions: found \"many\"; possible is a share such as 25%, a number of "
		"messages, or any");
	assert_int_equal(pair.max_deletions.value, 312);
}

#define in_arena(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_arena(the_last_at_sign_separates_user_and_host),
		in_arena(a_url_has_the_defaults_of_the_file),
		in_arena(local_stores_are_paths),
		in_arena(a_word_that_is_no_store_says_why),
		in_arena(a_password_in_a_url_is_refused_and_not_repeated),
		in_arena(the_environment_says_where_the_password_is),
		in_arena(two_urls_make_a_pair),
		in_arena(the_same_place_is_known_under_two_names),
		in_arena(a_mode_brings_its_defaults),
		in_arena(a_mode_never_undoes_a_keep),
		in_arena(an_archive_cannot_be_two_way_nor_lose_mail),
		in_arena(a_limit_on_the_command_line_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
