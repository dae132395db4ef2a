#ifndef MAILTWIN_IMAP_CONDITION_H
#define MAILTWIN_IMAP_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "imap/parse.h"

/* OK, NO, BAD, BYE, PREAUTH (RFC 9051, section 7.1). */
enum imap_verdict { VERDICT_OK, VERDICT_NO, VERDICT_BAD, VERDICT_BYE, VERDICT_PREAUTH };

/* The response codes that somebody acts on; any other is CODE_OTHER, as is one of these with
 * arguments that it must not have. */
enum imap_code {
	CODE_NONE,
	CODE_OTHER,
	CODE_ALERT,
	CODE_ALREADYEXISTS,
	CODE_APPENDUID, /* validity, to */
	CODE_AUTHENTICATIONFAILED,
	CODE_AUTHORIZATIONFAILED,
	CODE_CANNOT,
	CODE_CAPABILITY, /* args */
	CODE_CLOSED,
	CODE_CONTACTADMIN,
	CODE_COPYUID, /* validity, from, to */
	CODE_EXPIRED,
	CODE_EXPUNGEISSUED,
	CODE_HIGHESTMODSEQ, /* number */
	CODE_INUSE,
	CODE_LIMIT,
	CODE_MAILBOXID, /* id */
	CODE_MODIFIED,	/* to: the messages that were left alone */
	CODE_NOMODSEQ,
	CODE_NONEXISTENT,
	CODE_NOPERM,
	CODE_OVERQUOTA,
	CODE_PERMANENTFLAGS, /* args: one list */
	CODE_PRIVACYREQUIRED,
	CODE_READ_ONLY,
	CODE_READ_WRITE,
	CODE_SERVERBUG,
	CODE_THROTTLED,
	CODE_TOOBIG,
	CODE_TRYCREATE,
	CODE_UIDNEXT, /* number */
	CODE_UIDNOTSTICKY,
	CODE_UIDVALIDITY, /* number */
	CODE_UNAVAILABLE
};

struct imap_condition {
	enum imap_verdict verdict;
	enum imap_code code;
	const char *code_name; /* as written; NULL = none */
	const char *text;      /* for people; may be empty */
	const struct imap_node *args;
	uint64_t number;
	uint32_t validity;
	const struct imap_node *from, *to; /* text of sets: seqset_parse() has accepted them */
	const char *id;
};

/*
 * imap_condition_read(root, condition):
 * Read the response whose first node, ${root}, is its OK, NO, BAD, BYE or PREAUTH; false when it is
 * none of these.  A code whose arguments are wrong is CODE_OTHER: not to be acted on.
 */
bool imap_condition_read(const struct imap_node *root, struct imap_condition *condition);

/* imap_is_flags(node): whether ${node} (or NULL) is a list of nothing but words, as flags are. */
bool imap_is_flags(const struct imap_node *node);

/*
 * imap_condition_later(condition):
 * When the server wants to be asked again, as error.later: "Suggested Backoff Time: N milliseconds"
 * in its words; ERROR_LATER where its code says that it is for now only (RFC 5530, and THROTTLED);
 * 0 = it does not say.
 *
 * imap_condition_throttles(condition): whether it is the account that is to be left alone, whatever
 * was asked of it.
 */
int64_t imap_condition_later(const struct imap_condition *condition);
bool imap_condition_throttles(const struct imap_condition *condition);

#endif
