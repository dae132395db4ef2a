#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *root_path(const struct store *store)
{
	return ((const struct maildir_store *)store)->config->path;
}

/* The one place where a symlink is followed: the person named this path. */
static int open_root(const char *path, struct error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		error_errno(err, ERROR_STORE, "cannot open '%s'", path);
	} else if (fstat(fd, &st) < 0) {
		error_errno(err, ERROR_STORE, "cannot look at '%s'", path);
	} else if (st.st_uid != geteuid()) {
		error_set(err, ERROR_STORE, CAUSE_LOCAL,
			"'%s' belongs to another user (%lu), and is not touched", path,
			(unsigned long)st.st_uid);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return ok;
}

/* Make ${path} and what is missing above it, so that it is there after a crash as well. */
static bool make_path(const char *path, struct arena *arena)
{
	if (mkdir(path, 0700) < 0) {
		const char *slash = strrchr(path, '/');
		if (errno != ENOENT || slash == NULL || slash == path)
			return errno == EEXIST;
		if (!make_path(arena_strndup(arena, path, (size_t)(slash - path)), arena) ||
			(mkdir(path, 0700) < 0 && errno != EEXIST))
			return false;
	}
	return sync_directory(arena_printf(arena, "%s/..", path));
}

int maildir_root_make_at(const char *path, struct error *err)
{
	struct arena *arena = arena_new();
	bool made = make_path(path, arena);
	if (!made)
		error_errno(err, ERROR_STORE, "cannot create '%s'", path);
	arena_free(arena);
	return made ? open_root(path, err) : -1;
}

bool maildir_root_open(struct maildir_session *s, struct error *err)
{
	const char *path = root_path(s->session.store);
	if (s->root >= 0 || (faccessat(AT_FDCWD, path, F_OK, 0) < 0 && errno == ENOENT))
		return true;
	s->root = open_root(path, err);
	if (s->root >= 0)
		s->grain = maildir_grain(s->root);
	return s->root >= 0;
}

bool maildir_root_make(struct maildir_session *s, struct error *err)
{
	if (s->root >= 0)
		return true;
	s->root = maildir_root_make_at(root_path(s->session.store), err);
	if (s->root >= 0)
		s->grain = maildir_grain(s->root);
	return s->root >= 0;
}
