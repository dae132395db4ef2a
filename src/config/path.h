#ifndef MAILTWIN_CONFIG_PATH_H
#define MAILTWIN_CONFIG_PATH_H

#include "base/arena.h"
#include "base/error.h"

/*
 * Paths as people write them.
 *
 * path_absolute(text, folder, arena, err):
 * ${text} as an absolute path: "~" is the home folder, and what is relative starts at
 * ${folder}, itself absolute.  Empty and "." components and slashes at the end go; ".." stays,
 * because only the file system knows where it leads.  NULL with CAUSE_CONFIG where there is no
 * home folder, and for "~name".
 */
const char *path_absolute(
	const char *text, const char *folder, struct arena *arena, struct error *err);

/* path_home(arena): $HOME, or what the user database says; NULL where neither is absolute. */
const char *path_home(struct arena *arena);

/* path_working(arena): the working directory, "/" where it is gone. */
const char *path_working(struct arena *arena);

/* path_folder(path, arena): the absolute folder that the file ${path} is in. */
const char *path_folder(const char *path, struct arena *arena);

#endif
