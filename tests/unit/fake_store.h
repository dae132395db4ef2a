#ifndef MAILTWIN_TESTS_FAKE_STORE_H
#define MAILTWIN_TESTS_FAKE_STORE_H

#include "store/store.h"

/*
 * A store in memory that fails where a test tells it to.  One mailbox, "INBOX", epoch "1".
 */
enum { FAKE_MOST = 64 };

struct fake_store {
	struct store store; /* first, as the contract wants it */
	struct store_config config;
	const char *key[FAKE_MOST], *body[FAKE_MOST];
	size_t n;

	int fails_at;	      /* take(): index of the message whose body breaks; -1 = none */
	enum error_scope as;  /* how it breaks */
	int refuses;	      /* settle(): index of the append that is refused; -1 = none */
	int refuses_first;    /* settle(): so many appends of a session are refused together */
	int dies_after;	      /* settle(): the session is lost after so many outcomes; -1 = never */
	_Atomic int connects; /* sessions that were opened */
	_Atomic int open;     /* of these, not closed yet */
	_Atomic size_t fetches; /* fetch() calls so far */
};

/* fake_start(f): an empty one that never fails.  fake_add(f, key, body): strings are borrowed. */
void fake_start(struct fake_store *f);
void fake_add(struct fake_store *f, const char *key, const char *body);

/* fake_has(f, body): how many messages have this body. */
size_t fake_has(const struct fake_store *f, const char *body);

#endif
