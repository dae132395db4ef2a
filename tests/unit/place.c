#include "unit.h"

#include "place.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

static size_t count_descriptors(void)
{
	size_t n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n;
}

void place_init(struct place *p)
{
	*p = (struct place){.arena = arena_new(), .flags = flag_table_new()};
	p->descriptors = count_descriptors();
	tree_make(p->directory, sizeof p->directory);
	p->config.name = "place";
	p->config.where = "test";
}

void place_maildir(struct place *p, enum maildir_layout layout, enum maildir_names names)
{
	p->config.kind = "maildir";
	p->config.maildir = (struct maildir_config){
		.path = arena_printf(p->arena, "%s/Mail/work", p->directory),
		.layout = layout,
		.names = names,
		.durable = true,
	};
}

void place_archive(struct place *p)
{
	p->config.kind = "archive";
	p->config.archive = (struct archive_config){
		.path = arena_printf(p->arena, "%s/work.mta", p->directory), .compression = 6};
}

void place_archive_source(struct place *p)
{
	p->ops->for_source(p->store, "maildir:test", "test", false);
}

void place_open(struct place *p)
{
	struct error err = {0};
	p->store = store_new(&p->config, p->arena);
	p->ops = store_find_kind(p->config.kind);
	p->session = p->ops->connect(p->store, &err);
	must(p->session != NULL, err);
}

void place_finish(struct place *p)
{
	if (p->session != NULL)
		p->ops->disconnect(p->session);
	store_free(p->store);
	tree_remove(p->directory);
	flag_table_free(p->flags);
	arena_free(p->arena);
	assert_int_equal(count_descriptors(), p->descriptors);
}

static ssize_t next_run(struct reader *reader, const uint8_t **run, struct error *err)
{
	struct text_reader *t = (struct text_reader *)reader;
	size_t end = t->reader.size < t->ends ? (size_t)t->reader.size : t->ends;
	size_t left = end - t->at;
	size_t n = left < t->step ? left : t->step;
	if (t->at + n > t->fails) {
		error_set(err, ERROR_MESSAGE, CAUSE_MAIL, "the source broke off");
		return -1;
	}
	*run = t->data + t->at;
	t->at += n;
	return (ssize_t)n;
}

struct text_reader text_reader(const void *data, size_t n, size_t step)
{
	return (struct text_reader){{n, next_run}, data, step, 0, SIZE_MAX, SIZE_MAX};
}

void place_create(struct place *p, const char *name)
{
	struct error err = {0};
	must(p->ops->create(p->session, name, 0, true, &err), err);
}

struct outcome place_settle(struct place *p, uint32_t ticket)
{
	struct error err = {0};
	struct outcome o, wanted = {.ticket = UINT32_MAX};
	int got;
	while ((got = p->ops->settle(p->session, &o, &err)) > 0) {
		must(o.error.scope == ERROR_NONE, o.error);
		o.key = arena_strdup(p->arena, o.key);
		if (o.ticket == ticket)
			wanted = o;
	}
	must(got == 0, err);
	assert_int_equal(wanted.ticket, ticket);
	return wanted;
}

void place_submit(struct place *p, uint32_t ticket, const char *mailbox, const void *data, size_t n,
	size_t step, flag_set flags)
{
	struct error err = {0};
	struct message m = {.received = PLACE_MOMENT, .zone = 120, .flags = flags, .size = n};
	const char *key = p->ops->names_first ? p->ops->new_key(p->store, p->arena) : NULL;
	struct text_reader reader = text_reader(data, n, step);
	must(p->ops->append(p->session, ticket, mailbox, key, &m, p->flags, &reader.reader, &err),
		err);
	assert_int_equal(reader.at, n);
}

struct message_list place_list(struct place *p, const char *mailbox)
{
	struct error err = {0};
	struct message_list list, more;
	must(p->ops->list(p->session, mailbox, NULL, NULL, p->flags, &err), err);
	must(p->ops->listed(p->session, &list, &err) == 1, err);
	assert_int_equal(p->ops->listed(p->session, &more, &err), 0);
	assert_string_equal(list.box.name, mailbox);
	assert_false(list.partial);
	assert_int_equal(list.box.total, list.n);
	return list;
}

struct message_list place_list_unlike(struct place *p, const char *mailbox, struct roster *roster)
{
	struct error err = {0};
	struct message_list list, none;
	must(p->ops->list_unlike(p->session, mailbox, NULL, NULL, roster, p->flags, &err), err);
	must(p->ops->listed(p->session, &list, &err) == 1, err);
	assert_int_equal(p->ops->listed(p->session, &none, &err), 0);
	return list;
}

const struct message *place_find(const struct message_list *list, const char *key)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].key, key) == 0)
			return &list->at[i];
	return NULL;
}

const char *place_add_flagged(struct place *p, const char *mailbox, const void *data, size_t n,
	size_t step, flag_set flags)
{
	struct message_list before = place_list(p, mailbox);
	place_submit(p, 7, mailbox, data, n, step, flags);
	const char *key = place_settle(p, 7).key;
	struct message_list after = place_list(p, mailbox);
	for (size_t i = 0; key == NULL && i < after.n; i++)
		if (place_find(&before, after.at[i].key) == NULL)
			key = arena_strdup(p->arena, after.at[i].key);
	assert_int_equal(after.n, before.n + 1);
	assert_non_null(key);
	assert_non_null(place_find(&after, key));
	arena_free(before.arena);
	arena_free(after.arena);
	return key;
}

const char *place_add(struct place *p, const char *mailbox, const char *text)
{
	return place_add_flagged(p, mailbox, text, strlen(text), SIZE_MAX, 0);
}

const char *place_epoch(struct place *p, const char *mailbox)
{
	struct message_list list = place_list(p, mailbox);
	const char *epoch = arena_strdup(p->arena, list.box.epoch);
	arena_free(list.arena);
	return epoch;
}

void place_fetch(struct place *p, const char *mailbox, const char *const *keys, size_t n,
	enum fetch_part part)
{
	struct error err = {0};
	must(p->ops->fetch(p->session, mailbox, place_epoch(p, mailbox), keys, n, part, &err), err);
}

struct message place_take(struct place *p, struct buffer *out)
{
	struct error err = {0};
	struct message m;
	struct reader *reader = NULL;
	const uint8_t *run;
	ssize_t got;
	must(p->ops->take(p->session, &m, &reader, &err) == 1, err);
	uint64_t size = reader->size;
	while ((got = reader->next(reader, &run, &err)) > 0)
		assert_true(buffer_add(out, run, (size_t)got));
	must(got == 0, err);
	assert_int_equal(out->len, size);
	return m;
}

void place_taken(struct place *p)
{
	struct message m;
	struct reader *reader;
	struct error err = {0};
	assert_int_equal(p->ops->take(p->session, &m, &reader, &err), 0);
}

struct message place_holds(struct place *p, const char *mailbox, const char *key,
	enum fetch_part part, const void *data, size_t n)
{
	struct buffer got;
	buffer_init(&got, n + 100);
	place_fetch(p, mailbox, &key, 1, part);
	struct message m = place_take(p, &got);
	place_taken(p);
	assert_int_equal(got.len, n);
	if (n > 0)
		assert_memory_equal(got.data, data, n);
	buffer_finish(&got);
	return m;
}

void place_flagged(struct place *p, const char *mailbox, const char *key, const char *text)
{
	char got[1000];
	struct message_list list = place_list(p, mailbox);
	const struct message *m = place_find(&list, key);
	assert_non_null(m);
	flags_text(p->flags, m->flags, got, sizeof got);
	assert_string_equal(got, text);
	arena_free(list.arena);
}

size_t place_count(struct place *p, const char *mailbox)
{
	struct message_list list = place_list(p, mailbox);
	arena_free(list.arena);
	return list.n;
}

bool place_lists(struct place *p, const char *name)
{
	struct error err = {0};
	struct mailbox_list list;
	must(p->ops->mailboxes(p->session, p->arena, &list, &err), err);
	size_t found = 0;
	for (size_t i = 0; i < list.n; i++) {
		if (i > 0)
			assert_true(strcmp(list.at[i - 1].name, list.at[i].name) < 0);
		found += list.at[i].selectable && strcmp(list.at[i].name, name) == 0;
	}
	assert_true(found <= 1);
	return found == 1;
}

struct target place_target(struct place *p, const char *mailbox)
{
	return (struct target){.mailbox = mailbox, .epoch = place_epoch(p, mailbox)};
}

void place_mark(struct place *p, const char *mailbox, const char *key, const char *add_text,
	const char *remove_text)
{
	struct error err = {0};
	struct target target = place_target(p, mailbox);
	flag_set plus = flags_parse(p->flags, add_text), minus = flags_parse(p->flags, remove_text);
	must(p->ops->mark(p->session, 3, &target, key, p->flags, plus, minus, &err), err);
	assert_false(place_settle(p, 3).gone_already);
}

const char *place_cursor(struct place *p, const char *mailbox)
{
	if (p->ops->settle_clock != NULL)
		p->ops->settle_clock(p->session);
	struct message_list list = place_list(p, mailbox);
	const char *cursor = arena_strdup(p->arena, list.box.cursor);
	arena_free(list.arena);
	return cursor;
}
