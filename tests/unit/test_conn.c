#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"
#include "net/conn.h"
#include "net/dial.h"
#include "net/layers.h"
#include "script.h"

static const struct conn_limits brisk = {.connect = 5, .handshake = 5, .idle = 5};
static const struct conn_limits hasty = {.connect = 1, .handshake = 1, .idle = 1};

static struct conn *dial(struct script *script, const struct conn_limits *limits)
{
	struct error err = {0};
	struct conn *conn = conn_dial("127.0.0.1", script_port(script), limits, &err);
	assert_string_equal(err.text, "");
	assert_non_null(conn);
	return conn;
}

static void finish(struct conn *conn, struct script *script)
{
	conn_close(conn);
	char *failure = script_finish(script);
	if (failure != NULL)
		fail_msg("%s", failure);
}

/* Read until ${n} octets were seen, dropping them; the sum of the longest that waited. */
static size_t drop(struct conn *conn, size_t n)
{
	size_t most = 0;
	struct error err = {0};
	while (n > 0) {
		const uint8_t *data;
		size_t got;
		conn_peek(conn, &data, &got);
		if (got == 0 && !conn_fill(conn, &err))
			fail_msg("%s", err.text);
		conn_peek(conn, &data, &got);
		most = got > most ? got : most;
		got = got < n ? got : n;
		conn_consume(conn, got);
		n -= got;
	}
	return most;
}

static void assert_heard(struct conn *conn, const char *text)
{
	struct error err = {0};
	const uint8_t *data;
	size_t n = 0;
	for (conn_peek(conn, &data, &n); n < strlen(text); conn_peek(conn, &data, &n))
		if (!conn_fill(conn, &err))
			fail_msg("%s", err.text);
	assert_memory_equal(data, text, strlen(text));
	conn_consume(conn, strlen(text));
}

static void say(struct conn *conn, const char *text)
{
	struct error err = {0};
	if (!conn_write(conn, text, strlen(text), &err) || !conn_flush(conn, &err))
		fail_msg("%s", err.text);
}

static void words_go_there_and_back_and_octets_are_counted(void **state)
{
	(void)state;
	struct script *script = script_start("S: hello\nC: one\nS: two\nS: three\nend\n", NULL);
	struct conn *conn = dial(script, &brisk);
	assert_true(conn_is_local(conn));
	assert_heard(conn, "hello\r\n");
	say(conn, "one\r\n");
	assert_heard(conn, "two\r\nthree\r\n");
	assert_int_equal(conn_bytes_out(conn), 5);
	assert_int_equal(conn_bytes_in(conn), 19);
	finish(conn, script);
}

static void what_was_written_is_sent_when_something_is_waited_for(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start("C: a\nS: b\n", NULL);
	struct conn *conn = dial(script, &brisk);
	assert_true(conn_write(conn, "a\r\n", 3, &err));
	assert_int_equal(conn_unsent(conn), 3);
	assert_int_equal(conn_bytes_out(conn), 0);
	assert_heard(conn, "b\r\n");
	assert_int_equal(conn_unsent(conn), 0);
	finish(conn, script);
}

static void S32_silence_is_told_after_the_idle_limit(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start("end\n", NULL);
	struct conn *conn = dial(script, &hasty);
	assert_false(conn_fill(conn, &err));
	assert_error(err, ERROR_STORE, "127.0.0.1 was silent for 1 s");
	assert_int_equal(err.cause, CAUSE_NETWORK);
	assert_true(err.transient);
	finish(conn, script);
}

static void a_trickle_does_not_outlast_a_phase(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script =
		script_start("S- x\nwait 400\nS- x\nwait 400\nS- x\nwait 400\nS- x\n"
			     "wait 400\nS- x\ndeaf\n",
			NULL);
	struct conn *conn = dial(script, &brisk);
	conn_phase(conn, "the greeting", 1);
	while (conn_fill(conn, &err))
		;
	assert_error(err, ERROR_STORE, "127.0.0.1 took more than 1 s for the greeting");
	finish(conn, script);
}

static void the_end_of_the_stream_is_a_failure(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start("S: bye\n", NULL);
	struct conn *conn = dial(script, &brisk);
	assert_heard(conn, "bye\r\n");
	assert_false(conn_fill(conn, &err));
	assert_error(err, ERROR_STORE, "127.0.0.1 closed the connection");
	assert_true(err.transient);
	finish(conn, script);
}

static void a_peer_that_left_is_an_error_and_no_signal(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start("", NULL);
	struct conn *conn = dial(script, &brisk);
	assert_false(conn_fill(conn, NULL));
	signal(SIGPIPE, SIG_DFL); /* whoever started us may have ignored it */
	while (conn_write(conn, "x", 1, &err) && conn_flush(conn, &err))
		;
	assert_int_equal(err.scope, ERROR_STORE);
	assert_int_equal(err.cause, CAUSE_NETWORK);
	finish(conn, script);
}

/* ---- stopping ---- */

static void a_stop_ends_a_wait_and_a_stream_without_waits(void **state)
{
	(void)state;
	static const char *const scripts[] = {"S: hello\nend\n", "repeat 4000 0123456789\nend\n"};
	for (size_t i = 0; i < 2; i++) {
		struct error err = {0};
		assert_true(stop_listen(&err));
		struct script *script = script_start(scripts[i], NULL);
		struct conn *conn = dial(script, &brisk);
		assert_true(conn_fill(conn, &err));
		stop_ask(SIGTERM);
		assert_false(conn_fill(conn, &err)); /* in the second script, more is there */
		stop_forget();
		assert_error(err, ERROR_CANCELLED, "stopped");
		finish(conn, script);
	}
}

/* ---- both directions at once ---- */

static void a_peer_that_insists_on_being_read_is_read_while_we_write(void **state)
{
	(void)state;
	/* It says all of its 3 MiB before it takes any of our 8, which is more than kernels keep.
	 */
	enum { OURS = 8 * 1024 * 1024, THEIRS = 3 * 1024 * 1024 };
	struct error err = {0};
	struct script *script =
		script_start("repeat 196608 0123456789abcdef\ntake 8388608\nS: done\n", NULL);
	struct conn *conn = dial(script, &brisk);
	char *ours = calloc(1, OURS);
	if (!conn_write(conn, ours, OURS, &err) || !conn_flush(conn, &err))
		fail_msg("%s", err.text);
	free(ours);
	drop(conn, THEIRS);
	assert_heard(conn, "done\r\n");
	finish(conn, script);
}

static void S32_a_peer_that_reads_nothing_times_out(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start("wait 2500\n", NULL);
	struct conn *conn = dial(script, &hasty);
	char block[65536] = {0};
	int blocks = 0;
	while (conn_write(conn, block, sizeof block, &err) && blocks < 1000)
		blocks++;
	assert_error(err, ERROR_STORE, "127.0.0.1 was silent for 1 s");
	finish(conn, script);
}

/* ---- many addresses ---- */

/* A listener that never accepts: with its queue full, a further connect() gets no answer. */
struct mute {
	int fd[8];
	size_t n;
	union {
		struct sockaddr any;
		struct sockaddr_in6 in6;
	} at;
};

static struct mute mute_start(void)
{
	struct mute mute = {
		.at.in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
	socklen_t len = sizeof mute.at.in6;
	int fd = mute.fd[mute.n++] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, &mute.at.any, len), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, &mute.at.any, &len), 0);
	while (mute.n < 4) {
		fd = mute.fd[mute.n++] =
			socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(fd, &mute.at.any, len);
	}
	return mute;
}

static void mute_finish(struct mute *mute)
{
	while (mute->n > 0)
		close(mute->fd[--mute->n]);
}

static struct addrinfo four(struct sockaddr_in *at, uint16_t port)
{
	*at = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return (struct addrinfo){
		.ai_family = AF_INET, .ai_addr = (void *)at, .ai_addrlen = sizeof *at};
}

static struct addrinfo six(struct mute *mute)
{
	return (struct addrinfo){
		.ai_family = AF_INET6, .ai_addr = &mute->at.any, .ai_addrlen = sizeof mute->at.in6};
}

/* A port nobody listens at. */
static uint16_t free_port(void)
{
	struct script *script = script_start("", NULL);
	uint16_t port = script_port(script);
	free(script_finish(script));
	return port;
}

static void dead_ipv6_addresses_cost_a_quarter_of_a_second(void **state)
{
	(void)state;
	struct error err = {0};
	struct mute mute = mute_start();
	struct script *script = script_start("S: hello\n", NULL);
	struct sockaddr_in at[1];
	/* Eight dead addresses first, but the families take turns. */
	struct addrinfo live = four(at, script_port(script)), dead[8];
	for (size_t i = 0; i < 8; i++) {
		dead[i] = six(&mute);
		dead[i].ai_next = i < 7 ? &dead[i + 1] : &live;
	}
	int64_t begun = clock_ms();
	struct conn *conn = dial_addresses(dead, "imap.example.org", 993, &brisk, &err);
	int64_t took = clock_ms() - begun;
	assert_string_equal(err.text, "");
	assert_heard(conn, "hello\r\n");
	assert_in_range(took, 240, 1900);
	finish(conn, script);
	mute_finish(&mute);
}

static int64_t time_past_a_refusal(void)
{
	struct error err = {0};
	struct script *script = script_start("S: hello\n", NULL);
	struct sockaddr_in at[2];
	struct addrinfo refused = four(at, free_port()), live = four(at + 1, script_port(script));
	refused.ai_next = &live;
	int64_t begun = clock_ms();
	struct conn *conn = dial_addresses(&refused, "imap.example.org", 993, &brisk, &err);
	int64_t took = clock_ms() - begun;
	assert_heard(conn, "hello\r\n");
	finish(conn, script);
	return took;
}

static void a_refused_address_costs_no_time(void **state)
{
	(void)state;
	int64_t took = 250;
	for (int i = 0; i < 5 && took >= 240; i++) /* the machine may be busy, but not each time */
		took = time_past_a_refusal();
	assert_in_range(took, 0, 239);
}

static void addresses_that_all_fail_are_one_sentence(void **state)
{
	(void)state;
	struct error err = {0};
	struct mute mute = mute_start();
	struct sockaddr_in at;
	struct addrinfo refused = four(&at, free_port()), dead = six(&mute);
	assert_null(dial_addresses(&refused, "imap.example.org", 993, &hasty, &err));
	assert_error(err, ERROR_STORE,
		"cannot connect to imap.example.org port 993: Connection refused");
	assert_int_equal(err.cause, CAUSE_NETWORK);
	assert_true(err.transient);
	assert_null(dial_addresses(&dead, "imap.example.org", 993, &hasty, &err));
	assert_error(err, ERROR_STORE,
		"cannot connect to imap.example.org port 993: Connection timed out");
	mute_finish(&mute);
}

static void a_name_without_address_is_told(void **state)
{
	(void)state;
	struct error err = {0};
	assert_null(conn_dial("no-such-host.invalid", 993, &hasty, &err));
	assert_memory_equal(err.text, "cannot find the address of no-such-host.invalid: ", 48);
	assert_int_equal(err.cause, CAUSE_NETWORK);
}

static void a_lookup_ends_when_the_user_says_stop(void **state)
{
	(void)state;
	struct error err = {0};
	assert_true(stop_listen(&err));
	stop_ask(SIGTERM);
	assert_null(conn_dial("no-such-host.invalid", 993, &hasty, &err));
	stop_forget();
	assert_int_equal(err.scope, ERROR_CANCELLED);
}

/* ---- tunnels ---- */

static void assert_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void a_program_can_be_the_connection(void **state)
{
	(void)state;
	struct error err = {0};
	const char *argv[] = {"sh", "-c", "echo ready; read line; echo \"got $line\"", NULL};
	struct conn *conn = conn_tunnel(argv, "imap.example.org", &brisk, &err);
	assert_non_null(conn);
	assert_heard(conn, "ready\n");
	say(conn, "one two\n");
	assert_heard(conn, "got one two\n");
	conn_close(conn);
	assert_no_child();
}

static void how_a_program_ended_is_told(void **state)
{
	(void)state;
	struct error err = {0};
	const char *argv[] = {"sh", "-c", "exit 3", NULL};
	struct conn *conn = conn_tunnel(argv, "imap.example.org", &brisk, &err);
	assert_false(conn_fill(conn, &err));
	assert_error(err, ERROR_STORE,
		"lost the connection to imap.example.org: the tunnel's program ended with status "
		"3");
	conn_close(conn);
	assert_no_child();
}

static void a_missing_program_is_a_mistake_in_the_configuration(void **state)
{
	(void)state;
	struct error err = {0};
	const char *argv[] = {"/nonexistent/ssh", NULL};
	assert_null(conn_tunnel(argv, "imap.example.org", &brisk, &err));
	assert_error(err, ERROR_STORE,
		"cannot run the tunnel '/nonexistent/ssh': No such file or directory");
	assert_int_equal(err.cause, CAUSE_CONFIG);
	assert_no_child();
}

static void a_program_that_will_not_go_is_ended(void **state)
{
	(void)state;
	struct error err = {0};
	const char *argv[] = {
		"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done", NULL};
	struct conn *conn = conn_tunnel(argv, "imap.example.org", &brisk, &err);
	assert_heard(conn, "ready\n");
	int64_t begun = clock_ms();
	conn_close(conn);
	assert_in_range(clock_ms() - begun, 2000, 4000);
	assert_no_child();
}

static void a_program_inherits_no_connection_of_ours(void **state)
{
	(void)state;
	struct error err = {0};
	char command[100];
	struct script *script = script_start("end\n", NULL);
	struct conn *other = dial(script, &brisk);
	snprintf(command, sizeof command, "if (: >&%d) 2>&-; then echo open; else echo closed; fi",
		other->fd);
	const char *argv[] = {"sh", "-c", command, NULL};
	struct conn *conn = conn_tunnel(argv, "imap.example.org", &brisk, &err);
	assert_heard(conn, "closed\n");
	conn_close(conn);
	finish(other, script);
}

/* ---- compression ---- */

static void both_ways_are_compressed(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start(
		"C: go\nS: ok\ndeflate\nC: more\nS: words\nC: end\nS: bye\nend\n", NULL);
	struct conn *conn = dial(script, &brisk);
	say(conn, "go\r\n");
	assert_heard(conn, "ok\r\n");
	assert_true(conn_start_deflate(conn, &err));
	say(conn, "more\r\n");
	assert_heard(conn, "words\r\n");
	say(conn, "end\r\n");
	assert_heard(conn, "bye\r\n");
	finish(conn, script);
}

static void what_comes_right_behind_the_ok_is_inflated(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start("S: ok\ndeflate\nS: words\nend\n", NULL);
	struct conn *conn = dial(script, &brisk);
	const uint8_t *data;
	size_t n = 0;
	while (n <= 4) { /* until compressed octets lie behind the OK */
		assert_true(conn_fill(conn, &err));
		conn_peek(conn, &data, &n);
	}
	assert_heard(conn, "ok\r\n");
	assert_true(conn_start_deflate(conn, &err));
	assert_heard(conn, "words\r\n");
	finish(conn, script);
}

static void a_bomb_is_inflated_no_faster_than_it_is_read(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start("C: go\ndeflate\nzeros 16777216\n", NULL);
	struct conn *conn = dial(script, &brisk);
	say(conn, "go\r\n");
	assert_true(conn_start_deflate(conn, &err));
	/* 16 MiB come in some 16 KiB, which is one read; they must not fill one buffer. */
	size_t most = drop(conn, 16777216);
	assert_in_range(most, 1, 64 * 1024);
	assert_in_range(conn_bytes_in(conn), 1, 64 * 1024);
	finish(conn, script);
}

static void garbage_is_no_compressed_stream(void **state)
{
	(void)state;
	struct error err = {0};
	struct script *script = script_start("S- \\xff\\xff\\xff\\xff\\xff\nend\n", NULL);
	struct conn *conn = dial(script, &brisk);
	assert_true(conn_start_deflate(conn, &err));
	assert_false(conn_fill(conn, &err));
	assert_error(err, ERROR_STORE, "lost the connection to 127.0.0.1: bad compressed data");
	finish(conn, script);
}

/* ---- */

static int descriptors(void)
{
	int n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int note_descriptors(void **state)
{
	*state = (void *)(intptr_t)descriptors();
	return 0;
}

static int descriptors_are_as_before(void **state)
{
	return descriptors() == (int)(intptr_t)*state ? 0 : -1;
}

#define T(f) cmocka_unit_test_setup_teardown(f, note_descriptors, descriptors_are_as_before)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(words_go_there_and_back_and_octets_are_counted),
		T(what_was_written_is_sent_when_something_is_waited_for),
		T(S32_silence_is_told_after_the_idle_limit),
		T(a_trickle_does_not_outlast_a_phase),
		T(the_end_of_the_stream_is_a_failure),
		T(a_peer_that_left_is_an_error_and_no_signal),
		T(a_stop_ends_a_wait_and_a_stream_without_waits),
		T(a_peer_that_insists_on_being_read_is_read_while_we_write),
		T(S32_a_peer_that_reads_nothing_times_out),
		T(dead_ipv6_addresses_cost_a_quarter_of_a_second),
		T(a_refused_address_costs_no_time),
		T(addresses_that_all_fail_are_one_sentence),
		T(a_name_without_address_is_told),
		cmocka_unit_test(a_lookup_ends_when_the_user_says_stop),
		T(a_program_can_be_the_connection),
		T(how_a_program_ended_is_told),
		T(a_missing_program_is_a_mistake_in_the_configuration),
		T(a_program_that_will_not_go_is_ended),
		T(a_program_inherits_no_connection_of_ours),
		T(both_ways_are_compressed),
		T(what_comes_right_behind_the_ok_is_inflated),
		T(a_bomb_is_inflated_no_faster_than_it_is_read),
		T(garbage_is_no_compressed_stream),
	};
	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
