/* The IMAP store against servers that do as they like: each is a script. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "script.h"
#include "store/store.h"

/* One store at a script, and what it told, as text. */
struct scene {
	struct arena *arena;
	struct flag_table *flags;
	struct store_config config;
	const struct store_ops *ops;
	struct store *store;
	struct session *session;
	struct buffer told;
};

static void tell_error(struct scene *s, const char *before, const struct error *err)
{
	static const char *const scopes[] = {"", "message", "mailbox", "store", "cancelled"};
	buffer_printf(&s->told, "%s%s: %s\n", before, scopes[err->scope], err->text);
}

/* ---- what a row may do ---- */

/* "" or "epoch cursor" */
static void list_inbox(struct scene *s, const char *argument)
{
	struct error err = {0};
	struct message_list list;
	char epoch[40] = "", cursor[40] = "";
	bool since = sscanf(argument, "%39s %39s", epoch, cursor) == 2;
	if (!s->ops->list(s->session, "INBOX", since ? epoch : NULL, since ? cursor : NULL,
		    s->flags, &err) ||
		s->ops->listed(s->session, &list, &err) < 0) {
		tell_error(s, "", &err);
		return;
	}
	buffer_puts(&s->told, list.partial ? "partial" : "whole");
	for (size_t i = 0; i < list.n; i++) {
		char flags[200];
		flags_text(s->flags, list.at[i].flags, flags, sizeof flags);
		buffer_printf(&s->told, " %s(%s)", list.at[i].key, flags);
	}
	for (size_t i = 0; i < list.n_gone; i++)
		buffer_printf(&s->told, " -%s", list.gone[i]);
	buffer_printf(&s->told, ", %s\n", list.box.cursor == NULL ? "no cursor" : list.box.cursor);
	arena_free(list.arena);
}

static void take_all(struct scene *s)
{
	struct error err = {0};
	struct message m;
	struct reader *reader;
	const uint8_t *run;
	int got;
	while ((got = s->ops->take(s->session, &m, &reader, &err)) != 0) {
		if (got < 0) {
			tell_error(
				s, m.key != NULL ? arena_printf(s->arena, "%s ", m.key) : "", &err);
			if (err.scope >= ERROR_STORE)
				return;
			continue;
		}
		ssize_t n;
		buffer_printf(&s->told, "%s \"", m.key);
		while ((n = reader->next(reader, &run, &err)) > 0)
			buffer_add(&s->told, run, (size_t)n);
		buffer_puts(&s->told, "\"\n");
		if (n < 0)
			tell_error(s, arena_printf(s->arena, "%s ", m.key), &err);
		if (n < 0 && err.scope >= ERROR_STORE)
			return;
	}
}

/* UIDs 1 to 3, with epoch 7 */
static void fetch_bodies(struct scene *s, const char *argument)
{
	static const char *const keys[] = {"1", "2", "3"};
	struct error err = {0};
	if (s->ops->fetch(s->session, "INBOX", "7", keys, (size_t)atoi(argument), FETCH_BODY, &err))
		take_all(s);
	else
		tell_error(s, "", &err);
}

/* The same, once the server is known to tell the UID before the body. */
static void fetch_sets(struct scene *s, const char *argument)
{
	fetch_bodies(s, "1");
	s->told.len = 0;
	fetch_bodies(s, argument);
}

static void settle_all(struct scene *s)
{
	struct outcome o;
	struct error err = {0};
	int got;
	while ((got = s->ops->settle(s->session, &o, &err)) > 0) {
		buffer_printf(&s->told, "#%u%s%s%s%s%s\n", (unsigned)o.ticket,
			o.key != NULL ? " key " : "", o.key != NULL ? o.key : "",
			o.marked_only ? " marked only" : "", o.gone_already ? " gone already" : "",
			o.changed ? " changed" : "");
		if (o.error.scope != ERROR_NONE)
			tell_error(s, "", &o.error);
	}
	if (got < 0)
		tell_error(s, "", &err);
}

/* The UIDs in ${argument}, with epoch 7 and, behind "since", a cursor */
static void expunge_these(struct scene *s, const char *argument)
{
	struct error err = {0};
	char *words = arena_strdup(s->arena, argument), *save = NULL;
	struct target target = {.mailbox = "INBOX", .epoch = "7"};
	uint32_t ticket = 0;
	for (char *word = strtok_r(words, " ", &save); word != NULL;
		word = strtok_r(NULL, " ", &save)) {
		if (strchr(word, ':') != NULL)
			target.cursor = word;
		else
			assert_true(s->ops->expunge(s->session, ++ticket, &target, word, &err));
	}
	settle_all(s);
}

/* UID 1 of INBOX and of "b" gets \Seen, with epoch 7 */
static void mark_in_two(struct scene *s, const char *argument)
{
	struct error err = {0};
	struct target target = {.mailbox = "INBOX", .epoch = "7"};
	(void)argument;
	assert_true(s->ops->mark(s->session, 1, &target, "1", s->flags, FLAG_SEEN, 0, &err));
	target.mailbox = "b";
	assert_true(s->ops->mark(s->session, 2, &target, "1", s->flags, FLAG_SEEN, 0, &err));
	settle_all(s);
}

static void move_two(struct scene *s, const char *argument)
{
	struct error err = {0};
	struct target target = {.mailbox = "INBOX", .epoch = "7"};
	assert_true(s->ops->move(s->session, 1, &target, "1", argument, &err));
	assert_true(s->ops->move(s->session, 2, &target, "2", argument, &err));
	settle_all(s);
}

static ssize_t text_next(struct reader *reader, const uint8_t **run, struct error *err)
{
	(void)err;
	static const char text[] = "A: b\r\n\r\n";
	static size_t at;
	at = reader->size == 0 ? 0 : 8 - at;
	*run = (const uint8_t *)text;
	return (ssize_t)at;
}

static void append_one(struct scene *s, const char *argument)
{
	struct error err = {0};
	struct reader reader = {8, text_next};
	struct message m = {.received = RECEIVED_UNKNOWN};
	if (!s->ops->append(s->session, 1, argument, NULL, &m, s->flags, &reader, &err))
		tell_error(s, "", &err);
	settle_all(s);
}

static void list_mailboxes(struct scene *s, const char *argument)
{
	(void)argument;
	struct error err = {0};
	struct mailbox_list list;
	if (!s->ops->mailboxes(s->session, s->arena, &list, &err)) {
		tell_error(s, "", &err);
		return;
	}
	for (size_t i = 0; i < list.n; i++)
		buffer_printf(&s->told, "%s%s%s%s\n", list.at[i].name,
			list.at[i].selectable ? "" : " closed",
			list.at[i].cursor != NULL ? " at " : "",
			list.at[i].cursor != NULL ? list.at[i].cursor : "");
}

/* The mailboxes in ${argument}, asked for ahead and then made. */
static void make_mailboxes(struct scene *s, const char *argument)
{
	char *words = arena_strdup(s->arena, argument), *save = NULL, *name[8];
	size_t n = 0;
	for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		name[n++] = w;
	for (size_t i = 0; i < n; i++) {
		struct error err = {0};
		assert_true(s->ops->create_ahead(s->session, name[i], 0, &err));
	}
	for (size_t i = 0; i < n; i++) {
		struct error err = {0};
		if (s->ops->create(s->session, name[i], 0, true, &err))
			buffer_printf(&s->told, "%s\n", name[i]);
		else
			tell_error(s, "", &err);
	}
}

/* ---- the servers ---- */

#define LISTED \
	"C: A1 LIST \"\" \"*\"\nC: A2 LSUB \"\" \"*\"\n" \
	"S: * LIST () \"/\" INBOX\nS: A1 OK\nS: A2 OK\n"
#define OPENED(exists, next) \
	"C: A3 EXAMINE INBOX...\nC: A4 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)...\n" \
	"S: * " exists " EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: * OK [UIDNEXT " next "] x\n" \
	"S: * OK [HIGHESTMODSEQ 50] x\nS: A3 OK done\n"
#define SELECTED(search) \
	"C: A3 SELECT INBOX...\nC: A4 UID SEARCH UID " search "\n" \
	"S: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: * OK [UIDNEXT 9] x\n" \
	"S: * OK [HIGHESTMODSEQ 50] x\nS: A3 OK done\n"
#define BODIES(n) \
	"C: A3 EXAMINE INBOX\n" n "S: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: A3 OK done\n"
#define FETCH(tag, uid) "C: " tag " UID FETCH " uid " (UID FLAGS INTERNALDATE BODY.PEEK[])\n"
#define OUT(tag)	"C: " tag " LOGOUT\nend\n"

static const struct row {
	const char *what, *capabilities, *script;
	void (*act)(struct scene *, const char *argument);
	const char *argument, *told;
} rows[] = {
	{"a list", "",
		LISTED OPENED("2", "9") "S: * 1 FETCH (UID 3 FLAGS (\\\\Seen \\\\Recent $X))\n"
					"S: * 2 FETCH (UID 5 FLAGS ())\nS: A4 OK\n" OUT("A5"),
		list_inbox, "", "whole 3(\\Seen $X) 5(), 9:2:50\n"},
	{"an empty mailbox that refuses a fetch", "",
		LISTED OPENED("0", "9") "S: A4 BAD no messages\n" OUT("A5"), list_inbox, "",
		"whole, 9:0:50\n"},
	{"news of one message comes twice", "",
		LISTED OPENED("1", "9") "S: * 1 FETCH (UID 3 FLAGS ())\n"
					"S: * 1 FETCH (UID 3 FLAGS (\\\\Seen))\nS: A4 OK\n" OUT(
						"A5"),
		list_inbox, "", "whole 3(\\Seen), 9:1:50\n"},
	{"a message that came meanwhile is for the next time (S12)", "",
		LISTED OPENED("1", "9") "S: * 1 FETCH (UID 3 FLAGS ())\nS: * 2 EXISTS\n"
					"S: * 2 FETCH (UID 9 FLAGS ())\nS: A4 OK\n" OUT("A5"),
		list_inbox, "", "whole 3(), 9:1:50\n"},
	{"a message that went meanwhile (S11)", "",
		LISTED OPENED("2", "9") "S: * 1 EXPUNGE\nS: * 1 FETCH (UID 5 FLAGS ())\n"
					"S: A4 OK\n" OUT("A5"),
		list_inbox, "", "whole 5(), 9:2:50\n"},
	{"fewer than EXISTS (B33)", "",
		LISTED OPENED("4294967295", "9") "S: * 1 FETCH (UID 3 FLAGS ())\nS: A4 OK\n" OUT(
			"A5"),
		list_inbox, "",
		"mailbox: cannot list mailbox 'INBOX': the server tells of 1 of its 4294967295 "
		"messages\n"},
	{"one UID for two messages (B34)", "",
		LISTED OPENED("2", "9") "S: * 1 FETCH (UID 3 FLAGS ())\n"
					"S: * 2 FETCH (UID 3 FLAGS ())\nS: A4 OK\n" OUT("A5"),
		list_inbox, "",
		"mailbox: cannot list mailbox 'INBOX': the server gives one number to two "
		"messages\n"},
	{"two UIDs for one message (B34)", "",
		LISTED OPENED("2", "9") "S: * 1 FETCH (UID 3 FLAGS ())\n"
					"S: * 1 FETCH (UID 4 FLAGS ())\nS: A4 OK\n" OUT("A5"),
		list_inbox, "",
		"mailbox: cannot list mailbox 'INBOX': the server gives one number to two "
		"messages\n"},
	{"descending UIDs (B34)", "",
		LISTED OPENED("2", "9") "S: * 1 FETCH (UID 5 FLAGS ())\n"
					"S: * 2 FETCH (UID 4 FLAGS ())\nS: A4 OK\n" OUT("A5"),
		list_inbox, "",
		"mailbox: cannot list mailbox 'INBOX': the server gives one number to two "
		"messages\n"},
	{"in any order", "",
		LISTED OPENED("2", "9") "S: * 2 FETCH (UID 5 FLAGS ())\n"
					"S: * 1 FETCH (FLAGS () UID 4)\nS: A4 OK\n" OUT("A5"),
		list_inbox, "", "whole 4() 5(), 9:2:50\n"},
	{"no UIDVALIDITY (B35)", "",
		LISTED "C: A3 EXAMINE INBOX\nC: A4 UID FETCH 1:* ...\nS: * 1 EXISTS\nS: A3 OK\n"
		       "S: * 1 FETCH (UID 3 FLAGS ())\nS: A4 OK\n" OUT("A5"),
		list_inbox, "",
		"mailbox: cannot use mailbox 'INBOX': the server told no UIDVALIDITY\n"},
	{"UIDVALIDITY changes while it is read (B35)", "",
		LISTED OPENED("1", "9") "S: * OK [UIDVALIDITY 8] x\n"
					"S: * 1 FETCH (UID 3 FLAGS ())\nS: A4 OK\n" OUT("A5"),
		list_inbox, "",
		"mailbox: mailbox 'INBOX' has been renumbered: its UIDVALIDITY is 8 and was 8\n"},
	{"a mailbox that cannot be opened", "",
		LISTED "C: A3 EXAMINE INBOX\nC: A4 UID FETCH 1:* ...\n"
		       "S: A3 NO [NOPERM] not yours\nS: A4 BAD nothing is open\n" OUT("A5"),
		list_inbox, "",
		"mailbox: cannot open mailbox 'INBOX': refused by the server (NOPERM: not "
		"yours)\n"},
	{"a sequence number that cannot be (B32)", "", LISTED OPENED("1", "9") "S: * 0 EXPUNGE\n",
		list_inbox, "",
		"store: 127.0.0.1 broke the protocol: an impossible message number\n"},

	{"what changed, with CONDSTORE", "CONDSTORE",
		LISTED OPENED("2", "9") "S: * 2 FETCH (UID 8 FLAGS (\\\\Seen) MODSEQ (50))\n"
					"S: A4 OK\n" OUT("A5"),
		list_inbox, "7 8:1:40", "partial 8(\\Seen), 9:2:50\n"},
	{"something went, with CONDSTORE: the whole list", "CONDSTORE",
		LISTED OPENED("2", "9") "S: A4 OK\nC: A5 UID FETCH 1:* (UID FLAGS INTERNALDATE "
					"RFC822.SIZE)\nS: * 1 FETCH (UID 3 FLAGS ())\n"
					"S: * 2 FETCH (UID 4 FLAGS ())\nS: A5 OK\n" OUT("A6"),
		list_inbox, "7 9:3:40", "whole 3() 4(), 9:2:50\n"},
	{"another UIDVALIDITY: the whole list (S02)", "CONDSTORE",
		LISTED OPENED("1", "9") "S: A4 OK\nC: A5 UID FETCH 1:* (UID FLAGS INTERNALDATE "
					"RFC822.SIZE)\nS: * 1 FETCH (UID 3 FLAGS ())\n"
					"S: A5 OK\n" OUT("A6"),
		list_inbox, "6 9:1:40", "whole 3(), 9:1:50\n"},
	{"an older mailbox than the cursor (S39): the whole list", "CONDSTORE",
		LISTED OPENED("1", "9") "S: A4 OK\nC: A5 UID FETCH 1:* (UID FLAGS INTERNALDATE "
					"RFC822.SIZE)\nS: * 1 FETCH (UID 3 FLAGS ())\n"
					"S: A5 OK\n" OUT("A6"),
		list_inbox, "7 9:1:60", "whole 3(), 9:1:50\n"},
	{"what went, with QRESYNC", "CONDSTORE QRESYNC ENABLE",
		"C: A1 ENABLE ...\nC: A2 LIST \"\" \"*\"\nC: A3 LSUB \"\" \"*\"\n"
		"S: * ENABLED QRESYNC\nS: A1 OK\nS: * LIST () \"/\" INBOX\nS: A2 OK\nS: A3 OK\n"
		"C: A4 EXAMINE INBOX (CONDSTORE)\nC: A5 UID FETCH 1:* (UID FLAGS INTERNALDATE "
		"RFC822.SIZE) (CHANGEDSINCE 40 VANISHED)\n"
		"S: * 1 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: * OK [UIDNEXT 9] x\n"
		"S: * OK [HIGHESTMODSEQ 50] x\nS: A4 OK done\n"
		"S: * VANISHED (EARLIER) 1:2,4\nS: * 1 FETCH (UID 3 FLAGS (\\\\Seen))\nS: A5 "
		"OK\n" OUT("A6"),
		list_inbox, "7 9:4:40", "partial 3(\\Seen) -1 -2 -4, 9:1:50\n"},
	{"what came after the cursor and went, with QRESYNC", "CONDSTORE QRESYNC ENABLE",
		"C: A1 ENABLE ...\nC: A2 LIST \"\" \"*\"\nC: A3 LSUB \"\" \"*\"\n"
		"S: * ENABLED QRESYNC\nS: A1 OK\nS: * LIST () \"/\" INBOX\nS: A2 OK\nS: A3 OK\n"
		"C: A4 EXAMINE INBOX (CONDSTORE)\nC: A5 UID FETCH 1:* ...\n"
		"S: * 2 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: * OK [UIDNEXT 9] x\n"
		"S: * OK [HIGHESTMODSEQ 50] x\nS: A4 OK done\n"
		"S: * VANISHED (EARLIER) 2,5\nS: * 2 FETCH (UID 6 FLAGS ())\nS: A5 OK\n" OUT("A6"),
		list_inbox, "7 3:2:40", "partial 6() -2 -5, 9:2:50\n"},
	{"everything went, says VANISHED (B31): the whole list", "CONDSTORE QRESYNC ENABLE",
		"C: A1 ENABLE ...\nC: A2 LIST \"\" \"*\"\nC: A3 LSUB \"\" \"*\"\n"
		"S: * ENABLED QRESYNC\nS: A1 OK\nS: * LIST () \"/\" INBOX\nS: A2 OK\nS: A3 OK\n"
		"C: A4 EXAMINE INBOX (CONDSTORE)\nC: A5 UID FETCH 1:* ...\n"
		"S: * 2 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: * OK [UIDNEXT 4000000000] x\n"
		"S: * OK [HIGHESTMODSEQ 50] x\nS: A4 OK done\n"
		"S: * VANISHED (EARLIER) 1:4294967295\nS: A5 OK\n"
		"C: A6 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)\n"
		"S: * 1 FETCH (UID 3 FLAGS ())\nS: * 2 FETCH (UID 4 FLAGS ())\nS: A6 OK\n" OUT(
			"A7"),
		list_inbox, "7 4000000000:2:40", "whole 3() 4(), 4000000000:2:50\n"},

	{"bodies, one by one at first", "",
		LISTED BODIES(FETCH("A4", "1") FETCH("A5",
			"2")) "S: * 1 FETCH (UID 1 BODY[] {3}\nS- abc\nS: )\n"
			      "S: * 2 FETCH (UID 2 BODY[] \"d\")\nS: A4 OK\nS: A5 OK\n" OUT("A6"),
		fetch_bodies, "2", "1 \"abc\"\n2 \"d\"\n"},
	{"bodies, then as a set", "",
		LISTED BODIES(FETCH("A4",
			"1")) "S: * 1 FETCH (UID 1 BODY[] {1}\nS- a\nS: )\nS: A4 OK\n"
			      "C: A5 EXAMINE INBOX\n" FETCH("A6",
				      "1:3") "S: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: A5 OK\n"
					     "S: * 3 FETCH (UID 3 BODY[] {1}\nS- c\nS: )\n"
					     "S: * 1 FETCH (UID 1 BODY[] {0}\nS: )\nS: A6 OK\n" OUT(
						     "A7"),
		fetch_sets, "3", "3 \"c\"\n1 \"\"\n"},
	{"the UID behind the body", "",
		LISTED BODIES(FETCH("A4", "1") FETCH("A5",
			"2")) "S: * 1 FETCH (BODY[] {3}\nS- abc\nS:  UID 1)\nS: A4 OK\n"
			      "S: * 2 FETCH (BODY[] {1}\nS- d\nS:  UID 2)\nS: A5 OK\n" OUT("A6"),
		fetch_bodies, "2", "1 \"abc\"\n2 \"d\"\n"},
	{"another UID behind the body", "",
		LISTED BODIES(
			FETCH("A4", "1") FETCH("A5", "2")) "S: * 1 FETCH (BODY[] {3}\nS- abc\nS:  "
							   "UID 2)\nS: A4 OK\nS: A5 OK\n" OUT("A6"),
		fetch_bodies, "2",
		"1 \"abc\"\n1 message: the server sent another message in its place\n"},
	{"in a set, the UID too late", "",
		LISTED BODIES(FETCH("A4",
			"1")) "S: * 1 FETCH (UID 1 BODY[] {1}\nS- a\nS: )\nS: A4 OK\n"
			      "C: A5 EXAMINE INBOX\n" FETCH("A6",
				      "1:2") "S: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: A5 OK\n"
					     "S: * 1 FETCH (BODY[] {1}\nS- a\nS:  UID 1)\n"
					     "S: * 2 FETCH (UID 2 BODY[] {1}\nS- b\nS: )\nS: A6 "
					     "OK\n" OUT("A7"),
		fetch_sets, "2",
		"1 message: the server told too late which message it was sending\n2 \"b\"\n"},
	{"bodies that nobody asked for, or twice (B37)", "",
		LISTED BODIES(FETCH("A4",
			"1")) "S: * 9 FETCH (UID 9 BODY[] {4}\nS- evil\nS: )\n"
			      "S: * 1 FETCH (UID 1 BODY[] {1}\nS- a\nS: )\n"
			      "S: * 1 FETCH (UID 1 BODY[] {4}\nS- evil\nS: )\nS: A4 OK\n" OUT("A5"),
		fetch_bodies, "1", "1 \"a\"\n"},
	{"two bodies in one, or a part (B38)", "",
		LISTED BODIES(FETCH("A4", "1") FETCH("A5",
			"2")) "S: * 1 FETCH (UID 1 BODY[] {1}\nS- a\nS:  BODY[] {1}\nS- b\nS: "
			      ")\nS: A4 OK\n"
			      "S: * 2 FETCH (UID 2 BODY[TEXT] {1}\nS- c\nS: )\nS: A5 OK\n" OUT(
				      "A6"),
		fetch_bodies, "2",
		"1 \"a\"\n1 message: the server sent something else than the whole message\n"
		"2 \"c\"\n2 message: the server sent something else than the whole message\n"},
	{"no body (B23)", "",
		LISTED BODIES(FETCH("A4", "1") FETCH(
			"A5", "2")) "S: * 1 FETCH (UID 1 BODY[] NIL)\nS: A4 OK\n"
				    "S: * 2 FETCH (UID 2 BODY[] \"\")\nS: A5 OK\n" OUT("A6"),
		fetch_bodies, "2", "1 message: the server has no bytes of it to send\n2 \"\"\n"},
	{"one message cannot be read", "",
		LISTED BODIES(FETCH("A4", "1") FETCH("A5",
			"2")) "S: A4 NO [UNAVAILABLE] UID FETCH Server error\n"
			      "S: * 2 FETCH (UID 2 BODY[] {1}\nS- b\nS: )\nS: A5 OK\n" OUT("A6"),
		fetch_bodies, "2",
		"1 message: cannot fetch it: refused by the server (UNAVAILABLE: UID FETCH Server "
		"error)\n2 \"b\"\n"},
	{"a message that is gone", "",
		LISTED BODIES(
			FETCH("A4", "1") FETCH("A5", "2")) "S: A4 OK\nS: * 1 FETCH (UID 2 BODY[] "
							   "{1}\nS- b\nS: )\nS: A5 OK\n" OUT("A6"),
		fetch_bodies, "2", "2 \"b\"\n"},
	{"bodies of a renumbered mailbox", "",
		LISTED "C: A3 EXAMINE INBOX\n" FETCH("A4",
			"1") "S: * 3 EXISTS\nS: * OK [UIDVALIDITY 8] x\nS: A3 OK done\n"
			     "S: * 1 FETCH (UID 1 BODY[] {4}\nS- evil\nS: )\nS: A4 OK\n" OUT("A5"),
		fetch_bodies, "1",
		"mailbox: mailbox 'INBOX' has been renumbered: its UIDVALIDITY is 8 and was 7\n"},
	{"a body that ends too early (B24, S07)", "",
		LISTED BODIES(FETCH(
			"A4", "1")) "S: * 1 FETCH (UID 1 BODY[] {300}\nS: abc\nS: )\nS: A4 OK\n",
		fetch_bodies, "1", NULL},

	{"deletion with UIDPLUS", "UIDPLUS",
		LISTED SELECTED("1:2") "S: * SEARCH 1 2\nS: A4 OK\n"
				       "C: A5 UID STORE 1:2 +FLAGS.SILENT (\\\\Deleted)\nS: A5 OK\n"
				       "C: A6 UID EXPUNGE 1:2\nS: * 1 EXPUNGE\nS: * 1 EXPUNGE\nS: "
				       "A6 OK\n" OUT("A7"),
		expunge_these, "1 2", "#1\n#2\n"},
	{"deletion of what is gone (S33)", "UIDPLUS",
		LISTED SELECTED("1:2") "S: * SEARCH 2\nS: A4 OK\n"
				       "C: A5 UID STORE 2 +FLAGS.SILENT (\\\\Deleted)\nS: A5 OK\n"
				       "C: A6 UID EXPUNGE 2\nS: A6 OK\n" OUT("A7"),
		expunge_these, "1 2", "#1 gone already\n#2\n"},
	{"deletion of what was edited", "UIDPLUS CONDSTORE",
		LISTED SELECTED(
			"1:2") "S: * SEARCH 1 2\nS: A4 OK\n"
			       "C: A5 UID STORE 1:2 (UNCHANGEDSINCE 40) +FLAGS.SILENT "
			       "(\\\\Deleted)\n"
			       "S: A5 OK [MODIFIED 1] x\nC: A6 UID EXPUNGE 2\nS: A6 OK\n" OUT("A7"),
		expunge_these, "9:3:40 1 2", "#1 changed\n#2\n"},
	{"deletion in a renumbered mailbox writes nothing (S02)", "UIDPLUS",
		LISTED "C: A3 SELECT INBOX\nC: A4 UID SEARCH UID 1\nS: * 3 EXISTS\n"
		       "S: * OK [UIDVALIDITY 8] x\nS: A3 OK\nS: * SEARCH 1\nS: A4 OK\n" OUT("A5"),
		expunge_these, "1",
		"#1\nmailbox: mailbox 'INBOX' has been renumbered: its UIDVALIDITY is 8 and was "
		"7\n"},
	{"deletion in a mailbox that can only be read", "UIDPLUS",
		LISTED "C: A3 SELECT INBOX\nC: A4 UID SEARCH UID 1\nS: * 3 EXISTS\n"
		       "S: * OK [UIDVALIDITY 7] x\nS: A3 OK [READ-ONLY] x\nS: * SEARCH 1\n"
		       "S: A4 OK\n" OUT("A5"),
		expunge_these, "1",
		"#1\nmailbox: mailbox 'INBOX' can only be read, says the server\n"},
	{"deletion without UIDPLUS, all marked are ours", "",
		LISTED SELECTED("1:2") "S: * SEARCH 1 2\nS: A4 OK\n"
				       "C: A5 UID STORE 1:2 +FLAGS.SILENT (\\\\Deleted)\nS: A5 OK\n"
				       "C: A6 UID SEARCH DELETED\nS: * SEARCH 2 1\nS: A6 OK\nC: A7 "
				       "EXPUNGE\nS: A7 OK\n" OUT("A8"),
		expunge_these, "1 2", "#1\n#2\n"},
	{"deletion without UIDPLUS, beside a stranger's (S34)", "",
		LISTED SELECTED(
			"1:2") "S: * SEARCH 1 2\nS: A4 OK\n"
			       "C: A5 UID STORE 1:2 +FLAGS.SILENT (\\\\Deleted)\nS: A5 OK\n"
			       "C: A6 UID SEARCH DELETED\nS: * SEARCH 1 2 3\nS: A6 OK\n" OUT("A7"),
		expunge_these, "1 2", "#1 marked only\n#2 marked only\n"},
	{"the next mailbox is opened behind the changes of this one, and changed once it has "
	 "answered",
		"",
		LISTED SELECTED(
			"1") "S: * SEARCH 1\nS: A4 OK\nC: A5 UID STORE 1 +FLAGS.SILENT "
			     "(\\\\Seen)\nC: A6 SELECT b\nC: A7 UID SEARCH UID 1\nS: A5 OK\n"
			     "S: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: A6 OK\n"
			     "S: * SEARCH 1\nS: A7 OK\n"
			     "C: A8 UID STORE 1 +FLAGS.SILENT (\\\\Seen)\nS: A8 OK\n" OUT("A9"),
		mark_in_two, "", "#1\n#2\n"},
	{"a next mailbox that was renumbered is not changed", "",
		LISTED SELECTED(
			"1") "S: * SEARCH 1\nS: A4 OK\nC: A5 UID STORE 1 +FLAGS.SILENT "
			     "(\\\\Seen)\nC: A6 SELECT b\nC: A7 UID SEARCH UID 1\nS: A5 OK\n"
			     "S: * 3 EXISTS\nS: * OK [UIDVALIDITY 8] x\nS: A6 OK\n"
			     "S: * SEARCH 1\nS: A7 OK\n" OUT("A8"),
		mark_in_two, "",
		"#1\n#2\nmailbox: mailbox 'b' has been renumbered: its UIDVALIDITY is 8 and was "
		"7\n"},
	{"a move", "MOVE UIDPLUS",
		LISTED SELECTED("1:2") "S: * SEARCH 1 2\nS: A4 OK\nC: A5 UID MOVE 1:2 \"the bin\"\n"
				       "S: * OK [COPYUID 9 2,1 70:71] x\nS: * 1 EXPUNGE\nS: * 1 "
				       "EXPUNGE\nS: A5 OK\n" OUT("A6"),
		move_two, "the bin", "#1 key 71\n#2 key 70\n"},
	{"a move without MOVE", "UIDPLUS",
		LISTED SELECTED("1:2") "S: * SEARCH 1 2\nS: A4 OK\nC: A5 UID COPY 1:2 bin\n"
				       "S: A5 OK [COPYUID 9 1:2 70:71] x\n"
				       "C: A6 UID STORE 1:2 +FLAGS.SILENT (\\\\Deleted)\nS: A6 OK\n"
				       "C: A7 UID EXPUNGE 1:2\nS: A7 OK\n" OUT("A8"),
		move_two, "bin", "#1 key 70\n#2 key 71\n"},
	{"a move that is refused deletes nothing (S33)", "UIDPLUS",
		LISTED SELECTED("1:2") "S: * SEARCH 1 2\nS: A4 OK\nC: A5 UID COPY 1:2 bin\n"
				       "S: A5 NO [TRYCREATE] there is none\n" OUT("A6"),
		move_two, "bin",
		"#1\nmessage: cannot change it: refused by the server (TRYCREATE: there is none)\n"
		"#2\nmessage: cannot change it: refused by the server (TRYCREATE: there is "
		"none)\n"},
	{"COPYUID for what nobody moved (B30)", "MOVE UIDPLUS",
		LISTED SELECTED(
			"1:2") "S: * SEARCH 1 2\nS: A4 OK\nC: A5 UID MOVE 1:2 bin\n"
			       "S: * OK [COPYUID 9 1:4294967295 1:4294967295] x\nS: A5 OK\n" OUT(
				       "A6"),
		move_two, "bin", "#1 key 1\n#2 key 2\n"},

	{"an append", "UIDPLUS",
		LISTED "C: A3 APPEND INBOX {8}\nS: + go on\nC: A: b\nC: \nC: \n"
		       "S: A3 OK [APPENDUID 7 70] x\n" OUT("A4"),
		append_one, "INBOX", "#1 key 70\n"},
	{"an append with LITERAL+", "LITERAL+",
		LISTED "C: A3 APPEND INBOX {8+}\nC: A: b\nC: \nC: \nS: A3 OK x\n" OUT("A4"),
		append_one, "INBOX", "#1\n"},
	{"an APPENDUID of many (B30)", "UIDPLUS LITERAL+",
		LISTED "C: A3 APPEND INBOX {8+}\nC: A: b\nC: \nC: \n"
		       "S: A3 OK [APPENDUID 1 1:4294967295] x\n" OUT("A4"),
		append_one, "INBOX", "#1\n"},
	{"an append that is refused before its bytes", "",
		LISTED "C: A3 APPEND INBOX {8}\nS: A3 NO [OVERQUOTA] full\n" OUT("A4"), append_one,
		"INBOX",
		"#1\nmessage: cannot add it to mailbox 'INBOX' of work: refused by the server "
		"(OVERQUOTA: full)\n"},
	{"an append past APPENDLIMIT is not sent (S28)", "APPENDLIMIT=7", OUT("A1"), append_one,
		"INBOX",
		"message: cannot add it to mailbox 'INBOX' of work: the server's APPENDLIMIT is 7 "
		"octets, and it has 8; leave it out with max_size\n"},

	{"mailboxes with opaque, foreign and odd names (B44, B45)", "NAMESPACE",
		"C: A1 NAMESPACE\nC: A2 LIST \"\" \"*\"\nC: A3 LSUB \"\" \"*\"\n"
		"S: * NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\nS: A1 OK\n"
		"S: * LIST () \".\" inbox\nS: * LIST () \".\" INBOX.Entw&APw-rfe.x\n"
		"S: * LIST () \".\" INBOX.&Jjo\nS: * LIST () \".\" INBOX.&-Jjo\n"
		"S: * LIST () \".\" \"INBOX.a/b%2Ec\"\nS: * LIST () \".\" user.bob\n"
		"S: * LIST (\\\\Noselect) \".\" INBOX.dir.\nS: * LIST () \".\" INBOX.\n"
		"S: * LIST () \".\" {4}\nS- INB\\xff\nS: \nS: * LIST () \".\" {7}\n"
		"S- INBOX.\\xff\nS: \nS: * LIST () \".\" \"INBOX...\"\nS: A2 OK\nS: A3 OK\n" OUT(
			"A4"),
		list_mailboxes, "",
		"%00/%00\n%26Jjo\n%FF\n&Jjo\nEntw\xc3\xbcrfe/x\nINBOX\na%2Fb.c\ndir closed\n"},
	{"mailboxes in one round trip", "LIST-EXTENDED LIST-STATUS CONDSTORE SPECIAL-USE",
		"C: A1 LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE STATUS (MESSAGES UIDNEXT "
		"UIDVALIDITY HIGHESTMODSEQ))\nS: * LIST () \"/\" INBOX\n"
		"S: * STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7 HIGHESTMODSEQ 50)\n"
		"S: * LIST () \"/\" nomodseq\n"
		"S: * STATUS nomodseq (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7 HIGHESTMODSEQ 0)\n"
		"S: A1 OK\n" OUT("A2"),
		list_mailboxes, "", "INBOX at 9:3:50\nnomodseq\n"},
	{"a mailbox that is listed and is not there", "LIST-EXTENDED LIST-STATUS",
		"C: A1 LIST ...\nS: * LIST () \"/\" INBOX\nS: * LIST () \"/\" Old\n"
		"S: * STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\nS: A1 OK\n"
		"C: A2 STATUS Old (MESSAGES UIDNEXT UIDVALIDITY)\nS: A2 NO there is none\n" OUT(
			"A3"),
		list_mailboxes, "", "INBOX\nOld closed\n"},
	{"a mailbox whose name cannot be sent back, and of which nothing is told",
		"LIST-EXTENDED LIST-STATUS",
		"C: A1 LIST ...\nS: * LIST () \"/\" INBOX\nS: * LIST () \"/\" {4}\n"
		"S- a\\r\\nb\nS: \nS: * LIST () \"/\" Old\nS: A1 OK\n"
		"C: A2 STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)\n"
		"C: A3 STATUS Old (MESSAGES UIDNEXT UIDVALIDITY)\n"
		"S: A2 NO [UNAVAILABLE] not now\nS: A3 NO there is none\n" OUT("A4"),
		list_mailboxes, "", "INBOX\nOld closed\na%0D%0Ab\n"},
	{"a listing without INBOX (S44)", "",
		"C: A1 LIST \"\" \"*\"\nC: A2 LSUB \"\" \"*\"\nS: A1 OK\nS: A2 OK\n" OUT("A3"),
		list_mailboxes, "", "store: work lists no INBOX: this cannot be all there is\n"},
	{"mailboxes are made in one flight, and only those that were are subscribed", "",
		LISTED
		"C: A3 CREATE a\nC: A4 CREATE b\nC: A5 CREATE c\nS: A3 OK\n"
		"S: A4 NO [ALREADYEXISTS] it is there\nS: A5 NO [CANNOT] not here\n"
		"C: A6 SUBSCRIBE a\nC: A7 SUBSCRIBE b\nC: A8 CREATE c\nS: A6 OK\n"
		"S: A7 OK\nS: A8 NO [CANNOT] not here\nC: A9 LIST \"\" c\nS: A9 OK\n" OUT("A10"),
		make_mailboxes, "a b c",
		"a\nb\nmailbox: cannot create mailbox 'c': refused by the server (CANNOT: not "
		"here)\n"},
	{"a listing that fails", "",
		"C: A1 LIST \"\" \"*\"\nC: A2 LSUB \"\" \"*\"\nS: * LIST () \"/\" INBOX\n"
		"S: A1 NO later\nS: A2 OK\n" OUT("A3"),
		list_mailboxes, "",
		"store: cannot list the mailboxes of work: refused by the server (later)\n"},
};

static void a_server_is_taken_at_its_word_and_no_further(void **state)
{
	const struct row *row = *state;
	struct scene s = {.arena = arena_new(), .flags = flag_table_new()};
	char *text = arena_printf(s.arena, "S: * PREAUTH [CAPABILITY IMAP4rev1 %s] hello\n%s",
		row->capabilities, row->script);
	struct script *script = script_start(text, NULL);
	struct error err = {0};
	buffer_init(&s.told, 100000);
	s.config = (struct store_config){.name = "work",
		.kind = "imap",
		.imap = {.host = "127.0.0.1",
			.port = script_port(script),
			.user = "ann",
			.password = {.source = SECRET_LITERAL, .value = "s3cret"},
			.tls = TLS_NONE,
			.connections = 1,
			.timeout = 2}};
	s.ops = store_find_kind("imap");
	s.store = store_new(&s.config, s.arena);
	s.session = s.ops->connect(s.store, &err);
	if (s.session == NULL)
		fail_msg("%s", err.text);

	row->act(&s, row->argument);
	s.ops->disconnect(s.session);
	char *failure = script_finish(script);
	if (row->told != NULL)
		assert_string_equal(s.told.data == NULL ? "" : s.told.data, row->told);
	else
		assert_non_null(strstr(s.told.data, "store: "));
	if (failure != NULL && row->told != NULL && strstr(row->told, "store: 127") == NULL)
		fail_msg("%s", failure);
	free(failure);
	store_free(s.store);
	buffer_finish(&s.told);
	flag_table_free(s.flags);
	arena_free(s.arena);
}

int main(void)
{
	enum { N = sizeof rows / sizeof *rows };
	struct CMUnitTest tests[N];
	for (size_t i = 0; i < N; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].what,
			.test_func = a_server_is_taken_at_its_word_and_no_further,
			.initial_state = (void *)(uintptr_t)&rows[i]};
	if (getenv("TEST") != NULL)
		cmocka_set_test_filter(getenv("TEST"));
	return _cmocka_run_group_tests("IMAP servers", tests, N, NULL, NULL);
}
