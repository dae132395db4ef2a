/* Messages that share an APPEND (RFC 3502), against servers that are scripts. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "script.h"
#include "store/store.h"

enum { MESSAGES_MAX = 300 };

/* 1998-05-03 10:11:12 +0200 */
#define RECEIVED 894183072
#define ZONE	 120

/* A body of ${size} times "x". */
struct body {
	struct reader reader;
	size_t left;
	char octets[512 * 1024];
};

/* One store at a script, the messages of a row, and what was told, as text. */
struct scene {
	struct arena *arena;
	struct flag_table *flags;
	struct store_config config;
	struct store *store;
	struct session *session;
	struct body body;
	const char *name;
	const char *word[MESSAGES_MAX];
	uint32_t n;
	bool again[MESSAGES_MAX];
	struct buffer told;
};

static ssize_t next_octets(struct reader *reader, const uint8_t **run, struct error *err)
{
	struct body *b = (struct body *)reader;
	size_t n = b->left < 100000 ? b->left : 100000;
	(void)err;
	*run = (const uint8_t *)b->octets;
	b->left -= n;
	return (ssize_t)n;
}

static void tell_error(struct scene *s, const struct error *err)
{
	static const char *const scopes[] = {"", "message", "mailbox", "store", "cancelled"};
	buffer_printf(&s->told, "%s: %s\n", scopes[err->scope], err->text);
}

/* "SIZE", behind it an "s" for \Seen, a "d" for a date, an "o" for one that IMAP cannot say. */
static void append(struct scene *s, uint32_t i)
{
	char *letters = NULL;
	struct error err = {0};
	size_t size = strtoul(s->word[i], &letters, 10);
	struct message m = {.received = RECEIVED_UNKNOWN};
	if (strchr(letters, 's') != NULL)
		m.flags = FLAG_SEEN;
	if (strchr(letters, 'd') != NULL)
		m.received = RECEIVED, m.zone = ZONE;
	if (strchr(letters, 'o') != NULL)
		m.received = INT64_C(-5000000000);
	memset(s->body.octets, 'x', sizeof s->body.octets);
	s->body.reader = (struct reader){size, next_octets};
	s->body.left = size;
	if (!s->store->ops->append(
		    s->session, i, s->name, NULL, &m, s->flags, &s->body.reader, &err)) {
		buffer_printf(&s->told, "#%u ", i);
		tell_error(s, &err);
	}
}

static void settle(struct scene *s)
{
	struct outcome o;
	struct error err = {0};
	int got;
	while ((got = s->store->ops->settle(s->session, &o, &err)) > 0) {
		s->again[o.ticket] = o.again;
		buffer_printf(&s->told, "#%u%s%s%s%s", (unsigned)o.ticket,
			o.key != NULL ? " key " : "", o.key != NULL ? o.key : "",
			o.again ? " again" : "",
			o.error.scope == ERROR_NONE || o.again ? "\n" : " ");
		if (o.error.scope != ERROR_NONE && !o.again)
			tell_error(s, &o.error);
	}
	if (got < 0)
		tell_error(s, &err);
}

/* Append what ${words} say, into INBOX or the mailbox that a word names: "b:"; settle; append what
 * is to be appended again, by itself; settle. */
static void play(struct scene *s, const char *words)
{
	char *copy = arena_strdup(s->arena, words), *save = NULL;
	s->name = "INBOX";
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		if (w[strlen(w) - 1] == ':') {
			w[strlen(w) - 1] = '\0';
			s->name = w;
			continue;
		}
		s->word[s->n] = w;
		append(s, s->n++);
	}
	settle(s);
	bool any = false;
	s->session->alone = true;
	for (uint32_t i = 0; i < s->n; i++)
		if (s->again[i])
			append(s, i), any = true;
	if (any)
		settle(s);
	s->session->alone = false;
}

/* ---- the rows ---- */

#define ALL "UIDPLUS LITERAL+ MULTIAPPEND"
#define LISTED \
	"C: A1 LIST \"\" \"*\"\nC: A2 LSUB \"\" \"*\"\n" \
	"S: * LIST () \"/\" INBOX\nS: * LIST () \"/\" b\nS: A1 OK\nS: A2 OK\n"
#define TWO	 LISTED "C: A3 APPEND INBOX {3+}\nC: xxx {4+}\nC: xxxx\n"
#define OUT(tag) "C: " tag " LOGOUT\nend\n"
#define REFUSED	 "message: cannot add it to mailbox 'INBOX' of work: refused by the server "

static const struct row {
	const char *what, *capabilities, *script, *words, *told;
} rows[] = {
	{"messages of one mailbox are one command, each with its flags and date", ALL,
		LISTED "C: A3 APPEND INBOX {3+}\nC: xxx (\\\\Seen) {2+}\n"
		       "C: xx (\\\\Seen) \" 3-May-1998 10:11:12 +0200\" {4+}\nC: xxxx {1+}\nC: x\n"
		       "S: A3 OK [APPENDUID 7 5:8] x\n" OUT("A4"),
		"3 2s 4sd 1", "#0 key 5\n#1 key 6\n#2 key 7\n#3 key 8\n"},
	{"an APPENDUID with holes is of the messages in their order", ALL,
		LISTED "C: A3 APPEND INBOX {3+}\nC: xxx {4+}\nC: xxxx {5+}\nC: xxxxx\n"
		       "S: A3 OK [APPENDUID 7 3,9:10] x\n" OUT("A4"),
		"3 4 5", "#0 key 3\n#1 key 9\n#2 key 10\n"},
	{"an APPENDUID of more messages is not believed", ALL,
		TWO "S: A3 OK [APPENDUID 7 5:7] x\n" OUT("A4"), "3 4", "#0\n#1\n"},
	{"an APPENDUID of fewer messages is not believed", ALL,
		TWO "S: A3 OK [APPENDUID 7 5] x\n" OUT("A4"), "3 4", "#0\n#1\n"},
	{"an APPENDUID that gives two messages one UID is not believed", ALL,
		TWO "S: A3 OK [APPENDUID 7 5,5] x\n" OUT("A4"), "3 4", "#0\n#1\n"},
	{"an APPENDUID whose UIDs fall is not believed", ALL,
		TWO "S: A3 OK [APPENDUID 7 6,5] x\n" OUT("A4"), "3 4", "#0\n#1\n"},
	{"without UIDPLUS nobody knows their UIDs", "LITERAL+ MULTIAPPEND",
		TWO "S: A3 OK done\n" OUT("A4"), "3 4", "#0\n#1\n"},
	{"of messages that were refused together each is sent again alone, and told for itself",
		ALL,
		TWO "S: A3 NO [LIMIT] too big\nC: A4 APPEND INBOX {3+}\nC: xxx\n"
		    "C: A5 APPEND INBOX {4+}\nC: xxxx\nS: A4 OK [APPENDUID 7 5] x\n"
		    "S: A5 NO [LIMIT] too big\n" OUT("A6"),
		"3 4", "#0 again\n#1 again\n#0 key 5\n#1 " REFUSED "(LIMIT: too big)\n"},
	{"so it is when the server does not understand", ALL,
		TWO "S: A3 BAD what?\nC: A4 APPEND INBOX {3+}\nC: xxx\n"
		    "C: A5 APPEND INBOX {4+}\nC: xxxx\nS: A4 OK\nS: A5 OK\n" OUT("A6"),
		"3 4", "#0 again\n#1 again\n#0\n#1\n"},
	{"a server that wants to be left alone is not asked again", ALL,
		TWO "S: A3 NO [THROTTLED] not now\n" OUT("A4"), "3 4",
		"#0 store: cannot add it to mailbox 'INBOX' of work: refused by the server "
		"(THROTTLED: not now)\n#1 store: cannot add it to mailbox 'INBOX' of work: refused "
		"by the server (THROTTLED: not now)\n"},
	{"one message is refused for itself", ALL,
		LISTED "C: A3 APPEND INBOX {3+}\nC: xxx\nS: A3 NO [TRYCREATE] none\n" OUT("A4"),
		"3", "#0 " REFUSED "(TRYCREATE: none)\n"},
	{"another mailbox is another command", ALL,
		LISTED "C: A3 APPEND INBOX {3+}\nC: xxx {4+}\nC: xxxx\n"
		       "C: A4 APPEND b {1+}\nC: x {2+}\nC: xx\nC: A5 APPEND INBOX {1+}\nC: x\n"
		       "S: A3 OK [APPENDUID 7 5:6] x\nS: A5 OK [APPENDUID 7 7] x\n"
		       "S: A4 OK [APPENDUID 9 1:2] x\n" OUT("A6"),
		"3 4 b: 1 2 INBOX: 1", "#0 key 5\n#1 key 6\n#2 key 1\n#3 key 2\n#4 key 7\n"},
	{"a large message goes alone", ALL,
		LISTED "C: A3 APPEND INBOX {3+}\nC: xxx\nC: A4 APPEND INBOX {300000+}\n"
		       "take 300000\nC: \nC: A5 APPEND INBOX {4+}\nC: xxxx\n"
		       "S: A3 OK\nS: A4 OK\nS: A5 OK\n" OUT("A6"),
		"3 300000 4", "#0\n#1\n#2\n"},
	{"a command has no more octets than may well be sent twice", ALL,
		LISTED "C: A3 APPEND INBOX {100000+}\ntake 100000\nC:  {100000+}\ntake 100000\n"
		       "C: \nC: A4 APPEND INBOX {100000+}\ntake 100000\nC: \n"
		       "S: A3 OK\nS: A4 OK\n" OUT("A5"),
		"100000 100000 100000", "#0\n#1\n#2\n"},
	{"an empty message goes alone, where it is no sign to give up", ALL,
		LISTED "C: A3 APPEND INBOX {3+}\nC: xxx\nC: A4 APPEND INBOX {0+}\nC: \n"
		       "C: A5 APPEND INBOX {4+}\nC: xxxx\nS: A3 OK\nS: A4 OK\nS: A5 OK\n" OUT("A6"),
		"3 0 4", "#0\n#1\n#2\n"},
	{"a message that has to wait for a '+' goes alone", "UIDPLUS MULTIAPPEND",
		LISTED "C: A3 APPEND INBOX {3}\nS: + go on\nC: xxx\nC: A4 APPEND INBOX {4}\n"
		       "S: + go on\nC: xxxx\nS: A3 OK\nS: A4 OK\n" OUT("A5"),
		"3 4", "#0\n#1\n"},
	{"with LITERAL- small messages share a command, and others do not", "LITERAL- MULTIAPPEND",
		LISTED "C: A3 APPEND INBOX {3+}\nC: xxx {4+}\nC: xxxx\nC: A4 APPEND INBOX {5000}\n"
		       "S: + go on\ntake 5000\nC: \nS: A3 OK\nS: A4 OK\n" OUT("A5"),
		"3 4 5000", "#0\n#1\n#2\n"},
	{"without MULTIAPPEND each is a command", "LITERAL+",
		LISTED "C: A3 APPEND INBOX {3+}\nC: xxx\nC: A4 APPEND INBOX {4+}\nC: xxxx\n"
		       "S: A3 OK\nS: A4 OK\n" OUT("A5"),
		"3 4", "#0\n#1\n"},
	{"what cannot be sent leaves the others their command", ALL,
		LISTED "C: A3 APPEND INBOX {3+}\nC: xxx {5+}\nC: xxxxx\n"
		       "S: A3 OK [APPENDUID 7 5:6] x\n" OUT("A4"),
		"3 4o 5",
		"#1 message: cannot be sent: a date is not of this world\n"
		"#0 key 5\n#2 key 6\n"},
	{"what is over the server's limit leaves the others their command", ALL " APPENDLIMIT=5",
		LISTED "C: A3 APPEND INBOX {3+}\nC: xxx {5+}\nC: xxxxx\n"
		       "S: A3 OK [APPENDUID 7 5:6] x\n" OUT("A4"),
		"3 6 5",
		"#1 message: cannot add it to mailbox 'INBOX' of work: the server's APPENDLIMIT is "
		"5 octets, and it has 6; leave it out with max_size\n#0 key 5\n#2 key 6\n"},
};

/* A server that has ${capabilities} and plays ${text}, as the store finds it from here on. */
static struct script *start(struct scene *s, const char *capabilities, const char *text)
{
	struct error err = {0};
	struct script *script = script_start(
		arena_printf(s->arena, "S: * PREAUTH [CAPABILITY IMAP4rev1 %s] hello\n%s",
			capabilities, text),
		NULL);
	s->config.imap.port = script_port(script);
	s->session = s->store->ops->connect(s->store, &err);
	if (s->session == NULL)
		fail_msg("%s", err.text);
	return script;
}

static void finish(struct scene *s, struct script *script)
{
	s->store->ops->disconnect(s->session);
	char *failure = script_finish(script);
	if (failure != NULL)
		fail_msg("%s", failure);
}

static struct scene *set_scene(void)
{
	struct scene *s = calloc(1, sizeof *s);
	s->arena = arena_new();
	s->flags = flag_table_new();
	buffer_init(&s->told, 100000);
	s->config = (struct store_config){.name = "work",
		.kind = "imap",
		.imap = {.host = "127.0.0.1",
			.user = "ann",
			.password = {.source = SECRET_LITERAL, .value = "s3cret"},
			.tls = TLS_NONE,
			.connections = 1,
			.timeout = 20}};
	s->store = store_new(&s->config, s->arena);
	return s;
}

static void free_scene(struct scene *s)
{
	store_free(s->store);
	buffer_finish(&s->told);
	flag_table_free(s->flags);
	arena_free(s->arena);
	free(s);
}

static void messages_are_appended(void **state)
{
	const struct row *row = *state;
	struct scene *s = set_scene();
	struct script *script = start(s, row->capabilities, row->script);
	play(s, row->words);
	finish(s, script);
	assert_string_equal(s->told.data, row->told);
	free_scene(s);
}

/* As many as are refused more often than not: an account that is full. */
static void what_follows_a_refused_command_is_shared_again_but_not_for_ever(void **state)
{
	(void)state;
	struct scene *s = set_scene();
	struct buffer script;
	buffer_init(&script, 10000);
	unsigned tag = 3;
	buffer_puts(&script, LISTED);
	for (int i = 0; i < 16; i++) {
		buffer_printf(&script, "C: A%u APPEND INBOX {3+}\nC: xxx {4+}\nC: xxxx\n", tag);
		buffer_printf(&script, "S: A%u NO full\n", tag++);
		for (int k = 0; k < 2; k++, tag++)
			buffer_printf(&script, "C: A%u APPEND INBOX {%d+}\nC: %s\nS: A%u OK\n", tag,
				3 + k, k == 0 ? "xxx" : "xxxx", tag);
	}
	for (int k = 0; k < 2; k++, tag++)
		buffer_printf(&script, "C: A%u APPEND INBOX {%d+}\nC: %s\nS: A%u OK\n", tag, 3 + k,
			k == 0 ? "xxx" : "xxxx", tag);
	buffer_printf(&script, "C: A%u LOGOUT\nend\n", tag);
	struct script *server = start(s, ALL, script.data);
	for (int i = 0; i < 17; i++) {
		s->n = 0;
		s->told.len = 0;
		play(s, "3 4");
		assert_string_equal(
			s->told.data, i < 16 ? "#0 again\n#1 again\n#0\n#1\n" : "#0\n#1\n");
	}
	finish(s, server);
	buffer_finish(&script);
	free_scene(s);
}

/* It may be what the server died of. */
static void a_command_that_was_lost_is_the_last_that_is_shared(void **state)
{
	(void)state;
	struct scene *s = set_scene();
	struct script *script = start(s, ALL, TWO);
	play(s, "3 4");
	finish(s, script);
	assert_string_equal(s->told.data, "store: 127.0.0.1 closed the connection\n");
	s->n = 0;
	s->told.len = 0;
	script = start(s, ALL,
		"C: A1 APPEND INBOX {3+}\nC: xxx\nC: A2 APPEND INBOX {4+}\nC: xxxx\n"
		"S: A1 OK [APPENDUID 7 5] x\nS: A2 OK [APPENDUID 7 6] x\n" OUT("A3"));
	play(s, "3 4");
	finish(s, script);
	assert_string_equal(s->told.data, "#0 key 5\n#1 key 6\n");
	free_scene(s);
}

/* 300 of one octet: 256, and what is left. */
static void a_command_has_256_messages_at_most(void **state)
{
	static const char script[] =
		LISTED "C: A3 APPEND INBOX {1+}\ntake 2041\nC: \nC: A4 APPEND INBOX {1+}\n"
		       "take 345\nC: \nS: A3 OK [APPENDUID 7 1:256] x\n"
		       "S: A4 OK [APPENDUID 7 257:300] x\n" OUT("A5");
	struct buffer words, told;
	buffer_init(&words, 10000);
	buffer_init(&told, 10000);
	for (int i = 0; i < 300; i++) {
		buffer_puts(&words, "1 ");
		buffer_printf(&told, "#%d key %d\n", i, i + 1);
	}
	struct row row = {"", ALL, script, words.data, told.data};
	*state = &row;
	messages_are_appended(state);
	buffer_finish(&words);
	buffer_finish(&told);
}

int main(void)
{
	enum { N = sizeof rows / sizeof *rows };
	struct CMUnitTest tests[N + 3] = {cmocka_unit_test(a_command_has_256_messages_at_most),
		cmocka_unit_test(what_follows_a_refused_command_is_shared_again_but_not_for_ever),
		cmocka_unit_test(a_command_that_was_lost_is_the_last_that_is_shared)};
	for (size_t i = 0; i < N; i++)
		tests[i + 3] = (struct CMUnitTest){.name = rows[i].what,
			.test_func = messages_are_appended,
			.initial_state = (void *)(uintptr_t)&rows[i]};
	if (getenv("TEST") != NULL)
		cmocka_set_test_filter(getenv("TEST"));
	return _cmocka_run_group_tests("appends", tests, N + 3, NULL, NULL);
}
