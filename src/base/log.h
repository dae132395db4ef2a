#ifndef MAILTWIN_BASE_LOG_H
#define MAILTWIN_BASE_LOG_H

/*
 * What a person should hear that is no failure: a server's alert, a fallback taken.
 *
 * Libraries never print: they hand a line to the sink that the command installed.
 * Any thread may call; the sink is called with one whole line at a time, escaped
 * (see escape_text()) and without a line end.  With no sink, lines are dropped.
 */
enum log_level {
	LOG_WARNING, /* always told, on standard error */
	LOG_WAITING, /* why nothing happens: told with --verbose, and where progress is shown */
	LOG_DETAIL   /* told with --verbose */
};

typedef void log_sink(enum log_level level, const char *line);

/* log_set_sink(sink): install ${sink}, before any thread is started; NULL for none. */
void log_set_sink(log_sink *sink);

/* log_warning(fmt, ...), log_waiting(fmt, ...), log_detail(fmt, ...): tell one line, cut at 1 KiB.
 */
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_waiting(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
