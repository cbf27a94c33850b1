/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way back of mode nat: packets from a backend to a client, that come by because we are the
 * backend's gateway. There is no second entry for them: the backend's endpoint says whose answer it
 * may be, and the client's flow whether it is.
 */
#ifndef LBX_BPF_NAT_H
#define LBX_BPF_NAT_H

#include "bpf/return.h"

/* Raises the flow to what the answer makes of it; see flow_is_quiet. */
static __always_inline void passing_touch(const struct passing *passing, __u64 *meta, __u64 value)
{
	__u8 state = state_answered(lbx_meta_state(value), passing->tcp_flags);

	if (state != lbx_meta_state(value) || passing->now != lbx_meta_tick(value))
		meta_swap(meta, value, lbx_meta_touch(value, state, passing->now));
}

/* The flow of that backend's service which the packet answers: its meta word, or NULL. */
static __always_inline __u64 *passing_lookup(const struct passing *passing,
					     const struct lbx_backend *backend, __u64 *value,
					     bool wide)
{
	struct flow_key key = {};
	struct buckets buckets;

	if (wide) {
		key.client = passing->client;
		key.word = lbx_key_wild(passing->client_port, backend->service,
					backend->port ? 0 : passing->backend_port);
	} else {
		key.word = lbx_key4(passing->client.words[3], passing->client_port,
				    backend->service);
	}
	return buckets_find(&buckets, &key, wide) ? flow_lookup(&buckets, &key, value, wide) : NULL;
}

/*
 * How likely it is that the flow is the one answered. A client that has just spoken to the backend
 * by way of another service has a flow of that too, with the same ends: the backend tells the two
 * apart no better than we, but of an earlier connection it has heard the end.
 */
static __always_inline __u32 passing_score(const struct passing *passing, __u64 value)
{
	__u32 young = 0xffff - lbx_meta_age(value, passing->now);

	return 1 + young + (lbx_meta_state(value) == LBX_FLOW_CLOSING ? 0 : 1 << 16);
}

static __always_inline void passing_judge(struct passing *passing, __u16 id, bool wide)
{
	struct lbx_backend *backend = backend_lookup(id);
	__u64 value, *meta;
	__u32 score;

	if (!id || !backend)
		return;
	meta = passing_lookup(passing, backend, &value, wide);
	if (!meta || lbx_meta_backend(value) != id || meta_is_expired(value, passing->now))
		return;
	score = passing_score(passing, value);
	if (score <= passing->score)
		return;
	passing->score = score;
	passing->id = id;
	passing->value = value;
}

static __always_inline int passing_flows(struct passing *passing, bool wide)
{
	for (__u32 i = 0; i < LBX_NAT_SHARED; i++)
		passing_judge(passing, passing->backends.ids[i], wide);
	return 0;
}

/* Brings the flow that was found up to date. */
static __always_inline int passing_update(const struct passing *passing, bool wide)
{
	struct lbx_backend *backend = backend_lookup(passing->id);
	__u64 value, *meta;

	if (!backend)
		return 0;
	meta = passing_lookup(passing, backend, &value, wide);
	if (meta && lbx_meta_backend(value) == passing->id)
		passing_touch(passing, meta, value);
	return 0;
}

/* Not static: see reverse_open.h. */
int __noinline passing4_flows(struct passing *passing)
{
	return passing ? passing_flows(passing, false) : 0;
}

int __noinline passing6_flows(struct passing *passing)
{
	return passing ? passing_flows(passing, true) : 0;
}

int __noinline passing4_update(struct passing *passing)
{
	return passing ? passing_update(passing, false) : 0;
}

int __noinline passing6_update(struct passing *passing)
{
	return passing ? passing_update(passing, true) : 0;
}

static __always_inline void passing_init(struct passing *passing, const struct packet *packet)
{
	packet_target(packet, &passing->client);
	packet_source(packet, &passing->backend);
	passing->client_port = packet->destination_port;
	passing->backend_port = packet->source_port;
	passing->protocol = packet->protocol;
	passing->tcp_flags = packet->tcp_flags;
}

/* Looks among the backends that answer from the address and that port (0: from any). */
static __always_inline void passing_find(struct passing *passing, __be16 port, bool v6)
{
	struct lbx_nat_key key = {passing->backend, port, passing->protocol, 0};
	struct lbx_nat_backends *found = bpf_map_lookup_elem(&nat_backends, &key);

	if (!found)
		return;
	passing->backends = *found;
	if (v6 || !port)
		passing6_flows(passing);
	else
		passing4_flows(passing);
}

/* By its ends and protocol. */
static __always_inline void passing_search(struct passing *passing, bool v6)
{
	passing->now = clock_tick();
	passing->score = 0;
	passing->id = 0;
	passing_find(passing, passing->backend_port, v6);
	passing_find(passing, 0, v6);
}

/* To be done once a tick, or when the state changes. */
static __always_inline bool passing_is_quiet(const struct passing *passing)
{
	__u8 state = lbx_meta_state(passing->value);

	return lbx_meta_tick(passing->value) == passing->now &&
	       state_answered(state, passing->tcp_flags) == state;
}

static __always_inline void passing_note(const struct packet *packet, struct passing *passing)
{
	struct lbx_backend *backend = backend_lookup(passing->id);

	if (packet->v6 || (backend && !backend->port))
		passing6_update(passing);
	else
		passing4_update(passing);
}

/* From the VIP. routed: we are the one that takes a hop off. */
static __always_inline void nat_rewrite(struct packet *packet, const struct lbx_service *service,
					bool routed)
{
	struct rewrite rewrite = {};
	struct end vip;

	if (packet->v6)
		vip.v6 = &service->vip;
	else
		vip.v4 = service->vip.words[3];
	vip.port = service->port ? service->port : packet->source_port;
	rewrite_source(&rewrite, packet, &vip);
	if (routed)
		rewrite_hop(&rewrite, packet);
	rewrite_finish(&rewrite, packet);
}

/* To the client, by the next hop that its first frame came from. */
static __always_inline enum verdict nat_answer(struct packet *packet, __u32 id, __u64 value)
{
	struct lbx_backend *backend = backend_lookup(id);
	__u64 hop = hop_lookup(lbx_meta_port(value));
	__u32 service_id = backend ? backend->service : 0;
	struct lbx_service *service = bpf_map_lookup_elem(&services, &service_id);

	if (!service)
		return VERDICT_drop_error;
	backend_count_return(id, packet);
	nat_rewrite(packet, service, hop);
	if (unlikely(!hop))
		return VERDICT_pass_nat_route;
	return packet_send_by(packet, lbx_hop_interface(hop), (const __u8 *)&hop);
}

/* A packet that is for no service. */
static __always_inline enum verdict nat_stage(struct packet *packet)
{
	struct passing *passing;
	struct scratch *scratch;

	if (likely(!feature_is_on(LBX_FEATURE_NAT)))
		return VERDICT_pass_no_service;
	scratch = scratch_lookup();
	if (!scratch)
		return VERDICT_drop_error;
	passing = &scratch->passing;
	passing_init(passing, packet);
	passing_search(passing, packet->v6);
	if (!passing->id)
		return VERDICT_pass_no_service;
	if (unlikely(packet_is_expiring(packet)))
		return VERDICT_pass_expired;
	if (!passing_is_quiet(passing))
		passing_note(packet, passing);
	return nat_answer(packet, passing->id, passing->value);
}

#endif
