#ifndef MAILTWIN_BASE_BROKER_PRIVATE_H
#define MAILTWIN_BASE_BROKER_PRIVATE_H

#include <stdint.h>

/*
 * What both ends of a broker's sockets (AF_UNIX, SOCK_SEQPACKET: a message stays one) agree on.
 *
 *	to the broker	BROKER_ALLOW, BROKER_HIDE	and the words, each ending in NUL
 *			BROKER_COMMAND, BROKER_TUNNEL, BROKER_NAME	struct request; SCM_RIGHTS:
 *the task's socket, and for the first two a descriptor for the program from a keeper	struct
 *answer; of a name before it struct broker_addresses
 */
enum broker_word { BROKER_ALLOW, BROKER_HIDE, BROKER_COMMAND, BROKER_TUNNEL, BROKER_NAME };

/* Longer than any argument list that a person writes; the kernel's own limit is 128 KiB a word. */
#define BROKER_MESSAGE_MAX ((size_t)64 * 1024)

struct broker_request {
	uint8_t word;
	uint32_t id; /* in order of BROKER_ALLOW, from 0 */
};

enum { BROKER_STARTED, BROKER_ENDED };

struct broker_answer {
	int what;
	int value; /* an errno; a status as of waitpid() */
};

/* broker_serve(control): be the broker, until the other end of ${control} is closed. */
_Noreturn void broker_serve(int control);

#endif
