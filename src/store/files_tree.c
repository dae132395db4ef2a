#include "store/files_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/file.h"
#include "mail/name.h"

struct walk {
	struct arena *arena;
	struct files_tree *out;
	bool eml;
	struct error *err;
};

/* ---- names ---- */

static bool ends_in(const char *name, const char *ending)
{
	size_t n = strlen(name), m = strlen(ending);
	return n > m && ascii_compare(name + n - m, ending) == 0;
}

static const char *without(const char *name, const char *ending, struct arena *arena)
{
	return ends_in(name, ending) ? arena_strndup(arena, name, strlen(name) - strlen(ending))
				     : name;
}

/* The level of a mailbox's name that a file or folder ${name} is. */
static const char *level_of(const char *name, struct arena *arena)
{
	const char *plain = without(without(name, ".gz", arena), ".mbox", arena);
	return name_escape_level(name_unescape(without(plain, ".sbd", arena), arena), "/", arena);
}

static const char *below(const char *parent, const char *level, struct arena *arena)
{
	return *parent == '\0' ? level : arena_printf(arena, "%s/%s", parent, level);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

static bool is_there(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* ---- mailboxes ---- */

/* The first line of a sidecar has the mailbox's own name; one that says nothing of the kind is
 * none. */
static void heed_sidecar(struct walk *w, struct files_box *box, const char *side)
{
	struct sidecar line;
	const char *text;
	size_t len;
	bool begins;
	struct files_lines *lines = is_there(side) ? files_lines_open(side, false, NULL) : NULL;
	if (lines != NULL && files_next_line(lines, &text, &len, &begins, NULL) > 0 &&
		sidecar_read(text, len, w->arena, &line) && line.mailbox != NULL &&
		name_fits(line.mailbox)) {
		box->name = name_canonical(line.mailbox, w->arena);
		box->side = arena_strdup(w->arena, side);
		box->use = line.use;
		box->subscribed = line.subscribed;
	}
	files_lines_free(lines);
}

static void add(struct walk *w, const char *name, const char *path, const char *side)
{
	struct files_box *box = ARENA_PUSH(w->arena, w->out->at, w->out->n, w->out->cap);
	*box = (struct files_box){.name = name_canonical(name, w->arena), .path = path};
	heed_sidecar(w, box, side);
}

/* An mbox begins with a separator, or is empty and called one. */
static bool is_mbox(const char *path, bool *is, struct error *err)
{
	struct files_source source;
	char start[5];
	if (!files_open_source(&source, path, true, err))
		return false;
	ssize_t n = files_read_source(&source, start, sizeof start, err);
	files_close_source(&source);
	*is = n == sizeof start ? memcmp(start, "From ", sizeof start) == 0
				: n == 0 && (ends_in(path, ".mbox") || ends_in(path, ".mbox.gz"));
	return n >= 0;
}

static bool add_mbox(struct walk *w, const char *path, const char *parent)
{
	bool is = false;
	if (!is_mbox(path, &is, w->err))
		return false;
	const char *side =
		arena_printf(w->arena, "%s%s", without(path, ".gz", w->arena), FILES_SIDECAR);
	if (is)
		add(w, below(parent, level_of(base_name(path), w->arena), w->arena), path, side);
	return true;
}

static bool walk(struct walk *w, const char *path, const char *name, unsigned depth);

static bool look_at(struct walk *w, const char *folder, const char *parent, const char *entry,
	unsigned depth, bool *letters)
{
	const char *path = arena_printf(w->arena, "%s/%s", folder, entry);
	struct stat st;
	if (lstat(path, &st) < 0)
		return error_errno(w->err, ERROR_STORE, "cannot look at '%s'", path);
	if (S_ISDIR(st.st_mode))
		return walk(w, path, below(parent, level_of(entry, w->arena), w->arena), depth + 1);
	if (!S_ISREG(st.st_mode))
		return true;
	*letters = *letters ||
		   (w->eml && (ends_in(entry, ".eml") || strcmp(entry, FILES_EML_SIDECAR) == 0));
	return w->eml || ends_in(entry, FILES_SIDECAR) || add_mbox(w, path, parent);
}

static bool walk(struct walk *w, const char *path, const char *name, unsigned depth)
{
	int fd =
		depth > NAME_MAX_LEVELS ? (errno = ELOOP, -1) : file_open_directory(AT_FDCWD, path);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool ok = true, letters = false;
	if (dir == NULL)
		return error_errno(w->err, ERROR_STORE, "cannot read the folder '%s'", path);
	while (ok && (entry = readdir(dir)) != NULL)
		ok = entry->d_name[0] == '.' ||
		     look_at(w, path, name, entry->d_name, depth, &letters);
	closedir(dir);
	if (ok && letters)
		add(w, *name != '\0' ? name : level_of(base_name(path), w->arena), path,
			arena_printf(w->arena, "%s/%s", path, FILES_EML_SIDECAR));
	return ok;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct files_box *)a)->name, ((const struct files_box *)b)->name);
}

static bool are_different(const struct files_tree *tree, struct error *err)
{
	for (size_t i = 1; i < tree->n; i++)
		if (strcmp(tree->at[i - 1].name, tree->at[i].name) == 0)
			return error_set(err, ERROR_STORE, CAUSE_CONFIG,
				"'%.100s' and '%.100s' are both the mailbox '%.100s'; import them "
				"one after the other",
				tree->at[i - 1].path, tree->at[i].path, tree->at[i].name);
	return true;
}

bool files_find(
	const char *path, bool eml, struct arena *arena, struct files_tree *out, struct error *err)
{
	struct walk w = {arena, out, eml, err};
	struct stat st;
	char *real = realpath(path, NULL);
	if (real == NULL || stat(real, &st) < 0) {
		free(real);
		return error_errno(err, ERROR_STORE, "cannot read '%s'", path);
	}
	const char *root = arena_strdup(arena, real);
	free(real);
	*out = (struct files_tree){0};
	bool ok = S_ISDIR(st.st_mode) ? walk(&w, root, "", 0) : !eml && add_mbox(&w, root, "");
	if (!ok && err->scope == ERROR_MAILBOX)
		err->scope = ERROR_STORE;
	if (ok && out->n == 0)
		ok = error_set(err, ERROR_STORE, CAUSE_CONFIG, "'%s' holds no %s", path,
			eml ? ".eml files" : "mbox");
	if (!ok && err->scope == ERROR_NONE)
		error_set(err, ERROR_STORE, CAUSE_CONFIG, "'%s' is no folder", path);
	if (ok)
		qsort(out->at, out->n, sizeof *out->at, by_name);
	return ok && are_different(out, err);
}
