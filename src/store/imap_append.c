#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/imap_store.h"

/*
 * APPEND: submitted one after the other, their replies taken when settle() asks.
 *
 * The literal is announced as the server likes it (the session knows), and the body streams into
 * it.  Once a literal was begun there is no way back but to close the connection.
 */
struct imap_appending {
	struct imap_appending *next;
	struct arena *arena;
	uint32_t ticket;
	const char *name;
	flag_set held;
	bool done;
	struct error failed;
	const char *key, *epoch;
};

void imap_append_free(struct imap_appending *a)
{
	while (a != NULL) {
		struct imap_appending *next = a->next;
		arena_free(a->arena);
		a = next;
	}
}

/* A server that has no room for one message has none for the next, but may have for a smaller
 * one: each is refused for itself. */
static bool append_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *c, struct error *err)
{
	struct imap_appending *a = who;
	(void)tag;
	(void)err;
	a->done = true;
	if (c->verdict != VERDICT_OK) {
		imap_refused(&a->failed, ERROR_MESSAGE, c, "cannot add it to mailbox '%s' of %s",
			a->name, link->store->store.config->name);
		return true;
	}
	uint64_t n = 0;
	if (c->code == CODE_APPENDUID && seqset_check(c->to->text, c->to->len, &n) && n == 1 &&
		c->to->type == IMAP_NUMBER) {
		a->key = arena_strdup(a->arena, c->to->text);
		a->epoch = imap_epoch(c->validity, a->arena);
	}
	return true;
}

static bool is_sendable(const char *keyword, void *context)
{
	(void)context;
	return imap_command_is_atom(keyword);
}

/* "APPEND name (flags) "date" ", up to the literal. */
static void build(struct imap_command *c, const char *wire, const struct message *m,
	const struct flag_table *flags)
{
	imap_command_words(c, "APPEND ");
	imap_command_string(c, wire);
	imap_command_words(c, " ");
	if (m->flags != 0) {
		imap_command_words(c, "(");
		imap_command_flags(c, flags, m->flags, is_sendable, NULL);
		imap_command_words(c, ") ");
	}
	if (m->received != RECEIVED_UNKNOWN) {
		imap_command_date(c, m->received, m->zone);
		imap_command_words(c, " ");
	}
}

/* Send it: 1, 0 = the server refused a literal that the name is, -1. */
static int begin(struct imap_link *link, const struct imap_command *c, struct error *err)
{
	struct imap_piece piece;
	for (size_t at = 0; imap_command_next(c, &at, &piece);) {
		int went = piece.literal ? session_literal(link->wire, piece.len, err) : 1;
		if (went <= 0)
			return went;
		if (!session_put(link->wire, piece.data, piece.len, err))
			return -1;
	}
	return 1;
}

/* The body into the literal.  What fails in here fails with the connection: the server waits for
 * octets that will not come. */
static bool stream(struct imap_link *link, struct reader *reader, struct error *err)
{
	const uint8_t *run = NULL;
	uint64_t left = reader->size;
	ssize_t n;
	struct error why = {0};
	while ((n = reader->next(reader, &run, &why)) > 0) {
		if ((uint64_t)n > left)
			break;
		if (!session_put(link->wire, run, (size_t)n, err))
			return false;
		left -= (uint64_t)n;
	}
	if (n == 0 && left == 0)
		return true;
	if (n >= 0)
		error_set(&why, ERROR_STORE, CAUSE_MAIL,
			"the message was not as long as announced: %" PRIu64 " octets",
			reader->size);
	error_set(err, ERROR_STORE, CAUSE_NETWORK,
		"the connection was given up in the middle of a message: %.300s", why.text);
	err->transient = true;
	if (why.scope == ERROR_CANCELLED)
		*err = why;
	return false;
}

static struct imap_appending *new_append(
	uint32_t ticket, const char *name, const struct message *m, const struct flag_table *flags)
{
	struct arena *arena = arena_new();
	struct imap_appending *a = arena_alloc(arena, sizeof *a);
	size_t n = 0;
	const char *const *keyword = flags_keywords(flags, m->flags, &n);
	a->arena = arena;
	a->ticket = ticket;
	a->name = arena_strdup(arena, name);
	a->held = m->flags;
	for (size_t i = 0; i < n; i++)
		if (!imap_command_is_atom(keyword[i]))
			a->held = flags_system(flags, m->flags);
	return a;
}

static bool fits(const struct imap_link *link, const char *name, uint64_t size, struct error *err)
{
	uint64_t limit = session_append_limit(link->wire);
	return limit == 0 || size <= limit ||
	       error_set(err, ERROR_MESSAGE, CAUSE_MAIL,
		       "cannot add it to mailbox '%s' of %s: the server's APPENDLIMIT is %" PRIu64
		       " octets, and it has %" PRIu64 "; leave it out with max_size",
		       name, link->store->store.config->name, limit, size);
}

static bool send(struct imap_link *link, struct imap_appending *a, const struct imap_command *c,
	struct reader *reader, struct error *err)
{
	static const struct imap_reaction reaction = {NULL, append_done, NULL};
	uint32_t tag = 0;
	if (!session_begin(link->wire, &tag, err))
		return false;
	imap_link_expect(link, tag, &reaction, a);
	int went = begin(link, c, err);
	if (went > 0)
		went = session_literal(link->wire, reader->size, err);
	return went == 0 || (went > 0 && stream(link, reader, err) && session_end(link->wire, err));
}

static bool submit(struct imap_link *link, struct imap_appending *a, const char *wire,
	const struct message *m, const struct flag_table *flags, struct reader *reader,
	struct error *err)
{
	struct imap_command c;
	imap_command_init(&c, imap_names_utf8(link));
	build(&c, wire, m, flags);
	const char *refused = imap_command_refused(&c);
	bool ok = refused == NULL ? send(link, a, &c, reader, err)
				  : error_set(err, ERROR_MESSAGE, CAUSE_MAIL, "cannot be sent: %s",
					    refused);
	imap_command_finish(&c);
	return ok;
}

bool imap_append(struct session *session, uint32_t ticket, const char *name, const char *key,
	const struct message *message, const struct flag_table *flags, struct reader *reader,
	struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	(void)key;
	if (!fits(link, name, reader->size, err) || !imap_pack(link, err))
		return false;
	struct imap_appending *a = new_append(ticket, name, message, flags);
	const char *wire = imap_names_wire(link, name, a->arena, err);
	bool known = wire != NULL;
	bool ok = known && submit(link, a, wire, message, flags, reader, err);
	imap_link_note(link);
	if (!ok && err->scope <= ERROR_MAILBOX) {
		arena_free(a->arena);
		return false;
	}
	if (link->last_append != NULL)
		link->last_append->next = a;
	else
		link->append = a;
	link->last_append = a;
	return ok;
}

/* The next append that has ended: 1, 0 = all told, -1. */
int imap_append_settle(struct imap_link *link, struct outcome *outcome, struct error *err)
{
	struct imap_appending *a = link->append;
	imap_append_free(link->told);
	link->told = NULL;
	if (a == NULL)
		return 0;
	if (!imap_link_wait(link, &a->done, err))
		return -1;
	link->append = a->next;
	if (a->next == NULL)
		link->last_append = NULL;
	a->next = NULL;
	link->told = a; /* its strings are lent until the next call */
	*outcome = (struct outcome){.ticket = a->ticket,
		.key = a->key,
		.epoch = a->epoch,
		.held = a->held,
		.error = a->failed};
	return 1;
}
