#ifndef MAILTWIN_BASE_MAP_H
#define MAILTWIN_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

/*
 * From byte strings to numbers: which row has this key, which list entry.
 *
 * Keys are borrowed: the caller keeps them where they are for as long as the
 * map lives.  Hashes are seeded per process, so that a server cannot choose keys that
 * collide.
 */
struct map;

#define MAP_NONE UINT32_MAX

/* map_new(expected): an empty map with room for ${expected} keys. */
struct map *map_new(size_t expected);

/* map_free(map): give back ${map}; NULL is fine. */
void map_free(struct map *map);

/* map_put(map, key, len, value): add ${key}; return the value it had before, which then stays,
 * or MAP_NONE when it was new. */
uint32_t map_put(struct map *map, const void *key, size_t len, uint32_t value);

/* map_set(map, key, len, value): add ${key}, or give it another value. */
void map_set(struct map *map, const void *key, size_t len, uint32_t value);

/* map_get(map, key, len): the value of ${key}, or MAP_NONE. */
uint32_t map_get(const struct map *map, const void *key, size_t len);

/* The same for strings that end in NUL. */
uint32_t map_put_str(struct map *map, const char *key, uint32_t value);
uint32_t map_get_str(const struct map *map, const char *key);

/* map_size(map): the number of keys. */
size_t map_size(const struct map *map);

#endif
