#include <config.h>

#include "config/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Signals that end or stop a process from its terminal, or from outside. */
static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU};
#define CAUGHT (sizeof caught / sizeof *caught)

/* A handler knows only globals, and any thread may be the one that it interrupts: it leaves the
 * number of its signal in a pipe, which the waiting thread polls. */
static volatile sig_atomic_t signal_pipe = -1;

static void note_signal(int number)
{
	int saved = errno;
	unsigned char octet = (unsigned char)number;
	ssize_t written = write((int)signal_pipe, &octet, 1);
	(void)written; /* full: there are signals enough in it */
	errno = saved;
}

struct signals {
	struct sigaction before[CAUGHT];
	int pipe[2];
};

static bool catch_signals(struct signals *signals)
{
	if (pipe2(signals->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	signal_pipe = signals->pipe[1];
	struct sigaction note = {.sa_handler = note_signal};
	sigemptyset(&note.sa_mask);
	for (size_t i = 0; i < CAUGHT; i++) {
		sigaction(caught[i], &note, &signals->before[i]);
		if (signals->before[i].sa_handler == SIG_IGN)
			sigaction(caught[i], &signals->before[i], NULL);
	}
	return true;
}

/* Undo catch_signals(); the signal that came in between, or 0. */
static int release_signals(struct signals *signals)
{
	for (size_t i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &signals->before[i], NULL);
	unsigned char octet = 0;
	ssize_t n = read(signals->pipe[0], &octet, 1);
	close(signals->pipe[0]);
	close(signals->pipe[1]);
	signal_pipe = -1;
	return n == 1 ? octet : 0;
}

static bool is_stop(int number)
{
	return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

static void say(int tty, const char *text)
{
	ssize_t written = write(tty, text, strlen(text));
	(void)written; /* a terminal that takes no text will give none either */
}

/* Read up to the end of a line, of the file, or to a signal. */
static bool read_line(int tty, int signals, struct buffer *out, struct error *err)
{
	for (;;) {
		struct pollfd wait[2] = {{tty, POLLIN, 0}, {signals, POLLIN, 0}};
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			return error_errno(err, ERROR_STORE, "cannot read from the terminal");
		if (wait[1].revents != 0)
			return true;
		if (wait[0].revents == 0)
			continue;
		char *room = buffer_room(out, 1);
		if (room == NULL)
			return error_set(err, ERROR_STORE, CAUSE_CONFIG, "the line is too long");
		ssize_t n = read(tty, room, 1);
		if (n == 0 || (n == 1 && *room == '\n'))
			return true;
		if (n == 1)
			buffer_filled(out, 1);
		else if (errno != EINTR)
			return error_errno(err, ERROR_STORE, "cannot read from the terminal");
	}
}

/* With all signals blocked nothing interrupts it, and (SIGTTOU) a background process may, too. */
static void restore(int tty, const struct termios *before)
{
	sigset_t all, mask;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &mask);
	tcsetattr(tty, TCSAFLUSH, before);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

/* Ask once; *number is the signal that came instead of an answer, or 0. */
static bool ask(int tty, const char *question, struct buffer *out, int *number, struct error *err)
{
	struct signals signals;
	struct termios before, unseen;
	if (tcgetattr(tty, &before) < 0 || !catch_signals(&signals))
		return error_errno(err, ERROR_STORE, "cannot use the terminal");
	unseen = before;
	unseen.c_lflag &= ~(tcflag_t)ECHO;
	unseen.c_lflag |= ECHONL;
	bool ok = true;
	if (tcsetattr(tty, TCSAFLUSH, &unseen) == 0) {
		say(tty, question);
		ok = read_line(tty, signals.pipe[0], out, err);
		restore(tty, &before);
	}
	*number = release_signals(&signals);
	return ok;
}

bool prompt_secret(const char *question, struct buffer *out, struct error *err)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"nobody can be asked for it: there is no terminal");
	int number;
	bool ok;
	do {
		number = 0;
		buffer_wipe(out);
		ok = ask(tty, question, out, &number, err);
		if (number != 0) {
			say(tty, "\n");
			raise(number);
		}
	} while (ok && is_stop(number));
	close(tty);
	if (ok && number != 0)
		return error_set(err, ERROR_CANCELLED, CAUSE_NONE, "interrupted by a signal");
	return ok;
}
