/* SPDX-License-Identifier: GPL-2.0 */
/* What goes with a service or a backend at run time: made before it is applied, kept after its
 * removal until no flow names it. */
#ifndef LBX_RUNTIME_H
#define LBX_RUNTIME_H

#include "user/control/controller.h"

int service_runtime_new(struct controller *controller, const struct service *service,
			struct err *err);
void service_runtime_free(struct controller *controller, __u16 id);
/* The entry that the data plane has for a service. */
struct lbx_service service_entry(const struct service *service);

/* Known, but neither watched nor checked yet. */
int backend_runtime_new(struct controller *controller, __u16 service_id,
			const struct backend *backend, struct err *err);
/* Watches its path and starts its check. */
int backend_runtime_start(struct controller *controller, const struct service *service,
			  struct backend_runtime *runtime, struct err *err);
void backend_runtime_stop(struct controller *controller, struct backend_runtime *runtime);
void backend_runtime_free(struct controller *controller, __u16 id);
/* The service's check or its pace changed: checks go on with the new ones, health is kept. */
int service_checks_restart(struct controller *controller, const struct service *service,
			   struct err *err);

/* A backend's traffic so far. */
void backend_stats(const struct controller *controller, __u16 id, struct lbx_backend_stats *stats);
void stats_add(struct lbx_backend_stats *sum, const struct lbx_backend_stats *stats);

void runtimes_free(struct controller *controller);

#endif
