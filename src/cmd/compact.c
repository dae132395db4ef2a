#include "cmd/archives.h"
#include "cmd/command.h"
#include "cmd/print.h"

static int compact(const struct options *options, struct archive *archive)
{
	char bytes[2][PRINT_COUNT_SIZE];
	uint64_t spare, size, left;
	struct error err = {0};
	if (!archive_spare(archive, &spare, &size, &err) ||
		(!options->dry_run && !archive_compact(archive, &left, &err)))
		return archives_failed(&err);
	if (!options->dry_run)
		spare = left < size ? size - left : 0;
	if (!options->quiet)
		printf("%s of %s %s\n", print_bytes(bytes[0], spare), print_bytes(bytes[1], size),
			options->dry_run ? "can be given back, or more" : "given back");
	return 0;
}

int command_compact(const struct options *options)
{
	int lock, code;
	if (options->n_names != 1) {
		print_problem(
			"compact wants an archive; such as: mailtwin compact ~/Backup/work.mta");
		return CAUSE_CONFIG;
	}
	struct archive *archive = archives_lock(options, options->names[0], &lock, &code);
	if (archive != NULL)
		code = compact(options, archive);
	archives_unlock(archive, lock);
	return code;
}
