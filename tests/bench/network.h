/* SPDX-License-Identifier: GPL-2.0 */
/* Where ppsbench's packets go: a network namespace of their own. */
#ifndef BENCH_NETWORK_H
#define BENCH_NETWORK_H

#include <stdbool.h>

struct veth;

struct network {
	int near, far; /* interface indexes */
};

/* Moves us into a new namespace; the last one ends when we leave it. Exits on failure, as below. */
void network_create(struct network *network, struct veth *veth, bool bridge);
void network_attach(int ifindex, int program);

#endif
