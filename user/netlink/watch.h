/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The watched addresses: each has a route, that a next hop, and the two together with the interface
 * make its path. Changes are worked out at once and reported from the loop, so that whoever is told
 * may watch and unwatch as he likes.
 */
#ifndef LBX_WATCH_H
#define LBX_WATCH_H

#include "user/netlink/hop.h"
#include "user/netlink/link.h"
#include "user/netlink/neighbour.h"
#include "user/netlink/route.h"

enum { WATCH_BUCKET_BITS = 12 };

struct watch {
	LIST_ENTRY(watch) same_bucket;
	LIST_ENTRY(watch) same_hop;
	LIST_ENTRY(watch) all;
	TAILQ_ENTRY(watch) to_route, to_report; /* valid if the flags below say so */
	bool is_to_route, is_to_report, was_reported;
	unsigned users;
	struct lbx_addr addr;
	struct route route;
	struct hop *hop; /* NULL: no route */
	struct path path, reported;
};

struct watches {
	struct rtnl *rtnl;
	const struct links *links;
	neighbours_callback callback;
	void *context;
	struct hops hops;
	struct event *route_timer, *report_event;
	LIST_HEAD(, watch) buckets[1 << WATCH_BUCKET_BITS];
	LIST_HEAD(, watch) all;
	TAILQ_HEAD(, watch) to_route, to_report;
};

int watches_init(struct watches *watches, struct event_base *base, struct rtnl *rtnl,
		 const struct links *links, neighbours_callback callback, void *context);
void watches_fini(struct watches *watches);

struct watch *watch_find(const struct watches *watches, const struct lbx_addr *addr);
int watch_get(struct watches *watches, const struct lbx_addr *addr);
void watch_put(struct watches *watches, struct watch *watch);

/* Has the routes of all watches, or of those within a prefix, looked up again a little later. */
void watches_reroute(struct watches *watches);
void watches_reroute_prefix(struct watches *watches, const struct lbx_addr *prefix, unsigned bits);

#endif
