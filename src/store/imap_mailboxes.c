#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "mail/name.h"
#include "store/imap_store.h"

/* An account with more is no account that a person looks after; a server that says so lies. */
#define MAILBOXES_MAX 100000

/* One listing: LIST with all it can tell, or LIST and LSUB. */
struct survey {
	struct arena *arena; /* the caller's */
	struct mailbox_list *out;
	struct imap_names *names;
	struct map *index; /* by wire name: a place in out, until it is sorted */
	bool utf8;
	size_t left; /* commands that have not ended */
	bool done;
	struct error failed;
};

static bool note_listed(struct survey *s, const struct imap_listed *listed)
{
	const char *name = imap_names_add(s->names, listed);
	if (name == NULL)
		return true;
	if (s->out->n == MAILBOXES_MAX)
		return false;
	const char *wire = arena_strdup(s->arena, listed->name);
	map_put_str(s->index, name_is_inbox(wire) ? "INBOX" : wire, (uint32_t)s->out->n);
	*ARENA_PUSH(s->arena, s->out->at, s->out->n, s->out->cap) = (struct mailbox){
		.name = arena_strdup(s->arena, name),
		.raw = wire,
		.use = listed->use,
		.selectable = (listed->attributes & ATTRIBUTE_NOSELECT) == 0,
		.subscribed = (listed->attributes & ATTRIBUTE_SUBSCRIBED) != 0,
		.storable = {.new_keywords = true, .listed = FLAG_SYSTEM_SETS - 1},
	};
	return true;
}

static struct mailbox *find(struct survey *s, const char *wire)
{
	uint32_t i = map_get_str(s->index, name_is_inbox(wire) ? "INBOX" : wire);
	return i == MAP_NONE ? NULL : &s->out->at[i];
}

static void note_counts(struct survey *s, const struct imap_counts *c)
{
	struct mailbox *box = find(s, c->name);
	if (box == NULL)
		return;
	box->epoch = imap_epoch(c->uidvalidity, s->arena);
	box->next = c->uidnext == 0 ? NULL : imap_key(c->uidnext, s->arena);
	box->total = c->messages;
	box->id = arena_strdup(s->arena, c->id);
	box->cursor = box->epoch == NULL ? NULL
					 : imap_cursor(c->uidnext, c->has_messages, c->messages,
						   c->highestmodseq, s->arena);
}

static bool survey_untagged(
	struct imap_link *link, void *who, const struct imap_reply *reply, struct error *err)
{
	struct survey *s = who;
	if (reply->kind == REPLY_LIST && !note_listed(s, &reply->listed))
		return imap_link_broken(link, err, "it lists mailboxes without an end");
	if (reply->kind == REPLY_STATUS)
		note_counts(s, &reply->counts);
	if (reply->kind == REPLY_LSUB && find(s, reply->listed.name) != NULL)
		find(s, reply->listed.name)->subscribed = true;
	return true;
}

static bool survey_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err)
{
	struct survey *s = who;
	(void)tag;
	(void)err;
	if (condition->verdict != VERDICT_OK)
		imap_refused(&s->failed, ERROR_STORE, condition, "cannot list the mailboxes of %s",
			link->session.store->name);
	s->done = --s->left == 0;
	return true;
}

static const struct imap_reaction survey_reaction = {survey_untagged, survey_done, NULL};

/* What LIST is to return, by what the server can (RFC 5258, 5819, 6154, 8474). */
static bool submit(struct imap_link *link, struct survey *s, struct error *err)
{
	struct imap_session *w = link->wire;
	bool extended = session_has(w, CAP_LIST_EXTENDED);
	bool status = session_has(w, CAP_LIST_STATUS);
	bool use = session_has(w, CAP_SPECIAL_USE);
	s->left = 1;
	if (extended || status)
		return imap_link_submit(link, &survey_reaction, s, err,
			"LIST \"\" \"*\" RETURN (SUBSCRIBED%s%s%s%s%s)", use ? " SPECIAL-USE" : "",
			status ? " STATUS (MESSAGES UIDNEXT UIDVALIDITY" : "",
			status && session_has(w, CAP_CONDSTORE) ? " HIGHESTMODSEQ" : "",
			status && session_has(w, CAP_OBJECTID) ? " MAILBOXID" : "",
			status ? ")" : "");
	s->left = 2;
	return imap_link_submit(link, &survey_reaction, s, err, "LIST \"\" \"*\"") &&
	       imap_link_submit(link, &survey_reaction, s, err, "LSUB \"\" \"*\"");
}

/* ---- mailboxes that LIST named and told nothing about ---- */

struct look {
	struct survey *survey;
	size_t at;
};

static bool look_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err)
{
	struct look *look = who;
	(void)link;
	(void)tag;
	(void)err;
	/* Dovecot lists the level above a mailbox like a mailbox when it once was one. */
	if (condition->verdict != VERDICT_OK && condition->code != CODE_UNAVAILABLE &&
		condition->code != CODE_INUSE && condition->code != CODE_SERVERBUG)
		look->survey->out->at[look->at].selectable = false;
	look->survey->done = --look->survey->left == 0;
	return true;
}

static bool look_untagged(
	struct imap_link *link, void *who, const struct imap_reply *reply, struct error *err)
{
	struct look *look = who;
	return survey_untagged(link, look->survey, reply, err);
}

/* A server may drop the STATUS of a mailbox that it has trouble with (RFC 5819): ask for that one
 * alone, and it must say why. */
static bool look_again(struct imap_link *link, struct survey *s, struct error *err)
{
	static const struct imap_reaction reaction = {look_untagged, look_done, NULL};
	s->done = true;
	for (size_t i = 0; session_has(link->wire, CAP_LIST_STATUS) && i < s->out->n; i++) {
		const struct mailbox *box = &s->out->at[i];
		if (!box->selectable || box->epoch != NULL || box->next != NULL)
			continue;
		struct look *look = arena_alloc(s->arena, sizeof *look);
		struct imap_command c;
		*look = (struct look){s, i};
		imap_command_init(&c, s->utf8);
		imap_command_words(&c, "STATUS ");
		imap_command_string(&c, box->raw);
		imap_command_words(&c, " (MESSAGES UIDNEXT UIDVALIDITY%s)",
			session_has(link->wire, CAP_CONDSTORE) ? " HIGHESTMODSEQ" : "");
		bool ok = imap_link_command(link, &reaction, look, &c, err);
		imap_command_finish(&c);
		if (!ok && err->scope >= ERROR_STORE)
			return false;
		/* A name that cannot be sent back: whoever wants to open it is told so. */
		if (!ok) {
			*err = (struct error){0};
			continue;
		}
		s->left++;
		s->done = false;
	}
	return imap_link_wait(link, &s->done, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct mailbox *)a)->name, ((const struct mailbox *)b)->name);
}

/* Names cannot be read before it is known how they are spelt, and that must not cost a wait. */
static bool prepare(struct imap_link *link, struct survey *s, struct error *err)
{
	struct imap_namespace ns = {0};
	int utf8 = session_enabled(link->wire, CAP_UTF8_ACCEPT, err);
	if (utf8 < 0 || !session_namespace(link->wire, &ns, err))
		return false;
	s->utf8 = utf8 > 0;
	s->names = imap_names_new(ns.told ? ns.prefix : "", ns.delimiter, s->utf8);
	return true;
}

static bool run(struct imap_link *link, struct survey *s, struct error *err)
{
	if (!submit(link, s, err) || !prepare(link, s, err) || !imap_link_wait(link, &s->done, err))
		return false;
	if (s->failed.scope != ERROR_NONE) {
		*err = s->failed;
		return false;
	}
	/* INBOX is always there: a listing without it is no listing (S44). */
	if (find(s, "INBOX") == NULL)
		return error_set(err, ERROR_STORE, CAUSE_NETWORK,
			"%s lists no INBOX: this cannot be all there is",
			link->session.store->name);
	return look_again(link, s, err);
}

bool imap_mailboxes(
	struct session *session, struct arena *arena, struct mailbox_list *out, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	struct survey s = {.arena = arena, .out = out, .index = map_new(0)};
	*out = (struct mailbox_list){0};
	bool ok = run(link, &s, err);
	map_free(s.index);
	imap_link_note(link);
	if (!ok) {
		imap_names_free(s.names);
		return false;
	}
	imap_names_publish(link->store, s.names);
	qsort(out->at, out->n, sizeof *out->at, by_name);
	return true;
}
