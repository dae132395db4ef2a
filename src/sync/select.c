#include <string.h>

#include "base/buffer.h"
#include "base/map.h"
#include "sync/run.h"

/* `messages`: which messages take part. */

#define DAY ((int64_t)86400)

/* A header block longer than this is searched in its first part only. */
#define HEADER_SEARCHED ((size_t)256 * 1024)

static int64_t day_of(int64_t seconds)
{
	return seconds >= 0 ? seconds / DAY : -((-seconds + DAY - 1) / DAY);
}

void select_limits(const struct run *run, int64_t *newer, int64_t *older)
{
	const struct selection *s = &run->pair->messages;
	*newer = s->newer_than == 0 ? INT64_MIN : day_of(run->now - s->newer_than);
	*older = s->older_than == 0 ? INT64_MIN : day_of(run->now - s->older_than);
}

/* By date and size; what is not known counts as in. */
static bool within(const struct run *run, int64_t received, uint64_t size)
{
	const struct selection *s = &run->pair->messages;
	int64_t newer, older;
	select_limits(run, &newer, &older);
	if (s->max_size != 0 && size > s->max_size)
		return false;
	if (received == RECEIVED_UNKNOWN)
		return true;
	int64_t day = day_of(received);
	return (newer == INT64_MIN || day >= newer) && (older == INT64_MIN || day < older);
}

/* ---- `search` ---- */

static void mark_found(struct message_list *list, const char *const *keys, size_t n)
{
	struct map *found = map_new(n);
	for (uint32_t i = 0; i < n; i++)
		map_put_str(found, keys[i], i);
	for (size_t i = 0; i < list->n; i++)
		list->at[i].selected &= map_get_str(found, list->at[i].key) != MAP_NONE;
	map_free(found);
}

static bool read_header(struct reader *body, struct buffer *header, struct error *err)
{
	const uint8_t *run;
	ssize_t n;
	header->len = 0;
	while ((n = body->next(body, &run, err)) > 0) {
		size_t room = header->limit - header->len;
		buffer_add(header, run, (size_t)n < room ? (size_t)n : room);
	}
	return n == 0;
}

static struct map *index_keys(const struct message_list *list)
{
	struct map *index = map_new(list->n);
	for (uint32_t m = 0; m < list->n; m++)
		map_put_str(index, list->at[m].key, m);
	return index;
}

/* What is done with each message whose header was read. */
typedef void on_header(struct run *run, struct survey *v, struct message *listed,
	const struct message *read, const struct buffer *header);

static void match_header(struct run *run, struct survey *v, struct message *listed,
	const struct message *read, const struct buffer *header)
{
	(void)read;
	listed->selected &= search_matches(
		run->pair->messages.search, listed, v->flags, header->data, header->len);
}

static void learn_size(struct run *run, struct survey *v, struct message *listed,
	const struct message *read, const struct buffer *header)
{
	(void)v;
	(void)header;
	listed->size = read->size;
	listed->selected = within(run, listed->received, listed->size);
}

/* Read the headers of ${n} of the messages that ${list} has. */
static bool read_headers(struct run *run, struct survey *v, struct session *s,
	struct message_list *list, const char **keys, size_t n, on_header *done, struct error *err)
{
	struct map *index = index_keys(list);
	struct buffer header;
	buffer_init(&header, HEADER_SEARCHED);
	bool asked = s->store->ops->fetch(
		s, list->box.name, list->box.epoch, keys, n, FETCH_HEADER, err);
	struct error failed = {0};
	int got = asked ? 1 : -1;
	while (got > 0) {
		struct message m = {0};
		struct reader *body = NULL;
		got = s->store->ops->take(s, &m, &body, err);
		if (got > 0 && read_header(body, &header, err))
			done(run, v, &list->at[map_get_str(index, m.key)], &m, &header);
		if (got >= 0 || err->scope > ERROR_MAILBOX)
			continue;
		/* One message will be named when it is to be copied; what was asked for is taken to
		 * its end in any case. */
		if (err->scope == ERROR_MAILBOX)
			failed = *err;
		got = 1;
	}
	map_free(index);
	buffer_finish(&header);
	if (failed.scope != ERROR_NONE)
		*err = failed;
	return got == 0 && failed.scope == ERROR_NONE;
}

/* A store that cannot search is read: the headers of what it listed. */
static bool match_headers(struct run *run, struct survey *v, struct session *s,
	struct message_list *list, struct error *err)
{
	const char **keys = arena_alloc(v->arena, (list->n + 1) * sizeof *keys);
	for (size_t i = 0; i < list->n; i++)
		keys[i] = list->at[i].key;
	return read_headers(run, v, s, list, keys, list->n, match_header, err);
}

/* A Maildir's names need not tell sizes, and `max_size` has to know them. */
static bool learn_sizes(
	struct run *run, struct survey *v, struct message_list *list, enum side side)
{
	struct error err = {0};
	const char **keys = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = 0; run->pair->messages.max_size != 0 && i < list->n; i++)
		if (list->at[i].size == 0)
			*ARENA_PUSH(v->arena, keys, n, cap) = list->at[i].key;
	if (n == 0)
		return true;
	struct session *s = crew_session(run->crew, side, &err);
	return (s != NULL && read_headers(run, v, s, list, keys, n, learn_size, &err)) ||
	       run_failed(run, side, &err);
}

/* What the search selects, by the store's own means or by its headers. */
static bool find_selected(struct run *run, struct survey *v, struct session *s,
	struct message_list *list, struct error *err)
{
	const struct search *search = run->pair->messages.search;
	const char **keys = NULL;
	size_t n = 0;
	if (s->store->ops->search == NULL)
		return match_headers(run, v, s, list, err);
	if (!s->store->ops->search(s, list->box.name, search, v->arena, &keys, &n, err))
		return false;
	mark_found(list, keys, n);
	return true;
}

static bool search_side(
	struct run *run, struct survey *v, struct message_list *list, enum side side)
{
	const struct search *search = run->pair->messages.search;
	struct error err = {0};
	if (search == NULL || list->n == 0)
		return true;
	if (!search_needs_header(search)) {
		for (size_t i = 0; i < list->n; i++)
			list->at[i].selected &=
				search_matches(search, &list->at[i], v->flags, NULL, 0);
		return true;
	}
	do {
		err = (struct error){0};
		struct session *s = crew_session(run->crew, side, &err);
		if (s != NULL && find_selected(run, v, s, list, &err))
			return true;
	} while (crew_lost(run->crew, side, &err));
	return run_failed(run, side, &err);
}

/* ---- the contract ---- */

/* What a list does not mention stands as the row has it; that cannot tell of headers, see
 * select_needs_all(). */
static bool row_selected(
	const struct run *run, const struct survey *v, const struct row *row, enum side side)
{
	const struct search *search = run->pair->messages.search;
	const struct message m = {
		.received = row->received, .size = row->size, .flags = row->flags[side]};
	if (!within(run, row->received, row->size))
		return false;
	return search == NULL || search_needs_header(search) ||
	       search_matches(search, &m, v->flags, NULL, 0);
}

/* Of a pair A's half is asked, of what has no twin the side that it would be copied from. */
static void exclude_rows(struct run *run, struct survey *v, size_t i)
{
	struct map *index[2] = {index_keys(&v->list[i][LEFT]), index_keys(&v->list[i][RIGHT])};
	for (size_t r = 0; r < v->twin[i].rows; r++) {
		struct row *row = &v->row[i][r];
		enum side side = row->key[LEFT] != NULL ? LEFT : RIGHT;
		uint32_t m = row->key[side] == NULL ? MAP_NONE
						    : map_get_str(index[side], row->key[side]);
		row->excluded = m != MAP_NONE ? !v->list[i][side].at[m].selected
					      : !row_selected(run, v, row, side);
	}
	map_free(index[LEFT]);
	map_free(index[RIGHT]);
}

bool select_needs_all(const struct run *run)
{
	const struct search *search = run->pair->messages.search;
	return search != NULL && search_needs_header(search);
}

static bool limited(const struct selection *s)
{
	return s->newer_than != 0 || s->older_than != 0 || s->max_size != 0 || s->search != NULL;
}

bool select_messages(struct run *run, struct survey *v)
{
	bool ok = true, any = limited(&run->pair->messages);
	for (size_t i = 0; ok && i < v->n; i++) {
		for (enum side side = LEFT; ok && side <= RIGHT; side++) {
			struct message_list *list = &v->list[i][side];
			for (size_t m = 0; m < list->n; m++)
				list->at[m].selected =
					within(run, list->at[m].received, list->at[m].size);
			ok = learn_sizes(run, v, list, side) && search_side(run, v, list, side);
		}
		if (any)
			exclude_rows(run, v, i);
	}
	return ok;
}

/* A mailbox is looked at again, whole, when a message it knows crossed a limit since the last run.
 */
bool select_crossed(struct run *run, const struct box *box, bool *crossed)
{
	int64_t now[2], then[2] = {run->facts.newer_limit, run->facts.older_limit};
	struct error err = {0};
	bool ok = true;
	*crossed = false;
	select_limits(run, &now[0], &now[1]);
	for (int i = 0; ok && box->known.id != 0 && i < 2 && !*crossed; i++) {
		if (now[i] == then[i])
			continue;
		int64_t low = now[i] < then[i] ? now[i] : then[i];
		int64_t high = now[i] < then[i] ? then[i] : now[i];
		int64_t from = low == INT64_MIN ? INT64_MIN : low * DAY;
		ok = state_rows_dated(run->state, box->known.id, from, high * DAY, crossed, &err);
	}
	return run_state_ok(run, ok, &err);
}
