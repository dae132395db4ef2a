#ifndef MAILTWIN_STORE_FILES_H
#define MAILTWIN_STORE_FILES_H

#include <stdint.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "mail/mbox.h"
#include "mail/message.h"
#include "mail/sidecar.h"

/*
 * Mailboxes as files that other programs read: what `export` writes and `import` takes.
 *
 *   mbox   Lists/C.mbox (or C.mbox.gz), an mbox each (mail/mbox.h), and Lists/C.mbox.jsonl
 *   eml    Lists/C/00000001.eml and so on, a file for each message, exactly its bytes, and
 *          Lists/C/messages.jsonl
 *
 * The .jsonl files (mail/sidecar.h) say what those cannot.  A folder for each level of a mailbox's
 * name is spelt as in a nested Maildir, and the last "." of one that ends like one of these files
 * is %2E.
 */
enum files_format { FILES_MBOX, FILES_MBOX_GZ, FILES_EML };

/* The longest line of a .jsonl file: some hundred keywords of the longest kind. */
#define FILES_LINE ((size_t)256 * 1024)

#define FILES_SIDECAR	  ".jsonl"
#define FILES_EML_SIDECAR "messages" FILES_SIDECAR

/* ---- writing (files_write.c) ---- */

/* A tree that is being written, one mailbox after the other. */
struct files_out;

/*
 * files_new(path, format, err): begin to write below the folder ${path}, which is made; one that
 * holds anything is refused: nothing is ever overwritten.  NULL on failure.  files_free(out): what
 * is not complete is removed; NULL is fine.
 */
struct files_out *files_new(const char *path, enum files_format format, struct error *err);
void files_free(struct files_out *out);

/*
 * files_begin(out, mailbox, err): begin the mailbox that ${mailbox} (mailbox, use, subscribed)
 * describes; ERROR_MAILBOX where no file can be called so.
 * files_end(out, err): it is complete: its files get their names, and are on the disk.
 */
bool files_begin(struct files_out *out, const struct sidecar *mailbox, struct error *err);
bool files_end(struct files_out *out, struct error *err);

/*
 * files_add(out, message, open, context, err): add a message, of which ${message} tells size,
 * digest, received, zone and flags.  ${open}(context, reader, err) begins to read it; of an mbox
 * that is done twice, because how it is written hangs on all of its line ends.  ERROR_MESSAGE where
 * it cannot be read: nothing of it is in the files.
 */
typedef bool files_open(void *context, struct reader **reader, struct error *err);
bool files_add(struct files_out *out, const struct sidecar *message, files_open *open,
	void *context, struct error *err);

#endif
