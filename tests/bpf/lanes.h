/* SPDX-License-Identifier: GPL-2.0 */
/* Two CPUs that start together, round by round. */
#ifndef LBX_TEST_LANES_H
#define LBX_TEST_LANES_H

#include "tests/bpf/scene.h"

enum { LANE_MAX = 16 };

/* What one CPU does in a round, and what came of it. */
struct lane {
	void (*work)(struct lane *lane);
	unsigned cpu, delay, count;
	struct frame frames[LANE_MAX], out[LANE_MAX];
	int actions[LANE_MAX];
};

extern struct lane lanes[2];

/* Group fixtures: a world and a second thread. */
int lanes_setup(void **state);
int lanes_teardown(void **state);

void lane_add(struct lane *lane, const struct spec *spec);
/* As work: gives the lane's frames to the program, in order. */
void lane_send(struct lane *lane);
/* Both lanes' work, at once; by `delay` one of them a little later. */
void lanes_run(unsigned delay);

#endif
