#include "config.h"

#include "state_place.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/stop.h"
#include "sync/state_private.h"

/* ---- files as bytes ---- */

static struct buffer bytes_of(const char *name)
{
	struct buffer b;
	buffer_init(&b, (size_t)8 << 20);
	assert_true(file_load(AT_FDCWD, name, &b));
	return b;
}

static void write_bytes(const char *name, const void *data, size_t n)
{
	unlink(name);
	int fd = file_create(AT_FDCWD, name);
	assert_true(fd >= 0);
	assert_true(file_write(fd, data, n));
	close(fd);
}

/* A state with one pair of mailboxes, of which row "1" is known. */
static int64_t make_state(void)
{
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "INBOX", "INBOX");
	add_row(state, twin, "1", "x");
	state_close(state);
	return twin;
}

static const char *beside(const char *ending)
{
	return arena_printf(arena, "%s%s", path, ending);
}

/* ---- its name and its place ---- */

static void the_name_of_a_pair_is_the_name_of_its_file(void **context)
{
	(void)context;
	const struct {
		const char *pair, *file;
	} at[] = {
		{"work", "work.db"},
		{"a/b c", "a%2Fb%20c.db"},
		{".hidden.", "%2Ehidden..db"},
		{"100%", "100%25.db"},
		{"b\xc3\xbcro\n", "b%C3%BCro%0A.db"},
		{"imaps://ann@example.org@old maildir:/m",
			"imaps%3A%2F%2Fann@example.org@old%20maildir%3A%2Fm.db"},
	};
	for (size_t i = 0; i < sizeof at / sizeof *at; i++)
		assert_string_equal(state_path(at[i].pair, arena),
			arena_printf(arena, "%s/%s", folder, at[i].file));
}

static void two_long_names_never_share_a_file(void **context)
{
	(void)context;
	char name[400];
	memset(name, 'x', sizeof name);
	name[399] = '\0';
	const char *one = state_path(name, arena);
	name[398] = 'y';
	const char *two = state_path(name, arena);
	assert_string_not_equal(one, two);
	assert_true(strlen(strrchr(one, '/') + 1) <= 203);
	name[200] = '\0';
	assert_string_equal(
		strrchr(state_path(name, arena), '/') + 1, arena_printf(arena, "%s.db", name));
}

static void a_relative_state_home_is_ignored(void **context)
{
	(void)context;
	char *home = getenv("HOME") == NULL ? NULL : arena_strdup(arena, getenv("HOME"));
	setenv("XDG_STATE_HOME", "here", 1);
	setenv("HOME", "/home/ann", 1);
	assert_string_equal(state_path("work", arena), "/home/ann/.local/state/mailtwin/work.db");
	unsetenv("XDG_STATE_HOME");
	assert_string_equal(state_path("work", arena), "/home/ann/.local/state/mailtwin/work.db");
	if (home != NULL)
		setenv("HOME", home, 1);
}

static void reading_a_missing_state_makes_nothing(void **context)
{
	(void)context;
	struct error err = {0};
	for (int i = 0; i < 2; i++) { /* without the directory, and with an empty one */
		bool fresh = false;
		struct state *state = state_open(path, STATE_READ, 0, &fresh, &err);
		assert_ok(state != NULL, err);
		assert_true(fresh);
		struct state_twin *twins;
		struct state_facts facts;
		size_t n;
		assert_ok(state_twins(state, arena, &twins, &n, &err), err);
		assert_int_equal(n, 0);
		assert_ok(state_facts(state, arena, &facts, &err), err);
		assert_null(facts.world[LEFT]);
		assert_false(state_set_facts(state, &facts, &err));
		state_close(state);
		assert_string_equal(names_in(place), i == 0 ? "" : "mailtwin");
		assert_string_equal(names_in(folder), "");
		mkdir(folder, 0700);
	}
}

static void a_new_state_is_its_users_alone(void **context)
{
	(void)context;
	struct error err = {0};
	struct stat st;
	mode_t mask = umask(0);
	bool fresh = false;
	struct state *state = state_open(path, STATE_WRITE, 0, &fresh, &err);
	assert_ok(state != NULL, err);
	assert_true(fresh);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	add_twin(state, "A", "A");
	assert_string_equal(names_in(folder), "work.db work.db-journal work.db.lock");
	for (int i = 0; i < 3; i++) {
		static const char *const ending[] = {"", "-journal", ".lock"};
		assert_int_equal(stat(beside(ending[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	state_close(state);
	umask(mask);
	assert_string_equal(names_in(folder), "work.db");
	assert_non_null(state = state_open(path, STATE_WRITE, 0, &fresh, &err));
	assert_false(fresh);
	state_close(state);
}

/* ---- what is refused ---- */

static void replace_by(const void *data, size_t n)
{
	write_bytes(path, data, n);
}

static void put_octets(size_t at, const char *octets, size_t n)
{
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, octets, n, (off_t)at), n);
	close(fd);
}

/* As another program would: with nothing forbidden. */
static void change(const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void random_bytes(void)
{
	char junk[8192];
	for (size_t i = 0; i < sizeof junk; i++)
		junk[i] = (char)(i * i * 31 + i);
	replace_by(junk, sizeof junk);
}

static void cut_to_nothing(void)
{
	assert_int_equal(truncate(path, 0), 0);
}

static void cut_in_the_header(void)
{
	assert_int_equal(truncate(path, 50), 0);
}

static void cut_in_the_middle(void)
{
	assert_int_equal(truncate(path, 3 * 4096 + 17), 0);
}

static void another_application(void)
{
	put_octets(68, "\0\0\0\7", 4);
}

static void a_newer_version(void)
{
	put_octets(60, "\0\0\0\2", 4);
}

static void a_log_mode(void)
{
	put_octets(18, "\2\2", 2);
}

static void a_log_of_another(void)
{
	write_bytes(beside("-wal"), "x", 1);
}

static void a_trigger(void)
{
	change("CREATE TRIGGER t AFTER INSERT ON row BEGIN DELETE FROM twin; END");
}

static void a_view(void)
{
	change("CREATE VIEW v AS SELECT * FROM row");
}

static void a_view_in_place_of_a_table(void)
{
	change("DROP TABLE hint; CREATE VIEW hint AS SELECT 1 AS key, 2 AS value, 3 AS sum");
}

static void another_index(void)
{
	change("DROP INDEX row_left; CREATE INDEX row_left ON row (abs(bits))");
}

static void a_missing_table(void)
{
	change("DROP TABLE twin");
}

static void a_default_that_calls(void)
{
	change("PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql ="
	       " 'CREATE TABLE hint (key TEXT PRIMARY KEY, value TEXT, sum INTEGER"
	       " CHECK (load_extension(''x''))) WITHOUT ROWID' WHERE name = 'hint'");
}

static void open_to_others(void)
{
	assert_int_equal(chmod(path, 0666), 0);
}

static void behind_a_symlink(void)
{
	assert_int_equal(rename(path, beside(".real")), 0);
	assert_int_equal(symlink(beside(".real"), path), 0);
}

static void a_fifo(void)
{
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void a_directory(void)
{
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
}

struct refused {
	void (*spoil)(void);
	const char *why;
};

static const struct refused refused[] = {
	{random_bytes, "is damaged, or is no state"},
	{cut_to_nothing, "is damaged, or is no state"},
	{cut_in_the_header, "is damaged, or is no state"},
	{cut_in_the_middle, "is damaged (database disk image is malformed)"},
	{another_application, "is the database of another program"},
	{a_newer_version, "was written by a newer mailtwin: use that"},
	{a_log_mode, "was changed by another program"},
	{a_log_of_another, "has the log ('-wal') of another program"},
	{a_trigger, "does not have the tables of a state"},
	{a_view, "does not have the tables of a state"},
	{a_view_in_place_of_a_table, "does not have the tables of a state"},
	{another_index, "does not have the tables of a state"},
	{a_missing_table, "does not have the tables of a state"},
	{a_default_that_calls, "does not have the tables of a state"},
	{open_to_others, "may be written by others: make its mode 0600"},
	{behind_a_symlink, "is not a regular file"},
	{a_fifo, "is not a regular file"},
	{a_directory, "is not a regular file"},
};

static void assert_untouched(const struct buffer *before, bool readable)
{
	if (!readable)
		return;
	struct buffer after = bytes_of(path);
	assert_int_equal(after.len, before->len);
	if (after.len > 0)
		assert_memory_equal(after.data, before->data, after.len);
	buffer_finish(&after);
}

static void what_is_no_whole_state_is_refused_and_left_as_it_is(void **context)
{
	(void)context;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		make_state();
		refused[i].spoil();
		struct stat st;
		bool readable = lstat(path, &st) == 0 && S_ISREG(st.st_mode);
		struct buffer before = {0};
		if (readable)
			before = bytes_of(path);
		const char *names = names_in(folder);
		const char *wanted =
			arena_printf(arena, "the state '%s' %s; remove it to pair again by content",
				path, refused[i].why);
		assert_string_equal(refusal(STATE_READ), wanted);
		assert_string_equal(refusal(STATE_WRITE), wanted);
		assert_string_equal(names_in(folder), names);
		assert_untouched(&before, readable);
		buffer_finish(&before);
		remove_place(NULL);
		make_place(NULL);
	}
}

/* Root may write everywhere: then the test is somebody else for a while. */
static void become_nobody(bool nobody)
{
	if (getuid() == 0)
		assert_int_equal(seteuid(nobody ? 65534 : 0), 0);
}

static void give_away(const char *name)
{
	if (getuid() == 0)
		assert_int_equal(chown(name, 65534, 65534), 0);
}

static void a_state_that_cannot_be_written_says_so(void **context)
{
	(void)context;
	make_state();
	give_away(place);
	give_away(folder);
	give_away(path);
	become_nobody(true);
	assert_int_equal(chmod(path, 0400), 0);
	const char *why = refusal(STATE_WRITE), *read = refusal(STATE_READ);
	assert_int_equal(chmod(folder, 0500), 0);
	const char *closed = refusal(STATE_WRITE), *still = refusal(STATE_READ);
	assert_int_equal(chmod(folder, 0700), 0);
	become_nobody(false);
	assert_string_equal(why,
		arena_printf(arena,
			"the state '%s' cannot be written: make it writable to you; remove it to "
			"pair again by content",
			path));
	assert_string_equal(
		closed, arena_printf(arena, "cannot lock '%s.lock': Permission denied", path));
	assert_string_equal(read, "");
	assert_string_equal(still, "");
}

static void a_place_that_others_may_write_to_is_refused(void **context)
{
	(void)context;
	make_state();
	assert_int_equal(chmod(folder, 0777), 0);
	assert_string_equal(refusal(STATE_WRITE),
		arena_printf(arena, "others may write in the directory '%s'; run: chmod 700 '%s'",
			folder, folder));
	assert_int_equal(chmod(folder, 0700), 0);
	if (getuid() != 0)
		return;
	give_away(folder);
	assert_string_equal(refusal(STATE_WRITE),
		arena_printf(arena, "the directory '%s' belongs to another user (number 65534)",
			folder));
	assert_int_equal(chown(folder, 0, 0), 0);
	give_away(path);
	assert_non_null(strstr(refusal(STATE_READ), "belongs to another user; remove it"));
}

static void a_home_behind_a_symlink_is_fine(void **context)
{
	(void)context;
	make_state();
	const char *link = arena_printf(arena, "%s-link", place);
	assert_int_equal(symlink(place, link), 0);
	path = arena_printf(arena, "%s/mailtwin/work.db", link);
	assert_string_equal(refusal(STATE_WRITE), "");
	unlink(link);
}

/* ---- what is hostile inside ---- */

/* Read all there is; whether nothing failed. */
static bool read_all(struct error *err)
{
	struct state_twin *twins;
	struct state_facts facts;
	struct state_run run;
	struct intent *intents;
	struct row *rows;
	const char *hint;
	size_t n, m;
	bool any;
	struct state *state = state_open(path, STATE_READ, 0, NULL, err);
	bool ok = state != NULL && state_facts(state, arena, &facts, err) &&
		  state_hint(state, "k", arena, &hint, err) &&
		  state_last_run(state, arena, &run, &any, err) &&
		  state_twins(state, arena, &twins, &n, err);
	for (size_t i = 0; ok && i < n; i++)
		ok = state_rows(state, twins[i].id, flags, arena, &rows, &m, err) &&
		     state_intents(state, twins[i].id, arena, &intents, &m, err);
	state_close(state);
	return ok;
}

static void fill_state(void)
{
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "INBOX", "INBOX");
	struct intent intent = {.to = LEFT, .source = "2"};
	uint64_t number;
	add_row(state, twin, "1", "x");
	assert_ok(state_put_intent(state, twin, &intent, &err), err);
	assert_ok(state_set_hint(state, "k", "v", &err), err);
	assert_ok(state_run_begin(state, &number, 7, &err), err);
	state_close(state);
}

static void no_value_of_a_stranger_is_believed(void **context)
{
	(void)context;
	static const char *const values[] = {"NULL", "''", "-1", "1e9", "9223372036854775807",
		"zeroblob(16)", "zeroblob(15)", "zeroblob(17 << 20)", "CAST(x'410042' AS TEXT)",
		"x'ff'"};
	static const char *const columns[] = {"facts.world_left", "facts.run", "facts.random",
		"facts.older_limit", "facts.sum", "hint.value", "hint.sum", "intent.side",
		"intent.source", "intent.epoch", "intent.identity", "intent.sum", "row.key_left",
		"row.flags_left", "row.flags_right", "row.bits", "row.refused", "row.identity",
		"row.digest", "row.size", "row.received", "row.sum", "run.began", "run.exit",
		"run.summary", "run.sum", "twin.name_left", "twin.epoch_right", "twin.cursor_left",
		"twin.total_right", "twin.retry", "twin.sum"};
	fill_state();
	struct buffer good = bytes_of(path);
	size_t believed = 0;
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
		for (size_t j = 0; j < sizeof values / sizeof *values; j++) {
			struct error err = {0};
			char table[16], sql[128];
			const char *column = strchr(columns[i], '.') + 1;
			snprintf(table, sizeof table, "%.*s", (int)(column - columns[i] - 1),
				columns[i]);
			snprintf(
				sql, sizeof sql, "UPDATE %s SET %s = %s", table, column, values[j]);
			write_bytes(path, good.data, good.len);
			change(sql);
			if (read_all(&err)) {
				believed++;
				continue;
			}
			assert_int_equal(err.cause, CAUSE_LOCAL);
			assert_non_null(strstr(err.text, "remove it to pair again by content"));
		}
	}
	buffer_finish(&good);
	/* those that change nothing: NULL where there was NULL, no flags where there were none */
	assert_int_equal(believed, 10);
}

static bool is_known(const char *key, const char *prefix)
{
	char *end;
	size_t n = strlen(prefix);
	if (strncmp(key, prefix, n) != 0)
		return false;
	unsigned long number = strtoul(key + n, &end, 10);
	return *end == '\0' && number < 100;
}

/* Any flipped bit is noticed, or what is read is what was written, if not all of it. */
static void a_flipped_bit_never_alters_a_row(void **context)
{
	(void)context;
	struct error err = {0};
	struct state *state = open_state(STATE_WRITE);
	int64_t twin = add_twin(state, "INBOX", "INBOX");
	assert_ok(state_begin(state, &err), err);
	for (int i = 0; i < 100; i++)
		add_row(state, twin, arena_printf(arena, "%d", i), arena_printf(arena, "r%d", i));
	assert_ok(state_commit(state, &err), err);
	state_close(state);
	struct buffer good = bytes_of(path);
	size_t noticed = 0, tried = 0;
	for (size_t at = 0; at < good.len; at += 29) { /* a tenth of a second a thousand */
		struct arena *own = arena_new();
		struct row *rows;
		size_t n;
		good.data[at] ^= (char)(1 << at % 8);
		write_bytes(path, good.data, good.len);
		good.data[at] ^= (char)(1 << at % 8);
		tried++;
		state = state_open(path, STATE_READ, 0, NULL, &err);
		if (state == NULL || !state_rows(state, twin, flags, own, &rows, &n, &err)) {
			noticed++;
			assert_int_equal(err.cause, CAUSE_LOCAL);
			n = 0;
		}
		for (size_t i = 0; i < n; i++) {
			assert_true(is_known(rows[i].key[LEFT], ""));
			assert_true(is_known(rows[i].key[RIGHT], "r"));
			assert_true(rows[i].flags[LEFT] == 0 && rows[i].size == 2000);
			assert_true(rows[i].received == 1700000000);
		}
		state_close(state);
		arena_free(own);
	}
	buffer_finish(&good);
	assert_in_range(noticed, tried / 16, tried);
}

/* ---- being stopped ---- */

enum step { WRITE, TRUNCATE, UNLINK, SYNC, STEPS };

/* Shared with the processes that are stopped. */
static struct plan {
	int die_at; /* the step, counted from 1, before (a write: in) which the process is killed */
	int steps;
	int committed;
	int syncs;
	bool sync_fails;
	bool read_fails;
} * plan;

static bool dies(void)
{
	return plan != NULL && ++plan->steps == plan->die_at;
}

static void die(void)
{
	kill(getpid(), SIGKILL);
}

static ssize_t pwrite_or_die(int fd, const void *data, size_t n, off_t at)
{
	if (dies()) {
		(void)!pwrite(fd, data, n / 2, at);
		die();
	}
	return pwrite(fd, data, n, at);
}

static ssize_t pread_or_fail(int fd, void *data, size_t n, off_t at)
{
	if (plan == NULL || !plan->read_fails)
		return pread(fd, data, n, at);
	errno = EIO;
	return -1;
}

static int ftruncate_or_die(int fd, off_t size)
{
	if (dies())
		die();
	return ftruncate(fd, size);
}

static int unlink_or_die(const char *name)
{
	if (dies())
		die();
	return unlink(name);
}

static int sync_or_die(int fd, long call)
{
	if (plan == NULL)
		return (int)syscall(call, fd);
	if (dies())
		die();
	plan->syncs++;
	if (!plan->sync_fails)
		return (int)syscall(call, fd);
	errno = EIO;
	return -1;
}

/* In place of the C library's, for the whole of this program. */
int fsync(int fd)
{
	return sync_or_die(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return sync_or_die(fd, SYS_fdatasync);
}

static void watch_calls(bool watched)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	static const struct {
		const char *name;
		sqlite3_syscall_ptr call;
	} calls[] = {
		{"pwrite", (sqlite3_syscall_ptr)pwrite_or_die},
		{"pwrite64", (sqlite3_syscall_ptr)pwrite_or_die},
		{"pread", (sqlite3_syscall_ptr)pread_or_fail},
		{"pread64", (sqlite3_syscall_ptr)pread_or_fail},
		{"ftruncate", (sqlite3_syscall_ptr)ftruncate_or_die},
		{"unlink", (sqlite3_syscall_ptr)unlink_or_die},
	};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		vfs->xSetSystemCall(vfs, calls[i].name, watched ? calls[i].call : NULL);
}

static int make_plan(void **context)
{
	plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (plan == MAP_FAILED)
		return -1;
	watch_calls(true);
	return make_place(context);
}

static int remove_plan(void **context)
{
	watch_calls(false);
	munmap(plan, sizeof *plan);
	plan = NULL;
	return remove_place(context);
}

/* Ten rows in two transactions, in a process of its own; whether it was killed. */
static bool run_until(int step, int64_t twin)
{
	*plan = (struct plan){.die_at = step};
	pid_t child = fork();
	if (child == 0) {
		struct state *state = state_open(path, STATE_WRITE, 0, NULL, NULL);
		if (twin == 0) {
			struct state_twin made = {.name = {"A", "A"}};
			state_put_twin(state, &made, NULL);
			twin = made.id;
		}
		for (int i = 0; i < 10; i++) {
			char key[16];
			snprintf(key, sizeof key, "n%d", i);
			struct row row = {.key = {key, key}, .received = i};
			state_begin(state, NULL);
			state_put_row(state, twin, &row, flags, NULL);
			if (i % 5 == 4 && state_commit(state, NULL))
				plan->committed = i + 1;
		}
		state_close(state);
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	plan->die_at = 0;
	return WIFSIGNALED(status);
}

static void a_run_that_is_killed_anywhere_loses_nothing_committed(void **context)
{
	(void)context;
	int64_t twin = make_state();
	struct buffer before = bytes_of(path);
	int step = 1;
	for (;; step++) {
		write_bytes(path, before.data, before.len);
		if (!run_until(step, twin))
			break;
		/* a dry run, which writes nothing, reads what was committed */
		struct state *state = open_state(STATE_READ);
		size_t n = count_rows(state, twin) - 1;
		assert_true(n == 0 || n == 5 || n == 10);
		assert_in_range(n, plan->committed, 10);
		state_close(state);
		/* and the next run leaves nothing behind */
		state = open_state(STATE_WRITE);
		assert_int_equal(count_rows(state, twin) - 1, n);
		state_close(state);
		assert_string_equal(names_in(folder), "work.db");
	}
	assert_in_range(step, 20, 1000);
	buffer_finish(&before);
}

static void a_state_is_whole_or_missing_wherever_its_making_was_stopped(void **context)
{
	(void)context;
	for (int step = 1; run_until(step, 0); step++) {
		assert_string_equal(refusal(STATE_READ), "");
		assert_string_equal(refusal(STATE_WRITE), "");
		assert_string_equal(names_in(folder), "work.db");
		assert_int_equal(unlink(path), 0);
	}
}

static void the_journal_of_a_state_that_was_removed_is_not_played_into_a_new_one(void **context)
{
	(void)context;
	int64_t twin = make_state();
	struct buffer before = bytes_of(path);
	for (int step = 1; run_until(step, twin); step++) {
		assert_int_equal(unlink(path), 0);
		bool fresh;
		struct error err = {0};
		struct state *state = state_open(path, STATE_WRITE, 0, &fresh, &err);
		assert_ok(state != NULL, err);
		assert_true(fresh);
		struct state_twin *twins;
		size_t n;
		assert_ok(state_twins(state, arena, &twins, &n, &err), err);
		assert_int_equal(n, 0);
		assert_int_equal(count_rows(state, twin), 0);
		state_close(state);
		write_bytes(path, before.data, before.len);
	}
	buffer_finish(&before);
}

static void the_lock_of_a_killed_run_does_not_hold(void **context)
{
	(void)context;
	make_state();
	assert_true(run_until(1, 1));
	assert_string_equal(names_in(folder), "work.db work.db-journal work.db.lock");
	assert_string_equal(refusal(STATE_WRITE), "");
	assert_string_equal(names_in(folder), "work.db");
}

static void a_signal_that_came_before_a_wait_for_the_lock_ends_it(void **context)
{
	(void)context;
	struct error err = {0};
	bool fresh;
	struct state *held = state_open(path, STATE_WRITE, 0, &fresh, &err);
	assert_non_null(held);
	stop_ask(SIGTERM);
	assert_null(state_open(path, STATE_WRITE, 2, &fresh, &err));
	stop_forget();
	assert_error(err, ERROR_CANCELLED, "stopped");
	state_close(held);
}

/* ---- a disk that fails ---- */

static void S05_a_commit_is_on_the_disk_when_it_returns(void **context)
{
	(void)context;
	struct error err = {0};
	int64_t twin = make_state();
	struct state *state = open_state(STATE_WRITE);
	assert_ok(state_begin(state, &err), err);
	add_row(state, twin, "2", "y");
	plan->syncs = 0;
	assert_ok(state_commit(state, &err), err);
	assert_in_range(plan->syncs, 3, 6); /* the journal, the database, the journal's end */
	state_close(state);
}

static void a_flush_that_fails_is_told_and_the_state_stays_as_it_was(void **context)
{
	(void)context;
	struct error err = {0};
	int64_t twin = make_state();
	struct state *state = open_state(STATE_WRITE);
	assert_ok(state_begin(state, &err), err);
	add_row(state, twin, "2", "y");
	plan->sync_fails = true;
	assert_false(state_commit(state, &err));
	plan->sync_fails = false;
	assert_int_equal(err.cause, CAUSE_LOCAL);
	assert_string_equal(err.text,
		arena_printf(arena, "cannot use the state '%s': it cannot be flushed to the disk",
			path));
	state_close(state);
	state = open_state(STATE_READ);
	assert_int_equal(count_rows(state, twin), 1);
	state_close(state);
}

static void what_a_failed_commit_added_is_never_changed(void **context)
{
	(void)context;
	struct error err = {0}, late = {0};
	make_state();
	struct state *state = open_state(STATE_WRITE);
	struct state_twin twin = {.name = {"B", "B"}};
	assert_ok(state_begin(state, &err), err);
	assert_ok(state_put_twin(state, &twin, &err), err);
	plan->sync_fails = true;
	assert_false(state_commit(state, &err));
	plan->sync_fails = false;
	/* its id is nobody's now, or the next one's */
	assert_false(state_begin(state, &late));
	assert_int_equal(late.cause, CAUSE_LOCAL);
	assert_non_null(strstr(late.text, "an earlier write to it failed"));
	/* nor does a write outside of a transaction count on what is not there */
	struct state_twin other = {.name = {"C", "C"}};
	late = (struct error){0};
	assert_false(state_put_twin(state, &other, &late));
	assert_non_null(strstr(late.text, "an earlier write to it failed"));
	struct state_twin *twins;
	size_t n;
	assert_ok(state_twins(state, arena, &twins, &n, &err), late);
	assert_int_equal(n, 1);
	state_close(state);
}

static void a_read_that_fails_is_no_damage(void **context)
{
	(void)context;
	struct error err = {0};
	make_state();
	struct state *state = open_state(STATE_READ);
	plan->read_fails = true;
	struct state_twin *twins;
	size_t n;
	bool ok = state_twins(state, arena, &twins, &n, &err);
	plan->read_fails = false;
	state_close(state);
	assert_false(ok);
	assert_string_equal(err.text,
		arena_printf(arena, "cannot read the state '%s': Input/output error", path));
}

/* In the middle of a transaction already, because little of it is kept in memory. */
static void a_full_disk_is_told_and_the_state_stays_as_it_was(void **context)
{
	(void)context;
	int64_t twin = make_state();
	struct state *state = open_state(STATE_WRITE);
	sqlite3_exec(state->db, "PRAGMA cache_size = 10", NULL, NULL, NULL);
	struct stat st;
	struct rlimit old, small;
	assert_int_equal(stat(path, &st), 0);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){.rlim_cur = (rlim_t)st.st_size, .rlim_max = old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	struct error err = {0}, late = {0};
	bool ok = state_begin(state, &err);
	for (int i = 0; ok && i < 5000; i++) {
		struct row row = {.key = {"2", "y"}};
		ok = state_put_row(state, twin, &row, flags, &err);
	}
	bool committed = state_commit(state, &late);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	assert_false(ok);
	assert_int_equal(err.cause, CAUSE_LOCAL);
	assert_non_null(strstr(err.text, arena_printf(arena, "cannot use the state '%s': ", path)));
	assert_false(committed);
	assert_non_null(strstr(late.text, "an earlier write to it failed"));
	assert_int_equal(count_rows(state, twin), 1);
	state_close(state);
	assert_string_equal(names_in(folder), "work.db");
}

#define IN_A_PLACE(test)  cmocka_unit_test_setup_teardown(test, make_place, remove_place)
#define WITH_A_PLAN(test) cmocka_unit_test_setup_teardown(test, make_plan, remove_plan)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_PLACE(the_name_of_a_pair_is_the_name_of_its_file),
		IN_A_PLACE(two_long_names_never_share_a_file),
		IN_A_PLACE(a_relative_state_home_is_ignored),
		IN_A_PLACE(reading_a_missing_state_makes_nothing),
		IN_A_PLACE(a_new_state_is_its_users_alone),
		IN_A_PLACE(what_is_no_whole_state_is_refused_and_left_as_it_is),
		IN_A_PLACE(a_state_that_cannot_be_written_says_so),
		IN_A_PLACE(a_place_that_others_may_write_to_is_refused),
		IN_A_PLACE(a_home_behind_a_symlink_is_fine),
		IN_A_PLACE(no_value_of_a_stranger_is_believed),
		IN_A_PLACE(a_flipped_bit_never_alters_a_row),
		WITH_A_PLAN(a_run_that_is_killed_anywhere_loses_nothing_committed),
		WITH_A_PLAN(a_state_is_whole_or_missing_wherever_its_making_was_stopped),
		WITH_A_PLAN(the_journal_of_a_state_that_was_removed_is_not_played_into_a_new_one),
		WITH_A_PLAN(the_lock_of_a_killed_run_does_not_hold),
		WITH_A_PLAN(a_signal_that_came_before_a_wait_for_the_lock_ends_it),
		WITH_A_PLAN(S05_a_commit_is_on_the_disk_when_it_returns),
		WITH_A_PLAN(a_flush_that_fails_is_told_and_the_state_stays_as_it_was),
		WITH_A_PLAN(what_a_failed_commit_added_is_never_changed),
		WITH_A_PLAN(a_read_that_fails_is_no_damage),
		WITH_A_PLAN(a_full_disk_is_told_and_the_state_stays_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
