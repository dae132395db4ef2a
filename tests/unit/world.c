#include "world.h"

#include <stdio.h>
#include <string.h>

#define KEYS 400

const char *broken;

void world_broken(const char *why)
{
	if (broken == NULL)
		broken = why;
}

const char *world_key(enum side side, uint32_t number)
{
	static char keys[2][KEYS][8];
	if (number >= KEYS) {
		world_broken("more messages than keys");
		number = KEYS - 1;
	}
	char *key = keys[side][number];
	if (key[0] == '\0')
		snprintf(key, sizeof keys[side][number], "%c%u", side == LEFT ? 'a' : 'b', number);
	return key;
}

unsigned world_content(const struct identity *whole)
{
	return (unsigned)(whole->octet[1] - '0');
}

unsigned world_body(const struct identity *whole)
{
	return (unsigned)(whole->octet[4] - '0');
}

static void identify(
	unsigned content, unsigned body, struct identity *header, struct identity *whole)
{
	*header = (struct identity){{'c', (uint8_t)('0' + content)}};
	*whole =
		(struct identity){{'c', (uint8_t)('0' + content), '/', 'b', (uint8_t)('0' + body)}};
}

/* ---- messages and rows ---- */

static bool is_key(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

uint32_t world_find(const struct world_box *box, const char *key)
{
	for (uint32_t i = 0; i < box->n; i++)
		if (is_key(box->at[i].key, key))
			return i;
	return NONE;
}

struct message *world_add(
	struct world *w, size_t t, enum side side, unsigned content, unsigned body)
{
	struct world_box *box = &w->twin[t].box[side];
	if (box->n == WORLD_MESSAGES) {
		world_broken("a mailbox grows without end");
		return &box->at[0];
	}
	size_t i = box->n++;
	struct message *m = &box->at[i];
	/* Where drafts are, sizes tell nothing. */
	*m = (struct message){.key = world_key(side, box->next++),
		.size = 100 * (content + 1) + (w->twin[t].drafts ? 0 : 10 * body),
		.selected = (w->excluded >> content & 1) == 0};
	identify(content, body, &m->identity, &box->whole[i]);
	return m;
}

static void remove_message(struct world_box *box, const char *key)
{
	uint32_t i = world_find(box, key);
	if (i == NONE)
		return;
	box->n--;
	memmove(&box->at[i], &box->at[i + 1], (box->n - i) * sizeof *box->at);
	memmove(&box->whole[i], &box->whole[i + 1], (box->n - i) * sizeof *box->whole);
}

void world_drop_row(struct world_twin *twin, size_t i)
{
	twin->rows--;
	memmove(&twin->row[i], &twin->row[i + 1], (twin->rows - i) * sizeof *twin->row);
}

static struct row *find_row(struct world *w, int64_t id, size_t *t)
{
	for (*t = 0; *t < w->n; ++*t)
		for (size_t i = 0; i < w->twin[*t].rows; i++)
			if (w->twin[*t].row[i].id == id)
				return &w->twin[*t].row[i];
	return NULL;
}

static void forget_row(struct world *w, int64_t id)
{
	size_t t;
	struct row *row = find_row(w, id, &t);
	if (row != NULL)
		world_drop_row(&w->twin[t], (size_t)(row - w->twin[t].row));
}

static void put_row(struct world *w, size_t t, const struct row *row)
{
	struct world_twin *twin = &w->twin[t];
	size_t i = 0;
	while (i < twin->rows && (twin->row[i].id != row->id || row->id == 0))
		i++;
	if (i == twin->rows) {
		if (row->id != 0)
			forget_row(w, row->id);
		i = twin->rows;
		if (i == WORLD_ROWS) {
			world_broken("rows grow without end");
			return;
		}
		twin->rows++;
	}
	twin->row[i] = *row;
	if (row->id == 0)
		twin->row[i].id = ++w->last_row;
}

/* ---- what the differ is shown ---- */

/* As the conductor finds it out: of A's message where there is one, else of what the row knows. */
static void exclude_rows(struct world *w, size_t t)
{
	for (size_t i = 0; i < w->twin[t].rows; i++) {
		struct row *row = &w->twin[t].row[i];
		const struct world_box *left = &w->twin[t].box[LEFT];
		uint32_t m = row->gone[LEFT] ? NONE : world_find(left, row->key[LEFT]);
		row->excluded = m != NONE ? !left->at[m].selected
					  : (w->excluded >> (row->size / 100 - 1) & 1) != 0;
	}
}

static void show_message(struct view *v, size_t t, enum side side, size_t i)
{
	const struct world_box *box = &v->of.twin[t].box[side];
	struct message_list *list = &v->scene.list[t][side];
	v->digest[t][side][list->n] = box->whole[i];
	list->at[list->n++] = box->at[i];
}

/* A list that is not whole lacks some, no matter which. */
static void hide_some(struct view *v, size_t t, enum side side)
{
	const struct world_box *box = &v->of.twin[t].box[side];
	struct message_list *list = &v->scene.list[t][side];
	list->at = v->part[t][side];
	list->n = 0;
	for (size_t i = 0; i < box->n; i++)
		if (box->at[i].key[strlen(box->at[i].key) - 1] % 2 == 0)
			show_message(v, t, side, i);
}

static void show_list(struct view *v, size_t t, enum side side)
{
	static const char *const names[] = {"X", "Y", "Z"};
	struct world_box *box = &v->of.twin[t].box[side];
	v->scene.list[t][side] = (struct message_list){.at = box->at,
		.n = box->n,
		.digest = v->digest[t][side],
		.box = {.name = names[t],
			.epoch = "1",
			.next = world_key(side, box->next),
			.storable = box->storable}};
	memset(v->digest[t][side], 0, sizeof v->digest[t][side]);
	if (v->of.twin[t].unsure[side])
		hide_some(v, t, side);
}

void world_view(const struct world *w, struct flag_table *flags, struct view *v)
{
	v->of = *w;
	v->scene.flags = flags;
	v->scene.policy = w->policy;
	v->scene.n = w->n;
	for (size_t t = 0; t < w->n; t++) {
		struct world_twin *from = &v->of.twin[t];
		struct twin *twin = &v->scene.twin[t];
		exclude_rows(&v->of, t);
		*twin = (struct twin){.row = from->row,
			.rows = from->rows,
			.intent = from->intent,
			.intents = from->intents,
			.drafts = from->drafts};
		v->scene.row[t] = from->row;
		for (enum side side = LEFT; side <= RIGHT; side++) {
			show_list(v, t, side);
			twin->list[side] = &v->scene.list[t][side];
			twin->new_epoch[side] = from->new_epoch[side];
			twin->unsure[side] = from->unsure[side];
			twin->no_deletes[side] = from->no_deletes[side];
			twin->read_only[side] = from->read_only[side];
		}
	}
}

/* The row that has ${key} as a half that is there. */
static const struct row *row_with(const struct world_twin *twin, enum side side, const char *key)
{
	for (size_t i = 0; i < twin->rows; i++)
		if (!twin->row[i].gone[side] && is_key(twin->row[i].key[side], key))
			return &twin->row[i];
	return NULL;
}

/* A list as a store with a cursor would give it: what is new or has other flags, and what went. */
static void show_changes(struct view *v, size_t t, enum side side)
{
	const struct world_twin *twin = &v->of.twin[t];
	const struct world_box *box = &twin->box[side];
	struct message_list *list = &v->scene.list[t][side];
	list->at = v->part[t][side];
	list->n = list->n_gone = 0;
	list->gone = v->gone[t][side];
	list->partial = true;
	for (size_t i = 0; i < box->n; i++) {
		const struct row *row = row_with(twin, side, box->at[i].key);
		if (row != NULL && row->flags[side] == box->at[i].flags)
			continue;
		show_message(v, t, side, i);
	}
	for (size_t i = 0; i < twin->rows; i++)
		if (twin->row[i].key[side] != NULL && !twin->row[i].gone[side] &&
			world_find(box, twin->row[i].key[side]) == NONE)
			list->gone[list->n_gone++] = twin->row[i].key[side];
}

static bool mentions(const struct message_list *list, const char *key)
{
	for (size_t i = 0; i < list->n; i++)
		if (is_key(list->at[i].key, key))
			return true;
	for (size_t i = 0; i < list->n_gone; i++)
		if (is_key(list->gone[i], key))
			return true;
	return false;
}

static bool is_touched(const struct view *v, size_t t, const struct row *row)
{
	bool touched = false;
	for (enum side side = LEFT; side <= RIGHT; side++)
		touched |= row->key[side] == NULL || row->gone[side] ||
			   mentions(&v->scene.list[t][side], row->key[side]);
	return touched;
}

void world_show_part(struct view *v, const bool partial[2])
{
	for (size_t t = 0; t < v->of.n; t++) {
		const struct world_twin *twin = &v->of.twin[t];
		for (enum side side = LEFT; side <= RIGHT; side++)
			if (partial[side])
				show_changes(v, t, side);
		if (!partial[LEFT] || !partial[RIGHT])
			continue;
		size_t n = 0;
		for (size_t i = 0; i < twin->rows; i++)
			if (is_touched(v, t, &twin->row[i]))
				v->touched[t][n++] = twin->row[i];
		v->scene.twin[t].row = v->scene.row[t] = v->touched[t];
		v->scene.twin[t].rows = n;
	}
}

/* ---- what is read for the differ ---- */

static void read_all(struct view *v)
{
	for (size_t t = 0; t < v->of.n; t++)
		for (enum side side = LEFT; side <= RIGHT; side++)
			if (v->scene.list[t][side].at != v->part[t][side])
				memcpy(v->digest[t][side], v->of.twin[t].box[side].whole,
					sizeof v->digest[t][side]);
}

static void read_one(struct view *v, const struct unread *u)
{
	const struct world_box *box = &v->of.twin[u->twin].box[u->side];
	uint32_t i = world_find(box, u->key);
	if (i == NONE) {
		world_broken("something is to be read that is not there");
		return;
	}
	struct row *row = u->row == NONE ? NULL : &v->scene.row[u->twin][u->row];
	if (u->part == READ_EMAILID) {
		v->scene.list[u->twin][u->side].emailid = v->emailid[u->twin][u->side];
		v->emailid[u->twin][u->side][u->message] = box->whole[i];
		return;
	}
	if (row != NULL && u->part == READ_WHOLE)
		row->digest = box->whole[i];
	else if (row != NULL)
		row->identity = box->at[i].identity;
	else if (u->part == READ_WHOLE)
		v->digest[u->twin][u->side][u->message] = box->whole[i];
}

struct plan *world_plan(struct view *v, struct arena *arena, bool read)
{
	struct scene *s = &v->scene;
	struct unread *unread;
	size_t n = 1;
	if (!read)
		read_all(v);
	for (int round = 0; read && n > 0; round++) {
		n = differ_unread(arena, s->twin, s->n, s->flags, &s->policy, &unread);
		for (size_t i = 0; i < n; i++)
			read_one(v, &unread[i]);
		if (round == 6) {
			world_broken("it asks for ever more to be read");
			break;
		}
	}
	return differ(arena, s->twin, s->n, s->flags, &s->policy);
}

/* ---- carrying out ---- */

static struct world_box *box_of(struct world *w, const struct step *step, enum side side)
{
	return &w->twin[step_twin(step, side)].box[side];
}

static void mark(struct world *w, const struct view *v, const struct step *step, enum side side)
{
	struct flag_table *flags = v->scene.flags;
	struct world_box *box = box_of(w, step, side);
	flag_set add, remove;
	if (!step_flags(v->scene.twin, flags, step, side, &add, &remove))
		return;
	uint32_t i = world_find(box, step_key(v->scene.twin, step, side));
	if (i == NONE) {
		world_broken("flags of a message that is not there are changed");
		return;
	}
	if (w->twin[step_twin(step, side)].read_only[side])
		world_broken("flags on a read-only side are changed");
	if (flags_storable(flags, flags_union(flags, add, remove), &box->storable) !=
		flags_union(flags, add, remove))
		world_broken("a flag is changed that the side cannot hold");
	flag_set now = flags_without(flags, box->at[i].flags, remove);
	box->at[i].flags = flags_union(flags, now, add);
}

static void add_intent(struct world *w, const struct view *v, const struct step *step)
{
	struct world_twin *twin = &w->twin[step->twin];
	if (twin->intents == WORLD_INTENTS)
		return;
	twin->intent[twin->intents++] = (struct intent){.to = step->to,
		.source = step_key(v->scene.twin, step, other(step->to)),
		.epoch = "1",
		.next = v->scene.list[step->twin][step->to].box.next};
}

/* The copy of ${m} in the mailbox that the step is for; its key. */
static const char *deliver(struct world *w, const struct step *step, const struct message *m,
	const struct identity *whole, flag_set flags)
{
	struct message *new =
		world_add(w, step->twin, step->to, world_content(whole), world_body(whole));
	new->flags = flags;
	new->received = m->received;
	if (w->twin[step->twin].read_only[step->to])
		world_broken("a read-only side gets a message");
	return new->key;
}

static const char *copy(struct world *w, const struct view *v, const struct step *step)
{
	enum side from = step->kind == STEP_MOVE ? step->to : other(step->to);
	struct world_box *box = box_of(w, step, from);
	uint32_t i = world_find(box, step_key(v->scene.twin, step, from));
	if (i == NONE) {
		world_broken("a message that is not there is copied");
		return NULL;
	}
	struct message m = box->at[i];
	struct identity whole = box->whole[i];
	flag_set flags = step->kind == STEP_MOVE ? m.flags : step->want[step->to];
	return deliver(w, step, &m, &whole, flags);
}

static void erase(struct world *w, const struct view *v, const struct step *step)
{
	struct world_box *box = box_of(w, step, step->to);
	const char *key = step_key(v->scene.twin, step, step->to);
	if (world_find(box, key) == NONE)
		world_broken("a message that is not there is deleted");
	if (w->twin[step_twin(step, step->to)].read_only[step->to])
		world_broken("a message of a read-only side is deleted");
	remove_message(box, key);
}

/* The row with ${key} on the left, there or gone. */
static const struct row *row_of_left(const struct world_twin *twin, const char *key)
{
	for (size_t i = twin->rows; i-- > 0;)
		if (is_key(twin->row[i].key[LEFT], key))
			return &twin->row[i];
	return NULL;
}

/* The row that an earlier step of the same message left; false: that one was not settled. */
static bool earlier_row(
	struct world *w, const struct view *v, const struct step *step, struct row *row)
{
	size_t t;
	const char *key = step_key(v->scene.twin, step, LEFT);
	const struct row *found = step->row != NONE
					  ? find_row(w, v->scene.row[step->twin][step->row].id, &t)
					  : row_of_left(&w->twin[step->twin], key);
	if (found == NULL || (step->verify && (found->key[RIGHT] == NULL || found->gone[RIGHT])))
		return false;
	*row = *found;
	return true;
}

static void record(struct world *w, const struct view *v, const struct step *step, const char *key)
{
	struct row row;
	if (step->follows && !earlier_row(w, v, step, &row))
		return;
	bool stays = step_row(v->scene.twin, step, &row);
	if (step->merge != NONE)
		forget_row(w, v->scene.row[step->twin][step->merge].id);
	if (!stays) {
		if (step->row != NONE)
			forget_row(w, v->scene.row[step->from_twin][step->row].id);
		return;
	}
	if (step->kind == STEP_COPY || step->kind == STEP_MOVE) {
		const struct world_box *box = &w->twin[step->twin].box[step->to];
		row.key[step->to] = key;
		row.identity = box->at[world_find(box, key)].identity;
		row.digest = box->whole[world_find(box, key)];
	}
	put_row(w, step->twin, &row);
}

/* What it does to the sides; the key of what is new. */
static const char *perform(struct world *w, const struct view *v, const struct step *step)
{
	const char *key = NULL;
	switch (step->kind) {
	case STEP_COPY:
		key = copy(w, v, step);
		break;
	case STEP_MOVE:
		key = copy(w, v, step);
		if (!step->keep)
			erase(w, v, step);
		break;
	case STEP_DELETE:
		erase(w, v, step);
		break;
	default:
		break;
	}
	return key;
}

/* Where a side was not read whole, a message may be gone that seemed to be there. */
static bool has_vanished(struct world *w, const struct view *v, const struct step *step)
{
	bool copies = step->kind == STEP_COPY, deletes = step->kind == STEP_DELETE;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		const char *key = step_key(v->scene.twin, step, side);
		bool needed = copies ? side != step->to : !deletes || side == step->to;
		if (needed && w->twin[step_twin(step, side)].unsure[side] &&
			world_find(box_of(w, step, side), key) == NONE)
			return true;
	}
	return false;
}

void world_carry_out(
	struct world *w, const struct view *v, const struct step *step, enum ending ending)
{
	struct row row;
	bool is_new = step->kind == STEP_COPY || step->kind == STEP_MOVE;
	if (broken != NULL || (step->follows && !earlier_row(w, v, step, &row)) ||
		(step->kind != STEP_PAIR && step->kind != STEP_FORGET && has_vanished(w, v, step)))
		return;
	if (step->kind == STEP_COPY && ending != END_SETTLED)
		add_intent(w, v, step);
	mark(w, v, step, LEFT);
	if (ending == END_BEGUN)
		return;
	mark(w, v, step, RIGHT);
	const char *key = perform(w, v, step);
	if (broken != NULL || ending == END_CUT_OFF || (is_new && ending == END_UNTOLD))
		return;
	record(w, v, step, key);
}
