#include "sync/pairing_private.h"

#include <stdlib.h>
#include <string.h>

#include "mail/name.h"

/* ---- what a side lists ---- */

static int by_name(const void *a, const void *b)
{
	const struct mailbox *const *l = a, *const *r = b;
	return strcmp((*l)->name, (*r)->name);
}

static const struct mailbox **sorted(const struct mailbox_list *list, struct arena *arena)
{
	const struct mailbox **box = arena_alloc(arena, (list->n + 1) * sizeof *box);
	for (size_t i = 0; i < list->n; i++)
		box[i] = &list->at[i];
	qsort(box, list->n, sizeof *box, by_name);
	return box;
}

static void add_place(struct names *names, const struct mailbox *box, struct arena *arena)
{
	map_put_str(names->listed, box->name, (uint32_t)names->n);
	*ARENA_PUSH(arena, names->at, names->n, names->cap) = (struct place){.box = box};
	names->selectable += box->selectable;
}

static void listed_twice(struct pairer *p, enum side side, const struct mailbox *box)
{
	struct pairing alone = {.name = {box->name, box->name}};
	alone.box[side] = box;
	if (box->selectable && pairing_takes_part(p, &alone))
		pairing_trouble(p, side, box->name, CAUSE_MAIL,
			"left out: there is another mailbox of this name");
}

void pairing_names_read(struct pairer *p, enum side side, const struct mailbox_list *list)
{
	struct names *names = &p->side[side];
	const struct mailbox **box = sorted(list, p->arena);
	names->listed = map_new(list->n);
	names->known = map_new(p->n_known);
	names->claimed = map_new(list->n);
	names->folded = map_new(list->n);
	for (size_t i = 0; i < list->n; i++) {
		const struct place *same = pairing_place(names, box[i]->name);
		if (same != NULL)
			listed_twice(p, side, box[i]);
		else
			add_place(names, box[i], p->arena);
		pairing_will_have(p, side, box[i]->name);
	}
}

void pairing_names_finish(struct names *names)
{
	map_free(names->listed);
	map_free(names->known);
	map_free(names->claimed);
	map_free(names->folded);
}

struct place *pairing_place(const struct names *names, const char *name)
{
	uint32_t at = map_get_str(names->listed, name);
	return at == MAP_NONE ? NULL : &names->at[at];
}

const char *pairing_owner(const struct names *names, const char *name)
{
	uint32_t at = map_get_str(names->claimed, name);
	return at == MAP_NONE ? NULL : names->owner[at];
}

/* ---- one side's name on the other ---- */

const char *pairing_across(const struct pairer *p, enum side from, const char *name, bool *by_rule)
{
	for (size_t i = 0; i < p->pair->renames; i++) {
		const struct rename_rule *rule = &p->pair->rename[i];
		const char *to = from == LEFT
					 ? pattern_rename(rule->from, rule->to, name, p->arena)
					 : pattern_rename(rule->to, rule->from, name, p->arena);
		*by_rule = to != NULL;
		if (to != NULL)
			return to;
	}
	*by_rule = false;
	return name;
}

/* ---- names that a side could take for one ---- */

/*
 * Whether a side ignores case or normalises names cannot be asked.  One that lists two names that
 * differ in nothing else does not; of any other it is assumed, because a server that does would
 * answer "already there" and two mailboxes would become one.  Levels count: below "foo", which a
 * side takes for its "Foo", a new mailbox would come back under another name.
 */
static const char *find_clash(const struct names *names, const char *level, const char *folded)
{
	uint32_t at = map_get_str(names->folded, folded);
	return at == MAP_NONE || strcmp(names->level[at], level) == 0 ? NULL : names->level[at];
}

const char *pairing_clash(const struct pairer *p, enum side side, const char *name)
{
	const struct names *names = &p->side[side];
	const char *clash = NULL;
	for (; !names->tells_apart && clash == NULL && name != NULL;
		name = name_parent(name, p->scratch))
		clash = find_clash(names, name, name_fold(name, p->scratch));
	arena_reset(p->scratch);
	return clash;
}

static void add_level(
	struct names *names, const char *level, const char *folded, struct arena *arena)
{
	map_put_str(names->folded, arena_strdup(arena, folded), (uint32_t)names->levels);
	*ARENA_PUSH(arena, names->level, names->levels, names->cap_levels) =
		arena_strdup(arena, level);
}

/* Up to the first level that is there: those above it are, too. */
void pairing_will_have(struct pairer *p, enum side side, const char *name)
{
	struct names *names = &p->side[side];
	for (; name != NULL; name = name_parent(name, p->scratch)) {
		const char *folded = name_fold(name, p->scratch);
		if (find_clash(names, name, folded) != NULL)
			names->tells_apart = true;
		if (map_get_str(names->folded, folded) != MAP_NONE)
			break;
		add_level(names, name, folded, p->arena);
	}
	arena_reset(p->scratch);
}
