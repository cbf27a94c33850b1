/* SPDX-License-Identifier: GPL-2.0 */
/* Runs the health checks of all backends on an event loop. Knows nothing of models or BPF: told
 * what to probe, it reports. */
#ifndef LBX_PROBER_H
#define LBX_PROBER_H

#include "user/model/health.h"

struct event_base;
struct prober;
struct probe;

/* One finished check. reason: "" for a success. May start and stop probes, also the one that
 * reports. */
typedef void (*prober_callback)(void *context, __u16 backend_id, bool success, const char *reason);

struct prober *prober_new(struct event_base *base, prober_callback callback, void *context,
			  struct err *err);
void prober_free(struct prober *prober);

/*
 * Checks endpoint now, and then at spec and timing's pace, until prober_stop. A check that has not
 * ended after timeout_ms fails ("connect: timed out", "HTTP: timed out"). CHECK_NONE is not for
 * here. The prober owns the probe it returns.
 */
struct probe *prober_start(struct prober *prober, __u16 backend_id, const struct endpoint *endpoint,
			   const struct check_spec *spec, const struct check_timing *timing,
			   struct err *err);
void prober_stop(struct probe *probe);

#endif
