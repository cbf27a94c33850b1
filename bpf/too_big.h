/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Path MTU discovery (RFC 1191, 8201): who sends a packet that does not fit into the tunnel to its
 * backend is told so, in place, by the VIP. Also who did not ask for it with DF: a router would
 * fragment then, which a program here cannot, and Linux learns from it all the same.
 */
#ifndef LBX_BPF_TOO_BIG_H
#define LBX_BPF_TOO_BIG_H

#include "bpf/clock.h"
#include "bpf/parse.h"
#include "bpf/reset.h"

/* Of the packet that was too big: any IPv4 header and more of the transport than the 8 bytes that
 * are wanted (RFC 792, 1812), and a good part of any IPv6 one. */
#define QUOTE 128
#define IPV6_MTU_MIN 1280
#define REPLIES_PER_TICK 1000 /* and CPU (RFC 4443, 2.4 f: errors are rate-limited) */

struct reply_budget {
	__u32 tick;
	__u32 used;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct reply_budget);
	__uint(max_entries, 1);
} reply_budgets SEC(".maps");

static __always_inline bool reply_is_allowed(void)
{
	__u32 zero = 0, now = clock_tick();
	struct reply_budget *budget = bpf_map_lookup_elem(&reply_budgets, &zero);

	if (!budget)
		return false;
	if (budget->tick != now) {
		budget->tick = now;
		budget->used = 0;
	}
	return budget->used++ < REPLIES_PER_TICK;
}

/* As its header has it; 0: there is no header. */
static __always_inline __u32 packet_bytes(void *header, void *end, bool v6)
{
	struct ipv6hdr *ip6 = header;
	struct iphdr *ip4 = header;

	if (v6)
		return (void *)(ip6 + 1) > end ? 0 : sizeof(*ip6) + bpf_ntohs(ip6->payload_len);
	return (void *)(ip4 + 1) > end ? 0 : bpf_ntohs(ip4->tot_len);
}

struct too_big4 {
	struct iphdr ip;
	struct icmp icmp;
};

struct too_big6 {
	struct ipv6hdr ip;
	struct icmp icmp;
};

/* Never a later fragment, nor an error (RFC 1122, 3.2.2); of ICMP nothing else gets here. */
static __always_inline bool is_answerable(void *header, void *end, bool v6)
{
	struct ipv6hdr *ip6 = header;
	struct iphdr *ip4 = header;

	if (v6)
		return (void *)(ip6 + 1) <= end && ip6->nexthdr != IPPROTO_ICMPV6;
	return (void *)(ip4 + 1) <= end && !(ip4->frag_off & bpf_htons(IP_OFFSET)) &&
	       ip4->protocol != IPPROTO_ICMP;
}

static __always_inline void too_big4_write(struct too_big4 *reply, __u32 mtu)
{
	struct iphdr *quoted = (void *)(reply + 1), *ip = &reply->ip;

	reply->icmp.type = ICMP4_UNREACHABLE;
	reply->icmp.code = ICMP4_TOO_BIG;
	reply->icmp.check = 0;
	reply->icmp.rest = bpf_htonl(mtu); /* 16 bits unused, 16 bits MTU (RFC 1191) */
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = 0;
	ip->tot_len = bpf_htons(sizeof(*reply) + QUOTE);
	ip->id = 0;
	ip->frag_off = 0;
	ip->ttl = 64;
	ip->protocol = IPPROTO_ICMP;
	ip->check = 0;
	ip->saddr = quoted->daddr;
	ip->daddr = quoted->saddr;
	ip->check = ~sum_fold(sum_20(ip));
	reply->icmp.check = ~sum_fold(
		bpf_csum_diff(NULL, 0, (__be32 *)&reply->icmp, sizeof(reply->icmp) + QUOTE, 0));
}

static __always_inline void too_big6_write(struct too_big6 *reply, __u32 mtu)
{
	struct ipv6hdr *quoted = (void *)(reply + 1), *ip = &reply->ip;
	__be16 length = bpf_htons(sizeof(reply->icmp) + QUOTE);
	__u64 pseudo;

	*(__be32 *)ip = bpf_htonl(6U << 28);
	ip->payload_len = length;
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = 64;
	ip->saddr = quoted->daddr;
	ip->daddr = quoted->saddr;
	reply->icmp.type = ICMP6_TOO_BIG;
	reply->icmp.code = 0;
	reply->icmp.check = 0;
	reply->icmp.rest = bpf_htonl(mtu);
	pseudo = sum_addr6(ip->saddr.in6_u.u6_addr32) + sum_addr6(ip->daddr.in6_u.u6_addr32) +
		 length + bpf_htons(IPPROTO_ICMPV6);
	reply->icmp.check = ~sum_fold(pseudo + (__u32)bpf_csum_diff(NULL, 0, (__be32 *)&reply->icmp,
								    sizeof(reply->icmp) + QUOTE,
								    0));
}

/* Cuts the packet to its front, with room for the reply's headers before it; MACs swapped, tags
 * kept. NULL: it cannot be done. */
static __always_inline void *too_big_room(struct xdp_md *ctx, __u32 l3, int bytes)
{
	int whole = config.frags ? bpf_xdp_get_buff_len(ctx) : ctx->data_end - ctx->data;
	struct ethhdr *to, *from;
	void *end;

	if (bpf_xdp_adjust_tail(ctx, (int)l3 + QUOTE - whole) || bpf_xdp_adjust_head(ctx, -bytes))
		return NULL;
	to = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	from = (void *)to + bytes;
	if ((void *)from + L3_OFFSET_MASK + 1 > end)
		return NULL;
	mac_copy(to->h_dest, from->h_source);
	mac_copy(to->h_source, from->h_dest);
	for (int i = 6; i < 7 + 2 * VLAN_TAGS_MAX; i++)
		((__be16 *)to)[i] = ((__be16 *)from)[i];
	return (void *)to + (l3 & L3_OFFSET_MASK);
}

static __always_inline __u32 too_big_reply(struct xdp_md *ctx, __u32 l3, __u32 mtu, bool v6)
{
	void *ip = (void *)(long)ctx->data + (l3 & L3_OFFSET_MASK);
	struct too_big4 *four;
	struct too_big6 *six;

	/* A sender need not go below 1280 (RFC 8201, section 4): nothing helps then. */
	if (!reply_is_allowed() || (v6 && mtu < IPV6_MTU_MIN))
		return VERDICT_drop_too_big;
	if (!is_answerable(ip, (void *)(long)ctx->data_end, v6))
		return VERDICT_drop_too_big;
	if (v6) {
		six = too_big_room(ctx, l3, sizeof(*six));
		if (!six || (void *)(six + 1) + QUOTE > (void *)(long)ctx->data_end)
			return VERDICT_drop_too_big;
		too_big6_write(six, mtu);
	} else {
		four = too_big_room(ctx, l3, sizeof(*four));
		if (!four || (void *)(four + 1) + QUOTE > (void *)(long)ctx->data_end)
			return VERDICT_drop_too_big;
		too_big4_write(four, mtu);
	}
	return VERDICT_reply_too_big;
}

#endif
