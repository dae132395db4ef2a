#include "config.h"

#include "cmd/confine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/broker.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "cmd/print.h"
#include "config/secret.h"
#include "imap/trace.h"
#include "net/dial.h"
#include "sync/state.h"

static bool cannot(const char *what)
{
	print_problem("cannot %s: %s", what, strerror(errno));
	return false;
}

/* ---- programs and names ---- */

static bool allow_secret(const struct secret *secret)
{
	const char *room[SECRET_WORDS];
	const char *const *argv = secret_program(secret, room);
	return argv == NULL || broker_allow(argv);
}

static bool allow_imap(const struct imap_config *imap)
{
	if (!allow_secret(&imap->password) || !allow_secret(&imap->token))
		return false;
	if (imap->tunnel != NULL)
		return broker_allow(imap->tunnel);
	return !dial_is_name(imap->host) || broker_allow_name(imap->host);
}

static bool is_imap(const struct store_config *store)
{
	return strcmp(store->kind, "imap") == 0;
}

static bool allow_programs(const struct pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++)
		for (int side = 0; side < 2; side++) {
			const struct store_config *store = pairs->at[i]->store[side];
			if (is_imap(store) && !allow_imap(&store->imap))
				return false;
		}
	return broker_seal();
}

bool confine_begin(void)
{
	return broker_start() || cannot("start a process");
}

/* ---- files ---- */

static const char *folder_of(const struct options *options, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (slash == NULL)
		return ".";
	return slash == path ? "/" : arena_strndup(options->arena, path, (size_t)(slash - path));
}

static void open_secret(struct sandbox *box, const struct secret *secret)
{
	if (secret->source == SECRET_FILE)
		sandbox_read(box, secret->value);
	if (secret->source == SECRET_SYSTEMD)
		sandbox_read(box, getenv("CREDENTIALS_DIRECTORY"));
}

static void open_imap(struct sandbox *box, const struct imap_config *imap)
{
	open_secret(box, &imap->password);
	open_secret(box, &imap->token);
	sandbox_read(box, imap->ca_file);
	sandbox_read(box, imap->client_cert);
	sandbox_read(box, imap->client_key);
	if (imap->tunnel == NULL)
		sandbox_port(box, imap->port);
}

/* SQLite keeps its journal beside the file, and `compact` its new one; the name may be a link. */
static void open_archive(const struct options *options, struct sandbox *box, const char *path)
{
	char *real = realpath(path, NULL);
	sandbox_write(box, folder_of(options, path));
	if (real != NULL)
		sandbox_write(box, folder_of(options, real));
	free(real);
}

/* What import reads: a folder, or a file with what lies beside it. */
static void open_files(const struct options *options, struct sandbox *box, const char *path)
{
	struct stat st;
	bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	sandbox_read(box, folder ? path : folder_of(options, path));
}

static void open_store(
	const struct options *options, struct sandbox *box, const struct store_config *store)
{
	if (is_imap(store))
		open_imap(box, &store->imap);
	else if (strcmp(store->kind, "maildir") == 0)
		sandbox_write(box, store->maildir.path);
	else if (strcmp(store->kind, "archive") == 0)
		open_archive(options, box, store->archive.path);
	else
		open_files(options, box, store->files.path);
}

static void enter(const struct sandbox *box)
{
#ifdef SANITIZED
	(void)box;
	log_detail("sandbox: left out of a build with sanitizers");
#else
	char told[200];
	sandbox_enter(box, told, sizeof told);
	log_detail("sandbox: %s", told);
#endif
}

static bool open_trace(const struct options *options, struct error *err)
{
	return options->trace == NULL || trace_open(options->trace, err);
}

int confine_pairs(const struct options *options, const struct pairs *pairs)
{
	struct error err = {0};
	if (!open_trace(options, &err)) {
		print_problem("%s", err.text);
		return (int)err.cause;
	}
	if (!allow_programs(pairs)) {
		cannot("tell the process beside ours what it may start");
		return CAUSE_LOCAL;
	}
	struct sandbox *box = sandbox_new(options->arena);
	for (size_t i = 0; i < pairs->n; i++) {
		for (int side = 0; side < 2; side++)
			open_store(options, box, pairs->at[i]->store[side]);
		const char *state = state_path(pairs->at[i]->name, options->arena);
		sandbox_write(box, folder_of(options, state));
	}
	enter(box);
	return 0;
}

void confine_archive(const struct options *options, const char *path, const char *folder)
{
	struct sandbox *box = sandbox_new(options->arena);
	open_archive(options, box, path);
	sandbox_write(box, folder);
	enter(box);
}

void confine_end(void)
{
	broker_stop();
}
