/* SPDX-License-Identifier: GPL-2.0 */
/* The way back of full NAT: from a backend, to one of our translated ports, on to the client. */
#ifndef LBX_BPF_RETURN_H
#define LBX_BPF_RETURN_H

#include "bpf/flow.h"
#include "bpf/rewrite.h"

/*
 * The state after a packet from the backend; see state_after. Half open stays so: a backend that
 * remembers an old connection answers any SYN with a challenge ACK, also a spoofed one.
 */
static __always_inline __u8 state_answered(__u8 state, __u8 tcp_flags)
{
	if (state == LBX_FLOW_UDP_FRESH || state == LBX_FLOW_UDP_ASSURED)
		return state;
	if (tcp_flags & (TCP_FIN | TCP_RST))
		return LBX_FLOW_CLOSING;
	if ((tcp_flags & TCP_SYN) || state == LBX_FLOW_HALF_OPEN)
		return state;
	return state_max(state, LBX_FLOW_ASSURED);
}

/* Raises the forward half's state and time to the way back's. */
static __always_inline void forward_raise(struct buckets *buckets, const struct flow_key *key,
					  __u64 after, bool v6)
{
	__u64 value, *meta = flow_lookup(buckets, key, &value, v6);
	__u8 state;

	if (!meta || ((value ^ after) & WAY_MASK))
		return;
	state = state_max(lbx_meta_state(value), lbx_meta_state(after));
	meta_swap(meta, value, lbx_meta_touch(value, state, lbx_meta_tick(after)));
}

static __always_inline int answer_update(const struct answer *answer, __u64 *meta, bool v6)
{
	struct buckets buckets;

	meta_swap(meta, answer->before, answer->after);
	if (buckets_find(&buckets, &answer->key, v6))
		forward_raise(&buckets, &answer->key, answer->after, v6);
	return 0;
}

static __noinline int answer4_update(const struct answer *answer, __u64 *meta)
{
	return answer_update(answer, meta, false);
}

static __noinline int answer6_update(const struct answer *answer, __u64 *meta)
{
	return answer_update(answer, meta, true);
}

static __always_inline void flow_answered(const struct packet *packet,
					  struct lbx_slot_reverse *slot, __u64 value, __u16 service,
					  bool wild, __u16 now)
{
	__u8 state = state_answered(lbx_meta_state(value), packet->tcp_flags);
	struct scratch *scratch;
	struct answer *answer;

	if (likely(state == lbx_meta_state(value) && now == lbx_meta_tick(value)))
		return;
	scratch = scratch_lookup();
	if (!scratch)
		return;
	answer = &scratch->answer;
	answer->before = value;
	answer->after = lbx_meta_touch(value, state, now);
	if (packet->v6 || wild) {
		answer->key.client = slot->client;
		answer->key.word = lbx_key_wild(slot->peer >> 48, service,
						wild ? packet->source_port : 0);
		answer6_update(answer, &slot->meta);
	} else {
		answer->key.word = lbx_key4(slot->client.words[3], slot->peer >> 48, service);
		answer4_update(answer, &slot->meta);
	}
}

static __always_inline void return_rewrite(struct packet *packet,
					   const struct lbx_slot_reverse *slot,
					   const struct lbx_service *service)
{
	struct rewrite rewrite = {};
	struct end vip, client;

	if (packet->v6) {
		vip.v6 = &service->vip;
		client.v6 = &slot->client;
	} else {
		vip.v4 = service->vip.words[3];
		client.v4 = slot->client.words[3];
	}
	vip.port = service->port ? service->port : packet->source_port;
	client.port = slot->peer >> 48;
	rewrite_source(&rewrite, packet, &vip);
	rewrite_destination(&rewrite, packet, &client);
	rewrite_hop(&rewrite, packet);
	rewrite_finish(&rewrite, packet);
}

static __always_inline void backend_count_return(__u32 id, const struct packet *packet)
{
	struct lbx_backend_stats *stats = bpf_map_lookup_elem(&backend_stats, &id);

	if (stats) {
		stats->return_packets++;
		stats->return_bytes += packet->bytes;
	}
}

static __always_inline void packet_source(const struct packet *packet, struct lbx_addr *addr)
{
	packet_client(packet, addr);
}

/* CONTINUE: not an answer that we know of. */
static __always_inline enum verdict return_stage(struct packet *packet, __u8 snat)
{
	__u64 value, way = way_of(bpf_ntohs(packet->destination_port), snat);
	struct lbx_slot_reverse *slot;
	struct lbx_backend *backend;
	struct lbx_service *service;
	struct lbx_addr source;
	__u16 now = clock_tick();
	__u32 id;

	packet_source(packet, &source);
	slot = reverse_lookup(&source, packet->source_port, packet->protocol, way, &value,
			      &backend);
	if (!slot || meta_is_expired(value, now))
		return VERDICT_CONTINUE;
	id = backend->service;
	service = bpf_map_lookup_elem(&services, &id);
	if (!service)
		return VERDICT_drop_error;
	if (unlikely(packet_is_expiring(packet)))
		return VERDICT_pass_expired;
	flow_answered(packet, slot, value, id, !service->port, now);
	return_rewrite(packet, slot, service);
	backend_count_return(lbx_meta_backend(value), packet);
	__u64 peer = slot->peer;

	return packet_send_by(packet, lbx_meta_interface(value), (const __u8 *)&peer);
}

#endif
