#include <stdlib.h>
#include <string.h>

#include "store/imap_store.h"

/* A mailbox with more would need gigabytes for its list alone; a server that says so lies. */
#define MESSAGES_MAX ((size_t)16 * 1024 * 1024)

void imap_gather_free(struct imap_gathered *g)
{
	arena_free(g->arena);
	g->arena = NULL;
}

void imap_gather_begin(struct imap_gathered *g, struct message_list *list, struct flag_table *flags)
{
	imap_gather_free(g);
	*g = (struct imap_gathered){.list = list, .flags = flags, .arena = arena_new()};
	seqset_init(&g->vanished, list->arena);
	list->at = NULL;
	list->n = list->cap = 0;
}

static void fill(struct imap_gathered *g, struct message *m, const struct imap_fetched *f)
{
	m->flags = imap_read_flags(f->flags, g->flags);
	if (f->has_date) {
		m->received = f->received;
		m->zone = f->zone;
	}
	if (f->has_size)
		m->size = f->size;
}

/* A message without a UID cannot be named, and one without flags was not asked for: both are only
 * news of a message that the list has or will have. */
static void note_fetched(struct imap_gathered *g, const struct imap_fetched *f)
{
	struct message_list *list = g->list;
	if (f->uid == 0 || !f->has_flags)
		return;
	if (list->n > 0 && imap_uid(list->at[list->n - 1].key) == f->uid &&
		g->seq[list->n - 1] == f->seq) {
		fill(g, &list->at[list->n - 1], f);
		return;
	}
	if (list->n == MESSAGES_MAX) {
		g->too_many = true;
		return;
	}
	size_t n = list->n;
	*ARENA_PUSH(g->arena, g->seq, n, g->cap_seq) = f->seq;
	struct message *m = ARENA_PUSH(list->arena, list->at, list->n, list->cap);
	m->key = imap_key(f->uid, list->arena);
	m->received = RECEIVED_UNKNOWN;
	m->selected = true;
	fill(g, m, f);
}

void imap_gather_note(struct imap_gathered *g, const struct imap_reply *reply)
{
	if (reply->kind == REPLY_FETCH)
		note_fetched(g, &reply->fetched);
	if (reply->kind == REPLY_EXPUNGE)
		g->expunged++;
	if (reply->kind == REPLY_VANISHED &&
		!seqset_parse(&g->vanished, reply->vanished.uids->text, reply->vanished.uids->len))
		g->too_many = true;
}

/* ---- in order ---- */

struct place {
	uint32_t uid, seq, at;
};

static int by_uid(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static bool is_sorted(const struct place *place, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (place[i - 1].uid >= place[i].uid)
			return false;
	return true;
}

/* Put at[] in the order of ${place}; of two with one UID the later told, which is the newer. */
static void arrange(struct imap_gathered *g, struct place *place, size_t n)
{
	struct message_list *list = g->list;
	struct message *sorted = arena_alloc(list->arena, n * sizeof *sorted);
	size_t to = 0;
	for (size_t i = 0; i < n; i++) {
		const struct message *m = &list->at[place[i].at];
		bool again = to > 0 && place[i - 1].uid == place[i].uid;
		struct message *out = &sorted[again ? to - 1 : to++];
		if (again && m->size == 0 && m->received == RECEIVED_UNKNOWN)
			out->flags = m->flags;
		else
			*out = *m;
		place[to - 1] = place[i];
	}
	list->at = sorted;
	list->n = list->cap = to;
}

/* Sequence numbers go up with UIDs; only messages that went in between may have moved them. */
static bool numbers_agree(const struct imap_gathered *g, const struct place *place)
{
	if (g->expunged > 0 || g->vanished.n > 0)
		return true;
	for (size_t i = 1; i < g->list->n; i++)
		if (place[i - 1].seq >= place[i].seq)
			return false;
	return true;
}

static bool one_number_each(const struct imap_gathered *g, const struct place *place, size_t n)
{
	if (g->expunged > 0 || g->vanished.n > 0)
		return true;
	for (size_t i = 1; i < n; i++)
		if (place[i - 1].uid == place[i].uid && place[i - 1].seq != place[i].seq)
			return false;
	return true;
}

/* Not known yet, or gone again already. */
static void drop_others(struct imap_gathered *g, uint32_t below)
{
	struct message_list *list = g->list;
	size_t to = 0;
	seqset_sort(&g->vanished);
	for (size_t i = 0; i < list->n; i++) {
		uint32_t uid = imap_uid(list->at[i].key);
		if ((below == 0 || uid < below) && !seqset_has(&g->vanished, uid))
			list->at[to++] = list->at[i];
	}
	list->at = arena_trim(
		list->arena, list->at, list->cap * sizeof *list->at, to * sizeof *list->at);
	list->n = list->cap = to;
}

bool imap_gather_end(struct imap_gathered *g, uint32_t below, const char *name, struct error *err)
{
	struct message_list *list = g->list;
	size_t n = list->n;
	struct place *place = malloc((n > 0 ? n : 1) * sizeof *place);
	if (place == NULL)
		die_out_of_memory();
	for (size_t i = 0; i < n; i++)
		place[i] = (struct place){imap_uid(list->at[i].key), g->seq[i], (uint32_t)i};
	bool agree = true;
	if (!is_sorted(place, n)) {
		qsort(place, n, sizeof *place, by_uid);
		agree = one_number_each(g, place, n);
		arrange(g, place, n);
	}
	agree = agree && numbers_agree(g, place);
	free(place);
	imap_gather_free(g);
	if (g->too_many)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
			"cannot list mailbox '%s': the server tells of more messages than can be",
			name);
	if (!agree)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
			"cannot list mailbox '%s': the server gives one number to two messages",
			name);
	drop_others(g, below);
	return true;
}
