#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is asked ---- */

void maildir_queue_init(struct maildir_queue *queue)
{
	queue->arena = arena_new();
	queue->first = NULL;
	queue->end = &queue->first;
}

void maildir_queue_finish(struct maildir_queue *queue)
{
	arena_free(queue->arena);
}

struct maildir_question *maildir_queue_add(struct maildir_queue *queue, const char *name)
{
	struct maildir_question *q = arena_alloc(queue->arena, sizeof *q);
	q->name = arena_strdup(queue->arena, name);
	*queue->end = q;
	queue->end = &q->next;
	return q;
}

void maildir_queue_drop(struct maildir_queue *queue)
{
	queue->first = queue->first->next;
	if (queue->first == NULL) {
		arena_reset(queue->arena);
		queue->end = &queue->first;
	}
}

bool maildir_list(struct session *session, const char *name, const char *epoch, const char *since,
	struct flag_table *flags, struct error *err)
{
	return maildir_list_unlike(session, name, epoch, since, NULL, flags, err);
}

bool maildir_list_unlike(struct session *session, const char *name, const char *epoch,
	const char *since, struct roster *roster, struct flag_table *flags, struct error *err)
{
	struct maildir_queue *lists = &maildir_session(session)->lists;
	struct maildir_question *q = maildir_queue_add(lists, name);
	(void)err;
	q->flags = flags;
	q->roster = roster;
	if (epoch != NULL && since != NULL && strcmp(epoch, MAILDIR_EPOCH) == 0)
		q->since = arena_strdup(lists->arena, since);
	return true;
}

/* ---- the answer ---- */

/* The number after ",${field}=" in a file's name, 0 when there is none. */
static uint64_t name_field(const char *file, char field)
{
	for (const char *p = strchr(file, ','); p != NULL; p = strchr(p + 1, ','))
		if (p[1] == field && p[2] == '=')
			return strtoull(p + 3, NULL, 10);
	return 0;
}

uint64_t maildir_known_size(const char *file, const struct stat *st)
{
	/* S is the file's size, W that with CRLF line ends; a file that was changed since it got
	 * its name has another S. */
	uint64_t stored = (uint64_t)st->st_size, size = name_field(file, 'W');
	bool plausible = size >= stored && size / 2 <= stored;
	return plausible && name_field(file, 'S') == stored ? size : 0;
}

/* The flags of the message before, which most often are those of the next one too. */
struct flag_memo {
	maildir_letters letters;
	flag_set flags;
};

static flag_set flags_of(const struct maildir_box *box, const char *file, struct flag_memo *memo,
	struct flag_table *table)
{
	maildir_letters letters = maildir_letters_parse(file);
	if (letters != memo->letters)
		*memo = (struct flag_memo){
			letters, maildir_letters_flags(&box->keywords, letters, table)};
	return memo->flags;
}

/* Put the files of ${index} into ${out}; return how many could not be looked at, but may be there.
 */
static size_t add_messages(const struct maildir_box *box, const struct maildir_index *index,
	struct flag_table *table, struct message_list *out)
{
	struct flag_memo memo = {0};
	size_t unseen = 0;
	out->n = 0;
	for (size_t i = 0; i < index->n; i++) {
		const struct maildir_entry *e = &index->at[i];
		char path[MAILDIR_PATH];
		struct stat st = {0};
		maildir_entry_path(e, path);
		bool seen = fstatat(box->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
		*ARENA_PUSH(out->arena, out->at, out->n, out->cap) = (struct message){
			.key = maildir_entry_key(e, out->arena),
			.size = seen ? maildir_known_size(e->name, &st) : 0,
			.received = seen ? st.st_mtim.tv_sec : RECEIVED_UNKNOWN,
			.flags = flags_of(box, e->name, &memo, table),
			.selected = true,
		};
		unseen += !seen;
	}
	return unseen;
}

static bool list_whole(struct maildir_session *s, struct maildir_box *box, struct flag_table *table,
	struct message_list *out, struct error *err)
{
	/* What was renamed since its name was read is found by a second look; what even that does
	 * not find is in one of the two, and so is not gone yet. */
	for (int look = 0; look < 2; look++) {
		if (!maildir_index_read(box, s->grain, err) ||
			!maildir_keywords_read(&box->keywords, box->dir, err))
			return false;
		if (add_messages(box, &box->index, table, out) == 0)
			break;
	}
	out->box.total = out->n;
	return true;
}

/* A folder that is compared with a roster while its names are read. */
struct meeting {
	const struct maildir_box *box;
	struct roster *roster;
	struct flag_table *table;
	struct flag_memo memo;
	size_t files, unlike;
	bool again; /* two files have one key */
};

static bool is_unlike(void *context, const char *file, size_t key_len)
{
	struct meeting *m = context;
	flag_set flags = flags_of(m->box, file, &m->memo, m->table);
	enum roster_met met = roster_meet(m->roster, file, key_len, flags);
	bool unlike = met == ROSTER_STRANGER || met == ROSTER_CHANGED;
	m->again |= met == ROSTER_AGAIN;
	m->files++;
	m->unlike += unlike;
	return unlike;
}

/*
 * What is not as the roster has it.  Told only of a folder in which nothing moved meanwhile, and in
 * which no two files have one key; false in *told of any other, which has to be listed whole.
 */
static bool list_unlike(struct maildir_session *s, struct maildir_box *box,
	const struct maildir_question *q, struct message_list *out, bool *told, struct error *err)
{
	struct meeting m = {.box = box, .roster = q->roster, .table = q->flags};
	struct maildir_index some;
	roster_begin(q->roster);
	if (!maildir_keywords_read(&box->keywords, box->dir, err) ||
		!maildir_index_read_some(box, s->grain, is_unlike, &m, &some, err))
		return false;
	*told = some.quiet && !m.again && add_messages(box, &some, q->flags, out) == 0;
	out->partial = out->unlike = *told;
	out->box.total = m.files - m.unlike + some.n;
	maildir_index_finish(&some);
	return true;
}

/* Nothing changed since the cursor was taken: the answer is short, but tells the total. */
static bool list_nothing(struct maildir_session *s, struct maildir_box *box,
	const struct maildir_times *times, struct message_list *out, struct error *err)
{
	bool known = box->index.known && maildir_times_equal(&box->index.times, times);
	if ((!known && !maildir_index_read(box, s->grain, err)) ||
		!maildir_keywords_read(&box->keywords, box->dir, err))
		return false;
	out->partial = true;
	out->box.total = box->index.n;
	return true;
}

static bool list_box(struct maildir_session *s, const struct maildir_question *q,
	struct message_list *out, struct error *err)
{
	struct maildir_times times;
	struct maildir_box *box = maildir_box(s, q->name, err);
	if (box == NULL || !maildir_times_read(box->dir, &times, err))
		return false;
	maildir_describe(s, box->dir, &times, out->arena, &out->box);
	out->box.name = arena_strdup(out->arena, box->name);
	out->box.raw = arena_strdup(out->arena, box->path);
	const char *cursor = out->box.cursor;
	bool told = cursor != NULL && q->since != NULL && strcmp(cursor, q->since) == 0;
	if (told && !list_nothing(s, box, &times, out, err))
		return false;
	bool ripe = maildir_times_ripe(&times, s->grain);
	if (!told && q->roster != NULL && ripe && !list_unlike(s, box, q, out, &told, err))
		return false;
	if (!told && !list_whole(s, box, q->flags, out, err))
		return false;
	out->box.storable = maildir_storable(&box->keywords, q->flags);
	return true;
}

int maildir_listed(struct session *session, struct message_list *out, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	if (s->lists.taken)
		maildir_queue_drop(&s->lists);
	const struct maildir_question *q = s->lists.first;
	s->lists.taken = q != NULL;
	*out = (struct message_list){0};
	if (q == NULL)
		return 0;
	out->arena = arena_new();
	if (list_box(s, q, out, err))
		return 1;
	arena_free(out->arena);
	*out = (struct message_list){.box.name = q->name};
	return -1;
}
