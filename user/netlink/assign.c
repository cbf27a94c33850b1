// SPDX-License-Identifier: GPL-2.0
/* Puts service addresses on interfaces and takes them off. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/netlink/neighbour.h"
#include "user/netlink/rtnl.h"

/*
 * A service's address is not for the host's own connections, but IPv6 would choose it as their
 * source: a /128 matches any neighbour's address longest. Health checks would then come from it,
 * and never be answered by a backend that has it on its lo (dsr). Deprecated, it is left alone.
 */
static void put_deprecated(struct nlmsghdr *request)
{
	struct ifa_cacheinfo lifetime = {.ifa_prefered = 0, .ifa_valid = UINT32_MAX};

	mnl_attr_put(request, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
}

static int address_request(__u16 type, __u16 flags, unsigned ifindex, const struct lbx_addr *addr,
			   struct err *err)
{
	bool v4 = addr_is_v4(addr);
	/* IPv6: no duplicate detection, which would keep the address silent for a second or two. */
	struct ifaddrmsg header = {
		.ifa_family = rtnl_family(addr),
		.ifa_prefixlen = v4 ? 32 : 128,
		.ifa_flags = v4 ? 0 : IFA_F_NODAD,
		.ifa_index = ifindex,
	};
	union rtnl_message message;
	struct nlmsghdr *request = rtnl_request(&message, type, flags | NLM_F_ACK, &header,
						sizeof(header));
	autofree struct rtnl *rtnl = malloc(sizeof(*rtnl));
	int result;

	if (!rtnl)
		return err_set(err, -ENOMEM, "rtnetlink: out of memory");
	result = rtnl_open(rtnl, err);
	if (result)
		return result;
	rtnl_put_addr(request, IFA_LOCAL, addr);
	rtnl_put_addr(request, IFA_ADDRESS, addr);
	if (!v4 && type == RTM_NEWADDR)
		put_deprecated(request);
	result = rtnl_talk(rtnl, request, NULL, NULL);
	rtnl_close(rtnl);
	/* A code alone: the callers know what it means to them. */
	return result ? err_set(err, result, "rtnetlink: %s", strerror(-result)) : 0;
}

static int interface_find(const char *interface, unsigned *ifindex, struct err *err)
{
	*ifindex = if_nametoindex(interface);
	if (*ifindex)
		return 0;
	return err_set(err, -ENODEV, "%s: no such interface; see 'ip link'", interface);
}

static int error_explain(int error, const char *interface, const struct lbx_addr *addr,
			 struct err *err)
{
	char text[ADDR_TEXT_MAX];

	addr_format(addr, text);
	switch (error) {
	case -EPERM:
		return err_set(err, error, "%s: may not change addresses; run lbxdpd as root",
			       interface);
	case -EEXIST:
		return err_set(err, error, "%s: %s has it already; leave out --assign", text,
			       interface);
	case -EADDRNOTAVAIL:
		return err_set(err, error, "%s: not on %s as /%d; see 'ip addr show dev %s'", text,
			       interface, addr_is_v4(addr) ? 32 : 128, interface);
	case -ENODEV:
		return err_set(err, error, "%s: no such interface; see 'ip link'", interface);
	case -EACCES:
		return err_set(err, error,
			       "%s: IPv6 is disabled; sysctl net.ipv6.conf.%s.disable_ipv6=0",
			       interface, interface);
	default:
		return err_set(err, error, "%s: cannot change %s (%s); see 'ip addr'", interface,
			       text, strerror(-error));
	}
}

static int address_change(__u16 type, __u16 flags, const char *interface,
			  const struct lbx_addr *addr, struct err *err)
{
	unsigned ifindex;
	int result = interface_find(interface, &ifindex, err);

	if (result)
		return result;
	result = address_request(type, flags, ifindex, addr, err);
	return result ? error_explain(result, interface, addr, err) : 0;
}

int neighbours_assign(const char *interface, const struct lbx_addr *addr, struct err *err)
{
	return address_change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, interface, addr, err);
}

int neighbours_unassign(const char *interface, const struct lbx_addr *addr, struct err *err)
{
	return address_change(RTM_DELADDR, 0, interface, addr, err);
}
