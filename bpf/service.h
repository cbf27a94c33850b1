/* SPDX-License-Identifier: GPL-2.0 */
/* Stage 2: what the destination means to us. */
#ifndef LBX_BPF_SERVICE_H
#define LBX_BPF_SERVICE_H

#include "bpf/packet.h"

static __always_inline bool feature_is_on(__u32 feature)
{
	struct lbx_settings *s = settings_lookup();

	return s && s->features & feature;
}

static __always_inline void ref_read(struct lbx_service_ref *ref,
				     const struct lbx_service_ref *found)
{
	*ref = found ? *found : (struct lbx_service_ref){};
}

/*
 * A hash look-up is the dearest thing that a packet costs, and most packets ask the same of it:
 * each CPU remembers the answers, until the controller counts the generation up. (Read before the
 * map is asked, so that an answer from before a change is never kept for one from after it.)
 */
static __always_inline bool cached_is_valid(const struct lbx_cached_ref *cached, __u64 key,
					    __u32 generation)
{
	return cached->key == key && cached->generation == generation;
}

static __always_inline void cached_fill(struct lbx_cached_ref *cached, __u64 key, __u32 generation,
					const struct lbx_service_ref *found)
{
	ref_read(&cached->ref, found);
	cached->key = key;
	cached->generation = generation;
}

static __always_inline __u32 cache_index(__u64 key)
{
	return key * config.seeds[1] >> 56 & (LBX_SERVICE_CACHE - 1);
}

static __always_inline bool cached_has_addr(const struct lbx_cached_ref6 *cached,
					    const struct in6_addr *addr)
{
	const __be32 *a = cached->addr.words, *b = addr->in6_u.u6_addr32;

	return a[3] == b[3] && a[2] == b[2] && a[1] == b[1] && a[0] == b[0];
}

/* The service of that port, or of every port. */
static __always_inline struct lbx_service_ref *service6_find(struct lbx_service_key6 *key)
{
	struct lbx_service_ref *found = bpf_map_lookup_elem(&services6, key);

	if (found || !key->protocol)
		return found;
	key->port = 0;
	return bpf_map_lookup_elem(&services6, key);
}

static __always_inline struct lbx_service_ref *service4_find(struct lbx_service_key4 *key)
{
	struct lbx_service_ref *found = bpf_map_lookup_elem(&services4, key);

	if (found || !key->protocol)
		return found;
	key->port = 0;
	return bpf_map_lookup_elem(&services4, key);
}

static __always_inline void ref_lookup6(const struct packet *packet, __be16 port, __u8 protocol,
					struct lbx_service_ref *ref)
{
	__u64 word = (__u64)protocol << 48 | (__u64)port << 32;
	__u32 index = cache_index(word | packet->ip6->daddr.in6_u.u6_addr32[3]), generation;
	struct lbx_cached_ref6 *cached = bpf_map_lookup_elem(&service_cache6, &index);
	struct lbx_service_key6 key = {.port = port, .protocol = protocol};
	struct lbx_settings *s = settings_lookup();

	if (!cached || !s)
		return;
	generation = READ_ONCE(s->generation);
	if (unlikely(!cached_is_valid(&cached->rest, word, generation) ||
		     !cached_has_addr(cached, &packet->ip6->daddr))) {
		__builtin_memcpy(&key.addr, &packet->ip6->daddr, sizeof(key.addr));
		cached->addr = key.addr;
		cached_fill(&cached->rest, word, generation, service6_find(&key));
	}
	*ref = cached->rest.ref;
}

static __always_inline void ref_lookup4(const struct packet *packet, __be16 port, __u8 protocol,
					struct lbx_service_ref *ref)
{
	struct lbx_service_key4 key = {packet->ip4->daddr, port, protocol, 0};
	__u64 word = (__u64)protocol << 48 | (__u64)port << 32 | key.addr;
	__u32 index = cache_index(word), generation;
	struct lbx_cached_ref *cached = bpf_map_lookup_elem(&service_cache, &index);
	struct lbx_settings *s = settings_lookup();

	if (!cached || !s)
		return;
	generation = READ_ONCE(s->generation);
	if (unlikely(!cached_is_valid(cached, word, generation)))
		cached_fill(cached, word, generation, service4_find(&key));
	*ref = cached->ref;
}

/* What the destination address means with that port and protocol; kind 0: nothing. */
static __always_inline void ref_lookup(const struct packet *packet, __be16 port, __u8 protocol,
				       struct lbx_service_ref *ref)
{
	ref->kind = 0;
	if (packet->v6)
		ref_lookup6(packet, port, protocol, ref);
	else
		ref_lookup4(packet, port, protocol, ref);
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
	struct lbx_service_ref ref;

	ref_lookup(packet, 0, 0, &ref);
	if (ref.kind != LBX_REF_ADDRESS || !(ref.flags & LBX_ADDRESS_SNAT))
		return -1;
	return ref.id & (LBX_MAX_SNATS - 1);
}

static __always_inline enum verdict service_lookup(struct packet *packet)
{
	struct lbx_service_ref ref;

	ref_lookup(packet, packet->destination_port, packet->protocol, &ref);
	if (ref.kind != LBX_REF_SERVICE)
		return VERDICT_pass_no_service;
	packet->service = ref.id;
	packet->forward = ref.forward;
	packet->closed = ref.flags & LBX_SERVICE_CLOSED;
	packet->wild = ref.flags & LBX_SERVICE_WILD;
	return VERDICT_CONTINUE;
}

#endif
