#include "fake_store.h"

#include <stdlib.h>
#include <string.h>

/* fetch() calls that may be under way at once. */
enum { FETCHES = 8 };

struct fake_session {
	struct session session;
	struct fake_store *store;
	struct {
		const char *const *keys;
		size_t n, taken;
	} fetch[FETCHES];
	size_t first, last; /* fetch[first % FETCHES] is the earliest */

	struct reader reader;
	int at;	      /* the message whose body is lent */
	size_t given; /* octets of it */

	struct {
		uint32_t ticket;
		char *body;
	} sent[FAKE_MOST];
	size_t n_sent, settled;
};

static struct session *fake_connect(struct store *store, struct error *err)
{
	struct fake_store *f = (struct fake_store *)store;
	struct fake_session *s = calloc(1, sizeof *s);
	(void)err;
	s->session.store = store;
	s->store = f;
	f->connects++;
	f->open++;
	return &s->session;
}

static void fake_disconnect(struct session *session)
{
	struct fake_session *s = (struct fake_session *)session;
	s->store->open--;
	for (size_t i = s->settled; i < s->n_sent; i++)
		free(s->sent[i].body);
	free(s);
}

static bool fake_fetch(struct session *session, const char *name, const char *epoch,
	const char *const *keys, size_t n, enum fetch_part part, struct error *err)
{
	struct fake_session *s = (struct fake_session *)session;
	(void)part;
	s->store->fetches++;
	if (strcmp(name, "INBOX") != 0 || strcmp(epoch, "1") != 0)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "no such mailbox");
	s->fetch[s->last % FETCHES].keys = keys;
	s->fetch[s->last % FETCHES].n = n;
	s->fetch[s->last++ % FETCHES].taken = 0;
	return true;
}

/* The body in runs of three octets; a body that breaks does so after the first. */
static ssize_t next_run(struct reader *reader, const uint8_t **run, struct error *err)
{
	struct fake_session *s =
		(struct fake_session *)(void *)((char *)reader -
						offsetof(struct fake_session, reader));
	const char *body = s->store->body[s->at];
	if (s->at == s->store->fails_at && s->given > 0) {
		error_set(err, s->store->as, CAUSE_NETWORK, "the body broke");
		err->transient = true;
		return -1;
	}
	size_t left = strlen(body) - s->given, n = left < 3 ? left : 3;
	*run = (const uint8_t *)body + s->given;
	s->given += n;
	return (ssize_t)n;
}

static int find_key(const struct fake_store *f, const char *key)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->key[i], key) == 0)
			return (int)i;
	return -1;
}

static int fake_take(
	struct session *session, struct message *message, struct reader **reader, struct error *err)
{
	struct fake_session *s = (struct fake_session *)session;
	(void)err;
	if (s->first == s->last)
		return 0;
	while (s->fetch[s->first % FETCHES].taken < s->fetch[s->first % FETCHES].n) {
		const char *key =
			s->fetch[s->first % FETCHES].keys[s->fetch[s->first % FETCHES].taken++];
		int at = find_key(s->store, key);
		if (at < 0)
			continue;
		*message = (struct message){.key = key};
		s->at = at;
		s->given = 0;
		s->reader = (struct reader){strlen(s->store->body[at]), next_run};
		*reader = &s->reader;
		return 1;
	}
	s->first++;
	return 0;
}

static bool fake_append(struct session *session, uint32_t ticket, const char *name, const char *key,
	const struct message *message, const struct flag_table *flags, struct reader *reader,
	struct error *err)
{
	struct fake_session *s = (struct fake_session *)session;
	const uint8_t *run;
	ssize_t n;
	char *body = calloc(1, 4096);
	(void)name;
	(void)key;
	(void)message;
	(void)flags;
	if (s->first != s->last) {
		free(body);
		return error_set(err, ERROR_STORE, CAUSE_NETWORK,
			"a change was submitted before the answers were taken");
	}
	while ((n = reader->next(reader, &run, err)) > 0)
		strncat(body, (const char *)run, (size_t)n);
	if (n < 0) {
		/* As IMAP: a literal cannot be taken back. */
		free(body);
		return error_set(err, ERROR_STORE, CAUSE_NETWORK, "the literal was cut off");
	}
	s->sent[s->n_sent].ticket = ticket;
	s->sent[s->n_sent++].body = body;
	return true;
}

static int fake_settle(struct session *session, struct outcome *outcome, struct error *err)
{
	static const char *const names[] = {"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"};
	struct fake_session *s = (struct fake_session *)session;
	struct fake_store *f = s->store;
	*outcome = (struct outcome){0};
	if (s->settled == s->n_sent)
		return 0;
	if (f->dies_after >= 0 && s->settled == (size_t)f->dies_after) {
		error_set(err, ERROR_STORE, CAUSE_NETWORK, "the connection was lost");
		return -1;
	}
	size_t i = s->settled++;
	outcome->ticket = s->sent[i].ticket;
	if ((int)i == f->refuses || (int)i < f->refuses_first) {
		outcome->again = (int)i < f->refuses_first;
		error_set(&outcome->error, ERROR_MESSAGE, CAUSE_MAIL, "too big");
		free(s->sent[i].body);
		return 1;
	}
	outcome->key = names[f->n % 8];
	fake_add(f, outcome->key, s->sent[i].body);
	return 1;
}

static const struct store_ops fake_ops = {
	.kind = "fake",
	.connect = fake_connect,
	.disconnect = fake_disconnect,
	.fetch = fake_fetch,
	.take = fake_take,
	.append = fake_append,
	.settle = fake_settle,
};

void fake_start(struct fake_store *f)
{
	*f = (struct fake_store){.fails_at = -1, .refuses = -1, .dies_after = -1};
	f->config.kind = "fake";
	f->store = (struct store){.ops = &fake_ops, .config = &f->config, .name = "fake"};
}

void fake_add(struct fake_store *f, const char *key, const char *body)
{
	f->key[f->n] = key;
	f->body[f->n++] = body;
}

size_t fake_has(const struct fake_store *f, const char *body)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++)
		n += strcmp(f->body[i], body) == 0;
	return n;
}
