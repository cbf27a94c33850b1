// SPDX-License-Identifier: GPL-2.0
#include "user/model/eligibility.h"

enum backend_state backend_state(const struct backend_facts *facts)
{
	if (!facts->reachable)
		return BACKEND_UNREACHABLE;
	if (!facts->checked || facts->health == HEALTH_UP)
		return BACKEND_UP;
	return facts->health == HEALTH_DOWN ? BACKEND_DOWN : BACKEND_CHECKING;
}

const char *backend_state_name(enum backend_state state)
{
	static const char *const names[] = {
		[BACKEND_CHECKING] = "checking",
		[BACKEND_UP] = "up",
		[BACKEND_DOWN] = "down",
		[BACKEND_UNREACHABLE] = "unreachable",
	};

	return names[state];
}

static size_t entries_fill(struct schedule_entry *entries, const struct backend_facts *facts,
			   size_t count, enum backend_state wanted)
{
	size_t filled = 0;

	for (size_t i = 0; i < count; i++) {
		if (facts[i].weight && backend_state(&facts[i]) == wanted)
			entries[filled++] = (struct schedule_entry){facts[i].id, facts[i].weight};
	}
	return filled;
}

static bool any_checking(const struct backend_facts *facts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (facts[i].weight && facts[i].checked && facts[i].health == HEALTH_CHECKING)
			return true;
	}
	return false;
}

struct eligibility eligibility_compute(const struct backend_facts *facts, size_t count,
				       enum all_down policy, struct schedule_entry *entries)
{
	struct eligibility result = {0};

	result.count = entries_fill(entries, facts, count, BACKEND_UP);
	if (result.count)
		return result;
	if (policy == ALL_DOWN_OPEN) {
		result.count = entries_fill(entries, facts, count, BACKEND_DOWN);
		result.all_down = result.count > 0;
	} else {
		result.closed = !any_checking(facts, count);
	}
	return result;
}

__u8 backend_flags(const struct backend_facts *facts, enum on_down on_down, bool scheduled)
{
	__u8 flags = LBX_BACKEND_USED | (facts->reachable ? 0 : LBX_BACKEND_UNRESOLVED);
	/* Without a check, a lost next hop is the only sign of a dead backend; with one, the check
	 * decides, so that a short ARP failure costs no connection. */
	bool down = facts->checked ? facts->health == HEALTH_DOWN : !facts->reachable;

	if (!down || scheduled)
		return flags;
	if (on_down == ON_DOWN_RESET)
		flags |= LBX_BACKEND_RESET;
	if (on_down == ON_DOWN_MOVE)
		flags |= LBX_BACKEND_MOVE;
	return flags;
}
