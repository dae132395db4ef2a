#include "imap/command.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/escape.h"
#include "mail/date.h"

/* A command longer than this is a mistake of ours: sets are cut, names are short. */
#define COMMAND_MAX ((size_t)256 * 1024)

/* Longer ones go as a literal: servers read a quoted string into a buffer of their own size. */
#define QUOTED_MAX 1000

#define ATOM_SPECIALS "(){ %*\"\\]"

void imap_command_init(struct imap_command *c, bool utf8)
{
	*c = (struct imap_command){.utf8 = utf8};
	buffer_init(&c->text, COMMAND_MAX);
}

void imap_command_finish(struct imap_command *c)
{
	buffer_wipe(&c->text);
}

static void refuse(struct imap_command *c, const char *why)
{
	if (c->refused == NULL)
		c->refused = why;
}

static void add(struct imap_command *c, const char *text, size_t len)
{
	if (!buffer_add(&c->text, text, len))
		refuse(c, "it is too long for a command");
}

void imap_command_words(struct imap_command *c, const char *fmt, ...)
{
	char small[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof small) {
		add(c, small, (size_t)n);
		return;
	}
	va_start(ap, fmt);
	char *room = n < 0 ? NULL : buffer_room(&c->text, (size_t)n);
	if (room != NULL) {
		vsnprintf(room, (size_t)n + 1, fmt, ap);
		buffer_filled(&c->text, (size_t)n);
	} else {
		refuse(c, "it is too long for a command");
	}
	va_end(ap);
}

static bool is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

bool imap_command_is_atom(const char *text)
{
	if (*text == '\0' || text[strcspn(text, ATOM_SPECIALS)] != '\0')
		return false;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
			return false;
	return true;
}

static void add_quoted(struct imap_command *c, const char *s)
{
	add(c, "\"", 1);
	while (*s != '\0') {
		size_t n = strcspn(s, "\"\\");
		add(c, s, n);
		s += n;
		if (*s == '\0')
			break;
		add(c, "\\", 1);
		add(c, s++, 1);
	}
	add(c, "\"", 1);
}

static void add_literal(struct imap_command *c, const char *s, size_t len)
{
	if (c->literals == IMAP_COMMAND_LITERALS) {
		refuse(c, "it has too many long strings");
		return;
	}
	c->literal[c->literals].at = c->text.len;
	c->literal[c->literals++].len = len;
	add(c, s, len);
}

void imap_command_string(struct imap_command *c, const char *s)
{
	size_t len = strlen(s);
	if (strpbrk(s, "\r\n") != NULL) {
		refuse(c, "it holds a line end");
		return;
	}
	bool clear = is_ascii(s) || (c->utf8 && utf8_valid(s, len));
	if (imap_command_is_atom(s) && ascii_compare(s, "NIL") != 0)
		add(c, s, len);
	else if (clear && len <= QUOTED_MAX)
		add_quoted(c, s);
	else
		add_literal(c, s, len);
}

void imap_command_flags(struct imap_command *c, const struct flag_table *table, flag_set set,
	bool (*keep)(const char *keyword, void *context), void *context)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} system[] = {{FLAG_ANSWERED, "\\Answered"}, {FLAG_DELETED, "\\Deleted"},
		{FLAG_DRAFT, "\\Draft"}, {FLAG_FLAGGED, "\\Flagged"}, {FLAG_SEEN, "\\Seen"}};
	const char *between = "";

	for (size_t i = 0; i < sizeof system / sizeof *system; i++) {
		if ((flags_system(table, set) & system[i].flag) == 0)
			continue;
		imap_command_words(c, "%s%s", between, system[i].name);
		between = " ";
	}

	size_t n = 0;
	const char *const *keyword = flags_keywords(table, set, &n);
	for (size_t i = 0; i < n; i++) {
		if (keep != NULL && !keep(keyword[i], context))
			continue;
		if (!imap_command_is_atom(keyword[i])) {
			refuse(c, "a keyword cannot be written in IMAP");
			return;
		}
		imap_command_words(c, "%s", between);
		add(c, keyword[i], strlen(keyword[i]));
		between = " ";
	}
}

void imap_command_date(struct imap_command *c, int64_t seconds, int16_t zone)
{
	char text[DATE_INTERNAL_SIZE];
	if (date_format_internal(seconds, zone, text))
		imap_command_words(c, "\"%s\"", text);
	else
		refuse(c, "a date is not of this world");
}

const char *imap_command_refused(const struct imap_command *c)
{
	return c->refused;
}

bool imap_command_next(const struct imap_command *c, size_t *at, struct imap_piece *piece)
{
	if (*at == c->text.len)
		return false;
	size_t i = 0;
	while (i < c->literals && c->literal[i].at < *at)
		i++;
	bool literal = i < c->literals && c->literal[i].at == *at;
	size_t end = literal	       ? *at + c->literal[i].len
		     : i < c->literals ? c->literal[i].at
				       : c->text.len;
	*piece = (struct imap_piece){c->text.data + *at, end - *at, literal};
	*at = end;
	return true;
}
