// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "user/control/runtime.h"
#include "user/control/state.h"
#include "user/model/model_json.h"
#include "user/model/text.h"

enum { STATE_FORMAT = 1 };

const char *const attach_mode_names[3] = {
	[ATTACH_AUTO] = "auto", [ATTACH_NATIVE] = "native", [ATTACH_GENERIC] = "generic"};

/* --- writing --- */

static json_t *stats_to_json(const struct lbx_backend_stats *stats)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "connections", (json_int_t)stats->connections,
			 "packets", (json_int_t)stats->packets, "bytes", (json_int_t)stats->bytes,
			 "return_packets", (json_int_t)stats->return_packets, "return_bytes",
			 (json_int_t)stats->return_bytes);
}

static json_t *service_runtime_to_json(const struct service_runtime *runtime)
{
	const struct lbx_service *service = &runtime->service;
	struct endpoint vip = {service->vip, service->port};
	char text[ENDPOINT_TEXT_MAX];

	return json_pack("{s:i, s:s, s:i, s:i, s:o}", "id", runtime->id, "vip",
			 endpoint_format(&vip, text), "protocol", service->protocol, "forward",
			 service->forward, "past", stats_to_json(&runtime->past));
}

static json_t *backend_runtime_to_json(const struct backend_runtime *runtime)
{
	const struct health *health = &runtime->health;
	/* A reason that was cut off within a character is no UTF-8. */
	json_t *reason = json_string(health->reason) ?: json_string("");
	char endpoint[ENDPOINT_TEXT_MAX];

	return json_pack("{s:i, s:i, s:s, s:s, s:i, s:o, s:i, s:i}", "id", runtime->id, "service",
			 runtime->service_id, "endpoint",
			 endpoint_format(&runtime->endpoint, endpoint), "health",
			 health_state_name(health->state), "streak", (int)health->streak, "reason",
			 reason, "failures", (int)runtime->failures, "snats", runtime->snats);
}

static json_t *runtimes_to_json(const struct controller *controller, bool backends)
{
	json_t *list = json_array();
	unsigned count = backends ? LBX_MAX_BACKENDS : LBX_MAX_SERVICES;

	for (unsigned id = 1; list && id < count; id++) {
		if (backends && controller->backends[id])
			json_array_append_new(list,
					      backend_runtime_to_json(controller->backends[id]));
		if (!backends && controller->services[id])
			json_array_append_new(list,
					      service_runtime_to_json(controller->services[id]));
	}
	return list;
}

static json_t *snats_to_json(const struct snat_family *family)
{
	json_t *addresses = json_array();

	for (int i = 0; addresses && i < LBX_MAX_SNATS; i++) {
		char text[ADDR_TEXT_MAX];

		if (family->used >> i & 1)
			json_array_append_new(addresses,
					      json_pack("{s:i, s:s}", "index", i, "address",
							addr_format(&family->addrs[i], text)));
	}
	return json_pack("{s:i, s:o}", "fixed", (int)family->fixed, "addresses", addresses);
}

static json_t *wanted_to_json(const struct controller *controller)
{
	json_t *interfaces = json_array();

	for (size_t i = 0; interfaces && i < controller->wanted_count; i++)
		json_array_append_new(interfaces,
				      json_pack("{s:s, s:s}", "name", controller->wanted[i].name,
						"mode",
						attach_mode_names[controller->wanted[i].mode]));
	return interfaces;
}

json_t *state_to_json(const struct controller *controller, const struct model *model)
{
	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "format", STATE_FORMAT, "model",
			 model_to_json(model), "services", runtimes_to_json(controller, false),
			 "backends", runtimes_to_json(controller, true), "snat4",
			 snats_to_json(&controller->snats.families[1]), "snat6",
			 snats_to_json(&controller->snats.families[0]), "interfaces",
			 wanted_to_json(controller));
}

/* --- reading --- */

static void stats_from_json(const json_t *from, struct lbx_backend_stats *stats)
{
	stats->connections = json_integer_value(json_object_get(from, "connections"));
	stats->packets = json_integer_value(json_object_get(from, "packets"));
	stats->bytes = json_integer_value(json_object_get(from, "bytes"));
	stats->return_packets = json_integer_value(json_object_get(from, "return_packets"));
	stats->return_bytes = json_integer_value(json_object_get(from, "return_bytes"));
}

static int runtimes_make(struct controller *controller, struct err *err)
{
	const struct model *model = &controller->model;
	int r = 0;

	for (size_t i = 0; !r && i < model->service_count; i++) {
		const struct service *service = &model->services[i];

		r = service_runtime_new(controller, service, err);
		for (size_t j = 0; !r && j < service->backend_count; j++)
			r = backend_runtime_new(controller, service->id, &service->backends[j],
						err);
	}
	return r;
}

static int service_runtime_from_json(struct controller *controller, const json_t *from,
				     struct err *err)
{
	struct service service = {0};
	const char *vip;
	int id, protocol, forward, r;
	json_t *past;

	if (json_unpack((json_t *)from, "{s:i, s:s, s:i, s:i, s:o}", "id", &id, "vip", &vip,
			"protocol", &protocol, "forward", &forward, "past", &past) ||
	    id < 1 || id >= LBX_MAX_SERVICES)
		return err_set(err, -EINVAL, "a service without its id, VIP or counts");
	r = endpoint_parse(vip, true, &service.vip, err);
	if (!r && !controller->services[id]) {
		service.id = (__u16)id;
		service.protocol = (__u8)protocol;
		service.forward = (enum lbx_forward)forward;
		r = service_runtime_new(controller, &service, err);
		if (!r)
			controller->services[id]->removed = true;
	}
	if (!r)
		stats_from_json(past, &controller->services[id]->past);
	return r;
}

static enum health_state health_from_name(const char *name)
{
	for (int state = HEALTH_UP; state <= HEALTH_DOWN; state++) {
		if (!strcmp(name, health_state_name((enum health_state)state)))
			return (enum health_state)state;
	}
	return HEALTH_CHECKING;
}

static int backend_runtime_from_json(struct controller *controller, const json_t *from,
				     struct err *err)
{
	const char *endpoint, *health, *reason;
	int id, service, streak, failures, snats, r;
	struct backend_runtime *runtime;
	struct backend backend = {0};

	if (json_unpack((json_t *)from, "{s:i, s:i, s:s, s:s, s:i, s:s, s:i, s:i}", "id", &id,
			"service", &service, "endpoint", &endpoint, "health", &health, "streak",
			&streak, "reason", &reason, "failures", &failures, "snats", &snats) ||
	    id < 1 || id >= LBX_MAX_BACKENDS || service < 0 || service >= LBX_MAX_SERVICES)
		return err_set(err, -EINVAL, "a backend without its id, endpoint or health");
	r = endpoint_parse(endpoint, true, &backend.endpoint, err);
	if (r)
		return r;
	if (!controller->backends[id]) {
		backend.id = (__u16)id;
		r = backend_runtime_new(controller, (__u16)service, &backend, err);
		if (r)
			return r;
		controller->backends[id]->removed = true;
	}
	runtime = controller->backends[id];
	runtime->health.state = health_from_name(health);
	runtime->health.streak = (unsigned)streak;
	strncpy(runtime->health.reason, reason, sizeof(runtime->health.reason) - 1);
	runtime->failures = (unsigned)failures;
	runtime->snats = (__u16)snats;
	return 0;
}

static int snats_from_json(const json_t *from, struct snat_family *family, struct err *err)
{
	json_t *item;
	size_t i;

	family->fixed = (unsigned)json_integer_value(json_object_get(from, "fixed"));
	json_array_foreach (json_object_get(from, "addresses"), i, item) {
		const char *text = json_string_value(json_object_get(item, "address"));
		json_int_t index = json_integer_value(json_object_get(item, "index"));

		if (!text || index < 0 || index >= LBX_MAX_SNATS)
			return err_set(err, -EINVAL, "a translation address without its index");
		if (addr_parse(text, &family->addrs[index], err))
			return err->code;
		family->used |= (__u16)(1U << index);
	}
	return 0;
}

static void wanted_from_json(struct controller *controller, const json_t *interfaces)
{
	json_t *item;
	size_t i;

	json_array_foreach (interfaces, i, item) {
		struct wanted_interface *wanted = &controller->wanted[i];
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *mode = json_string_value(json_object_get(item, "mode"));

		if (i >= LBX_MAX_INTERFACES || !name || !mode)
			return;
		strncpy(wanted->name, name, sizeof(wanted->name) - 1);
		for (int m = 0; m < 3; m++) {
			if (!strcmp(mode, attach_mode_names[m]))
				wanted->mode = (enum attach_mode)m;
		}
		controller->wanted_count = i + 1;
	}
}

int state_from_json(struct controller *controller, const json_t *root, struct err *err)
{
	json_t *item;
	size_t i;
	int r;

	if (json_integer_value(json_object_get(root, "format")) != STATE_FORMAT)
		return err_set(err, -EPROTO, "not of format %d", STATE_FORMAT);
	r = model_from_json(json_object_get(root, "model"), &controller->model, err);
	if (!r)
		r = runtimes_make(controller, err);
	json_array_foreach (json_object_get(root, "services"), i, item) {
		r = r ? r : service_runtime_from_json(controller, item, err);
	}
	json_array_foreach (json_object_get(root, "backends"), i, item) {
		r = r ? r : backend_runtime_from_json(controller, item, err);
	}
	if (!r)
		r = snats_from_json(json_object_get(root, "snat4"), &controller->snats.families[1],
				    err);
	if (!r)
		r = snats_from_json(json_object_get(root, "snat6"), &controller->snats.families[0],
				    err);
	wanted_from_json(controller, json_object_get(root, "interfaces"));
	return r;
}
