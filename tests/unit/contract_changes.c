/* The store contract: changes, and how a listing shows them. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "mail/name.h"

static void assert_gone(struct place *p, const char *mailbox, const char *key)
{
	struct message_list list = place_list(p, mailbox);
	assert_null(place_find(&list, key));
	arena_free(list.arena);
}

static void flags_are_added_and_taken_away(void **state)
{
	struct place *p = *state;
	const char *key = place_add(p, "INBOX", "Subject: x\r\n\r\nbody\r\n");
	const char *other = place_add(p, "INBOX", "Subject: other\r\n\r\n");
	static const struct {
		const char *add, *remove, *left;
	} row[] = {
		{"\\Seen", "", "\\Seen"},
		{"\\Flagged Work", "", "\\Flagged \\Seen Work"},
		{"$Forwarded", "\\Seen", "\\Flagged $Forwarded Work"},
		{"", "Other \\Draft", "\\Flagged $Forwarded Work"},
		{"\\Deleted", "work", "\\Deleted \\Flagged $Forwarded"},
		{"", "\\Deleted \\Flagged $Forwarded", ""},
		{"", "\\Seen", ""},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		place_mark(p, "INBOX", key, row[i].add, row[i].remove);
		place_flagged(p, "INBOX", key, row[i].left);
	}
	place_flagged(p, "INBOX", other, "");
	place_holds(p, "INBOX", key, FETCH_BODY, "Subject: x\r\n\r\nbody\r\n", 20);
}

static void only_the_named_message_is_expunged(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	const char *a = place_add_flagged(p, "INBOX", "A: a\r\n\r\n", 8, 8, FLAG_DELETED);
	const char *b = place_add_flagged(p, "INBOX", "A: b\r\n\r\n", 8, 8, FLAG_DELETED);
	struct target target = place_target(p, "INBOX");
	must(p->ops->expunge(p->session, 2, &target, a, &err), err);
	struct outcome o = place_settle(p, 2);
	assert_false(o.gone_already || o.changed);
	if (!o.marked_only)
		assert_gone(p, "INBOX", a);
	place_flagged(p, "INBOX", b, "\\Deleted");
}

static void what_is_gone_already_is_told(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	const char *a = place_add(p, "INBOX", "A: a\r\n\r\n");
	struct target target = place_target(p, "INBOX");
	must(p->ops->expunge(p->session, 1, &target, a, &err), err);
	if (place_settle(p, 1).marked_only)
		return;
	must(p->ops->expunge(p->session, 2, &target, a, &err), err);
	assert_true(place_settle(p, 2).gone_already);
	must(p->ops->mark(p->session, 3, &target, a, p->flags, FLAG_SEEN, 0, &err), err);
	assert_true(place_settle(p, 3).gone_already);

	/* and reading it says nothing */
	const char *b = place_add(p, "INBOX", "A: b\r\n\r\n");
	const char *keys[] = {a, b};
	struct buffer got;
	buffer_init(&got, 100);
	place_fetch(p, "INBOX", keys, 2, FETCH_BODY);
	assert_string_equal(place_take(p, &got).key, b);
	place_taken(p);
	buffer_finish(&got);
}

static void a_moved_message_is_in_the_other_mailbox_only(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	static const char text[] = "Subject: x\r\n\r\nbody\r\n";
	assert_non_null(p->ops->move);
	place_create(p, "Trash");
	place_add_flagged(p, "Trash", "A: b\r\n\r\n", 8, 8, flags_parse(p->flags, "one two three"));
	const char *key = place_add_flagged(p, "INBOX", text, sizeof text - 1, SIZE_MAX,
		flags_parse(p->flags, "\\Flagged two Work"));
	place_add(p, "INBOX", "Subject: stays\r\n\r\n");
	struct target target = place_target(p, "INBOX");
	must(p->ops->move(p->session, 9, &target, key, "Trash", &err), err);
	const char *moved = place_settle(p, 9).key;
	assert_gone(p, "INBOX", key);
	assert_int_equal(place_count(p, "INBOX"), 1);
	assert_int_equal(place_count(p, "Trash"), 2);
	if (moved == NULL)
		return;
	place_flagged(p, "Trash", moved, "\\Flagged two Work");
	struct message m = place_holds(p, "Trash", moved, FETCH_BODY, text, sizeof text - 1);
	assert_int_equal(m.received, PLACE_MOMENT);
}

static void a_copied_message_is_in_both(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	const char *text = contract_kind(p)->drops_cr ? "Subject: x\r\n\r\nb\r\n"
						      : "Subject: x\r\n\r\na\r\r\nb\r\n";
	assert_non_null(p->ops->copy);
	place_create(p, "Archive");
	const char *key = place_add_flagged(
		p, "INBOX", text, strlen(text), SIZE_MAX, flags_parse(p->flags, "\\Seen Work"));
	struct target target = place_target(p, "INBOX");
	must(p->ops->copy(p->session, 9, &target, key, "Archive", &err), err);
	const char *copied = place_settle(p, 9).key;
	place_flagged(p, "INBOX", key, "\\Seen Work");
	assert_int_equal(place_count(p, "Archive"), 1);
	if (copied == NULL)
		return;
	place_flagged(p, "Archive", copied, "\\Seen Work");
	struct message m = place_holds(p, "Archive", copied, FETCH_BODY, text, strlen(text));
	assert_int_equal(m.received, PLACE_MOMENT);
}

static void nothing_is_changed_in_another_epoch(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	const char *key = place_add(p, "INBOX", "A: b\r\n\r\n");
	struct target target = {.mailbox = "INBOX", .epoch = "4294967295"};
	bool sent = p->ops->expunge(p->session, 1, &target, key, &err);
	if (sent) {
		struct outcome o;
		int got = p->ops->settle(p->session, &o, &err);
		if (got > 0)
			err = o.error;
		while (got > 0)
			got = p->ops->settle(p->session, &o, NULL);
	}
	assert_int_equal(err.scope, ERROR_MAILBOX);
	place_flagged(p, "INBOX", key, "");
}

/* ---- cursors ---- */

static const char *listed_cursor(struct place *p, const char *mailbox)
{
	struct error err = {0};
	struct mailbox_list list;
	must(p->ops->mailboxes(p->session, p->arena, &list, &err), err);
	for (size_t i = 0; i < list.n; i++)
		if (strcmp(list.at[i].name, mailbox) == 0)
			return list.at[i].cursor;
	return NULL;
}

static bool equal(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void a_cursor_is_equal_as_long_as_nothing_changes(void **state)
{
	struct place *p = *state;
	place_create(p, "Other");
	const char *key = place_add(p, "INBOX", "A: b\r\n\r\n");
	const char *cursor = place_cursor(p, "INBOX");
	unless_left_out(cursor != NULL, contract_kind(p)->tells_no_cursor);
	const char *other = place_cursor(p, "Other");
	if (listed_cursor(p, "INBOX") != NULL)
		assert_string_equal(listed_cursor(p, "INBOX"), cursor);
	assert_true(equal(place_cursor(p, "INBOX"), cursor));

	place_mark(p, "INBOX", key, "\\Seen", "");
	assert_false(equal(listed_cursor(p, "INBOX"), cursor));
	const char *second = place_cursor(p, "INBOX");
	assert_false(equal(second, cursor));

	place_add(p, "INBOX", "A: c\r\n\r\n");
	assert_false(equal(listed_cursor(p, "INBOX"), second));
	const char *third = place_cursor(p, "INBOX");

	struct error err = {0};
	struct target target = place_target(p, "INBOX");
	must(p->ops->expunge(p->session, 2, &target, key, &err), err);
	place_settle(p, 2);
	assert_false(equal(listed_cursor(p, "INBOX"), third));
	assert_true(equal(place_cursor(p, "Other"), other));
}

static void what_changed_since_a_cursor_is_listed(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	const char *a = place_add(p, "INBOX", "A: a\r\n\r\n");
	const char *b = place_add(p, "INBOX", "A: b\r\n\r\n");
	const char *epoch = place_epoch(p, "INBOX"), *cursor = place_cursor(p, "INBOX");
	unless_left_out(cursor != NULL, contract_kind(p)->tells_no_cursor);
	struct message_list list;
	must(p->ops->list(p->session, "INBOX", epoch, cursor, p->flags, &err), err);
	must(p->ops->listed(p->session, &list, &err) == 1, err);
	assert_true(list.partial ? list.n == 0 && list.n_gone == 0 : list.n == 2);
	assert_int_equal(list.box.total, 2);
	arena_free(list.arena);
	assert_int_equal(p->ops->listed(p->session, &list, &err), 0);

	place_mark(p, "INBOX", a, "\\Flagged", "");
	const char *c = place_add(p, "INBOX", "A: c\r\n\r\n");
	struct target target = place_target(p, "INBOX");
	must(p->ops->expunge(p->session, 2, &target, b, &err), err);
	bool gone = !place_settle(p, 2).marked_only;
	must(p->ops->list(p->session, "INBOX", epoch, cursor, p->flags, &err), err);
	must(p->ops->listed(p->session, &list, &err) == 1, err);
	assert_non_null(place_find(&list, c));
	assert_int_equal(place_find(&list, a)->flags, FLAG_FLAGGED);
	bool told = place_find(&list, b) == NULL && !list.partial;
	for (size_t i = 0; i < list.n_gone; i++)
		told = told || strcmp(list.gone[i], b) == 0;
	assert_true(told == gone);
	arena_free(list.arena);
	assert_int_equal(p->ops->listed(p->session, &list, &err), 0);
}

const struct CMUnitTest contract_changes[] = {
	cmocka_unit_test(flags_are_added_and_taken_away),
	cmocka_unit_test(only_the_named_message_is_expunged),
	cmocka_unit_test(what_is_gone_already_is_told),
	cmocka_unit_test(a_moved_message_is_in_the_other_mailbox_only),
	cmocka_unit_test(a_copied_message_is_in_both),
	cmocka_unit_test(nothing_is_changed_in_another_epoch),
	cmocka_unit_test(a_cursor_is_equal_as_long_as_nothing_changes),
	cmocka_unit_test(what_changed_since_a_cursor_is_listed),
};
const size_t contract_changes_n = sizeof contract_changes / sizeof *contract_changes;
