/*
 * A Maildir as other programs left it: any names of files, and any dovecot-keywords beside them.
 * One message is marked then: the name that its file gets says just that.  And it is moved: it is
 * in the other mailbox only, with its octets and flags.
 *
 * The input is dovecot-keywords up to a NUL, then a line for each file in cur/.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/log.h"
#include "folder.h"
#include "store/maildir.h"

#define FILES_MAX 32

static void make_folder(void)
{
	static const char *const parts[] = {
		"tmp", "cur", "new", ".B", ".B/tmp", ".B/cur", ".B/new"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char path[210];
		snprintf(path, sizeof path, "%s/%s", fuzz_folder(), parts[i]);
		mkdir(path, 0700);
	}
}

static bool put(int dir, const char *name, const void *data, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false; /* no name for a file, or there already */
	FUZZ_HOLDS(write(fd, data, n) == (ssize_t)n);
	close(fd);
	return true;
}

/* What a name says, read without the store's own reader: letters behind the first ":2,". */
static void check_letters(const char *file, struct arena *arena)
{
	const char *info = strchr(file, ':');
	bool has = info != NULL && strncmp(info, ":2,", 3) == 0;
	const char *text = maildir_letters_text(maildir_letters_parse(file), arena);
	for (char c = 1; c > 0 && c < 127; c++) {
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		bool there = has && letter && strchr(info + 3, c) != NULL;
		FUZZ_HOLDS((strchr(text, c) != NULL) == there);
	}
	for (size_t i = 1; text[0] != '\0' && text[i] != '\0'; i++)
		FUZZ_HOLDS(text[i - 1] < text[i]);
}

struct listing {
	size_t n;
	const char *epoch, *key[FILES_MAX];
	flag_set flags[FILES_MAX];
};

/* Every file that is a message is listed once, under a key of its own; nothing where the folder
 * could not be read. */
static struct listing list(
	struct store *store, const char *name, struct flag_table *flags, struct arena *arena)
{
	struct error err = {0};
	struct message_list list;
	struct listing out = {0};
	struct session *s = store->ops->connect(store, &err);
	FUZZ_HOLDS(s != NULL);
	if (store->ops->list(s, name, NULL, NULL, flags, &err) &&
		store->ops->listed(s, &list, &err) > 0) {
		FUZZ_HOLDS(list.n <= FILES_MAX);
		out.epoch = arena_strdup(arena, list.box.epoch);
		for (; out.n < list.n; out.n++) {
			out.key[out.n] = arena_strdup(arena, list.at[out.n].key);
			out.flags[out.n] = list.at[out.n].flags;
			for (size_t j = 0; j < out.n; j++)
				FUZZ_HOLDS(strcmp(out.key[out.n], out.key[j]) != 0);
		}
		arena_free(list.arena);
	}
	store->ops->disconnect(s);
	return out;
}

/* Flag the message ${at}, with a keyword, and take \Seen from it; ${l} is what has to be then. */
static void mark(struct store *store, struct flag_table *flags, struct listing *l, size_t at)
{
	struct error err = {0};
	struct outcome o = {0};
	const struct target target = {.mailbox = "INBOX", .epoch = l->epoch};
	flag_set add = flags_add_name(flags, FLAG_FLAGGED, "$Junk", 5);
	struct session *s = store->ops->connect(store, &err);
	FUZZ_HOLDS(s != NULL);
	if (store->ops->mark(s, 1, &target, l->key[at], flags, add, FLAG_SEEN, &err)) {
		FUZZ_HOLDS(store->ops->settle(s, &o, &err) > 0 && !o.gone_already);
		if (o.error.scope == ERROR_NONE)
			l->flags[at] = flags_union(
				flags, flags_without(flags, l->flags[at], FLAG_SEEN), o.held);
	}
	store->ops->disconnect(s);
}

/* A second file of one key may have been named in the first one's place: then only keys. */
static void check_same(const struct listing *now, const struct listing *was, bool flags)
{
	FUZZ_HOLDS(now->n == was->n);
	for (size_t i = 0; i < was->n; i++) {
		size_t at = 0;
		while (at < now->n && strcmp(now->key[at], was->key[i]) != 0)
			at++;
		FUZZ_HOLDS(at < now->n && (!flags || now->flags[at] == was->flags[i]));
	}
}

/* Move the message ${at} into B; whether that was done. */
static bool move(struct store *store, const struct listing *l, size_t at)
{
	struct error err = {0};
	struct outcome o = {0};
	const struct target target = {.mailbox = "INBOX", .epoch = l->epoch};
	struct session *s = store->ops->connect(store, &err);
	FUZZ_HOLDS(s != NULL);
	bool asked = store->ops->move(s, 1, &target, l->key[at], "B", &err);
	FUZZ_HOLDS(!asked || (store->ops->settle(s, &o, &err) > 0 && !o.gone_already));
	store->ops->disconnect(s);
	return asked && o.error.scope == ERROR_NONE;
}

/* The only file of B, in cur: a message whose name had flags goes there. */
static void check_octets(int root)
{
	char octets[8];
	int dir = openat(root, ".B/cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fdopendir(dir);
	FUZZ_HOLDS(names != NULL);
	for (const struct dirent *entry; (entry = readdir(names)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		int fd = openat(dir, entry->d_name, O_RDONLY | O_CLOEXEC);
		FUZZ_HOLDS(fd >= 0 && read(fd, octets, sizeof octets) == 6 &&
			   memcmp(octets, "A: b\n\n", 6) == 0);
		close(fd);
	}
	closedir(names);
}

/* ${was} without the message ${at} is what INBOX has now, and B has it; or all is as it was. */
static void check_moved(struct store *store, struct flag_table *flags, struct arena *arena,
	struct listing *was, size_t at, bool moved)
{
	const struct listing there = list(store, "B", flags, arena);
	FUZZ_HOLDS(there.n == moved);
	if (moved) {
		/* a keyword that no new line can have stays behind */
		FUZZ_HOLDS(
			flags_system(flags, there.flags[0]) == flags_system(flags, was->flags[at]));
		FUZZ_HOLDS(flags_union(flags, there.flags[0], was->flags[at]) == was->flags[at]);
		was->n--;
		was->key[at] = was->key[was->n];
		was->flags[at] = was->flags[was->n];
	}
	const struct listing here = list(store, "INBOX", flags, arena);
	FUZZ_HOLDS(here.n == was->n);
	/* of two files with one key the one that is left alone has it to itself */
	bool clear = true;
	for (size_t i = 0; i < was->n; i++)
		clear = clear && strchr(was->key[i], '/') == NULL;
	if (clear)
		check_same(&here, was, true);
}

static void empty(int root, const char *path)
{
	int dir = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fdopendir(dir);
	FUZZ_HOLDS(names != NULL);
	for (const struct dirent *entry; (entry = readdir(names)) != NULL;)
		unlinkat(dir, entry->d_name, 0);
	closedir(names);
}

static void nobody_hears(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct flag_table *flags = flag_table_new();
	const uint8_t *nul = memchr(data, '\0', size);
	size_t keywords = nul != NULL ? (size_t)(nul - data) : 0;
	size_t n = 0, made = 0;
	log_set_sink(nobody_hears);
	make_folder();
	int root = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int cur = openat(root, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_HOLDS(root >= 0 && cur >= 0);

	put(root, "dovecot-keywords", data, keywords);
	char *text = arena_strndup(arena, (const char *)data + keywords + (nul != NULL),
		     size - keywords - (nul != NULL)),
	     *rest = NULL;
	for (char *name = strtok_r(text, "\n", &rest); name != NULL && n < FILES_MAX;
		name = strtok_r(NULL, "\n", &rest)) {
		check_letters(name, arena);
		struct maildir_times times;
		maildir_times_parse(name, &times);
		if (strchr(name, '/') == NULL && put(cur, name, "A: b\n\n", 6)) {
			n++;
			made += name[0] != '.';
		}
	}
	struct store_config config = {
		.name = "disk", .kind = "maildir", .maildir = {.path = fuzz_folder()}};
	struct store *store = store_new(&config, arena);
	struct listing was = list(store, "INBOX", flags, arena);
	FUZZ_HOLDS(was.n <= made);
	if (was.n > 0) {
		size_t at = size % was.n;
		mark(store, flags, &was, at);
		const struct listing now = list(store, "INBOX", flags, arena);
		check_same(&now, &was, was.n == made);
		if (was.n == made)
			check_moved(store, flags, arena, &was, at, move(store, &was, at));
		check_octets(root);
	}
	store_free(store);

	static const char *const used[] = {"cur", ".B/cur", ".B/new"};
	for (size_t i = 0; i < sizeof used / sizeof *used; i++)
		empty(root, used[i]);
	unlinkat(root, "dovecot-keywords", 0);
	unlinkat(root, ".B/dovecot-keywords", 0);
	close(cur);
	close(root);
	flag_table_free(flags);
	arena_free(arena);
	return 0;
}
