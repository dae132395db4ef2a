#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "sync/pairing.h"

/*
 * Cases as text.
 *
 * A listing: mailboxes parted by "; ", each a name and then words parted by blanks after " |":
 * id:X, epoch:X, level (not selectable), subscribed, \Sent and the like.
 * The state: "A = B", where the same words after A or B tell what was known.
 * Options: between, copy, mirror, move; and, each after ", ": rename A > B, mailboxes P Q, only P
 * Q, trash T, create both|none|left|right, propagate, no special use, any. What comes out: a line a
 * pairing, then a line a problem, as print() writes them.
 */
struct pairing_case {
	const char *title, *options, *left, *right, *known, *wanted;
};

static struct arena *arena;

/* ---- reading ---- */

/* The next part of ${*text} before ${end}, without blanks around it; NULL at the end. */
static char *next_part(const char **text, const char *end)
{
	if (*text == NULL || **text == '\0')
		return NULL;
	const char *stop = strstr(*text, end);
	size_t n = stop == NULL ? strlen(*text) : (size_t)(stop - *text);
	const char *start = *text;
	*text = stop == NULL ? NULL : stop + strlen(end);
	while (n > 0 && *start == ' ') {
		start++;
		n--;
	}
	while (n > 0 && start[n - 1] == ' ')
		n--;
	return arena_strndup(arena, start, n);
}

static const struct {
	const char *word;
	uint32_t use;
} use_words[] = {{"\\All", USE_ALL}, {"\\Archive", USE_ARCHIVE}, {"\\Drafts", USE_DRAFTS},
	{"\\Flagged", USE_FLAGGED}, {"\\Junk", USE_JUNK}, {"\\Sent", USE_SENT},
	{"\\Trash", USE_TRASH}};

static void read_word(struct mailbox *box, const char *word)
{
	if (strncmp(word, "id:", 3) == 0)
		box->id = word + 3;
	else if (strncmp(word, "epoch:", 6) == 0)
		box->epoch = word + 6;
	else if (strcmp(word, "level") == 0)
		box->selectable = false;
	else if (strcmp(word, "subscribed") == 0)
		box->subscribed = true;
	for (size_t i = 0; i < sizeof use_words / sizeof *use_words; i++)
		if (strcmp(word, use_words[i].word) == 0)
			box->use |= use_words[i].use;
}

static struct mailbox read_mailbox(const char *text)
{
	struct mailbox box = {.selectable = true};
	box.name = next_part(&text, "|");
	for (char *word; (word = next_part(&text, " ")) != NULL;)
		read_word(&box, word);
	return box;
}

static struct mailbox_list read_listing(const char *text)
{
	struct mailbox_list list = {0};
	for (char *part; (part = next_part(&text, ";")) != NULL;)
		*ARENA_PUSH(arena, list.at, list.n, list.cap) = read_mailbox(part);
	return list;
}

static struct state_twin *read_known(const char *text, size_t *n)
{
	struct state_twin *known = NULL;
	size_t cap = 0;
	*n = 0;
	for (const char *part; (part = next_part(&text, ";")) != NULL;) {
		struct state_twin *twin = ARENA_PUSH(arena, known, *n, cap);
		twin->id = (int64_t)*n;
		for (enum side s = LEFT; s <= RIGHT; s++) {
			struct mailbox box = read_mailbox(next_part(&part, " = "));
			twin->name[s] = box.name;
			twin->mailbox[s] = box.id;
			twin->epoch[s] = box.epoch;
		}
	}
	return known;
}

static struct pattern_list *read_patterns(const char *text)
{
	struct pattern_list *list = arena_alloc(arena, sizeof *list);
	const char **at = NULL;
	size_t cap = 0;
	for (char *part; (part = next_part(&text, " ")) != NULL;)
		*ARENA_PUSH(arena, at, list->n, cap) = part;
	list->at = at;
	return list;
}

struct options {
	struct pair_config pair;
	const struct pattern_list *only;
	struct rename_rule rule[4];
};

static const struct store_config work = {.name = "work"}, laptop = {.name = "laptop"};

static void read_create(struct pair_config *pair, const char *text)
{
	pair->create[LEFT] = strcmp(text, "both") == 0 || strcmp(text, "left") == 0;
	pair->create[RIGHT] = strcmp(text, "both") == 0 || strcmp(text, "right") == 0;
}

static void read_option(struct options *o, const char *text)
{
	const char *rest = text;
	const char *word = next_part(&rest, " ");
	static const char *const modes[] = {"between", "copy", "mirror", "move"};
	for (enum mode m = MODE_BETWEEN; m <= MODE_MOVE; m++)
		if (strcmp(text, modes[m]) == 0)
			o->pair.mode = m;
	if (strcmp(word, "rename") == 0) {
		o->rule[o->pair.renames].from = next_part(&rest, " > ");
		o->rule[o->pair.renames++].to = next_part(&rest, " > ");
	} else if (strcmp(word, "mailboxes") == 0) {
		o->pair.mailboxes = read_patterns(rest);
	} else if (strcmp(word, "only") == 0) {
		o->only = read_patterns(rest);
	} else if (strcmp(word, "trash") == 0) {
		o->pair.trash = rest;
	} else if (strcmp(word, "create") == 0) {
		read_create(&o->pair, rest);
	} else if (strcmp(word, "propagate") == 0) {
		o->pair.propagate_mailboxes = true;
	} else if (strcmp(word, "no") == 0) {
		o->pair.special_use = false;
	} else if (strcmp(word, "any") == 0) {
		o->pair.max_deletions.kind = LIMIT_ANY;
	}
}

static struct options *read_options(const char *text)
{
	struct options *o = arena_alloc(arena, sizeof *o);
	o->pair = (struct pair_config){.name = "p",
		.where = "config.yml:9:5",
		.store = {&work, &laptop},
		.mailboxes = read_patterns("**"),
		.rename = o->rule,
		.special_use = true,
		.create = {true, true}};
	for (char *part; (part = next_part(&text, ", ")) != NULL;)
		read_option(o, part);
	return o;
}

/* ---- writing ---- */

static void print_side(struct buffer *out, const struct pairing *p, enum side s)
{
	buffer_puts(out, p->name[s]);
	if (p->create[s])
		buffer_puts(out, " (new)");
	else if (p->box[s] == NULL)
		buffer_puts(out, " (gone)");
	if (p->rename_to[s] != NULL)
		buffer_printf(out, " (to be %s%s)", p->rename_to[s],
			p->with_level[s] ? " by its level" : "");
	if (p->confirm[s])
		buffer_puts(out, " (confirm)");
	if (p->box[s] != NULL)
		assert_string_equal(p->box[s]->name, p->name[s]);
}

static void print_pairing(struct buffer *out, const struct pairing *p)
{
	static const char *const actions[] = {"sync", "leave", "remove", "forget"};
	buffer_printf(out, "%s%s ", actions[p->action], p->known != NULL ? " known" : "");
	print_side(out, p, LEFT);
	buffer_puts(out, " = ");
	print_side(out, p, RIGHT);
	if (p->action == PAIRING_REMOVE)
		buffer_printf(out, " from %s", p->to == LEFT ? "left" : "right");
	for (size_t i = 0; i < sizeof use_words / sizeof *use_words; i++)
		if (p->use & use_words[i].use)
			buffer_printf(out, " %s", use_words[i].word);
	buffer_puts(out, p->subscribe ? " subscribed\n" : "\n");
}

static const char *print(const struct pairings *all, const struct error *err)
{
	struct buffer out;
	buffer_init(&out, 100000);
	buffer_puts(&out, all == NULL ? err->text : "");
	for (size_t i = 0; all != NULL && i < all->n; i++)
		print_pairing(&out, &all->at[i]);
	for (size_t i = 0; all != NULL && i < all->problems; i++) {
		const struct pairing_problem *p = &all->problem[i];
		buffer_printf(&out, "%s %s %s: %s\n", p->cause == CAUSE_DOUBT ? "doubt" : "problem",
			p->side == LEFT ? "left" : "right", p->mailbox == NULL ? "-" : p->mailbox,
			p->text);
	}
	const char *text = arena_strdup(arena, out.data == NULL ? "" : out.data);
	buffer_finish(&out);
	return text;
}

static void run_cases(const struct pairing_case *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		arena = arena_new();
		struct error err = {0};
		struct options *o = read_options(at[i].options);
		struct mailbox_list left = read_listing(at[i].left);
		struct mailbox_list right = read_listing(at[i].right);
		size_t n_known;
		struct state_twin *known = read_known(at[i].known, &n_known);
		const struct pairings *all =
			pairing_make(&o->pair, &left, &right, known, n_known, o->only, arena, &err);
		const char *got = print(all, &err);
		if (strcmp(got, at[i].wanted) != 0)
			fail_msg("%s:\n%s(wanted)\n%s", at[i].title, got, at[i].wanted);
		assert_true(all != NULL || err.cause == CAUSE_CONFIG);
		arena_free(arena);
	}
}

#define RUN(cases) run_cases(cases, sizeof(cases) / sizeof *(cases))

/* ---- first pairings ---- */

static void mailboxes_are_paired_by_rule_then_name_then_use(void **state)
{
	(void)state;
	static const struct pairing_case cases[] = {
		{"equal names, and each side's own is made on the other", "between",
			"Work; INBOX; Z|subscribed", "INBOX; Home; Work", "",
			"sync INBOX = INBOX\n"
			"sync Home (new) = Home\n"
			"sync Work = Work\n"
			"sync Z = Z (new) subscribed\n"},
		{"one way, B's own is left alone", "copy", "A", "B", "", "sync A = A (new)\n"},
		{"also in a mirror", "mirror", "A", "B", "", "sync A = A (new)\n"},
		{"in a mirror of mailboxes too it goes, but not INBOX or a level of A",
			"mirror, propagate", "A; L|level", "INBOX; A; B; L", "",
			"sync A = A\n"
			"remove B (gone) = B from right\n"},
		{"a rule comes before a name", "copy, rename Foo > Bar", "Foo", "Foo; Bar", "",
			"sync Foo = Bar\n"},
		{"a rule carries wildcards over, both ways", "between, rename Old/** > New/**",
			"Old; Old/a/b; c", "New/a/b; New/d", "",
			"sync Old = New (new)\n"
			"sync Old/a/b = New/a/b\n"
			"sync Old/d (new) = New/d\n"
			"sync c = c (new)\n"},
		{"the first rule that matches counts", "copy, rename A/* > B/*, rename ** > C/**",
			"A/x; D", "", "",
			"sync A/x = B/x (new)\n"
			"sync D = C/D (new)\n"},
		{"special use, whatever it is called", "between", "INBOX; Sent|\\Sent; Bin|\\Trash",
			"INBOX; Gesendet|\\Sent; Papierkorb|\\Trash", "",
			"sync INBOX = INBOX\n"
			"sync Bin = Papierkorb\n"
			"sync Sent = Gesendet\n"},
		{"not when it is off", "copy, no special use", "Sent|\\Sent", "Gesendet|\\Sent", "",
			"sync Sent = Sent (new)\n"},
		{"two of one use pair by name only", "copy", "Sent|\\Sent; Sent2|\\Sent",
			"Gesendet|\\Sent", "",
			"sync Sent = Sent (new)\n"
			"sync Sent2 = Sent2 (new)\n"},
		{"two of one use, one of them paired by name", "copy", "Sent|\\Sent",
			"Sent; Gesendet|\\Sent; Other|\\Sent", "", "sync Sent = Sent\n"},
		{"names come before use", "copy", "Sent|\\Sent", "Gesendet|\\Sent; Sent", "",
			"sync Sent = Sent\n"},
		{"a rule comes before use", "copy, rename Sent > Post", "Sent|\\Sent",
			"Gesendet|\\Sent", "", "sync Sent = Post (new)\n"},
		{"a new mailbox gets its use, unless there is one", "copy",
			"D|\\Drafts; J|\\Junk; J2|\\Junk; S|\\Sent; S2|\\Sent",
			"J|\\Junk; T|\\Sent", "",
			"sync D = D (new) \\Drafts\n"
			"sync J = J\n"
			"sync J2 = J2 (new)\n"
			"sync S = S (new)\n"
			"sync S2 = S2 (new)\n"},
		{"levels hold nothing, and are no obstacle", "between", "A|level; A/b; C",
			"A; C|level", "",
			"sync A (new) = A\n"
			"sync A/b = A/b (new)\n"
			"sync C = C (new)\n"},
		{"nothing is made where nothing may be", "between, create none", "A; B", "B; C", "",
			"sync B = B\n"},
		{"made on one side only", "between, create left", "A", "C", "",
			"sync C (new) = C\n"},
	};
	RUN(cases);
}

static void what_takes_part_is_said_by_patterns_of_As_names(void **state)
{
	(void)state;
	static const struct pairing_case cases[] = {
		{"patterns", "between, mailboxes ** !Junk !Trash/**", "INBOX; Junk; Trash; Trash/a",
			"INBOX; Junk; Trash/b; N", "",
			"sync INBOX = INBOX\n"
			"sync N (new) = N\n"},
		{"what is left out on A does not come back from B under B's name",
			"between, mailboxes ** !Junk", "INBOX; Junk|\\Junk", "INBOX; Spam|\\Junk",
			"", "sync INBOX = INBOX\n"},
		{"a pattern that names nothing is told (S44)",
			"mirror, propagate, mailboxes Lsts/**", "INBOX; Lists/a", "INBOX; Lists/a",
			"Lists/a = Lists/a",
			"problem left -: none of its mailboxes takes part: 'mailboxes' names none "
			"that is there\n"},
		{"patterns know B's mailboxes by the names that A would give them",
			"between, mailboxes Old/**, rename Old/** > New/**", "x", "New/y; Old/z",
			"",
			"sync Old/y (new) = New/y\n"
			"sync Old/z (new) = Old/z\n"},
		{"views of others only by name", "between", "INBOX; All|\\All; Stars|\\Flagged",
			"INBOX", "", "sync INBOX = INBOX\n"},
		{"a view that is named", "copy, mailboxes ** All", "INBOX; All|\\All", "INBOX", "",
			"sync INBOX = INBOX\nsync All = All (new)\n"},
		{"a view that is named and excluded", "copy, mailboxes All !A*", "All|\\All", "",
			"",
			"problem left -: none of its mailboxes takes part: 'mailboxes' names none "
			"that is there\n"},
		{"a view on the other side is one too", "between", "All", "All|\\All", "", ""},
		{"a view named on the command line", "copy, only All", "INBOX; All|\\All", "INBOX",
			"", "sync All = All (new)\n"},
		{"the command line narrows, and does not widen", "copy, mailboxes A B, only B C",
			"A; B; C", "A; B; C", "", "sync B = B\n"},
		{"a wildcard on the command line leaves a named view in",
			"copy, mailboxes ** All, only **", "All|\\All", "", "",
			"sync All = All (new)\n"},
		{"trash takes no part, whatever the patterns say", "between, trash Trash",
			"A; Trash", "A; Trash", "", "sync A = A\n"},
		{"nor what is its twin by use", "mirror, trash Bin", "Deleted|\\Trash",
			"Bin|\\Trash", "", ""},
		{"nor what would be made by its name", "mirror, trash Trash/", "Trash", "", "", ""},
		{"the side that loses nothing has none", "mirror, trash Bin, rename Bin > Old",
			"Bin", "Bin", "", "sync Bin = Old (new)\n"},
		{"a move loses on A", "move, trash Bin, rename Bin > Old", "Bin", "", "", ""},
		{"known pairings too", "between, mailboxes A, trash T", "A; B; T", "A; B; T",
			"A = A; B = B; T = T; C = C", "sync known A = A\n"},
	};
	RUN(cases);
}

static void S24_two_mailboxes_never_become_one(void **state)
{
	(void)state;
	static const struct pairing_case cases[] = {
		{"by a rule: a mistake", "copy, rename Foo > Bar", "Foo; Bar", "", "",
			"config.yml:9:5: pairs.p.rename: 'Bar' and 'Foo' on work would both be "
			"'Bar' on laptop"},
		{"with what is there already", "copy, rename Foo > Bar", "Foo; Bar", "Bar",
			"Bar = Bar",
			"config.yml:9:5: pairs.p.rename: 'Bar' and 'Foo' on work would both be "
			"'Bar' on laptop"},
		{"two rules", "copy, rename A > C, rename B > C", "A; B", "C", "",
			"config.yml:9:5: pairs.p.rename: 'A' and 'B' on work would both be 'C' on "
			"laptop"},
		{"two rules, nothing there yet", "copy, rename A > C, rename B > C", "A; B", "", "",
			"config.yml:9:5: pairs.p.rename: 'A' and 'B' on work would both be 'C' on "
			"laptop"},
		{"from the other side", "between, rename Foo > Bar", "Foo", "Foo; Bar", "",
			"config.yml:9:5: pairs.p.rename: 'Bar' and 'Foo' on laptop would both be "
			"'Foo' on work"},
		{"what takes no part is no obstacle", "copy, rename Foo > Bar, mailboxes ** !Bar",
			"Foo; Bar", "Bar", "", "sync Foo = Bar\n"},
		{"rules that change places", "between, rename A > B, rename B > A", "A; B", "A; B",
			"", "sync A = B\nsync B = A\n"},
		{"without a rule the later is left out", "copy", "A; B", "A; B", "A = B",
			"sync known A = B\n"
			"problem left B: left out: 'B' on laptop is the twin of 'A' already\n"},
		{"listed twice", "copy", "A; A; L|level; L|level", "A", "",
			"sync A = A\n"
			"problem left A: left out: there is another mailbox of this name\n"},
		{"case only", "copy", "Foo; foo", "", "",
			"sync Foo = Foo (new)\n"
			"problem left foo: left out: on laptop it could be taken for 'Foo', which "
			"differs in case or normalisation only; rename one of them\n"},
		{"case only, with one that is there", "between", "foo", "Foo", "",
			"problem left foo: left out: on laptop it could be taken for 'Foo', which "
			"differs in case or normalisation only; rename one of them\n"
			"problem right Foo: left out: on work it could be taken for 'foo', which "
			"differs in case or normalisation only; rename one of them\n"},
		{"normalisation only", "copy", "B\xc3\xbc; Bu\xcc\x88", "B\xc3\xbc", "",
			"sync B\xc3\xbc = B\xc3\xbc\n"
			"problem left Bu\xcc\x88: left out: on laptop it could be taken for "
			"'B\xc3\xbc', which differs in case or normalisation only; rename one of "
			"them\n"},
		{"a level above", "copy", "Foo/a; foo/b", "", "",
			"sync Foo/a = Foo/a (new)\n"
			"problem left foo/b: left out: on laptop it could be taken for 'Foo', "
			"which "
			"differs in case or normalisation only; rename one of them\n"},
		{"a side that has both tells them apart", "copy", "Foo; foo; bar", "Foo; foo; Bar",
			"",
			"sync Foo = Foo\n"
			"sync bar = bar (new)\n"
			"sync foo = foo\n"},
		{"not what takes no part", "copy, mailboxes ** !foo", "Foo; foo", "", "",
			"sync Foo = Foo (new)\n"},
		{"nor where nothing is made", "copy, create none", "Foo; foo", "Foo", "",
			"sync Foo = Foo\n"},
	};
	RUN(cases);
}

/* ---- pairings of the state ---- */

static void a_pairing_stays_while_both_mailboxes_are_there(void **state)
{
	(void)state;
	static const struct pairing_case cases[] = {
		{"whatever rules and names say now", "copy, rename A > C", "A; X", "B; C; A",
			"A = B; X = A",
			"sync known A = B\n"
			"sync known X = A\n"},
		{"but a rule that wants to give it away is a mistake", "between, rename A > C", "A",
			"B; C", "A = B",
			"config.yml:9:5: pairs.p.rename: 'B' and 'C' on laptop would both be 'A' "
			"on "
			"work"},
		{"gone on one side: left alone on the other, and not made again", "between",
			"INBOX; A", "INBOX; B", "INBOX = INBOX; A = A; B = B",
			"sync known INBOX = INBOX\n"
			"leave known A = A (gone)\n"
			"leave known B (gone) = B\n"},
		{"in every mode", "mirror", "A; C", "B; C", "A = A; B = B; C = C",
			"leave known A = A (gone)\n"
			"leave known B (gone) = B\n"
			"sync known C = C\n"},
		{"a vanished twin's name is not given to another", "copy, rename X > A", "A; X",
			"INBOX", "A = A; INBOX = INBOX",
			"config.yml:9:5: pairs.p.rename: 'A' and 'X' on work "
			"would both be 'A' on laptop"},
		{"a deletion is carried over where that is asked for", "between, propagate",
			"INBOX; A; C", "INBOX; B; C", "A = A; B = B; C = C; INBOX = INBOX",
			"sync known INBOX = INBOX\n"
			"remove known A = A (gone) from left\n"
			"remove known B (gone) = B from right\n"
			"sync known C = C\n"},
		{"in a mirror only from A to B", "mirror, propagate", "A; C", "B; C",
			"A = A; B = B; C = C",
			"leave known A = A (gone)\n"
			"remove known B (gone) = B from right\n"
			"sync known C = C\n"},
		{"never in a copy", "copy, propagate", "C", "B; C", "B = B; C = C",
			"leave known B (gone) = B\n"
			"sync known C = C\n"},
		{"never INBOX", "between, propagate", "X; C", "INBOX; C", "INBOX = INBOX; C = C",
			"leave known INBOX (gone) = INBOX\n"
			"sync known C = C\n"
			"sync X = X (new)\n"},
		{"what became a level was not deleted", "between, propagate", "A|level; C", "A; C",
			"A = A; C = C",
			"leave known A (gone) = A\n"
			"sync known C = C\n"},
		{"gone on both sides: forgotten", "between", "C", "C; D", "A = B; C = C",
			"forget known A (gone) = B (gone)\n"
			"sync known C = C\n"
			"sync D (new) = D\n"},
		{"the same name again, under a new epoch: the same pairing", "between",
			"A|epoch:2 id:9", "A|epoch:1", "A|epoch:1 id:5 = A|epoch:1",
			"sync known A = A\n"},
	};
	RUN(cases);
}

static void S43_a_renamed_mailbox_is_followed(void **state)
{
	(void)state;
	static const struct pairing_case cases[] = {
		{"by its id, and carried over", "between", "B|id:5; C", "A; C", "A|id:5 = A; C = C",
			"sync known B = A (to be B)\n"
			"sync known C = C\n"},
		{"by an id whose epoch still holds: keys decide", "between", "B|id:5 epoch:1; C",
			"A; C", "A|id:5 epoch:1 = A; C = C",
			"sync known B (confirm) = A (to be B)\n"
			"sync known C = C\n"},
		{"from B to A", "between", "A; C", "B|id:5; C", "A = A|id:5; C = C",
			"sync known A (to be B) = B\n"
			"sync known C = C\n"},
		{"by its epoch, if the keys are there", "between", "B|epoch:7; C|epoch:8", "A; C",
			"A|epoch:7 = A; C|epoch:8 = C",
			"sync known B (confirm) = A (to be B)\n"
			"sync known C = C\n"},
		{"an epoch that several have tells nothing", "between", "B|epoch:1; C|epoch:1",
			"A; C", "A|epoch:1 = A; C|epoch:1 = C",
			"leave known A (gone) = A\n"
			"sync B = B (new)\n"
			"sync known C = C\n"},
		{"two vanished with one epoch", "between", "X|epoch:1; C", "A; B; C",
			"A|epoch:1 = A; B|epoch:1 = B; C = C",
			"leave known A (gone) = A\n"
			"leave known B (gone) = B\n"
			"sync known C = C\n"
			"sync X = X (new)\n"},
		{"another id, though the epoch is the same", "between", "B|epoch:7 id:2; C", "A; C",
			"A|epoch:7 id:1 = A; C = C",
			"leave known A (gone) = A\n"
			"sync B = B (new)\n"
			"sync known C = C\n"},
		{"by a rule it gets the name that the rule says", "between, rename Old/** > New/**",
			"Old/b|id:5; C", "New/a; C", "Old/a|id:5 = New/a; C = C",
			"sync known C = C\n"
			"sync known Old/b = New/a (to be New/b)\n"},
		{"in a mirror A's name is carried to B", "mirror", "B|id:5; C", "A; C",
			"A|id:5 = A; C = C",
			"sync known B = A (to be B)\n"
			"sync known C = C\n"},
		{"and B gets its old one back", "mirror", "A; C", "B|id:5; C", "A = A|id:5; C = C",
			"sync known A = B (to be A)\n"
			"sync known C = C\n"},
		{"in a copy B keeps its name", "copy", "B|id:5; C", "A; C", "A|id:5 = A; C = C",
			"sync known B = A\n"
			"sync known C = C\n"},
		{"and in a move", "move", "A; C", "B|id:5; C", "A = A|id:5; C = C",
			"sync known A = B\n"
			"sync known C = C\n"},
		{"what a mirror's run that was killed had carried over already", "mirror",
			"B|id:5; C", "B; C", "A|id:5 = A; C = C",
			"sync known B = B\n"
			"sync known C = C\n"},
		{"renamed on both sides, to one name", "between", "B|id:5; C", "B|id:6; C",
			"A|id:5 = A|id:6; C = C",
			"sync known B = B\n"
			"sync known C = C\n"},
		{"or to two", "between", "B|id:5; C", "D|id:6; C", "A|id:5 = A|id:6; C = C",
			"sync known B = D\n"
			"sync known C = C\n"},
		{"the name is taken", "between", "B|id:5; C", "A; B; C", "A|id:5 = A; C = C",
			"sync known B = A\n"
			"sync known C = C\n"
			"problem right B: left out: 'B' on work is the twin of 'A' already\n"},
		{"levels take along what is below them", "between",
			"Q|id:1; Q/a|id:2; Q/b/c|id:3; R|id:4", "P; P/a; P/b/c; P/x",
			"P|id:1 = P; P/a|id:2 = P/a; P/b/c|id:3 = P/b/c; P/x|id:4 = P/x",
			"sync known Q = P (to be Q)\n"
			"sync known Q/a = P/a (to be Q/a by its level)\n"
			"sync known Q/b/c = P/b/c (to be Q/b/c by its level)\n"
			"sync known R = P/x (to be R)\n"},
		{"INBOX is never renamed", "between", "B|id:5; C", "INBOX; C",
			"INBOX|id:5 = INBOX; C = C",
			"leave known INBOX (gone) = INBOX\n"
			"sync B = B (new)\n"
			"sync known C = C\n"},
		{"a name that the state knows did not appear", "between", "B|id:5; C", "A; B; C",
			"A|id:5 = A; B|id:9 = B; C = C",
			"leave known A (gone) = A\n"
			"sync known B = B\n"
			"sync known C = C\n"},
	};
	RUN(cases);
}

static void S27_S44_a_side_that_shrank_too_much_is_doubted(void **state)
{
	(void)state;
	static const struct pairing_case cases[] = {
		{"nothing is listed any more", "mirror, propagate", "", "A; B; N", "A = A; B = B",
			"leave known A (gone) = A\n"
			"leave known B (gone) = B\n"
			"doubt left -: it lists no mailbox, but 2 took part in the last sync; none "
			"is paired anew, renamed or removed\n"},
		{"not even if any deletion is allowed", "mirror, propagate, any", "X|level", "A",
			"A = A",
			"leave known A (gone) = A\n"
			"doubt left -: it lists no mailbox, but 1 took part in the last sync; none "
			"is paired anew, renamed or removed\n"},
		{"on both sides: nothing is forgotten", "between", "", "", "A = A",
			"leave known A (gone) = A (gone)\n"
			"doubt left -: it lists no mailbox, but 1 took part in the last sync; none "
			"is paired anew, renamed or removed\n"
			"doubt right -: it lists no mailbox, but 1 took part in the last sync; "
			"none "
			"is paired anew, renamed or removed\n"},
		{"all names are others", "between, propagate", "INBOX; INBOX/A; INBOX/B; M",
			"INBOX; A; B; M", "INBOX = INBOX; A = A; B = B",
			"sync known INBOX = INBOX\n"
			"leave known A (gone) = A\n"
			"leave known B (gone) = B\n"
			"doubt left -: it lists none of the 2 mailboxes that it had, but 3 others; "
			"none is paired anew, renamed or removed; --max-deletions any takes them "
			"as they "
			"are\n"},
		{"a person may say that it is right", "between, propagate, any",
			"INBOX; INBOX/A; INBOX/B", "INBOX; A; B", "INBOX = INBOX; A = A; B = B",
			"sync known INBOX = INBOX\n"
			"remove known A (gone) = A from right\n"
			"remove known B (gone) = B from right\n"
			"sync INBOX/A = INBOX/A (new)\n"
			"sync INBOX/B = INBOX/B (new)\n"},
		{"all renamed, and known to be: no doubt", "between",
			"INBOX; INBOX/A|id:1; INBOX/B|id:2", "INBOX; A; B",
			"INBOX = INBOX; A|id:1 = A; B|id:2 = B",
			"sync known INBOX = INBOX\n"
			"sync known INBOX/A = A (to be INBOX/A)\n"
			"sync known INBOX/B = B (to be INBOX/B)\n"},
		{"one that went while another came is an ordinary day", "between", "INBOX; X",
			"INBOX; A", "INBOX = INBOX; A = A",
			"sync known INBOX = INBOX\n"
			"leave known A (gone) = A\n"
			"sync X = X (new)\n"},
		{"a first run may begin with nothing", "mirror", "", "A", "", ""},
	};
	RUN(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mailboxes_are_paired_by_rule_then_name_then_use),
		cmocka_unit_test(what_takes_part_is_said_by_patterns_of_As_names),
		cmocka_unit_test(S24_two_mailboxes_never_become_one),
		cmocka_unit_test(a_pairing_stays_while_both_mailboxes_are_there),
		cmocka_unit_test(S43_a_renamed_mailbox_is_followed),
		cmocka_unit_test(S27_S44_a_side_that_shrank_too_much_is_doubted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
