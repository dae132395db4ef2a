#include <inttypes.h>
#include <string.h>

#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/print.h"

/*
 * What changed between two snapshots of one account.
 *
 * A message keeps its item as long as it is in its mailbox, and a mailbox its id when it is
 * renamed: both sides are walked in order of these, side by side, on a connection each.
 */
struct comparing {
	const struct options *options;
	const char *path;
	struct archive *archive[2];
	struct archive_snapshot snapshot[2];
	const char *source; /* whose they are */
	struct archive_mailbox *box[2];
	size_t n[2];
	uint64_t came, went, changed;
	bool mailboxes; /* some came, went or were renamed */
	int code;
};

static bool print_message(struct comparing *c, size_t side, char sign, const char *mailbox,
	const struct archive_placement *p, struct error *err)
{
	struct archive_header header;
	struct arena *arena = arena_new();
	bool ok = archive_header(c->archive[side], p->message, arena, &header, err);
	if (ok && !c->options->quiet)
		archives_print(c->options, "change",
			&(struct archives_line){.sign = sign,
				.source = c->source,
				.mailbox = mailbox,
				.placement = p,
				.header = &header});
	if (!p->sound)
		c->code = archives_unsound(c->path, mailbox, "the row of a message");
	c->came += sign == '+';
	c->went += sign == '-';
	c->changed += sign == '~';
	arena_free(arena);
	return ok;
}

static bool same_flags(const struct archive_placement *a, const struct archive_placement *b)
{
	return a->flags == b->flags && strcmp(a->keywords, b->keywords) == 0;
}

/* One mailbox; NULL on the side that does not have it. */
static bool compare_mailbox(
	struct comparing *c, const struct archive_mailbox *const box[2], struct error *err)
{
	struct archive_placement p[2];
	struct archive_walk *walk[2] = {NULL, NULL};
	int got[2] = {0, 0};
	bool ok = true;
	for (size_t side = 0; side < 2 && ok; side++) {
		if (box[side] == NULL)
			continue;
		walk[side] =
			archive_visible(c->archive[side], &c->snapshot[side], box[side]->id, err);
		got[side] =
			walk[side] == NULL ? -1 : archive_visible_next(walk[side], &p[side], err);
		ok = got[side] >= 0;
	}
	while (ok && (got[0] > 0 || got[1] > 0)) {
		bool old = got[0] > 0 && (got[1] == 0 || p[0].item <= p[1].item);
		bool new = got[1] > 0 && (got[0] == 0 || p[1].item <= p[0].item);
		if (old && !new)
			ok = print_message(c, 0, '-', box[0]->name, &p[0], err);
		else if (new && !old)
			ok = print_message(c, 1, '+', box[1]->name, &p[1], err);
		else if (!same_flags(&p[0], &p[1]))
			ok = print_message(c, 1, '~', box[1]->name, &p[1], err);
		if (ok && old)
			got[0] = archive_visible_next(walk[0], &p[0], err);
		if (ok && new)
			got[1] = archive_visible_next(walk[1], &p[1], err);
		ok = ok && got[0] >= 0 && got[1] >= 0;
	}
	archive_visible_end(walk[0]);
	archive_visible_end(walk[1]);
	return ok;
}

static const struct archive_mailbox *find_box(
	const struct archive_mailbox *box, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (box[i].id == id)
			return &box[i];
	return NULL;
}

static bool wanted(const struct options *o, const struct archive_mailbox *const box[2])
{
	if (o->mailboxes.n == 0)
		return true;
	return (box[0] != NULL && pattern_selects(&o->mailboxes, box[0]->name, false)) ||
	       (box[1] != NULL && pattern_selects(&o->mailboxes, box[1]->name, false));
}

static bool compare_pair(
	struct comparing *c, const struct archive_mailbox *const box[2], struct error *err)
{
	if (!wanted(c->options, box))
		return true;
	bool renamed = box[0] != NULL && box[1] != NULL && strcmp(box[0]->name, box[1]->name) != 0;
	uint64_t came = c->came, went = c->went;
	if (!compare_mailbox(c, box, err))
		return false;
	c->mailboxes |= renamed || box[0] == NULL || box[1] == NULL;
	if (c->options->quiet)
		return true;
	if (renamed)
		archives_print_mailbox(
			c->options, '>', box[0]->name, box[1]->name, (uint64_t)box[1]->messages);
	else if (box[0] == NULL)
		archives_print_mailbox(c->options, '+', box[1]->name, NULL, c->came - came);
	else if (box[1] == NULL)
		archives_print_mailbox(c->options, '-', box[0]->name, NULL, c->went - went);
	return true;
}

static bool compare(struct comparing *c, struct error *err)
{
	bool ok = true;
	for (size_t i = 0; ok && i < c->n[1]; i++) {
		const struct archive_mailbox *const box[2] = {
			find_box(c->box[0], c->n[0], c->box[1][i].id), &c->box[1][i]};
		ok = compare_pair(c, box, err);
	}
	for (size_t i = 0; ok && i < c->n[0]; i++) {
		const struct archive_mailbox *const box[2] = {&c->box[0][i], NULL};
		if (find_box(c->box[1], c->n[1], box[0]->id) == NULL)
			ok = compare_pair(c, box, err);
	}
	return ok;
}

static bool choose(struct comparing *c, struct error *err)
{
	const struct options *o = c->options;
	struct archive_source *source;
	size_t sources;
	for (size_t side = 0; side < 2; side++)
		if (!archive_choose(c->archive[side], o->source, o->names[1 + side], o->arena,
			    &c->snapshot[side], err) ||
			!archive_mailboxes(c->archive[side], &c->snapshot[side], NULL, o->arena,
				&c->box[side], &c->n[side], err))
			return false;
	if (c->snapshot[0].source != c->snapshot[1].source)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"snapshots %" PRId64 " and %" PRId64 " are of two accounts",
			c->snapshot[0].id, c->snapshot[1].id);
	if (!archive_sources(c->archive[0], o->arena, &source, &sources, err))
		return false;
	c->source = archives_source(source, sources, c->snapshot[0].source);
	return true;
}

static int summarize(const struct comparing *c)
{
	char n[3][PRINT_COUNT_SIZE];
	bool any = c->came + c->went + c->changed > 0 || c->mailboxes;
	if (c->options->json)
		printf("{\"v\":1,\"event\":\"end\",\"came\":%" PRIu64 ",\"went\":%" PRIu64
		       ",\"changed\":%" PRIu64 "}\n",
			c->came, c->went, c->changed);
	else if (!c->options->quiet)
		printf("%s came, %s went, %s changed from snapshot %" PRId64 " to %" PRId64 "\n",
			print_count(n[0], c->came), print_count(n[1], c->went),
			print_count(n[2], c->changed), c->snapshot[0].id, c->snapshot[1].id);
	if (c->code != 0)
		return c->code;
	return c->options->exit_code && any ? CAUSE_MAIL : 0;
}

int command_diff_archive(const struct options *options)
{
	struct comparing c = {.options = options, .path = options->names[0]};
	struct error err = {0};
	int code;
	if (options->n_names != 3) {
		print_problem("diff of an archive wants two snapshots; such as: mailtwin diff "
			      "~/Backup/work.mta 6 7");
		return CAUSE_CONFIG;
	}
	c.archive[0] = archives_open(options, c.path, &code);
	if (c.archive[0] != NULL)
		c.archive[1] = archives_open_again(options, c.path, &code);
	if (c.archive[1] != NULL)
		code = choose(&c, &err) && compare(&c, &err) ? summarize(&c)
							     : archives_failed(&err);
	archive_close(c.archive[1]);
	archive_close(c.archive[0]);
	return code;
}
