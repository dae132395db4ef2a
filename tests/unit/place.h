#ifndef MAILTWIN_TESTS_PLACE_H
#define MAILTWIN_TESTS_PLACE_H

#include "base/buffer.h"
#include "store/store.h"

/*
 * A store under test, and short words for talking to it.
 *
 * What is not expected to fail fails the test, with the store's own sentence.
 */
struct place {
	struct arena *arena;
	struct flag_table *flags;
	struct store_config config;
	const struct store_ops *ops;
	struct store *store;
	struct session *session;
	char directory[64]; /* of its own, for files */
	size_t descriptors; /* open before it was */
};

/* must(condition, err): fail with what ${err} says. */
#define must(condition, err) \
	do { \
		if (!(condition)) \
			fail_msg("%s", (err).text); \
	} while (0)

/* place_init(p): a directory, and a configuration to be filled in.
 * place_maildir(p, layout, names): as a Maildir at Mail/work below the directory.
 * place_archive(p): as an archive; place_archive_source(p): whose account it is about.
 * place_open(p): connect to it.  place_finish(p): close it and take its directory away; no
 * descriptor is left open. */
void place_init(struct place *p);
void place_maildir(struct place *p, enum maildir_layout layout, enum maildir_names names);
void place_archive(struct place *p);
void place_archive_source(struct place *p);
void place_open(struct place *p);
void place_finish(struct place *p);

/* place_create(p, name): make a mailbox.  place_lists(p, name): whether it is listed, in order and
 * once. */
void place_create(struct place *p, const char *name);
bool place_lists(struct place *p, const char *name);

/* A message that is given from memory, in runs of ${step} octets; fails after ${fails} of them, or
 * ends early after ${ends}. */
struct text_reader {
	struct reader reader;
	const uint8_t *data;
	size_t step, at, fails, ends;
};
struct text_reader text_reader(const void *data, size_t n, size_t step);

/* INTERNALDATE of all messages that are added: 2009-02-13 23:31:30 UTC. */
#define PLACE_MOMENT INT64_C(1234567890)

/* place_submit(p, ticket, mailbox, data, n, step, flags): append.
 * place_settle(p, ticket): settle all; the outcome of ${ticket}. */
void place_submit(struct place *p, uint32_t ticket, const char *mailbox, const void *data, size_t n,
	size_t step, flag_set flags);
struct outcome place_settle(struct place *p, uint32_t ticket);

/* place_add(p, mailbox, text), place_add_flagged(...): append, settle, and return the key, told at
 * once or found by looking. */
const char *place_add(struct place *p, const char *mailbox, const char *text);
const char *place_add_flagged(struct place *p, const char *mailbox, const void *data, size_t n,
	size_t step, flag_set flags);

/* place_list(p, mailbox): all messages; the list's arena is the caller's.
 * place_list_unlike(p, mailbox, roster): the same, against ${roster}, with flags of p->flags.
 * place_find(list, key): NULL when it is not there.  place_count(p, mailbox): how many there are.
 * place_epoch(p, mailbox), place_cursor(p, mailbox): as a listing tells now. */
struct message_list place_list(struct place *p, const char *mailbox);
struct message_list place_list_unlike(struct place *p, const char *mailbox, struct roster *roster);
const struct message *place_find(const struct message_list *list, const char *key);
size_t place_count(struct place *p, const char *mailbox);
const char *place_epoch(struct place *p, const char *mailbox);
const char *place_cursor(struct place *p, const char *mailbox);

/* place_fetch(p, mailbox, keys, n, part): ask.  place_take(p, out): take one message to its end.
 * place_taken(p): the fetch is over. */
void place_fetch(struct place *p, const char *mailbox, const char *const *keys, size_t n,
	enum fetch_part part);
struct message place_take(struct place *p, struct buffer *out);
void place_taken(struct place *p);

/* place_holds(p, mailbox, key, part, data, n): fetch ${key} alone and compare. */
struct message place_holds(struct place *p, const char *mailbox, const char *key,
	enum fetch_part part, const void *data, size_t n);

/* place_flagged(p, mailbox, key, text): its flags are those, as flags_text() writes them. */
void place_flagged(struct place *p, const char *mailbox, const char *key, const char *text);

/* place_target(p, mailbox): as it is now.  place_mark(p, mailbox, key, add, remove). */
struct target place_target(struct place *p, const char *mailbox);
void place_mark(
	struct place *p, const char *mailbox, const char *key, const char *add, const char *remove);

#endif
