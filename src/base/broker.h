#ifndef MAILTWIN_BASE_BROKER_H
#define MAILTWIN_BASE_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/*
 * A small process beside ours that starts programs and looks up names.
 *
 * It is forked before the configuration is read, so that it holds no secret, and is then told the
 * argument lists and host names that stand there.  It does nothing else: a process of ours that
 * somebody took over through a server's replies may not start programs itself (base/sandbox.h), and
 * of the broker it can only ask for what the person wrote into the configuration.
 *
 *	we  -- "run list 2" + two descriptors -->  broker  -- fork -->  keeper  -->  program
 *	we  <------- "it runs", "it ended with status 0" ----------------'
 *
 * Each task has a keeper, which tells how it ends and ends it when we close our descriptor, by
 * intent or because we died.  Thus a lookup, too, ends when the user says stop.
 *
 * Where broker_start() was not called (in tests), each task gets a broker of its own.
 */

/*
 * broker_start(void): fork it; before threads are started and secrets read.  False with errno set.
 * broker_allow(argv), broker_allow_name(host): tell it what may be asked for; copied.
 * broker_seal(): nothing more may be told, and no program is to see the variables of
 * program_hide().  A broker that was told nothing ends.
 * broker_stop(): let it end, and wait for it.
 */
bool broker_start(void);
bool broker_allow(const char *const *argv);
bool broker_allow_name(const char *host);
bool broker_seal(void);
void broker_stop(void);

/*
 * broker_command(argv, out), broker_tunnel(argv, stream):
 * Start a program (see program_start()): a command has no input, prints to ${out} and leads a
 * session of its own; a tunnel has ${stream} as input and output.  Return a descriptor for
 * broker_ended() and broker_end(); or -1 with errno, EPERM for what was not allowed.  Any thread
 * may call.
 */
int broker_command(const char *const *argv, int out);
int broker_tunnel(const char *const *argv, int stream);

/*
 * broker_ended(task, status): whether it ended, with ${*status} as of waitpid(), or -1 where nobody
 * knows; ${task} becomes readable then.  Does not wait.
 *
 * broker_end(task, status): end the task if it still runs, wait for that, and close ${task}: a
 * command is killed with all that it started; a tunnel's program first gets time, SIGTERM and more
 * time, for ssh to hand on our LOGOUT.
 */
bool broker_ended(int task, int *status);
void broker_end(int task, int *status);

/* Addresses of a name.  Hosts have a handful; what a DNS query brings beyond it is dropped. */
#define BROKER_ADDRESSES 32

struct broker_addresses {
	int failed; /* EAI_*, 0 = found */
	int number; /* errno, for EAI_SYSTEM */
	size_t n;
	struct {
		socklen_t len;
		struct sockaddr_storage address; /* its port is 0 */
	} at[BROKER_ADDRESSES];
};

/*
 * broker_resolve(host): begin to look up ${host}; a task as above.
 * broker_addresses(task, out): what was found, once ${task} is readable; false when the lookup
 * died.
 */
int broker_resolve(const char *host);
bool broker_addresses(int task, struct broker_addresses *out);

#endif
