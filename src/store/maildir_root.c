#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

static bool make_path(const char *path)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	char *parent = strdup(path);
	char *slash = parent != NULL ? strrchr(parent, '/') : NULL;
	bool ok = errno == ENOENT && slash != NULL && slash != parent;
	if (ok) {
		*slash = '\0';
		ok = make_path(parent) && (mkdir(path, 0700) == 0 || errno == EEXIST);
	}
	int saved = errno;
	free(parent);
	errno = saved;
	return ok;
}

int maildir_root_make_at(const char *path, struct error *err)
{
	if (!make_path(path)) {
		error_errno(err, ERROR_STORE, "cannot create '%s'", path);
		return -1;
	}
	return open_root(path, err);
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
