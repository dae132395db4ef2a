#include "cmd/print.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/log.h"
#include "cmd/json.h"
#include "cmd/progress.h"
#include "mail/date.h"

enum { LINE_SIZE = 2048 };

static bool be_verbose, be_quiet;

static void hear_log(enum log_level level, const char *line)
{
	bool wanted[] = {[LOG_WARNING] = true,
		[LOG_WAITING] = be_verbose || (!be_quiet && isatty(STDERR_FILENO)),
		[LOG_DETAIL] = be_verbose};
	if (!wanted[level])
		return;
	progress_clear();
	fprintf(stderr, "%s\n", line);
}

void print_start(const struct options *options)
{
	be_verbose = options->verbose;
	be_quiet = options->quiet;
	log_set_sink(hear_log);
}

void print_problem(const char *fmt, ...)
{
	char raw[LINE_SIZE], line[LINE_SIZE];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	progress_clear();
	fprintf(stderr, "mailtwin: %s\n", escape_text(line, sizeof line, raw));
}

const char *print_count(char out[PRINT_COUNT_SIZE], uint64_t n)
{
	char digits[PRINT_COUNT_SIZE];
	size_t len = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
	size_t at = 0;
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

const char *print_bytes(char out[PRINT_COUNT_SIZE], uint64_t n)
{
	static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
	double value = (double)n;
	size_t i = 0;
	while (value >= 1000 && i + 1 < sizeof unit / sizeof *unit) {
		value /= 1000;
		i++;
	}
	snprintf(out, PRINT_COUNT_SIZE, i == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
		unit[i]);
	return out;
}

/* ---- "12 new and 3 changed to laptop" ---- */

/* A sentence that grows by parts. */
struct sentence {
	char text[LINE_SIZE];
	size_t len;
};

static void say(struct sentence *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct sentence *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(s->text + s->len, sizeof s->text - s->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		s->len += (size_t)n < sizeof s->text - s->len ? (size_t)n
							      : sizeof s->text - s->len - 1;
}

static void say_arrivals(struct sentence *s, const struct tally *t, const char *store)
{
	char a[PRINT_COUNT_SIZE], b[PRINT_COUNT_SIZE];
	const char *comma = s->len > 0 ? ", " : "";
	if (t->copied > 0 && t->flagged > 0)
		say(s, "%s%s new and %s changed to %s", comma, print_count(a, t->copied),
			print_count(b, t->flagged), store);
	else if (t->copied > 0)
		say(s, "%s%s new to %s", comma, print_count(a, t->copied), store);
	else if (t->flagged > 0)
		say(s, "%s%s changed on %s", comma, print_count(b, t->flagged), store);
}

static void say_losses(struct sentence *s, const struct tally *t, const char *store)
{
	char n[PRINT_COUNT_SIZE];
	if (t->moved > 0)
		say(s, "%s%s moved on %s", s->len > 0 ? ", " : "", print_count(n, t->moved), store);
	if (t->deleted > 0)
		say(s, "%s%s deleted on %s", s->len > 0 ? ", " : "", print_count(n, t->deleted),
			store);
}

static void say_tallies(
	struct sentence *s, const struct tally side[2], const struct pair_config *pair)
{
	for (int i = RIGHT; i >= LEFT; i--)
		say_arrivals(s, &side[i], pair->store[i]->name);
	for (int i = RIGHT; i >= LEFT; i--)
		say_losses(s, &side[i], pair->store[i]->name);
	if (s->len == 0)
		say(s, "0 new, 0 changed, 0 deleted");
}

static void print_line(FILE *out, const struct sentence *s)
{
	char line[LINE_SIZE];
	progress_clear();
	fprintf(out, "%s\n", escape_text(line, sizeof line, s->text));
}

static void print_summary(const struct report *r, bool diff)
{
	struct sentence s = {.len = 0}, tallies = {.len = 0};
	char n[PRINT_COUNT_SIZE];
	say_tallies(&tallies, r->side, r->pair);
	say(&s, "%s: %s", r->pair->name, diff ? "to do: " : "");
	say(&s, "%s; %s messages equal, %.1f s", tallies.text, print_count(n, r->equal),
		r->seconds);
	print_line(stdout, &s);
}

static void print_conflicts(const struct report *r)
{
	struct sentence s = {.len = 0};
	char n[PRINT_COUNT_SIZE];
	say(&s,
		"%s: flags changed differently on both sides: %s (set wins for \\Flagged, "
		"\\Answered "
		"and keywords, for others %s wins)",
		r->pair->name, print_count(n, r->conflicts), r->pair->store[LEFT]->name);
	print_line(stdout, &s);
}

void print_report(const struct options *options, const struct report *report, bool diff)
{
	progress_clear();
	if (options->json) {
		json_end(report);
		return;
	}
	if (report->state_was_missing && report->mailboxes > 0 && !diff && !options->quiet)
		fprintf(stderr, "%s: no state was found: made anew\n", report->pair->name);
	if (report->conflicts > 0 && be_verbose && !options->quiet)
		print_conflicts(report);
	/* A run that never got to its plan has nothing to count. */
	if (!options->quiet && (report->mailboxes > 0 || report->problems == 0))
		print_summary(report, diff);
	fflush(stdout);
}

/* "one: 1 missing on two; 2 altered by a server; 48 of 49 messages the same" */
static void print_compared(const struct report *r)
{
	const struct compared *n = &r->compared;
	const char *left = r->pair->store[LEFT]->name, *right = r->pair->store[RIGHT]->name;
	struct sentence s = {.len = 0};
	char same[PRINT_COUNT_SIZE], all[PRINT_COUNT_SIZE], count[PRINT_COUNT_SIZE];
	say(&s, "%s: ", r->pair->name);
	if (n->missing > 0)
		say(&s, "%s missing on %s; ", print_count(count, n->missing), right);
	if (n->extra > 0)
		say(&s, "%s not on %s; ", print_count(count, n->extra), left);
	if (n->different > 0)
		say(&s, "%s different; ", print_count(count, n->different));
	if (n->altered > 0)
		say(&s, "%s altered by a server; ", print_count(count, n->altered));
	if (n->flags > 0)
		say(&s, "%s with other flags; ", print_count(count, n->flags));
	if (n->dates > 0)
		say(&s, "%s with another date of arrival; ", print_count(count, n->dates));
	say(&s, "%s of %s messages the same", print_count(same, n->same),
		print_count(all, n->messages));
	print_line(stdout, &s);
}

void print_verified(const struct options *options, const struct report *report)
{
	progress_clear();
	if (options->json)
		json_verified(report);
	else if (report->mailboxes > 0 && (!options->quiet || report->exit != 0))
		print_compared(report);
	fflush(stdout);
}

/* ---- the observer ---- */

static const struct pair_config *pair_now;

static void print_pair(void *context, const struct pair_config *pair)
{
	(void)context;
	pair_now = pair;
	progress_start(pair->name);
}

/* "vault: INBOX uid 4711 "Re: minutes": refused by the server" */
static void print_trouble(void *context, const struct problem *p)
{
	struct sentence s = {.len = 0};
	(void)context;
	/* From cron a run that finds the one before it still at work has nothing to say. */
	if (be_quiet && p->error->cause == CAUSE_BUSY)
		return;
	say(&s, "%s:", p->store != NULL ? p->store : pair_now->name);
	if (p->mailbox != NULL)
		say(&s, " %s", p->mailbox);
	if (p->key != NULL)
		say(&s, " %s", p->key);
	if (p->subject != NULL)
		say(&s, " \"%s\"", p->subject);
	say(&s, "%s %s", p->mailbox != NULL || p->key != NULL ? ":" : "", p->error->text);
	print_line(stderr, &s);
}

static bool anything(const struct tally *t)
{
	return t->copied + t->flagged + t->deleted + t->moved > 0;
}

/* diff: a line a mailbox */
static void print_mailbox(void *context, const struct mailbox_report *m)
{
	struct sentence s = {.len = 0}, tallies = {.len = 0};
	(void)context;
	if (!anything(&m->side[LEFT]) && !anything(&m->side[RIGHT]))
		return;
	say_tallies(&tallies, m->side, pair_now);
	say(&s, "%s: %s", m->name[LEFT], tallies.text);
	print_line(stdout, &s);
}

/* diff --verbose: "+ laptop INBOX 2026-11-02T10:00:00Z ann@example.org: Re: minutes" */
static void print_change(void *context, const struct change *c)
{
	struct sentence s = {.len = 0};
	char date[DATE_RFC3339_SIZE] = "-";
	(void)context;
	if (c->received != RECEIVED_UNKNOWN)
		date_format_rfc3339(c->received, date);
	say(&s, "%c %s %s %s %s: %s%s%s", c->sign, c->store, c->mailbox, date, c->from, c->subject,
		*c->detail != '\0' ? "  " : "", c->detail);
	print_line(stdout, &s);
}

/* "one: INBOX uid 7 "Re: minutes": missing on two" */
static const struct {
	const char *what, *said;
} differences[] = {
	{"extra", "not"},
	{"flags", "other flags"},
	{"date", "another date of arrival"},
};

static const char *said_of(const char *what)
{
	for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
		if (strcmp(differences[i].what, what) == 0)
			return differences[i].said;
	return what;
}

static void print_difference(void *context, const struct difference *d)
{
	struct sentence s = {.len = 0};
	(void)context;
	say(&s, "%s: %s %s", d->store, d->mailbox, d->key);
	if (d->subject != NULL)
		say(&s, " \"%s\"", d->subject);
	say(&s, ": %s on %s", said_of(d->what), d->other);
	print_line(stdout, &s);
}

const struct observer *print_observer(const struct options *options, bool diff)
{
	static struct observer observer;
	if (options->json)
		return json_observer(options, diff);
	observer = (struct observer){
		.start = print_pair, .problem = print_trouble, .difference = print_difference};
	if (diff && !options->quiet)
		observer.mailbox = print_mailbox;
	if (diff && options->verbose)
		observer.change = print_change;
	if (!options->quiet && isatty(STDERR_FILENO))
		observer.progress = progress_show;
	return &observer;
}
