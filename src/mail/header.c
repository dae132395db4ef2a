#include "mail/header.h"

#include <string.h>

#include "base/ascii.h"
#include "mail/date.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_line_end(char c)
{
	return c == '\r' || c == '\n';
}

/* ---- lines ---- */

struct piece {
	const char *at, *end;
};

static void trim(struct piece *piece)
{
	while (piece->at < piece->end && (is_blank(*piece->at) || is_line_end(*piece->at)))
		piece->at++;
	while (piece->at < piece->end && (is_blank(piece->end[-1]) || is_line_end(piece->end[-1])))
		piece->end--;
}

/* The end of a line that starts at s, after its LF. */
static const char *line_end(const char *s, const char *end)
{
	const char *lf = memchr(s, '\n', (size_t)(end - s));
	return lf == NULL ? end : lf + 1;
}

static bool is_empty_line(const struct piece *line)
{
	for (const char *s = line->at; s < line->end; s++)
		if (!is_line_end(*s))
			return false;
	return true;
}

/* The next line with those that continue it; false at the end of the header block. */
static bool take_unfolded_line(struct header *header, struct piece *line)
{
	line->at = header->at;
	line->end = line_end(header->at, header->end);
	if (is_empty_line(line)) {
		header->at = header->end;
		return false;
	}
	while (line->end < header->end && is_blank(*line->end))
		line->end = line_end(line->end, header->end);
	header->at = line->end;
	return true;
}

/* ---- fields ---- */

static bool is_name(const struct piece *name)
{
	for (const char *s = name->at; s < name->end; s++)
		if (*s <= ' ' || *s >= 0x7F)
			return false;
	return name->at < name->end;
}

static bool split(const struct piece *line, struct header_field *field)
{
	const char *colon = memchr(line->at, ':', (size_t)(line->end - line->at));
	if (colon == NULL)
		return false;
	struct piece name = {line->at, colon}, value = {colon + 1, line->end};
	while (name.at < name.end && is_blank(name.end[-1]))
		name.end--;
	trim(&value);
	*field = (struct header_field){
		name.at, (size_t)(name.end - name.at), value.at, (size_t)(value.end - value.at)};
	return is_name(&name);
}

void header_begin(struct header *header, const char *data, size_t len)
{
	if (data == NULL)
		data = ""; /* as a buffer is that nothing was put into */
	*header = (struct header){data, data + len};
}

bool header_next(struct header *header, struct header_field *field)
{
	struct piece line;
	while (header->at < header->end && take_unfolded_line(header, &line))
		if (split(&line, field))
			return true;
	return false;
}

size_t header_length(const char *data, size_t n)
{
	for (size_t at = 0; at < n;) {
		const char *end = memchr(data + at, '\n', n - at);
		size_t next_line = end == NULL ? n : (size_t)(end - data) + 1;
		size_t line = next_line - at;
		bool empty = end != NULL && (line == 1 || (line == 2 && data[at] == '\r'));
		at = next_line;
		if (empty)
			return at;
	}
	return n;
}

bool header_is(const struct header_field *field, const char *name)
{
	return ascii_is(field->name, field->name_len, name);
}

bool header_find(const char *data, size_t len, const char *name, struct header_field *field)
{
	struct header header;
	header_begin(&header, data, len);
	while (header_next(&header, field))
		if (header_is(field, name))
			return true;
	return false;
}

size_t header_unfold(const struct header_field *field, char *out, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < field->value_len; i++) {
		char c = field->value[i];
		if (is_line_end(c))
			continue;
		if (n + 1 < size)
			out[n] = c == '\0' ? ' ' : c;
		n++;
	}
	if (size > 0)
		out[n < size ? n : size - 1] = '\0';
	return n;
}

bool header_get(const char *data, size_t len, const char *name, char *out, size_t size)
{
	struct header_field field = {0};
	bool found = header_find(data, len, name, &field);
	if (!found)
		field.value_len = 0;
	header_unfold(&field, out, size);
	return found;
}

/* ---- dates ---- */

/* The time that a server stamped on a message follows the last semicolon (RFC 5321, 4.4). */
static bool received_date(const struct header_field *field, int64_t *seconds, int16_t *zone)
{
	size_t i = field->value_len;
	while (i > 0 && field->value[i - 1] != ';')
		i--;
	return i > 0 && date_parse_header(field->value + i, field->value_len - i, seconds, zone);
}

bool header_date(const char *data, size_t len, int64_t *seconds, int16_t *zone)
{
	struct header header;
	struct header_field field;
	bool told = false;
	int64_t stamp;
	int16_t stamp_zone;
	header_begin(&header, data, len);
	while (header_next(&header, &field)) {
		if (header_is(&field, "Date") &&
			date_parse_header(field.value, field.value_len, seconds, zone))
			return true;
		told = told || (header_is(&field, "Received") &&
				       received_date(&field, &stamp, &stamp_zone));
	}
	if (told) {
		*seconds = stamp;
		*zone = stamp_zone;
	}
	return told;
}
