/* SPDX-License-Identifier: GPL-2.0 */
/* Stage 3: the packet's flow, known or new. */
#ifndef LBX_BPF_FLOW_H
#define LBX_BPF_FLOW_H

#include "bpf/hop.h"
#include "bpf/open.h"

#define TCP_CHANGES                                                                                \
	(TCP_SYN | TCP_FIN | TCP_RST) /* flags by which a TCP flow's state may change              \
				       */

/* States only ever go up (maps/flow.h has them in order), until the slot is given up. */
static __always_inline __u8 state_max(__u8 a, __u8 b)
{
	return a > b ? a : b;
}

/* Whether the backend answers past us. */
static __always_inline bool forward_is_one_way(__u8 forward)
{
	return forward != LBX_FORWARD_FULLNAT && forward != LBX_FORWARD_NAT;
}

/*
 * The state after a packet from the client. Assured: where answers pass us, the backend says so by
 * answering more than a SYN-ACK (flow_answered, in return.h), which it does only to a client that
 * proved to have seen its sequence number. In one-way modes a spoofer can fake all we see, so it
 * takes packets in two different ticks. UDP likewise.
 */
static __always_inline __u8 state_after(const struct event *event)
{
	__u8 state = lbx_meta_state(event->value);
	bool later = lbx_meta_tick(event->value) != event->now;

	if (state == LBX_FLOW_UDP_FRESH || state == LBX_FLOW_UDP_ASSURED)
		return later ? LBX_FLOW_UDP_ASSURED : state;
	if (event->tcp_flags & (TCP_FIN | TCP_RST))
		return LBX_FLOW_CLOSING;
	if (event->tcp_flags & TCP_SYN)
		return state;
	if (state == LBX_FLOW_HALF_OPEN)
		return LBX_FLOW_FRESH;
	if (state == LBX_FLOW_FRESH && later && forward_is_one_way(event->forward))
		return LBX_FLOW_ASSURED;
	return state;
}

/* Raises the way back's state and time to the flow's. */
static __always_inline enum verdict reverse_touch(const struct event *event, __u64 after)
{
	struct lbx_backend *backend = backend_lookup(lbx_meta_backend(after));
	struct lbx_slot_reverse *slot;
	__u64 value;
	__u8 state;

	if (!backend)
		return VERDICT_drop_error;
	slot = reverse_lookup_own(backend, after, &event->peer, &value);
	if (!slot)
		return VERDICT_drop_flow_stale;
	state = state_max(lbx_meta_state(value), lbx_meta_state(after));
	meta_swap(&slot->meta, value, lbx_meta_touch(value, state, event->now));
	return VERDICT_CONTINUE;
}

/*
 * Brings a flow's state and time up to date, once a tick or when a packet changes its state. A lost
 * compare-and-swap means that another packet of the flow did the same just now.
 */
static __noinline int flow_update(struct event *event, __u64 *meta)
{
	__u64 after = lbx_meta_touch(event->value, state_after(event), event->now);
	enum verdict verdict = VERDICT_CONTINUE;

	if (event->forward == LBX_FORWARD_FULLNAT)
		verdict = reverse_touch(event, after);
	if (verdict == VERDICT_drop_flow_stale)
		after = 0;
	meta_swap(meta, event->value, after);
	return verdict;
}

static __always_inline void packet_client(const struct packet *packet, struct lbx_addr *client)
{
	if (packet->v6) {
		__builtin_memcpy(client, &packet->ip6->saddr, sizeof(*client));
		return;
	}
	client->halves[0] = 0;
	client->words[2] = bpf_htonl(0xffff);
	client->words[3] = packet->ip4->saddr;
}

/* The port of the service that the packet goes to, if the service has many. */
static __always_inline __be16 packet_destination(const struct packet *packet)
{
	return packet->wild ? packet->destination_port : 0;
}

/* wide: for flows6, where IPv6 flows and those of wild services are. */
static __always_inline void flow_key_init(struct flow_key *key, const struct packet *packet,
					  bool wide)
{
	if (wide) {
		packet_client(packet, &key->client);
		key->word = lbx_key_wild(packet->source_port, packet->service,
					 packet_destination(packet));
	} else {
		key->word = lbx_key4(packet->ip4->saddr, packet->source_port, packet->service);
	}
}

static __always_inline void packet_target(const struct packet *packet, struct lbx_addr *addr)
{
	if (packet->v6) {
		__builtin_memcpy(addr, &packet->ip6->daddr, sizeof(*addr));
		return;
	}
	addr->halves[0] = 0;
	addr->words[2] = bpf_htonl(0xffff);
	addr->words[3] = packet->ip4->daddr;
}

static __always_inline bool packet_opens(const struct packet *packet)
{
	if (packet->later)
		return false;
	return packet->protocol == IPPROTO_UDP ||
	       (packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

static __always_inline bool mac_is_equal(const void *a, const void *b)
{
	const __u16 *x = a, *y = b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

/* Virtual router MACs (RFC 5798, 7.3) are for us though no interface has them. */
static __always_inline bool mac_is_vrrp(const __u8 mac[6])
{
	return mac[0] == 0 && mac[1] == 0 && mac[2] == 0x5e && mac[3] == 0 &&
	       (mac[4] == 1 || mac[4] == 2);
}

/*
 * The interface a new flow came in by, if the frame was for us: a switch floods what it does not
 * know, and in DSR a second balancer must not forward the first one's frames once more. Checked
 * when a flow opens; its later frames have its slot.
 */
static __always_inline struct lbx_interface *packet_interface(const struct packet *packet)
{
	__u32 ifindex = packet->ctx->ingress_ifindex, first = 0;
	struct lbx_interface *interface = bpf_map_lookup_elem(&interfaces, &first);
	const __u8 *mac = packet->eth->h_dest;

	/* Mostly there is but one. */
	if (!interface || interface->ifindex != ifindex)
		interface = bpf_map_lookup_elem(&interfaces_by_ifindex, &ifindex);

	if (!interface)
		return NULL;
	return mac_is_equal(mac, interface->mac) || mac_is_vrrp(mac) ? interface : NULL;
}

/* A key and its candidate buckets. */
struct flow_place {
	struct flow_key key;
	__u32 first, second;
};

/* Opens a flow, in place of the key's slot with meta `replace` if not 0. *meta: the flow. */
static __always_inline enum verdict flow_start(const struct packet *packet,
					       const struct flow_place *place, __u64 replace,
					       __u16 now, __u64 *meta, bool wide)
{
	struct lbx_interface *interface = packet_interface(packet);
	struct scratch *scratch = scratch_lookup();
	struct opening *opening;
	enum verdict verdict;

	if (!interface)
		return VERDICT_pass_not_for_us;
	if (!scratch)
		return VERDICT_drop_error;
	opening = &scratch->opening;
	opening->first = place->first;
	opening->second = place->second;
	opening->key.word = place->key.word;
	if (wide)
		opening->key.client = place->key.client;
	opening->replace = replace;
	opening->service = packet->service;
	opening->now = now;
	opening->state = packet->protocol == IPPROTO_TCP ? LBX_FLOW_HALF_OPEN : LBX_FLOW_UDP_FRESH;
	opening->forward = packet->forward;
	opening->closed = packet->closed;
	opening->hop = 0;
	if (!forward_is_one_way(packet->forward)) {
		opening->interface = interface->index & (LBX_MAX_INTERFACES - 1);
		opening->peer.word = peer_word(packet->source_port, packet->eth->h_source);
		opening->peer.destination = packet_destination(packet);
		packet_client(packet, &opening->peer.client);
	}
	if (packet->forward == LBX_FORWARD_NAT)
		opening->hop = hop_take(lbx_hop(opening->peer.word, opening->interface));
	verdict = wide ? flow6_open(opening) : flow4_open(opening);
	*meta = opening->meta;
	return verdict;
}

static __always_inline enum verdict flow_touch(const struct packet *packet, __u64 *meta,
					       __u64 value, __u16 now)
{
	struct scratch *scratch = scratch_lookup();
	struct event *event;

	if (!scratch)
		return VERDICT_drop_error;
	event = &scratch->event;
	event->value = value;
	event->now = now;
	event->tcp_flags = packet->tcp_flags;
	event->forward = packet->forward;
	packet_client(packet, &event->peer.client);
	event->peer.word = (__u64)packet->source_port << 48;
	event->peer.destination = packet_destination(packet);
	return flow_update(event, meta);
}

/* Nothing to write: most packets. Their slot's cache line stays shared between CPUs. */
static __always_inline bool flow_is_quiet(const struct packet *packet, __u64 value, __u16 now)
{
	return lbx_meta_tick(value) == now && !(packet->tcp_flags & TCP_CHANGES) &&
	       lbx_meta_state(value) != LBX_FLOW_HALF_OPEN;
}

/*
 * Whether the slot is to be given up for a new flow of the same key. The client that got our reset
 * connects again, maybe from the same port: it must not be reset for as long as the old flow's slot
 * lasts.
 */
static __always_inline bool flow_is_over(const struct packet *packet, __u64 value, __u16 now)
{
	struct lbx_backend *backend = backend_lookup(lbx_meta_backend(value));
	__u8 flags = backend ? backend->flags : 0;

	if (meta_is_expired(value, now) || (flags & LBX_BACKEND_MOVE))
		return true;
	if (packet->protocol != IPPROTO_TCP || !packet_opens(packet))
		return false;
	return lbx_meta_state(value) == LBX_FLOW_CLOSING || (flags & LBX_BACKEND_RESET);
}

/* Mostly it is in the first bucket: the second one is not even addressed before it is wanted. */
static __always_inline __u64 *place_lookup(const struct flow_place *place, __u64 *value, bool v6)
{
	void *bucket = bucket_at(place->first, v6);
	__u64 *meta = bucket ? bucket_lookup(bucket, &place->key, value, v6) : NULL;

	if (likely(meta != NULL))
		return meta;
	bucket = bucket_at(place->second, v6);
	return bucket ? bucket_lookup(bucket, &place->key, value, v6) : NULL;
}

/* *meta: the flow, on CONTINUE. */
static __always_inline enum verdict flow_stage_in(const struct packet *packet, __u64 *meta,
						  bool wide)
{
	__u16 now = clock_tick();
	struct flow_place place = {};
	__u64 *slot;

	flow_key_init(&place.key, packet, wide);
	buckets_index(&place.first, &place.second, &place.key, wide);
	slot = place_lookup(&place, meta, wide);
	if (likely(slot != NULL)) {
		if (likely(flow_is_quiet(packet, *meta, now)))
			return VERDICT_CONTINUE;
		if (!flow_is_over(packet, *meta, now))
			return flow_touch(packet, slot, *meta, now);
		/* not SYN of an expired flow: as unknown as any other */
		if (!packet_opens(packet) && meta_is_expired(*meta, now))
			return VERDICT_pass_no_flow;
		return flow_start(packet, &place, *meta, now, meta, wide);
	}
	if (!packet_opens(packet))
		return VERDICT_pass_no_flow;
	return flow_start(packet, &place, 0, now, meta, wide);
}

static __always_inline enum verdict flow_stage(const struct packet *packet, __u64 *meta)
{
	if (packet->v6 || unlikely(packet->wild))
		return flow_stage_in(packet, meta, true);
	return flow_stage_in(packet, meta, false);
}

#endif
