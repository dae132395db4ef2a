#include "unit.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "imap/parse.h"

/* ---- events as text ---- */

static void print_bytes(struct buffer *b, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c == '\r' || c == '\n')
			buffer_puts(b, c == '\r' ? "\\r" : "\\n");
		else if (c < ' ' || c > '~' || c == '"')
			buffer_printf(b, "\\x%02x", c);
		else
			buffer_add(b, bytes + i, 1);
	}
}

static void print_nodes(struct buffer *b, const struct imap_node *node)
{
	for (const char *between = ""; node != NULL; node = node->next, between = " ") {
		buffer_puts(b, between);
		switch (node->type) {
		case IMAP_LIST:
			buffer_puts(b, "(");
			print_nodes(b, node->child);
			buffer_puts(b, ")");
			continue;
		case IMAP_STREAMED:
			buffer_printf(b, "{%llu}", (unsigned long long)node->number);
			continue;
		case IMAP_NUMBER:
			buffer_printf(b, "#%llu=", (unsigned long long)node->number);
			break;
		case IMAP_NIL:
			buffer_puts(b, "nil=");
			break;
		default:
			break;
		}
		/* what every text promises */
		assert_int_equal(node->text[node->len], '\0');
		buffer_puts(b, node->type == IMAP_STRING ? "\"" : "");
		print_bytes(b, node->text, node->len);
		buffer_puts(b, node->type == IMAP_STRING ? "\"" : "");
	}
}

/* Runs are printed as they come, without saying where they were cut. */
static void print_event(struct buffer *b, enum imap_event event, const struct imap_out *out)
{
	switch (event) {
	case IMAP_RESPONSE:
	case IMAP_CONTINUE:
		buffer_puts(b, event == IMAP_RESPONSE ? "response " : "continue ");
		print_nodes(b, out->root);
		buffer_puts(b, "\n");
		break;
	case IMAP_BODY_BEGIN:
		buffer_printf(b, "body of %llu after ", (unsigned long long)out->size);
		print_nodes(b, out->root);
		buffer_puts(b, ": ");
		break;
	case IMAP_BODY:
		assert_true(out->run_len > 0);
		print_bytes(b, (const char *)out->run, out->run_len);
		break;
	case IMAP_BODY_END:
		buffer_puts(b, ".\n");
		break;
	case IMAP_BROKEN:
		buffer_printf(b, "broken: %s\n", out->why);
		break;
	case IMAP_MORE:
		break;
	}
}

/* Every event that ${len} bytes make; each feed is a block of its own, so that reading past its end
 * is found out. */
static enum imap_event feed(
	struct imap_parser *p, const char *bytes, size_t len, struct buffer *events)
{
	uint8_t *block = malloc(len > 0 ? len : 1);
	assert_non_null(block);
	if (len > 0)
		memcpy(block, bytes, len);
	enum imap_event event = IMAP_MORE;
	for (size_t at = 0;;) {
		size_t used = 0;
		struct imap_out out;
		event = imap_parse(p, block + at, len - at, &used, &out);
		at += used;
		print_event(events, event, &out);
		if (event == IMAP_BROKEN)
			break;
		if (event == IMAP_MORE) {
			assert_int_equal(at, len);
			break;
		}
	}
	free(block);
	return event;
}

/* step: bytes a feed; 0 = one cut, after ${cut} bytes. */
static void parse_in_feeds(const char *bytes, size_t len, size_t step, size_t cut,
	const struct imap_limits *limits, struct buffer *events)
{
	struct imap_parser *p = imap_parser_new(limits);
	imap_parser_stream(p, true);
	events->len = 0;
	for (size_t at = 0; at < len;) {
		size_t n = step > 0 ? step : at == 0 && cut > 0 ? cut : len - at;
		if (n > len - at)
			n = len - at;
		if (feed(p, bytes + at, n, events) == IMAP_BROKEN)
			break;
		at += n;
	}
	imap_parser_free(p);
}

/* ---- transcripts ---- */

struct transcript {
	struct buffer bytes, events;
};

/* "<1b>" is one byte, "<->" at the end means that no line end follows. */
static void add_line(struct buffer *b, const char *line)
{
	for (; *line != '\0'; line++) {
		unsigned value = 0;
		int n = 0;
		if (strcmp(line, "<->") == 0)
			return;
		if (sscanf(line, "<%2x>%n", &value, &n) == 1 && n == 4) {
			buffer_add(b, &(char){(char)value}, 1);
			line += 3;
		} else {
			buffer_add(b, line, 1);
		}
	}
	buffer_puts(b, "\r\n");
}

static void read_transcript(const char *path, struct transcript *t)
{
	char line[2000];
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	buffer_init(&t->bytes, 100000);
	buffer_init(&t->events, 1000000);
	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "E: ", 3) == 0)
			buffer_printf(&t->events, "%s\n", line + 3);
		else if (strncmp(line, "S:", 2) == 0)
			add_line(&t->bytes, line[2] == '\0' ? "" : line + 3);
	}
	fclose(f);
	assert_true(t->bytes.len > 0);
}

static void check_transcript(const char *path)
{
	struct transcript t;
	struct buffer events;
	/* literals of more than ten octets are streamed, wherever they stand */
	struct imap_limits limits = imap_default_limits;
	limits.literal = 10;
	buffer_init(&events, 1000000);
	read_transcript(path, &t);

	parse_in_feeds(t.bytes.data, t.bytes.len, t.bytes.len, 0, &limits, &events);
	if (getenv("PRINT_EVENTS") != NULL)
		printf("%s\n%s", path, events.data);
	assert_string_equal(events.data, t.events.data);
	parse_in_feeds(t.bytes.data, t.bytes.len, 1, 0, &limits, &events);
	assert_string_equal(events.data, t.events.data);
	for (size_t cut = 1; cut < t.bytes.len; cut++) {
		parse_in_feeds(t.bytes.data, t.bytes.len, 0, cut, &limits, &events);
		assert_string_equal(events.data, t.events.data);
	}
	buffer_finish(&events);
	buffer_finish(&t.bytes);
	buffer_finish(&t.events);
}

static void a_transcript_gives_the_same_events_however_it_is_cut(void **state)
{
	(void)state;
	char dir[500], path[800];
	const char *srcdir = getenv("srcdir");
	snprintf(dir, sizeof dir, "%s/tests/imap", srcdir == NULL ? "." : srcdir);
	DIR *d = opendir(dir);
	assert_non_null(d);
	size_t n = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		const char *dot = strrchr(e->d_name, '.');
		if (dot == NULL || strcmp(dot, ".transcript") != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		check_transcript(path);
		n++;
	}
	closedir(d);
	assert_true(n >= 5);
}

/* ---- what is no IMAP, and what is too much ---- */

static void check_events(
	const char *bytes, size_t len, const struct imap_limits *limits, const char *wanted)
{
	struct buffer events;
	buffer_init(&events, 4000000);
	for (size_t step = 1; step <= len; step = step == 1 && len > 1 ? len : len + 1) {
		parse_in_feeds(bytes, len, step, 0, limits, &events);
		assert_string_equal(events.len == 0 ? "" : events.data, wanted);
	}
	buffer_finish(&events);
}

static void a_line_that_is_no_imap_breaks_the_connection(void **state)
{
	/* B26 */
	(void)state;
	static const char noend[] = "broken: a quoted string without an end\n";
	static const char other[] = "broken: a line that is no response\n";
	static const char length[] = "broken: a literal without a proper length\n";
	static const char impossible[] = "broken: a literal of an impossible length\n";
	static const struct {
		const char *bytes, *events;
	} row[] = {
		{"* LIST () \"/\" {4+}\r\n", length},
		{"* LIST () \"/\" {}\r\n", length},
		{"* LIST () \"/\" {-1}\r\n", length},
		{"* LIST () \"/\" {5\r\n", length},
		{"* LIST () \"/\" ~{5+}\r\n", length},
		{"* LIST () \"/\" {5} x\r\n", length},
		{"* LIST () \"/\" {18446744073709551616}\r\n", impossible},
		{"* LIST () \"/\" {9223372036854775808}\r\n", impossible},
		{"* LIST () \"/\" \"x\r\n", noend},
		{"* LIST () \"/\" \"x\\\r\n", noend},
		{"* LIST () \"/\" \"x\\\"\r\n", noend},
		{"* LIST () \"/\" x)\r\n", "broken: a list was closed that was not open\n"},
		{"* LIST (() \"/\" x\r\n", "broken: a list was not closed\n"},
		{"* LIST () \"/\" a\rb\r\n", "broken: a CR within a line\n"},
		{"\r\n", other},
		{"*\r\n", other},
		{"* \r\n", other},
		{"A1\r\n", other},
		{"A1 \r\n", other},
		{"A1 HELLO\r\n", other},
		{"A1 BYE\r\n", other},
		{"A1 PREAUTH\r\n", other},
		{"A\"1 OK\r\n", other},
		{"+OK\r\n", other},
		{" OK x\r\n", other},
		{"HTTP/1.1 400 Bad Request\r\n", other},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		check_events(
			row[i].bytes, strlen(row[i].bytes), &imap_default_limits, row[i].events);
}

static void a_nul_is_refused_outside_of_literals(void **state)
{
	/* B25 */
	(void)state;
	static const char atom[] = "* 1 FETCH (FLAGS (a\0b))\r\n",
			  quoted[] = "* LIST () \"a\0\" x\r\n";
	static const char text[] = "* OK a\0b\r\n", tag[] = "\0 OK\r\n";
	const char *wanted = "broken: a NUL outside of a literal\n";
	check_events(atom, sizeof atom - 1, &imap_default_limits, wanted);
	check_events(quoted, sizeof quoted - 1, &imap_default_limits, wanted);
	check_events(text, sizeof text - 1, &imap_default_limits, wanted);
	check_events(tag, sizeof tag - 1, &imap_default_limits, wanted);
}

static char *repeated(const char *before, const char *what, size_t times, size_t *len)
{
	size_t n = strlen(before), w = strlen(what);
	char *bytes = malloc(n + w * times + 1);
	assert_non_null(bytes);
	memcpy(bytes, before, n + 1);
	for (size_t i = 0; i < times; i++)
		memcpy(bytes + n + i * w, what, w);
	*len = n + w * times;
	return bytes;
}

static void what_passes_a_limit_breaks_the_connection(void **state)
{
	(void)state;
	struct imap_limits limits = {.line = 100, .literal = 30, .depth = 4};
	static const char too_long[] = "broken: a response is too long\n";
	size_t len = 0;

	char *line = repeated("* OK ", "x", 95, &len);
	check_events(line, len, &limits, too_long);
	free(line);
	/* literals that are kept count as well, before a byte of them came */
	static const char fits[] = "* X {30}\r\n012345678901234567890123456789"
				   " {30}\r\n012345678901234567890123456789 {22}\r\n";
	static const char passes[] = "* X {30}\r\n012345678901234567890123456789"
				     " {30}\r\n012345678901234567890123456789 {23}\r\n";
	check_events(fits, strlen(fits), &limits, "");
	check_events(passes, strlen(passes), &limits, too_long);

	line = repeated("* X ", "(", 5, &len);
	memcpy(line + len - 1, "\n", 1);
	check_events(line, len, &limits, "broken: a list was not closed\n");
	free(line);
	line = repeated("* X ", "(", 1000000, &len);
	line[len - 1] = '\n';
	limits.line = 2000000;
	check_events(line, len, &limits, "broken: lists are nested too deep\n");
	free(line);
}

/* What a parser that was fed ${n} times ${what} after ${before} answers in the end. */
static enum imap_event after_much(const char *before, const char *what, size_t n, size_t *responses)
{
	struct imap_parser *p = imap_parser_new(&imap_default_limits);
	struct imap_out out;
	enum imap_event event = IMAP_MORE;
	size_t used = 0;
	imap_parse(p, (const uint8_t *)before, strlen(before), &used, &out);
	for (size_t i = 0; i < n && event != IMAP_BROKEN; i++) {
		const uint8_t *bytes = (const uint8_t *)what;
		size_t left = strlen(what);
		do {
			event = imap_parse(p, bytes, left, &used, &out);
			*responses += event == IMAP_RESPONSE;
			bytes += used;
			left -= used;
		} while (event != IMAP_MORE && event != IMAP_BROKEN);
	}
	imap_parser_free(p);
	return event;
}

static void a_line_without_end_is_given_up_at_its_limit(void **state)
{
	(void)state;
	size_t responses = 0;
	char *kib = malloc(1025);
	memset(kib, 'x', 1024);
	kib[1024] = '\0';
	assert_int_equal(after_much("* OK ", kib, 1000, &responses), IMAP_MORE);
	assert_int_equal(after_much("* OK ", kib, 1024, &responses), IMAP_BROKEN);
	free(kib);
}

static void a_list_of_numbers_may_be_of_any_length(void **state)
{
	(void)state;
	size_t responses = 0;
	assert_int_equal(after_much("* SEARCH 1", " 1234567", 1000000, &responses), IMAP_MORE);
	assert_in_range(responses, 100, 200);
	responses = 0;
	assert_int_equal(
		after_much("* VANISHED (EARLIER) 1", ",3:1234567", 1000000, &responses), IMAP_MORE);
	assert_in_range(responses, 100, 200);
	/* but not one that holds nothing */
	assert_int_equal(
		after_much("* VANISHED (EARLIER) 1", ",,,,,", 1000000, &responses), IMAP_BROKEN);
	assert_int_equal(after_much("* SEARCH ", "        ", 1000000, &responses), IMAP_BROKEN);
}

struct sums {
	uint64_t n, sum, modseq;
	size_t responses;
};

static void add_numbers(const struct imap_node *node, struct sums *sums)
{
	for (; node != NULL; node = node->next) {
		if (node->type == IMAP_LIST && node->child->next->type == IMAP_NUMBER)
			sums->modseq += node->child->next->number;
		for (const char *text = node->type == IMAP_LIST ? NULL : node->text;
			text != NULL;) {
			uint64_t number = strtoull(text, NULL, 10);
			sums->n += number > 0;
			sums->sum += number;
			text = strchr(text, ',');
			text = text == NULL ? NULL : text + 1;
		}
	}
}

static struct sums sum_up(const char *bytes, size_t len, size_t step)
{
	struct imap_parser *p = imap_parser_new(&imap_default_limits);
	struct sums sums = {0};
	for (size_t at = 0; at < len;) {
		struct imap_out out;
		size_t used = 0, n = len - at < step ? len - at : step;
		enum imap_event event = imap_parse(p, (const uint8_t *)bytes + at, n, &used, &out);
		at += used;
		assert_true(event == IMAP_RESPONSE || event == IMAP_MORE);
		if (event != IMAP_RESPONSE)
			continue;
		assert_string_equal(out.root->text, "*");
		add_numbers(out.root->next->next, &sums);
		sums.responses++;
	}
	imap_parser_free(p);
	return sums;
}

/* The first number, of one to nine digits, moves the cut over every byte of what follows. */
static void no_number_is_lost_where_a_long_line_is_cut(void **state)
{
	(void)state;
	static const struct {
		const char *begin, *number, *end;
		uint64_t modseq, also;
	} row[] = {
		{"* SEARCH ", " 1234567", " (MODSEQ 917162500)\r\n", 917162500, 0},
		{"* ESEARCH (TAG \"a\") UID ALL ", ",1234567", " MODSEQ 917162500\r\n", 0,
			917162500},
		{"* VANISHED ", ",1234567", "\r\n", 0, 0},
	};
	struct buffer line;
	buffer_init(&line, 1000000);
	for (size_t i = 0; i < sizeof row / sizeof *row * 9 * 8; i++) {
		size_t r = i % 3, digits = i / 3 % 9 + 1, times = 8184 + i / 27;
		line.len = 0;
		buffer_puts(&line, row[r].begin);
		buffer_add(&line, "999999999", digits);
		for (size_t k = 0; k < times; k++)
			buffer_puts(&line, row[r].number);
		buffer_puts(&line, row[r].end);

		struct sums whole = sum_up(line.data, line.len, line.len);
		struct sums parts = sum_up(line.data, line.len, 4096);
		assert_memory_equal(&whole, &parts, sizeof whole);
		uint64_t first = strtoull(&"999999999"[9 - digits], NULL, 10);
		assert_int_equal(whole.sum, first + 1234567 * (uint64_t)times + row[r].also);
		assert_int_equal(whole.modseq, row[r].modseq);
	}
	buffer_finish(&line);
}

static void a_huge_body_is_lent_and_never_kept(void **state)
{
	(void)state;
	static const char begin[] = "* 1 FETCH (UID 1 BODY[] {2000000000}\r\n";
	struct imap_parser *p = imap_parser_new(&imap_default_limits);
	struct imap_out out;
	size_t used = 0;
	assert_int_equal(
		imap_parse(p, (const uint8_t *)begin, strlen(begin), &used, &out), IMAP_BODY_BEGIN);
	assert_int_equal(out.size, 2000000000);
	assert_string_equal(out.root->next->next->text, "FETCH");
	static uint8_t run[65536];
	for (uint64_t left = 2000000000; left > 0; left -= used) {
		size_t n = left < sizeof run ? (size_t)left : sizeof run;
		assert_int_equal(imap_parse(p, run, n, &used, &out), IMAP_BODY);
		assert_ptr_equal(out.run, run);
		assert_int_equal(out.run_len, n);
	}
	assert_int_equal(imap_parse(p, run, 0, &used, &out), IMAP_BODY_END);
	assert_int_equal(imap_parse(p, (const uint8_t *)")\r\n", 3, &used, &out), IMAP_RESPONSE);
	imap_parser_free(p);
}

static void a_number_is_checked_before_it_is_believed(void **state)
{
	(void)state;
	uint64_t n = 7;
	assert_true(imap_parse_number("4294967295", 10, UINT32_MAX, &n));
	assert_int_equal(n, UINT32_MAX);
	static const char *const bad[] = {
		"4294967296", "99999999999999999999", "", "-1", "+1", " 1", "1 ", "0x1", "1e3"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(imap_parse_number(bad[i], strlen(bad[i]), UINT32_MAX, &n));
	assert_true(imap_parse_number("18446744073709551615", 20, UINT64_MAX, &n));
	assert_false(imap_parse_number("18446744073709551616", 20, UINT64_MAX, &n));
	assert_true(n == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_transcript_gives_the_same_events_however_it_is_cut),
		cmocka_unit_test(a_line_that_is_no_imap_breaks_the_connection),
		cmocka_unit_test(a_nul_is_refused_outside_of_literals),
		cmocka_unit_test(what_passes_a_limit_breaks_the_connection),
		cmocka_unit_test(a_line_without_end_is_given_up_at_its_limit),
		cmocka_unit_test(a_list_of_numbers_may_be_of_any_length),
		cmocka_unit_test(no_number_is_lost_where_a_long_line_is_cut),
		cmocka_unit_test(a_huge_body_is_lent_and_never_kept),
		cmocka_unit_test(a_number_is_checked_before_it_is_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
