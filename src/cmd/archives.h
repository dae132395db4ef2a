#ifndef MAILTWIN_CMD_ARCHIVES_H
#define MAILTWIN_CMD_ARCHIVES_H

#include "archive/archive.h"
#include "cmd/options.h"
#include "config/config.h"

/*
 * What the commands that read an archive file share.
 */

/* archives_open(options, word, code): the archive that a person means by ${word}, to be read: a
 * path, archive:FILE, or a store of the configuration.  NULL after the problem was printed, with
 * the exit code in ${*code}.  From then on the archive is all that the command can touch.
 *
 * archives_open_to(options, word, folder, code): the same, and ${folder} can be written to.
 *
 * archives_peek(options, word, code): the same, for a command that goes on to something else. */
struct archive *archives_open(const struct options *options, const char *word, int *code);
struct archive *archives_open_to(
	const struct options *options, const char *word, const char *folder, int *code);
struct archive *archives_peek(const struct options *options, const char *word, int *code);

/* archives_config(options, word): the same as a store; NULL after the mistake was printed. */
const struct store_config *archives_config(const struct options *options, const char *word);

/* archives_open_again(options, word, code): one connection more to what archives_open() opened;
 * ${word} is a URL or path, for the configuration cannot be read any more. */
struct archive *archives_open_again(const struct options *options, const char *word, int *code);

/* archives_lock(options, word, lock, code): the same, to be changed, with the lock of the file in
 * ${*lock}; archives_unlock(archive, lock) closes it and ends that. */
struct archive *archives_lock(
	const struct options *options, const char *word, int *lock, int *code);
void archives_unlock(struct archive *archive, int lock);

/* archives_failed(err): print the problem, unless it is a person's wish; return its exit code. */
int archives_failed(const struct error *err);

/* archives_unsound(path, mailbox, what): print that a part of the archive does not match its check;
 * return the exit code. */
int archives_unsound(const char *path, const char *mailbox, const char *what);

/* archives_walk(archive, snapshot, mailbox, err): archive_visible() of one mailbox, around what is
 * damaged.  archives_walked(path, mailbox, walk, code): its end: print how many places were left
 * out, and return the worse code. */
struct archive_walk *archives_walk(struct archive *archive, const struct archive_snapshot *snapshot,
	const struct archive_mailbox *mailbox, struct error *err);
int archives_walked(const char *path, const char *mailbox, struct archive_walk *walk, int code);

/* archives_source(sources, n, id): the name of account ${id}, "?" where there is no such one. */
const char *archives_source(const struct archive_source *sources, size_t n, int64_t id);

/* One message of an archive, as ls, search and diff print it. */
struct archives_line {
	char sign;	      /* '+' came, '-' went, '~' its flags changed; 0 = none */
	int64_t snapshots[2]; /* the first and the last that show it there; 0 = not told */
	const char *source;   /* the account */
	bool several;	      /* the archive holds more than that one: a person is told which */
	const char *mailbox;
	const struct archive_placement *placement;
	const struct archive_header *header;
};

/* archives_print(options, event, line): a line for a person, or with --json an object. */
void archives_print(
	const struct options *options, const char *event, const struct archives_line *line);

/* archives_print_mailbox(options, sign, name, other, messages): a mailbox that came, went, was
 * renamed to ${other}, or (sign 0) is there with so many messages. */
void archives_print_mailbox(const struct options *options, char sign, const char *name,
	const char *other, uint64_t messages);

/* archives_flags(placement, arena): "\Flagged \Seen $Junk", keywords as they are kept. */
const char *archives_flags(const struct archive_placement *placement, struct arena *arena);

/* archives_digest(digest, digits, out): the first ${digits} hexadecimal digits of a digest. */
#define ARCHIVES_SHORT 12
void archives_digest(
	const uint8_t digest[ARCHIVE_DIGEST], size_t digits, char out[2 * ARCHIVE_DIGEST + 1]);

#endif
