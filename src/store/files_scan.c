#include "store/files_store.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ascii.h"
#include "base/file.h"
#include "mail/header.h"

/* Of a header block, what is looked at for flags and dates. */
#define HEADER_LIMIT ((size_t)64 * 1024)

/* Octets of a file that are decoded at once. */
#define RUN ((size_t)16 * 1024)

struct scan {
	const struct files_box *box;
	struct flag_table *flags;
	struct message_list *out;
	struct error *err;
	/* the sidecar, whose lines come in the order of the messages */
	struct files_lines *side;
	struct arena *arena; /* of `known` */
	struct sidecar known;
	bool knows; /* `known` is a line that was not used yet */
	/* whether the message under way has the digest that its line says */
	bool compares;
	EVP_MD_CTX *hash;
	struct mbox_coder exact; /* reads it as the line says that it was written */
	uint64_t hashed;
	/* the message under way */
	bool any;
	struct files_place place;
	uint64_t separator; /* where its separator is */
	int64_t received;   /* by that, or by the file's time */
	struct mbox_coder coder;
	size_t blank; /* octets of an empty line that may be the end of it */
	struct buffer header;
	uint8_t out_of[MBOX_ROOM(RUN)];
};

/* ---- the sidecar ---- */

/* The next line that is one; a broken one is passed over. */
static bool next_known(struct scan *s)
{
	const char *text;
	size_t len;
	bool begins;
	s->knows = false;
	while (!s->knows && s->side != NULL) {
		arena_reset(s->arena);
		int got = files_next_line(s->side, &text, &len, &begins, s->err);
		if (got < 0)
			return false;
		s->knows = got > 0 && sidecar_read(text, len, s->arena, &s->known) &&
			   s->known.mailbox == NULL;
		if (got == 0) {
			files_lines_free(s->side);
			s->side = NULL;
		}
	}
	return true;
}

/* Where the line stands to the message under way. */
static int order(const struct scan *s)
{
	if (s->place.file[0] != '\0')
		return s->known.file == NULL ? -1 : strcmp(s->known.file, s->place.file);
	return s->known.offset < s->separator ? -1 : s->known.offset > s->separator;
}

/* Whether there is a line for the place of the message under way. */
static bool find_line(struct scan *s, bool *found)
{
	while (s->knows && order(s) < 0)
		if (!next_known(s))
			return false;
	*found = s->knows && order(s) == 0;
	return true;
}

static void hash(struct scan *s, size_t n)
{
	uint64_t left = s->known.size - s->hashed;
	n = n < left ? n : (size_t)left;
	s->hashed += n;
	if (EVP_DigestUpdate(s->hash, s->out_of, n) != 1)
		die_out_of_memory();
}

/* From now on the message is digested as its line says that it is to be read. */
static bool begin_compare(struct scan *s)
{
	bool found;
	s->compares = false;
	if (!find_line(s, &found))
		return false;
	if (!found || s->known.digest == NULL)
		return true;
	s->compares = true;
	s->hashed = 0;
	s->exact = (struct mbox_coder){
		.lines = s->known.raw ? MBOX_RAW : MBOX_CRLF, .plain = s->coder.plain};
	if (EVP_DigestInit_ex(s->hash, EVP_sha256(), NULL) != 1)
		die_out_of_memory();
	return true;
}

static bool has_digest(struct scan *s)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1];
	unsigned len = 0;
	if (!s->compares)
		return true;
	hash(s, mbox_decode_end(&s->exact, s->out_of));
	if (EVP_DigestFinal_ex(s->hash, digest, &len) != 1)
		die_out_of_memory();
	for (unsigned i = 0; i < len; i++)
		snprintf(text + (size_t)2 * i, 3, "%02x", digest[i]);
	return strcmp(text, s->known.digest) == 0;
}

/* Whether the sidecar knows the message as it lies there. */
static bool find_known(struct scan *s, bool *found)
{
	if (!find_line(s, found))
		return false;
	uint64_t length = s->place.file[0] != '\0' ? s->known.size : s->known.length;
	*found = *found && length == s->place.length && has_digest(s);
	return true;
}

/* ---- messages ---- */

static void add_keywords(struct scan *s, struct message *m, const char *words)
{
	for (size_t n; *words != '\0'; words += n) {
		words += strspn(words, " \t");
		n = strcspn(words, " \t");
		if (n > 0 && *words != '\\')
			m->flags = flags_add_name(s->flags, m->flags, words, n);
	}
}

/* What its header tells; false: mail programs count it as deleted. */
static bool heed_header(struct scan *s, struct message *m)
{
	char keywords[1024];
	bool gone;
	int64_t received;
	int16_t zone = 0;
	m->flags = mbox_status(s->header.data, s->header.len, keywords, sizeof keywords, &gone);
	add_keywords(s, m, keywords);
	m->received = s->received;
	bool dated = s->place.file[0] == '\0' && s->received != RECEIVED_UNKNOWN;
	if (!dated && s->header.len > 0 &&
		header_date(s->header.data, s->header.len, &received, &zone)) {
		m->received = received;
		m->zone = zone;
	}
	return !gone;
}

static void heed_known(struct scan *s, struct message *m)
{
	s->place.size = s->known.size;
	s->place.lines = s->known.raw ? MBOX_RAW : MBOX_CRLF;
	m->flags = flags_parse(s->flags, s->known.flags);
	m->received = s->known.received;
	m->zone = s->known.zone;
}

static void add_message(struct scan *s, const struct message *m)
{
	struct message *to = ARENA_PUSH(s->out->arena, s->out->at, s->out->n, s->out->cap);
	*to = *m;
	to->key = files_key(&s->place, s->out->arena);
	to->size = s->place.size;
	to->selected = true;
}

static void note(struct scan *s, size_t n)
{
	size_t room = HEADER_LIMIT - s->header.len;
	s->place.size += n;
	buffer_add(&s->header, s->out_of, n < room ? n : room);
}

static void feed(struct scan *s, const char *data, size_t n)
{
	for (size_t at = 0; at < n; at += RUN) {
		const uint8_t *run = (const uint8_t *)data + at;
		size_t len = n - at < RUN ? n - at : RUN;
		note(s, mbox_decode(&s->coder, run, len, s->out_of));
		if (s->compares)
			hash(s, mbox_decode(&s->exact, run, len, s->out_of));
	}
	s->place.length += n;
}

static bool end_message(struct scan *s)
{
	struct message m = {0};
	bool known = false;
	if (!s->any)
		return true;
	note(s, mbox_decode_end(&s->coder, s->out_of));
	if (!find_known(s, &known))
		return false;
	if (known)
		heed_known(s, &m);
	if (known || heed_header(s, &m))
		add_message(s, &m);
	s->any = false;
	return true;
}

static bool begin_message(struct scan *s, uint64_t start, const char *file)
{
	s->any = true;
	s->place = (struct files_place){.start = start, .lines = MBOX_BARE, .file = file};
	s->coder = (struct mbox_coder){.lines = MBOX_BARE, .plain = *file != '\0'};
	s->header.len = 0;
	s->blank = 0;
	return begin_compare(s);
}

/* ---- an mbox ---- */

static void feed_blank(struct scan *s)
{
	feed(s, s->blank == 2 ? "\r\n" : "\n", s->blank);
	s->blank = 0;
}

/* A line of a message; an empty one is its own only when another follows. */
static void take_line(struct scan *s, const char *line, size_t len, bool begins)
{
	feed_blank(s);
	if (begins && (len == 1 || (len == 2 && line[0] == '\r')) && line[len - 1] == '\n')
		s->blank = len;
	else
		feed(s, line, len);
}

static bool scan_mbox(struct scan *s)
{
	struct files_lines *lines = files_lines_open(s->box->path, true, s->err);
	const char *line;
	size_t len;
	bool begins, ok = true, separator = false;
	int got = -1;
	while (ok && lines != NULL &&
		(got = files_next_line(lines, &line, &len, &begins, s->err)) > 0) {
		int64_t received;
		if (begins && (!s->any || s->blank > 0) &&
			mbox_is_separator(line, len, &received)) {
			ok = end_message(s);
			s->separator = lines->offset;
			s->received = received;
			ok = ok && begin_message(s, lines->offset + len, "");
			separator = true;
		} else if (separator && !begins) {
			s->place.start += len; /* a long one */
		} else if (s->any) {
			separator = false;
			take_line(s, line, len, begins);
		}
	}
	files_lines_free(lines);
	return ok && got == 0 && end_message(s);
}

/* ---- a folder of files ---- */

static bool is_letter(const char *name)
{
	size_t n = strlen(name);
	return n > 4 && name[0] != '.' && ascii_compare(name + n - 4, ".eml") == 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool list_letters(struct scan *s, const char ***names, size_t *n)
{
	size_t cap = 0;
	DIR *dir = opendir(s->box->path);
	const struct dirent *entry;
	*names = NULL;
	*n = 0;
	if (dir == NULL)
		return error_errno(s->err, ERROR_MAILBOX, "cannot read '%s'", s->box->path);
	while ((entry = readdir(dir)) != NULL)
		if (is_letter(entry->d_name))
			*ARENA_PUSH(s->out->arena, *names, *n, cap) =
				arena_strdup(s->out->arena, entry->d_name);
	closedir(dir);
	if (*n > 0)
		qsort(*names, *n, sizeof **names, by_text);
	return true;
}

/* How long a message is hangs on its line ends, and whether its line in the sidecar is its own on
 * all of it. */
static bool read_letter(struct scan *s, const char *path)
{
	char data[RUN];
	ssize_t n;
	struct files_source source;
	if (!files_open_source(&source, path, false, s->err))
		return false;
	while ((n = files_read_source(&source, data, sizeof data, s->err)) > 0)
		feed(s, data, (size_t)n);
	files_close_source(&source);
	return n == 0;
}

static bool scan_letter(struct scan *s, const char *name)
{
	struct stat st;
	const char *path = arena_printf(s->out->arena, "%s/%s", s->box->path, name);
	if (lstat(path, &st) < 0)
		return error_errno(s->err, ERROR_MAILBOX, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return true;
	s->received = st.st_mtim.tv_sec;
	return begin_message(s, 0, name) && read_letter(s, path) && end_message(s);
}

static bool scan_folder(struct scan *s)
{
	const char **names;
	size_t n;
	bool ok = list_letters(s, &names, &n);
	for (size_t i = 0; ok && i < n; i++)
		ok = scan_letter(s, names[i]);
	return ok;
}

bool files_scan(const struct files_box *box, bool eml, struct flag_table *flags,
	struct message_list *out, struct error *err)
{
	struct scan *s = calloc(1, sizeof *s);
	if (s == NULL)
		die_out_of_memory();
	s->box = box;
	s->flags = flags;
	s->out = out;
	s->err = err;
	s->arena = arena_new();
	s->hash = EVP_MD_CTX_new();
	if (s->hash == NULL)
		die_out_of_memory();
	s->place.file = "";
	buffer_init(&s->header, HEADER_LIMIT);
	bool ok = true;
	if (box->side != NULL) {
		s->side = files_lines_open(box->side, false, err);
		ok = s->side != NULL && next_known(s);
	}
	ok = ok && (eml ? scan_folder(s) : scan_mbox(s));
	files_lines_free(s->side);
	buffer_finish(&s->header);
	EVP_MD_CTX_free(s->hash);
	arena_free(s->arena);
	free(s);
	return ok;
}

const char *files_epoch(const struct files_box *box, bool eml, struct arena *arena)
{
	struct stat st;
	if (eml)
		return "eml";
	if (stat(box->path, &st) < 0)
		return NULL;
	return arena_printf(arena, "%lld.%09ld.%lld", (long long)st.st_mtim.tv_sec,
		st.st_mtim.tv_nsec, (long long)st.st_size);
}
