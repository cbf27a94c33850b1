/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways back of full NAT flows (maps/flow.h). Claiming a slot IS the allocation of the
 * translated port: a claim's meta word carries port and translation address, and whoever then finds
 * another claim of the two in his candidate slots gives his up and tries another port. (Both may:
 * there are more ports.)
 *
 * The two halves of a flow live and die together: each direction refreshes both when the tick
 * changes, and evicting one releases the other, so a translated port never gets a second owner
 * while the first still sends.
 */
#ifndef LBX_BPF_REVERSE_H
#define LBX_BPF_REVERSE_H

#include "bpf/pick.h"
#include "bpf/scratch.h"
#include "bpf/slot.h"
#include "bpf/victim.h"

/* What of a meta word identifies a way back beside the backend: port and translation address. */
#define WAY_MASK (0xffffULL << 32 | 0xfULL << 24)

static __always_inline __u64 peer_word(__be16 port, const __u8 mac[6])
{
	return (__u64)port << 48 | (__u64)mac[5] << 40 | (__u64)mac[4] << 32 | (__u64)mac[3] << 24 |
	       (__u64)mac[2] << 16 | (__u64)mac[1] << 8 | mac[0];
}

static __always_inline __u64 way_of(__u16 port, __u8 snat)
{
	return (__u64)port << 32 | (__u64)(snat & 0xf) << 24;
}

static __always_inline bool reverse_find(struct buckets *buckets, const struct lbx_addr *backend,
					 __be16 backend_port, __u8 protocol, __u64 way)
{
	__u64 hash = lbx_hash_reverse(backend, backend_port, protocol, lbx_meta_port(way),
				      lbx_meta_snat(way), config.seeds[0], config.seeds[1]);
	__u32 first = (__u32)hash & config.reverse_mask;
	__u32 second = (__u32)(hash >> 32) & config.reverse_mask;

	if (first == second)
		second ^= 1;
	buckets->first = bpf_map_lookup_elem(&reverse, &first);
	buckets->second = bpf_map_lookup_elem(&reverse, &second);
	return buckets->first && buckets->second;
}

static __always_inline struct lbx_slot_reverse *reverse_slot(const struct buckets *buckets, __u32 n)
{
	struct lbx_bucket_reverse *bucket = n < LBX_BUCKET_SLOTS ? buckets->first : buckets->second;

	return &bucket->slots[n & (LBX_BUCKET_SLOTS - 1)];
}

static __always_inline bool addr_is_equal(const struct lbx_addr *a, const struct lbx_addr *b)
{
	return a->halves[1] == b->halves[1] && a->halves[0] == b->halves[0];
}

static __always_inline bool addr_is_mapped(const struct lbx_addr *addr)
{
	return addr->halves[0] == 0 && addr->words[2] == bpf_htonl(0xffff);
}

static __always_inline bool backend_is(const struct lbx_backend *backend,
				       const struct lbx_addr *addr, __be16 port, __u8 protocol)
{
	return (backend->port == port || !backend->port) && backend->protocol == protocol &&
	       addr_is_equal(&backend->addr, addr);
}

/* The live slot of that way back, or NULL; *value is its meta, *backend the backend's entry. */
static __always_inline struct lbx_slot_reverse *reverse_lookup(const struct lbx_addr *addr,
							       __be16 port, __u8 protocol,
							       __u64 way, __u64 *value,
							       struct lbx_backend **backend)
{
	struct buckets buckets;

	if (!reverse_find(&buckets, addr, port, protocol, way))
		return NULL;
#pragma unroll
	for (__u32 n = 0; n < CANDIDATES; n++) {
		struct lbx_slot_reverse *slot = reverse_slot(&buckets, n);

		*value = READ_ONCE(slot->meta);
		if (((*value ^ way) & WAY_MASK) || !meta_is_live(*value))
			continue;
		*backend = backend_lookup(lbx_meta_backend(*value));
		if (*backend && backend_is(*backend, addr, port, protocol))
			return slot;
	}
	return NULL;
}

/* The port that the flow has at its backend; destination: that the client sends to. */
static __always_inline __be16 backend_port(const struct lbx_backend *backend, __be16 destination)
{
	return backend->port ? backend->port : destination;
}

/* As above, for the peer's flow whose forward half has this meta; NULL also if the way back is
 * another client's by now. Of the peer's word only the port counts. */
static __always_inline struct lbx_slot_reverse *
reverse_lookup_own(const struct lbx_backend *backend, __u64 forward, const struct peer *peer,
		   __u64 *value)
{
	struct lbx_backend *found;
	struct lbx_slot_reverse *slot =
		reverse_lookup(&backend->addr, backend_port(backend, peer->destination),
			       backend->protocol, forward & WAY_MASK, value, &found);

	if (!slot || (slot->peer ^ peer->word) >> 48 ||
	    !addr_is_equal(&slot->client, &peer->client))
		return NULL;
	return slot;
}

#endif
