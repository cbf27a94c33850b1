/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a later controller of the instance has to know, in /run/lbxdp/INSTANCE.json: the model with
 * its ids, health, translation addresses, attachments, and what was removed but may still have
 * flows.
 */
#ifndef LBX_STATE_H
#define LBX_STATE_H

#include <jansson.h>

#include "user/control/controller.h"

/* Replaces the file whole, with this model (the controller's, or the one it is about to have). */
int state_save(struct controller *controller, const struct model *model, struct err *err);
/* Into a new controller. found: there is a file. Runtimes are made, but not started. */
int state_load(struct controller *controller, bool *found, struct err *err);
void state_remove(struct controller *controller);

/* The file's content. state_json.c */
json_t *state_to_json(const struct controller *controller, const struct model *model);
int state_from_json(struct controller *controller, const json_t *root, struct err *err);

/* "auto", "native", "generic", by enum attach_mode. */
extern const char *const attach_mode_names[3];

#endif
