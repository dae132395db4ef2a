#ifndef MAILTWIN_ARCHIVE_ARCHIVE_H
#define MAILTWIN_ARCHIVE_ARCHIVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "mail/message.h"
#include "mail/pattern.h"

/*
 * An archive: one file that keeps mailboxes as they were on every day they were saved.
 *
 * The file is an SQLite database; doc/FORMAT.md describes it for people without this program.
 *
 *   source      an account; several may share an archive
 *   snapshot    a source as it was at one moment; once taken it never changes.  One that is not
 *               taken yet is the draft: what was written since the last one of its source
 *   mailbox     of a source; its name holds for an interval of snapshots
 *   message     the bytes, once, under their SHA-256, however many mailboxes hold it
 *   placement   a message in a mailbox, with flags, keywords and date, for an interval of snapshots
 *
 * A `struct archive` is one connection to the file and belongs to one thread.  Errors of the file
 * are ERROR_STORE and CAUSE_LOCAL; ERROR_MESSAGE is one message that is not whole, and the rest can
 * still be read.  Whoever writes holds the lock (archive_lock()), and writes within a transaction.
 */
struct archive;

#define ARCHIVE_STILL  (-1) /* instead of the last snapshot that shows a row */
#define ARCHIVE_DIGEST 32   /* octets of a message's digest */

/* ---- the file (archive.c, archive_file.c) ---- */

/*
 * archive_create(path, err): make a new, empty archive, mode 0600; fails where there is anything of
 * that name.  It has the name only once it is whole.
 */
bool archive_create(const char *path, struct error *err);

/*
 * archive_open(path, writing, missing, err): connect to the archive ${path}.  What is no archive,
 * damaged at its head, or of a newer format is refused, untouched.  ${*missing} (may be NULL):
 * there is no such file; that fails too.  NULL on failure.
 */
struct archive *archive_open(const char *path, bool writing, bool *missing, struct error *err);

/* archive_open_again(path, writing, err): one connection more to a file that this process has open:
 * it is not looked at again, because closing it would drop SQLite's locks on it. */
struct archive *archive_open_again(const char *path, bool writing, struct error *err);

/* archive_close(archive): a transaction that is open is taken back; NULL is fine. */
void archive_close(struct archive *archive);

/*
 * archive_lock(path, wait, err): hold ${path} for writing, waiting up to ${wait} seconds for
 * whoever holds it, or until a signal is handled (ERROR_CANCELLED); the descriptor that holds it,
 * or -1.  archive_unlock(lock) ends it, after all connections of this process to the file are
 * closed: closing a descriptor drops SQLite's locks.
 */
int archive_lock(const char *path, unsigned wait, struct error *err);
void archive_unlock(int lock);

/* archive_id(archive, arena, err): the random name that the archive got when it was made. */
const char *archive_id(struct archive *archive, struct arena *arena, struct error *err);

/* ---- sources and snapshots (archive_read.c) ---- */

struct archive_source {
	int64_t id;
	const char *world; /* as store.h's world.id */
	const char *name;  /* for people */
	int64_t last;	   /* its last snapshot; 0 = none is taken yet */
	bool sound;	   /* the row matches its check */
};

struct archive_snapshot {
	int64_t id; /* the number that people write; grows, is never used twice */
	int64_t source;
	int64_t taken;		      /* seconds since the epoch; 0 = the draft */
	uint64_t messages, bytes;     /* in all its mailboxes */
	uint64_t came, went, changed; /* since the snapshot of its source before it */
	const char *note;	      /* why it is not the source whole; or NULL */
	uint64_t sum;		      /* of all that is visible in it (archive_private.h) */
	bool sound;		      /* the row matches its check */
};

/* Lists are on ${arena}, in order of id.  ${source} 0: of all sources.  Drafts are no part. */
bool archive_sources(struct archive *archive, struct arena *arena, struct archive_source **out,
	size_t *n, struct error *err);
bool archive_snapshots(struct archive *archive, int64_t source, struct arena *arena,
	struct archive_snapshot **out, size_t *n, struct error *err);

/*
 * archive_choose(archive, source, which, arena, out, err): the snapshot that a person means: number
 * ${which}; or the last one taken up to a day "2026-11-23" or a moment "2026-11-23T04:00:00Z" (both
 * UTC); NULL = the last one.  ${source}: the name or world of a source, or NULL where the archive
 * holds one, or ${which} is a number.  CAUSE_CONFIG with what could be meant where that is not
 * clear, or there is none.
 */
bool archive_choose(struct archive *archive, const char *source, const char *which,
	struct arena *arena, struct archive_snapshot *out, struct error *err);

/*
 * archive_newest(archive, source, arena, out, found, err): the newest state of ${source}: its
 * draft, or its last snapshot; ${*found} false: there is neither.
 */
bool archive_newest(struct archive *archive, int64_t source, struct arena *arena,
	struct archive_snapshot *out, bool *found, struct error *err);

/* ---- what is visible in a snapshot (archive_read.c) ---- */

struct archive_mailbox {
	int64_t id;	  /* stays when it is renamed */
	const char *name; /* as mail/name.h writes it */
	uint32_t use;	  /* USE_* */
	bool subscribed;
	/* Of the newest state of the source, the draft's too: */
	int64_t messages;
	int64_t changes; /* counts every change of it, ever */
	int64_t changed; /* the snapshot, or draft, that changed it last ... */
	int64_t before;	 /* ... and `changes` as it was before that */
};

/* archive_mailboxes(archive, snapshot, name, arena, out, n, err): sorted by name; only the one
 * called
 * ${name} unless that is NULL.  ${snapshot} needs id and source; the newest state, draft or not,
 * has the id INT64_MAX. */
bool archive_mailboxes(struct archive *archive, const struct archive_snapshot *snapshot,
	const char *name, struct arena *arena, struct archive_mailbox **out, size_t *n,
	struct error *err);

struct archive_placement {
	int64_t item; /* its key: stays when flags change */
	int64_t mailbox;
	int64_t message;
	uint8_t digest[ARCHIVE_DIGEST];
	uint64_t size;
	uint32_t flags;	      /* FLAG_* below FLAG_SYSTEM_SETS */
	const char *keywords; /* as flags_text() writes them, without system flags; "" = none */
	int64_t received;     /* or RECEIVED_UNKNOWN */
	int16_t zone;
	const char *uid;     /* its name at the source, for people; or NULL */
	bool sound;	     /* the row matches its check */
	int64_t first, last; /* the snapshots that show it; last ARCHIVE_STILL = still there */
};

/*
 * archive_visible(archive, snapshot, mailbox, err): begin to read the placements of ${mailbox} (0 =
 * of all mailboxes, one after the other), in order of item.
 * archive_changes(archive, mailbox, since, err): instead, all rows of ${mailbox} that snapshot
 * ${since} or a later one began or ended: an item's last row tells how it is now, `last`
 * ARCHIVE_STILL = it is there. archive_visible_next(walk, out, err): 1; 0 = no more; -1.  Text is
 * lent until the next call. archive_visible_end(walk): NULL is fine.
 * archive_visible_forgive(walk): of one mailbox, leave out what lies on a damaged page and go on
 * behind it; archive_visible_holes(walk) counts the places.  For who only shows what is there: what
 * is left out must not be taken for gone.  One walk at a time may be
 * open on one connection for each of these kinds (one mailbox, all mailboxes, changes).
 */
struct archive_walk;
struct archive_walk *archive_visible(struct archive *archive,
	const struct archive_snapshot *snapshot, int64_t mailbox, struct error *err);
struct archive_walk *archive_changes(
	struct archive *archive, int64_t mailbox, int64_t since, struct error *err);
int archive_visible_next(
	struct archive_walk *walk, struct archive_placement *out, struct error *err);
void archive_visible_forgive(struct archive_walk *walk);
size_t archive_visible_holes(const struct archive_walk *walk);
void archive_visible_end(struct archive_walk *walk);

/* What is known of one message. */
struct archive_message {
	int64_t id;
	uint8_t digest[ARCHIVE_DIGEST];
	uint64_t size;
};

/* archive_find(archive, prefix, arena, out, n, err): the messages whose digest, in hexadecimal
 * digits of any case, begins with ${prefix}: the first FIND_MOST of them, in order of digest. */
#define ARCHIVE_FIND_MOST 16
bool archive_find(struct archive *archive, const char *prefix, struct arena *arena,
	struct archive_message **out, size_t *n, struct error *err);

/* Decoded header fields of a message, as `ls` and `search` show them; UTF-8, "" where missing. */
struct archive_header {
	int64_t date; /* of the Date field, or RECEIVED_UNKNOWN */
	const char *from, *to, *cc, *subject, *message_id;
};

/* archive_header(archive, message, arena, out, err): what the file keeps of the header of message
 * ${message}; one of which nothing is kept is empty. */
bool archive_header(struct archive *archive, int64_t message, struct arena *arena,
	struct archive_header *out, struct error *err);

/* ---- searching (archive_query.c, archive_search.c) ---- */

/* Text that the index cannot find, to be looked for in each header. */
struct archive_within {
	unsigned columns; /* ARCHIVE_IN_* */
	const char *text;
};

enum { ARCHIVE_IN_FROM = 1, ARCHIVE_IN_TO = 2, ARCHIVE_IN_SUBJECT = 4, ARCHIVE_IN_ANY = 7 };

/* What is looked for; see archive_query.c for how people write it. */
struct archive_query {
	const char *match;	       /* for the index; NULL = any text */
	struct archive_within *within; /* all of them have to be there as well */
	size_t n_within;
	int64_t after, before; /* the Date, or where there is none INTERNALDATE: from .. to below */
	struct pattern_list mailboxes; /* n 0 = any */
};

/* archive_query_read(text, arena, out, err): understand ${text}; CAUSE_CONFIG. */
bool archive_query_read(
	const char *text, struct arena *arena, struct archive_query *out, struct error *err);

/* A message in a mailbox; text is lent until the next call. */
struct archive_hit {
	struct archive_placement placement; /* as it was last */
	int64_t source;
	const char *mailbox;  /* by its last name */
	int64_t snapshots[2]; /* the first and the last that show it there */
	struct archive_header header;
};

/* archive_search(archive, query, snapshot, err): look in ${snapshot}, or with NULL in all, newest
 * messages first; ${query} is lent until the end.  archive_search_next(search, out, err): 1; 0 = no
 * more; -1.  Where the file is damaged, what is whole around such places is told in order of
 * mailbox; archive_search_holes(search) counts the places.  archive_search_end(search): NULL is
 * fine. */
struct archive_search;
struct archive_search *archive_search(struct archive *archive, const struct archive_query *query,
	const struct archive_snapshot *snapshot, struct error *err);
int archive_search_next(struct archive_search *search, struct archive_hit *out, struct error *err);
size_t archive_search_holes(const struct archive_search *search);
void archive_search_end(struct archive_search *search);

/* ---- the bytes of a message (archive_body.c) ---- */

/*
 * archive_body_new(archive), archive_body_free(body): what reads bodies, one at a time; NULL is
 * fine to free.
 * archive_body_open(body, message, header, reader, err): begin to read ${message}, or with
 * ${header} its header block with the empty line (its first MiB at most); what was open is given
 * up.  The reader (mail/message.h) is lent until the next call.  It fails with ERROR_MESSAGE where
 * the message is not whole: its last run is lent only once the digest of all is known to be right.
 */
struct archive_body;
struct archive_body *archive_body_new(struct archive *archive);
void archive_body_free(struct archive_body *body);
bool archive_body_open(struct archive_body *body, const struct archive_message *message,
	bool header, struct reader **reader, struct error *err);

/* ---- writing (archive_pack.c, archive_write.c, archive_place.c) ---- */

/*
 * A message on its way in: hashed and compressed, not yet in the file.
 *
 * archive_add(archive, level, reader, out, err): read ${reader} to its end, compressed by zlib's
 * ${level}.  Where more than some MiB wait, they are written to the file in a transaction of their
 * own, which shows nothing yet.  ERROR_MESSAGE when the reader failed: nothing is left of it.
 * The message is the archive's, until archive_added() or archive_close().
 */
struct archive_pending;
bool archive_add(struct archive *archive, int level, struct reader *reader,
	struct archive_pending **out, struct error *err);

/* archive_added(archive, pending, message, err): within a transaction, put it into the file, if
 * those bytes are not there already; ${pending} is gone.  archive_drop(archive): forget all that
 * wait. */
bool archive_added(struct archive *archive, struct archive_pending *pending,
	struct archive_message *message, struct error *err);
void archive_drop(struct archive *archive);

/* archive_clean(archive, err): before a run writes: take away what a stopped one left of messages
 * that it had not read to their end. */
bool archive_clean(struct archive *archive, struct error *err);

/* archive_source(archive, world, name, id, err): within a transaction, the source ${world}, made
 * where it is missing; its name is ${name} from now on. */
bool archive_source(struct archive *archive, const char *world, const char *name, int64_t *id,
	struct error *err);

/* archive_take_turns(archive, turn): several threads of this program write to one file, each with
 * an archive of its own: they wait for each other at ${turn}, which is lent.  Left to itself,
 * SQLite sleeps, and looks again. */
void archive_take_turns(struct archive *archive, pthread_mutex_t *turn);

/*
 * archive_begin(archive, err), archive_commit(archive, err), archive_rollback(archive): one
 * transaction, durable when commit returns.  Another process that writes is waited for.
 * archive_draft(archive, source, draft, err): within one, the draft of ${source}, begun where there
 * is none: what follows changes it.
 */
bool archive_begin(struct archive *archive, struct error *err);
bool archive_draft(
	struct archive *archive, int64_t source, struct archive_snapshot *draft, struct error *err);
bool archive_commit(struct archive *archive, struct error *err);
void archive_rollback(struct archive *archive);

/* All of the following change the draft that archive_draft() began in this transaction.  A mailbox
 * or item that is not there: false, with ERROR_MAILBOX or ERROR_MESSAGE. */

/* archive_place(archive, placement, err): add what ${placement} says (mailbox, message, size,
 * digest, flags, keywords, received, zone, uid); its item is filled in. */
bool archive_place(struct archive *archive, struct archive_placement *placement, struct error *err);

/* archive_placed(archive, mailbox, item, snapshot, arena, out, err): the placement as snapshot
 * number
 * ${snapshot} shows it (INT64_MAX: as it is now): 1; 0 = it is not there; -1.
 * archive_next_item(archive, item, err): no new placement's item will lie below. */
int archive_placed(struct archive *archive, int64_t mailbox, int64_t item, int64_t snapshot,
	struct arena *arena, struct archive_placement *out, struct error *err);
bool archive_next_item(struct archive *archive, int64_t *item, struct error *err);

/* archive_change(archive, placement, flags, keywords, err): give it other flags and keywords.
 * archive_remove(archive, placement, err): take it out of the draft. */
bool archive_change(struct archive *archive, const struct archive_placement *placement,
	uint32_t flags, const char *keywords, struct error *err);
bool archive_remove(
	struct archive *archive, const struct archive_placement *placement, struct error *err);

/* Mailboxes: made; renamed (with no other of that name there); removed with what is in them. */
bool archive_mailbox_make(struct archive *archive, const char *name, uint32_t use, bool subscribed,
	int64_t *id, struct error *err);
bool archive_mailbox_rename(struct archive *archive, const struct archive_mailbox *mailbox,
	const char *name, struct error *err);
bool archive_mailbox_remove(
	struct archive *archive, const struct archive_mailbox *mailbox, struct error *err);

/*
 * archive_finish(archive, note, taken, err): the draft becomes a snapshot, ${note} (or NULL) with
 * it, at the moment ${taken}; the transaction still has to be committed.
 */
bool archive_finish(struct archive *archive, const char *note, int64_t taken, struct error *err);

/* ---- forgetting (archive_keep.c, archive_forget.c, archive_compact.c) ---- */

enum archive_rule {
	ARCHIVE_LAST,
	ARCHIVE_DAILY,
	ARCHIVE_WEEKLY,
	ARCHIVE_MONTHLY,
	ARCHIVE_YEARLY,
	ARCHIVE_RULES
};

/* archive_keep(all, n, keep, why): which of the snapshots ${all} of one account, in order of id,
 * stay: ${why} has the bits 1 << rule that keep each, 0 = it goes.  The last one always stays. */
void archive_keep(const struct archive_snapshot *all, size_t n, const unsigned keep[ARCHIVE_RULES],
	uint8_t *why);

/*
 * archive_forget(archive, all, n, go, err): drop those of ${all}, the snapshots of all sources as
 * archive_snapshots() gave them, that ${go}, with what only they showed.  One transaction; refused
 * where a snapshot does not match its check.  The lock must be held.
 */
bool archive_forget(struct archive *archive, const struct archive_snapshot *all, size_t n,
	const bool *go, struct error *err);

/* archive_spare(archive, spare, size, err): octets that nothing uses, of how many.
 * archive_compact(archive, size, err): write the file anew without them; it has ${*size} octets
 * then.  The lock must be held; ${archive} is still open on the old file afterwards, and is to be
 * closed. */
bool archive_spare(struct archive *archive, uint64_t *spare, uint64_t *size, struct error *err);
bool archive_compact(struct archive *archive, uint64_t *size, struct error *err);

/* ---- verifying (archive_verify.c) ---- */

enum archive_fault {
	ARCHIVE_FAULT_FILE,	/* SQLite's own structure */
	ARCHIVE_FAULT_SNAPSHOT, /* an account, a snapshot, or what it shows */
	ARCHIVE_FAULT_MAILBOX,
	ARCHIVE_FAULT_PLACEMENT, /* where a message is, its flags and dates */
	ARCHIVE_FAULT_MESSAGE,	 /* the bytes of a message */
	ARCHIVE_FAULT_INDEX	 /* what only searching needs */
};

struct archive_verified {
	uint64_t snapshots, placements, messages, bytes, faults;
	bool index_checked; /* that of the words; not where the file cannot be written */
};

struct archive_verifier {
	void *context;
	/* ${digest}: of the message that it is about, or NULL */
	void (*fault)(void *context, enum archive_fault what, const char *digest, const char *text);
};

/* archive_verify(archive, told, count, err): read everything, as it is at one moment, and tell what
 * is not whole; false where that could not be gone on with. */
bool archive_verify(struct archive *archive, const struct archive_verifier *told,
	struct archive_verified *count, struct error *err);

/* archive_stamp(archive, pair, run, err), archive_stamped(archive, pair, run, err): the number of
 * the last run of ${pair}; 0 = none.  The first within a transaction. */
bool archive_stamp(struct archive *archive, const char *pair, uint64_t run, struct error *err);
bool archive_stamped(struct archive *archive, const char *pair, uint64_t *run, struct error *err);

#endif
