#ifndef MAILTWIN_CONFIG_SECRET_KEYS_H
#define MAILTWIN_CONFIG_SECRET_KEYS_H

#include "config/schema.h"

/*
 * secret_keys_read: a `struct secret`, from a text or one of {command: ...}, {env: NAME},
 * {file: PATH}, {systemd: NAME}, {keyring: NAME}, {prompt: true}.
 *
 * A literal in a file that others can read is a mistake.  Nothing is run or opened, and no
 * message carries the text of a literal.
 */
read_value secret_keys_read;

#endif
