/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keys and values of the BPF maps, as both sides see them. Plain C, explicit padding, no implicit
 * holes: keys are hashed as bytes. Byte order is in the type: __be16 and __be32 are as on the wire,
 * __u16 and __u32 are the host's.
 */
#ifndef LBX_TYPES_H
#define LBX_TYPES_H

#include <linux/types.h>

#include "limits.h"

/* Bumped when a pinned map's layout or meaning changes; a controller adopts only its own. */
#define LBX_LAYOUT_VERSION 2

/* An IPv6 address, or an IPv4 one mapped into it as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct lbx_addr {
	union {
		__u8 bytes[16];
		__be32 words[4];
		__u64 halves[2];
	};
};

enum lbx_forward {
	LBX_FORWARD_FULLNAT,
	LBX_FORWARD_NAT,
	LBX_FORWARD_DSR,
	LBX_FORWARD_IPIP,
	LBX_FORWARD_GUE,
};

/*
 * Key of `services4`. Port 0: the service of every port that has none of its own. Port 0 and
 * protocol 0: what the address itself is to us (LBX_REF_ADDRESS).
 */
struct lbx_service_key4 {
	__be32 addr;
	__be16 port;
	__u8 protocol;
	__u8 zero;
};

/* Key of `services6`. The last two are as wide as it takes to leave no hole at the end. */
struct lbx_service_key6 {
	struct lbx_addr addr;
	__be16 port;
	__u16 protocol;
	__u32 zero;
};

enum lbx_ref_kind {
	LBX_REF_SERVICE = 1,
	LBX_REF_ADDRESS = 2,
};

/* Of a reference to a service. */
enum lbx_service_flag {
	LBX_SERVICE_CLOSED = 1 << 0, /* no backend is up, and that is answered by a reset */
	LBX_SERVICE_WILD = 1 << 1,   /* every port: the flow's key has the destination port too */
};

/* Of a reference to an address. */
enum lbx_address_flag {
	LBX_ADDRESS_SNAT = 1 << 0, /* a translation address: id is its index */
	LBX_ADDRESS_VIP = 1 << 1,  /* services have it */
	LBX_ADDRESS_PING = 1 << 2, /* we answer echo requests to it */
	LBX_ADDRESS_TCP = 1 << 3,  /* a VIP of TCP services: fragments of others are not ours */
	LBX_ADDRESS_UDP = 1 << 4,
};

/* Value of `services4` and `services6`: what an address means to us. */
struct lbx_service_ref {
	__u16 id;     /* of the service, or the index of the translation address */
	__u8 kind;    /* enum lbx_ref_kind */
	__u8 forward; /* enum lbx_forward */
	__u8 flags;   /* enum lbx_service_flag or lbx_address_flag */
	__u8 zero[3];
};

/* Value of the per-CPU `service_cache`: what services4 said of a key, absence included. */
struct lbx_cached_ref {
	__u64 key;		    /* struct lbx_service_key4 */
	struct lbx_service_ref ref; /* kind 0: there was none */
	__u32 generation;	    /* of services4 when it was asked */
	__u32 zero;
};

/* Value of the per-CPU `service_cache6`: likewise of services6. */
struct lbx_cached_ref6 {
	struct lbx_addr addr;
	struct lbx_cached_ref rest; /* its key: protocol and port */
};

/*
 * Key and value of `nat_backends`: the backends, of different services, that answer from an
 * endpoint (the port is 0 if they are of wild services). 0: none. Only those of mode nat, whose
 * answers come by on their way to the client.
 */
struct lbx_nat_key {
	struct lbx_addr addr;
	__be16 port;
	__u16 protocol;
	__u32 zero;
};

struct lbx_nat_backends {
	__u16 ids[LBX_NAT_SHARED];
};

/* Value of `services`, by service id: what a packet on its way back to the client is given. */
struct lbx_service {
	struct lbx_addr vip;
	__be16 port; /* 0: every port; the packet's stays */
	__u8 protocol;
	__u8 forward;
	__u32 zero;
};

/* Value of `cursors`, by service id: a cache line each, so that two busy services do not share one.
 */
struct lbx_cursor {
	__u64 ticket; /* of the next new connection */
	__u64 zero[7];
};

/* Value of the one-element inner maps of `schedules`: swapped whole, so index and length always
 * agree. */
struct lbx_schedule {
	__u32 length;			  /* 0: no backend is eligible */
	__u16 backends[LBX_SCHEDULE_MAX]; /* backend ids */
	__u32 zero;
};

enum lbx_backend_flag {
	LBX_BACKEND_USED = 1 << 0, /* the entry holds a backend */
	LBX_BACKEND_RESET =
		1 << 1, /* answer its flows with a reset (down with --on-down reset, or removed) */
	LBX_BACKEND_MOVE = 1 << 2,	 /* give its flows to another backend (--on-down move) */
	LBX_BACKEND_UNRESOLVED = 1 << 3, /* the MAC addresses below are not valid */
};

/*
 * Value of `backends`, by backend id: one cache line. A backend belongs to exactly one service. In
 * tunnel modes its address is the outer destination, and its family may be another than the VIP's.
 */
struct lbx_backend {
	struct lbx_addr addr;
	__be16 port; /* 0: as the client's packet has it (wild services) */
	__u16 service;
	__u8 flags; /* enum lbx_backend_flag */
	__u8 protocol;
	__u8 interface;	 /* index into `interfaces` of the way to it */
	__u8 snat_first; /* its translation addresses: [first, first + count) of snat4 or snat6 */
	__u8 snat_count;
	__u8 zero;
	__be16 tunnel_port; /* gue: the outer UDP destination port */
	__u16 mtu; /* of the way to it: bytes of the largest IP packet, outer header included */
	__u16 zero2;
	__u8 mac_destination[6];       /* of the next hop */
	__u8 mac_source[6];	       /* of our interface towards it */
	__u32 ifindex;		       /* of that interface */
	struct lbx_addr tunnel_source; /* ipip, gue: the outer source address */
};

/* Value of the per-CPU `backend_stats`, by backend id. */
struct lbx_backend_stats {
	__u64 connections;    /* flows opened */
	__u64 packets;	      /* from clients */
	__u64 bytes;	      /* of frames, without the FCS */
	__u64 return_packets; /* to clients; 0 where they do not pass through us */
	__u64 return_bytes;
};

/*
 * Value of `hops`, by index 1..LBX_HOPS - 1: a next hop of clients of mode nat. Entered once, when
 * a flow opens, and never taken back: there are not more than stations on the networks.
 *
 *     63      56 55        48 47                                     0
 *    +----------+------------+----------------------------------------+
 *    | 1: used  | interface  | MAC, first byte lowest                 |
 *    +----------+------------+----------------------------------------+
 */
static inline __u64 lbx_hop(__u64 mac, __u8 interface)
{
	return 1ULL << 56 | (__u64)interface << 48 | (mac & 0xffffffffffffULL);
}

static inline __u8 lbx_hop_interface(__u64 hop)
{
	return hop >> 48;
}

/* Value of `interfaces`, by index, and of `interfaces_by_ifindex`. ifindex 0: not in use. */
struct lbx_interface {
	__u32 ifindex;
	__u8 mac[6];
	__u8 index;
	__u8 zero;
};

/* Value of the one-element `settings`: what survives the program and may change while it runs. */
struct lbx_settings {
	__u32 layout_version; /* LBX_LAYOUT_VERSION */
	__u32 generation;     /* of services4: counted up after each change */
	__u64 seeds[2];	      /* of the tables' hash; seeds[1] is odd */
	__u32 flow4_buckets;  /* powers of two */
	__u32 flow6_buckets;
	__u32 reverse_buckets;
	__u16 port_lo; /* translated ports, both ends included */
	__u16 port_hi;
	__u16 timeout_ticks[8]; /* by enum lbx_flow_state */
	__u32 features;		/* enum lbx_feature: what packets that are for no service may be */
	__u32 zero;
};

enum lbx_feature {
	LBX_FEATURE_NAT = 1 << 0, /* `nat_backends` has entries */
};

/* The program's read-only configuration (.rodata): a copy of what in `settings` cannot change while
 * it runs. */
struct lbx_config {
	__u64 seeds[2];
	__u32 flow4_mask; /* buckets - 1 */
	__u32 flow6_mask;
	__u32 reverse_mask;
	__u16 port_lo;
	__u16 port_hi;
	__u8 frags; /* the kernel may hand us packets whose end is not in linear memory (5.18) */
	__u8 zero[3];
};

#endif
