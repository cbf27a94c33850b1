/* SPDX-License-Identifier: GPL-2.0 */
/* The model as JSON, for the controller's state file. Pure. */
#ifndef LBX_MODEL_JSON_H
#define LBX_MODEL_JSON_H

#include <jansson.h>

#include "user/model/model.h"

/* With all ids, also those reserved. NULL without memory. */
/* {mtu, tunnel_port, tunnel_source}: 0 and "" where the defaults hold. */
json_t *tunnel_to_json(const struct tunnel *tunnel);
json_t *model_to_json(const struct model *model);
/* Into an initialised, empty model, validated as if a user had typed it. On error it stays empty.
 * -EINVAL, -ENOMEM. */
int model_from_json(const json_t *root, struct model *model, struct err *err);

#endif
