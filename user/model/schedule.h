/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Weighted round robin as a cyclic table. Pure.
 *
 * Tijdeman's chairman assignment (R. Tijdeman, "The chairman assignment problem", Discrete
 * Mathematics 32, 1980; also arXiv 2511.18546): at every prefix of the table each backend's count
 * differs from its exact share by at most 1 - 1/(2m-2), m the number of backends.
 */
#ifndef LBX_SCHEDULE_H
#define LBX_SCHEDULE_H

#include <stddef.h>

#include "maps/types.h"

struct schedule_entry {
	__u16 id;
	unsigned weight; /* 0: not in the table */
};

/*
 * Fills schedule from the entries. Length = sum(weights) / gcd(weights); where that is over
 * LBX_SCHEDULE_MAX the weights are scaled to it by largest remainder, at least 1 each. No entry
 * with a weight: length 0. At most LBX_BACKENDS_PER_SERVICE entries. Returns 0 or -EINVAL, -ENOMEM.
 */
int schedule_compute(struct lbx_schedule *schedule, const struct schedule_entry *entries,
		     size_t count);

#endif
