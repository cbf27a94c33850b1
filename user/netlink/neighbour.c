// SPDX-License-Identifier: GPL-2.0
/* Keeps links, addresses, routes and neighbours in step with the kernel's notifications. */
#include "user/netlink/neighbour.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "user/netlink/local.h"
#include "user/netlink/monitor.h"
#include "user/netlink/watch.h"

enum { DUMP_TRIES = 5 };

struct neighbours {
	neighbours_link_callback link_callback;
	void *context;
	struct rtnl rtnl;
	struct links links;
	struct locals locals;
	struct watches watches;
	struct monitor *monitor;
};

static void link_report(struct neighbours *neighbours, unsigned ifindex, bool gone)
{
	watches_reroute(&neighbours->watches);
	/* Not set yet: the interfaces that are there at the start are no news. */
	if (neighbours->monitor && neighbours->link_callback)
		neighbours->link_callback(neighbours->context, ifindex, gone);
}

static void link_event(struct neighbours *neighbours, const struct nlmsghdr *message)
{
	unsigned ifindex = 0;
	enum link_change change = links_update(&neighbours->links, message, &ifindex);

	if (change != LINK_SAME)
		link_report(neighbours, ifindex, change == LINK_GONE);
}

static void local_event(struct neighbours *neighbours, const struct nlmsghdr *message)
{
	unsigned ifindex = locals_update(&neighbours->locals, message);

	if (ifindex)
		link_report(neighbours, ifindex, false);
}

/* Only what the route's prefix covers can be concerned: a full BGP table may come by here. */
static void route_event(struct neighbours *neighbours, const struct nlmsghdr *message)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	struct lbx_addr prefix = {.halves = {0}};
	const struct nlattr *attribute;
	unsigned bits = header->rtm_dst_len;

	if (header->rtm_family == AF_INET) {
		addr_from_v4(&prefix, 0);
		bits += 96;
	} else if (header->rtm_family != AF_INET6) {
		return;
	}
	mnl_attr_for_each(attribute, message, sizeof(*header))
	{
		if (mnl_attr_get_type(attribute) == RTA_DST && !rtnl_get_addr(attribute, &prefix))
			return;
	}
	if (bits <= 128)
		watches_reroute_prefix(&neighbours->watches, &prefix, bits);
}

static void message_take(void *context, const struct nlmsghdr *message)
{
	struct neighbours *neighbours = context;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		link_event(neighbours, message);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		local_event(neighbours, message);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		hops_update(&neighbours->watches.hops, message);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		route_event(neighbours, message);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		watches_reroute(&neighbours->watches);
		break;
	default:
		break;
	}
}

static int dump_take(const struct nlmsghdr *message, void *context)
{
	message_take(context, message);
	return MNL_CB_OK;
}

static int dump_run(struct neighbours *neighbours, __u16 type)
{
	/* The longest of the headers; the kernel wants the type's own or more. */
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
	size_t bytes = type == RTM_GETLINK ? sizeof(header) : sizeof(struct ifaddrmsg);
	union rtnl_message message;
	int result = -EINTR;

	for (int try = 0; try < DUMP_TRIES && result == -EINTR; try++)
		result = rtnl_talk(&neighbours->rtnl,
				   rtnl_request(&message, type, NLM_F_DUMP, &header, bytes),
				   dump_take, neighbours);
	return result;
}

/* After an incomplete dump nothing is swept: better an address too many than one too few. */
static int tables_load(struct neighbours *neighbours)
{
	unsigned ifindex;
	int result;

	links_dump_begin(&neighbours->links);
	result = dump_run(neighbours, RTM_GETLINK);
	while (!result && (ifindex = links_dump_sweep(&neighbours->links)))
		link_report(neighbours, ifindex, true);
	if (result)
		return result;
	locals_dump_begin(&neighbours->locals);
	result = dump_run(neighbours, RTM_GETADDR);
	while (!result && (ifindex = locals_dump_sweep(&neighbours->locals)))
		link_report(neighbours, ifindex, false);
	return result;
}

/* Notifications were lost: everything may have changed. */
static void overrun_take(void *context)
{
	struct neighbours *neighbours = context;

	tables_load(neighbours);
	hops_refresh(&neighbours->watches.hops);
	watches_reroute(&neighbours->watches);
}

static int neighbours_start(struct neighbours *neighbours, struct event_base *base, struct err *err)
{
	static const struct monitor_callbacks callbacks = {
		.message = message_take,
		.overrun = overrun_take,
	};
	struct monitor *monitor;
	int result;

	result = rtnl_open(&neighbours->rtnl, err);
	if (result)
		return result;
	/* Before the dumps, so that no change falls between the two. */
	monitor = monitor_new(base, &callbacks, neighbours, err);
	if (!monitor)
		return -EINVAL;
	result = tables_load(neighbours);
	neighbours->monitor = monitor;
	if (result)
		return err_set(err, result, "rtnetlink: cannot list interfaces (%s); try again",
			       strerror(-result));
	return 0;
}

struct neighbours *neighbours_new(struct event_base *base, neighbours_callback callback,
				  neighbours_link_callback link_callback, void *context,
				  struct err *err)
{
	struct neighbours *neighbours = calloc(1, sizeof(*neighbours));

	if (!neighbours) {
		err_set(err, -ENOMEM, "rtnetlink: out of memory");
		return NULL;
	}
	neighbours->link_callback = link_callback;
	neighbours->context = context;
	if (watches_init(&neighbours->watches, base, &neighbours->rtnl, &neighbours->links,
			 callback, context)) {
		err_set(err, -ENOMEM, "rtnetlink: out of memory");
		free(neighbours);
		return NULL;
	}
	if (neighbours_start(neighbours, base, err)) {
		neighbours_free(neighbours);
		return NULL;
	}
	return neighbours;
}

void neighbours_free(struct neighbours *neighbours)
{
	if (!neighbours)
		return;
	monitor_free(neighbours->monitor);
	watches_fini(&neighbours->watches);
	locals_fini(&neighbours->locals);
	links_fini(&neighbours->links);
	rtnl_close(&neighbours->rtnl);
	free(neighbours);
}

int neighbours_watch(struct neighbours *neighbours, const struct lbx_addr *addr, struct err *err)
{
	if (watch_get(&neighbours->watches, addr))
		return err_set(err, -ENOMEM, "rtnetlink: out of memory");
	return 0;
}

void neighbours_unwatch(struct neighbours *neighbours, const struct lbx_addr *addr)
{
	struct watch *watch = watch_find(&neighbours->watches, addr);

	if (watch)
		watch_put(&neighbours->watches, watch);
}

bool neighbours_path(const struct neighbours *neighbours, const struct lbx_addr *addr,
		     struct path *path)
{
	const struct watch *watch = watch_find(&neighbours->watches, addr);

	if (watch)
		*path = watch->path;
	return watch != NULL;
}

bool neighbours_is_local(struct neighbours *neighbours, const struct lbx_addr *addr)
{
	return locals_have(&neighbours->locals, addr);
}
