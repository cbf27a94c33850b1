/* SPDX-License-Identifier: GPL-2.0 */
/* Stage 2: what the destination means to us. */
#ifndef LBX_BPF_SERVICE_H
#define LBX_BPF_SERVICE_H

#include "bpf/packet.h"

static __always_inline struct lbx_service_ref *ref_lookup(const struct packet *packet, __be16 port,
							  __u8 protocol)
{
	if (packet->v6) {
		struct lbx_service_key6 key = {.port = port, .protocol = protocol};

		__builtin_memcpy(&key.addr, &packet->ip6->daddr, sizeof(key.addr));
		return bpf_map_lookup_elem(&services6, &key);
	}
	struct lbx_service_key4 key = {packet->ip4->daddr, port, protocol, 0};

	return bpf_map_lookup_elem(&services4, &key);
}

/* Whether the packet may be an answer: it goes to a port that we translate to. */
static __always_inline bool port_is_translated(__be16 port)
{
	__u16 host = bpf_ntohs(port);

	return host >= config.port_lo && host <= config.port_hi;
}

/* The index of the translation address it goes to, or -1. */
static __always_inline int snat_lookup(const struct packet *packet)
{
	struct lbx_service_ref *ref = ref_lookup(packet, 0, 0);

	return ref && ref->kind == LBX_REF_SNAT ? ref->id & (LBX_MAX_SNATS - 1) : -1;
}

static __always_inline enum verdict service_lookup(struct packet *packet)
{
	struct lbx_service_ref *ref = ref_lookup(packet, packet->destination_port,
						 packet->protocol);

	if (!ref || ref->kind != LBX_REF_SERVICE)
		return VERDICT_pass_no_service;
	packet->service = ref->id;
	packet->forward = ref->forward;
	packet->closed = ref->closed;
	return VERDICT_CONTINUE;
}

#endif
