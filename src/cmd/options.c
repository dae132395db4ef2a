#include "cmd/options.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/value.h"
#include "mail/name.h"

/* A lock that is held for longer than this will not be given up. */
#define MOST_WAIT ((int64_t)7 * 86400)

typedef bool set_option(struct options *o, const char *value, struct error *err);

struct option {
	const char *name;
	char letter;	   /* short form, or '\0' */
	const char *value; /* what --help calls it; NULL = the option takes none */
	const char *help;
	unsigned groups;
	set_option *set;
};

/* ---- what each option does ---- */

static bool wrong(struct error *err, const char *option, const char *value, const char *possible)
{
	return error_set(
		err, ERROR_STORE, CAUSE_CONFIG, "%s: '%s' is not %s", option, value, possible);
}

static bool set_config(struct options *o, const char *value, struct error *err)
{
	(void)err;
	o->config = value;
	return true;
}

static bool set_from(struct options *o, const char *value, struct error *err)
{
	(void)err;
	o->from = value;
	return true;
}

static bool set_to(struct options *o, const char *value, struct error *err)
{
	(void)err;
	o->to = value;
	return true;
}

static bool set_mailbox(struct options *o, const char *value, struct error *err)
{
	if (*value == '\0')
		return wrong(err, "--mailbox", value, "a pattern");
	const char **at = (const char **)o->mailboxes.at;
	*ARENA_PUSH(o->arena, at, o->mailboxes.n, o->cap_mailboxes) = value;
	o->mailboxes.at = at;
	return true;
}

static bool set_mode(struct options *o, const char *value, struct error *err)
{
	(void)err; /* judged with the pair that it is for */
	o->mode = value;
	return true;
}

static bool set_limit(struct options *o, const char *value, struct error *err)
{
	(void)err;
	o->max_deletions = value;
	return true;
}

static bool set_trace(struct options *o, const char *value, struct error *err)
{
	(void)err;
	o->trace = value;
	return true;
}

static bool set_snapshot(struct options *o, const char *value, struct error *err)
{
	(void)err; /* judged with the archive that it is for */
	o->snapshot = value;
	return true;
}

static bool set_source(struct options *o, const char *value, struct error *err)
{
	(void)err;
	o->source = value;
	return true;
}

static bool set_into(struct options *o, const char *value, struct error *err)
{
	const char *name = name_canonical(value, o->arena);
	if (name == NULL)
		return wrong(err, "--into", value, "the name of a mailbox");
	o->into = name;
	return true;
}

static bool set_format(struct options *o, const char *value, struct error *err)
{
	(void)err; /* judged by the command, which knows what it can */
	o->format = value;
	return true;
}

static bool set_search(struct options *o, const char *value, struct error *err)
{
	(void)err; /* judged when it is looked for */
	o->search = value;
	return true;
}

static bool set_keep(struct options *o, enum archive_rule rule, const char *name, const char *value,
	struct error *err)
{
	size_t digits = strspn(value, "0123456789");
	if (digits == 0 || value[digits] != '\0' || digits > 6 || strtoul(value, NULL, 10) == 0)
		return wrong(err, name, value, "a number from 1 to 999999");
	o->keep[rule] = (unsigned)strtoul(value, NULL, 10);
	return true;
}

#define SET_KEEP(what, rule) \
	static bool set_keep_##what(struct options *o, const char *value, struct error *err) \
	{ \
		return set_keep(o, rule, "--keep-" #what, value, err); \
	}
SET_KEEP(last, ARCHIVE_LAST)
SET_KEEP(daily, ARCHIVE_DAILY)
SET_KEEP(weekly, ARCHIVE_WEEKLY)
SET_KEEP(monthly, ARCHIVE_MONTHLY)
SET_KEEP(yearly, ARCHIVE_YEARLY)

static bool set_wait(struct options *o, const char *value, struct error *err)
{
	int64_t seconds;
	if (!value_seconds(value, &seconds, err))
		return error_context(err, "--wait");
	if (seconds > MOST_WAIT)
		return wrong(err, "--wait", value, "a time of at most a week");
	o->wait = (unsigned)seconds;
	return true;
}

static bool set_max_age(struct options *o, const char *value, struct error *err)
{
	if (!value_seconds(value, &o->max_age, err))
		return error_context(err, "--max-age");
	return o->max_age > 0 || wrong(err, "--max-age", value, "a time above zero");
}

#define SET_FLAG(field) \
	static bool set_##field(struct options *o, const char *value, struct error *err) \
	{ \
		(void)value; \
		(void)err; \
		o->field = true; \
		return true; \
	}
SET_FLAG(dry_run)
SET_FLAG(bring_back)
SET_FLAG(exit_code)
SET_FLAG(json)
SET_FLAG(quiet)
SET_FLAG(verbose)
SET_FLAG(help)

/* ---- the table ---- */

static const struct option table[] = {
	{"config", 'c', "FILE", "the configuration; default $XDG_CONFIG_HOME/mailtwin/config.yml",
		OPTIONS_COMMON, set_config},
	{"from", '\0', "STORE", "sync from this store (a name or a URL), without a pair",
		OPTIONS_STORES, set_from},
	{"to", '\0', "STORE", "to this store", OPTIONS_STORES, set_to},
	{"mailbox", '\0', "PATTERN", "only mailboxes that match; may be given again",
		OPTIONS_RUN | OPTIONS_SNAPSHOT | OPTIONS_MAILBOX, set_mailbox},
	{"snapshot", '\0', "N|DATE",
		"this snapshot, or the last one up to that day or moment (UTC)", OPTIONS_SNAPSHOT,
		set_snapshot},
	{"source", '\0', "NAME", "of this account, where the archive holds several",
		OPTIONS_SNAPSHOT | OPTIONS_SOURCE, set_source},
	{"format", '\0', "FORMAT", "maildir, mbox, mbox.gz or eml", OPTIONS_FORMAT, set_format},
	{"mode", '\0', "MODE", "copy, mirror or move, instead of the pair's own", OPTIONS_RUN,
		set_mode},
	{"dry-run", 'n', NULL, "show what would be done, and do nothing", OPTIONS_WRITE,
		set_dry_run},
	{"max-deletions", '\0', "N|any", "go on although so many messages would be deleted",
		OPTIONS_RUN, set_limit},
	{"bring-back", '\0', NULL, "copy what is gone on one side back from the other", OPTIONS_RUN,
		set_bring_back},
	{"wait", '\0', "TIME", "wait for a pair that another run holds", OPTIONS_RUN, set_wait},
	{"exit-code", '\0', NULL, "exit 1 when there is something to do (diff, --dry-run)",
		OPTIONS_RUN, set_exit_code},
	{"max-age", '\0', "TIME", "exit 1 when the last run is older", OPTIONS_STATUS, set_max_age},
	{"search", '\0', "TEXT", "only messages that `search` finds by this", OPTIONS_RESTORE,
		set_search},
	{"into", '\0', "MAILBOX", "into this mailbox: below it, unless one is chosen by its name",
		OPTIONS_RESTORE, set_into},
	{"keep-last", '\0', "N", "keep the last N snapshots", OPTIONS_KEEP, set_keep_last},
	{"keep-daily", '\0', "N", "keep one of each of the last N days that have any", OPTIONS_KEEP,
		set_keep_daily},
	{"keep-weekly", '\0', "N", "the same of weeks", OPTIONS_KEEP, set_keep_weekly},
	{"keep-monthly", '\0', "N", "the same of months", OPTIONS_KEEP, set_keep_monthly},
	{"keep-yearly", '\0', "N", "the same of years", OPTIONS_KEEP, set_keep_yearly},
	{"json", '\0', NULL, "print one JSON object a line", OPTIONS_JSON, set_json},
	{"quiet", 'q', NULL, "print nothing unless something is wrong", OPTIONS_TALK, set_quiet},
	{"verbose", 'v', NULL, "print more: a line a message, how connections were made",
		OPTIONS_TALK, set_verbose},
	{"trace", '\0', "FILE", "write the protocol to FILE, secrets struck out", OPTIONS_TALK,
		set_trace},
	{"help", 'h', NULL, "print this", OPTIONS_COMMON, set_help},
};

enum { OPTIONS = sizeof table / sizeof *table };

/* ---- parsing ---- */

static const struct option *find_name(const char *name, size_t len, unsigned groups)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if ((table[i].groups & groups) != 0 && strlen(table[i].name) == len &&
			memcmp(table[i].name, name, len) == 0)
			return &table[i];
	return NULL;
}

static const struct option *find_letter(char letter, unsigned groups)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if ((table[i].groups & groups) != 0 && table[i].letter == letter)
			return &table[i];
	return NULL;
}

static bool unknown(const char *word, size_t len, unsigned groups, struct error *err)
{
	const char *names[OPTIONS + 1];
	char name[64];
	size_t n = 0;
	for (size_t i = 0; i < OPTIONS; i++)
		if ((table[i].groups & groups) != 0)
			names[n++] = table[i].name;
	names[n] = NULL;
	snprintf(name, sizeof name, "%.*s", (int)(len < 63 ? len : 63), word);
	const char *near = config_nearest(name, names);
	error_set(err, ERROR_STORE, CAUSE_CONFIG, "unknown option '--%s'%s%s%s", name,
		near != NULL ? "; did you mean '--" : "", near != NULL ? near : "",
		near != NULL ? "'?" : "");
	return false;
}

/* The arguments that are left, consumed from the front. */
struct words {
	char **at;
	int n;
};

static bool needs_value(const char *word, struct error *err)
{
	return error_set(err, ERROR_STORE, CAUSE_CONFIG, "%s wants a value", word);
}

static bool parse_long(
	struct options *o, unsigned groups, const char *word, struct words *rest, struct error *err)
{
	const char *name = word + 2, *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct option *option = find_name(name, len, groups);
	if (option == NULL)
		return unknown(name, len, groups, err);
	if (option->value == NULL && equals != NULL)
		return error_set(
			err, ERROR_STORE, CAUSE_CONFIG, "--%s takes no value", option->name);
	const char *value = equals != NULL ? equals + 1 : NULL;
	if (option->value != NULL && value == NULL) {
		if (rest->n == 0)
			return needs_value(word, err);
		value = *rest->at++;
		rest->n--;
	}
	return option->set(o, value, err);
}

/* "-qv", "-cFILE", "-c FILE" */
static bool parse_letters(
	struct options *o, unsigned groups, const char *word, struct words *rest, struct error *err)
{
	for (const char *p = word + 1; *p != '\0'; p++) {
		const struct option *option = find_letter(*p, groups);
		if (option == NULL)
			return error_set(
				err, ERROR_STORE, CAUSE_CONFIG, "unknown option '-%c'", *p);
		if (option->value == NULL) {
			option->set(o, NULL, err);
			continue;
		}
		if (p[1] != '\0')
			return option->set(o, p + 1, err);
		if (rest->n == 0)
			return needs_value(word, err);
		rest->n--;
		return option->set(o, *rest->at++, err);
	}
	return true;
}

static bool add_name(struct options *o, const char *word)
{
	*ARENA_PUSH(o->arena, o->names, o->n_names, o->cap_names) = word;
	return true;
}

bool options_parse(struct options *o, unsigned groups, int argc, char **argv, struct error *err)
{
	struct words rest = {argv, argc};
	bool ok = true, names_only = false;
	while (ok && rest.n > 0) {
		const char *word = *rest.at++;
		rest.n--;
		if (names_only || word[0] != '-' || word[1] == '\0')
			ok = add_name(o, word);
		else if (strcmp(word, "--") == 0)
			names_only = true;
		else if (word[1] == '-')
			ok = parse_long(o, groups, word, &rest, err);
		else
			ok = parse_letters(o, groups, word, &rest, err);
	}
	return ok;
}

void options_help(FILE *out, unsigned groups)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &table[i];
		char left[40];
		if ((o->groups & groups) == 0)
			continue;
		snprintf(left, sizeof left, "%s%c%s--%s%s%s", o->letter != '\0' ? "-" : "  ",
			o->letter != '\0' ? o->letter : ' ', o->letter != '\0' ? ", " : " ",
			o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
		fprintf(out, "  %-24s %s\n", left, o->help);
	}
}
