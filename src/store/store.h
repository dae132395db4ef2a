#ifndef MAILTWIN_STORE_STORE_H
#define MAILTWIN_STORE_STORE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/error.h"
#include "config/config.h"
#include "mail/flags.h"
#include "mail/message.h"
#include "mail/roster.h"
#include "mail/search.h"

/*
 * The store contract: what the sync asks of a place where mail is.
 *
 * A kind of store is one file that fills a `struct store_ops`, and one row in
 * the registry (store/registry.c); one contract suite (tests/unit/test_store_contract.c)
 * runs over every kind.
 *
 * A `store` is the configured place; it is made once, read by all threads, and
 * opens nothing.  A `session` is one connection to it (a Maildir: an open
 * root), and belongs to one thread.  Mailboxes are named by the UTF-8 names of
 * mail/name.h; the store alone knows its own spelling.
 *
 * Reading is pull: list() and fetch() ask for many and do not wait; listed() and
 * take() give them as they arrive, in the order asked.  Writing is submit and
 * settle: append(), mark(), expunge(), move() and copy() do not wait for their result; settle()
 * makes all that was submitted durable and tells how each ended.  What was asked is taken to its
 * end before anything else is submitted, except that more may be asked of the same kind.
 *
 * Functions return false (or -1) with ${err} set.  ERROR_MESSAGE and
 * ERROR_MAILBOX leave the session usable; ERROR_STORE means that it is of no
 * more use: close it, and where `transient` is set, connect again.
 *
 * A function that is marked optional may be NULL: "cannot"; the plan goes around it.
 */
struct store;
struct session;

/* Which world is this?  Told by identify(). */
struct world {
	const char *id;	   /* "imap://user@host:port", "maildir:RANDOM": equal = the same place */
	uint64_t last_run; /* the number stamp() left here for the pair; 0 = none, or cannot be kept
			    */
	bool stamped;	   /* stamp() can keep a number here */
	const char *ids_of; /* EMAILID or X-GM-MSGID can be asked for, and this is the server whose
			       they are; or NULL */
	const char *account, *account_name; /* of a store that keeps accounts: whose mail it shows,
					       as for_source() was told; else NULL */
	bool rewrites; /* it is known to store other bytes than it was given (Exchange) */
};

/* What fetch() is to bring. */
enum fetch_part {
	FETCH_HEADER, /* the header block, up to and with its empty line */
	FETCH_BODY,   /* the whole message */
	FETCH_EMAILID /* no bytes: message.identity is made from EMAILID or X-GM-MSGID */
};

/* How one submitted change ended. */
struct outcome {
	uint32_t ticket;   /* the submitter's number for it */
	const char *key;   /* append, copy, move: the new message's key; NULL = the store cannot
			      tell: list the mailbox and look; lent until the next settle() */
	const char *epoch; /* append: the mailbox's epoch as the reply told it, or NULL */
	flag_set held;	   /* append: the flags that the message has now; mark: those of the
			      added ones; in the caller's table, and without keywords where
			      that holds no set for what is left of them */
	bool again;	   /* append: one that was sent with it was refused, or it was: append it
			      again, by itself (session.alone) */
	bool marked_only;  /* expunge: only \Deleted could be set; foreign \Deleted mail is there */
	bool gone_already; /* mark, expunge, move: the message was not there any more */
	bool changed;	   /* expunge: it was edited after the plan saw it, and was left alone */
	struct error error; /* ERROR_NONE when it worked */
};

/* What the plan saw of a mailbox whose messages are to be changed.  */
struct target {
	const char *mailbox; /* UTF-8 name */
	const char *epoch;   /* must still be so, else ERROR_MAILBOX before anything is written */
	const char *cursor;  /* for UNCHANGEDSINCE; NULL = do without */
};

struct store_ops {
	const char *kind; /* "imap": the key in the configuration and the scheme of `kind:PATH` */

	/* Sessions that may write at once; 0 = any number. */
	unsigned writers;

	/* Keys of new messages are chosen before they are stored: new_key() is there. */
	bool names_first;

	/*
	 * new_store(config, arena): make the store that ${config} describes.  Opens nothing.
	 */
	struct store *(*new_store)(const struct store_config *config, struct arena *arena);

	/* free_store(store): optional.  Give back what its arena does not hold: secrets. */
	void (*free_store)(struct store *store);

	/*
	 * lock(store, wait, err): optional (a local store).  Take the store's lock for writing,
	 * waiting ${wait} seconds at most (CAUSE_BUSY, of an archive CAUSE_LOCAL: another run has
	 * it), or until a signal is handled (ERROR_CANCELLED).  unlock(store) ends it.  To be taken
	 * before identify(): it makes the place where there is none, so that its id is the one that
	 * stays.
	 */
	bool (*lock)(struct store *store, unsigned wait, struct error *err);
	void (*unlock)(struct store *store);

	/*
	 * for_source(store, world, name, or_any): optional (an archive).  All that is written, and
	 * shown, belongs to the place ${world} (its world.id), which people call ${name}; with
	 * ${or_any}, where there is nothing of that place, what is shown is what would be shown
	 * without this call.  To be called after identify() and before mailboxes().
	 */
	void (*for_source)(struct store *store, const char *world, const char *name, bool or_any);

	/* connect(store, err): open a session, signed in; NULL on failure.  Blocks. */
	struct session *(*connect)(struct store *store, struct error *err);

	/* disconnect(session): close it, politely where that costs nothing; NULL is fine. */
	void (*disconnect)(struct session *session);

	/* identify(session, pair, arena, world, err): tell which place this is, and the number that
	 * stamp() left for ${pair}. */
	bool (*identify)(struct session *session, const char *pair, struct arena *arena,
		struct world *world, struct error *err);

	/* stamp(session, pair, run, err): optional (a local store).  Leave ${run} for identify(),
	 * durably. */
	bool (*stamp)(struct session *session, const char *pair, uint64_t run, struct error *err);

	/*
	 * mailboxes(session, arena, out, err): list all mailboxes, sorted by name, with what the
	 * listing tells of epoch, cursor, next and total.  A listing that is not complete fails.
	 */
	bool (*mailboxes)(struct session *session, struct arena *arena, struct mailbox_list *out,
		struct error *err);

	/*
	 * create(session, name, use, subscribe, err): make a mailbox and the levels above it;
	 * already there is success.
	 *
	 * create_ahead(session, name, use, err): optional (a server).  Ask for what create() will
	 * be called for, and do not wait: many are made in one flight.  Those calls follow in the
	 * same order, and nothing else is asked before; what could not be asked for is left to
	 * them, unless the session is lost.
	 *
	 * remove_mailbox(): with what is in it, but not those below it.  rename_mailbox(): those
	 * below it go along; never over another.
	 */
	bool (*create)(struct session *session, const char *name, uint32_t use, bool subscribe,
		struct error *err);
	bool (*create_ahead)(
		struct session *session, const char *name, uint32_t use, struct error *err);
	bool (*remove_mailbox)(struct session *session, const char *name, struct error *err);
	bool (*rename_mailbox)(
		struct session *session, const char *from, const char *to, struct error *err);

	/*
	 * list(session, name, epoch, since, flags, err): ask for the messages of mailbox ${name}.
	 * With ${epoch} and ${since} (a cursor) the answer may be partial, if the store can tell;
	 * else it is whole.  Flags are put into the table ${flags}, which is the caller's.
	 *
	 * list_unlike(session, name, epoch, since, roster, flags, err): optional (a store that has
	 * to read all of a mailbox to tell what changed).  The same, but the answer may be partial
	 * in another way, and then out->unlike is set: it leaves out whom ${roster} (flags of
	 * ${flags}; lent until the answer was taken) knows with the same flags.  Who is gone is
	 * whom it did not meet, and gone[] is empty.
	 *
	 * listed(session, out, err): take the next answer, on an arena that out->arena then owns:
	 * 1, 0 = all taken, -1.  ERROR_MAILBOX: this one could not be read, go on with the next;
	 * out->box.name tells which.
	 */
	bool (*list)(struct session *session, const char *name, const char *epoch,
		const char *since, struct flag_table *flags, struct error *err);
	bool (*list_unlike)(struct session *session, const char *name, const char *epoch,
		const char *since, struct roster *roster, struct flag_table *flags,
		struct error *err);
	int (*listed)(struct session *session, struct message_list *out, struct error *err);

	/* older(cursor, than): optional.  Whether ${cursor} of a mailbox lies before one that it
	 * had in the same epoch: the place went back to what it was then (a backup). */
	bool (*older)(const char *cursor, const char *than);

	/*
	 * search(session, name, search, arena, keys, n, err): optional.  The keys that ${search}
	 * selects, where the store can do that better than by reading every header.
	 */
	bool (*search)(struct session *session, const char *name, const struct search *search,
		struct arena *arena, const char ***keys, size_t *n, struct error *err);

	/*
	 * fetch(session, name, epoch, keys, n, part, err): ask for ${n} messages of mailbox
	 * ${name}, whose epoch must still be ${epoch}.  Further fetch() calls, for other mailboxes
	 * too, may follow before all were taken.  ${keys} stay the caller's and must
	 * live until taken.
	 *
	 * take(session, message, reader, err): the next message of the earliest fetch that is
	 * not all taken: 1; 0 = that fetch is all taken, and the next call begins with the one
	 * after it (0 as well when nothing more is asked for); -1.  Messages come in any order
	 * within a fetch.  message->key is one of ${keys}; size, received and flags (in no table:
	 * system flags only) are filled in where the store told them.  What was left unread of the
	 * last body is skipped.  A message that is not there any more is left out silently; so are
	 * those that were refused together with others, which may be asked for again.
	 * ERROR_MESSAGE: message->key failed, go on. ERROR_MAILBOX: so did all that is still
	 * missing of this fetch.
	 */
	bool (*fetch)(struct session *session, const char *name, const char *epoch,
		const char *const *keys, size_t n, enum fetch_part part, struct error *err);
	int (*take)(struct session *session, struct message *message, struct reader **reader,
		struct error *err);

	/* new_key(store, arena): optional (names_first).  A key no message has, for a copy to come;
	 * the conductor writes it down before the copy begins.  Any thread may call. */
	const char *(*new_key)(struct store *store, struct arena *arena);

	/*
	 * append(session, ticket, name, key, message, flags, reader, err): submit a new message for
	 * mailbox ${name}, with the flags (of table ${flags}), received and zone of ${message} and
	 * the bytes of ${reader}, read to their end.
	 * ${key} is one that new_key() made, or NULL.  A reader that fails ends the append:
	 * ERROR_MESSAGE where the store can take it back, else ERROR_STORE.
	 */
	bool (*append)(struct session *session, uint32_t ticket, const char *name, const char *key,
		const struct message *message, const struct flag_table *flags,
		struct reader *reader, struct error *err);

	/* mark(session, ticket, target, key, flags, add, remove, err): submit a change of flags. */
	bool (*mark)(struct session *session, uint32_t ticket, const struct target *target,
		const char *key, const struct flag_table *flags, flag_set add, flag_set remove,
		struct error *err);

	/* expunge(session, ticket, target, key, err): submit a removal, of this message only. */
	bool (*expunge)(struct session *session, uint32_t ticket, const struct target *target,
		const char *key, struct error *err);

	/* move(session, ticket, target, key, to, err): submit a move into mailbox ${to};
	 * copy(): the same, and the message stays where it is as well. */
	bool (*move)(struct session *session, uint32_t ticket, const struct target *target,
		const char *key, const char *to, struct error *err);
	bool (*copy)(struct session *session, uint32_t ticket, const struct target *target,
		const char *key, const char *to, struct error *err);

	/*
	 * settle(session, outcome, err): make all that was submitted durable and tell, one per call
	 * and in any order, how each ended: 1, 0 = all told, -1.  A change that fails alone is an
	 * outcome; -1 means that the session is of no more use and the untold may or may not have
	 * happened.
	 */
	int (*settle)(struct session *session, struct outcome *outcome, struct error *err);

	/* pauses(session): optional (a server).  Nothing should be asked for ahead of what is under
	 * way: the session wants to be without any for a moment, and then go on faster. */
	bool (*pauses)(const struct session *session);

	/*
	 * finish(session, note, err): optional (an archive).  The run did all that was asked of it:
	 * what was settled becomes visible as one.  ${note}: why that is not the other side whole,
	 * or NULL.  A run that lost a side never calls it; the next one goes on from what was
	 * settled.
	 */
	bool (*finish)(struct session *session, const char *note, struct error *err);

	/*
	 * settle_clock(session): optional (a local store).  Wait, some milliseconds on a local file
	 * system, until what was written so far differs in its times from what is written next.
	 * To be called once before the closing look of a run that wrote: the cursor of a mailbox
	 * that was changed a moment ago is NULL, because a change that comes after might not
	 * show.
	 */
	void (*settle_clock)(struct session *session);
};

/* What every store begins with. */
struct store {
	const struct store_ops *ops;
	const struct store_config *config;
	const char *name; /* as the configuration calls it */

	/* It asked to be left alone until then, clock_ms(); 0 = it did not.  For all its sessions.
	 */
	atomic_llong rests_until;
};

/* What it cost to talk, for the report. */
struct traffic {
	uint64_t bytes_in, bytes_out;
	uint64_t round_trips; /* times that a reply had to be waited for, TLS not counted */
};

/* What every session begins with. */
struct session {
	struct store *store;
	struct traffic traffic;
	bool alone; /* set by who appends: of what comes, each goes by itself, and tells for itself
		       why it is refused */
};

/* Each kind's operations, for the registry (store/registry.c). */
extern const struct store_ops archive_ops;
extern const struct store_ops files_eml_ops, files_mbox_ops; /* only to be read */
extern const struct store_ops imap_ops;
extern const struct store_ops maildir_ops;

/* store_find_kind(kind): the operations of stores of ${kind}, or NULL. */
const struct store_ops *store_find_kind(const char *kind);

/* store_new(config, arena): make the store that ${config} describes; opens nothing.  It lives as
 * long as ${arena}; before that goes, and after its last session is closed, store_free(store) wipes
 * its secrets; NULL is fine. */
struct store *store_new(const struct store_config *config, struct arena *arena);
void store_free(struct store *store);

#endif
