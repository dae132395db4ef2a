/*
 * IMAP responses: whatever a server sends, cut where the input says, read into types.
 */
#include <string.h>

#include "fuzz.h"
#include "imap/reply.h"
#include "imap/utf7.h"

static void read_all(const struct imap_node *root, struct arena *arena)
{
	struct imap_reply reply;
	struct seqset set;
	const char *why = "";
	seqset_init(&set, arena);
	if (root == NULL || !imap_reply_read(root->next, &reply, &why))
		return;
	if (reply.kind == REPLY_LIST)
		utf7_decode(reply.listed.name, strlen(reply.listed.name), arena);
	if (reply.kind == REPLY_SEARCH || reply.kind == REPLY_ESEARCH)
		imap_reply_numbers(&reply.found, &set);
	seqset_sort(&set);
}

/* The first byte says how many bytes a feed has; each feed lies in a block of its own. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct imap_limits limits = {.line = 2048, .literal = 64, .depth = 8};
	struct imap_parser *p = imap_parser_new(&limits);
	struct arena *arena = arena_new();
	enum imap_event event = IMAP_MORE;
	size_t step = size > 0 && data[0] > 0 ? data[0] : 1;

	imap_parser_stream(p, step % 2 == 0);
	for (size_t at = size > 0; at < size && event != IMAP_BROKEN; at += step) {
		size_t n = size - at < step ? size - at : step, done = 0, used = 0;
		uint8_t *block = malloc(n);
		struct imap_out out;
		if (block == NULL)
			abort();
		memcpy(block, data + at, n);
		do {
			event = imap_parse(p, block + done, n - done, &used, &out);
			done += used;
			if (event == IMAP_RESPONSE || event == IMAP_BODY_BEGIN)
				read_all(out.root, arena);
		} while (event != IMAP_MORE && event != IMAP_BROKEN);
		free(block);
	}
	arena_free(arena);
	imap_parser_free(p);
	return 0;
}
