#include "config.h"

#include "base/process.h"

#include <stddef.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

void process_keep_private(void)
{
	const struct rlimit none = {0, 0};
	(void)setrlimit(RLIMIT_CORE, &none);
#if defined(__linux__) && !defined(SANITIZED)
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
