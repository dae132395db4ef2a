#ifndef MAILTWIN_TESTS_FAULTS_H
#define MAILTWIN_TESTS_FAULTS_H

#include <stdbool.h>
#include <time.h>

/*
 * System calls that fail when they are told to: a test that is linked with faults.c and
 * $(WRAP_FAULTS) has these calls of its program go through it (ld --wrap).
 */
enum call { CALL_WRITE, CALL_READ, CALL_FSYNC, CALL_RENAME, CALL_LINK, CALL_READDIR, CALLS };

/* fail_call(call, nth, error): let the ${nth} one from now (0: none) fail with errno ${error}.
 * faults_pending(): whether one was asked for that never came.
 * faults_reset(): all is as it was. */
void fail_call(enum call call, int nth, int error);
bool faults_pending(void);
void faults_reset(void);

/* What other programs, other file systems and time do. */
struct interference {
	const char *overlooked;	      /* readdir() does not see this name, once ... */
	void (*while_reading)(void);  /* ... and then this happens */
	void (*before_locking)(void); /* before the next flock(), once */
	bool without_types;	      /* readdir() does not tell what a name is */
	time_t time_passed;	      /* seconds that time() is ahead */
};
extern struct interference interfere;

#endif
