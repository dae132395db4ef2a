#include "sync/differ_private.h"

/* No edit: reading a message, or marking it deleted, says nothing about wanting to keep it. */
#define NO_EDIT ((flag_set)(FLAG_SEEN | FLAG_DELETED))

/* Of two different values set wins, so that no mark of a person's is lost; but for these. */
#define LEFT_WINS ((flag_set)(FLAG_SEEN | FLAG_DRAFT | FLAG_DELETED))

static flag_set fitting(
	struct flag_table *flags, flag_set set, const struct flag_storable *storable)
{
	return storable == NULL ? set : flags_storable(flags, set, storable);
}

static flag_set difference(struct flag_table *flags, flag_set a, flag_set b)
{
	return flags_union(flags, flags_without(flags, a, b), flags_without(flags, b, a));
}

static flag_set added(struct flag_table *flags, const struct held_flags *half)
{
	return flags_without(flags, half->now, half->base);
}

static flag_set removed(struct flag_table *flags, const struct held_flags *half)
{
	return fitting(flags, flags_without(flags, half->base, half->now), half->storable);
}

flag_set merge_change(struct flag_table *flags, const struct held_flags *half)
{
	if (half->now == half->base)
		return 0;
	return flags_union(flags, added(flags, half), removed(flags, half));
}

bool merge_is_edit(struct flag_table *flags, flag_set change)
{
	return flags_without(flags, change, NO_EDIT) != 0;
}

/* Where left wins, all that left has otherwise than right is a change of left's. */
static flag_set first_base(struct flag_table *flags, enum merge_rule rule,
	const struct held_flags half[2], enum side side)
{
	flag_set common = flags_common(flags, half[LEFT].now, half[RIGHT].now);
	switch (rule) {
	case MERGE_CHANGES:
		return flags_union(
			flags, common, flags_common(flags, half[side].now, FLAG_DELETED));
	case MERGE_LEFT:
	case MERGE_EQUAL:
		return half[RIGHT].now;
	case MERGE_NOTHING:
		break;
	}
	return half[side].now;
}

void merge_first_base(struct flag_table *flags, enum merge_rule rule, struct held_flags half[2])
{
	flag_set base[2] = {
		first_base(flags, rule, half, LEFT), first_base(flags, rule, half, RIGHT)};
	half[LEFT].base = base[LEFT];
	half[RIGHT].base = base[RIGHT];
}

/* What is to be set and to be cleared, wherever it is not so. */
struct change {
	flag_set set, clear;
};

static size_t count_flags(const struct flag_table *flags, flag_set set)
{
	size_t n;
	flags_keywords(flags, set, &n);
	for (uint32_t system = flags_system(flags, set); system != 0; system &= system - 1)
		n++;
	return n;
}

static struct change both_sides_changes(
	struct flag_table *flags, const struct held_flags half[2], size_t *conflicts)
{
	flag_set set[2] = {added(flags, &half[LEFT]), added(flags, &half[RIGHT])};
	flag_set clear[2] = {removed(flags, &half[LEFT]), removed(flags, &half[RIGHT])};
	struct change all = {flags_union(flags, set[LEFT], set[RIGHT]),
		flags_union(flags, clear[LEFT], clear[RIGHT])};
	flag_set both = flags_common(flags, all.set, all.clear);
	if (both == 0)
		return all;
	*conflicts = count_flags(flags, both);
	flag_set cleared = flags_common(flags, flags_common(flags, both, LEFT_WINS), clear[LEFT]);
	all.set = flags_without(flags, all.set, cleared);
	all.clear = flags_without(flags, all.clear, flags_without(flags, both, cleared));
	return all;
}

/* What left lacks and right has is to go from right, unless left cannot hold it at all. */
static struct change make_equal(struct flag_table *flags, const struct held_flags half[2])
{
	flag_set missing = flags_without(flags, half[RIGHT].now, half[LEFT].now);
	return (struct change){flags_without(flags, half[LEFT].now, half[RIGHT].now),
		fitting(flags, missing, half[LEFT].storable)};
}

static struct change find_change(struct flag_table *flags, enum merge_rule rule,
	const struct held_flags half[2], size_t *conflicts)
{
	switch (rule) {
	case MERGE_CHANGES:
		return both_sides_changes(flags, half, conflicts);
	case MERGE_LEFT:
		return (struct change){added(flags, &half[LEFT]), removed(flags, &half[LEFT])};
	case MERGE_EQUAL:
		return make_equal(flags, half);
	case MERGE_NOTHING:
		break;
	}
	return (struct change){0, 0};
}

static flag_set changed(
	struct flag_table *flags, const struct held_flags *half, const struct change *change)
{
	flag_set plus = flags_without(flags, change->set, half->now);
	flag_set minus = flags_common(flags, change->clear, half->now);
	flag_set set = flags_union(flags, half->now, fitting(flags, plus, half->storable));
	return flags_without(flags, set, fitting(flags, minus, half->storable));
}

void merge_flags(struct flag_table *flags, enum merge_rule rule, const struct held_flags half[2],
	struct merged *merged)
{
	flag_set pending = 0;
	*merged = (struct merged){.want = {half[LEFT].now, half[RIGHT].now}};
	struct change change = find_change(flags, rule, half, &merged->conflicts);
	for (enum side side = LEFT; side <= RIGHT; side++) {
		flag_set set = changed(flags, &half[side], &change);
		if (half[side].fixed)
			pending =
				flags_union(flags, pending, difference(flags, set, half[side].now));
		else
			merged->want[side] = set;
	}
	/* What a side could not take is still to be seen as the change that it is. */
	for (enum side side = LEFT; side <= RIGHT; side++)
		merged->base[side] =
			flags_union(flags, flags_without(flags, merged->want[side], pending),
				flags_common(flags, half[side].base, pending));
}
