#include <stdlib.h>
#include <zlib.h>

#include "net/layers.h"

/* Compressed octets are read and made in pieces of this size. */
#define PIECE ((size_t)16 * 1024)

/*
 * Raw deflate both ways (RFC 4978): no zlib header, and a sync flush where the peer is to see all.
 *
 * What is inflated in one go is bounded by the room that the caller gives, so a megabyte
 * that would be a gigabyte stays a megabyte until somebody reads on.
 */
struct deflate {
	z_stream inflate, deflate;
	struct queue packed_in, packed_out;
	bool dirty; /* the compressor holds back octets */
};

void deflate_free(struct deflate *z)
{
	if (z == NULL)
		return;
	inflateEnd(&z->inflate);
	deflateEnd(&z->deflate);
	queue_finish(&z->packed_in);
	queue_finish(&z->packed_out);
	free(z);
}

bool conn_start_deflate(struct conn *conn, struct error *err)
{
	if (conn_unsent(conn) > 0 && !conn_flush(conn, err))
		return false;
	struct deflate *z = calloc(1, sizeof *z);
	if (z == NULL || inflateInit2(&z->inflate, -MAX_WBITS) != Z_OK ||
		deflateInit2(&z->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
			Z_DEFAULT_STRATEGY) != Z_OK)
		die_out_of_memory();

	/* What came in one packet with the server's OK is compressed already. */
	queue_add(&z->packed_in, queue_front(&conn->in), queue_length(&conn->in));
	queue_take(&conn->in, queue_length(&conn->in));
	conn->deflate = z;
	return true;
}

static ssize_t spoilt(struct conn *conn, int code, struct error *err)
{
	conn_lost(conn, err,
		code == Z_STREAM_END ? "its compressed stream ended" : "bad compressed data");
	return -1;
}

/* Inflate what was read already: octets made, 0 = more input is needed. */
static ssize_t inflate_some(struct conn *conn, void *data, size_t n, struct error *err)
{
	struct deflate *z = conn->deflate;
	z->inflate.next_in = (Bytef *)queue_front(&z->packed_in);
	z->inflate.avail_in = (uInt)queue_length(&z->packed_in);
	z->inflate.next_out = data;
	z->inflate.avail_out = (uInt)n;
	int code = inflate(&z->inflate, Z_SYNC_FLUSH);
	queue_take(&z->packed_in, queue_length(&z->packed_in) - z->inflate.avail_in);
	if (code != Z_OK && code != Z_BUF_ERROR)
		return spoilt(conn, code, err);
	return (ssize_t)(n - z->inflate.avail_out);
}

ssize_t deflate_read(struct conn *conn, void *data, size_t n, struct error *err)
{
	struct deflate *z = conn->deflate;
	for (;;) {
		ssize_t made = inflate_some(conn, data, n, err);
		if (made != 0)
			return made;
		uint8_t *room = queue_room(&z->packed_in, PIECE);
		ssize_t got = conn_carry_in(conn, room, PIECE, err);
		if (got <= 0)
			return got;
		z->packed_in.end += (size_t)got;
	}
}

struct queue *deflate_pack(struct deflate *z, struct queue *plain, bool flush)
{
	if (queue_length(plain) == 0 && !(flush && z->dirty))
		return &z->packed_out;
	z->deflate.next_in = (Bytef *)queue_front(plain);
	z->deflate.avail_in = (uInt)queue_length(plain);
	do {
		z->deflate.next_out = queue_room(&z->packed_out, PIECE);
		z->deflate.avail_out = PIECE;
		deflate(&z->deflate, flush ? Z_SYNC_FLUSH : Z_NO_FLUSH);
		z->packed_out.end += PIECE - z->deflate.avail_out;
	} while (z->deflate.avail_out == 0);
	queue_take(plain, queue_length(plain));
	z->dirty = !flush;
	return &z->packed_out;
}

size_t deflate_unsent(const struct deflate *z)
{
	return queue_length(&z->packed_out);
}
