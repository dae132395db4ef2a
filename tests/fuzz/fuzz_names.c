/*
 * Mailbox names: what a server or a disk spells is read and spelt the same again; a name that was
 * made from bytes gives these bytes back.
 */
#include <string.h>

#include "fuzz.h"
#include "imap/utf7.h"
#include "mail/name.h"
#include "store/maildir.h"

static void read_wire(const char *wire, size_t n, struct arena *arena)
{
	const char *text = utf7_decode(wire, n, arena);
	if (text == NULL)
		return;
	const char *again = utf7_encode(text, arena);
	FUZZ_HOLDS(again != NULL && strlen(again) == n && memcmp(again, wire, n) == 0);
}

static void spell_wire(const char *text, struct arena *arena)
{
	const char *wire = utf7_encode(text, arena);
	if (wire == NULL)
		return;
	const char *again = utf7_decode(wire, strlen(wire), arena);
	FUZZ_HOLDS(again != NULL && strcmp(again, text) == 0);
}

static void escape_levels(const char *text, struct arena *arena)
{
	const char *written = name_escape_level(text, "./", arena);
	FUZZ_HOLDS(strpbrk(written, "./") == NULL);
	FUZZ_HOLDS(strcmp(name_unescape(written, arena), text) == 0);
	const char *opaque = name_opaque_level(text, "./", arena);
	FUZZ_HOLDS(strpbrk(opaque, "./") == NULL);
	FUZZ_HOLDS(strcmp(name_unescape(opaque, arena), text) == 0);
}

/* What a person typed is canonical after the first time. */
static void settle(const char *text, struct arena *arena)
{
	const char *name = name_canonical(text, arena);
	FUZZ_HOLDS(strcmp(name_canonical(name, arena), name) == 0);
	name_fold(name, arena);
	name_parent(name, arena);
}

static void place_on_disk(const char *text, struct arena *arena)
{
	static const struct maildir_naming namings[] = {
		{.style = STYLE_MAILDIRPP, .inbox_is_root = true},
		{.style = STYLE_MAILDIRPP, .utf7 = true, .inbox_is_root = true},
		{.style = STYLE_NESTED},
		{.style = STYLE_LEGACY},
		{.style = STYLE_FLAT, .utf7 = true},
	};
	static const enum maildir_spelling never[] = {SPELLING_UTF7, SPELLING_UTF8};
	const char *name = name_from_wire(text, '/', arena);
	for (size_t i = 0; name_fits(name) && i < sizeof namings / sizeof *namings; i++) {
		const char *path = maildir_name_encode(&namings[i], name, arena, NULL);
		const char *again =
			path == NULL ? name : maildir_name_decode(&namings[i], path, arena);
		FUZZ_HOLDS(again != NULL && strcmp(again, name) == 0);
		/* else the next run takes the whole Maildir for one in the other spelling */
		FUZZ_HOLDS(path == NULL ||
			   maildir_name_spelling(path, arena) != never[namings[i].utf7]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const char *text = arena_strndup(arena, (const char *)data, size);
	read_wire((const char *)data, size, arena);
	spell_wire(text, arena);
	escape_levels(text, arena);
	settle(text, arena);
	place_on_disk(text, arena);
	arena_free(arena);
	return 0;
}
