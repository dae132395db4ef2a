#include "config/path.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "config/config.h"

const char *path_home(struct arena *arena)
{
	const char *home = getenv("HOME");
	if (home != NULL && home[0] == '/')
		return arena_strdup(arena, home);
	const struct passwd *user = getpwuid(getuid());
	return user != NULL && user->pw_dir[0] == '/' ? arena_strdup(arena, user->pw_dir) : NULL;
}

const char *path_working(struct arena *arena)
{
	char here[PATH_MAX];
	return arena_strdup(arena, getcwd(here, sizeof here) != NULL ? here : "/");
}

/* ${path} without what does not change where it leads. */
static const char *tidy(const char *path, struct arena *arena)
{
	char *out = arena_alloc(arena, strlen(path) + 2), *end = out;
	while (*path != '\0') {
		size_t skip = strspn(path, "/");
		size_t n = strcspn(path + skip, "/");
		const char *name = path + skip;
		path = name + n;
		if (n == 0 || (n == 1 && *name == '.'))
			continue;
		*end++ = '/';
		memcpy(end, name, n);
		end += n;
	}
	if (end == out)
		*end++ = '/';
	*end = '\0';
	return out;
}

static const char *below(const char *folder, const char *text, struct arena *arena)
{
	return tidy(arena_printf(arena, "%s/%s", folder, text), arena);
}

const char *path_absolute(
	const char *text, const char *folder, struct arena *arena, struct error *err)
{
	if (text[0] == '/')
		return tidy(text, arena);
	if (text[0] != '~')
		return below(folder, text, arena);
	if (text[1] != '\0' && text[1] != '/') {
		char shown[128];
		error_set(err, ERROR_STORE, CAUSE_CONFIG,
			"only \"~/\" is known, for your own home folder; write out '%s'",
			escape_text(shown, sizeof shown, text));
		return NULL;
	}
	const char *home = path_home(arena);
	if (home == NULL) {
		error_set(
			err, ERROR_STORE, CAUSE_CONFIG, "HOME is not set, so \"~\" leads nowhere");
		return NULL;
	}
	return below(home, text + 1, arena);
}

const char *path_folder(const char *path, struct arena *arena)
{
	const char *slash = strrchr(path, '/');
	const char *folder =
		slash == NULL ? "." : arena_strndup(arena, path, (size_t)(slash - path) + 1);
	return folder[0] == '/' ? tidy(folder, arena) : below(path_working(arena), folder, arena);
}

const char *config_default_path(struct arena *arena)
{
	const char *configs = getenv("XDG_CONFIG_HOME");
	if (configs != NULL && configs[0] == '/')
		return arena_printf(arena, "%s/mailtwin/config.yml", configs);
	const char *home = path_home(arena);
	return arena_printf(arena, "%s/.config/mailtwin/config.yml", home == NULL ? "" : home);
}
