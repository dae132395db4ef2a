#include <inttypes.h>

#include "base/json.h"
#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/print.h"

static const char *const fault_names[] = {
	[ARCHIVE_FAULT_FILE] = "file",
	[ARCHIVE_FAULT_SNAPSHOT] = "snapshot",
	[ARCHIVE_FAULT_MAILBOX] = "mailbox",
	[ARCHIVE_FAULT_PLACEMENT] = "placement",
	[ARCHIVE_FAULT_MESSAGE] = "message",
	[ARCHIVE_FAULT_INDEX] = "index",
};

static void print_fault(
	void *context, enum archive_fault what, const char *digest, const char *text)
{
	const struct options *options = context;
	struct buffer out;
	if (!options->json) {
		print_problem("%s: %s", options->names[0], text);
		return;
	}
	buffer_init(&out, (size_t)64 * 1024);
	buffer_printf(&out,
		"{\"v\":1,\"event\":\"fault\",\"what\":\"%s\",\"message\":", fault_names[what]);
	json_string(&out, digest);
	buffer_puts(&out, ",\"text\":");
	json_string(&out, text);
	buffer_puts(&out, "}\n");
	fwrite(out.data, 1, out.len, stdout);
	buffer_finish(&out);
}

static int verify(const struct options *options, struct archive *archive)
{
	const struct archive_verifier told = {.context = (void *)options, .fault = print_fault};
	struct archive_verified n;
	struct error err = {0};
	char messages[PRINT_COUNT_SIZE], bytes[PRINT_COUNT_SIZE], snapshots[PRINT_COUNT_SIZE];
	if (!archive_verify(archive, &told, &n, &err))
		return archives_failed(&err);
	if (options->json)
		printf("{\"v\":1,\"event\":\"end\",\"snapshots\":%" PRIu64 ",\"messages\":%" PRIu64
		       ",\"bytes\":%" PRIu64 ",\"faults\":%" PRIu64 "}\n",
			n.snapshots, n.messages, n.bytes, n.faults);
	else if (!options->quiet)
		printf("%s message%s in %s snapshot%s, %s: %s\n", print_count(messages, n.messages),
			n.messages == 1 ? "" : "s", print_count(snapshots, n.snapshots),
			n.snapshots == 1 ? "" : "s", print_bytes(bytes, n.bytes),
			n.faults == 0 ? "whole" : "not whole: what is named above is damaged");
	return n.faults == 0 ? 0 : CAUSE_LOCAL;
}

int command_verify(const struct options *options)
{
	int code;
	if (options->n_names != 1) {
		print_problem(
			"verify wants an archive; such as: mailtwin verify ~/Backup/work.mta");
		return CAUSE_CONFIG;
	}
	struct archive *archive = archives_open(options, options->names[0], &code);
	if (archive != NULL)
		code = verify(options, archive);
	archive_close(archive);
	return code;
}
