#include "archive/archive_private.h"

#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>
#include <openssl/evp.h>

#include "mail/header.h"

/*
 * A body on its way out, part by part.
 *
 * Each part is inflated whole, into memory that is as large as a part may be and not an octet
 * larger: a part that inflates to more is no part of ours.
 */
struct archive_body {
	struct reader reader; /* first: it is lent as one */
	bool only_header;
	bool header; /* it is in `out`, and not lent yet */
	struct archive *archive;
	struct archive_message message;
	int64_t part, parts; /* the next one; how many there are */
	uint64_t at;	     /* octets inflated so far */
	EVP_MD_CTX *hash;
	struct libdeflate_decompressor *inflate;
	uint8_t *out;
};

static bool damaged(const struct archive_body *b, const char *why, struct error *err)
{
	char digits[13];
	for (size_t i = 0; i < 6; i++)
		snprintf(digits + 2 * i, 3, "%02x", b->message.digest[i]);
	return error_set(err, ERROR_MESSAGE, CAUSE_LOCAL,
		"message %s is damaged in the archive: %s", digits, why);
}

/* ---- one part ---- */

static bool inflate_part(
	struct archive_body *b, const void *data, size_t n, size_t *len, struct error *err)
{
	size_t used = 0;
	enum libdeflate_result result = libdeflate_zlib_decompress_ex(
		b->inflate, data, n, b->out, ARCHIVE_PART_SIZE, &used, len);
	if (result == LIBDEFLATE_SUCCESS && used == n)
		return true;
	return damaged(b,
		result == LIBDEFLATE_INSUFFICIENT_SPACE ? "a part of it is too large"
							: "a part of it cannot be read",
		err);
}

static bool is_damage(sqlite3 *db)
{
	return (sqlite3_errcode(db) & 0xff) == SQLITE_CORRUPT && sql_read_error(db) == 0;
}

static bool read_part(struct archive_body *b, size_t *len, struct error *err)
{
	struct sql q;
	size_t n;
	if (!sql_begin(&q, b->archive, "SELECT data FROM part WHERE id = ?", err))
		return false;
	sql_put_int(&q, b->message.id * ARCHIVE_PARTS + b->part);
	struct error why = {0};
	int got = sql_next(&q, &why);
	if (got < 0 && is_damage(b->archive->db)) /* the page of this part; others may be whole */
		return damaged(b, "a part of it cannot be read", err);
	if (got < 0)
		return error_set(err, ERROR_MESSAGE, CAUSE_LOCAL, "%s", why.text);
	if (got == 0)
		return damaged(b, "a part of it is missing", err);
	const void *data = sql_blob(&q, &n);
	bool ok = inflate_part(b, data, n, len, err);
	sql_end(&q);
	return ok && (EVP_DigestUpdate(b->hash, b->out, *len) == 1 ||
			     damaged(b, "its digest cannot be made", err));
}

/* ---- the reader ---- */

static bool is_whole(struct archive_body *b, struct error *err)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	if (b->at != b->message.size)
		return damaged(b, "it is not as long as it says", err);
	if (EVP_DigestFinal_ex(b->hash, hash, NULL) != 1 ||
		memcmp(hash, b->message.digest, ARCHIVE_DIGEST) != 0)
		return damaged(b, "its bytes are not those of its digest", err);
	return true;
}

/* A header block is told with its length, so it is looked for at once. */
static bool begin_header(struct archive_body *b, struct error *err)
{
	size_t len = 0;
	if (!read_part(b, &len, err))
		return false;
	b->at = len;
	b->part = 1;
	b->header = true;
	b->reader.size = header_length((const char *)b->out, len);
	return b->parts > 1 || is_whole(b, err);
}

static ssize_t next_of_header(struct archive_body *b, const uint8_t **run)
{
	*run = b->out;
	ssize_t n = b->header ? (ssize_t)b->reader.size : 0;
	b->header = false;
	return n;
}

static ssize_t next(struct reader *reader, const uint8_t **run, struct error *err)
{
	struct archive_body *b = (struct archive_body *)reader;
	size_t len = 0;
	if (b->only_header)
		return next_of_header(b, run);
	while (len == 0 && b->part < b->parts) {
		if (!read_part(b, &len, err))
			return -1;
		b->part++;
		b->at += len;
		if (b->part == b->parts && !is_whole(b, err))
			return -1;
	}
	*run = b->out;
	return (ssize_t)len;
}

bool archive_body_open(struct archive_body *b, const struct archive_message *message, bool header,
	struct reader **reader, struct error *err)
{
	b->message = *message;
	b->part = 0;
	b->at = 0;
	b->parts = 0;
	int got = sql_one(
		b->archive, "SELECT parts FROM message WHERE id = ?", message->id, &b->parts, err);
	if (got < 0)
		return false;
	if (got == 0)
		return damaged(b, "it is not there", err);
	if (b->parts < 1 || b->parts > ARCHIVE_PARTS ||
		message->size > (uint64_t)b->parts * ARCHIVE_PART_SIZE)
		return damaged(b, "it cannot have as many parts as it says", err);
	if (EVP_DigestInit_ex(b->hash, EVP_sha256(), NULL) != 1)
		die_out_of_memory();
	b->reader.size = message->size;
	b->reader.next = next;
	*reader = &b->reader;
	b->only_header = header;
	return !header || begin_header(b, err);
}

struct archive_body *archive_body_new(struct archive *archive)
{
	struct archive_body *b = calloc(1, sizeof *b);
	if (b == NULL || (b->out = malloc(ARCHIVE_PART_SIZE)) == NULL ||
		(b->hash = EVP_MD_CTX_new()) == NULL ||
		(b->inflate = libdeflate_alloc_decompressor()) == NULL)
		die_out_of_memory();
	b->archive = archive;
	return b;
}

void archive_body_free(struct archive_body *b)
{
	if (b == NULL)
		return;
	libdeflate_free_decompressor(b->inflate);
	EVP_MD_CTX_free(b->hash);
	free(b->out);
	free(b);
}
