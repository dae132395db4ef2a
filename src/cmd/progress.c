#include "cmd/progress.h"

#include <stdio.h>

#include "base/clock.h"
#include "cmd/print.h"

/* Often enough to look alive, seldom enough to cost nothing. */
#define LEAST_INTERVAL 0.1

static const char *pair_name;
static double began, drawn;
static bool visible;

static double now(void)
{
	return (double)clock_ms() / 1000;
}

void progress_start(const char *pair)
{
	pair_name = pair;
	began = now();
	drawn = 0;
}

void progress_clear(void)
{
	if (!visible)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	visible = false;
}

/* Seconds that what is left will take at the rate so far; 0 = cannot be told yet. */
static double time_left(const struct progress *p, double seconds)
{
	if (p->bytes_done == 0 || p->bytes <= p->bytes_done || seconds < 1)
		return 0;
	return seconds * (double)(p->bytes - p->bytes_done) / (double)p->bytes_done;
}

void progress_show(void *context, const struct progress *p)
{
	char done[PRINT_COUNT_SIZE], all[PRINT_COUNT_SIZE], bytes[PRINT_COUNT_SIZE];
	char rate[PRINT_COUNT_SIZE];
	double t = now(), seconds = t - began;
	(void)context;
	if (visible && t - drawn < LEAST_INTERVAL)
		return;
	drawn = t;
	double left = time_left(p, seconds);
	fprintf(stderr, "\r\033[K%s: %s of %s messages, %s, %s/s", pair_name,
		print_count(done, p->messages_done), print_count(all, p->messages),
		print_bytes(bytes, p->bytes_done),
		print_bytes(rate, seconds > 0 ? (uint64_t)((double)p->bytes_done / seconds) : 0));
	if (p->mailboxes > 0)
		fprintf(stderr, ", mailbox %llu of %llu", (unsigned long long)p->mailboxes_done,
			(unsigned long long)p->mailboxes);
	if (left > 0)
		fprintf(stderr, ", %d:%02d left", (int)(left / 60), (int)left % 60);
	fflush(stderr);
	visible = true;
}
