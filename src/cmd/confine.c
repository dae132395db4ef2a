#include "cmd/confine.h"

#include <errno.h>
#include <string.h>

#include "base/broker.h"
#include "cmd/print.h"
#include "config/secret.h"
#include "net/dial.h"

static bool cannot(const char *what)
{
	print_problem("cannot %s: %s", what, strerror(errno));
	return false;
}

/* ---- programs and names ---- */

static bool allow_secret(const struct secret *secret)
{
	const char *room[SECRET_WORDS];
	const char *const *argv = secret_program(secret, room);
	return argv == NULL || broker_allow(argv);
}

static bool allow_imap(const struct imap_config *imap)
{
	if (!allow_secret(&imap->password) || !allow_secret(&imap->token))
		return false;
	if (imap->tunnel != NULL)
		return broker_allow(imap->tunnel);
	return !dial_is_name(imap->host) || broker_allow_name(imap->host);
}

static bool is_imap(const struct store_config *store)
{
	return strcmp(store->kind, "imap") == 0;
}

static bool allow_programs(const struct pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++)
		for (int side = 0; side < 2; side++) {
			const struct store_config *store = pairs->at[i]->store[side];
			if (is_imap(store) && !allow_imap(&store->imap))
				return false;
		}
	return broker_seal();
}

bool confine_begin(void)
{
	return broker_start() || cannot("start a process");
}

bool confine_pairs(const struct options *options, const struct pairs *pairs)
{
	(void)options;
	return allow_programs(pairs) || cannot("tell the process beside ours what it may start");
}

void confine_end(void)
{
	broker_stop();
}
