#include "store/maildir.h"

#include <stdlib.h>
#include <unistd.h>

static struct store *new_store(const struct store_config *config, struct arena *arena)
{
	struct maildir_store *m = arena_alloc(arena, sizeof *m);
	m->store.ops = &maildir_ops;
	m->store.config = config;
	m->store.name = config->name;
	m->config = &config->maildir;
	m->made = maildir_now();
	atomic_init(&m->lock, -1);
	atomic_init(&m->lock_held, false);
	return &m->store;
}

static void disconnect(struct session *session)
{
	struct maildir_session *s = (struct maildir_session *)session;
	if (s == NULL)
		return;
	maildir_changes_drop(s);
	maildir_body_end(&s->body);
	maildir_boxes_close(s);
	maildir_folders_forget(s);
	maildir_queue_finish(&s->lists);
	maildir_queue_finish(&s->fetches);
	arena_free(s->answers);
	if (s->root >= 0)
		close(s->root);
	free(s);
}

static struct session *connect_root(struct store *store, struct error *err)
{
	struct maildir_session *s = calloc(1, sizeof *s);
	if (s == NULL)
		die_out_of_memory();
	s->session.store = store;
	s->root = -1;
	s->body.fd = -1;
	s->answers = arena_new();
	s->changes_end = &s->changes;
	maildir_queue_init(&s->lists);
	maildir_queue_init(&s->fetches);
	if (maildir_root_open(s, err))
		return &s->session;
	disconnect(&s->session);
	return NULL;
}

static void settle_clock(struct session *session)
{
	maildir_wait_grain(maildir_session(session)->grain);
}

const struct store_ops maildir_ops = {
	.kind = "maildir",
	.names_first = true,
	.new_store = new_store,
	.lock = maildir_lock,
	.unlock = maildir_unlock,
	.connect = connect_root,
	.disconnect = disconnect,
	.identify = maildir_identify,
	.stamp = maildir_stamp,
	.mailboxes = maildir_mailboxes,
	.create = maildir_create,
	.remove_mailbox = maildir_remove_mailbox,
	.rename_mailbox = maildir_rename_mailbox,
	.list = maildir_list,
	.list_unlike = maildir_list_unlike,
	.listed = maildir_listed,
	.fetch = maildir_fetch,
	.take = maildir_take,
	.new_key = maildir_new_key,
	.append = maildir_append,
	.mark = maildir_mark,
	.expunge = maildir_expunge,
	.move = maildir_move,
	.copy = maildir_copy,
	.settle = maildir_settle,
	.settle_clock = settle_clock,
};
