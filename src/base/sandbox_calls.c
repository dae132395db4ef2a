#include "config.h"

#include "base/sandbox.h"

#include <errno.h>

#ifdef __linux__
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

/*
 * A list of what is refused, not of what is let through: a new C library makes other calls for the
 * same work, and a filter that it runs into would break mail that has to be moved.  Files are
 * Landlock's part; what is refused here is what would lead out of it.
 */

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define OUR_ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef OUR_ARCH

/* Numbers above this are a second table of calls on the same processor. */
#define X32_CALLS 0x40000000u

#define LOAD(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define FAIL(number) RETURN(SECCOMP_RET_ERRNO | (number))

/* When the value that was loaded is ${value}, the next instruction; else the one behind it. */
#define IF(value)    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, 1)
#define REFUSE(call) IF(SYS_##call), FAIL(EPERM)

static const struct sock_filter filter[] = {LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0), FAIL(EPERM), LOAD(nr),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_CALLS, 0, 1), FAIL(EPERM),

	/* programs */
	REFUSE(execve), REFUSE(execveat),
#ifdef SYS_fork
	REFUSE(fork), REFUSE(vfork),
#endif

	/* other processes */
	REFUSE(ptrace), REFUSE(process_vm_readv), REFUSE(process_vm_writev), REFUSE(kcmp),
#ifdef SYS_pidfd_getfd
	REFUSE(pidfd_getfd),
#endif
#ifdef SYS_process_madvise
	REFUSE(process_madvise),
#endif

	/* other views of the file system, and ways around the names of files */
	REFUSE(mount), REFUSE(umount2), REFUSE(pivot_root), REFUSE(chroot), REFUSE(setns),
	REFUSE(unshare), REFUSE(open_by_handle_at), REFUSE(name_to_handle_at),
#ifdef SYS_move_mount
	REFUSE(move_mount), REFUSE(open_tree), REFUSE(fsopen), REFUSE(fsmount), REFUSE(fspick),
#endif
#ifdef SYS_mount_setattr
	REFUSE(mount_setattr),
#endif

	/* the kernel, and doors to it that have had holes */
	REFUSE(bpf), REFUSE(perf_event_open), REFUSE(userfaultfd), REFUSE(init_module),
	REFUSE(finit_module), REFUSE(delete_module), REFUSE(kexec_load), REFUSE(reboot),
	REFUSE(swapon), REFUSE(swapoff), REFUSE(personality), REFUSE(acct), REFUSE(quotactl),
	REFUSE(add_key), REFUSE(request_key), REFUSE(keyctl),
#ifdef SYS_kexec_file_load
	REFUSE(kexec_file_load),
#endif
#ifdef SYS_io_uring_setup
	/* its work passes no filter */
	REFUSE(io_uring_setup), REFUSE(io_uring_enter), REFUSE(io_uring_register),
#endif

	/* Typing into the terminal would run things after us. */
	IF(SYS_ioctl), BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), BPF_JUMP(BPF_JMP | BPF_JA, 5, 0, 0),
	LOAD(args[1]), IF(TIOCSTI), FAIL(EPERM), IF(TIOCLINUX), FAIL(EPERM), LOAD(nr),

/* Threads are clone(), too; clone3() has its flags where a filter cannot look, and the C library
 * falls back. */
#ifdef SYS_clone3
	IF(SYS_clone3), FAIL(ENOSYS),
#endif
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0), RETURN(SECCOMP_RET_ALLOW),
	LOAD(args[0]), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0), FAIL(EPERM),
	RETURN(SECCOMP_RET_ALLOW)};

bool sandbox_filter_calls(void)
{
	const struct sock_fprog program = {(unsigned short)(sizeof filter / sizeof *filter),
		(struct sock_filter *)(uintptr_t)filter};
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

#else

bool sandbox_filter_calls(void)
{
	errno = ENOSYS;
	return false;
}

#endif
