#ifndef MAILTWIN_TESTS_WORLD_H
#define MAILTWIN_TESTS_WORLD_H

#include "scene.h"

/*
 * A small world for the differ's laws: what is really there on both sides, what the state
 * remembers, and a conductor that carries out steps in it.
 *
 * A world is one plain value without pointers of its own (keys are literals of a table), so
 * that copying one is an assignment.  A message's whole digest says what it is: "c2/b1" is
 * content 2 with body 1.
 */
#define WORLD_BOXES    3
#define WORLD_MESSAGES 40
#define WORLD_ROWS     48
#define WORLD_INTENTS  8
#define WORLD_CONTENTS 5

struct world_box {
	struct message at[WORLD_MESSAGES];
	struct identity whole[WORLD_MESSAGES];
	size_t n;
	uint32_t next; /* the number that the next message gets */
	struct flag_storable storable;
};

struct world_twin {
	struct world_box box[2];
	struct row row[WORLD_ROWS];
	size_t rows;
	struct intent intent[WORLD_INTENTS];
	size_t intents;
	bool new_epoch[2], unsure[2], no_deletes[2], read_only[2];
	bool drafts;
};

struct world {
	struct world_twin twin[WORLD_BOXES];
	size_t n;
	struct policy policy;
	uint32_t excluded; /* contents that are out of `messages`, as bits */
	int64_t last_row;
};

/* What the differ is shown of a world. */
struct view {
	struct scene scene; /* scene.row and lists point into `of` and the arrays below */
	struct world of;
	struct identity digest[WORLD_BOXES][2][WORLD_MESSAGES]; /* as far as it was read */
	struct identity emailid[WORLD_BOXES][2][WORLD_MESSAGES];
	struct message part[WORLD_BOXES][2][WORLD_MESSAGES];
	const char *gone[WORLD_BOXES][2][WORLD_ROWS];
	struct row touched[WORLD_BOXES][WORLD_ROWS];
};

/* Why a law does not hold; NULL: it does.  Only the first reason is kept. */
extern const char *broken;
void world_broken(const char *why);

/* world_key(side, number): "a7", "b7". */
const char *world_key(enum side side, uint32_t number);

/* world_content(whole), world_body(whole): of a whole digest. */
unsigned world_content(const struct identity *whole);
unsigned world_body(const struct identity *whole);

/* world_find(box, key): the message called ${key}, or NONE. */
uint32_t world_find(const struct world_box *box, const char *key);

/* world_add(w, twin, side, content, body): a new message, as yet without flags. */
struct message *world_add(
	struct world *w, size_t t, enum side side, unsigned content, unsigned body);

/* world_drop_row(twin, i): row ${i} is forgotten. */
void world_drop_row(struct world_twin *twin, size_t i);

/* world_view(w, flags, v): all of it.  world_show_part(v, side): of that side only what changed
 * since the last sync, and of the rows those that are touched. */
void world_view(const struct world *w, struct flag_table *flags, struct view *v);
void world_show_part(struct view *v, const bool partial[2]);

/* world_plan(v, arena, read): the plan for what is shown; with ${read} only what the differ
 * asks for is read first, else all is known. */
struct plan *world_plan(struct view *v, struct arena *arena, bool read);

/* How a step ends. */
enum ending {
	END_SETTLED,
	END_UNTOLD,  /* done, but a new key is not told: an intent stays */
	END_CUT_OFF, /* done, and the run died before it could be recorded */
	END_BEGUN /* only its changes of flags were made, or nothing but the intent was written */
};

/* world_carry_out(w, v, step, ending): do it. */
void world_carry_out(
	struct world *w, const struct view *v, const struct step *step, enum ending ending);

#endif
