#include "archive/archive_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

/*
 * The text of a row: its kind and its fields, each followed by a LF; numbers in decimal digits,
 * what is NULL as nothing.
 */
struct text {
	EVP_MD_CTX *hash;
};

static struct text text_begin(const char *kind)
{
	struct text t = {EVP_MD_CTX_new()};
	if (t.hash == NULL || EVP_DigestInit_ex(t.hash, EVP_sha256(), NULL) != 1 ||
		EVP_DigestUpdate(t.hash, kind, strlen(kind)) != 1 ||
		EVP_DigestUpdate(t.hash, "\n", 1) != 1)
		die_out_of_memory();
	return t;
}

static void text_add(struct text *t, const char *value)
{
	if ((value != NULL && EVP_DigestUpdate(t->hash, value, strlen(value)) != 1) ||
		EVP_DigestUpdate(t->hash, "\n", 1) != 1)
		die_out_of_memory();
}

static void text_add_int(struct text *t, int64_t value)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%" PRId64, value);
	text_add(t, digits);
}

static void text_add_int_or(struct text *t, int64_t value, int64_t null)
{
	if (value == null)
		text_add(t, NULL);
	else
		text_add_int(t, value);
}

static uint64_t text_end(struct text *t)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	uint64_t sum = 0;
	if (EVP_DigestFinal_ex(t->hash, hash, NULL) != 1)
		die_out_of_memory();
	EVP_MD_CTX_free(t->hash);
	for (size_t i = 0; i < 8; i++)
		sum = sum << 8 | hash[i];
	return sum;
}

/* ---- placements ---- */

static struct text placement(const struct archive_placement *p)
{
	struct text t = text_begin("placement");
	text_add_int(&t, p->item);
	text_add_int(&t, p->mailbox);
	text_add_int(&t, p->message);
	text_add_int(&t, p->flags);
	text_add(&t, p->keywords);
	text_add_int_or(&t, p->received, RECEIVED_UNKNOWN);
	text_add_int(&t, p->zone);
	text_add(&t, p->uid);
	return t;
}

uint64_t archive_sum_placement(const struct archive_placement *p)
{
	struct text t = placement(p);
	return text_end(&t);
}

int64_t archive_check_placement(const struct archive_placement *p)
{
	struct text t = placement(p);
	text_add_int(&t, p->first);
	text_add_int_or(&t, p->last, ARCHIVE_STILL);
	return (int64_t)text_end(&t);
}

/* ---- names of mailboxes ---- */

static struct text name_of(const struct archive_name *n)
{
	struct text t = text_begin("mailbox_name");
	text_add_int(&t, n->mailbox);
	text_add(&t, n->name);
	text_add_int(&t, n->use);
	text_add_int(&t, n->subscribed);
	return t;
}

uint64_t archive_sum_name(const struct archive_name *n)
{
	struct text t = name_of(n);
	return text_end(&t);
}

int64_t archive_check_name(const struct archive_name *n)
{
	struct text t = name_of(n);
	text_add_int(&t, n->first);
	text_add_int_or(&t, n->last, ARCHIVE_STILL);
	return (int64_t)text_end(&t);
}

/* ---- the others ---- */

int64_t archive_check_counters(const struct archive_counters *box)
{
	struct text t = text_begin("mailbox");
	text_add_int(&t, box->id);
	text_add_int(&t, box->source);
	text_add_int(&t, box->messages);
	text_add_int(&t, box->changes);
	text_add_int(&t, box->changed);
	text_add_int(&t, box->before);
	return (int64_t)text_end(&t);
}

int64_t archive_check_snapshot(const struct archive_snapshot *s)
{
	struct text t = text_begin("snapshot");
	text_add_int(&t, s->id);
	text_add_int(&t, s->source);
	text_add_int_or(&t, s->taken, 0);
	text_add_int(&t, (int64_t)s->messages);
	text_add_int(&t, (int64_t)s->bytes);
	text_add_int(&t, (int64_t)s->came);
	text_add_int(&t, (int64_t)s->went);
	text_add_int(&t, (int64_t)s->changed);
	text_add(&t, s->note);
	text_add_int(&t, (int64_t)s->sum);
	return (int64_t)text_end(&t);
}

int64_t archive_check_source(const struct archive_source *source)
{
	struct text t = text_begin("source");
	text_add_int(&t, source->id);
	text_add(&t, source->world);
	text_add(&t, source->name);
	return (int64_t)text_end(&t);
}
