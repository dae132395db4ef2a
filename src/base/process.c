#include "config.h"

#include "base/process.h"

#include <malloc.h>
#include <stddef.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/* Long lists are blocks of this size and more. */
#define LARGE_BLOCK (1024 * 1024)

void process_return_memory(void)
{
#ifdef M_MMAP_THRESHOLD
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
#endif
}

void process_keep_private(void)
{
	const struct rlimit none = {0, 0};
	(void)setrlimit(RLIMIT_CORE, &none);
#if defined(__linux__) && !defined(SANITIZED)
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
