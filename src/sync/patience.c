#include "sync/patience.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"

/* Attempts in a row after which a server is given up for this run: half a minute of pauses. */
#define MOST_FAILURES 5

/* Of the whole run, in milliseconds: a program that is run every hour should not wait for its next
 * run. */
#define MOST_WAITED ((int64_t)300 * 1000)

/* The first pause, in milliseconds; MAILTWIN_BACKOFF says another, for tests. */
#define FIRST_PAUSE 1000

/* Who is asked to come later, and not told when, begins with a pause so many times as long. */
#define LATER_FACTOR 8

static int64_t first_pause(void)
{
	const char *value = getenv("MAILTWIN_BACKOFF");
	int64_t ms = value != NULL ? strtol(value, NULL, 10) : 0;
	return ms > 0 && ms < FIRST_PAUSE ? ms : FIRST_PAUSE;
}

/* 0 to ${most}, so that a thousand clients that were cut off together do not come back together. */
static int64_t any_up_to(int64_t most)
{
	uint32_t random = 0;
	if (RAND_bytes((unsigned char *)&random, sizeof random) != 1)
		return most;
	return (int64_t)(random % (uint64_t)(most + 1));
}

static int64_t pause_after(const struct patience *p)
{
	int64_t pause = first_pause() << (p->failures - 1);
	if (p->last.later > 0)
		return p->last.later + any_up_to(p->last.later / 16);
	if (p->last.later == ERROR_LATER)
		pause *= LATER_FACTOR;
	return pause / 2 + any_up_to(pause - pause / 2);
}

bool patience_failed(struct patience *p, struct error *err)
{
	bool may = err->scope == ERROR_STORE && err->transient && (p->reached || err->later != 0);
	if (may) {
		p->failures++;
		p->last = *err;
	} else {
		err->transient = false;
	}
	return may;
}

static void add_words(struct error *err, const char *words)
{
	size_t used = strlen(err->text);
	snprintf(err->text + used, sizeof err->text - used, "; %s", words);
}

static bool give_up(const struct patience *p, struct error *err)
{
	char words[120];
	if (p->last.later > MOST_WAITED)
		snprintf(words, sizeof words,
			"it asks for a pause of %lld s, which is too long to wait for",
			(long long)(p->last.later / 1000));
	else if (p->failures >= MOST_FAILURES)
		snprintf(words, sizeof words, "given up after %u attempts", p->failures);
	else
		snprintf(words, sizeof words, "given up after %lld s of waiting in this run",
			(long long)(p->waited / 1000));
	*err = p->last;
	err->transient = false;
	add_words(err, words);
	return false;
}

bool patience_wait(struct patience *p, const char *store, struct error *err)
{
	if (p->failures == 0)
		return patience_rest(p, err);
	int64_t pause = pause_after(p);
	if (p->failures >= MOST_FAILURES || p->waited + pause > MOST_WAITED)
		return give_up(p, err);
	log_waiting("%s: %s; asked again in %.1f s%s", store, p->last.text, (double)pause / 1000,
		p->last.later != 0 ? ", as it wishes" : "");
	p->waited += pause;
	if (p->rests_until != NULL && p->last.later != 0)
		*p->rests_until = clock_ms() + pause;
	return stop_pause(pause, err);
}

bool patience_rest(const struct patience *p, struct error *err)
{
	int64_t left = p->rests_until != NULL ? *p->rests_until - clock_ms() : 0;
	return left <= 0 || stop_pause(left + any_up_to(left / 16), err);
}

void patience_progress(struct patience *p, bool connected)
{
	if (connected)
		p->failures = 0;
	else if (p->failures > 1)
		p->failures = 1;
}
