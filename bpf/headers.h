/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What may stand between Ethernet and transport: VLAN tags, IPv6 extension headers, fragments. All
 * that is not plain is walked through here, in functions of their own, and described by one word:
 * the verifier then looks at what follows twice, for plain packets and for others, and not once for
 * each way in which headers combine.
 */
#ifndef LBX_BPF_HEADERS_H
#define LBX_BPF_HEADERS_H

#include "bpf/fragment.h"
#include "bpf/packet.h"

#define VLAN_TAGS_MAX 2
#define IPV6_EXTENSIONS_MAX 8 /* more are no sensible packet; the bound is for the verifier */

/* Extension headers of IPv6 (RFC 8200, section 4); not in <linux/in.h> without dragging libc in. */
enum ipv6_next {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_DESTINATION = 60,
};

/* The common front of hop-by-hop, routing and destination options headers. */
struct ipv6_extension {
	__u8 next;
	__u8 length;	    /* in units of 8 bytes, the first not counted */
	__u8 type;	    /* routing only */
	__u8 segments_left; /* routing only */
};

/*
 * Where the headers of a packet are:
 *
 *     63      48 47    32 31      24 20     16   10      9       8    7       0
 *    +----------+--------+----------+---------+-------+-------+----+---------+
 *    | 0        | header | protocol | l3      | later | first | v6 | verdict |
 *    +----------+--------+----------+---------+-------+-------+----+---------+
 *
 * l3: offset of the IP header. header: its bytes, with all extension headers. protocol: of the
 * transport. first, later: of a fragmented datagram; the ports of a later fragment are in
 * scratch->ports. verdict: CONTINUE, or the rest is void.
 */
#define LAYOUT_V6 (1 << 8)
#define LAYOUT_FIRST (1 << 9)
#define LAYOUT_LATER (1 << 10)

static __always_inline __u64 layout_of(__u32 l3, __u32 protocol, __u32 header)
{
	return (__u64)(header & L4_OFFSET_MASK) << 32 | protocol << 24 | l3 << 16;
}

static __always_inline __u32 layout_l3(__u64 layout)
{
	return layout >> 16 & L3_OFFSET_MASK;
}

static __always_inline __u32 layout_protocol(__u64 layout)
{
	return layout >> 24 & 0xff;
}

static __always_inline __u32 layout_header(__u64 layout)
{
	return layout >> 32 & L4_OFFSET_MASK;
}

/* IEEE 802.1Q; not in <linux/if_vlan.h> for user space. */
struct vlan_tag {
	__be16 id; /* with priority */
	__be16 protocol;
};

static __always_inline bool protocol_is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

/*
 * Steps over VLAN tags. Not static and not inlined: see extensions_walk. Returns what they are
 * before, as on the wire, | their bytes << 16; 0 if the frame ends in them or there are too many.
 */
__u32 __noinline tags_walk(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct vlan_tag *tag = (void *)(eth + 1);
	__be16 protocol;

	if ((void *)tag > end)
		return 0;
	protocol = eth->h_proto;
	for (int i = 0; i < VLAN_TAGS_MAX && protocol_is_vlan(protocol); i++) {
		if ((void *)(tag + 1) > end)
			return 0;
		protocol = tag++->protocol;
	}
	if (protocol_is_vlan(protocol))
		return 0;
	return ((void *)tag - (void *)(eth + 1)) << 16 | protocol;
}

#define WALK_OFFSET_MAX 0x3fff /* 8 headers of 2 KiB, as the field allows */

/* Where a walk over extension headers ended. */
struct walk {
	__u32 offset; /* from the end of the fixed header */
	__u8 next;    /* the header found there */
	__u8 verdict; /* CONTINUE, or why not */
};

static __always_inline bool next_is_extension(__u32 next)
{
	return next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_DESTINATION;
}

/* Steps over one extension header. */
static __always_inline void walk_step(struct walk *walk, void *base, void *end)
{
	struct ipv6_extension *extension = base + (walk->offset & WALK_OFFSET_MAX);

	if ((void *)(extension + 1) > end) {
		walk->verdict = VERDICT_pass_short;
		return;
	}
	/* The checksum's pseudo-header names the last segment, not ip6->daddr (RFC 8200, 8.1). */
	if (walk->next == NEXT_ROUTING && extension->segments_left)
		walk->verdict = VERDICT_pass_protocol;
	walk->next = extension->next;
	walk->offset += (extension->length + 1) * 8;
}

/*
 * Walks the extension headers. Not static and not inlined, so that the verifier looks at it once,
 * and at what follows it not once for each number of headers. Returns offset | next << 16 | verdict
 * << 24.
 */
__u32 __noinline extensions_walk(struct xdp_md *ctx, __u32 l3)
{
	void *base = (void *)(long)ctx->data + (l3 & L3_OFFSET_MASK) + sizeof(struct ipv6hdr);
	void *end = (void *)(long)ctx->data_end;
	struct walk walk = {};

	if (base > end)
		return VERDICT_pass_short << 24;
	walk.next = ((struct ipv6hdr *)base - 1)->nexthdr;
	for (int i = 0; i < IPV6_EXTENSIONS_MAX && !walk.verdict; i++) {
		if (!next_is_extension(walk.next))
			break;
		walk_step(&walk, base, end);
	}
	return (walk.offset & WALK_OFFSET_MAX) | walk.next << 16 | walk.verdict << 24;
}

/* What is known of the fragment whose stage said that. */
static __always_inline __u64 layout_fragment(__u64 layout, __u64 found)
{
	struct scratch *scratch = scratch_lookup();

	if (found & 0xff)
		return found & 0xff;
	if (!(found & FRAGMENT_LATER))
		return layout | LAYOUT_FIRST;
	if (!scratch)
		return VERDICT_drop_error;
	scratch->ports.source = found >> 16;
	scratch->ports.destination = found >> 32;
	return layout | LAYOUT_FIRST | LAYOUT_LATER;
}

static __always_inline __u64 layout_walk4(struct xdp_md *ctx, __u32 l3)
{
	struct iphdr *ip = (void *)(long)ctx->data + (l3 & L3_OFFSET_MASK);
	__u64 layout;

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return VERDICT_pass_short;
	layout = layout_of(l3, ip->protocol, ip->ihl * 4);
	if (!(ip->frag_off & bpf_htons(IP_MF | IP_OFFSET)))
		return layout;
	return layout_fragment(layout, fragment4_stage(ctx, l3));
}

static __always_inline __u64 layout_walk6(struct xdp_md *ctx, __u32 l3)
{
	__u32 walk = extensions_walk(ctx, l3), next = walk >> 16 & 0xff;
	__u32 header = sizeof(struct ipv6hdr) + (walk & WALK_OFFSET_MAX);
	struct ipv6_fragment *fragment;

	if (walk >> 24)
		return walk >> 24;
	if (next != NEXT_FRAGMENT)
		return layout_of(l3, next, header) | LAYOUT_V6;
	fragment = (void *)(long)ctx->data + ((l3 + header) & L4_OFFSET_MASK);
	if ((void *)(fragment + 1) > (void *)(long)ctx->data_end)
		return VERDICT_pass_short;
	return layout_fragment(layout_of(l3, fragment->next, header + sizeof(*fragment)) |
				       LAYOUT_V6,
			       fragment6_stage(ctx, l3, l3 + header));
}

/* Not static: see extensions_walk. */
__u64 __noinline layout_walk(struct xdp_md *ctx)
{
	__u32 tags = tags_walk(ctx), l3 = sizeof(struct ethhdr) + (tags >> 16);

	if ((__be16)tags == bpf_htons(ETH_P_IP))
		return layout_walk4(ctx, l3);
	if ((__be16)tags == bpf_htons(ETH_P_IPV6))
		return layout_walk6(ctx, l3);
	return VERDICT_pass_not_ip;
}

#endif
