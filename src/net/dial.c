#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/broker.h"
#include "base/clock.h"
#include "net/dial.h"
#include "net/layers.h"

/* RFC 8305, section 5: how long an attempt has the field for itself. */
#define STAGGER_MS 250

/* Addresses tried of one name.  Hosts have a handful; the answer to a DNS query could have
 * hundreds, and each would be contacted. */
#define ADDRESSES_MAX 12

/* Keepalive probes begin after this many seconds of quiet: below the five minutes after which home
 * routers and mobile networks forget a connection. */
#define KEEPALIVE_SECONDS 120

struct race {
	const struct addrinfo *order[ADDRESSES_MAX];
	size_t n, started;
	struct pollfd attempt[ADDRESSES_MAX]; /* fd -1: over */
	size_t running;
	int last_errno;
};

/* RFC 8305, section 4: families in turn, beginning with the one that the system put first. */
static void interleave(struct race *race, const struct addrinfo *list)
{
	if (list == NULL)
		return;
	int first = list->ai_family;
	const struct addrinfo *same = list, *rest = list;
	bool want_first = true;
	while (race->n < ADDRESSES_MAX && (same != NULL || rest != NULL)) {
		const struct addrinfo **from = want_first ? &same : &rest;
		while (*from != NULL && ((*from)->ai_family == first) != want_first)
			*from = (*from)->ai_next;
		if (*from != NULL) {
			race->order[race->n++] = *from;
			*from = (*from)->ai_next;
		}
		want_first = !want_first;
	}
}

static void set_option(int fd, int level, int option, int value)
{
	/* All of them are improvements; a socket without them works. */
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

static void tune(int fd, unsigned idle)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_SECONDS);
#endif
#ifdef TCP_USER_TIMEOUT
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)(idle * 1000));
#endif
}

static void end_attempt(struct race *race, size_t i, int why)
{
	close(race->attempt[i].fd);
	race->attempt[i].fd = -1;
	race->last_errno = why;
	race->running--;
}

static void start_attempt(struct race *race)
{
	size_t i = race->started++;
	const struct addrinfo *to = race->order[i];
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	race->attempt[i] = (struct pollfd){.fd = fd, .events = POLLOUT};
	if (fd < 0) {
		race->last_errno = errno;
		return;
	}
	race->running++;
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS)
		end_attempt(race, i, errno);
}

/* The descriptor of an attempt that is through; -1 = none yet. */
static int winner(struct race *race)
{
	for (size_t i = 0; i < race->started; i++) {
		if (race->attempt[i].fd < 0 || race->attempt[i].revents == 0)
			continue;
		int why = 0;
		socklen_t len = sizeof why;
		if (getsockopt(race->attempt[i].fd, SOL_SOCKET, SO_ERROR, &why, &len) == 0 &&
			why == 0)
			return race->attempt[i].fd;
		end_attempt(race, i, why != 0 ? why : errno);
	}
	return -1;
}

/* The socket that was first; -1 with ${err} set (stopped), or with race->last_errno. */
static int run(struct race *race, unsigned seconds, struct error *err)
{
	int64_t end = clock_ms() + (int64_t)seconds * 1000, next = 0;
	for (;;) {
		while (race->started < race->n && (race->running == 0 || clock_ms() >= next)) {
			start_attempt(race);
			next = clock_ms() + STAGGER_MS;
		}
		if (race->running == 0)
			return -1;
		int64_t until = race->started < race->n && next < end ? next : end;
		int ready = conn_wait_any(race->attempt, race->started, until, err);
		if (ready < 0)
			return -1;
		int fd = ready > 0 ? winner(race) : -1;
		if (fd >= 0)
			return fd;
		if (clock_ms() >= end) {
			race->last_errno = ETIMEDOUT;
			return -1;
		}
	}
}

static void close_losers(const struct race *race, int won)
{
	for (size_t i = 0; i < race->started; i++)
		if (race->attempt[i].fd >= 0 && race->attempt[i].fd != won)
			close(race->attempt[i].fd);
}

static bool is_loopback(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
		return false;
	if (peer.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&peer;
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	if (peer.ss_family != AF_INET6)
		return false;
	const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)&peer)->sin6_addr;
	return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
}

struct conn *dial_addresses(const struct addrinfo *list, const char *host, uint16_t port,
	const struct conn_limits *limits, struct error *err)
{
	struct race race = {0};
	struct error stopped = {0};
	interleave(&race, list);
	int fd = run(&race, limits->connect, &stopped);
	close_losers(&race, fd);
	if (fd < 0 && stopped.scope != ERROR_NONE) {
		if (err != NULL)
			*err = stopped;
		return NULL;
	}
	if (fd < 0) {
		error_set(err, ERROR_STORE, CAUSE_NETWORK, "cannot connect to %s port %u: %s", host,
			port, strerror(race.last_errno));
		if (err != NULL)
			err->transient = true;
		return NULL;
	}
	tune(fd, limits->idle);
	struct conn *conn = conn_new(fd, host, limits);
	conn->local = is_loopback(fd);
	return conn;
}

/* ---- names ---- */

static struct conn *not_found(const char *host, const char *why, bool transient, struct error *err)
{
	error_set(err, ERROR_STORE, CAUSE_NETWORK, "cannot find the address of %s: %s", host, why);
	if (err != NULL)
		err->transient = transient;
	return NULL;
}

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
	if (address->ss_family == AF_INET)
		((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
	else if (address->ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
}

static struct conn *dial_found(struct broker_addresses *found, const char *host, uint16_t port,
	const struct conn_limits *limits, struct error *err)
{
	struct addrinfo list[BROKER_ADDRESSES] = {0};
	for (size_t i = 0; i < found->n; i++) {
		set_port(&found->at[i].address, port);
		list[i].ai_family = found->at[i].address.ss_family;
		list[i].ai_addr = (struct sockaddr *)&found->at[i].address;
		list[i].ai_addrlen = found->at[i].len;
		list[i].ai_next = i + 1 < found->n ? &list[i + 1] : NULL;
	}
	return dial_addresses(found->n > 0 ? list : NULL, host, port, limits, err);
}

/* Whatever it takes the resolver, the user's word or the limit ends it: another process waits. */
static bool look_up(const char *host, const struct conn_limits *limits,
	struct broker_addresses *found, struct error *err)
{
	int task = broker_resolve(host), status;
	if (task < 0)
		return not_found(host, strerror(errno), false, err) != NULL;
	struct pollfd answer = {.fd = task, .events = POLLIN};
	int ready = conn_wait_any(&answer, 1, clock_ms() + (int64_t)limits->connect * 1000, err);
	bool known = ready > 0 && broker_addresses(task, found);
	broker_end(task, &status);
	if (ready == 0)
		not_found(host, "no answer in time", true, err);
	else if (ready > 0 && !known)
		not_found(host, "the lookup broke off", true, err);
	return known;
}

/* An address that is written as one needs nobody to be asked: EAI_NONAME where it is a name. */
static int numeric(const char *host, uint16_t port, struct addrinfo **list)
{
	char service[8];
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
	snprintf(service, sizeof service, "%u", port);
	int failed = getaddrinfo(host, service, &hints, list);
	if (failed == EAI_MEMORY)
		die_out_of_memory();
	return failed;
}

bool dial_is_name(const char *host)
{
	struct addrinfo *list;
	if (numeric(host, 1, &list) != 0)
		return true;
	freeaddrinfo(list);
	return false;
}

static struct conn *gave_up(const char *host, int failed, int number, struct error *err)
{
	if (failed == EAI_MEMORY)
		die_out_of_memory();
	return not_found(host, failed == EAI_SYSTEM ? strerror(number) : gai_strerror(failed),
		failed == EAI_AGAIN, err);
}

struct conn *conn_dial(
	const char *host, uint16_t port, const struct conn_limits *limits, struct error *err)
{
	struct broker_addresses found = {0};
	struct addrinfo *list;
	int failed = numeric(host, port, &list);
	if (failed == 0) {
		struct conn *conn = dial_addresses(list, host, port, limits, err);
		freeaddrinfo(list);
		return conn;
	}
	if (failed != EAI_NONAME)
		return gave_up(host, failed, errno, err);
	if (!look_up(host, limits, &found, err))
		return NULL;
	if (found.failed != 0)
		return gave_up(host, found.failed, found.number, err);
	return dial_found(&found, host, port, limits, err);
}
