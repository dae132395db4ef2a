#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "mail/identity.h"
#include "store/imap_store.h"

/*
 * Bodies, as they come.
 *
 * A fetch is one flight: EXAMINE, and UID FETCH over sets.  Several fetches may be under way;
 * take() goes through them in order.  A server may answer a FETCH before it has told how the last
 * one ended (Dovecot does), but not one of another EXAMINE: so each fetch has its own. A body is
 * read by whoever holds the reader, straight from the connection; take() skips what was left of the
 * last one.
 *
 * Until it is known that this server tells the UID before the body, each message gets a command of
 * its own: then a body without a UID before it can be none but the one asked for.  So too, on every
 * connection, after a server has said no to a set: one bad message must not cost the others
 * (Yahoo's UNAVAILABLE).  What was not sent of such a set is left out as if it were gone; asked for
 * again, it is sent, or refused by itself.
 */

/* A command of a fetch; its messages are wanted[first..first + n). */
struct part {
	struct imap_fetching *fetch;
	size_t first, n;
	bool done;
	const struct error *failed; /* NULL: it did not; its text is long, and parts may be many */
};

struct wanted {
	uint32_t uid;
	uint32_t key; /* index into the caller's keys */
	bool told;    /* it was handed out, or its failure was */
};

struct imap_fetching {
	struct reader reader; /* of the body that is handed out */
	struct imap_link *link;
	struct imap_fetching *next;
	struct imap_open *open;
	struct arena *arena;
	const char *epoch;
	const char *const *keys;
	enum fetch_part kind;
	struct wanted *wanted; /* sorted by UID */
	size_t n;
	struct part **part;
	size_t parts, ended; /* parts that are all taken */
	size_t told;	     /* of the part that is being taken: how many failures were told */
	struct error failed; /* could not even be asked; told once */
	bool failure_told;

	/* The message under way. */
	struct wanted *current;
	uint64_t left; /* octets of its body */
	bool in_body;  /* BODY_BEGIN was seen, BODY_END not */
	bool checked;  /* its FETCH was seen to its end, and is what it should be */
	struct error wrong;
	struct imap_fetched answer; /* of a FETCH without a body */
	struct identity identity;
};

void imap_fetch_free(struct imap_fetching *f)
{
	while (f != NULL) {
		struct imap_fetching *next = f->next;
		imap_open_leave(f->open);
		arena_free(f->arena);
		f = next;
	}
}

/* ---- asking ---- */

static int by_uid(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

static const char *items(const struct imap_fetching *f)
{
	static const char *const of[] = {
		[FETCH_HEADER] = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])",
		[FETCH_BODY] = "(UID FLAGS INTERNALDATE BODY.PEEK[])",
		[FETCH_EMAILID] = "(UID EMAILID)",
	};
	if (f->kind == FETCH_EMAILID && !session_has(f->link->wire, CAP_OBJECTID))
		return "(UID X-GM-MSGID)";
	return of[f->kind];
}

static const char *section(const struct imap_fetching *f)
{
	return f->kind == FETCH_HEADER ? "BODY[HEADER]" : "BODY[]";
}

static bool part_untagged(
	struct imap_link *link, void *who, const struct imap_reply *reply, struct error *err);
static bool part_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err);

static bool submit_part(
	struct imap_fetching *f, size_t first, size_t n, const char *set, struct error *err)
{
	static const struct imap_reaction reaction = {part_untagged, part_done, NULL};
	struct part *part = f->part[f->parts++] = arena_alloc(f->arena, sizeof *part);
	*part = (struct part){.fetch = f, .first = first, .n = n};
	return imap_link_submit(f->link, &reaction, part, err, "UID FETCH %s %s", set, items(f));
}

static bool submit_singly(struct imap_fetching *f, struct error *err)
{
	for (size_t i = 0; i < f->n; i++)
		if (!submit_part(f, i, 1, imap_key(f->wanted[i].uid, f->arena), err))
			return false;
	return true;
}

static bool submit_sets(struct imap_fetching *f, struct error *err)
{
	struct imap_lines *lines = arena_alloc(f->arena, sizeof *lines);
	imap_lines_begin(lines, f->arena);
	for (size_t i = 0; i < f->n; i++)
		imap_lines_add(lines, f->wanted[i].uid);
	while (imap_lines_next(lines))
		if (!submit_part(f, lines->first, lines->n, lines->text, err))
			return false;
	return true;
}

static bool submit(struct imap_fetching *f, const char *name, struct error *err)
{
	imap_open_again(f->link);
	f->open = imap_open_submit(f->link, name, false, err);
	if (f->open == NULL)
		return false;
	bool sets = f->kind == FETCH_EMAILID ||
		    (f->link->uid_place == UID_BEFORE_BODY && !f->link->store->refuses_sets);
	return sets ? submit_sets(f, err) : submit_singly(f, err);
}

static void want(struct imap_fetching *f, const char *const *keys, size_t n)
{
	f->wanted = arena_alloc(f->arena, n * sizeof *f->wanted);
	for (size_t i = 0; i < n; i++) {
		uint32_t uid = imap_uid(keys[i]);
		if (uid != 0)
			f->wanted[f->n++] = (struct wanted){.uid = uid, .key = (uint32_t)i};
	}
	qsort(f->wanted, f->n, sizeof *f->wanted, by_uid);
	f->part = arena_alloc(f->arena, f->n * sizeof *f->part);
}

static ssize_t body_next(struct reader *reader, const uint8_t **run, struct error *err);

bool imap_fetch(struct session *session, const char *name, const char *epoch,
	const char *const *keys, size_t n, enum fetch_part kind, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	if (!imap_pack(link, err))
		return false;
	struct arena *arena = arena_new();
	struct imap_fetching *f = arena_alloc(arena, sizeof *f);
	f->arena = arena;
	f->link = link;
	f->reader.next = body_next;
	f->epoch = arena_strdup(arena, epoch);
	f->keys = keys;
	f->kind = kind;
	want(f, keys, n);
	if (link->last_fetch != NULL)
		link->last_fetch->next = f;
	else
		link->fetch = f;
	link->last_fetch = f;

	bool ok = n == 0 || submit(f, name, &f->failed);
	imap_link_note(link);
	if (ok || f->failed.scope <= ERROR_MAILBOX)
		return true;
	*err = f->failed;
	return false;
}

/* ---- what comes ---- */

/*
 * The message that a body, or the lack of one, is of.  Without a UID it is the next one that was
 * asked for by itself, and the UID that comes behind the body must agree.  NULL = nobody asked for
 * it, or it was here already (B37).
 */
static struct wanted *find(struct imap_fetching *f, uint32_t uid)
{
	struct wanted key = {.uid = uid}, *w = NULL;
	if (uid != 0)
		w = bsearch(&key, f->wanted, f->n, sizeof key, by_uid);
	for (size_t i = f->ended; uid == 0 && w == NULL && i < f->parts && f->part[i]->n == 1; i++)
		if (!f->part[i]->done && !f->wanted[f->part[i]->first].told)
			w = &f->wanted[f->part[i]->first];
	return w != NULL && !w->told ? w : NULL;
}

static bool fail_message(struct imap_fetching *f, const char *what)
{
	return error_set(&f->wrong, ERROR_MESSAGE, CAUSE_MAIL, "%s", what);
}

/* A body of many that were asked for went by before anybody knew whose it was. */
static void note_late(struct imap_fetching *f, uint32_t uid)
{
	struct wanted *w = uid != 0 ? find(f, uid) : NULL;
	if (w == NULL)
		return;
	f->link->uid_place = UID_AFTER_BODY;
	f->current = w;
	fail_message(f, "the server told too late which message it was sending");
}

/* The FETCH that the body stood in has come to its end. */
static void check_body(struct imap_fetching *f, const struct imap_fetched *a)
{
	f->checked = true;
	if (f->current == NULL)
		note_late(f, a->uid);
	else if (f->link->uid_place == UID_UNSEEN)
		f->link->uid_place = UID_AFTER_BODY;
	if (f->wrong.scope != ERROR_NONE || f->current == NULL)
		return;
	if (a->uid != 0 && a->uid != f->current->uid)
		fail_message(f, "the server sent another message in its place");
	else if (a->bodies != 1 || ascii_compare(a->section, section(f)) != 0)
		fail_message(f, "the server sent something else than the whole message");
}

static void identify(struct imap_fetching *f, const struct imap_fetched *a)
{
	struct hasher *h = f->link->hasher;
	char id[300];
	if (a->emailid != NULL)
		snprintf(id, sizeof id, "EMAILID: %s\r\n\r\n", a->emailid);
	else
		snprintf(id, sizeof id, "X-GM-MSGID: %" PRIu64 "\r\n\r\n", a->gmail_id);
	hasher_begin(h);
	hasher_add(h, (const uint8_t *)id, strlen(id));
	hasher_end(h, &f->identity, NULL, NULL);
}

/* A FETCH without a streamed body: an answer of FETCH_EMAILID, a NIL body, or mere news. */
static void note_answer(struct imap_fetching *f, const struct imap_fetched *a)
{
	struct wanted *w = a->uid != 0 || a->bodies > 0 ? find(f, a->uid) : NULL;
	if (w == NULL || f->current != NULL)
		return;
	if (f->kind == FETCH_EMAILID && (a->emailid != NULL || a->gmail_id != 0)) {
		f->current = w;
		f->checked = true;
		identify(f, a);
	} else if (f->kind != FETCH_EMAILID && a->bodies > 0) {
		f->current = w;
		f->checked = true;
		fail_message(f, "the server has no bytes of it to send");
	}
}

static bool part_untagged(
	struct imap_link *link, void *who, const struct imap_reply *reply, struct error *err)
{
	struct part *part = who;
	struct imap_fetching *f = part->fetch;
	(void)link;
	(void)err;
	imap_open_note(f->open, reply);
	if (reply->kind != REPLY_FETCH)
		return true;
	if (reply->fetched.body == BODY_STREAMED)
		check_body(f, &reply->fetched);
	else
		note_answer(f, &reply->fetched);
	return true;
}

static bool part_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err)
{
	struct part *part = who;
	(void)tag;
	(void)err;
	part->done = true;
	if (condition->verdict == VERDICT_OK)
		return true;
	if (part->n > 1) {
		link->store->refuses_sets = true;
		return true;
	}
	struct error refused = {0};
	imap_refused(&refused, ERROR_MESSAGE, condition, "cannot fetch it");
	part->failed = arena_memdup(part->fetch->arena, &refused, sizeof refused);
	return true;
}

/* A body begins: is it the one of a message that was asked for and has not come yet? */
static bool begin_body(struct imap_fetching *f, const struct session_event *event,
	struct message *message, struct error *err)
{
	struct imap_reply reply;
	const char *why = "";
	f->in_body = true;
	f->checked = false;
	f->current = NULL;
	f->wrong = (struct error){0};
	f->left = event->size;
	if (!imap_reply_read(event->root, &reply, &why))
		return imap_link_broken(f->link, err, why);
	if (reply.kind != REPLY_FETCH || reply.fetched.bodies != 1 || f->kind == FETCH_EMAILID)
		return true;

	const struct imap_fetched *a = &reply.fetched;
	struct wanted *w = find(f, a->uid);
	if (f->link->uid_place == UID_UNSEEN && a->uid != 0)
		f->link->uid_place = UID_BEFORE_BODY;
	if (w == NULL)
		return true; /* it is skipped */
	f->current = w;
	f->reader.size = event->size;
	*message = (struct message){.key = f->keys[w->key],
		.received = a->has_date ? a->received : RECEIVED_UNKNOWN,
		.zone = a->has_date ? a->zone : 0,
		.flags = imap_read_flags(a->flags, NULL),
		.size = f->kind == FETCH_BODY ? event->size
			: a->has_size	      ? a->size
					      : 0,
		.selected = true};
	return true;
}

/* One event of the message under way; 1, -1. */
static int step(struct imap_fetching *f, struct session_event *event, struct error *err)
{
	if (imap_link_step(f->link, event, err) < 0)
		return -1;
	if (event->kind == SESSION_BODY)
		f->left -= event->run_len < f->left ? event->run_len : f->left;
	if (event->kind == SESSION_BODY_END)
		f->in_body = false;
	return 1;
}

/* The octets have all come; they are the message only when the rest of its FETCH says so. */
static ssize_t end_of_body(struct imap_fetching *f, struct error *err)
{
	struct session_event event;
	while (!f->checked && f->wrong.scope == ERROR_NONE)
		if (step(f, &event, err) < 0)
			return -1;
	if (f->wrong.scope == ERROR_NONE)
		return 0;
	*err = f->wrong;
	return -1;
}

static ssize_t body_next(struct reader *reader, const uint8_t **run, struct error *err)
{
	struct imap_fetching *f = (struct imap_fetching *)reader;
	struct session_event event;
	while (f->in_body) {
		if (step(f, &event, err) < 0)
			return -1;
		if (event.kind == SESSION_BODY) {
			*run = event.run;
			imap_link_note(f->link);
			return (ssize_t)event.run_len;
		}
	}
	ssize_t end = end_of_body(f, err);
	imap_link_note(f->link);
	return end;
}

/* What was left unread of the last body. */
static bool skip_rest(struct imap_fetching *f, struct error *err)
{
	struct session_event event;
	while (f->in_body || (f->current != NULL && !f->checked))
		if (step(f, &event, err) < 0)
			return false;
	f->current = NULL;
	return true;
}

/* ---- handing out ---- */

/* Of a part that has ended: the next message that failed with it; what merely did not come was
 * not there any more. */
static bool next_failure(struct imap_fetching *f, struct message *message, struct error *err)
{
	const struct part *part = f->part[f->ended];
	for (; part->failed != NULL && f->told < part->n; f->told++) {
		struct wanted *w = &f->wanted[part->first + f->told];
		if (w->told)
			continue;
		w->told = true;
		*message = (struct message){.key = f->keys[w->key]};
		*err = *part->failed;
		return true;
	}
	f->ended++;
	f->told = 0;
	return false;
}

/* A message is in f->current: hand it out, or its failure. */
static int hand_out(
	struct imap_fetching *f, struct message *message, struct reader **reader, struct error *err)
{
	f->current->told = true;
	if (f->wrong.scope != ERROR_NONE) {
		*message = (struct message){.key = f->keys[f->current->key]};
		*err = f->wrong;
		f->wrong = (struct error){0};
		return -1;
	}
	if (f->kind == FETCH_EMAILID) {
		*message = (struct message){.key = f->keys[f->current->key],
			.received = RECEIVED_UNKNOWN,
			.identity = f->identity,
			.selected = true};
		*reader = NULL;
	} else {
		*reader = &f->reader;
	}
	return 1;
}

/* 1 = handed out, 0 = no message left in it, -1. */
static int next_message(
	struct imap_fetching *f, struct message *message, struct reader **reader, struct error *err)
{
	struct session_event event;
	while (f->ended < f->parts) {
		const struct part *part = f->part[f->ended];
		if (part->done) {
			if (next_failure(f, message, err))
				return -1;
			continue;
		}
		if (step(f, &event, err) < 0)
			return -1;
		if (event.kind == SESSION_BODY_BEGIN && !begin_body(f, &event, message, err))
			return -1;
		/* A message of a mailbox that is not the one meant is none at all. */
		if (f->current != NULL && imap_open_check(f->open, f->epoch, NULL))
			return hand_out(f, message, reader, err);
		if (!skip_rest(f, err))
			return -1;
	}
	return 0;
}

static int give_up(struct imap_fetching *f, const struct error *failed, struct message *message,
	struct error *err)
{
	f->failure_told = true;
	*message = (struct message){0};
	*err = *failed;
	return -1;
}

static int take(
	struct imap_fetching *f, struct message *message, struct reader **reader, struct error *err)
{
	struct error failed = {0};
	if (!skip_rest(f, err))
		return -1;
	if (f->failed.scope != ERROR_NONE && !f->failure_told)
		return give_up(f, &f->failed, message, err);
	int got = 0;
	do {
		got = next_message(f, message, reader, err);
		/* Whose mailbox failed has nothing to tell of its messages one by one. */
	} while (got < 0 && err->scope == ERROR_MESSAGE &&
		 !imap_open_check(f->open, f->epoch, NULL));
	if (got == 0 && f->open != NULL && !f->failure_told &&
		!imap_open_check(f->open, f->epoch, &failed))
		return give_up(f, &failed, message, err);
	return got;
}

int imap_take(
	struct session *session, struct message *message, struct reader **reader, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	struct imap_fetching *f = link->fetch;
	*message = (struct message){0};
	*reader = NULL;
	if (f == NULL)
		return 0;
	int got = take(f, message, reader, err);
	imap_link_note(link);
	if (got != 0)
		return got;
	link->fetch = f->next;
	if (f->next == NULL)
		link->last_fetch = NULL;
	f->next = NULL;
	imap_fetch_free(f);
	return 0;
}
