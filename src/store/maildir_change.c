#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* ---- the list of changes that settle() tells ---- */

static void pin(struct maildir_box *box)
{
	if (box != NULL) {
		box->pending++;
		box->dirty = true;
	}
}

/* Note a change of ${box} (and of ${from}), which stay open until it is settled. */
static struct maildir_change *add_change(struct maildir_session *s, uint32_t ticket,
	struct maildir_box *box, struct maildir_box *from)
{
	struct maildir_change *c = arena_alloc(s->answers, sizeof *c);
	c->ticket = ticket;
	c->box = box;
	c->from = from;
	pin(box);
	pin(from);
	*s->changes_end = c;
	s->changes_end = &c->next;
	return c;
}

/* The box of a mailbox that is to be changed. */
static struct maildir_box *box_to_change(
	struct maildir_session *s, const char *name, struct error *err)
{
	struct maildir_box *box = maildir_box(s, name, err);
	return box != NULL && maildir_box_prepare(box, err) ? box : NULL;
}

static struct maildir_box *target_box(
	struct maildir_session *s, const struct target *target, struct error *err)
{
	if (target->epoch != NULL && strcmp(target->epoch, MAILDIR_EPOCH) != 0) {
		error_set(err, ERROR_MAILBOX, CAUSE_DOUBT, "it is another mailbox by now");
		return NULL;
	}
	return box_to_change(s, target->mailbox, err);
}

/* ---- letters for flags ---- */

/* Letters that files of ${box} bear, whatever they mean. */
static bool letters_in_use(struct maildir_session *s, struct maildir_box *box,
	maildir_letters *letters, struct error *err)
{
	*letters = 0;
	if (!box->index.known && !maildir_index_read(box, s->grain, err))
		return false;
	for (size_t i = 0; i < box->index.n; i++)
		*letters |= maildir_letters_parse(box->index.at[i].name);
	return true;
}

static maildir_letters lowest(maildir_letters letters)
{
	return letters & (~letters + 1);
}

/* The letter that ${name} gets: its own, or P where it has none and that means the same. */
static maildir_letters letter_of(const struct maildir_box *box, const char *name)
{
	maildir_letters all = maildir_letters_of_keyword(&box->keywords, name);
	maildir_letters own = all & MAILDIR_LOWER;
	return lowest(own != 0 ? own : all);
}

/* Add to *letters those of the keywords ${names}; new ones get one.  *all: none was left without.
 */
static bool add_keyword_letters(struct maildir_session *s, struct maildir_box *box,
	const char *const *names, size_t n, maildir_letters *letters, bool *all, struct error *err)
{
	bool known = true;
	*all = true;
	if (n == 0)
		return true;
	if (!maildir_keywords_read(&box->keywords, box->dir, err))
		return false;
	for (size_t i = 0; i < n; i++)
		known = known && (letter_of(box, names[i]) & MAILDIR_LOWER) != 0;
	maildir_letters taken;
	if (!known && (!letters_in_use(s, box, &taken, err) ||
			      !maildir_keywords_add(&box->keywords, box->dir, names, n, taken,
				      maildir_config(s)->durable, err)))
		return false;
	for (size_t i = 0; i < n; i++) {
		maildir_letters letter = letter_of(box, names[i]);
		*letters |= letter;
		*all = *all && letter != 0;
	}
	return true;
}

/* The letters for the set ${set}; *held is what of it they stand for. */
static bool letters_for(struct maildir_session *s, struct maildir_box *box,
	const struct flag_table *table, flag_set set, maildir_letters *letters, flag_set *held,
	struct error *err)
{
	size_t n;
	bool all;
	const char *const *names = flags_keywords(table, set, &n);
	*letters = maildir_letters_of_system(flags_system(table, set));
	if (!add_keyword_letters(s, box, names, n, letters, &all, err))
		return false;
	*held = all ? set : flags_system(table, set);
	return true;
}

/* Every letter that stands for a flag of ${set}. */
static maildir_letters letters_against(
	const struct maildir_box *box, const struct flag_table *table, flag_set set)
{
	size_t n;
	const char *const *names = flags_keywords(table, set, &n);
	maildir_letters letters = maildir_letters_of_system(flags_system(table, set));
	for (size_t i = 0; i < n; i++)
		letters |= maildir_letters_of_keyword(&box->keywords, names[i]);
	return letters;
}

/* ---- append() ---- */

/* The path of a file that is called ${base}: without flags it is new mail. */
static const char *place_for(
	struct maildir_session *s, const char *base, maildir_letters letters, bool fresh)
{
	if (letters == 0 && fresh)
		return arena_printf(s->answers, "new/%s", base);
	return arena_printf(
		s->answers, "cur/%s:2,%s", base, maildir_letters_text(letters, s->answers));
}

static bool is_key(const char *key)
{
	return key[0] != '\0' && key[0] != '.' && key[strcspn(key, "/:,\n")] == '\0' &&
	       strlen(key) <= NAME_MAX / 2;
}

/* Write a message to tmp/ and note that it is to be moved into place. */
static bool submit_draft(struct maildir_session *s, uint32_t ticket, struct maildir_box *box,
	const char *key, maildir_letters letters, flag_set held, int64_t received,
	struct reader *reader, struct error *err)
{
	if (key == NULL)
		key = maildir_new_key(s->session.store, s->answers);
	if (!is_key(key))
		return error_set(
			err, ERROR_MESSAGE, CAUSE_LOCAL, "'%s' can be no file's name", key);
	if (!maildir_draft_write(
		    &s->draft, box->dir, key, reader, received, maildir_config(s)->durable, err))
		return false;
	struct maildir_change *c = add_change(s, ticket, box, NULL);
	const char *base = arena_printf(
		s->answers, "%s,S=%" PRIu64 ",W=%" PRIu64, key, s->draft.stored, s->draft.size);
	c->key = arena_strdup(s->answers, key);
	c->draft = arena_strdup(s->answers, s->draft.path);
	c->place = place_for(s, base, letters, true);
	c->held = held;
	s->session.traffic.bytes_out += s->draft.size;
	return true;
}

bool maildir_append(struct session *session, uint32_t ticket, const char *name, const char *key,
	const struct message *message, const struct flag_table *flags, struct reader *reader,
	struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	struct maildir_box *box = box_to_change(s, name, err);
	maildir_letters letters;
	flag_set held;
	return box != NULL && letters_for(s, box, flags, message->flags, &letters, &held, err) &&
	       submit_draft(s, ticket, box, key, letters, held, message->received, reader, err);
}

/* ---- mark(), expunge() ---- */

/* The part of a file's name that its flags do not change. */
static const char *base_of(const char *file, struct arena *arena)
{
	return arena_strndup(arena, file, strcspn(file, ":"));
}

static bool cannot_rename(const char *from, struct error *err)
{
	return error_errno(err, ERROR_MESSAGE, "cannot rename '%s'", from);
}

/* What is done to the file that a change is about: 1; 0 = it is not called so any more; -1. */
struct edit {
	struct maildir_change *change;
	struct error *why; /* it failed */
	maildir_letters add, remove;
	const struct target *target;
	struct maildir_box *to;
};
typedef int edit_file(struct maildir_session *s, struct maildir_box *box,
	struct maildir_entry *entry, const struct edit *edit);

/* Do ${what} to the message ${key}, whatever other programs call its file meanwhile. */
static bool edit_once_found(struct maildir_session *s, struct maildir_box *box, const char *key,
	edit_file *what, const struct edit *edit)
{
	for (int look = 0; look < MAILDIR_LOOKS; look++) {
		struct maildir_entry *entry = NULL;
		int found = maildir_index_find(box, s->grain, key, &entry, edit->why);
		edit->change->gone_already = found == 0;
		int done = found <= 0 ? found : what(s, box, entry, edit);
		if (found <= 0 || done != 0)
			return done >= 0;
		maildir_index_forget(box);
	}
	return error_set(edit->why, ERROR_MESSAGE, CAUSE_LOCAL,
		"'%s' is renamed by another program all the time", key);
}

static void edit_message(struct maildir_session *s, struct maildir_box *box, const char *key,
	edit_file *what, struct edit *edit)
{
	struct error why = {0};
	edit->why = &why;
	if (!edit_once_found(s, box, key, what, edit))
		maildir_change_fail(s, edit->change, &why);
}

static int set_letters(struct maildir_session *s, struct maildir_box *box,
	struct maildir_entry *entry, const struct edit *edit)
{
	char from[MAILDIR_PATH];
	maildir_letters old = maildir_letters_parse(entry->name);
	maildir_letters letters = (old & ~edit->remove) | edit->add;
	if (letters == old)
		return 1;
	maildir_entry_path(entry, from);
	const char *place = place_for(s, base_of(entry->name, s->answers), letters, entry->in_new);
	if (file_rename_new(box->dir, from, box->dir, place)) {
		maildir_index_rename(box, entry, place);
		return 1;
	}
	if (errno == ENOENT)
		return 0;
	cannot_rename(from, edit->why);
	return -1;
}

bool maildir_mark(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const struct flag_table *flags, flag_set add, flag_set remove,
	struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	struct maildir_box *box = target_box(s, target, err);
	struct edit edit = {0};
	flag_set held;
	if (box == NULL || !maildir_keywords_read(&box->keywords, box->dir, err) ||
		!letters_for(s, box, flags, add, &edit.add, &held, err))
		return false;
	edit.remove = letters_against(box, flags, remove);
	edit.change = add_change(s, ticket, box, NULL);
	edit.change->held = held;
	edit_message(s, box, key, set_letters, &edit);
	return true;
}

static bool was_edited(
	struct maildir_session *s, const struct target *target, const struct stat *file)
{
	struct maildir_times seen;
	return target->cursor != NULL && maildir_times_parse(target->cursor, &seen) &&
	       maildir_times_passed(&seen, ((const struct maildir_store *)s->session.store)->made,
		       s->grain, file);
}

static int unlink_file(struct maildir_session *s, struct maildir_box *box,
	struct maildir_entry *entry, const struct edit *edit)
{
	char path[MAILDIR_PATH];
	struct stat st;
	struct error *err = edit->why;
	maildir_entry_path(entry, path);
	if (fstatat(box->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		error_errno(err, ERROR_MESSAGE, "cannot look at '%s'", path);
		return -1;
	}
	edit->change->changed = was_edited(s, edit->target, &st);
	if (edit->change->changed || unlinkat(box->dir, path, 0) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	error_errno(err, ERROR_MESSAGE, "cannot remove '%s'", path);
	return -1;
}

bool maildir_expunge(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	struct maildir_box *box = target_box(s, target, err);
	if (box == NULL)
		return false;
	struct edit edit = {.change = add_change(s, ticket, box, NULL), .target = target};
	edit_message(s, box, key, unlink_file, &edit);
	return true;
}

/* ---- move(), copy() ---- */

/* The letters that mean in ${to} what those of ${file} mean in ${box}.  Letters without a meaning
 * stay behind, but for the capitals, which are no folder's own. */
static bool translate_letters(struct maildir_session *s, struct maildir_box *box, const char *file,
	struct maildir_box *to, maildir_letters *letters, struct error *err)
{
	const char *names[MAILDIR_KEYWORDS];
	size_t n = 0;
	bool all;
	maildir_letters old = maildir_letters_parse(file);
	if (!maildir_keywords_read(&box->keywords, box->dir, err))
		return false;
	for (int i = 0; i < MAILDIR_KEYWORDS; i++)
		if ((old & MAILDIR_KEYWORD_LETTER(i)) != 0 && box->keywords.name[i] != NULL)
			names[n++] = arena_strdup(s->answers, box->keywords.name[i]);
	*letters = old & ~MAILDIR_LOWER;
	return add_keyword_letters(s, to, names, n, letters, &all, err);
}

/* A name for the same message in another folder: the fields of other programs, such as the UID
 * that mbsync and offlineimap put there, mean nothing in it. */
static const char *base_elsewhere(const char *file, const char *key, struct arena *arena)
{
	const char *base = key;
	const char *p = file + strcspn(file, ":,");
	while (*p == ',') {
		size_t n = 1 + strcspn(p + 1, ":,");
		if ((p[1] == 'S' || p[1] == 'W') && p[2] == '=')
			base = arena_printf(arena, "%s%.*s", base, (int)n, p);
		p += n;
	}
	return base;
}

static int move_file(struct maildir_session *s, struct maildir_box *box,
	struct maildir_entry *entry, const struct edit *edit)
{
	char from[MAILDIR_PATH];
	maildir_letters letters;
	struct maildir_change *c = edit->change;
	if (!translate_letters(s, box, entry->name, edit->to, &letters, edit->why))
		return -1;
	maildir_entry_path(entry, from);
	/* A key that has in it what ends one is none that a new name can begin with. */
	c->key = strchr(":,", entry->name[0]) == NULL
			 ? arena_strndup(s->answers, entry->name, entry->key_len)
			 : maildir_new_key(s->session.store, s->answers);
	for (;;) {
		const char *base = base_elsewhere(entry->name, c->key, s->answers);
		const char *place = place_for(s, base, letters, entry->in_new);
		if (file_rename_new(box->dir, from, edit->to->dir, place))
			return 1;
		if (errno == ENOENT)
			return 0;
		if (errno != EEXIST) {
			cannot_rename(from, edit->why);
			return -1;
		}
		c->key = maildir_new_key(s->session.store, s->answers);
	}
}

bool maildir_move(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	struct maildir_box *box = target_box(s, target, err);
	struct edit edit = {.target = target};
	if (box == NULL || (edit.to = box_to_change(s, to, err)) == NULL)
		return false;
	edit.change = add_change(s, ticket, edit.to, box);
	edit_message(s, box, key, move_file, &edit);
	return true;
}

/* A file of its own, not a link: who edits one must not edit the other. */
static bool copy_file(struct maildir_session *s, uint32_t ticket, struct maildir_box *box,
	struct maildir_entry *entry, int fd, struct maildir_box *to, struct error *err)
{
	maildir_letters letters;
	struct stat st;
	char path[MAILDIR_PATH];
	maildir_entry_path(entry, path);
	if (!maildir_body_begin(&s->body, fd, path, false, 0, err))
		return false;
	bool ok = fstat(s->body.fd, &st) == 0 ||
		  error_errno(err, ERROR_MESSAGE, "cannot look at '%s'", path);
	ok = ok && translate_letters(s, box, entry->name, to, &letters, err) &&
	     submit_draft(s, ticket, to, NULL, letters, 0, st.st_mtim.tv_sec, &s->body.reader, err);
	maildir_body_end(&s->body);
	return ok;
}

bool maildir_copy(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	struct maildir_box *box = target_box(s, target, err);
	struct maildir_box *into = box == NULL ? NULL : box_to_change(s, to, err);
	struct maildir_entry *entry = NULL;
	struct error why = {0};
	int fd = -1;
	if (into == NULL)
		return false;
	int found = maildir_box_open_file(s, box, key, &entry, &fd, &why);
	if (found > 0 && copy_file(s, ticket, box, entry, fd, into, &why))
		return true;
	struct maildir_change *c = add_change(s, ticket, into, NULL);
	c->gone_already = found == 0;
	if (found != 0)
		maildir_change_fail(s, c, &why);
	return true;
}
