#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/*
 * The file dovecot-keywords of a folder says what the letters 'a' to 'z' mean there:
 *
 *   file = *( index " " keyword LF )       index: 0 for 'a' to 25 for 'z'
 */
static const char file_name[] = "dovecot-keywords";
static const char lock_name[] = "dovecot-keywords.lock";

enum {
	FILE_LIMIT = 64 * 1024, /* 26 of the longest keywords fit many times */
	KEYWORD_LIMIT = 128	/* more than any client lets a person type */
};

static void parse_line(struct maildir_keywords *keywords, char *line)
{
	char *end = NULL;
	unsigned long index = strtoul(line, &end, 10);
	if (end == line || *end != ' ' || end[1] == '\0' || index >= MAILDIR_KEYWORDS)
		return;
	if (keywords->name[index] == NULL)
		keywords->name[index] = arena_strdup(keywords->arena, end + 1);
}

static void parse(struct maildir_keywords *keywords, char *text)
{
	memset(keywords->name, 0, sizeof keywords->name);
	arena_reset(keywords->arena);
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
		line = strtok_r(NULL, "\n", &rest))
		parse_line(keywords, line);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool maildir_keywords_read(struct maildir_keywords *keywords, int dir, struct error *err)
{
	struct stat st = {0};
	if (fstatat(dir, file_name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
		return error_errno(err, ERROR_MAILBOX, "cannot look at '%s'", file_name);
	if (keywords->known && same_file(&st, &keywords->file))
		return true;

	struct buffer text;
	buffer_init(&text, FILE_LIMIT);
	bool ok = file_load(dir, file_name, &text) || errno == ENOENT;
	if (ok)
		parse(keywords, text.data != NULL ? text.data : (char[]){""});
	else
		error_errno(err, ERROR_MAILBOX, "cannot read '%s'", file_name);
	buffer_finish(&text);
	keywords->known = ok;
	keywords->file = st;
	return ok;
}

/* What a keyword may be made of in IMAP (RFC 9051, flag-keyword), and so in this file's lines. */
static bool can_be_keyword(const char *name)
{
	size_t n = 0;
	for (; name[n] != '\0'; n++)
		if (name[n] <= ' ' || name[n] > '~' || strchr("(){%*\"\\]", name[n]) != NULL)
			return false;
	return n > 0 && n <= KEYWORD_LIMIT;
}

/* The letter for a new keyword: after those that have a name, as Dovecot counts, and none that a
 * file's name has already, whatever another program means by it. */
static int free_index(const struct maildir_keywords *keywords, maildir_letters taken)
{
	int last = -1;
	for (int i = 0; i < MAILDIR_KEYWORDS; i++)
		if (keywords->name[i] != NULL)
			last = i;
	for (int i = 1; i <= MAILDIR_KEYWORDS; i++) {
		int index = (last + i) % MAILDIR_KEYWORDS;
		if (keywords->name[index] == NULL && (taken & MAILDIR_KEYWORD_LETTER(index)) == 0)
			return index;
	}
	return -1;
}

static bool write_all(
	struct maildir_keywords *keywords, int dir, int lock, bool durable, struct error *err)
{
	struct buffer text;
	buffer_init(&text, FILE_LIMIT);
	bool ok = true;
	for (int i = 0; i < MAILDIR_KEYWORDS; i++)
		if (keywords->name[i] != NULL)
			ok = ok && buffer_printf(&text, "%d %s\n", i, keywords->name[i]);
	if (!ok)
		errno = EFBIG;
	ok = ok && maildir_dotlock_replace(dir, lock_name, lock, file_name, &text, durable);
	if (!ok)
		error_errno(err, ERROR_MAILBOX, "cannot write '%s'", file_name);
	buffer_finish(&text);
	keywords->known = false; /* its time is another now */
	return ok;
}

/* Name what has no letter yet; return whether any found one. */
static bool name_letters(struct maildir_keywords *keywords, const char *const *names, size_t n,
	maildir_letters taken)
{
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		int index = free_index(keywords, taken);
		if (index < 0 || !can_be_keyword(names[i]) ||
			(maildir_letters_of_keyword(keywords, names[i]) & MAILDIR_LOWER) != 0)
			continue;
		keywords->name[index] = arena_strdup(keywords->arena, names[i]);
		any = true;
	}
	return any;
}

bool maildir_keywords_add(struct maildir_keywords *keywords, int dir, const char *const *names,
	size_t n, maildir_letters taken, bool durable, struct error *err)
{
	int lock = maildir_dotlock(dir, lock_name, err);
	if (lock < 0)
		return false;
	/* Another program may have named some meanwhile. */
	bool ok = maildir_keywords_read(keywords, dir, err);
	if (ok && name_letters(keywords, names, n, taken))
		ok = write_all(keywords, dir, lock, durable, err);
	else
		unlinkat(dir, lock_name, 0);
	close(lock);
	return ok;
}
