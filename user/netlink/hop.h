/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Next hops and their MAC addresses: what the kernel's neighbour table says of the few entries that
 * matter here, and who keeps it asking. XDP traffic does not show in the kernel's statistics, so
 * without us it would let these entries go stale and collect them.
 */
#ifndef LBX_HOP_H
#define LBX_HOP_H

#include <event2/event.h>
#include <sys/queue.h>

#include "user/netlink/rtnl.h"

enum { HOP_BUCKET_BITS = 10 };

struct hops;
struct watch;

struct hop {
	LIST_ENTRY(hop) same_bucket;
	LIST_HEAD(, watch) watches; /* that go this way; kept by watch.c */
	struct hops *hops;
	struct event *timer;
	struct lbx_addr addr;
	unsigned ifindex;
	unsigned users;
	unsigned grace_turns; /* of the timer, for which a vanished entry's MAC is still good */
	__u16 state;	      /* NUD_* */
	bool usable;	      /* the MAC is valid */
	__u8 mac[6];
};

/* A next hop became usable or unusable, or its MAC changed. */
typedef void (*hops_callback)(void *context, struct hop *hop);

struct hops {
	struct event_base *base;
	struct rtnl *rtnl;
	hops_callback changed;
	void *context;
	LIST_HEAD(, hop) buckets[1 << HOP_BUCKET_BITS];
};

/* A bucket for an address: the top bits, as those of a product depend on all bits of the factor. */
static inline unsigned addr_bucket(const struct lbx_addr *addr, unsigned salt, unsigned bits)
{
	__u64 folded = addr->halves[0] ^ addr->halves[1] ^ salt;

	return (unsigned)(folded * 0x9e3779b97f4a7c15ULL >> (64 - bits));
}

void hops_init(struct hops *hops, struct event_base *base, struct rtnl *rtnl, hops_callback changed,
	       void *context);
/* The next hop, asked for where it is new; hop_put gives it back. NULL: no memory. */
struct hop *hop_get(struct hops *hops, unsigned ifindex, const struct lbx_addr *addr);
void hop_put(struct hop *hop);
/* Takes in an RTM_NEWNEIGH or RTM_DELNEIGH. */
void hops_update(struct hops *hops, const struct nlmsghdr *message);
/* Reads all anew from the kernel, after events were lost. */
void hops_refresh(struct hops *hops);

#endif
