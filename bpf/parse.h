/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage 1: find the headers. Everything later stages touch is bounds-checked here, once. Whatever
 * cannot be for a service is PASSed; so is what is broken, for the kernel's own counters to tell
 * of.
 */
#ifndef LBX_BPF_PARSE_H
#define LBX_BPF_PARSE_H

#include <bpf/bpf_endian.h>

#include "bpf/headers.h"
#include "bpf/packet.h"

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

static __always_inline enum verdict parse_later(struct packet *packet, __u64 layout)
{
	struct scratch *scratch = scratch_lookup();

	if (!scratch)
		return VERDICT_drop_error;
	packet->later = true;
	packet->protocol = layout_protocol(layout);
	packet->source_port = scratch->ports.source;
	packet->destination_port = scratch->ports.destination;
	/* flags that change nothing */
	packet->tcp_flags = packet->protocol == IPPROTO_TCP ? TCP_ACK : 0;
	return VERDICT_CONTINUE;
}

static __always_inline enum verdict parse_l4(struct packet *packet, __u64 layout)
{
	__u32 protocol = layout_protocol(layout);

	packet->protocol = protocol;
	packet->first = layout & LAYOUT_FIRST;
	if (unlikely(layout & LAYOUT_LATER))
		return parse_later(packet, layout);
	if (protocol == IPPROTO_TCP)
		return parse_tcp(packet);
	if (protocol == IPPROTO_UDP)
		return parse_udp(packet);
	if (protocol == (packet->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return parse_icmp(packet, packet->l3_offset + layout_header(layout));
	return VERDICT_pass_protocol;
}

static __always_inline enum verdict parse_ipv4(struct packet *packet, __u64 layout)
{
	struct iphdr *ip = packet->l3;

	packet->v6 = false;
	packet->ip4 = ip;
	if (unlikely((void *)(ip + 1) > packet_end(packet)))
		return VERDICT_pass_short;
	if (unlikely(ip->version != 4 || ip->ihl < 5))
		return VERDICT_pass_malformed;
	if (unlikely(packet_is_cut(packet, bpf_ntohs(ip->tot_len))))
		return VERDICT_pass_short;
	packet->l4 = (void *)ip + ip->ihl * 4;
	return parse_l4(packet, layout);
}

static __always_inline enum verdict parse_ipv6(struct packet *packet, __u64 layout)
{
	struct ipv6hdr *ip = packet->l3;

	packet->v6 = true;
	packet->ip6 = ip;
	if (unlikely((void *)(ip + 1) > packet_end(packet)))
		return VERDICT_pass_short;
	if (unlikely(ip->version != 6))
		return VERDICT_pass_malformed;
	if (unlikely(packet_is_cut(packet, sizeof(*ip) + bpf_ntohs(ip->payload_len))))
		return VERDICT_pass_short;
	packet->l4 = (void *)ip + layout_header(layout);
	return parse_l4(packet, layout);
}

/* Of a packet whose headers follow each other at once; 0: it is not one. */
static __always_inline __u64 layout_plain(struct packet *packet)
{
	__be16 type = eth_protocol(packet->eth);
	const __u32 l3 = sizeof(struct ethhdr);
	void *end = packet_end(packet);
	struct ipv6hdr *ip6 = (void *)(packet->eth + 1);
	struct iphdr *ip4 = (void *)(packet->eth + 1);

	if (likely(type == bpf_htons(ETH_P_IP))) {
		if (unlikely((void *)(ip4 + 1) > end))
			return VERDICT_pass_short;
		if (unlikely(ip4->frag_off & bpf_htons(IP_MF | IP_OFFSET)))
			return 0;
		return layout_of(l3, ip4->protocol, ip4->ihl * 4);
	}
	if (type != bpf_htons(ETH_P_IPV6))
		return protocol_is_vlan(type) ? 0 : VERDICT_pass_not_ip;
	if (unlikely((void *)(ip6 + 1) > end))
		return VERDICT_pass_short;
	if (unlikely(next_is_extension(ip6->nexthdr) || ip6->nexthdr == NEXT_FRAGMENT))
		return 0;
	return layout_of(l3, ip6->nexthdr, sizeof(*ip6)) | LAYOUT_V6;
}

/* Finds the network header: packet->l3. The layout, or a verdict. */
static __always_inline __u64 parse_layout(struct packet *packet)
{
	__u64 layout;

	if (unlikely((void *)(packet->eth + 1) > packet_end(packet)))
		return VERDICT_pass_short;
	layout = layout_plain(packet);
	packet->l3_offset = sizeof(struct ethhdr);
	if (unlikely(!layout)) {
		layout = layout_walk(packet->ctx);
		packet->l3_offset = layout_l3(layout);
	}
	packet->l3 = (void *)packet->eth + packet->l3_offset;
	return layout;
}

#endif
