#include "imap/fetched.h"

#include <string.h>

#include "base/ascii.h"
#include "imap/condition.h"
#include "mail/date.h"

static bool read_uid(const struct imap_node *value, struct imap_fetched *f)
{
	if (value->type != IMAP_NUMBER || value->number == 0 || value->number > UINT32_MAX)
		return false;
	if (f->uid != 0 && f->uid != value->number)
		return false;
	f->uid = (uint32_t)value->number;
	return true;
}

static bool read_flags(const struct imap_node *value, struct imap_fetched *f)
{
	if (!imap_is_flags(value))
		return false;
	f->has_flags = true;
	f->flags = value->child;
	return true;
}

/* A date that cannot be read is as good as none: the message is still a message. */
static bool read_date(const struct imap_node *value, struct imap_fetched *f)
{
	if (value->type == IMAP_STRING)
		f->has_date = date_parse_internal(value->text, value->len, &f->received, &f->zone);
	return value->type != IMAP_LIST;
}

/* Servers that count in 32 bits with a sign have been seen: the size is a hint. */
static bool read_size(const struct imap_node *value, struct imap_fetched *f)
{
	f->has_size = value->type == IMAP_NUMBER;
	f->size = f->has_size ? value->number : 0;
	return value->type != IMAP_LIST;
}

static bool read_modseq(const struct imap_node *value, struct imap_fetched *f)
{
	const struct imap_node *number = value->type == IMAP_LIST ? value->child : NULL;
	if (number == NULL || number->type != IMAP_NUMBER || number->number > INT64_MAX)
		return false;
	f->modseq = number->number;
	return true;
}

static bool read_emailid(const struct imap_node *value, struct imap_fetched *f)
{
	const struct imap_node *id = value->type == IMAP_LIST ? value->child : NULL;
	if (id == NULL || (id->type != IMAP_ATOM && id->type != IMAP_NUMBER))
		return false;
	f->emailid = id->text;
	return true;
}

static bool read_gmail_id(const struct imap_node *value, struct imap_fetched *f)
{
	f->gmail_id = value->type == IMAP_NUMBER ? value->number : 0;
	return value->type == IMAP_NUMBER;
}

static const struct {
	const char *name;
	bool (*read)(const struct imap_node *, struct imap_fetched *);
	const char *why;
} items[] = {
	{"UID", read_uid, "a FETCH with an impossible UID"},
	{"FLAGS", read_flags, "a FETCH with FLAGS that are none"},
	{"INTERNALDATE", read_date, "a FETCH with an INTERNALDATE that is none"},
	{"RFC822.SIZE", read_size, "a FETCH with an RFC822.SIZE that is none"},
	{"MODSEQ", read_modseq, "a FETCH with a MODSEQ that is none"},
	{"EMAILID", read_emailid, "a FETCH with an EMAILID that is none"},
	{"X-GM-MSGID", read_gmail_id, "a FETCH with an X-GM-MSGID that is none"},
};

static bool is_body(const char *name, size_t len)
{
	return ascii_lower(*name) == 'b' &&
	       (ascii_starts(name, len, "BODY[") || ascii_starts(name, len, "BINARY["));
}

static bool read_body(
	const struct imap_node *item, const struct imap_node *value, struct imap_fetched *f)
{
	f->bodies++;
	f->section = item->text;
	f->body = value->type == IMAP_NIL	 ? BODY_NIL
		  : value->type == IMAP_STREAMED ? BODY_STREAMED
						 : BODY_KEPT;
	return value->type == IMAP_NIL || value->type == IMAP_STREAMED ||
	       value->type == IMAP_STRING;
}

static bool read_item(const struct imap_node *item, struct imap_fetched *f, const char **why)
{
	if (is_body(item->text, item->len)) {
		*why = "a FETCH with a body that is none";
		return read_body(item, item->next, f);
	}
	for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
		if (!ascii_same(items[i].name, item->text))
			continue;
		*why = items[i].why;
		return items[i].read(item->next, f);
	}
	return true;
}

bool imap_fetched_read(const struct imap_node *list, struct imap_fetched *fetched, const char **why)
{
	*fetched = (struct imap_fetched){0};
	*why = "a FETCH without a list of items and values";
	if (list == NULL || list->type != IMAP_LIST)
		return false;
	for (const struct imap_node *item = list->child; item != NULL; item = item->next->next) {
		*why = "a FETCH without a list of items and values";
		if (item->type != IMAP_ATOM || item->next == NULL)
			return false;
		if (!read_item(item, fetched, why))
			return false;
	}
	return true;
}
