// SPDX-License-Identifier: GPL-2.0
/*
 * An interface with a bpf_link of its own: nobody else can detach or replace the program, it goes
 * on when we are gone (the link is pinned), and it is replaced without a packet in between.
 */
#include "user/dataplane/dataplane_internal.h"

#include <errno.h>
#include <linux/if_link.h>
#include <string.h>

#include "user/base/cleanup.h"

/* bpf_link_create() does not pass on the kernel's reason, the netlink way does. */
static void refusal_explain(int prog_fd, unsigned ifindex, __u32 mode_flag)
{
	__u32 flags = mode_flag | XDP_FLAGS_UPDATE_IF_NOEXIST;

	if (!bpf_xdp_attach((int)ifindex, prog_fd, flags, NULL))
		bpf_xdp_detach((int)ifindex, mode_flag, NULL);
}

int link_attach(struct dataplane *dataplane, unsigned ifindex, enum attach_mode mode)
{
	__u32 mode_flag = mode == ATTACH_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = mode_flag);
	int prog_fd = bpf_program__fd(dataplane->skel->progs.lbxdp_main);
	autoclose int fd = bpf_link_create(prog_fd, (int)ifindex, BPF_XDP, &opts);
	char path[PIN_PATH_MAX];

	if (fd < 0) {
		refusal_explain(prog_fd, ifindex, mode_flag);
		return fd;
	}
	/* Of an interface that had the number before. */
	unlink(pin_path(path, dataplane->instance, "/link_%u", ifindex));
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

int link_detach(const char *instance, unsigned ifindex)
{
	char path[PIN_PATH_MAX];
	autoclose int fd = bpf_obj_get(pin_path(path, instance, "/link_%u", ifindex));

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	/* ENOLINK: the interface is gone, and the attachment with it. */
	if (bpf_link_detach(fd) && errno != ENOLINK && errno != EINVAL)
		return -errno;
	return unlink(path) ? -errno : 0;
}

int link_replace(struct dataplane *dataplane, unsigned ifindex)
{
	char path[PIN_PATH_MAX];
	autoclose int fd = bpf_obj_get(pin_path(path, dataplane->instance, "/link_%u", ifindex));
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.xdp.ifindex != ifindex)
		return -ENODEV;
	if (bpf_link_update(fd, bpf_program__fd(dataplane->skel->progs.lbxdp_main), NULL))
		return -errno;
	return 0;
}

void link_note(const struct dataplane *dataplane, struct attachment *attachment, const char *why)
{
	char note[NOTE_MAX];

	if (dataplane->features.no_dispatcher)
		why = dataplane->features.no_dispatcher;
	snprintf(note, sizeof(note), "no dispatcher (%s), so no other XDP program can be added",
		 why);
	attachment_note(attachment, note);
}
