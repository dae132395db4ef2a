#ifndef MAILTWIN_STORE_FILES_STORE_H
#define MAILTWIN_STORE_FILES_STORE_H

#include "store/files.h"
#include "store/store.h"

/*
 * The store that `import` reads, seen from inside: only files*.c include this.
 *
 *   files.c         the table of functions, sessions, list() and fetch()
 *   files_tree.c    which mailboxes there are
 *   files_scan.c    which messages are in one
 *   files_read.c    the bytes of a file, compressed or not; lines; messages
 *   files_write.c   what `export` writes (store/files.h)
 *
 * A mailbox is an mbox, or a folder of .eml files; it need not have been written here.  Where its
 * sidecar (mail/sidecar.h) knows a message at its place, with its length and digest, that says what
 * it is; else its header does, and line ends become those of the wire.
 *
 * The key of a message says where its bytes are, so that nothing has to be remembered for it.  An
 * mbox is another one (its epoch) when its file was changed.
 */

/* ---- files_read.c ---- */

/* A file that is read. */
struct files_source {
	int fd;	   /* -1: none */
	gzFile gz; /* it is compressed; owns fd */
	const char *path;
};

/* files_open_source(source, path, packed, err): open ${path}, which is lent; with ${packed} it may
 * be compressed.  files_close_source(source).  files_read_source(source, data, n, err): up to ${n}
 * octets, fewer only at the end; -1.  All failures are ERROR_MAILBOX. */
bool files_open_source(
	struct files_source *source, const char *path, bool packed, struct error *err);
void files_close_source(struct files_source *source);
ssize_t files_read_source(struct files_source *source, void *data, size_t n, struct error *err);

/* A file line by line. */
struct files_lines {
	struct files_source source;
	uint64_t offset; /* of what files_next_line() gave last */
	size_t at, end;
	size_t given; /* how long that is */
	bool inside;  /* what comes next is the rest of a line */
	bool last;    /* nothing is left to be read */
	char data[FILES_LINE];
};

/* files_lines_open(path, packed, err): begin; NULL on failure.  files_lines_free(lines): NULL is
 * fine.  files_next_line(lines, out, len, begins, err): the next line with its LF, lent until the
 * next call; one longer than FILES_LINE comes in parts, of which only the first ${begins}: 1; 0 =
 * the end; -1. */
struct files_lines *files_lines_open(const char *path, bool packed, struct error *err);
void files_lines_free(struct files_lines *lines);
int files_next_line(
	struct files_lines *lines, const char **out, size_t *len, bool *begins, struct error *err);

/* Where the bytes of a message are: its key. */
struct files_place {
	uint64_t start, length; /* in the file, before it was compressed */
	uint64_t size;		/* what comes out of it is cut to that */
	enum mbox_lines lines;
	const char *file; /* an .eml, or "" in an mbox */
};

/* files_key(place, arena): as a key.  files_key_read(key, place): back again; file is in ${key}. */
const char *files_key(const struct files_place *place, struct arena *arena);
bool files_key_read(const char *key, struct files_place *place);

/* A message that is read. */
struct files_body {
	struct reader reader; /* first: it is lent as one */
	struct files_source source;
	struct mbox_coder coder;
	char *path;    /* what is open */
	uint64_t at;   /* octets of that read so far */
	uint64_t left; /* octets of the message still to be read ... */
	uint64_t give; /* ... and to be given */
	bool ended;    /* the coder holds nothing back */
	bool whole;    /* the header is not in `header` */
	struct buffer header;
	uint8_t in[16 * 1024], out[MBOX_ROOM(16 * 1024)];
};

/* files_body_open(body, path, packed, place, header, err): begin to read the message ${place} of
 * the file ${path}, or its header block.  files_body_close(body): NULL is not fine. */
bool files_body_open(struct files_body *body, const char *path, bool packed,
	const struct files_place *place, bool header, struct error *err);
void files_body_close(struct files_body *body);

/* ---- files_tree.c ---- */

struct files_box {
	const char *name;
	const char *path; /* of the mbox, or folder */
	const char *side; /* of the sidecar; NULL = there is none */
	uint32_t use;
	bool subscribed;
};

struct files_tree {
	struct files_box *at; /* sorted by name */
	size_t n, cap;
};

/* files_find(path, eml, arena, out, err): all mailboxes of ${path}: the mbox itself, or those in
 * the folder and below it.  ERROR_STORE. */
bool files_find(
	const char *path, bool eml, struct arena *arena, struct files_tree *out, struct error *err);

/* ---- files_scan.c ---- */

/* files_scan(box, eml, flags, out, err): the messages of a mailbox, on out->arena; ERROR_MAILBOX.
 * files_epoch(box, eml, arena): its epoch; NULL with errno. */
bool files_scan(const struct files_box *box, bool eml, struct flag_table *flags,
	struct message_list *out, struct error *err);
const char *files_epoch(const struct files_box *box, bool eml, struct arena *arena);

#endif
