#include "store/maildir.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/*
 * The file `subscriptions` at the root, as Dovecot keeps it:
 *
 *   file  = "V" TAB "2" LF LF *( level *( TAB level ) LF )
 *         / *( path LF )                   as older versions wrote it
 *
 * Levels are spelt as folders are; INBOX is called so.  A Maildir without the file does not know of
 * subscriptions: there all mailboxes count as subscribed.
 */
static const char file_name[] = "subscriptions";
static const char lock_name[] = "subscriptions.lock";
static const char version_2[] = "V\t2\n\n";

enum { FILE_LIMIT = 16 * 1024 * 1024 /* a hundred thousand long names */ };

struct subscriptions {
	struct buffer text; /* the file, whole lines */
	bool missing;
	bool tabs; /* version 2 */
};

static bool load(struct maildir_session *s, struct subscriptions *subs, struct error *err)
{
	*subs = (struct subscriptions){0};
	buffer_init(&subs->text, FILE_LIMIT);
	if (!file_load(s->root, file_name, &subs->text)) {
		subs->missing = errno == ENOENT;
		subs->tabs = true;
		return subs->missing ||
		       error_errno(err, ERROR_STORE, "cannot read '%s'", file_name);
	}
	if (subs->text.len > 0 && strlen(subs->text.data) != subs->text.len)
		return error_set(err, ERROR_STORE, CAUSE_LOCAL, "'%s' is damaged", file_name);
	if (subs->text.len > 0 && subs->text.data[subs->text.len - 1] != '\n' &&
		!buffer_puts(&subs->text, "\n"))
		return error_set(err, ERROR_STORE, CAUSE_LOCAL, "'%s' is too large", file_name);
	size_t n = strlen(version_2);
	subs->tabs = subs->text.len >= n && memcmp(subs->text.data, version_2, n) == 0;
	return true;
}

static char separator(const struct maildir_session *s, const struct subscriptions *subs)
{
	return subs->tabs ? '\t' : s->naming.style == STYLE_MAILDIRPP ? '.' : '/';
}

/* The mailbox that ${line} subscribes to; "" where that is none. */
static const char *read_line(const struct maildir_session *s, const struct subscriptions *subs,
	const char *line, struct arena *arena)
{
	size_t len = strcspn(line, "\n");
	return len == 0 ? "" : maildir_name_split(&s->naming, line, len, separator(s, subs), arena);
}

static const char *write_line(const struct maildir_session *s, const struct subscriptions *subs,
	const char *name, struct arena *arena)
{
	return maildir_name_join(&s->naming, name, separator(s, subs), arena);
}

/* The first line of a subscription, each of which ends in LF; NULL when there is none. */
static char *first_line(const struct subscriptions *subs)
{
	char *line = subs->text.data;
	if (line != NULL && subs->tabs)
		line += strlen(version_2);
	return line == NULL || *line == '\0' ? NULL : line;
}

static char *next_line(char *line)
{
	line = strchr(line, '\n') + 1;
	return *line == '\0' ? NULL : line;
}

static struct mailbox *find(const struct mailbox_list *list, const char *name)
{
	size_t low = 0, high = list->n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(list->at[mid].name, name);
		if (order == 0)
			return &list->at[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool maildir_subscriptions_tell(
	struct maildir_session *s, struct mailbox_list *list, struct error *err)
{
	struct subscriptions subs;
	struct arena *arena = arena_new();
	bool ok = load(s, &subs, err);
	for (size_t i = 0; ok && i < list->n; i++)
		list->at[i].subscribed = subs.missing;
	for (char *line = ok ? first_line(&subs) : NULL; line != NULL; line = next_line(line)) {
		struct mailbox *box = find(list, read_line(s, &subs, line, arena));
		if (box != NULL)
			box->subscribed = true;
	}
	buffer_finish(&subs.text);
	arena_free(arena);
	return ok;
}

/* What the file is to hold of others than ${name}: where there is none, all that count so far. */
static bool put_others(struct maildir_session *s, const struct subscriptions *subs,
	const char *name, struct buffer *out, struct arena *arena)
{
	if (subs->tabs && !buffer_puts(out, version_2))
		return false;
	for (char *line = first_line(subs); line != NULL; line = next_line(line))
		if (strcmp(read_line(s, subs, line, arena), name) != 0 &&
			!buffer_add(out, line, strcspn(line, "\n") + 1))
			return false;
	for (size_t i = 0; subs->missing && i < s->folders.n; i++) {
		const struct maildir_folder *f = &s->folders.at[i];
		if (strcmp(f->name, name) != 0 &&
			!buffer_printf(out, "%s\n", write_line(s, subs, f->name, arena)))
			return false;
	}
	return true;
}

/* With the lock held: let ${text} be the file. */
static bool write_file(
	struct maildir_session *s, int lock, const struct buffer *text, struct error *err)
{
	return maildir_dotlock_replace(
		       s->root, lock_name, lock, file_name, text, maildir_config(s)->durable) ||
	       error_errno(err, ERROR_STORE, "cannot write '%s'", file_name);
}

static bool too_large(struct error *err)
{
	return error_set(err, ERROR_STORE, CAUSE_LOCAL, "'%s' is too large", file_name);
}

/* What is to be done to the file while it is locked. */
struct edit {
	const char *name; /* of a mailbox */
	bool subscribe;
	const char *to; /* its new name */
};
typedef bool edit_file(struct maildir_session *s, const struct subscriptions *subs,
	const struct edit *edit, struct buffer *out, struct arena *arena);

static bool edit_locked(struct maildir_session *s, int lock, edit_file *what,
	const struct edit *edit, struct error *err)
{
	struct subscriptions subs;
	struct buffer text;
	struct arena *arena = arena_new();
	buffer_init(&text, FILE_LIMIT);
	bool ok = load(s, &subs, err) && (what(s, &subs, edit, &text, arena) || too_large(err));
	if (ok && text.len > 0)
		ok = write_file(s, lock, &text, err);
	else
		unlinkat(s->root, lock_name, 0);
	buffer_finish(&text);
	buffer_finish(&subs.text);
	arena_free(arena);
	return ok;
}

static bool edit_subscriptions(
	struct maildir_session *s, edit_file *what, const struct edit *edit, struct error *err)
{
	int lock = maildir_dotlock(s->root, lock_name, err);
	if (lock < 0)
		return false;
	bool ok = edit_locked(s, lock, what, edit, err);
	close(lock);
	return ok;
}

static bool put_one(struct maildir_session *s, const struct subscriptions *subs,
	const struct edit *edit, struct buffer *out, struct arena *arena)
{
	return put_others(s, subs, edit->name, out, arena) &&
	       (!edit->subscribe ||
		       buffer_printf(out, "%s\n", write_line(s, subs, edit->name, arena)));
}

bool maildir_subscribe(
	struct maildir_session *s, const char *name, bool subscribe, struct error *err)
{
	return edit_subscriptions(
		s, put_one, &(struct edit){.name = name, .subscribe = subscribe}, err);
}

/* The line that takes the place of ${line}: NULL = none. */
static const char *renamed_line(struct maildir_session *s, const struct subscriptions *subs,
	const struct edit *edit, const char *line, struct arena *arena)
{
	const char *name = read_line(s, subs, line, arena);
	const char *same = arena_strndup(arena, line, strcspn(line, "\n"));
	if (edit->to == NULL)
		return strcmp(name, edit->name) == 0 ? NULL : same;
	const char *to = maildir_renamed(name, edit->name, edit->to, arena);
	return to == NULL ? same : write_line(s, subs, to, arena);
}

static bool put_renamed(struct maildir_session *s, const struct subscriptions *subs,
	const struct edit *edit, struct buffer *out, struct arena *arena)
{
	if (subs->missing)
		return true; /* there is none to change */
	if (subs->tabs && !buffer_puts(out, version_2))
		return false;
	for (char *line = first_line(subs); line != NULL; line = next_line(line)) {
		const char *put = renamed_line(s, subs, edit, line, arena);
		if (put != NULL && !buffer_printf(out, "%s\n", put))
			return false;
	}
	return true;
}

bool maildir_subscriptions_rename(
	struct maildir_session *s, const char *from, const char *to, struct error *err)
{
	return edit_subscriptions(s, put_renamed, &(struct edit){.name = from, .to = to}, err);
}
