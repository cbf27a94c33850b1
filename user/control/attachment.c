// SPDX-License-Identifier: GPL-2.0
#include "user/control/attachment.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "user/base/log.h"
#include "user/control/state.h"
#include "user/control/sweep.h"
#include "user/control/sync.h"

void attachment_defaults(struct dataplane_options *options)
{
	*options = (struct dataplane_options){
		.max_flows = LBX_FLOWS_DEFAULT,
		.port_lo = LBX_PORT_LO_DEFAULT,
		.port_hi = LBX_PORT_HI_DEFAULT,
	};
}

/* --- opening --- */

static int snats_check(const struct controller *controller, const struct address_list *snats,
		       const struct dataplane_options *options, struct err *err)
{
	char addr[ADDR_TEXT_MAX];

	for (size_t i = 0; i < snats->count; i++) {
		const struct service *clash = snat_conflict(&controller->model, &snats->addrs[i],
							    options->port_lo, options->port_hi);

		if (clash)
			return err_set(err, -EINVAL,
				       "snat %s: is the VIP of service %s, whose port %u is a "
				       "translated one (%u-%u); give another address, or --ports",
				       addr_format(&snats->addrs[i], addr), clash->name,
				       ntohs(clash->vip.port), options->port_lo, options->port_hi);
	}
	return 0;
}

static int snats_install(struct controller *controller, const struct address_list *snats,
			 struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < snats->count; i++) {
		int index = snat_add(&controller->snats, &snats->addrs[i]);

		if (index < 0)
			return err_set(err, index, "snat: too many addresses");
		snat_family(&controller->snats, &snats->addrs[i])->fixed++;
		r = dataplane_snat_put(controller->dataplane, (unsigned)index, &snats->addrs[i],
				       err);
	}
	return r;
}

static void dataplane_abandon(struct controller *controller)
{
	struct err err = {0};

	if (controller->dataplane)
		dataplane_close(controller->dataplane);
	controller->dataplane = NULL;
	if (dataplane_destroy(controller->instance.name, &err))
		log_error("%s", err.text);
	attachment_defaults(&controller->options);
	memset(&controller->snats, 0, sizeof(controller->snats));
	installed_forget(controller);
	ids_free_unused(controller);
	if (!controller->model.service_count)
		state_remove(controller);
	else if (state_save(controller, &controller->model, &err))
		log_error("%s", err.text);
}

static void options_fill(struct dataplane_options *options, const struct dataplane_options *given)
{
	attachment_defaults(options);
	if (given->max_flows)
		options->max_flows = given->max_flows;
	if (given->port_lo) {
		options->port_lo = given->port_lo;
		options->port_hi = given->port_hi;
	}
}

static void memory_log(const struct controller *controller)
{
	struct dataplane_memory memory;

	dataplane_memory(controller->dataplane, &memory);
	log_info("data plane loaded: %u flows a table, %.1f MiB", memory.max_flows,
		 (double)(memory.flows4 + memory.flows6 + memory.reverse) / (1 << 20));
}

static int dataplane_begin(struct controller *controller, const struct attach_request *request,
			   struct err *err)
{
	struct dataplane_options options;
	bool adopted;
	int r;

	options_fill(&options, &request->options);
	r = snats_check(controller, &request->snats, &options, err);
	/* Written ahead, so that the pins never have no state. */
	if (!r)
		r = state_save(controller, &controller->model, err);
	if (!r)
		r = dataplane_open(controller->instance.name, &options, controller->verbose,
				   &adopted, &controller->dataplane, err);
	if (r) {
		controller->dataplane = NULL;
		return r;
	}
	dataplane_config(controller->dataplane, &controller->options);
	memory_log(controller);
	return snats_install(controller, &request->snats, err);
}

/* --- what is asked of one that is open --- */

static unsigned flows_rounded(unsigned flows)
{
	unsigned rounded = LBX_FLOWS_MIN;

	while (rounded < flows)
		rounded *= 2;
	return rounded;
}

static bool snats_equal(struct controller *controller, const struct address_list *snats)
{
	const struct snat_table *table = &controller->snats;
	size_t fixed = table->families[0].fixed + table->families[1].fixed;

	for (size_t i = 0; i < snats->count; i++) {
		int index = snat_find(table, &snats->addrs[i]);

		if (index < 0 ||
		    (unsigned)index >= snat_family(&controller->snats, &snats->addrs[i])->fixed)
			return false;
	}
	return snats->count == fixed;
}

static int options_check(struct controller *controller, const struct attach_request *request,
			 struct err *err)
{
	const struct dataplane_options *given = &request->options;
	const struct dataplane_options *running = &controller->options;
	static const char remedy[] = "it is common to all interfaces; leave it out, or begin anew "
				     "with 'lbxdp detach --all'";

	if (given->max_flows && flows_rounded(given->max_flows) != running->max_flows)
		return err_set(err, -EINVAL, "max-flows %u: lbxdp runs with %u already; %s",
			       given->max_flows, running->max_flows, remedy);
	if (given->port_lo &&
	    (given->port_lo != running->port_lo || given->port_hi != running->port_hi))
		return err_set(err, -EINVAL, "ports %u-%u: lbxdp runs with %u-%u already; %s",
			       given->port_lo, given->port_hi, running->port_lo, running->port_hi,
			       remedy);
	if (request->snats.count && !snats_equal(controller, &request->snats))
		return err_set(err, -EINVAL, "snat: lbxdp runs with other addresses already; %s",
			       remedy);
	return 0;
}

/* --- interfaces --- */

static struct wanted_interface *wanted_find(struct controller *controller, const char *name)
{
	for (size_t i = 0; i < controller->wanted_count; i++) {
		if (!strcmp(controller->wanted[i].name, name))
			return &controller->wanted[i];
	}
	return NULL;
}

static void wanted_add(struct controller *controller, const char *name, enum attach_mode mode)
{
	struct wanted_interface *wanted = wanted_find(controller, name);

	if (!wanted && controller->wanted_count == LBX_MAX_INTERFACES)
		return;
	if (!wanted)
		wanted = &controller->wanted[controller->wanted_count++];
	snprintf(wanted->name, sizeof(wanted->name), "%s", name);
	wanted->mode = mode;
}

static void wanted_remove(struct controller *controller, const char *name)
{
	struct wanted_interface *wanted = wanted_find(controller, name);

	if (wanted)
		*wanted = controller->wanted[--controller->wanted_count];
}

static int services_sync(struct controller *controller, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < controller->model.service_count; i++)
		r = service_sync(controller, &controller->model.services[i], err);
	return r;
}

static int interface_add(struct controller *controller, const struct attach_request *request,
			 struct err *err)
{
	int r = dataplane_attach(controller->dataplane, request->interface, request->mode, err);

	if (r)
		return r;
	wanted_add(controller, request->interface, request->mode);
	r = services_sync(controller, err);
	if (!r)
		r = state_save(controller, &controller->model, err);
	if (r) {
		wanted_remove(controller, request->interface);
		dataplane_detach(controller->dataplane, request->interface, NULL);
	}
	return r;
}

int attachment_add(struct controller *controller, const struct attach_request *request,
		   struct err *err)
{
	bool first = !controller->dataplane;
	int r;

	if (!if_nametoindex(request->interface))
		return err_set(err, -ENODEV,
			       "%.32s: no such interface; 'ip -brief link' lists those there are",
			       request->interface);
	r = first ? dataplane_begin(controller, request, err)
		  : options_check(controller, request, err);
	if (!r)
		r = interface_add(controller, request, err);
	if (r && first)
		dataplane_abandon(controller);
	if (!r)
		log_info("%s: attached", request->interface);
	return r;
}

int attachment_remove(struct controller *controller, const char *interface, struct err *err)
{
	int r;

	if (!controller->dataplane && !wanted_find(controller, interface))
		return err_set(err, -ENOENT, "%.32s: lbxdp is not attached to it", interface);
	r = controller->dataplane ? dataplane_detach(controller->dataplane, interface, err) : 0;
	/* One that is gone, and was to be attached again, is forgotten. */
	if (r && !((r == -ENODEV || r == -ENOENT) && wanted_find(controller, interface)))
		return r;
	wanted_remove(controller, interface);
	services_touch(controller);
	controller->state_dirty = true;
	controller_flush(controller);
	log_info("%s: detached", interface);
	return 0;
}

static void vips_unassign(struct controller *controller)
{
	for (size_t i = 0; i < controller->model.service_count; i++) {
		const struct service *service = &controller->model.services[i];
		struct err err = {0};

		if (*service->assign &&
		    neighbours_unassign(service->assign, &service->vip.addr, &err))
			log_warning("%s", err.text);
	}
}

int attachment_remove_all(struct controller *controller, struct err *err)
{
	int r;

	if (controller->dataplane)
		dataplane_close(controller->dataplane);
	controller->dataplane = NULL;
	installed_forget(controller);
	r = dataplane_destroy(controller->instance.name, err);
	if (r) {
		snprintf(controller->orphan, sizeof(controller->orphan),
			 "instance %s: is half removed; run 'lbxdp detach --all' again",
			 controller->instance.name);
		return r;
	}
	vips_unassign(controller);
	state_remove(controller);
	log_info("detached everywhere");
	return 0;
}

static bool is_attached(const struct controller *controller, const char *name)
{
	unsigned ifindex = if_nametoindex(name);

	return ifindex && dataplane_interface_index(controller->dataplane, ifindex) >= 0;
}

void attachment_restore(struct controller *controller)
{
	for (size_t i = 0; i < controller->wanted_count; i++) {
		const struct wanted_interface *wanted = &controller->wanted[i];
		struct err err = {0};

		if (!if_nametoindex(wanted->name) || is_attached(controller, wanted->name))
			continue;
		if (dataplane_attach(controller->dataplane, wanted->name, wanted->mode, &err))
			log_error("%s", err.text);
		else
			log_info("%s: attached again", wanted->name);
	}
}

void attachment_link_changed(struct controller *controller, unsigned ifindex, bool gone)
{
	struct err err = {0};
	bool ours;

	if (!controller->dataplane)
		return;
	ours = dataplane_interface_index(controller->dataplane, ifindex) >= 0;
	if (ours && dataplane_interface_refresh(controller->dataplane, ifindex, gone, &err))
		log_error("%s", err.text);
	if (ours && gone)
		log_warning("interface %u: is gone; will be attached again when it returns",
			    ifindex);
	/* One may have come (back) under a name that is to be attached. */
	if (!ours && !gone)
		attachment_restore(controller);
}
