// SPDX-License-Identifier: GPL-2.0
#include "user/control/reach.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct problem {
	char *text;
	size_t size;
};

/* Always false, so that `return problem_set(...)` reads well. */
__attribute__((format(printf, 2, 3))) static bool problem_set(const struct problem *problem,
							      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem->text, problem->size, format, arguments);
	va_end(arguments);
	return false;
}

static bool interface_find(struct controller *controller, const struct path *path,
			   struct lbx_backend *entry, struct problem *problem)
{
	char name[IF_NAMESIZE];
	int index;

	if (!path->ifindex)
		return problem_set(problem, "%s", *path->problem ? path->problem : "no route");
	index = controller->dataplane
			? dataplane_interface_index(controller->dataplane, path->ifindex)
			: -1;
	if (index >= 0) {
		entry->interface = (__u8)index;
		return true;
	}
	if (!if_indextoname(path->ifindex, name))
		return problem_set(problem, "is behind an interface that is gone");
	if (!strcmp(name, "lo"))
		return problem_set(problem,
				   "is an address of this host; a backend must be another host");
	return problem_set(problem,
			   "is behind %s, where lbxdp is not attached; run 'lbxdp attach %s'", name,
			   name);
}

/* The index of a translation address, which is made one if it is not one yet; negative: no. */
static int snat_take(struct controller *controller, const struct lbx_addr *addr,
		     struct problem *problem)
{
	const struct dataplane_options *options = &controller->options;
	const struct service *clash = snat_conflict(&controller->model, addr, options->port_lo,
						    options->port_hi);
	char text[ADDR_TEXT_MAX];
	struct err err;
	int index;

	addr_format(addr, text);
	if (clash) {
		problem_set(problem,
			    "its translation address %s is the VIP of service %s, whose port %u is "
			    "a translated one (%u-%u); use another port, or attach with --ports",
			    text, clash->name, ntohs(clash->vip.port), options->port_lo,
			    options->port_hi);
		return -1;
	}
	index = snat_find(&controller->snats, addr);
	if (index >= 0)
		return index;
	index = snat_add(&controller->snats, addr);
	if (index < 0) {
		problem_set(problem, "all %d translation addresses are in use; attach with --snat",
			    LBX_MAX_SNATS);
	} else if (dataplane_snat_put(controller->dataplane, (unsigned)index, addr, &err)) {
		snat_family(&controller->snats, addr)->used &= ~(1U << index);
		problem_set(problem, "%s", err.text);
		return -1;
	}
	controller->state_dirty = true;
	return index;
}

static bool snat_find_for(struct controller *controller, struct backend_runtime *runtime,
			  struct lbx_backend *entry, struct problem *problem)
{
	const struct lbx_addr *addr = &runtime->endpoint.addr, *source = &runtime->path.source;
	const struct snat_family *family = snat_family(&controller->snats, addr);
	static const struct lbx_addr unset;
	char name[IF_NAMESIZE];
	int first = 0, count = (int)family->fixed;

	if (!count) {
		if (addr_equal(source, &unset) || addr_is_v4(source) != addr_is_v4(addr))
			return problem_set(problem,
					   "no source address of its family on %s; give the "
					   "interface one",
					   if_indextoname(runtime->path.ifindex, name) ?: "?");
		first = snat_take(controller, source, problem);
		count = 1;
	}
	if (first < 0)
		return false;
	entry->snat_first = (__u8)first;
	entry->snat_count = (__u8)count;
	runtime->snats |= (__u16)(((1U << count) - 1) << first);
	return true;
}

/* The outer ends of its packets. */
static bool tunnel_fill(const struct backend *backend, const struct path *path,
			struct lbx_backend *entry, const struct problem *problem)
{
	static const struct lbx_addr unset;
	const struct tunnel *tunnel = &backend->tunnel;
	const struct lbx_addr *source = addr_equal(&tunnel->source, &unset) ? &path->source
									    : &tunnel->source;
	unsigned mtu = tunnel->mtu ? tunnel->mtu : path->mtu;
	char name[IF_NAMESIZE];

	if (addr_equal(source, &unset) || addr_is_v4(source) != addr_is_v4(&backend->endpoint.addr))
		return problem_set(problem,
				   "no source address of its family on %s; give the interface one",
				   if_indextoname(path->ifindex, name) ?: "?");
	entry->tunnel_source = *source;
	entry->tunnel_port = htons((__u16)(tunnel->port ? tunnel->port : LBX_GUE_PORT));
	entry->mtu = (__u16)(mtu > 0xffff ? 0xffff : mtu);
	return true;
}

static bool reach_directly(const struct backend *backend, const struct path *path,
			   const struct problem *problem)
{
	char router[ADDR_TEXT_MAX];

	if (addr_equal(&path->next_hop, &backend->endpoint.addr))
		return true;
	return problem_set(problem, "is behind the router %s; dsr needs it on the same network",
			   addr_format(&path->next_hop, router));
}

bool backend_reach(struct controller *controller, const struct service *service,
		   const struct backend *backend, struct lbx_backend *entry, char *text,
		   size_t size)
{
	struct backend_runtime *runtime = controller->backends[backend->id];
	struct problem problem = {text, size};
	const struct path *path = &runtime->path;

	if (!interface_find(controller, path, entry, &problem))
		return false;
	if (!path->resolved)
		return problem_set(&problem, "%s",
				   *path->problem ? path->problem
						  : "its next hop is being looked up");
	memcpy(entry->mac_destination, path->mac_destination, sizeof(path->mac_destination));
	memcpy(entry->mac_source, path->mac_source, sizeof(path->mac_source));
	entry->ifindex = path->ifindex;
	switch (service->forward) {
	case LBX_FORWARD_FULLNAT:
		return snat_find_for(controller, runtime, entry, &problem);
	case LBX_FORWARD_DSR:
		return reach_directly(backend, path, &problem);
	case LBX_FORWARD_IPIP:
	case LBX_FORWARD_GUE:
		return tunnel_fill(backend, path, entry, &problem);
	case LBX_FORWARD_NAT:
		break;
	}
	return true;
}
