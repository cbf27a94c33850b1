/* SPDX-License-Identifier: GPL-2.0 */
/* From the model there is to the one that is wanted: all of it, or nothing. */
#ifndef LBX_APPLY_H
#define LBX_APPLY_H

#include "user/control/controller.h"

/*
 * Brings state file, data plane, checks and watches in line with `next` and takes it over (`next`
 * is empty then). On error everything is as it was.
 */
int controller_apply(struct controller *controller, struct model *next, struct err *err);

#endif
