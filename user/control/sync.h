/* SPDX-License-Identifier: GPL-2.0 */
/* Brings what the data plane has of one service in line with what it should have. */
#ifndef LBX_SYNC_H
#define LBX_SYNC_H

#include "user/control/controller.h"

/*
 * Works out the service's backend entries, schedule and VIP entry, and writes those that differ
 * from what is installed, in an order in which every packet in between finds a whole world: what
 * the new schedule uses, the schedule, what it uses no more, the VIP. On error the rest stays as it
 * was; calling it again (or with the service as it was before) goes on from there. Without a data
 * plane only the states are brought up to date.
 */
int service_sync(struct controller *controller, const struct service *service, struct err *err);

/* What the address is to the data plane, with all services that are installed on it. */
int address_sync(struct controller *controller, const struct lbx_addr *vip, struct err *err);
/* Takes the VIP away (its packets go to the kernel) and resets what still flows. */
int service_take_down(struct controller *controller, const struct service *service,
		      struct err *err);
/* A backend that is in no schedule any more: its flows are answered by resets. */
int backend_take_down(struct controller *controller, __u16 id, struct err *err);
/* Its id is about to be free. */
int backend_clear(struct controller *controller, __u16 id, struct err *err);

/* Why a backend is in its state; "" if there is nothing to say. */
const char *backend_reason(const struct backend_runtime *runtime, const struct service *service,
			   char *text, size_t size);

/* The data plane was destroyed: nothing is installed any more. */
void installed_forget(struct controller *controller);

#endif
