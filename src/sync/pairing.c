#include "sync/pairing_private.h"

#include <stdlib.h>
#include <string.h>

#include "mail/name.h"

/* ---- what takes part ---- */

/* \All and \Flagged show the messages of other mailboxes once more. */
static bool is_view(const struct mailbox *box)
{
	return box != NULL && (box->use & (USE_ALL | USE_FLAGGED)) != 0;
}

/* Where messages go that are deleted: the right side, but in `move` the left one, and either in
 * `between`. */
static bool loses(const struct pair_config *pair, enum side side)
{
	if (pair->mode == MODE_BETWEEN)
		return true;
	return side == (pair->mode == MODE_MOVE ? LEFT : RIGHT);
}

static bool is_trash(const struct pairer *p, const struct pairing *pairing)
{
	if (p->trash == NULL)
		return false;
	for (enum side s = LEFT; s <= RIGHT; s++)
		if (loses(p->pair, s) && strcmp(pairing->name[s], p->trash) == 0)
			return true;
	return false;
}

bool pairing_takes_part(const struct pairer *p, const struct pairing *pairing)
{
	const char *name = pairing->name[LEFT];
	const struct pattern_list *only = p->only == NULL ? p->pair->mailboxes : p->only;
	bool view = is_view(pairing->box[LEFT]) || is_view(pairing->box[RIGHT]);
	return !is_trash(p, pairing) && pattern_selects(p->pair->mailboxes, name, false) &&
	       pattern_selects(only, name, false) &&
	       (!view || pattern_selects(p->pair->mailboxes, name, true) ||
		       pattern_selects(only, name, true));
}

/* ---- what comes out ---- */

bool pairing_is_inbox(const struct pairing *pairing)
{
	return name_is_inbox(pairing->name[LEFT]) || name_is_inbox(pairing->name[RIGHT]);
}

static void claim(struct pairer *p, enum side s, const char *name, const char *owner)
{
	struct names *names = &p->side[s];
	struct place *place = pairing_place(names, name);
	if (place != NULL)
		place->paired = true;
	map_put_str(names->claimed, name, (uint32_t)names->owners);
	*ARENA_PUSH(p->arena, names->owner, names->owners, names->cap_owners) = owner;
}

void pairing_add(struct pairer *p, const struct pairing *pairing)
{
	struct pairings *out = p->out;
	bool part = pairing_takes_part(p, pairing);
	for (enum side s = LEFT; s <= RIGHT; s++) {
		claim(p, s, pairing->name[s], pairing->name[other(s)]);
		if (pairing->rename_to[s] != NULL)
			claim(p, s, pairing->rename_to[s], pairing->name[other(s)]);
		if (part && (pairing->create[s] || pairing->rename_to[s] != NULL))
			pairing_will_have(p, s,
				pairing->create[s] ? pairing->name[s] : pairing->rename_to[s]);
	}
	if (part)
		*ARENA_PUSH(p->arena, out->at, out->n, out->cap) = *pairing;
}

void pairing_trouble(struct pairer *p, enum side side, const char *mailbox, enum error_cause cause,
	const char *fmt, ...)
{
	struct pairings *out = p->out;
	va_list ap;
	va_start(ap, fmt);
	*ARENA_PUSH(p->arena, out->problem, out->problems, out->cap_problems) =
		(struct pairing_problem){side, mailbox, cause, arena_vprintf(p->arena, fmt, ap)};
	va_end(ap);
}

static int inbox_first_then_by_name(const void *a, const void *b)
{
	const struct pairing *l = a, *r = b;
	bool l_inbox = name_is_inbox(l->name[LEFT]), r_inbox = name_is_inbox(r->name[LEFT]);
	if (l_inbox != r_inbox)
		return l_inbox ? -1 : 1;
	int order = strcmp(l->name[LEFT], r->name[LEFT]);
	return order != 0 ? order : strcmp(l->name[RIGHT], r->name[RIGHT]);
}

/* Whether renaming ${from} to ${to} takes ${name} to ${goal} as well. */
static bool takes_along(const char *from, const char *to, const char *name, const char *goal)
{
	size_t n = strlen(from), m = strlen(to);
	return strncmp(name, from, n) == 0 && name[n] == '/' && strncmp(goal, to, m) == 0 &&
	       strcmp(name + n, goal + m) == 0;
}

static void find_renames_along(struct pairings *out, enum side s, struct arena *arena)
{
	struct map *renamed = map_new(0);
	for (uint32_t i = 0; i < out->n; i++)
		if (out->at[i].rename_to[s] != NULL)
			map_put_str(renamed, out->at[i].name[s], i);
	for (size_t i = 0; i < out->n; i++) {
		struct pairing *pairing = &out->at[i];
		const char *level = pairing->rename_to[s] == NULL ? NULL : pairing->name[s];
		while (level != NULL && !pairing->with_level[s]) {
			level = name_parent(level, arena);
			uint32_t at = level == NULL ? MAP_NONE : map_get_str(renamed, level);
			pairing->with_level[s] =
				at != MAP_NONE && takes_along(level, out->at[at].rename_to[s],
							  pairing->name[s], pairing->rename_to[s]);
		}
	}
	map_free(renamed);
}

/* A pattern with a mistake in it must not look like a day without mail. */
static void miss_all(struct pairer *p)
{
	const struct names *left = &p->side[LEFT];
	bool any = p->only != NULL || p->out->n > 0 || p->out->problems > 0;
	for (size_t i = 0; !any && i < left->n; i++)
		any = left->at[i].box->selectable &&
		      pattern_selects(p->pair->mailboxes, left->at[i].box->name, false);
	if (!any && left->selectable > 0)
		pairing_trouble(p, LEFT, NULL, CAUSE_MAIL,
			"none of its mailboxes takes part: 'mailboxes' names none that is there");
}

/* ---- the story ---- */

struct pairings *pairing_make(const struct pair_config *pair, const struct mailbox_list *left,
	const struct mailbox_list *right, const struct state_twin *known, size_t n,
	const struct pattern_list *only, struct arena *arena, struct error *err)
{
	struct pairings *out = arena_alloc(arena, sizeof *out);
	struct pairer p = {.pair = pair,
		.only = only,
		.known = known,
		.n_known = n,
		.trash = pair->trash == NULL ? NULL : name_canonical(pair->trash, arena),
		.arena = arena,
		.scratch = arena_new(),
		.out = out};
	pairing_names_read(&p, LEFT, left);
	pairing_names_read(&p, RIGHT, right);
	pairing_known(&p);
	bool ok = pairing_new(&p, err);
	miss_all(&p);
	pairing_names_finish(&p.side[LEFT]);
	pairing_names_finish(&p.side[RIGHT]);
	arena_free(p.scratch);
	if (!ok)
		return NULL;
	if (out->n > 0)
		qsort(out->at, out->n, sizeof *out->at, inbox_first_then_by_name);
	find_renames_along(out, LEFT, arena);
	find_renames_along(out, RIGHT, arena);
	return out;
}
