#include "scene.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

struct words {
	char *at;
	const char *separators;
};

/* The next piece without blanks around it; NULL at the end. */
static char *next_piece(struct words *w)
{
	char *piece;
	while ((piece = strsep(&w->at, w->separators)) != NULL) {
		piece += strspn(piece, " \t");
		size_t len = strlen(piece);
		while (len > 0 && (piece[len - 1] == ' ' || piece[len - 1] == '\t'))
			piece[--len] = '\0';
		if (len > 0)
			return piece;
	}
	return NULL;
}

/* What follows ${prefix} in ${word}, or NULL. */
static const char *after(const char *word, const char *prefix)
{
	size_t len = strlen(prefix);
	return strncmp(word, prefix, len) == 0 ? word + len : NULL;
}

static bool parse_side(const char *word, enum side *side)
{
	*side = strcmp(word, "right") == 0 ? RIGHT : LEFT;
	return strcmp(word, "left") == 0 || *side == RIGHT;
}

static const char *digits_of(const char *key)
{
	size_t skip = strcspn(key, "0123456789");
	return key[skip] == '\0' ? key : key + skip;
}

/* ---- messages and rows ---- */

void scene_identity(struct identity *id, const char *content, const char *body)
{
	char text[64];
	snprintf(text, sizeof text, body == NULL ? "%s" : "%s/%s", content, body);
	memset(id, 0, sizeof *id);
	memcpy(id->octet, text, strnlen(text, IDENTITY_SIZE));
}

static const struct {
	const char *name;
	uint32_t bit;
} system_flags[] = {
	{"seen", FLAG_SEEN},
	{"answered", FLAG_ANSWERED},
	{"flagged", FLAG_FLAGGED},
	{"deleted", FLAG_DELETED},
	{"draft", FLAG_DRAFT},
};
#define N_SYSTEM_FLAGS (sizeof system_flags / sizeof *system_flags)

static flag_set add_flag(struct flag_table *flags, flag_set set, const char *word)
{
	for (size_t i = 0; i < N_SYSTEM_FLAGS; i++)
		if (strcmp(word, system_flags[i].name) == 0)
			return flags_union(flags, set, system_flags[i].bit);
	return flags_add_name(flags, set, word, strlen(word));
}

/* What messages and rows have in common. */
struct item {
	const char *content, *body, *emailid, *origin;
	uint64_t size;
	int64_t received;
	bool whole, unread, unreadable, out, verified, marked[2];
	uint16_t thrown;
	flag_set flags[2];
	int side; /* whose flags come next */
};

static void begin_item(struct item *item, const char *key)
{
	*item = (struct item){
		.content = digits_of(key), .body = "", .received = atoll(digits_of(key))};
}

static void item_word(struct scene *s, struct item *item, const char *word)
{
	const char *value;
	enum side side;
	if ((value = after(word, "is:")) != NULL)
		item->content = value;
	else if ((value = after(word, "body:")) != NULL)
		item->body = value;
	else if ((value = after(word, "id:")) != NULL)
		item->emailid = value;
	else if ((value = after(word, "origin:")) != NULL)
		item->origin = value;
	else if ((value = after(word, "size:")) != NULL)
		item->size = strtoull(value, NULL, 10);
	else if ((value = after(word, "date:")) != NULL)
		item->received = atoll(value);
	else if ((value = after(word, "thrown:")) != NULL)
		item->thrown = (uint16_t)atoi(value);
	else if ((value = after(word, "marked:")) != NULL && parse_side(value, &side))
		item->marked[side] = true;
	else if (strcmp(word, "whole") == 0)
		item->whole = true;
	else if (strcmp(word, "unread") == 0)
		item->unread = true;
	else if (strcmp(word, "unreadable") == 0)
		item->unreadable = true;
	else if (strcmp(word, "out") == 0)
		item->out = true;
	else if (strcmp(word, "verified") == 0)
		item->verified = true;
	else if (strcmp(word, "|") == 0)
		item->side = RIGHT;
	else if (strcmp(word, "-") != 0)
		item->flags[item->side] = add_flag(s->flags, item->flags[item->side], word);
}

static void item_words(struct scene *s, struct item *item, struct words *words)
{
	bool two = strchr(words->at == NULL ? "" : words->at, '|') != NULL;
	for (const char *word; (word = next_piece(words)) != NULL;)
		item_word(s, item, word);
	if (item->size == 0)
		item->size = 100 + strlen(item->body);
	if (!two)
		item->flags[RIGHT] = item->flags[LEFT];
}

static void add_beside(struct scene *s, const struct message_list *list, struct identity **beside)
{
	*beside = arena_grow(
		s->arena, *beside, (list->n - 1) * sizeof **beside, list->n * sizeof **beside);
}

/* All messages of a list have it, or none: "-" was asked for and not told. */
static void name_beside(struct scene *s, const struct message_list *list, struct identity **beside,
	const char *name)
{
	if (name == NULL)
		return;
	add_beside(s, list, beside);
	if (strcmp(name, "-") != 0)
		scene_identity(&(*beside)[list->n - 1], name, NULL);
}

static void add_message(struct scene *s, size_t t, enum side side, char *text)
{
	struct message_list *list = &s->list[t][side];
	struct words words = {text, " "};
	const char *key = arena_strdup(s->arena, next_piece(&words));
	struct item item;
	if (key[0] == '-') {
		*ARENA_PUSH(s->arena, list->gone, list->n_gone, list->cap_gone) = key + 1;
		return;
	}
	begin_item(&item, key);
	item_words(s, &item, &words);
	struct message *m = ARENA_PUSH(s->arena, list->at, list->n, list->cap);
	*m = (struct message){.key = key,
		.size = item.size,
		.received = item.received,
		.flags = item.flags[LEFT],
		.selected = !item.out,
		.unreadable = item.unreadable};
	if (!item.unread)
		scene_identity(&m->identity, item.content, NULL);
	add_beside(s, list, &list->digest);
	if (item.whole)
		scene_identity(&list->digest[list->n - 1], item.content, item.body);
	name_beside(s, list, &list->emailid, item.emailid);
	name_beside(s, list, &list->origin, item.origin);
}

/* "a1", "(a1)", "[a1]", "" */
static void parse_half(struct scene *s, struct row *row, enum side side, const char *text)
{
	size_t len = strlen(text);
	bool gone = text[0] == '(' || text[0] == '[';
	if (gone && len > 2)
		row->key[side] = arena_strndup(s->arena, text + 1, len - 2);
	else if (!gone && len > 0)
		row->key[side] = arena_strdup(s->arena, text);
	row->gone[side] = gone;
	row->taken[side] = text[0] == '[';
}

static void add_row(struct scene *s, size_t t, char *text)
{
	struct twin *twin = &s->twin[t];
	struct words words = {text, " "};
	char *keys = next_piece(&words), *equals = strchr(keys, '=');
	struct row *row = ARENA_PUSH(s->arena, s->row[t], twin->rows, s->cap_row[t]);
	struct item item;
	*equals = '\0';
	row->id = (int64_t)twin->rows;
	parse_half(s, row, LEFT, keys);
	parse_half(s, row, RIGHT, equals + 1);
	begin_item(&item, row->key[row->key[LEFT] == NULL ? RIGHT : LEFT]);
	item_words(s, &item, &words);
	row->size = item.size;
	row->received = item.received;
	row->thrown = item.thrown;
	row->verified = item.verified;
	row->excluded = item.out;
	row->unreadable = item.unreadable;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		row->flags[side] = row->key[side] == NULL ? 0 : item.flags[side];
		row->marked[side] = item.marked[side];
	}
	if (!item.unread)
		scene_identity(&row->identity, item.content, NULL);
	if (item.whole)
		scene_identity(&row->digest, item.content, item.body);
}

/* ---- everything else ---- */

static bool add_intent(struct scene *s, size_t t, char *text)
{
	struct words words = {text, " "};
	const char *source = next_piece(&words), *arrow = next_piece(&words);
	const char *to = next_piece(&words), *how = next_piece(&words), *key = next_piece(&words);
	struct twin *twin = &s->twin[t];
	struct intent *all = (struct intent *)twin->intent;
	if (arrow == NULL || key == NULL)
		return false;
	struct intent *intent = ARENA_PUSH(s->arena, all, twin->intents, s->cap_intent[t]);
	intent->source = arena_strdup(s->arena, source);
	if (strcmp(how, "as") == 0) {
		intent->key = arena_strdup(s->arena, key);
	} else {
		intent->epoch = "1";
		intent->next = arena_strdup(s->arena, key);
	}
	twin->intent = all;
	return parse_side(to, &intent->to);
}

static void holds(struct scene *s, size_t t, enum side side, struct words *words)
{
	struct flag_storable *storable = &s->list[t][side].box.storable;
	*storable = (struct flag_storable){0, false};
	for (const char *word; (word = next_piece(words)) != NULL;) {
		if (strcmp(word, "*") == 0)
			storable->new_keywords = true;
		else
			storable->listed = add_flag(s->flags, storable->listed, word);
	}
}

static bool next_piece_is(struct scene *s, struct words *words, const char **piece)
{
	const char *next = next_piece(words);
	if (next != NULL)
		*piece = arena_strdup(s->arena, next);
	return next != NULL;
}

static bool add_circumstance(struct scene *s, size_t t, char *text)
{
	static const struct {
		const char *name;
		size_t offset;
	} bits[] = {
		{"new epoch ", offsetof(struct twin, new_epoch)},
		{"unsure ", offsetof(struct twin, unsure)},
		{"no deletes ", offsetof(struct twin, no_deletes)},
		{"read-only ", offsetof(struct twin, read_only)},
		{"exempt ", offsetof(struct twin, exempt)},
	};
	struct twin *twin = &s->twin[t];
	struct words words = {text, " "};
	const char *value;
	enum side side;
	for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
		bool *both = (bool *)((char *)twin + bits[i].offset);
		if ((value = after(text, bits[i].name)) == NULL)
			continue;
		return parse_side(value, &side) && (both[side] = true);
	}
	const char *word = next_piece(&words);
	if (strcmp(word, "drafts") == 0)
		return twin->drafts = true;
	if ((value = next_piece(&words)) == NULL || !parse_side(value, &side))
		return false;
	if (strcmp(word, "partial") == 0)
		return s->list[t][side].partial = true;
	if (strcmp(word, "born") == 0 && next_piece_is(s, &words, &twin->born[side]))
		return true;
	if (strcmp(word, "missing") == 0)
		return (twin->list[side] = NULL) == NULL;
	if (strcmp(word, "holds") != 0)
		return false;
	holds(s, t, side, &words);
	return true;
}

static bool add_option(struct scene *s, const char *word)
{
	if (strcmp(word, "expunge") == 0)
		return s->policy.expunge = true;
	if (strcmp(word, "bring-back") == 0)
		return s->policy.bring_back = true;
	if (strcmp(word, "keep") == 0)
		return !(s->policy.propagate = false);
	if (strcmp(word, "no-flags") == 0)
		return !(s->policy.flags = false);
	if (strcmp(word, "same-server") == 0)
		return s->policy.same_server = true;
	if (strcmp(word, "keeps") == 0)
		return s->policy.keeps = true;
	if (strcmp(word, "rewrites") == 0)
		return s->policy.rewrites = true;
	return false;
}

static bool set_mode(struct scene *s, const char *word)
{
	static const char *const names[] = {[MODE_BETWEEN] = "between",
		[MODE_COPY] = "copy",
		[MODE_MIRROR] = "mirror",
		[MODE_MOVE] = "move"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(word, names[i]) != 0)
			continue;
		s->policy.mode = (enum mode)i;
		return true;
	}
	return false;
}

static void add_mailbox(struct scene *s, const char *name)
{
	size_t t = s->n++;
	for (enum side side = LEFT; side <= RIGHT; side++) {
		struct message_list *list = &s->list[t][side];
		list->box.name = arena_strdup(s->arena, name);
		list->box.epoch = "1";
		list->box.storable = (struct flag_storable){FLAG_SYSTEM_SETS - 1, true};
		s->twin[t].list[side] = list;
	}
}

static bool add_item(struct scene *s, const char *section, char *text)
{
	enum side side;
	if (strcmp(section, "mode") == 0)
		return set_mode(s, text);
	if (strcmp(section, "options") == 0)
		return add_option(s, text);
	if (strcmp(section, "mailbox") == 0) {
		add_mailbox(s, text);
		return true;
	}
	if (s->n == 0)
		add_mailbox(s, "INBOX");
	if (strcmp(section, "intent") == 0)
		return add_intent(s, s->n - 1, text);
	if (strcmp(section, "also") == 0)
		return add_circumstance(s, s->n - 1, text);
	if (parse_side(section, &side))
		add_message(s, s->n - 1, side, text);
	else if (strcmp(section, "base") == 0)
		add_row(s, s->n - 1, text);
	else
		return false;
	return true;
}

/* Lines of a plan: one step each, without the blanks around them. */
static void add_lines(struct scene *s, const char **lines, char *text)
{
	text += strspn(text, " \t");
	if (*text != '\0')
		*lines = arena_printf(s->arena, "%s%s\n", *lines == NULL ? "" : *lines, text);
	else if (*lines == NULL)
		*lines = "";
}

bool scene_parse(const char *text, struct flag_table *flags, struct scene *s, const char **plan,
	const char **notes)
{
	*s = (struct scene){.arena = arena_new(),
		.flags = flags,
		.policy = {.mode = MODE_BETWEEN, .flags = true, .propagate = true}};
	*plan = *notes = NULL;
	char *copy = arena_strdup(s->arena, text), *section = NULL;
	bool ok = true;
	for (char *line; ok && (line = strsep(&copy, "\n")) != NULL;) {
		char *colon = strchr(line, ':');
		if (line[0] == '#' || line[0] == '\0')
			continue;
		if (line[0] != ' ' && line[0] != '\t') {
			if (colon == NULL)
				return false;
			*colon = '\0';
			section = line;
			line = colon + 1;
		}
		if (section != NULL && strcmp(section, "plan") == 0) {
			add_lines(s, plan, line);
			continue;
		}
		struct words items = {line, ","};
		for (char *item; ok && (item = next_piece(&items)) != NULL;) {
			if (section != NULL && strcmp(section, "notes") == 0)
				add_lines(s, notes, item);
			else
				ok = section != NULL && add_item(s, section, item);
		}
	}
	if (s->n == 0)
		add_mailbox(s, "INBOX");
	for (size_t t = 0; t < s->n; t++)
		s->twin[t].row = s->row[t];
	return ok;
}
