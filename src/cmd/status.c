#include <time.h>

#include "base/json.h"
#include "cmd/command.h"
#include "cmd/pairs.h"
#include "cmd/print.h"
#include "mail/date.h"
#include "sync/state.h"

/* What the state of one pair tells. */
struct standing {
	const struct pair_config *pair;
	struct state_run run;
	bool any, too_old;
	uint64_t mailboxes, equal;
};

static bool read_standing(const struct options *options, struct standing *s, struct error *err)
{
	struct state_twin *twins = NULL;
	size_t n = 0;
	bool fresh = false;
	const char *path = state_path(s->pair->name, options->arena);
	struct state *state = state_open(path, STATE_READ, 0, &fresh, err);
	bool ok = state != NULL && state_last_run(state, options->arena, &s->run, &s->any, err) &&
		  state_twins(state, options->arena, &twins, &n, err);
	for (size_t i = 0; ok && i < n; i++)
		s->equal += twins[i].pairs;
	s->mailboxes = n;
	s->too_old = s->any && options->max_age > 0 &&
		     (int64_t)time(NULL) - s->run.began > options->max_age;
	state_close(state);
	return ok;
}

static const char *trouble(const struct standing *s)
{
	if (!s->any)
		return "was never synced";
	if (s->run.ended == 0)
		return "the last run was stopped before its end";
	if (s->run.exit != 0)
		return "the last run failed";
	return s->too_old ? "the last run is too old" : NULL;
}

static void print_person(const struct standing *s)
{
	char began[DATE_RFC3339_SIZE], equal[PRINT_COUNT_SIZE], boxes[PRINT_COUNT_SIZE];
	const char *what = trouble(s);
	if (!s->any) {
		printf("%s: %s\n", s->pair->name, what);
		return;
	}
	date_format_rfc3339(s->run.began, began);
	printf("%s: last run %s, exit %d; %s messages equal in %s mailbox%s%s%s\n", s->pair->name,
		began, s->run.exit, print_count(equal, s->equal), print_count(boxes, s->mailboxes),
		s->mailboxes == 1 ? "" : "es", what != NULL ? "; " : "", what != NULL ? what : "");
}

static void print_json(const struct standing *s)
{
	char began[DATE_RFC3339_SIZE];
	struct buffer out;
	buffer_init(&out, (size_t)256 * 1024);
	buffer_puts(&out, "{\"v\":1,\"event\":\"status\",\"pair\":");
	json_string(&out, s->pair->name);
	buffer_printf(&out, ",\"ok\":%s,\"trouble\":", trouble(s) == NULL ? "true" : "false");
	json_string(&out, trouble(s));
	buffer_printf(&out,
		",\"mailboxes\":%llu,\"equal\":%llu,\"began\":", (unsigned long long)s->mailboxes,
		(unsigned long long)s->equal);
	if (s->any)
		date_format_rfc3339(s->run.began, began);
	json_string(&out, s->any ? began : NULL);
	buffer_printf(&out, ",\"last\":%s}\n",
		s->any && s->run.summary != NULL ? s->run.summary : "null");
	fwrite(out.data, 1, out.len, stdout);
	buffer_finish(&out);
}

int command_status(const struct options *options)
{
	struct pairs pairs = {0};
	int code = 0;
	if (!pairs_choose(options, &pairs))
		return CAUSE_CONFIG;
	for (size_t i = 0; i < pairs.n; i++) {
		struct standing s = {.pair = pairs.at[i]};
		struct error err = {0};
		if (!read_standing(options, &s, &err)) {
			print_problem("%s: %s", s.pair->name, err.text);
			code = report_worse(code, (int)err.cause);
			continue;
		}
		if (options->json)
			print_json(&s);
		else
			print_person(&s);
		if (trouble(&s) != NULL)
			code = report_worse(code, CAUSE_MAIL);
	}
	return code;
}
