#ifndef MAILTWIN_SYNC_JOB_H
#define MAILTWIN_SYNC_JOB_H

#include "mail/message.h"
#include "store/store.h"

/*
 * What the conductor asks of a worker, and what comes back.
 *
 * Copies to one side, or changes of one side, may be given away as a chain of jobs, one a mailbox:
 * they are sent one behind the other and settled as one, which waits once for all of them.
 *
 * A job is one mailbox's share of one kind of work.  The conductor fills in the
 * question and gives the job away; the worker fills in the answers and gives it
 * back.  Neither looks at it while the other has it, so no lock guards one.
 */
enum job_kind {
	JOB_LIST,     /* read what changed in some mailboxes of one side */
	JOB_IDENTIFY, /* read headers or whole messages, to know them by content */
	JOB_COPY,     /* copy messages of one mailbox to the other side */
	JOB_CHANGE,   /* change flags, move, delete: one mailbox of one side */
	JOB_COMPARE   /* read messages on both sides and compare their bytes */
};

/* How far one item of a job came; FAILED ones have an error on the job's arena, others NULL; a
 * change that is SENT has one where the job ended well without it. */
enum item_state {
	ITEM_WAITING, /* nothing was done: it may be asked again */
	ITEM_SENT,    /* it may or may not have happened: the connection was lost */
	ITEM_DONE,
	ITEM_GONE,  /* the message was not there any more */
	ITEM_FAILED /* refused for itself: see its error */
};

struct list_item {
	const char *name;
	const char *epoch, *since; /* of an earlier look, or NULL */
	struct roster *roster;	  /* whom the state knows there, with flags of job.flags; or NULL */
	struct message_list list; /* answer; its arena is the conductor's to free */
	enum item_state state;
	const struct error *error;
};

struct identify_item {
	const char *key;
	struct identity identity, digest; /* answers: of the header; of the whole, where asked */
	struct identity emailid;	  /* with FETCH_EMAILID, that alone */
	struct identity origin;		  /* with keep_origin: of Message-ID and Date */
	struct identity exact;		  /* with keep_exact: of all octets as they are */
	uint64_t size;			  /* octets on the wire; 0 = still not known */
	const char *from, *subject;	  /* with keep_text: as in the header, unfolded */
	enum item_state state;
	const struct error *error;
};

struct copy_item {
	uint32_t step;		/* index into the plan */
	struct message message; /* source's key, flags for the copy, INTERNALDATE */
	const char *new_key;	/* chosen beforehand, or NULL */
	int64_t intent;		/* the state's number of its intent */
	const char *key;	/* answers: the copy's key, NULL = the store could not tell */
	flag_set held;		/* flags that the copy has */
	struct identity identity, digest;
	uint64_t size;
	const char *subject; /* as in the header, for a person; or NULL */
	enum item_state state;
	const struct error *error;
};

enum change_kind {
	CHANGE_FLAGS,
	CHANGE_MOVE,
	CHANGE_COPY, /* inside the store */
	CHANGE_EXPUNGE
};

struct change_item {
	uint32_t step;
	enum change_kind change;
	const char *key;
	flag_set add, remove; /* CHANGE_FLAGS */
	const char *to;	      /* CHANGE_MOVE, CHANGE_COPY: the mailbox */
	const char *new_key;  /* answer: key there, or NULL */
	flag_set held;	      /* answer: CHANGE_FLAGS */
	bool marked_only;     /* answer: CHANGE_EXPUNGE */
	bool repeated;	      /* the worker's own: it was asked for on a session that is lost */
	enum item_state state;
	const struct error *error;
};

struct compare_item {
	uint32_t step;
	const char *key[2];
	bool same; /* answer */
	enum item_state state;
	const struct error *error;
};

struct job {
	enum job_kind kind;
	enum side side;			/* LIST, IDENTIFY, CHANGE: where; COPY: to which side */
	uint32_t twin;			/* index of the pair of mailboxes; not for LIST */
	const char *name[2], *epoch[2]; /* mailbox on each side */
	struct target target;		/* CHANGE */
	enum fetch_part part;		/* IDENTIFY: what has to be read */
	bool keep_text;			/* IDENTIFY: From and Subject are wanted */
	bool keep_origin;		/* IDENTIFY: so are Message-ID and Date */
	bool keep_exact;		/* IDENTIFY: so is a digest of the very octets */
	struct flag_table *flags;	/* LIST: the job's own, to fill; else only read */
	struct arena *arena;		/* the job itself, and the answers */
	size_t n;
	union {
		struct list_item *list;
		struct identify_item *identify;
		struct copy_item *copy;
		struct change_item *change;
		struct compare_item *compare;
	};
	struct job *next;    /* COPY, CHANGE: the next of its chain, of the same kind and side */
	bool again;	     /* copies that wait were refused with others: give them out again */
	bool alone;	     /* COPY: they were, and go each by itself now */
	bool swept;	     /* what ended it was the end of one before it in its chain */
	const void *context; /* the conductor's own, about what the items are */
	const char **keys;   /* IDENTIFY, COPY: what fetch() was asked for */
	unsigned begun;	     /* the number of the session it was asked for on; 0 = not asked yet */
	enum side blame;     /* whose failure `error` is */
	struct error error;  /* what ended the job as a whole; ERROR_NONE: nothing */
};

/* job_answered(job): how many of its items are through: done, gone or failed. */
size_t job_answered(const struct job *job);

#endif
