/* SPDX-License-Identifier: GPL-2.0 */
/* What the model's own files share; nobody else includes this. */
#ifndef LBX_MODEL_INTERNAL_H
#define LBX_MODEL_INTERNAL_H

#include "user/model/model.h"

/* Each: 0, or an error that says what is wrong with a value by itself. */
int service_name_validate(const char *name, struct err *err);
/* Everything that `service set` may change. */
int service_settings_validate(const struct service *service, struct err *err);
/* What only `service add` decides: name, protocol, VIP, forward. */
int service_identity_validate(const struct service *service, struct err *err);
/* Whether the endpoint can be a backend of the service, apart from being there already. */
int backend_validate(const struct service *service, const struct endpoint *endpoint,
		     struct err *err);
/* The backend's tunnel settings, against its service. */
int tunnel_validate(const struct service *service, const struct backend *backend, struct err *err);
int weight_validate(unsigned weight, struct err *err);

/* Takes the lowest free id of 1 .. limit - 1. 0: none is free. */
__u16 id_take(__u64 *used, unsigned limit);

#endif
