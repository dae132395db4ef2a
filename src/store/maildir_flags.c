#include "store/maildir.h"

#include <string.h>

#include "base/ascii.h"

/* The letters that every program reads alike; 'P' (passed) is a keyword in IMAP. */
static const struct {
	char letter;
	uint32_t flag;
} system_letters[] = {
	{'D', FLAG_DRAFT},
	{'F', FLAG_FLAGGED},
	{'R', FLAG_ANSWERED},
	{'S', FLAG_SEEN},
	{'T', FLAG_DELETED},
};

#define N_SYSTEM (sizeof system_letters / sizeof *system_letters)

static const char forwarded[] = "$Forwarded";

/* Letters are bits: 'A' to 'Z', then 'a' to 'z', so that their order is that of ASCII. */
static maildir_letters bit(char letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return (maildir_letters)1 << (letter - 'A');
	if (letter >= 'a' && letter <= 'z')
		return (maildir_letters)1 << (26 + letter - 'a');
	return 0;
}

maildir_letters maildir_letters_parse(const char *file)
{
	const char *info = strchr(file, ':');
	if (info == NULL || info[1] != '2' || info[2] != ',')
		return 0;
	maildir_letters letters = 0;
	for (const char *p = info + 3; *p != '\0'; p++)
		letters |= bit(*p);
	return letters;
}

char *maildir_letters_text(maildir_letters letters, struct arena *arena)
{
	char text[2 * 26 + 1], *p = text;
	for (char c = 'A'; c <= 'z'; c++)
		if ((letters & bit(c)) != 0)
			*p++ = c;
	*p = '\0';
	return arena_strdup(arena, text);
}

maildir_letters maildir_letters_of_system(uint32_t flags)
{
	maildir_letters letters = 0;
	for (size_t i = 0; i < N_SYSTEM; i++)
		if ((flags & system_letters[i].flag) != 0)
			letters |= bit(system_letters[i].letter);
	return letters;
}

uint32_t maildir_letters_system(maildir_letters letters)
{
	uint32_t flags = 0;
	for (size_t i = 0; i < N_SYSTEM; i++)
		if ((letters & bit(system_letters[i].letter)) != 0)
			flags |= system_letters[i].flag;
	return flags;
}

maildir_letters maildir_letters_of_keyword(
	const struct maildir_keywords *keywords, const char *name)
{
	maildir_letters letters = ascii_compare(name, forwarded) == 0 ? bit('P') : 0;
	for (int i = 0; i < MAILDIR_KEYWORDS; i++)
		if (keywords->name[i] != NULL && ascii_compare(keywords->name[i], name) == 0)
			letters |= MAILDIR_KEYWORD_LETTER(i);
	return letters;
}

flag_set maildir_letters_flags(
	const struct maildir_keywords *keywords, maildir_letters letters, struct flag_table *table)
{
	const char *names[MAILDIR_KEYWORDS + 1];
	size_t n = 0;
	for (int i = 0; i < MAILDIR_KEYWORDS; i++)
		if (keywords->name[i] != NULL && (letters & MAILDIR_KEYWORD_LETTER(i)) != 0)
			names[n++] = keywords->name[i];
	if ((letters & bit('P')) != 0)
		names[n++] = forwarded;
	uint32_t system = maildir_letters_system(letters);
	return n == 0 ? system : flags_make(table, system, names, n);
}

struct flag_storable maildir_storable(
	const struct maildir_keywords *keywords, struct flag_table *table)
{
	maildir_letters all = maildir_letters_of_system(FLAG_SYSTEM_SETS - 1) | bit('P');
	int named = 0;
	for (int i = 0; i < MAILDIR_KEYWORDS; i++)
		if (keywords->name[i] != NULL) {
			all |= MAILDIR_KEYWORD_LETTER(i);
			named++;
		}
	return (struct flag_storable){
		.listed = maildir_letters_flags(keywords, all, table),
		.new_keywords = named < MAILDIR_KEYWORDS,
	};
}
