#ifndef MAILTWIN_BASE_SANDBOX_H
#define MAILTWIN_BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/*
 * What this process may still do once it talks to strangers.
 *
 * Files by Landlock (Linux 5.19 and newer): only what stands on a list can be opened, made, renamed
 * or removed; what is open stays open.  TCP by Landlock (Linux 6.7): only the ports on the list.
 * System calls by seccomp: no program can be started, no process made, looked into or mounted over;
 * they fail with EPERM.  Best effort: a system that cannot do a part goes on without it.
 */
struct sandbox;

/* sandbox_new(arena): with the files that libraries read: certificates, time zones, character sets,
 * random numbers, and the terminal. */
struct sandbox *sandbox_new(struct arena *arena);

/*
 * sandbox_read(s, path): a file, or a folder with all below it, may be read.
 * sandbox_write(s, path): a folder and all below it may be changed.  Where it is missing, that is
 * the nearest folder above it: it is to be made in the run.
 * sandbox_port(s, port): connections to this TCP port.
 * Strings are copied; NULL is fine.
 */
void sandbox_read(struct sandbox *s, const char *path);
void sandbox_write(struct sandbox *s, const char *path);
void sandbox_port(struct sandbox *s, uint16_t port);

/* sandbox_enter(s, told, size): for this thread and those it starts, for good; before threads are
 * started.  ${told} becomes what is in force and what is not, for a person: "files and ports
 * (Landlock 7), system calls (seccomp)". */
void sandbox_enter(const struct sandbox *s, char *told, size_t size);

/* sandbox_calls.c: the part of seccomp; false with errno set. */
bool sandbox_filter_calls(void);

#endif
