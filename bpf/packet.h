/* SPDX-License-Identifier: GPL-2.0 */
/* One packet on its way through the stages. Lives in registers: every stage is inlined, and its
 * address never escapes. */
#ifndef LBX_BPF_PACKET_H
#define LBX_BPF_PACKET_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>

#include "bpf/maps.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))

/* As on the wire: byte 13 of the TCP header. */
enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
};

/* Of both families (RFC 792, 4443); <linux/icmp.h> drags libc in. */
struct icmp {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 rest; /* by type: MTU, identifier and sequence number, nothing */
};

enum icmp_type {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_ECHO = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER_PROBLEM = 12,
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER_PROBLEM = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP4_TOO_BIG = 4, /* a code of ICMP4_UNREACHABLE */
};

struct packet {
	struct xdp_md *ctx;
	struct ethhdr *eth;
	void *l3; /* behind Ethernet header and VLAN tags, which stay as they are */
	__u32 l3_offset;
	union {
		struct iphdr *ip4;
		struct ipv6hdr *ip6;
	};
	union {
		void *l4;
		struct tcphdr *tcp;
		struct udphdr *udp;
	};
	__u64 bytes; /* of the frame */
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 tcp_flags; /* 0 for UDP */
	bool v6;	/* a constant in each of the two inlined copies of the stages */
	bool later;	/* a later fragment: there is no transport header */
	bool first;	/* the first fragment of several: the transport goes on beyond it */

	/* what the service stage found */
	__u16 service;
	__u8 forward; /* enum lbx_forward */
	bool closed;
	bool wild; /* of every port */

	__u16 tunnel; /* id of the backend at its end */
	__u32 way; /* out: index of the interface to redirect to, plus 1; 0: the one it came by */
};

/* Source ports of gue, 49152-65535: the flow's entropy (RFC 7510, section 3). */
#define GUE_PORT_BASE 0xc000

#define OUTCOME_GUE 0x10000

/* A verdict and the packet's way, as functions of their own return them: way << 8 | verdict. */
static __always_inline __u32 outcome_of(enum verdict verdict, __u32 way)
{
	return way << 8 | verdict;
}

/* struct ethhdr is packed, and would be read and written byte by byte. */
static __always_inline __be16 eth_protocol(const struct ethhdr *eth)
{
	return ((const __be16 *)eth)[6];
}

static __always_inline void mac_copy(void *to, const void *from)
{
	*(__u32 *)to = *(const __u32 *)from;
	((__u16 *)to)[2] = ((const __u16 *)from)[2];
}

#define IP_MF 0x2000
#define IP_OFFSET 0x1fff
#define L4_OFFSET_MASK 0x7fff
#define L3_OFFSET_MASK 0x1f /* 14 bytes, and two tags of 4 */

static __always_inline void *packet_end(const struct packet *packet)
{
	return (void *)(long)packet->ctx->data_end;
}

#endif
