#include "config.h"

#include "base/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/broker_private.h"
#include "base/error.h"
#include "base/program.h"

/* Words, each ending in NUL, behind one octet for the message's kind. */
struct list {
	char *message;
	size_t len;
};

struct broker {
	int control; /* -1: there is none */
	pid_t pid;
	struct list *allowed;
	size_t n;
};

static struct broker one = {.control = -1};

/* The configuration was read with a broker beside it: what is not known now is not to be done. */
static bool sealed;

static void *checked(void *p)
{
	if (p == NULL)
		die_out_of_memory();
	return p;
}

/* ---- what may be asked for ---- */

static struct list join(enum broker_word word, const char *const *argv)
{
	size_t len = 1;
	for (size_t i = 0; argv[i] != NULL; i++)
		len += strlen(argv[i]) + 1;
	struct list list = {checked(malloc(len)), 1};
	list.message[0] = (char)word;
	for (size_t i = 0; argv[i] != NULL; i++) {
		size_t n = strlen(argv[i]) + 1;
		memcpy(list.message + list.len, argv[i], n);
		list.len += n;
	}
	return list;
}

static bool tell(const struct broker *b, const struct list *list)
{
	if (list->len > BROKER_MESSAGE_MAX) {
		errno = E2BIG;
		return false;
	}
	return send(b->control, list->message, list->len, MSG_NOSIGNAL) >= 0;
}

/* Its number, or -1. */
static ssize_t find(const struct broker *b, const struct list *list)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->allowed[i].len == list->len &&
			memcmp(b->allowed[i].message, list->message, list->len) == 0)
			return (ssize_t)i;
	return -1;
}

static bool allow(struct broker *b, const char *const *argv)
{
	struct list list = join(BROKER_ALLOW, argv);
	bool known = find(b, &list) >= 0, ok = known || tell(b, &list);
	if (known || !ok) {
		free(list.message);
		return ok;
	}
	b->allowed = checked(realloc(b->allowed, (b->n + 1) * sizeof *b->allowed));
	b->allowed[b->n++] = list;
	return true;
}

/* ---- its life ---- */

static bool start(struct broker *b)
{
	int ends[2];
	*b = (struct broker){.control = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	b->pid = fork();
	if (b->pid == 0)
		broker_serve(ends[1]);
	int number = errno;
	close(ends[1]);
	if (b->pid > 0)
		b->control = ends[0];
	else
		close(ends[0]);
	errno = number;
	return b->pid > 0;
}

static void stop(struct broker *b)
{
	if (b->control < 0)
		return;
	close(b->control);
	while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < b->n; i++)
		free(b->allowed[i].message);
	free(b->allowed);
	*b = (struct broker){.control = -1};
}

bool broker_start(void)
{
	sealed = false;
	return one.control >= 0 || start(&one);
}

bool broker_allow(const char *const *argv)
{
	return allow(&one, argv);
}

bool broker_allow_name(const char *host)
{
	const char *const words[] = {host, NULL};
	return allow(&one, words);
}

bool broker_seal(void)
{
	const char *name;
	sealed = true;
	if (one.n == 0)
		stop(&one);
	for (size_t i = 0; one.control >= 0 && (name = program_hidden(i)) != NULL; i++) {
		const char *const words[] = {name, NULL};
		struct list list = join(BROKER_HIDE, words);
		bool ok = tell(&one, &list);
		free(list.message);
		if (!ok)
			return false;
	}
	return true;
}

void broker_stop(void)
{
	stop(&one);
	sealed = false;
}

/* ---- tasks ---- */

/* ${fd}: our task's other end, and what is for the program, or -1. */
static bool ask(const struct broker *b, enum broker_word word, size_t id, const int fd[2])
{
	struct broker_request request;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control;
	size_t fds = (fd[1] >= 0 ? 2 : 1) * sizeof *fd;
	struct iovec iov = {&request, sizeof request};
	struct msghdr header = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(fds)};
	memset(&request, 0, sizeof request);
	memset(&control, 0, sizeof control);
	request.word = (uint8_t)word;
	request.id = (uint32_t)id;
	struct cmsghdr *part = CMSG_FIRSTHDR(&header);
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(fds);
	memcpy(CMSG_DATA(part), fd, fds);
	return sendmsg(b->control, &header, MSG_NOSIGNAL) >= 0;
}

static int begin(const struct broker *b, enum broker_word word, size_t id, int with)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	bool asked = ask(b, word, id, (const int[2]){ends[1], with});
	int number = errno;
	close(ends[1]);
	if (asked)
		return ends[0];
	close(ends[0]);
	errno = number;
	return -1;
}

/* One answer; where there will be none, that it ended as nobody knows. */
static struct broker_answer next_answer(int task, int flags)
{
	struct broker_answer answer = {-1, -1};
	ssize_t n;
	do /* addresses that nobody took are passed over */
		n = recv(task, &answer, sizeof answer, flags | MSG_TRUNC);
	while ((n < 0 && errno == EINTR) || n > (ssize_t)sizeof answer);
	if (n == (ssize_t)sizeof answer)
		return answer;
	return (struct broker_answer){n < 0 && errno == EAGAIN ? BROKER_STARTED : BROKER_ENDED, -1};
}

/* Wait for it: a fork and an exec. */
static int started(int task)
{
	struct broker_answer answer = next_answer(task, 0);
	if (answer.what == BROKER_STARTED && answer.value == 0)
		return task;
	close(task);
	errno = answer.what == BROKER_STARTED ? answer.value : EPIPE;
	return -1;
}

static int request(enum broker_word word, const char *const *argv, int with)
{
	struct broker own, *b = &one;
	bool temporary = one.control < 0 && !sealed;
	if (temporary) {
		b = &own;
		if (!start(b))
			return -1;
		if (!allow(b, argv)) {
			int number = errno;
			stop(b);
			errno = number;
			return -1;
		}
	}
	struct list list = join(BROKER_ALLOW, argv);
	ssize_t id = find(b, &list);
	free(list.message);
	int task = -1;
	errno = EPERM;
	if (id >= 0)
		task = begin(b, word, (size_t)id, with);
	if (task >= 0 && word != BROKER_NAME)
		task = started(task);
	int number = errno;
	if (temporary)
		stop(b);
	errno = number;
	return task;
}

int broker_command(const char *const *argv, int out)
{
	return request(BROKER_COMMAND, argv, out);
}

int broker_tunnel(const char *const *argv, int stream)
{
	return request(BROKER_TUNNEL, argv, stream);
}

bool broker_ended(int task, int *status)
{
	struct broker_answer answer = next_answer(task, MSG_DONTWAIT);
	*status = answer.value;
	return answer.what == BROKER_ENDED;
}

void broker_end(int task, int *status)
{
	struct broker_answer answer;
	shutdown(task, SHUT_WR);
	do
		answer = next_answer(task, 0);
	while (answer.what != BROKER_ENDED);
	*status = answer.value;
	close(task);
}

int broker_resolve(const char *host)
{
	const char *const words[] = {host, NULL};
	return request(BROKER_NAME, words, -1);
}

/* That the lookup began is told as well, before what was found or after it. */
bool broker_addresses(int task, struct broker_addresses *out)
{
	for (;;) {
		ssize_t n = recv(task, out, sizeof *out, 0);
		if (n == (ssize_t)sizeof *out)
			return true;
		struct broker_answer answer;
		if (n != (ssize_t)sizeof answer)
			return false;
		memcpy(&answer, out, sizeof answer);
		if (answer.what == BROKER_ENDED || answer.value != 0)
			return false;
	}
}
