// SPDX-License-Identifier: GPL-2.0
/* Both ends of a veth pair, and the least that a balancer between them could do. */
#include <linux/if_ether.h>

#include "tests/bench/restore.h"

__u64 delivered = 0; /* frames that came back; all on one CPU */

/* In a test run with live frames: XDP_TX sends them out of the interface they pretend to have come
 * in by. */
SEC("xdp")
int veth_generate(struct xdp_md *ctx)
{
	void *frame = (void *)(long)ctx->data;
	__u64 flow = setup.next++ & setup.mask;

	if (frame + FRAME_SIZE > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	frame_restore(frame);
	if (setup.vary == VARY_CLIENT4)
		client_vary(frame + OFFSET_SOURCE4, frame + OFFSET_PORTS4, flow);
	else
		client_vary(frame + OFFSET_SOURCE6, frame + OFFSET_PORTS6, flow);
	return XDP_TX;
}

/* The floor: back where it came from, and nothing else. */
SEC("xdp.frags")
int veth_bounce(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	__u8 mac[ETH_ALEN];

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
	return XDP_TX;
}

SEC("xdp.frags")
int veth_drain(struct xdp_md *ctx)
{
	delivered++;
	return XDP_DROP;
}

SEC("xdp.frags")
int veth_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
