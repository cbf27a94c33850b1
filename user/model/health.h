/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Active health checks: one pure rise/fall machine (struct health), checkers that produce results,
 * and the driver that runs them on the event loop (prober).
 */
#ifndef LBX_HEALTH_H
#define LBX_HEALTH_H

#include <stdbool.h>

#include "user/model/model.h"

enum health_state { HEALTH_CHECKING, HEALTH_UP, HEALTH_DOWN };

struct health {
	enum health_state state;
	unsigned streak;  /* results in a row that speak against the state */
	char reason[128]; /* of the last failure, "" after a success: "connect: refused", "HTTP 503,
			     wanted 2xx" */
};

const char *health_state_name(enum health_state state); /* "checking", "up", "down" */

/*
 * Feeds one result. The first result decides at once; then `fall` failures in a row take an up
 * backend down and `rise` successes a down one up. Returns true if the state changed. reason is
 * copied (NULL or "" for a success).
 */
bool health_result(struct health *health, bool success, const char *reason, unsigned rise,
		   unsigned fall);

/* Milliseconds to the next check: the interval, +-10% by `random` (a uniform 32-bit number), so
 * checks spread out. */
unsigned health_next_ms(unsigned interval_ms, unsigned random);

#endif
