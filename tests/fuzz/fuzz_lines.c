/*
 * Files of messages: an mbox gives back what was written to it, wherever the runs are cut, and a
 * line of a sidecar that can be read is read the same once it is written.
 */
#include <string.h>

#include "fuzz.h"
#include "mail/date.h"
#include "mail/mbox.h"
#include "mail/message.h"
#include "mail/sidecar.h"

typedef size_t coding(struct mbox_coder *coder, const uint8_t *in, size_t n, uint8_t *out);
typedef size_t coding_end(struct mbox_coder *coder, uint8_t *out);

/* All of ${in} in runs of ${step} octets; in a block of its own. */
static uint8_t *run(
	coding *code, coding_end *end, const uint8_t *in, size_t n, size_t step, size_t *len)
{
	struct mbox_coder coder = {.lines = MBOX_RAW};
	uint8_t *out = malloc(MBOX_ROOM(n) + MBOX_ROOM(step) + MBOX_ROOM(0));
	FUZZ_HOLDS(out != NULL);
	*len = 0;
	for (size_t at = 0; at < n; at += step)
		*len += code(&coder, in + at, n - at < step ? n - at : step, out + *len);
	*len += end(&coder, out + *len);
	return out;
}

static void write_and_read_mbox(const uint8_t *data, size_t size)
{
	size_t step = size > 0 ? data[0] % 9 + 1u : 1, n, back;
	uint8_t *file = run(mbox_encode, mbox_encode_end, data, size, step, &n);
	uint8_t *again = run(mbox_decode, mbox_decode_end, file, n, step + 1, &back);
	FUZZ_HOLDS(back == size && (size == 0 || memcmp(again, data, size) == 0));
	free(again);
	free(file);
}

static void read_mbox_header(const char *data, size_t size)
{
	char keywords[64];
	int64_t received;
	bool gone;
	mbox_is_separator(data, size, &received);
	mbox_status(data, size, keywords, sizeof keywords, &gone);
}

static bool alike(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Each field that belongs to such a line, and a date as far as one can be written. */
static bool same_line(const struct sidecar *a, const struct sidecar *b)
{
	char date[DATE_INTERNAL_SIZE];
	if (a->mailbox != NULL)
		return alike(a->mailbox, b->mailbox) && a->use == b->use &&
		       a->subscribed == b->subscribed;
	bool dated =
		a->received != RECEIVED_UNKNOWN && date_format_internal(a->received, a->zone, date);
	return b->mailbox == NULL && alike(a->file, b->file) &&
	       (a->file != NULL || (a->offset == b->offset && a->length == b->length)) &&
	       a->size == b->size && a->raw == b->raw && alike(a->digest, b->digest) &&
	       b->received == (dated ? a->received : RECEIVED_UNKNOWN) &&
	       (!dated || a->zone == b->zone) && alike(a->flags, b->flags);
}

static void read_sidecar(const char *data, size_t size)
{
	struct arena *arena = arena_new();
	struct sidecar line, again;
	struct buffer out;
	buffer_init(&out, 1 << 20);
	if (sidecar_read(data, size, arena, &line) && sidecar_write(&line, &out))
		FUZZ_HOLDS(
			sidecar_read(out.data, out.len, arena, &again) && same_line(&line, &again));
	buffer_finish(&out);
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	write_and_read_mbox(data, size);
	read_mbox_header((const char *)data, size);
	read_sidecar((const char *)data, size);
	return 0;
}
