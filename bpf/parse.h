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

static __always_inline enum verdict parse_l4(struct packet *packet, __u8 protocol)
{
	packet->protocol = protocol;
	if (protocol == IPPROTO_TCP)
		return parse_tcp(packet);
	if (protocol == IPPROTO_UDP)
		return parse_udp(packet);
	return VERDICT_pass_protocol;
}

static __always_inline enum verdict parse_ipv4(struct packet *packet)
{
	struct iphdr *ip = (void *)(packet->eth + 1);
	void *end = packet_end(packet);

	packet->v6 = false;
	packet->ip4 = ip;
	if (unlikely((void *)(ip + 1) > end))
		return VERDICT_pass_short;
	if (unlikely(ip->version != 4 || ip->ihl < 5))
		return VERDICT_pass_malformed;
	if (unlikely(bpf_ntohs(ip->tot_len) > (__u64)(end - (void *)ip)))
		return VERDICT_pass_short;
	if (unlikely(ip->frag_off & bpf_htons(IP_MF | IP_OFFSET)))
		return VERDICT_pass_fragment;
	packet->l4 = (void *)ip + ip->ihl * 4;
	return parse_l4(packet, ip->protocol);
}

/* Steps over one extension header. Returns CONTINUE while there are more, and sets *next. */
static __always_inline enum verdict parse_extension(void **cursor, void *end, __u8 *next)
{
	struct ipv6_extension *extension = *cursor;

	if ((void *)(extension + 1) > end)
		return VERDICT_pass_short;
	/* The checksum's pseudo-header names the last segment, not ip6->daddr (RFC 8200, 8.1). */
	if (*next == NEXT_ROUTING && extension->segments_left)
		return VERDICT_pass_protocol;
	*next = extension->next;
	*cursor += (extension->length + 1) * 8;
	return VERDICT_CONTINUE;
}

static __always_inline enum verdict parse_ipv6(struct packet *packet)
{
	struct ipv6hdr *ip = (void *)(packet->eth + 1);
	void *end = packet_end(packet), *cursor = ip + 1;
	enum verdict verdict;
	__u8 next;

	packet->v6 = true;
	packet->ip6 = ip;
	if (unlikely((void *)(ip + 1) > end))
		return VERDICT_pass_short;
	if (unlikely(ip->version != 6))
		return VERDICT_pass_malformed;
	if (unlikely(bpf_ntohs(ip->payload_len) > (__u64)(end - cursor)))
		return VERDICT_pass_short;
	next = ip->nexthdr;
	for (int i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		if (likely(next != NEXT_HOP_BY_HOP && next != NEXT_ROUTING &&
			   next != NEXT_DESTINATION))
			break;
		verdict = parse_extension(&cursor, end, &next);
		if (verdict != VERDICT_CONTINUE)
			return verdict;
	}
	if (unlikely(next == NEXT_FRAGMENT))
		return VERDICT_pass_fragment;
	packet->l4 = cursor;
	return parse_l4(packet, next);
}

#endif
