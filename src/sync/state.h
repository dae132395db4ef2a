#ifndef MAILTWIN_SYNC_STATE_H
#define MAILTWIN_SYNC_STATE_H

#include "base/arena.h"
#include "base/error.h"
#include "mail/message.h"
#include "store/store.h"
#include "sync/row.h"

/*
 * The state of one pair: which message here is which message there, what each side looked
 * like at the last sync, and what is under way.  One SQLite database a pair, mode 0600, in
 * $XDG_STATE_HOME/mailtwin/ (0700).  A cache of facts that can be found again: missing, it
 * is made anew; damaged or newer, it is refused and never replaced.
 *
 * Only the conductor's thread calls these.  Failures are CAUSE_LOCAL, ERROR_STORE.
 */
struct state;

enum state_use {
	STATE_READ,  /* never made, never written: for diff, --dry-run, status */
	STATE_WRITE, /* made when missing, and locked for this run */
	STATE_MEMORY /* empty, and gone with the run: for one that is to leave nothing behind */
};

/*
 * state_path(pair, arena):
 * The file of the pair named ${pair}: what is no plain ASCII in the name is written %HH, and a name
 * that is too long for a file ends in its digest.
 */
const char *state_path(const char *pair, struct arena *arena);

/*
 * state_open(path, use, wait, fresh, err):
 * Open the state in ${path}; *fresh (or NULL) tells that it was missing.  With STATE_READ a missing
 * one reads as empty.  STATE_WRITE takes the pair's lock, waiting ${wait} seconds at most
 * (CAUSE_BUSY: another run holds it), or until a signal is handled (ERROR_CANCELLED).
 *
 * The file as a whole is not read.  What is no state of this version, to the letter of its tables,
 * fails here; damage inside fails the call that meets it.  Both say "remove it to pair again by
 * content", and leave the file as it is.
 */
struct state *state_open(
	const char *path, enum state_use use, unsigned wait, bool *fresh, struct error *err);

/* state_close(state): close it, without what was not committed, and leave no file beside it; NULL
 * is fine. */
void state_close(struct state *state);

/*
 * state_begin(state, err), state_commit(state, err): a transaction, durable when commit returns.
 * state_rollback(state): as if it had never begun, which is also where a commit that fails leaves
 * it.  Beginning within one is fine and does nothing.  Outside of one, each write is a transaction.
 * After one that failed nothing is written any more: what the caller knows is not what is there.
 */
bool state_begin(struct state *state, struct error *err);
bool state_commit(struct state *state, struct error *err);
void state_rollback(struct state *state);

/* What is remembered of the pair as a whole. */
struct state_facts {
	const char *world[2];		  /* world.id of each side; NULL = never synced */
	uint64_t run;			  /* number of the last run that wrote */
	const char *random;		  /* names this state to stamp(): made with the database */
	int64_t newer_limit, older_limit; /* date limits of `messages` at the last run, UTC days;
					     INT64_MIN = none */
};
/* state_facts(), state_set_facts(): `random` was chosen when the state was made, and is not set. */
bool state_facts(
	struct state *state, struct arena *arena, struct state_facts *facts, struct error *err);
bool state_set_facts(struct state *state, const struct state_facts *facts, struct error *err);

/* One pair of mailboxes, as it was when it was last settled. */
struct state_twin {
	int64_t id;		/* 0 = not stored yet */
	const char *name[2];	/* UTF-8 names */
	const char *mailbox[2]; /* struct mailbox.id, or NULL */
	const char *epoch[2];	/* NULL = never seen */
	const char *cursor[2];	/* NULL = look at it in the next run */
	const char *next[2];	/* UIDNEXT and its like, to notice a world that went back */
	uint64_t total[2];
	uint64_t pairs; /* rows with both halves there */
	bool retry;	/* a row was refused: look again in the next run */
	bool ahead;	/* rows were changed, and the cursors are from before it */
	bool grown;	/* rows were added, and the cursors are from before it */
};

/* state_twins(state, arena, twins, n, err): all of them, by name. */
bool state_twins(struct state *state, struct arena *arena, struct state_twin **twins, size_t *n,
	struct error *err);

/* state_put_twin(state, twin, err): insert (sets twin->id) or update, which fails where there is
 * none of that number.  state_drop_twin(): with its rows and intents. */
bool state_put_twin(struct state *state, struct state_twin *twin, struct error *err);
bool state_drop_twin(struct state *state, int64_t twin, struct error *err);

/*
 * state_rows(state, twin, flags, arena, rows, n, err): every row of a pair of mailboxes, in no
 * order.
 *
 * state_each_row(state, twin, flags, take, context, err): the same, one at a time: ${row} is lent
 * to
 * ${take}, which asks nothing of the state.
 *
 * state_rows_touched(state, twin, keys, n_keys, halves, flags, arena, rows, n, err):
 * Those that name one of the ${n_keys[s]} keys of side s; with ${halves} also every row that lacks
 * a live half.
 *
 * state_rows_dated(state, twin, from, to, ...): whether any row was received in [from, to).
 *
 * state_rows_from(state, twin, side, floor, ...): whether any row has a key on ${side} that is not
 * below ${floor}.  Goes through all keys of the twin.
 */
bool state_rows(struct state *state, int64_t twin, struct flag_table *flags, struct arena *arena,
	struct row **rows, size_t *n, struct error *err);
typedef void state_row_taker(void *context, const struct row *row);
bool state_each_row(struct state *state, int64_t twin, struct flag_table *flags,
	state_row_taker *take, void *context, struct error *err);
bool state_rows_touched(struct state *state, int64_t twin, const char *const *const keys[2],
	const size_t n_keys[2], bool halves, struct flag_table *flags, struct arena *arena,
	struct row **rows, size_t *n, struct error *err);
bool state_rows_dated(
	struct state *state, int64_t twin, int64_t from, int64_t to, bool *any, struct error *err);
bool state_rows_from(struct state *state, int64_t twin, enum side side, const char *floor,
	bool *any, struct error *err);

/* state_put_row(state, twin, row, flags, err): insert (sets row->id) or update, also into another
 * twin. state_drop_row(state, id, err). */
bool state_put_row(struct state *state, int64_t twin, struct row *row,
	const struct flag_table *flags, struct error *err);
bool state_drop_row(struct state *state, int64_t id, struct error *err);

/* Intents: begun copies, put as twins and rows are.  state_drop_intents(): all of a twin and a
 * direction, once they were looked for. */
bool state_put_intent(struct state *state, int64_t twin, struct intent *intent, struct error *err);
bool state_intents(struct state *state, int64_t twin, struct arena *arena, struct intent **intents,
	size_t *n, struct error *err);
bool state_drop_intent(struct state *state, int64_t id, struct error *err);
bool state_drop_intents(struct state *state, int64_t twin, enum side to, struct error *err);

/* Hints that may be wrong and only save time: capabilities of a server and the like.  A hint that
 * is not there is NULL, and is dropped by setting it to that. */
bool state_hint(struct state *state, const char *key, struct arena *arena, const char **value,
	struct error *err);
bool state_set_hint(struct state *state, const char *key, const char *value, struct error *err);

/* How runs ended, for `status`.  Numbers begin at 1; the last hundred are kept. */
struct state_run {
	uint64_t number;
	int64_t began, ended; /* seconds since the epoch; ended 0 = never: it was stopped */
	int exit;
	const char *summary; /* one JSON object, as `--json` prints it at the end */
};
bool state_run_begin(struct state *state, uint64_t *number, int64_t now, struct error *err);
bool state_run_end(struct state *state, const struct state_run *run, struct error *err);
bool state_last_run(struct state *state, struct arena *arena, struct state_run *run, bool *any,
	struct error *err);

#endif
