#include "base/memory.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/error.h"

static void *checked(void *p)
{
	if (p == NULL)
		die_out_of_memory();
	return p;
}

static void *get(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return size == 0 ? NULL : checked(malloc(size));
}

static void *resize(void *p, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	if (size > 0)
		return checked(realloc(p, size));
	free(p);
	return NULL;
}

static void give_back(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

void memory_guard(void)
{
	CRYPTO_set_mem_functions(get, resize, give_back);
}
