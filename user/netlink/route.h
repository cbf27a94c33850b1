/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's routing decision for one destination. */
#ifndef LBX_ROUTE_H
#define LBX_ROUTE_H

#include "user/netlink/rtnl.h"

struct route {
	struct lbx_addr destination; /* given; the rest is the answer */
	int error;		     /* 0, or why there is none (negative errno) */
	unsigned type;		     /* RTN_UNICAST, RTN_LOCAL ... */
	unsigned ifindex;	     /* of the way out */
	struct lbx_addr next_hop;    /* a router, or the destination itself */
	struct lbx_addr source;	     /* what the kernel would send from */
};

/* Up to RTNL_BATCH of them. */
void routes_lookup(struct rtnl *rtnl, struct route *const routes[], unsigned count);
/* Why packets can't be sent by this route: "no route" ...; NULL: they can. */
const char *route_problem(const struct route *route);

#endif
