#include "config/url.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/escape.h"
#include "base/program.h"
#include "config/host.h"
#include "config/path.h"
#include "config/store_kind.h"
#include "config/value.h"

#define ARCHIVE_SUFFIX ".mta"

static bool is_archive_file(const char *path)
{
	size_t n = strlen(path), suffix = strlen(ARCHIVE_SUFFIX);
	return n >= suffix && strcmp(path + n - suffix, ARCHIVE_SUFFIX) == 0;
}

bool url_is(const char *word)
{
	return strpbrk(word, ":/") != NULL || is_archive_file(word);
}

static bool wrong(struct error *err, const char *what)
{
	return error_set(err, ERROR_STORE, CAUSE_CONFIG, "%s", what);
}

/* One word, while it is read. */
struct word_read {
	struct store_config *store;
	const char *option;
	const char *folder;
	struct arena *arena;
	struct error *err;
};

/* ---- imaps://USER@HOST:PORT ---- */

/* "MAILTWIN_FROM_PASSWORD" and the like, of the option "--from". */
static const char *variable(const char *option, const char *suffix, struct arena *arena)
{
	char *name =
		arena_printf(arena, "MAILTWIN_%s_PASSWORD%s", option + strspn(option, "-"), suffix);
	for (char *c = name; *c != '\0'; c++) {
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
		else if (*c == '-')
			*c = '_';
	}
	return name;
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);
	return value != NULL && *value != '\0';
}

static struct secret password_of(const char *option, struct arena *arena)
{
	const char *literal = variable(option, "", arena);
	const char *file = variable(option, "_FILE", arena);
	const char *command = variable(option, "_COMMAND", arena);
	struct secret secret = {.source = SECRET_PROMPT, .value = literal, .where = option};
	program_hide(literal);
	if (is_set(literal)) {
		secret.source = SECRET_ENV;
	} else if (is_set(file)) {
		secret.source = SECRET_FILE;
		secret.value = arena_strdup(arena, getenv(file));
	} else if (is_set(command)) {
		secret.source = SECRET_COMMAND;
		secret.value = arena_strdup(arena, getenv(command));
	}
	return secret;
}

/* ${n} characters of ${text}, each %XX replaced by its octet; NULL where that gives no user. */
static const char *decode_user(const char *text, size_t n, struct arena *arena, struct error *err)
{
	char *user = arena_alloc(arena, n + 1), *end = user;
	for (size_t i = 0; i < n;) {
		bool escaped = text[i] == '%';
		int octet = escaped ? ascii_percent(text + i) : (unsigned char)text[i];
		if (octet < 0x20 || octet == 0x7F) {
			wrong(err, "the user holds a control character, or a \"%\" without two "
				   "hexadecimal digits (a \"%\" itself is %25)");
			return NULL;
		}
		*end++ = (char)octet;
		i += escaped ? 3 : 1;
	}
	return user;
}

static const char *name_of(const struct imap_config *imap, uint16_t usual, struct arena *arena)
{
	bool six = strchr(imap->host, ':') != NULL;
	const char *name = arena_printf(
		arena, "%s@%s%s%s", imap->user, six ? "[" : "", imap->host, six ? "]" : "");
	return imap->port == usual ? name : arena_printf(arena, "%s:%u", name, imap->port);
}

/*
 * Until the user's part is known to hold no password, nothing of the URL may go into a message.
 */
static bool read_authority(
	const char *text, struct imap_config *imap, struct arena *arena, struct error *err)
{
	const char *at = strrchr(text, '@');
	if (at == NULL || at == text)
		return wrong(err, "names no user; such as imaps://ann@imap.example.org");
	if (memchr(text, ':', (size_t)(at - text)) != NULL)
		return wrong(err, "a password cannot stand in a URL, where every user of this "
				  "machine can read it (a \":\" in a user's name is %3A)");
	imap->user = decode_user(text, (size_t)(at - text), arena, err);
	if (imap->user == NULL)
		return false;

	size_t n = strcspn(at + 1, "/");
	if (at[1 + n] == '/' && at[2 + n] != '\0')
		return wrong(err, "a path cannot follow the host; --mailbox names mailboxes");
	return host_parse(arena_strndup(arena, at + 1, n), arena, &imap->host, &imap->port, err);
}

static bool read_server(struct word_read *w, const char *rest, enum tls_mode tls)
{
	struct imap_config *imap = &w->store->imap;
	uint16_t usual = tls == TLS_IMPLICIT ? 993 : 143;
	if (strncmp(rest, "//", 2) != 0)
		return wrong(w->err, "needs \"//\"; such as imaps://ann@imap.example.org");
	imap->port = usual;
	imap->tls = tls;
	imap->password = password_of(w->option, w->arena);
	if (!read_authority(rest + 2, imap, w->arena, w->err))
		return false;
	w->store->name = name_of(imap, usual, w->arena);
	return true;
}

static bool read_imaps(struct word_read *w, const char *rest)
{
	return read_server(w, rest, TLS_IMPLICIT);
}

static bool read_imap(struct word_read *w, const char *rest)
{
	if (!read_server(w, rest, TLS_STARTTLS))
		return false;
	if (host_is_loopback(w->store->imap.host))
		w->store->imap.tls = TLS_NONE;
	return true;
}

/* ---- maildir:PATH, archive:FILE ---- */

static bool read_path(struct word_read *w, const char *text, const char **path)
{
	if (*text == '\0' || value_has_control(text))
		return wrong(w->err, "the path is empty, or holds a control character");
	*path = path_absolute(text, w->folder, w->arena, w->err);
	w->store->name = *path;
	return *path != NULL;
}

static bool read_maildir(struct word_read *w, const char *rest)
{
	return read_path(w, rest, &w->store->maildir.path);
}

static bool read_archive(struct word_read *w, const char *rest)
{
	return read_path(w, rest, &w->store->archive.path);
}

/* ---- all of them ---- */

struct scheme {
	const char *name;
	const struct store_kind *kind;
	bool (*read)(struct word_read *w, const char *rest);
};

enum { SCHEME_IMAPS, SCHEME_IMAP, SCHEME_MAILDIR, SCHEME_ARCHIVE };

static const struct scheme schemes[] = {
	[SCHEME_IMAPS] = {"imaps", &imap_kind, read_imaps},
	[SCHEME_IMAP] = {"imap", &imap_kind, read_imap},
	[SCHEME_MAILDIR] = {"maildir", &maildir_kind, read_maildir},
	[SCHEME_ARCHIVE] = {"archive", &archive_kind, read_archive},
};

/* The scheme of ${word}; *rest is what follows it.  A path has none to show. */
static const struct scheme *scheme_of(const char *word, const char **rest)
{
	size_t n = strcspn(word, ":/");
	*rest = word;
	if (word[n] != ':')
		return &schemes[is_archive_file(word) ? SCHEME_ARCHIVE : SCHEME_MAILDIR];
	*rest = word + n + 1;
	for (size_t i = 0; i < KEY_COUNT(schemes); i++)
		if (ascii_is(word, n, schemes[i].name))
			return &schemes[i];
	return NULL;
}

static bool unknown_scheme(const char *word, struct arena *arena, struct error *err)
{
	const char *known[KEY_COUNT(schemes) + 1] = {NULL};
	for (size_t i = 0; i < KEY_COUNT(schemes); i++)
		known[i] = schemes[i].name;
	char shown[48];
	const char *scheme = arena_strndup(arena, word, strcspn(word, ":"));
	const char *nearest = config_nearest(scheme, known);
	escape_text(shown, sizeof shown, scheme);
	if (nearest != NULL)
		return error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"unknown kind of URL \"%s:\"; did you mean \"%s:\"?", shown, nearest);
	return error_set(err, ERROR_STORE, CAUSE_CONFIG,
		"unknown kind of URL \"%s:\"; possible: imaps://USER@HOST, imap://USER@HOST, "
		"maildir:PATH, archive:FILE",
		shown);
}

struct store_config *url_read(const char *word, const char *option, const char *folder,
	struct arena *arena, struct error *err)
{
	const char *rest;
	const struct scheme *scheme = scheme_of(word, &rest);
	if (scheme == NULL) {
		unknown_scheme(word, arena, err);
		return NULL;
	}
	struct store_config *store = arena_alloc(arena, sizeof *store);
	store->kind = scheme->kind->name;
	store->where = option;
	if (scheme->kind->defaults != NULL)
		scheme->kind->defaults(store);
	struct word_read w = {store, option, folder, arena, err};
	return scheme->read(&w, rest) ? store : NULL;
}

struct store_config *config_url(
	const char *url, const char *option, struct arena *arena, struct error *err)
{
	if (!url_is(url)) {
		char shown[64];
		error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"%s: \"%s\" is neither a URL nor a path; such as "
			"imaps://ann@imap.example.org, or ./%s",
			option, escape_text(shown, sizeof shown, url), shown);
		return NULL;
	}
	struct store_config *store =
		url_read(url, arena_strdup(arena, option), path_working(arena), arena, err);
	if (store == NULL)
		error_context(err, "%s", option);
	return store;
}
