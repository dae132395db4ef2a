#ifndef MAILTWIN_CMD_JSON_H
#define MAILTWIN_CMD_JSON_H

#include "cmd/options.h"
#include "sync/report.h"

/*
 * --json: one object a line on standard output, each with "v":1, "event" and RFC 3339 times.
 */

/* json_observer(options, diff): an observer that prints events. */
const struct observer *json_observer(const struct options *options, bool diff);

/* json_verified(report): the event that ends a comparison. */
void json_verified(const struct report *report);

/* json_end(report): the event that ends a pair. */
void json_end(const struct report *report);

#endif
