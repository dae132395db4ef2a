#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/confine.h"
#include "cmd/pairs.h"
#include "cmd/print.h"
#include "imap/trace.h"
#include "sync/conductor.h"

/* ---- an archive ---- */

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
	if (!options->json && !n.index_checked)
		print_problem("%s: it cannot be written, so the index of words was not checked, "
			      "by which search finds messages",
			options->names[0]);
	if (options->json)
		printf("{\"v\":1,\"event\":\"end\",\"snapshots\":%" PRIu64 ",\"messages\":%" PRIu64
		       ",\"bytes\":%" PRIu64 ",\"faults\":%" PRIu64 ",\"index_checked\":%s}\n",
			n.snapshots, n.messages, n.bytes, n.faults,
			n.index_checked ? "true" : "false");
	else if (!options->quiet)
		printf("%s message%s in %s snapshot%s, %s: %s\n", print_count(messages, n.messages),
			n.messages == 1 ? "" : "s", print_count(snapshots, n.snapshots),
			n.snapshots == 1 ? "" : "s", print_bytes(bytes, n.bytes),
			n.faults == 0 ? "whole" : "not whole: what is named above is damaged");
	return n.faults == 0 ? 0 : CAUSE_LOCAL;
}

static int verify_archive(const struct options *options)
{
	int code;
	if (options->mailboxes.n > 0) {
		print_problem("--mailbox: an archive is verified as a whole; two stores may be "
			      "compared in some mailboxes");
		return CAUSE_CONFIG;
	}
	struct archive *archive = archives_open(options, options->names[0], &code);
	if (archive != NULL)
		code = verify(options, archive);
	archive_close(archive);
	return code;
}

/* ---- two stores ---- */

/* Else all that the other store holds would be called missing. */
static bool are_archives_there(const struct pairs *pairs)
{
	bool there = true;
	for (size_t i = 0; i < pairs->n; i++)
		for (enum side side = LEFT; side <= RIGHT; side++) {
			const struct store_config *store = pairs->at[i]->store[side];
			bool missing = strcmp(store->kind, "archive") == 0 &&
				       access(store->archive.path, F_OK) < 0;
			if (missing)
				print_problem("%s: there is no archive %s", store->name,
					store->archive.path);
			there = there && !missing;
		}
	return there;
}

static int verify_pairs(const struct options *options, const struct pairs *pairs, bool once)
{
	const struct run_options run = {
		.only = options->mailboxes.n > 0 ? &options->mailboxes : NULL,
		.once = once,
		.any_source = once};
	const struct observer *observer = print_observer(options, false);
	if (!are_archives_there(pairs))
		return CAUSE_LOCAL;
	int code = confine_pairs(options, pairs);
	if (code != 0)
		return code;
	for (size_t i = 0; i < pairs->n && code < 128; i++) {
		struct report report;
		conductor_verify(pairs->at[i], &run, observer, &report);
		print_verified(options, &report);
		code = report_worse(code, report.exit);
	}
	trace_close();
	return code;
}

/* What only one of the two has counts, whichever of them it is. */
static int verify_stores(const struct options *options)
{
	const struct store_config *store[2];
	for (int i = 0; i < 2; i++) {
		store[i] = pairs_find_store(options, options->names[i], "verify");
		if (store[i] == NULL)
			return CAUSE_CONFIG;
	}
	if (config_same_place(store[0], store[1])) {
		print_problem("%s and %s are the same place", options->names[0], options->names[1]);
		return CAUSE_CONFIG;
	}
	struct pair_config *pair = config_pair(store[0], store[1], options->arena);
	struct pairs pairs = {.at = &pair, .n = 1};
	pair->mode = MODE_BETWEEN;
	return verify_pairs(options, &pairs, true);
}

static int verify_named(const struct options *options)
{
	struct pairs pairs = {0};
	return pairs_choose(options, &pairs) ? verify_pairs(options, &pairs, false) : CAUSE_CONFIG;
}

/* A pair has no name with a colon or a slash in it, nor one that ends as archives do. */
int command_verify(const struct options *options)
{
	if (options->n_names == 2)
		return verify_stores(options);
	if (options->n_names != 1) {
		print_problem("verify wants an archive, a pair, or two stores; such as: mailtwin "
			      "verify ~/Backup/work.mta");
		return CAUSE_CONFIG;
	}
	bool archive;
	if (!pairs_is_archive(options, options->names[0], &archive))
		return CAUSE_CONFIG;
	return archive ? verify_archive(options) : verify_named(options);
}
