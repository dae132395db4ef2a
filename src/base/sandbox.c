#include "config.h"

#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/* Landlock's interface (Documentation/userspace-api/landlock.rst of Linux), as far as it is used
 * here: the header of the system that this is built on may be older than the kernel it runs on. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule	    445
#define SYS_landlock_restrict_self  446
#endif

#define FILE_EXECUTE  (1u << 0)
#define FILE_WRITE    (1u << 1)
#define FILE_READ     (1u << 2)
#define DIR_READ      (1u << 3)
#define DIR_REMOVE    (1u << 4)
#define FILE_REMOVE   (1u << 5)
#define MAKE_DIR      (1u << 7)
#define MAKE_REGULAR  (1u << 8)
#define RENAME_ACROSS (1u << 13) /* between folders; version 2 */
#define FILE_TRUNCATE (1u << 14) /* version 3 */
#define DEVICE_IOCTL  (1u << 15) /* version 5 */

#define PORT_BIND    (1u << 0) /* version 4 */
#define PORT_CONNECT (1u << 1)

#define SCOPE_ABSTRACT_SOCKETS (1u << 0) /* version 6: none but ours */
#define SCOPE_SIGNALS	       (1u << 1)

#define RULE_FILES 1
#define RULE_PORT  2

/* Messages are renamed from tmp to cur, which the first version refuses whatever is asked for. */
#define VERSION_MIN 2

#define READS (FILE_READ | DIR_READ)
#define CHANGES \
	(READS | FILE_WRITE | DIR_REMOVE | FILE_REMOVE | MAKE_DIR | MAKE_REGULAR | RENAME_ACROSS | \
		FILE_TRUNCATE)
#define OF_A_FILE (FILE_EXECUTE | FILE_WRITE | FILE_READ | FILE_TRUNCATE | DEVICE_IOCTL)

struct ruleset {
	uint64_t files, ports, scopes;
};

struct __attribute__((packed)) files_rule {
	uint64_t access;
	int32_t fd;
};

struct port_rule {
	uint64_t access, port;
};

struct place {
	const char *path;
	uint64_t access;
};

struct sandbox {
	struct arena *arena;
	struct place *place;
	size_t n, cap;
	uint16_t *port;
	size_t ports, ports_cap;
};

/* What is read by libraries at any time: none of it is anybody's secret. */
static const char *const for_all[] = {"/usr", "/lib", "/lib64", "/nix/store", "/gnu/store",
	"/etc/ssl", "/etc/pki", "/etc/crypto-policies", "/etc/ca-certificates", "/etc/localtime",
	"/etc/ld.so.cache", "/etc/nsswitch.conf", "/etc/passwd", "/dev/urandom", "/dev/random",
	"/sys/devices/system/cpu"};

/* The same, where a person put it elsewhere; lists are separated by colons. */
static const char *const for_all_by_name[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF",
	"OPENSSL_MODULES", "GCONV_PATH", "LOCPATH", "TZDIR"};

/* A password may have to be asked for again. */
static const char *const devices[] = {"/dev/tty", "/dev/null"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- the list ---- */

static void add_place(struct sandbox *s, const char *path, uint64_t access)
{
	if (path != NULL && *path != '\0')
		*ARENA_PUSH(s->arena, s->place, s->n, s->cap) =
			(struct place){arena_strdup(s->arena, path), access};
}

void sandbox_read(struct sandbox *s, const char *path)
{
	add_place(s, path, READS);
}

void sandbox_write(struct sandbox *s, const char *path)
{
	if (path == NULL)
		return;
	char *at = arena_strdup(s->arena, path);
	while (access(at, F_OK) < 0 && errno == ENOENT) {
		char *slash = strrchr(at, '/');
		if (slash == NULL)
			at = arena_strdup(s->arena, ".");
		else
			slash[slash == at] = '\0';
		if (strcmp(at, ".") == 0 || strcmp(at, "/") == 0)
			break;
	}
	add_place(s, at, CHANGES);
}

void sandbox_port(struct sandbox *s, uint16_t port)
{
	*ARENA_PUSH(s->arena, s->port, s->ports, s->ports_cap) = port;
}

static void read_list(struct sandbox *s, const char *list)
{
	while (list != NULL && *list != '\0') {
		size_t n = strcspn(list, ":");
		sandbox_read(s, arena_strndup(s->arena, list, n));
		list += n + (list[n] == ':');
	}
}

struct sandbox *sandbox_new(struct arena *arena)
{
	struct sandbox *s = arena_alloc(arena, sizeof *s);
	s->arena = arena;
	for (size_t i = 0; i < COUNT(for_all); i++)
		sandbox_read(s, for_all[i]);
	for (size_t i = 0; i < COUNT(for_all_by_name); i++)
		read_list(s, getenv(for_all_by_name[i]));
	for (size_t i = 0; i < COUNT(devices); i++)
		add_place(s, devices[i], FILE_READ | FILE_WRITE | DEVICE_IOCTL);
	return s;
}

/* ---- Landlock ---- */

static uint64_t files_of(long version)
{
	uint64_t all = RENAME_ACROSS | (RENAME_ACROSS - 1);
	if (version >= 3)
		all |= FILE_TRUNCATE;
	if (version >= 5)
		all |= DEVICE_IOCTL;
	return all;
}

/* What cannot be opened now (it is not there, or not ours) needs no rule. */
static void allow_place(int rules, const struct place *place, uint64_t known)
{
	struct stat st;
	int fd = open(place->path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	struct files_rule rule = {place->access & known, fd};
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.access &= OF_A_FILE;
	(void)syscall(SYS_landlock_add_rule, rules, RULE_FILES, &rule, 0);
	close(fd);
}

static void allow_port(int rules, uint16_t port)
{
	const struct port_rule rule = {PORT_CONNECT, port};
	(void)syscall(SYS_landlock_add_rule, rules, RULE_PORT, &rule, 0);
}

/* The version that is in force, 0 with errno set for none. */
static long restrict_files(const struct sandbox *s)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	if (version < VERSION_MIN) {
		errno = version < 0 ? errno : ENOSYS;
		return 0;
	}
	struct ruleset all = {.files = files_of(version)};
	size_t size = sizeof all.files;
	if (version >= 4) {
		all.ports = PORT_BIND | PORT_CONNECT;
		size += sizeof all.ports;
	}
	if (version >= 6) {
		all.scopes = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS;
		size += sizeof all.scopes;
	}
	int rules = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
	if (rules < 0)
		return 0;
	for (size_t i = 0; i < s->n; i++)
		allow_place(rules, &s->place[i], all.files);
	for (size_t i = 0; version >= 4 && i < s->ports; i++)
		allow_port(rules, s->port[i]);
	bool ok = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
	int number = errno;
	close(rules);
	errno = number;
	return ok ? version : 0;
}

static void no_new_privileges(void)
{
#ifdef __linux__
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#endif
}

void sandbox_enter(const struct sandbox *s, char *told, size_t size)
{
	char files[80], calls[80];
	no_new_privileges();
	long version = restrict_files(s);
	if (version > 0)
		snprintf(files, sizeof files, "%s (Landlock %ld)",
			version >= 4 ? "files and ports" : "files", version);
	else
		snprintf(files, sizeof files, "files not (Landlock: %s)", strerror(errno));
	if (sandbox_filter_calls())
		snprintf(calls, sizeof calls, "system calls (seccomp)");
	else
		snprintf(calls, sizeof calls, "system calls not (seccomp: %s)", strerror(errno));
	snprintf(told, size, "%s, %s", files, calls);
}
