#include "store/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/*
 * The key of a message is its file's name up to the first ':' or ',': what follows are its flags,
 * and fields such as S= and U= that Dovecot, mbsync and offlineimap put there and change.  Where
 * the name begins with one of these, the key is what a change of flags leaves as it is, for none is
 * empty.
 */
static size_t key_length(const char *file)
{
	size_t n = strcspn(file, ":,");
	return n > 0 ? n : 1 + strcspn(file + 1, ":") * (file[0] == ',');
}

static int compare_keys(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_entries(const void *a, const void *b)
{
	const struct maildir_entry *x = a, *y = b;
	int order = compare_keys(x->name, x->key_len, y->name, y->key_len);
	return order != 0 ? order : x->in_new - y->in_new;
}

/* Which files an index is to have; all, where `wanted` is NULL. */
struct pick {
	maildir_wanted *wanted;
	void *context;
};

static void add(struct maildir_index *index, const struct pick *pick, const char *name, bool in_new)
{
	if (pick->wanted != NULL && !pick->wanted(pick->context, name, key_length(name)))
		return;
	struct maildir_entry *e = ARENA_PUSH(index->arena, index->at, index->n, index->cap);
	e->name = arena_strdup(index->arena, name);
	e->key_len = (uint16_t)key_length(name);
	e->in_new = in_new;
}

static bool is_directory(int fd, const struct dirent *e)
{
	struct stat st;
	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Hidden files and directories are no messages.  What is neither a file nor a directory counts as
 * one, so that nobody takes it for deleted; reading it will fail. */
static bool read_entries(struct maildir_index *index, const struct pick *pick, DIR *d, bool in_new)
{
	const struct dirent *e;
	for (errno = 0; (e = readdir(d)) != NULL; errno = 0)
		if (e->d_name[0] != '.' && !is_directory(dirfd(d), e))
			add(index, pick, e->d_name, in_new);
	return errno == 0;
}

static bool read_directory(struct maildir_index *index, const struct pick *pick, int dir,
	const char *name, bool in_new, struct error *err)
{
	int fd = file_open_directory(dir, name);
	if (fd < 0 && errno == ENOENT && in_new)
		return true;
	if (fd < 0)
		return error_errno(err, ERROR_MAILBOX, "cannot open '%s'", name);
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		error_errno(err, ERROR_MAILBOX, "cannot read '%s'", name);
		close(fd);
		return false;
	}
	bool ok = read_entries(index, pick, d, in_new);
	if (!ok)
		error_errno(err, ERROR_MAILBOX, "cannot read '%s'", name);
	closedir(d);
	return ok;
}

/* Of ${n} files with one key drop those that are not there any more (they were seen at both ends
 * of a move) and second names of one file; return how many are left. */
static size_t drop_echoes(int dir, struct maildir_entry *group, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		char path[MAILDIR_PATH];
		struct stat st;
		maildir_entry_path(&group[i], path);
		if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		group[i].inode = st.st_ino;
		bool seen = false;
		for (size_t k = 0; k < kept; k++)
			seen = seen || group[k].inode == group[i].inode;
		if (!seen)
			group[kept++] = group[i];
	}
	return kept;
}

/* Messages that share a key are told apart by their inodes, which flags do not change. */
static void sort(struct maildir_index *index, int dir)
{
	size_t out = 0;
	qsort(index->at, index->n, sizeof *index->at, compare_entries);
	for (size_t i = 0, next; i < index->n; i = next) {
		for (next = i + 1; next < index->n; next++)
			if (compare_keys(index->at[i].name, index->at[i].key_len,
				    index->at[next].name, index->at[next].key_len) != 0)
				break;
		size_t n = next - i;
		if (n > 1)
			n = drop_echoes(dir, index->at + i, n);
		for (size_t k = 0; k < n; k++) {
			index->at[i + k].shared = n > 1;
			index->at[out++] = index->at[i + k];
		}
	}
	index->n = out;
}

/* `new` first: a message that is moved to `cur` meanwhile is seen twice, never not at all. */
static bool read_once(
	struct maildir_index *index, const struct pick *pick, int dir, struct error *err)
{
	index->arena = arena_new();
	if (!read_directory(index, pick, dir, "new", true, err) ||
		!read_directory(index, pick, dir, "cur", false, err))
		return false;
	if (index->n > 0)
		sort(index, dir);
	return true;
}

/* The first entry of the key ${key}[0..${len}) among the first ${n}, or NULL. */
static struct maildir_entry *look_up(
	const struct maildir_index *index, size_t n, const char *key, size_t len)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct maildir_entry *e = &index->at[mid];
		if (compare_keys(e->name, e->key_len, key, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == n)
		return NULL;
	struct maildir_entry *e = &index->at[low];
	return compare_keys(e->name, e->key_len, key, len) == 0 ? e : NULL;
}

/* Add what only the ${first} look saw. */
static void add_missed(struct maildir_index *index, const struct maildir_index *first)
{
	size_t n = index->n;
	for (size_t i = 0; i < first->n; i++) {
		const struct maildir_entry *e = &first->at[i];
		if (look_up(index, n, e->name, e->key_len) != NULL)
			continue;
		struct maildir_entry *missed =
			ARENA_PUSH(index->arena, index->at, index->n, index->cap);
		*missed = *e;
		missed->name = arena_strdup(index->arena, e->name);
	}
	if (index->n > n)
		qsort(index->at, index->n, sizeof *index->at, compare_entries);
}

void maildir_index_finish(struct maildir_index *index)
{
	arena_free(index->arena);
	*index = (struct maildir_index){0};
}

/* Read it, and note whether it may have changed meanwhile. */
static bool read_and_watch(struct maildir_index *index, const struct pick *pick, int dir,
	int64_t grain, struct error *err)
{
	struct maildir_times after;
	if (!maildir_times_read(dir, &index->times, err) || !read_once(index, pick, dir, err) ||
		!maildir_times_read(dir, &after, err))
		return false;
	index->quiet = maildir_times_equal(&index->times, &after) &&
		       maildir_times_ripe(&index->times, grain);
	return true;
}

/*
 * readdir() may miss a file that is renamed while it reads, and all of a directory that is removed.
 * Where the times show that nothing changed meanwhile, one look is enough; else what either of two
 * looks saw is there.
 */
static bool read_twice_if_changed(
	struct maildir_index *index, int dir, int64_t grain, struct error *err)
{
	const struct pick all = {NULL, NULL};
	if (!read_and_watch(index, &all, dir, grain, err))
		return false;
	if (index->quiet)
		return true;

	struct maildir_index second = {.times = index->times};
	bool ok = read_once(&second, &all, dir, err);
	if (ok)
		add_missed(&second, index);
	maildir_index_finish(index);
	*index = second;
	return ok;
}

bool maildir_index_read(struct maildir_box *box, int64_t grain, struct error *err)
{
	maildir_index_finish(&box->index);
	bool ok = read_twice_if_changed(&box->index, box->dir, grain, err);
	if (!ok)
		maildir_index_finish(&box->index);
	box->index.known = ok;
	return ok;
}

bool maildir_index_read_some(const struct maildir_box *box, int64_t grain, maildir_wanted *wanted,
	void *context, struct maildir_index *some, struct error *err)
{
	const struct pick pick = {wanted, context};
	*some = (struct maildir_index){0};
	bool ok = read_and_watch(some, &pick, box->dir, grain, err);
	if (!ok)
		maildir_index_finish(some);
	return ok;
}

void maildir_index_forget(struct maildir_box *box)
{
	maildir_index_finish(&box->index);
}

/* Whether what the index does not have may be there all the same. */
static bool may_have_missed(const struct maildir_box *box, struct error *err, bool *failed)
{
	struct maildir_times now;
	*failed = !maildir_times_read(box->dir, &now, err);
	return !*failed && (!box->index.quiet || !maildir_times_equal(&now, &box->index.times));
}

/* 1: found; 0: not in the index; -1: it does not tell which. */
static int look_up_key(struct maildir_index *index, const char *key, struct maildir_entry **entry,
	struct error *err)
{
	size_t len = strcspn(key, "/");
	struct maildir_entry *e = look_up(index, index->n, key, len);
	*entry = e;
	if (e == NULL)
		return 0;
	const struct maildir_entry *end = index->at + index->n;
	if (key[len] == '\0' && e->shared) {
		error_set(err, ERROR_MESSAGE, CAUSE_MAIL, "several files are called '%s'", key);
		return -1;
	}
	if (key[len] == '\0')
		return 1;
	uint64_t inode = strtoull(key + len + 1, NULL, 10);
	for (; e < end && compare_keys(e->name, e->key_len, key, len) == 0; e++)
		if (e->shared && e->inode == inode) {
			*entry = e;
			return 1;
		}
	return 0;
}

int maildir_index_find(struct maildir_box *box, int64_t grain, const char *key,
	struct maildir_entry **entry, struct error *err)
{
	bool fresh = !box->index.known, failed = false;
	if (fresh && !maildir_index_read(box, grain, err))
		return -1;
	int found = look_up_key(&box->index, key, entry, err);
	if (found != 0 || fresh || !may_have_missed(box, err, &failed))
		return failed ? -1 : found;
	if (!maildir_index_read(box, grain, err))
		return -1;
	return look_up_key(&box->index, key, entry, err);
}

void maildir_index_rename(struct maildir_box *box, struct maildir_entry *entry, const char *path)
{
	entry->name = arena_strdup(box->index.arena, strchr(path, '/') + 1);
	entry->in_new = path[0] == 'n';
}

void maildir_entry_path(const struct maildir_entry *entry, char path[static MAILDIR_PATH])
{
	snprintf(path, MAILDIR_PATH, "%s/%s", entry->in_new ? "new" : "cur", entry->name);
}

const char *maildir_entry_key(const struct maildir_entry *entry, struct arena *arena)
{
	if (entry->shared)
		return arena_printf(
			arena, "%.*s/%" PRIu64, (int)entry->key_len, entry->name, entry->inode);
	return arena_strndup(arena, entry->name, entry->key_len);
}
