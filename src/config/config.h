#ifndef MAILTWIN_CONFIG_CONFIG_H
#define MAILTWIN_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "mail/pattern.h"
#include "mail/search.h"

/*
 * The configuration, checked: what a file (or URLs on the command line) asked for,
 * with every default filled in.  All of it lives on the arena it was read to and
 * is only read afterwards.
 */

/* Where a password or token comes from.  Nothing is run or opened before it is needed. */
enum secret_source {
	SECRET_NONE,	/* nothing was said */
	SECRET_LITERAL, /* stands in the file */
	SECRET_COMMAND, /* the first line that it prints */
	SECRET_ENV,
	SECRET_FILE, /* mode 0600, or refused */
	SECRET_SYSTEMD,
	SECRET_KEYRING,
	SECRET_PROMPT
};

struct secret {
	enum secret_source source;
	/* The literal, variable, path or name; a command for /bin/sh, or NULL with argv; of a
	 * prompt the variable that could be set instead, or NULL. */
	const char *value;
	const char *const *argv; /* a command that is run as it stands; ends in NULL */
	const char *where;	 /* "config.yml:7:5", for messages */
};

enum tls_mode { TLS_IMPLICIT, TLS_STARTTLS, TLS_NONE };

enum maildir_layout {
	LAYOUT_MAILDIRPP, /* ".Sub.Folder" beside cur/ */
	LAYOUT_NESTED	  /* a folder is a directory, INBOX is PATH/INBOX */
};

enum maildir_names {
	NAMES_AUTO, /* nothing was said: utf8 for a new one, as found for an old one */
	NAMES_UTF8,
	NAMES_UTF7
};

struct imap_config {
	const char *host;   /* without brackets */
	uint16_t port;	    /* 993 or 143 where none was given */
	const char *user;   /* NULL: none; a tunnel or a client certificate signs in by itself */
	const char *master; /* NULL: none */
	struct secret password;	 /* SECRET_NONE: none is needed */
	struct secret token;	 /* oauth2.token */
	enum tls_mode tls;	 /* with a tunnel, TLS_NONE where nothing was said */
	const char *const *auth; /* mechanisms in upper case, ends in NULL; NULL = choose */
	const char *ca_file;	 /* NULL: the system's */
	uint8_t pin[32];	 /* SHA-256 of the public key */
	bool has_pin;
	const char *client_cert, *client_key; /* NULL: none */
	unsigned connections;		      /* 1 to 64 */
	unsigned timeout;		      /* seconds */
	const char *const *disable; /* capabilities in upper case, ends in NULL; NULL = none */
	const char *const *tunnel;  /* program and arguments, ends in NULL; NULL = none */
};

struct maildir_config {
	const char *path; /* absolute, '~' expanded */
	enum maildir_layout layout;
	enum maildir_names names;
	bool durable;
};

struct archive_config {
	const char *path;
	int compression;      /* 0 to 9 */
	const char *source;   /* to read: whose snapshots; NULL = there is only one */
	const char *snapshot; /* to read: its number, or a date; NULL = the last one */
	const char *search;   /* to read: only what this finds (archive_query.c); NULL = all */
	bool around_damage;   /* to read: leave out what damaged pages list, instead of failing;
				 only for a run that deletes nothing */
};

/* Files that `import` reads; no configuration names them. */
struct files_config {
	const char *path;
};

struct store_config {
	const char *name;  /* as the file calls it; of a URL "ann@imap.example", or the path */
	const char *kind;  /* "imap", "maildir", "archive"; of import "mbox", "eml" */
	const char *where; /* "config.yml:3:5" or "--from" */
	union {
		struct imap_config imap;
		struct maildir_config maildir;
		struct archive_config archive;
		struct files_config files;
	};
};

enum side { LEFT, RIGHT };

static inline enum side other(enum side s)
{
	return s == LEFT ? RIGHT : LEFT;
}

enum mode { MODE_BETWEEN, MODE_COPY, MODE_MIRROR, MODE_MOVE };

/* `max_deletions`. */
enum limit_kind {
	LIMIT_SHARE, /* percent of a mailbox, with the floors of the interface page */
	LIMIT_COUNT, /* this many in the pair */
	LIMIT_ANY
};

struct deletion_limit {
	enum limit_kind kind;
	unsigned long value;
};

struct rename_rule {
	const char *from, *to; /* patterns: A's name, B's name */
};

/* `messages`: what takes part.  Zero or NULL = not limited. */
struct selection {
	int64_t newer_than, older_than; /* seconds */
	uint64_t max_size;		/* octets */
	const struct search *search;
};

struct pair_config {
	const char *name;
	const char *where;
	const struct store_config *store[2]; /* LEFT is A: `from`, or the first of `between` */
	enum mode mode;
	const struct pattern_list *mailboxes;
	const struct rename_rule *rename;
	size_t renames;
	bool special_use;
	struct selection messages;
	bool flags;
	bool expunge;
	bool propagate;	      /* deletions: propagate */
	bool deletions_given; /* it was said, and does not follow from the mode */
	const char *trash;    /* NULL: expunge */
	bool create[2];
	bool propagate_mailboxes; /* mailbox_deletions: propagate */
	struct deletion_limit max_deletions;
};

struct config {
	const char *path;
	struct store_config *stores;
	size_t n_stores;
	struct pair_config *pairs;
	size_t n_pairs;
};

/*
 * config_read(path, arena, mistakes):
 * Read the configuration file ${path}.  Return NULL when anything is wrong with it: then
 * ${mistakes} holds one line for each mistake, all of them, as "config.yml:7:5: stores.work:
 * unknown key ...". Nothing is contacted, run or created.
 */
struct config *config_read(const char *path, struct arena *arena, struct buffer *mistakes);

/*
 * config_parse(path, text, len, arena, mistakes):
 * As config_read(), of a text in memory; ${path} is only a name.
 */
struct config *config_parse(const char *path, const char *text, size_t len, struct arena *arena,
	struct buffer *mistakes);

/*
 * config_url(url, option, arena, err):
 * The store that the URL or path ${url} describes, by the grammar in config/url.h: such as
 * "imaps://ann@example.org@imap.example", "maildir:PATH", "archive:FILE", "~/Mail".  ${option}
 * ("--from") is for messages, and names the environment variables of its password
 * (MAILTWIN_FROM_PASSWORD, ..._FILE, ..._COMMAND; else it is asked for).  NULL on a mistake, with
 * CAUSE_CONFIG.
 */
struct store_config *config_url(
	const char *url, const char *option, struct arena *arena, struct error *err);

/*
 * config_pair(from, to, arena):
 * A pair of two stores that no file names: `from` to `to`, mode copy, everything else at its
 * default.  That they are two places is the caller's to check.
 */
struct pair_config *config_pair(
	const struct store_config *from, const struct store_config *to, struct arena *arena);

/* config_same_place(a, b): whether two stores are one place, as far as what is configured tells. */
bool config_same_place(const struct store_config *a, const struct store_config *b);

/*
 * config_set_mode(pair, mode, err):
 * As --mode: change the mode of ${pair} to "between", "copy", "mirror" or "move", and the default
 * that follows it; a `deletions: keep` stays.  CAUSE_CONFIG, and nothing changed, for another
 * word, and for an archive where it cannot be.
 */
bool config_set_mode(struct pair_config *pair, const char *mode, struct error *err);

/* config_set_limit(pair, text, err): as --max-deletions: "25%", a number, or "any". */
bool config_set_limit(struct pair_config *pair, const char *text, struct error *err);

/* config_find_pair(config, name), config_find_store(config, name): NULL when there is none. */
const struct pair_config *config_find_pair(const struct config *config, const char *name);
const struct store_config *config_find_store(const struct config *config, const char *name);

/*
 * config_nearest(word, candidates):
 * The one of ${candidates} (ends in NULL) that a person who typed ${word} most likely meant: a few
 * slips away, or the only one that begins so; NULL where it is another word altogether.
 */
const char *config_nearest(const char *word, const char *const *candidates);

/* config_default_path(arena): $XDG_CONFIG_HOME/mailtwin/config.yml, or the one below ~/.config. */
const char *config_default_path(struct arena *arena);

#endif
