// SPDX-License-Identifier: GPL-2.0
#include "user/netlink/local.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"

void locals_fini(struct locals *locals)
{
	free(locals->items);
	memset(locals, 0, sizeof(*locals));
}

bool locals_have(const struct locals *locals, const struct lbx_addr *addr)
{
	for (size_t i = 0; i < locals->count; i++) {
		if (addr_equal(&locals->items[i].addr, addr))
			return true;
	}
	return false;
}

static struct local *local_find(const struct locals *locals, const struct local *wanted)
{
	for (size_t i = 0; i < locals->count; i++) {
		struct local *local = &locals->items[i];

		if (local->ifindex == wanted->ifindex &&
		    local->prefix_bits == wanted->prefix_bits &&
		    addr_equal(&local->addr, &wanted->addr))
			return local;
	}
	return NULL;
}

static bool local_append(struct locals *locals, const struct local *local)
{
	if (locals->count == locals->capacity) {
		size_t capacity = locals->capacity ? locals->capacity * 2 : 16;
		struct local *items = reallocarray(locals->items, capacity, sizeof(*items));

		if (!items)
			return false;
		locals->items = items;
		locals->capacity = capacity;
	}
	locals->items[locals->count++] = *local;
	return true;
}

static bool local_read(const struct nlmsghdr *message, struct local *local)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute, *address = NULL;
	unsigned type;

	/* IFA_ADDRESS is the other end of a point-to-point link, where there is an IFA_LOCAL. */
	mnl_attr_for_each(attribute, message, sizeof(*header))
	{
		type = mnl_attr_get_type(attribute);
		if (type == IFA_LOCAL || (type == IFA_ADDRESS && !address))
			address = attribute;
	}
	memset(local, 0, sizeof(*local));
	local->ifindex = header->ifa_index;
	local->prefix_bits = header->ifa_prefixlen;
	local->seen = true;
	return address && rtnl_get_addr(address, &local->addr);
}

unsigned locals_update(struct locals *locals, const struct nlmsghdr *message)
{
	struct local new;
	struct local *known;

	if (!local_read(message, &new))
		return 0;
	known = local_find(locals, &new);
	if (message->nlmsg_type == RTM_DELADDR) {
		if (!known)
			return 0;
		*known = locals->items[--locals->count];
		return new.ifindex;
	}
	if (!known)
		return local_append(locals, &new) ? new.ifindex : 0;
	known->seen = true;
	return 0;
}

void locals_dump_begin(struct locals *locals)
{
	for (size_t i = 0; i < locals->count; i++)
		locals->items[i].seen = false;
}

unsigned locals_dump_sweep(struct locals *locals)
{
	for (size_t i = 0; i < locals->count; i++) {
		unsigned ifindex = locals->items[i].ifindex;

		if (locals->items[i].seen)
			continue;
		locals->items[i] = locals->items[--locals->count];
		return ifindex;
	}
	return 0;
}
