#ifndef MAILTWIN_CONFIG_SECRET_H
#define MAILTWIN_CONFIG_SECRET_H

#include "base/buffer.h"
#include "config/config.h"

/* Passwords and tokens are shorter; some OAuth2 tokens have several KiB. */
#define SECRET_MAX (64 * 1024)

/*
 * secret_read(secret, what, out, err):
 * Fetch a password or token to ${out}, which is made empty here (with SECRET_MAX as its limit) and
 * is to be wiped by buffer_wipe(); on failure nothing is in it.  ${what} is for messages and the
 * prompt: "password of ann@example.org at imap.example.org".
 *
 * Only the first line counts, without its end, wherever it comes from.  A command has 60 seconds,
 * gets no terminal but standard error, and may print 64 KiB.  A keyring is asked through
 * `secret-tool lookup mailtwin NAME`.
 *
 * Failures are ERROR_STORE: CAUSE_CONFIG, or CAUSE_SIGNIN when a command was run and gave nothing
 * that could be a password; ERROR_CANCELLED when a person said stop.  No
 * message carries the secret or a command's arguments.  Any thread may call, but for a secret that
 * is asked for: only the one that owns the terminal.
 */
bool secret_read(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err);

/*
 * secret_program(secret, room):
 * The argument list of the program that secret_read() would run for ${secret}, made in ${room} or
 * lent; NULL when none is run.
 */
#define SECRET_WORDS 5
const char *const *secret_program(const struct secret *secret, const char *room[SECRET_WORDS]);

#endif
