// SPDX-License-Identifier: GPL-2.0
#include "user/netlink/link.h"

#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

void links_fini(struct links *links)
{
	free(links->items);
	memset(links, 0, sizeof(*links));
}

static struct link *link_find(const struct links *links, unsigned ifindex)
{
	for (size_t i = 0; i < links->count; i++) {
		if (links->items[i].ifindex == ifindex)
			return &links->items[i];
	}
	return NULL;
}

const struct link *links_find(const struct links *links, unsigned ifindex)
{
	return link_find(links, ifindex);
}

static struct link *link_append(struct links *links, const struct link *link)
{
	if (links->count == links->capacity) {
		size_t capacity = links->capacity ? links->capacity * 2 : 16;
		struct link *items = reallocarray(links->items, capacity, sizeof(*items));

		if (!items)
			return NULL;
		links->items = items;
		links->capacity = capacity;
	}
	links->items[links->count] = *link;
	return &links->items[links->count++];
}

static void link_remove(struct links *links, struct link *link)
{
	*link = links->items[--links->count];
}

static void attribute_read(const struct nlattr *attribute, struct link *link)
{
	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			snprintf(link->name, sizeof(link->name), "%s", mnl_attr_get_str(attribute));
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attribute) == sizeof(link->mac))
			memcpy(link->mac, mnl_attr_get_payload(attribute), sizeof(link->mac));
		break;
	case IFLA_MTU:
		if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			link->mtu = mnl_attr_get_u32(attribute);
		break;
	case IFLA_MASTER:
		if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			link->master = mnl_attr_get_u32(attribute);
		break;
	default:
		break;
	}
}

static void link_read(const struct nlmsghdr *message, struct link *link)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;

	memset(link, 0, sizeof(*link));
	link->ifindex = (unsigned)header->ifi_index;
	link->running = (header->ifi_flags & IFF_UP) && (header->ifi_flags & IFF_RUNNING);
	link->ethernet = header->ifi_type == ARPHRD_ETHER;
	link->seen = true;
	mnl_attr_for_each(attribute, message, sizeof(*header)) attribute_read(attribute, link);
}

static bool link_equal(const struct link *a, const struct link *b)
{
	return a->master == b->master && a->running == b->running && a->ethernet == b->ethernet &&
	       a->mtu == b->mtu && !memcmp(a->mac, b->mac, sizeof(a->mac)) &&
	       !strcmp(a->name, b->name);
}

enum link_change links_update(struct links *links, const struct nlmsghdr *message,
			      unsigned *ifindex)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct link *known;
	struct link new;

	/* An RTM_DELLINK of family AF_BRIDGE only says that the interface left its bridge. */
	if (header->ifi_family != AF_UNSPEC)
		return LINK_SAME;
	link_read(message, &new);
	*ifindex = new.ifindex;
	known = link_find(links, new.ifindex);
	if (message->nlmsg_type == RTM_DELLINK) {
		if (!known)
			return LINK_SAME;
		link_remove(links, known);
		return LINK_GONE;
	}
	if (!known)
		return link_append(links, &new) ? LINK_CHANGED : LINK_SAME;
	known->seen = true;
	if (link_equal(known, &new))
		return LINK_SAME;
	*known = new;
	return LINK_CHANGED;
}

void links_dump_begin(struct links *links)
{
	for (size_t i = 0; i < links->count; i++)
		links->items[i].seen = false;
}

unsigned links_dump_sweep(struct links *links)
{
	for (size_t i = 0; i < links->count; i++) {
		unsigned ifindex = links->items[i].ifindex;

		if (links->items[i].seen)
			continue;
		link_remove(links, &links->items[i]);
		return ifindex;
	}
	return 0;
}
