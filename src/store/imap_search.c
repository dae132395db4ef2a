#include "store/imap_store.h"

struct search_run {
	struct imap_open *open;
	struct seqset *found;
	bool done;
	struct error failed;
};

static bool search_untagged(
	struct imap_link *link, void *who, const struct imap_reply *reply, struct error *err)
{
	struct search_run *run = who;
	imap_open_note(run->open, reply);
	if ((reply->kind == REPLY_SEARCH || reply->kind == REPLY_ESEARCH) &&
		!imap_reply_numbers(&reply->found, run->found))
		return imap_link_broken(link, err, "a search finds more than there can be");
	return true;
}

static bool search_done(struct imap_link *link, void *who, uint32_t tag,
	const struct imap_condition *condition, struct error *err)
{
	struct search_run *run = who;
	(void)link;
	(void)tag;
	(void)err;
	if (condition->verdict != VERDICT_OK)
		imap_refused(&run->failed, ERROR_MAILBOX, condition, "cannot search mailbox '%s'",
			run->open->name);
	run->done = true;
	return true;
}

static bool search_in(
	struct imap_link *link, struct search_run *run, const char *text, struct error *err)
{
	static const struct imap_reaction reaction = {search_untagged, search_done, NULL};
	const char *how = session_has(link->wire, CAP_ESEARCH) ? "RETURN (ALL) " : "";
	struct imap_command c;
	imap_command_init(&c, false);
	imap_command_words(&c, "UID SEARCH %s%s", how, text);
	bool ok = imap_link_command(link, &reaction, run, &c, err) &&
		  imap_link_wait(link, &run->done, err);
	imap_command_finish(&c);
	if (ok && imap_open_check(run->open, NULL, err)) {
		if (run->failed.scope == ERROR_NONE)
			return true;
		*err = run->failed;
	}
	return false;
}

/* A set is never written out longer than the mailbox is: a server may say 1:4294967295. */
static bool give_keys(struct search_run *run, struct arena *arena, const char ***keys, size_t *n,
	struct error *err)
{
	size_t cap = 0;
	seqset_sort(run->found);
	struct seqwalk walk = seqset_walk(run->found);
	for (uint32_t uid; (uid = seqset_next(&walk)) != 0;) {
		if (run->open->uidnext != 0 && uid >= run->open->uidnext)
			break; /* came after EXAMINE had counted */
		if (*n == run->open->exists)
			return error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
				"cannot search mailbox '%s': more was found than is there",
				run->open->name);
		*ARENA_PUSH(arena, *keys, *n, cap) = imap_key(uid, arena);
	}
	return true;
}

bool imap_search(struct session *session, const char *name, const struct search *search,
	struct arena *arena, const char ***keys, size_t *n, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	struct arena *scratch = arena_new();
	struct seqset found;
	struct search_run run = {.found = &found};
	seqset_init(&found, scratch);
	*keys = NULL;
	*n = 0;
	imap_open_again(link);
	run.open = imap_open_submit(link, name, false, err);
	bool ok = run.open != NULL && search_in(link, &run, search_text(search), err) &&
		  give_keys(&run, arena, keys, n, err);
	imap_open_leave(run.open);
	arena_free(scratch);
	imap_link_note(link);
	return ok;
}
