/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flow tables: set-associative, in mmapable arrays, claimed by compare-and-swap. A key has two
 * candidate buckets of four slots; an IPv4 bucket is one cache line, an IPv6 or reverse bucket two
 * neighbouring ones.
 *
 * IPv4 slot (flows4, 16 bytes)
 *
 *        63             48 47             32 31                             0
 *       +-----------------+-----------------+--------------------------------+
 *   key | service id      | client port, be | client address, be             |  compared whole
 *       +-----------------+-----------------+--------+-----------------------+
 *  meta | backend id      | translated port | flags  | state | last seen     |
 *       +-----------------+-----------------+--------+-------+---------------+
 *        63             48 47             32 31    24 23   16 15            0
 *
 * IPv6 slot (flows6, 32 bytes): the client's address (2 words), key (its low 32 bits zero but
 * for wild services, below), meta.
 *
 * Reverse slot (reverse, 32 bytes; IPv4 clients mapped): the way back of a full NAT flow. Found by
 * (backend's address, port and protocol, translated port, translation address), of which the slot
 * holds the backend's id, the translated port and the address's index; the rest is compared through
 * the backend's entry.
 *
 *       +--------------------------------------------------------------------+
 *       | client address (2 words)                                           |
 *       +-----------------+--------------------------------------------------+
 *  peer | client port, be | client's next-hop MAC, first byte lowest         |
 *       +-----------------+-----------------+--------+-------+---------------+
 *  meta | backend id      | translated port | if,snat| state | last seen     |
 *       +-----------------+-----------------+--------+-------+---------------+
 *
 * IPv6 slot keys have the destination port (be) in their low bits if the service is wild; so that
 * there is room for it, IPv4 flows of wild services are in flows6 too, their clients mapped.
 *
 * In mode nat there is no translated port: its field is the index of the client's next hop in
 * `hops`, and the flag LBX_META_HOP says so.
 *
 * The translated port is in host order. The flags' low nibble is the translation address's index in
 * both; their high nibble is the client's interface index in a reverse slot.
 *
 * All changes of a meta word are compare-and-swap, by the data plane and by the controller alike.
 * `last seen` counts ticks of 2^30 ns (1.07 s: a shift, where seconds would need a division) and
 * wraps after 19.5 hours; the controller's sweep empties expired slots long before.
 */
#ifndef LBX_FLOW_H
#define LBX_FLOW_H

#include "types.h"

#define LBX_BUCKET_SLOTS 4
#define LBX_TICK_SHIFT 30

enum lbx_flow_state {
	LBX_FLOW_EMPTY = 0,	/* the whole meta word is 0 */
	LBX_FLOW_CLAIM = 1,	/* a CPU is filling the slot */
	LBX_FLOW_HALF_OPEN = 2, /* a SYN was seen */
	LBX_FLOW_FRESH = 3,	/* the client answered the SYN-ACK; may still be spoofed */
	LBX_FLOW_ASSURED = 4,	/* certainly a living connection: never evicted */
	LBX_FLOW_CLOSING = 5,	/* a FIN or RST was seen */
	LBX_FLOW_UDP_FRESH = 6, /* one direction, one tick only */
	LBX_FLOW_UDP_ASSURED = 7,
};

struct lbx_slot4 {
	__u64 key;
	__u64 meta;
};

struct lbx_slot6 {
	struct lbx_addr client;
	__u64 key;
	__u64 meta;
};

struct lbx_slot_reverse {
	struct lbx_addr client;
	__u64 peer;
	__u64 meta;
};

struct lbx_bucket4 {
	struct lbx_slot4 slots[LBX_BUCKET_SLOTS];
};

struct lbx_bucket6 {
	struct lbx_slot6 slots[LBX_BUCKET_SLOTS];
};

struct lbx_bucket_reverse {
	struct lbx_slot_reverse slots[LBX_BUCKET_SLOTS];
};

static inline __u64 lbx_key4(__be32 client, __be16 port, __u16 service)
{
	return (__u64)service << 48 | (__u64)port << 32 | client;
}

static inline __u64 lbx_key6(__be16 port, __u16 service)
{
	return (__u64)service << 48 | (__u64)port << 32;
}

/* Of a flow of a wild service, that goes to that port of it. */
static inline __u64 lbx_key_wild(__be16 port, __u16 service, __be16 destination)
{
	return lbx_key6(port, service) | destination;
}

/* 0: not of a wild service. */
static inline __be16 lbx_key_destination6(__u64 key)
{
	return (__be16)key;
}

static inline __be32 lbx_key_client4(__u64 key)
{
	return (__be32)key;
}

static inline __be16 lbx_key_port(__u64 key)
{
	return (__be16)(key >> 32);
}

static inline __u16 lbx_key_service(__u64 key)
{
	return key >> 48;
}

static inline __u64 lbx_meta(__u16 backend, __u16 port, __u8 flags, __u8 state, __u16 tick)
{
	return (__u64)backend << 48 | (__u64)port << 32 | (__u64)flags << 24 | (__u64)state << 16 |
	       tick;
}

static inline __u16 lbx_meta_backend(__u64 meta)
{
	return meta >> 48;
}

static inline __u16 lbx_meta_port(__u64 meta)
{
	return (__u16)(meta >> 32);
}

static inline __u8 lbx_meta_flags(__u64 meta)
{
	return (__u8)(meta >> 24);
}

static inline __u8 lbx_meta_snat(__u64 meta)
{
	return lbx_meta_flags(meta) & 0xf;
}

static inline __u8 lbx_meta_interface(__u64 meta)
{
	return lbx_meta_flags(meta) >> 4;
}

static inline __u8 lbx_meta_state(__u64 meta)
{
	return (__u8)(meta >> 16);
}

static inline __u16 lbx_meta_tick(__u64 meta)
{
	return (__u16)meta;
}

/* A forward slot's flag: its port field is a hop. */
#define LBX_META_HOP 0x80

/* The port that the backend sees the client by, or 0: not a full NAT flow. */
static inline __u16 lbx_meta_translated(__u64 meta)
{
	return lbx_meta_flags(meta) & LBX_META_HOP ? 0 : lbx_meta_port(meta);
}

/* The same meta word with another state and last-seen tick. */
static inline __u64 lbx_meta_touch(__u64 meta, __u8 state, __u16 tick)
{
	return (meta & ~0xffffffULL) | (__u64)state << 16 | tick;
}

/* Ticks since the slot was last seen, 0 if another CPU's clock is a tick ahead. Right for ages
 * below half the wrap. */
static inline __u16 lbx_meta_age(__u64 meta, __u16 now)
{
	__u16 age = now - lbx_meta_tick(meta);

	return age == 0xffff ? 0 : age;
}

#endif
