#include <string.h>

#include "mail/name.h"
#include "store/imap_store.h"

static const struct {
	uint32_t use;
	const char *name;
} uses[] = {{USE_ALL, "\\All"}, {USE_ARCHIVE, "\\Archive"}, {USE_DRAFTS, "\\Drafts"},
	{USE_FLAGGED, "\\Flagged"}, {USE_JUNK, "\\Junk"}, {USE_SENT, "\\Sent"},
	{USE_TRASH, "\\Trash"}, {USE_IMPORTANT, "\\Important"}};

/* "VERB name [name]", to be finished by the caller; false when a name cannot be spelt. */
static bool build(struct imap_link *link, struct imap_command *c, const char *verb,
	const char *name, const char *second, uint32_t use, struct arena *arena, struct error *err)
{
	const char *wire = imap_names_wire(link, name, arena, err);
	const char *other =
		wire == NULL || second == NULL ? NULL : imap_names_wire(link, second, arena, err);
	if (wire == NULL || (second != NULL && other == NULL))
		return false;
	imap_command_init(c, imap_names_utf8(link));
	imap_command_words(c, "%s ", verb);
	imap_command_string(c, wire);
	if (other != NULL) {
		imap_command_words(c, " ");
		imap_command_string(c, other);
	}
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
		if (use == uses[i].use)
			imap_command_words(c, " (USE (%s))", uses[i].name);
	return true;
}

/* The same, waited for.  False when it could not be asked. */
static bool ask(struct imap_link *link, const char *verb, const char *name, const char *second,
	uint32_t use, struct arena *arena, struct imap_condition *condition, struct error *err)
{
	struct imap_command c;
	if (!build(link, &c, verb, name, second, use, arena, err))
		return false;
	bool ok = imap_link_ask(link, &c, arena, condition, err);
	imap_command_finish(&c);
	return ok;
}

/* A subscription that fails is told and costs nothing else. */
static bool subscribe(struct imap_link *link, const char *verb, const char *name,
	struct arena *arena, struct error *err)
{
	struct imap_condition unused;
	return ask(link, verb, name, NULL, 0, arena, &unused, err);
}

struct seen {
	bool listed, done;
};

static bool seen_untagged(
	struct imap_link *link, void *who, const struct imap_reply *reply, struct error *err)
{
	(void)link;
	(void)err;
	struct seen *seen = who;
	if (reply->kind == REPLY_LIST)
		seen->listed = (reply->listed.attributes & ATTRIBUTE_NOSELECT) == 0;
	return true;
}

static bool seen_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err)
{
	(void)link;
	(void)tag;
	(void)condition;
	(void)err;
	((struct seen *)who)->done = true;
	return true;
}

/* Servers without ALREADYEXISTS say no in words: look whether it is there. */
static bool is_there(
	struct imap_link *link, const char *name, struct arena *arena, struct error *err)
{
	static const struct imap_reaction reaction = {seen_untagged, seen_done, NULL};
	struct seen seen = {0};
	struct imap_command c;
	const char *wire = imap_names_wire(link, name, arena, err);
	/* A name with wildcards in it would find others. */
	if (wire == NULL || strpbrk(wire, "*%") != NULL)
		return false;
	imap_command_init(&c, imap_names_utf8(link));
	imap_command_words(&c, "LIST \"\" ");
	imap_command_string(&c, wire);
	bool ok = imap_link_command(link, &reaction, &seen, &c, err) &&
		  imap_link_wait(link, &seen.done, err) && seen.listed;
	imap_command_finish(&c);
	return ok;
}

static bool make(struct imap_link *link, const char *name, uint32_t use, struct arena *arena,
	struct error *err)
{
	struct imap_condition c;
	if (name_is_inbox(name))
		return true;
	if (!session_has(link->wire, CAP_CREATE_SPECIAL_USE))
		use = 0;
	if (!ask(link, "CREATE", name, NULL, use, arena, &c, err))
		return false;
	/* A use that the server will not give is no reason to do without the mailbox. */
	if (c.verdict != VERDICT_OK && use != 0 && c.code != CODE_ALREADYEXISTS &&
		!ask(link, "CREATE", name, NULL, 0, arena, &c, err))
		return false;
	if (c.verdict == VERDICT_OK || c.code == CODE_ALREADYEXISTS)
		return true;
	struct error lost = {0};
	if (is_there(link, name, arena, &lost))
		return true;
	if (lost.scope == ERROR_STORE) {
		*err = lost;
		return false;
	}
	return imap_refused(err, ERROR_MAILBOX, &c, "cannot create mailbox '%s'", name);
}

/* ---- asked for ahead ---- */

struct imap_creation {
	struct imap_creation *next;
	struct arena *arena;
	const char *name;
	bool done, made;
};

void imap_creation_free(struct imap_creation *c)
{
	while (c != NULL) {
		struct imap_creation *next = c->next;
		arena_free(c->arena);
		c = next;
	}
}

static bool creation_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err)
{
	struct imap_creation *c = who;
	(void)link;
	(void)tag;
	(void)err;
	c->done = true;
	c->made = condition->verdict == VERDICT_OK || condition->code == CODE_ALREADYEXISTS;
	return true;
}

/* Nobody waits for the reply. */
static bool send_ahead(struct imap_link *link, const char *verb, const char *name, uint32_t use,
	const struct imap_reaction *reaction, void *who, struct arena *arena, struct error *err)
{
	struct imap_command command;
	if (!build(link, &command, verb, name, NULL, use, arena, err))
		return false;
	bool ok = imap_link_command(link, reaction, who, &command, err);
	imap_command_finish(&command);
	return ok;
}

bool imap_create_ahead(struct session *session, const char *name, uint32_t use, struct error *err)
{
	static const struct imap_reaction reaction = {.done = creation_done};
	struct imap_link *link = imap_link_of(session);
	struct error here = {0};
	if (name_is_inbox(name))
		return true;
	struct arena *arena = arena_new();
	struct imap_creation *c = arena_alloc(arena, sizeof *c);
	c->arena = arena;
	c->name = arena_strdup(arena, name);
	if (link->last_creation != NULL)
		link->last_creation->next = c;
	else
		link->creation = c;
	link->last_creation = c;
	if (!session_has(link->wire, CAP_CREATE_SPECIAL_USE))
		use = 0;
	bool ok = send_ahead(link, "CREATE", c->name, use, &reaction, c, c->arena, &here);
	c->done = !ok;
	imap_link_note(link);
	if (!ok && here.scope > ERROR_MAILBOX)
		*err = here;
	return ok || here.scope <= ERROR_MAILBOX;
}

/* Whether ${name} was made ahead: 1, 0 = it was not asked for, or refused; -1. */
static int made_ahead(struct imap_link *link, const char *name, struct error *err)
{
	struct imap_creation *c = link->creation;
	if (c == NULL || strcmp(c->name, name) != 0)
		return 0;
	if (!imap_link_wait(link, &c->done, err))
		return -1;
	int made = c->made;
	link->creation = c->next;
	if (c->next == NULL)
		link->last_creation = NULL;
	c->next = NULL;
	imap_creation_free(c);
	return made;
}

bool imap_create(
	struct session *session, const char *name, uint32_t use, bool wanted, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	struct arena *arena = arena_new();
	int made = made_ahead(link, name, err);
	bool ok = made > 0 || (made == 0 && make(link, name, use, arena, err));
	if (ok && wanted)
		ok = made > 0 ? send_ahead(link, "SUBSCRIBE", name, 0, NULL, NULL, arena, err)
			      : subscribe(link, "SUBSCRIBE", name, arena, err);
	arena_free(arena);
	imap_link_note(link);
	return ok;
}

/* Dovecot ends a session whose selected mailbox is deleted.  CLOSE may expunge: what is about to go
 * as a whole. */
static bool leave(struct imap_link *link, const char *name, struct arena *arena, struct error *err)
{
	struct imap_condition c;
	struct imap_command close;
	if (link->open == NULL || strcmp(link->open->name, name) != 0)
		return true;
	imap_open_again(link);
	imap_command_init(&close, false);
	imap_command_words(&close, "CLOSE");
	bool ok = imap_link_ask(link, &close, arena, &c, err);
	imap_command_finish(&close);
	return ok;
}

bool imap_remove_mailbox(struct session *session, const char *name, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	struct arena *arena = arena_new();
	struct imap_condition c;
	bool ok =
		leave(link, name, arena, err) && ask(link, "DELETE", name, NULL, 0, arena, &c, err);
	if (ok && c.verdict != VERDICT_OK && c.code != CODE_NONEXISTENT)
		ok = imap_refused(err, ERROR_MAILBOX, &c, "cannot delete mailbox '%s'", name);
	ok = ok && subscribe(link, "UNSUBSCRIBE", name, arena, err);
	arena_free(arena);
	imap_link_note(link);
	return ok;
}

bool imap_rename_mailbox(
	struct session *session, const char *from, const char *to, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	struct imap_condition c;
	/* RENAME INBOX moves its messages and leaves it empty (RFC 9051, 6.3.6). */
	if (name_is_inbox(from))
		return error_set(
			err, ERROR_MAILBOX, CAUSE_MAIL, "INBOX cannot be renamed to '%s'", to);
	struct arena *arena = arena_new();
	imap_open_again(link);
	bool ok = ask(link, "RENAME", from, to, 0, arena, &c, err);
	if (ok && c.verdict != VERDICT_OK)
		ok = imap_refused(
			err, ERROR_MAILBOX, &c, "cannot rename mailbox '%s' to '%s'", from, to);
	arena_free(arena);
	imap_link_note(link);
	return ok;
}
