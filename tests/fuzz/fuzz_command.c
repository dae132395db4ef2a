/*
 * The command encoder read back: what is a string of a command to us is one string to a server,
 * and the same.  It is read twice: by our own parser, and to the letter of the grammar, so that
 * encoder and parser cannot be wrong in the same way.
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

/* ---- a server that takes what RFC 3501, section 9, allows, and not an octet more ---- */

static bool is_atom_char(char c)
{
	return c > ' ' && c < 0x7F && strchr("(){%*\"\\", c) == NULL;
}

/* QUOTED-CHAR without its "\"; RFC 6855, 3 lets UTF-8 in. */
static bool is_text_char(char c, bool utf8)
{
	return c != '\0' && c != '\r' && c != '\n' && ((c & 0x80) == 0 || utf8);
}

static size_t read_atom(const char *at, char *out)
{
	size_t n = 0;
	for (; is_atom_char(at[n]); n++)
		out[n] = at[n];
	out[n] = '\0';
	return n;
}

static size_t read_quoted(const char *at, bool utf8, char *out)
{
	const char *from = at + 1;
	for (; *from != '"'; from++) {
		bool escaped = *from == '\\';
		from += escaped;
		FUZZ_HOLDS(!escaped || *from == '"' || *from == '\\');
		FUZZ_HOLDS(is_text_char(*from, utf8));
		*out++ = *from;
	}
	*out = '\0';
	return (size_t)(from + 1 - at);
}

static size_t read_literal(const char *at, size_t left, char *out)
{
	size_t n = 0, digits = strspn(at + 1, "0123456789");
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (size_t)(at[1 + i] - '0');
	size_t head = 1 + digits;
	FUZZ_HOLDS(digits > 0 && (digits == 1 || at[1] != '0'));
	FUZZ_HOLDS(memcmp(at + head, "}\r\n", 3) == 0 && n <= left - head - 3);
	FUZZ_HOLDS(memchr(at + head + 3, '\0', n) == NULL);
	memcpy(out, at + head + 3, n);
	out[n] = '\0';
	return head + 3 + n;
}

static void read_strictly(const struct buffer *wire, const char *text, bool utf8)
{
	static char out[8192];
	static const char words[] = "* XSTRING ";
	size_t n = sizeof words - 1;
	FUZZ_HOLDS(wire->len >= n && memcmp(wire->data, words, n) == 0);
	const char *at = wire->data + n;
	n += *at == '"'	  ? read_quoted(at, utf8, out)
	     : *at == '{' ? read_literal(at, wire->len - n, out)
			  : read_atom(at, out);
	FUZZ_HOLDS(wire->len - n == 2 && memcmp(wire->data + n, "\r\n", 2) == 0);
	FUZZ_HOLDS(at != wire->data + n && strcmp(out, text) == 0);
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
		read_strictly(&wire, text, utf8);
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
