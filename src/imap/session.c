#include "imap/session.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "imap/session_private.h"

/* RFC 7888: the largest literal that LITERAL- lets us send without being asked. */
#define LITERAL_MINUS_MAX 4096

/* A command's text; sets are cut to fit servers long before. */
#define COMMAND_MAX (1024 * 1024)

/* ---- beginning and end ---- */

struct imap_session *session_new(const struct store_config *config, struct credentials *credentials)
{
	struct imap_session *s = calloc(1, sizeof *s);
	if (s == NULL)
		die_out_of_memory();
	s->config = config;
	s->imap = &config->imap;
	s->credentials = credentials;
	s->arena = arena_new();
	s->parser = imap_parser_new(&imap_default_limits);
	s->kept = kept_new();
	s->trace = trace_new();
	s->ns.prefix = "";
	return s;
}

struct imap_session *session_open(
	const struct store_config *config, struct credentials *credentials, struct error *err)
{
	struct error unread;
	struct imap_session *s = session_new(config, credentials);
	err = err != NULL ? err : &unread;
	if (signin_connect(s, err) && signin_run(s, err))
		return s;
	trace_note(s->trace, "failed: %s", err->text);
	s->lost = true;
	session_close(s);
	return NULL;
}

/* A tag of its own, since the trace shows it; nobody waits for the reply. */
static void say_goodbye(struct imap_session *s)
{
	struct error err;
	if (s->lost || s->opened != OPENED_NONE)
		return;
	if (session_submit_as(s, OWNER_SESSION, NULL, "LOGOUT", &err))
		conn_flush_now(s->conn);
}

void session_close(struct imap_session *s)
{
	if (s == NULL)
		return;
	say_goodbye(s);
	conn_close(s->conn);
	imap_parser_free(s->parser);
	kept_free(s->kept);
	trace_note(s->trace, "closed");
	trace_free(s->trace);
	arena_free(s->arena);
	free(s);
}

void session_forget(struct imap_session *s)
{
	imap_parser_free(s->parser);
	s->parser = imap_parser_new(&imap_default_limits);
	s->can = (struct capabilities){0};
}

/* ---- failing ---- */

static bool misused(struct imap_session *s, struct error *err, const char *what)
{
	error_set(err, ERROR_STORE, CAUSE_MAIL, "cannot send to %s: %s", s->imap->host, what);
	return session_fail(s, err);
}

/* ---- waiting for one thing, and keeping what else comes ---- */

static bool keep(struct imap_session *s, const struct session_event *event, struct error *err)
{
	bool body = event->kind != SESSION_UNTAGGED && event->kind != SESSION_DONE;
	if (body || (event->kind == SESSION_UNTAGGED && s->dropping)) {
		/* A body that nobody takes now was not asked for now (B37). */
		s->dropping = body;
		return true;
	}
	return kept_add(s->kept, event) ||
	       session_broken(s, err, "too much came while something else was due");
}

static enum taken take_and_keep(
	struct imap_session *s, struct session_event *event, struct error *err)
{
	enum taken taken = session_take(s, event, err);
	if (taken == TAKEN_EVENT && !keep(s, event, err))
		return TAKEN_FAILED;
	return taken;
}

static bool unasked(struct imap_session *s, struct error *err)
{
	return session_broken(s, err, "a '+' that was not due");
}

bool session_await(
	struct imap_session *s, uint32_t tag, struct imap_condition *condition, struct error *err)
{
	struct session_event event;
	int64_t before = conn_waited(s->conn);
	while (s->ended_tag != tag) {
		enum taken taken = take_and_keep(s, &event, err);
		if (taken == TAKEN_FAILED || (taken == TAKEN_CONTINUE && !unasked(s, err)))
			return false;
	}
	int64_t turn = conn_waited(s->conn) - before;
	if (turn > 0 && (s->turn == 0 || turn < s->turn))
		s->turn = turn;
	*condition = s->ended;
	return true;
}

static bool await_flight(struct imap_session *s, struct error *err)
{
	struct session_event event;
	while (s->n_owned[OWNER_FLIGHT] > 0) {
		enum taken taken = take_and_keep(s, &event, err);
		if (taken == TAKEN_FAILED || (taken == TAKEN_CONTINUE && !unasked(s, err)))
			return false;
	}
	return true;
}

/* 1 = the server wants the literal, 0 = it refused the command, -1. */
static int await_go_ahead(struct imap_session *s, struct error *err)
{
	struct session_event event;
	while (s->opened == OPENED_ANNOUNCED) {
		enum taken taken = take_and_keep(s, &event, err);
		if (taken == TAKEN_FAILED)
			return -1;
		if (taken == TAKEN_CONTINUE)
			return 1;
	}
	return 0;
}

int session_next(struct imap_session *s, struct session_event *event, struct error *err)
{
	if (kept_take(s->kept, event))
		return 1;
	while (s->n_owned[OWNER_CALLER] > 0) {
		enum taken taken = session_take(s, event, err);
		if (taken == TAKEN_EVENT)
			return 1;
		if (taken == TAKEN_FAILED || (taken == TAKEN_CONTINUE && !unasked(s, err)))
			return -1;
	}
	return 0;
}

/* ---- commands ---- */

static bool send_octets(struct imap_session *s, const void *data, size_t n, struct error *err)
{
	if (s->lost) {
		if (err != NULL)
			*err = s->why;
		return false;
	}
	return conn_write(s->conn, data, n, err) || session_lost_in_writing(s, err);
}

static void trace_text(struct imap_session *s, const void *data, size_t n)
{
	if (s->hiding)
		trace_sent_secret(s->trace);
	else
		trace_sent(s->trace, data, n);
}

bool session_begin_as(struct imap_session *s, enum owner owner, uint32_t *tag, struct error *err)
{
	if (s->opened != OPENED_NONE)
		return misused(s, err, "a command is not complete yet");
	if (s->n_pending == 0)
		s->progress = clock_ms();
	s->open_tag = ++s->next_tag;
	s->opened = OPENED_TEXT;
	*ARENA_PUSH(s->arena, s->pending, s->n_pending, s->cap_pending) =
		(struct pending){.tag = s->open_tag, .owner = owner, .chain = s->chain + 1};
	s->n_owned[owner]++;
	if (tag != NULL)
		*tag = s->open_tag;

	char text[16];
	int n = snprintf(text, sizeof text, "A%" PRIu32 " ", s->open_tag);
	trace_sent(s->trace, text, (size_t)n);
	return send_octets(s, text, (size_t)n, err);
}

bool session_begin(struct imap_session *s, uint32_t *tag, struct error *err)
{
	return session_begin_as(s, OWNER_CALLER, tag, err);
}

static bool is_one_line(const char *data, size_t n)
{
	return n == 0 || (memchr(data, '\r', n) == NULL && memchr(data, '\n', n) == NULL &&
				 memchr(data, '\0', n) == NULL);
}

bool session_put(struct imap_session *s, const void *data, size_t n, struct error *err)
{
	if (s->opened == OPENED_LITERAL) {
		if (n > s->literal_left)
			return misused(s, err, "a literal is longer than was announced");
		s->literal_left -= n;
		if (s->literal_left == 0)
			s->opened = OPENED_TEXT;
		return send_octets(s, data, n, err);
	}
	if (s->opened != OPENED_TEXT || !is_one_line(data, n))
		return misused(s, err, "a line end or NUL within a command");
	trace_text(s, data, n);
	return send_octets(s, data, n, err);
}

bool session_literal_waits(const struct imap_session *s, uint64_t size)
{
	return !session_has(s, CAP_LITERAL_PLUS) &&
	       (!session_has(s, CAP_LITERAL_MINUS) || size > LITERAL_MINUS_MAX);
}

int session_literal(struct imap_session *s, uint64_t size, struct error *err)
{
	bool at_once = !session_literal_waits(s, size);
	char text[32];
	int n = snprintf(text, sizeof text, "{%" PRIu64 "%s}", size, at_once ? "+" : "");
	if (!session_put(s, text, (size_t)n, err) || !send_octets(s, "\r\n", 2, err))
		return -1;
	int went = 1;
	if (!at_once) {
		trace_sent_end(s->trace);
		s->opened = OPENED_ANNOUNCED;
		went = await_go_ahead(s, err);
	}
	if (went == 1) {
		s->opened = size > 0 ? OPENED_LITERAL : OPENED_TEXT;
		s->literal_left = size;
	}
	return went;
}

bool session_end(struct imap_session *s, struct error *err)
{
	if (s->opened != OPENED_TEXT)
		return misused(s, err, "a literal is not complete");
	s->opened = OPENED_NONE;
	trace_sent_end(s->trace);
	return send_octets(s, "\r\n", 2, err);
}

bool session_submit_as(struct imap_session *s, enum owner owner, uint32_t *tag, const char *text,
	struct error *err)
{
	return session_begin_as(s, owner, tag, err) && session_put(s, text, strlen(text), err) &&
	       session_end(s, err);
}

bool session_submit(struct imap_session *s, uint32_t *tag, struct error *err, const char *fmt, ...)
{
	struct buffer text;
	buffer_init(&text, COMMAND_MAX);
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	char *room = n < 0 ? NULL : buffer_room(&text, (size_t)n);
	if (room != NULL)
		vsnprintf(room, (size_t)n + 1, fmt, ap);
	va_end(ap);
	bool ok = room != NULL ? session_begin(s, tag, err) &&
					 session_put(s, room, (size_t)n, err) && session_end(s, err)
			       : misused(s, err, "a command is too long");
	buffer_finish(&text);
	return ok;
}

bool session_command(struct imap_session *s, uint32_t *tag, const struct imap_command *command,
	struct error *err)
{
	struct imap_piece piece;
	size_t at = 0;
	if (!session_begin(s, tag, err))
		return false;
	while (imap_command_next(command, &at, &piece)) {
		int went = piece.literal ? session_literal(s, piece.len, err) : 1;
		if (went == 0)
			return true; /* refused: that is how it ended */
		if (went < 0 || !session_put(s, piece.data, piece.len, err))
			return false;
	}
	return session_end(s, err);
}

bool session_flush(struct imap_session *s, struct error *err)
{
	return send_octets(s, NULL, 0, err) &&
	       (conn_flush(s->conn, err) || session_lost_in_writing(s, err));
}

/* ---- what is known ---- */

bool session_has(const struct imap_session *s, enum capability capability)
{
	return capability_has(&s->can, capability);
}

uint64_t session_append_limit(const struct imap_session *s)
{
	return s->can.append_limit;
}

int session_enabled(struct imap_session *s, enum capability capability, struct error *err)
{
	if (!await_flight(s, err))
		return -1;
	return (s->enabled >> capability & 1) != 0;
}

bool session_namespace(struct imap_session *s, struct imap_namespace *ns, struct error *err)
{
	if (!await_flight(s, err))
		return false;
	*ns = s->ns;
	return true;
}

size_t session_pending(const struct imap_session *s)
{
	return s->n_owned[OWNER_CALLER];
}

void session_stream(struct imap_session *s, bool on)
{
	imap_parser_stream(s->parser, on);
}

int session_compress(struct imap_session *s, struct error *err)
{
	struct imap_condition condition;
	uint32_t tag;
	if (!session_has(s, CAP_COMPRESS) || s->deflated)
		return 0;
	if (!session_submit_as(s, OWNER_SESSION, &tag, "COMPRESS DEFLATE", err) ||
		!session_await(s, tag, &condition, err))
		return -1;
	s->deflated = true;
	if (condition.verdict != VERDICT_OK)
		return 0;
	if (conn_start_deflate(s->conn, err))
		return 1;
	session_fail(s, err);
	return -1;
}

struct session_times session_times(const struct imap_session *s)
{
	return (struct session_times){
		.now = clock_ms(), .waited = conn_waited(s->conn), .turn = s->turn};
}

uint64_t session_bytes_in(const struct imap_session *s)
{
	return conn_bytes_in(s->conn);
}

uint64_t session_bytes_out(const struct imap_session *s)
{
	return conn_bytes_out(s->conn);
}

uint64_t session_round_trips(const struct imap_session *s)
{
	return s->chain;
}

const char *session_describe(const struct imap_session *s)
{
	return s->text;
}

const char *session_server(const struct imap_session *s)
{
	return s->server;
}

bool session_rewrites(const struct imap_session *s)
{
	return s->rewrites;
}
