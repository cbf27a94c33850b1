// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "user/base/log.h"
#include "user/control/apply.h"
#include "user/control/command.h"
#include "user/control/report.h"

/* What a backend command is about. */
struct backend_target {
	struct model next;
	char service[LBX_NAME_MAX + 1];
	struct endpoint endpoint;
	unsigned weight;
	struct tunnel tunnel;
	bool tunnel_given;
};

static int target_init(struct call *call, struct backend_target *target, struct err *err)
{
	struct service *service;
	int r;

	const struct backend *known;

	model_init(&target->next);
	target->weight = 1;
	target->tunnel = (struct tunnel){0};
	r = args_backend(call->args, &target->endpoint, &target->weight, err);
	if (!r)
		r = model_service_find(&call->controller->model, args_text(call->args, "service"),
				       &service, err);
	if (r)
		return r;
	snprintf(target->service, sizeof(target->service), "%.*s", LBX_NAME_MAX, service->name);
	known = service_backend(service, &target->endpoint);
	if (known) {
		target->weight = args_text(call->args, "weight") ? target->weight : known->weight;
		target->tunnel = known->tunnel;
	}
	r = args_tunnel(call->args, &target->tunnel, &target->tunnel_given, err);
	if (r)
		return r;
	return model_copy(&target->next, &call->controller->model, err);
}

static void target_fini(struct backend_target *target)
{
	model_fini(&target->next);
}

#define autotarget __attribute__((cleanup(target_fini)))

static int backend_result(struct call *call, const struct backend_target *target, bool warn,
			  struct err *err)
{
	struct controller *controller = call->controller;
	const struct service *service = model_service(&controller->model, target->service);
	const struct backend *backend = service_backend(service, &target->endpoint);
	const struct backend_runtime *runtime = controller->backends[backend->id];
	char text[ENDPOINT_TEXT_MAX];

	/* Not of a next hop that is only just being asked for. */
	if (warn && runtime->state == BACKEND_UNREACHABLE && !runtime->show_later)
		call_warn(call, "backend %s: %s", endpoint_format(&target->endpoint, text),
			  runtime->reason);
	return call_result(call, backend_report(controller, service, backend), err);
}

int command_backend_add(struct call *call, struct err *err)
{
	autotarget struct backend_target target;
	char text[ENDPOINT_TEXT_MAX];
	int r = target_init(call, &target, err);

	if (!r)
		r = model_backend_add(&target.next, target.service, &target.endpoint, target.weight,
				      err);
	if (!r && target.tunnel_given)
		r = model_backend_tunnel_set(&target.next, target.service, &target.endpoint,
					     &target.tunnel, err);
	if (!r)
		r = controller_apply(call->controller, &target.next, err);
	if (r)
		return r;
	log_info("%s: backend %s added, weight %u", target.service,
		 endpoint_format(&target.endpoint, text), target.weight);
	return backend_result(call, &target, true, err);
}

int command_backend_set(struct call *call, struct err *err)
{
	autotarget struct backend_target target;
	char text[ENDPOINT_TEXT_MAX];
	int r = target_init(call, &target, err);

	if (!r && !args_text(call->args, "weight") && !target.tunnel_given)
		r = err_set(err, -EINVAL,
			    "backend %s: nothing to change; see 'lbxdp backend set --help'",
			    endpoint_format(&target.endpoint, text));
	if (!r)
		r = model_backend_set(&target.next, target.service, &target.endpoint, target.weight,
				      err);
	if (!r && target.tunnel_given)
		r = model_backend_tunnel_set(&target.next, target.service, &target.endpoint,
					     &target.tunnel, err);
	if (!r)
		r = controller_apply(call->controller, &target.next, err);
	if (r)
		return r;
	log_info("%s: backend %s set to weight %u", target.service,
		 endpoint_format(&target.endpoint, text), target.weight);
	return backend_result(call, &target, false, err);
}

int command_backend_remove(struct call *call, struct err *err)
{
	autotarget struct backend_target target;
	char text[ENDPOINT_TEXT_MAX];
	int r = target_init(call, &target, err);

	if (!r)
		r = model_backend_remove(&target.next, target.service, &target.endpoint, err);
	if (!r)
		r = controller_apply(call->controller, &target.next, err);
	if (r)
		return r;
	log_info("%s: backend %s removed", target.service, endpoint_format(&target.endpoint, text));
	return 0;
}

static json_t *backend_list_of(struct controller *controller, const struct service *service)
{
	return json_pack("{s:s, s:o}", "name", service->name, "backends",
			 backends_report(controller, service));
}

int command_backend_list(struct call *call, struct err *err)
{
	struct controller *controller = call->controller;
	const struct model *model = &controller->model;
	const char *name = args_text(call->args, "service");
	json_t *services = json_array();
	struct service *only = NULL;
	int r = 0;

	if (name && *name)
		r = model_service_find(model, name, &only, err);
	if (r) {
		json_decref(services);
		return r;
	}
	for (size_t i = 0; i < model->service_count; i++) {
		if (!only || only == &model->services[i])
			json_array_append_new(services,
					      backend_list_of(controller, &model->services[i]));
	}
	return call_result(call, json_pack("{s:o}", "services", services), err);
}
