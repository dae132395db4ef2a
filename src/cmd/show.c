#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/print.h"

/* A line of a message on a terminal; what is longer comes in pieces. */
#define LINE_ROOM ((size_t)16 * 1024)

/* ---- on a terminal: nothing in it moves the cursor ---- */

struct screen {
	char line[LINE_ROOM];
	size_t len;
};

static void show_line(struct screen *s)
{
	char text[4 * LINE_ROOM + 1];
	s->line[s->len] = '\0';
	fputs(escape_text(text, sizeof text, s->line), stdout);
	s->len = 0;
}

static void show_run(struct screen *s, const uint8_t *run, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (run[i] == '\n' || s->len + 1 == sizeof s->line)
			show_line(s);
		if (run[i] == '\n')
			putchar('\n');
		else if (run[i] == '\t')
			s->line[s->len++] = ' ';
		else if (run[i] != '\r' && run[i] != '\0')
			s->line[s->len++] = (char)run[i];
	}
}

/* ---- the message ---- */

static bool show(struct archive *archive, const struct archive_message *message, struct error *err)
{
	struct archive_body *body = archive_body_new(archive);
	struct screen screen = {.len = 0};
	bool terminal = isatty(STDOUT_FILENO) != 0;
	struct reader *reader;
	const uint8_t *run;
	ssize_t n = -1;
	if (archive_body_open(body, message, false, &reader, err))
		while ((n = reader->next(reader, &run, err)) > 0) {
			if (terminal)
				show_run(&screen, run, (size_t)n);
			else
				fwrite(run, 1, (size_t)n, stdout);
		}
	if (terminal)
		show_line(&screen);
	archive_body_free(body);
	return n == 0;
}

static int ambiguous(const char *word, const struct archive_message *found, size_t n)
{
	char digest[2 * ARCHIVE_DIGEST + 1];
	print_problem("'%s' is the beginning of %s%zu messages:", word,
		n == ARCHIVE_FIND_MOST ? "at least " : "", n);
	for (size_t i = 0; i < n; i++) {
		archives_digest(found[i].digest, 2 * ARCHIVES_SHORT, digest);
		fprintf(stderr, "  %s\n", digest);
	}
	return CAUSE_CONFIG;
}

static int find_and_show(const struct options *options, struct archive *archive, const char *word)
{
	struct archive_message *found;
	struct error err = {0};
	size_t n;
	if (!archive_find(archive, word, options->arena, &found, &n, &err))
		return archives_failed(&err);
	if (n > 1)
		return ambiguous(word, found, n);
	if (n == 0) {
		print_problem("no message of '%s' has a digest that begins with '%s'; `ls` and "
			      "`search` print them",
			options->names[0], word);
		return CAUSE_CONFIG;
	}
	return show(archive, &found[0], &err) ? 0 : archives_failed(&err);
}

int command_show(const struct options *options)
{
	int code;
	if (options->n_names != 2) {
		print_problem("show wants an archive and a message; such as: mailtwin show "
			      "~/Backup/work.mta 3f9a1c");
		return CAUSE_CONFIG;
	}
	struct archive *archive = archives_open(options, options->names[0], &code);
	if (archive != NULL)
		code = find_and_show(options, archive, options->names[1]);
	archive_close(archive);
	return code;
}
