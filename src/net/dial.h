#ifndef MAILTWIN_NET_DIAL_H
#define MAILTWIN_NET_DIAL_H

#include <netdb.h>

#include "net/conn.h"

/* dial_addresses(list, host, port, limits, err): conn_dial() once the addresses are known; ${host}
 * and ${port} are for messages. */
struct conn *dial_addresses(const struct addrinfo *list, const char *host, uint16_t port,
	const struct conn_limits *limits, struct error *err);

/* dial_is_name(host): whether ${host} has to be looked up, and is no address. */
bool dial_is_name(const char *host);

#endif
