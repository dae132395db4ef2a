#ifndef MAILTWIN_TESTS_CONTRACT_H
#define MAILTWIN_TESTS_CONTRACT_H

#include "unit.h"

#include "place.h"

/*
 * The tests of the store contract, which test_store_contract.c runs on every kind of store.
 *
 * Each gets an open place with an empty INBOX as its state and talks to it through struct store_ops
 * alone.  What a kind cannot do (an optional function that is NULL, a "no" in its row) is left out.
 */
struct kind {
	const char *name;
	/* Fill in place->config of a store that is empty, or has INBOX alone; return what
	 * tear_down() is to get. */
	void *(*set_up)(struct place *place);
	void (*tear_down)(struct place *place, void *own); /* may be NULL */
	void (*opened)(struct place *place);		   /* called once it is open; may be NULL */
	bool keeps_zone;				   /* INTERNALDATE with its zone */
	bool keeps_nul;					   /* a message may hold NUL */
	bool adds_cr;					   /* a bare LF comes back as CRLF */
	bool drops_cr;		/* CR CR LF comes back as CRLF, a CR at the end goes */
	bool refuses_empty;	/* a message of no bytes */
	bool (*possible)(void); /* whether it can be tried here; NULL: it can */
	bool remote;		/* keeps no run numbers, takes no lock, chooses keys itself */
	bool chooses_keys;	/* a new message's key is told, not chosen before */
	enum error_cause busy;	/* of a lock that is held; 0: CAUSE_BUSY */
	bool tells_no_cursor;	/* flags may change unseen */
};

struct fixture {
	struct place place; /* first: tests take it for this */
	const struct kind *kind;
	void *own;
};

static inline const struct kind *contract_kind(const struct place *p)
{
	return ((const struct fixture *)p)->kind;
}

extern const struct CMUnitTest contract_mailboxes[], contract_messages[], contract_changes[];
extern const size_t contract_mailboxes_n, contract_messages_n, contract_changes_n;

/* The end of a test of what a store may leave out: it must be one that is known to. */
#define unless_left_out(there, known) \
	do { \
		if (!(there)) { \
			assert_true(known); \
			return; \
		} \
	} while (0)

#endif
