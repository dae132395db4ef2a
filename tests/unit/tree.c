#include "config.h"

#include "unit.h"

#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *below(const char *path, const char *name)
{
	size_t size = strlen(path) + strlen(name) + 2;
	char *joined = malloc(size);
	assert_non_null(joined);
	snprintf(joined, size, "%s/%s", path, name);
	return joined;
}

void tree_make(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(path, size, "%s/mailtwin-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(path));
}

void tree_remove(const char *path)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return;
	if (!S_ISDIR(st.st_mode)) {
		unlink(path);
		return;
	}
	chmod(path, 0700);
	DIR *d = opendir(path);
	for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
			char *name = below(path, e->d_name);
			tree_remove(name);
			free(name);
		}
	if (d != NULL)
		closedir(d);
	rmdir(path);
}

static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

void tree_directory(const char *path, const char *name)
{
	char *whole = below(path, name);
	make_parents(whole);
	mkdir(whole, 0700);
	free(whole);
	assert_true(tree_has(path, name));
}

void tree_put(const char *path, const char *name, const void *data, size_t n)
{
	char *whole = below(path, name);
	make_parents(whole);
	FILE *file = fopen(whole, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	free(whole);
}

void tree_puts(const char *path, const char *name, const char *text)
{
	tree_put(path, name, text, strlen(text));
}

void tree_maildir(const char *path, const char *name)
{
	static const char *const parts[] = {"cur", "new", "tmp"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char *part = below(name, parts[i]);
		tree_directory(path, part);
		free(part);
	}
}

char *tree_get(const char *path, const char *name, size_t *n)
{
	char *whole = below(path, name);
	FILE *file = fopen(whole, "r");
	struct stat st;
	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	char *data = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)st.st_size, file), st.st_size);
	fclose(file);
	free(whole);
	if (n != NULL)
		*n = (size_t)st.st_size;
	return data;
}

bool tree_has(const char *path, const char *name)
{
	struct stat st;
	char *whole = below(path, name);
	bool has = lstat(whole, &st) == 0;
	free(whole);
	return has;
}

struct names {
	char **at;
	size_t n;
};

static void collect(const char *path, const char *prefix, struct names *names)
{
	DIR *d = opendir(path);
	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d)) != NULL;) {
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		char *whole = below(path, e->d_name);
		char *name = *prefix != '\0' ? below(prefix, e->d_name) : strdup(e->d_name);
		assert_int_equal(lstat(whole, &st), 0);
		if (S_ISDIR(st.st_mode)) {
			collect(whole, name, names);
			free(name);
		} else {
			names->at = realloc(names->at, (names->n + 1) * sizeof *names->at);
			names->at[names->n++] = name;
		}
		free(whole);
	}
	closedir(d);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *tree_list(const char *path)
{
	struct names names = {0};
	size_t size = 1;
	collect(path, "", &names);
	if (names.n > 0)
		qsort(names.at, names.n, sizeof *names.at, compare);
	for (size_t i = 0; i < names.n; i++)
		size += strlen(names.at[i]) + 1;
	char *list = calloc(1, size);
	assert_non_null(list);
	for (size_t i = 0; i < names.n; i++) {
		strcat(strcat(list, names.at[i]), " ");
		free(names.at[i]);
	}
	free(names.at);
	return list;
}
