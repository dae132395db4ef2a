#include "mail/flags.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/ascii.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/map.h"

/*
 * A flag_set is the number of a set of keywords, above the mask of system flags; number 0 is the
 * empty set.
 *
 * A set of keywords is another set and one keyword more, so that building a set keyword by keyword,
 * as replies and file names tell them, costs a few dozen bytes for each: a server that gives ten
 * thousand keywords to a message must not make us keep ten thousand lists of them.
 *
 * Which of the many ways to build a set came first does not matter: sets are found by the sum of
 * 128-bit marks that their keywords drew at random when the table met them.  Two different sets
 * with one sum are as unlikely as two different messages with one digest, and nobody outside can
 * look for them, because the marks never leave the process.
 */
#define SYSTEM_BITS 5
#define SETS_MAX    (UINT32_MAX >> SYSTEM_BITS)

struct keyword {
	const char *name; /* as it was spelt first */
	uint64_t mark[2];
	uint64_t stamp; /* equal to the table's: is in the set table->stamped */
};

struct keyword_set {
	uint64_t sum[2];	/* of the marks: the key in table->by_sum */
	uint32_t rest, keyword; /* all but this keyword */
	uint32_t n;
	_Atomic(const char *const *) sorted; /* made for the first reader that asks */
};

struct flag_table {
	struct arena *arena;
	struct keyword *keywords;
	size_t n_keywords, cap_keywords;
	struct keyword_set **sets; /* [0] is the empty one */
	size_t n_sets, cap_sets;
	struct map *by_name; /* spelt in lower case */
	struct map *by_sum;
	uint64_t seed;
	uint32_t stamped; /* the set whose members are stamped: membership is one comparison */
	uint64_t stamp;
	uint32_t *scratch; /* keywords in passing */
	size_t n_scratch, cap_scratch;
	struct buffer word; /* one word in passing */
};

/* Sorted by name. */
static const struct system_flag {
	const char *name;
	uint32_t bit;
} system_flags[] = {
	{"\\Answered", FLAG_ANSWERED},
	{"\\Deleted", FLAG_DELETED},
	{"\\Draft", FLAG_DRAFT},
	{"\\Flagged", FLAG_FLAGGED},
	{"\\Seen", FLAG_SEEN},
};
#define N_SYSTEM_FLAGS (sizeof system_flags / sizeof *system_flags)

static uint32_t keywords_of(flag_set set)
{
	return set >> SYSTEM_BITS;
}

static flag_set make_set(uint32_t keywords, uint32_t system)
{
	return keywords << SYSTEM_BITS | (system & (FLAG_SYSTEM_SETS - 1));
}

static uint32_t system_bit(const char *name, size_t len)
{
	for (size_t i = 0; i < N_SYSTEM_FLAGS; i++)
		if (ascii_is(name, len, system_flags[i].name))
			return system_flags[i].bit;
	return 0;
}

/* ---- the table ---- */

static uint32_t add_set(struct flag_table *table, const struct keyword_set *set)
{
	if (table->n_sets > SETS_MAX)
		die_out_of_memory();
	struct keyword_set *kept = arena_memdup(table->arena, set, sizeof *set);
	uint32_t number = (uint32_t)table->n_sets;
	*ARENA_PUSH(table->arena, table->sets, table->n_sets, table->cap_sets) = kept;
	map_put(table->by_sum, kept->sum, sizeof kept->sum, number);
	return number;
}

struct flag_table *flag_table_new(void)
{
	struct flag_table *table = calloc(1, sizeof *table);
	if (table == NULL)
		die_out_of_memory();
	table->arena = arena_new();
	table->by_name = map_new(0);
	table->by_sum = map_new(0);
	table->stamp = 1;
	buffer_init(&table->word, SIZE_MAX);
	if (getrandom(&table->seed, sizeof table->seed, GRND_NONBLOCK) < 0)
		table->seed = (uint64_t)(uintptr_t)table;
	add_set(table, &(struct keyword_set){0});
	return table;
}

void flag_table_free(struct flag_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->n_sets; i++)
		free((void *)atomic_load(&table->sets[i]->sorted));
	buffer_finish(&table->word);
	map_free(table->by_sum);
	map_free(table->by_name);
	arena_free(table->arena);
	free(table);
}

/* The numbers of the splitmix64 generator: any seed gives well spread ones. */
static uint64_t next_mark(struct flag_table *table)
{
	uint64_t z = table->seed += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static char *word_room(struct flag_table *table, size_t len)
{
	table->word.len = 0;
	char *room = buffer_room(&table->word, len);
	if (room == NULL)
		die_out_of_memory();
	return room;
}

/* The number of a keyword, which may be new. */
static uint32_t intern(struct flag_table *table, const char *name, size_t len)
{
	char *lower = word_room(table, len);
	for (size_t i = 0; i < len; i++)
		lower[i] = ascii_lower(name[i]);
	uint32_t number = map_get(table->by_name, lower, len);
	if (number != MAP_NONE)
		return number;

	const char *key = arena_strndup(table->arena, lower, len);
	bool same = memcmp(lower, name, len) == 0;
	number = (uint32_t)table->n_keywords;
	*ARENA_PUSH(table->arena, table->keywords, table->n_keywords, table->cap_keywords) =
		(struct keyword){
			.name = same ? key : arena_strndup(table->arena, name, len),
			.mark = {next_mark(table), next_mark(table)},
		};
	map_put(table->by_name, key, len, number);
	return number;
}

/* ---- reading ---- */

uint32_t flags_system(const struct flag_table *table, flag_set set)
{
	(void)table; /* who keeps sets otherwise would need it */
	return set & (FLAG_SYSTEM_SETS - 1);
}

static int by_spelling(const void *a, const void *b)
{
	return ascii_compare(*(const char *const *)a, *(const char *const *)b);
}

static const char *const *sorted_names(const struct flag_table *table, uint32_t keywords)
{
	const char **names = calloc(table->sets[keywords]->n, sizeof *names);
	if (names == NULL)
		die_out_of_memory();
	size_t n = 0;
	for (uint32_t at = keywords; at != 0; at = table->sets[at]->rest)
		names[n++] = table->keywords[table->sets[at]->keyword].name;
	qsort(names, n, sizeof *names, by_spelling);
	return names;
}

const char *const *flags_keywords(const struct flag_table *table, flag_set set, size_t *n)
{
	static const char *const none[1];
	struct keyword_set *keywords = table->sets[keywords_of(set)];
	*n = keywords->n;
	if (keywords->n == 0)
		return none;
	const char *const *names = atomic_load(&keywords->sorted);
	if (names != NULL)
		return names;

	/* Readers of a table may be many threads: the first to finish is believed by all. */
	const char *const *made = sorted_names(table, keywords_of(set));
	if (atomic_compare_exchange_strong(&keywords->sorted, &names, made))
		return made;
	free((void *)made);
	return names;
}

bool flags_has(const struct flag_table *table, flag_set set, const char *name)
{
	if (*name == '\\')
		return (set & system_bit(name, strlen(name))) != 0;
	for (uint32_t at = keywords_of(set); at != 0; at = table->sets[at]->rest)
		if (ascii_compare(table->keywords[table->sets[at]->keyword].name, name) == 0)
			return true;
	return false;
}

/* ---- making ---- */

static void stamp_members(struct flag_table *table, uint32_t keywords)
{
	if (table->stamped == keywords)
		return;
	table->stamped = keywords;
	table->stamp++;
	for (uint32_t at = keywords; at != 0; at = table->sets[at]->rest)
		table->keywords[table->sets[at]->keyword].stamp = table->stamp;
}

static bool stamped(const struct flag_table *table, uint32_t keyword)
{
	return table->keywords[keyword].stamp == table->stamp;
}

static uint32_t add_keyword(struct flag_table *table, uint32_t keywords, uint32_t keyword)
{
	stamp_members(table, keywords);
	if (stamped(table, keyword))
		return keywords;

	struct keyword *added = &table->keywords[keyword];
	const struct keyword_set *rest = table->sets[keywords];
	struct keyword_set more = {
		.sum = {rest->sum[0] + added->mark[0], rest->sum[1] + added->mark[1]},
		.rest = keywords,
		.keyword = keyword,
		.n = rest->n + 1,
	};
	uint32_t number = map_get(table->by_sum, more.sum, sizeof more.sum);
	if (number == MAP_NONE)
		number = add_set(table, &more);
	added->stamp = table->stamp;
	table->stamped = number;
	return number;
}

flag_set flags_add_name(struct flag_table *table, flag_set set, const char *name, size_t len)
{
	len = strnlen(name, len);
	if (len == 0)
		return set;
	if (*name == '\\')
		return set | system_bit(name, len);
	return make_set(add_keyword(table, keywords_of(set), intern(table, name, len)), set);
}

flag_set flags_make(
	struct flag_table *table, uint32_t system, const char *const *keywords, size_t n)
{
	flag_set set = make_set(0, system);
	for (size_t i = 0; i < n; i++)
		set = flags_add_name(table, set, keywords[i], strlen(keywords[i]));
	return set;
}

static void keep_in_passing(struct flag_table *table, uint32_t keyword)
{
	*ARENA_PUSH(table->arena, table->scratch, table->n_scratch, table->cap_scratch) = keyword;
}

/* Add what keep_in_passing() kept; the last one first, which is how the set it came from was
 * built, so that both share their parts. */
static uint32_t add_kept(struct flag_table *table, uint32_t keywords)
{
	while (table->n_scratch > 0)
		keywords = add_keyword(table, keywords, table->scratch[--table->n_scratch]);
	return keywords;
}

flag_set flags_union(struct flag_table *table, flag_set a, flag_set b)
{
	uint32_t system = a | b;
	if (keywords_of(a) == 0 || keywords_of(a) == keywords_of(b))
		return make_set(keywords_of(b), system);
	for (uint32_t at = keywords_of(b); at != 0; at = table->sets[at]->rest)
		keep_in_passing(table, table->sets[at]->keyword);
	return make_set(add_kept(table, keywords_of(a)), system);
}

/* The keywords of a that are in b, or that are not. */
static uint32_t filter(struct flag_table *table, uint32_t a, uint32_t b, bool in_b)
{
	if (a == b || a == 0 || b == 0)
		return (a == b) == in_b ? a : 0;
	stamp_members(table, b);
	for (uint32_t at = a; at != 0; at = table->sets[at]->rest)
		if (stamped(table, table->sets[at]->keyword) == in_b)
			keep_in_passing(table, table->sets[at]->keyword);
	return add_kept(table, 0);
}

flag_set flags_common(struct flag_table *table, flag_set a, flag_set b)
{
	return make_set(filter(table, keywords_of(a), keywords_of(b), true), a & b);
}

flag_set flags_without(struct flag_table *table, flag_set a, flag_set b)
{
	return make_set(filter(table, keywords_of(a), keywords_of(b), false), a & ~b);
}

flag_set flags_move(struct flag_table *to, const struct flag_table *from, flag_set set)
{
	if (to == from || set < FLAG_SYSTEM_SETS)
		return set;
	for (uint32_t at = keywords_of(set); at != 0; at = from->sets[at]->rest) {
		const char *name = from->keywords[from->sets[at]->keyword].name;
		keep_in_passing(to, intern(to, name, strlen(name)));
	}
	return make_set(add_kept(to, 0), set);
}

flag_set flags_storable(
	struct flag_table *table, flag_set set, const struct flag_storable *storable)
{
	flag_set held = flags_common(table, set, storable->listed);
	return storable->new_keywords ? make_set(keywords_of(set), held) : held;
}

/* ---- as text ---- */

struct text {
	char *out;
	size_t size, used; /* used: as if there were room for all */
};

static void put(struct text *text, char c)
{
	if (text->used + 1 < text->size)
		text->out[text->used] = c;
	text->used++;
}

static void put_word(struct text *text, const char *word)
{
	static const char digits[] = "0123456789ABCDEF";
	if (text->used > 0)
		put(text, ' ');
	for (; *word != '\0'; word++) {
		unsigned char c = (unsigned char)*word;
		if (c > ' ' && c < 0x7F && c != '%') {
			put(text, *word);
			continue;
		}
		put(text, '%');
		put(text, digits[c >> 4]);
		put(text, digits[c & 15]);
	}
}

size_t flags_text(const struct flag_table *table, flag_set set, char *out, size_t size)
{
	struct text text = {out, size, 0};
	for (size_t i = 0; i < N_SYSTEM_FLAGS; i++)
		if (set & system_flags[i].bit)
			put_word(&text, system_flags[i].name);
	size_t n;
	const char *const *names = flags_keywords(table, set, &n);
	for (size_t i = 0; i < n; i++)
		put_word(&text, names[i]);
	if (size > 0)
		out[text.used < size ? text.used : size - 1] = '\0';
	return text.used;
}

static flag_set add_text(struct flag_table *table, flag_set set, const char *word, size_t len)
{
	if (memchr(word, '%', len) == NULL)
		return flags_add_name(table, set, word, len);
	char *plain = malloc(len);
	if (plain == NULL)
		die_out_of_memory();
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		int byte = ascii_percent(word + i);
		plain[n++] = byte > 0 ? (char)byte : word[i];
		if (byte > 0)
			i += 2;
	}
	set = flags_add_name(table, set, plain, n);
	free(plain);
	return set;
}

flag_set flags_parse(struct flag_table *table, const char *text)
{
	flag_set set = 0;
	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		set = add_text(table, set, text, len);
		text += len + (text[len] == ' ');
	}
	return set;
}
