#include "config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/file.h"
#include "config/prompt.h"
#include "config/spawn.h"

/* Long enough to type a passphrase or touch a key; a cron job is not to hang for longer. */
#define COMMAND_DEADLINE 60000

static bool fail(struct error *err, const char *why)
{
	return error_set(err, ERROR_STORE, CAUSE_CONFIG, "%s", why);
}

/* ---- one function for each source: all of what it gives ---- */

typedef bool fetch(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err);

static bool fetch_nothing(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err)
{
	(void)secret, (void)what, (void)out;
	return fail(err, "the configuration names none");
}

static bool fetch_literal(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err)
{
	(void)what;
	return buffer_puts(out, secret->value) || fail(err, "it is too long");
}

const char *const *secret_program(const struct secret *secret, const char *room[SECRET_WORDS])
{
	const char *const shell[] = {"/bin/sh", "-c", secret->value, NULL};
	const char *const tool[] = {"secret-tool", "lookup", "mailtwin", secret->value, NULL};
	if (secret->source == SECRET_COMMAND && secret->argv != NULL)
		return secret->argv;
	if (secret->source == SECRET_COMMAND)
		return memcpy(room, shell, sizeof shell);
	if (secret->source == SECRET_KEYRING)
		return memcpy(room, tool, sizeof tool);
	return NULL;
}

static bool fetch_command(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err)
{
	(void)what;
	const char *room[SECRET_WORDS];
	return spawn_read(secret_program(secret, room), COMMAND_DEADLINE, out, err);
}

static bool fetch_env(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err)
{
	(void)what;
	const char *value = getenv(secret->value);
	if (value == NULL)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"the environment variable %s is not set", secret->value);
	return buffer_puts(out, value) || fail(err, "it is too long");
}

static bool file_failed(struct error *err, const char *path, int number)
{
	return error_set(err, ERROR_STORE, CAUSE_CONFIG, "cannot read '%s': %s", path,
		number == EFBIG ? "larger than 64 KiB" : strerror(number));
}

/* Why the file behind ${fd} is not to be read, on ${err}; pipes of a shell pass. */
static bool is_private(int fd, const char *path, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return file_failed(err, path, errno);
	return (st.st_mode & (S_IRWXG | S_IRWXO)) == 0 ||
	       error_set(err, ERROR_STORE, CAUSE_CONFIG,
		       "'%s' is open to others (mode %04o): chmod 600 '%s'", path,
		       (unsigned)st.st_mode & 07777, path);
}

static bool read_path(const char *path, bool may_be_shared, struct buffer *out, struct error *err)
{
	/* O_NONBLOCK: a pipe that nobody writes to would hold us here for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return file_failed(err, path, errno);
	bool ok = may_be_shared || is_private(fd, path, err);
	fcntl(fd, F_SETFL, 0);
	if (ok && !file_load_fd(fd, out))
		ok = file_failed(err, path, errno);
	close(fd);
	return ok;
}

static bool fetch_file(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err)
{
	(void)what;
	return read_path(secret->value, false, out, err);
}

/* The service manager sets the modes of its credentials by its own rules. */
static bool fetch_systemd(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err)
{
	(void)what;
	char path[4096];
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	if (folder == NULL)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"the service manager passed no credentials; its unit needs "
			"LoadCredential=%s:FILE",
			secret->value);
	if (snprintf(path, sizeof path, "%s/%s", folder, secret->value) >= (int)sizeof path)
		return fail(err, "the path of the credential is too long");
	return read_path(path, true, out, err);
}

static bool fetch_keyring(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err)
{
	return fetch_command(secret, what, out, err) ||
	       error_context(err, "the keyring's entry '%s'", secret->value);
}

static bool fetch_prompt(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err)
{
	char shown[200], question[sizeof shown + 4];
	snprintf(question, sizeof question, "%s: ", escape_text(shown, sizeof shown, what));
	if (prompt_secret(question, out, err))
		return true;
	if (err->cause != CAUSE_CONFIG || secret->value == NULL)
		return false;
	return error_set(err, ERROR_STORE, CAUSE_CONFIG,
		"there is no terminal to ask for it; set %s_COMMAND, %s_FILE or %s", secret->value,
		secret->value, secret->value);
}

static fetch *const fetchers[] = {
	[SECRET_NONE] = fetch_nothing,
	[SECRET_LITERAL] = fetch_literal,
	[SECRET_COMMAND] = fetch_command,
	[SECRET_ENV] = fetch_env,
	[SECRET_FILE] = fetch_file,
	[SECRET_SYSTEMD] = fetch_systemd,
	[SECRET_KEYRING] = fetch_keyring,
	[SECRET_PROMPT] = fetch_prompt,
};

/* ---- the first line of it ---- */

static bool runs_a_program(const struct secret *secret)
{
	return secret->source == SECRET_COMMAND || secret->source == SECRET_KEYRING;
}

/* What IMAP and SASL cannot carry must not reach them (B64). */
static const char *flaw_of(const struct buffer *line)
{
	if (line->len == 0)
		return "nothing came, or its first line is empty";
	if (memchr(line->data, '\0', line->len) != NULL)
		return "its first line holds a NUL";
	if (memchr(line->data, '\r', line->len) != NULL)
		return "its first line holds a carriage return";
	return NULL;
}

static bool keep_first_line(const struct secret *secret, struct buffer *out, struct error *err)
{
	const char *end = out->len == 0 ? NULL : memchr(out->data, '\n', out->len);
	size_t n = end == NULL ? out->len : (size_t)(end - out->data);
	if (n > 0 && out->data[n - 1] == '\r')
		n--;
	if (out->len > 0)
		explicit_bzero(out->data + n, out->len - n);
	out->len = n;
	const char *flaw = flaw_of(out);
	return flaw == NULL ||
	       error_set(err, ERROR_STORE, runs_a_program(secret) ? CAUSE_SIGNIN : CAUSE_CONFIG,
		       "%s", flaw);
}

bool secret_read(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err)
{
	struct error unread;
	err = err == NULL ? &unread : err;
	buffer_init(out, SECRET_MAX);
	if (fetchers[secret->source](secret, what, out, err) && keep_first_line(secret, out, err))
		return true;
	buffer_wipe(out);
	return secret->where == NULL ? error_context(err, "%s", what)
				     : error_context(err, "%s: %s", secret->where, what);
}
