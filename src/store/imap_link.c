#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/imap_store.h"

/* What a server says for people, as far as a message of ours quotes it. */
#define TEXT_SHOWN 200

void imap_link_expect(
	struct imap_link *link, uint32_t tag, const struct imap_reaction *reaction, void *who)
{
	struct imap_pending *p = calloc(1, sizeof *p);
	if (p == NULL)
		die_out_of_memory();
	*p = (struct imap_pending){.tag = tag, .reaction = reaction, .who = who};
	if (link->last != NULL)
		link->last->next = p;
	else
		link->first = p;
	link->last = p;
}

bool imap_link_submit(struct imap_link *link, const struct imap_reaction *reaction, void *who,
	struct error *err, const char *fmt, ...)
{
	struct imap_command c;
	char text[IMAP_COMMAND_LINE + 256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	imap_command_init(&c, false);
	imap_command_words(&c, "%s", text);
	bool ok = imap_link_command(link, reaction, who, &c, err);
	imap_command_finish(&c);
	return ok;
}

bool imap_link_command(struct imap_link *link, const struct imap_reaction *reaction, void *who,
	const struct imap_command *command, struct error *err)
{
	uint32_t tag = 0;
	const char *refused = imap_command_refused(command);
	if (refused != NULL)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "cannot be sent to %s: %s",
			link->session.store->name, refused);
	if (!imap_append_end(link, err) || !session_command(link->wire, &tag, command, err))
		return false;
	imap_link_expect(link, tag, reaction, who);
	return true;
}

void imap_link_forget(struct imap_link *link, const void *who)
{
	for (struct imap_pending *p = link->first; p != NULL; p = p->next)
		if (p->who == who)
			p->reaction = NULL;
}

void imap_link_drop(struct imap_link *link)
{
	while (link->first != NULL) {
		struct imap_pending *p = link->first;
		link->first = p->next;
		if (p->reaction != NULL && p->reaction->dropped != NULL)
			p->reaction->dropped(p->who);
		free(p);
	}
	link->last = NULL;
}

void imap_link_note(struct imap_link *link)
{
	link->session.traffic = (struct traffic){
		.bytes_in = session_bytes_in(link->wire),
		.bytes_out = session_bytes_out(link->wire),
		.round_trips = session_round_trips(link->wire),
	};
}

bool imap_link_broken(struct imap_link *link, struct error *err, const char *why)
{
	return error_set(err, ERROR_STORE, CAUSE_NETWORK, "%s broke the protocol: %s",
		link->store->store.config->imap.host, why);
}

static bool tell_untagged(
	struct imap_link *link, const struct session_event *event, struct error *err)
{
	struct imap_reply reply;
	const char *why = "";
	struct imap_pending *p = link->first;
	if (!imap_reply_read(event->root, &reply, &why))
		return imap_link_broken(link, err, why);
	if (p == NULL || p->reaction == NULL || p->reaction->untagged == NULL)
		return true;
	return p->reaction->untagged(link, p->who, &reply, err);
}

static bool tell_done(struct imap_link *link, const struct session_event *event, struct error *err)
{
	struct imap_pending **at = &link->first, *p, *before = NULL;
	while (*at != NULL && (*at)->tag != event->tag) {
		before = *at;
		at = &(*at)->next;
	}
	p = *at;
	if (p == NULL)
		return imap_link_broken(link, err, "it answered a command twice");
	*at = p->next;
	if (p == link->last)
		link->last = before;
	bool ok = p->reaction == NULL ||
		  p->reaction->done(link, p->who, p->tag, &event->condition, err);
	free(p);
	return ok;
}

int imap_link_step(struct imap_link *link, struct session_event *event, struct error *err)
{
	int got = session_next(link->wire, event, err);
	if (got == 0)
		imap_link_broken(link, err, "a command was never answered");
	if (got <= 0)
		return -1;
	if (event->kind == SESSION_UNTAGGED && !tell_untagged(link, event, err))
		return -1;
	if (event->kind == SESSION_DONE && !tell_done(link, event, err))
		return -1;
	return 1;
}

bool imap_link_wait(struct imap_link *link, const bool *done, struct error *err)
{
	struct session_event event;
	while (!*done)
		if (imap_link_step(link, &event, err) < 0)
			return false;
	return true;
}

/* ---- sets, line by line ---- */

void imap_lines_begin(struct imap_lines *lines, struct arena *arena)
{
	*lines = (struct imap_lines){0};
	seqset_init(&lines->set, arena);
}

void imap_lines_add(struct imap_lines *lines, uint32_t uid)
{
	*ARENA_PUSH(lines->set.arena, lines->uid, lines->uids, lines->cap) = uid;
	seqset_add(&lines->set, uid, uid);
}

bool imap_lines_next(struct imap_lines *lines)
{
	const struct seqset *set = &lines->set;
	if (lines->range == set->n)
		return false;
	lines->range = seqset_text(set, lines->range, lines->text, sizeof lines->text);
	lines->first += lines->n;
	size_t end = lines->first;
	while (end < lines->uids &&
		(lines->range == set->n || lines->uid[end] < set->at[lines->range].first))
		end++;
	lines->n = end - lines->first;
	return true;
}

/* ---- what a server says no with ---- */

/* Where trying again later may help, and where it is not the mailbox's or message's fault. */
static bool is_transient(enum imap_code code)
{
	return code == CODE_UNAVAILABLE || code == CODE_INUSE || code == CODE_THROTTLED ||
	       code == CODE_SERVERBUG || code == CODE_EXPIRED;
}

bool imap_refused(struct error *err, enum error_scope scope, const struct imap_condition *condition,
	const char *fmt, ...)
{
	char what[200];
	va_list ap;
	if (err == NULL)
		return false;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	const char *code = condition->code_name != NULL ? condition->code_name : "";
	error_set(err, scope, CAUSE_MAIL, "%s: refused by the server (%s%s%.*s)", what, code,
		*code != '\0' && *condition->text != '\0' ? ": " : "", TEXT_SHOWN,
		*code != '\0' || *condition->text != '\0' ? condition->text : "no reason given");
	err->transient = is_transient(condition->code);
	if (imap_condition_throttles(condition)) {
		/* Whatever was asked: it is the account that is to be left alone. */
		err->scope = ERROR_STORE;
		err->cause = CAUSE_NETWORK;
		err->transient = true;
		err->later = imap_condition_later(condition);
	}
	return false;
}

/* ---- one command, waited for ---- */

struct ask {
	struct arena *arena;
	struct imap_condition *condition;
	bool done;
};

static bool ask_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err)
{
	struct ask *ask = who;
	(void)link;
	(void)tag;
	(void)err;
	*ask->condition = *condition;
	ask->condition->text = arena_strdup(ask->arena, condition->text);
	ask->condition->code_name = arena_strdup(ask->arena, condition->code_name);
	ask->condition->args = ask->condition->from = ask->condition->to = NULL;
	ask->condition->id = NULL;
	ask->done = true;
	return true;
}

bool imap_link_ask(struct imap_link *link, const struct imap_command *command, struct arena *arena,
	struct imap_condition *condition, struct error *err)
{
	static const struct imap_reaction reaction = {.done = ask_done};
	struct ask ask = {.arena = arena, .condition = condition};
	return imap_link_command(link, &reaction, &ask, command, err) &&
	       imap_link_wait(link, &ask.done, err);
}
