/* SPDX-License-Identifier: GPL-2.0 */
/* The model as JSON, for the controller's state file. Pure. */
#ifndef LBX_MODEL_JSON_H
#define LBX_MODEL_JSON_H

#include <jansson.h>

#include "user/model/model.h"

/* With all ids, also those reserved. NULL without memory. */
json_t *model_to_json(const struct model *model);
/* Into an initialised, empty model, validated as if a user had typed it. On error it stays empty.
 * -EINVAL, -ENOMEM. */
int model_from_json(const json_t *root, struct model *model, struct err *err);

#endif
