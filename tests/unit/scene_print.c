#include <string.h>

#include "scene.h"

static const char *const side_names[] = {[LEFT] = "left", [RIGHT] = "right"};

/* ---- messages and rows ---- */

static void put_flags(const struct scene *s, struct buffer *out, flag_set set)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{FLAG_SEEN, "seen"},
		{FLAG_ANSWERED, "answered"},
		{FLAG_FLAGGED, "flagged"},
		{FLAG_DELETED, "deleted"},
		{FLAG_DRAFT, "draft"},
	};
	size_t n;
	const char *const *keywords = flags_keywords(s->flags, set, &n);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (flags_system(s->flags, set) & names[i].bit)
			buffer_printf(out, " %s", names[i].name);
	for (size_t i = 0; i < n; i++)
		buffer_printf(out, " %s", keywords[i]);
}

static void put_content(struct buffer *out, const struct identity *header,
	const struct identity *whole, uint64_t size, int64_t received)
{
	char text[IDENTITY_SIZE + 1] = "";
	memcpy(text, (identity_known(whole) ? whole : header)->octet, IDENTITY_SIZE);
	char *body = strchr(text, '/');
	if (body != NULL)
		*body++ = '\0';
	if (text[0] != '\0')
		buffer_printf(out, " is:%s", text);
	else
		buffer_puts(out, " unread");
	if (body != NULL && *body != '\0')
		buffer_printf(out, " body:%s", body);
	if (body != NULL)
		buffer_puts(out, " whole");
	buffer_printf(out, " size:%llu date:%lld", (unsigned long long)size, (long long)received);
}

static void put_beside(
	struct buffer *out, const char *word, const struct identity *beside, size_t m)
{
	if (beside != NULL)
		buffer_printf(out, " %s:%.*s", word, IDENTITY_SIZE,
			identity_known(&beside[m]) ? (const char *)beside[m].octet : "-");
}

static void print_list(const struct scene *s, size_t t, enum side side, struct buffer *out)
{
	static const struct identity unknown;
	const struct message_list *list = &s->list[t][side];
	buffer_printf(out, "%s:\n", side_names[side]);
	for (size_t i = 0; i < list->n; i++) {
		const struct message *m = &list->at[i];
		buffer_printf(out, "  %s", m->key);
		put_flags(s, out, m->flags);
		put_content(out, &m->identity, list->digest == NULL ? &unknown : &list->digest[i],
			m->size, m->received);
		put_beside(out, "id", list->emailid, i);
		put_beside(out, "origin", list->origin, i);
		buffer_puts(out, m->unreadable ? " unreadable" : "");
		buffer_puts(out, m->selected ? "\n" : " out\n");
	}
	for (size_t i = 0; i < list->n_gone; i++)
		buffer_printf(out, "  -%s\n", list->gone[i]);
}

static void put_half(struct buffer *out, const struct row *row, enum side side)
{
	if (row->key[side] == NULL && !row->gone[side])
		return;
	buffer_printf(out,
		row->taken[side]  ? "[%s]"
		: row->gone[side] ? "(%s)"
				  : "%s",
		row->key[side] == NULL ? "" : row->key[side]);
}

static void print_rows(const struct scene *s, size_t t, struct buffer *out)
{
	buffer_puts(out, "base:\n");
	for (size_t i = 0; i < s->twin[t].rows; i++) {
		const struct row *row = &s->twin[t].row[i];
		buffer_puts(out, "  ");
		put_half(out, row, LEFT);
		buffer_puts(out, "=");
		put_half(out, row, RIGHT);
		put_flags(s, out, row->flags[LEFT]);
		buffer_puts(out, " |");
		put_flags(s, out, row->flags[RIGHT]);
		put_content(out, &row->identity, &row->digest, row->size, row->received);
		if (row->thrown > 0)
			buffer_printf(out, " thrown:%u", row->thrown);
		for (enum side side = LEFT; side <= RIGHT; side++)
			if (row->marked[side])
				buffer_printf(out, " marked:%s", side_names[side]);
		buffer_puts(out, row->unreadable ? " unreadable" : "");
		buffer_puts(out, row->excluded ? " out\n" : "\n");
	}
}

/* ---- everything else ---- */

static void print_sides(struct buffer *out, const char *name, const bool sides[2])
{
	for (enum side side = LEFT; side <= RIGHT; side++)
		if (sides[side])
			buffer_printf(out, "  %s %s\n", name, side_names[side]);
}

static void print_circumstances(const struct scene *s, size_t t, struct buffer *out)
{
	const struct twin *twin = &s->twin[t];
	bool missing[2] = {twin->list[LEFT] == NULL, twin->list[RIGHT] == NULL};
	bool partial[2] = {s->list[t][LEFT].partial, s->list[t][RIGHT].partial};
	buffer_puts(out, "also:\n");
	print_sides(out, "new epoch", twin->new_epoch);
	print_sides(out, "unsure", twin->unsure);
	print_sides(out, "no deletes", twin->no_deletes);
	print_sides(out, "read-only", twin->read_only);
	print_sides(out, "missing", missing);
	print_sides(out, "partial", partial);
	for (enum side side = LEFT; side <= RIGHT; side++)
		if (twin->born[side] != NULL)
			buffer_printf(out, "  born %s %s\n", side_names[side], twin->born[side]);
	if (twin->drafts)
		buffer_puts(out, "  drafts\n");
	for (enum side side = LEFT; side <= RIGHT; side++) {
		const struct flag_storable *storable = &s->list[t][side].box.storable;
		if (storable->new_keywords && storable->listed == FLAG_SYSTEM_SETS - 1)
			continue;
		buffer_printf(out, "  holds %s", side_names[side]);
		put_flags(s, out, storable->listed);
		buffer_puts(out, storable->new_keywords ? " *\n" : "\n");
	}
}

static void print_intents(const struct scene *s, size_t t, struct buffer *out)
{
	for (size_t i = 0; i < s->twin[t].intents; i++) {
		const struct intent *intent = &s->twin[t].intent[i];
		buffer_printf(out, "intent: %s -> %s %s %s\n", intent->source,
			side_names[intent->to], intent->key != NULL ? "as" : "from",
			intent->key != NULL ? intent->key : intent->next);
	}
}

void scene_print(const struct scene *s, struct buffer *out)
{
	static const char *const modes[] = {"between", "copy", "mirror", "move"};
	buffer_printf(out, "mode: %s\n", modes[s->policy.mode]);
	if (s->policy.expunge)
		buffer_puts(out, "options: expunge\n");
	if (s->policy.bring_back)
		buffer_puts(out, "options: bring-back\n");
	if (!s->policy.propagate)
		buffer_puts(out, "options: keep\n");
	if (!s->policy.flags)
		buffer_puts(out, "options: no-flags\n");
	if (s->policy.same_server)
		buffer_puts(out, "options: same-server\n");
	if (s->policy.keeps)
		buffer_puts(out, "options: keeps\n");
	if (s->policy.rewrites)
		buffer_puts(out, "options: rewrites\n");
	for (size_t t = 0; t < s->n; t++) {
		buffer_printf(out, "mailbox: %s\n", s->list[t][LEFT].box.name);
		print_list(s, t, LEFT, out);
		print_list(s, t, RIGHT, out);
		print_rows(s, t, out);
		print_intents(s, t, out);
		print_circumstances(s, t, out);
	}
}

/* ---- notes ---- */

static void put_note(const struct scene *s, const char *what, size_t t, struct buffer *out)
{
	buffer_puts(out, what);
	if (s->n > 1)
		buffer_printf(out, " %s", s->list[t][LEFT].box.name);
	buffer_puts(out, "\n");
}

void scene_notes(const struct scene *s, const struct plan *plan, const struct unread *unread,
	size_t n, struct buffer *out)
{
	static const char *const parts[] = {
		[READ_EMAILID] = "id", [READ_HEADER] = "header", [READ_WHOLE] = "body"};
	for (size_t t = 0; t < s->n; t++) {
		if (plan->held[t])
			put_note(s, "held", t, out);
		if (plan->need_whole[t])
			put_note(s, "list whole", t, out);
	}
	for (size_t i = 0; i < plan->doubts; i++) {
		const struct doubt *doubt = &plan->doubt[i];
		buffer_printf(out, "doubt %s %zu", side_names[doubt->side], doubt->deletes);
		put_note(s, "", doubt->twin, out);
	}
	for (size_t i = 0; i < plan->n_thrown; i++) {
		const struct thrown *t = &plan->thrown[i];
		buffer_printf(out, "not sent again %s\n", s->row[t->twin][t->row].key[t->from]);
	}
	if (plan->conflicts > 0)
		buffer_printf(out, "conflicts %zu\n", plan->conflicts);
	for (size_t i = 0; i < n; i++)
		buffer_printf(out, "read %s %s\n", parts[unread[i].part], unread[i].key);
}
