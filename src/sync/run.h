#ifndef MAILTWIN_SYNC_RUN_H
#define MAILTWIN_SYNC_RUN_H

#include "sync/conductor.h"
#include "sync/crew.h"
#include "sync/differ.h"
#include "sync/pairing.h"
#include "sync/plan.h"
#include "sync/state.h"

/*
 * One run of one pair, as the files of the conductor share it.  Private to them:
 *
 *   conductor.c   the story: open, list, pair, survey, plan, carry out, look again, report
 *   opening.c     opens the state and both stores, and asks which worlds these are
 *   mailboxes.c   creates, renames and removes mailboxes as the pairings ask
 *   survey.c      reads what changed, on both sides and in the state: the differ's input
 *   lists.c       asks for lists of messages, and takes them
 *   strangers.c   has the differ's questions answered: who is this?
 *   snapshot.c    what is different where B keeps snapshots
 *   select.c      says which messages take part (`messages`)
 *   preview.c     tells what would be done, and does nothing (diff)
 *   compare.c     reads all of both sides and tells where they differ (verify)
 *   carry.c       cuts the plan into jobs and hands them to the crew
 *   altered.c    tells when a server stores other bytes than it was given
 *   settle.c      writes what came back into the state, and counts it
 */

/* Closing looks at what was written: more than one only where the connection of one is lost. */
#define MOST_LOOKS 4

/* One pair of mailboxes of this run. */
struct box {
	const struct pairing *pairing;
	struct state_twin known; /* as the state has it, or will */
	uint64_t counted;	 /* known.pairs as the state has it */
	uint64_t arrived[2];	 /* copies of this run there, whose keys were told */
	bool written[2];	 /* this run changed it on that side */
	bool unsettled; /* a step was held back, failed or was cut off: the old cursors stay */
	bool retry; /* one message was not done for reasons of its own: try it in the next run */
	bool look_again; /* there is more to find out or to do: list both sides again */
	bool look[2];	 /* list this side, whatever the listing of mailboxes said */
	bool whole[2];	 /* list this side from the beginning, not from its cursor */
	bool ahead;	 /* rows know more than the cursors: compare them with both sides */
	bool left_out;	 /* could not be read or made: takes no further part */
	struct mailbox_report report;
};

/* What was read of some pairs of mailboxes: the differ's input. */
struct survey {
	struct arena *arena;
	struct flag_table *flags;
	size_t n;
	struct box **box;
	struct twin *twin;
	struct message_list (*list)[2];
	struct row **row; /* as twin[].row, to be written to */
	struct held *held;
	bool unfinished; /* a mailbox has to be listed whole first: see box.whole */
};

struct run {
	const struct pair_config *pair;
	const struct run_options *options;
	const struct observer *observer;
	struct report *report;
	struct arena *arena;
	struct store *store[2];
	struct crew *crew;
	struct state *state;
	struct state_facts facts;
	struct world world[2];
	bool world_changed[2]; /* another place than at the last sync, or an older one */
	bool locked[2];
	uint64_t number; /* of this run; 0 = nothing was written yet */
	int64_t now;
	struct mailbox_list listing[2];
	struct pairings *pairings;
	struct box *box;
	size_t boxes;
	struct map *told; /* ids of rows whose copy was refused: see run_tells_first(); and what the
			   * pair failed for */
	bool second;	  /* this is the second pass, or one that follows */
	unsigned looks;	  /* how many of these there were */
	bool cut_off;	  /* copies were sent, and their answers lost, in this pass */
	bool no_deletes[2]; /* nothing is deleted on this side: the other could not be read whole,
			     * or is in doubt */
	const char *note;   /* why a snapshot is not A whole, beside the problems; or NULL */
	struct progress progress;
};

/* run_problem(run, side, mailbox, key, err): tell it, and let it decide on the exit code. */
void run_problem(struct run *run, enum side side, const char *mailbox, const char *key,
	const struct error *err);

/* run_refused(run, side, mailbox, key, subject, err): the same for one message that a person may
 * know by its subject. */
void run_refused(struct run *run, enum side side, const char *mailbox, const char *key,
	const char *subject, const struct error *err);

/* run_tells_first(run, row): whether nobody was told yet, in this run, that a copy of ${row} was
 * refused; from now on somebody was, and it is not sent again in this run. */
bool run_tells_first(struct run *run, const struct row *row);

/* run_failed(run, side, err): a failure that ends the pair; always false. */
bool run_failed(struct run *run, enum side side, const struct error *err);

/* run_pair_failed(run, err): a failure of the pair as a whole, or of its state; always false. */
bool run_pair_failed(struct run *run, const struct error *err);

/* opening_state(run): open it and take its lock; nothing is contacted.  opening_stores(run): sign
 * in to servers, then take the locks of local stores, which may make them. opening_worlds(run):
 * judge which places these are, and list their mailboxes. */
bool opening_state(struct run *run);
bool opening_stores(struct run *run);
bool opening_worlds(struct run *run);

/* opening_writes_to(run, side): what a run of this pair will write to: a mirror or copy leaves its
 * source alone. */
bool opening_writes_to(const struct run *run, enum side side);

/* opening_doubt(run, side, why): from now on ${side} is a world of strangers, of which nothing is
 * deleted on the word of what the state has; told once.  It may come to light after the run has
 * written, and the next run has to know. */
bool opening_doubt(struct run *run, enum side side, const char *why);

/* run_will_write(run): before the first change of either side: number the run and leave the
 * number in both worlds. */
bool run_will_write(struct run *run);

/* snapshot_is_kept(pair): whether B is an archive.  snapshot_policy(pair, adds, arena): ${pair} as
 * a run into an archive takes it; any other pair, and one that only ${adds}, as it is.
 * snapshot_begins_anew(run, known, n): where B keeps snapshots and has none of this account,
 * nothing is known of it, whatever the state has: *n becomes 0.  False when the state could not be
 * changed. snapshot_judge(run, survey, plan): instead of the guard: tell a fall that it would have
 * stopped. snapshot_finish(run): nothing is left to do: make the snapshot, where B keeps any. */
bool snapshot_is_kept(const struct pair_config *pair);
const struct pair_config *snapshot_policy(
	const struct pair_config *pair, bool adds, struct arena *arena);
bool snapshot_begins_anew(struct run *run, const struct state_twin *known, size_t *n);
void snapshot_judge(struct run *run, const struct survey *survey, const struct plan *plan);
bool snapshot_finish(struct run *run);

/* run_begin_state(run), run_commit(run): state_begin() and state_commit(), failures told. */
bool run_begin_state(struct run *run);
bool run_commit(struct run *run);

/* run_state_ok(run, ok, err): `ok`, and when it is false ${err} is told. */
bool run_state_ok(struct run *run, bool ok, const struct error *err);

/* mailboxes_prepare(run): create, rename and remove what the pairings ask for; fills run->box. */
bool mailboxes_prepare(struct run *run);

/* mailboxes_all(run): fill run->box with every pairing of which a side is there, also those that a
 * run would leave alone or remove; nothing is made. */
void mailboxes_all(struct run *run);

/* mailboxes_create(run, side, name, use, subscribe, err): make one, or find it made; over another
 * connection where one is lost. */
bool mailboxes_create(struct run *run, enum side side, const char *name, uint32_t use,
	bool subscribe, struct error *err);

/* mailboxes_confirm(run, known, all): look whether what counts as renamed is the same mailbox; what
 * is not loses its id and epoch in ${known}, and *all is false: pair again. */
bool mailboxes_confirm(struct run *run, struct state_twin *known, bool *all);

/* mailboxes_remove(run): carry the removal of whole mailboxes over (mailbox_deletions: propagate),
 * last of all. */
bool mailboxes_remove(struct run *run);

/* survey_read(run, boxes, n): read ${n} pairs of mailboxes; NULL when the pair cannot go on.
 * Mailboxes that changed on neither side are left out of it. */
struct survey *survey_read(struct run *run, struct box **boxes, size_t n);
void survey_free(struct survey *survey);

/* lists_read(run, survey): fill in the lists that nothing stands in for; what cannot be read is
 * told, and left out.  False when the pair cannot go on. */
bool lists_read(struct run *run, struct survey *survey);

/* survey_differ(run, survey): the plan, with identities read where it needs them; NULL when the
 * pair cannot go on. */
struct plan *survey_differ(struct run *run, struct survey *survey);

/* run_policy(run): what the differ is to know of the pair and the options. */
struct policy run_policy(const struct run *run);

/* select_messages(run, survey): mark what is out of `messages`. */
bool select_messages(struct run *run, struct survey *survey);

/* select_needs_all(run): whether `messages` asks for headers, which only a whole list can answer
 * for. */
bool select_needs_all(const struct run *run);

/* select_limits(run, newer, older): the date limits of this run, UTC days; INT64_MIN = none. */
void select_limits(const struct run *run, int64_t *newer, int64_t *older);

/* select_crossed(run, box, crossed): whether a date limit of `messages` passed a message of it. */
bool select_crossed(struct run *run, const struct box *box, bool *crossed);

/* preview(run, survey, plan): tell the observer what would be done. */
bool preview(struct run *run, struct survey *survey, const struct plan *plan);

/* compare_all(run): read every message of run->box on both sides, tell the observer what is
 * missing, extra or different, and count into the report.  False when the pair cannot go on. */
bool compare_all(struct run *run);

/* carry_out(run, survey, plan): do it: copies, then moves and flags, then deletions.  False when
 * the pair cannot go on; what was done is settled all the same. */
bool carry_out(struct run *run, struct survey *survey, struct plan *plan);

/* What came back of the jobs of one plan, step by step. */
struct ledger {
	uint8_t *pending;  /* changes of a step that are not settled yet */
	uint8_t *failed;   /* one of them did not end as it should */
	uint8_t **settled; /* by pair of mailboxes and row: an earlier step of this plan was settled
			    */
};

/* All of settle_*() write within the transaction that is open. */

/* settle_begin(run, survey, plan): store the pairs of mailboxes, and what changes in the state
 * only: pairings of strangers, rows of new epochs. */
bool settle_begin(struct run *run, struct survey *survey, const struct plan *plan);

/* settle_copy_job(run, survey, plan, job): rows of copies that arrived; what failed is told. */
bool settle_copy_job(
	struct run *run, struct survey *survey, const struct plan *plan, struct job *job);

/* settle_change_job(run, survey, plan, ledger, job): rows of steps all of whose changes are done.
 */
bool settle_change_job(struct run *run, struct survey *survey, const struct plan *plan,
	struct ledger *ledger, struct job *job);

/* settle_end(run, survey, plan, whole): forget what both sides lost; with ${whole} store the
 * cursors of mailboxes in which nothing is left to do. */
bool settle_end(struct run *run, struct survey *survey, const struct plan *plan, bool whole);

/* altered_tell(run, survey): in the closing look: tell, once for each side of a pair, that its
 * server alters what it stores. */
bool altered_tell(struct run *run, const struct survey *survey);

#endif
