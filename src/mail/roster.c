#include "mail/roster.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Octets of SipHash that are asked for; one slot keeps twelve of them, but for a bit. */
#define DIGEST_SIZE 16
#define SECRET_SIZE 16

struct slot {
	uint64_t first;	 /* of the digest; with `second` 0: free */
	uint32_t second; /* the next four octets: MET, and what is never 0 */
	flag_set flags;
};

#define MET ((uint32_t)1)

struct roster {
	struct slot *slots;
	size_t mask; /* slots - 1; their number is a power of two */
	size_t used, met;
	EVP_MAC *kind;
	EVP_MAC_CTX *mac;
};

static void *checked(void *p)
{
	if (p == NULL)
		die_out_of_memory();
	return p;
}

/* With SipHash nothing but a lack of memory can fail. */
static void check(bool worked)
{
	if (!worked)
		die_out_of_memory();
}

struct roster *roster_new(size_t expected)
{
	uint8_t secret[SECRET_SIZE];
	struct roster *roster = checked(calloc(1, sizeof *roster));
	size_t n = 16;
	while (n < expected + expected / 2)
		n *= 2;
	roster->slots = checked(calloc(n, sizeof *roster->slots));
	roster->mask = n - 1;
	roster->kind = checked(EVP_MAC_fetch(NULL, "SIPHASH", NULL));
	roster->mac = checked(EVP_MAC_CTX_new(roster->kind));
	check(RAND_bytes(secret, sizeof secret) == 1);
	check(EVP_MAC_init(roster->mac, secret, sizeof secret, NULL));
	return roster;
}

void roster_free(struct roster *roster)
{
	if (roster == NULL)
		return;
	EVP_MAC_CTX_free(roster->mac);
	EVP_MAC_free(roster->kind);
	free(roster->slots);
	free(roster);
}

static struct slot digest(const struct roster *roster, const char *key, size_t len)
{
	uint8_t octet[DIGEST_SIZE];
	struct slot slot;
	size_t n;
	check(EVP_MAC_init(roster->mac, NULL, 0, NULL) &&
		EVP_MAC_update(roster->mac, (const unsigned char *)key, len) &&
		EVP_MAC_final(roster->mac, octet, &n, sizeof octet));
	memcpy(&slot.first, octet, sizeof slot.first);
	memcpy(&slot.second, octet + sizeof slot.first, sizeof slot.second);
	slot.second = (slot.second | MET << 1) & ~MET;
	slot.flags = 0;
	return slot;
}

/* The slot of ${key}, or the free one where it belongs. */
static struct slot *find(struct slot *slots, size_t mask, const struct slot *key)
{
	for (size_t i = (size_t)key->first & mask;; i = (i + 1) & mask) {
		struct slot *slot = &slots[i];
		bool same = slot->first == key->first && (slot->second & ~MET) == key->second;
		if (slot->second == 0 || same)
			return slot;
	}
}

static void grow(struct roster *roster)
{
	size_t mask = roster->mask * 2 + 1;
	struct slot *slots = checked(calloc(mask + 1, sizeof *slots));
	for (size_t i = 0; i <= roster->mask; i++)
		if (roster->slots[i].second != 0)
			*find(slots, mask, &roster->slots[i]) = roster->slots[i];
	free(roster->slots);
	roster->slots = slots;
	roster->mask = mask;
}

bool roster_add(struct roster *roster, const char *key, flag_set flags)
{
	if (roster->used * 3 >= roster->mask * 2)
		grow(roster);
	struct slot new = digest(roster, key, strlen(key));
	struct slot *slot = find(roster->slots, roster->mask, &new);
	if (slot->second != 0)
		return false;
	new.flags = flags;
	*slot = new;
	roster->used++;
	return true;
}

void roster_begin(struct roster *roster)
{
	roster->met = 0;
	for (size_t i = 0; i <= roster->mask; i++)
		roster->slots[i].second &= ~MET;
}

enum roster_met roster_meet(struct roster *roster, const char *key, size_t len, flag_set flags)
{
	struct slot here = digest(roster, key, len);
	struct slot *slot = find(roster->slots, roster->mask, &here);
	if (slot->second == 0)
		return ROSTER_STRANGER;
	if ((slot->second & MET) != 0)
		return ROSTER_AGAIN;
	slot->second |= MET;
	roster->met++;
	return slot->flags == flags ? ROSTER_SAME : ROSTER_CHANGED;
}

size_t roster_missed(const struct roster *roster)
{
	return roster->used - roster->met;
}

bool roster_has_met(const struct roster *roster, const char *key)
{
	struct slot here = digest(roster, key, strlen(key));
	return (find(roster->slots, roster->mask, &here)->second & MET) != 0;
}
