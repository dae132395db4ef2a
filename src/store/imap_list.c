#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/imap_store.h"

/*
 * What changed in a mailbox, by what the server can:
 *
 *	QRESYNC		FETCH 1:* (CHANGEDSINCE m VANISHED): all that changed, and what went
 *	CONDSTORE	FETCH 1:* (CHANGEDSINCE m); when the numbers say that something went, all
 *	neither		all
 *
 * Each is one flight with its EXAMINE; many mailboxes are asked for in one flight.  Where an answer
 * turns out not to do, the whole mailbox is asked for after all else.
 */

/* A VANISHED may name what was never there; this many more than there were is no answer. */
#define GONE_MORE 65536

/* What list() was asked: the mailbox at the cursor. */
struct since {
	bool known;
	bool vanished; /* the server tells what went */
	uint32_t validity, uidnext, messages;
	uint64_t modseq;
};

struct imap_listing {
	struct imap_listing *next;
	struct imap_open *open;
	struct flag_table *flags;
	struct message_list list; /* on list.arena, as is all below */
	struct imap_gathered gathered;
	const char *name;
	struct since since; /* not known: the whole mailbox is under way */
	bool done;
	struct error failed;
};

void imap_listing_free(struct imap_listing *l)
{
	while (l != NULL) {
		struct imap_listing *next = l->next;
		imap_open_leave(l->open);
		imap_gather_free(&l->gathered);
		arena_free(l->list.arena);
		free(l);
		l = next;
	}
}

static bool submit(struct imap_link *link, struct imap_listing *l, struct error *err);

/* ---- the answer ---- */

static void finish(struct imap_listing *l)
{
	struct mailbox *box = &l->list.box;
	const struct imap_open *open = l->open;
	struct arena *arena = l->list.arena;

	box->id = arena_strdup(arena, open->id);
	box->epoch = imap_epoch(open->uidvalidity, arena);
	box->next = open->uidnext == 0 ? NULL : imap_key(open->uidnext, arena);
	box->cursor = imap_cursor(open->uidnext, true, open->exists, open->modseq, arena);
	box->total = open->exists;
	box->selectable = true;
	box->read_only = open->read_only;
	box->storable = (struct flag_storable){FLAG_SYSTEM_SETS - 1, true};
	if (open->told_flags)
		box->storable = (struct flag_storable){
			flags_make(l->flags, open->system, open->keyword, open->keywords),
			open->new_keywords};
	l->done = true;
}

static void fail(struct imap_listing *l, const struct error *err)
{
	l->failed = *err;
	l->done = true;
}

/* The whole mailbox, and nothing less. */
static bool ask_for_all(struct imap_link *link, struct imap_listing *l, struct error *err)
{
	imap_open_leave(l->open);
	l->open = NULL;
	l->since = (struct since){0};
	struct error here = {0};
	if (submit(link, l, &here))
		return true;
	if (here.scope <= ERROR_MAILBOX) {
		fail(l, &here);
		return true;
	}
	*err = here;
	return false;
}

/* Also what came after the cursor and went: a run that left its cursor where it was knows of it. */
static void take_gone(struct imap_listing *l)
{
	struct seqwalk walk = seqset_walk(&l->gathered.vanished);
	struct message_list *list = &l->list;
	for (uint32_t uid; (uid = seqset_next(&walk)) != 0 && uid < l->open->uidnext;)
		*ARENA_PUSH(list->arena, list->gone, list->n_gone, list->cap_gone) =
			imap_key(uid, list->arena);
}

/* How many of ${set} lie below ${limit}. */
static uint64_t count_below(const struct seqset *set, uint32_t limit)
{
	uint64_t n = 0;
	for (size_t i = 0; i < set->n && set->at[i].first < limit; i++) {
		uint32_t last = set->at[i].last < limit ? set->at[i].last : limit - 1;
		n += (uint64_t)last - set->at[i].first + 1;
	}
	return n;
}

/* Whether what changed, with what is known to have gone, explains how many there are now. */
static bool adds_up(const struct imap_listing *l)
{
	const struct imap_open *open = l->open;
	const struct since *since = &l->since;
	uint64_t added = 0;
	if (open->uidvalidity != since->validity || open->modseq < since->modseq ||
		open->uidnext < since->uidnext)
		return false;
	for (size_t i = l->list.n; i > 0 && imap_uid(l->list.at[i - 1].key) >= since->uidnext; i--)
		added++;
	if (since->messages + added < open->exists)
		return false;
	uint64_t went = since->messages + added - open->exists;
	uint64_t told = count_below(&l->gathered.vanished, since->uidnext);
	uint64_t told_new = count_below(&l->gathered.vanished, open->uidnext) - told;
	if (!since->vanished)
		return went == 0;
	return told >= went && told <= (uint64_t)since->messages + GONE_MORE &&
	       told_new <= GONE_MORE;
}

/* Messages that went while they were listed need not be in it. */
static bool is_all(const struct imap_listing *l)
{
	return l->list.n + l->gathered.expunged + seqset_count(&l->gathered.vanished) >=
	       l->open->exists;
}

static bool take_answer(struct imap_link *link, struct imap_listing *l, struct error *err)
{
	struct error here = {0};
	if (!imap_gather_end(&l->gathered, l->open->uidnext, l->name, &here)) {
		fail(l, &here);
		return true;
	}
	if (l->since.known && !adds_up(l))
		return ask_for_all(link, l, err);
	if (l->since.known) {
		l->list.partial = true;
		if (l->since.vanished)
			take_gone(l);
	} else if (!is_all(l)) {
		error_set(&here, ERROR_MAILBOX, CAUSE_MAIL,
			"cannot list mailbox '%s': the server tells of %zu of its %" PRIu32
			" messages",
			l->name, l->list.n, l->open->exists);
		fail(l, &here);
		return true;
	}
	finish(l);
	return true;
}

static bool listing_untagged(
	struct imap_link *link, void *who, const struct imap_reply *reply, struct error *err)
{
	struct imap_listing *l = who;
	(void)link;
	(void)err;
	imap_open_note(l->open, reply);
	imap_gather_note(&l->gathered, reply);
	return true;
}

static bool listing_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err)
{
	struct imap_listing *l = who;
	struct error here = {0};
	(void)tag;
	if (!imap_open_check(l->open, NULL, &here)) {
		fail(l, &here);
		return true;
	}
	/* An empty mailbox has no message that "*" could name: some servers refuse it. */
	if (condition->verdict == VERDICT_OK || (l->open->exists == 0 && !l->since.known))
		return take_answer(link, l, err);
	/* A mailbox without MODSEQs refuses to tell what changed. */
	if (l->since.known)
		return ask_for_all(link, l, err);
	imap_refused(&here, ERROR_MAILBOX, condition, "cannot list mailbox '%s'", l->name);
	fail(l, &here);
	return true;
}

/* ---- the question ---- */

static bool submit(struct imap_link *link, struct imap_listing *l, struct error *err)
{
	static const struct imap_reaction reaction = {listing_untagged, listing_done, NULL};
	static const char items[] = "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)";
	imap_gather_begin(&l->gathered, &l->list, l->flags);
	l->open = imap_open_submit(link, l->name, false, err);
	if (l->open == NULL)
		return false;
	if (!l->since.known)
		return imap_link_submit(link, &reaction, l, err, "%s", items);
	return imap_link_submit(link, &reaction, l, err, "%s (CHANGEDSINCE %" PRIu64 "%s)", items,
		l->since.modseq, l->since.vanished ? " VANISHED" : "");
}

/* Whether QRESYNC is on: 1, 0, -1.  To ask costs a wait on a fresh session, so what the first one
 * learnt goes for all; should a server think otherwise the next time, it says BAD, and is asked for
 * the whole mailbox. */
static int tells_vanished(struct imap_link *link, struct error *err)
{
	int known = atomic_load(&link->store->vanished);
	if (!session_has(link->wire, CAP_QRESYNC))
		return 0;
	if (known >= 0)
		return known;
	known = session_enabled(link->wire, CAP_QRESYNC, err);
	if (known >= 0)
		atomic_store(&link->store->vanished, known);
	return known;
}

static bool read_since(struct imap_link *link, const char *epoch, const char *cursor,
	struct since *since, struct error *err)
{
	*since = (struct since){0};
	if (epoch == NULL || cursor == NULL || !session_has(link->wire, CAP_CONDSTORE) ||
		!imap_read_cursor(cursor, &since->uidnext, &since->messages, &since->modseq))
		return true;
	int vanished = tells_vanished(link, err);
	since->validity = imap_uid(epoch);
	since->known = since->validity != 0;
	since->vanished = vanished > 0;
	return vanished >= 0;
}

bool imap_list(struct session *session, const char *name, const char *epoch, const char *cursor,
	struct flag_table *flags, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	struct imap_listing *l = calloc(1, sizeof *l);
	if (l == NULL)
		die_out_of_memory();
	l->flags = flags;
	l->list.arena = arena_new();
	l->name = l->list.box.name = l->list.box.raw = arena_strdup(l->list.arena, name);
	if (link->last_listing != NULL)
		link->last_listing->next = l;
	else
		link->listing = l;
	link->last_listing = l;

	/* What an earlier look knew of the mailbox is of no use for this one. */
	imap_open_again(link);
	struct error here = {0};
	bool ok = imap_names_wire(link, name, l->list.arena, &here) != NULL &&
		  read_since(link, epoch, cursor, &l->since, &here) && submit(link, l, &here);
	imap_link_note(link);
	if (ok)
		return true;
	if (here.scope <= ERROR_MAILBOX) {
		fail(l, &here);
		return true;
	}
	*err = here;
	return false;
}

int imap_listed(struct session *session, struct message_list *out, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	struct imap_listing *l = link->listing;
	*out = (struct message_list){0};
	imap_listing_free(link->refused);
	link->refused = NULL;
	if (l == NULL)
		return 0;
	bool ok = imap_link_wait(link, &l->done, err);
	imap_link_note(link);
	if (!ok)
		return -1;

	link->listing = l->next;
	if (l->next == NULL)
		link->last_listing = NULL;
	l->next = NULL;
	if (l->failed.scope == ERROR_NONE) {
		*out = l->list;
		l->list.arena = NULL;
		imap_listing_free(l);
		return 1;
	}
	out->box.name = l->name; /* lent until the next call */
	*err = l->failed;
	link->refused = l;
	return -1;
}
