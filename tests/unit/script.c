#include "config.h"

#include "script.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

/* A client that says nothing for so long has failed. */
#define PATIENCE_MS 10000

struct script {
	pthread_t thread;
	int listener, fd;
	uint16_t port;
	char *text;
	SSL_CTX *ctx;
	SSL *ssl;
	z_stream *in, *out;
	unsigned char heard[4096]; /* as it came: heard[at..n) is not looked at yet */
	size_t at, n;
	char *failure;
};

static bool __attribute__((format(printf, 2, 3))) fail(struct script *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (s->failure == NULL && vasprintf(&s->failure, fmt, ap) < 0)
		abort();
	va_end(ap);
	return false;
}

/* ---- octets ---- */

static void send_below(struct script *s, const unsigned char *data, size_t n)
{
	while (n > 0) {
		ssize_t went = s->ssl != NULL ? SSL_write(s->ssl, data, (int)n)
					      : send(s->fd, data, n, MSG_NOSIGNAL);
		if (went <= 0)
			return; /* the client left: its next words will be missed */
		data += went;
		n -= (size_t)went;
	}
}

static void say(struct script *s, const char *data, size_t n)
{
	if (s->out == NULL) {
		send_below(s, (const unsigned char *)data, n);
		return;
	}
	unsigned char packed[4096];
	s->out->next_in = (unsigned char *)data;
	s->out->avail_in = (unsigned)n;
	do {
		s->out->next_out = packed;
		s->out->avail_out = sizeof packed;
		deflate(s->out, Z_SYNC_FLUSH);
		send_below(s, packed, sizeof packed - s->out->avail_out);
	} while (s->out->avail_out == 0);
}

/* Octets as they come; 1 or more, 0 = the client closed, -1. */
static ssize_t hear_below(struct script *s)
{
	struct pollfd fd = {.fd = s->fd, .events = POLLIN};
	if ((s->ssl == NULL || SSL_pending(s->ssl) == 0) && poll(&fd, 1, PATIENCE_MS) != 1)
		return -1;
	ssize_t got = s->ssl != NULL ? SSL_read(s->ssl, s->heard, sizeof s->heard)
				     : recv(s->fd, s->heard, sizeof s->heard, 0);
	s->at = 0;
	s->n = got > 0 ? (size_t)got : 0;
	return got;
}

/* One octet; 1, 0 = the client closed, -1. */
static ssize_t hear(struct script *s, char *c)
{
	for (;;) {
		if (s->in != NULL) {
			s->in->next_in = s->heard + s->at;
			s->in->avail_in = (unsigned)(s->n - s->at);
			s->in->next_out = (unsigned char *)c;
			s->in->avail_out = 1;
			inflate(s->in, Z_SYNC_FLUSH);
			s->at = s->n - s->in->avail_in;
			if (s->in->avail_out == 0)
				return 1;
		} else if (s->at < s->n) {
			*c = (char)s->heard[s->at++];
			return 1;
		}
		ssize_t got = hear_below(s);
		if (got <= 0)
			return got;
	}
}

/* ---- steps ---- */

static size_t unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from != '\0'; from++) {
		if (*from != '\\') {
			*to++ = *from;
			continue;
		}
		switch (*++from) {
		case 'r':
			*to++ = '\r';
			break;
		case 'n':
			*to++ = '\n';
			break;
		case 't':
			*to++ = '\t';
			break;
		case '0':
			*to++ = '\0';
			break;
		case 'x': {
			char hex[3] = {from[1], from[2], '\0'};
			*to++ = (char)strtol(hex, NULL, 16);
			from += 2;
			break;
		}
		default:
			*to++ = *from;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

static bool expect(struct script *s, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c;
		ssize_t got = hear(s, &c);
		if (got <= 0)
			return fail(s, "the client %s after '%.*s', where '%s' was due",
				got == 0 ? "closed" : "was silent", (int)i, text, text);
		if (c != text[i])
			return fail(s, "the client said '%.*s%c', where '%s' was due", (int)i, text,
				c, text);
	}
	return true;
}

static bool expect_line(struct script *s, char *text, size_t n)
{
	bool open = n >= 3 && strcmp(text + n - 3, "...") == 0;
	if (!open) {
		memcpy(text + n, "\r\n", 3);
		return expect(s, text, n + 2);
	}
	if (!expect(s, text, n - 3))
		return false;
	char c = 0;
	while (c != '\n')
		if (hear(s, &c) <= 0)
			return fail(s, "the client ended within '%s'", text);
	return true;
}

static bool expect_end(struct script *s)
{
	char c;
	ssize_t got = hear(s, &c);
	if (got > 0)
		return fail(s, "the client said '%c', where its end was due", c);
	return true;
}

static bool take(struct script *s, long n)
{
	char c;
	for (; n > 0; n--)
		if (hear(s, &c) <= 0)
			return fail(s, "the client ended %ld octets too early", n);
	return true;
}

static bool outlast(struct script *s)
{
	struct pollfd fd = {.fd = s->fd, .events = POLLRDHUP};
	return poll(&fd, 1, PATIENCE_MS) == 1 || fail(s, "the client has more patience");
}

static bool start_tls(struct script *s)
{
	s->ssl = SSL_new(s->ctx);
	SSL_set_fd(s->ssl, s->fd);
	return SSL_accept(s->ssl) == 1;
}

static bool start_deflate(struct script *s)
{
	s->in = calloc(1, sizeof *s->in);
	s->out = calloc(1, sizeof *s->out);
	inflateInit2(s->in, -MAX_WBITS);
	deflateInit2(s->out, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
	return true;
}

static bool step(struct script *s, char *line)
{
	if (strcmp(line, "tls") == 0)
		return start_tls(s);
	if (strcmp(line, "deflate") == 0)
		return start_deflate(s);
	if (strcmp(line, "end") == 0)
		return expect_end(s);
	if (strcmp(line, "deaf") == 0)
		return outlast(s);
	if (strncmp(line, "take ", 5) == 0)
		return take(s, strtol(line + 5, NULL, 10));
	if (strncmp(line, "zeros ", 6) == 0) {
		size_t n = strtoul(line + 6, NULL, 10);
		char *zeros = calloc(1, n);
		say(s, zeros, n);
		free(zeros);
		return true;
	}
	if (strncmp(line, "wait ", 5) == 0) {
		long ms = strtol(line + 5, NULL, 10);
		nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
		return true;
	}
	char *text = line + 3;
	long times = 1;
	if (strncmp(line, "repeat ", 7) == 0) {
		times = strtol(line + 7, &text, 10);
		text++;
	}
	size_t n = unescape(text);
	if (line[0] == 'C')
		return line[1] == ':' ? expect_line(s, text, n) : expect(s, text, n);
	if (line[0] == 'S' && line[1] == ':') {
		memcpy(text + n, "\r\n", 3);
		n += 2;
	}
	for (long i = 0; i < times; i++)
		say(s, text, n);
	return true;
}

static void *play(void *arg)
{
	struct script *s = arg;
	sigset_t pipe;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(
		SIG_BLOCK, &pipe, NULL); /* of this thread only: the client has to do without */
	if (s->listener >= 0)
		s->fd = accept(s->listener, NULL, NULL);
	int on = 1; /* what is said apart is to arrive apart */
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	const char *at = s->text;
	bool ok = s->fd >= 0;
	while (ok && *at != '\0') {
		size_t n = strcspn(at, "\n");
		char *line = calloc(1, n + 3); /* room for a CRLF */
		memcpy(line, at, n);
		ok = n == 0 || step(s, line);
		free(line);
		at += n + (at[n] == '\n');
	}
	SSL_free(s->ssl);
	ERR_clear_error();
	close(s->fd);
	return NULL;
}

static void start_thread(struct script *s)
{
	if (pthread_create(&s->thread, NULL, play, s) != 0)
		abort();
}

struct script *script_start_on(const char *text, int fd)
{
	struct script *s = calloc(1, sizeof *s);
	s->text = strdup(text);
	s->listener = -1;
	s->fd = fd;
	start_thread(s);
	return s;
}

struct script *script_start(const char *text, SSL_CTX *tls)
{
	struct script *s = calloc(1, sizeof *s);
	s->text = strdup(text);
	s->ctx = tls;
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	if (bind(s->listener, (struct sockaddr *)&at, len) < 0 || listen(s->listener, 1) < 0 ||
		getsockname(s->listener, (struct sockaddr *)&at, &len) < 0)
		abort();
	s->port = ntohs(at.sin_port);
	start_thread(s);
	return s;
}

uint16_t script_port(const struct script *s)
{
	return s->port;
}

char *script_finish(struct script *s)
{
	if (s->listener >= 0)
		shutdown(s->listener, SHUT_RDWR); /* nobody came: accept() ends */
	pthread_join(s->thread, NULL);
	if (s->listener >= 0)
		close(s->listener);
	char *failure = s->failure;
	if (s->in != NULL) {
		inflateEnd(s->in);
		deflateEnd(s->out);
	}
	free(s->in);
	free(s->out);
	free(s->text);
	free(s);
	return failure;
}
