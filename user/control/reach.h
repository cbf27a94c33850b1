/* SPDX-License-Identifier: GPL-2.0 */
/* Whether and how packets can be sent to a backend: next hop, interface, translation addresses. */
#ifndef LBX_REACH_H
#define LBX_REACH_H

#include "user/control/controller.h"

/* Fills the entry's way to the backend and returns true, or says in `problem` why there is none. */
bool backend_reach(struct controller *controller, const struct service *service,
		   const struct backend *backend, struct lbx_backend *entry, char *problem,
		   size_t problem_size);

#endif
