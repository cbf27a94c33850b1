// SPDX-License-Identifier: GPL-2.0
#include "user/netlink/hop.h"

#include <errno.h>
#include <event2/util.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"

enum {
	RETRY_MS = 1000,    /* between requests for a MAC that is not known */
	CONFIRM_MS = 30000, /* between looks at one that is: half the kernel's gc_stale_time */
	/*
	 * An entry that was flushed or collected says nothing about its host: its MAC stays in use
	 * while the kernel asks again, which takes it three seconds to give up. The first turn is
	 * at once.
	 */
	GRACE_TURNS = 4,
};

#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)
/* The kernel is asking, or has no need to. */
#define NUD_SETTLED                                                                                \
	(NUD_REACHABLE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP | NUD_INCOMPLETE)

/* What a message says of a neighbour. */
struct entry {
	unsigned ifindex;
	struct lbx_addr addr;
	__u16 state;
	bool has_mac;
	__u8 mac[6];
};

static unsigned bucket_of(unsigned ifindex, const struct lbx_addr *addr)
{
	return addr_bucket(addr, ifindex, HOP_BUCKET_BITS);
}

static struct hop *hop_find(struct hops *hops, unsigned ifindex, const struct lbx_addr *addr)
{
	struct hop *hop;

	for (hop = LIST_FIRST(&hops->buckets[bucket_of(ifindex, addr)]); hop;
	     hop = LIST_NEXT(hop, same_bucket)) {
		if (hop->ifindex == ifindex && addr_equal(&hop->addr, addr))
			return hop;
	}
	return NULL;
}

void hops_init(struct hops *hops, struct event_base *base, struct rtnl *rtnl, hops_callback changed,
	       void *context)
{
	memset(hops, 0, sizeof(*hops));
	hops->base = base;
	hops->rtnl = rtnl;
	hops->changed = changed;
	hops->context = context;
}

/* Spread over +-1/8, so that what was started together is not asked for together. */
static void timer_arm(struct hop *hop, unsigned ms)
{
	__u32 random;
	struct timeval delay;

	evutil_secure_rng_get_bytes(&random, sizeof(random));
	ms = ms - ms / 8 + random % (ms / 4);
	delay.tv_sec = ms / 1000;
	delay.tv_usec = ms % 1000 * 1000;
	event_add(hop->timer, &delay);
}

static void state_set(struct hop *hop, const struct entry *entry)
{
	bool was_usable = hop->usable;

	hop->state = entry->state;
	if ((entry->state & NUD_USABLE) && entry->has_mac) {
		hop->usable = true;
		hop->grace_turns = 0;
		memcpy(hop->mac, entry->mac, sizeof(hop->mac));
	} else if (entry->state & NUD_FAILED) {
		hop->usable = false;
		hop->grace_turns = 0;
	} else if (was_usable && !hop->grace_turns) {
		hop->grace_turns = GRACE_TURNS;
	}
}

/* Takes in the kernel's view of a next hop, and tells of what it changed. */
static void hop_apply(struct hop *hop, const struct entry *entry)
{
	bool was_usable = hop->usable;
	__u16 old_state = hop->state;
	__u8 old_mac[6];

	memcpy(old_mac, hop->mac, sizeof(old_mac));
	state_set(hop, entry);
	/* Lost a moment ago: the next question need not wait for its turn. */
	if ((old_state & NUD_USABLE) && !(hop->state & NUD_USABLE))
		event_active(hop->timer, EV_TIMEOUT, 0);
	if (hop->usable && !was_usable)
		timer_arm(hop, CONFIRM_MS);
	if (hop->usable != was_usable || memcmp(old_mac, hop->mac, sizeof(old_mac)) != 0)
		hop->hops->changed(hop->hops->context, hop);
}

static bool entry_read(const struct nlmsghdr *message, struct entry *entry)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	bool has_addr = false;

	/* AF_BRIDGE entries are forwarding entries of bridges; proxied ones are not hosts. */
	if ((header->ndm_family != AF_INET && header->ndm_family != AF_INET6) ||
	    (header->ndm_flags & NTF_PROXY))
		return false;
	memset(entry, 0, sizeof(*entry));
	entry->ifindex = (unsigned)header->ndm_ifindex;
	entry->state = message->nlmsg_type == RTM_DELNEIGH ? NUD_NONE : header->ndm_state;
	mnl_attr_for_each(attribute, message, sizeof(*header))
	{
		if (mnl_attr_get_type(attribute) == NDA_DST) {
			has_addr = rtnl_get_addr(attribute, &entry->addr);
		} else if (mnl_attr_get_type(attribute) == NDA_LLADDR &&
			   mnl_attr_get_payload_len(attribute) == sizeof(entry->mac)) {
			entry->has_mac = true;
			memcpy(entry->mac, mnl_attr_get_payload(attribute), sizeof(entry->mac));
		}
	}
	return has_addr;
}

static int entry_take(const struct nlmsghdr *message, void *context)
{
	entry_read(message, context);
	return MNL_CB_STOP;
}

/* Reads the next hop's entry; none is the same as one without a state. */
static void hop_query(struct hop *hop)
{
	struct ndmsg header = {
		.ndm_family = rtnl_family(&hop->addr),
		.ndm_ifindex = (int)hop->ifindex,
	};
	struct entry entry = {.state = NUD_NONE};
	union rtnl_message message;
	struct nlmsghdr *request = rtnl_request(&message, RTM_GETNEIGH, 0, &header, sizeof(header));

	rtnl_put_addr(request, NDA_DST, &hop->addr);
	rtnl_talk(hop->hops->rtnl, request, entry_take, &entry);
	hop_apply(hop, &entry);
}

/*
 * Has the kernel use the entry as if it had a packet for it: it makes one, asks for the MAC, or
 * confirms a stale one. An error (the interface is down) shows in the entry, and there is a next
 * time.
 */
static void hop_probe(struct hop *hop)
{
	struct ndmsg header = {
		.ndm_family = rtnl_family(&hop->addr),
		.ndm_ifindex = (int)hop->ifindex,
		.ndm_flags = NTF_USE,
	};
	union rtnl_message message;
	struct nlmsghdr *request = rtnl_request(&message, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK,
						&header, sizeof(header));

	rtnl_put_addr(request, NDA_DST, &hop->addr);
	rtnl_talk(hop->hops->rtnl, request, NULL, NULL);
}

static void hop_refresh(struct hop *hop)
{
	bool was_missing;

	hop_query(hop);
	if (hop->state & NUD_SETTLED)
		return;
	was_missing = hop->state == NUD_NONE;
	hop_probe(hop);
	/* What needs no answer is usable at once, and the kernel does not tell. */
	if (was_missing)
		hop_query(hop);
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
	struct hop *hop = context;

	(void)fd;
	(void)what;
	hop_refresh(hop);
	if (hop->grace_turns && --hop->grace_turns == 0) {
		hop->usable = false;
		hop->hops->changed(hop->hops->context, hop);
	}
	timer_arm(hop, hop->usable && !hop->grace_turns ? CONFIRM_MS : RETRY_MS);
}

static struct hop *hop_new(struct hops *hops, unsigned ifindex, const struct lbx_addr *addr)
{
	struct hop *hop = calloc(1, sizeof(*hop));

	if (!hop)
		return NULL;
	hop->timer = evtimer_new(hops->base, timer_fired, hop);
	if (!hop->timer) {
		free(hop);
		return NULL;
	}
	hop->hops = hops;
	hop->ifindex = ifindex;
	hop->addr = *addr;
	LIST_INIT(&hop->watches);
	LIST_INSERT_HEAD(&hops->buckets[bucket_of(ifindex, addr)], hop, same_bucket);
	return hop;
}

struct hop *hop_get(struct hops *hops, unsigned ifindex, const struct lbx_addr *addr)
{
	struct hop *hop = hop_find(hops, ifindex, addr);

	if (!hop) {
		hop = hop_new(hops, ifindex, addr);
		if (!hop)
			return NULL;
		hop_refresh(hop);
		timer_arm(hop, hop->usable ? CONFIRM_MS : RETRY_MS);
	}
	hop->users++;
	return hop;
}

void hop_put(struct hop *hop)
{
	if (!hop || --hop->users)
		return;
	LIST_REMOVE(hop, same_bucket);
	event_free(hop->timer);
	free(hop);
}

void hops_update(struct hops *hops, const struct nlmsghdr *message)
{
	struct entry entry;
	struct hop *hop;

	if (!entry_read(message, &entry))
		return;
	hop = hop_find(hops, entry.ifindex, &entry.addr);
	if (hop)
		hop_apply(hop, &entry);
}

void hops_refresh(struct hops *hops)
{
	struct hop *hop;

	for (unsigned bucket = 0; bucket < 1 << HOP_BUCKET_BITS; bucket++) {
		for (hop = LIST_FIRST(&hops->buckets[bucket]); hop;
		     hop = LIST_NEXT(hop, same_bucket))
			hop_refresh(hop);
	}
}
