// SPDX-License-Identifier: GPL-2.0
#include "user/netlink/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Changes of links and routes come in bursts: wait this long for the rest of one. */
	ROUTE_DELAY_MS = 5,
	/* Then the loop gets to see to something else. */
	BATCHES_PER_TURN = 8,
};

static unsigned bucket_of(const struct lbx_addr *addr)
{
	return addr_bucket(addr, 0, WATCH_BUCKET_BITS);
}

struct watch *watch_find(const struct watches *watches, const struct lbx_addr *addr)
{
	struct watch *watch;

	for (watch = LIST_FIRST(&watches->buckets[bucket_of(addr)]); watch;
	     watch = LIST_NEXT(watch, same_bucket)) {
		if (addr_equal(&watch->addr, addr))
			return watch;
	}
	return NULL;
}

/* --- the path --- */

static const char *link_problem(const struct watch *watch, const struct link *link, char *text,
				size_t size)
{
	if (!link)
		return "its interface is gone";
	if (!link->ethernet) {
		snprintf(text, size, "%s is not an Ethernet interface", link->name);
		return text;
	}
	if (!link->running) {
		snprintf(text, size, "%s is down", link->name);
		return text;
	}
	if (!watch->hop)
		return "out of memory";
	return NULL;
}

static const char *hop_problem(const struct hop *hop, char *text, size_t size)
{
	char addr[ADDR_TEXT_MAX];

	if (hop->usable)
		return NULL;
	snprintf(text, size, "no answer to %s from %s",
		 addr_is_v4(&hop->addr) ? "ARP" : "neighbour discovery",
		 addr_format(&hop->addr, addr));
	return text;
}

static void path_fill(const struct watches *watches, const struct watch *watch, struct path *path)
{
	const char *problem = route_problem(&watch->route);
	char text[sizeof(path->problem)];
	const struct link *link;

	memset(path, 0, sizeof(*path));
	if (!problem) {
		link = links_find(watches->links, watch->route.ifindex);
		path->ifindex = watch->route.ifindex;
		path->next_hop = watch->route.next_hop;
		path->source = watch->route.source;
		if (link) {
			memcpy(path->mac_source, link->mac, sizeof(path->mac_source));
			path->mtu = link->mtu;
		}
		problem = link_problem(watch, link, text, sizeof(text));
	}
	if (!problem)
		problem = hop_problem(watch->hop, text, sizeof(text));
	if (problem) {
		snprintf(path->problem, sizeof(path->problem), "%s", problem);
		return;
	}
	path->resolved = true;
	memcpy(path->mac_destination, watch->hop->mac, sizeof(path->mac_destination));
}

static bool path_equal(const struct path *a, const struct path *b)
{
	return a->resolved == b->resolved && a->ifindex == b->ifindex &&
	       addr_equal(&a->next_hop, &b->next_hop) && addr_equal(&a->source, &b->source) &&
	       a->mtu == b->mtu &&
	       !memcmp(a->mac_destination, b->mac_destination, sizeof(a->mac_destination)) &&
	       !memcmp(a->mac_source, b->mac_source, sizeof(a->mac_source)) &&
	       !strcmp(a->problem, b->problem);
}

static void watch_evaluate(struct watches *watches, struct watch *watch)
{
	path_fill(watches, watch, &watch->path);
	if (watch->is_to_report ||
	    (watch->was_reported && path_equal(&watch->path, &watch->reported)))
		return;
	watch->is_to_report = true;
	TAILQ_INSERT_TAIL(&watches->to_report, watch, to_report);
	event_active(watches->report_event, EV_TIMEOUT, 0);
}

static void hop_changed(void *context, struct hop *hop)
{
	struct watch *watch;

	for (watch = LIST_FIRST(&hop->watches); watch; watch = LIST_NEXT(watch, same_hop))
		watch_evaluate(context, watch);
}

static void reports_run(evutil_socket_t fd, short what, void *context)
{
	struct watches *watches = context;
	struct watch *watch;

	(void)fd;
	(void)what;
	while ((watch = TAILQ_FIRST(&watches->to_report))) {
		struct lbx_addr addr = watch->addr;
		struct path path;

		TAILQ_REMOVE(&watches->to_report, watch, to_report);
		watch->is_to_report = false;
		if (watch->was_reported && path_equal(&watch->path, &watch->reported))
			continue;
		watch->was_reported = true;
		watch->reported = path = watch->path;
		/* Copies: the callback may unwatch it. */
		watches->callback(watches->context, &addr, &path);
	}
}

/* --- the route --- */

static void watch_leave_hop(struct watch *watch)
{
	if (!watch->hop)
		return;
	LIST_REMOVE(watch, same_hop);
	hop_put(watch->hop);
	watch->hop = NULL;
}

static void watch_join_hop(struct watches *watches, struct watch *watch)
{
	const struct route *route = &watch->route;
	/* Taken before the old one is given back: it is mostly the same. */
	struct hop *hop = NULL;

	if (!route_problem(route))
		hop = hop_get(&watches->hops, route->ifindex, &route->next_hop);
	watch_leave_hop(watch);
	if (!hop)
		return;
	watch->hop = hop;
	LIST_INSERT_HEAD(&hop->watches, watch, same_hop);
}

static void watches_route(struct watches *watches, struct watch *const batch[], unsigned count)
{
	struct route *routes[RTNL_BATCH] = {NULL};

	for (unsigned i = 0; i < count; i++)
		routes[i] = &batch[i]->route;
	routes_lookup(watches->rtnl, routes, count);
	for (unsigned i = 0; i < count; i++) {
		watch_join_hop(watches, batch[i]);
		watch_evaluate(watches, batch[i]);
	}
}

static void route_timer_arm(struct watches *watches, unsigned ms)
{
	struct timeval delay = {.tv_usec = ms * 1000};

	if (!evtimer_pending(watches->route_timer, NULL))
		evtimer_add(watches->route_timer, &delay);
}

static unsigned to_route_take(struct watches *watches, struct watch *batch[])
{
	unsigned count = 0;
	struct watch *watch;

	while (count < RTNL_BATCH && (watch = TAILQ_FIRST(&watches->to_route))) {
		TAILQ_REMOVE(&watches->to_route, watch, to_route);
		watch->is_to_route = false;
		batch[count++] = watch;
	}
	return count;
}

static void routes_run(evutil_socket_t fd, short what, void *context)
{
	struct watches *watches = context;
	struct watch *batch[RTNL_BATCH];

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < BATCHES_PER_TURN && !TAILQ_EMPTY(&watches->to_route); i++)
		watches_route(watches, batch, to_route_take(watches, batch));
	if (!TAILQ_EMPTY(&watches->to_route))
		route_timer_arm(watches, 0);
}

static void watch_reroute(struct watches *watches, struct watch *watch)
{
	if (watch->is_to_route)
		return;
	watch->is_to_route = true;
	TAILQ_INSERT_TAIL(&watches->to_route, watch, to_route);
	route_timer_arm(watches, ROUTE_DELAY_MS);
}

static bool prefix_covers(const struct lbx_addr *prefix, unsigned bits, const struct lbx_addr *addr)
{
	unsigned whole = bits / 8;
	__u8 mask = (__u8)(0xff00 >> bits % 8);

	if (memcmp(prefix->bytes, addr->bytes, whole) != 0)
		return false;
	return bits % 8 == 0 || !((prefix->bytes[whole] ^ addr->bytes[whole]) & mask);
}

void watches_reroute_prefix(struct watches *watches, const struct lbx_addr *prefix, unsigned bits)
{
	struct watch *watch;

	for (watch = LIST_FIRST(&watches->all); watch; watch = LIST_NEXT(watch, all)) {
		if (prefix_covers(prefix, bits, &watch->addr))
			watch_reroute(watches, watch);
	}
}

void watches_reroute(struct watches *watches)
{
	struct lbx_addr all = {.halves = {0}};

	watches_reroute_prefix(watches, &all, 0);
}

/* --- the set --- */

int watches_init(struct watches *watches, struct event_base *base, struct rtnl *rtnl,
		 const struct links *links, neighbours_callback callback, void *context)
{
	memset(watches, 0, sizeof(*watches));
	watches->rtnl = rtnl;
	watches->links = links;
	watches->callback = callback;
	watches->context = context;
	TAILQ_INIT(&watches->to_route);
	TAILQ_INIT(&watches->to_report);
	hops_init(&watches->hops, base, rtnl, hop_changed, watches);
	watches->route_timer = evtimer_new(base, routes_run, watches);
	watches->report_event = evtimer_new(base, reports_run, watches);
	if (watches->route_timer && watches->report_event)
		return 0;
	watches_fini(watches);
	return -ENOMEM;
}

static void watch_free(struct watches *watches, struct watch *watch)
{
	watch_leave_hop(watch);
	LIST_REMOVE(watch, same_bucket);
	LIST_REMOVE(watch, all);
	if (watch->is_to_route)
		TAILQ_REMOVE(&watches->to_route, watch, to_route);
	if (watch->is_to_report)
		TAILQ_REMOVE(&watches->to_report, watch, to_report);
	free(watch);
}

void watches_fini(struct watches *watches)
{
	struct watch *watch, *next;

	for (watch = LIST_FIRST(&watches->all); watch; watch = next) {
		next = LIST_NEXT(watch, all);
		watch_free(watches, watch);
	}
	if (watches->route_timer)
		event_free(watches->route_timer);
	if (watches->report_event)
		event_free(watches->report_event);
	watches->route_timer = watches->report_event = NULL;
}

int watch_get(struct watches *watches, const struct lbx_addr *addr)
{
	struct watch *watch = watch_find(watches, addr);

	if (watch) {
		watch->users++;
		return 0;
	}
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->users = 1;
	watch->addr = watch->route.destination = *addr;
	LIST_INSERT_HEAD(&watches->buckets[bucket_of(addr)], watch, same_bucket);
	LIST_INSERT_HEAD(&watches->all, watch, all);
	watches_route(watches, &watch, 1);
	return 0;
}

void watch_put(struct watches *watches, struct watch *watch)
{
	if (--watch->users == 0)
		watch_free(watches, watch);
}
