#include "mail/identity.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

/* Runs are gathered to pieces of this size: 8-bit text has runs of a few bytes, and a call of the
 * digest for each of them takes half as long again. */
#define STAGE_SIZE 1024

/* Header fields that other programs add to a copy to find it again: without them it is the message
 * that it was copied from.  mbsync leaves its own in every message of a Maildir. */
static const char *const markers[] = {"X-TUID: ", "X-OfflineIMAP: "};

#define MARKER_MAX 16 /* the longest, with its NUL */

enum line_start {
	LINE_OPEN,    /* the line may still turn out to be a marker: its start is held back */
	LINE_KEPT,    /* it is none */
	LINE_DROPPED, /* it is one */
};

struct hasher {
	EVP_MD_CTX *digest; /* of all text that left the stage */
	EVP_MD_CTX *passing;
	EVP_MD_CTX *octets_digest; /* of what was fed, as it is; NULL: not wanted */
	struct identity header;	   /* once header_done */
	bool header_done;
	bool in_line;	     /* the line being read has text */
	bool open;	     /* the last line with text has no CRLF in the canonical form yet */
	uint64_t lines_owed; /* line ends that count only if more text follows */
	uint64_t octets;
	enum line_start start; /* of the header line being read */
	size_t n_held;
	uint8_t held[MARKER_MAX];
	size_t staged;
	uint8_t stage[STAGE_SIZE];
};

/* The digest functions fail for want of memory, or where OpenSSL itself is broken. */
static void check(int ok)
{
	if (!ok)
		die_out_of_memory();
}

struct hasher *hasher_new(void)
{
	struct hasher *h = calloc(1, sizeof *h);
	if (h == NULL)
		die_out_of_memory();
	h->digest = EVP_MD_CTX_new();
	h->passing = EVP_MD_CTX_new();
	check(h->digest != NULL && h->passing != NULL);
	check(EVP_DigestInit_ex(h->digest, EVP_sha256(), NULL));
	return h;
}

void hasher_free(struct hasher *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->digest);
	EVP_MD_CTX_free(h->passing);
	EVP_MD_CTX_free(h->octets_digest);
	free(h);
}

void hasher_want_exact(struct hasher *h, bool wanted)
{
	if (wanted && h->octets_digest == NULL) {
		h->octets_digest = EVP_MD_CTX_new();
		check(h->octets_digest != NULL);
		check(EVP_DigestInit_ex(h->octets_digest, EVP_sha256(), NULL));
	} else if (!wanted) {
		EVP_MD_CTX_free(h->octets_digest);
		h->octets_digest = NULL;
	}
}

void hasher_begin(struct hasher *h)
{
	/* No digest named: the one it has, which spares looking it up again. */
	check(EVP_DigestInit_ex(h->digest, NULL, NULL));
	if (h->octets_digest != NULL)
		check(EVP_DigestInit_ex(h->octets_digest, NULL, NULL));
	h->header_done = h->in_line = h->open = false;
	h->lines_owed = h->octets = 0;
	h->staged = h->n_held = 0;
	h->start = LINE_OPEN;
}

/* ---- canonical text out ---- */

static void empty_stage(struct hasher *h)
{
	check(EVP_DigestUpdate(h->digest, h->stage, h->staged));
	h->staged = 0;
}

static void put(struct hasher *h, const void *text, size_t len)
{
	if (len > STAGE_SIZE - h->staged)
		empty_stage(h);
	if (len > STAGE_SIZE) {
		check(EVP_DigestUpdate(h->digest, text, len));
		return;
	}
	memcpy(h->stage + h->staged, text, len);
	h->staged += len;
}

static void put_text(struct hasher *h, const void *text, size_t len)
{
	for (; h->lines_owed > 0; h->lines_owed--)
		put(h, "\r\n", 2);
	put(h, text, len);
	h->in_line = h->open = true;
}

static void close_line(struct hasher *h)
{
	if (h->open)
		put(h, "\r\n", 2);
	h->open = false;
}

/* What a digest has come to; it may go on. */
static struct identity digest_now(struct hasher *h, const EVP_MD_CTX *digest)
{
	uint8_t full[EVP_MAX_MD_SIZE];
	struct identity id;
	check(EVP_MD_CTX_copy_ex(h->passing, digest));
	check(EVP_DigestFinal_ex(h->passing, full, NULL));
	memcpy(id.octet, full, sizeof id.octet);
	if (!identity_known(&id))
		id.octet[IDENTITY_SIZE - 1] = 1;
	return id;
}

/* The digest of what was put so far. */
static struct identity take_digest(struct hasher *h)
{
	empty_stage(h);
	return digest_now(h, h->digest);
}

/* ---- bytes in ---- */

static void end_header(struct hasher *h)
{
	if (h->open)
		h->lines_owed--;
	close_line(h);
	h->header = take_digest(h);
	h->header_done = true;
}

static void end_line(struct hasher *h)
{
	if (!h->in_line && !h->header_done)
		end_header(h);
	h->lines_owed++;
	h->in_line = false;
}

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* The high bit of each byte that is zero, and perhaps of others above such a one. */
static uint64_t zero_bytes(uint64_t word)
{
	return (word - EACH_BYTE(1)) & ~word & EACH_BYTE(0x80);
}

/* Whether all eight bytes stand for themselves. */
static bool all_plain(uint64_t word)
{
	uint64_t odd = word | zero_bytes(word) | zero_bytes(word ^ EACH_BYTE('\r')) |
		       zero_bytes(word ^ EACH_BYTE('\n'));
	return (odd & EACH_BYTE(0x80)) == 0;
}

static bool is_plain(uint8_t c)
{
	return c != '\0' && c != '\r' && c != '\n' && c < 0x80;
}

/* How many bytes from the start stand for themselves. */
static size_t plain_run(const uint8_t *data, size_t len)
{
	size_t n = 0;
	for (uint64_t word; len - n >= sizeof word; n += sizeof word) {
		memcpy(&word, data + n, sizeof word);
		if (!all_plain(word))
			break;
	}
	while (n < len && is_plain(data[n]))
		n++;
	return n;
}

/* What stands for bytes that do not stand for themselves, and how many of them there are. */
static const uint8_t crosses[] = "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX";

static size_t crossed_run(const uint8_t *data, size_t len)
{
	size_t n = 0;
	while (n < len && n < sizeof crosses - 1 && (data[n] >= 0x80 || data[n] == '\0'))
		n++;
	return n;
}

/* Take the bytes at the start that are of one kind; return how many they were. */
static size_t take_run(struct hasher *h, const uint8_t *data, size_t len)
{
	if (*data == '\n') {
		end_line(h);
		return 1;
	}
	if (*data == '\r')
		return 1;
	size_t n = plain_run(data, len);
	if (n > 0) {
		put_text(h, data, n);
		return n;
	}
	n = crossed_run(data, len);
	put_text(h, crosses, n);
	return n;
}

static void take(struct hasher *h, const uint8_t *data, size_t len)
{
	while (len > 0) {
		size_t n = take_run(h, data, len);
		data += n;
		len -= n;
	}
}

/* ---- markers ---- */

static void let_go(struct hasher *h)
{
	h->start = LINE_KEPT;
	take(h, h->held, h->n_held);
	h->n_held = 0;
}

/* Hold back one more byte of a line's start, or decide what the line is. */
static void hold(struct hasher *h, uint8_t c)
{
	h->held[h->n_held++] = c;
	for (size_t i = 0; i < sizeof markers / sizeof *markers; i++) {
		if (strncasecmp((const char *)h->held, markers[i], h->n_held) != 0)
			continue;
		if (markers[i][h->n_held] == '\0') {
			h->start = LINE_DROPPED;
			h->n_held = 0;
		}
		return;
	}
	let_go(h);
}

/* Take what belongs to the header line being read; return how many bytes. */
static size_t take_header_line(struct hasher *h, const uint8_t *data, size_t len)
{
	size_t n = 0;
	while (n < len && h->start == LINE_OPEN)
		hold(h, data[n++]);
	if (n > 0 && data[n - 1] == '\n') {
		h->start = LINE_OPEN;
		return n;
	}
	const uint8_t *end = memchr(data + n, '\n', len - n);
	size_t rest = end != NULL ? (size_t)(end - data) + 1 - n : len - n;
	if (h->start == LINE_KEPT)
		take(h, data + n, rest);
	if (end != NULL)
		h->start = LINE_OPEN;
	return n + rest;
}

void hasher_add(struct hasher *h, const uint8_t *data, size_t len)
{
	h->octets += len;
	if (h->octets_digest != NULL)
		check(EVP_DigestUpdate(h->octets_digest, data, len));
	while (len > 0 && !h->header_done) {
		size_t n = take_header_line(h, data, len);
		data += n;
		len -= n;
	}
	take(h, data, len);
}

bool hasher_header_done(const struct hasher *h)
{
	return h->header_done;
}

void hasher_end(struct hasher *h, struct identity *header, struct identity *whole, uint64_t *octets)
{
	let_go(h);
	close_line(h);
	struct identity all = take_digest(h);
	if (header != NULL)
		*header = h->header_done ? h->header : all;
	if (whole != NULL)
		*whole = all;
	if (octets != NULL)
		*octets = h->octets;
}

void hasher_exact(struct hasher *h, struct identity *exact)
{
	*exact = digest_now(h, h->octets_digest);
}
