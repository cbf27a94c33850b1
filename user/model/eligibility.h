/* SPDX-License-Identifier: GPL-2.0 */
/* Which backends get new connections, and what becomes of the flows of those that do not. Pure. */
#ifndef LBX_ELIGIBILITY_H
#define LBX_ELIGIBILITY_H

#include <stdbool.h>
#include <stddef.h>

#include "user/model/health.h"
#include "user/model/model.h"
#include "user/model/schedule.h"

enum backend_state { BACKEND_CHECKING, BACKEND_UP, BACKEND_DOWN, BACKEND_UNREACHABLE };

/* What is known of one backend. */
struct backend_facts {
	__u16 id;
	unsigned weight;
	bool checked; /* the service has a health check; if not, health says nothing */
	enum health_state health;
	bool reachable; /* next hop, interface and translation address are all known */
};

struct eligibility {
	size_t count;  /* entries filled */
	bool all_down; /* the entries are there only because nothing better is (--all-down open) */
	bool closed;   /* new connections are to be refused (--all-down closed) */
};

enum backend_state backend_state(const struct backend_facts *facts);
const char *backend_state_name(enum backend_state state); /* "checking", "up", ... */

/*
 * Fills `entries` (room for count) with the backends to schedule: those that are up and have a
 * weight. Where there are none, the policy decides. A backend in its first check is never
 * scheduled, and while there is one nobody is refused: its result is at most a timeout away, and
 * clients retry by themselves.
 */
struct eligibility eligibility_compute(const struct backend_facts *facts, size_t count,
				       enum all_down policy, struct schedule_entry *entries);

/* enum lbx_backend_flag of the backend's entry. `scheduled`: it is in the schedule after all, so
 * its flows must not be torn down. */
__u8 backend_flags(const struct backend_facts *facts, enum on_down on_down, bool scheduled);

#endif
