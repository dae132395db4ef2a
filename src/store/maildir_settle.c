#include "store/maildir.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* ---- one flush for all ---- */

static bool sync_file(int dir, const char *path, struct error *err)
{
	int fd = file_open(dir, path);
	if (fd < 0)
		return error_errno(err, ERROR_MESSAGE, "cannot open '%s'", path);
	bool ok = fsync(fd) == 0;
	if (!ok)
		error_errno(err, ERROR_MESSAGE, "cannot write '%s' to the disk", path);
	close(fd);
	return ok;
}

/* The disk was told of each file when it was written, so that most of this waiting is for the
 * first of them. */
static void flush_drafts(struct maildir_session *s)
{
	for (struct maildir_change *c = s->changes; c != NULL; c = c->next) {
		struct error why = {0};
		if (c->draft == NULL || sync_file(c->box->dir, c->draft, &why))
			continue;
		maildir_change_fail(s, c, &why);
		maildir_change_drop_draft(c);
	}
}

/* Told by its path: whoever hears of it may know only which of the mailboxes settled with it came
 * first. */
static bool sync_directory(const struct maildir_box *box, const char *name, struct error *err)
{
	bool inbox = strcmp(box->path, ".") == 0;
	const char *above = inbox ? "" : box->path, *slash = inbox ? "" : "/";
	int fd = file_open_directory(box->dir, name);
	if (fd < 0)
		return error_errno(err, ERROR_STORE, "cannot open '%s%s%s'", above, slash, name);
	bool ok = fsync(fd) == 0;
	if (!ok)
		error_errno(
			err, ERROR_STORE, "cannot write '%s%s%s' to the disk", above, slash, name);
	close(fd);
	return ok;
}

/* What a move put elsewhere is on the disk there before it is gone here. */
static bool flush_directories(struct maildir_session *s, bool sources, struct error *err)
{
	for (struct maildir_change *c = s->changes; c != NULL; c = c->next) {
		struct maildir_box *box = sources ? c->from : c->box;
		if (box == NULL || !box->dirty)
			continue;
		if (!sync_directory(box, "cur", err) || !sync_directory(box, "new", err))
			return false;
		box->dirty = false;
	}
	return true;
}

void maildir_change_fail(
	struct maildir_session *s, struct maildir_change *c, const struct error *why)
{
	c->error = arena_memdup(s->answers, why, sizeof *why);
}

void maildir_change_drop_draft(struct maildir_change *c)
{
	unlinkat(c->box->dir, c->draft, 0);
	c->draft = NULL;
}

/* A mail reader sees a message only now, whole and on the disk. */
static void move_into_place(struct maildir_session *s)
{
	for (struct maildir_change *c = s->changes; c != NULL; c = c->next) {
		if (c->draft == NULL)
			continue;
		if (file_rename_new(c->box->dir, c->draft, c->box->dir, c->place)) {
			c->draft = NULL;
			continue;
		}
		struct error why = {0};
		error_errno(&why, ERROR_MESSAGE, "cannot rename '%s' to '%s'", c->draft, c->place);
		maildir_change_fail(s, c, &why);
		maildir_change_drop_draft(c);
	}
}

static bool flush(struct maildir_session *s, struct error *err)
{
	bool durable = maildir_config(s)->durable;
	if (durable)
		flush_drafts(s);
	move_into_place(s);
	return !durable || (flush_directories(s, false, err) && flush_directories(s, true, err));
}

/* ---- settle() ---- */

static void unpin(struct maildir_change *c)
{
	c->box->pending--;
	if (c->from != NULL)
		c->from->pending--;
}

void maildir_changes_drop(struct maildir_session *s)
{
	for (struct maildir_change *c = s->changes; c != NULL; c = c->next) {
		if (c->draft != NULL)
			maildir_change_drop_draft(c);
		unpin(c);
	}
	s->changes = NULL;
	s->changes_end = &s->changes;
	s->flushed = false;
	arena_reset(s->answers);
}

static void tell(const struct maildir_change *c, struct outcome *outcome)
{
	bool done = c->error == NULL && !c->gone_already;
	*outcome = (struct outcome){
		.ticket = c->ticket,
		.key = done ? c->key : NULL,
		.epoch = done && c->key != NULL ? MAILDIR_EPOCH : NULL,
		.held = c->held,
		.gone_already = c->gone_already,
		.changed = c->changed,
	};
	if (c->error != NULL)
		outcome->error = *c->error;
}

int maildir_settle(struct session *session, struct outcome *outcome, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	if (!s->flushed && !flush(s, err)) {
		maildir_changes_drop(s);
		return -1;
	}
	s->flushed = true;
	struct maildir_change *c = s->told == NULL ? s->changes : s->told->next;
	if (c == NULL) {
		s->told = NULL;
		maildir_changes_drop(s);
		return 0;
	}
	s->told = c;
	tell(c, outcome);
	return 1;
}
