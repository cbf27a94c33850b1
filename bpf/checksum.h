/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Incremental Internet checksums: HC' = ~(~HC + ~m + m') (RFC 1624, equation 3). Changes are
 * gathered in 64 bits and folded once; 32-bit words may be added whole, as 2^16 is 1 modulo
 * 2^16 - 1. There ~m is 0xffff - m, which is -m: a change is a plain difference, and any multiple
 * of 0xffff makes it positive before it is folded.
 */
#ifndef LBX_BPF_CHECKSUM_H
#define LBX_BPF_CHECKSUM_H

#include "bpf/packet.h"

#define CHECKSUM_BIAS (0xffffULL << 24)

static __always_inline __u64 checksum_change32(__u64 sum, __be32 before, __be32 after)
{
	return sum + after - before;
}

static __always_inline __u64 checksum_change16(__u64 sum, __be16 before, __be16 after)
{
	return sum + after - before;
}

static __always_inline __u64 checksum_change_addr6(__u64 sum, const __be32 before[4],
						   const __be32 after[4])
{
	for (int i = 0; i < 4; i++)
		sum = checksum_change32(sum, before[i], after[i]);
	return sum;
}

/* Of a change of at most 128 words of 32 bits either way: then, with the bias, three folds are
 * enough. */
static __always_inline __u16 checksum_apply(__u16 check, __u64 change)
{
	__u64 sum = (__u16)~check + change + CHECKSUM_BIAS;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* A checksum from scratch is the complement of this. */
static __always_inline __u16 sum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline __u64 sum_addr6(const __be32 words[4])
{
	return (__u64)words[0] + words[1] + words[2] + words[3];
}

/* The sum of a header of 20 bytes. */
static __always_inline __u64 sum_20(const void *header)
{
	const __be32 *words = header;
	__u64 sum = 0;

	for (int i = 0; i < 5; i++)
		sum += words[i];
	return sum;
}

/* Of a TCP or UDP header. UDP: 0 means "none" and stays; a computed 0 is sent as 0xffff (RFC 768).
 */
static __always_inline void checksum_apply_l4(struct packet *packet, __u64 change)
{
	if (packet->protocol == IPPROTO_TCP) {
		packet->tcp->check = checksum_apply(packet->tcp->check, change);
	} else if (packet->udp->check) {
		__u16 check = checksum_apply(packet->udp->check, change);

		packet->udp->check = check ? check : 0xffff;
	}
}

#endif
