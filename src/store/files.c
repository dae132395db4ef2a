#include "store/files_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What was asked of listed() or take(), in order. */
struct question {
	struct question *next;
	const char *name, *epoch;
	struct flag_table *flags;
	const char *const *keys;
	size_t n, at;
	enum fetch_part part;
};

struct queue {
	struct arena *arena;
	struct question *first, **end;
};

struct files_session {
	struct session session;
	bool eml;
	struct arena *arena;
	struct files_tree tree; /* as it was when the session began */
	struct queue lists, fetches;
	struct files_body body;
};

static struct files_session *files_session(struct session *session)
{
	return (struct files_session *)session;
}

/* ---- sessions ---- */

static struct store *new_store(
	const struct store_config *config, const struct store_ops *ops, struct arena *arena)
{
	struct store *store = arena_alloc(arena, sizeof *store);
	*store = (struct store){.ops = ops, .config = config, .name = config->name};
	return store;
}

static struct store *new_mbox(const struct store_config *config, struct arena *arena)
{
	return new_store(config, &files_mbox_ops, arena);
}

static struct store *new_eml(const struct store_config *config, struct arena *arena)
{
	return new_store(config, &files_eml_ops, arena);
}

static void queue_init(struct queue *queue)
{
	queue->arena = arena_new();
	queue->end = &queue->first;
}

static void disconnect(struct session *session)
{
	struct files_session *s = files_session(session);
	if (s == NULL)
		return;
	files_body_close(&s->body);
	arena_free(s->lists.arena);
	arena_free(s->fetches.arena);
	arena_free(s->arena);
	free(s);
}

static struct session *connect_files(struct store *store, struct error *err)
{
	struct files_session *s = calloc(1, sizeof *s);
	if (s == NULL)
		die_out_of_memory();
	s->session.store = store;
	s->eml = store->ops == &files_eml_ops;
	s->arena = arena_new();
	s->body.source.fd = -1;
	queue_init(&s->lists);
	queue_init(&s->fetches);
	if (files_find(store->config->files.path, s->eml, s->arena, &s->tree, err))
		return &s->session;
	disconnect(&s->session);
	return NULL;
}

static bool identify(struct session *session, const char *pair, struct arena *arena,
	struct world *world, struct error *err)
{
	const struct store *store = session->store;
	(void)pair;
	(void)err;
	*world = (struct world){
		.id = arena_printf(arena, "%s:%s", store->ops->kind, store->config->files.path)};
	return true;
}

/* ---- mailboxes ---- */

static void describe(const struct files_session *s, const struct files_box *box,
	struct arena *arena, struct mailbox *out)
{
	*out = (struct mailbox){.name = box->name,
		.raw = box->path,
		.epoch = files_epoch(box, s->eml, arena),
		.use = box->use,
		.selectable = true,
		.subscribed = box->subscribed,
		.read_only = true,
		.storable = {FLAG_SYSTEM_SETS - 1, true}};
}

static bool mailboxes(
	struct session *session, struct arena *arena, struct mailbox_list *out, struct error *err)
{
	const struct files_session *s = files_session(session);
	(void)err;
	*out = (struct mailbox_list){0};
	for (size_t i = 0; i < s->tree.n; i++)
		describe(s, &s->tree.at[i], arena, ARENA_PUSH(arena, out->at, out->n, out->cap));
	return true;
}

static const struct files_box *find(
	const struct files_session *s, const char *name, struct error *err)
{
	for (size_t i = 0; i < s->tree.n; i++)
		if (strcmp(s->tree.at[i].name, name) == 0)
			return &s->tree.at[i];
	error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "there is no such mailbox");
	return NULL;
}

/* ---- what is asked ---- */

static struct question *ask(struct queue *queue, const char *name)
{
	struct question *q = arena_alloc(queue->arena, sizeof *q);
	q->name = arena_strdup(queue->arena, name);
	*queue->end = q;
	queue->end = &q->next;
	return q;
}

static void answered(struct queue *queue)
{
	queue->first = queue->first->next;
	if (queue->first == NULL) {
		arena_reset(queue->arena);
		queue->end = &queue->first;
	}
}

static bool list(struct session *session, const char *name, const char *epoch, const char *since,
	struct flag_table *flags, struct error *err)
{
	(void)epoch;
	(void)since; /* the answer is whole */
	(void)err;
	ask(&files_session(session)->lists, name)->flags = flags;
	return true;
}

static int listed(struct session *session, struct message_list *out, struct error *err)
{
	struct files_session *s = files_session(session);
	const struct question *q = s->lists.first;
	if (q == NULL)
		return 0;
	*out = (struct message_list){.arena = arena_new()};
	const struct files_box *box = find(s, q->name, err);
	const char *name = box != NULL ? box->name : arena_strdup(s->arena, q->name);
	if (box != NULL)
		describe(s, box, out->arena, &out->box);
	bool ok = box != NULL && files_scan(box, s->eml, q->flags, out, err);
	answered(&s->lists);
	out->box.total = out->n;
	if (ok)
		return 1;
	arena_free(out->arena);
	*out = (struct message_list){.box = {.name = name}};
	return -1;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In the order of the file: in one that is compressed, each step back means to read it from its
 * beginning again. */
static const char *const *in_order(const char *const *keys, size_t n, struct arena *arena)
{
	const char **sorted = arena_memdup(arena, keys, n * sizeof *keys);
	if (n > 0)
		qsort(sorted, n, sizeof *sorted, by_text);
	return sorted;
}

static bool fetch(struct session *session, const char *name, const char *epoch,
	const char *const *keys, size_t n, enum fetch_part part, struct error *err)
{
	struct queue *fetches = &files_session(session)->fetches;
	struct question *q = ask(fetches, name);
	(void)err;
	q->epoch = arena_strdup(fetches->arena, epoch);
	q->keys = in_order(keys, n, fetches->arena);
	q->n = n;
	q->part = part;
	return true;
}

/* ---- messages ---- */

static bool is_still(const struct files_session *s, const struct files_box *box,
	const struct question *q, struct arena *arena, struct error *err)
{
	const char *epoch = files_epoch(box, s->eml, arena);
	if (q->part == FETCH_EMAILID)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "files have no ids of messages");
	if (epoch == NULL)
		return error_errno(err, ERROR_MAILBOX, "cannot look at '%s'", box->path);
	return q->epoch == NULL || strcmp(epoch, q->epoch) == 0 ||
	       error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "'%s' was changed meanwhile", box->path);
}

static bool begin_body(struct files_session *s, const struct question *q, struct message *message,
	struct arena *arena, struct error *err)
{
	struct files_place place;
	const struct files_box *box = find(s, q->name, err);
	if (box == NULL || !is_still(s, box, q, arena, err))
		return false;
	if (!files_key_read(message->key, &place))
		return error_set(err, ERROR_MESSAGE, CAUSE_MAIL, "there is no such message");
	const char *path = s->eml ? arena_printf(arena, "%s/%s", box->path, place.file) : box->path;
	message->size = place.size;
	if (files_body_open(&s->body, path, !s->eml, &place, q->part == FETCH_HEADER, err))
		return true;
	if (s->eml && err->scope == ERROR_MAILBOX)
		err->scope = ERROR_MESSAGE;
	return false;
}

static int take(
	struct session *session, struct message *message, struct reader **reader, struct error *err)
{
	struct files_session *s = files_session(session);
	struct question *q = s->fetches.first;
	struct error why = {0};
	*message = (struct message){.received = RECEIVED_UNKNOWN};
	*reader = NULL;
	if (q == NULL || q->at == q->n) {
		if (q != NULL)
			answered(&s->fetches);
		return 0;
	}
	message->key = q->keys[q->at++];
	struct arena *arena = arena_new();
	bool ok = begin_body(s, q, message, arena, &why);
	arena_free(arena);
	if (ok) {
		*reader = &s->body.reader;
		s->session.traffic.bytes_in += s->body.reader.size;
		return 1;
	}
	if (why.scope != ERROR_MESSAGE)
		q->at = q->n;
	if (err != NULL)
		*err = why;
	return -1;
}

/* What writes is missing: `import` only reads, and no other command makes such a store. */
#define OPERATIONS \
	.connect = connect_files, .disconnect = disconnect, .identify = identify, \
	.mailboxes = mailboxes, .list = list, .listed = listed, .fetch = fetch, .take = take

const struct store_ops files_mbox_ops = {.kind = "mbox", .new_store = new_mbox, OPERATIONS};
const struct store_ops files_eml_ops = {.kind = "eml", .new_store = new_eml, OPERATIONS};
