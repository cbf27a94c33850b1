// SPDX-License-Identifier: GPL-2.0
#include "user/control/controller.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/log.h"
#include "user/control/adopt.h"
#include "user/control/attachment.h"
#include "user/control/runtime.h"
#include "user/control/state.h"
#include "user/control/sweep.h"
#include "user/control/sync.h"

long long monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void service_touch(struct controller *controller, __u16 service_id)
{
	struct service_runtime *runtime = controller->services[service_id];

	if (!runtime || runtime->removed)
		return;
	runtime->dirty = true;
	event_active(controller->flush, EV_TIMEOUT, 0);
}

void services_touch(struct controller *controller)
{
	for (size_t i = 0; i < controller->model.service_count; i++)
		service_touch(controller, controller->model.services[i].id);
}

void controller_flush(struct controller *controller)
{
	struct err err = {0};

	/* Another daemon may have taken over already. */
	if (controller->exiting)
		return;
	for (size_t i = 0; i < controller->model.service_count; i++) {
		const struct service *service = &controller->model.services[i];
		struct service_runtime *runtime = controller->services[service->id];

		if (!runtime->dirty)
			continue;
		runtime->dirty = service_sync(controller, service, &err) != 0;
		if (runtime->dirty)
			log_error("%s: %s; will try again", service->name, err.text);
	}
	if (controller->state_dirty && state_save(controller, &controller->model, &err))
		log_error("%s", err.text);
}

static void flush_run(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	controller_flush(context);
}

static void probe_done(void *context, __u16 backend_id, bool success, const char *reason)
{
	struct controller *controller = context;
	struct backend_runtime *runtime = controller->backends[backend_id];
	const struct service *service;

	if (!runtime || runtime->removed)
		return;
	service = model_service_by_id(&controller->model, runtime->service_id);
	if (!service) /* is just being added: the next result counts */
		return;
	runtime->failures = success ? 0 : runtime->failures + 1;
	if (!health_result(&runtime->health, success, reason, service->timing.rise,
			   service->timing.fall))
		return;
	controller->state_dirty = true;
	service_touch(controller, runtime->service_id);
}

static void path_changed(void *context, const struct lbx_addr *addr, const struct path *path)
{
	struct controller *controller = context;

	for (unsigned id = 1; id < LBX_MAX_BACKENDS; id++) {
		struct backend_runtime *runtime = controller->backends[id];

		if (!runtime || runtime->removed || !addr_equal(&runtime->endpoint.addr, addr))
			continue;
		/* A former controller's path is better than none: see adopt.c. */
		if (runtime->path_adopted && !path->resolved)
			continue;
		runtime->path_adopted = false;
		runtime->path = *path;
		service_touch(controller, runtime->service_id);
	}
}

static void link_changed(void *context, unsigned ifindex, bool gone)
{
	struct controller *controller = context;

	attachment_link_changed(controller, ifindex, gone);
	services_touch(controller);
}

static int events_new(struct controller *controller, struct err *err)
{
	static const struct timeval sweep_interval = {.tv_sec = SWEEP_INTERVAL_S};
	struct event_base *base = controller->base;

	controller->flush = event_new(base, -1, 0, flush_run, controller);
	controller->sweep_timer = event_new(base, -1, EV_PERSIST, sweep_run, controller);
	controller->adopt_timer = event_new(base, -1, 0, adopt_grace_over, controller);
	if (!controller->flush || !controller->sweep_timer || !controller->adopt_timer ||
	    event_add(controller->sweep_timer, &sweep_interval))
		return err_set(err, -ENOMEM, "lbxdpd: out of memory");
	return 0;
}

int controller_new(struct controller **out, const struct instance *instance, bool verbose,
		   struct event_base *base, struct err *err)
{
	struct controller *controller = calloc(1, sizeof(*controller));
	int r;

	if (!controller)
		return err_set(err, -ENOMEM, "lbxdpd: out of memory");
	controller->instance = *instance;
	controller->verbose = verbose;
	controller->base = base;
	controller->started_s = monotonic_ms() / 1000;
	model_init(&controller->model);
	attachment_defaults(&controller->options);
	controller->sweep = calloc(1, sizeof(*controller->sweep));
	r = controller->sweep ? events_new(controller, err)
			      : err_set(err, -ENOMEM, "lbxdpd: out of memory");
	if (!r) {
		controller->neighbours = neighbours_new(base, path_changed, link_changed,
							controller, err);
		r = controller->neighbours ? 0 : err->code;
	}
	if (!r) {
		controller->prober = prober_new(base, probe_done, controller, err);
		r = controller->prober ? 0 : err->code;
	}
	if (r)
		controller_free(controller);
	else
		*out = controller;
	return r;
}

static void event_free_if(struct event *event)
{
	if (event)
		event_free(event);
}

void controller_free(struct controller *controller)
{
	if (!controller)
		return;
	runtimes_free(controller);
	if (controller->prober)
		prober_free(controller->prober);
	if (controller->neighbours)
		neighbours_free(controller->neighbours);
	if (controller->dataplane)
		dataplane_close(controller->dataplane);
	event_free_if(controller->flush);
	event_free_if(controller->sweep_timer);
	event_free_if(controller->adopt_timer);
	model_fini(&controller->model);
	free(controller->sweep);
	free(controller);
}

int controller_start(struct controller *controller, struct err *err)
{
	return adopt_run(controller, err);
}
