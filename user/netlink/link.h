/* SPDX-License-Identifier: GPL-2.0 */
/* The interfaces of this network namespace, as far as forwarding is concerned. */
#ifndef LBX_LINK_H
#define LBX_LINK_H

#include <net/if.h>

#include "user/netlink/rtnl.h"

struct link {
	unsigned ifindex;
	unsigned master; /* ifindex of the bridge, bond or VRF it belongs to */
	bool running;	 /* administratively up and with a carrier */
	bool ethernet;
	bool seen; /* in the dump that is under way */
	unsigned mtu;
	__u8 mac[6];
	char name[IFNAMSIZ];
};

struct links {
	struct link *items;
	size_t count, capacity;
};

enum link_change { LINK_SAME, LINK_CHANGED, LINK_GONE };

void links_fini(struct links *links);
const struct link *links_find(const struct links *links, unsigned ifindex);
/* Takes in an RTM_NEWLINK or RTM_DELLINK, and says what it meant to which interface. */
enum link_change links_update(struct links *links, const struct nlmsghdr *message,
			      unsigned *ifindex);
/* Around a dump whose messages are fed to links_update: */
void links_dump_begin(struct links *links);
/* Removes one interface that the dump did not name; 0: there is none left. Returns its ifindex. */
unsigned links_dump_sweep(struct links *links);

#endif
