/* SPDX-License-Identifier: GPL-2.0 */
/* Turns a TCP segment into the reset that answers it (RFC 9293, 3.10.7.1), in place. */
#ifndef LBX_BPF_RESET_H
#define LBX_BPF_RESET_H

#include "bpf/checksum.h"

static __always_inline void eth_swap(struct ethhdr *eth)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
}

/* Bytes of payload; below 0 if the IP header says that the packet ends within the TCP header. No IP
 * options or extension headers here. */
static __always_inline int segment_payload(const struct packet *packet)
{
	int segment = packet->v6 ? bpf_ntohs(packet->ip6->payload_len)
				 : bpf_ntohs(packet->ip4->tot_len) - (int)sizeof(struct iphdr);

	return segment - packet->tcp->doff * 4;
}

/* Sequence space that the segment takes: its payload, and one each for SYN and FIN. */
static __always_inline __u32 segment_length(const struct packet *packet)
{
	return segment_payload(packet) + !!(packet->tcp_flags & TCP_SYN) +
	       !!(packet->tcp_flags & TCP_FIN);
}

static __always_inline void tcp_make_reset(struct packet *packet)
{
	struct tcphdr *tcp = packet->tcp;
	__be32 sequence = tcp->seq, acknowledged = tcp->ack_seq;
	bool had_ack = packet->tcp_flags & TCP_ACK;
	__u32 length = segment_length(packet);

	tcp->source = packet->destination_port;
	tcp->dest = packet->source_port;
	tcp->seq = had_ack ? acknowledged : 0;
	tcp->ack_seq = had_ack ? 0 : bpf_htonl(bpf_ntohl(sequence) + length);
	((__be16 *)tcp)[6] = bpf_htons(5 << 12 | TCP_RST | (had_ack ? 0 : TCP_ACK));
	tcp->window = 0;
	tcp->check = 0;
	tcp->urg_ptr = 0;
}

static __always_inline void reset_ipv4(struct packet *packet)
{
	struct iphdr *ip = packet->ip4;
	__be32 source = ip->saddr;
	__u64 pseudo;

	ip->saddr = ip->daddr;
	ip->daddr = source;
	ip->ttl = 64;
	ip->tot_len = bpf_htons(40);
	ip->check = 0;
	ip->check = checksum_apply(0xffff, sum_20(ip));
	pseudo = (__u64)ip->saddr + ip->daddr + bpf_htons(IPPROTO_TCP) + bpf_htons(20);
	packet->tcp->check = checksum_apply(0xffff, pseudo + sum_20(packet->tcp));
}

static __always_inline void reset_ipv6(struct packet *packet)
{
	struct ipv6hdr *ip = packet->ip6;
	struct in6_addr source = ip->saddr;
	__u64 pseudo = bpf_htons(IPPROTO_TCP) + bpf_htons(20);

	ip->saddr = ip->daddr;
	ip->daddr = source;
	ip->hop_limit = 64;
	ip->payload_len = bpf_htons(20);
	for (int i = 0; i < 4; i++) {
		pseudo += ip->saddr.in6_u.u6_addr32[i];
		pseudo += ip->daddr.in6_u.u6_addr32[i];
	}
	packet->tcp->check = checksum_apply(0xffff, pseudo + sum_20(packet->tcp));
}

/* Only for whole TCP headers without IP options and extension headers; a reset is never answered
 * (RFC 9293, 3.5.2). */
static __always_inline bool reset_is_possible(const struct packet *packet)
{
	if (packet->protocol != IPPROTO_TCP || (packet->tcp_flags & TCP_RST) || packet->first ||
	    packet->later)
		return false;
	if (packet->v6 ? packet->ip6->nexthdr != IPPROTO_TCP : packet->ip4->ihl != 5)
		return false;
	return segment_payload(packet) >= 0;
}

static __always_inline enum verdict reset_stage(struct packet *packet, enum verdict verdict)
{
	int length = packet->l3_offset + sizeof(struct tcphdr) +
		     (packet->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	int bytes = config.frags ? bpf_xdp_get_buff_len(packet->ctx) : packet->bytes;

	if (!reset_is_possible(packet))
		return verdict == VERDICT_reply_reset_closed ? VERDICT_drop_no_backend
							     : VERDICT_drop_backend_gone;
	eth_swap(packet->eth);
	tcp_make_reset(packet);
	if (packet->v6)
		reset_ipv6(packet);
	else
		reset_ipv4(packet);
	if (bpf_xdp_adjust_tail(packet->ctx, length - bytes))
		return VERDICT_drop_error;
	return verdict;
}

#endif
