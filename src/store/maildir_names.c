#include "store/maildir.h"

#include <limits.h>
#include <string.h>

#include "imap/utf7.h"

/*
 * How folders are spelt on disk:
 *
 *   Maildir++   INBOX is the root itself, any other "." level *( "." level ), side by side in it
 *   nested      level *( "/" level )
 *
 * A level is written as in a mailbox name (mail/name.h), and in written form also where the disk
 * has another meaning for it: '.' in Maildir++; a hidden or reserved name in nested.  With names:
 * utf7 the result is in modified UTF-7.
 */

/* In a nested folder these are not folders (exact), or begin the names of other programs' files. */
static const struct {
	const char *name;
	bool prefix;
} reserved[] = {
	{"cur", false},
	{"new", false},
	{"tmp", false},
	{"subscriptions", false},
	{"maildirfolder", false},
	{"dovecot", true},
	{"courierimap", true},
};

static bool is_reserved(const char *level)
{
	if (level[0] == '.')
		return true;
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
		size_t n = strlen(reserved[i].name);
		if (strncmp(level, reserved[i].name, n) == 0 &&
			(reserved[i].prefix || level[n] == '\0'))
			return true;
	}
	return false;
}

/* The raw ${level} in written form, with '&' too where ${also_and}. */
static const char *write_level(
	enum maildir_layout layout, const char *level, bool also_and, struct arena *arena)
{
	if (layout == LAYOUT_MAILDIRPP)
		return name_escape_level(level, also_and ? "/.&" : "/.", arena);
	const char *written = name_escape_level(level, also_and ? "/&" : "/", arena);
	if (!is_reserved(written))
		return written;
	return arena_printf(arena, "%%%02X%s", (unsigned char)written[0], written + 1);
}

static bool reads_as_utf7(const char *text, struct arena *arena)
{
	return strchr(text, '&') != NULL && utf7_decode(text, strlen(text), arena) != NULL;
}

/* The raw ${level} as it is stored.  In UTF-8 a '&' must not look like UTF-7, else the next run
 * would take the whole Maildir for one that is. */
static const char *spell_level(
	const struct maildir_naming *naming, const char *level, struct arena *arena)
{
	const char *written = write_level(naming->layout, level, false, arena);
	if (naming->utf7)
		return utf7_encode(written, arena);
	return reads_as_utf7(written, arena) ? write_level(naming->layout, level, true, arena)
					     : written;
}

/* The raw level that is stored as ${disk}: unescaped where it is something that we would have
 * written, else as it lies. */
static const char *read_level(
	const struct maildir_naming *naming, const char *disk, struct arena *arena)
{
	const char *written = disk;
	if (naming->utf7 && reads_as_utf7(disk, arena))
		written = utf7_decode(disk, strlen(disk), arena);
	const char *level = name_unescape(written, arena);
	bool ours = strcmp(write_level(naming->layout, level, false, arena), written) == 0 ||
		    strcmp(write_level(naming->layout, level, true, arena), written) == 0;
	return ours ? level : written;
}

static bool fits(const char *name, const char *component, struct error *err)
{
	size_t n = strlen(component);
	return n <= NAME_MAX ||
	       error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
		       "the name '%.100s' is too long for a file: it would be %zu bytes, %d are "
		       "possible",
		       name, n, NAME_MAX);
}

const char *maildir_name_encode(const struct maildir_naming *naming, const char *name,
	struct arena *arena, struct error *err)
{
	bool nested = naming->layout == LAYOUT_NESTED;
	if (name_is_inbox(name) && (!nested || naming->inbox_is_root))
		return ".";
	if (!name_fits(name)) {
		error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
			"the name '%.100s' is empty, too long or too deep", name);
		return NULL;
	}
	size_t n;
	const char *const *levels = name_levels(name, arena, &n);
	const char *path = "";
	for (size_t i = 0; i < n; i++) {
		const char *disk = spell_level(naming, levels[i], arena);
		if (nested && !fits(name, disk, err))
			return NULL;
		const char *separator = !nested ? "." : i > 0 ? "/" : "";
		path = arena_printf(arena, "%s%s%s", path, separator, disk);
	}
	return nested || fits(name, path, err) ? path : NULL;
}

const char *maildir_name_decode(
	const struct maildir_naming *naming, const char *path, struct arena *arena)
{
	if (strcmp(path, ".") == 0)
		return "INBOX";
	char separator = naming->layout == LAYOUT_NESTED ? '/' : '.';
	if (separator == '.')
		path++;
	const char *levels[NAME_MAX + 1];
	size_t n = 0;
	for (const char *end; n <= NAME_MAX; path = end + 1) {
		end = strchr(path, separator);
		if (end == NULL) {
			levels[n++] = read_level(naming, path, arena);
			break;
		}
		levels[n++] =
			read_level(naming, arena_strndup(arena, path, (size_t)(end - path)), arena);
	}
	return name_from_levels(levels, n, arena);
}

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

enum maildir_spelling maildir_name_spelling(const char *path, struct arena *arena)
{
	enum maildir_spelling found = SPELLING_ANY;
	char *copy = arena_strdup(arena, path), *rest = NULL;
	for (const char *level = strtok_r(copy, "/.", &rest); level != NULL;
		level = strtok_r(NULL, "/.", &rest)) {
		if (!is_ascii(level))
			return SPELLING_UTF8;
		if (strchr(level, '&') != NULL)
			found = utf7_decode(level, strlen(level), arena) != NULL ? SPELLING_UTF7
										 : SPELLING_UTF8;
		if (found == SPELLING_UTF8)
			return found;
	}
	return found;
}
