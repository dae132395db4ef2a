#ifndef MAILTWIN_CONFIG_PAIR_KEYS_H
#define MAILTWIN_CONFIG_PAIR_KEYS_H

#include "config/schema.h"

/*
 * pair_keys_read(r, map, pair):
 * Read the pair that ${map} describes; the stores must have been read to r->config before.
 */
void pair_keys_read(struct reading *r, const struct node *map, struct pair_config *pair);

#endif
