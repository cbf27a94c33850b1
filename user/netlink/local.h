/* SPDX-License-Identifier: GPL-2.0 */
/* The addresses that interfaces of this network namespace have. */
#ifndef LBX_LOCAL_H
#define LBX_LOCAL_H

#include "user/netlink/rtnl.h"

struct local {
	struct lbx_addr addr;
	unsigned ifindex;
	unsigned prefix_bits; /* one interface may have an address with two prefixes */
	bool seen;	      /* in the dump that is under way */
};

struct locals {
	struct local *items;
	size_t count, capacity;
};

void locals_fini(struct locals *locals);
bool locals_have(const struct locals *locals, const struct lbx_addr *addr);
/* Takes in an RTM_NEWADDR or RTM_DELADDR: the interface it changed something for, 0: none. */
unsigned locals_update(struct locals *locals, const struct nlmsghdr *message);
/* Around a dump whose messages are fed to locals_update: */
void locals_dump_begin(struct locals *locals);
/* Removes one address that the dump did not name and returns its interface; 0: none is left. */
unsigned locals_dump_sweep(struct locals *locals);

#endif
