#include "imap/trace.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"

/* A longer line is cut: who reads a trace looks for the commands, not for all of a million flags.
 */
#define LINE_SIZE 2000

/* A byte becomes four when it is escaped. */
#define ESCAPED_SIZE (4 * LINE_SIZE + 8)

static int trace_fd = -1;
static atomic_uint connections;

struct line {
	char text[LINE_SIZE + 1];
	size_t len;
	uint64_t dropped; /* octets that did not fit */
};

struct trace {
	unsigned number;
	struct line sent, got;
};

bool trace_open(const char *path, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, ERROR_STORE, "cannot write the trace '%s'", path);
	trace_close();
	trace_fd = fd;
	atomic_store(&connections, 0);
	return true;
}

void trace_close(void)
{
	if (trace_fd >= 0)
		close(trace_fd);
	trace_fd = -1;
}

struct trace *trace_new(void)
{
	if (trace_fd < 0)
		return NULL;
	struct trace *trace = calloc(1, sizeof *trace);
	if (trace == NULL)
		die_out_of_memory();
	trace->number = atomic_fetch_add(&connections, 1) + 1;
	return trace;
}

void trace_free(struct trace *trace)
{
	free(trace);
}

/* ---- lines ---- */

static void add(struct line *line, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\r' || data[i] == '\n')
			continue;
		if (line->len == LINE_SIZE)
			line->dropped++;
		else
			/* A NUL would end the text; it is a stranger's mistake in any case. */
			line->text[line->len++] = (char)(data[i] == '\0' ? '\x01' : data[i]);
	}
}

static void stamp(char *text, size_t size)
{
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t n = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, size - n, ".%03ldZ", now.tv_nsec / 1000000);
}

static void write_line(struct trace *trace, const char *who, struct line *line)
{
	char time[40], escaped[ESCAPED_SIZE], cut[48] = "", whole[ESCAPED_SIZE + 200];
	line->text[line->len] = '\0';
	escape_text(escaped, sizeof escaped, line->text);
	if (line->dropped > 0)
		snprintf(cut, sizeof cut, " <and %llu octets>", (unsigned long long)line->dropped);
	stamp(time, sizeof time);
	int n = snprintf(
		whole, sizeof whole, "%s %u %s%s%s\n", time, trace->number, who, escaped, cut);
	line->len = 0;
	line->dropped = 0;
	/* A trace that cannot be written (a full disk) is no reason to stop a sync. */
	ssize_t written = write(trace_fd, whole, (size_t)n);
	(void)written;
}

static void add_text(struct line *line, const char *text)
{
	add(line, text, strlen(text));
}

void trace_sent(struct trace *trace, const void *data, size_t n)
{
	if (trace != NULL)
		add(&trace->sent, data, n);
}

void trace_sent_secret(struct trace *trace)
{
	if (trace != NULL)
		add_text(&trace->sent, "<secret>");
}

void trace_sent_end(struct trace *trace)
{
	if (trace != NULL)
		write_line(trace, "C: ", &trace->sent);
}

void trace_got(struct trace *trace, const void *data, size_t n)
{
	if (trace != NULL)
		add(&trace->got, data, n);
}

void trace_got_body(struct trace *trace, uint64_t size)
{
	if (trace == NULL)
		return;
	char text[40];
	snprintf(text, sizeof text, "<%llu octets>", (unsigned long long)size);
	add_text(&trace->got, text);
}

void trace_got_end(struct trace *trace)
{
	if (trace != NULL)
		write_line(trace, "S: ", &trace->got);
}

void trace_got_hidden(struct trace *trace)
{
	if (trace == NULL)
		return;
	trace->got.len = 0;
	trace->got.dropped = 0;
	add_text(&trace->got, "+ <hidden>");
	write_line(trace, "S: ", &trace->got);
}

void trace_note(struct trace *trace, const char *fmt, ...)
{
	if (trace == NULL)
		return;
	struct line line = {.len = 0};
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add_text(&line, text);
	write_line(trace, "-- ", &line);
}
