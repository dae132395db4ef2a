#include "store/archive_store.h"

#include <string.h>
#include <time.h>

#include "mail/name.h"

static bool end(struct archive_session *s, bool ok, struct error *err)
{
	if (ok)
		return archive_commit(s->archive, err);
	archive_rollback(s->archive);
	return false;
}

bool archive_store_create(
	struct session *session, const char *name, uint32_t use, bool subscribe, struct error *err)
{
	struct archive_session *s = archive_session(session);
	struct archive_snapshot draft;
	int64_t id;
	return archive_store_begin(s, &draft, err) &&
	       end(s, archive_mailbox_make(s->archive, name, use, subscribe, &id, err), err);
}

bool archive_store_remove_mailbox(struct session *session, const char *name, struct error *err)
{
	struct archive_session *s = archive_session(session);
	struct archive_snapshot draft;
	struct archive_mailbox mailbox = {.name = name};
	if (name_is_inbox(name))
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "INBOX cannot be removed");
	return archive_store_begin(s, &draft, err) &&
	       end(s, archive_mailbox_remove(s->archive, &mailbox, err), err);
}

/* ${name}, which is ${from} or lies below it, under ${to}; NULL for any other. */
static const char *renamed(const char *name, const char *from, const char *to, struct arena *arena)
{
	size_t n = strlen(from);
	if (strncmp(name, from, n) != 0 || (name[n] != '\0' && name[n] != '/'))
		return NULL;
	return arena_printf(arena, "%s%s", to, name + n);
}

static bool rename_all(struct archive_session *s, const struct archive_snapshot *draft,
	const char *from, const char *to, struct arena *arena, struct error *err)
{
	struct archive_snapshot newest = {.id = INT64_MAX, .source = draft->source};
	struct archive_mailbox *all;
	size_t n;
	bool any = false, ok = archive_mailboxes(s->archive, &newest, NULL, arena, &all, &n, err);
	for (size_t i = 0; ok && i < n; i++) {
		const char *name = renamed(all[i].name, from, to, arena);
		any |= name != NULL;
		ok = name == NULL || archive_mailbox_rename(s->archive, &all[i], name, err);
	}
	if (ok && !any)
		ok = error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "there is no such mailbox");
	return ok;
}

bool archive_store_rename_mailbox(
	struct session *session, const char *from, const char *to, struct error *err)
{
	struct archive_session *s = archive_session(session);
	struct archive_snapshot draft;
	if (!archive_store_begin(s, &draft, err))
		return false;
	struct arena *arena = arena_new();
	bool ok = end(s, rename_all(s, &draft, from, to, arena, err), err);
	arena_free(arena);
	return ok;
}

bool archive_store_finish(struct session *session, const char *note, struct error *err)
{
	struct archive_session *s = archive_session(session);
	struct archive_snapshot draft;
	return archive_store_begin(s, &draft, err) &&
	       end(s, archive_finish(s->archive, note, (int64_t)time(NULL), err), err);
}
