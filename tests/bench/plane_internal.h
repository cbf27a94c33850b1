/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_PLANE_INTERNAL_H
#define BENCH_PLANE_INTERNAL_H

#include "tests/bench/plane.h"

#include "lbxdp.skel.h" /* needs the types of maps/ */

struct plane {
	struct lbxdp_bpf *skel;
	unsigned ifindex; /* of the interface that test runs come in by */
	unsigned buckets;
	struct lbx_bucket4 *flows4;
	struct lbx_bucket6 *flows6;
	struct lbx_bucket_reverse *reverse;
	struct lbx_cursor *cursors;
};

#endif
