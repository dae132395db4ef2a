#include "unit.h"

#include "imap_place.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

static const char configuration[] = "base_dir = %1$s/run\n"
				    "state_dir = %1$s/state\n"
				    "log_path = %1$s/log\n"
				    "protocols = imap\n"
				    "ssl = no\n"
				    "first_valid_uid = 1\n"
				    "first_valid_gid = 1\n"
				    "mail_uid = %2$u\n"
				    "mail_gid = %3$u\n"
				    "mail_home = %1$s/home\n"
				    "mail_location = maildir:%1$s/home/Maildir%6$s\n"
				    "mail_fsync = never\n"
				    "namespace inbox {\n"
				    "  inbox = yes\n"
				    "  separator = %4$c\n"
				    "  prefix = %5$s\n"
				    "}\n";

static const char doveadm[] = "/usr/bin/doveadm";

bool imap_place_possible(void)
{
	return access(doveadm, X_OK) == 0 && access("/usr/lib/dovecot/imap", X_OK) == 0;
}

void imap_place(struct place *p, char separator, const char *prefix, const char *const *disable)
{
	/* Dovecot will not keep mail for root. */
	const struct passwd *nobody = geteuid() == 0 ? getpwnam("nobody") : NULL;
	uid_t uid = nobody != NULL ? nobody->pw_uid : geteuid();
	gid_t gid = nobody != NULL ? nobody->pw_gid : getegid();
	char *conf = arena_printf(p->arena, "%s/dovecot.conf", p->directory);
	char *home = arena_printf(p->arena, "%s/home", p->directory);

	/* In Maildir++ it lists the level above a mailbox as if it could be opened. */
	const char *layout = separator == '/' ? ":LAYOUT=fs" : "";
	tree_puts(p->directory, "dovecot.conf",
		arena_printf(p->arena, configuration, p->directory, (unsigned)uid, (unsigned)gid,
			separator, prefix, layout));
	tree_directory(p->directory, "home");
	if (nobody != NULL) {
		assert_int_equal(chown(p->directory, uid, gid), 0);
		assert_int_equal(chown(home, uid, gid), 0);
	}

	const char *as_nobody[] = {"/usr/bin/setpriv", "--reuid",
		arena_printf(p->arena, "%u", (unsigned)uid), "--regid",
		arena_printf(p->arena, "%u", (unsigned)gid), "--clear-groups"};
	const char *argv[] = {"/usr/bin/env", "USER=somebody",
		arena_printf(p->arena, "HOME=%s", home), doveadm, "-c", conf, "exec", "imap", NULL};
	size_t before = nobody != NULL ? sizeof as_nobody : 0;
	char *tunnel = arena_alloc(p->arena, before + sizeof argv);
	memcpy(tunnel, as_nobody, before);
	memcpy(tunnel + before, argv, sizeof argv);
	p->config.kind = "imap";
	p->config.imap = (struct imap_config){
		.host = "localhost",
		.port = 143,
		.user = "somebody",
		.tls = TLS_NONE,
		.connections = 4,
		.timeout = 20,
		.disable = disable,
		.tunnel = (const char *const *)(void *)tunnel,
	};
}
