#ifndef MAILTWIN_CMD_PRINT_H
#define MAILTWIN_CMD_PRINT_H

#include <stdint.h>

#include "cmd/options.h"
#include "sync/report.h"

/*
 * What a person reads.  Results go to standard output, problems and progress to standard error;
 * every text that a stranger chose is escaped.
 */

/* print_start(options): heed --quiet and --verbose, and let the log speak through here. */
void print_start(const struct options *options);

/* print_problem(fmt, ...): one line "mailtwin: ..." on standard error. */
void print_problem(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* print_count(out, size, n): ${n} with commas between thousands; return ${out}. */
enum { PRINT_COUNT_SIZE = 32 };
const char *print_count(char out[PRINT_COUNT_SIZE], uint64_t n);

/* print_bytes(out, n): "1.4 MB"; return ${out}. */
const char *print_bytes(char out[PRINT_COUNT_SIZE], uint64_t n);

/* print_observer(options, diff): an observer that prints for a person, or with --json for a
 * program. */
const struct observer *print_observer(const struct options *options, bool diff);

/* print_verified(options, report): the last line of a comparison. */
void print_verified(const struct options *options, const struct report *report);

/* print_report(options, report, diff): the last line of a pair. */
void print_report(const struct options *options, const struct report *report, bool diff);

#endif
