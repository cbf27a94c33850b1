/* SPDX-License-Identifier: GPL-2.0 */
/* Stage 5, the tools: give a packet new addresses and send it. */
#ifndef LBX_BPF_REWRITE_H
#define LBX_BPF_REWRITE_H

#include "bpf/checksum.h"

/* A packet's new ends. The addresses are IPv4 or IPv6, as the packet is. */
struct ends {
	union {
		__be32 source4;
		struct lbx_addr source6;
	};
	union {
		__be32 destination4;
		struct lbx_addr destination6;
	};
	__be16 source_port;
	__be16 destination_port;
};

static __always_inline __u64 rewrite_ipv4(struct iphdr *ip, const struct ends *ends)
{
	__u64 change = checksum_change32(0, ip->saddr, ends->source4);

	change = checksum_change32(change, ip->daddr, ends->destination4);
	ip->check = checksum_apply(ip->check, change);
	ip->saddr = ends->source4;
	ip->daddr = ends->destination4;
	return change;
}

static __always_inline __u64 rewrite_ipv6(struct ipv6hdr *ip, const struct ends *ends)
{
	__u64 change = checksum_change_addr6(0, ip->saddr.in6_u.u6_addr32, ends->source6.words);

	change = checksum_change_addr6(change, ip->daddr.in6_u.u6_addr32, ends->destination6.words);
	__builtin_memcpy(&ip->saddr, &ends->source6, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &ends->destination6, sizeof(ip->daddr));
	return change;
}

/* New addresses and ports, all checksums right. */
static __always_inline void packet_rewrite(struct packet *packet, const struct ends *ends)
{
	__u64 change = packet->v6 ? rewrite_ipv6(packet->ip6, ends)
				  : rewrite_ipv4(packet->ip4, ends);

	change = checksum_change16(change, packet->source_port, ends->source_port);
	change = checksum_change16(change, packet->destination_port, ends->destination_port);
	/* TCP and UDP begin alike: source port, destination port. */
	packet->udp->source = ends->source_port;
	packet->udp->dest = ends->destination_port;
	checksum_apply_l4(packet, change);
}

/* Out by the interface of that index, to that station. */
static __always_inline enum verdict packet_send(struct packet *packet, __u32 index,
						const __u8 destination[6])
{
	struct lbx_interface *interface = bpf_map_lookup_elem(&interfaces, &index);

	if (!interface)
		return VERDICT_drop_error;
	mac_copy(packet->eth->h_dest, destination);
	mac_copy(packet->eth->h_source, interface->mac);
	if (likely(interface->ifindex == packet->ctx->ingress_ifindex))
		return VERDICT_forward_tx;
	if (!interface->ifindex) /* detached since */
		return VERDICT_drop_error;
	packet->interface = index;
	return VERDICT_forward_redirect;
}

#endif
