#include "imap/capability.h"

#include <string.h>
#include <strings.h>

#include "imap/sasl.h"

#define BIT(capability) ((uint64_t)1 << (capability))

/* The words of CAPABILITY; a name that ends in "=" has a value. */
static const struct row {
	const char *name;
	enum capability own;
	uint64_t implied;
} rows[] = {
	{"IMAP4REV1", CAP_IMAP4REV1, 0},
	{"IMAP4REV2", CAP_IMAP4REV2, 0},
	{"STARTTLS", CAP_STARTTLS, 0},
	{"LOGINDISABLED", CAP_LOGINDISABLED, 0},
	{"SASL-IR", CAP_SASL_IR, 0},
	{"LITERAL+", CAP_LITERAL_PLUS, 0},
	{"LITERAL-", CAP_LITERAL_MINUS, 0},
	{"ID", CAP_ID, 0},
	{"ENABLE", CAP_ENABLE, 0},
	{"NAMESPACE", CAP_NAMESPACE, 0},
	{"UIDPLUS", CAP_UIDPLUS, 0},
	{"MOVE", CAP_MOVE, 0},
	{"CONDSTORE", CAP_CONDSTORE, 0},
	{"QRESYNC", CAP_QRESYNC, BIT(CAP_CONDSTORE)},
	{"ESEARCH", CAP_ESEARCH, 0},
	{"LIST-EXTENDED", CAP_LIST_EXTENDED, 0},
	{"LIST-STATUS", CAP_LIST_STATUS, 0},
	{"SPECIAL-USE", CAP_SPECIAL_USE, 0},
	{"CREATE-SPECIAL-USE", CAP_CREATE_SPECIAL_USE, 0},
	{"STATUS=SIZE", CAP_STATUS_SIZE, 0},
	{"UTF8=ACCEPT", CAP_UTF8_ACCEPT, 0},
	{"UTF8=ONLY", CAP_UTF8_ACCEPT, 0},
	{"MULTIAPPEND", CAP_MULTIAPPEND, 0},
	{"APPENDLIMIT", CAP_APPENDLIMIT, 0},
	{"APPENDLIMIT=", CAP_APPENDLIMIT, 0},
	{"COMPRESS=DEFLATE", CAP_COMPRESS, 0},
	{"OBJECTID", CAP_OBJECTID, 0},
	{"X-GM-EXT-1", CAP_GMAIL, 0},
	{"UNSELECT", CAP_UNSELECT, 0},
	{"BINARY", CAP_BINARY, 0},
	{"IDLE", CAP_IDLE, 0},
};

#define ROWS (sizeof rows / sizeof *rows)

/* RFC 9051, appendix E: what was an extension and is now part of the protocol. */
#define IN_REV2 \
	(BIT(CAP_NAMESPACE) | BIT(CAP_UNSELECT) | BIT(CAP_UIDPLUS) | BIT(CAP_ESEARCH) | \
		BIT(CAP_ENABLE) | BIT(CAP_IDLE) | BIT(CAP_SASL_IR) | BIT(CAP_LIST_EXTENDED) | \
		BIT(CAP_LIST_STATUS) | BIT(CAP_MOVE) | BIT(CAP_LITERAL_MINUS) | \
		BIT(CAP_SPECIAL_USE) | BIT(CAP_STATUS_SIZE))

/* iCloud announces QRESYNC and breaks the protocol once it is enabled. */
static const struct distrust {
	const char *host_end;
	uint64_t bits;
} distrusted[] = {
	{".mail.me.com", BIT(CAP_QRESYNC)},
	{".mail.icloud.com", BIT(CAP_QRESYNC)},
};

/* The value of ${word} if its name is that of ${row} (an empty text where there is none). */
static const char *value_of(const struct row *row, const char *word)
{
	size_t n = strlen(row->name);
	bool with_value = row->name[n - 1] == '=';
	if (strncasecmp(row->name, word, n) != 0 || (!with_value && word[n] != '\0'))
		return NULL;
	return word + n;
}

static void read_word(struct capabilities *caps, const char *word)
{
	if (strncasecmp(word, "AUTH=", 5) == 0)
		caps->mechanisms |= sasl_mechanism_bit(word + 5);
	for (size_t i = 0; i < ROWS; i++) {
		const char *value = value_of(&rows[i], word);
		if (value == NULL)
			continue;
		caps->bits |= BIT(rows[i].own) | rows[i].implied;
		if (*value != '\0')
			imap_parse_number(value, strlen(value), UINT64_MAX, &caps->append_limit);
	}
}

static bool same_name(const char *word, const char *name)
{
	size_t n = strlen(name);
	return strncasecmp(word, name, n) == 0 && (word[n] == '\0' || word[n] == '=');
}

static void take_away(struct capabilities *caps, const char *name)
{
	if (strncasecmp(name, "AUTH=", 5) == 0)
		caps->mechanisms &= ~sasl_mechanism_bit(name + 5);
	for (size_t i = 0; i < ROWS; i++)
		if (same_name(rows[i].name, name))
			caps->bits &= ~BIT(rows[i].own);
	if (!capability_has(caps, CAP_CONDSTORE))
		caps->bits &= ~BIT(CAP_QRESYNC);
	if (!capability_has(caps, CAP_APPENDLIMIT))
		caps->append_limit = 0;
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcasecmp(text + n - m, end) == 0;
}

void capability_read(struct capabilities *caps, const struct imap_node *first, const char *host,
	const char *const *disable)
{
	*caps = (struct capabilities){.known = true};
	for (; first != NULL; first = first->next)
		if (first->text != NULL)
			read_word(caps, first->text);
	if (capability_has(caps, CAP_IMAP4REV2))
		caps->bits |= IN_REV2;

	for (size_t i = 0; i < sizeof distrusted / sizeof *distrusted; i++)
		if (ends_in(host, distrusted[i].host_end))
			caps->bits &= ~distrusted[i].bits;
	for (; disable != NULL && *disable != NULL; disable++)
		take_away(caps, *disable);
}

uint64_t capability_enabled(const struct imap_node *first)
{
	uint64_t bits = 0;
	for (; first != NULL; first = first->next)
		for (size_t i = 0; i < ROWS; i++)
			if (first->text != NULL && strcasecmp(rows[i].name, first->text) == 0)
				bits |= BIT(rows[i].own) | rows[i].implied;
	return bits;
}
