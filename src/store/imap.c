#include <stdlib.h>

#include "imap/credentials.h"
#include "mail/identity.h"
#include "store/imap_store.h"

static struct store *imap_new_store(const struct store_config *config, struct arena *arena)
{
	struct imap_store *s = arena_alloc(arena, sizeof *s);
	s->store = (struct store){.ops = &imap_ops, .config = config, .name = config->name};
	atomic_init(&s->names, NULL);
	atomic_init(&s->vanished, -1);
	return &s->store;
}

static void imap_free_store(struct store *store)
{
	struct imap_store *s = (struct imap_store *)store;
	imap_names_free(atomic_load(&s->names));
	credentials_free(s->credentials);
}

/* The first session is opened before threads share the store: it fetches the password for all. */
static struct session *imap_connect(struct store *store, struct error *err)
{
	struct imap_store *s = (struct imap_store *)store;
	if (s->credentials == NULL)
		s->credentials = credentials_fetch(store->config, err);
	if (s->credentials == NULL)
		return NULL;
	struct imap_session *wire = session_open(store->config, s->credentials, err);
	if (wire == NULL)
		return NULL;

	struct imap_link *link = calloc(1, sizeof *link);
	if (link == NULL)
		die_out_of_memory();
	link->session.store = store;
	link->store = s;
	link->wire = wire;
	link->hasher = hasher_new();
	atomic_fetch_add(&s->sessions, 1);
	session_stream(wire, true);
	imap_link_note(link);
	return &link->session;
}

static void imap_disconnect(struct session *session)
{
	struct imap_link *link = imap_link_of(session);
	if (session == NULL)
		return;
	atomic_fetch_sub(&link->store->sessions, 1);
	session_close(link->wire);
	imap_link_drop(link);
	imap_creation_free(link->creation);
	imap_listing_free(link->listing);
	imap_listing_free(link->refused);
	imap_fetch_free(link->fetch);
	imap_append_lose(link);
	imap_work_free(link->work);
	imap_open_again(link);
	hasher_free(link->hasher);
	free(link);
}

static bool imap_identify(struct session *session, const char *pair, struct arena *arena,
	struct world *world, struct error *err)
{
	struct imap_link *link = imap_link_of(session);
	const struct imap_config *c = &session->store->config->imap;
	(void)pair;
	(void)err;
	const char *place = arena_printf(arena, "%s:%u", c->host, (unsigned)c->port);
	bool ids = session_has(link->wire, CAP_OBJECTID) || session_has(link->wire, CAP_GMAIL);
	*world = (struct world){
		.id = arena_printf(arena, "imap://%s@%s", c->user != NULL ? c->user : "", place),
		.ids_of = ids ? place : NULL,
		.rewrites = session_rewrites(link->wire),
	};
	return true;
}

const struct store_ops imap_ops = {
	.kind = "imap",
	.new_store = imap_new_store,
	.free_store = imap_free_store,
	.connect = imap_connect,
	.disconnect = imap_disconnect,
	.identify = imap_identify,
	.mailboxes = imap_mailboxes,
	.create = imap_create,
	.create_ahead = imap_create_ahead,
	.remove_mailbox = imap_remove_mailbox,
	.rename_mailbox = imap_rename_mailbox,
	.list = imap_list,
	.listed = imap_listed,
	.older = imap_cursor_older,
	.search = imap_search,
	.fetch = imap_fetch,
	.take = imap_take,
	.append = imap_append,
	.mark = imap_mark,
	.expunge = imap_expunge,
	.move = imap_move,
	.copy = imap_copy,
	.settle = imap_settle,
	.pauses = imap_pauses,
};
