#ifndef MAILTWIN_IMAP_REPLY_H
#define MAILTWIN_IMAP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imap/condition.h"
#include "imap/fetched.h"
#include "imap/parse.h"
#include "imap/seqset.h"

/*
 * Typed replies: what the nodes of a response mean, every number checked.
 *
 * All text is lent by the nodes.  A response that we know and that is not as its RFC has it is
 * refused; one that we do not know is REPLY_OTHER.
 */

/* LIST and LSUB: attributes. */
enum imap_attribute {
	ATTRIBUTE_NOSELECT = 1 << 0,
	ATTRIBUTE_NONEXISTENT = 1 << 1,
	ATTRIBUTE_NOINFERIORS = 1 << 2,
	ATTRIBUTE_SUBSCRIBED = 1 << 3
};

struct imap_listed {
	const char *name; /* as on the wire, without NUL */
	char delimiter;	  /* '\0' = none */
	uint32_t attributes;
	uint32_t use; /* USE_* of mail/message.h */
};

/* STATUS: what was told; 0 = it was not (no UIDVALIDITY and no UIDNEXT is 0). */
struct imap_counts {
	const char *name;
	bool has_messages;
	uint32_t messages, uidnext, uidvalidity;
	uint64_t highestmodseq;
	const char *id; /* MAILBOXID, or NULL */
};

/* SEARCH and ESEARCH; a long one may come in parts. */
struct imap_found {
	bool extended;
	bool uid;			 /* ESEARCH: the numbers are UIDs */
	const struct imap_node *numbers; /* SEARCH: the first, or NULL */
	const struct imap_node *all;	 /* ESEARCH: the set, or NULL */
	uint64_t modseq;		 /* 0 = not told */
};

struct imap_vanished {
	bool earlier;
	const struct imap_node *uids; /* the set */
};

/* NAMESPACE: the first personal one (RFC 2342). */
struct imap_personal {
	const char *prefix; /* NULL = there is none */
	char delimiter;
};

enum imap_reply_kind {
	REPLY_OTHER,
	REPLY_CONDITION,
	REPLY_CAPABILITY, /* first: the capabilities, atoms all */
	REPLY_ENABLED,	  /* first: likewise */
	REPLY_EXISTS,	  /* number */
	REPLY_EXPUNGE,	  /* number */
	REPLY_RECENT,	  /* number */
	REPLY_FETCH,
	REPLY_FLAGS, /* first: atoms */
	REPLY_ID,    /* first: names and values in turn; NULL = NIL */
	REPLY_LIST,
	REPLY_LSUB,
	REPLY_NAMESPACE,
	REPLY_SEARCH,
	REPLY_ESEARCH,
	REPLY_STATUS,
	REPLY_VANISHED
};

struct imap_reply {
	enum imap_reply_kind kind;
	union {
		struct imap_condition condition;
		const struct imap_node *first;
		uint32_t number;
		struct imap_listed listed;
		struct imap_counts counts;
		struct imap_fetched fetched;
		struct imap_found found;
		struct imap_vanished vanished;
		struct imap_personal personal;
	};
};

/*
 * imap_reply_read(root, reply, why):
 * Read an untagged response (or what follows the tag of a tagged one); ${root} is the node after
 * "*".  False when it is malformed; ${*why} then says what, in a few words.
 */
bool imap_reply_read(const struct imap_node *root, struct imap_reply *reply, const char **why);

/* imap_reply_numbers(found, set): add what a search found.  Numbers are checked on reading;
 * false only when it is too much. */
bool imap_reply_numbers(const struct imap_found *found, struct seqset *set);

#endif
