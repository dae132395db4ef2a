#include <string.h>

#include "base/escape.h"
#include "sync/plan.h"

/* The plan as a person reads it; tests/differ/README describes the notation. */

struct printer {
	const struct twin *twins;
	struct flag_table *flags;
	struct buffer *out;
	bool ok;
};

static void put(struct printer *p, const char *text)
{
	p->ok = p->ok && buffer_puts(p->out, text);
}

/* A name or key of a stranger. */
static void put_name(struct printer *p, const char *name)
{
	char text[512];
	put(p, escape_text(text, sizeof text, name == NULL ? "?" : name));
}

static const char *const side_names[] = {[LEFT] = "left", [RIGHT] = "right"};

static const struct {
	uint32_t bit;
	const char *name;
} system_names[] = {
	{FLAG_ANSWERED, "answered"},
	{FLAG_DELETED, "deleted"},
	{FLAG_DRAFT, "draft"},
	{FLAG_FLAGGED, "flagged"},
	{FLAG_SEEN, "seen"},
};

/* Each flag of ${set} behind a blank and ${sign}. */
static void put_flags(struct printer *p, const char *sign, flag_set set)
{
	uint32_t system = flags_system(p->flags, set);
	size_t n;
	const char *const *keywords = flags_keywords(p->flags, set, &n);
	for (size_t i = 0; i < sizeof system_names / sizeof *system_names; i++) {
		if ((system & system_names[i].bit) == 0)
			continue;
		put(p, sign);
		put(p, system_names[i].name);
	}
	for (size_t i = 0; i < n; i++) {
		put(p, sign);
		put_name(p, keywords[i]);
	}
}

static void put_mailbox(struct printer *p, uint32_t t)
{
	const struct twin *twin = &p->twins[t];
	const struct message_list *list = twin->list[twin->list[LEFT] == NULL ? RIGHT : LEFT];
	put_name(p, list == NULL ? NULL : list->box.name);
}

/* ---- rows ---- */

static void put_half(struct printer *p, const struct row *row, enum side side)
{
	const char *before = row->gone[side] ? row->taken[side] ? "[" : "(" : "";
	const char *after = row->gone[side] ? row->taken[side] ? "]" : ")" : "";
	put(p, before);
	if (row->key[side] != NULL)
		put_name(p, row->key[side]);
	put(p, after);
}

static void put_row(struct printer *p, const struct row *row)
{
	put(p, " ");
	put_half(p, row, LEFT);
	put(p, "=");
	put_half(p, row, RIGHT);
}

static bool is_there(const struct row *row, enum side side)
{
	return row->key[side] != NULL && !row->gone[side];
}

static void put_base(struct printer *p, const struct row *row)
{
	bool left = is_there(row, LEFT), right = is_there(row, RIGHT);
	if (left)
		put_flags(p, " ", row->flags[LEFT]);
	if (left && right && row->flags[LEFT] != row->flags[RIGHT])
		put(p, " |");
	if (right && (!left || row->flags[LEFT] != row->flags[RIGHT]))
		put_flags(p, " ", row->flags[RIGHT]);
}

static void print_forget(struct printer *p, const struct step *step)
{
	put(p, "forget");
	put_row(p, &p->twins[step->twin].row[step->row]);
}

static void print_pair(struct printer *p, const struct step *step)
{
	struct row row;
	if (!step_row(p->twins, step, &row)) {
		print_forget(p, step);
		return;
	}
	put(p, "pair");
	put_row(p, &row);
	put_base(p, &row);
}

/* ---- messages ---- */

static void put_changes(struct printer *p, const struct step *step, const char *before)
{
	for (enum side side = LEFT; side <= RIGHT; side++) {
		flag_set add, remove;
		if (!step_flags(p->twins, p->flags, step, side, &add, &remove))
			continue;
		put(p, before);
		put(p, side_names[side]);
		put_flags(p, " +", add);
		put_flags(p, " -", remove);
		before = ", ";
	}
}

static void print_copy(struct printer *p, const struct step *step)
{
	put(p, "copy ");
	put_name(p, step_key(p->twins, step, other(step->to)));
	put(p, " -> ");
	put(p, side_names[step->to]);
	put_flags(p, " ", step->want[step->to]);
}

static void print_move(struct printer *p, const struct step *step)
{
	put(p, step->keep ? "copy " : "move ");
	put_name(p, step_key(p->twins, step, step->to));
	put(p, " on ");
	put(p, side_names[step->to]);
	put(p, ": ");
	put_mailbox(p, step->from_twin);
	put(p, " -> ");
	put_mailbox(p, step->twin);
	put_changes(p, step, "; ");
}

static void print_flags(struct printer *p, const struct step *step)
{
	put(p, "flags ");
	put_name(p, step_key(p->twins, step, LEFT));
	put(p, "=");
	put_name(p, step_key(p->twins, step, RIGHT));
	put_changes(p, step, ": ");
}

static void print_delete(struct printer *p, const struct step *step)
{
	put(p, "delete ");
	put_name(p, step_key(p->twins, step, step->to));
	put(p, " on ");
	put(p, side_names[step->to]);
	put(p, step->verify ? ", once compared" : step->found ? ", found elsewhere" : "");
}

bool plan_print(const struct plan *plan, const struct twin *twins, struct flag_table *flags,
	struct buffer *out)
{
	static void (*const print[])(struct printer *, const struct step *) = {
		[STEP_PAIR] = print_pair,
		[STEP_COPY] = print_copy,
		[STEP_MOVE] = print_move,
		[STEP_FLAGS] = print_flags,
		[STEP_DELETE] = print_delete,
		[STEP_FORGET] = print_forget,
	};
	struct printer p = {.twins = twins, .flags = flags, .out = out, .ok = true};
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->twins > 1) {
			put_mailbox(&p, plan->step[i].twin);
			put(&p, ": ");
		}
		print[plan->step[i].kind](&p, &plan->step[i]);
		put(&p, "\n");
	}
	return p.ok;
}
