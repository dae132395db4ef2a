/* The store contract: messages go in and come out. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "mail/name.h"

static const struct body {
	const char *what;
	const char *text;
	size_t n;
	bool nul;
} bodies[] = {
#define BODY(what, text) \
	{ \
		what, text, sizeof(text) - 1, false \
	}
	BODY("plain", "Subject: x\r\nFrom: a@example.org\r\n\r\nbody\r\n"),
	BODY("empty", ""),
	BODY("only an empty line", "\r\n"),
	BODY("no body", "Subject: x\r\n\r\n"),
	BODY("no empty line", "Subject: x\r\n"),
	BODY("no final line end", "Subject: x\r\n\r\nbody"),
	BODY("8-bit", "Subject: \xfc\xe4\r\n\r\n\xff\xfe\x80\r\n"),
	BODY("a CR alone", "Subject: x\r\n\r\na\rb\r\n\r"),
	BODY("CR CR LF", "Subject: x\r\n\r\na\r\r\nb\r\r\r\n"),
	BODY("CR CR LF at the start", "\r\r\nSubject: x\r\n\r\n"),
	BODY("dots and From", "Subject: x\r\n\r\n.\r\n..\r\nFrom x\r\n"),
	{"NUL", "Subject: x\r\n\r\na\0b\r\n", 19, true},
};

/* Whether the kind gives these bytes back as they are. */
static bool keeps(const struct place *p, const char *text, size_t n, bool nul)
{
	const struct kind *kind = contract_kind(p);
	return (kind->keeps_nul || !nul) && (!kind->refuses_empty || n > 0) &&
	       (!kind->drops_cr || n == 0 ||
		       (strstr(text, "\r\r\n") == NULL && text[n - 1] != '\r'));
}

static void a_message_comes_back_byte_for_byte(void **state)
{
	struct place *p = *state;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		const struct body *b = &bodies[i];
		if (!keeps(p, b->text, b->n, b->nul))
			continue;
		for (size_t step = 1; step < 5; step++) {
			print_message("%s, %zu at once\n", b->what, step);
			const char *key = place_add_flagged(p, "INBOX", b->text, b->n, step, 0);
			struct message m = place_holds(p, "INBOX", key, FETCH_BODY, b->text, b->n);
			assert_true(m.size == 0 || m.size == b->n);
		}
	}
}

static void a_bare_lf_comes_back_as_the_kind_says(void **state)
{
	struct place *p = *state;
	static const char text[] = "Subject: x\r\nA: b\r\n\r\nbare\nfull\r\n\nx\r\r\ny\n";
	static const char altered[] = "Subject: x\r\nA: b\r\n\r\nbare\r\nfull\r\n\r\nx\r\r\ny\r\n";
	static const char dropped[] = "Subject: x\r\nA: b\r\n\r\nbare\r\nfull\r\n\r\nx\r\ny\r\n";
	const struct kind *kind = contract_kind(p);
	const char *wanted = kind->drops_cr ? dropped : kind->adds_cr ? altered : text;
	for (size_t step = 1; step < sizeof text; step++) {
		const char *key = place_add_flagged(p, "INBOX", text, sizeof text - 1, step, 0);
		place_holds(p, "INBOX", key, FETCH_BODY, wanted, strlen(wanted));
	}
}

/* Text in lines, with no two parts alike. */
static char *long_text(size_t n)
{
	char *text = malloc(n + 100);
	size_t at = (size_t)sprintf(text, "Subject: long\r\n\r\n");
	for (unsigned i = 0; at < n; i++)
		at += (size_t)sprintf(text + at, "line %u of many%.*s\r\n", i, (int)(i % 70),
			"......................................................................");
	text[n] = '\0';
	return text;
}

static void a_long_message_passes_in_any_steps(void **state)
{
	struct place *p = *state;
	static const size_t sizes[] = {65535, 65536, 65537, 131072, 1000003};
	static const size_t steps[] = {7001, 65536, SIZE_MAX};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
			char *text = long_text(sizes[i]);
			const char *key =
				place_add_flagged(p, "INBOX", text, sizes[i], steps[k], 0);
			place_holds(p, "INBOX", key, FETCH_BODY, text, sizes[i]);
			free(text);
		}
}

static void a_header_ends_with_its_empty_line(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *header, *body;
	} row[] = {
		{"Subject: x\r\n\r\n", "body\r\n\r\nmore\r\n"},
		{"\r\n", "no header\r\n"},
		{"Subject: no end\r\n", ""},
		{"Subject: no end", ""},
		{"A: b\r\n c\r\n \r\nD: \r\r\n\r\n", "x\r\r\n"},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		const char *whole = arena_printf(p->arena, "%s%s", row[i].header, row[i].body);
		if (!keeps(p, whole, strlen(whole), false))
			continue;
		const char *key = place_add(p, "INBOX", whole);
		struct message m = place_holds(
			p, "INBOX", key, FETCH_HEADER, row[i].header, strlen(row[i].header));
		assert_int_equal(m.size, strlen(whole));
	}
}

static void flags_and_date_arrive_with_a_message(void **state)
{
	struct place *p = *state;
	static const char *const texts[] = {
		"",
		"\\Seen",
		"\\Answered \\Deleted \\Draft \\Flagged \\Seen",
		"$Forwarded",
		"\\Flagged $Forwarded $Junk Work",
		"work $MDNSent NonJunk",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		flag_set set = flags_parse(p->flags, texts[i]);
		char wanted[200];
		flags_text(p->flags, set, wanted, sizeof wanted);
		const char *key = place_add_flagged(p, "INBOX", "A: b\r\n\r\n", 8, 8, set);
		place_flagged(p, "INBOX", key, wanted);
		struct message m = place_holds(p, "INBOX", key, FETCH_BODY, "A: b\r\n\r\n", 8);
		assert_int_equal(m.received, PLACE_MOMENT);
		assert_int_equal(m.flags & (FLAG_SYSTEM_SETS - 1), flags_system(p->flags, set));

		struct message_list list = place_list(p, "INBOX");
		assert_int_equal(place_find(&list, key)->received, PLACE_MOMENT);
		assert_int_equal(
			place_find(&list, key)->zone, contract_kind(p)->keeps_zone ? 120 : 0);
		arena_free(list.arena);
	}
}

static void a_message_that_breaks_off_leaves_no_trace(void **state)
{
	struct place *p = *state;
	static const char text[] = "Subject: x\r\n\r\n0123456789\r\n";
	const char *kept = place_add(p, "INBOX", "Subject: kept\r\n\r\n");
	for (size_t fails = 0; fails < sizeof text - 1; fails++) {
		struct error err = {0};
		struct message m = {.received = PLACE_MOMENT, .size = sizeof text - 1};
		struct text_reader reader = text_reader(text, sizeof text - 1, 1);
		reader.fails = fails;
		bool ok = p->ops->append(
			p->session, 1, "INBOX", NULL, &m, p->flags, &reader.reader, &err);
		assert_false(ok);
		assert_true(err.scope == ERROR_MESSAGE || err.scope == ERROR_STORE);
		if (err.scope == ERROR_STORE) {
			p->ops->disconnect(p->session);
			must((p->session = p->ops->connect(p->store, &err)) != NULL, err);
		} else {
			struct outcome o;
			assert_int_equal(p->ops->settle(p->session, &o, &err), 0);
		}
		assert_int_equal(place_count(p, "INBOX"), 1);
	}
	place_flagged(p, "INBOX", kept, "");
}

static void a_message_is_there_once_it_is_settled(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	struct outcome o;
	enum { MANY = 50 };
	bool told[MANY] = {false};
	for (uint32_t i = 0; i < MANY; i++) {
		char text[50];
		int n = snprintf(text, sizeof text, "Subject: %u\r\n\r\n", i);
		place_submit(p, i, "INBOX", text, (size_t)n, SIZE_MAX, 0);
	}
	int got;
	while ((got = p->ops->settle(p->session, &o, &err)) > 0) {
		assert_int_equal(o.error.scope, ERROR_NONE);
		assert_in_range(o.ticket, 0, MANY - 1);
		assert_false(told[o.ticket]);
		told[o.ticket] = true;
	}
	must(got == 0, err);
	for (size_t i = 0; i < MANY; i++)
		assert_true(told[i]);
	assert_int_equal(place_count(p, "INBOX"), MANY);
}

static void many_fetches_end_each_for_itself(void **state)
{
	struct place *p = *state;
	place_create(p, "Other");
	const char *a = place_add(p, "INBOX", "Subject: a\r\n\r\n");
	const char *b = place_add(p, "Other", "Subject: b\r\n\r\n");
	const char *c = place_add(p, "INBOX", "Subject: c\r\n\r\n");
	const char *first[] = {a, c};
	struct buffer got;
	buffer_init(&got, 1000);
	const char *inbox = place_epoch(p, "INBOX"), *other = place_epoch(p, "Other");
	struct error err = {0};
	must(p->ops->fetch(p->session, "INBOX", inbox, first, 2, FETCH_BODY, &err), err);
	must(p->ops->fetch(p->session, "Other", other, &b, 1, FETCH_BODY, &err), err);
	struct message m1 = place_take(p, &got);
	buffer_finish(&got);
	struct message m2 = place_take(p, &got);
	buffer_finish(&got);
	assert_string_not_equal(m1.key, m2.key);
	assert_true(m1.key == a || m1.key == c);
	assert_true(m2.key == a || m2.key == c);
	place_taken(p);
	assert_string_equal(place_take(p, &got).key, b);
	assert_string_equal(got.data, "Subject: b\r\n\r\n");
	place_taken(p);
	place_taken(p);
	buffer_finish(&got);
}

static void what_is_left_of_a_body_is_skipped(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	char *text = long_text(300000);
	const char *keys[] = {place_add_flagged(p, "INBOX", text, 300000, 65536, 0),
		place_add_flagged(p, "INBOX", text, 300000, 65536, 0)};
	place_fetch(p, "INBOX", keys, 2, FETCH_BODY);
	struct message m;
	struct reader *reader;
	const uint8_t *run;
	must(p->ops->take(p->session, &m, &reader, &err) == 1, err);
	assert_true(reader->next(reader, &run, &err) > 0);
	struct buffer got;
	buffer_init(&got, 400000);
	place_take(p, &got);
	place_taken(p);
	assert_memory_equal(got.data, text, 300000);
	buffer_finish(&got);
	free(text);
}

const struct CMUnitTest contract_messages[] = {
	cmocka_unit_test(a_message_comes_back_byte_for_byte),
	cmocka_unit_test(a_bare_lf_comes_back_as_the_kind_says),
	cmocka_unit_test(a_long_message_passes_in_any_steps),
	cmocka_unit_test(a_header_ends_with_its_empty_line),
	cmocka_unit_test(flags_and_date_arrive_with_a_message),
	cmocka_unit_test(a_message_that_breaks_off_leaves_no_trace),
	cmocka_unit_test(a_message_is_there_once_it_is_settled),
	cmocka_unit_test(many_fetches_end_each_for_itself),
	cmocka_unit_test(what_is_left_of_a_body_is_skipped),
};
const size_t contract_messages_n = sizeof contract_messages / sizeof *contract_messages;
