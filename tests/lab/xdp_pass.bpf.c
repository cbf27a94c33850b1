// SPDX-License-Identifier: GPL-2.0
/*
 * Lets every packet through. It sits on the far end of the balancer's veth pair: a frame sent by
 * XDP_TX is delivered only to an end that has an XDP program itself.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp.frags")
int xdp_pass(struct xdp_md *context)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
