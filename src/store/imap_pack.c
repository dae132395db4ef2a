#include "store/imap_store.h"

#include "base/log.h"

/*
 * Compression only where it pays.
 *
 * A server deflates some 20 MB a second of processor time, and of mail, most of which is base64, it
 * saves a quarter.  So it pays on a link that carries less than a server compresses, by a good
 * margin; and what a link carries is not known before it has carried something.  Therefore each
 * session begins without and watches: how long it was kept waiting by octets that were on their
 * way, turns apart, for a link that is only far is as fast with COMPRESS as without.  Nothing may
 * follow the command unanswered, nor bodies be under way (RFC 4978, 3): that costs two turns, which
 * must have been saved, had the session been compressed from its beginning; as much again is taken
 * to be still to come.
 */

/* Octets a second of all sessions of a store: half of what one core compresses. */
#define SLOW_LINK 9000000

/* Milliseconds of a session below which nothing can be said of its link. */
#define WATCHED_LEAST 1000

/* What COMPRESS saves of the time on the link, as one of so many parts. */
#define SAVED_PART 4

/* Turns that it costs: those under way come to their end, and the command's own. */
#define TURNS 2

/* A session since it began to carry mail. */
struct watched {
	int64_t ms, waited, turn; /* `waited`: for more than the turns it had */
	double speed;		  /* octets a second of the whole store */
};

static uint64_t carried(const struct imap_link *link)
{
	return session_bytes_in(link->wire) + session_bytes_out(link->wire);
}

/* The sessions of a store share its link; each is taken for one of equals. */
static struct watched watch(const struct imap_link *link)
{
	const struct imap_watch *from = &link->watch;
	struct session_times t = session_times(link->wire);
	uint64_t octets = carried(link) - from->octets;
	uint64_t turns = session_round_trips(link->wire) - from->turns;
	struct watched w = {.ms = t.now - from->since, .turn = t.turn};
	w.waited = t.waited - from->waited - (int64_t)turns * t.turn;
	w.speed = (double)octets * 1000 / (double)(w.ms > 0 ? w.ms : 1);
	w.speed *= atomic_load(&link->store->sessions);
	return w;
}

static bool pays(const struct watched *w)
{
	return w->ms >= WATCHED_LEAST && w->waited >= w->ms / 2 && w->speed < SLOW_LINK &&
	       w->ms / SAVED_PART >= TURNS * w->turn;
}

static bool may_begin(const struct imap_link *link)
{
	return link->watch.begun && !link->watch.ended && session_has(link->wire, CAP_COMPRESS);
}

bool imap_pauses(const struct session *session)
{
	const struct imap_link *link = (const struct imap_link *)session;
	if (!may_begin(link))
		return false;
	struct watched w = watch(link);
	return pays(&w);
}

static void begin_watch(struct imap_link *link)
{
	struct session_times t = session_times(link->wire);
	link->watch = (struct imap_watch){.begun = true,
		.since = t.now,
		.waited = t.waited,
		.octets = carried(link),
		.turns = session_round_trips(link->wire)};
}

bool imap_pack(struct imap_link *link, struct error *err)
{
	if (link->first != NULL || link->fetch != NULL || link->append != NULL)
		return true;
	if (!link->watch.begun)
		begin_watch(link);
	if (!may_begin(link))
		return true;
	struct watched w = watch(link);
	if (!pays(&w))
		return true;
	link->watch.ended = true;
	int begun = session_compress(link->wire, err);
	if (begun > 0)
		log_detail("%s: compressed from here on: the link carries %.1f MB/s, a round trip "
			   "takes %d ms",
			link->session.store->config->name, w.speed / 1e6, (int)w.turn);
	return begun >= 0;
}
