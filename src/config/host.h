#ifndef MAILTWIN_CONFIG_HOST_H
#define MAILTWIN_CONFIG_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * host_parse(text, arena, host, port, err):
 * Read HOST[:PORT] strictly, because a host's name reaches resolvers, certificates and
 * tunnels:
 *
 *	HOST  = label *("." label) | "[" IPv6 address "]"
 *	label = 1 to 63 letters, digits, "-" and "_", no "-" at either end; 253 in all
 *	PORT  = 1 to 65535
 *
 * *host comes without brackets; *port is left alone where none was given.  False with
 * CAUSE_CONFIG.
 */
bool host_parse(const char *text, struct arena *arena, const char **host, uint16_t *port,
	struct error *err);

/* host_is_loopback(host): "localhost", 127.0.0.0/8 or ::1. */
bool host_is_loopback(const char *host);

#endif
