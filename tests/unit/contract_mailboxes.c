/* The store contract: mailboxes, and the place as a whole. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "mail/name.h"

static void a_mailbox_that_was_created_is_listed(void **state)
{
	struct place *p = *state;
	assert_true(place_lists(p, "INBOX"));
	assert_false(place_lists(p, "Lists/2024/dev"));
	place_create(p, "Lists/2024/dev");
	assert_true(place_lists(p, "Lists/2024/dev"));
	assert_int_equal(place_count(p, "Lists/2024/dev"), 0);
}

static void S29_creating_what_is_there_is_success(void **state)
{
	struct place *p = *state;
	place_create(p, "Sent");
	const char *key = place_add(p, "Sent", "Subject: x\r\n\r\n");
	place_create(p, "Sent");
	place_create(p, "INBOX");
	place_flagged(p, "Sent", key, "");
}

static void names_of_all_sorts_come_back_as_they_were(void **state)
{
	struct place *p = *state;
	static const char *const names[] = {
		"Entw\xc3\xbcrfe",
		"R&D",
		"\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5",
		"a.b/c.d",
		"100%",
		"50%2541",
		"%2F",
		"INBOX/Sub",
		"two words",
		"x/cur",
		"x/new",
		"x/tmp/tmp",
		"%2E..",
		".hidden",
		"~root",
		"a\\b",
		"quo\"te",
		"&",
		"&-",
		"dovecot-uidlist",
		"subscriptions",
		"*",
		"\xf0\x9f\x93\xac",
		"A&AOQ-",
		"x/%0Ay",
		"Inbox2",
		"-",
		"%25E4",
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct error err = {0};
		const char *name = name_canonical(names[i], p->arena);
		assert_false(place_lists(p, name));
		if (!p->ops->create(p->session, name, 0, false, &err)) {
			/* A kind may refuse a name, but then says so and takes no other. */
			assert_int_equal(err.scope, ERROR_MAILBOX);
			assert_false(place_lists(p, name));
			continue;
		}
		assert_true(place_lists(p, name));
		const char *key = place_add(p, name, names[i]);
		place_holds(p, name, key, FETCH_BODY, names[i], strlen(names[i]));
		assert_int_equal(place_count(p, name), 1);
	}
}

static void a_mailbox_that_is_not_there_fails_alone(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	struct message_list list;
	const char *key = place_add(p, "INBOX", "Subject: x\r\n\r\n");
	assert_true(p->ops->list(p->session, "Nowhere", NULL, NULL, p->flags, &err));
	assert_true(p->ops->list(p->session, "INBOX", NULL, NULL, p->flags, &err));
	assert_int_equal(p->ops->listed(p->session, &list, &err), -1);
	assert_int_equal(err.scope, ERROR_MAILBOX);
	assert_string_equal(list.box.name, "Nowhere");
	must(p->ops->listed(p->session, &list, &err) == 1, err);
	assert_non_null(place_find(&list, key));
	arena_free(list.arena);
	assert_int_equal(p->ops->listed(p->session, &list, &err), 0);
}

static void a_mailbox_is_removed_with_what_is_in_it(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	place_create(p, "Old/Sub");
	place_create(p, "Old");
	place_add(p, "Old", "Subject: x\r\n\r\n");
	const char *key = place_add(p, "Old/Sub", "Subject: kept\r\n\r\n");
	must(p->ops->remove_mailbox(p->session, "Old", &err), err);
	assert_false(place_lists(p, "Old"));
	place_flagged(p, "Old/Sub", key, "");
	place_create(p, "Old");
	assert_int_equal(place_count(p, "Old"), 0);
}

static void S26_inbox_is_never_removed(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	const char *key = place_add(p, "INBOX", "Subject: x\r\n\r\n");
	assert_false(p->ops->remove_mailbox(p->session, "INBOX", &err));
	assert_int_equal(err.scope, ERROR_MAILBOX);
	place_flagged(p, "INBOX", key, "");
}

static void a_renamed_mailbox_keeps_what_is_in_it_and_below(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	place_create(p, "Old");
	place_create(p, "Old/Sub");
	place_create(p, "Older");
	place_add(p, "Old", "Subject: x\r\n\r\n");
	place_add(p, "Old/Sub", "Subject: y\r\n\r\n");
	must(p->ops->rename_mailbox(p->session, "Old", "New/Name", &err), err);
	assert_false(place_lists(p, "Old") || place_lists(p, "Old/Sub"));
	assert_true(place_lists(p, "Older"));
	assert_int_equal(place_count(p, "New/Name"), 1);
	assert_int_equal(place_count(p, "New/Name/Sub"), 1);
}

static void a_mailbox_is_not_renamed_over_another(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	place_create(p, "A");
	place_create(p, "B");
	place_add(p, "B", "Subject: x\r\n\r\n");
	assert_false(p->ops->rename_mailbox(p->session, "A", "B", &err));
	assert_int_equal(err.scope, ERROR_MAILBOX);
	assert_true(place_lists(p, "A"));
	assert_int_equal(place_count(p, "B"), 1);
}

/* ---- which world ---- */

static void two_sessions_see_one_world(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	struct world first, second;
	must(p->ops->identify(p->session, "pair", p->arena, &first, &err), err);
	struct session *other = p->ops->connect(p->store, &err);
	must(other != NULL, err);
	must(p->ops->identify(other, "pair", p->arena, &second, &err), err);
	assert_string_equal(first.id, second.id);
	p->ops->disconnect(other);
}

static void a_stamp_is_told_to_its_pair(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	struct world before, world;
	unless_left_out(p->ops->stamp != NULL, contract_kind(p)->remote);
	must(p->ops->lock == NULL || p->ops->lock(p->store, 0, &err), err);
	must(p->ops->identify(p->session, "one", p->arena, &before, &err), err);
	assert_int_equal(before.last_run, 0);
	assert_true(before.stamped);
	must(p->ops->stamp(p->session, "one", 41, &err), err);
	must(p->ops->stamp(p->session, "other one", 7, &err), err);
	must(p->ops->stamp(p->session, "one", 42, &err), err);
	must(p->ops->identify(p->session, "one", p->arena, &world, &err), err);
	assert_int_equal(world.last_run, 42);
	assert_string_equal(world.id, before.id);
	must(p->ops->identify(p->session, "other one", p->arena, &world, &err), err);
	assert_int_equal(world.last_run, 7);
	if (p->ops->unlock != NULL)
		p->ops->unlock(p->store);
}

static void a_locked_place_is_busy_for_others(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	unless_left_out(p->ops->lock != NULL, contract_kind(p)->remote);
	struct store *second = store_new(&p->config, p->arena);
	must(p->ops->lock(p->store, 0, &err), err);
	assert_false(p->ops->lock(second, 0, &err));
	assert_int_equal(
		err.cause, contract_kind(p)->busy != 0 ? contract_kind(p)->busy : CAUSE_BUSY);
	if (p->ops->stamp != NULL) {
		must(p->ops->stamp(p->session, "pair", 1, &err), err);
		assert_false(p->ops->lock(second, 0, &err));
	}
	p->ops->unlock(p->store);
	must(p->ops->lock(second, 0, &err), err);
	p->ops->unlock(second);
}

static void S19_S22_new_keys_are_never_alike(void **state)
{
	struct place *p = *state;
	unless_left_out(
		p->ops->names_first, contract_kind(p)->remote || contract_kind(p)->chooses_keys);
	for (int i = 0; i < 1000; i++) {
		const char *a = p->ops->new_key(p->store, p->arena);
		const char *b = p->ops->new_key(p->store, p->arena);
		assert_string_not_equal(a, b);
	}
	const char *key = p->ops->new_key(p->store, p->arena);
	struct message m = {.received = PLACE_MOMENT};
	struct text_reader reader = text_reader("A: b\r\n\r\n", 8, 8);
	struct error err = {0};
	must(p->ops->append(p->session, 1, "INBOX", key, &m, p->flags, &reader.reader, &err), err);
	assert_string_equal(place_settle(p, 1).key, key);
	place_flagged(p, "INBOX", key, "");
}

const struct CMUnitTest contract_mailboxes[] = {
	cmocka_unit_test(a_mailbox_that_was_created_is_listed),
	cmocka_unit_test(S29_creating_what_is_there_is_success),
	cmocka_unit_test(names_of_all_sorts_come_back_as_they_were),
	cmocka_unit_test(a_mailbox_that_is_not_there_fails_alone),
	cmocka_unit_test(a_mailbox_is_removed_with_what_is_in_it),
	cmocka_unit_test(S26_inbox_is_never_removed),
	cmocka_unit_test(a_renamed_mailbox_keeps_what_is_in_it_and_below),
	cmocka_unit_test(a_mailbox_is_not_renamed_over_another),
	cmocka_unit_test(two_sessions_see_one_world),
	cmocka_unit_test(a_stamp_is_told_to_its_pair),
	cmocka_unit_test(a_locked_place_is_busy_for_others),
	cmocka_unit_test(S19_S22_new_keys_are_never_alike),
};
const size_t contract_mailboxes_n = sizeof contract_mailboxes / sizeof *contract_mailboxes;
