// SPDX-License-Identifier: GPL-2.0
#include "user/netlink/monitor.h"

#include <errno.h>
#include <event2/event.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	READ_BYTES = 32768,
	READS_PER_TURN = 64,	/* then the loop gets to see to something else */
	SOCKET_BYTES = 4 << 20, /* room for a burst of some ten thousand notifications */
};

struct monitor {
	struct mnl_socket *socket;
	struct event *readable;
	const struct monitor_callbacks *callbacks;
	void *context;
	bool is_overrun;
	_Alignas(struct nlmsghdr) char buffer[READ_BYTES];
};

static int message_pass(const struct nlmsghdr *message, void *context)
{
	struct monitor *monitor = context;

	monitor->callbacks->message(monitor->context, message);
	return MNL_CB_OK;
}

/*
 * One read. False: there is nothing more for now. After a loss what is still queued is older than
 * what was lost: it is thrown away, and the state read anew when the queue is empty.
 */
static bool monitor_read(struct monitor *monitor)
{
	ssize_t bytes = mnl_socket_recvfrom(monitor->socket, monitor->buffer,
					    sizeof(monitor->buffer));

	if (bytes > 0) {
		if (!monitor->is_overrun)
			mnl_cb_run(monitor->buffer, (size_t)bytes, 0, 0, message_pass, monitor);
		return true;
	}
	/* ENOSPC: a message too long for the buffer, so lost as well. */
	if (bytes < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
		monitor->is_overrun = true;
		return true;
	}
	if (monitor->is_overrun) {
		monitor->is_overrun = false;
		monitor->callbacks->overrun(monitor->context);
	}
	return false;
}

static void monitor_readable(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	for (int i = 0; i < READS_PER_TURN; i++) {
		if (!monitor_read(context))
			return;
	}
}

static int groups_join(struct mnl_socket *socket)
{
	static const int groups[] = {
		RTNLGRP_LINK,	     RTNLGRP_NEIGH,	 RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
		RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE,	 RTNLGRP_NEXTHOP,
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
			return -errno;
	}
	return 0;
}

static int monitor_open(struct monitor *monitor, struct event_base *base)
{
	int bytes = SOCKET_BYTES, fd, result;

	monitor->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (!monitor->socket || mnl_socket_bind(monitor->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	fd = mnl_socket_get_fd(monitor->socket);
	/* Refused without CAP_NET_ADMIN: then overruns come sooner, which is all. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	result = groups_join(monitor->socket);
	if (result)
		return result;
	monitor->readable = event_new(base, fd, EV_READ | EV_PERSIST, monitor_readable, monitor);
	if (!monitor->readable || event_add(monitor->readable, NULL))
		return -ENOMEM;
	return 0;
}

struct monitor *monitor_new(struct event_base *base, const struct monitor_callbacks *callbacks,
			    void *context, struct err *err)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	int result;

	if (!monitor) {
		err_set(err, -ENOMEM, "rtnetlink: out of memory");
		return NULL;
	}
	monitor->callbacks = callbacks;
	monitor->context = context;
	result = monitor_open(monitor, base);
	if (result) {
		err_set(err, result, "rtnetlink: cannot listen to notifications (%s)",
			strerror(-result));
		monitor_free(monitor);
		return NULL;
	}
	return monitor;
}

void monitor_free(struct monitor *monitor)
{
	if (!monitor)
		return;
	if (monitor->readable)
		event_free(monitor->readable);
	if (monitor->socket)
		mnl_socket_close(monitor->socket);
	free(monitor);
}
