#include "config.h"

#include "store/maildir.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/ascii.h"

/*
 * A name that no other file has, in the form that Dovecot and others give theirs:
 *
 *   key = seconds ".M" microseconds "P" pid "Q" counter "_" 16 hex digits "." host
 *
 * The random digits alone would do; time and host are for people, and for programs that sort by
 * them.  The counter makes up for a clock that is set back.
 */
enum { HOST_MAX = 64 /* the rest of a file's name needs room as well */ };

static char host[HOST_MAX + 1];
static pthread_once_t host_known = PTHREAD_ONCE_INIT;
static atomic_uint counter;

static bool is_plain(char c)
{
	return ascii_is_digit(c) || c == '.' || c == '-' || c == '_' ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* What would end a key, or be no file name, is left out of the host's name. */
static void find_host(void)
{
	char name[256] = "";
	if (gethostname(name, sizeof name - 1) < 0 || name[0] == '\0')
		strcpy(name, "localhost");
	size_t n = 0;
	for (const char *p = name; *p != '\0' && n < HOST_MAX; p++)
		if (is_plain(*p))
			host[n++] = *p;
}

static uint64_t random_number(void)
{
	uint64_t number = 0;
	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
		struct timespec now;
		clock_gettime(CLOCK_MONOTONIC, &now);
		number = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	}
	return number;
}

const char *maildir_new_key(struct store *store, struct arena *arena)
{
	struct timespec now;
	(void)store;
	pthread_once(&host_known, find_host);
	clock_gettime(CLOCK_REALTIME, &now);
	return arena_printf(arena, "%lld.M%06ldP%ldQ%u_%016" PRIx64 ".%s", (long long)now.tv_sec,
		now.tv_nsec / 1000, (long)getpid(), atomic_fetch_add(&counter, 1) + 1,
		random_number(), host);
}
