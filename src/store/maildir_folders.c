#include "store/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

enum {
	/* A tree with more directories is no Maildir but, say, a home directory. */
	MAX_DIRECTORIES = 100000,
	/* Names looked at in a folder to learn which program writes there: all bear its mark. */
	TRACE_FILES = 20
};

/* The folders that a look at the tree found. */
struct scan {
	struct arena *arena;
	const char **path;
	size_t n, cap;
	size_t directories;
	bool has_cur;	 /* the root is a folder itself */
	bool has_hidden; /* ".Sub/cur" was seen at the root: Maildir++ */
	bool has_plain;	 /* "Sub/cur" was seen at the root: nested */
};

/*
 * Whether directory ${name} below ${at} is a folder.  One that cannot be looked into counts, as one
 * that is a symlink to a folder does: opening it will say why it is left out, and nobody takes it
 * for deleted.
 */
static bool is_folder(int at, const char *name, struct arena *arena)
{
	struct stat st;
	const char *cur = arena_printf(arena, "%s/cur", name);
	const char *new = arena_printf(arena, "%s/new", name);
	if (fstatat(at, cur, &st, 0) == 0)
		return S_ISDIR(st.st_mode);
	if (errno != ENOENT && errno != ENOTDIR)
		return true;
	return fstatat(at, cur, &st, AT_SYMLINK_NOFOLLOW) == 0 || fstatat(at, new, &st, 0) == 0;
}

/* Whether ${e} may be a directory, or a symlink to one. */
static bool may_be_directory(const struct dirent *e)
{
	return e->d_type == DT_DIR || e->d_type == DT_LNK || e->d_type == DT_UNKNOWN;
}

static void found(struct scan *scan, const char *path)
{
	*ARENA_PUSH(scan->arena, scan->path, scan->n, scan->cap) = path;
}

/* Whether ${name} is hidden, but no folder that Dovecot is about to remove. */
static bool is_hidden(const char *name)
{
	static const char trash[] = "..DOVECOT-TRASHED";
	return name[0] == '.' && name[1] != '\0' && strcmp(name, "..") != 0 &&
	       strncmp(name, trash, strlen(trash)) != 0;
}

static bool is_own(const char *name)
{
	return strcmp(name, "cur") == 0 || strcmp(name, "new") == 0 || strcmp(name, "tmp") == 0;
}

static void look_at_top(struct scan *scan, int root, const struct dirent *e, bool nested)
{
	if (is_hidden(e->d_name) && is_folder(root, e->d_name, scan->arena)) {
		scan->has_hidden = true;
		if (!nested)
			found(scan, arena_strdup(scan->arena, e->d_name));
	} else if (e->d_name[0] != '.' && !is_own(e->d_name) &&
		   is_folder(root, e->d_name, scan->arena)) {
		scan->has_plain = true;
	}
}

static bool cannot_read(const char *path, struct error *err)
{
	return error_errno(err, ERROR_STORE, "cannot read the directory '%s'", path);
}

static DIR *open_directory(int at, const char *name)
{
	int fd = file_open_directory(at, name);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}

static bool scan_top(struct scan *scan, int root, bool nested, struct error *err)
{
	const struct dirent *e;
	DIR *d = open_directory(root, ".");
	if (d == NULL)
		return cannot_read(".", err);
	scan->has_cur = is_folder(root, ".", scan->arena);
	for (errno = 0; (e = readdir(d)) != NULL; errno = 0)
		if (may_be_directory(e))
			look_at_top(scan, root, e, nested);
	bool ok = errno == 0 || cannot_read(".", err);
	closedir(d);
	return ok;
}

static bool scan_tree(
	struct scan *scan, int at, const char *path, unsigned depth, struct error *err);

/* Look at ${name}, whose path below the root is ${path}, and at what is below it. */
static bool look_below(struct scan *scan, int at, const char *name, const char *path,
	unsigned depth, struct error *err)
{
	if (++scan->directories > MAX_DIRECTORIES)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"more than %d directories: this is no Maildir", MAX_DIRECTORIES);
	if (is_folder(at, name, scan->arena))
		found(scan, path);
	int fd = file_open_directory(at, name);
	if (fd < 0)
		/* No directory, a symlink, or closed to us: then it was found, and opening tells.
		 */
		return errno == ENOTDIR || errno == ELOOP || errno == EACCES || errno == ENOENT ||
		       cannot_read(path, err);
	bool ok = depth >= NAME_MAX_LEVELS || scan_tree(scan, fd, path, depth + 1, err);
	close(fd);
	return ok;
}

/* A hidden directory is a folder only below another, in mbsync's Legacy style. */
static bool is_level(const char *name, unsigned depth)
{
	return name[0] != '.' || (depth > 1 && is_hidden(name));
}

/* The folders in directory ${at}, which is ${path} below the root ("" the root). */
static bool scan_tree(
	struct scan *scan, int at, const char *path, unsigned depth, struct error *err)
{
	const struct dirent *e;
	DIR *d = open_directory(at, ".");
	if (d == NULL)
		return cannot_read(path, err);
	bool ok = true;
	for (errno = 0; ok && (e = readdir(d)) != NULL; errno = 0)
		if (may_be_directory(e) && is_level(e->d_name, depth) && !is_own(e->d_name))
			ok = look_below(scan, at, e->d_name,
				arena_printf(scan->arena, "%s%s%s", path, *path != '\0' ? "/" : "",
					e->d_name),
				depth, err);
	if (ok && errno != 0)
		ok = cannot_read(path, err);
	closedir(d);
	return ok;
}

/* Taken for the other layout, every folder would be made a second time. */
static bool check_layout(const struct scan *scan, bool nested, const char *path, struct error *err)
{
	if (nested && scan->has_cur && scan->has_hidden)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"'%s' is a Maildir++: leave 'layout: nested' out", path);
	if (!nested && scan->has_plain && !scan->has_hidden)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"the folders in '%s' are directories: it needs 'layout: nested'", path);
	return true;
}

/* How new names are to be spelt in a Maildir that has these: as the old ones are. */
static bool spells_utf7(const struct scan *scan, int root, bool inbox_is_root)
{
	enum maildir_spelling all = SPELLING_ANY;
	for (size_t i = 0; i < scan->n; i++) {
		enum maildir_spelling one = maildir_name_spelling(scan->path[i], scan->arena);
		if (one == SPELLING_UTF7)
			return true;
		if (one != SPELLING_ANY)
			all = one;
	}
	/* Dovecot looks after this one, and would not find a name in UTF-8. */
	const char *trace = inbox_is_root ? "dovecot-uidlist" : "INBOX/dovecot-uidlist";
	return all == SPELLING_ANY && faccessat(root, trace, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool any_path(const struct scan *scan, const char *part)
{
	for (size_t i = 0; i < scan->n; i++)
		if (strstr(scan->path[i], part) != NULL)
			return true;
	return false;
}

/* Whether a message in folder ${path} bears the mark that offlineimap puts into names. */
static bool offlineimap_was_here(int root, const char *path, struct arena *arena)
{
	bool found = false;
	const struct dirent *e;
	DIR *d = open_directory(root, arena_printf(arena, "%s/cur", path));
	for (int i = 0; d != NULL && !found && i < TRACE_FILES && (e = readdir(d)) != NULL; i++)
		found = strstr(e->d_name, ",FMD5=") != NULL;
	if (d != NULL)
		closedir(d);
	return found;
}

/* What `layout: nested` looks like here.  "A.b" is one level, or two as offlineimap writes them:
 * only its own mark decides that. */
static enum maildir_style nested_style(const struct scan *scan, int root)
{
	if (any_path(scan, "/."))
		return STYLE_LEGACY;
	if (any_path(scan, "/") || !any_path(scan, "."))
		return STYLE_NESTED;
	for (size_t i = 0; i < scan->n; i++)
		if (offlineimap_was_here(root, scan->path[i], scan->arena))
			return STYLE_FLAT;
	return STYLE_NESTED;
}

static void set_naming(struct maildir_session *s, const struct scan *scan)
{
	const struct maildir_config *config = maildir_config(s);
	struct maildir_naming *naming = &s->naming;
	bool nested = config->layout == LAYOUT_NESTED, has_inbox = false;
	for (size_t i = 0; i < scan->n; i++)
		has_inbox = has_inbox || name_is_inbox(scan->path[i]);
	naming->style = nested ? nested_style(scan, s->root) : STYLE_MAILDIRPP;
	naming->inbox_is_root = !nested || (scan->has_cur && !has_inbox);
	naming->inbox_is_empty = !nested && any_path(scan, "..");
	naming->utf7 =
		config->names == NAMES_UTF7 ||
		(config->names == NAMES_AUTO && spells_utf7(scan, s->root, naming->inbox_is_root));
}

/* The spelling that a new folder of this name would get comes first, so that it is the one kept. */
static int compare_folders(const void *a, const void *b)
{
	const struct maildir_folder *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	if (order == 0)
		order = y->usual - x->usual;
	return order != 0 ? order : strcmp(x->path, y->path);
}

static void leave_out(struct maildir_folders *f, const char *why, const char *path)
{
	*ARENA_PUSH(f->arena, f->left_out, f->n_left_out, f->cap_left_out) =
		arena_printf(f->arena, "the folder '%s' is left out: %s", path, why);
}

static void add_folder(struct maildir_session *s, const char *path)
{
	struct maildir_folders *f = &s->folders;
	const char *name = maildir_name_decode(&s->naming, path, f->arena);
	const char *usual = maildir_name_encode(&s->naming, name, f->arena, NULL);
	if (!name_fits(name)) {
		leave_out(f, "its name is too long or too deep", path);
		return;
	}
	*ARENA_PUSH(f->arena, f->at, f->n, f->cap) = (struct maildir_folder){
		.name = name,
		.path = arena_strdup(f->arena, path),
		.usual = usual != NULL && strcmp(usual, path) == 0,
	};
}

static void sort_folders(struct maildir_session *s)
{
	struct maildir_folders *f = &s->folders;
	size_t out = 0;
	if (f->n > 0)
		qsort(f->at, f->n, sizeof *f->at, compare_folders);
	for (size_t i = 0; i < f->n; i++) {
		const struct maildir_folder *kept = out > 0 ? &f->at[out - 1] : NULL;
		if (kept != NULL && strcmp(kept->name, f->at[i].name) == 0)
			leave_out(f,
				arena_printf(f->arena, "'%s' is the mailbox '%s' too", kept->path,
					kept->name),
				f->at[i].path);
		else
			f->at[out++] = f->at[i];
	}
	f->n = out;
}

static void set_folders(struct maildir_session *s, const struct scan *scan)
{
	maildir_folders_forget(s);
	s->folders.arena = arena_new();
	set_naming(s, scan);
	if (scan->has_cur && s->naming.inbox_is_root)
		add_folder(s, ".");
	for (size_t i = 0; i < scan->n; i++)
		add_folder(s, scan->path[i]);
	sort_folders(s);
}

void maildir_folders_forget(struct maildir_session *s)
{
	arena_free(s->folders.arena);
	s->folders = (struct maildir_folders){0};
}

bool maildir_folders_read(struct maildir_session *s, struct error *err)
{
	bool nested = maildir_config(s)->layout == LAYOUT_NESTED;
	struct scan scan = {.arena = arena_new()};
	bool ok = maildir_root_open(s, err);
	if (ok && s->root >= 0)
		ok = scan_top(&scan, s->root, nested, err) &&
		     check_layout(&scan, nested, maildir_config(s)->path, err) &&
		     (!nested || scan_tree(&scan, s->root, "", 1, err));
	if (ok)
		set_folders(s, &scan);
	arena_free(scan.arena);
	return ok;
}

static int compare_name(const void *name, const void *folder)
{
	return strcmp(name, ((const struct maildir_folder *)folder)->name);
}

const char *maildir_folder_path(struct maildir_session *s, const char *name)
{
	const struct maildir_folders *f = &s->folders;
	const struct maildir_folder *folder =
		f->n == 0 ? NULL : bsearch(name, f->at, f->n, sizeof *f->at, compare_name);
	return folder != NULL ? folder->path : NULL;
}

/* ---- mailboxes() ---- */

void maildir_describe(struct maildir_session *s, int dir, const struct maildir_times *times,
	struct arena *arena, struct mailbox *box)
{
	struct stat st;
	box->epoch = MAILDIR_EPOCH;
	box->selectable = true;
	box->cursor = maildir_times_cursor(times, s->grain, arena);
	/* Where anything else fails, changing it will, and says why. */
	box->read_only = faccessat(dir, "cur", W_OK, AT_EACCESS) < 0 &&
			 (errno == EACCES || errno == EROFS || errno == EPERM);
	if (fstat(dir, &st) == 0)
		box->id = arena_printf(arena, "inode:%" PRIu64, (uint64_t)st.st_ino);
}

/* What cannot be looked at is listed all the same: opening it will say why. */
static void list_folder(struct maildir_session *s, const struct maildir_folder *folder,
	struct arena *arena, struct mailbox *box)
{
	struct maildir_times times;
	*box = (struct mailbox){
		.name = arena_strdup(arena, folder->name),
		.raw = arena_strdup(arena, folder->path),
		.epoch = MAILDIR_EPOCH,
		.selectable = true,
		.storable = {.listed = FLAG_SYSTEM_SETS - 1, .new_keywords = true},
	};
	int dir = maildir_open_path(s, folder->path, NULL);
	if (dir < 0)
		return;
	if (maildir_times_read(dir, &times, NULL))
		maildir_describe(s, dir, &times, arena, box);
	close(dir);
}

bool maildir_mailboxes(
	struct session *session, struct arena *arena, struct mailbox_list *out, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	*out = (struct mailbox_list){0};
	if (!maildir_folders_read(s, err))
		return false;
	for (size_t i = 0; i < s->folders.n_left_out; i++)
		log_warning("%s: %s", session->store->name, s->folders.left_out[i]);
	for (size_t i = 0; i < s->folders.n; i++)
		list_folder(
			s, &s->folders.at[i], arena, ARENA_PUSH(arena, out->at, out->n, out->cap));
	return s->root < 0 || maildir_subscriptions_tell(s, out, err);
}
