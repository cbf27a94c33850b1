// SPDX-License-Identifier: GPL-2.0
#include "user/control/report.h"

#include <string.h>

#include "user/control/runtime.h"
#include "user/control/state.h"
#include "user/control/sweep.h"
#include "user/control/sync.h"
#include "user/model/model_json.h"
#include "user/model/text.h"

/* Flow counts as old as this are shown as they are: counting reads the whole tables. */
enum { COUNT_MAX_AGE_MS = 1000 };

/* Text from outside may not be UTF-8. */
static json_t *text_json(const char *text)
{
	return json_string(text) ?: json_string("?");
}

static int traffic_add(json_t *object, const struct lbx_backend_stats *stats, unsigned active)
{
	json_t *traffic = json_pack("{s:i, s:I, s:I, s:I, s:I, s:I}", "active_flows", (int)active,
				    "connections", (json_int_t)stats->connections, "packets",
				    (json_int_t)stats->packets, "bytes", (json_int_t)stats->bytes,
				    "return_packets", (json_int_t)stats->return_packets,
				    "return_bytes", (json_int_t)stats->return_bytes);
	int r = traffic ? json_object_update(object, traffic) : -1;

	json_decref(traffic);
	return r;
}

static json_t *finish(json_t *object, int r)
{
	if (object && !r)
		return object;
	json_decref(object);
	return NULL;
}

json_t *backend_report(struct controller *controller, const struct service *service,
		       const struct backend *backend)
{
	const struct backend_runtime *runtime = controller->backends[backend->id];
	bool checked = service->check.kind != CHECK_NONE;
	char endpoint[ENDPOINT_TEXT_MAX], reason[300];
	struct lbx_backend_stats stats;
	json_t *report;

	sweep_refresh(controller, COUNT_MAX_AGE_MS);
	backend_stats(controller, backend->id, &stats);
	backend_reason(runtime, service, reason, sizeof(reason));
	report = json_pack("{s:s, s:i, s:s, s:s, s:o}", "address",
			   endpoint_format(&backend->endpoint, endpoint), "weight",
			   (int)backend->weight, "state", backend_state_name(runtime->state),
			   "health", checked ? health_state_name(runtime->health.state) : "none",
			   "reason", text_json(reason));
	if (report && service_is_tunnelled(service))
		json_object_update_new(report, tunnel_to_json(&backend->tunnel));
	return finish(report,
		      report ? traffic_add(report, &stats, controller->sweep->active[backend->id])
			     : -1);
}

json_t *backends_report(struct controller *controller, const struct service *service)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; !r && i < service->backend_count; i++)
		r = json_array_append_new(list, backend_report(controller, service,
							       &service->backends[i]));
	return finish(list, r);
}

/* Also of removed backends, whose flows may go on for a while. */
static unsigned service_traffic(struct controller *controller, const struct service *service,
				struct lbx_backend_stats *sum)
{
	unsigned active = 0;

	*sum = controller->services[service->id]->past;
	for (unsigned id = 1; id < LBX_MAX_BACKENDS; id++) {
		const struct backend_runtime *runtime = controller->backends[id];
		struct lbx_backend_stats stats;

		if (!runtime || runtime->service_id != service->id)
			continue;
		backend_stats(controller, (__u16)id, &stats);
		stats_add(sum, &stats);
		active += controller->sweep->active[id];
	}
	return active;
}

static json_t *settings_report(const struct service *service)
{
	char vip[ENDPOINT_TEXT_MAX], check[1024];

	return json_pack(
		"{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:s}",
		"name", service->name, "id", service->id, "protocol",
		text_protocol_name(service->protocol), "vip", endpoint_format(&service->vip, vip),
		"forward", text_forward_name(service->forward), "scheduler",
		text_scheduler_name(service->scheduler), "check",
		text_check_format(&service->check, check, sizeof(check)), "interval_ms",
		(int)service->timing.interval_ms, "timeout_ms", (int)service->timing.timeout_ms,
		"rise", (int)service->timing.rise, "fall", (int)service->timing.fall, "on_down",
		text_on_down_name(service_on_down(service)), "all_down",
		text_all_down_name(service->all_down), "assign", service->assign, "ping",
		text_ping_name(service->ping));
}

json_t *service_report(struct controller *controller, const struct service *service)
{
	json_t *report = settings_report(service);
	struct lbx_backend_stats sum;
	unsigned active;
	int r;

	if (!report)
		return NULL;
	sweep_refresh(controller, COUNT_MAX_AGE_MS);
	active = service_traffic(controller, service, &sum);
	r = traffic_add(report, &sum, active);
	if (!r)
		r = json_object_set_new(report, "backends", backends_report(controller, service));
	return finish(report, r);
}

json_t *services_report(struct controller *controller)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; !r && i < controller->model.service_count; i++)
		r = json_array_append_new(list, service_report(controller,
							       &controller->model.services[i]));
	return finish(list, r);
}

static json_t *one_interface_report(const struct dataplane_interface *interface)
{
	return json_pack("{s:o, s:i, s:s, s:I, s:b, s:o}", "name", text_json(interface->name),
			 "ifindex", (int)interface->ifindex, "mode",
			 attach_mode_names[interface->mode], "prog_id",
			 (json_int_t)interface->prog_id, "dispatcher", interface->dispatcher,
			 "note", text_json(interface->note ?: ""));
}

static size_t interfaces_get(struct controller *controller,
			     struct dataplane_interface interfaces[LBX_MAX_INTERFACES])
{
	return controller->dataplane ? dataplane_interfaces(controller->dataplane, interfaces) : 0;
}

json_t *interface_report(struct controller *controller, const char *name)
{
	struct dataplane_interface interfaces[LBX_MAX_INTERFACES];
	size_t count = interfaces_get(controller, interfaces);

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(interfaces[i].name, name))
			return one_interface_report(&interfaces[i]);
	}
	return json_object();
}

json_t *interfaces_report(struct controller *controller)
{
	struct dataplane_interface interfaces[LBX_MAX_INTERFACES];
	size_t count = interfaces_get(controller, interfaces);
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; !r && i < count; i++)
		r = json_array_append_new(list, one_interface_report(&interfaces[i]));
	return finish(list, r);
}
