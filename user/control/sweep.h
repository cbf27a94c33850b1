/* SPDX-License-Identifier: GPL-2.0 */
/* The periodic look through the flow tables: how many flows a backend has, and which ids of removed
 * services and backends no flow names any more. */
#ifndef LBX_SWEEP_H
#define LBX_SWEEP_H

#include "user/control/controller.h"

enum { SWEEP_INTERVAL_S = 10 };

/* The sweep's timer (libevent's signature). */
void sweep_run(int fd, short events, void *context);
/* Counts the flows again if the last sweep is older than that. */
void sweep_refresh(struct controller *controller, long long max_age_ms);
/* Without a data plane no flow names anything: frees the ids of all that was removed. */
void ids_free_unused(struct controller *controller);

#endif
