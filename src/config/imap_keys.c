#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "config/host.h"
#include "config/secret_keys.h"
#include "config/store_kind.h"
#include "config/value.h"

/* A server counts connections too: Gmail and Dovecot allow 10 to 15 an account by default. */
#define DEFAULT_CONNECTIONS 4
#define MAX_CONNECTIONS	    64

/* A server that is silent for a minute is gone; one that needs a day was never there. */
#define DEFAULT_TIMEOUT 60
#define MAX_TIMEOUT	(24UL * 60 * 60)

/* `pin`: how it starts, and the characters that base64 makes of a SHA-256. */
#define PIN_START  "sha256//"
#define PIN_LENGTH 44

static const struct word tls_words[] = {
	{"implicit", TLS_IMPLICIT}, {"starttls", TLS_STARTTLS}, {"none", TLS_NONE}, {NULL, 0}};

static const char *const mechanisms[] = {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN",
	"CRAM-MD5", "OAUTHBEARER", "XOAUTH2", "EXTERNAL", NULL};

static bool takes_token(const char *mechanism)
{
	return strcmp(mechanism, "OAUTHBEARER") == 0 || strcmp(mechanism, "XOAUTH2") == 0;
}

static bool takes_nothing(const char *mechanism)
{
	return strcmp(mechanism, "EXTERNAL") == 0;
}

/* ---- keys ---- */

static bool read_host(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct imap_config *imap = field;
	struct error err;
	if (value->kind == NODE_LIST)
		return reading_wrong(r, value, "an IPv6 address needs quotes: \"[::1]:993\"");
	const char *text = value_take_text(r, value);
	if (text == NULL)
		return false;
	return host_parse(text, r->arena, &imap->host, &imap->port, &err) ||
	       reading_wrong(r, value, "%s", err.text);
}

static bool decode_pin(const char *text, uint8_t pin[32])
{
	unsigned char octets[PIN_LENGTH / 4 * 3], again[PIN_LENGTH + 1];
	size_t start = strlen(PIN_START);
	if (strncmp(text, PIN_START, start) != 0 || strlen(text + start) != PIN_LENGTH)
		return false;
	const unsigned char *base64 = (const unsigned char *)text + start;
	if (EVP_DecodeBlock(octets, base64, PIN_LENGTH) != sizeof octets)
		return false;
	/* Decoding is lenient; whatever does not come back as it was is no pin. */
	EVP_EncodeBlock(again, octets, 32);
	memcpy(pin, octets, 32);
	return memcmp(again, base64, PIN_LENGTH) == 0;
}

static bool read_pin(
	struct reading *r, const struct node *value, const struct key *key, void *field)
{
	(void)key;
	struct imap_config *imap = field;
	const char *text = value_take_text(r, value);
	if (text == NULL)
		return false;
	imap->has_pin = decode_pin(text, imap->pin);
	return imap->has_pin || reading_wrong(r, value,
					"found %s; possible is sha256// and the 44 characters of a "
					"SHA-256 in base64",
					reading_quote(r, text));
}

#define IMAP(member) KEY_FIELD(struct imap_config, member)

static const struct key oauth2_keys[] = {
	{"token", secret_keys_read, IMAP(token)},
};

static const struct schema oauth2 = {oauth2_keys, KEY_COUNT(oauth2_keys)};

static const struct key keys[] = {
	{"imap", read_host, KEY_WHOLE(struct imap_config)},
	{"user", value_text, IMAP(user)},
	{"password", secret_keys_read, IMAP(password)},
	{"master", value_text, IMAP(master)},
	{"tls", value_word, IMAP(tls), .words = tls_words},
	{"auth", value_tokens, IMAP(auth), .names = mechanisms},
	{"oauth2", value_map, KEY_WHOLE(struct imap_config), .schema = &oauth2},
	{"ca_file", value_path, IMAP(ca_file)},
	{"pin", read_pin, KEY_WHOLE(struct imap_config)},
	{"client_cert", value_path, IMAP(client_cert)},
	{"client_key", value_path, IMAP(client_key)},
	{"connections", value_count, IMAP(connections), .least = 1, .most = MAX_CONNECTIONS},
	{"timeout", value_duration, IMAP(timeout), .least = 1, .most = MAX_TIMEOUT},
	{"disable", value_tokens, IMAP(disable)},
	{"tunnel", value_argv, IMAP(tunnel)},
};

/* ---- what they must have with each other ---- */

static bool has(const struct node *map, const char *key)
{
	return tree_find(map, key) != NULL;
}

/* Whether one of the mechanisms asked for (or, with none named, any) can work with what is there.
 */
static bool can_sign_in(const struct node *map, const struct imap_config *imap)
{
	bool itself = has(map, "tunnel") || has(map, "client_cert");
	if (imap->auth == NULL)
		return itself || has(map, "password") || has(map, "oauth2");
	for (size_t i = 0; imap->auth[i] != NULL; i++) {
		const char *needed = takes_token(imap->auth[i]) ? "oauth2" : "password";
		if (takes_nothing(imap->auth[i]) || has(map, needed))
			return true;
	}
	return has(map, "tunnel");
}

static void rule_sign_in(struct reading *r, const struct node *map, struct imap_config *imap)
{
	bool itself = has(map, "tunnel") || has(map, "client_cert");
	if (!has(map, "user") && (!itself || has(map, "password") || has(map, "oauth2")))
		reading_lacks(r, map, "no user; such as \"user: ann@example.org\"");
	if (!has(map, "user") && has(map, "master"))
		reading_lacks(r, map, "\"master\" signs in for a \"user\", and there is none");
	if (has(map, "oauth2") && tree_find(map, "oauth2")->kind == NODE_MAP &&
		!has(tree_find(map, "oauth2"), "token"))
		reading_lacks(
			r, tree_find(map, "oauth2"), "no token; such as \"token: {command: ...}\"");
	bool auth_is_wrong = has(map, "auth") && imap->auth == NULL;
	if (!auth_is_wrong && !can_sign_in(map, imap))
		reading_lacks(r, map,
			imap->auth == NULL
				? "no password; such as \"password: {command: ...}\""
				: "none of the mechanisms in \"auth\" can work with what is here; "
				  "OAUTHBEARER and XOAUTH2 need \"oauth2\", EXTERNAL nothing, the "
				  "others \"password\"");
}

static void rule_client_cert(struct reading *r, const struct node *map)
{
	if (has(map, "client_cert") && !has(map, "client_key"))
		reading_lacks(r, map, "\"client_cert\" needs its \"client_key\"");
	if (has(map, "client_key") && !has(map, "client_cert"))
		reading_lacks(r, map, "\"client_key\" needs its \"client_cert\"");
}

/* What a person wrote to be safe must not be without effect. */
static void rule_tls(struct reading *r, const struct node *map, const struct imap_config *imap)
{
	static const char *const about_tls[] = {"ca_file", "pin", "client_cert"};
	for (size_t i = 0; imap->tls == TLS_NONE && i < KEY_COUNT(about_tls); i++) {
		const struct node *value = tree_find(map, about_tls[i]);
		if (value != NULL)
			reading_wrong_key(r, value,
				"\"%s\" means nothing without TLS; say \"tls: implicit\" or "
				"\"tls: starttls\"",
				about_tls[i]);
	}
}

static void rules(struct reading *r, const struct node *map, struct store_config *store)
{
	struct imap_config *imap = &store->imap;
	if (!has(map, "tls") && has(map, "tunnel"))
		imap->tls = TLS_NONE;
	if (imap->port == 0)
		imap->port = imap->tls == TLS_IMPLICIT ? 993 : 143;
	rule_sign_in(r, map, imap);
	rule_client_cert(r, map);
	rule_tls(r, map, imap);
}

static void defaults(struct store_config *store)
{
	store->imap.tls = TLS_IMPLICIT;
	store->imap.connections = DEFAULT_CONNECTIONS;
	store->imap.timeout = DEFAULT_TIMEOUT;
}

/* ---- the same place ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_list(const char *const *a, const char *const *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	while (*a != NULL && same_text(*a, *b)) {
		a++;
		b++;
	}
	return *a == *b;
}

static bool same(const struct store_config *a, const struct store_config *b)
{
	const struct imap_config *left = &a->imap, *right = &b->imap;
	return left->host != NULL && right->host != NULL &&
	       strcasecmp(left->host, right->host) == 0 && left->port == right->port &&
	       same_text(left->user, right->user) && same_list(left->tunnel, right->tunnel);
}

const struct store_kind imap_kind = {
	.name = "imap",
	.schema = {keys, KEY_COUNT(keys)},
	.offset = offsetof(struct store_config, imap),
	.defaults = defaults,
	.rules = rules,
	.same = same,
};
