// SPDX-License-Identifier: GPL-2.0
#include "user/model/health.h"

#include <stdio.h>

const char *health_state_name(enum health_state state)
{
	switch (state) {
	case HEALTH_CHECKING:
		return "checking";
	case HEALTH_UP:
		return "up";
	case HEALTH_DOWN:
		return "down";
	}
	return "unknown";
}

bool health_result(struct health *health, bool success, const char *reason, unsigned rise,
		   unsigned fall)
{
	enum health_state verdict = success ? HEALTH_UP : HEALTH_DOWN;
	unsigned needed = health->state == HEALTH_CHECKING ? 1 : success ? rise : fall;

	snprintf(health->reason, sizeof(health->reason), "%s", success || !reason ? "" : reason);
	if (verdict == health->state) {
		health->streak = 0;
		return false;
	}
	if (++health->streak < needed)
		return false;
	health->state = verdict;
	health->streak = 0;
	return true;
}

unsigned health_next_ms(unsigned interval_ms, unsigned random)
{
	unsigned tenth = interval_ms / 10;
	__u64 span = 2ULL * tenth + 1;

	return interval_ms - tenth + (unsigned)(span * random >> 32);
}
