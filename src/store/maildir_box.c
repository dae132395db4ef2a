#include "store/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum {
	/* Folders that a session keeps open: a run goes from one to the next, moves go between a
	 * few, and each may hold the names of all its files. */
	MAX_OPEN = 8,
	/* A file in tmp/ this old was left by a crash (maildir(5)). */
	SWEEP_SECONDS = 36 * 60 * 60
};

/* One step at a time, so that no symlink is followed anywhere on the way. */
static int walk(int root, const char *path, struct arena *arena)
{
	char *rest = NULL;
	int at = root;
	for (char *name = strtok_r(arena_strdup(arena, path), "/", &rest); name != NULL && at >= 0;
		name = strtok_r(NULL, "/", &rest)) {
		int next = file_open_directory(at, name);
		int saved = errno;
		if (at != root)
			close(at);
		errno = saved;
		at = next;
	}
	return at;
}

int maildir_open_path(struct maildir_session *s, const char *path, struct error *err)
{
	struct arena *arena = arena_new();
	int dir = walk(s->root, path, arena);
	if (dir < 0 && (errno == ELOOP || errno == ENOTDIR))
		error_set(err, ERROR_MAILBOX, CAUSE_LOCAL,
			"the folder '%s' is reached through a symlink, and none is followed below "
			"the root",
			path);
	else if (dir < 0)
		error_errno(err, ERROR_MAILBOX, "cannot open the folder '%s'", path);
	arena_free(arena);
	return dir;
}

/* ---- which boxes are open ---- */

static void close_box(struct maildir_box *box)
{
	maildir_index_forget(box);
	arena_free(box->keywords.arena);
	close(box->dir);
	arena_free(box->arena);
}

static void close_idle(struct maildir_session *s, unsigned keep)
{
	unsigned n = 0;
	for (struct maildir_box **link = &s->boxes; *link != NULL;) {
		struct maildir_box *box = *link;
		if (box->pending > 0 || ++n <= keep) {
			link = &box->next;
		} else {
			*link = box->next;
			close_box(box);
		}
	}
}

void maildir_boxes_close(struct maildir_session *s)
{
	for (struct maildir_box *box = s->boxes; box != NULL; box = box->next)
		box->pending = 0;
	close_idle(s, 0);
}

/* Take the box of ${name} out of the list. */
static struct maildir_box *take_open(struct maildir_session *s, const char *name)
{
	for (struct maildir_box **link = &s->boxes; *link != NULL; link = &(*link)->next)
		if (strcmp((*link)->name, name) == 0) {
			struct maildir_box *box = *link;
			*link = box->next;
			return box;
		}
	return NULL;
}

static void put_first(struct maildir_session *s, struct maildir_box *box)
{
	box->next = s->boxes;
	s->boxes = box;
	close_idle(s, MAX_OPEN);
}

/* Whether the folder's path still leads to the directory that is open. */
static bool is_still_there(struct maildir_session *s, const struct maildir_box *box)
{
	struct stat open, named;
	return fstat(box->dir, &open) == 0 &&
	       fstatat(s->root, box->path, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

static struct maildir_box *new_box(const char *name, const char *path, int dir)
{
	struct arena *arena = arena_new();
	struct maildir_box *box = arena_alloc(arena, sizeof *box);
	box->arena = arena;
	box->name = arena_strdup(arena, name);
	box->path = arena_strdup(arena, path);
	box->dir = dir;
	box->keywords.arena = arena_new();
	return box;
}

/* The list of folders may be older than the folder: another session may have made it. */
static int open_folder(
	struct maildir_session *s, const char *name, const char **path, struct error *err)
{
	int dir = -1;
	*path = maildir_folder_path(s, name);
	if (*path != NULL)
		dir = maildir_open_path(s, *path, err);
	if (dir >= 0 || !maildir_folders_read(s, err))
		return dir;
	*path = maildir_folder_path(s, name);
	if (*path != NULL)
		return maildir_open_path(s, *path, err);
	error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "there is no such mailbox");
	return -1;
}

struct maildir_box *maildir_box(struct maildir_session *s, const char *name, struct error *err)
{
	struct maildir_box *box = take_open(s, name);
	if (box != NULL && (box->pending > 0 || is_still_there(s, box))) {
		put_first(s, box);
		return box;
	}
	if (box != NULL)
		close_box(box);
	const char *path = NULL;
	int dir = open_folder(s, name, &path, err);
	if (dir < 0)
		return NULL;
	box = new_box(name, path, dir);
	put_first(s, box);
	return box;
}

/* ---- getting ready to write ---- */

/* What others could put there, or take away, is not a place to write to. */
static bool check_private(int dir, const char *name, struct error *err)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, ERROR_MAILBOX, "cannot look at '%s'", name);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ERROR_MAILBOX, CAUSE_LOCAL, "'%s' is no directory", name);
	if (st.st_uid != geteuid())
		return error_set(err, ERROR_MAILBOX, CAUSE_LOCAL,
			"'%s' belongs to another user (%lu)", name, (unsigned long)st.st_uid);
	if ((st.st_mode & S_IWOTH) != 0)
		return error_set(err, ERROR_MAILBOX, CAUSE_LOCAL,
			"everybody can write to '%s'; chmod o-w mends it", name);
	return true;
}

static bool ensure_directory(int dir, const char *name, struct error *err)
{
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return error_errno(err, ERROR_MAILBOX, "cannot create '%s'", name);
	return check_private(dir, name, err);
}

static void sweep_file(int tmp, const char *name, time_t before)
{
	struct stat st;
	if (fstatat(tmp, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		st.st_ctim.tv_sec < before)
		unlinkat(tmp, name, 0);
}

/* Remove what crashes left in tmp/.  The time of the last change of any kind counts: the other is
 * a message's date already. */
static void sweep(int dir)
{
	int tmp = file_open_directory(dir, "tmp");
	DIR *d = tmp < 0 ? NULL : fdopendir(tmp);
	if (d == NULL) {
		if (tmp >= 0)
			close(tmp);
		return;
	}
	time_t before = time(NULL) - SWEEP_SECONDS;
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			sweep_file(tmp, e->d_name, before);
	closedir(d);
}

bool maildir_box_prepare(struct maildir_box *box, struct error *err)
{
	if (box->prepared)
		return true;
	if (!check_private(box->dir, ".", err) || !check_private(box->dir, "cur", err) ||
		!ensure_directory(box->dir, "new", err) || !ensure_directory(box->dir, "tmp", err))
		return false;
	sweep(box->dir);
	box->prepared = true;
	return true;
}
