#ifndef MAILTWIN_TESTS_SCENE_H
#define MAILTWIN_TESTS_SCENE_H

#include "base/buffer.h"
#include "sync/plan.h"

/*
 * What the differ is given, made from text and turned into text: the notation of
 * tests/differ/README.
 *
 * Identities are readable here: a header digest is the name of the content, a whole digest is
 * "content/body", both cut and padded to their size.
 */
#define SCENE_TWINS 4

struct scene {
	struct arena *arena;
	struct flag_table *flags; /* the caller's */
	struct policy policy;
	size_t n;
	struct twin twin[SCENE_TWINS];
	struct message_list list[SCENE_TWINS][2];
	struct row *row[SCENE_TWINS]; /* as twin[].row, to be written to */
	size_t cap_row[SCENE_TWINS], cap_intent[SCENE_TWINS];
};

/* scene_parse(text, flags, scene, plan, notes): the scene that ${text} describes, on an arena of
 * its own.  *${plan} and *${notes} are what it says is to come of it; NULL where it does not. */
bool scene_parse(const char *text, struct flag_table *flags, struct scene *scene, const char **plan,
	const char **notes);

/* scene_print(scene, out): the text that scene_parse() would read. */
void scene_print(const struct scene *scene, struct buffer *out);

/* scene_notes(scene, plan, unread, n, out): what a plan says beside its steps, and what would have
 * to be read before: "held INBOX", "read header b1". */
void scene_notes(const struct scene *scene, const struct plan *plan, const struct unread *unread,
	size_t n, struct buffer *out);

/* scene_identity(id, content, body): the digest of a header, or with a ${body} of the whole. */
void scene_identity(struct identity *id, const char *content, const char *body);

#endif
