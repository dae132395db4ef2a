#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "store/imap_store.h"

/* ---- keys, epochs, cursors ---- */

uint32_t imap_uid(const char *key)
{
	uint64_t uid = 0;
	return imap_parse_number(key, strlen(key), UINT32_MAX, &uid) ? (uint32_t)uid : 0;
}

const char *imap_key(uint32_t uid, struct arena *arena)
{
	char digits[10], *at = digits + sizeof digits;
	do
		*--at = (char)('0' + uid % 10);
	while ((uid /= 10) > 0);
	return arena_strndup(arena, at, (size_t)(digits + sizeof digits - at));
}

const char *imap_epoch(uint32_t validity, struct arena *arena)
{
	return validity == 0 ? NULL : imap_key(validity, arena);
}

/* Messages that went raise no MODSEQ without QRESYNC, so their number stands beside it; UIDNEXT
 * tells one that came from one that went. */
const char *imap_cursor(
	uint32_t uidnext, bool told, uint32_t messages, uint64_t modseq, struct arena *arena)
{
	if (uidnext == 0 || !told || modseq == 0)
		return NULL;
	return arena_printf(arena, "%" PRIu32 ":%" PRIu32 ":%" PRIu64, uidnext, messages, modseq);
}

bool imap_read_cursor(const char *text, uint32_t *uidnext, uint32_t *messages, uint64_t *modseq)
{
	size_t first = strcspn(text, ":");
	size_t second = text[first] == ':' ? first + 1 + strcspn(text + first + 1, ":") : first;
	uint64_t a = 0, b = 0, c = 0;
	if (text[second] != ':' || !imap_parse_number(text, first, UINT32_MAX, &a) ||
		!imap_parse_number(text + first + 1, second - first - 1, UINT32_MAX, &b) ||
		!imap_parse_number(text + second + 1, strlen(text + second + 1), INT64_MAX, &c))
		return false;
	*uidnext = (uint32_t)a;
	*messages = (uint32_t)b;
	*modseq = c;
	return a > 0 && c > 0;
}

bool imap_cursor_older(const char *cursor, const char *than)
{
	uint32_t uidnext, messages;
	uint64_t modseq, before;
	return imap_read_cursor(cursor, &uidnext, &messages, &modseq) &&
	       imap_read_cursor(than, &uidnext, &messages, &before) && modseq < before;
}

flag_set imap_read_flags(const struct imap_node *node, struct flag_table *table)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} system[] = {{"\\Seen", FLAG_SEEN}, {"\\Answered", FLAG_ANSWERED},
		{"\\Flagged", FLAG_FLAGGED}, {"\\Deleted", FLAG_DELETED}, {"\\Draft", FLAG_DRAFT}};
	uint32_t mask = 0;
	flag_set set = 0;

	for (const struct imap_node *n = node; n != NULL; n = n->next)
		for (size_t i = 0; i < sizeof system / sizeof *system; i++)
			if (ascii_is(n->text, n->len, system[i].name))
				mask |= system[i].flag;
	set = mask;
	for (; table != NULL && node != NULL; node = node->next)
		if (node->text[0] != '\\')
			set = flags_add_name(table, set, node->text, node->len);
	return set;
}

/* ---- what an open mailbox tells ---- */

static void note_permanent(struct imap_open *open, const struct imap_node *flags)
{
	open->keywords = 0;
	open->new_keywords = false;
	/* EXAMINE has none to tell, and says so: that is no news. */
	open->told_flags = flags != NULL;
	open->system = imap_read_flags(flags, NULL);
	for (; flags != NULL; flags = flags->next) {
		if (strcmp(flags->text, "\\*") == 0)
			open->new_keywords = true;
		else if (flags->text[0] != '\\')
			*ARENA_PUSH(open->arena, open->keyword, open->keywords,
				open->cap_keywords) = arena_strdup(open->arena, flags->text);
	}
}

static void note_condition(struct imap_open *open, const struct imap_condition *c)
{
	switch (c->code) {
	case CODE_UIDVALIDITY:
		open->renumbered |= open->uidvalidity != 0 && open->uidvalidity != c->number;
		open->uidvalidity = (uint32_t)c->number;
		break;
	case CODE_UIDNEXT:
		if (!open->done)
			open->uidnext = (uint32_t)c->number;
		break;
	case CODE_HIGHESTMODSEQ:
		if (!open->done)
			open->modseq = c->number;
		break;
	case CODE_PERMANENTFLAGS:
		note_permanent(open, c->args->child);
		break;
	case CODE_MAILBOXID:
		open->id = arena_strdup(open->arena, c->id);
		break;
	case CODE_READ_ONLY:
		open->read_only = open->writing;
		break;
	default:
		break;
	}
}

void imap_open_note(struct imap_open *open, const struct imap_reply *reply)
{
	if (reply->kind == REPLY_CONDITION)
		note_condition(open, &reply->condition);
	if (reply->kind == REPLY_EXISTS && !open->done) {
		open->exists = reply->number;
		open->told_exists = true;
	}
}

/* ---- EXAMINE, SELECT ---- */

/* What the last mailbox still had to say ends with [CLOSED]; the next one begins there. */
static void forget_all(struct imap_open *open)
{
	open->uidvalidity = open->uidnext = open->exists = 0;
	open->modseq = 0;
	open->told_exists = open->renumbered = open->told_flags = false;
}

static bool open_untagged(
	struct imap_link *link, void *who, const struct imap_reply *reply, struct error *err)
{
	(void)link;
	(void)err;
	struct imap_open *open = who;
	if (reply->kind == REPLY_CONDITION && reply->condition.code == CODE_CLOSED)
		forget_all(open);
	imap_open_note(open, reply);
	return true;
}

static bool open_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err)
{
	(void)tag;
	(void)err;
	struct imap_open *open = who;
	struct imap_reply reply = {.kind = REPLY_CONDITION, .condition = *condition};
	imap_open_note(open, &reply);
	open->done = true;
	if (condition->verdict != VERDICT_OK)
		imap_refused(&open->failed, ERROR_MAILBOX, condition, "cannot open mailbox '%s'",
			open->name);
	else if (open->uidvalidity == 0)
		error_set(&open->failed, ERROR_MAILBOX, CAUSE_MAIL,
			"cannot use mailbox '%s': the server told no UIDVALIDITY", open->name);
	else if (!open->told_exists)
		error_set(&open->failed, ERROR_MAILBOX, CAUSE_MAIL,
			"cannot use mailbox '%s': the server did not tell how many messages it has",
			open->name);
	if (open->failed.scope != ERROR_NONE && link->open == open)
		imap_open_again(link);
	imap_open_leave(open);
	return true;
}

void imap_open_leave(struct imap_open *open)
{
	if (open != NULL && --open->users == 0)
		arena_free(open->arena);
}

void imap_open_again(struct imap_link *link)
{
	imap_open_leave(link->open);
	link->open = NULL;
}

static void open_dropped(void *who)
{
	imap_open_leave(who);
}

static struct imap_open *new_open(const char *name, bool writing)
{
	struct arena *arena = arena_new();
	struct imap_open *open = arena_alloc(arena, sizeof *open);
	open->arena = arena;
	open->name = arena_strdup(arena, name);
	open->writing = writing;
	return open;
}

/* Users of a new one: the command under way, the link, and whoever asked. */
static bool submit_open(
	struct imap_link *link, struct imap_open *open, const char *wire, struct error *err)
{
	static const struct imap_reaction reaction = {open_untagged, open_done, open_dropped};
	struct imap_command c;
	imap_command_init(&c, imap_names_utf8(link));
	imap_command_words(&c, open->writing ? "SELECT " : "EXAMINE ");
	imap_command_string(&c, wire);
	if (session_has(link->wire, CAP_CONDSTORE))
		imap_command_words(&c, " (CONDSTORE)");
	bool ok = imap_link_command(link, &reaction, open, &c, err);
	imap_command_finish(&c);
	return ok;
}

struct imap_open *imap_open_submit(
	struct imap_link *link, const char *name, bool writing, struct error *err)
{
	struct imap_open *open = link->open;
	bool fits = open != NULL && strcmp(open->name, name) == 0 && !open->renumbered &&
		    (open->writing || !writing);
	if (fits) {
		open->users++;
		return open;
	}
	open = new_open(name, writing);
	const char *wire = imap_names_wire(link, name, open->arena, err);
	if (wire == NULL || !submit_open(link, open, wire, err)) {
		arena_free(open->arena);
		return NULL;
	}
	imap_open_again(link);
	open->users = 3;
	link->open = open;
	return open;
}

bool imap_open_check(const struct imap_open *open, const char *epoch, struct error *err)
{
	if (open->failed.scope != ERROR_NONE) {
		if (err != NULL)
			*err = open->failed;
		return false;
	}
	uint32_t wanted = epoch == NULL ? open->uidvalidity : imap_uid(epoch);
	if (open->renumbered || open->uidvalidity != wanted)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
			"mailbox '%s' has been renumbered: its UIDVALIDITY is %" PRIu32
			" and was %" PRIu32,
			open->name, open->uidvalidity, wanted);
	return true;
}
