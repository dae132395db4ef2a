/*
 * Whole sessions: the IMAP store signs in, lists, fetches, appends and changes, and the input is
 * what the server says to it.
 *
 * The input is cut at 0xFF; each line of the client gets the next piece, with 0x01 for its tag.  A
 * client that has nothing to say and waits gets the next piece all the same, and after the last one
 * the server hangs up.  At 0x02 what stands before it is all there is to read until the client has
 * read it.
 */
#include "config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "fuzz.h"
#include "store/store.h"

/* A server can say so much in all; what the client sends is only looked at for its tags. */
#define PIECE_MAX 4096

/* ---- the server, a thread that serves one connection after the other ---- */

static struct {
	pthread_mutex_t lock;
	const uint8_t *data;
	size_t n;
	int listener;
	uint16_t port;
	pid_t client; /* its thread */
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The client's thread sleeps: it waits for the server. */
static bool client_waits(void)
{
	char path[64], text[256] = "";
	snprintf(path, sizeof path, "/proc/self/task/%ld/stat", (long)server.client);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	FUZZ_HOLDS(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
	close(fd);
	const char *behind_name = strrchr(text, ')');
	return behind_name != NULL && behind_name[1] == ' ' && behind_name[2] == 'S';
}

static void send_all(int fd, const char *text, size_t *len)
{
	if (*len > 0)
		(void)!send(fd, text, *len, MSG_NOSIGNAL);
	*len = 0;
}

static void say(int fd, const uint8_t *data, size_t n, uint32_t tag)
{
	char name[16], text[PIECE_MAX];
	size_t len = 0, name_len = (size_t)snprintf(name, sizeof name, "A%u", tag);
	for (size_t i = 0; i < n && len + name_len < sizeof text; i++) {
		if (data[i] == 1) {
			memcpy(text + len, name, name_len);
			len += name_len;
		} else if (data[i] == 2) {
			send_all(fd, text, &len);
			while (!client_waits())
				sched_yield();
		} else {
			text[len++] = (char)data[i];
		}
	}
	send_all(fd, text, &len);
}

/* There is something to hear, or the client left; false = it waits, and has said nothing. */
static bool speaks(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	for (bool waits = false;; waits = client_waits()) {
		if (poll(&ready, 1, 0) > 0)
			return true;
		if (waits)
			return false;
		sched_yield();
	}
}

#define TAGS_MAX 16

/* Commands that came, by their tags; 0 = none, and the client waits; -1 = it left. */
static int hear(int fd, uint32_t tag[static TAGS_MAX])
{
	char text[4096 + 1];
	int n = 0;
	while (n == 0 && speaks(fd)) {
		ssize_t got = recv(fd, text, sizeof text - 1, 0);
		if (got <= 0)
			return -1;
		text[got] = '\0';
		for (char *line = text, *end; line != NULL && n < TAGS_MAX; line = end) {
			if (line[0] == 'A' && line[1] >= '1' && line[1] <= '9')
				tag[n++] = (uint32_t)strtoul(line + 1, NULL, 10);
			end = strchr(line, '\n');
			end = end != NULL ? end + 1 : NULL;
		}
	}
	return n;
}

static void serve(int fd)
{
	uint32_t tag[TAGS_MAX] = {0};
	const uint8_t *at = server.data, *end = at + server.n;
	for (int heard = 0; at < end && heard >= 0; heard = hear(fd, tag)) {
		/* Each command of a flight gets its piece; one who waits, one for the last. */
		for (int i = 0; at < end && i < (heard > 0 ? heard : 1); i++) {
			const uint8_t *cut = memchr(at, 0xFF, (size_t)(end - at));
			if (cut == NULL)
				cut = end;
			say(fd, at, (size_t)(cut - at), tag[i]);
			at = cut < end ? cut + 1 : end;
		}
		if (heard > 0)
			tag[0] = tag[heard - 1];
	}
	shutdown(fd, SHUT_WR);
	while (hear(fd, tag) >= 0)
		;
}

static void *run_server(void *unused)
{
	int on = 1;
	for (;;) {
		int fd = accept(server.listener, NULL, NULL);
		FUZZ_HOLDS(fd >= 0);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		pthread_mutex_lock(&server.lock);
		serve(fd);
		pthread_mutex_unlock(&server.lock);
		close(fd);
	}
	return unused;
}

static void start_server(void)
{
	pthread_t thread;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof address;
	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FUZZ_HOLDS(bind(server.listener, (struct sockaddr *)&address, n) == 0);
	FUZZ_HOLDS(listen(server.listener, 4) == 0);
	FUZZ_HOLDS(getsockname(server.listener, (struct sockaddr *)&address, &n) == 0);
	server.port = ntohs(address.sin_port);
	FUZZ_HOLDS(pthread_create(&thread, NULL, run_server, NULL) == 0);
	pthread_detach(thread);
}

/* ---- the client ---- */

struct client {
	struct arena *arena;
	struct flag_table *flags;
	const struct store_ops *ops;
	struct session *session;
	struct error err;
};

static bool lives(const struct client *c)
{
	return c->err.scope < ERROR_STORE;
}

static void list(struct client *c, const char *name, const char *epoch, const char *since)
{
	struct message_list list;
	int got = 1;
	if (!lives(c) || !c->ops->list(c->session, name, epoch, since, c->flags, &c->err))
		return;
	while (got != 0 && lives(c)) {
		got = c->ops->listed(c->session, &list, &c->err);
		if (got <= 0)
			continue;
		for (size_t i = 0; i < list.n; i++)
			FUZZ_HOLDS(list.at[i].key != NULL && list.at[i].key[0] != '\0');
		arena_free(list.arena);
	}
}

/* A body has as many octets as were announced, or it fails. */
static void read_body(struct client *c, struct reader *reader)
{
	const uint8_t *run;
	uint64_t sum = 0, size = reader->size;
	ssize_t n;
	while ((n = reader->next(reader, &run, &c->err)) > 0)
		sum += (uint64_t)n;
	FUZZ_HOLDS(n < 0 || sum == size);
}

static void fetch(struct client *c, enum fetch_part part)
{
	static const char *const keys[] = {"1", "2", "4294967295"};
	struct message m;
	struct reader *reader;
	int got = 1;
	if (!lives(c) || !c->ops->fetch(c->session, "INBOX", "7", keys, 3, part, &c->err))
		return;
	while (got != 0 && lives(c)) {
		got = c->ops->take(c->session, &m, &reader, &c->err);
		FUZZ_HOLDS(got <= 0 || m.key == keys[0] || m.key == keys[1] || m.key == keys[2]);
		if (got > 0 && reader != NULL)
			read_body(c, reader);
	}
}

static ssize_t text_next(struct reader *reader, const uint8_t **run, struct error *err)
{
	(void)err;
	*run = (const uint8_t *)"A: b\r\n\r\n";
	ssize_t n = (ssize_t)reader->size;
	reader->next = NULL;
	return n;
}

static ssize_t text_once(struct reader *reader, const uint8_t **run, struct error *err);

static ssize_t text_end(struct reader *reader, const uint8_t **run, struct error *err)
{
	(void)run;
	(void)err;
	reader->next = text_once;
	return 0;
}

static ssize_t text_once(struct reader *reader, const uint8_t **run, struct error *err)
{
	ssize_t n = text_next(reader, run, err);
	reader->next = text_end;
	return n;
}

static void change(struct client *c)
{
	const struct target target = {.mailbox = "INBOX", .epoch = "7", .cursor = "7:5:3"};
	struct message m = {.received = 1700000000, .flags = FLAG_SEEN};
	struct reader reader = {8, text_once};
	struct outcome o;
	int got = 1;
	bool asked = lives(c) &&
		     c->ops->append(c->session, 0, "INBOX", NULL, &m, c->flags, &reader, &c->err) &&
		     c->ops->mark(c->session, 1, &target, "1", c->flags, FLAG_SEEN, 0, &c->err) &&
		     c->ops->move(c->session, 2, &target, "2", "b", &c->err) &&
		     c->ops->expunge(c->session, 3, &target, "3", &c->err);
	unsigned told = 0;
	while (got != 0 && lives(c)) {
		got = c->ops->settle(c->session, &o, &c->err);
		FUZZ_HOLDS(got <= 0 || (o.ticket <= 3 && (told & 1u << o.ticket) == 0));
		if (got > 0)
			told |= 1u << o.ticket;
	}
	FUZZ_HOLDS(!asked || !lives(c) || told == 15);
}

static void use(struct client *c)
{
	struct mailbox_list boxes;
	c->ops->mailboxes(c->session, c->arena, &boxes, &c->err);
	list(c, "INBOX", NULL, NULL);
	list(c, "b", "7", "7:5:3");
	fetch(c, FETCH_HEADER);
	fetch(c, FETCH_BODY);
	if (lives(c))
		c->ops->create(c->session, "b", 0, true, &c->err);
	change(c);
}

static void nobody_hears(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (server.port == 0) {
		log_set_sink(nobody_hears);
		start_server();
		server.client = gettid();
	}
	pthread_mutex_lock(&server.lock);
	server.data = data;
	server.n = size;
	pthread_mutex_unlock(&server.lock);

	struct client c = {.arena = arena_new(), .flags = flag_table_new()};
	struct store_config config = {.name = "work",
		.kind = "imap",
		.imap = {.host = "127.0.0.1",
			.port = server.port,
			.user = "ann",
			.password = {.source = SECRET_LITERAL, .value = "s3cret"},
			.tls = TLS_NONE,
			.connections = 1,
			.timeout = 2}};
	struct store *store = store_new(&config, c.arena);
	c.ops = store->ops;
	c.session = c.ops->connect(store, &c.err);
	if (c.session != NULL) {
		use(&c);
		c.ops->disconnect(c.session);
	}
	/* The server is done with the input. */
	pthread_mutex_lock(&server.lock);
	server.n = 0;
	pthread_mutex_unlock(&server.lock);
	store_free(store);
	flag_table_free(c.flags);
	arena_free(c.arena);
	return 0;
}
