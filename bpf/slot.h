/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The forward tables (maps/flow.h), IPv4 and IPv6 alike: `v6` is a constant wherever these are
 * inlined.
 *
 * The protocol by which CPUs open a flow, so that one key never gets two slots and one connection
 * never two tickets:
 *
 *   1. claim    CAS a victim's meta -> CLAIM, then exchange the key in (a full barrier).
 *   2. rescan   another slot with the same key is
 *                 live                      -> it wins: release ours, use it
 *                 claimed, earlier in order -> it wins: release ours, wait for it to be published
 *                 claimed, later in order   -> look again until it is live, or released
 *   3. publish  take a ticket, choose a backend, CAS ours -> the flow.
 *
 * Why it is one winner: let A and B claim the same key, A earlier in probe order. The barrier puts
 * each one's key before its rescan, so at least one sees the other. If B sees A, B yields. If it
 * does not, B's key came before A's rescan: A sees B, waits, finds B published and yields. Waiting
 * goes from earlier to later only, and the last one never waits: no deadlock.
 */
#ifndef LBX_BPF_SLOT_H
#define LBX_BPF_SLOT_H

#include "bpf/clock.h"
#include "bpf/packet.h"
#include "bpf/scratch.h"
#include "maps/hash.h"

#define CANDIDATES (2 * LBX_BUCKET_SLOTS)

/* The two candidate buckets of a key, in probe order. */
struct buckets {
	void *first, *second;
};

static __always_inline __u64 meta_swap(__u64 *meta, __u64 before, __u64 after)
{
	return __sync_val_compare_and_swap(meta, before, after);
}

static __always_inline void *bucket_at(__u32 index, bool v6)
{
	return v6 ? bpf_map_lookup_elem(&flows6, &index) : bpf_map_lookup_elem(&flows4, &index);
}

/* By their indices. False (which cannot be, but the verifier asks): there are no such buckets. */
static __always_inline bool buckets_at(struct buckets *buckets, __u32 first, __u32 second, bool v6)
{
	buckets->first = bucket_at(first, v6);
	buckets->second = bucket_at(second, v6);
	return buckets->first && buckets->second;
}

static __always_inline void buckets_index(__u32 *first, __u32 *second, const struct flow_key *key,
					  bool v6)
{
	__u32 mask = v6 ? config.flow6_mask : config.flow4_mask;
	__u64 hash = v6 ? lbx_hash6(&key->client, key->word, config.seeds[0], config.seeds[1])
			: lbx_hash4(key->word, config.seeds[0], config.seeds[1]);

	*first = (__u32)hash & mask;
	*second = (__u32)(hash >> 32) & mask;
	if (*first == *second) /* or a rescan would take a slot for its own double */
		*second ^= 1;
}

static __always_inline bool buckets_find(struct buckets *buckets, const struct flow_key *key,
					 bool v6)
{
	__u32 first, second;

	buckets_index(&first, &second, key, v6);
	return buckets_at(buckets, first, second, v6);
}

static __always_inline __u64 *slot_meta(void *bucket, __u32 n, bool v6)
{
	return v6 ? &((struct lbx_bucket6 *)bucket)->slots[n].meta
		  : &((struct lbx_bucket4 *)bucket)->slots[n].meta;
}

/* The meta word of candidate n, in probe order: it stands for its slot from here on. */
static __always_inline __u64 *candidate(const struct buckets *buckets, __u32 n, bool v6)
{
	return slot_meta(n < LBX_BUCKET_SLOTS ? buckets->first : buckets->second,
			 n & (LBX_BUCKET_SLOTS - 1), v6);
}

static __always_inline struct lbx_slot4 *slot4_of(__u64 *meta)
{
	return (void *)meta - __builtin_offsetof(struct lbx_slot4, meta);
}

static __always_inline struct lbx_slot6 *slot6_of(__u64 *meta)
{
	return (void *)meta - __builtin_offsetof(struct lbx_slot6, meta);
}

static __always_inline bool slot_has_key(__u64 *meta, const struct flow_key *key, bool v6)
{
	if (v6) {
		struct lbx_slot6 *slot = slot6_of(meta);

		return READ_ONCE(slot->key) == key->word &&
		       READ_ONCE(slot->client.halves[1]) == key->client.halves[1] &&
		       READ_ONCE(slot->client.halves[0]) == key->client.halves[0];
	}
	return READ_ONCE(slot4_of(meta)->key) == key->word;
}

/* Only for the owner of a claim. The exchange orders the key before all that follows. */
static __always_inline void slot_write_key(__u64 *meta, const struct flow_key *key, bool v6)
{
	if (v6) {
		struct lbx_slot6 *slot = slot6_of(meta);

		WRITE_ONCE(slot->client.halves[0], key->client.halves[0]);
		WRITE_ONCE(slot->client.halves[1], key->client.halves[1]);
		__sync_lock_test_and_set(&slot->key, key->word);
		return;
	}
	__sync_lock_test_and_set(&slot4_of(meta)->key, key->word);
}

/*
 * The live slot with this key in a bucket: its meta word, copied to *value, or NULL. The key is
 * read again after the meta, or a slot that changed hands in between would lend us a stranger's
 * backend.
 */
static __always_inline __u64 *bucket_lookup(void *bucket, const struct flow_key *key, __u64 *value,
					    bool v6)
{
#pragma unroll
	for (__u32 n = 0; n < LBX_BUCKET_SLOTS; n++) {
		__u64 *meta = slot_meta(bucket, n, v6);

		if (!slot_has_key(meta, key, v6))
			continue;
		*value = READ_ONCE(*meta);
		if (meta_is_live(*value) && slot_has_key(meta, key, v6))
			return meta;
	}
	return NULL;
}

static __always_inline __u64 *flow_lookup(const struct buckets *buckets, const struct flow_key *key,
					  __u64 *value, bool v6)
{
	__u64 *meta = bucket_lookup(buckets->first, key, value, v6);

	return meta ? meta : bucket_lookup(buckets->second, key, value, v6);
}

#endif
