/*
 * The store contract (store/store.h), tried on every kind of store: a row of `kinds` says how to
 * make an empty place of it, and how to take it away.
 */
#include "unit.h"

#include <stdlib.h>

#include "contract.h"
#include "imap_place.h"

static void *maildirpp(struct place *p)
{
	place_maildir(p, LAYOUT_MAILDIRPP, NAMES_AUTO);
	return NULL;
}

static void *maildirpp_utf7(struct place *p)
{
	place_maildir(p, LAYOUT_MAILDIRPP, NAMES_UTF7);
	p->config.maildir.durable = false;
	return NULL;
}

static void *maildir_nested(struct place *p)
{
	place_maildir(p, LAYOUT_NESTED, NAMES_UTF8);
	p->config.maildir.durable = false;
	return NULL;
}

static void *archive(struct place *p)
{
	place_archive(p);
	return NULL;
}

static void *imap(struct place *p)
{
	imap_place(p, '/', "", NULL);
	return NULL;
}

static void *imap_condstore(struct place *p)
{
	static const char *const disable[] = {"QRESYNC", NULL};
	imap_place(p, '.', "", disable);
	return NULL;
}

static void *imap_bare(struct place *p)
{
	static const char *const disable[] = {"QRESYNC", "CONDSTORE", "ENABLE", "UIDPLUS", "MOVE",
		"ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "LITERAL+", "MULTIAPPEND",
		"BINARY", "UNSELECT", "ID", "NAMESPACE", NULL};
	imap_place(p, '/', "", disable);
	return NULL;
}

static void *imap_prefix(struct place *p)
{
	imap_place(p, '.', "INBOX.", NULL);
	return NULL;
}

static const struct kind kinds[] = {
	{"maildir++", maildirpp, .keeps_nul = true, .adds_cr = true},
	{"maildir++ in utf7", maildirpp_utf7, .keeps_nul = true, .adds_cr = true},
	{"nested maildir", maildir_nested, .keeps_nul = true, .adds_cr = true},
	{"archive", archive, .opened = place_archive_source, .keeps_zone = true, .keeps_nul = true,
		.chooses_keys = true, .busy = CAUSE_LOCAL},
#define ON_DOVECOT \
	.possible = imap_place_possible, .remote = true, .adds_cr = true, .drops_cr = true, \
	.refuses_empty = true
	{"imap", imap, ON_DOVECOT},
	{"imap with condstore", imap_condstore, ON_DOVECOT},
	{"bare imap", imap_bare, ON_DOVECOT, .tells_no_cursor = true},
	{"imap below INBOX.", imap_prefix, ON_DOVECOT},
};

/* ---- setting up ---- */

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	place_init(&f->place);
	f->kind = *state;
	f->own = f->kind->set_up(&f->place);
	*state = f;
	place_open(&f->place);
	if (f->kind->opened != NULL)
		f->kind->opened(&f->place);
	place_create(&f->place, "INBOX");
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	place_finish(&f->place);
	if (f->kind->tear_down != NULL)
		f->kind->tear_down(&f->place, f->own);
	free(f);
	return 0;
}

/* ---- all tests on all kinds ---- */

static const struct {
	const struct CMUnitTest *at;
	const size_t *n;
} parts[] = {
	{contract_mailboxes, &contract_mailboxes_n},
	{contract_messages, &contract_messages_n},
	{contract_changes, &contract_changes_n},
};

#define N_KINDS (sizeof kinds / sizeof *kinds)
#define N_PARTS (sizeof parts / sizeof *parts)

static struct CMUnitTest test_of(
	const struct kind *kind, const struct CMUnitTest *test, struct arena *arena)
{
	struct CMUnitTest one = *test;
	one.name = arena_printf(arena, "%s: %s", kind->name, test->name);
	one.setup_func = set_up;
	one.teardown_func = tear_down;
	one.initial_state = (void *)kind;
	return one;
}

int main(void)
{
	struct arena *arena = arena_new();
	struct CMUnitTest *all = NULL;
	size_t n = 0, cap = 0;
	for (size_t kind = 0; kind < N_KINDS; kind++) {
		if (kinds[kind].possible != NULL && !kinds[kind].possible()) {
			print_message("%s is not tried: install dovecot-imapd\n", kinds[kind].name);
			continue;
		}
		for (size_t part = 0; part < N_PARTS; part++)
			for (size_t i = 0; i < *parts[part].n; i++)
				*ARENA_PUSH(arena, all, n, cap) =
					test_of(&kinds[kind], &parts[part].at[i], arena);
	}
	if (getenv("TEST") != NULL) /* "imap: many_*" */
		cmocka_set_test_filter(getenv("TEST"));
	int failed = _cmocka_run_group_tests("store contract", all, n, NULL, NULL);
	arena_free(arena);
	return failed;
}
