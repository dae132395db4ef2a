#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/escape.h"
#include "base/log.h"
#include "base/map.h"
#include "imap/utf7.h"
#include "mail/name.h"
#include "store/imap_store.h"

/*
 * Mailbox names, ours and the wire's.
 *
 * Off goes the prefix of the personal namespace ("INBOX."); what does not begin with it belongs to
 * others.  The rest is modified UTF-7, or UTF-8 where the server agreed to that.  A level that
 * holds the server's own delimiter is spelt there in its written form ("a%2Eb"), and read back from
 * it.
 *
 * A spelling that is not proper modified UTF-7 is no text that we know.  It keeps its bytes, "&"
 * and 8-bit ones in written form, so that no other name can look like it.
 *
 * A table is filled by the session that listed, and published; the other threads only read it.
 */
struct imap_names {
	struct arena *arena;
	struct map *index; /* ours to a place in wire[] */
	const char **wire;
	size_t n, cap;
	const char *prefix;
	char delimiter;
	bool utf8;
	struct imap_names *older; /* somebody may still be reading it */
};

struct imap_names *imap_names_new(const char *prefix, char delimiter, bool utf8)
{
	struct arena *arena = arena_new();
	struct imap_names *names = arena_alloc(arena, sizeof *names);
	*names = (struct imap_names){.arena = arena,
		.index = map_new(0),
		.prefix = arena_strdup(arena, prefix),
		.delimiter = delimiter,
		.utf8 = utf8};
	return names;
}

void imap_names_free(struct imap_names *names)
{
	while (names != NULL) {
		struct imap_names *older = names->older;
		map_free(names->index);
		arena_free(names->arena);
		names = older;
	}
}

void imap_names_publish(struct imap_store *store, struct imap_names *names)
{
	names->older = atomic_load(&store->names);
	atomic_store(&store->names, names);
}

bool imap_names_utf8(const struct imap_link *link)
{
	const struct imap_names *names = atomic_load(&link->store->names);
	return names != NULL && names->utf8;
}

/* ---- from the wire ---- */

/* How the delimiter is spelt inside a level: "%2E". */
static void write_escape(char escape[4], char c)
{
	static const char digits[] = "0123456789ABCDEF";
	escape[0] = '%';
	escape[1] = digits[(unsigned char)c >> 4];
	escape[2] = digits[c & 15];
	escape[3] = '\0';
}

static char *read_level(const char *text, size_t len, const char *escape, struct arena *arena)
{
	char *level = arena_strndup(arena, text, len), *to = level;
	for (const char *from = level; *from != '\0'; to++) {
		bool escaped = strncmp(from, escape, 3) == 0;
		*to = escaped ? (char)ascii_percent(from) : *from;
		from += escaped ? 3 : 1;
	}
	*to = '\0';
	return level;
}

static char *name_from_text(const char *text, char delimiter, struct arena *arena)
{
	const char **levels = NULL;
	size_t n = 0, cap = 0;
	char escape[4];
	write_escape(escape, delimiter);
	if (delimiter == '\0')
		return name_from_levels(&text, 1, arena);
	for (;;) {
		const char *end = strchr(text, delimiter);
		size_t len = end == NULL ? strlen(text) : (size_t)(end - text);
		*ARENA_PUSH(arena, levels, n, cap) = read_level(text, len, escape, arena);
		if (end == NULL)
			return name_from_levels(levels, n, arena);
		text = end + 1;
	}
}

/* Bytes that mean nothing to us: written so that no text that means something looks the same. */
static char *name_from_bytes(const char *bytes, char delimiter, struct arena *arena)
{
	const char separator[] = {delimiter, '\0'};
	char *name = NULL;
	for (;; bytes++) {
		size_t len = delimiter == '\0' ? strlen(bytes) : strcspn(bytes, separator);
		const char *level = arena_strndup(arena, bytes, len);
		level = name == NULL && name_is_inbox(level) ? "INBOX"
							     : name_opaque_level(level, "", arena);
		name = name == NULL ? arena_strdup(arena, level)
				    : arena_printf(arena, "%s/%s", name, level);
		bytes += len;
		if (*bytes == '\0')
			return name;
	}
}

/* What of ${wire} follows the prefix; NULL = it is in another namespace. */
static const char *without_prefix(const struct imap_names *names, const char *wire)
{
	size_t n = strlen(names->prefix);
	if (name_is_inbox(wire))
		return wire;
	return ascii_starts(wire, strlen(wire), names->prefix) && wire[n] != '\0' ? wire + n : NULL;
}

static const char *our_name(struct imap_names *names, const char *wire, char delimiter)
{
	size_t len = strlen(wire);
	if (len > 1 && delimiter != '\0' && wire[len - 1] == delimiter)
		len--; /* a node of the tree, listed with what its children begin with */
	wire = arena_strndup(names->arena, wire, len);
	const char *text = names->utf8 ? (utf8_valid(wire, len) ? wire : NULL)
				       : utf7_decode(wire, len, names->arena);
	return text != NULL ? name_from_text(text, delimiter, names->arena)
			    : name_from_bytes(wire, delimiter, names->arena);
}

const char *imap_names_add(struct imap_names *names, const struct imap_listed *listed)
{
	const char *rest = without_prefix(names, listed->name);
	if (names->delimiter == '\0')
		names->delimiter = listed->delimiter;
	if (rest == NULL || *rest == '\0')
		return NULL;
	const char *name = our_name(names, rest, listed->delimiter);
	if (!name_fits(name)) {
		log_warning("a mailbox is left out, its name is too long: %.200s", name);
		return NULL;
	}
	if (map_put_str(names->index, name, (uint32_t)names->n) != MAP_NONE) {
		log_warning(
			"two mailboxes are both called '%s'; '%s' is left out", name, listed->name);
		return NULL;
	}
	*ARENA_PUSH(names->arena, names->wire, names->n, names->cap) =
		arena_strdup(names->arena, listed->name);
	return name;
}

/* ---- to the wire ---- */

static char *write_level(char *to, const char *level, char delimiter)
{
	char escape[4];
	write_escape(escape, delimiter);
	for (; *level != '\0'; level++) {
		if (*level == delimiter)
			to = stpcpy(to, escape);
		else
			*to++ = *level;
	}
	return to;
}

/* A name that nobody listed: the server is to make a mailbox of it, or to say that there is none.
 */
static const char *spell(const struct imap_names *names, const char *name, struct arena *arena)
{
	size_t n;
	const char *const *levels = name_levels(name, arena, &n);
	char *text = arena_alloc(arena, 3 * strlen(name) + 1), *to = text;
	if (name_is_inbox(name))
		return "INBOX";
	if (n == 0 || (n > 1 && names->delimiter == '\0'))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (*levels[i] == '\0')
			return NULL;
		if (i > 0)
			*to++ = names->delimiter;
		to = write_level(to, levels[i], names->delimiter);
	}
	*to = '\0';
	if (!utf8_valid(text, strlen(text)))
		return NULL;
	const char *wire = names->utf8 ? text : utf7_encode(text, arena);
	return wire == NULL ? NULL : arena_printf(arena, "%s%s", names->prefix, wire);
}

/* The first session that needs a name, where none has listed yet. */
static bool list_first(struct imap_link *link, struct error *err)
{
	struct arena *arena = arena_new();
	struct mailbox_list unused = {0};
	bool ok = imap_mailboxes(&link->session, arena, &unused, err);
	arena_free(arena);
	return ok;
}

const char *imap_names_wire(
	struct imap_link *link, const char *name, struct arena *arena, struct error *err)
{
	const struct imap_names *names = atomic_load(&link->store->names);
	if (names == NULL) {
		if (!list_first(link, err))
			return NULL;
		names = atomic_load(&link->store->names);
	}
	uint32_t i = map_get_str(names->index, name);
	const char *wire =
		i != MAP_NONE ? arena_strdup(arena, names->wire[i]) : spell(names, name, arena);
	if (wire == NULL)
		error_set(err, ERROR_MAILBOX, CAUSE_MAIL,
			"'%s' is no name that a mailbox of %s can have", name,
			link->session.store->name);
	return wire;
}
