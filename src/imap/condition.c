#include "config.h"

#include "imap/condition.h"

#include <string.h>

#include "base/ascii.h"
#include "imap/seqset.h"

/* What follows the name of a code. */
enum arguments {
	ARGS_ANY,    /* whatever it is, nobody reads it, or checks it when reading */
	ARGS_FLAGS,  /* ( ... ), each of them a word */
	ARGS_ID,     /* (id) */
	ARGS_NUMBER, /* 1 to 2^32 - 1 */
	ARGS_MODSEQ, /* 1 to 2^63 - 1 */
	ARGS_APPENDED,
	ARGS_COPIED,
	ARGS_SET
};

static const struct code {
	const char *name;
	enum imap_code code;
	enum arguments arguments;
} codes[] = {
	{"ALERT", CODE_ALERT, ARGS_ANY},
	{"ALREADYEXISTS", CODE_ALREADYEXISTS, ARGS_ANY},
	{"APPENDUID", CODE_APPENDUID, ARGS_APPENDED},
	{"AUTHENTICATIONFAILED", CODE_AUTHENTICATIONFAILED, ARGS_ANY},
	{"AUTHORIZATIONFAILED", CODE_AUTHORIZATIONFAILED, ARGS_ANY},
	{"CANNOT", CODE_CANNOT, ARGS_ANY},
	{"CAPABILITY", CODE_CAPABILITY, ARGS_ANY},
	{"CLOSED", CODE_CLOSED, ARGS_ANY},
	{"CONTACTADMIN", CODE_CONTACTADMIN, ARGS_ANY},
	{"COPYUID", CODE_COPYUID, ARGS_COPIED},
	{"EXPIRED", CODE_EXPIRED, ARGS_ANY},
	{"EXPUNGEISSUED", CODE_EXPUNGEISSUED, ARGS_ANY},
	{"HIGHESTMODSEQ", CODE_HIGHESTMODSEQ, ARGS_MODSEQ},
	{"INUSE", CODE_INUSE, ARGS_ANY},
	{"LIMIT", CODE_LIMIT, ARGS_ANY},
	{"MAILBOXID", CODE_MAILBOXID, ARGS_ID},
	{"MODIFIED", CODE_MODIFIED, ARGS_SET},
	{"NOMODSEQ", CODE_NOMODSEQ, ARGS_ANY},
	{"NONEXISTENT", CODE_NONEXISTENT, ARGS_ANY},
	{"NOPERM", CODE_NOPERM, ARGS_ANY},
	{"OVERQUOTA", CODE_OVERQUOTA, ARGS_ANY},
	{"PERMANENTFLAGS", CODE_PERMANENTFLAGS, ARGS_FLAGS},
	{"PRIVACYREQUIRED", CODE_PRIVACYREQUIRED, ARGS_ANY},
	{"READ-ONLY", CODE_READ_ONLY, ARGS_ANY},
	{"READ-WRITE", CODE_READ_WRITE, ARGS_ANY},
	{"SERVERBUG", CODE_SERVERBUG, ARGS_ANY},
	{"THROTTLED", CODE_THROTTLED, ARGS_ANY},
	{"TOOBIG", CODE_TOOBIG, ARGS_ANY},
	{"TRYCREATE", CODE_TRYCREATE, ARGS_ANY},
	{"UIDNEXT", CODE_UIDNEXT, ARGS_NUMBER},
	{"UIDNOTSTICKY", CODE_UIDNOTSTICKY, ARGS_ANY},
	{"UIDVALIDITY", CODE_UIDVALIDITY, ARGS_NUMBER},
	{"UNAVAILABLE", CODE_UNAVAILABLE, ARGS_ANY},
};

static const char *const verdicts[] = {
	[VERDICT_OK] = "OK",
	[VERDICT_NO] = "NO",
	[VERDICT_BAD] = "BAD",
	[VERDICT_BYE] = "BYE",
	[VERDICT_PREAUTH] = "PREAUTH",
};

/* A number is an atom too: a keyword may look like one. */
bool imap_is_flags(const struct imap_node *node)
{
	if (node == NULL || node->type != IMAP_LIST)
		return false;
	for (const struct imap_node *flag = node->child; flag != NULL; flag = flag->next)
		if (flag->type != IMAP_ATOM && flag->type != IMAP_NUMBER && flag->type != IMAP_NIL)
			return false;
	return true;
}

static bool is_number(const struct imap_node *node, uint64_t max)
{
	return node != NULL && node->type == IMAP_NUMBER && node->number > 0 && node->number <= max;
}

static bool is_set(const struct imap_node *node, uint64_t *count)
{
	return node != NULL && (node->type == IMAP_ATOM || node->type == IMAP_NUMBER) &&
	       seqset_check(node->text, node->len, count);
}

/* [COPYUID validity from to]; both sets have as many numbers (RFC 4315, section 3). */
static bool read_copied(const struct imap_node *args, struct imap_condition *c)
{
	uint64_t from = 0, to = 0;
	if (!is_number(args, UINT32_MAX) || !is_set(args->next, &from) ||
		!is_set(args->next->next, &to) || from != to)
		return false;
	c->validity = (uint32_t)args->number;
	c->from = args->next;
	c->to = args->next->next;
	return true;
}

/* [APPENDUID validity to] */
static bool read_appended(const struct imap_node *args, struct imap_condition *c)
{
	if (!is_number(args, UINT32_MAX) || !is_set(args->next, NULL))
		return false;
	c->validity = (uint32_t)args->number;
	c->to = args->next;
	return true;
}

static bool read_id(const struct imap_node *args, struct imap_condition *c)
{
	const struct imap_node *id = args != NULL && args->type == IMAP_LIST ? args->child : NULL;
	if (id == NULL || id->type == IMAP_LIST || id->len == 0 || strlen(id->text) != id->len)
		return false;
	c->id = id->text;
	return true;
}

static bool read_arguments(
	enum arguments kind, const struct imap_node *args, struct imap_condition *c)
{
	switch (kind) {
	case ARGS_FLAGS:
		return imap_is_flags(args);
	case ARGS_ID:
		return read_id(args, c);
	case ARGS_NUMBER:
	case ARGS_MODSEQ:
		if (!is_number(args, kind == ARGS_NUMBER ? UINT32_MAX : INT64_MAX))
			return false;
		c->number = args->number;
		return true;
	case ARGS_APPENDED:
		return read_appended(args, c);
	case ARGS_COPIED:
		return read_copied(args, c);
	case ARGS_SET:
		c->to = args;
		return is_set(args, NULL);
	case ARGS_ANY:
		break;
	}
	return true;
}

static void read_code(const struct imap_node *list, struct imap_condition *c)
{
	const struct imap_node *name = list->child;
	if (name == NULL || name->type != IMAP_ATOM)
		return;
	c->code = CODE_OTHER;
	c->code_name = name->text;
	c->args = name->next;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (ascii_compare(codes[i].name, name->text) == 0 &&
			read_arguments(codes[i].arguments, name->next, c))
			c->code = codes[i].code;
}

bool imap_condition_read(const struct imap_node *root, struct imap_condition *c)
{
	*c = (struct imap_condition){.text = ""};
	if (root == NULL || root->type != IMAP_ATOM)
		return false;
	size_t i = 0, n = sizeof verdicts / sizeof *verdicts;
	while (i < n && ascii_compare(verdicts[i], root->text) != 0)
		i++;
	if (i == n)
		return false;
	c->verdict = (enum imap_verdict)i;

	const struct imap_node *node = root->next;
	if (node != NULL && node->type == IMAP_LIST) {
		read_code(node, c);
		node = node->next;
	}
	if (node != NULL && node->type == IMAP_STRING)
		c->text = node->text;
	return true;
}

/* ---- not now ---- */

/* Exchange says so in words. */
static const char suggested[] = "Suggested Backoff Time: ";

/* A longer one is not waited for anyway; and a number must not overflow. */
#define SUGGESTED_DIGITS 10

static int64_t suggestion(const char *text)
{
	const char *at = strcasestr(text, suggested);
	int64_t ms = 0;
	if (at == NULL)
		return 0;
	at += sizeof suggested - 1;
	for (int i = 0; i < SUGGESTED_DIGITS && *at >= '0' && *at <= '9'; i++)
		ms = ms * 10 + (*at++ - '0');
	return ms;
}

int64_t imap_condition_later(const struct imap_condition *c)
{
	int64_t ms = suggestion(c->text);
	if (ms > 0)
		return ms;
	return c->code == CODE_THROTTLED || c->code == CODE_UNAVAILABLE || c->code == CODE_INUSE ||
			       c->code == CODE_LIMIT
		       ? ERROR_LATER
		       : 0;
}

bool imap_condition_throttles(const struct imap_condition *c)
{
	return c->code == CODE_THROTTLED || suggestion(c->text) > 0;
}
