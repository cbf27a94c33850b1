// SPDX-License-Identifier: GPL-2.0
#include "user/netlink/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "user/base/addr.h"

/* RTA_VIA: a next hop of the other family than the destination's (RFC 5549). */
static void via_read(const struct nlattr *attribute, struct lbx_addr *next_hop)
{
	const struct rtvia *via = mnl_attr_get_payload(attribute);
	size_t bytes = mnl_attr_get_payload_len(attribute);
	__be32 v4;

	if (bytes == sizeof(*via) + sizeof(v4)) {
		memcpy(&v4, via->rtvia_addr, sizeof(v4));
		addr_from_v4(next_hop, v4);
	} else if (bytes == sizeof(*via) + sizeof(next_hop->bytes)) {
		memcpy(next_hop->bytes, via->rtvia_addr, sizeof(next_hop->bytes));
	}
}

static void attribute_read(const struct nlattr *attribute, struct route *route)
{
	switch (mnl_attr_get_type(attribute)) {
	case RTA_OIF:
		if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			route->ifindex = mnl_attr_get_u32(attribute);
		break;
	case RTA_GATEWAY:
		rtnl_get_addr(attribute, &route->next_hop);
		break;
	case RTA_VIA:
		via_read(attribute, &route->next_hop);
		break;
	case RTA_PREFSRC:
		rtnl_get_addr(attribute, &route->source);
		break;
	default:
		break;
	}
}

static void route_read(void *context, unsigned index, int error, const struct nlmsghdr *message)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	struct route *route = ((struct route *const *)context)[index];
	const struct nlattr *attribute;

	route->error = error;
	if (error)
		return;
	route->type = header->rtm_type;
	mnl_attr_for_each(attribute, message, sizeof(*header)) attribute_read(attribute, route);
}

static void lookup_request(union rtnl_message *message, const struct lbx_addr *addr)
{
	struct rtmsg header = {
		.rtm_family = rtnl_family(addr),
		.rtm_dst_len = addr_is_v4(addr) ? 32 : 128,
	};

	rtnl_put_addr(rtnl_request(message, RTM_GETROUTE, 0, &header, sizeof(header)), RTA_DST,
		      addr);
}

static void route_reset(struct route *route)
{
	struct lbx_addr destination = route->destination;

	memset(route, 0, sizeof(*route));
	route->destination = route->next_hop = destination;
	/* Until there is an answer. */
	route->error = -EAGAIN;
}

void routes_lookup(struct rtnl *rtnl, struct route *const routes[], unsigned count)
{
	union rtnl_message messages[RTNL_BATCH];

	for (unsigned i = 0; i < count; i++) {
		route_reset(routes[i]);
		lookup_request(&messages[i], &routes[i]->destination);
	}
	rtnl_talk_batch(rtnl, messages, count, route_read, (void *)routes);
}

static const char *error_problem(int error)
{
	switch (error) {
	case -ENETUNREACH:
	case -ESRCH:
		return "no route";
	case -EHOSTUNREACH:
		return "no route: an 'unreachable' one";
	case -EINVAL:
		return "no route: a 'blackhole' one";
	case -EACCES:
		return "no route: a 'prohibit' one";
	default:
		return strerror(-error);
	}
}

const char *route_problem(const struct route *route)
{
	if (route->error)
		return error_problem(route->error);
	switch (route->type) {
	case RTN_UNICAST:
		return route->ifindex ? NULL : "no route";
	case RTN_LOCAL:
		return "is this host's own address";
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		return "is not the address of one host";
	default:
		return "no route";
	}
}
