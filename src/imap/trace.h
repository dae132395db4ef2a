#ifndef MAILTWIN_IMAP_TRACE_H
#define MAILTWIN_IMAP_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * `--trace FILE`: the protocol both ways, a line an exchange:
 *
 *	2024-05-01T12:00:01.123Z 2 C: A5 LOGIN "ann" <secret>
 *	2024-05-01T12:00:01.201Z 2 S: A5 OK Logged in
 *
 * with the connection's number.  What is secret is told by whoever sends it, not found by looking:
 * it never comes here.  Bodies and literals are their size; long lines are cut; what is no
 * printable text is escaped.  Each line is one write(), so that several threads may trace.
 */

/* trace_open(path, err): begin, in a new or emptied file that only its owner can read; before
 * threads are started.  trace_close(): end; without trace_open() it does nothing. */
bool trace_open(const char *path, struct error *err);
void trace_close(void);

/* One connection's part; NULL, which all these accept, when nothing is traced. */
struct trace;

/* trace_new(): with a number of its own.  trace_free(trace). */
struct trace *trace_new(void);
void trace_free(struct trace *trace);

/* What was sent: pieces of a line, and its end. */
void trace_sent(struct trace *trace, const void *data, size_t n);
void trace_sent_secret(struct trace *trace);
void trace_sent_end(struct trace *trace);

/* What was received, likewise; trace_got_hidden() ends a line that is not to be shown. */
void trace_got(struct trace *trace, const void *data, size_t n);
void trace_got_body(struct trace *trace, uint64_t size);
void trace_got_end(struct trace *trace);
void trace_got_hidden(struct trace *trace);

/* trace_note(trace, fmt, ...): what is neither: "connected", "TLS 1.3". */
void trace_note(struct trace *trace, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
