// SPDX-License-Identifier: GPL-2.0
#include "user/control/adopt.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "user/base/log.h"
#include "user/control/attachment.h"
#include "user/control/runtime.h"
#include "user/control/state.h"
#include "user/control/sweep.h"
#include "user/control/sync.h"

/* A dead next hop is found out by then: the kernel gives up after three probes of a second. */
static const struct timeval ADOPT_GRACE = {.tv_sec = 5};

static int orphan_set(struct controller *controller, const char *why)
{
	snprintf(controller->orphan, sizeof(controller->orphan),
		 "instance %s: %.256s; run 'lbxdp detach --all', then attach and configure it anew",
		 controller->instance.name, why);
	log_error("%s", controller->orphan);
	return 0;
}

/* --- paths: what the entry in the data plane says is good until the kernel says otherwise --- */

static unsigned interface_ifindex(const struct controller *controller, unsigned index)
{
	struct dataplane_interface interfaces[LBX_MAX_INTERFACES];
	size_t count = dataplane_interfaces(controller->dataplane, interfaces);

	for (size_t i = 0; i < count; i++) {
		if (dataplane_interface_index(controller->dataplane, interfaces[i].ifindex) ==
		    (int)index)
			return interfaces[i].ifindex;
	}
	return 0;
}

static void path_adopt(struct controller *controller, struct backend_runtime *runtime)
{
	const struct snat_family *family = snat_family(&controller->snats, &runtime->endpoint.addr);
	const struct lbx_backend *entry = &runtime->installed;
	struct path *path = &runtime->path;

	if (dataplane_backend_get(controller->dataplane, runtime->id, &runtime->installed))
		return;
	runtime->installed_known = true;
	if (!(entry->flags & LBX_BACKEND_USED) || entry->flags & LBX_BACKEND_UNRESOLVED)
		return;
	path->resolved = true;
	path->ifindex = interface_ifindex(controller, entry->interface);
	path->next_hop = runtime->endpoint.addr;
	if (entry->snat_first < LBX_MAX_SNATS)
		path->source = family->addrs[entry->snat_first];
	if (entry->mtu) { /* of a tunnel, which has no translation addresses */
		path->source = entry->tunnel_source;
		path->mtu = entry->mtu;
	}
	memcpy(path->mac_destination, entry->mac_destination, sizeof(path->mac_destination));
	memcpy(path->mac_source, entry->mac_source, sizeof(path->mac_source));
	runtime->path_adopted = true;
	/* Was logged when it came up. */
	if (runtime->health.state == HEALTH_UP)
		runtime->shown_state = BACKEND_UP;
}

void adopt_grace_over(int fd, short events, void *context)
{
	struct controller *controller = context;

	(void)fd;
	(void)events;
	for (unsigned id = 1; id < LBX_MAX_BACKENDS; id++) {
		struct backend_runtime *runtime = controller->backends[id];

		if (!runtime || !runtime->path_adopted)
			continue;
		runtime->path_adopted = false;
		neighbours_path(controller->neighbours, &runtime->endpoint.addr, &runtime->path);
		service_touch(controller, runtime->service_id);
	}
}

/* --- runtimes --- */

static int service_start(struct controller *controller, const struct service *service,
			 struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < service->backend_count; i++) {
		struct backend_runtime *runtime = controller->backends[service->backends[i].id];

		if (controller->dataplane)
			path_adopt(controller, runtime);
		r = backend_runtime_start(controller, service, runtime, err);
	}
	return r;
}

static int services_start(struct controller *controller, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < controller->model.service_count; i++) {
		r = service_start(controller, &controller->model.services[i], err);
		service_touch(controller, controller->model.services[i].id);
	}
	return r;
}

/* The former controller may have died between writing a removal down and performing it. */
static void removals_redo(struct controller *controller)
{
	struct err err = {0};

	for (unsigned id = 1; id < LBX_MAX_SERVICES; id++) {
		const struct service_runtime *runtime = controller->services[id];

		if (runtime && runtime->removed &&
		    dataplane_service_delete(controller->dataplane, (__u16)id, &runtime->service,
					     &err))
			log_error("removed service %u: %s", id, err.text);
	}
	for (unsigned id = 1; id < LBX_MAX_BACKENDS; id++) {
		const struct backend_runtime *runtime = controller->backends[id];

		if (runtime && runtime->removed && backend_take_down(controller, (__u16)id, &err))
			log_error("removed backend %u: %s", id, err.text);
	}
}

/* Now that it is known what is installed: what the removed services' addresses are without them. */
static void vips_redo(struct controller *controller)
{
	struct err err = {0};

	for (unsigned id = 1; id < LBX_MAX_SERVICES; id++) {
		const struct service_runtime *runtime = controller->services[id];

		if (runtime && runtime->removed &&
		    address_sync(controller, &runtime->service.vip, &err))
			log_error("removed service %u: %s", id, err.text);
	}
}

/* --- the three cases --- */

static int pins_adopt(struct controller *controller, struct err *err)
{
	struct dataplane_options options = {0};
	bool adopted;
	int r = dataplane_open(controller->instance.name, &options, controller->verbose, &adopted,
			       &controller->dataplane, err);

	if (r) {
		controller->dataplane = NULL;
		return r == -EPROTO ? orphan_set(controller, err->text) : r;
	}
	dataplane_config(controller->dataplane, &controller->options);
	attachment_restore(controller);
	r = services_start(controller, err);
	if (r)
		return r;
	removals_redo(controller);
	controller_flush(controller);
	vips_redo(controller);
	event_add(controller->adopt_timer, &ADOPT_GRACE);
	log_info("adopted instance %s: %zu interfaces, %zu services", controller->instance.name,
		 controller->wanted_count, controller->model.service_count);
	return 0;
}

/* Nothing runs: services are kept for the next attach. */
static int model_adopt(struct controller *controller, struct err *err)
{
	int r;

	controller->wanted_count = 0;
	memset(&controller->snats, 0, sizeof(controller->snats));
	ids_free_unused(controller);
	r = services_start(controller, err);
	if (!r && controller->model.service_count)
		log_info("instance %s: %zu services, attached to nothing",
			 controller->instance.name, controller->model.service_count);
	return r;
}

int adopt_run(struct controller *controller, struct err *err)
{
	bool pinned = dataplane_exists(controller->instance.name), found;
	int r = state_load(controller, &found, err);

	if (r && pinned)
		return orphan_set(controller, err->text);
	if (r) {
		strncat(err->text, "; remove the file to begin anew",
			sizeof(err->text) - strlen(err->text) - 1);
		return r;
	}
	if (!pinned)
		return model_adopt(controller, err);
	if (!found)
		return orphan_set(controller,
				  "its maps are pinned, but the state under /run is lost");
	return pins_adopt(controller, err);
}
