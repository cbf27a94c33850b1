/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A new controller takes over what a former one of its instance left running: pinned program and
 * maps, and the state file. Until proven otherwise the former one was right: health, paths and
 * schedules go on as they were, so that no packet notices.
 */
#ifndef LBX_ADOPT_H
#define LBX_ADOPT_H

#include "user/control/controller.h"

/* Pins that cannot be adopted leave a controller that can do nothing but remove them
 * (controller.orphan). */
int adopt_run(struct controller *controller, struct err *err);
/* Adopted paths that have not been confirmed by now are dropped (libevent's signature). */
void adopt_grace_over(int fd, short events, void *context);

#endif
