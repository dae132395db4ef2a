#include "sync/pairing_private.h"

#include <string.h>

#include "mail/name.h"

/* Special uses that a mailbox is paired by. */
static const uint32_t uses[] = {USE_SENT, USE_DRAFTS, USE_JUNK, USE_TRASH, USE_ARCHIVE,
	USE_IMPORTANT, USE_ALL, USE_FLAGGED};

/* ...and those that a new mailbox can be given: views cannot be made. */
#define USES_TO_MAKE (~(uint32_t)(USE_ALL | USE_FLAGGED))

static bool is_open(const struct place *place)
{
	return place != NULL && place->box->selectable && !place->paired;
}

static struct pairing pair_of(const struct place *left, const struct place *right)
{
	return (struct pairing){.action = PAIRING_SYNC,
		.box = {left->box, right->box},
		.name = {left->box->name, right->box->name}};
}

/* A mailbox that only ${s} has, and what it is called on the other side. */
static struct pairing alone(
	const struct pairer *p, enum side s, const struct place *place, bool *by_rule)
{
	struct pairing pairing = {.action = PAIRING_SYNC};
	pairing.box[s] = place->box;
	pairing.name[s] = place->box->name;
	pairing.name[other(s)] = pairing_across(p, s, place->box->name, by_rule);
	return pairing;
}

/* ---- mailboxes that both sides have ---- */

static bool two_on_one(const struct pairer *p, enum side s, const struct pairing *pairing,
	const char *owner, struct error *err)
{
	return error_set(err, ERROR_STORE, CAUSE_CONFIG,
		"%s: pairs.%s.rename: '%s' and '%s' on %s would both be '%s' on %s", p->pair->where,
		p->pair->name, owner, pairing->name[s], p->pair->store[s]->name,
		pairing->name[other(s)], p->pair->store[other(s)]->name);
}

/* What `rename` says comes first, and has its name even where that is yet to be made. */
static bool pair_by_rule(struct pairer *p, struct place *place, struct error *err)
{
	bool by_rule;
	struct pairing pairing = alone(p, LEFT, place, &by_rule);
	const struct place *twin = pairing_place(&p->side[RIGHT], pairing.name[RIGHT]);
	if (!by_rule)
		return true;
	const char *owner = pairing_owner(&p->side[RIGHT], pairing.name[RIGHT]);
	if (owner != NULL)
		return !pairing_takes_part(p, &pairing) ||
		       two_on_one(p, LEFT, &pairing, owner, err);
	if (is_open(twin)) {
		pairing = pair_of(place, twin);
		pairing_add(p, &pairing);
	}
	return true;
}

static bool pair_by_rules(struct pairer *p, struct error *err)
{
	const struct names *left = &p->side[LEFT];
	for (size_t i = 0; p->pair->renames > 0 && i < left->n; i++)
		if (is_open(&left->at[i]) && !pair_by_rule(p, &left->at[i], err))
			return false;
	return true;
}

static void pair_equal_names(struct pairer *p)
{
	const struct names *left = &p->side[LEFT];
	for (size_t i = 0; i < left->n; i++) {
		bool by_rule;
		const char *name = left->at[i].box->name;
		const struct place *twin = pairing_place(&p->side[RIGHT], name);
		if (!is_open(&left->at[i]) || !is_open(twin))
			continue;
		pairing_across(p, LEFT, name, &by_rule);
		if (by_rule)
			continue;
		struct pairing pairing = pair_of(&left->at[i], twin);
		pairing_add(p, &pairing);
	}
}

/* The one mailbox of a use on a side, if it has no pairing and no rule. */
static struct place *only_of_use(const struct pairer *p, enum side s, uint32_t use)
{
	const struct names *names = &p->side[s];
	struct place *found = NULL;
	for (size_t i = 0; i < names->n; i++) {
		struct place *place = &names->at[i];
		if (!place->box->selectable || (place->box->use & use) == 0)
			continue;
		if (found != NULL)
			return NULL;
		found = place;
	}
	if (!is_open(found) || name_is_inbox(found->box->name))
		return NULL;
	bool by_rule;
	pairing_across(p, s, found->box->name, &by_rule);
	return by_rule ? NULL : found;
}

static void pair_special_uses(struct pairer *p)
{
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
		const struct place *left = only_of_use(p, LEFT, uses[i]);
		const struct place *right = only_of_use(p, RIGHT, uses[i]);
		if (left == NULL || right == NULL)
			continue;
		struct pairing pairing = pair_of(left, right);
		pairing_add(p, &pairing);
	}
}

/* ---- mailboxes that one side has ---- */

static uint32_t uses_of(const struct pairer *p, enum side s)
{
	uint32_t all = 0;
	for (size_t i = 0; i < p->side[s].n; i++)
		all |= p->side[s].at[i].box->use;
	for (size_t i = 0; i < p->out->n; i++)
		if (p->out->at[i].create[s])
			all |= p->out->at[i].use;
	return all;
}

static void make_on(struct pairer *p, enum side to, struct pairing *pairing, uint32_t *taken)
{
	const struct mailbox *twin = pairing->box[other(to)];
	pairing->create[to] = true;
	pairing->subscribe = twin->subscribed;
	pairing->use = twin->use & USES_TO_MAKE & ~*taken;
	*taken |= pairing->use;
	pairing_add(p, pairing);
}

/* What would be `name` on side ${to}, but somebody else is: 1; nobody: 0; -1: through `rename`. */
static int is_taken(struct pairer *p, enum side to, const struct pairing *pairing, bool by_rule,
	struct error *err)
{
	enum side from = other(to);
	const char *name = pairing->name[to], *owner = pairing_owner(&p->side[to], name);
	if (owner == NULL)
		return 0;
	bool owner_by_rule;
	pairing_across(p, to, name, &owner_by_rule);
	if (by_rule || owner_by_rule) {
		two_on_one(p, from, pairing, owner, err);
		return -1;
	}
	pairing_trouble(p, from, pairing->name[from], CAUSE_MAIL,
		"left out: '%s' on %s is the twin of '%s' already", name, p->pair->store[to]->name,
		owner);
	return 1;
}

static bool clashes(struct pairer *p, enum side to, const struct pairing *pairing)
{
	enum side from = other(to);
	const char *clash = pairing_clash(p, to, pairing->name[to]);
	if (clash != NULL)
		pairing_trouble(p, from, pairing->name[from], CAUSE_MAIL,
			"left out: on %s it could be taken for '%s', which differs in case or "
			"normalisation only; rename one of them",
			p->pair->store[to]->name, clash);
	return clash != NULL;
}

static bool make_twins(struct pairer *p, enum side to, struct error *err)
{
	const struct names *names = &p->side[other(to)];
	uint32_t taken_uses = uses_of(p, to);
	for (size_t i = 0; p->pair->create[to] && i < names->n; i++) {
		bool by_rule;
		if (!is_open(&names->at[i]))
			continue;
		struct pairing pairing = alone(p, other(to), &names->at[i], &by_rule);
		if (!pairing_takes_part(p, &pairing))
			continue;
		int taken = is_taken(p, to, &pairing, by_rule, err);
		if (taken < 0)
			return false;
		if (taken == 0 && !clashes(p, to, &pairing))
			make_on(p, to, &pairing, &taken_uses);
	}
	return true;
}

/* In `mirror`, what B has beyond A.  A name that A lists, be it as a level or as the twin of
 * another, is not beyond it. */
static void remove_extra(struct pairer *p)
{
	const struct names *names = &p->side[RIGHT];
	for (size_t i = 0; i < names->n; i++) {
		bool by_rule;
		if (!is_open(&names->at[i]))
			continue;
		struct pairing pairing = alone(p, RIGHT, &names->at[i], &by_rule);
		pairing.action = PAIRING_REMOVE;
		pairing.to = RIGHT;
		if (!pairing_is_inbox(&pairing) &&
			pairing_place(&p->side[LEFT], pairing.name[LEFT]) == NULL)
			pairing_add(p, &pairing);
	}
}

bool pairing_new(struct pairer *p, struct error *err)
{
	/* A new pairing would be a known one in the next run, and a side of which one name is known
	 * is no longer doubted. */
	if (p->doubted)
		return true;
	if (!pair_by_rules(p, err))
		return false;
	pair_equal_names(p);
	if (p->pair->special_use)
		pair_special_uses(p);
	if (!make_twins(p, RIGHT, err))
		return false;
	if (p->pair->mode == MODE_BETWEEN)
		return make_twins(p, LEFT, err);
	if (p->pair->mode == MODE_MIRROR && p->pair->propagate_mailboxes)
		remove_extra(p);
	return true;
}
