/*
 * The command encoder read back: what is a string of a command to us is one string to a server,
 * and the same.
 */
#include <string.h>

#include "base/arena.h"
#include "fuzz.h"
#include "imap/command.h"
#include "imap/parse.h"

/* The command as a server gets it, as a response, which is read the same way. */
static void write_out(const struct imap_command *c, struct buffer *wire)
{
	struct imap_piece piece;
	size_t at = 0;
	while (imap_command_next(c, &at, &piece)) {
		if (piece.literal)
			buffer_printf(wire, "{%zu}\r\n", piece.len);
		buffer_add(wire, piece.data, piece.len);
	}
	buffer_puts(wire, "\r\n");
}

static void read_back(const struct buffer *wire, const char *text)
{
	struct imap_parser *p = imap_parser_new(&imap_default_limits);
	struct imap_out out;
	size_t used;
	FUZZ_HOLDS(imap_parse(p, (const uint8_t *)wire->data, wire->len, &used, &out) ==
		   IMAP_RESPONSE);
	FUZZ_HOLDS(used == wire->len);
	const struct imap_node *word = out.root->next;
	FUZZ_HOLDS(word != NULL && word->next != NULL && word->next->next == NULL);
	const struct imap_node *string = word->next;
	FUZZ_HOLDS(string->type == IMAP_STRING || string->type == IMAP_ATOM ||
		   string->type == IMAP_NUMBER);
	FUZZ_HOLDS(string->len == strlen(text) && memcmp(string->text, text, string->len) == 0);
	imap_parser_free(p);
}

static void encode(const char *text, bool utf8)
{
	struct imap_command c;
	struct buffer wire;
	buffer_init(&wire, 1 << 20);
	imap_command_init(&c, utf8);
	imap_command_words(&c, "* XSTRING ");
	imap_command_string(&c, text);
	FUZZ_HOLDS(imap_command_refused(&c) == NULL || strpbrk(text, "\r\n") != NULL);
	if (imap_command_refused(&c) == NULL) {
		FUZZ_HOLDS(strpbrk(text, "\r\n") == NULL);
		write_out(&c, &wire);
		read_back(&wire, text);
	}
	imap_command_finish(&c);
	buffer_finish(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const char *text = arena_strndup(arena, (const char *)data, size < 4096 ? size : 4096);
	encode(text, false);
	encode(text, true);
	arena_free(arena);
	return 0;
}
