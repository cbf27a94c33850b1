// SPDX-License-Identifier: GPL-2.0
/* What the kernel can do, tried out rather than guessed from its version, and what it says. */
#include "user/dataplane/dataplane_internal.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <xdp/libxdp.h>

#include "user/base/cleanup.h"

#define INSN(...) ((struct bpf_insn){__VA_ARGS__})
#define INSN_MOV(dst, value)                                                                       \
	INSN(.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (dst), .imm = (value))
#define INSN_STORE_ZERO(offset)                                                                    \
	INSN(.code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .off = (offset))
#define INSN_CMPXCHG(src, offset)                                                                  \
	INSN(.code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_10, .src_reg = (src),       \
	     .off = (offset), .imm = BPF_CMPXCHG)
#define INSN_EXIT() INSN(.code = BPF_JMP | BPF_EXIT)
#define INSN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool messages_verbose;
static char reason[REASON_MAX];

/*
 * Linux 6.13 (and its stable series before) lets an extension resize packets only where the program
 * that it extends does, and libxdp's dispatcher does so from 1.5.5 on.
 */
static void reason_find(const char *text)
{
	static const char marker[] = "Kernel error message: ";
	const char *found = strstr(text, marker);

	if (strstr(text, "Extension program changes packet data")) {
		snprintf(reason, sizeof(reason),
			 "this kernel needs libxdp 1.5.5 for programs that resize packets");
	} else if (found) {
		snprintf(reason, sizeof(reason), "%s", found + strlen(marker));
		reason[strcspn(reason, "\n")] = '\0';
	}
}

/* Shows the message if wanted, and keeps the reason that the kernel gave for a refusal. */
__attribute__((format(printf, 1, 0))) static void message(const char *format, va_list arguments)
{
	char text[512];
	va_list again;

	va_copy(again, arguments);
	if (messages_verbose)
		vfprintf(stderr, format, again);
	va_end(again);
	vsnprintf(text, sizeof(text), format, arguments);
	reason_find(text);
}

__attribute__((format(printf, 2, 0))) static int
libbpf_message(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	message(format, arguments);
	return 0;
}

__attribute__((format(printf, 2, 0))) static int
libxdp_message(enum libxdp_print_level level, const char *format, va_list arguments)
{
	(void)level;
	message(format, arguments);
	return 0;
}

void messages_init(bool verbose)
{
	messages_verbose = verbose;
	messages_redirect();
}

void messages_redirect(void)
{
	libbpf_set_print(libbpf_message);
	libxdp_set_print(libxdp_message);
}

const char *messages_reason(int code)
{
	return reason[0] ? reason : strerror(-code);
}

bool messages_have_reason(void)
{
	return reason[0] != '\0';
}

void messages_reason_clear(void)
{
	reason[0] = '\0';
}

static int program_try(const struct bpf_insn *insns, size_t count, __u32 flags)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = flags);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "lbxdp_probe", "GPL", insns, count, &opts);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int kernel_refuses(int code, struct err *err)
{
	switch (code) {
	case -ENOSYS:
		return err_set(err, -EOPNOTSUPP,
			       "kernel: no BPF; use one built with CONFIG_BPF_SYSCALL");
	case -EPERM:
	case -EACCES:
		return err_set(err, -EPERM, "BPF programs: not allowed to load any; run as root");
	}
	return err_set(err, code, "kernel: refuses even an empty XDP program (%s); use another one",
		       strerror(-code));
}

/*
 * Type information for `int probe(struct xdp_md *ctx)`, which EXT programs must have. Fields and
 * parameters go to the type that was added last, hence the order.
 */
static int probe_btf_load(__s32 *function)
{
	struct btf *btf = btf__new_empty();
	int integer, pointer, prototype, fd = -ENOMEM;
	__u32 size;
	const void *raw;

	if (!btf)
		return -ENOMEM;
	integer = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	pointer = btf__add_ptr(btf, btf__add_struct(btf, "xdp_md", 0));
	prototype = btf__add_func_proto(btf, integer);
	btf__add_func_param(btf, "ctx", pointer);
	*function = btf__add_func(btf, "probe", BTF_FUNC_GLOBAL, prototype);
	raw = btf__raw_data(btf, &size);
	if (raw)
		fd = bpf_btf_load(raw, size, NULL);
	btf__free(btf);
	return fd;
}

/* Whether an EXT program can be loaded: lockdown and some older kernels do not allow it. */
static bool ext_probe(void)
{
	const struct bpf_insn pass[] = {INSN_MOV(BPF_REG_0, 2), INSN_EXIT()};
	__s32 function = 0;
	autoclose int btf_fd = probe_btf_load(&function);
	struct bpf_func_info info = {.type_id = (__u32)function};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_btf_fd = (__u32)btf_fd, .func_info = &info,
		    .func_info_cnt = 1, .func_info_rec_size = sizeof(info));
	autoclose int target = -1, ext = -1;

	if (btf_fd < 0 || function < 0)
		return false;
	target = bpf_prog_load(BPF_PROG_TYPE_XDP, "probe", "GPL", pass, INSN_COUNT(pass), &opts);
	if (target < 0)
		return false;
	opts.attach_prog_fd = (__u32)target;
	opts.attach_btf_id = (__u32)function;
	ext = bpf_prog_load(BPF_PROG_TYPE_EXT, "probe", "GPL", pass, INSN_COUNT(pass), &opts);
	return ext >= 0;
}

int kernel_probe(struct kernel_features *features, struct err *err)
{
	const struct bpf_insn pass[] = {INSN_MOV(BPF_REG_0, 2), INSN_EXIT()};
	const struct bpf_insn atomic[] = {INSN_STORE_ZERO(-8),	  INSN_MOV(BPF_REG_0, 0),
					  INSN_MOV(BPF_REG_1, 1), INSN_CMPXCHG(BPF_REG_1, -8),
					  INSN_MOV(BPF_REG_0, 2), INSN_EXIT()};
	const char *skip = secure_getenv("LIBXDP_SKIP_DISPATCHER");
	struct utsname kernel;
	int ret = program_try(pass, INSN_COUNT(pass), 0);

	if (ret)
		return kernel_refuses(ret, err);
	if (program_try(atomic, INSN_COUNT(atomic), 0)) {
		uname(&kernel);
		return err_set(err, -EOPNOTSUPP,
			       "kernel %s: no BPF atomics (needs 5.12); use a newer kernel",
			       kernel.release);
	}
	features->frags = !program_try(pass, INSN_COUNT(pass), BPF_F_XDP_HAS_FRAGS);
	/* libxdp honours the variable too, and would attach a single program behind our back. */
	if (skip && strcmp(skip, "1") == 0)
		features->no_dispatcher = "LIBXDP_SKIP_DISPATCHER is set";
	else if (!ext_probe())
		features->no_dispatcher = "the kernel refuses EXT programs";
	return 0;
}
