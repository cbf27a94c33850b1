/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The translation addresses: which address has which index in the data plane's tables, one table a
 * family. Pure; the caller brings the data plane in line.
 *
 * The addresses of `attach --snat` come first and stay. Others are added as backends need them,
 * and an index keeps its address for as long as a flow may name it.
 */
#ifndef LBX_SNAT_H
#define LBX_SNAT_H

#include <stdbool.h>

#include "user/model/model.h"

struct snat_family {
	struct lbx_addr addrs[LBX_MAX_SNATS];
	__u16 used;	/* bit per index */
	unsigned fixed; /* the first ones, given by the user: every backend of the family uses all
			 * of them */
};

struct snat_table {
	struct snat_family families[2]; /* IPv6, IPv4: by addr_is_v4() */
};

struct snat_family *snat_family(struct snat_table *table, const struct lbx_addr *addr);
/* The address's index, or -ENOENT. */
int snat_find(const struct snat_table *table, const struct lbx_addr *addr);
/* Gives the address the first free index and returns it, or -ENOSPC. */
int snat_add(struct snat_table *table, const struct lbx_addr *addr);

/*
 * A packet to a translation address and a port that is both a service's and a translated one could
 * be either a client's or a backend's. The service that clashes so with this address, or NULL.
 */
const struct service *snat_conflict(const struct model *model, const struct lbx_addr *addr,
				    __u16 port_lo, __u16 port_hi);

#endif
