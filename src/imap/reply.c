#include "imap/reply.h"

#include <string.h>

#include "base/ascii.h"
#include "mail/message.h"

static bool is_word(const struct imap_node *node, const char *word)
{
	return node != NULL && node->type == IMAP_ATOM && ascii_same(node->text, word);
}

/* A string in any of its spellings, without NUL: an atom may look like a number or NIL. */
static bool is_string(const struct imap_node *node)
{
	return node != NULL && node->type != IMAP_LIST && node->type != IMAP_STREAMED &&
	       strlen(node->text) == node->len;
}

/* ---- LIST, LSUB ---- */

static const struct {
	const char *name;
	uint32_t attribute, use;
} attributes[] = {
	{"\\Noselect", ATTRIBUTE_NOSELECT, 0},
	{"\\NonExistent", ATTRIBUTE_NONEXISTENT | ATTRIBUTE_NOSELECT, 0},
	{"\\Noinferiors", ATTRIBUTE_NOINFERIORS, 0},
	{"\\Subscribed", ATTRIBUTE_SUBSCRIBED, 0},
	{"\\All", 0, USE_ALL},
	{"\\AllMail", 0, USE_ALL}, /* Gmail's XLIST words, which some proxies keep in LIST */
	{"\\Archive", 0, USE_ARCHIVE},
	{"\\Drafts", 0, USE_DRAFTS},
	{"\\Flagged", 0, USE_FLAGGED},
	{"\\Starred", 0, USE_FLAGGED},
	{"\\Junk", 0, USE_JUNK},
	{"\\Spam", 0, USE_JUNK},
	{"\\Sent", 0, USE_SENT},
	{"\\Trash", 0, USE_TRASH},
	{"\\Important", 0, USE_IMPORTANT},
};

static void read_attributes(const struct imap_node *node, struct imap_listed *listed)
{
	for (; node != NULL; node = node->next)
		for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
			if (is_word(node, attributes[i].name)) {
				listed->attributes |= attributes[i].attribute;
				listed->use |= attributes[i].use;
			}
}

static bool read_delimiter(const struct imap_node *node, char *delimiter)
{
	*delimiter = '\0';
	if (node != NULL && node->type == IMAP_NIL)
		return true;
	if (!is_string(node) || node->len > 1)
		return false;
	*delimiter = node->text[0];
	return true;
}

static bool read_list(const struct imap_node *args, struct imap_reply *reply)
{
	if (args == NULL || args->type != IMAP_LIST || args->next == NULL ||
		!read_delimiter(args->next, &reply->listed.delimiter) ||
		!is_string(args->next->next))
		return false;
	read_attributes(args->child, &reply->listed);
	reply->listed.name = args->next->next->text;
	return true;
}

/* ---- STATUS ---- */

static uint64_t number_upto(const struct imap_node *node, uint64_t max)
{
	return node->type == IMAP_NUMBER && node->number <= max ? node->number : 0;
}

static void read_count(const struct imap_node *item, struct imap_counts *counts)
{
	const struct imap_node *value = item->next;
	uint32_t small = (uint32_t)number_upto(value, UINT32_MAX);
	if (is_word(item, "MESSAGES")) {
		counts->has_messages = value->type == IMAP_NUMBER && value->number == small;
		counts->messages = small;
	} else if (is_word(item, "UIDNEXT")) {
		counts->uidnext = small;
	} else if (is_word(item, "UIDVALIDITY")) {
		counts->uidvalidity = small;
	} else if (is_word(item, "HIGHESTMODSEQ")) {
		counts->highestmodseq = number_upto(value, INT64_MAX);
	} else if (is_word(item, "MAILBOXID")) {
		const struct imap_node *id = value->type == IMAP_LIST ? value->child : NULL;
		counts->id = is_string(id) && id->len > 0 ? id->text : NULL;
	}
}

static bool read_status(const struct imap_node *args, struct imap_reply *reply)
{
	if (!is_string(args) || args->next == NULL || args->next->type != IMAP_LIST)
		return false;
	reply->counts.name = args->text;
	const struct imap_node *item = args->next->child;
	for (; item != NULL && item->next != NULL; item = item->next->next)
		read_count(item, &reply->counts);
	return item == NULL;
}

/* ---- SEARCH, ESEARCH, VANISHED ---- */

static bool is_uid(const struct imap_node *node)
{
	return node->type == IMAP_NUMBER && node->number > 0 && node->number <= UINT32_MAX;
}

/* RFC 7162, section 3.1.5: "(MODSEQ 917162500)" after the numbers. */
static bool read_search(const struct imap_node *args, struct imap_reply *reply)
{
	reply->found.numbers = args != NULL && args->type == IMAP_NUMBER ? args : NULL;
	for (; args != NULL && args->type == IMAP_NUMBER; args = args->next)
		if (!is_uid(args))
			return false;
	if (args == NULL)
		return true;
	if (args->type != IMAP_LIST || !is_word(args->child, "MODSEQ") || args->next != NULL ||
		args->child->next == NULL)
		return false;
	reply->found.modseq = number_upto(args->child->next, INT64_MAX);
	return true;
}

static bool is_set(const struct imap_node *node)
{
	return node != NULL && (node->type == IMAP_ATOM || node->type == IMAP_NUMBER) &&
	       seqset_check(node->text, node->len, NULL);
}

/* ["(" "TAG" tag ")"] ["UID"] *(item value)	RFC 4731 */
static bool read_esearch(const struct imap_node *args, struct imap_reply *reply)
{
	struct imap_found *found = &reply->found;
	found->extended = true;
	if (args != NULL && args->type == IMAP_LIST)
		args = args->next;
	if (is_word(args, "UID")) {
		found->uid = true;
		args = args->next;
	}
	for (; args != NULL && args->next != NULL; args = args->next->next) {
		if (is_word(args, "ALL"))
			found->all = args->next;
		else if (is_word(args, "MODSEQ"))
			found->modseq = number_upto(args->next, INT64_MAX);
	}
	return args == NULL && (found->all == NULL || is_set(found->all));
}

static bool read_vanished(const struct imap_node *args, struct imap_reply *reply)
{
	if (args != NULL && args->type == IMAP_LIST) {
		reply->vanished.earlier = is_word(args->child, "EARLIER");
		args = args->next;
	}
	reply->vanished.uids = args;
	return is_set(args) && args->next == NULL;
}

bool imap_reply_numbers(const struct imap_found *found, struct seqset *set)
{
	for (const struct imap_node *n = found->numbers; n != NULL && n->type == IMAP_NUMBER;
		n = n->next)
		if (!seqset_add(set, (uint32_t)n->number, (uint32_t)n->number))
			return false;
	return found->all == NULL || seqset_parse(set, found->all->text, found->all->len);
}

/* ---- the rest ---- */

/* A list of personal namespaces, each a prefix and its delimiter; or NIL. */
static bool read_namespace(const struct imap_node *args, struct imap_reply *reply)
{
	if (args == NULL)
		return false;
	if (args->type == IMAP_NIL)
		return true;
	const struct imap_node *first = args->type == IMAP_LIST ? args->child : NULL;
	if (first == NULL || first->type != IMAP_LIST || !is_string(first->child) ||
		!read_delimiter(first->child->next, &reply->personal.delimiter))
		return false;
	reply->personal.prefix = first->child->text;
	return true;
}

static bool read_id(const struct imap_node *args, struct imap_reply *reply)
{
	if (args == NULL || (args->type != IMAP_NIL && args->type != IMAP_LIST))
		return false;
	reply->first = args->child;
	for (const struct imap_node *n = args->child; n != NULL; n = n->next)
		if (n->type != IMAP_NIL && !is_string(n))
			return false;
	return true;
}

static bool read_words(const struct imap_node *args, struct imap_reply *reply)
{
	reply->first = args;
	for (; args != NULL; args = args->next)
		if (args->type != IMAP_ATOM && args->type != IMAP_NUMBER)
			return false;
	return true;
}

static bool read_flags(const struct imap_node *args, struct imap_reply *reply)
{
	return args != NULL && args->type == IMAP_LIST && read_words(args->child, reply);
}

static const struct {
	const char *name;
	enum imap_reply_kind kind;
	bool (*read)(const struct imap_node *, struct imap_reply *);
	const char *why;
} kinds[] = {
	{"CAPABILITY", REPLY_CAPABILITY, read_words, "a malformed CAPABILITY"},
	{"ENABLED", REPLY_ENABLED, read_words, "a malformed ENABLED"},
	{"ESEARCH", REPLY_ESEARCH, read_esearch, "a malformed ESEARCH"},
	{"FLAGS", REPLY_FLAGS, read_flags, "a malformed FLAGS"},
	{"ID", REPLY_ID, read_id, "a malformed ID"},
	{"LIST", REPLY_LIST, read_list, "a malformed LIST"},
	{"LSUB", REPLY_LSUB, read_list, "a malformed LSUB"},
	{"NAMESPACE", REPLY_NAMESPACE, read_namespace, "a malformed NAMESPACE"},
	{"SEARCH", REPLY_SEARCH, read_search, "a malformed SEARCH"},
	{"STATUS", REPLY_STATUS, read_status, "a malformed STATUS"},
	{"VANISHED", REPLY_VANISHED, read_vanished, "a malformed VANISHED"},
};

/* number SP word: EXISTS may be 0, a sequence number may not. */
static bool read_numbered(const struct imap_node *root, struct imap_reply *reply, const char **why)
{
	bool exists = is_word(root->next, "EXISTS"), recent = is_word(root->next, "RECENT");
	bool expunge = is_word(root->next, "EXPUNGE"), fetch = is_word(root->next, "FETCH");
	if (!exists && !recent && !expunge && !fetch)
		return true;
	*why = "an impossible message number";
	if (root->type != IMAP_NUMBER || root->number > UINT32_MAX ||
		(root->number == 0 && (expunge || fetch)))
		return false;

	reply->kind = exists	? REPLY_EXISTS
		      : recent	? REPLY_RECENT
		      : expunge ? REPLY_EXPUNGE
				: REPLY_FETCH;
	if (fetch && !imap_fetched_read(root->next->next, &reply->fetched, why))
		return false;
	if (fetch)
		reply->fetched.seq = (uint32_t)root->number;
	else
		reply->number = (uint32_t)root->number;
	return true;
}

bool imap_reply_read(const struct imap_node *root, struct imap_reply *reply, const char **why)
{
	memset(reply, 0, sizeof *reply);
	if (root == NULL)
		return true;
	if (imap_condition_read(root, &reply->condition)) {
		reply->kind = REPLY_CONDITION;
		return true;
	}
	memset(reply, 0, sizeof *reply);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (!is_word(root, kinds[i].name))
			continue;
		reply->kind = kinds[i].kind;
		*why = kinds[i].why;
		return kinds[i].read(root->next, reply);
	}
	return read_numbered(root, reply, why);
}
