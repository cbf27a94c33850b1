/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a key lives in a flow table: one seeded 64-bit hash whose halves name the two candidate
 * buckets. The data plane is the only user at run time; the tests use it to make keys collide.
 *
 * The key is blinded by one secret, multiplied by an odd secret and finalised as in MurmurHash3 (A.
 * Appleby, fmix64): without the seeds nobody can choose keys that meet in a bucket.
 */
#ifndef LBX_HASH_H
#define LBX_HASH_H

#include "types.h"

static inline __u64 lbx_hash_mix(__u64 x)
{
	x ^= x >> 32;
	x *= 0xc4ceb9fe1a85ec53ULL;
	x ^= x >> 29;
	return x;
}

/* Of an IPv4 flow's key word. */
static inline __u64 lbx_hash4(__u64 key, __u64 seed0, __u64 seed1)
{
	return lbx_hash_mix((key ^ seed0) * seed1);
}

/* Of an IPv6 flow: the client's address, then the key word. */
static inline __u64 lbx_hash6(const struct lbx_addr *client, __u64 key, __u64 seed0, __u64 seed1)
{
	__u64 x = lbx_hash_mix((client->halves[0] ^ seed0) * seed1);

	x = lbx_hash_mix((x ^ client->halves[1]) * seed1);
	return lbx_hash4(x ^ key, seed0, seed1);
}

/* Of a way back: the backend's endpoint, the translated port and the index of the translation
 * address. */
static inline __u64 lbx_hash_reverse(const struct lbx_addr *backend, __be16 backend_port,
				     __u8 protocol, __u16 port, __u8 snat, __u64 seed0, __u64 seed1)
{
	__u64 key = (__u64)backend_port << 48 | (__u64)port << 32 | (__u64)snat << 8 | protocol;

	return lbx_hash6(backend, key, seed1, seed0 | 1);
}

#endif
