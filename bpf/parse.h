/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage 1: find the headers. Everything later stages touch is bounds-checked here, once. Whatever
 * cannot be for a service is PASSed; so is what is broken, for the kernel's own counters to tell
 * of.
 */
#ifndef LBX_BPF_PARSE_H
#define LBX_BPF_PARSE_H

#include <bpf/bpf_endian.h>

#include "bpf/packet.h"

#define IP_MF 0x2000
#define IP_OFFSET 0x1fff
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

/* Finds the network header: packet->l3, and (returned) what it is; 0: nothing for us. */
static __always_inline __be16 parse_ethernet(struct packet *packet)
{
	__be16 protocol = eth_protocol(packet->eth);
	__u32 tags;

	packet->l3_offset = sizeof(*packet->eth);
	packet->l3 = packet->eth + 1;
	if (likely(!protocol_is_vlan(protocol)))
		return protocol;
	tags = tags_walk(packet->ctx);
	packet->l3_offset += tags >> 16 & (L3_OFFSET_MASK >> 1);
	packet->l3 = (void *)packet->eth + packet->l3_offset;
	return tags;
}

/* Whether the packet is longer than what there is of it. Only the front of a frame in fragments
 * (XDP multi-buffer) lies before data_end. */
static __always_inline bool packet_is_cut(struct packet *packet, __u64 bytes)
{
	__u64 there = packet_end(packet) - packet->l3;

	if (likely(bytes <= there))
		return false;
	if (!config.frags)
		return true;
	packet->bytes = bpf_xdp_get_buff_len(packet->ctx);
	return bytes > packet->bytes - packet->l3_offset;
}

static __always_inline enum verdict parse_tcp(struct packet *packet)
{
	struct tcphdr *tcp = packet->tcp;

	if (unlikely((void *)(tcp + 1) > packet_end(packet)))
		return VERDICT_pass_short;
	if (unlikely(tcp->doff < 5))
		return VERDICT_pass_malformed;
	packet->source_port = tcp->source;
	packet->destination_port = tcp->dest;
	packet->tcp_flags = ((__u8 *)tcp)[13];
	return VERDICT_CONTINUE;
}

static __always_inline enum verdict parse_udp(struct packet *packet)
{
	struct udphdr *udp = packet->udp;

	if (unlikely((void *)(udp + 1) > packet_end(packet)))
		return VERDICT_pass_short;
	packet->source_port = udp->source;
	packet->destination_port = udp->dest;
	packet->tcp_flags = 0;
	return VERDICT_CONTINUE;
}

/* In tunnel.h. */
__u32 tunnel4_send(struct xdp_md *ctx, __u32 l3, __u32 id, __u32 port);
__u32 tunnel6_send(struct xdp_md *ctx, __u32 l3, __u32 id, __u32 port);
/* In icmp.h. l4: where the ICMP header begins. */
__u32 icmp4_stage(struct xdp_md *ctx, __u32 l3, __u32 l4);
__u32 icmp6_stage(struct xdp_md *ctx, __u32 l3, __u32 l4);
__u32 icmp4_passing(struct xdp_md *ctx, __u32 l3, __u32 l4);
__u32 icmp6_passing(struct xdp_md *ctx, __u32 l3, __u32 l4);

static __always_inline bool feature_is_on(__u32 feature)
{
	struct lbx_settings *s = settings_lookup();

	return s && s->features & feature;
}

/* Whole, to the backend whose flow it is about; the stack is too small to do it from there. way:
 * its id, and whether by gue. */
static __always_inline __u32 error_tunnel(struct packet *packet, __u32 way)
{
	__u32 id = way & 0xffff, port = way & OUTCOME_GUE ? GUE_PORT_BASE : 0;
	__u32 outcome = packet->v6 ? tunnel6_send(packet->ctx, packet->l3_offset, id, port)
				   : tunnel4_send(packet->ctx, packet->l3_offset, id, port);
	__u8 verdict = outcome & 0xff;

	if (verdict != VERDICT_forward_tx && verdict != VERDICT_forward_redirect)
		return outcome;
	return outcome_of(VERDICT_forward_error, outcome >> 8);
}

static __always_inline enum verdict parse_icmp(struct packet *packet, __u32 l4)
{
	__u32 outcome = packet->v6 ? icmp6_stage(packet->ctx, packet->l3_offset, l4)
				   : icmp4_stage(packet->ctx, packet->l3_offset, l4);

	/* Not about a flow that ends here: about one that passes by? */
	if (outcome == VERDICT_pass_no_flow && feature_is_on(LBX_FEATURE_NAT))
		outcome = packet->v6 ? icmp6_passing(packet->ctx, packet->l3_offset, l4)
				     : icmp4_passing(packet->ctx, packet->l3_offset, l4);
	if (!(outcome & 0xff))
		outcome = error_tunnel(packet, outcome >> 8);
	packet->way = outcome >> 8;
	outcome &= 0xff;
	/* Never CONTINUE: the verifier must see that nobody touches the packet after this. */
	return outcome ? outcome : VERDICT_drop_error;
}

/* header: bytes of the network header. */
static __always_inline enum verdict parse_l4(struct packet *packet, __u32 protocol, __u32 header)
{
	packet->protocol = protocol;
	if (protocol == IPPROTO_TCP)
		return parse_tcp(packet);
	if (protocol == IPPROTO_UDP)
		return parse_udp(packet);
	if (protocol == (packet->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return parse_icmp(packet, packet->l3_offset + header);
	return VERDICT_pass_protocol;
}

static __always_inline enum verdict parse_ipv4(struct packet *packet)
{
	struct iphdr *ip = packet->l3;
	void *end = packet_end(packet);

	packet->v6 = false;
	packet->ip4 = ip;
	if (unlikely((void *)(ip + 1) > end))
		return VERDICT_pass_short;
	if (unlikely(ip->version != 4 || ip->ihl < 5))
		return VERDICT_pass_malformed;
	if (unlikely(packet_is_cut(packet, bpf_ntohs(ip->tot_len))))
		return VERDICT_pass_short;
	if (unlikely(ip->frag_off & bpf_htons(IP_MF | IP_OFFSET)))
		return VERDICT_pass_fragment;
	packet->l4 = (void *)ip + ip->ihl * 4;
	return parse_l4(packet, ip->protocol, ip->ihl * 4);
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

static __always_inline enum verdict parse_extensions(struct packet *packet, __u32 *next,
						     __u32 *header)
{
	__u32 walk = extensions_walk(packet->ctx, packet->l3_offset);

	if (walk >> 24)
		return walk >> 24;
	*next = walk >> 16 & 0xff;
	asm volatile(""
		     : "+r"(*next)); /* one register, or the verifier loses track of the copies */
	packet->l4 += walk & WALK_OFFSET_MAX;
	*header += walk & WALK_OFFSET_MAX;
	return *next == NEXT_FRAGMENT ? VERDICT_pass_fragment : VERDICT_CONTINUE;
}

static __always_inline enum verdict parse_ipv6(struct packet *packet)
{
	struct ipv6hdr *ip = packet->l3;
	void *end = packet_end(packet);
	__u32 next, header = sizeof(*ip);
	enum verdict verdict;

	packet->v6 = true;
	packet->ip6 = ip;
	packet->l4 = ip + 1;
	if (unlikely(packet->l4 > end))
		return VERDICT_pass_short;
	if (unlikely(ip->version != 6))
		return VERDICT_pass_malformed;
	if (unlikely(packet_is_cut(packet, sizeof(*ip) + bpf_ntohs(ip->payload_len))))
		return VERDICT_pass_short;
	next = ip->nexthdr;
	if (unlikely(next_is_extension(next) || next == NEXT_FRAGMENT)) {
		verdict = parse_extensions(packet, &next, &header);
		if (verdict != VERDICT_CONTINUE)
			return verdict;
	}
	return parse_l4(packet, next, header);
}

#endif
