/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's notifications about links, addresses, routes, rules and neighbours. */
#ifndef LBX_MONITOR_H
#define LBX_MONITOR_H

#include "user/base/err.h"

struct event_base;
struct monitor;
struct nlmsghdr;

struct monitor_callbacks {
	void (*message)(void *context, const struct nlmsghdr *message);
	void (*overrun)(void *context); /* some were lost */
};

/* callbacks must outlive the monitor. */
struct monitor *monitor_new(struct event_base *base, const struct monitor_callbacks *callbacks,
			    void *context, struct err *err);
void monitor_free(struct monitor *monitor);

#endif
