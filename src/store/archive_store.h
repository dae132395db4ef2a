#ifndef MAILTWIN_STORE_ARCHIVE_STORE_H
#define MAILTWIN_STORE_ARCHIVE_STORE_H

#include <stdatomic.h>

#include "archive/archive.h"
#include "store/store.h"

/*
 * What the files of the archive store share.
 *
 *   archive.c          the table of functions; sessions, the lock, which world
 *   archive_list.c     mailboxes and their messages
 *   archive_fetch.c    the bytes of messages
 *   archive_change.c   appends and changes, settled in one transaction
 *   archive_manage.c   mailboxes made, renamed, removed; the end of a snapshot
 *
 * Once for_source() told whose account it is, the store shows the newest state of that source, and
 * what is written changes its draft, which finish() makes a snapshot.  Else it shows the snapshot
 * that the configuration chooses, by default the last one, and cannot be written.
 *
 * The key of a message is the item of its placement, its mailbox's epoch the mailbox's number; both
 * are never used twice.  The cursor counts the changes of the mailbox.
 */
struct archive_store {
	struct store store;
	atomic_int lock;      /* descriptor; -1: not locked */
	atomic_bool opened;   /* the file was looked at, and is an archive */
	pthread_mutex_t turn; /* of the sessions that write */
	struct arena *arena;
	const char *world, *name; /* of for_source(); NULL: not told */
	bool or_any;		  /* the same */
};

struct archive_question {
	struct archive_question *next;
	const char *name;
	struct flag_table *flags; /* of a list */
	int64_t since;		  /* a count of changes; -1 = list all */
	bool same_epoch;
	const char *epoch; /* of a fetch, or NULL */
	const char *const *keys;
	size_t n, at;
	enum fetch_part part;
};

struct archive_queue {
	struct arena *arena;
	struct archive_question *first, **end;
};

struct archive_session {
	struct session session;
	struct archive *archive; /* NULL: there is no file yet */
	bool writing;
	struct flag_table *flags;
	struct archive_queue lists, fetches;
	struct archive_body *body;
	struct map *found;     /* items that archive.search finds; NULL = not looked for yet */
	struct map *found_in;  /* and the mailboxes that they are in */
	size_t found_holes;    /* damaged places that could not be searched */
	struct arena *answers; /* of the changes */
	struct arena *items;   /* of what was found */
	struct archive_change *changes, **changes_end, *told;
	bool settled;
};

static inline struct archive_session *archive_session(struct session *session)
{
	return (struct archive_session *)session;
}

/* ---- archive.c ---- */

/* archive_store_open(s, writing, err): s->archive, made where ${writing} needs it; without, it may
 * stay NULL: there is none yet. */
bool archive_store_open(struct archive_session *s, bool writing, struct error *err);

/* archive_store_view(s, arena, view, err): the snapshot that is shown; id 0: nothing is there; id
 * INT64_MAX: the newest state of its source. */
bool archive_store_view(struct archive_session *s, struct arena *arena,
	struct archive_snapshot *view, struct error *err);

/* archive_store_begin(s, source, err): open to write, begin a transaction and the draft. */
bool archive_store_begin(
	struct archive_session *s, struct archive_snapshot *draft, struct error *err);

/* ---- archive_list.c ---- */

void archive_queue_init(struct archive_queue *queue);
void archive_queue_finish(struct archive_queue *queue);
struct archive_question *archive_queue_add(struct archive_queue *queue, const char *name);
void archive_queue_drop(struct archive_queue *queue);
bool archive_store_mailboxes(
	struct session *session, struct arena *arena, struct mailbox_list *out, struct error *err);
bool archive_store_list(struct session *session, const char *name, const char *epoch,
	const char *since, struct flag_table *flags, struct error *err);
int archive_store_listed(struct session *session, struct message_list *out, struct error *err);

/* ---- archive_fetch.c ---- */

bool archive_store_fetch(struct session *session, const char *name, const char *epoch,
	const char *const *keys, size_t n, enum fetch_part part, struct error *err);
int archive_store_take(struct session *session, struct message *message, struct reader **reader,
	struct error *err);
void archive_fetch_finish(struct archive_session *s);

/* ---- archive_change.c ---- */

bool archive_store_append(struct session *session, uint32_t ticket, const char *name,
	const char *key, const struct message *message, const struct flag_table *flags,
	struct reader *reader, struct error *err);
bool archive_store_mark(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const struct flag_table *flags, flag_set add, flag_set remove,
	struct error *err);
bool archive_store_expunge(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, struct error *err);
bool archive_store_move(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err);
bool archive_store_copy(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err);
int archive_store_settle(struct session *session, struct outcome *outcome, struct error *err);
void archive_changes_drop(struct archive_session *s);

/* ---- archive_manage.c ---- */

bool archive_store_create(
	struct session *session, const char *name, uint32_t use, bool subscribe, struct error *err);
bool archive_store_remove_mailbox(struct session *session, const char *name, struct error *err);
bool archive_store_rename_mailbox(
	struct session *session, const char *from, const char *to, struct error *err);
bool archive_store_finish(struct session *session, const char *note, struct error *err);

#endif
