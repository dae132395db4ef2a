#include "config.h"

#include "archive/archive_private.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

/*
 * Most of the octets of a mailbox are files in base64 that were compressed before.  Nothing in them
 * repeats, and looking for it is most of what a snapshot costs.  Six bits for eight is all there is
 * to win, and that one code of Huffman's wins without looking: one block of RFC 1951, section
 * 3.2.7, of literals only, for base64, its padding and its line ends.
 */

#define LEAST	 ((size_t)16 * 1024) /* shorter runs are not worth a part of their own */
#define END	 256		     /* the symbol that ends a block */
#define AT_ONCE	 7		     /* symbols that always find room in 64 bits */
#define FRAME	 96		     /* octets at most of what stands around the symbols */
#define LINE_END "\r\n"

struct code {
	uint32_t bits;
	uint32_t n; /* how many; 0: it is no symbol of this code */
};

struct archive_base64 {
	struct code of[END + 1];
};

/* ---- the code ---- */

/* 61 of 6 bits, 5 of 7 and 2 of 8 use up the code to its last bit. */
static uint32_t bits_for(unsigned int symbol)
{
	static const char seven[] = "+/9" LINE_END;
	if (symbol == END || symbol == '=')
		return 8;
	if (symbol != 0 && symbol < 0x80 && strchr(seven, (int)symbol) != NULL)
		return 7;
	bool six = (symbol >= 'A' && symbol <= 'Z') || (symbol >= 'a' && symbol <= 'z') ||
		   (symbol >= '0' && symbol <= '8');
	return six ? 6 : 0;
}

/* Codes stand with their first bit lowest (RFC 1951, section 3.1.1). */
static uint32_t mirrored(uint32_t code, uint32_t n)
{
	uint32_t out = 0;
	for (uint32_t i = 0; i < n; i++)
		out |= (code >> i & 1) << (n - 1 - i);
	return out;
}

struct archive_base64 *archive_base64_new(void)
{
	struct archive_base64 *b = calloc(1, sizeof *b);
	if (b == NULL)
		die_out_of_memory();
	uint32_t code = 0;
	for (uint32_t n = 6; n <= 8; n++, code <<= 1)
		for (unsigned int symbol = 0; symbol <= END; symbol++)
			if (bits_for(symbol) == n)
				b->of[symbol] = (struct code){mirrored(code++, n), n};
	return b;
}

/* ---- where it is of use ---- */

static bool is_symbol(const struct archive_base64 *b, uint8_t octet)
{
	return b->of[octet].n != 0;
}

/* From its end backwards: the last octet that is none of ours rules out all beginnings before it,
 * so that most octets of other text are never looked at. */
static size_t run_begin(const struct archive_base64 *b, const uint8_t *data, size_t n, size_t at)
{
	while (n - at >= LEAST) {
		size_t left = LEAST;
		while (left > 0 && is_symbol(b, data[at + left - 1]))
			left--;
		if (left == 0)
			return at;
		at += left;
	}
	return n;
}

size_t archive_base64_find(
	const struct archive_base64 *b, const uint8_t *data, size_t n, size_t from, size_t *begin)
{
	*begin = run_begin(b, data, n, from);
	size_t end = *begin;
	while (end < n && is_symbol(b, data[end]))
		end++;
	return end - *begin;
}

/* ---- the stream ---- */

struct bits {
	uint8_t *to;
	uint64_t held;
	uint32_t n;
};

static inline void put(struct bits *out, uint64_t bits, uint32_t n)
{
	out->held |= bits << out->n;
	out->n += n;
}

/* Of up to 63 bits whole octets leave; less than one stays. */
static inline void drain(struct bits *out)
{
	uint32_t whole = out->n / 8;
	uint64_t octets = htole64(out->held);
	memcpy(out->to, &octets, sizeof octets);
	out->to += whole;
	out->held >>= 8 * whole;
	out->n -= 8 * whole;
}

/* The header of the block, which is its last, too: the lengths of all codes, each told by two bits
 * for 0, 6, 7 or 8, and that no distance has one. */
static void put_header(struct bits *out)
{
	static const uint8_t told[] = {[0] = 0, [6] = 2, [7] = 1, [8] = 3};
	static const uint8_t order[] = {16, 17, 18, 0, 8, 7, 9, 6};
	put(out, 1, 1);
	put(out, 2, 2);
	put(out, END + 1 - 257, 5);
	put(out, 0, 5);
	put(out, sizeof order - 4, 4);
	for (size_t i = 0; i < sizeof order; i++) {
		bool used = order[i] == 0 || (order[i] >= 6 && order[i] <= 8);
		put(out, used ? 2 : 0, 3);
	}
	drain(out);
	for (unsigned int symbol = 0; symbol <= END; symbol++) {
		put(out, told[bits_for(symbol)], 2);
		drain(out);
	}
	put(out, told[0], 2);
	drain(out);
}

static void put_symbols(
	const struct archive_base64 *b, struct bits *out, const uint8_t *data, size_t n)
{
	for (; n >= AT_ONCE; data += AT_ONCE, n -= AT_ONCE) {
		for (size_t i = 0; i < AT_ONCE; i++)
			put(out, b->of[data[i]].bits, b->of[data[i]].n);
		drain(out);
	}
	for (; n > 0; data++, n--) {
		put(out, b->of[*data].bits, b->of[*data].n);
		drain(out);
	}
	put(out, b->of[END].bits, b->of[END].n);
	drain(out);
}

size_t archive_base64_room(size_t n)
{
	return n + FRAME;
}

size_t archive_base64_pack(
	const struct archive_base64 *b, const uint8_t *data, size_t n, uint8_t *packed)
{
	struct bits out = {.to = packed};
	put(&out, 0x0178, 16); /* RFC 1950, section 2.2: deflate, a window of 32 KiB, fastest */
	put_header(&out);
	put_symbols(b, &out, data, n);
	out.n = (out.n + 7) / 8 * 8;
	drain(&out);
	uint32_t sum = libdeflate_adler32(1, data, n);
	for (uint32_t i = 0; i < 4; i++)
		put(&out, sum >> (24 - 8 * i) & 0xff, 8);
	drain(&out);
	return (size_t)(out.to - packed);
}
