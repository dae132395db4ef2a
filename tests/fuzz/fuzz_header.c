/*
 * Messages: their header fields, dates, encoded words, and their identity, which is the same
 * however the bytes are cut.
 */
#include <string.h>

#include "fuzz.h"
#include "mail/decode.h"
#include "mail/header.h"
#include "mail/identity.h"

static void read_fields(const char *data, size_t size)
{
	struct header header;
	struct header_field field;
	struct buffer text;
	buffer_init(&text, 4096);
	header_begin(&header, data, size);
	while (header_next(&header, &field)) {
		char value[64];
		FUZZ_HOLDS(field.value >= data && field.value_len <= size);
		header_unfold(&field, value, sizeof value);
		text.len = 0;
		decode_text(field.value, field.value_len, &text);
		FUZZ_HOLDS(text.len <= text.limit);
	}
	buffer_finish(&text);
}

static void read_date(const char *data, size_t size)
{
	int64_t seconds;
	int16_t zone;
	FUZZ_HOLDS(header_length(data, size) <= size);
	header_date(data, size, &seconds, &zone);
}

static void digest(
	struct hasher *h, const uint8_t *data, size_t size, size_t step, struct identity digests[2])
{
	uint64_t octets;
	hasher_begin(h);
	for (size_t at = 0; at < size; at += step)
		hasher_add(h, data + at, size - at < step ? size - at : step);
	hasher_end(h, &digests[0], &digests[1], &octets);
	FUZZ_HOLDS(octets == size);
}

static void identify(const uint8_t *data, size_t size)
{
	struct hasher *h = hasher_new();
	struct identity whole[2], cut[2];
	digest(h, data, size, size + 1, whole);
	digest(h, data, size, size > 0 ? data[0] % 7 + 1u : 1, cut);
	FUZZ_HOLDS(memcmp(whole, cut, sizeof whole) == 0);
	hasher_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_fields((const char *)data, size);
	read_date((const char *)data, size);
	identify(data, size);
	return 0;
}
