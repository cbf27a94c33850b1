/* SPDX-License-Identifier: GPL-2.0 */
/* Answers pings of VIPs whose services want that, in place (RFC 1122, 3.2.2.6; RFC 4443, 4.2). */
#ifndef LBX_BPF_PING_H
#define LBX_BPF_PING_H

#include "bpf/flow.h"
#include "bpf/reset.h"
#include "bpf/service.h"

#define PING_TTL 64

/* Nobody to answer: multicast, broadcast, or an address that is none. */
static __always_inline bool source_is_answerable(const struct packet *packet)
{
	const __u8 *source = packet->v6 ? (void *)&packet->ip6->saddr : (void *)&packet->ip4->saddr;

	return packet->v6 ? source[0] != 0xff : source[0] != 0 && source[0] < 224;
}

/* Source and destination change places, which changes no sum. */
static __always_inline void ping_turn4(struct packet *packet, struct icmp *icmp)
{
	struct iphdr *ip = packet->ip4;
	__be32 source = ip->saddr;
	__u64 change = bpf_htons(PING_TTL << 8);

	change -= bpf_htons((__u16)ip->ttl << 8);
	ip->saddr = ip->daddr;
	ip->daddr = source;
	ip->ttl = PING_TTL;
	ip->check = checksum_apply(ip->check, change);
	icmp->type = ICMP4_ECHO_REPLY;
	icmp->check = checksum_apply(icmp->check, 0 - (__u64)bpf_htons(ICMP4_ECHO << 8));
}

static __always_inline void ping_turn6(struct packet *packet, struct icmp *icmp)
{
	struct ipv6hdr *ip = packet->ip6;
	struct in6_addr source = ip->saddr;

	ip->saddr = ip->daddr;
	ip->daddr = source;
	ip->hop_limit = PING_TTL;
	icmp->type = ICMP6_ECHO_REPLY;
	icmp->check = checksum_apply(icmp->check, bpf_htons((ICMP6_ECHO_REPLY - ICMP6_ECHO) << 8));
}

static __always_inline enum verdict ping_stage(struct packet *packet, struct icmp *icmp)
{
	struct lbx_service_ref ref;

	if (icmp->type != (packet->v6 ? ICMP6_ECHO : ICMP4_ECHO) || icmp->code)
		return VERDICT_pass_protocol;
	ref_lookup(packet, 0, 0, &ref);
	if (ref.kind != LBX_REF_ADDRESS || !(ref.flags & LBX_ADDRESS_PING))
		return VERDICT_pass_protocol;
	if (!source_is_answerable(packet) || !packet_interface(packet))
		return VERDICT_pass_not_for_us;
	eth_swap(packet->eth);
	if (packet->v6)
		ping_turn6(packet, icmp);
	else
		ping_turn4(packet, icmp);
	return VERDICT_reply_ping;
}

#endif
