#include "store/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static bool cannot(struct error *err, const char *what, const char *path)
{
	return error_errno(err, ERROR_MAILBOX, "cannot %s '%s'", what, path);
}

/* ---- steps on the disk ---- */

/* The folder that ${path} lies in, open, and its name there. */
static int open_parent(
	struct maildir_session *s, const char *path, const char **name, struct error *err)
{
	struct arena *arena = arena_new();
	const char *slash = strrchr(path, '/');
	const char *parent =
		slash == NULL ? "." : arena_strndup(arena, path, (size_t)(slash - path));
	*name = slash == NULL ? path : slash + 1;
	int at = maildir_open_path(s, parent, err);
	arena_free(arena);
	return at;
}

static bool sync_folder(
	const struct maildir_session *s, int dir, const char *path, struct error *err)
{
	return !maildir_config(s)->durable || fsync(dir) == 0 ||
	       cannot(err, "write to the disk", path);
}

static bool make_directory(struct maildir_session *s, const char *path, struct error *err)
{
	const char *name;
	int at = open_parent(s, path, &name, err);
	if (at < 0)
		return false;
	bool ok = mkdirat(at, name, 0700) == 0 || errno == EEXIST || cannot(err, "create", path);
	ok = ok && sync_folder(s, at, path, err);
	close(at);
	return ok;
}

/* The levels above ${path}, in the nested layout. */
static bool make_parents(struct maildir_session *s, const char *path, struct error *err)
{
	struct arena *arena = arena_new();
	bool ok = true;
	for (const char *slash = strchr(path, '/'); ok && slash != NULL;
		slash = strchr(slash + 1, '/'))
		ok = make_directory(s, arena_strndup(arena, path, (size_t)(slash - path)), err);
	arena_free(arena);
	return ok;
}

/* Until `cur` is there the folder is none, and is made anew by the next run; after it, a missing
 * `new` is an empty one. */
static bool fill_folder(struct maildir_session *s, int dir, const char *path, struct error *err)
{
	static const char *const parts[] = {"tmp", "cur", "new"};
	bool below = s->naming.style == STYLE_MAILDIRPP && strcmp(path, ".") != 0;
	int mark = below ? file_create(dir, "maildirfolder") : -1;
	if (mark >= 0)
		close(mark);
	else if (below && errno != EEXIST)
		return cannot(err, "create 'maildirfolder' in", path);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (mkdirat(dir, parts[i], 0700) < 0 && errno != EEXIST)
			return error_errno(
				err, ERROR_MAILBOX, "cannot create '%s/%s'", path, parts[i]);
	return sync_folder(s, dir, path, err);
}

static bool make_folder(struct maildir_session *s, const char *path, struct error *err)
{
	if (!make_parents(s, path, err) || !make_directory(s, path, err))
		return false;
	int dir = maildir_open_path(s, path, err);
	if (dir < 0)
		return false;
	bool ok = fill_folder(s, dir, path, err);
	close(dir);
	return ok;
}

/* ---- create() ---- */

static bool make_mailbox(
	struct maildir_session *s, const char *name, struct arena *arena, struct error *err)
{
	const char *path = maildir_name_encode(&s->naming, name, arena, err);
	if (path == NULL || !make_folder(s, path, err))
		return false;
	if (!maildir_folders_read(s, err))
		return false;
	/* A file system that takes two names for one has given us another mailbox's folder. */
	return maildir_folder_path(s, name) != NULL ||
	       error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
		       "'%s' is another mailbox's folder on this file system", path);
}

bool maildir_create(
	struct session *session, const char *name, uint32_t use, bool subscribe, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	(void)use; /* a Maildir has no place for it */
	if (!maildir_root_make(s, err) || !maildir_folders_read(s, err))
		return false;
	if (maildir_folder_path(s, name) != NULL)
		return true;
	struct arena *arena = arena_new();
	bool ok = make_mailbox(s, name, arena, err) && maildir_subscribe(s, name, subscribe, err);
	arena_free(arena);
	return ok;
}

/* ---- remove_mailbox() ---- */

/* Files that mail programs keep beside `cur`; a directory with others in it is left. */
static bool is_trace(const char *name)
{
	static const char *const prefixes[] = {"dovecot", "maildirfolder", "courierimap",
		".uidvalidity", ".mbsyncstate", ".isyncuidmap"};
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool is_file(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Remove the files of directory ${name} that ${which} selects. */
static bool remove_files(
	int at, const char *name, bool (*which)(const char *name), struct error *err)
{
	int fd = file_open_directory(at, name);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL) {
		bool missing = fd < 0 && errno == ENOENT;
		bool ok = missing || cannot(err, "open", name);
		if (fd >= 0)
			close(fd);
		return ok;
	}
	bool ok = true;
	const struct dirent *e;
	for (errno = 0; ok && (e = readdir(d)) != NULL; errno = 0)
		if (which(e->d_name) && unlinkat(fd, e->d_name, 0) < 0 && errno != ENOENT)
			ok = cannot(err, "remove", e->d_name);
	if (ok && errno != 0)
		ok = cannot(err, "read", name);
	closedir(d);
	return ok;
}

/* `cur` is the last: as long as it is there, a removal that was cut off is seen to go on. */
static bool empty_folder(int dir, struct error *err)
{
	static const char *const parts[] = {"tmp", "cur", "new"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!remove_files(dir, parts[i], is_file, err) ||
			(unlinkat(dir, parts[i], AT_REMOVEDIR) < 0 && errno != ENOENT &&
				!cannot(err, "remove", parts[i])))
			return false;
	return remove_files(dir, ".", is_trace, err);
}

static bool remove_folder(struct maildir_session *s, const char *path, struct error *err)
{
	const char *name;
	int dir = maildir_open_path(s, path, err);
	int at = dir < 0 ? -1 : open_parent(s, path, &name, err);
	bool ok = at >= 0 && empty_folder(dir, err);
	/* Mailboxes below it keep a nested folder's directory. */
	if (ok && unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		ok = cannot(err, "remove", path);
	ok = ok && sync_folder(s, at, path, err);
	if (at >= 0)
		close(at);
	if (dir >= 0)
		close(dir);
	return ok;
}

static bool refuse_inbox(const char *name, const char *what, struct error *err)
{
	return !name_is_inbox(name) ||
	       error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "INBOX cannot be %s", what);
}

bool maildir_remove_mailbox(struct session *session, const char *name, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	if (!refuse_inbox(name, "removed", err) || !maildir_folders_read(s, err))
		return false;
	const char *path = maildir_folder_path(s, name);
	if (path == NULL)
		return true;
	maildir_boxes_close(s);
	return remove_folder(s, path, err) && maildir_subscriptions_rename(s, name, NULL, err) &&
	       maildir_folders_read(s, err);
}

/* ---- rename_mailbox() ---- */

const char *maildir_renamed(const char *name, const char *from, const char *to, struct arena *arena)
{
	size_t n = strlen(from);
	if (strncmp(name, from, n) != 0 || (name[n] != '\0' && name[n] != '/'))
		return NULL;
	return arena_printf(arena, "%s%s", to, name + n);
}

static bool rename_path(
	struct maildir_session *s, const char *from, const char *to, struct error *err)
{
	const char *from_name, *to_name;
	if (!make_parents(s, to, err))
		return false;
	int from_at = open_parent(s, from, &from_name, err);
	int to_at = from_at < 0 ? -1 : open_parent(s, to, &to_name, err);
	bool ok = to_at >= 0 && (file_rename_new(from_at, from_name, to_at, to_name) ||
					error_errno(err, ERROR_MAILBOX,
						"cannot rename the folder '%s' to '%s'", from, to));
	ok = ok && sync_folder(s, to_at, to, err) && sync_folder(s, from_at, from, err);
	if (from_at >= 0)
		close(from_at);
	if (to_at >= 0)
		close(to_at);
	return ok;
}

/* Folders below it that lie beside it on the disk go one by one. */
static bool rename_folders(struct maildir_session *s, const char *from, const char *to,
	struct arena *arena, struct error *err)
{
	bool beside = s->naming.style == STYLE_MAILDIRPP || s->naming.style == STYLE_FLAT;
	for (size_t i = 0; i < s->folders.n; i++) {
		const struct maildir_folder *f = &s->folders.at[i];
		const char *name = maildir_renamed(f->name, from, to, arena);
		if (name == NULL || (!beside && strcmp(f->name, from) != 0))
			continue;
		const char *path = maildir_name_encode(&s->naming, name, arena, err);
		if (path == NULL || !rename_path(s, f->path, path, err))
			return false;
	}
	return true;
}

bool maildir_rename_mailbox(
	struct session *session, const char *from, const char *to, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	if (!refuse_inbox(from, "renamed", err) || !maildir_folders_read(s, err))
		return false;
	if (maildir_folder_path(s, from) == NULL)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "there is no such mailbox");
	struct arena *arena = arena_new();
	maildir_boxes_close(s);
	bool ok = rename_folders(s, from, to, arena, err) &&
		  maildir_subscriptions_rename(s, from, to, err) && maildir_folders_read(s, err);
	arena_free(arena);
	return ok;
}
