#include "config.h"

#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

extern char **environ;

/* Names of variables; they stay for as long as the process does. */
static char **hidden;
static size_t n_hidden;

static void *checked(void *p)
{
	if (p == NULL)
		die_out_of_memory();
	return p;
}

static bool is_hidden(const char *entry)
{
	for (size_t i = 0; i < n_hidden; i++) {
		size_t n = strlen(hidden[i]);
		if (strncmp(entry, hidden[i], n) == 0 && entry[n] == '=')
			return true;
	}
	return false;
}

void program_hide(const char *name)
{
	hidden = checked(realloc(hidden, (n_hidden + 1) * sizeof *hidden));
	hidden[n_hidden++] = checked(strdup(name));
}

const char *program_hidden(size_t i)
{
	return i < n_hidden ? hidden[i] : NULL;
}

/* The environment's strings are lent, the list of them is the caller's to free. */
static char **visible_environment(void)
{
	size_t n = 0, kept = 0;
	while (environ != NULL && environ[n] != NULL)
		n++;
	char **list = checked(calloc(n + 1, sizeof *list));
	for (size_t i = 0; i < n; i++)
		if (!is_hidden(environ[i]))
			list[kept++] = environ[i];
	return list;
}

static bool set_files(posix_spawn_file_actions_t *files, int in, int out)
{
	return (in < 0 ? posix_spawn_file_actions_addopen(
				 files, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
		       : posix_spawn_file_actions_adddup2(files, in, STDIN_FILENO)) == 0 &&
	       posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO) == 0;
}

static bool set_signals(posix_spawnattr_t *how, bool session)
{
	static const int ours[] = {SIGPIPE, SIGTERM, SIGINT, SIGCHLD};
	sigset_t none, defaults;
	sigemptyset(&none);
	sigemptyset(&defaults);
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		sigaddset(&defaults, ours[i]);
	int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	return posix_spawnattr_setsigmask(how, &none) == 0 &&
	       posix_spawnattr_setsigdefault(how, &defaults) == 0 &&
	       posix_spawnattr_setflags(
		       how, (short)(session ? flags | POSIX_SPAWN_SETSID : flags)) == 0;
}

int program_start(const char *const *argv, int in, int out, bool session, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	if (posix_spawn_file_actions_init(&files) != 0 || posix_spawnattr_init(&how) != 0)
		die_out_of_memory();
	char **environment = visible_environment();
	int failed = ENOMEM;
	if (set_files(&files, in, out) && set_signals(&how, session))
		failed = posix_spawnp(pid, argv[0], &files, &how, (char *const *)argv, environment);
	free(environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	return failed;
}
