// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a tunnel, for backends of the lab on kernels without ipip and fou devices: takes the
 * outer header off what comes by ipip (4in4, 6in4, 4in6, 6in6) or gue (UDP port 6080) and hands the
 * packet on to the stack. What is wrong outside is dropped, and counted.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define GUE_PORT 6080
#define CHUNK 512
#define CHUNKS 4 /* a packet of 2 KiB */

#ifndef NULL
#define NULL ((void *)0)
#endif

enum { DECAP_IPIP, DECAP_GUE, DECAP_BAD, DECAP_COUNT };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, DECAP_COUNT);
} decap_counts SEC(".maps");

struct gue {
	struct udphdr udp;
	__u8 control;
	__u8 protocol;
	__be16 flags;
};

static __always_inline void count(__u32 index)
{
	__u64 *counter = bpf_map_lookup_elem(&decap_counts, &index);

	if (counter)
		__sync_fetch_and_add(counter, 1);
}

static __always_inline int bad(void)
{
	count(DECAP_BAD);
	return XDP_DROP;
}

static __always_inline __u16 fold(__u64 sum)
{
	for (int i = 0; i < 4; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* A packet to sum up, as the helper for that takes 512 bytes at most, and only whole words. */
struct copy {
	__u8 bytes[CHUNKS * CHUNK + 4];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct copy);
	__uint(max_entries, 1);
} copies SEC(".maps");

/* Of so many bytes from an offset on. Not inlined: verified once. */
__noinline __u64 sum_from(struct xdp_md *ctx, __u32 offset, __u32 bytes)
{
	__u32 zero = 0;
	struct copy *copy = bpf_map_lookup_elem(&copies, &zero);
	__s64 sum = 0;

	if (!copy || bytes < 1 || bytes > CHUNKS * CHUNK)
		return 0;
	if (bpf_xdp_load_bytes(ctx, offset, copy->bytes, bytes))
		return 0;
	__builtin_memset(&copy->bytes[bytes], 0, 4);
	for (__u32 i = 0; i < CHUNKS && i * CHUNK < bytes; i++) {
		__u32 left = bytes - i * CHUNK, size = left < CHUNK ? (left + 3) & ~3U : CHUNK;

		if (size <= CHUNK)
			sum = bpf_csum_diff(NULL, 0, (__be32 *)&copy->bytes[i * CHUNK], size, sum);
	}
	return sum & 0xffffffff;
}

/* Takes the bytes off, and gives the rest its type. */
static __always_inline int strip(struct xdp_md *ctx, int bytes, __u8 protocol, __u32 counter)
{
	struct ethhdr *eth = (void *)(long)ctx->data, saved;
	void *end = (void *)(long)ctx->data_end;

	if (protocol != IPPROTO_IPIP && protocol != IPPROTO_IPV6)
		return XDP_PASS;
	if ((void *)(eth + 1) > end)
		return bad();
	saved = *eth;
	saved.h_proto = protocol == IPPROTO_IPIP ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	if (bpf_xdp_adjust_head(ctx, bytes))
		return bad();
	eth = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if ((void *)(eth + 1) > end)
		return bad();
	*eth = saved;
	count(counter);
	return XDP_PASS;
}

/* The UDP header at that offset, behind an IP header whose addresses sum to `addresses`. */
static __always_inline int decap_gue(struct xdp_md *ctx, __u32 offset, __u64 addresses, int bytes)
{
	struct gue *gue = (void *)(long)ctx->data + offset;
	__u32 length;

	if ((void *)(gue + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	if (gue->udp.dest != bpf_htons(GUE_PORT))
		return XDP_PASS;
	length = bpf_ntohs(gue->udp.len);
	if (gue->control || gue->flags)
		return bad();
	if (gue->udp.check && fold(addresses + bpf_htons(IPPROTO_UDP) + gue->udp.len +
				   sum_from(ctx, offset, length)) != 0xffff)
		return bad();
	gue = (void *)(long)ctx->data + offset;
	if ((void *)(gue + 1) > (void *)(long)ctx->data_end)
		return bad();
	return strip(ctx, bytes + (int)sizeof(*gue), gue->protocol, DECAP_GUE);
}

static __always_inline int decap4(struct xdp_md *ctx, struct iphdr *ip, void *end)
{
	const __u16 *words = (void *)ip;
	__u64 sum = 0;

	if ((void *)(ip + 1) > end || ip->ihl != 5)
		return XDP_PASS;
	if (ip->protocol == IPPROTO_UDP)
		return decap_gue(ctx, sizeof(struct ethhdr) + sizeof(*ip),
				 (__u64)ip->saddr + ip->daddr, sizeof(*ip));
	if (ip->protocol != IPPROTO_IPIP && ip->protocol != IPPROTO_IPV6)
		return XDP_PASS;
	for (int i = 0; i < 10; i++)
		sum += words[i];
	return fold(sum) == 0xffff ? strip(ctx, sizeof(*ip), ip->protocol, DECAP_IPIP) : bad();
}

static __always_inline int decap6(struct xdp_md *ctx, struct ipv6hdr *ip, void *end)
{
	__u64 sum = 0;

	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	for (int i = 0; i < 4; i++)
		sum += (__u64)ip->saddr.in6_u.u6_addr32[i] + ip->daddr.in6_u.u6_addr32[i];
	if (ip->nexthdr == IPPROTO_UDP)
		return decap_gue(ctx, sizeof(struct ethhdr) + sizeof(*ip), sum, sizeof(*ip));
	return strip(ctx, sizeof(*ip), ip->nexthdr, DECAP_IPIP);
}

SEC("xdp.frags")
int decap(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return decap4(ctx, (void *)(eth + 1), end);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return decap6(ctx, (void *)(eth + 1), end);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
