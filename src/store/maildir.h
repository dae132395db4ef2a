#ifndef MAILTWIN_STORE_MAILDIR_H
#define MAILTWIN_STORE_MAILDIR_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/error.h"
#include "config/config.h"
#include "mail/flags.h"
#include "mail/message.h"
#include "mail/name.h"
#include "store/store.h"

/*
 * The Maildir store, seen from inside: only maildir*.c and their test include this, and
 * files_write.c, for how names become paths, and for line ends.
 *
 *   maildir.c            the table of operations, sessions
 *   maildir_key.c        keys of new messages
 *   maildir_root.c       the root
 *   maildir_world.c      its lock, and which world it is: the file .mailtwin
 *   maildir_names.c      mailbox names <-> paths of folders
 *   maildir_folders.c    which folders there are; mailboxes()
 *   maildir_manage.c     create, remove and rename folders
 *   maildir_subscribe.c  the file `subscriptions`
 *   maildir_box.c        folders that are open
 *   maildir_times.c      what the times of a folder tell: cursors
 *   maildir_index.c      which files are in a folder: keys <-> names
 *   maildir_dotlock.c    the lock of dovecot-keywords and subscriptions
 *   maildir_keywords.c   the file dovecot-keywords
 *   maildir_flags.c      letters of a file's name <-> flags
 *   maildir_list.c       list(), listed()
 *   maildir_fetch.c      fetch(), take()
 *   maildir_body.c       a file as a message: LF -> CRLF
 *   maildir_draft.c      a message as a file: CRLF -> LF
 *   maildir_lines.c      line ends of runs of bytes
 *   maildir_change.c     append(), mark(), expunge(), move(), copy()
 *   maildir_settle.c     settle(): make it durable, move it into place
 *
 * A folder is a directory that holds `cur`, `new` and `tmp`.  A box is a folder that a session has
 * open.
 */

/* Room for "cur/" and the longest file name. */
#define MAILDIR_PATH (sizeof "cur/" + NAME_MAX + 1)

/* Keys mean the same for ever, so every mailbox has this epoch. */
#define MAILDIR_EPOCH "maildir"

/* ---- line ends (maildir_lines.c) ---- */

/*
 * Reading a file, every LF without a CR before it gets one.
 *
 * maildir_lines_count(lines, data, n): count in lines->bare the LFs of a run that lack theirs.
 * maildir_lines_expand(lines, data, n, out): write the run with them added to ${out}, which has
 * room for 2 * ${n} octets, and return how many that are; counts as well.
 */
struct maildir_lines {
	uint8_t last;  /* byte before the run; 0 at the start */
	uint64_t bare; /* LFs without CR so far */
};
void maildir_lines_count(struct maildir_lines *lines, const uint8_t *data, size_t n);
size_t maildir_lines_expand(
	struct maildir_lines *lines, const uint8_t *data, size_t n, uint8_t *out);

/* ---- a file as a message (maildir_body.c) ---- */

/* Octets read at once; a message this small is read only once. */
#define MAILDIR_RUN ((size_t)64 * 1024)

struct maildir_body {
	struct reader reader;	 /* gives the message, or its header block, as on the wire */
	uint64_t size;		 /* of the whole message, as on the wire */
	int fd;			 /* -1: none is open */
	char path[MAILDIR_PATH]; /* for messages */
	uint64_t stored;	 /* octets of the file that are to be given */
	uint64_t bare;		 /* LFs without CR in them, or in more */
	uint64_t read, sent;	 /* octets taken from the file, given to the reader's caller */
	bool loaded;		 /* in[] holds all that is to be given */
	struct maildir_lines lines;
	uint8_t in[MAILDIR_RUN], out[2 * MAILDIR_RUN];
};

/*
 * maildir_body_begin(body, fd, path, header_only, known_size, err):
 * Read the file ${fd}, which is ${body}'s from now on, once, so that body->size and the reader's
 * size are exact; then body->reader gives it.  With ${header_only} the reader gives the header
 * block up to and with its empty line, and the rest of the file is not read where its ${known_size}
 * (0: unknown) is trusted.  ${path} is for messages.  Failures are ERROR_MESSAGE; a file that
 * changes while it is read is one.
 *
 * maildir_body_end(body): close it; may be called at any time.
 *
 * maildir_unreadable(err, path): say that the file ${path} cannot be read, and why (errno).  One
 * message that cannot is one message less (CAUSE_MAIL), no storage that fails.  Return false.
 */
bool maildir_unreadable(struct error *err, const char *path);
bool maildir_body_begin(struct maildir_body *body, int fd, const char *path, bool header_only,
	uint64_t known_size, struct error *err);
void maildir_body_end(struct maildir_body *body);

/* ---- a message as a file (maildir_draft.c) ---- */

struct maildir_draft {
	uint64_t size;	 /* octets as it will be read */
	uint64_t stored; /* octets of the file */
	char path[MAILDIR_PATH];
	int dir, fd;
	bool raw;     /* it is stored as it comes: LF alone would not give its bytes back */
	bool held;    /* a CR that may belong to a line end waits to be written */
	uint8_t last; /* byte before that CR, or the last one */
	struct maildir_lines lines; /* of a raw one */
	size_t used;
	uint8_t out[MAILDIR_RUN];
};

/*
 * maildir_draft_write(draft, dir, key, reader, received, durable, err):
 * Write the message of ${reader} to the new file tmp/KEY below ${dir}, with LF line ends where
 * reading gives its bytes back, else as it comes, and with ${received} as its time.  It is complete
 * but not yet durable; with ${durable} that is under way.  On failure, which is ERROR_MESSAGE,
 * nothing is left.
 */
bool maildir_draft_write(struct maildir_draft *draft, int dir, const char *key,
	struct reader *reader, int64_t received, bool durable, struct error *err);

/* ---- flags (maildir_flags.c, maildir_keywords.c) ---- */

/* The letters after ":2," as a set; what is no letter is dropped. */
typedef uint64_t maildir_letters;

#define MAILDIR_KEYWORDS	  26
#define MAILDIR_KEYWORD_LETTER(i) ((maildir_letters)1 << (26 + (i)))
#define MAILDIR_LOWER		  ((((maildir_letters)1 << 26) - 1) << 26)

/* What the letters 'a' to 'z' mean in one folder. */
struct maildir_keywords {
	struct arena *arena;
	const char *name[MAILDIR_KEYWORDS]; /* NULL: nothing yet */
	struct stat file;		    /* the file that this was read from */
	bool known;
};

/* maildir_keywords_read(keywords, dir, err): read dovecot-keywords of the folder ${dir}, where it
 * is another than was read last.  keywords->arena is the caller's.  ERROR_MAILBOX. */
bool maildir_keywords_read(struct maildir_keywords *keywords, int dir, struct error *err);

/*
 * maildir_keywords_add(keywords, dir, names, n, taken, durable, err):
 * Give a letter to each of ${names} that has none, as far as there are letters, not one of
 * ${taken}, and it can be a keyword in IMAP.
 */
bool maildir_keywords_add(struct maildir_keywords *keywords, int dir, const char *const *names,
	size_t n, maildir_letters taken, bool durable, struct error *err);

/* maildir_letters_parse(file): the letters in the file's name ${file}.
 * maildir_letters_text(letters, arena): in the order they are written in. */
maildir_letters maildir_letters_parse(const char *file);
char *maildir_letters_text(maildir_letters letters, struct arena *arena);

/* maildir_letters_of_system(flags), maildir_letters_system(letters): system flags. */
maildir_letters maildir_letters_of_system(uint32_t flags);
uint32_t maildir_letters_system(maildir_letters letters);

/* maildir_letters_of_keyword(keywords, name): every letter that means ${name}. */
maildir_letters maildir_letters_of_keyword(
	const struct maildir_keywords *keywords, const char *name);

/* maildir_letters_flags(keywords, letters, table): as a set of ${table}; letters without a meaning
 * are left out.  maildir_storable(): all that can be held. */
flag_set maildir_letters_flags(
	const struct maildir_keywords *keywords, maildir_letters letters, struct flag_table *table);
struct flag_storable maildir_storable(
	const struct maildir_keywords *keywords, struct flag_table *table);

/*
 * maildir_dotlock(dir, lock, err):
 * Wait for the file ${lock} below ${dir}, as Dovecot does before it changes a file, create it and
 * return it open for writing; -1 with ERROR_MAILBOX.  It ends when it is renamed over that file, or
 * removed.  One that a killed run of ours left is removed.
 *
 * maildir_dotlock_replace(dir, lock, fd, name, text, durable):
 * End the lock ${fd} by letting it, with ${text} in it, be the file ${name}; on failure it is
 * removed, and errno says why.  ${fd} stays the caller's.
 */
int maildir_dotlock(int dir, const char *lock, struct error *err);
bool maildir_dotlock_replace(int dir, const char *lock, int fd, const char *name,
	const struct buffer *text, bool durable);

/* ---- times (maildir_times.c) ---- */

/* In nanoseconds since the epoch; 0 for what is not there. */
struct maildir_times {
	int64_t new, cur, keywords; /* when each of them was last changed */
	int64_t taken;		    /* by this machine's clock, before they were read */
};

/* maildir_now(): by this machine's clock. */
int64_t maildir_now(void);

/* maildir_grain(root): how long, in nanoseconds, two changes may bear one time. */
int64_t maildir_grain(int root);
void maildir_wait_grain(int64_t grain);

/* maildir_times_read(dir, times, err): those of the folder ${dir}; ERROR_MAILBOX. */
bool maildir_times_read(int dir, struct maildir_times *times, struct error *err);

/* maildir_times_equal(a, b); maildir_times_ripe(times, grain): whether a change that comes after
 * them will bear another time. */
bool maildir_times_equal(const struct maildir_times *a, const struct maildir_times *b);
bool maildir_times_ripe(const struct maildir_times *times, int64_t grain);

/* maildir_times_cursor(times, grain, arena): as a cursor, NULL when not ripe.
 * maildir_times_parse(cursor, times): back again, but for `taken`. */
const char *maildir_times_cursor(
	const struct maildir_times *times, int64_t grain, struct arena *arena);
bool maildir_times_parse(const char *cursor, struct maildir_times *times);

/* maildir_times_passed(times, since, grain, file): whether ${file} was renamed or written to after
 * the cursor ${times} was taken, and not before ${since}: a backup that links files, or a chmod,
 * changes a file's ctime and no message. */
bool maildir_times_passed(
	const struct maildir_times *times, int64_t since, int64_t grain, const struct stat *file);

/* ---- names (maildir_names.c) ---- */

enum maildir_style { STYLE_MAILDIRPP, STYLE_NESTED, STYLE_LEGACY, STYLE_FLAT };

/* How a Maildir spells the names of its folders: the configuration says one half, what lies there
 * the other. */
struct maildir_naming {
	enum maildir_style style;
	bool utf7;	     /* new folders are spelt so, and others read so where they can be */
	bool inbox_is_root;  /* Maildir++; nested as Dovecot's LAYOUT=fs has it */
	bool inbox_is_empty; /* Maildir++ as mbsync has it: "..Sub" is below INBOX */
};

enum maildir_spelling {
	SPELLING_ANY, /* alike in both */
	SPELLING_UTF8,
	SPELLING_UTF7
};

/* maildir_name_encode(naming, name, arena, err): the path below the root, "." for the root, that
 * mailbox ${name} gets when it is made; NULL with ERROR_MAILBOX when no file can be called so. */
const char *maildir_name_encode(const struct maildir_naming *naming, const char *name,
	struct arena *arena, struct error *err);

/* maildir_name_decode(naming, path, arena): the mailbox name of the folder ${path}. */
const char *maildir_name_decode(
	const struct maildir_naming *naming, const char *path, struct arena *arena);

/* maildir_name_join(naming, name, separator, arena): the levels of ${name}, each spelt as on disk,
 * with ${separator} between them.  maildir_name_split(): back again. */
const char *maildir_name_join(
	const struct maildir_naming *naming, const char *name, char separator, struct arena *arena);
const char *maildir_name_split(const struct maildir_naming *naming, const char *text, size_t len,
	char separator, struct arena *arena);

/* maildir_name_spelling(path, arena): in which spelling a name like that is written. */
enum maildir_spelling maildir_name_spelling(const char *path, struct arena *arena);

/* ---- which files are in a folder (maildir_index.c) ---- */

struct maildir_entry {
	const char *name; /* the file's */
	uint64_t inode;	  /* where the key is shared */
	uint16_t key_len;
	bool in_new;
	bool shared; /* several files have this key */
};

struct maildir_index {
	struct arena *arena;
	struct maildir_entry *at; /* sorted by key */
	size_t n, cap;
	struct maildir_times times; /* before it was read */
	bool quiet;		    /* nothing changed while it was read */
	bool known;
};

/* maildir_entry_path(entry, path): "cur/NAME" or "new/NAME".
 * maildir_entry_key(entry, arena): the message's key. */
void maildir_entry_path(const struct maildir_entry *entry, char path[static MAILDIR_PATH]);
const char *maildir_entry_key(const struct maildir_entry *entry, struct arena *arena);

/* ---- open folders (maildir_box.c) ---- */

struct maildir_box {
	struct maildir_box *next;
	struct arena *arena;
	const char *name; /* UTF-8 */
	const char *path; /* below the root */
	int dir;
	bool prepared;	  /* may be written to */
	bool dirty;	  /* its directories have changes that are not flushed */
	unsigned pending; /* changes that are not settled: it must stay open */
	struct maildir_keywords keywords;
	struct maildir_index index;
};

/* maildir_index_read(box, grain, err): read the folder's files into box->index.
 * maildir_index_forget(box): it is known to be out of date. */
bool maildir_index_read(struct maildir_box *box, int64_t grain, struct error *err);
void maildir_index_forget(struct maildir_box *box);

/*
 * maildir_index_read_some(box, grain, wanted, context, some, err):
 * Read the folder's files once, and keep in ${some} those that are ${wanted}, which is asked for
 * each with the length of its key.  Where some->quiet is false it may have missed a file, or told
 * twice of one.
 *
 * maildir_index_finish(index): give back what it holds.
 */
typedef bool maildir_wanted(void *context, const char *file, size_t key_len);
bool maildir_index_read_some(const struct maildir_box *box, int64_t grain, maildir_wanted *wanted,
	void *context, struct maildir_index *some, struct error *err);
void maildir_index_finish(struct maildir_index *index);

/* maildir_index_find(box, grain, key, entry, err): the file of ${key}, lent until the index is read
 * again: 1; 0 = there is none, and the folder was looked at since it last changed; -1. */
int maildir_index_find(struct maildir_box *box, int64_t grain, const char *key,
	struct maildir_entry **entry, struct error *err);

/* maildir_index_rename(box, entry, path): ${entry}'s file is now ${path}. */
void maildir_index_rename(struct maildir_box *box, struct maildir_entry *entry, const char *path);

/* ---- the store and its sessions ---- */

struct maildir_store {
	struct store store;
	const struct maildir_config *config;
	atomic_int lock;       /* descriptor of .mailtwin for the time of a run, -1 = none */
	atomic_bool lock_held; /* not so where the file system keeps no locks */
	int64_t made;	       /* when this was: no listing that a plan was made from is older */
};

struct maildir_folder {
	const char *name; /* UTF-8 */
	const char *path; /* below the root; "." the root itself */
	bool usual;	  /* maildir_name_encode() would spell it so */
};

struct maildir_folders {
	struct arena *arena;
	struct maildir_folder *at; /* sorted by name */
	size_t n, cap;
	const char **left_out; /* sentences about folders that are no mailboxes */
	size_t n_left_out, cap_left_out;
};

/* What was asked of listed() or take(), in order. */
struct maildir_question {
	struct maildir_question *next;
	const char *name;
	/* list() */
	const char *since; /* NULL: all of it is wanted */
	struct flag_table *flags;
	struct roster *roster; /* whom the asker knows; or NULL */
	/* fetch() */
	const char *const *keys;
	size_t n, at; /* at: keys before it were taken */
	enum fetch_part part;
	bool same_epoch;
};

struct maildir_queue {
	struct arena *arena;
	struct maildir_question *first, **end;
	bool taken; /* the first was answered, and is only kept for what it lent */
};

/* A change that was submitted and is not told yet. */
struct maildir_change {
	struct maildir_change *next;
	uint32_t ticket;
	struct maildir_box *box;  /* where it happens */
	struct maildir_box *from; /* move: where the message was; or NULL */
	const char *draft;	  /* "tmp/KEY", to become ${place} once it is durable; or NULL */
	const char *place;	  /* "cur/NAME" */
	const char *key;	  /* of a new message; or NULL */
	flag_set held;
	bool gone_already, changed;
	const struct error *error; /* NULL: none; its text is long, and changes are many */
};

struct maildir_session {
	struct session session;
	int root;      /* -1: it is missing */
	int64_t grain; /* of its file system's clock */
	struct maildir_naming naming;
	struct maildir_folders folders;
	struct maildir_box *boxes; /* the latest first */
	struct maildir_queue lists, fetches;
	struct maildir_body body;
	struct maildir_draft draft;
	struct arena *answers; /* changes, and what is told of them */
	struct maildir_change *changes, **changes_end;
	struct maildir_change *told; /* the last that settle() told; NULL: none yet */
	bool flushed;		     /* they are durable, or have failed */
};

static inline struct maildir_session *maildir_session(struct session *session)
{
	return (struct maildir_session *)session;
}

static inline const struct maildir_config *maildir_config(const struct maildir_session *s)
{
	return ((const struct maildir_store *)s->session.store)->config;
}

/*
 * maildir_root_open(s, err): open the root, if it is there and not open yet.
 * maildir_root_make(s, err): make it, and the directories above it, if it is missing.
 * maildir_root_make_at(path, err): the same without a session; a descriptor, or -1.
 * A root that belongs to another user is refused.  ERROR_STORE.
 */
bool maildir_root_open(struct maildir_session *s, struct error *err);
bool maildir_root_make(struct maildir_session *s, struct error *err);
int maildir_root_make_at(const char *path, struct error *err);

/* maildir_folders_read(s, err): look which folders there are, and how they are spelt.  ERROR_STORE.
 * maildir_folders_forget(s): free what it found.
 * maildir_folder_path(s, name): the path of mailbox ${name} in what it found, or NULL. */
bool maildir_folders_read(struct maildir_session *s, struct error *err);
void maildir_folders_forget(struct maildir_session *s);
const char *maildir_folder_path(struct maildir_session *s, const char *name);

/* maildir_describe(s, dir, times, arena, box): fill in what the folder ${dir}, with its ${times},
 * tells of ${box} at a glance. */
void maildir_describe(struct maildir_session *s, int dir, const struct maildir_times *times,
	struct arena *arena, struct mailbox *box);

/* maildir_subscriptions_tell(s, list, err): fill in `subscribed` of ${list}, sorted by name.
 * maildir_subscribe(s, name, subscribe, err): change it for one.
 * maildir_subscriptions_rename(s, from, to, err): what is ${from} or below it is ${to} now; NULL:
 * mailbox ${from} itself is no more. */
bool maildir_subscriptions_tell(
	struct maildir_session *s, struct mailbox_list *list, struct error *err);
bool maildir_subscribe(
	struct maildir_session *s, const char *name, bool subscribe, struct error *err);
bool maildir_subscriptions_rename(
	struct maildir_session *s, const char *from, const char *to, struct error *err);

/* maildir_renamed(name, from, to, arena): what ${name} is called once ${from} is ${to}; NULL: as
 * before. */
const char *maildir_renamed(
	const char *name, const char *from, const char *to, struct arena *arena);

/* maildir_open_path(s, path, err): the folder ${path}, no symlink followed; -1 with
 * ERROR_MAILBOX. */
int maildir_open_path(struct maildir_session *s, const char *path, struct error *err);

/*
 * maildir_box(s, name, err): mailbox ${name}, open; NULL with ERROR_MAILBOX.  Lent until some other
 * boxes were opened, or for as long as changes of it are pending.
 * maildir_box_prepare(box, err): see that it can and may be written to.
 * maildir_boxes_close(s): close all.
 */
struct maildir_box *maildir_box(struct maildir_session *s, const char *name, struct error *err);
bool maildir_box_prepare(struct maildir_box *box, struct error *err);
void maildir_boxes_close(struct maildir_session *s);

/* How often a file that other programs rename is looked for again. */
#define MAILDIR_LOOKS 5

/* maildir_box_open_file(s, box, key, entry, fd, err): open the file of ${key}: 1; 0 = it is not
 * there any more; -1. */
int maildir_box_open_file(struct maildir_session *s, struct maildir_box *box, const char *key,
	struct maildir_entry **entry, int *fd, struct error *err);

/* maildir_known_size(file, st): octets with CRLF line ends, as the file's name tells; 0 where it
 * does not, or cannot be believed. */
uint64_t maildir_known_size(const char *file, const struct stat *st);

/* maildir_queue_init(queue), maildir_queue_finish(queue); maildir_queue_add(queue, name): a new
 * question at the end; maildir_queue_drop(queue): the first is answered. */
void maildir_queue_init(struct maildir_queue *queue);
void maildir_queue_finish(struct maildir_queue *queue);
struct maildir_question *maildir_queue_add(struct maildir_queue *queue, const char *name);
void maildir_queue_drop(struct maildir_queue *queue);

/* maildir_change_fail(s, c, why): ${c} failed.
 * maildir_change_drop_draft(c): remove the file of a message that will not be.
 * maildir_changes_drop(s): forget all changes, and remove what was not put in place. */
void maildir_change_fail(
	struct maildir_session *s, struct maildir_change *c, const struct error *why);
void maildir_change_drop_draft(struct maildir_change *c);
void maildir_changes_drop(struct maildir_session *s);

/* ---- what maildir.c puts into its table of operations; see store.h ---- */

bool maildir_lock(struct store *store, unsigned wait, struct error *err);
void maildir_unlock(struct store *store);
bool maildir_identify(struct session *session, const char *pair, struct arena *arena,
	struct world *world, struct error *err);
bool maildir_stamp(struct session *session, const char *pair, uint64_t run, struct error *err);
bool maildir_mailboxes(
	struct session *session, struct arena *arena, struct mailbox_list *out, struct error *err);
bool maildir_create(
	struct session *session, const char *name, uint32_t use, bool subscribe, struct error *err);
bool maildir_remove_mailbox(struct session *session, const char *name, struct error *err);
bool maildir_rename_mailbox(
	struct session *session, const char *from, const char *to, struct error *err);
bool maildir_list(struct session *session, const char *name, const char *epoch, const char *since,
	struct flag_table *flags, struct error *err);
bool maildir_list_unlike(struct session *session, const char *name, const char *epoch,
	const char *since, struct roster *roster, struct flag_table *flags, struct error *err);
int maildir_listed(struct session *session, struct message_list *out, struct error *err);
bool maildir_fetch(struct session *session, const char *name, const char *epoch,
	const char *const *keys, size_t n, enum fetch_part part, struct error *err);
int maildir_take(struct session *session, struct message *message, struct reader **reader,
	struct error *err);
const char *maildir_new_key(struct store *store, struct arena *arena);
bool maildir_append(struct session *session, uint32_t ticket, const char *name, const char *key,
	const struct message *message, const struct flag_table *flags, struct reader *reader,
	struct error *err);
bool maildir_mark(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const struct flag_table *flags, flag_set add, flag_set remove,
	struct error *err);
bool maildir_expunge(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, struct error *err);
bool maildir_move(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err);
bool maildir_copy(struct session *session, uint32_t ticket, const struct target *target,
	const char *key, const char *to, struct error *err);
int maildir_settle(struct session *session, struct outcome *outcome, struct error *err);

#endif
