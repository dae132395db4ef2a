#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/escape.h"

/* A server's text may be a megabyte; a person reads a kilobyte of it at most (B14). */
#define LINE_MAX_SIZE 1024

static log_sink *sink_installed;

void log_set_sink(log_sink *sink)
{
	sink_installed = sink;
}

static void __attribute__((format(printf, 2, 0)))
tell(enum log_level level, const char *fmt, va_list ap)
{
	if (sink_installed == NULL)
		return;
	char raw[LINE_MAX_SIZE], line[LINE_MAX_SIZE];
	vsnprintf(raw, sizeof raw, fmt, ap);
	sink_installed(level, escape_text(line, sizeof line, raw));
}

void log_warning(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell(LOG_WARNING, fmt, ap);
	va_end(ap);
}

void log_waiting(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell(LOG_WAITING, fmt, ap);
	va_end(ap);
}

void log_detail(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell(LOG_DETAIL, fmt, ap);
	va_end(ap);
}
