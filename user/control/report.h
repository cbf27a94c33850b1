/* SPDX-License-Identifier: GPL-2.0 */
/* The controller's objects as the control protocol shows them (protocol.md, `status`). All return
 * NULL without memory. */
#ifndef LBX_REPORT_H
#define LBX_REPORT_H

#include <jansson.h>

#include "user/control/controller.h"

json_t *backend_report(struct controller *controller, const struct service *service,
		       const struct backend *backend);
json_t *backends_report(struct controller *controller, const struct service *service);
json_t *service_report(struct controller *controller, const struct service *service);
json_t *services_report(struct controller *controller);
json_t *interface_report(struct controller *controller, const char *name);
json_t *interfaces_report(struct controller *controller);

#endif
