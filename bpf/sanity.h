/* SPDX-License-Identifier: GPL-2.0 */
/* Packets to a service that no honest sender makes: dropped, before they can touch a flow. */
#ifndef LBX_BPF_SANITY_H
#define LBX_BPF_SANITY_H

#include "bpf/packet.h"

/* Bit per combination of the low five flags, FIN SYN RST PSH ACK: the ones that TCP sends. A
 * segment opens (SYN), resets, or acknowledges (RFC 9293, 3.10.7); never two of a kind. */
#define FLAGS(flags) (1U << (flags) | 1U << ((flags) | TCP_PSH))
#define TCP_FLAGS_KNOWN                                                                            \
	(FLAGS(TCP_SYN) | FLAGS(TCP_SYN | TCP_ACK) | FLAGS(TCP_ACK) | FLAGS(TCP_FIN | TCP_ACK) |   \
	 FLAGS(TCP_RST) | FLAGS(TCP_RST | TCP_ACK))

/* Bytes from the transport header to the end of the packet, as the IP header has it. Not after
 * extension headers: then those are counted too, and the check is the weaker. */
static __always_inline __u32 transport_bytes(const struct packet *packet)
{
	if (packet->v6)
		return bpf_ntohs(packet->ip6->payload_len);
	return bpf_ntohs(packet->ip4->tot_len) - packet->ip4->ihl * 4;
}

static __always_inline enum verdict sanity_check(const struct packet *packet)
{
	__u32 bytes = transport_bytes(packet), length;

	if (packet->later)
		return VERDICT_CONTINUE;
	if (packet->protocol == IPPROTO_TCP) {
		if (unlikely(packet->tcp->doff * 4U > bytes))
			return VERDICT_drop_bad_length;
		if (unlikely(!(TCP_FLAGS_KNOWN >> (packet->tcp_flags & 31) & 1)))
			return VERDICT_drop_bad_flags;
		return VERDICT_CONTINUE;
	}
	length = bpf_ntohs(packet->udp->len);
	if (unlikely(length < sizeof(struct udphdr) || (length > bytes && !packet->first)))
		return VERDICT_drop_bad_length;
	return VERDICT_CONTINUE;
}

#endif
