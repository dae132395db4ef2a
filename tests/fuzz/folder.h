#ifndef MAILTWIN_TESTS_FUZZ_FOLDER_H
#define MAILTWIN_TESTS_FUZZ_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"

/* fuzz_folder(): a folder for the files of this process, made when first asked for; it goes when
 * the process ends. */
static const char *fuzz_folder(void);

static int fuzz_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void fuzz_remove_folder(void)
{
	nftw(fuzz_folder(), fuzz_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *fuzz_folder(void)
{
	static char path[200];
	const char *tmp = getenv("TMPDIR");
	if (path[0] == '\0') {
		snprintf(path, sizeof path, "%s/mailtwin-fuzz.XXXXXX", tmp != NULL ? tmp : "/tmp");
		FUZZ_HOLDS(mkdtemp(path) != NULL);
		atexit(fuzz_remove_folder);
	}
	return path;
}

#endif
