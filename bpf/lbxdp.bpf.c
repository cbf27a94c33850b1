// SPDX-License-Identifier: GPL-2.0
/*
 * lbxdp's data plane: one XDP program. This file is its table of contents; the stages are in the
 * headers.
 *
 *   parse.h     headers found and bounds-checked            what is not for a service: PASS
 *                 headers.h, fragment.h: where they are not plain
 *   service.h   destination -> service                      the way back of full NAT: return.h
 *   sanity.h    what no honest sender makes: dropped                        of nat: nat.h
 *   flow.h      known flow -> its backend
 *   open.h      new flow: slot, ticket, backend, port       slot.h: the protocol between CPUs
 *   forward.h   to the backend, by the service's mode       reset.h: where it is gone
 *   icmp.h      errors, to the end of the flow that they quote; pings: ping.h
 *   verdict.h   count, and say the XDP action
 */
#include "bpf/flow.h"
#include "bpf/forward.h"
#include "bpf/icmp.h"
#include "bpf/maps.h"
#include "bpf/nat.h"
#include "bpf/packet.h"
#include "bpf/parse.h"
#include "bpf/reset.h"
#include "bpf/return.h"
#include "bpf/sanity.h"
#include "bpf/service.h"
#include "bpf/verdict.h"

static __always_inline enum verdict packet_balance(struct packet *packet)
{
	enum verdict verdict;
	__u64 meta = 0;

	verdict = service_lookup(packet);
	if (unlikely(verdict == VERDICT_pass_no_service))
		return nat_stage(packet);
	verdict = sanity_check(packet);
	if (verdict != VERDICT_CONTINUE)
		return verdict;
	verdict = flow_stage(packet, &meta);
	if (likely(verdict == VERDICT_CONTINUE))
		verdict = forward_to_backend(packet, meta);
	if (unlikely(verdict == VERDICT_reply_reset_down || verdict == VERDICT_reply_reset_closed))
		return reset_stage(packet, verdict);
	/* Last: what is known of the packet does not hold any more when there is a header before
	 * it. */
	if (verdict == VERDICT_CONTINUE)
		verdict = forward_tunnel(packet, packet->tunnel);
	return verdict;
}

static __always_inline enum verdict packet_process(struct packet *packet)
{
	enum verdict verdict;
	int snat;

	if (unlikely(port_is_translated(packet->destination_port))) {
		snat = snat_lookup(packet);
		verdict = snat < 0 ? VERDICT_CONTINUE : return_stage(packet, snat);
		if (verdict != VERDICT_CONTINUE)
			return verdict;
	}
	return packet_balance(packet);
}

static __always_inline enum verdict packet_handle(struct packet *packet)
{
	__u64 layout = parse_layout(packet);
	enum verdict verdict = layout & 0xff;

	if (verdict != VERDICT_CONTINUE)
		return verdict;
	if (!(layout & LAYOUT_V6)) {
		verdict = parse_ipv4(packet, layout);
		return verdict == VERDICT_CONTINUE ? packet_process(packet) : verdict;
	}
	verdict = parse_ipv6(packet, layout);
	return verdict == VERDICT_CONTINUE ? packet_process(packet) : verdict;
}

SEC("xdp")
int lbxdp_main(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct packet packet = {.ctx = ctx, .eth = data, .bytes = end - data};
	enum verdict verdict = packet_handle(&packet);

	return verdict_finish(verdict, packet.way);
}

char LICENSE[] SEC("license") = "GPL";
