#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <pthread.h>

#include "base/error.h"

struct slot {
	const void *key; /* NULL: free */
	uint32_t len, value;
};

struct map {
	struct slot *slots;
	size_t mask; /* slots - 1; their number is a power of two */
	size_t used;
};

static uint64_t seed;
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
		seed = (uint64_t)(uintptr_t)&seed * UINT64_C(0x9E3779B97F4A7C15);
}

static size_t hash(const void *key, size_t len)
{
	const unsigned char *p = key;
	uint64_t h = seed ^ len;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001B3);
	h ^= h >> 32;
	h *= UINT64_C(0x9E3779B97F4A7C15);
	return (size_t)(h ^ (h >> 29));
}

static struct slot *new_slots(size_t n)
{
	struct slot *slots = calloc(n, sizeof *slots);
	if (slots == NULL)
		die_out_of_memory();
	return slots;
}

struct map *map_new(size_t expected)
{
	pthread_once(&seeded, make_seed);
	struct map *map = calloc(1, sizeof *map);
	if (map == NULL)
		die_out_of_memory();
	size_t n = 16;
	while (n < expected + expected / 2)
		n *= 2;
	map->slots = new_slots(n);
	map->mask = n - 1;
	return map;
}

void map_free(struct map *map)
{
	if (map == NULL)
		return;
	free(map->slots);
	free(map);
}

/* The slot that holds the key, or the free one where it belongs. */
static struct slot *find(const struct map *map, const void *key, size_t len)
{
	size_t i = hash(key, len) & map->mask;
	for (;; i = (i + 1) & map->mask) {
		struct slot *slot = &map->slots[i];
		if (slot->key == NULL)
			return slot;
		if (slot->len == len && memcmp(slot->key, key, len) == 0)
			return slot;
	}
}

static void grow(struct map *map)
{
	struct map bigger = {new_slots((map->mask + 1) * 2), map->mask * 2 + 1, map->used};
	for (size_t i = 0; i <= map->mask; i++) {
		const struct slot *slot = &map->slots[i];
		if (slot->key != NULL)
			*find(&bigger, slot->key, slot->len) = *slot;
	}
	free(map->slots);
	*map = bigger;
}

static struct slot *find_or_add(struct map *map, const void *key, size_t len, uint32_t value)
{
	if (map->used * 3 >= map->mask * 2)
		grow(map);
	struct slot *slot = find(map, key, len);
	if (slot->key != NULL)
		return slot;
	*slot = (struct slot){key, (uint32_t)len, value};
	map->used++;
	return NULL;
}

uint32_t map_put(struct map *map, const void *key, size_t len, uint32_t value)
{
	const struct slot *old = find_or_add(map, key, len, value);
	return old == NULL ? MAP_NONE : old->value;
}

void map_set(struct map *map, const void *key, size_t len, uint32_t value)
{
	struct slot *old = find_or_add(map, key, len, value);
	if (old != NULL)
		old->value = value;
}

uint32_t map_get(const struct map *map, const void *key, size_t len)
{
	const struct slot *slot = find(map, key, len);
	return slot->key == NULL ? MAP_NONE : slot->value;
}

uint32_t map_put_str(struct map *map, const char *key, uint32_t value)
{
	return map_put(map, key, strlen(key), value);
}

uint32_t map_get_str(const struct map *map, const char *key)
{
	return map_get(map, key, strlen(key));
}

size_t map_size(const struct map *map)
{
	return map->used;
}
