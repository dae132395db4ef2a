#include "config/host.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/escape.h"
#include "config/value.h"

/* RFC 1035, section 2.3.4. */
#define MAX_LABEL 63
#define MAX_NAME  253

static const char label_characters[] = "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

static bool no_host(const char *text, const char *why, struct error *err)
{
	char shown[96];
	return error_set(err, ERROR_STORE, CAUSE_CONFIG, "\"%s\" is no host: %s",
		escape_text(shown, sizeof shown, text), why);
}

/* Why a label cannot be, or NULL. */
static const char *label_flaw(const char *label, size_t n)
{
	if (n == 0)
		return "a part between dots is empty";
	if (n > MAX_LABEL)
		return "a part between dots is longer than 63 characters";
	if (label[0] == '-' || label[n - 1] == '-')
		return "a part begins or ends with \"-\"";
	if (strspn(label, label_characters) < n)
		return "letters, digits, \"-\" and \".\" are possible; other scripts as xn--...";
	return NULL;
}

static const char *name_flaw(const char *name)
{
	if (strlen(name) > MAX_NAME)
		return "it is longer than 253 characters";
	for (;;) {
		size_t n = strcspn(name, ".");
		const char *flaw = label_flaw(name, n);
		if (flaw != NULL || name[n] == '\0')
			return flaw;
		name += n + 1;
	}
}

static bool parse_port(const char *text, uint16_t *port, struct error *err)
{
	unsigned long number;
	if (!value_number(text, 1, UINT16_MAX, &number, err))
		return error_context(err, "the port");
	*port = (uint16_t)number;
	return true;
}

static bool parse_bracketed(
	const char *text, struct arena *arena, const char **host, uint16_t *port, struct error *err)
{
	struct in6_addr address;
	const char *end = strchr(text, ']');
	if (end == NULL)
		return no_host(text, "the \"]\" is missing", err);
	const char *inside = arena_strndup(arena, text + 1, (size_t)(end - text) - 1);
	if (inet_pton(AF_INET6, inside, &address) != 1)
		return no_host(text, "no IPv6 address stands in the brackets", err);
	if (end[1] != '\0' && end[1] != ':')
		return no_host(text, "only \":PORT\" can follow the brackets", err);
	*host = inside;
	return end[1] == '\0' || parse_port(end + 2, port, err);
}

bool host_parse(
	const char *text, struct arena *arena, const char **host, uint16_t *port, struct error *err)
{
	if (text[0] == '[')
		return parse_bracketed(text, arena, host, port, err);
	const char *colon = strchr(text, ':');
	if (colon != NULL && strchr(colon + 1, ':') != NULL)
		return no_host(text, "an IPv6 address stands in brackets, [::1]:993", err);
	const char *name = colon == NULL ? arena_strdup(arena, text)
					 : arena_strndup(arena, text, (size_t)(colon - text));
	const char *flaw = name_flaw(name);
	if (flaw != NULL)
		return no_host(text, flaw, err);
	*host = name;
	return colon == NULL || parse_port(colon + 1, port, err);
}

bool host_is_loopback(const char *host)
{
	struct in_addr four;
	struct in6_addr six;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six);
	return strcasecmp(host, "localhost") == 0;
}
