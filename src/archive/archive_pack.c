#include "archive/archive_private.h"

#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>
#include <openssl/evp.h>

#include "mail/header.h"

/* Limits. */
#define WAITING_MOST ((size_t)4 * 1024 * 1024) /* compressed octets in memory, for each session */
#define HEAD_MOST    ((size_t)64 * 1024)       /* of a header block, for what is shown of it */
#define CUT_MOST     (ARCHIVE_PARTS / 2)       /* parts, after which only full ones are made */

/* Of a run of base64 so many octets show whether anything in it repeats: then they are packed to
 * less than 74 %.  Six bits for eight, the line ends and the code itself come to 77 %. */
#define SAMPLE	      ((size_t)4096)
#define packs_well(n) ((n) < SAMPLE * 74 / 100)

struct packed {
	struct packed *next;
	size_t n;
	uint8_t data[];
};

struct archive_pending {
	struct archive_pending *next;
	struct archive_message message; /* id 0: it has no row yet */
	int64_t parts;			/* compressed so far */
	int64_t written;		/* of these, how many are in the file */
	struct packed *first, *last;	/* the others */
	char *head;
	size_t head_len;
	bool done;  /* all of it was read */
	bool named; /* its row has its digest: nothing is left to write */
};

/* What is used for one message after the other. */
struct packer {
	EVP_MD_CTX *hash;
	int level;
	struct libdeflate_compressor *deflate;
	struct archive_base64 *base64;
	uint8_t *raw, *out;
	size_t len, out_size;
};

/* ---- a part ---- */

static struct packer *packer_of(struct archive *archive, int level)
{
	struct packer *p = archive->packer;
	if (p == NULL) {
		p = archive->packer = calloc(1, sizeof *p);
		if (p == NULL || (p->hash = EVP_MD_CTX_new()) == NULL ||
			(p->raw = malloc(ARCHIVE_PART_SIZE)) == NULL ||
			(p->deflate = libdeflate_alloc_compressor(level)) == NULL)
			die_out_of_memory();
		p->level = level;
		p->base64 = archive_base64_new();
		p->out_size = libdeflate_zlib_compress_bound(p->deflate, ARCHIVE_PART_SIZE);
		if (p->out_size < archive_base64_room(ARCHIVE_PART_SIZE))
			p->out_size = archive_base64_room(ARCHIVE_PART_SIZE);
		if ((p->out = malloc(p->out_size)) == NULL)
			die_out_of_memory();
	}
	if (EVP_DigestInit_ex(p->hash, EVP_sha256(), NULL) != 1)
		die_out_of_memory();
	p->len = 0;
	return p;
}

size_t archive_head_end(const uint8_t *data, size_t n)
{
	size_t most = n < HEAD_MOST ? n : HEAD_MOST;
	for (size_t i = 0; i + 1 < most; i++)
		if (data[i] == '\n' &&
			(data[i + 1] == '\n' ||
				(data[i + 1] == '\r' && i + 2 < most && data[i + 2] == '\n')))
			return i + 1;
	return most;
}

static void keep_head(struct archive *archive, struct archive_pending *m)
{
	const struct packer *p = archive->packer;
	m->head_len = archive_head_end(p->raw, p->len);
	m->head = malloc(m->head_len + 1);
	if (m->head == NULL)
		die_out_of_memory();
	memcpy(m->head, p->raw, m->head_len);
	archive->pending_bytes += m->head_len;
}

/* The next part of ${m} is in p->out. */
static void add_part(struct archive *archive, struct archive_pending *m, size_t n)
{
	struct packed *part = malloc(sizeof *part + n);
	if (part == NULL)
		die_out_of_memory();
	part->next = NULL;
	part->n = n;
	memcpy(part->data, archive->packer->out, n);
	if (m->last != NULL)
		m->last->next = part;
	else
		m->first = part;
	m->last = part;
	m->parts++;
	archive->pending_bytes += n;
}

/* Into as much room as the bound says it always fits. */
static size_t pack_text(struct packer *p, const uint8_t *data, size_t n)
{
	return libdeflate_zlib_compress(p->deflate, data, n, p->out, p->out_size);
}

/* From its middle: files begin with what is more alike than the rest of them. */
static bool repeats(struct packer *p, const uint8_t *data, size_t n)
{
	return packs_well(pack_text(p, data + (n - SAMPLE) / 2, SAMPLE));
}

/* What was gathered, as one part, or cut where a run of base64 in which nothing repeats begins and
 * ends.  The header stays in the first part: it is read from there. */
static void pack_gathered(struct archive *archive, struct archive_pending *m)
{
	struct packer *p = archive->packer;
	size_t done = 0, from = 0, begin, n;
	if (m->parts == 0) {
		keep_head(archive, m);
		from = header_length((const char *)p->raw, p->len);
	}
	while (p->level > 0 && m->parts < CUT_MOST &&
		(n = archive_base64_find(p->base64, p->raw, p->len, from, &begin)) > 0) {
		from = begin + n;
		if (repeats(p, p->raw + begin, n))
			continue;
		if (begin > done)
			add_part(archive, m, pack_text(p, p->raw + done, begin - done));
		add_part(archive, m, archive_base64_pack(p->base64, p->raw + begin, n, p->out));
		done = from;
	}
	if (done < p->len || p->len == 0)
		add_part(archive, m, pack_text(p, p->raw + done, p->len - done));
	p->len = 0;
}

static void free_packed(struct archive *archive, struct archive_pending *m)
{
	while (m->first != NULL) {
		struct packed *part = m->first;
		m->first = part->next;
		archive->pending_bytes -= part->n;
		free(part);
	}
	m->last = NULL;
	archive->pending_bytes -= m->head_len;
	m->head_len = 0;
	free(m->head);
	m->head = NULL;
}

/* ---- into the file ---- */

static int find_digest(struct archive *archive, struct archive_message *m, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive, "SELECT id FROM message WHERE digest = ?", err))
		return -1;
	sql_put_blob(&q, m->digest, sizeof m->digest);
	int got = sql_next(&q, err);
	if (got > 0) {
		m->id = sql_int(&q);
		sql_end(&q);
	}
	return got;
}

/* A row without a digest is one that is not whole yet: nothing refers to it. */
static bool put_row(struct archive *archive, struct archive_pending *m, struct error *err)
{
	struct sql q;
	if (m->message.id != 0)
		return true;
	if (!sql_begin(&q, archive, "INSERT INTO message (size, parts) VALUES (0, 0)", err) ||
		!sql_run(&q, err))
		return false;
	m->message.id = sqlite3_last_insert_rowid(archive->db);
	return true;
}

static bool put_parts(struct archive *archive, struct archive_pending *m, struct error *err)
{
	bool ok = put_row(archive, m, err);
	for (struct packed *part = m->first; ok && part != NULL; part = part->next) {
		struct sql q;
		ok = sql_begin(&q, archive, "INSERT INTO part VALUES (?, ?)", err);
		if (!ok)
			break;
		sql_put_int(&q, m->message.id * ARCHIVE_PARTS + m->written++);
		sql_put_blob(&q, part->data, part->n);
		ok = sql_run(&q, err);
	}
	return ok;
}

static bool put_digest(struct archive *archive, const struct archive_pending *m, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive,
		    "UPDATE message SET digest = ?, size = ?, parts = ? WHERE id = ?", err))
		return false;
	sql_put_blob(&q, m->message.digest, sizeof m->message.digest);
	sql_put_int(&q, (int64_t)m->message.size);
	sql_put_int(&q, m->parts);
	sql_put_int(&q, m->message.id);
	return sql_run(&q, err);
}

static bool drop_rows(struct archive *archive, int64_t id, struct error *err)
{
	struct sql q;
	int64_t none;
	if (!sql_begin(&q, archive, "DELETE FROM part WHERE id BETWEEN ? AND ?", err))
		return false;
	sql_put_int(&q, id * ARCHIVE_PARTS);
	sql_put_int(&q, id * ARCHIVE_PARTS + ARCHIVE_PARTS - 1);
	return sql_run(&q, err) &&
	       sql_one(archive, "DELETE FROM message WHERE id = ?", id, &none, err) >= 0;
}

/* All of it was read: it gets its digest, unless those bytes are there already. */
static bool name_message(struct archive *archive, struct archive_pending *m, struct error *err)
{
	struct archive_message same = m->message;
	int got = find_digest(archive, &same, err);
	if (got < 0)
		return false;
	if (got > 0) {
		bool ok = m->message.id == 0 || drop_rows(archive, m->message.id, err);
		m->message.id = same.id;
		return ok;
	}
	return put_parts(archive, m, err) && put_digest(archive, m, err) &&
	       archive_header_put(archive, m->message.id, m->head, m->head_len, err);
}

static bool put_pending(struct archive *archive, struct archive_pending *m, struct error *err)
{
	if (m->named)
		return true;
	bool ok = m->done ? name_message(archive, m, err) : put_parts(archive, m, err);
	m->named = ok && m->done;
	if (m->named) {
		free_packed(archive, m);
		return true;
	}
	while (ok && m->first != NULL) { /* the head is still needed */
		struct packed *part = m->first;
		m->first = part->next;
		archive->pending_bytes -= part->n;
		free(part);
	}
	if (ok)
		m->last = NULL;
	return ok;
}

static bool put_all(struct archive *archive, struct error *err)
{
	bool own = !archive->within;
	bool ok = !own || archive_begin(archive, err);
	for (struct archive_pending *m = archive->pending; ok && m != NULL; m = m->next)
		ok = put_pending(archive, m, err);
	if (own && ok)
		return archive_commit(archive, err);
	if (own)
		archive_rollback(archive);
	return ok;
}

/* ---- adding ---- */

static void unlink_pending(struct archive *archive, struct archive_pending *m)
{
	for (struct archive_pending **at = &archive->pending; *at != NULL; at = &(*at)->next)
		if (*at == m) {
			*at = m->next;
			break;
		}
	free_packed(archive, m);
	free(m);
}

/* Take what the reader lends; false with ERROR_STORE when the file failed. */
static bool take_run(struct archive *archive, struct archive_pending *m, const uint8_t *run,
	size_t n, struct error *err)
{
	struct packer *p = archive->packer;
	if (EVP_DigestUpdate(p->hash, run, n) != 1)
		die_out_of_memory();
	m->message.size += n;
	while (n > 0) {
		if (p->len == archive->part_size) {
			if (m->parts + 2 > ARCHIVE_PARTS)
				return error_set(err, ERROR_MESSAGE, CAUSE_MAIL,
					"the message is too large for an archive");
			pack_gathered(archive, m);
			if (archive->pending_bytes > WAITING_MOST && !put_all(archive, err))
				return false;
		}
		size_t room = archive->part_size - p->len, some = n < room ? n : room;
		memcpy(p->raw + p->len, run, some);
		p->len += some;
		run += some;
		n -= some;
	}
	return true;
}

/* Where the whole message is one part, those bytes may be there already: then nothing needs to be
 * compressed. */
static bool end_message(
	struct archive *archive, struct archive_pending *m, uint64_t size, struct error *err)
{
	unsigned int len = 0;
	if (EVP_DigestFinal_ex(archive->packer->hash, m->message.digest, &len) != 1)
		die_out_of_memory();
	m->done = true;
	if (m->message.size != size)
		return error_set(err, ERROR_MESSAGE, CAUSE_MAIL,
			"it ended after %llu of %llu octets", (unsigned long long)m->message.size,
			(unsigned long long)size);
	int got = 0;
	if (m->parts == 0 && archive_try_turn(archive)) {
		got = find_digest(archive, &m->message, err);
		archive_end_turn(archive);
	}
	if (got < 0)
		return false;
	m->named = got > 0;
	if (!m->named)
		pack_gathered(archive, m);
	return archive->pending_bytes <= WAITING_MOST || put_all(archive, err);
}

/* Whatever became of the source: the archive is whole, and this message is not in it. */
static bool source_failed(struct error *err)
{
	if (err != NULL && err->scope != ERROR_CANCELLED)
		err->scope = ERROR_MESSAGE;
	return false;
}

bool archive_add(struct archive *archive, int level, struct reader *reader,
	struct archive_pending **out, struct error *err)
{
	struct archive_pending *m = calloc(1, sizeof *m);
	if (m == NULL)
		die_out_of_memory();
	packer_of(archive, level);
	m->next = archive->pending;
	archive->pending = m;
	const uint8_t *run;
	ssize_t got;
	bool ok = true;
	while (ok && (got = reader->next(reader, &run, err)) != 0)
		ok = got > 0 ? take_run(archive, m, run, (size_t)got, err) : source_failed(err);
	ok = ok && end_message(archive, m, reader->size, err);
	if (!ok)
		unlink_pending(archive, m);
	*out = ok ? m : NULL;
	return ok;
}

bool archive_added(struct archive *archive, struct archive_pending *pending,
	struct archive_message *message, struct error *err)
{
	bool ok = put_pending(archive, pending, err);
	*message = pending->message;
	unlink_pending(archive, pending);
	return ok;
}

void archive_drop(struct archive *archive)
{
	while (archive->pending != NULL)
		unlink_pending(archive, archive->pending);
}

void archive_pack_free(struct archive *archive)
{
	struct packer *p = archive->packer;
	archive_drop(archive);
	if (p == NULL)
		return;
	libdeflate_free_compressor(p->deflate);
	EVP_MD_CTX_free(p->hash);
	free(p->base64);
	free(p->raw);
	free(p->out);
	free(p);
}

/* ---- what a run that was stopped left ---- */

bool archive_clean(struct archive *archive, struct error *err)
{
	int64_t id = 0;
	int got = sql_one(
		archive, "SELECT id FROM message WHERE digest IS NULL LIMIT 1", 0, &id, err);
	if (got <= 0)
		return got == 0;
	bool ok = archive_begin(archive, err);
	while (ok && got > 0) {
		ok = drop_rows(archive, id, err);
		if (ok)
			got = sql_one(archive,
				"SELECT id FROM message WHERE digest IS NULL LIMIT 1", 0, &id, err);
	}
	if (ok && got == 0)
		return archive_commit(archive, err);
	archive_rollback(archive);
	return false;
}
