#include "base/json.h"
#include "mail/date.h"
#include "sync/report.h"

static bool put_side(const struct report *r, enum side side, struct buffer *out)
{
	const struct tally *t = &r->side[side];
	return json_string(out, r->pair->store[side]->name) &&
	       buffer_printf(out,
		       ":{\"copied\":%llu,\"flagged\":%llu,\"deleted\":%llu,\"moved\":%llu,"
		       "\"bytes_in\":%llu,\"bytes_out\":%llu,\"round_trips\":%llu}",
		       (unsigned long long)t->copied, (unsigned long long)t->flagged,
		       (unsigned long long)t->deleted, (unsigned long long)t->moved,
		       (unsigned long long)t->bytes_in, (unsigned long long)t->bytes_out,
		       (unsigned long long)t->round_trips);
}

bool report_json(const struct report *r, struct buffer *out)
{
	char time[DATE_RFC3339_SIZE];
	date_format_rfc3339(r->ended, time);
	return buffer_puts(out, "{\"v\":1,\"event\":\"end\",\"time\":") && json_string(out, time) &&
	       buffer_puts(out, ",\"pair\":") && json_string(out, r->pair->name) &&
	       buffer_printf(out,
		       ",\"exit\":%d,\"seconds\":%.3f,\"mailboxes\":%llu,\"equal\":%llu,"
		       "\"problems\":%llu,\"held_deletions\":%llu,\"conflicts\":%llu,"
		       "\"sides\":{",
		       r->exit, r->seconds, (unsigned long long)r->mailboxes,
		       (unsigned long long)r->equal, (unsigned long long)r->problems,
		       (unsigned long long)r->held_deletions, (unsigned long long)r->conflicts) &&
	       put_side(r, LEFT, out) && buffer_puts(out, ",") && put_side(r, RIGHT, out) &&
	       buffer_puts(out, "}}");
}
