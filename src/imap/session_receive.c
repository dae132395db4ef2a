#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/log.h"
#include "imap/reply.h"
#include "imap/session_private.h"

/* Untagged responses between two tagged ones: enough for a listing of any account, and beside
 * that each message of a mailbox may be told about a few times (B42). */
#define UNTAGGED_MAX	     100000
#define UNTAGGED_PER_MESSAGE 4
#define EXISTS_MAX	     10000000

/* "* OK still working" may keep us waiting for so many times the limit of silence: large searches
 * and copies take their time, an endless tick does not end (B42). */
#define NOTICES_FACTOR 10

/* What a server says of itself, as far as a message shows it. */
#define WORDS_SHOWN 300

/* ---- failures ---- */

bool session_fail(struct imap_session *s, struct error *err)
{
	s->lost = true;
	if (err != NULL)
		s->why = *err;
	return false;
}

bool session_broken(struct imap_session *s, struct error *err, const char *fmt, ...)
{
	char what[300];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	error_set(
		err, ERROR_STORE, CAUSE_NETWORK, "%s broke the protocol: %s", s->imap->host, what);
	return session_fail(s, err);
}

static bool went_away(struct imap_session *s, const struct imap_condition *bye, struct error *err)
{
	error_set(err, ERROR_STORE, CAUSE_NETWORK, "%s ended the session: %.*s", s->imap->host,
		WORDS_SHOWN, bye->text);
	if (err != NULL) {
		err->transient = true;
		err->later = imap_condition_later(bye);
	}
	return session_fail(s, err);
}

/* ---- responses, one by one ---- */

static bool is_untagged(const struct imap_node *root)
{
	return root != NULL && root->text != NULL && strcmp(root->text, "*") == 0;
}

static void trace_event(struct imap_session *s, enum imap_event what, uint64_t size)
{
	if (what == IMAP_BODY_BEGIN)
		trace_got_body(s->trace, size);
	else if (what == IMAP_CONTINUE && (s->opened == OPENED_AUTH || s->hiding))
		trace_got_hidden(s->trace);
	else if (what == IMAP_RESPONSE || what == IMAP_CONTINUE || what == IMAP_BROKEN)
		trace_got_end(s->trace);
}

/* What the parser makes of the input that is there. */
static enum imap_event parse(struct imap_session *s, struct imap_out *out)
{
	const uint8_t *data;
	size_t n, used = 0;
	conn_peek(s->conn, &data, &n);
	enum imap_event what = imap_parse(s->parser, data, n, &used, out);
	if (what != IMAP_BODY)
		trace_got(s->trace, data, used);
	conn_consume(s->conn, used);
	trace_event(s, what, out->size);
	return what;
}

static bool next_response(
	struct imap_session *s, enum imap_event *what, struct imap_out *out, struct error *err)
{
	while ((*what = parse(s, out)) == IMAP_MORE)
		if (!conn_fill(s->conn, err))
			return session_fail(s, err);
	return *what != IMAP_BROKEN || session_broken(s, err, "%s", out->why);
}

/* A server that closes on us while we write has often said why. */
bool session_lost_in_writing(struct imap_session *s, struct error *err)
{
	struct imap_out out;
	struct imap_condition condition;
	if (err != NULL && err->scope == ERROR_CANCELLED)
		return session_fail(s, err); /* we stop, whatever the server says to it */
	for (;;) {
		enum imap_event what = parse(s, &out);
		if (what == IMAP_MORE || what == IMAP_BROKEN)
			return session_fail(s, err);
		if (what == IMAP_RESPONSE && is_untagged(out.root) &&
			imap_condition_read(out.root->next, &condition) &&
			condition.verdict == VERDICT_BYE)
			return went_away(s, &condition, err);
	}
}

/* ---- the session's own replies ---- */

void session_read_capabilities(struct imap_session *s, const struct imap_node *first)
{
	capability_read(&s->can, first, s->imap->host, s->imap->disable);
}

/* The value of one of the fields of ID; "" where it is not told. */
static const char *field(const struct imap_node *pair, const char *name)
{
	for (; pair != NULL && pair->next != NULL; pair = pair->next->next)
		if (pair->text != NULL && strcasecmp(pair->text, name) == 0 &&
			pair->next->type == IMAP_STRING)
			return pair->next->text;
	return "";
}

/* What such servers call themselves. */
static const char *const rewriters[] = {"Microsoft Exchange", "Microsoft.Exchange", "Domino"};

static void note_rewriter(struct imap_session *s, const char *text)
{
	for (size_t i = 0; text != NULL && i < sizeof rewriters / sizeof *rewriters; i++)
		s->rewrites |= strstr(text, rewriters[i]) != NULL;
}

static void take_id(struct imap_session *s, const struct imap_node *fields)
{
	const char *name = field(fields, "name"), *version = field(fields, "version");
	char raw[sizeof s->server];
	snprintf(raw, sizeof raw, "%s%s%s", name, *name != '\0' && *version != '\0' ? " " : "",
		version);
	escape_text(s->server, sizeof s->server, raw);
	note_rewriter(s, raw);
}

static void take_namespace(struct imap_session *s, const struct imap_personal *personal)
{
	if (personal->prefix == NULL)
		return;
	s->ns = (struct imap_namespace){.prefix = arena_strdup(s->arena, personal->prefix),
		.delimiter = personal->delimiter,
		.told = true};
}

/* Whether it was a reply that is the session's own.  One that is malformed says nothing:
 * hMailServer's NAMESPACE is wrong, and its mail is good. */
static bool take_own_reply(struct imap_session *s, const struct imap_node *first)
{
	static const char *const own[] = {"CAPABILITY", "ENABLED", "ID", "NAMESPACE"};
	struct imap_reply reply;
	const char *why;
	bool ours = false;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		ours = ours || (first->text != NULL && strcasecmp(first->text, own[i]) == 0);
	if (!ours || !imap_reply_read(first, &reply, &why))
		return ours;
	if (reply.kind == REPLY_CAPABILITY)
		session_read_capabilities(s, reply.first);
	else if (reply.kind == REPLY_ENABLED)
		s->enabled |= capability_enabled(reply.first);
	else if (reply.kind == REPLY_ID)
		take_id(s, reply.first);
	else if (reply.kind == REPLY_NAMESPACE)
		take_namespace(s, &reply.personal);
	return true;
}

/* What a response code means to the session, whatever it stands on. */
static void take_code(struct imap_session *s, const struct imap_condition *condition)
{
	if (condition->code == CODE_CAPABILITY)
		session_read_capabilities(s, condition->args);
	if (condition->code == CODE_ALERT)
		log_warning("%s: %s says: %s", s->config->name, s->imap->host, condition->text);
}

bool session_greeting(struct imap_session *s, struct imap_condition *condition, struct error *err)
{
	enum imap_event what;
	struct imap_out out;
	if (!next_response(s, &what, &out, err))
		return false;
	if (what != IMAP_RESPONSE || !is_untagged(out.root) ||
		!imap_condition_read(out.root->next, condition) ||
		condition->verdict == VERDICT_NO || condition->verdict == VERDICT_BAD)
		return session_broken(s, err, "this is not how an IMAP server greets");
	take_code(s, condition);
	note_rewriter(s, condition->text);
	return condition->verdict != VERDICT_BYE || went_away(s, condition, err);
}

/* ---- limits ---- */

static bool count_untagged(struct imap_session *s, struct error *err)
{
	uint64_t limit = UNTAGGED_MAX + UNTAGGED_PER_MESSAGE * s->exists;
	return ++s->untagged <= limit ||
	       session_broken(s, err, "%" PRIu64 " responses, and no end", s->untagged);
}

static void note_progress(struct imap_session *s, const struct imap_node *first)
{
	s->progress = clock_ms();
	if (first->type == IMAP_NUMBER && first->next != NULL && first->next->text != NULL &&
		strcasecmp(first->next->text, "EXISTS") == 0 && first->number > s->exists)
		s->exists = first->number < EXISTS_MAX ? first->number : EXISTS_MAX;
}

static bool only_notices_for_long(struct imap_session *s, struct error *err)
{
	int64_t limit = (int64_t)s->imap->timeout * 1000 * NOTICES_FACTOR;
	if (s->n_pending == 0 || clock_ms() - s->progress <= limit)
		return false;
	error_set(err, ERROR_STORE, CAUSE_NETWORK, "%s sent nothing but notices for %lld s",
		s->imap->host, (long long)limit / 1000); /* and it would do so again */
	session_fail(s, err);
	return true;
}

/* ---- round trips ---- */

/* Answers come in the order of the commands, or so nearly that the eldest stands for all; a "+"
 * answers the one that is being sent, and what follows it is sent later. */
static void hear(struct imap_session *s, enum imap_event what)
{
	if (s->n_pending == 0)
		return;
	bool go_ahead = what == IMAP_CONTINUE;
	struct pending *answered = &s->pending[go_ahead ? s->n_pending - 1 : 0];
	if (answered->chain > s->chain)
		s->chain = answered->chain;
	if (go_ahead)
		answered->chain = s->chain + 1;
}

/* ---- taking ---- */

static enum taken take_notice(
	struct imap_session *s, const struct imap_condition *condition, struct error *err)
{
	take_code(s, condition);
	if (condition->verdict == VERDICT_BYE) {
		went_away(s, condition, err);
		return TAKEN_FAILED;
	}
	if (condition->verdict == VERDICT_PREAUTH) {
		session_broken(s, err, "it greeted twice");
		return TAKEN_FAILED;
	}
	if (only_notices_for_long(s, err))
		return TAKEN_FAILED;
	return s->signed_in ? TAKEN_EVENT : TAKEN_NOTHING;
}

static enum taken take_untagged(struct imap_session *s, const struct imap_node *first,
	struct session_event *event, struct error *err)
{
	struct imap_condition condition;
	if (first == NULL) {
		session_broken(s, err, "an empty response");
		return TAKEN_FAILED;
	}
	if (!count_untagged(s, err))
		return TAKEN_FAILED;
	*event = (struct session_event){.kind = SESSION_UNTAGGED, .root = first};
	if (imap_condition_read(first, &condition))
		return take_notice(s, &condition, err);
	note_progress(s, first);
	return take_own_reply(s, first) || !s->signed_in ? TAKEN_NOTHING : TAKEN_EVENT;
}

static struct pending *find_pending(struct imap_session *s, const char *tag)
{
	char name[16];
	for (size_t i = 0; i < s->n_pending; i++) {
		snprintf(name, sizeof name, "A%" PRIu32, s->pending[i].tag);
		if (strcmp(name, tag) == 0)
			return &s->pending[i];
	}
	return NULL;
}

static struct pending remove_pending(struct imap_session *s, struct pending *pending)
{
	struct pending was = *pending;
	struct pending *end = s->pending + s->n_pending;
	memmove(pending, pending + 1, (size_t)(end - pending - 1) * sizeof *pending);
	s->n_pending--;
	s->n_owned[was.owner]--;
	return was;
}

/* Whether the command that is being put together may end now: refused, before its literal was
 * sent, or AUTHENTICATE, in which both sides take turns. */
static bool may_end(const struct imap_session *s, uint32_t tag, enum imap_verdict verdict)
{
	if (s->opened == OPENED_NONE || s->open_tag != tag || s->opened == OPENED_AUTH)
		return true;
	return s->opened == OPENED_ANNOUNCED && verdict != VERDICT_OK;
}

static enum taken take_tagged(struct imap_session *s, const struct imap_node *root,
	struct session_event *event, struct error *err)
{
	struct imap_condition condition;
	struct pending *found = root->text != NULL ? find_pending(s, root->text) : NULL;
	if (found == NULL) {
		session_broken(s, err, "a reply to '%.40s', which it was not asked",
			root->text != NULL ? root->text : "");
		return TAKEN_FAILED;
	}
	if (!imap_condition_read(root->next, &condition) || condition.verdict > VERDICT_BAD) {
		session_broken(s, err, "a reply that is neither OK nor NO nor BAD");
		return TAKEN_FAILED;
	}
	if (!may_end(s, found->tag, condition.verdict)) {
		session_broken(s, err, "a reply to a command that it was not sent whole");
		return TAKEN_FAILED;
	}
	struct pending was = remove_pending(s, found);
	if (s->open_tag == was.tag)
		s->opened = OPENED_NONE;
	s->untagged = 0;
	s->progress = clock_ms();
	take_code(s, &condition);
	if (was.owner != OWNER_CALLER) {
		s->ended_tag = was.tag;
		s->ended = condition;
		return TAKEN_OWN;
	}
	*event = (struct session_event){
		.kind = SESSION_DONE, .root = root->next, .tag = was.tag, .condition = condition};
	return TAKEN_EVENT;
}

static enum taken take_body(struct imap_session *s, enum imap_event what,
	const struct imap_out *out, struct session_event *event, struct error *err)
{
	static const enum session_event_kind kinds[] = {[IMAP_BODY_BEGIN] = SESSION_BODY_BEGIN,
		[IMAP_BODY] = SESSION_BODY,
		[IMAP_BODY_END] = SESSION_BODY_END};
	*event = (struct session_event){.kind = kinds[what]};
	s->progress = clock_ms();
	if (what == IMAP_BODY) {
		event->run = out->run;
		event->run_len = out->run_len;
	}
	if (what == IMAP_BODY_BEGIN) {
		if (!is_untagged(out->root)) {
			session_broken(s, err, "a literal where none can be");
			return TAKEN_FAILED;
		}
		event->root = out->root->next;
		event->size = out->size;
	}
	return s->signed_in ? TAKEN_EVENT : TAKEN_NOTHING;
}

enum taken session_take(struct imap_session *s, struct session_event *event, struct error *err)
{
	enum imap_event what;
	struct imap_out out;
	if (s->lost) {
		if (err != NULL)
			*err = s->why;
		return TAKEN_FAILED;
	}
	if (!next_response(s, &what, &out, err))
		return TAKEN_FAILED;
	hear(s, what);
	if (what == IMAP_CONTINUE) {
		*event = (struct session_event){.root = out.root};
		return TAKEN_CONTINUE;
	}
	if (what != IMAP_RESPONSE)
		return take_body(s, what, &out, event, err);
	if (out.root == NULL) {
		session_broken(s, err, "an empty line");
		return TAKEN_FAILED;
	}
	return is_untagged(out.root) ? take_untagged(s, out.root->next, event, err)
				     : take_tagged(s, out.root, event, err);
}
