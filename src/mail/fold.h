#ifndef MAILTWIN_MAIL_FOLD_H
#define MAILTWIN_MAIL_FOLD_H

#include "base/arena.h"

/*
 * fold_text(text, arena):
 * ${text} (UTF-8; other bytes stay) in lower case and with composed letters taken apart: equal for
 * texts that a reader, or a file system that ignores case or normalises, takes for one.
 */
char *fold_text(const char *text, struct arena *arena);

#endif
