// SPDX-License-Identifier: GPL-2.0
/* The interfaces we are attached to, as the maps and as the controller see them. */
#include "user/dataplane/dataplane_internal.h"

#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>

#include <xdp/libxdp.h>

#include "user/base/cleanup.h"

struct attachment *attachment_find(struct dataplane *dataplane, unsigned ifindex)
{
	int index = dataplane_interface_index(dataplane, ifindex);

	return index < 0 ? NULL : &dataplane->attachments[index];
}

void attachment_note(struct attachment *attachment, const char *text)
{
	size_t length = strlen(attachment->note);

	snprintf(attachment->note + length, sizeof(attachment->note) - length, "%s%s",
		 length ? "; " : "", text);
}

static int mac_read(const char *name, __u8 mac[6], struct err *err)
{
	autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request))
		return err_set(err, -errno, "%s: no MAC address (%s); check 'ip link show %s'",
			       name, strerror(errno), name);
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER &&
	    request.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK)
		return err_set(err, -EOPNOTSUPP,
			       "%s: not an Ethernet interface; attach to one that is", name);
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	return 0;
}

static __u32 attachment_index(const struct dataplane *dataplane,
			      const struct attachment *attachment)
{
	return (__u32)(attachment - dataplane->attachments);
}

static int port_put(struct dataplane *dataplane, __u32 index, __u32 ifindex, struct err *err)
{
	int fd = dataplane->dispatcher_ports_fd;

	if (fd >= 0 && bpf_map_update_elem(fd, &index, &ifindex, BPF_ANY))
		return err_set(err, -errno, "map tx_ports_ext: cannot write (%s); retry",
			       strerror(errno));
	return map_write(dataplane->skel->maps.tx_ports, &index, &ifindex, err);
}

int interface_put(struct dataplane *dataplane, struct attachment *attachment, struct err *err)
{
	struct lbxdp_bpf *skel = dataplane->skel;
	__u32 index = attachment_index(dataplane, attachment);
	struct lbx_interface entry = {.ifindex = attachment->interface.ifindex,
				      .index = (__u8)index};
	int ret = mac_read(attachment->interface.name, entry.mac, err);

	if (!ret)
		ret = port_put(dataplane, index, entry.ifindex, err);
	if (!ret)
		ret = map_write(skel->maps.interfaces, &index, &entry, err);
	if (!ret)
		ret = map_write(skel->maps.interfaces_by_ifindex, &entry.ifindex, &entry, err);
	if (!ret)
		memcpy(attachment->mac, entry.mac, sizeof(attachment->mac));
	return ret;
}

/* Nothing here can fail in a way that matters: what cannot be deleted is not there. */
void interface_clear(struct dataplane *dataplane, struct attachment *attachment)
{
	const struct lbx_interface none = {};
	struct lbxdp_bpf *skel = dataplane->skel;
	__u32 index = attachment_index(dataplane, attachment);
	__u32 ifindex = attachment->interface.ifindex;

	map_remove(skel->maps.interfaces_by_ifindex, &ifindex, NULL);
	map_remove(skel->maps.tx_ports, &index, NULL);
	if (dataplane->dispatcher_ports_fd >= 0)
		bpf_map_delete_elem(dataplane->dispatcher_ports_fd, &index);
	map_write(skel->maps.interfaces, &index, &none, NULL);
	memset(attachment, 0, sizeof(*attachment));
}

int occupant_query(unsigned ifindex, struct occupant *occupant)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	autoclose int fd = -1;
	int ret = bpf_xdp_query((int)ifindex, 0, &query);

	memset(occupant, 0, sizeof(*occupant));
	if (ret)
		return ret;
	occupant->mode = query.skb_prog_id ? ATTACH_GENERIC : ATTACH_NATIVE;
	occupant->prog_id = query.skb_prog_id;
	if (query.drv_prog_id)
		occupant->prog_id = query.drv_prog_id;
	else if (query.hw_prog_id)
		occupant->prog_id = query.hw_prog_id;
	if (!occupant->prog_id)
		return 0;
	fd = bpf_prog_get_fd_by_id(occupant->prog_id);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
		memcpy(occupant->name, info.name, sizeof(occupant->name));
	return 0;
}

size_t dataplane_interfaces(const struct dataplane *dataplane,
			    struct dataplane_interface out[LBX_MAX_INTERFACES])
{
	size_t count = 0;

	for (size_t i = 0; i < LBX_MAX_INTERFACES; i++) {
		if (!dataplane->attachments[i].interface.ifindex)
			continue;
		out[count] = dataplane->attachments[i].interface;
		out[count++].note = dataplane->attachments[i].note;
	}
	return count;
}

int dataplane_interface_index(const struct dataplane *dataplane, unsigned ifindex)
{
	for (int i = 0; ifindex && i < LBX_MAX_INTERFACES; i++) {
		if (dataplane->attachments[i].interface.ifindex == ifindex)
			return i;
	}
	return -ENOENT;
}

static int interface_forget(struct dataplane *dataplane, struct attachment *attachment)
{
	unsigned ifindex = attachment->interface.ifindex;
	int ret = link_detach(dataplane->instance, ifindex);

	if (attachment->interface.dispatcher)
		libxdp_clean_references((int)ifindex);
	interface_clear(dataplane, attachment);
	return ret;
}

int dataplane_interface_refresh(struct dataplane *dataplane, unsigned ifindex, bool gone,
				struct err *err)
{
	struct attachment *attachment = attachment_find(dataplane, ifindex);
	char name[IF_NAMESIZE];
	__u8 mac[6];
	int ret;

	if (!attachment)
		return 0;
	if (gone || !if_indextoname(ifindex, name)) {
		ret = interface_forget(dataplane, attachment);
		return ret ? err_set(err, ret,
				     "interface %u: gone, but its pin stays (%s); remove it by hand",
				     ifindex, strerror(-ret))
			   : 0;
	}
	memcpy(attachment->interface.name, name, sizeof(name));
	ret = mac_read(name, mac, err);
	if (ret || memcmp(mac, attachment->mac, sizeof(mac)) == 0)
		return ret;
	return interface_put(dataplane, attachment, err);
}
