// SPDX-License-Identifier: GPL-2.0
#include "user/control/runtime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lbx_service service_entry(const struct service *service)
{
	return (struct lbx_service){
		.vip = service->vip.addr,
		.port = service->vip.port,
		.protocol = service->protocol,
		.forward = (__u8)service->forward,
	};
}

int service_runtime_new(struct controller *controller, const struct service *service,
			struct err *err)
{
	struct service_runtime *runtime = calloc(1, sizeof(*runtime));

	if (!runtime)
		return err_set(err, -ENOMEM, "service %s: out of memory", service->name);
	runtime->id = service->id;
	runtime->service = service_entry(service);
	controller->services[service->id] = runtime;
	return 0;
}

void service_runtime_free(struct controller *controller, __u16 id)
{
	if (controller->services[id])
		free(controller->services[id]->schedule);
	free(controller->services[id]);
	controller->services[id] = NULL;
}

int backend_runtime_new(struct controller *controller, __u16 service_id,
			const struct backend *backend, struct err *err)
{
	struct backend_runtime *runtime = calloc(1, sizeof(*runtime));

	if (!runtime)
		return err_set(err, -ENOMEM, "backend: out of memory");
	runtime->id = backend->id;
	runtime->service_id = service_id;
	runtime->endpoint = backend->endpoint;
	runtime->born_ms = monotonic_ms();
	controller->backends[backend->id] = runtime;
	return 0;
}

static int probe_start(struct controller *controller, const struct service *service,
		       struct backend_runtime *runtime, struct err *err)
{
	if (service->check.kind == CHECK_NONE)
		return 0;
	runtime->probe = prober_start(controller->prober, runtime->id, &runtime->endpoint,
				      &service->check, &service->timing, err);
	return runtime->probe ? 0 : err->code;
}

int backend_runtime_start(struct controller *controller, const struct service *service,
			  struct backend_runtime *runtime, struct err *err)
{
	struct path path;
	int r = neighbours_watch(controller->neighbours, &runtime->endpoint.addr, err);

	if (r)
		return r;
	runtime->watched = true;
	/* Another backend may watch the address already; then there is no callback. */
	if (neighbours_path(controller->neighbours, &runtime->endpoint.addr, &path) &&
	    (path.resolved || !runtime->path_adopted)) {
		runtime->path = path;
		runtime->path_adopted = false;
	}
	return probe_start(controller, service, runtime, err);
}

static void probe_stop(struct backend_runtime *runtime)
{
	if (runtime->probe)
		prober_stop(runtime->probe);
	runtime->probe = NULL;
}

void backend_runtime_stop(struct controller *controller, struct backend_runtime *runtime)
{
	probe_stop(runtime);
	if (runtime->watched)
		neighbours_unwatch(controller->neighbours, &runtime->endpoint.addr);
	runtime->watched = false;
}

void backend_runtime_free(struct controller *controller, __u16 id)
{
	struct backend_runtime *runtime = controller->backends[id];

	if (!runtime)
		return;
	backend_runtime_stop(controller, runtime);
	controller->backends[id] = NULL;
	free(runtime);
}

int service_checks_restart(struct controller *controller, const struct service *service,
			   struct err *err)
{
	struct err each = {0};
	int r, first = 0;

	for (size_t i = 0; i < service->backend_count; i++) {
		struct backend_runtime *runtime = controller->backends[service->backends[i].id];

		probe_stop(runtime);
		r = probe_start(controller, service, runtime, &each);
		if (r && !first)
			first = err_set(err, r, "%s", each.text);
	}
	return first;
}

void backend_stats(const struct controller *controller, __u16 id, struct lbx_backend_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (controller->dataplane)
		dataplane_backend_stats(controller->dataplane, id, stats);
}

void stats_add(struct lbx_backend_stats *sum, const struct lbx_backend_stats *stats)
{
	sum->connections += stats->connections;
	sum->packets += stats->packets;
	sum->bytes += stats->bytes;
	sum->return_packets += stats->return_packets;
	sum->return_bytes += stats->return_bytes;
}

void runtimes_free(struct controller *controller)
{
	for (unsigned id = 0; id < LBX_MAX_BACKENDS; id++)
		backend_runtime_free(controller, (__u16)id);
	for (unsigned id = 0; id < LBX_MAX_SERVICES; id++)
		service_runtime_free(controller, (__u16)id);
}
