#ifndef MAILTWIN_TESTS_SCRIPT_H
#define MAILTWIN_TESTS_SCRIPT_H

#include <openssl/ssl.h>
#include <stdint.h>

/*
 * A server that plays a script, in a thread of its own, to one client on a loopback address.
 *
 * One step a line:
 *
 *	S: text		says the text and CRLF
 *	S- text		says the text alone
 *	C: text		the client must say the text and CRLF; "..." at its end: whatever follows
 *	C- text		the client must say the text alone
 *	repeat N text	says the text N times
 *	zeros N		says N octets of zero
 *	take N		takes N octets, whatever they are
 *	wait MS		says nothing for so long
 *	deaf		says nothing and hears nothing, until the client is gone
 *	tls		a TLS handshake; one that fails ends the script
 *	deflate		compresses and inflates from here on
 *	end		the client must say nothing more, and close
 *
 * In texts, \r \n \t \\ \0 and \xHH stand for what they do in C.  Behind the last step, the server
 * closes.
 */
struct script;

/* script_start(text, tls): play ${text}; ${tls} (or NULL) is the server's context, and stays the
 * caller's. */
struct script *script_start(const char *text, SSL_CTX *tls);

/* script_start_on(text, fd): the same, over ${fd}, a socket, which it closes. */
struct script *script_start_on(const char *text, int fd);

/* script_port(script): on 127.0.0.1. */
uint16_t script_port(const struct script *script);

/* script_finish(script): wait for its end; NULL = all went as written, else what did not, to be
 * freed. */
char *script_finish(struct script *script);

#endif
