/* SPDX-License-Identifier: GPL-2.0 */
/* Stage 5, the tools: give a packet new ends, take one off its TTL, send it. */
#ifndef LBX_BPF_REWRITE_H
#define LBX_BPF_REWRITE_H

#include "bpf/checksum.h"

/* One end of a connection; IPv4 or IPv6, as the packet is. The latter's address stays where it is:
 * the stack is small. */
struct end {
	union {
		__be32 v4;
		const struct lbx_addr *v6;
	};
	__be16 port;
};

/*
 * What a rewrite changes, as sums (checksum.h). The transport's checksum covers addresses and
 * ports, an IPv4 header's addresses and hop, IPv6 has none.
 */
struct rewrite {
	__u64 addresses, ports, hop;
};

static __always_inline void rewrite_address4(struct rewrite *rewrite, __be32 *address, __be32 after)
{
	rewrite->addresses = checksum_change32(rewrite->addresses, *address, after);
	*address = after;
}

static __always_inline void rewrite_address6(struct rewrite *rewrite, struct in6_addr *address,
					     const struct lbx_addr *after)
{
	rewrite->addresses = checksum_change_addr6(rewrite->addresses, address->in6_u.u6_addr32,
						   after->words);
	__builtin_memcpy(address, after, sizeof(*after));
}

static __always_inline void rewrite_port(struct rewrite *rewrite, __be16 *port, __be16 before,
					 __be16 after)
{
	rewrite->ports = checksum_change16(rewrite->ports, before, after);
	*port = after;
}

static __always_inline void rewrite_source(struct rewrite *rewrite, struct packet *packet,
					   const struct end *end)
{
	if (packet->v6)
		rewrite_address6(rewrite, &packet->ip6->saddr, end->v6);
	else
		rewrite_address4(rewrite, &packet->ip4->saddr, end->v4);
	/* TCP and UDP begin alike: source port, destination port. */
	if (!packet->later)
		rewrite_port(rewrite, &packet->udp->source, packet->source_port, end->port);
}

static __always_inline void rewrite_destination(struct rewrite *rewrite, struct packet *packet,
						const struct end *end)
{
	if (packet->v6)
		rewrite_address6(rewrite, &packet->ip6->daddr, end->v6);
	else
		rewrite_address4(rewrite, &packet->ip4->daddr, end->v4);
	if (!packet->later)
		rewrite_port(rewrite, &packet->udp->dest, packet->destination_port, end->port);
}

/* One hop less to go; see packet_is_expiring. */
static __always_inline void rewrite_hop(struct rewrite *rewrite, struct packet *packet)
{
	if (packet->v6) {
		packet->ip6->hop_limit--;
		return;
	}
	packet->ip4->ttl--; /* the high byte of a 16-bit word of the header */
	rewrite->hop -= bpf_htons(0x0100);
}

/* Makes all checksums right. */
static __always_inline void rewrite_finish(const struct rewrite *rewrite, struct packet *packet)
{
	if (!packet->v6)
		packet->ip4->check = checksum_apply(packet->ip4->check,
						    rewrite->addresses + rewrite->hop);
	if (!packet->later)
		checksum_apply_l4(packet, rewrite->addresses + rewrite->ports);
}

/* Whether the packet may not go one hop further. */
static __always_inline bool packet_is_expiring(const struct packet *packet)
{
	return (packet->v6 ? packet->ip6->hop_limit : packet->ip4->ttl) <= 1;
}

/* Out by the interface of that index, between those two stations. */
static __always_inline enum verdict packet_send(struct packet *packet, __u32 index, __u32 ifindex,
						const __u8 destination[6], const __u8 source[6])
{
	mac_copy(packet->eth->h_dest, destination);
	mac_copy(packet->eth->h_source, source);
	if (likely(ifindex == packet->ctx->ingress_ifindex))
		return VERDICT_forward_tx;
	if (!ifindex) /* detached since */
		return VERDICT_drop_error;
	packet->way = index + 1;
	return VERDICT_forward_redirect;
}

/* The same, where only the interface's index is known. */
static __always_inline enum verdict packet_send_by(struct packet *packet, __u32 index,
						   const __u8 destination[6])
{
	struct lbx_interface *interface = bpf_map_lookup_elem(&interfaces, &index);

	if (!interface)
		return VERDICT_drop_error;
	return packet_send(packet, index, interface->ifindex, destination, interface->mac);
}

#endif
