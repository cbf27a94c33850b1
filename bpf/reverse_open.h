/* SPDX-License-Identifier: GPL-2.0 */
/* Opening and closing ways back: translated ports are allocated here. */
#ifndef LBX_BPF_REVERSE_OPEN_H
#define LBX_BPF_REVERSE_OPEN_H

#include "bpf/reverse.h"
#include "bpf/scratch.h"

static __always_inline __u64 claim_meta(__u64 way, __u16 now)
{
	return way | lbx_meta(bpf_get_smp_processor_id() + 1, 0, 0, LBX_FLOW_CLAIM, now);
}

/*
 * Whether the way that this slot has may be given to another flow. A closing one's may only when
 * no better was found: if its backend closed first, it holds the connection in TIME-WAIT, and
 * accepts a new one only with a later sequence number or timestamp (RFC 6191); otherwise the
 * client's first SYN is lost. Still better than no port at all.
 */
static __always_inline bool way_is_over(const struct opening *opening, __u64 meta)
{
	return meta_is_expired(meta, opening->now) ||
	       (opening->desperate && lbx_meta_state(meta) == LBX_FLOW_CLOSING);
}

/* Another slot than `mine` that holds or claims the same way (of any backend: simpler, and ports
 * are many)? */
static __always_inline bool way_is_taken(const struct opening *opening,
					 const struct buckets *buckets, __u64 way, __u32 mine)
{
#pragma unroll
	for (__u32 n = 0; n < CANDIDATES; n++) {
		__u64 meta = READ_ONCE(reverse_slot(buckets, n)->meta);

		if (n == mine || !lbx_meta_state(meta) || ((meta ^ way) & WAY_MASK))
			continue;
		if (lbx_meta_state(meta) == LBX_FLOW_CLAIM || !way_is_over(opening, meta))
			return true;
	}
	return false;
}

/*
 * The slot of the same way that is over, if there is one (it must not be found before the new one),
 * or the best victim; and *before its meta. Returns its number, or -1 (also if another CPU has just
 * opened the way).
 */
static __always_inline int reverse_victim(const struct opening *opening,
					  const struct buckets *buckets, __u64 way, __u64 *before)
{
	struct lbx_settings *s = settings_lookup();
	struct victims victims = {};
	__u32 slot;

	if (!s)
		return -1;
#pragma unroll
	for (__u32 n = 0; n < CANDIDATES; n++) {
		*before = READ_ONCE(reverse_slot(buckets, n)->meta);
		if (meta_is_live(*before) && !((*before ^ way) & WAY_MASK))
			return way_is_over(opening, *before) ? (int)n : -1;
		victims_consider(&victims, s, *before, n, opening->now);
	}
	slot = victim_slot(victims_best(&victims));
	*before = READ_ONCE(reverse_slot(buckets, slot)->meta);
	if (meta_is_live(*before) && !((*before ^ way) & WAY_MASK))
		return -1;
	return victim_is_fair(s, *before, opening->now) ? (int)slot : -1;
}

/*
 * Below, functions that are not static: the verifier checks those once, for any arguments, and not
 * again for each caller; they must not trust their pointers to be there.
 */

static __always_inline int forward_release_key(const struct flow_key *key, __u64 reverse_meta,
					       bool v6)
{
	struct buckets buckets;
	__u64 value, *meta;

	if (!buckets_find(&buckets, key, v6))
		return 0;
	meta = flow_lookup(&buckets, key, &value, v6);
	if (meta && !((value ^ reverse_meta) & WAY_MASK))
		meta_swap(meta, value, 0);
	return 0;
}

/*
 * The forward half of a way back that was evicted must not go on sending from its port. (Of a wild
 * service's flow the way back does not know the whole key: that half is left to find out by itself,
 * within a tick, in reverse_touch.)
 */
int __noinline forward_release(const struct peer *peer, __u64 reverse_meta)
{
	struct lbx_backend *backend = backend_lookup(lbx_meta_backend(reverse_meta));
	struct flow_key key = {};
	__be16 port;

	if (!peer || !backend || !backend->port)
		return 0;
	port = peer->word >> 48;
	if (addr_is_mapped(&peer->client)) {
		key.word = lbx_key4(peer->client.words[3], port, backend->service);
		return forward_release_key(&key, reverse_meta, false);
	}
	key.client = peer->client;
	key.word = lbx_key6(port, backend->service);
	return forward_release_key(&key, reverse_meta, true);
}

/* The way back of a forward slot that was evicted: its port is free again. Only the peer's port
 * counts, not its MAC. */
int __noinline reverse_release(const struct peer *peer, __u64 forward_meta)
{
	struct lbx_backend *backend = backend_lookup(lbx_meta_backend(forward_meta));
	struct lbx_slot_reverse *slot;
	__u64 value;

	if (!peer || !backend)
		return 0;
	slot = reverse_lookup_own(backend, forward_meta, peer, &value);
	if (slot)
		meta_swap(&slot->meta, value, 0);
	return 0;
}

/* Fills a claimed slot and publishes it. */
static __always_inline bool reverse_publish(struct lbx_slot_reverse *slot,
					    const struct opening *opening, __u64 claim, __u64 meta)
{
	WRITE_ONCE(slot->client.halves[0], opening->peer.client.halves[0]);
	WRITE_ONCE(slot->client.halves[1], opening->peer.client.halves[1]);
	WRITE_ONCE(slot->peer, opening->peer.word);
	return meta_swap(&slot->meta, claim, meta) == claim;
}

/* Wins the victim's slot for the way, if nobody else claims the way at the same time. Returns the
 * claim, or 0. */
static __always_inline __u64 reverse_claim(struct opening *opening, struct lbx_slot_reverse *slot,
					   __u64 before, const struct buckets *buckets, __u64 way,
					   __u32 n)
{
	__u64 claim = claim_meta(way, opening->now);

	if (meta_swap(&slot->meta, before, claim) != before)
		return 0;
	if (way_is_taken(opening, buckets, way, n)) {
		meta_swap(&slot->meta, claim, 0);
		return 0;
	}
	if (meta_is_live(before) && !meta_is_expired(before, opening->now)) {
		opening->evicted.client = slot->client;
		opening->evicted.word = slot->peer;
		opening->evicted_meta = before;
	}
	return claim;
}

/* Tries to get one way to the backend. 1: it is ours, opening->meta says so. */
int __noinline reverse_try(struct opening *opening, __u32 id, __u64 way)
{
	struct lbx_backend *backend = backend_lookup(id);
	struct lbx_slot_reverse *slot;
	struct buckets buckets;
	__u64 before, claim, meta;
	int n;

	if (!opening || !backend)
		return 0;
	if (!reverse_find(&buckets, &backend->addr,
			  backend_port(backend, opening->peer.destination), backend->protocol,
			  way) ||
	    way_is_taken(opening, &buckets, way, CANDIDATES))
		return 0;
	n = reverse_victim(opening, &buckets, way, &before);
	if (n < 0)
		return 0;
	slot = reverse_slot(&buckets, n);
	claim = reverse_claim(opening, slot, before, &buckets, way, n);
	if (!claim)
		return 0;
	meta = lbx_meta(id, lbx_meta_port(way), opening->interface << 4 | lbx_meta_snat(way),
			opening->state, opening->now);
	opening->meta = meta & ~(0xf0ULL << 24);
	return reverse_publish(slot, opening, claim, meta);
}

/* Allocates a translated port towards the backend and enters the way back. Sets opening->meta. */
static __always_inline enum verdict reverse_open(struct opening *opening, __u16 id,
						 const struct lbx_backend *backend)
{
	__u32 range = config.port_hi - config.port_lo + 1, port = bpf_get_prandom_u32();
	/* Short enough that all tries lie within one round of the range: none comes twice. */
	__u32 stride = 1 + (port >> 16) % (range / LBX_PORT_TRIES + 1);
	__u32 count = backend->snat_count;
	__u8 snat;

	if (!count)
		return VERDICT_drop_no_snat;
	snat = backend->snat_first + ((port & 0xff) * count >> 8);
	port %= range;
	for (int i = 0; i < LBX_PORT_TRIES; i++) {
		opening->desperate = i >= LBX_PORT_TRIES / 2;
		if (reverse_try(opening, id, way_of(config.port_lo + port, snat)))
			return VERDICT_CONTINUE;
		port = (port + stride) % range;
		if (++snat >= backend->snat_first + count)
			snat = backend->snat_first;
	}
	return VERDICT_drop_ports_exhausted;
}

#endif
