// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a command for which bpf(2) fails: as on a kernel without BPF (ENOSYS), or for somebody who
 * may not use it (EPERM). Neither can be had of a test machine's kernel, a seccomp filter can.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_NOT_RUN = 127 };

static int errno_from_name(const char *name)
{
	if (!strcmp(name, "ENOSYS"))
		return ENOSYS;
	return strcmp(name, "EPERM") ? 0 : EPERM;
}

/* The architecture goes unchecked: this hides a system call from lbxdp, it does not guard one. */
static int bpf_hide(int code)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	int code = argc > 2 ? errno_from_name(argv[1]) : 0;

	if (!code) {
		fputs("Usage: nobpf ENOSYS|EPERM COMMAND [ARGUMENT]...\n", stderr);
		return EXIT_USAGE;
	}
	if (bpf_hide(code)) {
		perror("nobpf: seccomp");
		return EXIT_NOT_RUN;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return EXIT_NOT_RUN;
}
