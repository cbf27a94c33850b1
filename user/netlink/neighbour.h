/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way to each backend, kept current from rtnetlink (libmnl): route -> next hop -> MAC address,
 * interface and the source address the kernel would use. Knows nothing of models or BPF.
 */
#ifndef LBX_NEIGHBOUR_H
#define LBX_NEIGHBOUR_H

#include <stdbool.h>

#include "user/base/addr.h"

struct event_base;
struct neighbours;

struct path {
	bool resolved;		  /* false: the rest may be partly filled */
	unsigned ifindex;	  /* of the way out; 0: no route */
	struct lbx_addr next_hop; /* the backend itself or a router */
	struct lbx_addr source;	  /* what the kernel would send from (route's prefsrc) */
	unsigned mtu;		  /* of the interface */
	__u8 mac_destination[6];
	__u8 mac_source[6];
	char problem[96]; /* when not resolved: "no route", "no answer to ARP from 10.0.0.9" ... */
};

/* The path to addr changed. Called from the loop, never from within a call; may watch and unwatch,
 * but not free. */
typedef void (*neighbours_callback)(void *context, const struct lbx_addr *addr,
				    const struct path *path);
/* An interface appeared, changed (name, MAC, up, address) or went away (gone).
 * Not called for those that are there at the start. */
typedef void (*neighbours_link_callback)(void *context, unsigned ifindex, bool gone);

struct neighbours *neighbours_new(struct event_base *base, neighbours_callback callback,
				  neighbours_link_callback link_callback, void *context,
				  struct err *err);
void neighbours_free(struct neighbours *neighbours);

/*
 * Reference-counted by address. The first watch resolves at once: neighbours_path is right on
 * return, and the callback follows from the loop, whether the path is resolved or not. From then on
 * the kernel is made to probe the next hop (RTM_NEWNEIGH with NTF_USE) whenever its entry is
 * missing, failed or stale.
 */
int neighbours_watch(struct neighbours *neighbours, const struct lbx_addr *addr, struct err *err);
void neighbours_unwatch(struct neighbours *neighbours, const struct lbx_addr *addr);
/* The path as last known; false if not watched. */
bool neighbours_path(const struct neighbours *neighbours, const struct lbx_addr *addr,
		     struct path *path);

/* Whether an interface of this network namespace has the address. */
bool neighbours_is_local(struct neighbours *neighbours, const struct lbx_addr *addr);
/* Put an address (/32 or /128) on an interface, or take it off. -EEXIST, -ENODEV, -EPERM ... */
int neighbours_assign(const char *interface, const struct lbx_addr *addr, struct err *err);
int neighbours_unassign(const char *interface, const struct lbx_addr *addr, struct err *err);

#endif
