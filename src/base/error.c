#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool error_set(
	struct error *err, enum error_scope scope, enum error_cause cause, const char *fmt, ...)
{
	if (err == NULL)
		return false;
	err->scope = scope;
	err->cause = cause;
	err->transient = false;
	err->later = 0;

	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return false;
}

bool error_errno(struct error *err, enum error_scope scope, const char *fmt, ...)
{
	int saved = errno;
	if (saved == ENOMEM)
		die_out_of_memory();
	if (err == NULL)
		return false;
	err->scope = scope;
	err->cause = CAUSE_LOCAL;
	err->transient = false;
	err->later = 0;

	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);

	size_t used = strlen(err->text);
	snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(saved));
	return false;
}

bool error_context(struct error *err, const char *fmt, ...)
{
	if (err == NULL)
		return false;
	char before[sizeof err->text];
	memcpy(before, err->text, sizeof before);

	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);

	size_t used = strlen(err->text);
	snprintf(err->text + used, sizeof err->text - used, ": %s", before);
	return false;
}

_Noreturn void die_out_of_memory(void)
{
	static const char line[] = "mailtwin: out of memory\n";
	ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
	(void)written; /* nobody is left to be told */
	_exit(CAUSE_LOCAL);
}
