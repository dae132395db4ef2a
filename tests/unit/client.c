#include "unit.h"

#include <string.h>

#include "client.h"

struct store_config client_config(const struct script *script)
{
	return (struct store_config){.name = "work",
		.kind = "imap",
		.imap = {.host = "127.0.0.1",
			.port = script_port(script),
			.user = "ann@example.org",
			.password = {.source = SECRET_LITERAL, .value = "s3cret"},
			.tls = TLS_NONE,
			.connections = 1,
			.timeout = 5}};
}

struct imap_session *client_open(const struct store_config *config, struct error *err)
{
	struct credentials *credentials = credentials_fetch(config, err);
	assert_non_null(credentials);
	*err = (struct error){0};
	struct imap_session *s = session_open(config, credentials, err);
	credentials_free(credentials);
	return s;
}

void client_finish(struct imap_session *s, struct script *script)
{
	session_close(s);
	char *failure = script_finish(script);
	if (failure != NULL)
		fail_msg("%s", failure);
}

struct imap_session *client_begin(
	struct script **script, const char *capabilities, const char *text)
{
	struct error err = {0};
	static struct store_config config; /* lent to the session */
	char all[4000];
	snprintf(all, sizeof all, "S: * PREAUTH [CAPABILITY IMAP4rev1 %s] hello\n%s", capabilities,
		text);
	*script = script_start(all, NULL);
	config = client_config(*script);
	config.imap.timeout = 2;
	struct imap_session *s = client_open(&config, &err);
	assert_string_equal(err.text, "");
	assert_non_null(s);
	return s;
}

void client_submit(struct imap_session *s, const char *text)
{
	struct error err = {0};
	if (!session_submit(s, NULL, &err, "%s", text))
		fail_msg("%s", err.text);
}

static void write_event(const struct session_event *e, char *text, size_t size)
{
	const struct imap_node *n = e->root;
	switch (e->kind) {
	case SESSION_DONE:
		snprintf(text, size, "A%u %s %s", e->tag, n->text, e->condition.text);
		break;
	case SESSION_UNTAGGED:
		snprintf(text, size, "* %s%s%s", n->text, n->next != NULL ? " " : "",
			n->next != NULL && n->next->text != NULL ? n->next->text : "");
		break;
	case SESSION_BODY_BEGIN:
		snprintf(text, size, "begin %llu", (unsigned long long)e->size);
		break;
	case SESSION_BODY:
		snprintf(text, size, "run %.*s", (int)e->run_len, (const char *)e->run);
		break;
	case SESSION_BODY_END:
		snprintf(text, size, "end");
	}
}

const char *client_events(struct imap_session *s)
{
	static char all[4000];
	struct session_event e;
	struct error err = {0};
	int got;
	all[0] = '\0';
	while ((got = session_next(s, &e, &err)) > 0) {
		size_t n = strlen(all);
		write_event(&e, all + n, sizeof all - n - 1);
		strcat(all, "\n");
	}
	if (got < 0)
		strcat(all, err.text);
	return all;
}

bool client_append(struct imap_session *s, const char *body, int *went, struct error *err)
{
	size_t n = strlen(body);
	if (!session_begin(s, NULL, err) || !session_put(s, "APPEND x ", 9, err))
		return false;
	*went = session_literal(s, n, err);
	return *went == 1 ? session_put(s, body, n, err) && session_end(s, err) : *went == 0;
}
