#ifndef MAILTWIN_TESTS_CLIENT_H
#define MAILTWIN_TESTS_CLIENT_H

#include "imap/credentials.h"
#include "imap/session.h"
#include "script.h"

/* A session with a script, as tests of the IMAP side begin. */

/* client_config(script): a store at ${script}, without TLS, with a user and password. */
struct store_config client_config(const struct script *script);

/* client_open(config, err): session_open(), with the credentials that ${config} names. */
struct imap_session *client_open(const struct store_config *config, struct error *err);

/* client_begin(script, capabilities, text): a session that the greeting has signed in, with a
 * server that has ${capabilities} beside IMAP4rev1 and then plays ${text}. */
struct imap_session *client_begin(
	struct script **script, const char *capabilities, const char *text);

/* client_finish(s, script): close; the test fails if the script went otherwise than written. */
void client_finish(struct imap_session *s, struct script *script);

/* client_submit(s, text): submit a command that must not fail. */
void client_submit(struct imap_session *s, const char *text);

/* client_append(s, body, went, err): "APPEND x" with ${body} as its literal; *went is what
 * session_literal() gave. */
bool client_append(struct imap_session *s, const char *body, int *went, struct error *err);

/* client_events(s): all events that are left, one a line ("* EXISTS", "A2 OK done", "begin 5",
 * "run abc", "end"); a failure is the last. */
const char *client_events(struct imap_session *s);

#endif
