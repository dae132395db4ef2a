#ifndef MAILTWIN_CONFIG_SECRET_H
#define MAILTWIN_CONFIG_SECRET_H

#include "base/buffer.h"
#include "config/config.h"

/*
 * secret_read(secret, what, out, err):
 * Fetch a password or token to ${out} (to be wiped by buffer_wipe(); at most 64 KiB).  ${what} is
 * for messages and the prompt: "password of ann@example.org at imap.example.org".
 * A command has 60 seconds, gets no terminal but standard error, and only the first line of its
 * output counts. Failures are CAUSE_CONFIG, or CAUSE_SIGNIN when a command was run and gave
 * nothing.
 */
bool secret_read(
	const struct secret *secret, const char *what, struct buffer *out, struct error *err);

#endif
