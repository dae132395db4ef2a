#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/broker.h"
#include "base/broker_private.h"
#include "base/error.h"
#include "base/program.h"

/* The broker's own descriptor; everything above it was ours. */
#define CONTROL 3

/* Words of one list: each has two octets at least, and a NULL ends them. */
#define WORDS_MAX (BROKER_MESSAGE_MAX / 2 + 1)

/* What may be asked for: words, each ending in NUL, as they came. */
struct item {
	char *words;
	size_t len;
};

static struct item *items;
static size_t n_items;

/* ---- a keeper: one task ---- */

/* How a task is ended once nobody wants it any more. */
struct step {
	int after; /* milliseconds */
	int signal;
};

/* A program sees the end of its input, then SIGTERM, then SIGKILL. */
static const struct step gently[] = {{300, SIGTERM}, {2000, SIGKILL}, {-1, 0}};
static const struct step at_once[] = {{0, SIGKILL}, {-1, 0}};

static void note_child(int signal)
{
	(void)signal; /* it ends ppoll() */
}

static void tell(int task, int what, int value)
{
	const struct broker_answer answer = {what, value};
	(void)send(task, &answer, sizeof answer, MSG_NOSIGNAL); /* who asked may be gone */
}

/* Wait for the end of ${child}, and end it where the other side of ${task} goes.  ${group}: it, and
 * all that it started. */
static _Noreturn void keep(int task, pid_t child, bool group, const struct step *step)
{
	sigset_t none;
	bool wanted = true;
	sigemptyset(&none);
	for (int status;;) {
		if (waitpid(child, &status, WNOHANG) == child) {
			tell(task, BROKER_ENDED, status);
			_exit(0);
		}
		struct pollfd other = {.fd = wanted ? task : -1, .events = POLLIN};
		struct timespec left = {step->after / 1000, step->after % 1000 * 1000000L};
		int ready = ppoll(&other, 1, wanted || step->after < 0 ? NULL : &left, &none);
		if (ready > 0)
			wanted = false;
		else if (ready == 0)
			(void)kill(group ? -child : child, (step++)->signal);
	}
}

static int exec_item(const struct item *item, const int fd[2], bool tunnel, pid_t *child)
{
	const char **argv = calloc(WORDS_MAX, sizeof *argv);
	if (argv == NULL)
		die_out_of_memory();
	size_t n = 0;
	for (const char *at = item->words; at < item->words + item->len; at += strlen(at) + 1)
		argv[n++] = at;
	return program_start(argv, tunnel ? fd[1] : -1, fd[1], !tunnel, child);
}

static void add_addresses(struct broker_addresses *out, const struct addrinfo *list)
{
	for (; list != NULL && out->n < BROKER_ADDRESSES; list = list->ai_next) {
		if (list->ai_addrlen > sizeof out->at[0].address)
			continue;
		out->at[out->n].len = list->ai_addrlen;
		memcpy(&out->at[out->n++].address, list->ai_addr, list->ai_addrlen);
	}
}

static _Noreturn void look_up(const struct item *item, int task)
{
	struct broker_addresses found = {0};
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	found.failed = getaddrinfo(item->words, NULL, &hints, &list);
	found.number = errno;
	if (found.failed == 0)
		add_addresses(&found, list);
	(void)send(task, &found, sizeof found, MSG_NOSIGNAL);
	_exit(0);
}

/* ${fd}: the task's socket, and what is for the program. */
static _Noreturn void be_keeper(enum broker_word word, const struct item *item, const int fd[2])
{
	sigset_t child_ends;
	struct sigaction note = {.sa_handler = note_child};
	pid_t child = -1;
	close(CONTROL);
	sigemptyset(&child_ends);
	sigaddset(&child_ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_ends, NULL);
	sigemptyset(&note.sa_mask);
	sigaction(SIGCHLD, &note, NULL);
	int failed = 0;
	if (word != BROKER_NAME)
		failed = exec_item(item, fd, word == BROKER_TUNNEL, &child);
	else if ((child = fork()) == 0)
		look_up(item, fd[0]);
	else if (child < 0)
		failed = errno;
	if (fd[1] >= 0)
		close(fd[1]);
	tell(fd[0], BROKER_STARTED, failed);
	if (failed != 0)
		_exit(0);
	keep(fd[0], child, word == BROKER_COMMAND, word == BROKER_TUNNEL ? gently : at_once);
}

/* ---- the broker ---- */

static void serve_task(const struct broker_request *request, const int fd[2])
{
	int failed = request->id < n_items ? 0 : EPERM;
	pid_t keeper = failed == 0 ? fork() : -1;
	if (keeper == 0)
		be_keeper(request->word, &items[request->id], fd);
	if (keeper < 0)
		tell(fd[0], BROKER_STARTED, failed != 0 ? failed : errno);
}

static void allow(const char *words, size_t len)
{
	struct item *grown = realloc(items, (n_items + 1) * sizeof *items);
	char *copy = malloc(len);
	if (grown == NULL || copy == NULL)
		die_out_of_memory();
	memcpy(copy, words, len);
	items = grown;
	items[n_items++] = (struct item){copy, len};
}

/* The variable's place stays readable in /proc for root: it is overwritten, too. */
static void hide(const char *name)
{
	char *value = getenv(name);
	if (value != NULL)
		explicit_bzero(value, strlen(value));
	unsetenv(name);
}

static void serve(const char *message, size_t len, const int fd[2])
{
	struct broker_request request;
	if (message[0] == BROKER_ALLOW && len > 1)
		allow(message + 1, len - 1);
	else if (message[0] == BROKER_HIDE && len > 1)
		hide(message + 1);
	else if (len == sizeof request && fd[0] >= 0) {
		memcpy(&request, message, sizeof request);
		serve_task(&request, fd);
	}
}

/* Octets of a message with its descriptors (-1: none); 0 at the end. */
static ssize_t receive(char *message, size_t size, int fd[2])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = {message, size};
	struct msghdr header = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	fd[0] = fd[1] = -1;
	ssize_t n = recvmsg(CONTROL, &header, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *part = n > 0 ? CMSG_FIRSTHDR(&header) : NULL;
	if (part != NULL && part->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(part), part->cmsg_len - CMSG_LEN(0));
	return n;
}

/* Standard error stays, for what programs have to say. */
static void leave_descriptors(int control)
{
	int nothing = open("/dev/null", O_RDWR);
	dup2(nothing, STDIN_FILENO);
	dup2(nothing, STDOUT_FILENO);
	if (control != CONTROL)
		dup2(control, CONTROL);
	fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
#ifdef SYS_close_range
	if (syscall(SYS_close_range, CONTROL + 1, ~0U, 0) == 0)
		return;
#endif
	long most = sysconf(_SC_OPEN_MAX);
	for (int fd = CONTROL + 1; fd < (most < 0 || most > 65536 ? 65536 : most); fd++)
		close(fd);
}

_Noreturn void broker_serve(int control)
{
	static char message[BROKER_MESSAGE_MAX + 1];
	int fd[2];
	leave_descriptors(control);
	/* Ctrl-C is for the whole group; ours to obey it is the one who asks. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		ssize_t n = receive(message, sizeof message - 1, fd);
		if (n == 0 || (n < 0 && errno != EINTR))
			_exit(0);
		message[n > 0 ? n : 0] = '\0';
		if (n > 0)
			serve(message, (size_t)n, fd);
		for (int i = 0; i < 2; i++)
			if (fd[i] >= 0)
				close(fd[i]);
	}
}
