#ifndef MAILTWIN_CONFIG_URL_H
#define MAILTWIN_CONFIG_URL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "config/config.h"

/*
 * Stores that are written in one word:
 *
 *	word  = "imaps://" USER "@" HOST[:PORT] ["/"]	TLS at once
 *	      | "imap://" USER "@" HOST[:PORT] ["/"]	STARTTLS; on a loopback address, the clear
 *	      | "maildir:" PATH
 *	      | "archive:" FILE
 *	      | PATH					with a "/" in it; ends in .mta: an archive
 *
 * The last "@" separates; in USER, %XX is the octet XX, and ":" must be written %3A: a password
 * has no place on a command line, where every user of the machine can read it.
 */

/* url_is(word): whether ${word} is one of these, rather than the name of a store. */
bool url_is(const char *word);

/* url_read(word, option, folder, arena, err): as config_url(), with relative paths starting at
 * ${folder}, an absolute path. */
struct store_config *url_read(const char *word, const char *option, const char *folder,
	struct arena *arena, struct error *err);

#endif
