#include "cmd/json.h"

#include <stdarg.h>
#include <time.h>

#include "base/buffer.h"
#include "base/json.h"
#include "mail/date.h"

/* One line: a subject and a sentence, escaped, fit well. */
#define LINE_LIMIT ((size_t)64 * 1024)

static const struct pair_config *pair_now;

static void begin(struct buffer *out, const char *event)
{
	char text[DATE_RFC3339_SIZE];
	date_format_rfc3339((int64_t)time(NULL), text);
	buffer_init(out, LINE_LIMIT);
	buffer_printf(out, "{\"v\":1,\"event\":\"%s\",\"time\":\"%s\",\"pair\":", event, text);
	json_string(out, pair_now->name);
}

static void member(struct buffer *out, const char *name, const char *value)
{
	buffer_printf(out, ",\"%s\":", name);
	json_string(out, value);
}

static void end(struct buffer *out)
{
	buffer_puts(out, "}\n");
	fwrite(out->data, 1, out->len, stdout);
	fflush(stdout);
	buffer_finish(out);
}

static void on_start(void *context, const struct pair_config *pair)
{
	struct buffer out;
	(void)context;
	pair_now = pair;
	begin(&out, "start");
	member(&out, "left", pair->store[LEFT]->name);
	member(&out, "right", pair->store[RIGHT]->name);
	end(&out);
}

static void put_counts(struct buffer *out, const char *store, const struct tally *t)
{
	json_string(out, store);
	buffer_printf(out, ":{\"copied\":%llu,\"flagged\":%llu,\"deleted\":%llu,\"moved\":%llu}",
		(unsigned long long)t->copied, (unsigned long long)t->flagged,
		(unsigned long long)t->deleted, (unsigned long long)t->moved);
}

static void on_mailbox(void *context, const struct mailbox_report *m)
{
	struct buffer out;
	(void)context;
	begin(&out, "mailbox");
	member(&out, "left", m->name[LEFT]);
	member(&out, "right", m->name[RIGHT]);
	buffer_printf(&out, ",\"equal\":%llu,\"sides\":{", (unsigned long long)m->equal);
	put_counts(&out, pair_now->store[LEFT]->name, &m->side[LEFT]);
	buffer_puts(&out, ",");
	put_counts(&out, pair_now->store[RIGHT]->name, &m->side[RIGHT]);
	buffer_puts(&out, "}");
	end(&out);
}

static void on_problem(void *context, const struct problem *p)
{
	struct buffer out;
	(void)context;
	begin(&out, "problem");
	member(&out, "store", p->store);
	member(&out, "mailbox", p->mailbox);
	member(&out, "message", p->key);
	member(&out, "subject", p->subject);
	buffer_printf(&out, ",\"exit\":%d", (int)p->error->cause);
	member(&out, "text", p->error->text);
	end(&out);
}

static void on_change(void *context, const struct change *c)
{
	char date[DATE_RFC3339_SIZE];
	const char sign[] = {c->sign, '\0'};
	struct buffer out;
	(void)context;
	begin(&out, "change");
	member(&out, "sign", sign);
	member(&out, "store", c->store);
	member(&out, "mailbox", c->mailbox);
	if (c->received != RECEIVED_UNKNOWN)
		date_format_rfc3339(c->received, date);
	member(&out, "received", c->received != RECEIVED_UNKNOWN ? date : NULL);
	member(&out, "from", c->from);
	member(&out, "subject", c->subject);
	member(&out, "detail", c->detail);
	end(&out);
}

static void on_difference(void *context, const struct difference *d)
{
	struct buffer out;
	(void)context;
	begin(&out, "difference");
	member(&out, "what", d->what);
	member(&out, "store", d->store);
	member(&out, "mailbox", d->mailbox);
	member(&out, "message", d->key);
	member(&out, "subject", d->subject);
	end(&out);
}

const struct observer *json_observer(const struct options *options, bool diff)
{
	static struct observer observer;
	observer = (struct observer){.start = on_start,
		.mailbox = on_mailbox,
		.problem = on_problem,
		.difference = on_difference};
	if (diff && options->verbose)
		observer.change = on_change;
	return &observer;
}

void json_end(const struct report *report)
{
	struct buffer out;
	buffer_init(&out, LINE_LIMIT);
	report_json(report, &out);
	buffer_puts(&out, "\n");
	fwrite(out.data, 1, out.len, stdout);
	fflush(stdout);
	buffer_finish(&out);
}

void json_verified(const struct report *r)
{
	const struct compared *n = &r->compared;
	struct buffer out;
	begin(&out, "end");
	buffer_printf(&out,
		",\"exit\":%d,\"seconds\":%.3f,\"mailboxes\":%llu,\"problems\":%llu,"
		"\"messages\":%llu,\"same\":%llu,\"altered\":%llu,\"missing\":%llu,"
		"\"extra\":%llu,\"different\":%llu,\"flags\":%llu,\"dates\":%llu",
		r->exit, r->seconds, (unsigned long long)r->mailboxes,
		(unsigned long long)r->problems, (unsigned long long)n->messages,
		(unsigned long long)n->same, (unsigned long long)n->altered,
		(unsigned long long)n->missing, (unsigned long long)n->extra,
		(unsigned long long)n->different, (unsigned long long)n->flags,
		(unsigned long long)n->dates);
	end(&out);
}
