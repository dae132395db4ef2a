#include "store/maildir.h"

#include <limits.h>
#include <string.h>

#include "imap/utf7.h"

/*
 * How folders are spelt on disk, apart from INBOX where the root itself is it:
 *
 *   Maildir++   "." level *( "." level )      all in the root
 *   nested      level *( "/" level )
 *   Legacy      level *( "/." level )         nested, as mbsync's SubFolders Legacy has it
 *   flat        level *( "." level )          all in the root, as offlineimap has it
 *
 * A level is written as in a mailbox name (mail/name.h), and in written form also where the disk
 * has another meaning for it: '.' where that is between levels, else a hidden or reserved name.
 * With names: utf7 the result is in modified UTF-7.  In mbsync's Maildir++ the first level of what
 * is below INBOX is empty: "..Sub".
 */
static const struct {
	const char *prefix, *separator;
	const char *also;  /* what a level must not hold besides what a mailbox name cannot */
	bool has_reserved; /* some names are taken */
} styles[] = {
	[STYLE_MAILDIRPP] = {".", ".", "/.", false},
	[STYLE_NESTED] = {"", "/", "/", true},
	[STYLE_LEGACY] = {"", "/.", "/", true},
	[STYLE_FLAT] = {"", ".", "/.", true},
};

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

static const char *guard_reserved(
	enum maildir_style style, const char *written, struct arena *arena)
{
	if (!styles[style].has_reserved || !is_reserved(written))
		return written;
	return arena_printf(arena, "%%%02X%s", (unsigned char)written[0], written + 1);
}

/* The raw ${level} in written form, with '&' too where ${also_and}. */
static const char *write_level(
	enum maildir_style style, const char *level, bool also_and, struct arena *arena)
{
	const char *also = styles[style].also;
	if (also_and)
		also = arena_printf(arena, "%s&", also);
	return guard_reserved(style, name_escape_level(level, also, arena), arena);
}

static bool reads_as_utf7(const char *text, struct arena *arena)
{
	return strchr(text, '&') != NULL && utf7_decode(text, strlen(text), arena) != NULL;
}

/* The raw level of an opaque name in written form.  The '-' too, without which nothing looks like
 * what a text with '&' can become. */
static const char *write_opaque(enum maildir_style style, const char *level, struct arena *arena)
{
	const char *also = arena_printf(arena, "%s-", styles[style].also);
	return guard_reserved(style, name_opaque_level(level, also, arena), arena);
}

/* The level ${text} of a name as it is stored.  In UTF-8 a '&' must not look like UTF-7, else the
 * next run would take the whole Maildir for one that is. */
static const char *spell_level(
	const struct maildir_naming *naming, const char *text, struct arena *arena)
{
	const char *level = name_unescape(text, arena);
	if (strcmp(text, name_escape_level(level, "/", arena)) != 0)
		return write_opaque(naming->style, level, arena);
	const char *written = write_level(naming->style, level, false, arena);
	if (naming->utf7)
		return utf7_encode(written, arena);
	return reads_as_utf7(written, arena) ? write_level(naming->style, level, true, arena)
					     : written;
}

/* The level of a name that is stored as ${disk}: unescaped where it is something that we would have
 * written, else as it lies. */
static const char *read_level(
	const struct maildir_naming *naming, const char *disk, struct arena *arena)
{
	const char *written = disk;
	if (naming->utf7 && reads_as_utf7(disk, arena))
		written = utf7_decode(disk, strlen(disk), arena);
	const char *level = name_unescape(written, arena);
	const char *text = name_escape_level(level, "/", arena);
	const char *plain = write_level(naming->style, level, false, arena);
	if (strcmp(plain, written) == 0)
		return text;
	if (!naming->utf7 && reads_as_utf7(plain, arena) &&
		strcmp(write_level(naming->style, level, true, arena), written) == 0)
		return text;
	const char *opaque = name_opaque_level(level, "", arena);
	if (strcmp(opaque, text) != 0 &&
		strcmp(write_opaque(naming->style, level, arena), written) == 0)
		return opaque;
	return name_escape_level(written, "/", arena);
}

/* Every part of ${path} must be a file's name. */
static bool fits(const char *name, const char *path, struct error *err)
{
	for (const char *p = path;; p++) {
		size_t n = strcspn(p, "/");
		if (n > NAME_MAX)
			return error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
				"the name '%.100s' is too long for a file: it would be %zu bytes, "
				"%d are possible",
				name, n, NAME_MAX);
		p += n;
		if (*p == '\0')
			return true;
	}
}

/* The levels of ${name} as they are stored, with ${separator} between them. */
static const char *join(const struct maildir_naming *naming, const char *name,
	const char *separator, struct arena *arena)
{
	const char *joined = "";
	for (const char *p = name; *p != '\0'; p += *p == '/') {
		size_t len = strcspn(p, "/");
		joined = arena_printf(arena, "%s%s%s", joined, p > name ? separator : "",
			spell_level(naming, arena_strndup(arena, p, len), arena));
		p += len;
	}
	return joined;
}

/* The name whose levels are stored as parts of ${text}, of which all but the first may begin with
 * ${skip}. */
static const char *split(const struct maildir_naming *naming, const char *text,
	const char *separator, char skip, struct arena *arena)
{
	const char *name = NULL;
	for (const char *p = text;; p++) {
		if (name != NULL && skip != '\0' && *p == skip)
			p++;
		size_t len = strcspn(p, separator);
		const char *level = read_level(naming, arena_strndup(arena, p, len), arena);
		if (name == NULL)
			name = name_is_inbox(level) ? "INBOX" : level;
		else
			name = arena_printf(arena, "%s/%s", name, level);
		p += len;
		if (*p == '\0')
			return name;
	}
}

const char *maildir_name_join(
	const struct maildir_naming *naming, const char *name, char separator, struct arena *arena)
{
	return join(naming, name, (const char[]){separator, '\0'}, arena);
}

const char *maildir_name_split(const struct maildir_naming *naming, const char *text, size_t len,
	char separator, struct arena *arena)
{
	return split(naming, arena_strndup(arena, text, len), (const char[]){separator, '\0'}, '\0',
		arena);
}

const char *maildir_name_encode(const struct maildir_naming *naming, const char *name,
	struct arena *arena, struct error *err)
{
	static const char inbox[] = "INBOX";
	if (name_is_inbox(name) && naming->inbox_is_root)
		return ".";
	if (!name_fits(name)) {
		error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
			"the name '%.100s' is empty, too long or too deep", name);
		return NULL;
	}
	const char *path = join(naming, name, styles[naming->style].separator, arena);
	if (naming->inbox_is_empty && strncmp(path, "INBOX.", sizeof inbox) == 0)
		path += strlen(inbox);
	path = arena_printf(arena, "%s%s", styles[naming->style].prefix, path);
	return fits(name, path, err) ? path : NULL;
}

const char *maildir_name_decode(
	const struct maildir_naming *naming, const char *path, struct arena *arena)
{
	if (strcmp(path, ".") == 0)
		return "INBOX";
	if (naming->style == STYLE_MAILDIRPP && path[1] == '.')
		path = arena_printf(arena, ".INBOX%s", path + 1);
	const char *separator = styles[naming->style].separator;
	return split(naming, path + strlen(styles[naming->style].prefix),
		(const char[]){separator[0], '\0'}, separator[1], arena);
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
