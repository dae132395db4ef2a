#ifndef MAILTWIN_BASE_ERROR_H
#define MAILTWIN_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A failure, as a value that travels to whoever can act on it.
 *
 * It says how far it reaches (who must stop), what caused it (which exit code
 * a person's script gets to see), whether a fresh connection may help, and one
 * lower-case sentence without a full stop: what failed, on what, why.
 */

/* How much of the run a failure spoils; a larger value reaches further. */
enum error_scope {
	ERROR_NONE,	/* nothing failed */
	ERROR_MESSAGE,	/* skip this message, go on */
	ERROR_MAILBOX,	/* skip this mailbox, go on */
	ERROR_STORE,	/* this store is lost; finish the others */
	ERROR_CANCELLED /* the user said stop: commit what is done */
};

/* Why it failed; each value is the exit code of the same meaning. */
enum error_cause {
	CAUSE_NONE = 0,
	CAUSE_MAIL = 1,	   /* a message or mailbox was refused, or is damaged */
	CAUSE_CONFIG = 2,  /* the command line or the configuration is wrong */
	CAUSE_SIGNIN = 3,  /* sign-in or TLS was refused: trying again will not help */
	CAUSE_NETWORK = 4, /* a server could not be reached, went away, or broke the protocol */
	CAUSE_DOUBT = 5,   /* held back: a person must look */
	CAUSE_BUSY = 6,	   /* another run holds the pair or the store */
	CAUSE_LOCAL = 7	   /* local storage failed: disk full, permission, damaged state */
};

/* Of error.later: for a while, and nobody said how long. */
#define ERROR_LATER ((int64_t)-1)

struct error {
	enum error_scope scope;
	enum error_cause cause;
	bool transient; /* a fresh connection may well succeed */
	char text[480];
	int64_t later; /* transient: milliseconds for which the peer wants to be left alone; 0 = it
			* did not say; ERROR_LATER = for a while */
};

/*
 * error_set(err, scope, cause, fmt, ...):
 * Fill ${err} with the formatted sentence, cut to its size.  ${err} may be NULL
 * where the caller does not want to know.  Always return false, so that a
 * failing path is one line: `return error_set(err, ...)`.
 */
bool error_set(struct error *err, enum error_scope scope, enum error_cause cause, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));

/*
 * error_errno(err, scope, fmt, ...):
 * As error_set() with CAUSE_LOCAL; ": " and the text of errno are appended.
 * Call it before anything else can change errno.  ENOMEM ends the program.
 */
bool error_errno(struct error *err, enum error_scope scope, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * error_context(err, fmt, ...):
 * Put the formatted text and ": " before what ${err} says already:
 * "INBOX: cannot rename ...".  Return false.
 */
bool error_context(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * die_out_of_memory(void):
 * Print one line and leave with exit code 7 at once: there is nothing to clean
 * up that the next run would not repair.
 */
_Noreturn void die_out_of_memory(void);

#endif
