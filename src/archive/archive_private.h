#ifndef MAILTWIN_ARCHIVE_ARCHIVE_PRIVATE_H
#define MAILTWIN_ARCHIVE_ARCHIVE_PRIVATE_H

#include <zlib.h>

#include "archive/archive.h"
#include "archive/sql.h"

/*
 * What the files of the archive share.
 *
 *   archive.c          open, close, transactions
 *   archive_file.c     which file it is, made new, locked, whether it may be opened at all
 *   archive_schema.c   its tables: made, and checked against what they were made as
 *   sql.c              statements
 *   archive_sum.c      the checks of rows and the sum of a snapshot
 *   archive_read.c     sources, snapshots, mailboxes, messages
 *   archive_walk.c     placements, one after the other
 *   archive_query.c    what a person searches for
 *   archive_search.c   where it is
 *   archive_body.c     the bytes of a message, out
 *   archive_pack.c     the bytes of a message, in
 *   archive_base64.c   what is packed without looking for what repeats
 *   archive_header.c   what is kept of a header
 *   archive_write.c    sources, the draft, its end
 *   archive_place.c    placements of the draft
 *   archive_mailbox.c  mailboxes of the draft
 *   archive_keep.c     which snapshots stay
 *   archive_forget.c   those that do not, and what only they showed
 *   archive_verify.c   whether all of it is whole
 *   archive_compact.c  the file written anew, without what it does not use
 */

#define ARCHIVE_APPLICATION 0x6d747761 /* "mtwa", at octet 68 of the file */
#define ARCHIVE_VERSION	    1	       /* at octet 60; raised with every change of the format */

/* Part ${n} of message ${id} is the row ${id} * ARCHIVE_PARTS + ${n} of `part`. */
#define ARCHIVE_PARTS	  65536
#define ARCHIVE_PART_SIZE ((size_t)1024 * 1024) /* octets of a part before compression, at most */

struct statement {
	const char *text;
	sqlite3_stmt *stmt;
};

/* What is counted of a mailbox of the newest state: its row. */
struct archive_counters {
	int64_t id; /* 0 = none is held */
	int64_t source;
	int64_t messages;
	int64_t changes; /* ever */
	int64_t changed; /* the snapshot, or draft, that changed it last ... */
	int64_t before;	 /* ... and `changes` as it was before that */
};

struct archive {
	sqlite3 *db;
	char *path;
	bool writing;
	bool within;	       /* a transaction is open, as far as the caller knows */
	pthread_mutex_t *turn; /* lent: held while it writes; NULL = nobody else is there */
	bool has_turn;
	struct statement *statement;
	size_t statements, statements_cap;

	/* what this transaction changes: written with its end (archive_write.c) */
	struct archive_snapshot draft;
	struct archive_counters box;
	int64_t last_id; /* of placements */

	/* messages on their way in (archive_pack.c) */
	struct packer *packer;
	struct archive_pending *pending;
	size_t pending_bytes;
	size_t part_size; /* ARCHIVE_PART_SIZE, unless a test makes messages huge by it */
};

/* ---- archive_file.c ---- */

/* archive_file_refuse(err, path, why): the one sentence about a file that cannot be used. */
bool archive_file_refuse(struct error *err, const char *path, const char *why);

/* archive_file_check(path, missing, err): whether ${path} is a file that may be opened as an
 * archive; read before SQLite is let near it. */
bool archive_file_check(const char *path, bool *missing, struct error *err);

/* archive_file_sync_parent(path): make the name ${path} durable; false with errno. */
bool archive_file_sync_parent(const char *path);

/* ---- archive_schema.c ---- */

/* archive_schema_harden(db): take from SQLite what a database of strangers could make use of. */
bool archive_schema_harden(sqlite3 *db);

/* archive_schema_make(archive, err): the tables, in an empty database. */
bool archive_schema_make(struct archive *archive, struct error *err);

/* archive_schema_check(archive, err): whether the tables are those that archive_schema_make()
 * makes, to the letter, and nothing else is there. */
bool archive_schema_check(struct archive *archive, struct error *err);

/* ---- archive.c ---- */

/* archive_connect(path, mode, err): SQLite's connection alone, with its settings. */
struct archive *archive_connect(const char *path, int mode, struct error *err);

/* archive_try_turn(archive): to read while nobody writes; false when another thread does.
 * archive_end_turn(archive): let the next one have its turn, unless a transaction is open. */
bool archive_try_turn(struct archive *archive);
void archive_end_turn(struct archive *archive);

/* ---- archive_write.c ---- */

/* archive_write_totals(archive, err): before a commit: the totals of the draft, and the counters
 * of the mailbox that is held. */
bool archive_write_totals(struct archive *archive, struct error *err);

/* archive_write_counters(archive, mailbox, err): hold the counters of ${mailbox} in archive->box,
 * which the draft is about to change, counted as one change. */
bool archive_write_counters(struct archive *archive, int64_t mailbox, struct error *err);

/* ---- archive_pack.c ---- */

void archive_pack_free(struct archive *archive);

/* archive_head_end(data, n): how much of the beginning of a message is its header block, as far as
 * it is kept for showing. */
size_t archive_head_end(const uint8_t *data, size_t n);

/* ---- archive_base64.c ---- */

/*
 * A second way to a zlib stream, for base64 that nothing repeats in: some ten times as fast as
 * looking for what does, and as small.
 *
 * archive_base64_new(): its tables, for free().
 *
 * archive_base64_find(b, data, n, from, begin): the first run at or behind ${from} of nothing but
 * base64, padding and line ends that is long enough to be worth a part of its own: its length, and
 * in ${begin} where it begins; 0 when there is none.
 *
 * archive_base64_pack(b, data, n, packed): such a run as a zlib stream (RFC 1950) into ${packed},
 * which has room for archive_base64_room(n) octets; its length.
 */
struct archive_base64;
struct archive_base64 *archive_base64_new(void);
size_t archive_base64_find(
	const struct archive_base64 *b, const uint8_t *data, size_t n, size_t from, size_t *begin);
size_t archive_base64_room(size_t n);
size_t archive_base64_pack(
	const struct archive_base64 *b, const uint8_t *data, size_t n, uint8_t *packed);

/* ---- archive_header.c ---- */

/* archive_header_put(archive, message, data, n, err): keep what is shown of the header block in
 * ${data}, which may be cut short. */
bool archive_header_put(
	struct archive *archive, int64_t message, const char *data, size_t n, struct error *err);

/* archive_header_read(data, n, arena, out): decode what is kept of a header block. */
void archive_header_read(
	const char *data, size_t n, struct arena *arena, struct archive_header *out);

/* ---- archive_sum.c ---- */

/*
 * What a row is checked by: the first eight octets, as a number with the most significant octet
 * first, of the SHA-256 of a text of its fields.
 *
 * archive_sum_placement(p): of what is visible of a placement: this is what the sum of a snapshot
 * adds up, modulo 2^64.  archive_check_placement(p): the same with its interval: the row's check.
 * archive_sum_name(), archive_check_name(): of the name of a mailbox.
 */
struct archive_name {
	int64_t id;
	int64_t mailbox;
	const char *name;
	uint32_t use;
	bool subscribed;
	int64_t first, last;
};
uint64_t archive_sum_placement(const struct archive_placement *p);
int64_t archive_check_placement(const struct archive_placement *p);
uint64_t archive_sum_name(const struct archive_name *name);
int64_t archive_check_name(const struct archive_name *name);
int64_t archive_check_counters(const struct archive_counters *box);
int64_t archive_check_snapshot(const struct archive_snapshot *snapshot);
int64_t archive_check_source(const struct archive_source *source);

/* ---- archive_read.c ---- */

/* archive_moment(text, from, until): the day "2026-11-23" or the moment "2026-11-23T04:00:00Z",
 * both UTC, as seconds: its first, and the first after it.  False when it is neither. */
bool archive_moment(const char *text, int64_t *from, int64_t *until);

/* ---- archive_walk.c ---- */

/* The columns of a placement, and how they are taken: archive_walk_take() reads them in this
 * order. */
#define ARCHIVE_PLACEMENT \
	"p.item, p.mailbox, p.message, p.flags, p.keywords, p.received, p.zone, p.uid, p.first, " \
	"p.last, p.\"check\", m.digest, m.size "
void archive_walk_take(struct sql *q, struct arena *arena, struct archive_placement *out);

/* archive_last_item(archive, mailbox, known): the last item that ${mailbox} ever had; where that
 * cannot be read, one that lies as far behind item ${known} as is worth trying. */
int64_t archive_last_item(struct archive *archive, int64_t mailbox, int64_t known);

#endif
