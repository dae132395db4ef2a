#ifndef MAILTWIN_STORE_IMAP_STORE_H
#define MAILTWIN_STORE_IMAP_STORE_H

#include <stdatomic.h>

#include "imap/command.h"
#include "imap/reply.h"
#include "imap/session.h"
#include "store/store.h"

/*
 * The IMAP store, as its own files see it.  What each function promises stands in store/store.h.
 *
 *	imap.c			the store, its sessions
 *	imap_link.c		commands that are under way, and who gets their replies
 *	imap_names.c		mailbox names: ours, and as this server spells them
 *	imap_mailboxes.c	LIST
 *	imap_manage.c		CREATE, DELETE, RENAME
 *	imap_open.c		EXAMINE and SELECT
 *	imap_list.c		what changed in a mailbox
 *	imap_gather.c		the messages of one answer
 *	imap_fetch.c		header blocks and messages, as they come
 *	imap_append.c		APPEND, of many messages in one command where the server can
 *	imap_change.c		STORE, COPY, MOVE, EXPUNGE: submitted, and settled
 *	imap_expunge.c		deletions, with UIDPLUS and without
 *	imap_pack.c		when to compress
 *
 * Untagged responses are told to the oldest command that has not ended.  They may belong to one
 * behind it that reads or changes the same open mailbox, never to one behind an EXAMINE: whoever
 * submits several in one mailbox takes them together.
 */

struct imap_link;

/* ---- commands under way ---- */

/* What a command's replies mean to ${who}; false ends the session. */
struct imap_reaction {
	/* May be NULL: not of interest. */
	bool (*untagged)(struct imap_link *link, void *who, const struct imap_reply *reply,
		struct error *err);
	bool (*done)(struct imap_link *link, void *who, uint32_t tag,
		const struct imap_condition *condition, struct error *err);
	/* Instead of done(), when the session is closed before; may be NULL. */
	void (*dropped)(void *who);
};

struct imap_pending {
	uint32_t tag;
	const struct imap_reaction *reaction;
	void *who;
	struct imap_pending *next;
};

/* ---- one EXAMINE or SELECT, shared by all that was asked in it ---- */

struct imap_open {
	unsigned users;
	struct arena *arena;
	const char *name;    /* ours */
	bool writing;	     /* SELECT */
	bool done;	     /* answered */
	struct error failed; /* and how */
	uint32_t uidvalidity, uidnext, exists;
	uint64_t modseq; /* HIGHESTMODSEQ; 0 = none here */
	bool told_exists;
	bool renumbered; /* UIDVALIDITY changed while it was open (B35) */
	bool read_only;
	const char *id;
	bool told_flags;   /* PERMANENTFLAGS was told, and is not empty */
	bool new_keywords; /* "\*" */
	uint32_t system;   /* of PERMANENTFLAGS */
	const char **keyword;
	size_t keywords, cap_keywords;
};

/* ---- the store and its sessions ---- */

struct imap_names; /* imap_names.c */

struct imap_store {
	struct store store;
	struct credentials *credentials;
	_Atomic(struct imap_names *) names; /* the newest; never changed once it is here */
	atomic_bool refuses_sets;   /* it said no to a UID FETCH of many messages: ask for each */
	atomic_uint refused_groups; /* so many APPENDs of many messages failed */
	atomic_int sessions;	    /* that are open */
	atomic_int vanished;	    /* whether ENABLE gave QRESYNC; -1 = nobody knows yet */
};

/* What a session had carried when it began to carry mail (imap_pack.c). */
struct imap_watch {
	bool begun;
	bool ended; /* COMPRESS was asked for */
	int64_t since, waited;
	uint64_t octets, turns;
};

/* Where the UID stands in what this server sends with a body. */
enum uid_place { UID_UNSEEN, UID_BEFORE_BODY, UID_AFTER_BODY };

struct imap_link {
	struct session session;
	struct imap_store *store;
	struct imap_session *wire;
	struct imap_pending *first, *last;
	struct imap_open *open; /* what the commands submitted last are in; NULL = none */
	struct imap_creation *creation, *last_creation; /* mailboxes that were asked for ahead */
	struct imap_listing *listing, *last_listing;
	struct imap_listing *refused; /* the listing that failed, whose name is lent */
	struct imap_fetching *fetch, *last_fetch;
	enum uid_place uid_place;
	struct imap_appending *append, *last_append;
	struct imap_appending *told; /* the append whose outcome is lent */
	struct imap_work *work;	     /* changes that were submitted and not settled */
	struct imap_watch watch;
	struct hasher *hasher;
};

static inline struct imap_link *imap_link_of(struct session *session)
{
	return (struct imap_link *)session;
}

/* ---- imap_link.c ---- */

/* imap_link_submit(link, reaction, who, err, fmt, ...): submit a command without literals.
 * imap_link_command(link, reaction, who, command, err): submit one that was built; a refused one
 * fails as ERROR_MAILBOX, and nothing was sent. */
bool imap_link_submit(struct imap_link *link, const struct imap_reaction *reaction, void *who,
	struct error *err, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
bool imap_link_command(struct imap_link *link, const struct imap_reaction *reaction, void *who,
	const struct imap_command *command, struct error *err);

/* imap_link_expect(link, tag, reaction, who): a command was submitted by other means. */
void imap_link_expect(
	struct imap_link *link, uint32_t tag, const struct imap_reaction *reaction, void *who);

/*
 * imap_link_step(link, event, err): take the next event and tell whom it concerns; 1, -1.  Events
 * of a body are left to the caller.  imap_link_wait(link, done, err): until *done; bodies that
 * nobody takes are dropped.
 */
int imap_link_step(struct imap_link *link, struct session_event *event, struct error *err);
bool imap_link_wait(struct imap_link *link, const bool *done, struct error *err);

/* imap_link_forget(link, who): ${who} is gone; the replies to its commands concern nobody. */
void imap_link_forget(struct imap_link *link, const void *who);

/* imap_link_drop(link): the session is closed: nothing that is under way will be answered. */
void imap_link_drop(struct imap_link *link);

/*
 * UIDs as the sets of several commands, none too long for a line:
 *
 *	imap_lines_begin(&lines, arena);
 *	imap_lines_add(&lines, uid);		in ascending order
 *	while (imap_lines_next(&lines))		lines.text holds lines.n UIDs, from lines.first on
 */
struct imap_lines {
	struct seqset set;
	size_t range;
	uint32_t *uid;
	size_t uids, cap;
	size_t first, n;
	char text[IMAP_COMMAND_LINE - 200]; /* the rest of the command needs room too */
};

void imap_lines_begin(struct imap_lines *lines, struct arena *arena);
void imap_lines_add(struct imap_lines *lines, uint32_t uid);
bool imap_lines_next(struct imap_lines *lines);

/* imap_link_note(link): bring the session's traffic up to date. */
void imap_link_note(struct imap_link *link);

/* imap_link_lost(err, fmt, ...): the server broke the protocol: ERROR_STORE. */
bool imap_link_broken(struct imap_link *link, struct error *err, const char *why);

/* imap_refused(err, scope, condition, fmt, ...): "cannot ...: the server said ...", with the scope
 * and cause that its code stands for. */
bool imap_refused(struct error *err, enum error_scope scope, const struct imap_condition *condition,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* One command, waited for: what it said in the end, texts and sets on ${arena}. */
bool imap_link_ask(struct imap_link *link, const struct imap_command *command, struct arena *arena,
	struct imap_condition *condition, struct error *err);

/* ---- imap_names.c ---- */

/* imap_names_new(prefix, delimiter, utf8): an empty table of the names of a server.
 * imap_names_add(names, listed): ours for what LIST told; NULL = it has none, or it is another's.
 * imap_names_publish(store, names): from now on all sessions go by it.
 * imap_names_free(names): and those before it. */
struct imap_names *imap_names_new(const char *prefix, char delimiter, bool utf8);
const char *imap_names_add(struct imap_names *names, const struct imap_listed *listed);
void imap_names_publish(struct imap_store *store, struct imap_names *names);
void imap_names_free(struct imap_names *names);

/* imap_names_wire(link, name, arena, err): how the server spells ${name}; NULL fails as
 * ERROR_MAILBOX, or as ERROR_STORE when it had to be asked and went away. */
const char *imap_names_wire(
	struct imap_link *link, const char *name, struct arena *arena, struct error *err);

/* imap_names_utf8(link): whether names and quoted strings may be UTF-8. */
bool imap_names_utf8(const struct imap_link *link);

/* ---- imap_open.c ---- */

/*
 * imap_open_submit(link, name, writing, err): be in mailbox ${name} from here on, by submitting
 * EXAMINE or SELECT unless that is so already (SELECT serves for EXAMINE).  NULL = it cannot be
 * spelt, or the session is lost.  The caller is a user of it, until imap_open_leave().
 */
struct imap_open *imap_open_submit(
	struct imap_link *link, const char *name, bool writing, struct error *err);
void imap_open_leave(struct imap_open *open);

/* imap_open_again(link): the next imap_open_submit() asks anew whatever is open. */
void imap_open_again(struct imap_link *link);

/* imap_open_check(open, epoch, err): whether an answered ${open} came out, and has UIDVALIDITY
 * ${epoch} (NULL = any) still. */
bool imap_open_check(const struct imap_open *open, const char *epoch, struct error *err);

/* imap_open_note(open, reply): what any response tells of the mailbox that is open. */
void imap_open_note(struct imap_open *open, const struct imap_reply *reply);

/* imap_cursor(uidnext, messages, modseq, arena): the text of a cursor; NULL without one of them. */
const char *imap_cursor(
	uint32_t uidnext, bool told, uint32_t messages, uint64_t modseq, struct arena *arena);

/* imap_read_cursor(text, uidnext, messages, modseq): back again; false for any other text. */
bool imap_read_cursor(const char *text, uint32_t *uidnext, uint32_t *messages, uint64_t *modseq);

/* imap_cursor_older(cursor, than): whether its HIGHESTMODSEQ is below that of ${than}. */
bool imap_cursor_older(const char *cursor, const char *than);

/* imap_uid(key): the UID that ${key} names, or 0.  imap_key(uid, arena): the key of ${uid}. */
uint32_t imap_uid(const char *key);
const char *imap_key(uint32_t uid, struct arena *arena);

/* imap_epoch(validity, arena): the epoch of a UIDVALIDITY; NULL for 0. */
const char *imap_epoch(uint32_t validity, struct arena *arena);

/* imap_read_flags(node, table): the set of the flags of a FETCH; a NULL table: system flags only.
 */
flag_set imap_read_flags(const struct imap_node *node, struct flag_table *table);

/* ---- imap_gather.c ---- */

/* The messages that FETCH told of, before anybody knows whether they are all. */
struct imap_gathered {
	struct message_list *list; /* at[] is filled */
	struct flag_table *flags;
	struct arena *arena; /* what is given back once they are in order */
	uint32_t *seq;	     /* beside list->at[] */
	size_t cap_seq;
	struct seqset vanished; /* UIDs; of VANISHED, earlier or now */
	uint64_t expunged;	/* EXPUNGE now */
	bool too_many;
};

/*
 * imap_gather_begin(g, list, flags): nothing yet; what is to stay is on list->arena.
 * imap_gather_note(g, reply): take what ${reply} tells.
 * imap_gather_end(g, below, name, err): sort by UID; drop what has none below ${below} (0 = no
 * limit).  ERROR_MAILBOX when what was told cannot be true of any mailbox (B34).
 * imap_gather_free(g): without an end; one that never began (all zero), or was ended, is fine.
 */
void imap_gather_begin(
	struct imap_gathered *g, struct message_list *list, struct flag_table *flags);
void imap_gather_note(struct imap_gathered *g, const struct imap_reply *reply);
bool imap_gather_end(struct imap_gathered *g, uint32_t below, const char *name, struct error *err);
void imap_gather_free(struct imap_gathered *g);

/* imap_listing_free(listing), imap_fetch_free(fetch), imap_work_free(work),
 * imap_creation_free(creation): for disconnect(); whole queues.  imap_append_lose(link): the same
 * for appends, which were not answered.
 *
 * imap_append_end(link, err): end the line of an APPEND that more messages could join; to be called
 * before any other command. */
void imap_listing_free(struct imap_listing *listing);
void imap_fetch_free(struct imap_fetching *fetch);
void imap_append_lose(struct imap_link *link);
bool imap_append_end(struct imap_link *link, struct error *err);
void imap_work_free(struct imap_work *work);
void imap_creation_free(struct imap_creation *creation);

/* ---- what store.h asks for ---- */

bool imap_mailboxes(
	struct session *session, struct arena *arena, struct mailbox_list *out, struct error *err);
bool imap_create(
	struct session *session, const char *name, uint32_t use, bool subscribe, struct error *err);
bool imap_create_ahead(struct session *session, const char *name, uint32_t use, struct error *err);
bool imap_remove_mailbox(struct session *session, const char *name, struct error *err);
bool imap_rename_mailbox(
	struct session *session, const char *from, const char *to, struct error *err);
bool imap_list(struct session *session, const char *name, const char *epoch, const char *since,
	struct flag_table *flags, struct error *err);
int imap_listed(struct session *session, struct message_list *out, struct error *err);
bool imap_search(struct session *session, const char *name, const struct search *search,
	struct arena *arena, const char ***keys, size_t *n, struct error *err);
bool imap_fetch(struct session *session, const char *name, const char *epoch,
	const char *const *keys, size_t n, enum fetch_part part, struct error *err);
int imap_take(struct session *session, struct message *message, struct reader **reader,
	struct error *err);
bool imap_append(struct session *session, uint32_t ticket, const char *name, const char *key,
	const struct message *message, const struct flag_table *flags, struct reader *reader,
	struct error *err);
bool imap_mark(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const struct flag_table *flags, flag_set add, flag_set remove,
	struct error *err);
bool imap_expunge(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, struct error *err);
bool imap_move(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err);
bool imap_copy(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err);
/* ---- changes: imap_change.c gathers them, imap_apply.c and imap_expunge.c carry them out ---- */

enum imap_change_kind { CHANGE_MARK, CHANGE_COPY, CHANGE_MOVE, CHANGE_EXPUNGE };

struct imap_change {
	enum imap_change_kind kind;
	uint32_t uid;
	const struct flag_table *flags;
	flag_set add, remove;
	const char *to;
	bool over; /* nothing more is to be done about it */
	struct outcome outcome;
};

/* Changes of one mailbox. */
struct imap_batch {
	const char *mailbox, *epoch;
	uint64_t modseq; /* for UNCHANGEDSINCE; 0 = do without */
	struct imap_change *at;
	size_t n, cap;
	struct imap_open *open; /* once it was begun */
	struct imap_step *look;
	bool begun, applied;
};

/* One command about some changes of a batch, sorted by UID. */
struct imap_step {
	struct imap_open *open;
	struct imap_change **at;
	size_t n;
	bool done;
	struct error failed;
	bool copies; /* COPY or MOVE */
	bool mapped; /* COPYUID came */
	struct seqset from, to, modified, found;
	struct imap_step *next;
};

/*
 * imap_apply(link, batch, next, arena, err): carry out all of ${batch} and fill in its outcomes;
 * what fails alone is an outcome.  ${next} (or NULL) is the one that will be applied after it: its
 * mailbox is opened behind the last command of this one.  False: the session is lost.
 *
 * imap_apply_each(link, open, arena, changes, n, fmt, what, last, err): "UID fmt" over the UIDs of
 * ${changes}, as few commands as will do; ${fmt} has one %s for the set.  ${what}, unless NULL, is
 * a name to be written at the end.  They are put before *${last}, not waited for.
 * imap_apply_wait(link, steps, err): until all were answered.
 *
 * imap_expunge_all(link, open, batch, changes, n, arena, err): remove them for good.
 */
bool imap_apply(struct imap_link *link, struct imap_batch *batch, struct imap_batch *next,
	struct arena *arena, struct error *err);
bool imap_apply_each(struct imap_link *link, struct imap_open *open, struct arena *arena,
	struct imap_change **changes, size_t n, const char *before, const char *after,
	const char *name, struct imap_step **steps, struct error *err);
bool imap_apply_wait(struct imap_link *link, const struct imap_step *steps, struct error *err);
bool imap_expunge_all(struct imap_link *link, struct imap_open *open, uint64_t modseq,
	struct imap_change **changes, size_t n, struct arena *arena, struct error *err);

/* The parts of settle(): appends, then changes; 1, 0 = none left, -1. */
int imap_append_settle(struct imap_link *link, struct outcome *outcome, struct error *err);
int imap_change_settle(struct imap_link *link, struct outcome *outcome, struct error *err);

int imap_settle(struct session *session, struct outcome *outcome, struct error *err);

/* ---- imap_pack.c ---- */

/* imap_pack(link, err): to be called before mail is asked for or sent.  Where nothing is under way,
 * begin to compress if that pays.  false: the session is lost. */
bool imap_pack(struct imap_link *link, struct error *err);

/* As store.h. */
bool imap_pauses(const struct session *session);

#endif
