#ifndef MAILTWIN_TESTS_TREE_H
#define MAILTWIN_TESTS_TREE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Directories for tests.  What fails here fails the test.
 *
 * tree_make(path, size): a new empty directory for one test, its path in ${path}.
 * tree_remove(path): it and all that is in it.
 */
void tree_make(char *path, size_t size);
void tree_remove(const char *path);

/* tree_directory(path, name): make ${name} below ${path}, and what is above it.
 * tree_put(path, name, data, n): make the file ${name} of ${n} bytes; tree_puts(): of a text.
 * A directory above it is made as well. */
void tree_directory(const char *path, const char *name);
void tree_put(const char *path, const char *name, const void *data, size_t n);
void tree_puts(const char *path, const char *name, const char *text);

/* tree_maildir(path, name): the directories cur, new and tmp of a folder. */
void tree_maildir(const char *path, const char *name);

/* tree_get(path, name, n): all of a file, to be freed; a NUL follows it.  ${n} may be NULL. */
char *tree_get(const char *path, const char *name, size_t *n);

/* tree_has(path, name): whether there is anything of that name.
 * tree_list(path): the names of all below ${path} but directories, sorted, each with a blank after
 * it; to be freed. */
bool tree_has(const char *path, const char *name);
char *tree_list(const char *path);

#endif
