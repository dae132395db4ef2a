#include "archive/archive_private.h"

#include "base/buffer.h"
#include "mail/decode.h"
#include "mail/header.h"

/* Limits: of a field as it is shown and searched; a list of thousands of recipients is cut. */
#define FIELD_LIMIT 4096

static const char *field(const char *data, size_t n, const char *name, struct arena *arena)
{
	struct buffer text;
	buffer_init(&text, FIELD_LIMIT);
	decode_field(data, n, name, &text);
	const char *copy = arena_strndup(arena, text.len > 0 ? text.data : "", text.len);
	buffer_finish(&text);
	return copy;
}

void archive_header_read(
	const char *data, size_t n, struct arena *arena, struct archive_header *out)
{
	int16_t zone;
	out->date = RECEIVED_UNKNOWN;
	header_date(data, n, &out->date, &zone);
	out->from = field(data, n, "From", arena);
	out->to = field(data, n, "To", arena);
	out->cc = field(data, n, "Cc", arena);
	out->subject = field(data, n, "Subject", arena);
	out->message_id = field(data, n, "Message-ID", arena);
}

static bool put_header(
	struct archive *archive, int64_t message, const struct archive_header *h, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive, "INSERT INTO header VALUES (?,?,?,?,?,?,?)", err))
		return false;
	sql_put_int(&q, message);
	sql_put_int_or(&q, h->date, RECEIVED_UNKNOWN);
	sql_put_text(&q, h->from);
	sql_put_text(&q, h->to);
	sql_put_text(&q, h->cc);
	sql_put_text(&q, h->subject);
	sql_put_text(&q, h->message_id);
	return sql_run(&q, err);
}

static bool put_words(
	struct archive *archive, int64_t message, const struct archive_header *h, struct error *err)
{
	struct sql q;
	if (!sql_begin(&q, archive,
		    "INSERT INTO words (rowid, \"from\", \"to\", cc, subject) VALUES (?,?,?,?,?)",
		    err))
		return false;
	sql_put_int(&q, message);
	sql_put_text(&q, h->from);
	sql_put_text(&q, h->to);
	sql_put_text(&q, h->cc);
	sql_put_text(&q, h->subject);
	return sql_run(&q, err);
}

bool archive_header_put(
	struct archive *archive, int64_t message, const char *data, size_t n, struct error *err)
{
	struct archive_header header;
	struct arena *arena = arena_new();
	archive_header_read(data, n, arena, &header);
	bool ok = put_header(archive, message, &header, err) &&
		  put_words(archive, message, &header, err);
	arena_free(arena);
	return ok;
}

static const char *some(const char *text)
{
	return text == NULL ? "" : text;
}

bool archive_header(struct archive *archive, int64_t message, struct arena *arena,
	struct archive_header *out, struct error *err)
{
	struct sql q;
	*out = (struct archive_header){RECEIVED_UNKNOWN, "", "", "", "", ""};
	if (!sql_begin(&q, archive,
		    "SELECT date, \"from\", \"to\", cc, subject, message_id FROM header"
		    " WHERE message = ?",
		    err))
		return false;
	sql_put_int(&q, message);
	int got = sql_next(&q, err);
	if (got <= 0)
		return got == 0;
	out->date = sql_int_or(&q, RECEIVED_UNKNOWN);
	out->from = some(sql_text(&q, arena));
	out->to = some(sql_text(&q, arena));
	out->cc = some(sql_text(&q, arena));
	out->subject = some(sql_text(&q, arena));
	out->message_id = some(sql_text(&q, arena));
	sql_end(&q);
	return true;
}
