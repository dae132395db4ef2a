#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/host.h"
#include "config/path.h"
#include "config/value.h"

static struct error err;

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void durations_have_a_unit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {{"60s", 60}, {"2m", 120}, {"26h", 93600}, {"90d", 7776000}, {"4w", 2419200},
		{"2y", 63072000}, {"0s", 0}, {"100y", 3153600000}};
	static const char *const bad[] = {"", "60", "s", "d90", "-1d", "+1d", " 1d", "1 d", "1d ",
		"1mo", "1D", "0x10s", "101y", "99999999999999999999s", "18446744073709551615y"};
	for (size_t i = 0; i < COUNT(good); i++) {
		int64_t seconds = -1;
		assert_true(value_seconds(good[i].text, &seconds, &err));
		assert_int_equal(seconds, good[i].seconds);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		int64_t seconds;
		assert_false(value_seconds(bad[i], &seconds, &err));
		assert_int_equal(err.cause, CAUSE_CONFIG);
	}
	int64_t seconds;
	assert_false(value_seconds("60", &seconds, &err));
	assert_error(err, ERROR_STORE,
		"found \"60\"; possible is a number with s, m, h, d, w or y, such as 60s or 90d");
}

static void sizes_are_octets_or_have_a_letter(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t octets;
	} good[] = {{"1", 1}, {"500", 500}, {"2K", 2048}, {"2k", 2048}, {"25M", 26214400},
		{"3G", 3221225472}};
	static const char *const bad[] = {
		"", "0", "M", "25MB", "1.5M", "-1", "25 M", "9223372036854775808", "99999999999G"};
	for (size_t i = 0; i < COUNT(good); i++) {
		uint64_t octets = 0;
		assert_true(value_octets(good[i].text, &octets, &err));
		assert_int_equal(octets, good[i].octets);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint64_t octets;
		assert_false(value_octets(bad[i], &octets, &err));
	}
}

static void a_limit_is_a_share_or_a_count_or_any(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		struct deletion_limit limit;
	} good[] = {{"25%", {LIMIT_SHARE, 25}}, {"0%", {LIMIT_SHARE, 0}},
		{"100%", {LIMIT_SHARE, 100}}, {"312", {LIMIT_COUNT, 312}}, {"0", {LIMIT_COUNT, 0}},
		{"any", {LIMIT_ANY, 0}}};
	static const char *const bad[] = {
		"", "%", "101%", "25 %", "-1", "all", "1.5%", "25%%", "4294967296"};
	for (size_t i = 0; i < COUNT(good); i++) {
		struct deletion_limit limit;
		assert_true(value_limit(good[i].text, &limit, &err));
		assert_int_equal(limit.kind, good[i].limit.kind);
		assert_int_equal(limit.value, good[i].limit.value);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct deletion_limit limit;
		assert_false(value_limit(bad[i], &limit, &err));
	}
}

static void hosts_follow_their_grammar(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	static const struct {
		const char *text, *host;
		uint16_t port; /* 7: none was given */
	} good[] = {{"imap.example.org", "imap.example.org", 7},
		{"localhost:1143", "localhost", 1143}, {"127.0.0.1", "127.0.0.1", 7},
		{"a_b.example:65535", "a_b.example", 65535}, {"[::1]", "::1", 7},
		{"[2001:db8::1]:993", "2001:db8::1", 993}, {"x:1", "x", 1}};
	for (size_t i = 0; i < COUNT(good); i++) {
		const char *host = NULL;
		uint16_t port = 7;
		assert_true(host_parse(good[i].text, arena, &host, &port, &err));
		assert_string_equal(host, good[i].host);
		assert_int_equal(port, good[i].port);
	}
	arena_free(arena);
}

static void what_is_no_host_says_why(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"", "\"\" is no host: a part between dots is empty"},
		{"-oProxyCommand=x",
			"\"-oProxyCommand=x\" is no host: a part begins or ends with \"-\""},
		{"a..b", "\"a..b\" is no host: a part between dots is empty"},
		{"a.b-", "\"a.b-\" is no host: a part begins or ends with \"-\""},
		{"a b", "\"a b\" is no host: letters, digits, \"-\" and \".\" are possible; other "
			"scripts as xn--..."},
		{"a\r\nb", "\"a\\x0D\\x0Ab\" is no host: letters, digits, \"-\" and \".\" are "
			   "possible; "
			   "other scripts as xn--..."},
		{"b\xc3\xbc"
		 "cher.example",
			"\"b\xc3\xbc"
			"cher.example\" is no host: letters, digits, "
			"\"-\" and \".\" are possible; other scripts as xn--..."},
		{"a:0", "the port: found \"0\"; possible is a number from 1 to 65535"},
		{"a:65536", "the port: found \"65536\"; possible is a number from 1 to 65535"},
		{"a:", "the port: found \"\"; possible is a number from 1 to 65535"},
		{"a:99999999999999999999", "the port: found \"99999999999999999999\"; possible is "
					   "a number from 1 to 65535"},
		{"::1", "\"::1\" is no host: an IPv6 address stands in brackets, [::1]:993"},
		{"[::1", "\"[::1\" is no host: the \"]\" is missing"},
		{"[a.b]", "\"[a.b]\" is no host: no IPv6 address stands in the brackets"},
		{"[::1]993", "\"[::1]993\" is no host: only \":PORT\" can follow the brackets"},
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *host;
		uint16_t port;
		assert_false(host_parse(bad[i].text, arena, &host, &port, &err));
		assert_error(err, ERROR_STORE, bad[i].why);
		assert_int_equal(err.cause, CAUSE_CONFIG);
	}
	arena_free(arena);
}

static void a_label_has_63_characters_at_most(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	char name[400];
	const char *host;
	uint16_t port;
	memset(name, 'a', sizeof name);
	name[63] = '\0';
	assert_true(host_parse(name, arena, &host, &port, &err));
	name[63] = 'a';
	name[64] = '\0';
	assert_false(host_parse(name, arena, &host, &port, &err));
	memset(name, 'a', sizeof name);
	for (size_t i = 50; i < sizeof name; i += 50)
		name[i] = '.';
	name[253] = '\0';
	assert_true(host_parse(name, arena, &host, &port, &err));
	name[253] = 'a';
	name[254] = '\0';
	assert_false(host_parse(name, arena, &host, &port, &err));
	name[254] = 'a';
	name[300] = '\0';
	assert_false(host_parse(name, arena, &host, &port, &err));
	arena_free(arena);
}

static void only_this_machine_is_loopback(void **state)
{
	(void)state;
	static const char *const here[] = {
		"localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1"};
	static const char *const there[] = {"localhost.example.org", "128.0.0.1", "127.example.org",
		"::2", "::ffff:10.0.0.1", "imap.example.org"};
	for (size_t i = 0; i < COUNT(here); i++)
		assert_true(host_is_loopback(here[i]));
	for (size_t i = 0; i < COUNT(there); i++)
		assert_false(host_is_loopback(there[i]));
}

static void paths_become_absolute(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	setenv("HOME", "/home/ann", 1);
	static const struct {
		const char *text, *path;
	} good[] = {{"/a//b/./c/", "/a/b/c"}, {"/", "/"}, {"~", "/home/ann"},
		{"~/Mail", "/home/ann/Mail"}, {"Mail", "/etc/mailtwin/Mail"},
		{"./a:b", "/etc/mailtwin/a:b"}, {"../x", "/etc/mailtwin/../x"},
		{".", "/etc/mailtwin"}, {"/a/...", "/a/..."}};
	for (size_t i = 0; i < COUNT(good); i++)
		assert_string_equal(
			path_absolute(good[i].text, "/etc/mailtwin", arena, &err), good[i].path);
	assert_null(path_absolute("~ann/Mail", "/", arena, &err));
	assert_error(err, ERROR_STORE,
		"only \"~/\" is known, for your own home folder; write out '~ann/Mail'");
	setenv("HOME", "relative", 1);
	assert_true(path_home(arena) == NULL || path_home(arena)[0] == '/');
	assert_string_equal(path_folder("/etc/mailtwin/config.yml", arena), "/etc/mailtwin");
	assert_string_equal(path_folder("/config.yml", arena), "/");
	assert_string_equal(path_folder("config.yml", arena), path_working(arena));
	arena_free(arena);
}

static void the_default_path_follows_the_environment(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	setenv("HOME", "/home/ann", 1);
	unsetenv("XDG_CONFIG_HOME");
	assert_string_equal(config_default_path(arena), "/home/ann/.config/mailtwin/config.yml");
	setenv("XDG_CONFIG_HOME", "/x", 1);
	assert_string_equal(config_default_path(arena), "/x/mailtwin/config.yml");
	setenv("XDG_CONFIG_HOME", "relative", 1); /* not valid, says the XDG specification */
	assert_string_equal(config_default_path(arena), "/home/ann/.config/mailtwin/config.yml");
	arena_free(arena);
}

static void a_slip_of_the_keys_is_understood(void **state)
{
	(void)state;
	static const char *const names[] = {"imap", "user", "password", "tls", "timeout",
		"connections", "client_cert", "client_key", "mailboxes", "mailbox_deletions",
		"from", "to", NULL};
	static const struct {
		const char *typed, *meant;
	} slips[] = {{"pasword", "password"}, {"passwrod", "password"}, {"passwords", "password"},
		{"passwd", "password"}, {"pass", "password"}, {"Password", "password"},
		{"usr", "user"}, {"tsl", "tls"}, {"conections", "connections"},
		{"conn", "connections"}, {"client-key", "client_key"}, {"mailbox", "mailboxes"},
		{"form", "from"}, {"tto", "to"}};
	static const char *const others[] = {"", "x", "of", "layout", "host", "client",
		"password_file",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	for (size_t i = 0; i < COUNT(slips); i++)
		assert_string_equal(config_nearest(slips[i].typed, names), slips[i].meant);
	for (size_t i = 0; i < COUNT(others); i++)
		assert_null(config_nearest(others[i], names));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_a_unit),
		cmocka_unit_test(sizes_are_octets_or_have_a_letter),
		cmocka_unit_test(a_limit_is_a_share_or_a_count_or_any),
		cmocka_unit_test(hosts_follow_their_grammar),
		cmocka_unit_test(what_is_no_host_says_why),
		cmocka_unit_test(a_label_has_63_characters_at_most),
		cmocka_unit_test(only_this_machine_is_loopback),
		cmocka_unit_test(paths_become_absolute),
		cmocka_unit_test(the_default_path_follows_the_environment),
		cmocka_unit_test(a_slip_of_the_keys_is_understood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
