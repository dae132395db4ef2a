#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/imap_store.h"

/*
 * APPEND: submitted one after the other, their replies taken when settle() asks.
 *
 * The literal is announced as the server likes it (the session knows), and the body streams into
 * it.  Once a literal was begun there is no way back but to close the connection.
 *
 * Where the server knows MULTIAPPEND (RFC 3502), small messages for one mailbox share a command: to
 * add one costs some servers the more the more a mailbox holds, and a group costs as much as one.
 * All of it arrives, or nothing: where one is refused, all are told to be appended again, each by
 * itself.  Others go on to share: one message that a server does not take is no reason to send all
 * that follow in the slow way.  A server that refuses too many, or that a connection was lost to in
 * the middle of a group, gets no more of them.
 */

/* A group, at most: what a cut off connection takes with it is sent again as a whole. */
#define GROUP_MESSAGES 256
#define GROUP_OCTETS   ((uint64_t)256 * 1024)

/* Of so many that were refused, each sent twice, the next would most likely be refused as well: an
 * account that is full. */
#define GROUPS_REFUSED 16

struct appended {
	uint32_t ticket;
	flag_set held;
};

/* One command, of one message or of a group. */
struct imap_appending {
	struct imap_appending *next;
	struct arena *arena;
	const char *name;
	struct appended *at;
	size_t n, cap, told;
	uint64_t octets;
	bool open; /* its last line has not ended: more may join */
	bool done;
	struct error failed;
	struct seqset uids; /* as many as messages, or none */
	struct seqwalk next_uid;
	const char *epoch;
};

static void free_appends(struct imap_appending *a)
{
	while (a != NULL) {
		struct imap_appending *next = a->next;
		arena_free(a->arena);
		a = next;
	}
}

void imap_append_lose(struct imap_link *link)
{
	for (struct imap_appending *a = link->append; a != NULL; a = a->next)
		if (a->n > 1)
			atomic_store(&link->store->refused_groups, GROUPS_REFUSED);
	free_appends(link->append);
	free_appends(link->told);
}

/* In the order of the messages, and each higher than the one before it (RFC 4315, section 3). */
static bool take_uids(struct imap_appending *a, const struct imap_node *to)
{
	uint64_t n = 0;
	if (!seqset_check(to->text, to->len, &n) || n != a->n ||
		(n == 1 && to->type != IMAP_NUMBER) || !seqset_parse(&a->uids, to->text, to->len))
		return false;
	for (size_t i = 1; i < a->uids.n; i++)
		if (a->uids.at[i].first <= a->uids.at[i - 1].last)
			return false;
	return true;
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
	if (c->code == CODE_APPENDUID && take_uids(a, c->to))
		a->epoch = imap_epoch(c->validity, a->arena);
	else
		a->uids.n = 0;
	return true;
}

static bool is_sendable(const char *keyword, void *context)
{
	(void)context;
	return imap_command_is_atom(keyword);
}

/* "APPEND name (flags) "date" ", up to the literal; without the name where it joins a group. */
static void build(struct imap_command *c, const char *wire, const struct message *m,
	const struct flag_table *flags)
{
	if (wire != NULL) {
		imap_command_words(c, "APPEND ");
		imap_command_string(c, wire);
	}
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

/* ---- groups ---- */

static struct imap_appending *new_append(const char *name)
{
	struct arena *arena = arena_new();
	struct imap_appending *a = arena_alloc(arena, sizeof *a);
	a->arena = arena;
	a->name = arena_strdup(arena, name);
	seqset_init(&a->uids, arena);
	return a;
}

/* Whether a message of ${size} may share a command.  A literal that the server is to be asked for
 * is a turn, and can be refused by itself; an empty one may be taken for a client that gives up. */
static bool may_share(const struct imap_link *link, uint64_t size)
{
	return session_has(link->wire, CAP_MULTIAPPEND) && size > 0 && size < GROUP_OCTETS &&
	       !session_literal_waits(link->wire, size) && !link->session.alone &&
	       atomic_load(&link->store->refused_groups) < GROUPS_REFUSED;
}

/* The group that a message can join, or NULL. */
static struct imap_appending *find_group(
	const struct imap_link *link, const char *name, uint64_t size)
{
	struct imap_appending *a = link->last_append;
	bool joins = a != NULL && a->open && !a->done && a->n < GROUP_MESSAGES &&
		     a->octets + size <= GROUP_OCTETS && may_share(link, size) &&
		     strcmp(a->name, name) == 0;
	return joins ? a : NULL;
}

bool imap_append_end(struct imap_link *link, struct error *err)
{
	struct imap_appending *a = link->last_append;
	if (a == NULL || !a->open)
		return true;
	a->open = false;
	return session_end(link->wire, err);
}

static void join(struct imap_appending *a, uint32_t ticket, const struct message *m,
	const struct flag_table *flags, uint64_t size)
{
	flag_set held = m->flags;
	size_t n = 0;
	const char *const *keyword = flags_keywords(flags, m->flags, &n);
	for (size_t i = 0; i < n; i++)
		if (!imap_command_is_atom(keyword[i]))
			held = flags_system(flags, m->flags);
	*ARENA_PUSH(a->arena, a->at, a->n, a->cap) = (struct appended){ticket, held};
	a->octets += size;
}

/* ---- sending ---- */

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
	if (!a->open) {
		if (!session_begin(link->wire, &tag, err))
			return false;
		imap_link_expect(link, tag, &reaction, a);
	}
	int went = begin(link, c, err);
	if (went > 0)
		went = session_literal(link->wire, reader->size, err);
	a->open = false;
	if (went <= 0 || !stream(link, reader, err))
		return went == 0;
	a->open = may_share(link, reader->size);
	return a->open || session_end(link->wire, err);
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

/* A command of its own, which others may join. */
static bool append_anew(struct imap_link *link, uint32_t ticket, const char *name,
	const struct message *message, const struct flag_table *flags, struct reader *reader,
	struct error *err)
{
	struct imap_appending *a = new_append(name);
	const char *wire = imap_names_wire(link, name, a->arena, err);
	bool ok = wire != NULL && imap_append_end(link, err) &&
		  submit(link, a, wire, message, flags, reader, err);
	if (!ok && err->scope <= ERROR_MAILBOX) {
		arena_free(a->arena);
		return false;
	}
	join(a, ticket, message, flags, reader->size);
	if (link->last_append != NULL)
		link->last_append->next = a;
	else
		link->append = a;
	link->last_append = a;
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
	struct imap_appending *group = find_group(link, name, reader->size);
	bool ok = group == NULL ? append_anew(link, ticket, name, message, flags, reader, err)
				: submit(link, group, NULL, message, flags, reader, err);
	if (group != NULL && (ok || err->scope > ERROR_MAILBOX))
		join(group, ticket, message, flags, reader->size);
	imap_link_note(link);
	return ok;
}

/* ---- settling ---- */

/* The next command that has ended, as link->told: 1, 0 = none is left, -1. */
static int next_ended(struct imap_link *link, struct error *err)
{
	struct imap_appending *a = link->append;
	free_appends(link->told);
	link->told = NULL;
	if (a == NULL)
		return 0;
	if (!imap_append_end(link, err) || !imap_link_wait(link, &a->done, err))
		return -1;
	link->append = a->next;
	if (a->next == NULL)
		link->last_append = NULL;
	a->next = NULL;
	a->next_uid = seqset_walk(&a->uids);
	link->told = a; /* its strings are lent until it is freed */
	if (a->n > 1 && a->failed.scope != ERROR_NONE)
		atomic_fetch_add(&link->store->refused_groups, 1);
	return 1;
}

/* The next append that has ended: 1, 0 = all told, -1. */
int imap_append_settle(struct imap_link *link, struct outcome *outcome, struct error *err)
{
	struct imap_appending *a = link->told;
	if (a == NULL || a->told == a->n) {
		int got = next_ended(link, err);
		if (got <= 0)
			return got;
		a = link->told;
	}
	const struct appended *m = &a->at[a->told++];
	uint32_t uid = seqset_next(&a->next_uid);
	*outcome = (struct outcome){.ticket = m->ticket,
		.key = uid != 0 ? imap_key(uid, a->arena) : NULL,
		.epoch = a->epoch,
		.held = m->held,
		.error = a->failed};
	/* It need not be this one that was refused. */
	if (a->n > 1 && a->failed.scope == ERROR_MESSAGE) {
		outcome->again = true;
		outcome->error = (struct error){0};
	}
	return 1;
}
